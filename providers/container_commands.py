"""Commands that make, replace and change containers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, LiteralString

from cookbook.provider import Command, join, sh
from cookbook.providers.containers import State
from cookbook.providers.docker import briefly, docker
from cookbook.providers.private_folder import private_folder

LIMITS = ("memory", "memory_swap", "cpus", "cpu_shares", "cpuset", "pids_limit")

# A container without a check of its health has to run for a while, without being started again.
_WAIT: LiteralString = r"""
cook_up() { cook_s=$(date +%s) cook_r=; while :; do
cook_t=$(d container inspect --format \
'{{.State.Status}} {{.RestartCount}} {{if .State.Health}}{{.State.Health.Status}}{{end}}' "$1")
set -- "$1" $cook_t; [ "$cook_r" ] || cook_r=$3; cook_n=$(($(date +%s) - cook_s))
case "$2 $4" in "running healthy") return;; "running unhealthy") cook_w="it is not healthy";;
"running starting") cook_w=; [ $cook_n -lt {} ] || cook_w="it is not healthy within {} s";;
running*) cook_w=; [ "$cook_r" = "$3" ] || cook_w="it ends and is started again";
[ $cook_n -lt {} ] || [ "$cook_w" ] || return 0;;
created*) cook_w=; [ $cook_n -lt {} ] || cook_w="it does not start" ;;
*) cook_w="it has ended" ;; esac
[ -z "$cook_w" ] || { echo "the container $1 does not run as it has to: $cook_w" >&2
d container inspect --format '{{.State.Error}}' "$1" 2>&1 | grep . >&2; {}; return 1; }
sleep 0.2; done; }
"""

# What the program and its health check have printed last.
_SAID: LiteralString = r"""
{ d container inspect --format \
'{{with .State.Health}}{{range .Log}}{{println .Output}}{{end}}{{end}}' \
"$1" | grep . | tail -n 3; d logs --tail 15 "$1"; } 2>&1"""

# Variables with secrets are in a private file, so that one of them is never a variable of docker(1)
# itself, such as DOCKER_HOST. Such a file has lines: one with a line break is in its environment.
_SECRETS: LiteralString = r"""
(umask 077; : >"$cook_p/env") || exit; set --
while IFS= read -r l; do case $l in *"$(printf '\1')"*) set -- "$@" -e "${l%%=*}"
v=$(printf %s "${l#*=}" | tr '\1' '\n'; echo .); export "${l%%=*}=${v%.}" ;;
*) printf '%s\n' "$l" >>"$cook_p/env" ;; esac; done <<cook_end
$(content {})
cook_end
"""

_KEEP: LiteralString = r"""
{} container inspect --format '{{range .Config.Env}}{{printf "%s\x00" .}}{{end}}' {} |
tr '\n\0' '\1\n' | grep -E {} | LC_ALL=C sort
"""

# The former one is NAME.before until the new one is healthy: if this is cut off, by the operator or
# a power failure, the next run sees that. A connection that was closed must not end the way back.
_TRIAL: LiteralString = r"""
n={} o={}; trap '' PIPE
back() { i=$(d container inspect --format '{{.Id}}' "$n" 2>/dev/null) || i=
[ "$i" = "$o" ] || { [ -z "$i" ] || d rm -f "$n" >/dev/null 2>&1; d rename "$o" "$n"; } &&
{ [ "$was" != true ] || d start "$o" >/dev/null; }; }
cook_kept() { d rm -f "$n.former" >/dev/null 2>&1; d rename "$n.before" "$n.former" && {}; }
"""

_REPLACE: LiteralString = r"""
{}{}{} || exit
was=$(d container inspect --format '{{.State.Running}}' "$o") || exit; {}
{ [ "$was" != true ] || d stop -t {} "$o" >/dev/null; } &&
d rename "$o" "$n.before" && d rename "$n.new" "$n" || {
back; d rm -f "$n.new" >/dev/null 2>&1; exit 1; }
{} || { back && echo "the former container is in its place again" >&2; exit 1; }
cook_kept
"""

# Nothing has the name if it was cut off between two renamings: then the former one gets it back.
_FINISH: LiteralString = r"""
{}was=true; if d container inspect "$n" >/dev/null 2>&1
then o=$(d container inspect --format '{{.Id}}' "$n.before") || exit
{} || { back && echo "the former container is in its place again" >&2; exit 1; }
cook_kept
else d rename "$n.before" "$n" && {}; fi
"""

_AGAIN: LiteralString = r"""
o=$(d container inspect --format '{{.Id}}' "$n.before") || exit
d rm -f "$n" >/dev/null 2>&1; d rename "$n.before" "$n" || exit
"""

# The two change places, so that an undo of the undo finds the other one.
_RESTORE: LiteralString = r"""
n={} o={}; d container inspect "$o" >/dev/null && d stop -t {} "$n" >/dev/null &&
{} && d rename "$n" "$n.new" && d rename "$o" "$n" &&
d rename "$n.new" "$n.former" && {}
"""


# Where the kernel has no control group for a limit, docker(1) warns, and makes one without it.
_MAKE: LiteralString = r"""
cook_make() { cook_w=$(d container create --name "$@" 2>&1 >/dev/null); cook_s=$?
[ -z "$cook_w" ] || printf '%s\n' "$cook_w" >&2; case $cook_w in *" discarded."*)
d rm -f "$1" >/dev/null 2>&1; return 1 ;; esac; return $cook_s; }
"""


def shell(state: State, body: Command) -> Command:
    """Return a script that has `d`, which calls docker(1), and `cook_up`, which waits."""
    deadline, settle = round(state.deadline), max(1, round(state.settle))
    settle = settle if state.settle else 0
    wait = sh(_WAIT.rstrip(), deadline, deadline, settle, deadline, _logs(state))
    return sh('(d() { {} "$@"; }{}{}\n{})', docker(state.host), sh(_MAKE.rstrip()), wait, body)


def _logs(state: State) -> Command:
    """
    Return the command that shows what a container that failed has printed.

    If it has a secret, which its program may print in any form, only root can read that: it goes
    to the journal of the host.
    """
    if not state.secrets:
        return sh("{} >&2", sh(_SAID.strip()))
    return sh(
        '{} | systemd-cat -t "cook-$1" 2>/dev/null;'
        ' echo "its log may have a secret in it: journalctl -t cook-$1 on the host shows it" >&2',
        sh(_SAID.strip()),
    )


def creation(name: str, state: State) -> Command:
    """Return the script that makes a container under a name, with all of its networks."""
    known = [one.partition(" ") for one in state.networks or ()]
    first, *more = known or [("", "", "")]
    words = list(_words(state))
    if first[0] and first[0] != "bridge":
        words += ["--network", first[0]]
        words += [word for alias in first[2].split() for word in ("--network-alias", alias)]
    program, *arguments = state.command or ("",)
    entry = ["--entrypoint", program] if program else []
    image = state.reference or state.image
    has_secrets = bool(state.secrets) and state.other_env is not None
    more_env = sh('--env-file "$cook_p/env" "$@"') if has_secrets else sh("")
    make = sh("cook_make {} {} {} {}", name, more_env, words, entry)
    make = sh("{} {} {}", make, image, arguments)
    if has_secrets:
        given = sh(_SECRETS.strip(), state.other_env)
        make = sh("({}{}\n{})", private_folder(), given, make)
    return join([make, *(connect(name, net, also) for net, _, also in more)], " && ")


def connect(name: str, network: str, aliases: str) -> Command:
    """Return the command that connects a container to a network."""
    words = [word for alias in aliases.split() for word in ("--alias", alias)]
    return sh("d network connect {} {} {}", words, network, name)


def _words(state: State) -> Iterator[str]:
    several: Sequence[tuple[str, Sequence[str] | None]] = (
        ("-e", state.env),
        ("-v", state.volumes),
        ("--tmpfs", state.tmpfs),
        ("--label", state.labels),
        ("--cap-add", state.cap_add),
        ("--cap-drop", state.cap_drop),
        ("--device", state.devices),
        ("--add-host", state.extra_hosts),
        ("--dns", state.dns),
        ("--sysctl", state.sysctls),
        ("--security-opt", state.security_opt),
        ("--log-opt", (state.log or ())[1:]),
    )
    for flag, values in several:
        for value in values or ():
            yield from (flag, value)
    for port in state.ports or ():
        address, outer, inner = port.rsplit(":", 2)
        place = f"[{address}]" if ":" in address else address
        yield from ("-p", f"{place}:{outer}:{inner}" if place else f"{outer}:{inner}")
    one: Sequence[tuple[str, object]] = (
        ("--restart", state.restart),
        ("--network", state.network_mode),
        ("--user", state.user),
        ("--workdir", state.working_dir),
        ("--hostname", state.hostname),
        ("--stop-signal", state.stop_signal),
        ("--stop-timeout", state.stop_timeout),
        ("--log-driver", (state.log or ("",))[0]),
    )
    for flag, setting in one:
        if setting not in (None, ""):
            yield from (flag, str(setting))
    yield from _limits(state, LIMITS)
    yield from ["--privileged"] if state.privileged else []
    yield from ["--read-only"] if state.read_only else []
    yield from [f"--init={'true' if state.init else 'false'}"] if state.init is not None else []
    if state.health:
        command, interval, timeout, tries = state.health
        yield from ("--health-cmd", command)
        yield from ("--health-interval", interval, "--health-timeout", timeout)
        yield from ("--health-retries", tries)
    elif state.health == ():
        yield "--no-healthcheck"


def _limits(state: State, which: Sequence[str]) -> Iterator[str]:
    for name in which:
        if value := getattr(state, name):
            text = f"{value:g}" if isinstance(value, float) else str(value)
            yield from (f"--{name.replace('_', '-').replace('cpuset', 'cpuset-cpus')}", text)


def start(name: str) -> Command:
    """Return the script that starts a container, and waits until it runs as it has to."""
    return sh("d start {} >/dev/null && cook_up {}", name, name)


def replacement(name: str, found: State, wanted: State) -> Command:
    """Return the command that replaces a container, and puts it back if the new one fails."""
    again = sh("was=true") if found.unfinished else sh(":")
    body = sh(
        _REPLACE.strip(),
        _trial(name, found.id, found),
        sh(_AGAIN.lstrip()) if found.unfinished else sh(""),
        sh('d rm -f "$n.new" >/dev/null 2>&1\n{}', creation(f"{name}.new", wanted)),
        again,
        found.stop_timeout,
        start(name) if wanted.running else sh(":"),
    )
    return briefly(shell(wanted, body), f"replace the container {name}")


def completion(name: str, found: State, wanted: State) -> Command:
    """Return the command that ends a replacement that was cut off, as if it had gone on."""
    runs = start(name) if wanted.running else sh(":")
    body = sh(_FINISH.strip(), _trial(name, None, found), runs, runs)
    return briefly(shell(wanted, body), f"finish the replacement of the container {name}")


def _trial(name: str, found: str | None, state: State) -> Command:
    policy = _set_restart("$n.former", "no", state)
    return sh("{}\n", sh(_TRIAL.strip(), name, found or "", policy))


def _set_restart(
    variable: Literal["$o", "$n", "$n.former"], policy: str | None, state: State
) -> Command:
    """Return the command that sets when a container is restarted; Podman keeps what it has."""
    if state.podman:
        return sh(":")
    return sh(f'd update --restart {{}} "{variable}" >/dev/null', policy)


def restoration(name: str, wanted: State) -> Command:
    """Return the command that puts the former container in the place of the present one."""
    policies = _set_restart("$n", "no", wanted), _set_restart("$o", wanted.restart, wanted)
    body = sh(_RESTORE.strip(), name, wanted.id, wanted.stop_timeout, *policies)
    then = [body, start(name)] if wanted.running else [body]
    return briefly(shell(wanted, join(then, " && ")), f"restore the container {name}")


def kept_variables(name: str, state: State) -> Command:
    """Return the command that prints the variables which the state has the digest of."""
    pattern = f"^({'|'.join(state.secrets)})="
    return sh(_KEEP.strip(), docker(state.host), name, pattern)


def update(name: str, fields: Sequence[str], wanted: State) -> Command | None:
    """Return the command that changes limits and the restart policy; None if nothing of these."""
    which = [one for one in LIMITS if one in fields]
    if "memory" in which and wanted.memory and "memory_swap" not in which:
        # The engine refuses a limit of memory above the former one of memory and swap.
        swap = wanted.memory_swap or 2 * wanted.memory
        words = [*_limits(wanted, which), "--memory-swap", str(swap)]
    else:
        words = [*_limits(wanted, which)]
    words += ["--restart", str(wanted.restart)] if "restart" in fields else []
    if not words:
        return None
    return sh("{} update {} {} >/dev/null", docker(wanted.host), words, name)
