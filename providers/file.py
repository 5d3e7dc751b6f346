"""Files, by the shell's own redirection, chown(1), chmod(1), sync(1) and mv(1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cookbook.errors import HostError
from cookbook.provider import Change, Probe, Provider, Texts, Thing, hint, provides
from cookbook.providers.ownership import (
    ask_owners,
    chown,
    found_owners,
    missing_owners,
    text_or_none,
)
from cookbook.providers.stat import SHA256, STAT, TARGET, parse_digest, parse_stat
from cookbook.resources.file import File
from cookbook.resources.template import Template
from cookbook.shell import Command, Content, join, script, sh

EMPTY = Content.of(b"")

_NEW_MODE = "0644"
_SHOWN_BYTES = 100_001
_BACKUPS = "/var/lib/cook/backup"


@dataclass(frozen=True)
class State:
    """A regular file; `kind` says what else is there, if something is."""

    kind: str = "file"
    content: Content | None = None
    mode: str | None = None
    owner: str | None = None
    group: str | None = None
    linked: bool = hint(default=False)
    """The path is a symbolic link, and what it points to is managed."""
    backup: int = hint(default=0)
    verify: tuple[str, ...] = hint(default=())
    atomic: bool = hint(default=True)
    secret: bool = hint(default=False)


@provides(Template)
@provides(File)
class FileProvider(Provider[File, State]):
    """Chef's file provider: old or new, never a mix."""

    def probe(self, file: File) -> Sequence[Probe]:
        """The path, what it points to, its content, the folder above, and the owners."""
        path = file.identity
        parent = path.rpartition("/")[0] or "/"
        return [
            STAT.about(path),
            TARGET.about(path),
            SHA256.about(path),
            TARGET.about(parent, loose=True),
            *ask_owners(file),
        ]

    def parse(
        self, file: File, at: str, target: str | None, digest: str | None, *_others: str | None
    ) -> State | None:
        """What is there, links followed; a dangling link is no file yet."""
        linked = parse_stat(at).kind == "symlink"
        if linked and file.manage_symlink_source is False:
            return State("symlink")
        if target is None:
            return None
        stat = parse_stat(target)
        owner, group = found_owners(file, stat)
        content = Content(parse_digest(digest)) if digest else None
        return State(stat.kind, content, stat.mode, owner, group, linked)

    def plan(self, file: File, found: State | None) -> Change[State]:
        """Content and metadata; whatever else is in the way is an error, or unlinked."""
        if found is not None and found.kind != "file" and not file.force_unlink:
            raise HostError(
                f"{file.identity} is a {found.kind}, not a file",
                hint="remove it first, or say force_unlink=True",
            )
        if file.action == "delete":
            return Change(found, None)
        if file.action == "create_if_missing" and found is not None:
            return Change(found, found)
        act = "touch" if file.action == "touch" else None
        return Change(found, self._wanted(file, found), act)

    def _wanted(self, file: File, found: State | None) -> State:
        data = file.data
        fresh = found is None or found.kind != "file"
        return State(
            content=Content.of(data) if data is not None else (EMPTY if fresh else None),
            mode=str(file.mode) if file.mode is not None else (_NEW_MODE if fresh else None),
            owner=text_or_none(file.owner),
            group=text_or_none(file.group),
            linked=found.linked if found is not None else file.manage_symlink_source is not False,
            backup=int(file.backup) if not file.sensitive else 0,
            verify=(file.verify,) if isinstance(file.verify, str) else tuple(file.verify or ()),
            atomic=file.atomic_update,
            secret=file.sensitive,
        )

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Write, or only set what differs, or remove."""
        found, wanted = change.found, change.wanted
        if wanted is None:
            keep = _backup(change) if found is not None and found.kind == "file" else sh("")
            gone = sh("rm -f -- {}", name) if _plain(found) else sh("rm -rf -- {}", name)
            yield sh("{}{}", _prepare(name, linked=False), _steps([keep, gone]))
        elif {"content", "kind"} & change.fields.keys():
            yield _write(name, change)
        elif change.fields:
            path = sh('"$p"')
            owner, group = _changed(change, "owner"), _changed(change, "group")
            mode = wanted.mode or (found.mode if found is not None else None)
            yield sh(
                "{}{}",
                _prepare(name, linked=wanted.linked),
                _steps([chown(owner, group, path), sh("chmod {} {}", mode, path)]),
            )
        if change.act == "touch" and wanted is not None:
            yield sh("touch -- {}", name)

    def contents(self, file: File) -> Mapping[str, bytes]:
        """What is to be in it."""
        data = file.data if file.data is not None else b""
        return {Content.of(data): data}

    def texts(self, name: str, change: Change[State]) -> Texts | None:
        """The file before and after."""
        if not {"content", "kind"} & change.fields.keys():
            return None
        found = sh("head -c {} -- {}", _SHOWN_BYTES, name) if _plain(change.found) else None
        if change.found is None or change.found.kind != "file":
            found = None
        return Texts(found, change.wanted.content if change.wanted is not None else None)

    def missing(
        self,
        file: File,
        _at: str | None,
        _to: str | None,
        _sha: str | None,
        parent: str | None,
        *owners: str | None,
    ) -> Iterator[Thing]:
        """The folder above, and the owners."""
        if file.action != "delete":
            if parent is None:
                yield Thing("path", file.identity.rpartition("/")[0])
            yield from missing_owners(file, owners)

    def brings(self, name: str, change: Change[State]) -> Iterable[Thing]:
        """The path."""
        return [Thing("path", name)] if change.wanted is not None else []


def _plain(found: State | None) -> bool:
    return found is not None and found.kind in ("file", "symlink")


def _changed(change: Change[State], field: str) -> str | None:
    return change.fields[field][1] if field in change.fields else None


def _prepare(name: str, *, linked: bool) -> Command:
    """`p` is the path that is worked on, `t` a new one beside it that nobody else has."""
    if linked:
        return sh("p=$(readlink -f -- {}) || exit; t=${p%/*}/.cook-$cook_nonce; ", name)
    return sh("p={}; t=${p%/*}/.cook-$cook_nonce; ", name)


def _steps(commands: Iterable[Command]) -> Command:
    """One after the other, as long as they succeed."""
    return join([command for command in commands if command], " && ")


def _write(name: str, change: Change[State]) -> Command:
    found, wanted = change.found, change.wanted
    assert wanted is not None  # noqa: S101 - otherwise there is nothing to write
    there = found is not None and found.kind == "file"
    content = wanted.content if wanted.content is not None else EMPTY
    new = sh('"$t"')
    steps = [
        sh("umask 077"),
        sh('(set -C; content {} > "$t")', content),
        *_like(change, new),
        *[_verify(text, new) for text in wanted.verify if "{path}" in text],
        _backup(change) if there and wanted.backup else sh(""),
        sh("") if there or found is None else sh('rm -rf -- "$p"'),
    ]
    in_place = [text for text in wanted.verify if "{path}" not in text]
    if not wanted.atomic and there:
        steps.append(sh('cat "$t" > "$p"'))
    elif in_place:
        steps.append(_swap_and_verify(in_place, there=there))
    else:
        steps.append(sh('sync "$t" && mv -f -- "$t" "$p"'))
    clean = sh("trap 'rm -f \"$t\"' EXIT; ")
    return sh("{}{}{}", _prepare(name, linked=wanted.linked), clean, _steps(steps))


def _like(change: Change[State], path: Command) -> Iterator[Command]:
    """Owner first: chown(2) takes setuid away, so the mode comes after it."""
    found, wanted = change.found, change.wanted
    assert wanted is not None  # noqa: S101
    before = found if found is not None and found.kind == "file" else State()
    owner, group = wanted.owner or before.owner, wanted.group or before.group
    if (owner, group) != ("root", "root"):
        yield chown(owner, group, path)
    yield sh("chmod {} {}", wanted.mode or before.mode or _NEW_MODE, path)


def _verify(text: str, path: Command) -> Command:
    """A check that the author wrote, about the new file beside its place."""
    pieces = text.replace("%{path}", "{path}").split("{path}")
    text = path.text.join(pieces)
    return sh("({}\n)", script(text))


def _swap_and_verify(checks: Sequence[str], *, there: bool) -> Command:
    """
    Put the new file in place, check, and go back if a check says no.

    The old one stands beside as a second name of the same file meanwhile.
    """
    keep = sh('ln -f -- "$p" "$t.old"') if there else sh(":")
    back = sh('mv -f -- "$t.old" "$p"') if there else sh('rm -f -- "$p"')
    gone = sh('rm -f -- "$t.old"') if there else sh(":")
    check = _steps([sh("({}\n)", script(text)) for text in checks])
    return sh(
        'sync "$t" && {} && mv -f -- "$t" "$p" && if {}; then {}; else s=$?; {}; exit $s; fi',
        keep,
        check,
        gone,
        back,
    )


def _backup(change: Change[State]) -> Command:
    """Keep the former content, and only so many of them; root's alone."""
    count = change.wanted.backup if change.wanted is not None else 5
    return sh(
        'b={}$p && mkdir -p -m 700 -- "${b%/*}" && cp -p -- "$p" "$b.$(date +%Y%m%d%H%M%S)"'
        ' && ls -1d -- "$b".[0-9]* | sort -r | tail -n +{} | while IFS= read -r old; do'
        ' rm -f -- "$old"; done',
        _BACKUPS,
        count + 1,
    )
