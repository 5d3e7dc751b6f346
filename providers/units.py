"""Units of systemd(1): the files that define them, and one question for the state of many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
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
