"""Certificates of an ACME server, by certbot(1)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString

from cookbook.errors import HostError
from cookbook.provider import (
    Change,
    Command,
    Content,
    Probe,
    Provider,
    Thing,
    hint,
    keep_output,
    options,
    provides,
    sh,
)
from cookbook.providers.stat import TARGET
from cookbook.resources.acme_certificate import AcmeCertificate

FOLDER = "/etc/letsencrypt"
_ABSENT = 4
_DAY = 86400


@dataclass(frozen=True)
class State:
    """A certificate that certbot(1) knows, and how it is requested."""

    domains: tuple[str, ...] | None = None
    server: str | None = None
    webroot: str | None = None
    """Empty if certbot(1) listens itself."""
    http_port: int | None = None
    """0 for the port of HTTP."""
    key_type: str | None = None
    due: bool | None = None
    """True if it ends in less than `renew_before` days, or cannot be read."""
    whole: bool | None = None
    """True if the key is that of the certificate, and the chain begins with it."""
    email: str = hint(default="")
    timeout: float = hint(default=300.0)
    kept: Content | None = hint()
    """The digest of its files in the stash."""


# The text of a certificate, and the file by which certbot(1) renews it: no time of day is in it.
_ASK: LiteralString = """\
cd /etc/letsencrypt 2>/dev/null && [ -e renewal/{}.conf ] || exit 4
grep -E '^(server|authenticator|webroot_path|http01_port|key_type) = ' renewal/{}.conf
for f in cert chain fullchain privkey; do p=live/{}/$f.pem
[ -L "$p" ] && [ -e "$p" ] || echo "other = $p"; done
cd live/{} 2>/dev/null || exit 0
openssl x509 -in cert.pem -noout -ext subjectAltName -checkend {} 2>/dev/null |
sed 's/^Certificate will not expire$/lasts/'
k=$(openssl pkey -in privkey.pem -pubout 2>/dev/null) &&
[ "$k" = "$(openssl x509 -in cert.pem -noout -pubkey 2>/dev/null)" ] &&
case $(cat fullchain.pem 2>/dev/null) in "$(cat cert.pem)"*) echo whole ;; esac; :"""

_LINEAGE = "live/{0} archive/{0} renewal/{0}.conf"


@provides(AcmeCertificate)
class AcmeCertificateProvider(Provider[AcmeCertificate, State]):
    """Compares names and the way of the challenge; requests by `certbot certonly`."""

    def probe(self, certificate: AcmeCertificate) -> Sequence[Probe]:
        """Ask for the certificate, for certbot(1), and for the folder of the challenge."""
        name, seconds = certificate.name, certificate.renew_before * _DAY
        ask = replace(
            sh(_ASK, name, name, name, name, seconds), called=f"certbot certificates # {name}"
        )
        tool = Probe(sh("command -v certbot >/dev/null || exit 4"), absent=_ABSENT, loose=True)
        web = [] if certificate.webroot is None else [TARGET.about(certificate.webroot, loose=True)]
        return [Probe(ask, absent=_ABSENT), tool, *web]

    def parse(self, certificate: AcmeCertificate, text: str, *_: str | None) -> State:
        """Return the state. Raises HostError for files that certbot(1) does not renew."""
        lines = text.splitlines()
        pairs = (line.partition(" = ") for line in lines)
        known = {key: value for key, sep, value in pairs if sep}
        if certificate.action == "create" and "other" in known:
            raise HostError(
                f"{FOLDER}/{known['other']} is no link to a file, so certbot would request another"
                " certificate beside it, each time",
                hint=f"put the link into archive/{certificate.name} back; or remove that,"
                f" live/{certificate.name} and renewal/{certificate.name}.conf",
            )
        names = [one for one in re.split(r",\s*|\s+", text) if one.startswith("DNS:")]
        found = tuple(one.removeprefix("DNS:") for one in names)
        # The server has its own order of names; the first one is the subject.
        told = certificate.names if {*found} == {*certificate.names} else found
        return State(
            told,
            known.get("server", ""),
            known.get("webroot_path", "").rstrip(",") if _by_web(known) else "",
            int(known.get("http01_port", "0")),
            known.get("key_type", "rsa"),
            due="lasts" not in lines,
            whole="whole" in lines,
        )

    def plan(self, certificate: AcmeCertificate, found: State | None) -> Change[State]:
        """Compare what is declared."""
        if certificate.action == "delete":
            return Change(found, None)
        return Change(
            found,
            State(
                certificate.names,
                certificate.server,
                certificate.webroot or "",
                certificate.http_port or 0,
                certificate.key_type,
                due=False,
                whole=True,
                email=certificate.email or "",
                timeout=float(certificate.timeout),
            ),
        )

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Request it, delete it, or put its former files back."""
        wanted = change.wanted
        if wanted is None:
            yield sh("certbot delete --non-interactive --quiet --cert-name {}", name)
            return
        if wanted.kept is not None:
            files = _LINEAGE.format(name).split()
            yield sh(
                "content {} | (cd {} && rm -rf -- {} && tar -xpf -)", wanted.kept, FOLDER, files
            )
            return
        account = sh("--register-unsafely-without-email")
        if wanted.email:
            account = sh("--email {}", wanted.email)
        way = sh("--standalone {}", options(http_01_port=wanted.http_port or None))
        if wanted.webroot:
            way = sh("--webroot --webroot-path {}", wanted.webroot)
        yield sh(
            "certbot certonly --non-interactive --agree-tos --quiet {} --cert-name {} {} {} {} {}",
            account,
            name,
            [word for domain in wanted.domains or () for word in ("--domain", domain)],
            way,
            options(server=wanted.server or None, key_type=wanted.key_type),
            sh("--force-renewal --renew-with-new-domains" if change.found is not None else ""),
        )

    def missing(self, certificate: AcmeCertificate, *answers: str | None) -> Iterator[Thing]:
        """Yield certbot(1), and the folder of the challenge."""
        _, tool, web = [*answers, None, None, None][:3]
        if tool is None:
            yield Thing("tool", "certbot")
        if certificate.webroot is not None and web is None and certificate.action == "create":
            yield Thing("path", certificate.webroot)

    def brings(self, name: str, change: Change[State]) -> Iterable[Thing]:
        """Yield the files of the certificate."""
        if change.wanted is not None:
            for file in ("cert", "chain", "fullchain", "privkey"):
                yield Thing("path", f"{FOLDER}/live/{name}/{file}.pem")

    def alters(self, certificate: AcmeCertificate, change: Change[State] | None) -> Iterable[Thing]:
        """Yield its folders."""
        folders = [
            Thing("tree", f"{FOLDER}/{one}/{certificate.name}") for one in ("live", "archive")
        ]
        return [*self.about(certificate), *folders]

    def keeps(self, name: str, change: Change[State]) -> Command | None:
        """Keep its files, the key included: an undo need not ask the server."""
        if change.found is None:
            return None
        files = _LINEAGE.format(name).split()
        return keep_output(sh("tar --format=posix -C {} -cf - -- {}", FOLDER, files))

    def learned(self, change: Change[State], kept: str, _said: str) -> Change[State]:
        """Add the digest of what was kept."""
        if change.found is None or not re.fullmatch("[0-9a-f]{64}", kept.strip()):
            return change
        return replace(change, found=replace(change.found, kept=Content(kept.strip())))

    def limit(self, change: Change[State]) -> float:
        """Return the seconds that a request may take."""
        return change.wanted.timeout if change.wanted is not None else self.timeout


def _by_web(known: dict[str, str]) -> bool:
    return known.get("authenticator") == "webroot"
