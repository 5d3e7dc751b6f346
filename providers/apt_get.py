"""One transaction of apt-get(8): it asks nothing, waits for locks, and says who holds them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString

from cookbook.language.traits import COMMAND_TIMEOUT
from cookbook.provider import Change, Command, Content, Thing, hint, sh
from cookbook.providers.dpkg import Offer, order
from cookbook.providers.named_versions import ANY, BY, NEWEST, versions

# apt-get(8) touches lists/partial whenever it looks; a source that is younger was not read yet.
# What is dated an hour ahead, or a year, is from a clock that was off, and as good as old.
_FRESH: LiteralString = r"""
fresh() {
[ "$(find /var/lib/apt/lists /var/lib/apt/lists/partial -maxdepth 0 -mmin -{} \
! -newermt '1 hour' 2>/dev/null)" ] || return 1
for f in /etc/apt/sources.list /etc/apt/sources.list.d /etc/apt/sources.list.d/*; do
[ "$f" -nt /var/lib/apt/lists ] && [ "$f" -nt /var/lib/apt/lists/partial ] && return 1; done
set -- /var/lib/apt/lists/*_*; [ -e "$1" ]; }
"""

# A process with the lock file open holds it, or is about to. apt-get itself waits for dpkg's lock
# only, and only since 1.9.11; a transaction that was cut off is ended as dpkg(1) says. It has a
# limit for a server that is silent, none for one that is slow: what it fetches with is ended in
# time, and nothing but that, because dpkg(1) must not be ended in the middle.
_TRY: LiteralString = r"""
fetchers() { for m in /proc/[0-9]*; do case $(readlink "$m/exe") in */apt/methods/*)
read -r _ _ _ a _ <"$m/stat" && read -r _ _ _ p _ <"/proc/$a/stat" && [ "$p" = "$me" ] &&
kill "${m#/proc/}" && echo "it was not fetched within {} s, which is the limit" >&3 ;; esac; done; }
limited() { me=$(exec sh -c 'echo $PPID'); { z=; trap 'kill $z; exit' TERM
while n=$((stop - $(date +%s))); [ $n -gt 0 ]; do [ $n -lt 5 ] || n=5
sleep $n & z=$!; wait $z; kill -0 $me || exit; done
for n in 1 2 3 4 5; do fetchers; sleep 1 & z=$!; wait $z; done; } 3>&2 >/dev/null 2>&1 </dev/null &
w=$!; "$@"; status=$?; kill $w 2>/dev/null; wait $w 2>/dev/null; return $status; }
stop=$(($(date +%s) + {}))
holders() { for lock in lib/dpkg/lock-frontend lib/dpkg/lock lib/apt/lists/lock \
cache/apt/archives/lock; do for fd in /proc/[0-9]*/fd/*; do
if [ "$fd" -ef "/var/$lock" ]; then p=${fd#/proc/}; p=${p%%/*}
echo "/var/$lock is held by process $p: $(tr '\0' ' ' <"/proc/$p/cmdline")"; fi; done; done; }
end=$(($(date +%s) + {})); ended=
try() { while :; do left=$((end - $(date +%s))); [ $left -gt 0 ] || left=0
limited apt-get -q -y -o DPkg::Lock::Timeout=$left -o Dpkg::Use-Pty=0 "$@" && return
if [ -n "$(holders)" ]; then
[ $left -gt 0 ] || { echo "waited {} s for a lock" >&2; holders >&2; return $status; }
sleep 1
elif [ -z "$ended" ] && ls /var/lib/dpkg/updates/[0-9]* >/dev/null 2>&1; then
ended=1; dpkg {} --configure -a || return
else return $status; fi; done; }
"""

# What became of those that were not named, and whose mark as automatically installed was lost:
# `@+ NAME`, `@- NAME=OLD`, `@^ NAME=OLD`, `@r NAME` (its configuration was there), `@a NAME`. And
# `@k PATH`, a version of a configuration file that dpkg(1) or ucf(1) has put beside the one in use:
# both say so on the way only. Those outside of /etc are not looked for.
_TOLD: LiteralString = r"""
told_beside() { find /etc -xdev \( -name '*.dpkg-dist' -o -name '*.dpkg-new' -o -name '*.dpkg-old' \
-o -name '*.ucf-dist' -o -name '*.ucf-old' -o -name '*.ucf-new' \) \
-printf '%i %C@ %p\n' 2>/dev/null; }
beside=$(told_beside)
told_list() { dpkg-query -W -f '${db:Status-Status} ${Package}=${Version}\n' |
sed -n 's/^installed //p; s/^config-files /@/p'; echo -; apt-mark showauto; echo -; }
before=$(told_list)
told() { { printf '%s\n' "$before"; told_list; } | awk -F = '
BEGIN { for (i = 1; i < ARGC; i++) { n = ARGV[i]; sub(/:.*/, "", n); named[n] }; ARGC = 1 }
$0 == "-" { part++; next }
part == 0 { if (sub(/^@/, "")) rest[$1]; else old[$1] = $0; next } part == 1 { auto[$1]; next }
part == 2 { if (!/^@/) new[$1] = $0; next } { still[$1] }
END { for (n in new) if (!(n in old) && !(n in named)) print "@+ " n
for (n in new) if (!(n in old) && !(n in named) && n in rest) print "@r " n
for (n in new) if (n in old && old[n] != new[n] && !(n in named)) print "@^ " old[n]
for (n in old) if (!(n in new) && !(n in named)) print "@- " old[n]
for (n in auto) if (n in old && !(n in still)) print "@a " n }' {}
told_beside | grep -v -x -F -e "$beside" | sed -n 's/^[^ ]* [^ ]* /@k /p'; }
"""
_ALONE: LiteralString = """
others=$(apt-get -s -q {} -- {} | awk '$1 == "Remv" || $1 == "Purg" {{ print $2 }}' |
grep -v -x -F -e "$(printf '%s\\n' {})")
[ -z "$others" ] || { echo "these would go, too:" $others >&2; exit 1; }
"""

_QUIET = (
    "DEBIAN_FRONTEND=noninteractive",
    "DEBIAN_PRIORITY=critical",
    "APT_LISTCHANGES_FRONTEND=none",
    "NEEDRESTART_MODE=l",
    "NEEDRESTART_SUSPEND=1",
)
_KEEP = ("--force-confdef", "--force-confold")
_OVERWRITE = ("--force-confnew",)


LISTS = Thing("packages", "the lists of apt")
"""The lists of apt, which repositories and pins change, and an upgrade is planned from."""


@dataclass(frozen=True)
class Deb:
    """The file of a package."""

    version: str
    path: str = ""
    """Its path on the host; empty if it is sent or fetched."""
    content: Content | None = None
    sources: tuple[str, ...] = ()
    """The addresses from which the host fetches it."""


@dataclass(frozen=True)
class State:
    """
    Packages as dpkg has them.

    The version is a text as `named_versions` reads it.
    """

    version: str | None = None
    held: tuple[str, ...] | None = None
    broken: tuple[str, ...] | None = None
    """Those that are there by halves, and how: `nginx half-configured`."""
    leftovers: tuple[str, ...] | None = None
    """Those of which only configuration files are there."""
    pulled: tuple[str, ...] = hint(default=())
    """Packages that came with them as dependencies: `nginx-common`."""
    dropped: tuple[str, ...] = hint(default=())
    """Packages that were removed with them: `nginx=1.22.1-9`."""
    moved: tuple[str, ...] = hint(default=())
    """Packages that changed their version with them, with the version before: `libc6=2.36-9`."""
    automatic: tuple[str, ...] = hint(default=())
    """Those of the removed or named packages that were marked as automatically installed."""
    residue: tuple[str, ...] = hint(default=())
    """Those of which configuration files were there before they were installed."""
    essential: tuple[str, ...] = hint(default=())
    """Those that apt refuses to remove."""
    providers: tuple[str, ...] = hint(default=())
    """The installed providers of a name: `awk gawk mawk`."""
    alone: bool = hint(default=False)
    """Only what is named may go; where others would go, too, nothing does."""
    offers: tuple[Offer, ...] = hint(default=())
    """The offers of apt for packages that may have to be installed."""
    fresh: bool = hint(default=True)
    """True if the package lists are recent enough."""
    options: tuple[str, ...] = hint(default=())
    release: str | None = hint()
    recommends: bool | None = hint()
    """Install recommended packages, or not; None: as apt is configured."""
    overwrite: bool = hint(default=False)
    cache_max_age: int = hint(default=86400)
    lock_timeout: int = hint(default=120)
    timeout: float = hint(default=1800.0)
    deb: Deb | None = hint()
    """The file that the package is installed from; None: from a repository."""


@dataclass(frozen=True)
class TransactionOptions:
    """The options of a transaction; the properties of `Package` with the same names."""

    options: tuple[str, ...]
    release: str | None
    overwrite: bool
    cache_max_age: int
    lock_timeout: int
    alone: bool = False
    recommends: bool | None = None
    names: tuple[str, ...] = ()
    """Those that it is about; what happens to others is told."""
    timeout: float = 1800.0


_SPARE = 5
"""Seconds before the limit of a command at which a download is ended, so that the error is its."""


def _waiting(limit: float, lock_timeout: int, force: Sequence[str]) -> Command:
    """Return the shell function `try`, which runs apt-get(8) in a command with this limit."""
    most = max(1, int(limit) - _SPARE)
    return sh(_TRY, most, most, lock_timeout, lock_timeout, list(force))


def fresh(cache_max_age: int) -> Command:
    """Return the command that prints whether the package lists are recent enough: fresh or old."""
    text = sh("{}if fresh; then echo fresh; else echo old; fi", _fresh(cache_max_age))
    return replace(text, called="look for the age of the package lists")


def arguments(
    verb: str,
    specs: Sequence[str],
    manner: TransactionOptions,
    *,
    downgrade: bool = False,
    repair: bool = False,
) -> Command:
    """Return the arguments of apt-get(8) for a transaction."""
    target = sh("-t {}", manner.release) if manner.release is not None else sh("")
    back = sh("--allow-downgrades") if downgrade else sh("")
    back = sh("--fix-broken --no-remove") if repair else back
    with_more = {
        None: sh(""),
        True: sh("--install-recommends"),
        False: sh("--no-install-recommends"),
    }
    more = with_more[manner.recommends if verb == "install" else None]
    return sh("{} {} {} {} {} -- {}", verb, target, back, more, manner.options, list(specs))


def transaction(
    verb: str,
    specs: Sequence[str],
    manner: TransactionOptions,
    *,
    downgrade: bool = False,
    repair: bool = False,
    refresh: bool = True,
) -> Command:
    """Install, remove, purge or repair; the lists are refreshed first if that is called for."""
    force = _OVERWRITE if manner.overwrite else _KEEP
    what = arguments(verb, specs, manner, downgrade=downgrade, repair=repair)
    update = (
        sh("{}fresh || try update || exit\n", _fresh(manner.cache_max_age))
        if verb == "install" and not repair and refresh
        else sh("")
    )
    ucf = "UCF_FORCE_CONFFNEW=1" if manner.overwrite else "UCF_FORCE_CONFFOLD=1"
    waiting = _waiting(manner.timeout + manner.lock_timeout, manner.lock_timeout, force)
    text = sh(
        "export {}\n{}\n{}{}{}try {} {} || exit\ntold",
        [*_QUIET, ucf],
        waiting,
        update,
        sh(_ALONE, verb, list(specs), list(specs)) if manner.alone else sh(""),
        sh(_TOLD, list(manner.names)),
        [word for option in force for word in ("-o", f"Dpkg::Options::={option}")],
        what,
    )
    return replace(text, shown=sh("apt-get {}", what).shown)


# apt-get(8) ends well if it could not fetch a list, and so uses an old one. It warns of that then;
# a line `Err:` alone is not enough: apt 3 writes it of translations that a source does not have.
_UPDATE: LiteralString = r"""
try {} update >"$u/out" 2>&1; s=$?
if [ $s != 0 ] || grep -qE '^(E: |W: (GPG|Failed|An error))' "$u/out"; then
grep -vE '^(Get|Hit|Ign|Fetched|Reading)' "$u/out" >&2; exit 100; fi
"""
_SPACE: LiteralString = r"""
umask 022; u=$cook_home/apt-$cook_nonce; mkdir -p -- "$u" || exit; trap 'rm -rf -- "$u"' EXIT
"""


def update_all(lock_timeout: int) -> Command:
    """Return the command that fetches all lists, and fails if one of them cannot be had."""
    waiting = _waiting(COMMAND_TIMEOUT, lock_timeout, _KEEP)
    text = sh("export {}\n{}\n{}{}", [*_QUIET], waiting, sh(_SPACE), sh(_UPDATE, sh("")))
    return replace(text, shown="apt-get update", called="apt-get update")


# The age of the lists is that of the oldest: it stays. A new source was read, so it gets that age
# as well, unless other sources wait to be read. apt-get(8) has made caches of this source alone.
_AGE: LiteralString = r"""
lists=/var/lib/apt/lists; set -- $lists/*_*; read=
fresh && read=1; a=$lists/partial; [ "$lists" -nt "$a" ] && a=$lists
if [ -e "$1" ]; then touch -r "$a" "$u/age"; else touch -d @0 "$u/age"; fi || exit
"""
_AS_BEFORE: LiteralString = r"""
touch -r "$u/age" $lists $lists/partial
rm -f /var/cache/apt/pkgcache.bin /var/cache/apt/srcpkgcache.bin
"""


def update_one(
    path: str, text: str, lock_timeout: int, write: Command, *, strict: bool, dated: bool
) -> Command:
    """
    Return the command that fetches the lists of one source, and then runs `write`.

    That writes the text to the path. Lists of other sources that were too old are so afterwards.
    Unless it is `strict`, a source that cannot be reached is written as well.
    What is `dated` has a time of its own.
    """
    folder, _, name = path.rpartition("/")
    only = sh(
        '-o Dir::Etc::sourcelist="$u"/{} -o Dir::Etc::sourceparts=/dev/null'
        " -o APT::Get::List-Cleanup=0",
        name,
    )
    whole = sh(
        "export {}\n{}\n{}{}{}"
        'printf %s {} >"$u"/{} || exit\n{}{}({}) || exit\n'
        '[ -z "$read" ] || touch -r "$u/age" {}',
        [*_QUIET],
        _waiting(COMMAND_TIMEOUT, lock_timeout, _KEEP),
        _fresh(_EVER),
        sh(_SPACE),
        sh(_AGE),
        text,
        name,
        sh(_UPDATE, only) if strict else sh("({}) || read=\n", sh(_UPDATE, only)),
        sh(_AS_BEFORE),
        write,
        [folder] if dated else [path, folder],
    )
    return replace(whole, shown=f"apt-get update # of {path} only", called="apt-get update")


def without(path: str, write: Command) -> Command:
    """Return the command that runs `write`, which removes a source; no other has to be read."""
    folder = path.rpartition("/")[0]
    return sh(
        '{}{}{}{} && { [ -z "$read" ] || touch -r "$u/age" {}; }',
        _fresh(_EVER),
        sh(_SPACE),
        sh(_AGE),
        write,
        folder,
    )


_EVER = 10 * 365 * 86400
"""Ten years in seconds: lists of any age."""


def mark(verb: str, names: Sequence[str]) -> Command:
    """Return the command that holds packages, releases them, or marks them as automatic."""
    return sh("apt-mark {} -- {} >/dev/null", verb, list(names))


def _fresh(cache_max_age: int) -> Command:
    return sh(_FRESH.lstrip(), cache_max_age // 60)


def kind_of(name: str, change: Change[State]) -> tuple[str, TransactionOptions] | None:
    """Those of one kind can go into one transaction; None for what goes by itself."""
    before, after = versions(name, change.found), versions(name, change.wanted)
    if any(_marked(change, release=release) for release in (True, False)):
        return None
    removes = bool(before.keys() - after.keys()) or change.act is not None
    return change.act or ("remove" if removes else "install"), manner_of(change)


def manner_of(change: Change[State]) -> TransactionOptions:
    """Return the options of the transaction for a change."""
    state = change.wanted if change.wanted is not None else change.found
    assert state is not None  # noqa: S101 - a change has a side
    return TransactionOptions(
        state.options,
        state.release,
        state.overwrite,
        state.cache_max_age,
        state.lock_timeout,
        state.alone,
        state.recommends,
        timeout=state.timeout,
    )


def commands_of(changes: Sequence[tuple[str, Change[State]]]) -> Iterator[Command]:
    """Let go, remove, install, hold: of several changes of one kind, in one transaction."""
    names = tuple(name for one in changes for name in (*one[0].split(), *_again(one[1])))
    manner = replace(manner_of(changes[0][1]), names=names)
    if any(_others_broken(*one) for one in changes):
        yield transaction("install", [], manner, repair=True)
    if released := [name for one in changes for name in _marked(one[1], release=True)]:
        yield mark("unhold", released)
    if gone := [name for one in changes for name in gone_of(*one)]:
        yield from _removals(changes, gone, manner)
    if specs := [spec for one in changes for spec in specs_of(*one)]:
        yield transaction("install", specs, manner, downgrade=goes_back(changes))
    if automatic := [name for one in changes for name in _automatic(one[1])]:
        yield mark("auto", automatic)
    if held := [name for one in changes for name in _marked(one[1], release=False)]:
        yield mark("hold", held)


def _removals(
    changes: Sequence[tuple[str, Change[State]]], gone: Sequence[str], manner: TransactionOptions
) -> Iterator[Command]:
    """Yield the removals; an undo keeps configuration that an earlier removal had left."""
    purge = changes[0][1].act is not None
    sides = [change.found for _, change in changes if change.found is not None]
    kept = {name for side in sides if side.alone for name in side.residue} & {*gone}
    if not kept:
        yield transaction("purge" if purge else "remove", gone, manner)
        return
    yield transaction("remove", gone, manner)
    if rest := [name for name in gone if name not in kept]:
        yield transaction("purge", rest, manner)


def _marked(change: Change[State], *, release: bool) -> Sequence[str]:
    before = change.found.held if change.found is not None else None
    after = change.wanted.held if change.wanted is not None else ()
    if after is None:
        return ()
    some = [name for name in before or () if name not in after]
    return some if release else [name for name in after if name not in (before or ())]


def gone_of(name: str, change: Change[State]) -> Iterator[str]:
    """Yield the packages that apt-get(8) removes or purges."""
    after = versions(name, change.wanted)
    yield from (one for one in versions(name, change.found) if one not in after)
    if change.act is not None and change.found is not None:
        yield from change.found.leftovers or ()
    if change.wanted is None and change.found is not None:
        yield from change.found.pulled


def _others_broken(name: str, change: Change[State]) -> bool:
    """Return whether another package is half installed: only `repair` looks for that."""
    broken = change.found.broken if change.found is not None else ()
    halves = {one.partition(" ")[0] for one in broken or ()} if "broken" in change.fields else set()
    return bool(halves - {*name.split()})


def specs_of(name: str, change: Change[State]) -> Iterator[str]:
    """Yield the arguments of apt-get(8) install: `name`, or `name=version`."""
    before = versions(name, change.found)
    broken = change.found.broken if change.found is not None else ()
    halves = {one.partition(" ")[0] for one in broken or ()} if "broken" in change.fields else ()
    for one, version in versions(name, change.wanted).items():
        if before.get(one) == version and one not in halves:
            continue
        if version.startswith(BY):
            yield version.removeprefix(BY)
        else:
            yield one if version in (ANY, NEWEST) else f"{one}={version}"
    yield from _dropped(change)


def _dropped(change: Change[State]) -> Sequence[str]:
    """Return what is installed again with a change, as `name=version`."""
    side = change.wanted if change.wanted is not None else change.found
    return side.dropped if side is not None else ()


def _again(change: Change[State]) -> Iterator[str]:
    """Yield the packages that are installed again with a change."""
    return (one.partition("=")[0] for one in _dropped(change))


def _automatic(change: Change[State]) -> Sequence[str]:
    side = change.wanted if change.wanted is not None else change.found
    return side.automatic if side is not None else ()


def goes_back(changes: Sequence[tuple[str, Change[State]]]) -> bool:
    """Return whether a package gets an older version than it has."""
    return any(_goes_back(*one) for one in changes)


def _goes_back(name: str, change: Change[State]) -> bool:
    before = versions(name, change.found)
    after = versions(name, change.wanted)
    return any(
        old[:1].isdigit() and after[one][:1].isdigit() and order(after[one]) < order(old)
        for one, old in before.items()
        if one in after
    )
