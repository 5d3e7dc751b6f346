"""Certificates, by `openssl req`, `openssl x509` and `openssl verify`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import LiteralString

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
from cookbook.providers.x509_text import (
    KEY_OF_REQUEST,
    READ_REQUEST,
    as_option,
    is_ca,
    names_of,
    subject_of,
    usage_lines,
    usage_of,
)
from cookbook.resources._pem import is_pem
from cookbook.resources.x509_certificate import X509Certificate

_DAY = 86400


# openssl(1) is started once for all that is in the file, and again without its key, which may be of
# a kind that it does not know.
_READ: LiteralString = r"""
cook_x509() { openssl x509 -in "$p" -noout -subject -nameopt multiline,-esc_msb,utf8 \
-ext basicConstraints,keyUsage,extendedKeyUsage,subjectAltName "$@" 2>/dev/null; }
t=$(cook_x509 -pubkey -checkend {}); m='PUBLIC KEY-----'; a=
case $t in *"-----BEGIN $m"*"-----END $m"*) a=${t##*"-----BEGIN $m"}
printf '%s%s\n' "${t%"-----BEGIN $m"*}" "${a#*"-----END $m"}"
a="-----BEGIN $m${a%%"-----END $m"*}-----END $m" ;;
*) t=$(cook_x509 -checkend {}); printf '%s\n' "$t" ;; esac
e=; case ${t##*
} in 'Certificate will not expire') e=1; case $(openssl verify -partial_chain -CAfile "$p" "$p" \
2>&1) in *'not yet valid'*) e= ;; esac ;; 'Certificate will expire') ;; *) echo none ;; esac
b=$({}); {}; [ -z "$a" ] || [ "$a" != "$b" ] || echo '= key'
! {} >/dev/null 2>&1 || echo '= chain'; [ ! "$e" ] || echo '= lasts'
"""


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
    """True if it ends in less than `renew_before` days, or has not begun."""
    days: int = hint(default=365)
    private_key: str = hint(default="")
    csr: str | None = hint()
    asked_subject: tuple[str, ...] | None = hint()
    """The subject in the request."""
    asked_names: tuple[str, ...] | None = hint()
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
            _READ.strip() + "{}",
            certificate.renew_before * _DAY,
            certificate.renew_before * _DAY,
            _public_key(certificate),
            _locked(certificate),
            signer,
            sh("; {}", sh(READ_REQUEST, certificate.csr)) if certificate.csr else sh(""),
        )

    def parse(self, certificate: X509Certificate, text: str, *_: str | None) -> State:
        """Return the state. Raises HostError for a file that is no certificate."""
        text, _csr, request = text.partition("= csr\n")
        first, _blank, rest = text.partition("\n")
        lines, asked = rest.splitlines(), request.splitlines()
        if "none" in lines:
            raise HostError(f"{certificate.identity} is no certificate", hint="move it away")
        if "none" in asked:
            raise HostError(f"{certificate.csr} is no certificate request")
        # A record has no passphrase: for an undo, the key is taken for that of the certificate.
        unknown = "= locked" in lines and certificate.sensitive and not certificate.passphrase
        return State(
            *attributes_of(first),
            subject=subject_of(lines),
            names=names_of(lines),
            usage=usage_of(lines),
            ca=is_ca(lines),
            of_key="= key" in lines or unknown,
            signed="= chain" in lines,
            due="= lasts" not in lines,
            asked_subject=subject_of(asked) if certificate.csr is not None else None,
            asked_names=names_of(asked) if certificate.csr is not None else None,
        )

    def plan(self, certificate: X509Certificate, found: State | None) -> Change[State]:
        """Compare what is declared."""
        if certificate.action == "delete":
            return Change(found, None)
        ca, key = certificate.ca_certificate, certificate.ca_key
        subject, names = _of_whom(certificate, found)
        wanted = State(
            *self.attributes(certificate),
            subject=subject,
            names=names,
            usage=tuple(sorted(_usage(certificate))),
            ca=certificate.ca,
            of_key=True,
            signed=True,
            due=False,
            days=certificate.days,
            private_key=certificate.private_key or "",
            csr=certificate.csr,
            asked_subject=subject if certificate.csr is not None else None,
            asked_names=names if certificate.csr is not None else None,
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
        request = sh(
            '{} | openssl req -new -utf8 -config "$d/ext" -key {} -passin stdin -subj {}'
            ' -out "$d/csr" 2>"$d/said"',
            passed(wanted.passphrase),
            wanted.private_key,
            as_option(wanted.subject or ()),
        )
        if wanted.csr is not None:
            request = sh(_TAKE_REQUEST, wanted.csr)
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


# A request may come from elsewhere. Of its names only those are taken that are nothing else in a
# configuration, and nothing else of it but subject and key.
_TAKE_REQUEST: LiteralString = """\
cp -- {} "$d/csr" && openssl req -in "$d/csr" -noout -verify >/dev/null 2>"$d/said" &&
n=$(openssl req -in "$d/csr" -noout -text |
sed -n '/Subject Alternative Name/{n;s/^ *//;s/IP Address:/IP:/g;p;q;}') && case $n in
*[!A-Za-z0-9:.,*@_\\ +-]*) echo 'a name in the request cannot be signed' >"$d/said"; false ;;
'') ;; *) printf 'subjectAltName = %s\\n' "$n" >>"$d/ext" ;; esac"""


def _public_key(certificate: X509Certificate) -> Command:
    if certificate.csr is not None:
        return sh(KEY_OF_REQUEST, certificate.csr)
    key = sh("openssl pkey -in {} -passin stdin -pubout 2>/dev/null", certificate.private_key)
    return sh("{} | {}", passed(certificate.passphrase), key)


def _locked(certificate: X509Certificate) -> Command:
    """Return the command that tells of a key that cannot be read for want of its passphrase."""
    if certificate.csr is not None:
        return sh(":")
    return sh("[ \"$b\" ] || ! grep -qs ENCRYPTED {} || echo '= locked'", certificate.private_key)


def _of_whom(
    certificate: X509Certificate, found: State | None
) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """Return subject and names: what is declared, or what the request has if it is known."""
    if certificate.csr is not None:
        return (found.asked_subject, found.asked_names) if found is not None else (None, None)
    subject = tuple(f"{key}={value}" for key, value in certificate.pairs.items())
    return subject, certificate.wanted_names


def _files(certificate: X509Certificate) -> list[str]:
    given = (certificate.ca_certificate, certificate.ca_key)
    ca = [one for one in given if one is not None and not is_pem(one)]
    own = certificate.csr if certificate.csr is not None else certificate.private_key
    return [*([own] if own is not None else []), *ca]


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
    """Yield the lines of a file of extensions; the names of a request are added to it."""
    yield f"basicConstraints = critical, CA:{'TRUE' if wanted.ca else 'FALSE'}"
    yield from usage_lines(wanted.usage or ())
    yield "subjectKeyIdentifier = hash"
    if wanted.csr is not None:
        return
    if wanted.names:
        yield f"subjectAltName = {', '.join(wanted.names)}"
    yield from ("[req]", "distinguished_name = dn", "[dn]")
