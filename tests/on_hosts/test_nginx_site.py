"""`nginx_site`: what nginx does not accept never goes live, and what it serves goes on."""

from __future__ import annotations

import pytest

from cookbook.kitchen import KitchenHost
from cookbook.planning.step import Step
from tests.on_hosts.conftest import Converge
from tests.waiting import listening

pytestmark = pytest.mark.hosts

GOOD = 'nginx_site("app", listen=8601, directives={"return": "200 one"})\n'


@pytest.fixture(scope="module")
def web(module_host: KitchenHost) -> KitchenHost:
    """A host with Debian's nginx as it comes."""
    done = module_host.run(
        "apt-get update -qq && apt-get install -y -qq --no-install-recommends nginx-light curl",
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    return module_host


def served(host: KitchenHost, port: int = 8601) -> str:
    return host.run(f"curl -s http://127.0.0.1:{port}/").stdout


def as_before(host: KitchenHost) -> None:
    """Nothing of an attempt is left, and nginx could start anew."""
    assert host.run("nginx -t").returncode == 0
    assert host.run("ls -A /run/cook-nginx").stdout == ""
    assert ".cook" not in host.run("ls -A /etc/nginx /etc/nginx/sites-*").stdout


def error(steps: list[Step]) -> str:
    [failed] = [step for step in steps if step.status == "failed"]
    return str(failed.error)


def test_a_site_that_nginx_does_not_accept_is_not_live_for_a_moment(
    web: KitchenHost, converge: Converge
) -> None:
    assert [s.status for s in converge(web, GOOD)] == ["changed"]
    assert served(web) == "one"
    master = web.run("cat /run/nginx.pid; cat /etc/nginx/sites-available/app").stdout
    bad = 'nginx_site("app", listen=8601, directives={"return": "200 two", "retrun": "x"})\n'
    said = error(converge(web, bad))
    assert 'unknown directive "retrun" in /etc/nginx/sites-available/app:5' in said
    assert "nginx does not accept the new file" in said
    assert served(web) == "one"
    assert web.run("cat /run/nginx.pid; cat /etc/nginx/sites-available/app").stdout == master
    as_before(web)


def test_another_default_site_is_named(web: KitchenHost, converge: Converge) -> None:
    mine = 'nginx_site("first", default_site=True, directives={"return": "200 first"})\n'
    said = error(converge(web, mine))
    assert "a duplicate default server for 0.0.0.0:80" in said
    assert "/etc/nginx/sites-enabled/default is a default site as well" in said
    as_before(web)
    steps = converge(web, f'nginx_site("default", action="disable")\n{mine}')
    assert [s.status for s in steps] == ["changed", "changed"]
    assert served(web, 80) == "first"
    two = mine + mine.replace("first", "second")
    assert "/etc/nginx/sites-enabled/first is a default site" in error(converge(web, two))


def test_a_name_that_another_site_has_is_refused(web: KitchenHost, converge: Converge) -> None:
    site = 'nginx_site("{}", server_name="a.test", directives={{"return": "200 {}"}})\n'
    assert [s.status for s in converge(web, site.format("a", "a"))] == ["changed"]
    said = error(converge(web, site.format("b", "b")))
    assert 'conflicting server name "a.test" on 0.0.0.0:80, ignored, because another' in said
    assert web.run("ls /etc/nginx/sites-available/b").returncode != 0
    as_before(web)


def test_a_certificate_that_is_not_there(
    web: KitchenHost, converge: Converge, plan: Converge
) -> None:
    site = (
        'nginx_site("tls", certificate="/etc/ssl/x.crt", certificate_key="/etc/ssl/x.key",'
        ' directives={"return": "200 tls"})\n'
    )
    [step] = plan(web, site)
    assert step.status == "failed"
    assert "/etc/ssl/x.crt" in str(step.error)
    keys = (
        'x509_private_key("/etc/ssl/x.key")\n'
        'x509_certificate("/etc/ssl/x.crt", private_key="/etc/ssl/x.key", subject="x")\n'
    )
    assert [s.status for s in plan(web, keys + site)] == ["changed", "unknown", "unknown"]
    assert [s.status for s in converge(web, keys + site)] == ["changed"] * 3
    assert web.run("curl -sk https://127.0.0.1/").stdout == "tls"


def test_a_port_of_another_program(web: KitchenHost, converge: Converge) -> None:
    other = "systemd-run -q --unit life-port systemd-socket-activate -l 8602 cat"
    assert web.run(f"{other}; {listening(8602)}").returncode == 0
    said = error(converge(web, GOOD.replace("8601", "8602").replace("one", "two")))
    assert "nginx goes on with its former configuration" in said
    assert "bind() to 0.0.0.0:8602 failed (98: Address already in use)" in said
    assert served(web) == "one"
    assert "8601" in web.run("cat /etc/nginx/sites-available/app").stdout
    as_before(web)
    assert [s.status for s in converge(web, GOOD)] == ["ok"]
    web.run("systemctl stop life-port")


def test_a_change_that_was_interrupted_is_loaded(
    web: KitchenHost, converge: Converge, plan: Converge
) -> None:
    web.run("sed -i s/one/late/ /etc/nginx/sites-available/app; : >/run/cook-nginx/app")
    late = GOOD.replace("one", "late")
    assert served(web) == "one"
    assert [s.status for s in plan(web, late)] == ["changed"]
    assert [s.status for s in converge(web, late)] == ["changed"]
    assert served(web) == "late"
    assert [s.status for s in converge(web, late)] == ["ok"]


def test_a_site_that_others_need_is_not_removed(web: KitchenHost, converge: Converge) -> None:
    parts = (
        'nginx_site("zone", content="upstream shared { server 127.0.0.1:8601; }\\n")\n'
        'nginx_site("user", content="server { listen 8603;'
        ' location / { proxy_pass http://shared; } }\\n")\n'
    )
    assert [s.status for s in converge(web, parts)] == ["changed", "changed"]
    said = error(converge(web, 'nginx_site("zone", action="delete")\n'))
    assert 'host not found in upstream "shared"' in said
    assert web.run("ls /etc/nginx/sites-enabled/zone").returncode == 0
    as_before(web)


def test_a_stopped_nginx_is_not_started(web: KitchenHost, converge: Converge) -> None:
    web.run("systemctl stop nginx")
    assert [s.status for s in converge(web, GOOD)] == ["changed"]
    assert web.run("systemctl is-active nginx").stdout == "inactive\n"
    web.run("systemctl start nginx")
    assert served(web) == "one"


def test_an_nginx_that_reads_no_sites(web: KitchenHost, converge: Converge) -> None:
    web.run("sed -i.saved 's,include /etc/nginx/sites-enabled,#&,' /etc/nginx/nginx.conf")
    said = error(converge(web, GOOD.replace("one", "none")))
    assert 'nginx.conf has no "include /etc/nginx/sites-enabled/*;"' in said
    web.run("mv /etc/nginx/nginx.conf.saved /etc/nginx/nginx.conf")
