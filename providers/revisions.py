"""
The mechanism of revisions of a git repository: resolved, fetched and verified on the host.

A private key or a token is never in an argument, an address or a file on a disk: it is in a private
folder in memory while git runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString
from urllib.parse import urlsplit

from cookbook.errors import HostError
from cookbook.provider import Command, Probe, Thing, join, script, sh
from cookbook.providers.private_folder import private_folder
from cookbook.resources._revisions import FromGit, lines_of

TIMEOUT = 60
"""Seconds that a question to a repository may take."""


@dataclass(frozen=True, slots=True)
class GitOrigin:
    """A repository, and what is needed to fetch from it."""

    repository: str = ""
    key: str | None = None
    known_hosts: tuple[str, ...] = ()
    token: str | None = None
    username: str = "git"

    @classmethod
    def of(cls, resource: FromGit) -> GitOrigin:
        """Return the source of a resource."""
        return cls(
            resource.repository or "",
            resource.key,
            lines_of(resource.known_hosts),
            resource.token,
            resource.username,
        )


_GIT: LiteralString = """\
GIT_TERMINAL_PROMPT=0 GIT_OPTIONAL_LOCKS=0 LC_ALL=C
export GIT_TERMINAL_PROMPT GIT_OPTIONAL_LOCKS LC_ALL
cook_git() { ${cook_t-} git -c core.hooksPath=/dev/null -c core.fsmonitor=false \
-c core.quotePath=false -c advice.detachedHead=false -c gc.auto=0 \
-c fetch.recurseSubmodules=false "$@"; }
"""

_SSH: LiteralString = (
    "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=20"
    " -o PermitLocalCommand=no"
)


def git_shell(body: Command) -> Command:
    """Return a script that has `cook_git`, which runs git(1) without hooks and questions."""
    return sh("{}{}", sh(_GIT), body)


def with_source(source: GitOrigin, body: Command) -> Command:
    """
    Return a script that has `cook_net`, which runs git(1) with the credentials of the source.

    `$cook_p` is a private folder that is removed at the end.
    """
    parts = [sh(_GIT), private_folder(), *_credentials(source)]
    return sh("{}{}", join(parts, ""), body)


def _credentials(source: GitOrigin) -> Iterator[Command]:
    ssh = sh(_SSH)
    if source.key is not None:
        yield sh(
            "(umask 077; printf '%s\\n' {} >\"$cook_p/key\") || exit\n", source.key.rstrip("\n")
        )
        ssh = sh("{} -i $cook_p/key -o IdentitiesOnly=yes -o IdentityAgent=none", ssh)
    if source.known_hosts:
        yield sh("printf '%s\\n' {} >\"$cook_p/known\" || exit\n", list(source.known_hosts))
        ssh = sh("{} -o UserKnownHostsFile=$cook_p/known -o GlobalKnownHostsFile=/dev/null", ssh)
    yield sh('GIT_SSH_COMMAND="{}"; export GIT_SSH_COMMAND\n', ssh)
    if source.token is None:
        yield sh('cook_net() { cook_git -c credential.helper= "$@"; }\n')
        return
    login = "username=" + source.username
    yield sh(
        "(umask 077; printf '%s\\n' {} {} >\"$cook_p/login\") || exit\n",
        login,
        "password=" + source.token,
    )
    parts = urlsplit(source.repository)
    helper = f"credential.{parts.scheme}://{parts.netloc.rpartition('@')[2]}.helper"
    yield sh(
        "cook_net() { cook_git -c credential.helper="
        ' -c {}="!f() { cat \'$cook_p/login\'; }; f" "$@"; }\n',
        helper,
    )


def ask_revision(resource: FromGit, *, everything: bool = False) -> list[Probe]:
    """
    Return the question for the commit of the revision; none if it names the commit itself.

    With `everything` it is about all branches and tags. The answer is no precondition: the change
    names the commit.
    """
    if resource.pinned is not None or resource.repository is None:
        return []
    name = resource.revision
    names = [name, f"{name}^{{}}"] if name.startswith("refs/") else [name] if name == "HEAD" else []
    if not names:
        names = [f"refs/heads/{name}", f"refs/tags/{name}", f"refs/tags/{name}^{{}}"]
    names = [] if everything else names
    body = sh(
        "command -v git >/dev/null || exit 4\ncook_t='timeout {}'\n"
        "x=$(cook_net ls-remote --symref -- {} {} 2>&1) && printf '%s\\n' \"$x\" ||"
        " printf 'failed %s\\n' \"$(printf '%s' \"$x\" | tail -n 9)\"",
        TIMEOUT,
        resource.repository,
        names,
    )
    asked = with_source(GitOrigin.of(resource), body)
    called = f"git ls-remote {resource.repository} {name}"
    return [Probe(replace(asked, called=called), absent=4, loose=True, waits=True)]


def tools_of(resource: FromGit) -> Sequence[str]:
    """Return the programs that the host needs."""
    names = ["git"]
    if re.match(r"ssh://|[^/:]+@", resource.repository or ""):
        names.append("ssh")
    if resource.allowed_signers:
        names.append("ssh-keygen")
    if resource.signing_keys:
        names.append("gpg")
    return names


def ask_tools(resource: FromGit) -> Probe:
    """Return the question for the programs that the host does not have."""
    text = sh('for c in {}; do command -v "$c" >/dev/null || echo "$c"; done', tools_of(resource))
    return Probe(text, loose=True)


def missing_tools(resource: FromGit, said: str | None) -> Iterator[Thing]:
    """Yield the programs that the host does not have, by the answer to `ask_tools`."""
    for tool in tools_of(resource) if said is None else said.split():
        yield Thing("tool", tool)


@dataclass(frozen=True, slots=True)
class Revision:
    """The meaning of a revision in the repository."""

    commit: str
    branch: str | None
    """The branch that has this name; None for a tag or a commit."""


def resolve(resource: FromGit, said: str, *, empty: bool = False) -> Revision:
    """
    Return the commit of the revision, by the answer to `ask_revision`.

    With `empty` a repository without a commit is right: its commit is an empty text.

    Raises HostError if the repository has no such branch or tag, or has both.
    """
    if said.startswith("failed"):
        lines = [one.strip() for one in said.removeprefix("failed ").splitlines()]
        lines = [one for one in lines if one and not one.startswith(_SAYS_NOTHING)]
        told = "; ".join(lines) or f"no answer within {TIMEOUT} s"
        raise HostError(
            f"git ls-remote {resource.repository} has failed: {told}", hint=_advice(told)
        )
    refs, head = _references(said)
    name = resource.revision
    if empty and not refs:
        return Revision("", None)
    if name == "HEAD" and name in refs:
        return Revision(refs[name], (head or "").removeprefix("refs/heads/") or None)
    if name in refs:
        branch = name.removeprefix("refs/heads/")
        return Revision(refs.get(f"{name}^{{}}", refs[name]), None if branch == name else branch)
    at_branch, tag = refs.get(f"refs/heads/{name}"), refs.get(f"refs/tags/{name}")
    if at_branch is not None and tag is not None:
        raise HostError(
            f"{name} is both a branch and a tag of {resource.repository}",
            hint=f"say refs/heads/{name} or refs/tags/{name}",
        )
    if at_branch is not None:
        return Revision(at_branch, name)
    if tag is not None:
        return Revision(refs.get(f"refs/tags/{name}^{{}}", tag), None)
    short = re.fullmatch("[0-9a-f]{7,39}", name)
    raise HostError(
        f"{resource.repository} has no branch and no tag {name}",
        hint="a commit is named by all its 40 digits" if short else "`git ls-remote` lists them",
    )


def _references(said: str) -> tuple[Mapping[str, str], str | None]:
    """Return the commits of the names in an answer of ls-remote, and the name of the default."""
    refs: dict[str, str] = {}
    head = None
    for line in said.splitlines():
        left, _, name = line.partition("\t")
        if left.startswith("ref: "):
            head = left.removeprefix("ref: ") if name == "HEAD" else head
        elif re.fullmatch("[0-9a-f]{40}", left):
            refs[name] = left
    return refs, head


_SAYS_NOTHING = (
    "fatal: Could not read from remote",
    "Please make sure you have",
    "and the repository exists",
)
"""The beginnings of lines that git(1) adds to each error of a server."""


def _advice(told: str) -> str:
    """Return what to do about an error of git(1)."""
    if "Host key verification failed" in told:
        return "give known_hosts, or declare ssh_known_hosts_entry for the server before it"
    if "Permission denied" in told:
        return "give the key that may read it: key=secret(...)"
    if "Authentication failed" in told or "could not read Username" in told:
        return "give the token that may read it: token=secret(...)"
    return "`git ls-remote` on the host, as the same user, shows the same error"


# Objects come as one pack, which is in its place when it is complete. Single ones, of a fetch that
# was cut off or found no room, would look like a commit that is there.
FETCH: LiteralString = """\
cook_get() { cook_net -c fetch.unpackLimit=1 fetch -q "$@"; }
cook_point() { case $(cook_git config --get "remote.$1.url") in "$2") ;;
'') cook_git remote add "$1" "$2" ;; *) cook_git remote set-url "$1" "$2" ;; esac; }
cook_has() { cook_git cat-file -e "$1^{commit}" 2>/dev/null; }
cook_fetch() { cook_has "$2" && return
if [ "$3" ]; then cook_get --no-tags --depth "$3" -- "$1" "$2"
else cook_get --tags --force --prune -- "$1" "+refs/heads/*:refs/$4*" || { cook_has "$2"; return; }
cook_has "$2" || cook_get -- "$1" "$2"; fi
cook_has "$2" || { echo "the commit $2 is not in the repository" >&2; return 1; }; }
"""
"""
Has `cook_fetch REMOTE COMMIT DEPTH PREFIX`: the commit is there afterwards; and `cook_point REMOTE
ADDRESS`, which says why if it fails.
"""


_VERIFY_SSH: LiteralString = (
    "printf '%s\\n' {} >\"$cook_p/signers\" || exit\n"
    # git takes the program by the kind of the signature: a keyring of the user must not vouch.
    "cook_verify() { cook_git -c gpg.format=ssh -c gpg.program=false -c gpg.openpgp.program=false"
    ' -c gpg.x509.program=false -c gpg.ssh.allowedSignersFile="$cook_p/signers"'
    ' verify-commit "$1"; }\n'
)

# The keys are public: no agent is needed, which would outlive its folder for a moment.
_VERIFY_PGP: LiteralString = (
    'cook_verify() { (umask 077; mkdir -p "$cook_p/gpg") &&'
    ' echo no-autostart >"$cook_p/gpg/gpg.conf" && cook_r=$(printf "%s\\n" {} |'
    ' gpg --homedir "$cook_p/gpg" --batch -q --import 2>&1) ||'
    ' { printf "%s\\n" "$cook_r" >&2; return 1; }; GNUPGHOME=$cook_p/gpg'
    " cook_git -c gpg.format=openpgp -c gpg.ssh.program=false -c gpg.x509.program=false"
    ' verify-commit "$1"; }\n'
)


def verifying(signers: tuple[str, ...], keys: tuple[str, ...]) -> Command:
    """Return the definition of `cook_verify COMMIT`; it needs the private folder."""
    if signers:
        return sh(_VERIFY_SSH, list(signers))
    return sh(_VERIFY_PGP, list(keys)) if keys else sh("cook_verify() { :; }\n")


UNSIGNED = "has no signature of the declared keys"
"""The end of an error about a commit."""


_BETWEEN: LiteralString = """\
d={} u={} a={} b={}; cook_t='timeout 60'; cd "$d" || exit
if ! cook_git cat-file -e "$b^{commit}" 2>/dev/null; then
o=$(cook_git rev-parse --git-path objects) && o=$(cd "$o" && pwd) || exit
cook_git init -q --bare "$cook_p/between" && cd "$cook_p/between" || exit
echo "$o" >objects/info/alternates
cook_net fetch -q --no-tags -- "$u" "$b" || exit 0; fi
cook_git rev-list --left-right --count "$a...$b" || exit 0
cook_git log --no-color --format='%h %s' -n 10 "$a..$b"
{}
"""

_IN_THE_WAY: LiteralString = """\
cook_cut() { m=$(cook_git rev-parse -q --verify refs/cook/moving) &&
[ "$m" != "$(cook_git rev-parse -q --verify HEAD)" ] && cook_git ls-tree -r --name-only "$m"; }
cook_in_the_way() { cook_git ls-tree -r --name-only "$1" | sort >"$cook_p/new" &&
(cd "$d" && cook_cut) | sort >"$cook_p/cut"
(cd "$d" && cook_git ls-files -o {}) | sort | comm -12 - "$cook_p/new" |
comm -23 - "$cook_p/cut"; }"""

MOVE_AWAY = "move them away, or remove them"
"""The advice about files that a commit would overwrite."""


def in_the_way(*, clean: bool) -> Command:
    """
    Return the definition of `cook_in_the_way COMMIT`: it prints files that it would overwrite.

    They are in the working copy `$d`, and untracked or ignored. What a checkout that was cut off
    has left is not among them; its names are in `$cook_p/cut` then. With `clean`, those that are
    untracked are not among them: they are removed before.
    """
    some = sh("-i --exclude-standard") if clean else sh("")
    return sh(_IN_THE_WAY, some)


def ask_between(
    folder: str, origin: GitOrigin, found: str, wanted: str, more: Command | None = None
) -> Command:
    """
    Return the question for the commits between two, for `between`.

    What is missing is fetched into a private folder, so the repository stays as it is. `more` is
    run where the commit `$b` is known.
    """
    names = (folder, origin.repository, found, wanted)
    return with_source(origin, sh(_BETWEEN.rstrip(), *names, more or sh(":")))


def ask_signature(signers: tuple[str, ...], keys: tuple[str, ...]) -> Command:
    """Return the question that `ask_between` asks besides, for `unsigned`."""
    if not (signers or keys):
        return sh(":")
    asked = "cook_verify \"$b\" >/dev/null 2>&1 || printf '\\0unsigned'"
    return sh("{}{}", verifying(signers, keys), script(asked))


def unsigned(said: str) -> str | None:
    """Return a remark on a signature that is missing, by the answer to `ask_between`."""
    return f"the commit {UNSIGNED}, so the run will fail" if said.endswith("\0unsigned") else None


def ask_obstacles(*, clean: bool) -> Command:
    """Return the question that `ask_between` asks besides, for `obstacles`."""
    asked = "printf '\\0'; cook_in_the_way \"$b\" | head -n 10"
    return sh("{}\n{}", in_the_way(clean=clean), script(asked))


def obstacles(said: str) -> str | None:
    """Return a remark on files that would be overwritten, by the answer to `ask_between`."""
    _, _, names = said.removesuffix("\0unsigned").partition("\0")
    shown = ", ".join(names.splitlines())
    return f"in the way, so the run will fail: {shown}" if shown else None


def between(said: str) -> str | None:
    """Return the number of commits and their subject lines, by the answer to `ask_between`."""
    lines = said.partition("\0")[0].splitlines()
    if not lines or not re.fullmatch(r"\d+\t\d+", lines[0]):
        return None
    back, ahead = (int(number) for number in lines[0].split("\t"))
    subjects = [one.strip() for one in lines[1:] if one.strip()]
    count = f"{ahead} commit{'s' * (ahead != 1)}"
    if len(subjects) < ahead:
        subjects.append("...")
    new = [f"{count}: {'; '.join(subjects)}"] if ahead else []
    gone = [f"{back} commit{'s' * (back != 1)} taken back"] if back else []
    return ", and ".join([*gone, *new]) or None
