"""The state of a working copy of git, by one question."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString

from cookbook.errors import HostError
from cookbook.provider import Content, Probe, hint, never_secret, sh
from cookbook.providers.folders import FolderState
from cookbook.providers.revisions import GitOrigin, git_shell, resolve, verifying, with_source
from cookbook.providers.trees import SHOWN
from cookbook.resources._revisions import lines_of
from cookbook.resources.git import Git

DETACHED = "(detached)"
"""The branch of a working copy that is at a commit without a branch."""


@dataclass(frozen=True)
class State(FolderState):
    """A working copy, or a bare repository."""

    commit: str | None = never_secret()
    """The commit that is checked out, by its full id; empty where there is none yet."""
    branch: str | None = never_secret()
    repository: str | None = None
    remotes: tuple[tuple[str, str], ...] | None = None
    local_edits: tuple[str, ...] | None = None
    """The tracked files that differ from the commit."""
    untracked: tuple[str, ...] | None = None
    submodules: tuple[str, ...] | None = None
    """The submodules that are not at the commit which is named, or not checked out."""
    references: str | None = None
    """The number and digest of the branches and tags of a bare repository."""
    form: str = hint(default="")
    """In what was found: absent, empty, foreign, other, git or bare. In what is wanted: git, bare
    or export."""
    owner: str = hint(default="")
    """The owner of what was found, where it is another user's and git refuses it."""
    local_commits: int = hint(default=0)
    """The number of commits that no remote is known to have."""
    latest: tuple[str | None, str | None, str | None] = hint(default=(None, None, None))
    """In what was found: the commit, the branch and the references that are wanted."""
    failed: str = hint(default="")
    """The error, with what to do about it, if it is not known which commit is wanted."""
    inside: bool = hint(default=False)
    """True if the folder was there before, and empty."""
    clean: bool = hint(default=False)
    """True if untracked files are removed."""
    cut_off: bool = hint(default=False)
    """True if a checkout of cook was cut off: what is edited comes of that."""
    mixed: bool = hint(default=False)
    """True if local edits stay beside the new commit."""
    modules: bool = hint(default=False)
    """True if submodules are checked out."""
    signed: bool | None = hint()
    """True if the commit has a signature of the declared keys; None: it was not asked."""
    remote: str = hint(default="origin")
    depth: int | None = hint()
    local_changes: str = hint(default="refuse")
    known_hosts: tuple[str, ...] = hint(default=())
    username: str = hint(default="git")
    key: str | None = hint(sensitive=True)
    token: str | None = hint(sensitive=True)
    signers: tuple[str, ...] = hint(default=())
    signing_keys: tuple[str, ...] = hint(default=())

    @property
    def there(self) -> bool:
        """True if it is a working copy or a bare repository."""
        return self.form in ("git", "bare", "export")

    @property
    def origin(self) -> GitOrigin:
        """The repository, with what is needed to fetch from it."""
        return GitOrigin(
            self.repository or "", self.key, self.known_hosts, self.token, self.username
        )


# All that is read is of the user who asks: what belongs to another one is not run (its
# configuration may name programs), and only its owner is told.
_ASK: LiteralString = """\
d={}; say() { printf '%s\\0' "$@"; }
if [ ! -e "$d" ] && [ ! -L "$d" ]; then say absent; exit 0; fi
if [ ! -d "$d" ]; then say other; exit 0; fi
cd "$d" || exit; g=.git; form=git
if [ ! -e .git ] && [ -e HEAD ] && [ -d objects ] && [ -d refs ]; then g=.; form=bare; fi
if [ ! -e $g/HEAD ] && [ ! -f .git ]; then
if [ "$(find . -maxdepth 0 -empty)" ]; then say empty; else say foreign; fi; exit 0; fi
if [ ! -O . ] || [ ! -O $g ]; then say owned "$(stat -c %U $g)"; exit 0; fi
command -v git >/dev/null || { say unread; exit 0; }
say $form "$(cook_git rev-parse -q --verify 'HEAD^{commit}')" \
"$(cook_git symbolic-ref -q --short HEAD)" \
"$(cook_git rev-list --count HEAD --not --remotes --tags --glob=refs/cook/ 2>/dev/null)"
{}
{}
say "$s" "$m" "$(cook_git config --local --get-regexp '^remote[.].*[.]url$')" \
"$(cook_git config --local --get cook.folder)"
if [ $form = bare ]; then
cook_git for-each-ref --format='%(objectname) %(refname)' refs/heads refs/tags
else cook_git status --porcelain=v1 -z --no-renames --untracked-files=normal || exit
if m=$(cook_git rev-parse -q --verify refs/cook/moving) &&
[ "$m" != "$(cook_git rev-parse -q --verify HEAD)" ]; then printf '!! cut off\\0'; fi; fi
"""

_SUBMODULES: LiteralString = (
    "m=; [ $form = bare ] || m=$(cook_git submodule status --recursive | grep '^[-+U]')"
)

_SIGNED: LiteralString = "if cook_verify HEAD >/dev/null 2>&1; then s=good; else s=bad; fi"


def ask_copy(git: Git) -> Probe:
    """Return the question for what is at the path."""
    signers, keys = lines_of(git.allowed_signers), lines_of(git.signing_keys)
    modules = sh(_SUBMODULES if git.submodules else "m=")
    if signers or keys:
        signed = sh("{}{}", verifying(signers, keys), sh(_SIGNED))
        asked = with_source(GitOrigin(), sh(_ASK.rstrip(), git.identity, signed, modules))
    else:
        asked = git_shell(sh(_ASK.rstrip(), git.identity, sh("s="), modules))
    return Probe(replace(asked, called=f"git status in {git.identity}"))


def parse_copy(git: Git, text: str) -> State:
    """Return what is there, by the answer to `ask_copy`."""
    form, *words = text.split("\0")
    if git.action == "export" and form in ("foreign", "git", "bare", "owned", "unread"):
        form = "export"
    if form == "owned":
        return State(form=form, owner=words[0])
    if form not in ("git", "bare"):
        return State(form=form)
    commit, branch, ahead, signed, modules, urls, folder, *entries = words
    remotes = dict(_remote(line) for line in urls.splitlines())
    common = State(
        commit,
        branch or DETACHED,
        remotes.get(git.remote, ""),
        tuple((name, remotes.get(name, "")) for name in sorted(git.remotes)),
        form=form,
        local_commits=int(ahead or 0),
        signed={"good": True, "bad": False}.get(signed),
        remote=git.remote,
        inside=folder == "kept",
    )
    if form == "bare":
        return replace(common, references=_digest(entries[0].splitlines()))
    edits = [entry[3:] for entry in entries if entry and entry[:2] not in ("??", "!!")]
    return replace(
        common,
        local_edits=_some(edits),
        untracked=_some([entry[3:] for entry in entries if entry.startswith("??")]),
        cut_off=any(entry.startswith("!!") for entry in entries),
        submodules=_some([line.split(" ")[1] for line in modules.splitlines()]),
    )


def latest_of(git: Git, said: str | None) -> tuple[str | None, str | None, str | None]:
    """Return the commit, the branch and the digest of all references that are wanted."""
    if git.bare:
        if said is None or git.repository is None:
            return None, None, None
        found = resolve(git, said, empty=True)
        if found.commit and found.branch is None:
            raise HostError(
                f"{git.revision} of {git.repository} is no branch",
                hint="revision of a bare repository is its default branch: name one",
            )
        lines = [line.replace("\t", " ") for line in said.splitlines()]
        return found.commit, found.branch, _digest(lines)
    if git.pinned is not None:
        return git.pinned, DETACHED, None
    if said is None:
        return None, None, None
    found = resolve(git, said)
    branch = DETACHED if git.detached or found.branch is None else found.branch
    return found.commit, branch, None


def _digest(lines: Iterable[str]) -> str:
    """Return a digest of branches and tags, from lines of COMMIT NAME."""
    kept = [one for one in lines if re.match(r"[0-9a-f]{40} refs/(heads|tags)/[^^]+$", one)]
    text = "\n".join(sorted(kept))
    return f"{len(kept)} {Content.of(text.encode(errors='surrogateescape'))[:12]}"


def _remote(line: str) -> tuple[str, str]:
    name, _, address = line.partition(" ")
    return name.removeprefix("remote.").removesuffix(".url"), address


def _some(names: Sequence[str]) -> tuple[str, ...]:
    more = [f"and {len(names) - SHOWN} more"] if len(names) > SHOWN else []
    return (*sorted(names)[:SHOWN], *more)
