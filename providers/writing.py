"""Writing a file so that there is always the old one or the new one, never a mix."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString, NamedTuple

from cookbook.provider import (
    Change,
    Command,
    Content,
    Secret,
    hint,
    join,
    keep_file,
    keep_tree,
    mtime,
    script,
    sh,
    tainted,
)
from cookbook.providers.checkers import checker_of, program_of
from cookbook.providers.mounts import free_of_mounts, remove_tree
from cookbook.providers.ownership import chown, chown_new
from cookbook.script.stash import unpack_tree

EMPTY = Content.of(b"")

NEW_MODE = "0644"

# A new file has the label of its folder; the one there may have another.
LABEL = sh('{ [ ! -e /sys/fs/selinux/enforce ] || chcon --reference="$p" -- "$t" || :; }')

# cp(1) of GNU keeps the access list with the mode. What fails is said, and nothing is replaced;
# a busybox without getfacl(1) has no tool that could make an access list, nor one that copies it.
ATTRIBUTES = sh(
    '{ cp --attributes-only --preserve=mode,xattr -- "$p" "$t" 2>/dev/null ||'
    " case $(cp --version 2>/dev/null) in"
    ' *GNU*) cp --attributes-only --preserve=mode,xattr -- "$p" "$t" ;;'
    ' *) ! command -v getfacl >/dev/null || getfacl -cp -- "$p" | setfacl -M - -- "$t" ;; esac; }'
)
"""Gives the new file the access list and the extended attributes of the one it replaces."""

WHY = sh("head -c 65536 /dev/zero >&9; false")
"""Has a write to 9 that failed fail again: printf of dash(1) does not say why."""


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
    """The target of a symbolic link that is removed itself."""
    mtime: str | None = hint()
    """When it was last modified, in seconds since the epoch; known of what was kept."""
    tree: Content | None = hint()
    """Of a directory that was in the way: where it is kept, with all that is in it."""
    linked: bool = hint(default=False)
    """The path is a symbolic link, and what it points to is managed."""
    backup: int = hint(default=0)
    verify: tuple[str, ...] = hint(default=())
    atomic: bool = hint(default=True)
    fetched: bool = hint(default=False)
    """The content is a name for what was fetched: the variable `cook_digest` has its digest."""
    secret: bool = hint(default=False)
    unsynced: bool = hint(default=False)
    """It is a file of the kernel: there is no disk that it could be brought to."""

    @property
    def regular(self) -> bool:
        """Return True if it is a file."""
        return self.kind in (None, "file")


def of_kernel(name: str) -> bool:
    """Return whether a path is one of the kernel's own: nothing new can be made beside it."""
    return name.startswith(("/proc/", "/sys/"))


def prepare(name: str, found: State | None) -> Command:
    """Return the shell that sets `p`, the path, and `t`, a private new path beside it."""
    beside = sh("t=/run/.cook-$cook_nonce;" if of_kernel(name) else "t=${p%/*}/.cook-$cook_nonce;")
    if found is None or not found.linked:
        return sh("p={}; {} ", name, beside)
    if found.regular:
        return sh("p=$(readlink -f -- {}) || exit; {} ", name, beside)
    # Where a link dangles, readlink(1) of busybox does not say where to.
    return sh(
        'p={}; n=40; while [ -L "$p" ] && [ $((n -= 1)) != 0 ]; do l=$(readlink -- "$p") || exit;'
        " case $l in /*) p=$l ;; *) p=${p%/*}/$l ;; esac; done;"
        ' [ ! -L "$p" ] || { echo "the links form a loop: $p" >&2; exit 1; };'
        ' [ -d "${p%/*}/" ]'
        ' || { echo "the link leads nowhere: $p" >&2; exit 1; }; {} ',
        name,
        beside,
    )


def steps_of(commands: Iterable[Command]) -> Command:
    """One after the other, as long as they succeed."""
    return join([command for command in commands if command], " && ")


def remove(name: str, found: State | None) -> Command:
    """Of a link, the link."""
    if found is not None and found.regular and found.backup:
        keep = steps_of([_backup(found.backup), sh("rm -f -- {}", name)])
        return replace(sh("{}{}", sh("p={}; ", name), keep), called=f"remove {name}")
    recursive = found is not None and found.kind == "directory"
    return remove_tree(name) if recursive else sh("rm -f -- {}", name)


def settle(change: Change[State], path: Command) -> Iterator[Command]:
    """Owner first: chown(2) takes setuid away, so the mode comes after it."""
    fields = {field: pair[1] for field, pair in change.fields.items()}
    yield chown(fields.get("owner"), fields.get("group"), path)
    found, wanted = change.found, change.wanted
    mode = (wanted.mode if wanted else None) or (found.mode if found else None)
    lost = {"owner", "group"} & fields.keys() and int(mode or "0", 8) & 0o6000
    if mode is not None and ("mode" in fields or lost):
        yield sh("chmod {} {}", mode, path)


def write(name: str, found: State | None, wanted: State) -> Command:
    """Beside its place, as it is to be; then in it. If that fails, the old one is there again."""
    there = found if found is not None and found.regular else None
    beside = [text for text in wanted.verify if _PATH in text]
    in_place = [text for text in wanted.verify if _PATH not in text]
    way = _way(found, wanted)
    risky = bool(in_place) or way.risky
    steps = [
        *_fill(there, wanted),
        LABEL if there is not None and wanted.atomic else sh(""),
        *[_check(name, text, wanted) for text in beside],
        _backup(wanted.backup) if there is not None and wanted.backup else sh(""),
        *([way.save, sh("undo=1")] if risky else []),
        *way.place,
        *[_check(name, text, wanted) for text in in_place],
        *([sh("undo="), sh('rm -rf -- "$t.old"')] if risky else []),
    ]
    clean = sh('[ ! -e "$t" ] || rm -f -- "$t"')
    if risky:
        clean = sh('{}; [ ! "$undo" ] || { {}; rm -rf -- "$t.old"; }', clean, way.restore)
    text = sh(
        "{}{}undo=; trap {} EXIT; trap 'exit 143' HUP INT TERM; {}",
        prepare(name, found),
        sh(_OWN_ENDING) if beside else sh(""),
        clean.text,
        steps_of(steps),
    )
    return replace(text, called=f"write {name}")


def _fill(there: State | None, wanted: State) -> Iterator[Command]:
    """
    Yield the commands that make a private new file with the owner, the mode and the content.

    It is held open, so that its path cannot be exchanged, and is private until its mode is set. A
    write may remove setuid, so the mode is set last then; also with an access list, because the
    mode of such a file contains its mask, not the group's permissions.
    """
    content = sh("{ content {} >&9 || { {}; }; }", wanted.content or EMPTY, WHY)
    before = there or State()
    mode = wanted.mode or before.mode or NEW_MODE
    grant = sh('chmod {} "$t"', mode)
    yield sh('umask 077; set -C; exec 9> "$t"; set +C; umask 022')
    yield chown_new(wanted.owner or before.owner, wanted.group or before.group, sh('"$t"'))
    if there is not None and wanted.atomic:
        yield from [content, sh("exec 9>&-"), ATTRIBUTES, grant]
    else:
        yield from [content, grant] if int(mode, 8) & 0o7000 else [grant, content]
        yield sh("exec 9>&-")
    yield _arrived(wanted)
    if wanted.mtime is not None:
        yield sh('touch -d @{} -- "$t"', wanted.mtime)


def _arrived(wanted: State) -> Command:
    """
    Return the check of content that was sent ahead, fetched or kept; the rest came whole.

    What was sent ahead was received whole: its copy has to have the same size, and the probe
    that follows compares its digest. What was kept may have been damaged since.
    """
    digest = (
        sh('"$cook_digest  -"') if wanted.fetched else sh("{}", f"{wanted.content or EMPTY}  -")
    )
    return sh(
        '{ if [ "$cook_loose" ]; then [ "$(sha256sum < "$t")" = {} ]; elif [ "$cook_sent" ]; then'
        ' [ "$(wc -c < "$cook_sent")" = "$(wc -c < "$t")" ]; fi'
        " || { echo 'the content is not whole' >&2; false; }; }",
        digest,
    )


class _Way(NamedTuple):
    """The method by which the new file `t` gets to its path `p`."""

    save: Command
    """Keep what is there as `t.old`."""

    place: Sequence[Command]
    restore: Command
    """Bring it back."""

    risky: bool = False
    """True if the file is absent for a moment, or overwritten in place."""


def _way(found: State | None, wanted: State) -> _Way:
    rename = [sh('sync "$t"'), sh('mv -fT -- "$t" "$p"')]
    back = sh('mv -fT -- "$t.old" "$p"')
    if found is None or (found.linked and not found.regular):
        return _Way(sh(":"), rename, sh('rm -f -- "$p"'))
    if not found.regular:
        safe = [free_of_mounts(sh('"$p"'))] if found.kind == "directory" else []
        return _Way(
            steps_of([*safe, sh('mv -fT -- "$p" "$t.old"')]),
            rename,
            sh('rm -f -- "$p"; {}', back),
            risky=True,
        )
    copy = sh('cp -p -- "$p" "$t.old"')
    if wanted.atomic:
        return _Way(sh('{ ln -- "$p" "$t.old" 2>/dev/null || {}; }', copy), rename, back)
    steps = [*settle(Change(found, wanted), sh('"$p"')), sh('cat "$t" > "$p"')]
    if (mode := wanted.mode or found.mode) is not None and int(mode, 8) & 0o6000:
        steps.append(sh('chmod {} "$p"', mode))
    if not wanted.unsynced:
        steps.append(sh('sync "$p"'))
    return _Way(copy, steps, sh('cp -p -- "$t.old" "$p"'), risky=True)


_PATH = "{path}"


def _with_path(text: str) -> Command:
    """
    Return a check of the new file beside its path.

    The path is inserted as one word, whether the author has quoted it or not.
    """
    pieces = text.replace("%{path}", _PATH).split(_PATH)
    filled = pieces[0]
    for piece in pieces[1:]:
        filled += _NAMED[_quoted_at_end(filled)] + piece
    return script(tainted(filled) if isinstance(text, Secret) else filled)


_NAMED = {"": '"$t"', '"': "$t", "'": "'\"$t\"'"}


def _quoted_at_end(text: str) -> str:
    """Which quote is open at the end of a piece of shell."""
    quote = ""
    for _, char in re.findall(r"(\\.)|(['\"])", text, re.DOTALL):
        if char and quote in ("", char):
            quote = "" if quote else char
    return quote


# Checkers go by it: systemd-analyze(1) takes a file for a unit only by its ending.
_OWN_ENDING: LiteralString = "case ${p##*/} in ?*.*) t=$t.${p##*.} ;; esac; "


_UNCHECKED = " (verify=[] has it written unchecked)"


def _check(name: str, text: str, wanted: State, hint: str = _UNCHECKED) -> Command:
    """Run a check, and name it if it fails. What it prints may be a piece of the file."""
    command = _with_path(text) if _PATH in text else script(text)
    program = program_of(name, text)
    said = f"the check `{'***' if isinstance(text, Secret) else text}` of the new file failed"
    if program is not None:
        chosen = text == checker_of(name)
        said = f"{program} does not accept the new file{hint if chosen else ''}"
    quiet = sh(">/dev/null 2>&1") if wanted.secret else sh("")
    # A check that was killed says so by its status.
    return sh("{ ({}\n) {} || { s=$?; echo {} >&2; (exit $s); }; }", command, quiet, said)


def check_beside(name: str, text: str) -> Command:
    """Return the check of the new file `t` by the program that reads files of this name."""
    return _check(name, text, State(), "")


def _backup(count: int) -> Command:
    """Keep the former content, and only so many of them; root's alone. If it can be kept at all."""
    return sh(
        '{ (umask 077 && b=$cook_home/backup$p && mkdir -p -- "${b%/*}" && s=$(date +%Y%m%d%H%M%S)'
        ' && while [ -e "$b.$s" ]; do s=$((s + 1)); done && cp -p -- "$p" "$b.$s"'
        ' && set -- "$b".{} && while [ $# -gt {} ]; do rm -f -- "$1" && shift || exit; done'
        ") 2>/dev/null || :; }",
        script("[0-9]" * 14),
        count,
    )


def keep(name: str, change: Change[State]) -> Command | None:
    """Return the command that stashes what will be replaced or removed."""
    found = change.found
    if found is None or not (change.wanted is None or {"content", "kind"} & change.fields.keys()):
        return None
    if found.regular and found.content is not None:
        kept = keep_file(name, found.content)
        return kept if change.wanted is not None else sh(_AS_IT_IS, name, keep_tree(name), kept)
    return keep_tree(name) if found.kind == "directory" else None


_AS_IT_IS: LiteralString = "case $(ls -ld -- {}) in ??????????+*) {} ;; *) {} ;; esac"
"""A file that goes with an access list is kept with it: its content alone does not say that."""


def learned(change: Change[State], kept: str) -> Change[State]:
    """Return the change with the output of `keep`."""
    digest, _, age = kept.strip().partition("\n")
    if change.found is None or not age:
        return change
    packed = change.found.kind == "directory" or digest != change.found.content
    tree = Content(digest) if packed and digest != "-" else None
    return replace(change, found=replace(change.found, mtime=mtime(age), tree=tree))


def restore(name: str, found: State | None, wanted: State) -> Command:
    """Return the command that restores a link that was removed, or a folder that was in the way."""
    clear = remove(name, found) if found is not None else sh(":")
    if wanted.to is not None:
        own = chown_new(wanted.owner, wanted.group, sh("{}", name))
        return steps_of([clear, sh("ln -s -- {} {}", wanted.to, name), own])
    return steps_of([clear, unpack_tree(wanted.tree, name)])
