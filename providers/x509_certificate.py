"""Certificates, by `openssl req`, `openssl x509` and `openssl verify`."""

from __future__ import annotations

import ipaddress
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cookbook.errors import HostError
from cookbook.provider import Change, Command, Content, Probe, Thing, hint, provides, sh
from cookbook.providers.pem_files import (
    ABSENT,
    PemProvider,
    PemState,
    attributes_of,
    passed,
    phrase_of,
)
from cookbook.resources._pem import is_pem
from cookbook.resources.x509_certificate import FIELDS, X509Certificate

USAGES = {
    "Digital Signature": "digitalSignature",
    "Non Repudiation": "nonRepudiation",
    "Key Encipherment": "keyEncipherment",
    "Data Encipherment": "dataEncipherment",
    "Key Agreement": "keyAgreement",
    "Certificate Sign": "keyCertSign",
    "CRL Sign": "cRLSign",
    "TLS Web Server Authentication": "serverAuth",
    "TLS Web Client Authentication": "clientAuth",
    "Code Signing": "codeSigning",
    "E-mail Protection": "emailProtection",
    "Time Stamping": "timeStamping",
    "OCSP Signing": "OCSPSigning",
}
_DAY = 86400


@dataclass(frozen=True)
class State(PemState):
    """A certificate, and whether it is that of its key and its CA."""

    subject: tuple[str, ...] | None = None
    names: tuple[str, ...] | None = None
    usage: tuple[str, ...] | None = None
    ca: bool | None = None
    of_key: bool | None = None
    """True if it is that of the private key."""
    signed: bool | None = None
    """True if the CA signed it, or its own key."""
    due: bool | None = None
    """True if it ends in less than `renew_before` days."""
    days: int = hint(default=365)
    private_key: str = hint(default="")
    passphrase: Content | None = hint(sensitive=True)
    ca_certificate: str | None = hint()
    """Its path; else `ca_pem` has the digest of it."""
    ca_key: str | None = hint()
    ca_pem: Content | None = hint()
    ca_key_pem: Content | None = hint(sensitive=True)
    ca_passphrase: Content | None = hint(sensitive=True)


@provides(X509Certificate)
class X509CertificateProvider(PemProvider[X509Certificate, State]):
    """Compares what the certificate says; that it will end is asked by the day, not the second."""

    content = frozenset({"subject", "names", "usage", "ca", "of_key", "signed", "due"})

    def probe(self, certificate: X509Certificate) -> Sequence[Probe]:
        """Ask also for the files of the key and the CA."""
        there = [
            Probe(sh("[ -e {} ] || exit 4", path), absent=ABSENT, loose=True)
            for path in _files(certificate)
        ]
        return [*super().probe(certificate), *there]

    def question(self, certificate: X509Certificate) -> Command:
        """Return the command that prints the certificate as text, and what it fits."""
        signer: Command = sh('openssl verify -no_check_time -CAfile "$p" "$p"')
        if (ca := certificate.ca_certificate) is not None:
            verify = sh("openssl verify -no_check_time -partial_chain -CAfile")
            pem = is_pem(ca)
            signer = (
                sh('printf %s {} | {} /dev/stdin "$p"', ca, verify)
                if pem
                else sh('{} {} "$p"', verify, ca)
            )
        return sh(
            'openssl x509 -in "$p" -noout -subject -nameopt multiline,-esc_msb,utf8 -ext'
            " basicConstraints,keyUsage,extendedKeyUsage,subjectAltName 2>/dev/null || echo none;"
            ' a=$(openssl x509 -in "$p" -noout -pubkey 2>/dev/null);'
            " b=$({} | openssl pkey -in {} -passin stdin -pubout 2>/dev/null);"
            ' [ -z "$a" ] || [ "$a" != "$b" ] || echo "= key";'
            " [ \"$b\" ] || ! grep -qs ENCRYPTED {} || echo '= locked';"
            ' ! {} >/dev/null 2>&1 || echo "= chain";'
            ' ! openssl x509 -in "$p" -noout -checkend {} >/dev/null 2>&1 || echo "= lasts"',
            passed(certificate.passphrase),
            certificate.private_key,
            certificate.private_key,
            signer,
            certificate.renew_before * _DAY,
        )

    def parse(self, certificate: X509Certificate, text: str, *_: str | None) -> State:
        """Return the state. Raises HostError for a file that is no certificate."""
        first, _blank, rest = text.partition("\n")
        lines = rest.splitlines()
        if "none" in lines:
            raise HostError(f"{certificate.identity} is no certificate", hint="move it away")
        known = {long: short for short, long in FIELDS.items()}
        pairs = [line.strip().partition(" = ") for line in lines if line.startswith("    ")]
        pairs = [(key.strip(), sep, value.replace("\\\\", "\\")) for key, sep, value in pairs]
        subject = tuple(f"{known.get(key, key)}={value}" for key, sep, value in pairs if sep)
        # A record has no passphrase: for an undo, the key is taken for that of the certificate.
        unknown = "= locked" in lines and certificate.sensitive and not certificate.passphrase
        usages = _after(lines, "Extended Key Usage"), _after(lines, "X509v3 Key Usage")
        return State(
            *attributes_of(first),
            subject=subject,
            names=tuple(sorted(map(_name, _after(lines, "Alternative Name")))),
            usage=tuple(sorted(USAGES.get(one, one) for some in usages for one in some)),
            ca="CA:TRUE" in _after(lines, "Basic Constraints"),
            of_key="= key" in lines or unknown,
            signed="= chain" in lines,
            due="= lasts" not in lines,
        )

    def plan(self, certificate: X509Certificate, found: State | None) -> Change[State]:
        """Compare what is declared."""
        if certificate.action == "delete":
            return Change(found, None)
        ca, key = certificate.ca_certificate, certificate.ca_key
        wanted = State(
            *self.attributes(certificate),
            subject=tuple(f"{key}={value}" for key, value in certificate.pairs.items()),
            names=certificate.wanted_names,
            usage=tuple(sorted(_usage(certificate))),
            ca=certificate.ca,
            of_key=True,
            signed=True,
            due=False,
            days=certificate.days,
            private_key=certificate.private_key,
            passphrase=phrase_of(certificate.passphrase),
            ca_certificate=None if ca is None or is_pem(ca) else ca,
            ca_key=None if key is None or is_pem(key) else key,
            ca_pem=_content(ca),
            ca_key_pem=_content(key),
            ca_passphrase=phrase_of(certificate.ca_passphrase),
        )
        return Change(found, wanted)

    def contents(self, certificate: X509Certificate) -> Mapping[str, bytes]:
        """Return the CA that comes from the controller, and the passphrases."""
        pems = [one for one in (certificate.ca_certificate, certificate.ca_key) if one is not None]
        phrases = (certificate.passphrase, certificate.ca_passphrase)
        given = [*filter(is_pem, pems), *(one for one in phrases if one is not None)]
        texts = [str.__str__(one).encode() for one in given]
        return {Content.of(data): data for data in texts}

    def make(self, wanted: State) -> Command:
        """Return the commands for a request, and for the certificate that answers it."""
        subject = "".join(f"/{_escaped(one)}" for one in wanted.subject or ())
        request = sh(
            '{} | openssl req -new -utf8 -config "$d/ext" -key {} -passin stdin -subj {}'
            ' -out "$d/csr" 2>"$d/said"',
            passed(wanted.passphrase),
            wanted.private_key,
            subject,
        )
        options = sh("-signkey {}", wanted.private_key)
        phrase, before = wanted.passphrase, sh(":")
        if wanted.ca_key is not None or wanted.ca_key_pem is not None:
            phrase = wanted.ca_passphrase
            before = sh("{} && {}", _copied(wanted.ca_pem, "ca"), _copied(wanted.ca_key_pem, "key"))
            options = sh(
                "-CA {} -CAkey {}",
                _place(wanted.ca_certificate, "ca"),
                _place(wanted.ca_key, "key"),
            )
        sign = sh(
            '{} | openssl x509 -req -in "$d/csr" {} -passin stdin -days {} -extfile "$d/ext"'
            ' -set_serial 0x$(openssl rand -hex 16) -out "$t" 2>>"$d/said"',
            passed(phrase),
            options,
            wanted.days,
        )
        return sh(
            '{ printf %s {} >"$d/ext" && {} && {} && {} || { cat "$d/said" >&2; false; }; }',
            "\n".join([*_extensions(wanted), ""]),
            before,
            request,
            sign,
        )

    def missing(self, certificate: X509Certificate, *answers: str | None) -> Iterator[Thing]:
        """Yield also the files of the key and the CA."""
        if certificate.action == "delete":
            return
        paths = _files(certificate)
        own, there = answers[: -len(paths)], answers[-len(paths) :]
        yield from super().missing(certificate, *own)
        for path, answer in zip(paths, there or [None] * len(paths), strict=True):
            if answer is None:
                yield Thing("path", path)

    def about(self, certificate: X509Certificate) -> Iterable[Thing]:
        """Yield also the files of the key and the CA: with another one it is another one."""
        return [Thing("path", path) for path in (certificate.identity, *_files(certificate))]


def _files(certificate: X509Certificate) -> list[str]:
    given = (certificate.ca_certificate, certificate.ca_key)
    ca = [one for one in given if one is not None and not is_pem(one)]
    return [certificate.private_key, *ca]


def _content(pem: str | None) -> Content | None:
    return Content.of(str.__str__(pem).encode()) if pem is not None and is_pem(pem) else None


def _copied(digest: Content | None, name: str) -> Command:
    return sh('content {} >"$d"/{}', digest, name) if digest is not None else sh(":")


def _place(path: str | None, name: str) -> Command:
    return sh("{}", path) if path is not None else sh('"$d"/{}', name)


def _usage(certificate: X509Certificate) -> list[str]:
    usage: Sequence[str] | None = certificate.key_usage
    if usage is None:
        usage = (
            ["keyCertSign", "cRLSign"]
            if certificate.ca
            else ["digitalSignature", "keyEncipherment"]
        )
    extended: Sequence[str] | None = certificate.extended_key_usage
    if extended is None:
        extended = [] if certificate.ca else ["serverAuth"]
    return [*usage, *extended]


def _extensions(wanted: State) -> Iterator[str]:
    """Yield the lines of a file of extensions."""
    yield f"basicConstraints = critical, CA:{'TRUE' if wanted.ca else 'FALSE'}"
    extended = [one for one in wanted.usage or () if one in _EXTENDED]
    if usage := [one for one in wanted.usage or () if one not in _EXTENDED]:
        yield f"keyUsage = critical, {', '.join(usage)}"
    if extended:
        yield f"extendedKeyUsage = {', '.join(extended)}"
    yield "subjectKeyIdentifier = hash"
    if wanted.names:
        yield f"subjectAltName = {', '.join(wanted.names)}"
    yield from ("[req]", "distinguished_name = dn", "[dn]")


_EXTENDED = {*list(USAGES.values())[7:]}


def _escaped(pair: str) -> str:
    """Return a field of a subject as the option of openssl(1) takes it."""
    return re.sub(r"([\\/+])", r"\\\1", pair)


def _after(lines: Sequence[str], heading: str) -> list[str]:
    """Return the words in the line after a heading of an extension."""
    for line, following in itertools.pairwise(lines):
        if heading in line and not line.startswith("    "):
            return [one.strip() for one in following.split(",")]
    return []


def _name(word: str) -> str:
    """Return a name as it is declared: addresses are spelled otherwise in the text."""
    kind, _, value = word.partition(":")
    if kind == "IP Address":
        return f"IP:{ipaddress.ip_address(value).compressed}"
    return f"{kind}:{value}"
