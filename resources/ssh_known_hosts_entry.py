"""Keys by which ssh(1) knows other hosts."""

from __future__ import annotations

import base64
import binascii
import re
from typing import ClassVar, Literal, NamedTuple

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function
from cookbook.resources.file import absolute

_TYPES = {
    "rsa": "ssh-rsa",
    "ed25519": "ssh-ed25519",
    "ecdsa": "ecdsa-sha2-nistp256",
    "ed25519-sk": "sk-ssh-ed25519@openssh.com",
    "ecdsa-sk": "sk-ecdsa-sha2-nistp256@openssh.com",
}
_TYPE = r"(?:ssh-|ecdsa-sha2-|sk-)[a-z0-9@.-]+"


class HostKey(NamedTuple):
    """The public key of a host."""

    type: str
    blob: str
    """Base64, as in a .pub file."""


class SshKnownHostsEntry(Resource):
    """
    A key of another host that ssh(1) accepts: Chef's `ssh_known_hosts_entry`.

    The resource stands for one type of key; keys of the host with other types stay. Other keys of
    the type are replaced. Lines with a hashed name are found, and not added a second time.

    The key is given, or the host itself is asked with `scan=True` and the `fingerprint` that the
    key must have; there is no scan while the file has that key. For the file of a user, give its
    path, and the user as `become_user`.

    Example::

        ssh_known_hosts_entry(
            "git.example.org",
            key="ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEYDSmHGlf/NOa4D45whD3Wq1iSGSYeXqL3GJ4ZgJgi7",
        )
    """

    category: ClassVar[str] = "accounts"

    unique: ClassVar[bool] = True

    host: str | None = None
    """The name or address as it is given to ssh(1); None: the name of the resource."""

    port: int = 22
    """The port of its sshd(8)."""

    key: str | None = None
    """The public key: `type base64`, a line of ssh-keyscan(1), or base64 with `key_type`."""

    key_type: str | None = None
    """rsa, ecdsa, ed25519, or the whole name of a type. None: that of the key; to delete, all."""

    scan: bool = False
    """True: ssh-keyscan(1) on the managed host asks for the key, which needs `fingerprint`."""

    fingerprint: str | None = None
    """`SHA256:...`, as `ssh-keygen -l` shows it on the other host; required with `scan`."""

    timeout: int = 30
    """Seconds that the other host has to answer the scan."""

    hash_entries: bool = False
    """True: a new line has the hash of the name in place of the name."""

    file_location: str = "/etc/ssh/ssh_known_hosts"
    """Absolute path of the file; a new one has the mode 0644."""

    action: Literal["create", "delete", "nothing"] = "create"

    def validate(self) -> None:
        """Check host, port, and that the key is known in one way."""
        absolute(self, self.file_location)
        if not re.fullmatch(r"[A-Za-z0-9_.:%-]+", self.address) or self.address.startswith("-"):
            raise RecipeError(f"{self}: {self.address!r} cannot be the name of a host")
        if not 0 < self.port < 65536 or self.timeout < 1:
            raise RecipeError(f"{self}: the port or the timeout is out of range")
        if self.key_type is not None and not re.fullmatch(_TYPE, self.type or ""):
            raise RecipeError(f"{self}: {self.key_type!r} is no type of key", hint="e.g. ed25519")
        if self.key is not None:
            self._check_key()
        if self.action == "create" and (self.key is None) != self.scan:
            raise RecipeError(
                f"{self}: `create` needs either a key, or scan=True and the fingerprint",
                hint="what a host answers to a scan proves nothing without a fingerprint",
            )
        if self.scan and (self.fingerprint is None or self.type is None):
            raise RecipeError(f"{self}: `scan` needs key_type and fingerprint of the expected key")
        if self.fingerprint is not None:
            if not re.fullmatch(r"SHA256:[A-Za-z0-9+/]{43}", self.fingerprint):
                raise RecipeError(f"{self}: {self.fingerprint!r} is no fingerprint SHA256:...")
            if self.given is not None and fingerprint_of(self.given.blob) != self.fingerprint:
                shown = fingerprint_of(self.given.blob)
                raise RecipeError(f"{self}: the fingerprint of the key is {shown}")

    def _check_key(self) -> None:
        """Raise RecipeError unless the key is one, of the declared type."""
        key = self.given
        wrong = f"{self}: this is no public key of a host"
        hint = 'e.g. "ssh-ed25519 AAAAC3..."; base64 alone needs key_type'
        if key is None or "PRIVATE" in (self.key or ""):
            raise RecipeError(wrong, hint=hint)
        try:
            data = base64.b64decode(key.blob, validate=True)
        except (binascii.Error, ValueError):
            raise RecipeError(wrong, hint=hint) from None
        # The data begin with the type, after its length in four bytes.
        if data[4 : 4 + int.from_bytes(data[:4], "big")] != key.type.encode():
            raise RecipeError(f"{self}: the key is not of the type {key.type}")

    @property
    def address(self) -> str:
        """The host."""
        return self.name if self.host is None else self.host

    @property
    def title(self) -> str:
        """The name of the host in the file: `host`, or `[host]:port`; in small letters."""
        host = self.address.lower()
        return host if self.port == 22 else f"[{host}]:{self.port}"

    @property
    def given(self) -> HostKey | None:
        """The key of the recipe; None without one, and for what is none."""
        words = (self.key or "").split()
        at = next((i for i, word in enumerate(words) if re.fullmatch(_TYPE, word)), None)
        if at is not None and len(words) > at + 1:
            kind = words[at] if self.key_type is None else _TYPES.get(self.key_type, self.key_type)
            return HostKey(kind, words[at + 1])
        if len(words) == 1 and self.key_type is not None:
            return HostKey(_TYPES.get(self.key_type, self.key_type), words[0])
        return None

    @property
    def type(self) -> str | None:
        """The type of the key; None for any."""
        if self.key_type is not None:
            return _TYPES.get(self.key_type, self.key_type)
        return self.given.type if self.given is not None else None

    @property
    def identity(self) -> str:
        """The file, the host, and the type of the key."""
        return f"{self.file_location}:{self.title}" + (f" {self.type}" if self.type else "")


def fingerprint_of(blob: str) -> str:
    """Return the fingerprint of a key in base64, as `ssh-keygen -l` prints it; "" for no key."""
    import hashlib  # rare: few recipes have keys

    try:
        data = base64.b64decode(blob, validate=True)
    except (binascii.Error, ValueError):
        return ""
    digest = base64.b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
    return f"SHA256:{digest}"


ssh_known_hosts_entry = recipe_function(SshKnownHostsEntry)
