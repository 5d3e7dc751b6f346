"""The answer of a server to the question whether its file has changed, asked by curl(1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString

from cookbook.errors import HostError, Missing
from cookbook.provider import Command, Content, Probe, sh, tainted
from cookbook.providers.fetched import HEADS
from cookbook.resources.remote_file import RemoteFile

# The record is printed, then what there is now. The server that had the file is asked first. The
# headers alone are asked for; no body is sent.
_ASK: LiteralString = r"""
{}cook_request={} r=$cook_home/fetched/{} o=
[ ! -e "$r" ] || { cat -- "$r"; IFS= read -r o <"$r"; }
echo =; for u in "$o" {}; do case " "{}" " in *" $u "*) ;; *) continue ;; esac; [ "$u" ] || continue
case $u in file://*) h=$(sha256sum <"${u#file://}" 2>&1) && {
printf '%s\ndigest %s\n' "$u" "${h%% *}"; exit; }; echo "error $u: ${h##*: }"; continue ;; esac
command -v curl >/dev/null || { echo 'tool curl'; exit; }
e= m=; if [ "$u" = "$o" ]; then e={} m={}; [ ! "$e" ] || e=$(sed -n 's/^etag //p' "$r" | tail -n 1)
[ ! "$m" ] || m=$(sed -n 's/^modified //p' "$r" | tail -n 1); fi
case $u in https:*) p=https ;; *) p=http,https,ftp ;; esac
a=$(cook_curl -sSIL --proto =http,https,ftp --proto-redir =$p --connect-timeout 10 -m 20 \
${e:+-H "If-None-Match: $e"} ${m:+-H "If-Modified-Since: $m"} -- "$u" 2>&1) || {
printf '%s\n' "$a" | sed -n '/^curl: /{s/^/error /p; q;}'; continue; }
a=$(printf '%s\n' "$a" | cook_heads /dev/stdin)
s=$(printf '%s\n' "$a" | sed -n 's/^status //p' | tail -n 1)
case $s in ''|2*|304) printf '%s\n%s\n' "$u" "$a"; exit ;; esac
echo "error $u: the server answers $s"; done"""


@dataclass(frozen=True)
class RemoteVersion:
    """The file of a server, as far as it is known without its content."""

    address: str
    digest: str | None = None
    etag: str | None = None
    modified: str | None = None
    size: str | None = None

    def __str__(self) -> str:
        told = self.etag if self.etag is not None else self.modified
        size = f", {self.size} bytes" if self.size is not None else ""
        return f"{self.address} ({told}{size})"

    @property
    def line(self) -> str:
        """The line of the headers that tells this version from another one."""
        return f"etag {self.etag}" if self.etag is not None else f"modified {self.modified}"


@dataclass(frozen=True)
class RemoteVersions:
    """The version that was fetched, and the one that the server has now; None: there is none."""

    fetched: RemoteVersion | None = None
    now: RemoteVersion | None = None


def record_of(path: str) -> str:
    """Return the name of the record about a file: a digest that no content has."""
    return str(Content.of(f"fetched {path}".encode()))


def ask_server(file: RemoteFile) -> Probe:
    """Return the question for what was fetched, and what the server has now."""
    addresses = list(file.addresses)
    ask = sh(
        _ASK.removeprefix("\n"),
        sh(HEADS),
        tainted(file.request) if file.request else "",
        record_of(file.identity),
        addresses,
        " ".join(addresses),
        "" if file.use_etag is False else "1",
        "" if file.use_last_modified is False else "1",
    )
    called = f"ask for the headers of {' or '.join(addresses)}"
    return Probe(replace(ask, called=called), waits=True)


def versions_of(file: RemoteFile, text: str) -> RemoteVersions:
    """
    Return what the answer tells.

    Raises Missing without curl(1), HostError if no server answers, or if what it answers does not
    tell one version of the file from another.
    """
    record, _, rest = text.rpartition("=\n") if "\n=\n" in text else ("", "", text[2:])
    lines = rest.splitlines()
    if "tool curl" in lines:
        raise Missing(
            f"{file} needs the tool curl, which is not there",
            thing="curl",
            hint="declare its package before it, or the checksum of the file",
        )
    errors = [line.removeprefix("error ") for line in lines if line.startswith("error ")]
    lines = [line for line in lines if not line.startswith("error ")]
    if not lines:
        raise HostError(
            f"{file}: no server tells whether the file has changed: {'; '.join(errors)}",
            hint="with its checksum declared, a file that is in place needs no server",
        )
    fetched = _version(file, record.splitlines()) if record else None
    now = _version(file, lines)
    if "status 304" in lines and fetched is not None:
        return RemoteVersions(fetched, fetched)
    if now.digest is None and now.etag is None and now.modified is None:
        raise HostError(
            f"{file}: the server gives neither an ETag nor a Last-Modified for {now.address}",
            hint="it cannot be known then whether the file has changed: declare its checksum",
        )
    return RemoteVersions(fetched, now)


def _version(file: RemoteFile, lines: Sequence[str]) -> RemoteVersion:
    """Return the version in a record or an answer: of several answers, in the last."""
    address, *heads = lines
    pairs = [line.partition(" ") for line in heads]
    found: dict[str, str] = {}
    for name, _, value in pairs:
        if name == "status":
            found = {k: v for k, v in found.items() if k == "digest"}
        elif value:
            found[name] = value
    return RemoteVersion(
        address,
        found.get("digest"),
        None if file.use_etag is False else found.get("etag"),
        None if file.use_last_modified is False else found.get("modified"),
        found.get("bytes"),
    )


def tool_for(addresses: Iterable[str], *, plain: bool) -> Command | None:
    """Return the question for the program that fetches; None if none is needed."""
    schemes = {address.partition(":")[0] for address in addresses} - {"file"}
    if not schemes:
        return None
    if "sftp" in schemes:
        return sh("command -v sftp || exit 4")
    if plain:
        return sh("command -v curl || command -v wget || exit 4")
    return sh("command -v curl || exit 4")
