"""known_hosts files, as sshd(8) describes them, read once per process."""

from __future__ import annotations

import base64
import fnmatch
import functools
import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cookbook.errors import ChangedKey, RevokedKey, UnknownKey, UntrustedHost
from cookbook.text.bounded_io import content_of
from cookbook.transport.target import DEFAULT_PORT

MOST_BYTES = 64 * 1024**2

_SPECIAL = frozenset("*?!")
"""Characters of a pattern, in a list of hosts."""

KeyStatus = Literal["known", "unknown", "changed", "revoked"]


@dataclass(frozen=True, slots=True)
class KnownHostsLine:
    """One line: the hosts, and a key."""

    marker: str
    patterns: str
    """Host names or patterns with commas between them, or the hash of one name."""

    key_type: str
    key: bytes
    where: str

    @property
    def names(self) -> Sequence[str]:
        """The names in lower case, if there is no pattern and no hash among them; else empty."""
        if self.patterns.startswith("|1|") or not _SPECIAL.isdisjoint(self.patterns):
            return ()
        return self.patterns.lower().split(",")

    def matches(self, name: str) -> bool:
        """Return whether the line is about `host` or `[host]:port`."""
        if self.patterns.startswith("|1|"):
            return _hashed_matches(self.patterns, name)
        patterns = self.patterns.split(",")
        if any(p.startswith("!") and fnmatch.fnmatchcase(name, p[1:]) for p in patterns):
            return False
        return any(_pattern_matches(p, name) for p in patterns)


@dataclass(frozen=True)
class KnownHosts:
    """The content of some known_hosts files."""

    files: tuple[Path, ...]
    entries: tuple[KnownHostsLine, ...]

    def about(self, address: str, port: int) -> list[KnownHostsLine]:
        """Return the lines about a host."""
        name = host_name(address, port)
        others = [i for i in self._others if self.entries[i].matches(name)]
        return [self.entries[i] for i in sorted([*self._by_name.get(name.lower(), ()), *others])]

    @functools.cached_property
    def _by_name(self) -> Mapping[str, Sequence[int]]:
        """Name -> the numbers of its lines: a search through all, for each host, is quadratic."""
        found: dict[str, list[int]] = {}
        for number, entry in enumerate(self.entries):
            for name in dict.fromkeys(entry.names):
                found.setdefault(name, []).append(number)
        return found

    @functools.cached_property
    def _others(self) -> Sequence[int]:
        """The numbers of the lines with patterns or hashes."""
        return [number for number, entry in enumerate(self.entries) if not entry.names]

    def key_types(self, address: str, port: int) -> list[str]:
        """Return the types of the known keys of a host, which is asked for one of those."""
        return [entry.key_type for entry in self.about(address, port) if not entry.marker]

    def authorities(self, address: str, port: int) -> list[KnownHostsLine]:
        """Return the lines with the authorities whose certificates are valid for a host."""
        entries = [*self.about(address, port), *self.about(address, DEFAULT_PORT)]
        return [entry for entry in entries if entry.marker == "@cert-authority"]

    def check(self, address: str, port: int, key_type: str, key: bytes) -> None:
        """
        Accept the key that a host has shown, or raise UntrustedHost.

        The error has the key's fingerprint and the command that accepts it.
        """
        name = host_name(address, port)
        entries = self.about(address, port)
        for entry in entries:
            if entry.marker == "@revoked" and entry.key == key:
                raise RevokedKey(f"the key of {name} is revoked at {entry.where}")
        plain = [entry for entry in entries if not entry.marker]
        if any(entry.key == key for entry in plain):
            return
        shown = f"{key_type} {fingerprint(key)}"
        line = f"{name} {key_type} {base64.b64encode(key).decode()}"
        if same_type := [entry for entry in plain if entry.key_type == key_type]:
            raise ChangedKey(
                f"the key of {name} has CHANGED: it shows {shown}, but {same_type[0].where}"
                f" has {fingerprint(same_type[0].key)}",
                hint="the connection may be intercepted. If the host was really reinstalled:"
                f" ssh-keygen -R '{name}' -f {self._file}; echo '{line}' >> {self._file}",
            )
        raise UnknownKey(
            f"the key of {name} is not known: it shows {shown}",
            hint="compare the fingerprint with the host's own"
            " (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub there); to accept it:"
            f" echo '{line}' >> {self._file}",
        )

    @property
    def _file(self) -> Path:
        return self.files[0] if self.files else Path("~/.ssh/known_hosts")


def host_name(address: str, port: int) -> str:
    """Return the name of a host in known_hosts: `host`, or `[host]:port`."""
    return address if port == DEFAULT_PORT else f"[{address}]:{port}"


def fingerprint(key: bytes) -> str:
    """Return the SHA-256 fingerprint, as ssh-keygen -l prints it."""
    digest = base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")
    return f"SHA256:{digest}"


@functools.cache
def load_known_hosts(files: Sequence[Path]) -> KnownHosts:
    """Read files; missing ones are empty. Invalid lines are skipped."""
    return KnownHosts(tuple(files), tuple(entry for file in files for entry in _read(file)))


def _read(file: Path) -> Iterator[KnownHostsLine]:
    try:
        lines = content_of(file, MOST_BYTES).decode(errors="replace").splitlines()
    except FileNotFoundError:
        return
    except OSError as error:
        raise UntrustedHost(f"{file}: {error.strerror}") from None
    for number, line in enumerate(lines, 1):
        words = line.split()
        marker = words.pop(0) if words and words[0].startswith("@") else ""
        if len(words) < 3 or words[0].startswith("#"):
            continue
        try:
            key = base64.b64decode(words[2], validate=True)
        except ValueError:
            continue
        yield KnownHostsLine(marker, words[0], words[1], key, f"{file}:{number}")


def _pattern_matches(pattern: str, name: str) -> bool:
    if "*" in pattern or "?" in pattern:
        return fnmatch.fnmatchcase(name, pattern.replace("[", "[[]"))
    return pattern.lower() == name.lower()


def _hashed_matches(pattern: str, name: str) -> bool:
    """`|1|salt|HMAC-SHA1 of the name|`, see HashKnownHosts in ssh_config(5)."""
    _, _, salt, hashed, *_ = [*pattern.split("|"), "", ""]
    try:
        want, secret = base64.b64decode(hashed), base64.b64decode(salt)
    except ValueError:
        return False
    return hmac.compare_digest(want, hmac.new(secret, name.encode(), hashlib.sha1).digest())
