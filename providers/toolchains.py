"""
The mechanism of compilers and runtimes: packages of Debian, or an archive in a folder of its own.

An archive is a tree: its files are compared with the record on the host, and a damaged one is
extracted again. A source archive is built first, with the folder as prefix; what the build
installs is the tree then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from cookbook.errors import HostError
from cookbook.provider import AccessPath, Change, Command, Probe, Risk, Thing
from cookbook.providers.folders import risk_of_tree
from cookbook.providers.ownership import need_folder
from cookbook.providers.stat import TARGET
from cookbook.providers.toolchain_archives import archive_tools, hints_of, own_above
from cookbook.providers.toolchain_commands import (
    changes_tree,
    installation,
    moves_links,
    removal,
    repairs,
)
from cookbook.providers.toolchain_links import (
    PLACE,
    ask_links,
    link,
    parse_links,
    relink,
    replaced,
    unlink,
)
from cookbook.providers.toolchain_packages import (
    APT,
    PackageEffects,
    ToolchainState,
    as_package,
    inner,
    is_of_packages,
    of_packages,
    outer,
    packages_of,
)
from cookbook.providers.trees import (
    ask_tree,
    keep_members,
    parse_tree,
)
from cookbook.resources._toolchains import Toolchain

T = TypeVar("T", bound=Toolchain)


_COMPARED = ("content", "options", "differing", "default")


class ToolchainProvider(PackageEffects[T]):
    """A provider of toolchains; the identity is the folder, or the packages."""

    whole = True

    @property
    def state(self) -> type[ToolchainState]:
        """The state of a toolchain."""
        return ToolchainState

    def probe(self, toolchain: T) -> Sequence[Probe]:
        """Ask for the packages; or the tree, the links, the programs and the folder above."""
        if toolchain.is_debian:
            return APT.probe(as_package(toolchain))
        path = toolchain.identity
        asked = [ask_tree(path, others=False), ask_links(path)]
        asked.append(TARGET.about(path.rpartition("/")[0] or "/", loose=True))
        return [*asked, *(Probe(one, absent=4, loose=True) for _, one in archive_tools(toolchain))]

    def parse(self, toolchain: T, text: str, *others: str | None) -> ToolchainState | None:
        """Return the packages; or the tree, if there is one, and the links to it."""
        if toolchain.is_debian:
            return of_packages(APT.parse(as_package(toolchain), text, *others))
        tree, links = parse_tree(text), parse_links(others[0] or "")
        return ToolchainState(
            language=toolchain.language,
            above=own_above(toolchain),
            content=tree.content,
            options=tree.options,
            differing=tree.differing,
            extra=None,
            recorded=tree.recorded,
            folder=tree.folder,
            default=links.default,
            foreign=links.foreign,
            full=links.full,
        )

    def plan(self, toolchain: T, found: ToolchainState | None) -> Change[ToolchainState]:
        """Compare the versions of packages; or the archive, its files and the links."""
        if toolchain.is_debian:
            return outer(APT.plan(as_package(toolchain), packages_of(found)))
        now = found if self.there(found) else None
        if toolchain.action == "remove":
            return Change(now, None)
        if found is not None and found.full:
            raise HostError(
                f"{toolchain.identity} is there, and nothing tells what is in it",
                hint="remove it, or choose another path",
            )
        if found is not None and found.foreign and toolchain.default:
            raise HostError(
                f"{toolchain} cannot be the default: {'; '.join(found.foreign)}",
                hint="remove that first: only links to toolchains are replaced",
            )
        wanted = replace(
            hints_of(toolchain),
            content=toolchain.checksum,
            options=toolchain.options,
            extra=None,
            default="yes" if toolchain.default else "no",
            stays=now is None and found is not None and found.folder,
        )
        return Change(now, wanted, note=_note(now, wanted))

    def commands(self, name: str, change: Change[ToolchainState]) -> Iterator[Command]:
        """Install the archive and set the links, or remove both."""
        found, wanted = change.found, change.wanted
        if is_of_packages(change):
            yield from APT.commands(name, inner(change))
        elif wanted is None:
            if found is not None:
                yield from removal(name, found)
        else:
            yield from installation(name, change, wanted)
            if wanted.relink:
                yield relink(name, wanted.relink)
            elif "default" in change.fields and (found is not None or wanted.default == "yes"):
                yield link(name, wanted.language) if wanted.default == "yes" else unlink(name)

    def contents(self, toolchain: T) -> Mapping[str, bytes]:
        """Return the archive, if it is beside the recipe."""
        if toolchain.content is None or toolchain.checksum is None:
            return {}
        return {toolchain.checksum: toolchain.content}

    def missing(self, toolchain: T, *answers: str | None) -> Iterator[Thing]:
        """Yield the programs that fetch, unpack or build, and the folder above."""
        if toolchain.action != "install" or toolchain.is_debian:
            if toolchain.is_debian:
                yield from APT.missing(as_package(toolchain), *answers)
            return
        _, _, above, *tools = answers
        need_folder(toolchain.identity, above)
        if above is None and not own_above(toolchain):
            yield Thing("path", toolchain.identity.rpartition("/")[0])
        for (tool, _), answer in zip(archive_tools(toolchain), tools, strict=True):
            if answer is None:
                yield Thing("tool", tool)

    def there(self, state: ToolchainState | None) -> bool:
        """Return whether the packages are installed, or there is a record of the tree."""
        if state is None or state.package is not None:
            return APT.there(packages_of(state))
        return state.recorded

    def keeps(self, name: str, change: Change[ToolchainState]) -> Command | None:
        """Keep the folder and its record if they change."""
        if is_of_packages(change):
            return APT.keeps(name, inner(change))
        if not changes_tree(change) or repairs(change):
            return None
        return keep_members(name)

    def learned(
        self, change: Change[ToolchainState], kept: str, said: str
    ) -> Change[ToolchainState]:
        """Add where the former files are kept, and which links were replaced."""
        if is_of_packages(change):
            return outer(APT.learned(inner(change), kept, said))
        links, former = replaced(said), kept.strip() or "-"
        found, wanted = (
            replace(side, replaced=links, former=former if changes_tree(change) else None)
            if side is not None
            else None
            for side in (change.found, change.wanted)
        )
        return replace(change, found=found, wanted=wanted)

    def ask_back(self, toolchain: T, change: Change[ToolchainState]) -> T:
        """Ask also which versions of removed packages can be had."""
        if is_of_packages(change) and change.found is not None:
            return replace(toolchain, action="install")
        return toolchain

    def back(
        self, name: str, change: Change[ToolchainState], now: ToolchainState | None
    ) -> Change[ToolchainState]:
        """Return to the former packages; or to the former files and links."""
        if is_of_packages(change):
            return outer(APT.back(name, inner(change), packages_of(now)))
        before, there = change.found, now if self.there(now) else None
        done = change.wanted or before
        links = done.replaced if done is not None else ()
        if before is None:
            stays = done is not None and done.stays
            side = replace(there, relink=links, stays=stays) if there is not None else None
            return Change(side, None)
        left: dict[str, Any] = {f: None for f in _COMPARED if f not in change.fields}
        if repairs(change):
            left["differing"] = None
        if change.wanted is None and before.default == "no":
            left["default"] = None  # the links were those of others, and are not this change's
        restores = before.former not in (None, "-") and changes_tree(change)
        return Change(there, replace(before, relink=links, restores=restores, **left))

    def unobtainable(
        self, name: str, change: Change[ToolchainState], now: ToolchainState | None
    ) -> str | None:
        """Return the reason: the former files were not kept."""
        if is_of_packages(change):
            return APT.unobtainable(name, inner(change), packages_of(now))
        before = change.found
        if before is None or not changes_tree(change) or repairs(change):
            return None
        return "its files were too large to be kept" if before.former in (None, "-") else None

    def lost(self, name: str, change: Change[ToolchainState]) -> str | None:
        """Return what an undo does not bring back."""
        if is_of_packages(change):
            return APT.lost(name, inner(change))
        if repairs(change):
            return "the state in which it was damaged"
        unkept = change.found is not None and change.found.former == "-"
        return "its former files: they are too large to be kept" if unkept else None

    def about(self, toolchain: T) -> Iterable[Thing]:
        """
        Yield the packages, or the folder; and the links, which another default takes away.

        The default itself is not concerned by the links of others: there is one of a language.
        """
        if toolchain.is_debian:
            return APT.about(as_package(toolchain))
        links = [] if toolchain.default else [_links(toolchain)]
        return [Thing("tree", toolchain.identity), *links]

    def alters(self, toolchain: T, change: Change[ToolchainState] | None) -> Iterable[Thing]:
        """Yield the packages or the folder, and the links if they change."""
        if toolchain.is_debian:
            return APT.alters(as_package(toolchain), inner(change) if change is not None else None)
        moves = toolchain.default if change is None else moves_links(change)
        links = [_links(toolchain), Thing("tree", PLACE)] if moves else []
        return [Thing("tree", toolchain.identity), *links]

    def removes(self, toolchain: T, change: Change[ToolchainState] | None) -> Iterable[Thing]:
        """Yield the packages or the folder, if they are removed."""
        if toolchain.is_debian:
            inner_ = inner(change) if change is not None else None
            return APT.removes(as_package(toolchain), inner_)
        gone = change.wanted is None if change is not None else toolchain.action == "remove"
        return [Thing("tree", toolchain.identity)] if gone else []

    def brings(self, name: str, change: Change[ToolchainState]) -> Iterable[Thing]:
        """Yield the packages, or the folder."""
        if is_of_packages(change):
            return APT.brings(name, inner(change))
        return [Thing("path", name)] if change.wanted is not None else []

    def brings_anything(self, name: str) -> bool:
        """Return True: what is in it is not known before."""
        return True

    def removal(self, state: ToolchainState) -> Change[ToolchainState]:
        """Remove packages without those that need them, or the folder."""
        if state.package is not None:
            return outer(APT.removal(state.package))
        return Change(state, None)

    def lockout_risk(self, name: str, change: Change[ToolchainState], way: AccessPath) -> Risk:
        """Return the risk of packages that go, or of a folder of the access path."""
        if is_of_packages(change):
            return APT.lockout_risk(name, inner(change), way)
        return risk_of_tree(name)

    def limit(self, change: Change[ToolchainState]) -> float:
        """As the recipe says."""
        if is_of_packages(change):
            return APT.limit(inner(change))
        return change.wanted.timeout if change.wanted is not None else self.timeout


def _links(toolchain: Toolchain) -> Thing:
    return Thing("links", f"{PLACE} {toolchain.language}")


def _note(found: ToolchainState | None, wanted: ToolchainState) -> str | None:
    if found is not None and found.content == wanted.content and found.differing:
        return "it is damaged: the archive is extracted again"
    return None
