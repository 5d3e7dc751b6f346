"""The acts that take a host out of service and put it back, and the answers of gates."""

from __future__ import annotations

import http.client
import os
import shutil
import subprocess
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from cookbook.errors import CookError, HostError, UsageError
from cookbook.rollout.strategy import Act, CommandAct, Gate, HaproxyAct, HookAct, NginxAct
from cookbook.script.shell import Command, sh
from cookbook.text.bounded_io import parsed_json
from cookbook.text.sanitize import one_line

if TYPE_CHECKING:
    from cookbook.inventory import Host

RunOn = Callable[["Host", Command, float], str]
"""Runs a command on a host within so many seconds; returns its output. Raises HostError."""

_MARGIN = 10.0
"""Seconds that a command may take longer than its act: so it ends by itself, and says why."""

_LONGEST = 400
_MOST_BYTES = 1 << 20


NO_ANSWER = (OSError, ValueError, http.client.HTTPException)
"""The errors of a URL that does not answer, or not by HTTP."""


def reason_of(error: Exception) -> str:
    """Return why a URL does not answer."""
    said = getattr(error, "reason", None) or str(error).strip() or type(error).__name__
    return one_line(str(said))


def filled(text: str, host: Host) -> str:
    """
    Return a text with `{name}`, `{address}` and `{vars[x]}` of a host.

    Raises UsageError for another word in braces.
    """
    try:
        return text.format_map({"name": host.name, "address": host.address, "vars": host.vars})
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        raise UsageError(
            f"{text!r} cannot be filled in for host {host.name}: {error} is not known",
            hint="{name}, {address} and {vars[x]} are known; braces themselves are doubled: {{ }}",
        ) from None


class Acts:
    """Carries out acts for a host, on this machine, the host and others."""

    def __init__(
        self, hosts: Mapping[str, Host], groups: Mapping[str, Sequence[str]], run_on: RunOn
    ) -> None:
        """`hosts` and `groups` are those of the inventory."""
        self._hosts, self._groups, self._run_on = hosts, groups, run_on

    def check(self, acts: Sequence[Act], host: Host) -> None:
        """Raise UsageError for an act that cannot be carried out for a host."""
        for act in acts:
            if isinstance(act, HookAct):
                if shutil.which(act.words[0]) is None:
                    raise UsageError(f"hook: there is no program {act.words[0]}")
            else:
                self._targets(act, host)
                filled(act.command if isinstance(act, CommandAct) else act.server, host)

    def carry_out(self, acts: Sequence[Act], host: Host, *, enable: bool) -> str:
        """
        Carry out acts in order; return the servers that are out of service for another reason.

        Such a server is in maintenance in haproxy, or marked as down in nginx, by an operator or by
        the configuration. It is left so. One that an operator has only drained in haproxy cannot be
        told from one that a rollout has drained, and is ready afterwards. Raises HostError for the
        first act that fails.
        """
        remarks = []
        for act in acts:
            match act:
                case HookAct(words, timeout):
                    call(words, timeout, _environment(host, "enable" if enable else "drain"))
                case _:
                    for target in self._targets(act, host):
                        command = _command(act, host, enable=enable)
                        said = self._run_on(target, command, act.timeout + _MARGIN)
                        why = _BEFORE.get(said.strip())
                        if why is not None and not isinstance(act, CommandAct):
                            remarks.append(f"{filled(act.server, host)} on {target.name} {why}")
        return "; ".join(remarks)

    def _targets(self, act: Act, host: Host) -> list[Host]:
        """Return the hosts on which an act is carried out."""
        name = "" if isinstance(act, HookAct) else filled(act.hosts, host)
        if not name:
            return [host]
        if name in self._groups:
            return [self._hosts[one] for one in self._groups[name]]
        if name in self._hosts:
            return [self._hosts[name]]
        from cookbook.text.suggest import did_you_mean

        raise UsageError(
            f"hosts: {name!r} is no host and no group of the inventory",
            hint=did_you_mean(name, [*self._hosts, *self._groups]),
        )


def _environment(host: Host, what: str) -> dict[str, str]:
    return {"COOK_HOST": host.name, "COOK_ADDRESS": host.address, "COOK_DO": what}


_BEFORE = {"maintenance": "is in maintenance", "down": "is marked as down by others"}
"""By the output of an act: why a server was out of service before."""

# The comment tells the lines that a rollout has marked from those that others have. After a reload
# the former workers accept requests for a moment, and then end those they have.
_NGINX = """\
f={} s={} n={} t={}
awk -v s="$s" -v down="$n" '
$1 == "server" && ($2 == s || $2 == s ";") {
 found = 1; mark = sub(/  # drained by cook$/, ""); split($0, part, ";")
 if (part[1] ~ /[ \\t]down([ \\t]|$)/ && !mark) kept = 1; else {
 sub(/[ \\t]+down[ \\t]*;/, ";"); if (down && sub(/;/, " down;")) $0 = $0 "  # drained by cook" }
} { print } END { exit found ? kept ? 3 : 0 : 1 }' "$f" >"$f.cook"; case $? in
0) ;; 3) echo down ;; *) rm -f "$f.cook"; echo "$f has no server $s" >&2; exit 1 ;; esac
if cmp -s "$f" "$f.cook"; then rm -f "$f.cook"; exit 0; fi
cp -p "$f" "$f.cook-before" && cat "$f.cook" >"$f" && rm -f "$f.cook"
if ! nginx -t -q; then cat "$f.cook-before" >"$f"; rm -f "$f.cook-before"; exit 1; fi
rm -f "$f.cook-before"; m=$(cat /run/nginx.pid) || exit; old=$(cat "/proc/$m/task/$m/children")
nginx -s reload || exit; end=$(($(date +%s) + t))
while :; do accepts= lives=; for p in $old; do
c=$(tr '\\0' ' ' 2>/dev/null <"/proc/$p/cmdline"); case $c in
*'shutting down'*) lives=1;; *worker*) accepts=1;; esac; done
[ "$accepts$lives" ] || exit 0; [ "$(date +%s)" -lt "$end" ] || break; sleep 0.1; done
[ ! "$accepts" ] || { echo "nginx has not taken its new configuration" >&2; exit 1; }
"""


def _command(act: HaproxyAct | NginxAct | CommandAct, host: Host, *, enable: bool) -> Command:
    match act:
        case HaproxyAct(server, _, socket, timeout):
            from cookbook.providers.haproxy import set_server

            state = "ready" if enable else "drain"
            return set_server(filled(server, host), state, socket, timeout, unless_maint=True)
        case NginxAct(file, server):
            words = (filled(file, host), filled(server, host), "" if enable else "1")
            return sh(_NGINX, *words, 5 if enable else int(act.timeout))
        case CommandAct(command):
            return sh("sh -c {}", filled(command, host))


def call(words: Sequence[str], timeout: float, environment: Mapping[str, str]) -> str:
    """
    Run a program on this machine; return its output.

    Raises HostError if it fails, or does not end in time.
    """
    name = words[0]
    try:
        done = subprocess.run(
            list(words),
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise HostError(f"{name} has not ended within {timeout:g} s") from None
    except OSError as error:
        raise HostError(f"{name}: {error.strerror}") from None
    text = (done.stdout + done.stderr).decode("utf-8", "replace")
    if done.returncode != 0:
        raise HostError(
            f"{name} ended with {done.returncode}: {one_line(text.strip()[-_LONGEST:])}"
        )
    return text


def gate_objection(gate: Gate, environment: Mapping[str, str]) -> str | None:
    """Return why a script or a metric does not let a rollout go on; None if it does."""
    try:
        if gate.kind == "script":
            call(gate.words, gate.timeout, environment)
            return None
        value = _metric(gate.url, gate.timeout)
    except CookError as error:
        return str(error)
    if gate.most is not None and value > gate.most:
        return f"the metric is {value:g}, at most {gate.most:g} is wanted"
    if gate.least is not None and value < gate.least:
        return f"the metric is {value:g}, at least {gate.least:g} is wanted"
    return None


def _metric(url: str, timeout: float) -> float:
    """
    Return the number that a URL answers: itself, or the first result of a query of Prometheus.

    Raises HostError for no answer, and for one without a number.
    """
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:  # noqa: S310 - http, checked
            text = answer.read(_MOST_BYTES).decode("utf-8", "replace").strip()
    except NO_ANSWER as error:
        raise HostError(f"{url} does not answer: {reason_of(error)}") from None
    try:
        return float(text)
    except ValueError:
        pass
    try:
        found = parsed_json(text)["data"]["result"][0]["value"][1]
        return float(found)
    except (ValueError, KeyError, IndexError, TypeError):
        raise HostError(f"{url} does not answer a number: {one_line(text[:100])}") from None
