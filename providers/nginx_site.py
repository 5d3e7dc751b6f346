"""Sites of nginx: a file, the link that enables it, and what the running nginx has loaded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cookbook.errors import HostError
from cookbook.provider import (
    Change,
    Command,
    Probe,
    Provider,
    Texts,
    Thing,
    hint,
    join,
    provides,
    sh,
    tainted,
)
from cookbook.providers import writing
from cookbook.providers.checkers import named
from cookbook.providers.file_part import FileAndMore, file_change, file_part, file_values
from cookbook.providers.nginx import ASK, with_nginx
from cookbook.providers.own_file import FILES
from cookbook.providers.stat import TARGET
from cookbook.resources.file import File
from cookbook.resources.nginx_site import NginxSite


@dataclass(frozen=True)
class State(FileAndMore):
    """A file in sites-available, and its link in sites-enabled."""

    link: str | None = None
    """The target of the link that enables it; empty without one."""
    unloaded: bool | None = None
    """True if a change of it was interrupted before nginx had loaded it."""
    leads: bool = hint(default=False)
    """True if the link leads to the file."""


@provides(NginxSite)
class NginxSiteProvider(Provider[NginxSite, State]):
    """The file is handled as a file; nginx checks all sites before, and loads them after it."""

    essence = FILES.essence

    def probe(self, site: NginxSite) -> Sequence[Probe]:
        """Ask for the link, the program, the files that TLS needs, and the file."""
        find = sh("PATH=$PATH:/usr/sbin:/sbin; command -v nginx || exit 4")
        return [
            Probe(replace(sh(ASK.strip(), site.name), called=f"look at the link {site.link}")),
            Probe(find, absent=4, loose=True),
            *(TARGET.about(path, loose=True) for path in _needs(site)),
            *FILES.probe(_file(site)),
        ]

    def parse(self, site: NginxSite, text: str, *answers: Any) -> State | None:
        """Return what is there; None without file and link."""
        link, leads, *more = text.split("\n")
        if leads == "other":
            raise HostError(
                f"{site.link} is no link", hint="move it to sites-available, or remove it"
            )
        of_file = answers[1 + len(_needs(site)) :]
        file = FILES.parse(_file(site), *of_file) if of_file[0] is not None else None
        unloaded = "unloaded" in more
        if file is None and not link and not unloaded:
            return None
        return _joined(file, link, leads=leads == "same", unloaded=unloaded)

    def plan(self, site: NginxSite, found: State | None) -> Change[State]:
        """Compare file and link."""
        if site.action == "delete" or (site.action == "disable" and found is None):
            return Change(found, None)
        now = found or State(defined=False, link="", unloaded=False)
        file: Change[writing.State] = Change(file_part(now), file_part(now))
        if site.action == "create":
            file = FILES.plan(_file(site), file_part(now))
        on = site.action == "enable" or (site.action == "create" and site.enabled)
        link = (now.link if now.leads else site.identity) if on else ""
        wanted = _joined(file.wanted, link or "", leads=on, unloaded=False)
        return Change(found, wanted, note=file.note)

    def commands(self, name: str, change: Change[State]) -> Iterator[Command]:
        """Check all sites, write the file, set the link, and reload nginx."""
        found, wanted = change.found, change.wanted
        site = name.rpartition("/")[2]
        link = wanted.link or "" if wanted is not None else ""
        was = found.link or "" if found is not None else ""
        file = file_change(change)
        read = link != was or (found is not None and found.unloaded)
        if link:
            read = read or file.kind == "create" or bool({"content", "kind"} & file.fields.keys())
        if not read:
            yield from FILES.commands(name, file)
            return
        whole = with_nginx(site, join([*_steps(name, file, link, was), sh("cook_reload")], " && "))
        verb = "write" if link else "remove" if wanted is None else "disable"
        yield replace(whole, called=f"{verb} the site {site} of nginx")

    def contents(self, site: NginxSite) -> Mapping[str, bytes]:
        """Return the wanted content."""
        return FILES.contents(_file(site))

    def texts(self, name: str, change: Change[State]) -> Texts | None:
        """Return the texts before and after."""
        file = file_change(change)
        return FILES.texts(name, file) if file.needed else None

    def missing(self, site: NginxSite, text: str | None, *answers: Any) -> Iterator[Thing]:
        """Yield nginx, the folder, and the files that it has to read."""
        tool, *others = answers
        if tool is None and site.action in ("create", "enable"):
            yield Thing("tool", "nginx")
        needs = _needs(site)
        yield from (Thing("path", p) for p, at in zip(needs, others, strict=False) if at is None)
        of_file = others[len(needs) :]
        if site.action == "create":
            yield from FILES.missing(_file(site), *of_file)
        elif site.action == "enable" and of_file[0] is None:
            yield Thing("path", site.identity)

    def brings(self, name: str, change: Change[State]) -> Iterable[Thing]:
        """Yield the file and the link."""
        wanted = change.wanted
        link = name.replace("sites-available", "sites-enabled")
        there = [(name, wanted and wanted.defined), (link, wanted and wanted.link)]
        return [Thing("path", path) for path, given in there if given]

    def about(self, site: NginxSite) -> Iterable[Thing]:
        """Yield the file and the link."""
        return [Thing("path", site.identity), Thing("path", site.link)]

    def removes(self, site: NginxSite, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the file and the link, if they are removed."""
        return self.about(site) if site.action == "delete" else ()

    def there(self, state: State | None) -> bool:
        """Return whether there is the file or the link."""
        return state is not None and bool(state.defined or state.link)

    def keeps(self, name: str, change: Change[State]) -> Command | None:
        """Keep the former content."""
        return FILES.keeps(name, file_change(change))

    def learned(self, change: Change[State], kept: str, said: str) -> Change[State]:
        """Add when it was modified."""
        file = FILES.learned(file_change(change), kept, said).found
        before = change.found
        if file is None or before is None:
            return change
        return replace(change, found=_joined(file, before.link or "", leads=before.leads))

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to the former file and the former link."""
        before = change.found
        if before is None:
            return Change(now, None)
        file = FILES.back(name, file_change(change), file_part(now)).wanted
        link = before.link if now is None or "link" in change.fields else now.link
        return Change(now, _joined(file, link or "", leads=before.leads, unloaded=False))

    def unobtainable(self, name: str, change: Change[State], now: State | None) -> str | None:
        """Return the reason why the former file cannot be restored."""
        return FILES.unobtainable(name, file_change(change), file_part(now))


def _steps(name: str, file: Change[writing.State], link: str, was: str) -> Iterator[Command]:
    """Yield what is done before the reload: of a site that goes, the link goes first."""
    if not link:
        yield sh("cook_check ''")
        yield sh('rm -f -- "$l"') if was else sh(":")
    elif file.wanted is not None and (file.found is None or "content" in file.fields):
        check = named("nginx", "cook_check {path}")
        file = replace(file, wanted=replace(file.wanted, verify=(check,)))
    else:
        yield sh('cook_check "$a"')
    for command in FILES.commands(name, file) if file.needed else ():
        yield sh("(\n{}\n)", command)
    if link and link != was:
        yield sh('ln -sfn -- {} "$l"', link)


def _needs(site: NginxSite) -> list[str]:
    """Return the files that nginx reads when it loads the site."""
    if site.action != "create" or not site.enabled:
        return []
    return [path for path in (site.certificate, site.certificate_key) if path is not None]


def _file(site: NginxSite) -> File:
    if site.action == "delete":
        return File(site.identity, action="delete", backup=False)
    if site.action != "create":
        return File(site.identity, backup=False, verify=[])
    secret = site.confidential
    return File(
        site.identity,
        content=tainted(site.text) if secret else site.text,
        owner="root",
        group="root",
        mode="0640" if secret else "0644",
        backup=False,
        verify=[],
        sensitive=secret,
    )


def _joined(
    file: writing.State | None, link: str, *, leads: bool = False, unloaded: bool | None = None
) -> State:
    values = file_values(file)
    return State(**values, link=link, leads=bool(link) and leads, unloaded=unloaded)
