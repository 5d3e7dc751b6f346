"""The commands that make a release, switch to it, and lead back if it is not healthy."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import LiteralString

from cookbook.provider import Command, join, script, sh
from cookbook.providers.http_check import HttpCheckProvider
from cookbook.providers.mounts import remove_tree
from cookbook.providers.releases import State
from cookbook.providers.revisions import FETCH, UNSIGNED, verifying, with_source
from cookbook.resources.http_check import HttpCheck
from cookbook.script.run_as import as_user
from cookbook.script.stash import unpack_tree

# Only the folder of the application itself is made by the user that the run acts as. All that is
# in it is made and removed by the user of the application, who may have put links there.
_EXPORT: LiteralString = """\
{}{}p={} u={} c={} r={}; umask 022
mkdir -p -- "$p/releases" "$p/shared" || exit
[ -d "$p/repo" ] || cook_git init -q --bare -- "$p/repo" || exit
cd "$p/repo" && cook_point origin "$u" || exit
cook_fetch origin "$c" '' heads/ || exit
cook_verify "$c" || { echo "the commit $c {}" >&2; exit 1; }
cook_git update-ref "refs/cook/releases/$r" "$c" || exit
d=$p/releases/$r; rm -rf -- "$d"
{}
for f in {}; do mkdir -p -- "$p/shared/$f" || exit; done
for f in {}; do case $f in */*) mkdir -p -- "$d/${f%/*}" || exit ;; esac
rm -rf -- "$d/$f" && ln -s -- "$p/shared/$f" "$d/$f" || exit; done
"""

_ARCHIVE: LiteralString = """\
mkdir -- "$d" && cook_git archive -o "$cook_p/tar" "$c" && tar -C "$d" -xf "$cook_p/tar" || exit
rm -f -- "$cook_p/tar"
"""

_CLEAR: LiteralString = """\
p={}; [ ! -d "$p/repo" ] || head -c 65536 /dev/zero >"$p/repo/.cook-room"
rm -rf -- "$p/repo/.cook-room" {}; rm -f -- "$p/repo/objects/pack/tmp_"*
"""

_WITH_MODULES: LiteralString = """\
cook_git clone -q --shared --no-checkout -- "$p/repo" "$d" && cd "$d" &&
cook_git remote set-url origin "$u" && cook_git checkout -q --detach "$c" &&
cook_net submodule update -q --init --recursive &&
find . -name .git -prune -exec rm -rf -- {} + || exit
"""

_SWITCH: LiteralString = (
    't={}/.current-$$; rm -f -- "$t" && ln -s -- {} "$t" && mv -T -- "$t" {}/current'
)

# On the way back, only units that were restarted are restarted again. A new version that crashes
# again and again has used up the starts that the unit may have in ten seconds.
_RESTART: LiteralString = """\
cook_restart() { if [ "$cook_back" ]; then case " $cook_done " in *" $1 "*) ;; *) return 0 ;; esac
fi; cook_done="$cook_done $1"
[ "$(systemctl show -p LoadState "$1")" = LoadState=loaded ] || return 0
systemctl reset-failed -- "$1" 2>/dev/null
systemctl restart -- "$1" || { echo "the restart of $1 has failed" >&2; return 1; }
"$2" || { echo "$1 is not healthy: $c" >&2; return 1; }; }
cook_none() { :; }
cook_done= cook_back=
"""

# Most are healthy within a second: so long it is asked far more often.
_HEALTH: LiteralString = """\
{}() { end=$(($(date +%s) + {})) n=0; until c=$({}
); do c=${c:-"its check ends with status $?"}; [ $(date +%s) -lt $end ] || return 1; n=$((n + 1))
if [ $n -lt 25 ]; then sleep 0.02; else sleep 0.5; fi; done; }
"""

_NOTE: LiteralString = """\
printf '%s %s %s\\n' "$(date +%s)" {} {} >>"$k/history" || exit
"""


def make(name: str, wanted: State) -> Command:
    """Return the command that exports the release and builds it; it is not current yet."""
    user, release = wanted.user, wanted.release
    owner = sh('chown {} -- "$p"', f"{user}:") if user is not None else sh(":")
    place = f"{wanted.path}/releases/{release}"
    parts = [sh("p={} k=$cook_home/deploys/{}\n", wanted.path, name)]
    parts.append(sh('[ -d "$p" ] || { mkdir -p -- "$p" && {}; } || exit\n', owner))
    # What has failed is no release; on a full disk what is left of it would harm the current one.
    # git does not say that the disk is full: it "could not write" or "update" something.
    clear = sh(_CLEAR, wanted.path, place)
    failed = sh("{ s=$?; {}; exit $s; }", _as(user, clear))
    parts.append(sh("{} || {}\n", _as(user, _export(wanted)), failed))
    steps = [*wanted.steps, *([wanted.migrate] if wanted.migrate else [])]
    if steps:
        parts.append(sh("{} || {}\n", _as(user, _built(wanted, place, steps)), failed))
    parts.append(_recorded(wanted))
    return replace(join(parts, ""), called=f"build the release {release} of {name}")


def _as(user: str | None, body: Command) -> Command:
    return as_user(user, body) if user is not None else sh("(\n{}\n)", body)


def _export(wanted: State) -> Command:
    shared = [*wanted.shared_folders, *wanted.shared_files]
    body = sh(
        _EXPORT.rstrip(),
        sh(FETCH),
        verifying(wanted.signers, wanted.signing_keys),
        wanted.path,
        wanted.repository,
        wanted.commit or "",
        wanted.release,
        script(UNSIGNED),
        sh(_WITH_MODULES.rstrip(), script("{}")) if wanted.submodules else sh(_ARCHIVE.rstrip()),
        list(wanted.shared_folders),
        shared,
    )
    return with_source(wanted.origin, body)


def _built(wanted: State, place: str, steps: Sequence[str]) -> Command:
    parts = [sh("umask 022; cd {} || exit\n", place)]
    parts += [sh("export {}\n", f"{key}={value}") for key, value in wanted.environment]
    for number, step in enumerate(steps):
        is_last = wanted.migrate is not None and number == len(steps) - 1
        what = "the migration" if is_last else f"step {number + 1} of the build"
        parts.append(
            sh(
                '(\n{}\n) || { s=$?; echo {} "$s" >&2; exit 1; }\n',
                script(step),
                f"{what} has ended with status",
            )
        )
    return join(parts, "")


def _recorded(wanted: State) -> Command:
    return sh(
        '(umask 077; mkdir -p -- "$k" && printf %s {} >"$k/path" &&'
        ' printf %s {} >"$k/.new" && mv -f -- "$k/.new" "$k"/{}) || exit\n',
        wanted.path,
        wanted.record,
        f"{wanted.release}.json",
    )


def switch(name: str, found: State | None, wanted: State) -> Command:
    """Return the command that makes the release current, restarts its units, or leads back."""
    before = found.release if found is not None else ""
    begin = sh("trap '' PIPE; p={} k=$cook_home/deploys/{}\n", wanted.path, name)
    parts = [begin, sh(_RESTART)]
    parts += [*_health("cook_new", wanted), *(_health("cook_old", found) if found else [])]
    parts.append(sh(_NOTE, wanted.release, "begun"))
    parts.append(sh("{} || exit\n", _linked(wanted, wanted.release)))
    parts.append(
        sh("if {}\nthen {}", _restarted("cook_new", wanted), sh(_NOTE, wanted.release, "done"))
    )
    if wanted.holds:
        parts.append(sh(_NOTE, wanted.holds, "rolled-back"))
    parts.append(sh("else cook_back=1; {}", sh(_NOTE, wanted.release, "failed")))
    if found is not None and before:
        again = sh("{} || echo 'it is not healthy either' >&2", _restarted("cook_old", found))
        parts.append(sh("{} && {}\n", _linked(wanted, before), again))
        parts.append(sh("echo {} >&2\n", f"the release {before} is current again"))
    else:
        parts.append(sh('rm -f -- "$p/current"\n'))
        parts.append(_stopped(wanted))
        parts.append(sh("echo 'there is no release before it: its units are stopped' >&2\n"))
    parts.append(sh("exit 1\nfi\n"))
    parts += _swept(wanted)
    said = f"switch {name} to the release {wanted.release}"
    return replace(join(parts, ""), called=said, shown=said)


def _linked(wanted: State, release: str) -> Command:
    link = sh(_SWITCH, wanted.path, f"releases/{release}", wanted.path)
    return _as(wanted.user, link)


def _checks(prefix: str, state: State) -> Iterator[tuple[str, str, str]]:
    """Yield unit, name of the function of its check, and the check; the last is about all."""
    for number, (unit, check) in enumerate(state.units):
        yield unit, f"{prefix}_{number}" if check else "cook_none", check
    if state.health_check:
        yield "", f"{prefix}_all", state.health_check


def _health(prefix: str, state: State) -> Iterator[Command]:
    for _, function, check in _checks(prefix, state):
        if check:
            seconds = int(state.health_timeout)
            yield sh(_HEALTH, script(function), seconds, _condition(check, state.user))


def _condition(check: str, user: str | None) -> Command:
    if re.match("https?://", check):
        return HttpCheckProvider().condition(HttpCheck("health", url=check))
    return sh("{} 2>&1", _as(user, script(check)))


def _restarted(prefix: str, state: State) -> Command:
    """Return the command that restarts the units and asks whether they are healthy."""
    some = sh("false")
    parts = []
    for unit, function, _ in _checks(prefix, state):
        if unit:
            parts.append(sh("cook_restart {} {}", unit, function))
            some = sh(
                '{} || [ "$(systemctl show -p LoadState {})" = LoadState=loaded ]', some, unit
            )
        elif state.units:
            text = '{ ! { {}; } || {} || { echo "{} says: $c" >&2; false; }; }'
            parts.append(sh(text, some, script(function), script("the health check")))
        else:
            parts.append(sh('{ {} || { echo "not healthy: $c" >&2; false; }; }', script(function)))
    return join(parts, " && ") if parts else sh(":")


def _swept(wanted: State) -> Iterator[Command]:
    """Yield the removal of old releases and of their records."""
    if wanted.gone:
        places = [f"{wanted.path}/releases/{one}" for one in wanted.gone]
        yield sh("{}\n", _as(wanted.user, sh("rm -rf -- {}", places)))
        yield sh('(cd "$k" && rm -f -- {})\n', [f"{one}.json" for one in wanted.gone])


def unlink(name: str, found: State | None, wanted: State) -> Command:
    """Return the command after which no release is current; its units are stopped."""
    stop = _stopped(found) if found is not None else sh("")
    gone = _as(wanted.user, sh("rm -f -- {}", f"{wanted.path}/current"))
    return replace(sh("{}{}", stop, gone), called=f"unlink the current release of {name}")


def _stopped(state: State) -> Command:
    units = [unit for unit, _ in state.units]
    return sh("systemctl stop -- {} 2>/dev/null\n", units) if units else sh("")


def remove(name: str, state: State) -> Command:
    """Return the command that removes all releases; what is in `shared` stays."""
    places = [f"{state.path}/{one}" for one in ("current", "releases", "repo")]
    body = sh(
        "rm -rf -- {} && find {} -depth -type d -empty -delete", places, f"{state.path}/shared"
    )
    gone = sh(
        '{}{} && rm -rf -- "$cook_home/deploys/"{}; rmdir -- {} 2>/dev/null || :',
        _stopped(state),
        _as(state.user, body),
        name,
        state.path,
    )
    return replace(gone, called=f"remove the releases of {name}")


def put_back(name: str, found: State | None, wanted: State) -> Command:
    """Return the command that unpacks a kept folder with all releases, and restarts."""
    clear = sh("{} && ", remove_tree(wanted.path)) if found is not None else sh("")
    parts = [
        sh("p={} k=$cook_home/deploys/{}\n", wanted.path, name),
        sh("{}{} || exit\n", clear, unpack_tree(wanted.tree, wanted.path)),
    ]
    return join([*parts, _recorded(wanted), switch(name, None, wanted)], "")
