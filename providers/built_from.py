"""
The mechanism of programs that are built of sources, and built again if these have changed.

A record in the folder `builds` among the files of cook has what was built of which revision, by
which version of the tools, with which arguments, and the digests of the files that came out.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, LiteralString, TypeVar

from cookbook.provider import Change, Command, Probe, Provider, Thing, sh
from cookbook.providers.built_commands import (
    BuiltState,
    build,
    keep_built,
    parse_kept,
    record_of_build,
    remove,
    restore_built,
)
from cookbook.providers.getent import PASSWD
from cookbook.providers.source_revisions import acting, listing
from cookbook.providers.stat import TARGET
from cookbook.resources._built import Built

B = TypeVar("B", bound=Built)

_ASK: LiteralString = r"""
k=$cook_home/builds/{} s={}
[ ! -e "$k/record" ] || cat -- "$k/record"; echo =
for o in {}; do if [ -f "$o" ]; then h=$(sha256sum <"$o") || exit; {}
printf 'output %s %s\n' "${h%% *}" "$o"
elif [ -e "$o" ] || [ -L "$o" ]; then printf 'output other %s\n' "$o"; fi; done
[ -d "$s" ] || exit 0
{}; id -u -- "$u" >/dev/null 2>&1 || exit 0
{}l=$(cook_list) || exit; printf '%s\n' "$l" | head -n 1
printf 'source %s\n' "$(cook_revision "$l")"
"""

# A program that no user may execute any more is not the one that was built. Another mode may be the
# recipe's.
_EXECUTABLE = sh("case $(stat -L -c %A -- \"$o\") in *[xs]*) ;; *) h='no program' ;; esac")


class BuiltProvider(Provider[B, BuiltState]):
    """A provider of programs that are built."""

    apart: ClassVar[bool] = False
    """True if the program is built in a private folder, and moved then."""
    packages: ClassVar[Sequence[str]] = ()
    """The packages of Debian that usually have the tools."""

    @property
    def state(self) -> type[BuiltState]:
        """The state of what is built."""
        return BuiltState

    @abstractmethod
    def version(self, built: B, /) -> Command:
        """Return the command that prints the version of the tools; nothing if there are none."""

    def probe(self, built: B) -> Sequence[Probe]:
        """Ask for the record, the files, the sources and the tools, and for what is needed."""
        ask = sh(
            _ASK.strip(),
            record_of_build(built),
            "" if built.action == "remove" else built.folder,
            list(built.outputs),
            _EXECUTABLE if self.apart else sh(":"),
            acting(built.user, built.folder),
            listing(built.folder, self.version(built), built.bin),
        )
        asked = [Probe(replace(ask, called=f"look at {built.folder} and what was built of it"))]
        asked += [TARGET.about(one, loose=True) for one in self._folders(built)]
        asked += [Probe(_find(one), absent=4, loose=True) for one in built.tools]
        return [*asked, *([PASSWD.about(built.user, loose=True)] if built.user else [])]

    def _folders(self, built: B) -> Sequence[str]:
        """Return the folders that must exist: that of the sources, and those of the files."""
        above = [one.rpartition("/")[0] or "/" for one in built.outputs if self.apart]
        return list(dict.fromkeys([built.folder, *above]))

    def parse(self, built: B, text: str, *_rest: str | None) -> BuiltState:
        """Return what was built of what, and what there is now."""
        record, _, present = f"\n{text}".partition("\n=\n")
        was, files = _lines(record)
        found, there = _lines(present)
        made = {"source", "toolchain", "arguments"} <= was.keys()
        state = replace(
            _hints(built, apart=self.apart),
            made=made or bool(there),
            source_now=found.get("source") or None,
            toolchain_now=found.get("toolchain") or None,
            differing=tuple(one for one in built.outputs if files.get(one, "") != there.get(one)),
        )
        if not made:
            return state
        return replace(
            state, source=was["source"], toolchain=was["toolchain"], arguments=was["arguments"]
        )

    def plan(self, built: B, found: BuiltState | None) -> Change[BuiltState]:
        """Compare the sources, the tools, the arguments and the files."""
        now = found if self.there(found) else None
        if built.action == "remove":
            return Change(now, None)
        seen = found if found is not None else BuiltState()
        wanted = replace(
            _hints(built, apart=self.apart),
            source=_known(seen.source, seen.source_now),
            toolchain=_known(seen.toolchain, seen.toolchain_now),
            arguments=built.arguments,
            made=True,
            source_now=seen.source_now,
            toolchain_now=seen.toolchain_now,
        )
        return Change(now, wanted)

    def commands(self, name: str, change: Change[BuiltState]) -> Iterable[Command]:
        """Build, or remove what was built, or put back former files."""
        found, wanted = change.found, change.wanted
        if wanted is None:
            return [remove(found)] if found is not None else []
        return [restore_built(wanted) if wanted.restores else build(wanted)]

    def missing(self, built: B, text: str | None, *answers: str | None) -> Iterator[Thing]:
        """Yield the folders, the tools and the user."""
        if built.action != "build":
            return
        folders, tools = self._folders(built), built.tools
        things = [Thing("path", one) for one in folders]
        things += [Thing("path" if "/" in one else "tool", one) for one in tools]
        things += [Thing("user", built.user)] if built.user else []
        for thing, answer in zip(things, answers, strict=True):
            if answer is None:
                yield thing

    def there(self, state: BuiltState | None) -> bool:
        """Return whether there is a record, or a file."""
        return state is not None and state.made

    def keeps(self, name: str, change: Change[BuiltState]) -> Command | None:
        """Keep the files and the record."""
        return keep_built(change.found) if change.found is not None else None

    def learned(self, change: Change[BuiltState], kept: str, said: str) -> Change[BuiltState]:
        """Add where they are kept."""
        found, wanted = (
            replace(side, kept=parse_kept(kept)) if side is not None else None
            for side in (change.found, change.wanted)
        )
        return replace(change, found=found, wanted=wanted)

    def back(
        self, name: str, change: Change[BuiltState], now: BuiltState | None
    ) -> Change[BuiltState]:
        """Return to the former files and their record, or to none."""
        there, before = now if self.there(now) else None, change.found
        if before is None:
            return Change(there, None)
        return Change(there, replace(before, restores=True))

    def unobtainable(
        self, name: str, change: Change[BuiltState], now: BuiltState | None
    ) -> str | None:
        """Return the reason: a former file was too large."""
        kept = change.found.kept if change.found is not None else ()
        return "a former file was not kept" if any(one.startswith("- ") for one in kept) else None

    def about(self, built: B) -> Iterable[Thing]:
        """Yield the files, the sources and the tools."""
        yield from self.alters(built, None)
        yield Thing("tree", built.folder)
        for tool in built.tools:
            yield Thing("path", tool if "/" in tool else f"/usr/local/bin/{tool}")
        yield from (Thing("package", one) for one in self.packages)

    def alters(self, built: B, change: Change[BuiltState] | None) -> Iterable[Thing]:
        """Yield the files."""
        yield Thing(built.kind(), built.identity)
        yield from (Thing("path", one) for one in built.outputs)

    def brings(self, name: str, change: Change[BuiltState]) -> Iterable[Thing]:
        """Yield the files."""
        outputs = change.wanted.outputs if change.wanted is not None else ()
        return [Thing("path", one) for one in outputs]

    def limit(self, change: Change[BuiltState]) -> float:
        """As the recipe says."""
        return change.wanted.timeout if change.wanted is not None else self.timeout


def _find(tool: str) -> Command:
    return sh("command -v -- {} || exit 4", tool)


def _hints(built: Built, *, apart: bool) -> BuiltState:
    """Return all that tells how to build."""
    return BuiltState(
        record=record_of_build(built),
        folder=built.folder,
        user=built.user,
        path=built.bin,
        outputs=tuple(built.outputs),
        run=tuple(built.run),
        environment=tuple(built.environment.items()),
        apart=apart,
        timeout=built.timeout,
    )


def _known(was: str | None, now: str | None) -> str | None:
    """Return what there is now; where that is not known, another one than there was."""
    return now if now is not None or was is None else "unknown"


def _lines(text: str) -> tuple[dict[str, str], Mapping[str, str]]:
    """Return the lines of a record or an answer by their first word, and digests by their path."""
    pairs = [line.partition(" ") for line in text.splitlines()]
    outputs = [rest.partition(" ") for word, _, rest in pairs if word == "output"]
    values: dict[str, Any] = {word: rest for word, _, rest in pairs if word != "output"}
    return values, {path: digest for digest, _, path in outputs}
