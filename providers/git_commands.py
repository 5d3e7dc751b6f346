"""The commands of git(1) that make and update a working copy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import LiteralString

from cookbook.provider import Change, Command, join, script, sh
from cookbook.providers.git_state import DETACHED, State
from cookbook.providers.revisions import (
    FETCH,
    MOVE_AWAY,
    UNSIGNED,
    in_the_way,
    verifying,
    with_source,
)

_CREATE: LiteralString = """\
{}{}d={} n=${d%/*}/.cook-$cook_nonce u={} r={} c={}
trap 'cd /; rm -rf -- "$n" "$cook_p"' EXIT
cook_git init -q {} -- "$n" && cd "$n" || exit
{}
if [ ! -e "$d" ]; then mv -T -- "$n" "$d"; else
[ "$(find "$d" -maxdepth 0 -empty)" ] || { echo "$d is not empty" >&2; exit 1; }
[ {} = export ] || cook_git config cook.folder kept || exit
find . -mindepth 1 -maxdepth 1 ! -name .git -exec mv -t "$d" -- {} + &&
{ [ ! -e .git ] || mv -- .git "$d"; } && rmdir -- "$n"; fi
"""

_SYNC: LiteralString = """\
{}{}d={} u={} r={} c={}; cd "$d" || exit
{}
"""

_POINT: LiteralString = """\
cook_point "$r" "$u" || exit
"""

_KEEP_COMMITS: LiteralString = """\
for h in $(cook_git rev-parse -q --verify HEAD) \
$(cook_git rev-parse -q --verify "refs/heads/$b"); do
[ "$(cook_git rev-list --count "$h" --not --remotes --tags --glob=refs/cook/)" = 0 ] ||
cook_git update-ref "refs/cook/kept/$h" "$h" || exit; done
"""

_CHECK_OUT: LiteralString = """\
b={}; cook_fetch "$r" "$c" {} "remotes/$r/" || exit
cook_verify "$c" || { echo "the commit $c {}" >&2; exit 1; }
{}
if [ "$b" ]; then cook_git checkout -q --no-overwrite-ignore -B "$b" "$c" || exit
cook_git branch -q --set-upstream-to="$r/$b" "$b" 2>/dev/null
else cook_git checkout -q --no-overwrite-ignore --detach "$c" || exit; fi
cook_git update-ref refs/cook/sync "$c" || exit
cook_git update-ref -d refs/cook/moving || exit
"""

# A file that no commit has is lost when a commit brings one of its name: `checkout` overwrites
# those that are ignored, and with -f all. So it is seen before anything is changed. What `clean`
# removes is planned by what is ignored before the commit changes, so it is removed before.
_NOTHING_IN_THE_WAY: LiteralString = """{}; x=$(cook_in_the_way "$c" | head -n 10)
[ -z "$x" ] || { printf '%s\\n' {} "$x" >&2; exit 1; }
cook_git ls-files -o | sort | comm -12 - "$cook_p/cut" | while IFS= read -r x
do rm -f -- "$x" || exit; done
"""

_MIRROR: LiteralString = """\
old=$(cook_git for-each-ref --format='%(objectname)' refs/heads)
cook_net fetch -q --force --prune -- "$r" \
'+refs/heads/*:refs/heads/*' '+refs/tags/*:refs/tags/*' || exit
for h in $old; do
[ "$(cook_git rev-list --count "$h" --not --branches --tags --glob=refs/cook/)" = 0 ] ||
cook_git update-ref "refs/cook/kept/$h" "$h" || exit; done
b={}; [ -z "$b" ] || cook_git symbolic-ref HEAD "refs/heads/$b" || exit
"""


def _parts(wanted: State, *, point: bool, new: bool) -> Command:
    """Return the steps in the folder: remotes, fetch, verify, check out, submodules."""
    parts = [sh(_POINT)] if point and wanted.repository else []
    for name, address in wanted.remotes or ():
        parts.append(sh("cook_point {} {} || exit\n", name, address))
    branch = "" if wanted.branch in (None, DETACHED) else wanted.branch
    if wanted.form == "bare":
        return join([*parts, *([sh(_MIRROR, branch)] if wanted.repository else [])], "")
    force = wanted.local_changes == "discard"
    depth = 1 if wanted.form == "export" else wanted.depth
    kept = sh(":") if new else join([*_before(wanted, force=force)], "")
    parts.append(sh(_CHECK_OUT, branch, depth or "", script(UNSIGNED), kept))
    if wanted.modules:
        deep = sh("--depth {}", depth) if depth else sh("")
        parts.append(
            sh(
                "cook_net submodule sync -q --recursive &&"
                " cook_net submodule update -q --init --recursive {} {} || exit\n",
                sh("--force") if force else sh(""),
                deep,
            )
        )
    if wanted.form == "export":
        parts.append(sh("find . -name .git -prune -exec rm -rf -- {} + || exit\n", script("{}")))
    return join(parts, "")


def _before(wanted: State, *, force: bool) -> Iterator[Command]:
    """Yield the steps before another commit is checked out: nothing is lost that is not planned."""
    yield sh(_KEEP_COMMITS)
    said = f"files that no commit has are in the way; {MOVE_AWAY}:"
    yield sh(_NOTHING_IN_THE_WAY, in_the_way(clean=wanted.clean), said)
    if not wanted.mixed:
        # A checkout that is cut off leaves files of the new commit, which are no edits of anyone.
        yield sh('cook_git update-ref refs/cook/moving "$c" || exit\n')
    if wanted.clean:
        yield sh("cook_git clean -ffdq || exit\n")
    if force:
        yield sh("cook_git reset -q --hard || exit\n")


def create(name: str, wanted: State) -> Command:
    """Return the command that clones or exports beside the place, and moves it there."""
    body = sh(
        _CREATE.rstrip(),
        sh(FETCH),
        verifying(wanted.signers, wanted.signing_keys),
        name,
        wanted.repository or "",
        wanted.remote,
        wanted.commit or "",
        sh("--bare") if wanted.form == "bare" else sh(""),
        _parts(wanted, point=True, new=True),
        wanted.form,
        script("{}"),
    )
    return _called(with_source(wanted.origin, body), f"clone {wanted.repository or name}")


def update(name: str, change: Change[State], wanted: State) -> Command:
    """Return the command that leads a working copy to the commit, or a mirror to its source."""
    body = sh(
        _SYNC.rstrip(),
        sh(FETCH),
        verifying(wanted.signers, wanted.signing_keys),
        name,
        wanted.repository or "",
        wanted.remote,
        wanted.commit or "",
        _parts(wanted, point="repository" in change.fields, new=False),
    )
    return _called(with_source(wanted.origin, body), f"update {name}")


def _called(command: Command, said: str) -> Command:
    return replace(command, called=said, shown=said)
