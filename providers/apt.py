"""Packages, by apt-get(8) and apt-mark(8)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from cookbook.errors import HostError, Missing
from cookbook.provider import (
    Change,
    Command,
    Probe,
    Thing,
    provides,
    sh,
)
from cookbook.providers import apt_back, apt_rehearsal
from cookbook.providers.apt_get import (
    LISTS,
    State,
    commands_of,
    fresh,
    kind_of,
)
from cookbook.providers.dpkg import (
    BY_REQUEST,
    HALVES,
    INSTALLED,
    Installed,
    Offer,
    offers,
    order,
    parse_installed,
    parse_offer,
)
from cookbook.providers.named_packages import NamedPackagesProvider
from cookbook.providers.named_versions import ANY, BY, NEWEST, Versions, text_of, versions
from cookbook.resources.package import Package


@provides(Package, when=lambda facts: facts.package_tool == "apt")
class AptProvider(NamedPackagesProvider[Package, State]):
    """Chef's apt_package; all that is adjacent in one transaction, which never asks anything."""

    tool = "apt"
    rehearsed = LISTS

    def probe(self, package: Package) -> Sequence[Probe]:
        """Ask for the installed versions, and for the offers of apt if they are needed."""
        installed = [INSTALLED.about(name) for name in package.names]
        installed += [HALVES] if package.repair else []
        if not _installs(package):
            return installed
        table = offers(package.default_release)
        wanted = package.versions.items()
        any_ = "=*" if "upgrade" in package.doing else ""
        keys = [f"{name}={version}" if version else f"{name}{any_}" for name, version in wanted]
        age = Probe(fresh(package.cache_max_age), loose=True)
        # Versions are named to apt, so what it offers meanwhile cannot change what is done.
        return [*installed, *(table.about(key, loose=True) for key in keys), age]

    def parse(self, package: Package, *answers: str | None) -> State:
        """Read a line of dpkg for each package, one of apt for some, and the age of the lists."""
        names = package.names
        said = dict(zip(names, answers, strict=False))
        found = {name: parse_installed(line) for name, line in said.items() if line is not None}
        halves = answers[len(names)] if package.repair else None
        rest = answers[len(names) + package.repair :]
        return State(
            text_of(names, {n: v for n, one in found.items() if (v := _version(one)) is not None}),
            tuple(name for name, one in found.items() if one.held),
            tuple(
                dict.fromkeys(
                    [f"{name} {one.status}" for name, one in found.items() if one.broken]
                    + (halves or "").splitlines()
                )
            ),
            tuple(name for name, one in found.items() if one.removed),
            essential=tuple(name for name, one in found.items() if one.essential),
            providers=tuple(
                " ".join((name, *one.providers)) for name, one in found.items() if one.providers
            ),
            offers=tuple(parse_offer(line) for line in rest[:-1] if line is not None),
            fresh=not rest or rest[-1] == "fresh\n",
            recommends=package.install_recommends,
        )

    def plan(self, package: Package, found: State | None) -> Change[State]:
        """Plan the packages to install or remove; a held package stays as it is."""
        now = found if found is not None else State()
        before = versions(package.identity, now)
        then = _with_hints(now, package)
        if {"remove", "purge"} & set(package.doing):
            _refuse_removal(package, now, before)
            return _removal(package, then, before)
        after = {**before, **_goals(package, now, before)}
        respect_holds(package, now, before, after)
        held = _held(package, now, after)
        if not after:
            return Change(None, None)
        wanted = replace(
            then,
            version=text_of(package.names, after),
            held=held if held or now.held else None,
            broken=() if now.broken and _installs(package) else None,
            leftovers=None,
            residue=now.leftovers or (),
        )
        old_lists = after != before and not now.fresh
        notes = ["the package lists are old: they are refreshed first"] if old_lists else []
        notes += _policy(package, before, after)
        note, warning = ("; ".join(some) or None for some in (notes, _refused(package, now, after)))
        return Change(then if before or then.broken else None, wanted, None, note, warning)

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Let go, remove, install, hold."""
        return commands_of([(name, change)])

    def together(self, changes: Sequence[tuple[str, Change[State]]]) -> Iterable[Command] | None:
        """One transaction of all that is to be installed, or removed, in the same manner."""
        kinds = {kind_of(name, change) for name, change in changes}
        return commands_of(changes) if len(kinds) == 1 and None not in kinds else None

    def rehearsal(self, changes: Sequence[tuple[str, Change[State]]]) -> Command | None:
        """Ask apt what it would do besides, and for the bytes; by the lists as they are."""
        return apt_rehearsal.rehearse(changes)

    def side_effects(self, changes: Sequence[tuple[str, Change[State]]], said: str) -> str | None:
        """Return what apt would do besides; of several changes, once for all of them."""
        names = apt_rehearsal.named_in(changes)
        told = apt_rehearsal.besides(said, names)
        if told is None or len(changes) == 1:
            return told
        return f"with {', '.join(names)} together: {told}"

    def learned(self, change: Change[State], _kept: str, said: str) -> Change[State]:
        """Add the packages that the transaction installed or removed besides."""
        return apt_back.learned(change, said)

    def lost(self, name: str, change: Change[State]) -> str | None:
        """Describe what a purge destroys, and other packages that were upgraded besides."""
        return apt_back.lost(name, change)

    def ask_back(self, package: Package, change: Change[State]) -> Package:
        """Which versions can still be had of what is to come back."""
        before = versions(package.identity, change.found)
        if not before:
            return package
        exact = [v if (v := before.get(n, BY))[0].isdigit() else None for n in package.names]
        return replace(package, action="install", version=exact, allow_downgrade=True)

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to the former versions; or to none, without the packages that came with them."""
        return apt_back.back(name, change, now)

    def unobtainable(self, name: str, change: Change[State], now: State | None) -> str | None:
        """Return the reason: no repository has the version any more, or a package is held."""
        return apt_back.unobtainable(name, change, now)

    def preflight(self, changes: Sequence[tuple[str, Change[State]]]) -> Command | None:
        """Ask which other packages would be removed with those."""
        return apt_back.preflight(changes)

    def objection(self, name: str, said: str, _going: Collection[Thing]) -> str | None:
        """Return the reason that other packages, which came later, would be removed with it."""
        return apt_back.objection(name, said)

    def about(self, package: Package) -> Iterable[Thing]:
        """Yield the packages; what an upgrade finds depends on the lists of apt as well."""
        return [*super().about(package), *([LISTS] if "upgrade" in package.doing else [])]

    def brings(self, name: str, change: Change[State]) -> Iterable[Thing]:
        """Yield the packages."""
        return [Thing("package", one) for one in versions(name, change.wanted)]

    def everything(self) -> Command | None:
        """Ask for the packages that were installed by request, and what others depend on."""
        shown = "${Package}\\t${Priority}\\t${Pre-Depends}, ${Depends}\\n"
        return sh("dpkg-query -W -f {} || exit; echo; " + BY_REQUEST, shown)

    def unmanaged(self, text: str, declared: Sequence[Package]) -> Iterable[tuple[str, Thing]]:
        """Yield the packages that were installed by request, and that no other one depends on."""
        all_, _, manual = text.partition("\n\n")
        system: set[str] = set()
        for line in all_.splitlines():
            name, priority, needs = line.split("\t")
            system |= {name} if priority in ("required", "important", "standard") else set()
            system.update(re.findall(r"[a-z0-9][a-z0-9+.-]+", re.sub(r"\([^)]*\)", "", needs)))
        known = {name.partition(":")[0] for package in declared for name in package.names}
        for line in manual.splitlines():
            name = line.partition(":")[0]
            if name not in known | system:
                yield name, Thing("package", name)


def _installs(package: Package) -> bool:
    return "install" in package.doing or "upgrade" in package.doing


def _version(one: Installed) -> str | None:
    if one.version is None and one.providers:
        return BY + one.providers[0]
    return one.version


def _with_hints(state: State, package: Package) -> State:
    """Return the state with the hints for a transaction; the offers of apt are not kept."""
    return replace(
        state,
        offers=(),
        essential=(),
        providers=(),
        options=package.words,
        release=package.default_release,
        recommends=package.install_recommends,
        overwrite=package.overwrite_config_files,
        cache_max_age=package.cache_max_age,
        lock_timeout=package.lock_timeout,
        timeout=package.timeout,
    )


def _goals(package: Package, now: State, before: Versions) -> Versions:
    """Each package, and the version that it is to have."""
    if not _installs(package):
        return {}
    offered = {offer.name: offer for offer in now.offers}
    return {
        name: _goal(package, name, before.get(name), offered.get(name), fresh_lists=now.fresh)
        for name in package.names
    }


def _goal(
    package: Package, name: str, have: str | None, offer: Offer | None, *, fresh_lists: bool
) -> str:
    declared = package.versions[name]
    if have is not None and declared in (None, have):
        if "upgrade" not in package.doing or declared is not None or offer is None:
            return have
        if package.allow_downgrade and _is_older(offer, have):
            return offer.candidate
        if not _is_newer(offer, have):
            return have
        return offer.candidate if fresh_lists else NEWEST
    if have is not None and declared is not None and not package.allow_downgrade:
        refuse_downgrade(name, have, declared)
    if offer is None or not fresh_lists:
        return declared or ANY
    return _pick(name, declared, offer)


def refuse_downgrade(name: str, have: str, declared: str) -> None:
    """Raise HostError if a version is older than the one that is there."""
    if have[0].isdigit() and order(declared) < order(have):
        raise HostError(
            f"{name} is at {have}, and would go back to {declared}",
            hint="allow_downgrade=True lets it",
        )


def _is_newer(offer: Offer, have: str) -> bool:
    if not offer.candidate or not have[0].isdigit():
        return False
    return order(offer.candidate) > order(have)


def _is_older(offer: Offer, have: str) -> bool:
    """Return whether a pin above 1000 makes apt go back, as `apt-get upgrade` does."""
    return bool(offer.candidate and have[:1].isdigit()) and order(offer.candidate) < order(have)


def _policy(package: Package, before: Versions, after: Versions) -> Iterator[str]:
    """Say where an upgrade goes back, because apt's policy wants it."""
    for name, version in after.items():
        have = before.get(name, "")
        exact = have[:1].isdigit() and version[0].isdigit() and package.versions[name] is None
        if exact and order(version) < order(have):
            yield (
                f"a pin of apt has {name} go back to {version}"
                f" (`apt-cache policy {name}`; allow_downgrade=False keeps {have})"
            )


def _refused(package: Package, now: State, after: Versions) -> Iterator[str]:
    """Say where an upgrade keeps a version, though apt's policy wants an older one."""
    for offer in now.offers if "upgrade" in package.doing else ():
        have = after.get(offer.name, "")
        if package.versions.get(offer.name) is None and _is_older(offer, have):
            yield (
                f"a pin of apt wants {offer.name} {offer.candidate}, which is older than {have}:"
                f" it stays, because of allow_downgrade=False (`apt-cache policy {offer.name}`)"
            )


def _pick(name: str, declared: str | None, offer: Offer) -> str:
    """
    Return the version that apt would install.

    Raises Missing if no repository has it, HostError if apt would not decide.
    """
    if declared is not None and declared in offer.versions:
        return declared
    if declared is not None or not (offer.candidate or offer.versions or offer.providers):
        there = f"; there is {', '.join(offer.versions)}" if offer.versions else ""
        what = name if declared is None else f"{name} {declared}"
        raise Missing(
            f"no repository of this host has the package {what}{there}",
            thing=name,
            hint="is it spelled so? does the recipe add its repository before?",
        )
    if offer.candidate:
        return offer.candidate
    if offer.versions:
        raise HostError(
            f"a pin keeps {name} from being installed", hint=f"see `apt-cache policy {name}`"
        )
    if len(offer.providers) != 1:
        raise HostError(
            f"{name} is but a name, and several packages provide it: {', '.join(offer.providers)}",
            hint="say which of them",
        )
    return BY + offer.providers[0]


def respect_holds(package: Package, now: State, before: Versions, after: Versions) -> None:
    """Raise HostError if a held package would change its version."""
    if "unlock" in package.doing:
        return
    for name in now.held or ():
        if name in before and after.get(name) != before[name]:
            what = f"become {after[name]}" if name in after else "be removed"
            raise HostError(
                f"{name} is held at {before[name]}, and would {what}",
                hint='it is held; to remove it, declare "unlock" before',
            )


def _held(package: Package, now: State, after: Versions) -> tuple[str, ...] | None:
    if "unlock" in package.doing:
        return ()
    if "lock" not in package.doing:
        return now.held
    for name in package.names:
        if name not in after or after[name].startswith(BY):
            raise HostError(f"{name} is not installed, and cannot be held at a version")
    return package.names


def _gone(package: Package, before: Versions) -> list[str]:
    """Return the packages to remove: only the declared version, if there is one."""
    return [name for name, have in before.items() if package.versions[name] in (None, have)]


def _refuse_removal(package: Package, now: State, before: Versions) -> None:
    """Raise HostError for a name that other packages provide, and for what apt does not remove."""
    providers = {name: others for name, *others in map(str.split, now.providers)}
    for name in _gone(package, before):
        if before[name].startswith(BY):
            others = providers.get(name) or [before[name].removeprefix(BY)]
            raise HostError(
                f"{name} is but a name, provided by {' and '.join(others)}",
                hint=f"say {' or '.join(map(repr, others))}",
            )
        if name in now.essential and "--allow-remove-essential" not in package.words:
            raise HostError(
                f"{name} is an essential package: apt refuses to remove it",
                hint="the host would not work without it;"
                ' options="--allow-remove-essential" removes it all the same',
            )


def _removal(package: Package, now: State, before: Versions) -> Change[State]:
    """Only the version declared, if one is; a name that another package provides is not it."""
    purge = "purge" in package.doing
    gone = _gone(package, before)
    if not gone and not (purge and now.leftovers):
        return Change(now, now)
    after = {name: version for name, version in before.items() if name not in gone}
    respect_holds(package, now, before, after)
    held = () if "unlock" in package.doing else now.held
    rest = replace(now, version=text_of(package.names, after), held=held, broken=None)
    wanted = replace(rest, leftovers=() if purge else None) if after else None
    return Change(now, wanted, "purge" if purge else None)
