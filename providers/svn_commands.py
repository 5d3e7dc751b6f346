"""The state of a working copy of subversion, and the commands of svn(1) that lead to another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import LiteralString

from cookbook.provider import Change, Command, Probe, hint, join, script, sh
from cookbook.providers.folders import FolderState
from cookbook.providers.private_folder import private_folder
from cookbook.providers.revisions import TIMEOUT
from cookbook.resources.subversion import Subversion


@dataclass(frozen=True)
class State(FolderState):
    """A working copy, or what was exported."""

    revision: str | None = None
    """The revision in which the files last changed."""
    repository: str | None = None
    mixed: bool | None = None
    """True if some files are at other revisions than the rest."""
    local_edits: tuple[str, ...] | None = None
    untracked: tuple[str, ...] | None = None
    group: str | None = None
    """The group of the folder."""
    form: str = hint(default="")
    """In what was found: absent, empty, foreign, other, owned, unread or svn. In what is wanted:
    svn or export."""
    owner: str = hint(default="")
    """The owner of what was found, where it is another user's."""
    identity: str = hint(default="")
    """The UUID of the repository."""
    latest: tuple[str, str] = hint(default=("", ""))
    """In what was found: the wanted revision, and the UUID of its repository."""
    failed: str = hint(default="")
    """The error, if it is not known which revision is wanted."""
    at: str = hint(default="")
    """The number of the revision to update to."""
    inside: bool = hint(default=False)
    """True if the folder was there before, and empty."""
    clean: bool = hint(default=False)
    externals: bool = hint(default=True)
    local_changes: str = hint(default="refuse")
    username: str | None = hint()
    password: str | None = hint(sensitive=True)

    @property
    def there(self) -> bool:
        """True if it is a working copy, or was exported."""
        return self.form in ("svn", "export")


# svn(1) makes a folder for its settings where there is none; it is private then, and goes.
_SVN: LiteralString = """\
LC_ALL=C.UTF-8 SVN_SSH='ssh -o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=20'
export LC_ALL SVN_SSH
cook_svn() { if [ ! -d ~/.subversion ]; then set -- --config-dir "$cook_p/svn" "$@"; fi
${cook_t-} svn --non-interactive "$@"; }
"""

_OPEN: LiteralString = 'cook_net() { cook_svn --no-auth-cache {} "$@"; }\n'

_LOGIN: LiteralString = """\
cook_net() { printf %s {} | cook_svn --no-auth-cache --username {} --password-from-stdin "$@"; }
"""


def svn_shell(username: str | None, password: str | None, body: Command) -> Command:
    """
    Return a script that has `cook_svn`, and `cook_net`, which logs in.

    The password is on the standard input of svn(1) only.
    """
    if password is None:
        login = sh(_OPEN, sh("--username {}", username) if username is not None else sh(""))
    else:
        login = sh(_LOGIN, password, username or "")
    return join([private_folder(), sh(_SVN), login, body], "")


# Only what belongs to the user who asks is read; of other copies the owner is told.
_ASK: LiteralString = r"""
d={}; say() { printf '%s\0' "$@"; }
if [ ! -e "$d" ] && [ ! -L "$d" ]; then say absent; exit 0; fi
if [ ! -d "$d" ]; then say other; exit 0; fi
cd "$d" || exit
if [ ! -d .svn ]; then
if [ "$(find . -maxdepth 0 -empty)" ]; then say empty; else say foreign; fi; exit 0; fi
if [ ! -O . ] || [ ! -O .svn ]; then say owned "$(stat -c %U .svn)"; exit 0; fi
command -v svn >/dev/null || { say unread; exit 0; }
a=$(cook_svn info .) && s=$(cook_svn status --ignore-externals {} .) || exit
item() { printf '%s\n' "$a" | sed -n "s/^$1: //p"; }
r=$(item 'Last Changed Rev') u=$(item URL) i=$(item 'Repository UUID') n=$(item Revision)
m=; case $(svnversion -n .) in *:*) m=mixed ;; esac
say svn "$r" "$u" "$i" "$n" "$m" "$(stat -c %G .)"
[ -e .svn/cook-kept ] && say kept || say ''
printf '%s\n' "$s"
"""

_LATEST: LiteralString = r"""
d={} u={} r={}; command -v svn >/dev/null || exit 4; cook_t='timeout {}'
if a=$(cook_net info -- "$u@$r" 2>"$cook_p/said"); then
printf '%s\n' "$a" | sed -n 's/^Last Changed Rev: //p'
printf '%s\n' "$a" | sed -n 's/^Repository UUID: //p'
else printf 'failed '; head -n 5 "$cook_p/said"; fi
"""


def ask_copy_of(copy: Subversion) -> Probe:
    """Return the question for what is at the path."""
    more = sh("") if copy.clean else sh("-q")
    asked = svn_shell(None, None, sh(_ASK.strip(), copy.identity, more))
    return Probe(replace(asked, called=f"svn status in {copy.identity}"))


def ask_latest(copy: Subversion) -> Probe:
    """Return the question for the revision in the repository; it is no precondition."""
    body = sh(_LATEST.strip(), copy.identity, copy.address, copy.pinned or "HEAD", TIMEOUT)
    asked = svn_shell(copy.username, copy.password, body)
    called = f"svn info {copy.address}"
    return Probe(replace(asked, shown=called, called=called), absent=4, loose=True, waits=True)


_NEW: LiteralString = """\
d={} n=${d%/*}/.cook-$cook_nonce
trap 'cd /; rm -rf -- "$n" "$cook_p"' EXIT
cook_net {} -q {} -r {} -- {} "$n" || exit
{}
if [ ! -e "$d" ]; then mv -T -- "$n" "$d"; else
[ "$(find "$d" -maxdepth 0 -empty)" ] || { echo "$d is not empty" >&2; exit 1; }
[ ! -d "$n/.svn" ] || : >"$n/.svn/cook-kept" || exit
find "$n" -mindepth 1 -maxdepth 1 -exec mv -t "$d" -- {} + && rmdir -- "$n"; fi
"""

_GROUP: LiteralString = "find {} ! -group {} -exec chgrp -h {} -- {} + || exit\n"


def create_copy(name: str, wanted: State) -> Command:
    """Return the command that checks out or exports beside the place, and moves it there."""
    verb = "export" if wanted.form == "export" else "checkout"
    body = sh(
        _NEW.rstrip(),
        name,
        verb,
        sh("") if wanted.externals else sh("--ignore-externals"),
        wanted.at,
        f"{wanted.repository}@{wanted.at}",
        with_group(sh('"$n"'), wanted),
        script("{}"),
    )
    whole = svn_shell(wanted.username, wanted.password, body)
    said = f"svn {verb} {wanted.repository}@{wanted.at} {name}"
    return replace(whole, called=said, shown=said)


def with_group(folder: str | Command, wanted: State) -> Command:
    """Return the command that gives all files in a folder the group of the copy."""
    if wanted.group is None:
        return sh(":")
    return sh(_GROUP.rstrip(), folder, wanted.group, wanted.group, script("{}"))


# Another address is a move of the server if the rest of the path is the same; else a switch.
_MOVED: LiteralString = """\
o=$(cook_svn info --show-item repos-root-url .) && p=$(cook_net info --show-item repos-root-url \
-- "$u") || exit
[ "$o" = "$p" ] || cook_net relocate -- "$o" "$p" || exit
[ "$(cook_svn info --show-item url .)" = "$u" ] ||
cook_net switch -q {} --accept postpone -r "$r" -- "$u@$r" . || exit
"""

# What is edited stays; a revision whose changes conflict with it is not taken.
_NO_CONFLICT: LiteralString = """\
x=$(cook_net merge --dry-run --allow-mixed-revisions -r "BASE:$r" . | grep -E '^( *C|   C) ')
[ ! "$x" ] || { echo "the revision changes what is edited here:" >&2; echo "$x" >&2; exit 1; }
"""

_UPDATE: LiteralString = """\
d={} u={} r={}; cd "$d" && cook_svn cleanup . || exit
{}
cook_net update -q {} --accept postpone -r "$r" . || exit
! cook_svn status -q . | grep -q '^C' || { echo 'the update has conflicts' >&2; exit 1; }
"""


def update_copy(name: str, change: Change[State], wanted: State) -> Command:
    """Return the command that leads a working copy to the revision."""
    whole = svn_shell(wanted.username, wanted.password, _update(name, change, wanted))
    said = f"svn update -r {wanted.at} {name}"
    return replace(whole, called=said, shown=said)


def _update(name: str, change: Change[State], wanted: State) -> Command:
    externals = sh("") if wanted.externals else sh("--ignore-externals")
    before = list(_before(change, externals))
    moves = {"revision", "repository", "mixed"} & change.fields.keys()
    if wanted.local_changes == "keep" and moves:
        before.append(sh(_NO_CONFLICT))
    body = sh(
        _UPDATE.rstrip(), name, wanted.repository, wanted.at, join(before, "") or sh(":"), externals
    )
    if wanted.clean:
        body = sh("{}\ncook_svn cleanup -q --remove-unversioned . || exit", body)
    if wanted.group is not None:
        body = sh("{}\n{}", body, with_group(name, wanted))
    return body


def _before(change: Change[State], externals: Command) -> Iterator[Command]:
    if "local_edits" in change.fields:
        yield sh("cook_svn revert -q -R . || exit\n")
    if "repository" in change.fields:
        yield sh(_MOVED, externals)


_BETWEEN: LiteralString = """\
cook_t='timeout 60'; cook_net log -q -r {} -l 11 -- {} || exit 0
"""


def ask_log(found: State, wanted: State) -> Command:
    """Return the question for the revisions between two, the older one left out."""
    older, newer = int(found.revision or 0), int(wanted.at or 0)
    span = f"{older + 1}:{newer}" if newer > older else f"{older}:{newer + 1}"
    body = sh(_BETWEEN.rstrip(), span, f"{wanted.repository}@{max(older, newer)}")
    return svn_shell(wanted.username, wanted.password, body)
