"""File contexts in the policy of SELinux, by semanage(8) and restorecon(8)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString

from cookbook.provider import Change, Command, Probe, Provider, Thing, hint, provides, sh
from cookbook.providers.selinux import TOOL, semanage
from cookbook.resources.selinux_fcontext import SelinuxFcontext

_FLAGS = {"a": "", "f": "--", **{kind: f"-{kind}" for kind in "dcbslp"}}
"""Kind of file -> its flag in file_contexts(5)."""

# The files that the programs of SELinux read; semanage(8) writes the local one, and is slow.
_ASK: LiteralString = r"""
c=/etc/selinux/config; [ -r $c ] || exit 4; t=$(sed -n 's/^SELINUXTYPE=\([a-z]*\).*/\1/p' $c)
d=/etc/selinux/$t/contexts/files; [ -r "$d/file_contexts" ] || exit 4
for w in .local ''; do [ ! -e "$d/file_contexts$w" ] || s={} f={} awk -v w="${w:-policy}" '
$1 == ENVIRON["s"] && (NF > 2 ? $2 : "") == ENVIRON["f"] { print w, $NF }' "$d/file_contexts$w"
done
"""


@dataclass(frozen=True)
class State:
    """The type that the policy gives to files."""

    secontext: str | None = None
    """The type; `<<none>>` for no label."""
    local: bool = hint(default=False)
    """True if a local definition says so, not the policy itself."""
    restore: bool = hint(default=True)


@provides(SelinuxFcontext)
class SelinuxFcontextProvider(Provider[SelinuxFcontext, State]):
    """Overrides the policy by a local definition where it says something else."""

    def probe(self, context: SelinuxFcontext) -> Sequence[Probe]:
        """Ask for the expression, and for semanage."""
        ask = sh(_ASK.strip(), context.spec, _FLAGS[context.file_type])
        return [
            Probe(replace(ask, called=f"look for {context.spec} in file_contexts"), absent=4),
            TOOL,
        ]

    def parse(self, context: SelinuxFcontext, text: str, _tool: str | None) -> State | None:
        """Return the type; None if nothing is said of exactly this expression."""
        lines = [line.split() for line in text.splitlines()]
        if not lines:
            return None
        where, label = lines[0]
        kind = label if label == "<<none>>" else label.split(":")[2]
        return State(kind, local=where == ".local", restore=context.restore)

    def plan(self, context: SelinuxFcontext, found: State | None) -> Change[State]:
        """Compare the type."""
        if context.action == "delete":
            return Change(found if self.there(found) else None, None)
        return Change(found, State(context.secontext, local=True, restore=context.restore))

    def commands(self, name: str, change: Change[State]) -> Iterator[Command]:
        """Add, modify or delete the local definition; then restore labels."""
        kind, _, spec = name.partition(" ")
        found, wanted = change.found, change.wanted
        if wanted is None:
            yield semanage("fcontext", "-d", "-f", kind, spec)
        else:
            verb = "-m" if found is not None and found.local else "-a"
            yield semanage("fcontext", verb, "-f", kind, "-t", wanted.secontext or "", spec)
        place = literal(spec)
        if (wanted or found or State()).restore and place != "/":
            yield sh("[ ! -e /sys/fs/selinux/enforce ] || restorecon -R -i {}", place)

    def missing(
        self, context: SelinuxFcontext, text: str | None, tool: str | None
    ) -> Iterator[Thing]:
        """Yield semanage, and the policy."""
        if context.action == "manage":
            if tool is None:
                yield Thing("tool", "semanage")
            if text is None:
                yield Thing("path", "/etc/selinux/config")

    def there(self, state: State | None) -> bool:
        """Return whether there is a local definition."""
        return state is not None and state.local

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to the former local definition, or to the policy itself."""
        before = change.found if self.there(change.found) else None
        return Change(now if before is not None or self.there(now) else None, before)


def literal(spec: str) -> str:
    r"""
    Return the path before the first special character of an expression.

    >>> literal("/srv/www(/.*)?"), literal("/srv/[ab]/x"), literal(r"/etc/app\.conf")
    ('/srv/www', '/srv', '/etc/app.conf')
    """
    said = re.match(r"(?:[^\\.^$*+?()\[\]{}|]|\\.)*", spec)
    plain = said[0] if said is not None else ""
    rest = spec[len(plain) :]
    if rest and not rest.startswith("(/"):
        plain = plain.rpartition("/")[0]
    return re.sub(r"\\(.)", r"\1", plain) or "/"
