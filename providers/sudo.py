"""Rules of sudo, checked by visudo(8)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cookbook.provider import Command, Thing, provides
from cookbook.providers.by_hand import files_by_hand, named_by_file
from cookbook.providers.checkers import checker_of, named
from cookbook.providers.own_file import OwnFileProvider
from cookbook.resources.file import File
from cookbook.resources.sudo import Sudo

# What a file says may be wrong only beside the others: an alias that two of them define, or one
# that is used before it is defined. All are checked before the new one is in its place.
_TOGETHER = """\
f={path}; t=$f.all; trap 'rm -f -- "$t"' EXIT; (umask 077; {
grep -vE '^[@#]includedir[[:space:]]+/etc/sudoers[.]d/?$' /etc/sudoers || [ $? = 1 ] || exit
for o in /etc/sudoers.d/*; do case ${o##*/} in *.*|*~|{name}) ;;
*) [ ! -f "$o" ] || cat -- "$o"; echo ;; esac; done
cat -- "$f"; } >"$t") && visudo -cf "$t" >/dev/null"""


@provides(Sudo)
class SudoProvider(OwnFileProvider[Sudo]):
    """One file of root's, with the mode that sudo(8) wants."""

    tool = "visudo"

    def file(self, sudo: Sudo) -> File:
        """Return the file."""
        path = sudo.identity
        if sudo.action == "delete":
            return File(path, action="delete", backup=False)
        name = path.rpartition("/")[2]
        together = _TOGETHER.replace("{name}", name)
        alone = checker_of(path) or checker_of(f"/etc/sudoers.d/{name}")
        return File(
            path,
            content=sudo.text,
            owner="root",
            group="root",
            mode="0440",
            backup=False,
            verify=[named("visudo", check) for check in (alone, together) if check is not None],
        )

    def everything(self) -> Command:
        """Ask for the files that no package has."""
        return files_by_hand("/etc/sudoers.d")

    def unmanaged(self, text: str, declared: Sequence[Sudo]) -> Iterable[tuple[str, Thing]]:
        """Yield those that are not declared."""
        return named_by_file(text)
