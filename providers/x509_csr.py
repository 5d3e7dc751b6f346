"""Requests for certificates, by `openssl req`."""

from __future__ import annotations

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
from cookbook.resources.x509_csr import X509Csr


@dataclass(frozen=True)
class State(PemState):
    """A request, and whether it is that of its key."""

    subject: tuple[str, ...] | None = None
    names: tuple[str, ...] | None = None
    usage: tuple[str, ...] | None = None
    ca: bool | None = None
    of_key: bool | None = None
    """True if it is that of the private key, which has signed it."""
    private_key: str = hint(default="")
    passphrase: Content | None = hint(sensitive=True)


@provides(X509Csr)
class X509CsrProvider(PemProvider[X509Csr, State]):
    """Compares what the request asks for, and its key."""

    content = frozenset({"subject", "names", "usage", "ca", "of_key"})

    def probe(self, csr: X509Csr) -> Sequence[Probe]:
        """Ask also for the file of the key."""
        there = Probe(sh("[ -e {} ] || exit 4", csr.private_key), absent=ABSENT, loose=True)
        return [*super().probe(csr), there]

    def question(self, csr: X509Csr) -> Command:
        """Return the command that prints the request as text, and whether it is of the key."""
        return sh(
            "{}; a=$({});"
            " b=$({} | openssl pkey -in {} -passin stdin -pubout 2>/dev/null);"
            ' [ -z "$a" ] || [ "$a" != "$b" ] || echo "= key";'
            " [ \"$b\" ] || ! grep -qs ENCRYPTED {} || echo '= locked'",
            sh(READ_REQUEST, csr.identity),
            sh(KEY_OF_REQUEST, csr.identity),
            passed(csr.passphrase),
            csr.private_key,
            csr.private_key,
        )

    def parse(self, csr: X509Csr, text: str, *_: str | None) -> State:
        """Return the state. Raises HostError for a file that is no request."""
        first, _blank, rest = text.partition("\n")
        lines = rest.splitlines()
        if "none" in lines:
            raise HostError(f"{csr.identity} is no certificate request", hint="move it away")
        # A record has no passphrase: for an undo, the key is taken for that of the request.
        unknown = "= locked" in lines and csr.sensitive and not csr.passphrase
        return State(
            *attributes_of(first),
            subject=subject_of(lines),
            names=names_of(lines),
            usage=usage_of(lines),
            ca=is_ca(lines),
            of_key="= key" in lines or unknown,
        )

    def plan(self, csr: X509Csr, found: State | None) -> Change[State]:
        """Compare what is declared."""
        if csr.action == "delete":
            return Change(found, None)
        wanted = State(
            *self.attributes(csr),
            subject=tuple(f"{key}={value}" for key, value in csr.pairs.items()),
            names=csr.wanted_names,
            usage=tuple(sorted([*(csr.key_usage or ()), *(csr.extended_key_usage or ())])),
            ca=csr.ca,
            of_key=True,
            private_key=csr.private_key or "",
            passphrase=phrase_of(csr.passphrase),
        )
        return Change(found, wanted)

    def contents(self, csr: X509Csr) -> Mapping[str, bytes]:
        """Return the passphrase."""
        data = b"" if csr.passphrase is None else str.__str__(csr.passphrase).encode()
        return {Content.of(data): data} if data else {}

    def make(self, wanted: State) -> Command:
        """Return the command that makes a request."""
        return sh(
            '{ printf %s {} >"$d/ext" && {} | openssl req -new -utf8 -config "$d/ext" -key {}'
            ' -passin stdin -subj {} -out "$t" 2>"$d/said" || { cat "$d/said" >&2; false; }; }',
            "\n".join([*_configuration(wanted), ""]),
            passed(wanted.passphrase),
            wanted.private_key,
            as_option(wanted.subject or ()),
        )

    def missing(self, csr: X509Csr, *answers: str | None) -> Iterator[Thing]:
        """Yield also the file of the key."""
        if csr.action == "delete":
            return
        yield from super().missing(csr, *answers[:-1])
        if answers[-1] is None:
            yield Thing("path", csr.private_key or "")

    def about(self, csr: X509Csr) -> Iterable[Thing]:
        """Yield also the file of the key: with another one it is another one."""
        return [Thing("path", csr.identity), Thing("path", csr.private_key or "")]


def _configuration(wanted: State) -> Iterator[str]:
    """Yield the lines of the configuration of openssl(1)."""
    asked = [*usage_lines(wanted.usage or ())]
    asked += ["basicConstraints = critical, CA:TRUE"] if wanted.ca else []
    asked += [f"subjectAltName = {', '.join(wanted.names)}"] if wanted.names else []
    yield from ("[req]", "distinguished_name = dn")
    if asked:
        yield "req_extensions = asked"
    yield "[dn]"
    yield from ["[asked]", *asked] if asked else []
