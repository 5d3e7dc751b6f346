"""Units of systemd(1): the files that define them, and one question for the state of many."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import LiteralString

from cookbook.provider import Command, Table, sh

FOLDERS = (
    "/etc/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)

# No number that counts and no time: another answer would mean another state.
_PROPERTIES = (
    "Id,LoadState,UnitFileState,ActiveState,Type,RemainAfterExit,CanReload,FragmentPath,"
    "NeedDaemonReload"
)

# What systemd says of a unit is what it has read, which may be older than the files; and one link
# of several makes a unit "enabled". So three things are looked up where the difference matters:
# the unit whose [Install] section makes an absent name, as its Alias= (its link goes with
# `disable`); is-enabled, which reads the files anew, and asks SysV scripts; and the links that
# the [Install] section of an enabled unit names and that are not there.
_ASK: LiteralString = r"""
cook_show() { systemctl show -p {} -- "$@"; }
cook_alias() { grep -s -E '^Alias *=' /etc/systemd/system/*.* /usr/local/lib/systemd/system/*.* \
/usr/lib/systemd/system/*.* /lib/systemd/system/*.* | while IFS=: read -r f l; do
for a in ${l#*=}; do [ "$a" != "$1" ] || { echo "${f##*/}"; return; }; done; done; }
cook_unlinked() { in=; set -f; while read l; do case $l in '[Install]'*) in=1 ;; '['*) in= ;;
WantedBy*=*|RequiredBy*=*) [ "$in" ] || continue; k=wants; case $l in R*) k=requires ;; esac
for t in ${l#*=}; do case $t in *%*) continue ;; esac
for d in /etc /usr/local/lib /usr/lib /lib; do
[ ! -L "$d/systemd/system/$t.$k/$id" ] || continue 2; done
echo "Unlinked=$t"; done ;; esac; done <"$1"; set +f; }
cook_more() { now=$state
if [ "$load" = not-found ] && [ -x "/etc/init.d/${id%.service}" ]; then
echo Script=yes; old=yes; fi
case $old,$state in yes,*|*,generated) now=$(systemctl is-enabled -- "$id" 2>/dev/null)
echo "IsEnabled=$now" ;; esac
if [ "$now" = enabled ] && [ -f "$file" ]; then cook_unlinked "$file"; fi
id= load= state= file= old=; }
set -- {}; said=$(cook_show "$@") || exit
case $said in *LoadState=not-found*) for u; do shift
case $(systemctl show -p LoadState -- "$u") in *not-found) a=$(cook_alias "$u"); u=${a:-$u} ;; esac
set -- "$@" "$u"; done; said=$(cook_show "$@") || exit ;; esac
id= load= state= file= old= gap=
printf '%s\n\n' "$said" | while IFS= read -r l; do case $l in
'') cook_more; gap=1; continue ;;
Id=*) id=${l#*=} ;; LoadState=*) load=${l#*=} ;; UnitFileState=*) state=${l#*=} ;;
FragmentPath=*) file=${l#*=} ;; NeedDaemonReload=yes) old=yes ;; esac
[ ! "$gap" ] || echo; gap=; printf '%s\n' "$l"; done
"""


def _ask(units: Sequence[str]) -> Command:
    shown = sh("systemctl show -p {} -- {}", _PROPERTIES, list(units)).shown
    return replace(sh(_ASK.strip(), _PROPERTIES, list(units)), shown=shown)


def _split(text: str, units: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Return a block for each, in order; under another name if it was asked for by an alias."""
    blocks = text.rstrip("\n").split("\n\n")
    return ((unit, f"{block}\n") for unit, block in zip(units, blocks, strict=True))


UNITS = Table(_ask, _split, between="\n")
"""Properties of units, as name=value; of one that is not there, too (LoadState=not-found)."""

# A count and an age, which no state may have: they are asked for a warning only. Of units that
# were never restarted there is no line. The clock of the wall is used because uptime(1) of a
# container may be that of the container, and the monotonic clock of systemd that of the machine.
_ASK_RESTARTS: LiteralString = r"""
LC_ALL=C TZ=UTC0 systemctl show -p Id,NRestarts,SubState,ExecMainStartTimestamp -- {} |
units={} awk -v now="$(date +%s)" 'BEGIN {{ split(ENVIRON["units"], unit, " "); n = 1 }}
function told() {{ if (count > 0) print unit[n], count, state, now, start
n++; count = state = start = "" }}
/^$/ {{ told(); next }}
{{ value = $0; sub(/^[^=]*=/, "", value) }}
/^NRestarts=/ {{ count = value }} /^SubState=/ {{ state = value }}
/^ExecMainStartTimestamp=/ {{ start = value }} END {{ told() }}'
"""


def _ask_restarts(units: Sequence[str]) -> Command:
    shown = sh("systemctl show -p NRestarts,SubState,ExecMainStartTimestamp -- {}", list(units))
    text = sh(_ASK_RESTARTS.strip(), list(units), " ".join(units))
    return replace(text, shown=shown.shown)


def _split_restarts(text: str, _units: Sequence[str]) -> Iterator[tuple[str, str]]:
    return ((line.partition(" ")[0], line) for line in text.splitlines(keepends=True))


RESTARTS = Table(_ask_restarts, _split_restarts)
"""Units that systemd has restarted by itself: `unit count substate now start`, for `restarted`."""


RECENT = 60.0
"""Seconds after a restart by systemd itself for which a warning tells of it."""


def restarted(unit: str, line: str | None) -> str | None:
    """
    Return a remark on a unit that systemd restarts by itself, by its line of `RESTARTS`.

    It is true of each restart, whether it is one of many or the only one: a process may be meant
    to end. None if there was no restart, or none within the last minute.
    """
    if line is None:
        return None
    _unit, count, state, now, *start = line.split()
    why = f"`journalctl -u {unit}` has the reason"
    times = f"{count} time{'' if count == '1' else 's'}"
    if state.startswith("auto-restart"):
        return f"its process has ended; systemd has restarted it {times}, and will again: {why}"
    age = _age(now, " ".join(start))
    if age is None or not 0 <= age < RECENT:
        return None
    return f"systemd has restarted it {times}, last {age:.0f} s ago: {why}"


def _age(now: str, start: str) -> float | None:
    """Return the seconds since a process was started; None if there was none."""
    with contextlib.suppress(ValueError):
        begun = datetime.strptime(f"{start} +0000", "%a %Y-%m-%d %H:%M:%S UTC %z")
        return int(now) - begun.timestamp()
    return None


def units_of(path: str) -> list[str]:
    """
    Return the units that a file at a path defines, or is a part of the definition of.

    >>> units_of("/etc/systemd/system/app.service.d/limits.conf")
    ['app.service']
    >>> units_of("/etc/init.d/app")
    ['app.service']
    """
    folder, _, base = path.rpartition("/")
    above, _, unit = folder.rpartition("/")
    if folder in FOLDERS:
        return [base]
    if above in FOLDERS and unit.endswith(".d"):
        return [unit.removesuffix(".d")]
    return [f"{base}.service"] if folder == "/etc/init.d" else []


def template_of(unit: str) -> str | None:
    """
    Return the template that a unit is an instance of, if it is one.

    >>> template_of("postgresql@15-main.service")
    'postgresql@.service'
    """
    name, at, instance = unit.partition("@")
    _, _, kind = instance.rpartition(".")
    return f"{name}@.{kind}" if at else None
