"""Read a host, try the recipe there, and write the folder."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cookbook.errors import UsageError
from cookbook.importing import accounts, cron, files, firewall, packages, services, system
from cookbook.importing.declaration import SUBJECTS, Declaration, HostItem, LeftOut
from cookbook.importing.ownership import Ownership
from cookbook.importing.questions import Seen, ask, read_files, read_shipped
from cookbook.importing.recipe import folder_files, inventory_text, recipe_text
from cookbook.importing.states import Reader
from cookbook.importing.trial import Trial, complete, with_parts
from cookbook.text.secret_marks import secret_in
from cookbook.text.suggest import did_you_mean

if TYPE_CHECKING:
    from cookbook.hosts.session import Session
    from cookbook.inventory import Host
    from cookbook.secrets.secret import Secret


_SUBJECT_OF = {
    **dict.fromkeys(("held", "manual", "local", "priorities", "needs"), "package"),
    **dict.fromkeys(("passwd", "scripts", "homes"), "user"),
    **dict.fromkeys(("units", "active", "helper", "aliases"), "service"),
    "group": "group",
}
"""The subject of a question that may fail; the other questions are about files."""


@dataclass(frozen=True)
class Imported:
    """The result of an import."""

    host: str
    declarations: Sequence[Declaration]
    left_out: Sequence[LeftOut]

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Subject -> how many things were found, written and left out."""
        written = Counter(one.subject for one in self.declarations if not one.helps)
        missing = Counter(one.subject for one in self.left_out)
        whole = Counter(one.subject for one in self.left_out if not one.part)
        return {
            subject: {
                "found": written[subject] + whole[subject],
                "written": written[subject],
                "left_out": missing[subject],
            }
            for subject in SUBJECTS
            if written[subject] or missing[subject]
        }


def chosen_subjects(types: Sequence[str], without: Sequence[str]) -> frozenset[str]:
    """
    Return the subjects to import.

    Raises UsageError for an unknown one, with the nearest name.
    """
    for name in (*types, *without):
        if name not in SUBJECTS:
            near = did_you_mean(name, SUBJECTS)
            raise UsageError(
                f"{name!r} cannot be imported", hint=near or f"these can: {', '.join(SUBJECTS)}"
            )
    return frozenset(types or SUBJECTS) - frozenset(without)


def import_host(host: Host, become_password: Secret | None, subjects: Collection[str]) -> Imported:
    """
    Return what a host has, as declarations whose plan there is empty.

    The host is only read. Raises HostError if it cannot be reached, or asked.
    """
    from cookbook.hosts.connect import connect
    from cookbook.hosts.session import Session

    session = Session(connect(host, become_password))
    try:
        found = list(_found(session, subjects))
    finally:
        session.close()
    left_out = [one for one in found if isinstance(one, LeftOut)]
    declarations = []
    for one in found:
        if isinstance(one, Declaration):
            if what := secret_of(one):
                left_out.append(LeftOut(one.subject, one.name, f"it has {what}"))
            else:
                declarations.append(one)
    with tempfile.TemporaryDirectory(prefix="cook-import-") as folder:
        trial = Trial(host, become_password, Path(folder), left_out)
        kept = trial.settled(complete(declarations))
    return Imported(host.name, kept, [*with_parts(kept), *left_out])


def write_folder(folder: Path, name: str, host: Host, imported: Imported, when: str) -> list[Path]:
    """
    Write recipe, files and hosts.yml into a new or empty folder; return their paths.

    Folder and files are for their owner only, since they have content of the host. Raises
    UsageError if the folder has something, or cannot be written.
    """
    check_folder(folder)
    recipe = recipe_text(imported.host, when, imported.declarations, imported.left_out)
    inventory = inventory_text(host, f"{name}.py")
    paths = []
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)  # it may have been there before
        for path, data in folder_files(name, recipe, inventory, imported.declarations).items():
            target = folder / path
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            target.touch(mode=0o600)
            target.write_bytes(data)
            paths.append(target)
    except OSError as error:
        raise UsageError(f"{error.filename}: {error.strerror}") from None
    return paths


def check_folder(folder: Path) -> None:
    """Raise UsageError for a folder that has something in it."""
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UsageError(
                f"{folder} exists already, and is not empty",
                hint="choose another folder: -o FOLDER; nothing was written",
            )
    except OSError as error:
        raise UsageError(f"{error.filename}: {error.strerror}") from None


def secret_of(one: Declaration) -> str | None:
    """Return what secret the properties have that are written into the recipe."""
    return next(filter(None, map(secret_in, _texts([*one.properties.values()]))), None)


def _texts(value: object, name: str = "") -> Iterator[str]:
    """Yield the texts in a property; a text in a mapping with its name, which may be the mark."""
    if isinstance(value, str):
        yield f"{name}={value}" if name else value
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _texts(one, str(key))
    elif isinstance(value, Sequence):
        for one in value:
            yield from _texts(one)


def _found(session: Session, subjects: Collection[str]) -> Iterator[HostItem]:
    """Read the host; yield what belongs to these subjects."""
    from cookbook.plugins.manager import catalog

    reader = Reader(session, catalog(), session.facts())
    seen = ask(session)
    ownership = Ownership(seen)
    contents = read_files(session, [*files.wanted_files(ownership), *cron.crontabs(seen)])
    seen = replace(seen, contents=contents)
    ownership = Ownership(seen)
    seen = replace(seen, shipped=read_shipped(session, ownership.digests()))
    ownership = Ownership(seen)
    yield from (one for one in _all(seen, reader, ownership) if one.subject in subjects)
    failed = {_SUBJECT_OF.get(name, "file"): said for name, said in seen.failed.items()}
    for subject, said in (failed | reader.failed).items():
        if subject in subjects:
            yield LeftOut(subject, "all of them", f"the host cannot list them: {said}")


def _all(seen: Seen, reader: Reader, ownership: Ownership) -> Iterator[HostItem]:
    units = services.Units(seen, ownership)
    told, notified = services.notifying(files.files(seen, ownership), units)
    changed = {one.name: one for one in services.services(units) if isinstance(one, Declaration)}
    running = {one.name: one for one in notified.values() if one.name not in changed}
    yield from told
    yield from changed.values()
    yield from (replace(one, helps=True) for one in running.values())
    by_hand = list(packages.packages(seen, reader))
    owners = [*(name for one in told for name in _owners(one, ownership))]
    owners += [name for unit in (*changed, *notified) for name in units.owners(_full(unit))]
    owners += ["locales"] if seen.lines("locales") else []
    names = {one.name for one in by_hand if isinstance(one, Declaration)}
    by_hand += packages.owners_to_declare(seen, owners, names)
    by_hand = packages.as_recommended(seen, by_hand)
    yield from sorted(by_hand, key=lambda one: one.name if isinstance(one, Declaration) else "")
    yield from system.names(seen)
    yield from system.language(seen)
    yield from accounts.groups(seen)
    yield from accounts.users(seen, reader)
    yield from accounts.homes(seen)
    yield from accounts.keys(reader)
    yield from cron.jobs(seen)
    yield from system.mounts(seen)
    yield from system.names_of_hosts(seen)
    declared = {one.path for one in told if isinstance(one, Declaration)}
    yield from firewall.packet_filter(seen, declared)


def _full(unit: str) -> str:
    return unit if "." in unit else f"{unit}.service"


def _owners(one: HostItem, ownership: Ownership) -> list[str]:
    return ownership.packages_of(one.path) if isinstance(one, Declaration) else []
