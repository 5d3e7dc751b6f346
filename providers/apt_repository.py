"""Repositories of packages, by sources.list(5), /etc/apt/keyrings and apt-get(8)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import LiteralString

from cookbook.errors import HostError
from cookbook.provider import Change, Command, Probe, Provider, Thing, hint, join, provides, sh
from cookbook.providers.apt_get import LISTS, update_one, without
from cookbook.providers.by_hand import files_by_hand, named_by_file
from cookbook.providers.small_files import TEXT, ages, parse_text, times, write_small
from cookbook.providers.stat import TARGET
from cookbook.resources._openpgp import OpenPgpKey, read_keys
from cookbook.resources.apt_repository import AptRepository

_HOST = Probe(sh("(. /etc/os-release; echo $VERSION_CODENAME); date +%s"), loose=True)

_KEYRINGS = "/etc/apt/keyrings"
# It is a part of apt since Debian 12; where cook has made it, it goes with the last key.
_TIDY = sh(
    "{ grep -qsxF {} /var/lib/dpkg/info/apt.list || rmdir -- {} 2>/dev/null || :; }",
    _KEYRINGS,
    _KEYRINGS,
)


@dataclass(frozen=True)
class State:
    """A repository: the file in the declared format, the one in the other, and the key."""

    source: str = ""
    """The text of the file; empty without one."""
    other: str = ""
    """The text of the file in the other format; empty without one."""
    key: str = ""
    """The fingerprints of the keys; `?` for what is no key, empty without a file."""
    digest: str | None = None
    """The beginning of the SHA-256 of the keyring; None in what is wanted: as it is fetched."""
    defect: str | None = None
    """Revoked, expired; empty if the key is neither."""
    format: str = hint(default="sources")
    keyring: str | None = hint()
    """The text of the keyring; None for one that is fetched."""
    url: str | None = hint()
    modified: tuple[str | None, ...] = hint(default=(None, None, None))
    """Times of the three files."""
    update: int | None = hint()
    """Fetch the lists, and wait so many seconds for their lock."""
    strict: bool = hint(default=False)
    """The change fails if they cannot be fetched; an undo does not."""
    codename: str = hint(default="")
    now: int = hint(default=0)


@provides(AptRepository, when=lambda facts: facts.package_tool == "apt")
class AptRepositoryProvider(Provider[AptRepository, State]):
    """Two files, one of them the key; the lists are fetched before the file counts."""

    def probe(self, repository: AptRepository) -> Sequence[Probe]:
        """Ask for both files, the key, the code name and date of the host, and a foreign key."""
        own, other = _files(repository)
        asked = [TEXT.about(own), TEXT.about(other), TEXT.about(repository.keyring), _HOST]
        signed = repository.signed_by
        return asked if signed is None else [*asked, TARGET.about(signed, loose=True)]

    def parse(self, repository: AptRepository, *answers: str | None) -> State:
        """Return the state."""
        source, other, keyring = (parse_text(answer) for answer in answers[:3])
        codename, now = (answers[3] or "").split("\n")[:2]
        keys = _keys(keyring)
        return State(
            source or "",
            other or "",
            "" if keyring is None else " ".join(sorted(k.fingerprint for k in keys)) or "?",
            _digest(keyring),
            _defect(keys, int(now)),
            repository.format,
            keyring,
            update=_update(repository),
            codename=codename,
            now=int(now),
        )

    def plan(self, repository: AptRepository, found: State | None) -> Change[State]:
        """Compare the files, and the key."""
        now = found or State(digest="")
        there = found if found is not None and self.there(found) else None
        if repository.action == "remove":
            return Change(there, None)
        if not (repository.suites or now.codename):
            raise HostError(f"{repository}: the host has no code name", hint="say distribution=")
        wanted = State(
            repository.text(now.codename),
            digest="",
            format=repository.format,
            update=_update(repository),
            strict=not repository.cache_rebuild_ignore_failure,
            codename=now.codename,
            now=now.now,
        )
        if repository.key_url is not None:
            wanted = replace(wanted, key=" ".join(repository.fingerprints), digest=None)
            return Change(there, replace(wanted, defect="", url=repository.key_url))
        keys = _keys(text := repository.key)
        wanted = replace(wanted, key=" ".join(sorted(k.fingerprint for k in keys)), keyring=text)
        defect = _defect(keys, now.now)
        warning = f"the key is {defect}: apt refuses what it has signed" if defect else None
        return Change(there, replace(wanted, digest=_digest(text)), warning=warning)

    def commands(self, name: str, change: Change[State]) -> Iterator[Command]:
        """Write the key, fetch the lists, write the file; or remove all."""
        wanted = change.wanted
        side = wanted or change.found or State()
        own, other, keyring = _paths(name, side.format)
        if wanted is None:
            rm = sh("rm -f -- {}", [own, other, keyring])
            yield replace(without(own, sh("{} && {}", rm, _TIDY)), shown=rm.shown)
            return
        if {"key", "digest", "defect"} & change.fields.keys():
            yield _write_key(keyring, wanted)
        if not {"source", "other", "key", "digest"} & change.fields.keys():
            return
        write = [write_small(own, wanted.source, wanted.modified[0])]
        if "other" in change.fields:
            write.append(write_small(other, wanted.other, wanted.modified[1]))
        if wanted.update is not None and wanted.source:
            yield update_one(
                own,
                wanted.source,
                wanted.update,
                join(write, " && "),
                strict=wanted.strict,
                dated=wanted.modified[0] is not None,
            )
        else:
            yield from write

    def missing(self, repository: AptRepository, *answers: str | None) -> Iterator[Thing]:
        """Yield the keyring of others."""
        signed = repository.signed_by
        if signed is not None and answers[-1] is None and repository.action == "add":
            yield Thing("path", signed)

    def brings(self, name: str, change: Change[State]) -> Iterable[Thing]:
        """Yield the files."""
        if change.wanted is None:
            return []
        own, _, keyring = _paths(name, change.wanted.format)
        return [Thing("path", own), *([Thing("path", keyring)] if change.wanted.key else [])]

    def brings_anything(self, name: str) -> bool:
        """Return True: any package."""
        return True

    def takes_anything(self, name: str) -> bool:
        """Return False: what is installed stays."""
        return False

    def about(self, repository: AptRepository) -> Iterable[Thing]:
        """Yield the files."""
        return [Thing("path", one) for one in (*_files(repository), repository.keyring)]

    def alters(self, repository: AptRepository, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the files, and the lists of packages."""
        return [*self.about(repository), LISTS]

    def removes(self, repository: AptRepository, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the files."""
        return self.about(repository) if change is None or change.wanted is None else ()

    def there(self, state: State | None) -> bool:
        """Return whether there is any of its files."""
        return state is not None and bool(state.source or state.other or state.key)

    def keeps(self, name: str, change: Change[State]) -> Command | None:
        """Ask when the files were written."""
        side = change.found
        return ages(_paths(name, side.format)) if side is not None else None

    def learned(self, change: Change[State], kept: str, said: str) -> Change[State]:
        """Add when they were."""
        if change.found is None or not kept:
            return change
        three = (*times(kept), None, None, None)[:3]
        return replace(change, found=replace(change.found, modified=three))

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to the former files; a former key is written, not fetched."""
        back, before = super().back(name, change, now), change.found
        if back.wanted is None or before is None or "key" not in change.fields:
            return back
        return replace(back, wanted=replace(back.wanted, digest=before.digest))

    def everything(self) -> Command:
        """Ask for the files that no package has."""
        return files_by_hand("/etc/apt/sources.list.d", ["*.list", "*.sources"])

    def unmanaged(
        self, text: str, declared: Sequence[AptRepository]
    ) -> Iterable[tuple[str, Thing]]:
        """Yield those that are not declared."""
        return named_by_file(text, [".list", ".sources"])


def _paths(name: str, format: str) -> tuple[str, str, str]:
    own, other = ("sources", "list") if format == "sources" else ("list", "sources")
    folder = "/etc/apt/sources.list.d"
    return f"{folder}/{name}.{own}", f"{folder}/{name}.{other}", f"/etc/apt/keyrings/{name}.asc"


def _files(repository: AptRepository) -> tuple[str, str]:
    return _paths(repository.name, repository.format)[:2]


def _keys(text: str | None) -> list[OpenPgpKey]:
    try:
        return read_keys(text) if text is not None else []
    except ValueError:
        return []


def _update(repository: AptRepository) -> int | None:
    return repository.lock_timeout if repository.cache_rebuild else None


def _digest(text: str | None) -> str:
    data = (text or "").encode("utf-8", "surrogateescape")
    return hashlib.sha256(data).hexdigest()[:12] if data else ""


def _defect(keys: Sequence[OpenPgpKey], now: int) -> str:
    if any(key.revoked for key in keys):
        return "revoked"
    until = min((key.expires for key in keys if key.expires is not None), default=now)
    if until >= now:
        return ""
    return f"expired since {datetime.fromtimestamp(until, UTC):%Y-%m-%d}"


# The packets of the key are read here, because gpg(1) is not on each host: of each primary key
# the fingerprint is the SHA-1 of a head and its packet (RFC 4880, 12.2). What counts besides is
# refused, so a file cannot bring a second key with it.
_FETCH: LiteralString = r"""
u={} p={} want={}; umask 022; t=$(mktemp -d) || exit; trap 'rm -rf -- "$t"' EXIT
case $u in file://*) cp -- "${u#file://}" "$t/key" ;;
*) chown _apt -- "$t" 2>/dev/null
/usr/lib/apt/apt-helper -q download-file "$u" "$t/key" >"$t/out" 2>&1 ||
{ cat "$t/out" >&2; exit 1; } ;; esac || exit
bad() { echo "the key of $u $1" >&2; exit 1; }
if grep -aq '^-----BEGIN PGP PUBLIC KEY BLOCK-----' "$t/key"; then
tr -d '\r' <"$t/key" | awk '/^-----BEGIN PGP PUBLIC/ { h = 1; next } h == 1 && /^$/ { h = 2; next }
/^-----END/ { h = 0 } h == 2 && !/^=/' | base64 -d >"$t/bin" || bad 'is no armored block'
else mv -- "$t/key" "$t/bin"; fi
n=$(wc -c <"$t/bin") at=0 got=
while [ $at -lt $n ]; do
set -- $(od -An -v -tu1 -j $at -N 6 "$t/bin") 0 0 0 0 0
if [ $1 -ge 192 ]; then tag=$(($1 - 192))
if [ $2 -lt 192 ]; then h=2 l=$2; elif [ $2 -lt 224 ]; then h=3 l=$((($2 - 192) * 256 + $3 + 192))
else h=6 l=$((($3 << 24) + ($4 << 16) + ($5 << 8) + $6)); fi
elif [ $1 -ge 128 ]; then tag=$((($1 - 128) / 4)); case $(($1 % 4)) in
0) h=2 l=$2 ;; 1) h=3 l=$(($2 * 256 + $3)) ;;
2) h=5 l=$((($2 << 24) + ($3 << 16) + ($4 << 8) + $5)) ;; *) bad 'is no key' ;; esac
else bad 'is no key'; fi
[ $((at + h + l)) -le $n ] || bad 'is cut off'
if [ $tag = 6 ]; then
f=$({ printf "\\231\\$(printf %03o $((l / 256)))\\$(printf %03o $((l % 256)))"
tail -c +$((at + h + 1)) "$t/bin" | head -c $l; } | sha1sum | tr a-f A-F)
got="$got${f%% *}
"; fi
at=$((at + h + l)); done
got=$(printf %s "$got" | sort | xargs)
[ "$got" = "$want" ] || bad "has the fingerprint ${got:-of nothing}, not $want"
{ printf '%s\n\n' '-----BEGIN PGP PUBLIC KEY BLOCK-----'; base64 -w 64 "$t/bin"
echo '-----END PGP PUBLIC KEY BLOCK-----'; } >"$t/asc" && mkdir -p -- "${p%/*}" &&
cp -- "$t/asc" "$p.cook-new" && chmod 644 -- "$p.cook-new" && mv -f -- "$p.cook-new" "$p"
"""


def _write_key(path: str, wanted: State) -> Command:
    """Return the command that writes the keyring, removes it, or fetches it and checks it."""
    if wanted.url is None or not wanted.key:
        write = write_small(path, (wanted.keyring or "") if wanted.key else "", wanted.modified[2])
        if wanted.key:
            return sh("mkdir -p -- {} && {}", _KEYRINGS, write)
        return sh("{} && {}", write, _TIDY)
    text = sh(_FETCH.strip(), wanted.url, path, wanted.key)
    return replace(text, shown=f"fetch {wanted.url}", called=f"fetch {wanted.url}")
