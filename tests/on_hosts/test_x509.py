"""A key, the request for it and the certificate that answers it, on a host that has none."""

from __future__ import annotations

import pytest

from cookbook.kitchen import KitchenHost
from tests.on_hosts.conftest import Converge

pytestmark = pytest.mark.hosts

RECIPE = """
directory("/etc/tls", mode="755")
x509_private_key("/etc/tls/ca.key")
x509_certificate("/etc/tls/ca.crt", private_key="/etc/tls/ca.key", subject="CA", ca=True, days=900)
x509_private_key("/etc/tls/a.key", type="ec")
x509_csr("/etc/tls/a.csr", private_key="/etc/tls/a.key", subject="a.example.org")
x509_certificate("/etc/tls/a.crt", csr="/etc/tls/a.csr",
    ca_certificate="/etc/tls/ca.crt", ca_key="/etc/tls/ca.key")
"""

AHEAD = r"""cd /etc/tls; mkdir ca; : >ca/index; echo 01 >ca/serial
printf '[ca]\ndefault_ca=d\n[d]\ndatabase=ca/index\nserial=ca/serial\nnew_certs_dir=ca
default_md=sha256\npolicy=p\nx509_extensions=e\n[p]\ncommonName=supplied\n[e]
basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature,keyEncipherment
extendedKeyUsage=serverAuth\nsubjectAltName=DNS:a.example.org\n' >ca/settings
openssl ca -batch -config ca/settings -in a.csr -cert ca.crt -keyfile ca.key -notext \
-startdate 20480101000000Z -enddate 20490101000000Z -out a.crt"""


def test_what_is_of_a_key_is_unknown_until_it_is_there(
    fresh_host: KitchenHost, plan: Converge, converge: Converge
) -> None:
    assert fresh_host.run("command -v openssl").returncode == 0
    steps = plan(fresh_host, RECIPE)
    assert [(s.status, str(s.until) if s.until else None) for s in steps] == [
        ("changed", None),
        ("changed", None),
        ("unknown", "x509_private_key[/etc/tls/ca.key]"),
        ("changed", None),
        ("unknown", "x509_private_key[/etc/tls/a.key]"),
        ("unknown", "x509_private_key[/etc/tls/a.key]"),
    ]
    steps = converge(fresh_host, RECIPE)
    assert [s.status for s in steps] == ["changed"] * 6, [s.error for s in steps]
    assert [s.status for s in converge(fresh_host, RECIPE)] == ["ok"] * 6
    verified = fresh_host.run("cd /etc/tls && openssl verify -CAfile ca.crt a.crt")
    assert verified.returncode == 0, verified.stderr

    # With another key, the request and the certificate are others.
    fresh_host.run("cd /etc/tls; cp a.csr a.csr.old; rm a.key")
    steps = converge(fresh_host, RECIPE)
    assert [s.status for s in steps] == ["ok", "ok", "ok", "changed", "changed", "changed"]
    same = fresh_host.run(
        'cd /etc/tls; k=$(openssl pkey -in a.key -pubout); [ "$k" = "$(openssl req -in a.csr'
        ' -noout -pubkey)" ] && [ "$k" = "$(openssl x509 -in a.crt -noout -pubkey)" ]'
    )
    assert same.returncode == 0
    assert [s.status for s in converge(fresh_host, RECIPE)] == ["ok"] * 6

    # Made while the clock was ahead, it lasts for years and nobody takes it.
    made = fresh_host.run(AHEAD)
    assert made.returncode == 0, made.stderr
    *_, step = converge(fresh_host, RECIPE)
    assert step.status == "changed", step.error
    verified = fresh_host.run("cd /etc/tls && openssl verify -CAfile ca.crt a.crt")
    assert verified.returncode == 0, verified.stderr


@pytest.mark.parametrize(
    ("make", "says"),
    [
        ("-addext 'subjectAltName=DNS:a;b'", "a name in the request cannot be signed"),
        (r"-addext 'subjectAltName=DNS:a\${ENV::HOME}'", "a name in the request cannot be signed"),
        ("", None),
    ],
)
def test_of_a_request_from_elsewhere_only_key_subject_and_names_are_taken(
    host: KitchenHost, converge: Converge, make: str, says: str | None
) -> None:
    made = host.run(
        "mkdir -p /etc/tls; cd /etc/tls; rm -f a.crt; openssl req -new -newkey rsa:2048 -nodes"
        " -keyout other.key -subj /CN=other -addext basicConstraints=critical,CA:TRUE"
        f" -out a.csr {make}"
    )
    assert made.returncode == 0, made.stderr
    recipe = RECIPE.replace("x509_csr(", "# x509_csr(")
    *_, step = converge(host, recipe)
    if says is not None:
        assert step.error is not None
        assert says in str(vars(step.error))
        assert host.run("[ ! -e /etc/tls/a.crt ]").returncode == 0
        return
    assert step.status == "changed", vars(step.error)
    text = host.run("openssl x509 -in /etc/tls/a.crt -noout -text").stdout
    assert "CA:FALSE" in text
    assert "CN = other" in text
    *_, step = converge(host, recipe)
    assert step.status == "ok"
    # Cut short, it is no request any more.
    host.run("cd /etc/tls; head -c 300 a.csr >b; mv b a.csr")
    *_, step = converge(host, recipe)
    assert "no certificate request" in str(step.error)
