"""Files, by the shell's own redirection, chown(1), chmod(1), sync(1) and mv(1)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from cookbook.errors import HostError
from cookbook.provider import Change, Probe, Provider, Texts, Thing, hint, provides
from cookbook.providers.ownership import (
    ask_owners,
    chown,
    chown_new,
    found_owners,
    missing_owners,
    need_folder,
    text_or_none,
)
from cookbook.providers.stat import (
    READLINK,
    SHA256,
    STAT,
    TARGET,
    parse_digest,
    parse_link,
    parse_stat,
)
from cookbook.resources.file import File
from cookbook.resources.template import Template
from cookbook.shell import Command, Content, Secret, join, script, sh

EMPTY = Content.of(b"")

_NEW_MODE = "0644"
_SHOWN_BYTES = 100_001
_BACKUPS = "/var/lib/cook/backup"


@dataclass(frozen=True)
class State:
    """A regular file; `kind` says what else is there, if something is."""

    kind: str | None = None
    """None for a regular file, which goes without saying; "file" where it replaces something."""
    content: Content | None = None
    mode: str | None = None
    owner: str | None = None
    group: str | None = None
    to: str | None = None
    """What a symbolic link says that is removed itself."""
    linked: bool = hint(default=False)
    """The path is a symbolic link, and what it points to is managed."""
    backup: int = hint(default=0)
    verify: tuple[str, ...] = hint(default=())
    atomic: bool = hint(default=True)
    secret: bool = hint(default=False)

    @property
    def regular(self) -> bool:
        """Whether it is a file."""
        return self.kind in (None, "file")


@provides(Template)
@provides(File)
class FileProvider(Provider[File, State]):
    """Chef's file provider: old or new, never a mix."""

    def probe(self, file: File) -> Sequence[Probe]:
        """The path, what it points to, its content, the link itself, the folder, the owners."""
        path = file.identity
        parent = path.rpartition("/")[0] or "/"
        return [
            STAT.about(path),
            TARGET.about(path),
            SHA256.about(path),
            *([READLINK.about(path)] if _means_link(file) else []),
            TARGET.about(parent, loose=True),
            *ask_owners(file),
        ]

    def parse(
        self, file: File, at: str, target: str | None, digest: str | None, *others: str | None
    ) -> State:
        """What is there. A link stands for its file, unless it is meant itself."""
        link: str | None = None
        if _means_link(file):
            link, *others = others  # type: ignore[assignment]  # a list will do
        stat = parse_stat(at)
        if linked := stat.kind == "symlink":
            if link is not None:
                return State("symlink", to=parse_link(link))
            if target is None:
                return State("dangling symlink", linked=True)
            stat = parse_stat(target)
            if stat.kind != "file":
                return State(f"symlink to a {stat.kind}")
        owner, group = found_owners(file, stat, others[1:])
        content = Content(parse_digest(digest)) if digest else None
        kind = None if stat.kind == "file" else stat.kind
        return State(kind, content, stat.mode, owner, group, linked=linked)

    def plan(self, file: File, found: State | None) -> Change[State]:
        """Content and metadata; whatever else is in the way is an error, or unlinked."""
        if found is not None and not (found.regular or file.force_unlink or _may_go(file, found)):
            raise HostError(
                f"{file.identity} is a {found.kind}, not a file",
                hint="remove it first, or say force_unlink=True",
            )
        if file.action == "delete":
            kept = replace(found, backup=_backups(file)) if found is not None else None
            return Change(kept, None, note=_note(file, found))
        if file.action == "create_if_missing" and found is not None and found.regular:
            return Change(found, found)
        act = "touch" if file.action == "touch" else None
        return Change(found, _wanted(file, found), act, _note(file, found))

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Write, or only set what differs, or remove."""
        found, wanted = change.found, change.wanted
        if wanted is None:
            yield _remove(name, found)
        elif found is None or {"content", "kind"} & change.fields.keys():
            yield _write(name, found, wanted)
            return
        elif change.fields:
            steps = _set(change, sh('"$p"'))
            yield sh("{}{}", _prepare(name, found), _steps(steps))
        if change.act == "touch":
            yield sh("touch -- {}", name)

    def contents(self, file: File) -> Mapping[str, bytes]:
        """What is to be in it."""
        data = file.data if file.data is not None else b""
        return {Content.of(data): data}

    def texts(self, name: str, change: Change[State]) -> Texts | None:
        """The file before and after."""
        if not {"content", "kind"} & change.fields.keys():
            return None
        there = change.found is not None and change.found.content is not None
        found = sh("head -c {} -- {}", _SHOWN_BYTES, name) if there else None
        return Texts(found, change.wanted.content if change.wanted is not None else None)

    def missing(
        self,
        file: File,
        _at: str | None,
        _to: str | None,
        _sha: str | None,
        *others: str | None,
    ) -> Iterator[Thing]:
        """The folder above, and the owners."""
        if file.action == "delete":
            return
        parent, *owners = others[1:] if _means_link(file) else others
        need_folder(file.identity, parent)
        if parent is None:
            yield Thing("path", file.identity.rpartition("/")[0])
        yield from missing_owners(file, owners)

    def brings(self, name: str, change: Change[State]) -> Iterable[Thing]:
        """The path."""
        return [Thing("path", name)] if change.wanted is not None else []


def _means_link(file: File) -> bool:
    """Whether a symbolic link in its place would be meant itself, not what it points to."""
    return file.action == "delete" or file.manage_symlink_source is False


def _may_go(file: File, found: State) -> bool:
    """Whether it is in nobody's way: a link that is deleted, or dangles and is written through."""
    return found.kind == ("symlink" if file.action == "delete" else "dangling symlink")


def _backups(file: File) -> int:
    return 0 if file.sensitive else int(file.backup)


def _note(file: File, found: State | None) -> str | None:
    if found is not None and found.kind == "directory":
        return "removes the directory with all that is in it"
    if found is not None and found.linked and file.manage_symlink_source is None:
        return "it is a symbolic link; what it points to is managed"
    return None


def _wanted(file: File, found: State | None) -> State:
    data = file.data
    fresh = found is None or not found.regular
    return State(
        kind="file" if found is not None and found.kind is not None else None,
        content=Content.of(data) if data is not None else (EMPTY if fresh else None),
        mode=str(file.mode) if file.mode is not None else (_NEW_MODE if fresh else None),
        owner=text_or_none(file.owner),
        group=text_or_none(file.group),
        linked=found is not None and found.linked,
        backup=_backups(file),
        verify=(file.verify,) if isinstance(file.verify, str) else tuple(file.verify or ()),
        atomic=file.atomic_update,
        secret=file.sensitive,
    )


def _prepare(name: str, found: State | None) -> Command:
    """`p` is the path that is worked on, `t` a new one beside it that nobody else has."""
    beside = sh("t=${p%/*}/.cook-$cook_nonce;")
    if found is None or not found.linked:
        return sh("p={}; {} ", name, beside)
    if found.regular:
        return sh("p=$(readlink -f -- {}) || exit; {} ", name, beside)
    # Where a link dangles, readlink(1) of busybox does not say where to.
    return sh(
        'p={}; n=40; while [ -L "$p" ] && [ $((n -= 1)) != 0 ]; do l=$(readlink -- "$p") || exit;'
        " case $l in /*) p=$l ;; *) p=${p%/*}/$l ;; esac; done;"
        ' [ ! -L "$p" ] && [ -d "${p%/*}/" ]'
        ' || { echo "the link leads nowhere: $p" >&2; exit 1; }; {} ',
        name,
        beside,
    )


def _steps(commands: Iterable[Command]) -> Command:
    """One after the other, as long as they succeed."""
    return join([command for command in commands if command], " && ")


def _remove(name: str, found: State | None) -> Command:
    """Of a link, the link."""
    if found is not None and found.regular and found.backup:
        keep = _steps([_backup(found.backup), sh("rm -f -- {}", name)])
        return sh("{}{}", sh("p={}; ", name), keep)
    recursive = found is not None and found.kind == "directory"
    return sh("rm -rf -- {}", name) if recursive else sh("rm -f -- {}", name)


def _set(change: Change[State], path: Command) -> Iterator[Command]:
    """Owner first: chown(2) takes setuid away, so the mode comes after it."""
    fields = {field: pair[1] for field, pair in change.fields.items()}
    yield chown(fields.get("owner"), fields.get("group"), path)
    found, wanted = change.found, change.wanted
    mode = (wanted.mode if wanted else None) or (found.mode if found else None)
    lost = {"owner", "group"} & fields.keys() and int(mode or "0", 8) & 0o6000
    if mode is not None and ("mode" in fields or lost):
        yield sh("chmod {} {}", mode, path)


def _write(name: str, found: State | None, wanted: State) -> Command:
    """Beside its place, as it is to be; then in it. If that fails, the old one is there again."""
    there = found if found is not None and found.regular else None
    beside = [text for text in wanted.verify if _PATH in text]
    in_place = [script(text) for text in wanted.verify if _PATH not in text]
    way = _way(found, wanted)
    risky = bool(in_place) or way.risky
    steps = [
        *_fill(there, wanted),
        *[_check(_with_path(text), wanted) for text in beside],
        _backup(wanted.backup) if there is not None and wanted.backup else sh(""),
        *([way.save, sh("undo=1")] if risky else []),
        *way.place,
        *[_check(check, wanted) for check in in_place],
        *([sh("undo="), sh('rm -rf -- "$t.old"')] if risky else []),
    ]
    clean = sh('[ ! -e "$t" ] || rm -f -- "$t"')
    if risky:
        clean = sh('{}; [ ! "$undo" ] || { {}; rm -rf -- "$t.old"; }', clean, way.restore)
    return sh(
        "{}undo=; trap {} EXIT; trap 'exit 143' HUP INT TERM; {}",
        _prepare(name, found),
        clean.text,
        _steps(steps),
    )


def _fill(there: State | None, wanted: State) -> Iterator[Command]:
    """
    A new file that is nobody else's, with the owner, the mode and the content.

    It is held open, so that nobody can be told to write elsewhere, and is private until
    its mode is set. A write may take setuid away, so then the mode comes last.
    """
    content = sh("content {} >&9", wanted.content or EMPTY)
    before = there or State()
    mode = wanted.mode or before.mode or _NEW_MODE
    grant = sh('chmod {} "$t"', mode)
    yield sh('umask 077; set -C; exec 9> "$t"; set +C; umask 022')
    yield chown_new(wanted.owner or before.owner, wanted.group or before.group, sh('"$t"'))
    yield from [content, grant] if int(mode, 8) & 0o7000 else [grant, content]
    yield sh("exec 9>&-")
    yield _arrived(wanted.content or EMPTY)


def _arrived(content: Content) -> Command:
    """What was sent ahead in pieces is checked before it counts; the rest came in one piece."""
    return sh(
        '{ [ ! -e "$cook_stage"/{} ] || [ "$(sha256sum < "$t")" = {} ]'
        " || { echo 'the content did not arrive whole' >&2; false; }; }",
        content,
        f"{content}  -",
    )


class _Way(NamedTuple):
    """How the new file `t` gets to its place `p`."""

    save: Command
    """Keep what is there as `t.old`."""

    place: Sequence[Command]
    restore: Command
    """Bring it back."""

    risky: bool = False
    """What is there is gone for a moment, or written over."""


def _way(found: State | None, wanted: State) -> _Way:
    rename = [sh('sync "$t"'), sh('mv -fT -- "$t" "$p"')]
    back = sh('mv -fT -- "$t.old" "$p"')
    if found is None or (found.linked and not found.regular):
        return _Way(sh(":"), rename, sh('rm -f -- "$p"'))
    if not found.regular:
        return _Way(
            sh('mv -fT -- "$p" "$t.old"'), rename, sh('rm -f -- "$p"; {}', back), risky=True
        )
    copy = sh('cp -p -- "$p" "$t.old"')
    if wanted.atomic:
        return _Way(sh('{ ln -- "$p" "$t.old" 2>/dev/null || {}; }', copy), rename, back)
    steps = [*_set(Change(found, wanted), sh('"$p"')), sh('cat "$t" > "$p"')]
    if (mode := wanted.mode or found.mode) is not None and int(mode, 8) & 0o6000:
        steps.append(sh('chmod {} "$p"', mode))
    steps.append(sh('sync "$p"'))
    return _Way(copy, steps, sh('cp -p -- "$t.old" "$p"'), risky=True)


_PATH = "{path}"


def _with_path(text: str) -> Command:
    """
    A check about the new file beside its place.

    Its name is put in so that it is one word, whether the author has quoted it or not.
    """
    pieces = text.replace("%{path}", _PATH).split(_PATH)
    filled = pieces[0]
    for piece in pieces[1:]:
        filled += _NAMED[_quoted_at_end(filled)] + piece
    return script(Secret(filled) if isinstance(text, Secret) else filled)


_NAMED = {"": '"$t"', '"': "$t", "'": "'\"$t\"'"}


def _quoted_at_end(text: str) -> str:
    """Which quote is open at the end of a piece of shell."""
    quote = ""
    for _, char in re.findall(r"(\\.)|(['\"])", text, re.DOTALL):
        if char and quote in ("", char):
            quote = "" if quote else char
    return quote


def _check(command: Command, wanted: State) -> Command:
    """What it prints may be a piece of the file."""
    return sh("({}\n) {}", command, sh(">/dev/null 2>&1") if wanted.secret else sh(""))


def _backup(count: int) -> Command:
    """Keep the former content, and only so many of them; root's alone."""
    return sh(
        'umask 077 && b={}$p && mkdir -p -- "${b%/*}" && s=$(date +%Y%m%d%H%M%S)'
        ' && while [ -e "$b.$s" ]; do s=$((s + 1)); done && cp -p -- "$p" "$b.$s" && umask 022'
        ' && set -- "$b".{} && while [ $# -gt {} ]; do rm -f -- "$1" && shift || exit; done',
        _BACKUPS,
        script("[0-9]" * 14),
        count,
    )
