"""Private keys, by `openssl genpkey` and `openssl pkey`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from cookbook.provider import Change, Command, Content, hint, provides, sh
from cookbook.providers.pem_files import (
    UNREADABLE,
    PemProvider,
    PemState,
    attributes_of,
    passed,
    phrase_of,
    refuse_other,
)
from cookbook.resources.x509_private_key import X509PrivateKey


@dataclass(frozen=True)
class State(PemState):
    """A key, as far as its public part tells."""

    type: str | None = None
    size: int | None = None
    curve: str | None = None
    encrypted: bool | None = None
    passphrase: Content | None = hint(sensitive=True)
    """The digest of the passphrase."""


@provides(X509PrivateKey)
class X509PrivateKeyProvider(PemProvider[X509PrivateKey, State]):
    """Compares type, size and curve; the key itself stays on the host."""

    content = frozenset({"type", "size", "curve", "encrypted"})

    def question(self, key: X509PrivateKey) -> Command:
        """Return the command that prints the kind of the public key."""
        return sh(
            'if grep -q ENCRYPTED "$p"; then echo encrypted; fi && { {} | openssl pkey -in "$p"'
            " -passin stdin -noout -text_pub 2>/dev/null || echo {}; } |"
            " grep -e Key: -e Modulus -e 'ASN1 OID' -e encrypted -e {}",
            passed(key.passphrase),
            UNREADABLE,
            UNREADABLE,
        )

    def parse(self, key: X509PrivateKey, text: str, *_: str | None) -> State:
        """Return the state; a key that cannot be read has no type."""
        first, _blank, rest = text.partition("\n")
        bits = re.search(r"Public-Key: \((\d+) bit", rest)
        curve = re.search(r"ASN1 OID: (\S+)", rest)
        kind = "ed25519" if "ED25519" in rest else UNREADABLE
        if "Modulus" in rest and bits is not None:
            kind = "rsa"
        elif curve is not None:
            kind = "ec"
        encrypted = "encrypted" in rest.splitlines()
        if encrypted and key.sensitive and key.passphrase is None:
            # A record has no passphrase: for an undo, the key is taken for the declared one.
            kind, bits_of, curve_of = _declared(key)
            return State(
                *attributes_of(first), type=kind, size=bits_of, curve=curve_of, encrypted=True
            )
        return State(
            *attributes_of(first),
            type=kind,
            size=int(bits[1]) if kind == "rsa" and bits is not None else 0,
            curve=curve[1] if kind == "ec" and curve is not None else "",
            encrypted=encrypted,
        )

    def plan(self, key: X509PrivateKey, found: State | None) -> Change[State]:
        """Compare what is declared; raise HostError rather than overwrite a key."""
        if key.action == "delete":
            return Change(found, None)
        kind, size, curve = _declared(key)
        wanted = State(
            *self.attributes(key),
            type=kind,
            size=size,
            curve=curve,
            encrypted=key.passphrase is not None,
            passphrase=phrase_of(key.passphrase),
        )
        change = Change(found, wanted)
        other = [what for what in change.fields if what in self.content]
        if found is not None and other and not key.force:
            pairs = [f"{what} {change.fields[what][0]}" for what in other]
            refuse_other(key, ", ".join(pairs))
        return change

    def contents(self, key: X509PrivateKey) -> Mapping[str, bytes]:
        """Return the passphrase."""
        phrase = key.passphrase
        data = b"" if phrase is None else str.__str__(phrase).encode()
        return {Content.of(data): data} if data else {}

    def make(self, wanted: State) -> Command:
        """Return the command that makes a key."""
        options = ["-algorithm", {"rsa": "RSA", "ec": "EC"}.get(wanted.type or "", "ED25519")]
        if wanted.type == "rsa":
            options += ["-pkeyopt", f"rsa_keygen_bits:{wanted.size}"]
        elif wanted.type == "ec":
            curve = f"ec_paramgen_curve:{wanted.curve}"
            options += ["-pkeyopt", curve, "-pkeyopt", "ec_param_enc:named_curve"]
        cipher = ["-aes256", "-pass", "stdin"] if wanted.passphrase is not None else []
        return sh(
            '{} | openssl genpkey {} {} -out "$t" 2>"$d/said" || { cat "$d/said" >&2; false; }',
            passed(wanted.passphrase),
            options,
            cipher,
        )


def _declared(key: X509PrivateKey) -> tuple[str, int, str]:
    """Return type, size and curve; 0 and an empty text where they mean nothing."""
    size = key.size if key.type == "rsa" else 0
    return key.type, size, key.curve if key.type == "ec" else ""
