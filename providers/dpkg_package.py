"""Packages from files, by dpkg-deb(1) and apt-get(8)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, LiteralString, cast

from cookbook.errors import HostError, Missing
from cookbook.provider import Change, Command, Content, Probe, Thing, provides, sh
from cookbook.providers.apt import AptProvider, refuse_downgrade, respect_holds
from cookbook.providers.apt_get import (
    Deb,
    State,
    TransactionOptions,
    arguments,
    manner_of,
    transaction,
)
from cookbook.providers.apt_rehearsal import ask_besides
from cookbook.providers.dpkg import order
from cookbook.providers.fetched import with_fetched
from cookbook.providers.named_versions import versions
from cookbook.resources.dpkg_package import DpkgPackage
from cookbook.resources.package import Package

_ASK: LiteralString = """\
f={}; [ -e "$f" ] || exit 4; [ ! -d "$f" ] || { echo "$f is a directory" >&2; exit 13; }
dpkg-deb -f "$f" Package Version || exit; c=$(sha256sum <"$f") || exit; echo "Checksum: ${c%% *}"
"""

# A redo finds the file in the stash; one that cannot be kept stops nothing.
_KEEP: LiteralString = (
    '(umask 077; s=$cook_home/stash; mkdir -p -- "$s"; [ -e "$s"/{} ] || {'
    ' cp -- {} "$s/.$cook_nonce" && mv -f -- "$s/.$cook_nonce" "$s"/{}; }) || :'
)

_PLACE = "/var/cache/apt/archives/cook-{}.deb"
"""The path of a file that does not stay on the host; the user _apt can read it there."""


@provides(DpkgPackage, when=lambda facts: facts.package_tool == "apt")
class DpkgPackageProvider(AptProvider):
    """As a package, except for where it comes from."""

    def everything(self) -> None:
        """Return nothing: what is on a host, and not declared, is listed by `package`."""

    def probe(self, package: Package) -> Sequence[Probe]:
        """Ask for the installed version, the offers of apt for an undo, and the file."""
        deb = _deb_of(package)
        asked = [*super().probe(_as_package(deb))]
        if _path_of(deb):
            control = replace(sh(_ASK, deb.source), called=f"dpkg-deb -f {deb.source}")
            asked.append(Probe(control, absent=4))
        return asked

    def parse(self, package: Package, *answers: str | None) -> State:
        """Return the installed version, and what the file has."""
        deb = _deb_of(package)
        its = answers[-1] if _path_of(deb) else None
        own = answers[:-1] if _path_of(deb) else answers
        found = super().parse(_as_package(deb), *own)
        return replace(found, deb=_found_deb(deb, its))

    def plan(self, package: Package, found: State | None) -> Change[State]:
        """Compare the version with that of the file."""
        deb, now = _deb_of(package), found if found is not None else State()
        as_package = _as_package(deb)
        if deb.action != "install":
            return super().plan(as_package, found)
        name, have = deb.identity, versions(deb.identity, found).get(deb.identity)
        target = now.deb.version if now.deb is not None else deb.version
        if not target:
            raise Missing(
                f"{deb}: there is no file {deb.source}",
                thing=deb.source or name,
                hint="declare what brings the file before it, or its version",
            )
        then = replace(now, **_hints(deb))
        if have is not None and have != target:
            if not deb.allow_downgrade:
                refuse_downgrade(name, have, target)
            respect_holds(as_package, now, {name: have}, {name: target})
        if have != target and now.deb is None:
            raise HostError(f"{deb}: there is no source from which it could be installed")
        wanted = replace(
            then,
            version=target,
            held=None,
            broken=() if now.broken else None,
            leftovers=None,
            residue=now.leftovers or (),
        )
        unseen = now.deb is not None and not now.deb.path and have != target
        note = "what apt installs with it is known when the file is on the host" if unseen else None
        return Change(then if have is not None or then.broken else None, wanted, note=note)

    def rehearsal(self, changes: Sequence[tuple[str, Change[State]]]) -> Command | None:
        """Ask what apt would do besides, if it has the file; without one, as for a package."""
        (name, change), *_ = changes
        deb = change.wanted.deb if change.wanted is not None else None
        if deb is None:
            return super().rehearsal(changes)
        if not deb.path or "version" not in change.fields:
            return None
        manner, back = _manner(name, change, deb)
        return ask_besides(arguments("install", [deb.path], manner, downgrade=back))

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Install the file; all else is done with the package."""
        wanted = change.wanted
        if wanted is None or wanted.deb is None or not {"version", "broken"} & change.fields.keys():
            yield from super().commands(name, change)
        else:
            yield _install(name, change, wanted.deb)

    def together(self, changes: Sequence[tuple[str, Change[State]]]) -> Iterable[Command] | None:
        """Return None: each file by itself."""
        return None

    def contents(self, package: Package) -> Mapping[str, bytes]:
        """Return the file."""
        deb = _deb_of(package)
        if deb.content is None or deb.checksum is None:
            return {}
        return {Content(deb.checksum): deb.content}

    def missing(self, package: Package, *answers: str | None) -> Iterator[Thing]:
        """Yield the file."""
        deb = _deb_of(package)
        if _path_of(deb) and answers[-1] is None:
            yield Thing("path", deb.source or "")

    def entries(self, package: Package) -> Mapping[str, Package]:
        """Return the package."""
        return {package.identity: package}

    def about(self, package: Package) -> Iterable[Thing]:
        """Yield the package, and the file."""
        deb = _deb_of(package)
        yield Thing("package", deb.identity)
        if _path_of(deb):
            yield Thing("path", deb.source or "")

    def alters(self, package: Package, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the package."""
        return [Thing("package", package.identity)]

    def ask_back(self, package: Package, change: Change[State]) -> Package:
        """Return the same: all versions that can be had are asked for."""
        return package

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to the former version, from the file if it has that."""
        back = super().back(name, change, now)
        if back.wanted is None:
            return back
        deb = now.deb if now is not None else None
        same = deb is not None and deb.version == back.wanted.version
        return replace(back, wanted=replace(back.wanted, deb=deb if same else None))

    def unobtainable(self, name: str, change: Change[State], now: State | None) -> str | None:
        """Return the reason: neither a repository nor the file has the version."""
        before = versions(name, change.found).get(name)
        if now is not None and now.deb is not None and before == now.deb.version:
            return None
        return super().unobtainable(name, change, now)


def _deb_of(package: Package) -> DpkgPackage:
    """Return the resource as what it is: the provider of packages is written for another type."""
    return cast("DpkgPackage", package)


def _path_of(deb: DpkgPackage) -> bool:
    """Return whether the file is on the host."""
    return deb.action == "install" and deb.source is not None and not deb.remote


def _as_package(deb: DpkgPackage) -> Package:
    """Return a package of the same name, about which all offers of apt are asked."""
    return Package(
        deb.name,
        package_name=deb.identity,
        options=deb.options,
        lock_timeout=deb.lock_timeout,
        timeout=deb.timeout,
        action="upgrade" if deb.action == "install" else deb.action,
    )


def _hints(deb: DpkgPackage) -> dict[str, Any]:
    """Return the hints for the transaction; the offers of apt are not kept."""
    return {
        "offers": (),
        "essential": (),
        "providers": (),
        "options": deb.words,
        "lock_timeout": deb.lock_timeout,
        "timeout": deb.timeout,
    }


def _found_deb(deb: DpkgPackage, control: str | None) -> Deb | None:
    """
    Return where the package comes from; None if there is no file.

    Raises HostError for a file of another package, or with another checksum.
    """
    if not _path_of(deb):
        if deb.checksum is None or deb.version is None or deb.action != "install":
            return None
        sources = (deb.source,) if deb.source is not None else ()
        return Deb(deb.version, content=Content(deb.checksum), sources=sources)
    if control is None:
        return None
    fields = dict(line.split(": ", 1) for line in control.splitlines() if ": " in line)
    if fields["Package"] != deb.identity:
        raise HostError(f"{deb.source} is a file of the package {fields['Package']}")
    if deb.checksum not in (None, fields["Checksum"]):
        raise HostError(f"{deb.source} has the checksum {fields['Checksum']}, not {deb.checksum}")
    if deb.version not in (None, fields["Version"]):
        raise HostError(f"{deb.source} has the version {fields['Version']}, not {deb.version}")
    return Deb(fields["Version"], path=deb.source or "")


def _manner(name: str, change: Change[State], deb: Deb) -> tuple[TransactionOptions, bool]:
    """Return the options of the transaction, and whether it goes back to an older version."""
    manner = manner_of(change)
    manner = replace(manner, names=(name,), options=("--no-remove", *manner.options))
    have = versions(name, change.found).get(name, "")
    return manner, have[:1].isdigit() and order(deb.version) < order(have)


def _install(name: str, change: Change[State], deb: Deb) -> Command:
    """Return the transaction with the file; one that is sent or fetched is kept for a redo."""
    path = deb.path or _PLACE.format((deb.content or "")[:16])
    manner, back = _manner(name, change, deb)
    install = transaction("install", [path], manner, downgrade=back, refresh=False)
    if deb.content is None:
        return install
    place = sh("(umask 022; content {} >{}) || exit\n", deb.content, path)
    same = sh(
        '[ "$(dpkg-deb -f {} Package Version | tr "\\n" ,)" = {} ] ||'
        " { echo 'the file is of another package or version' >&2; exit 1; }\n",
        path,
        f"Package: {name},Version: {deb.version},",
    )
    keep = sh(_KEEP, deb.content, path, deb.content)
    whole = sh("trap 'rm -f -- {}' EXIT\n{}{}{}\n{}", path, place, same, install, keep)
    whole = sh("({})", whole)
    if deb.sources:
        whole = with_fetched(deb.content, deb.sources, whole)
    return replace(whole, shown=install.shown, called=install.shown)
