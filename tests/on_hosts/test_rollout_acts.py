"""A server of an upstream of nginx, out of service and back, on a host with nginx."""

from __future__ import annotations

import urllib.request
from typing import Any

import pytest

from cookbook.errors import HostError
from cookbook.hosts.session import Session
from cookbook.inventory import Host
from cookbook.kitchen import KitchenHost
from cookbook.rollout.acts import Acts
from cookbook.rollout.strategy import NginxAct
from cookbook.script.program import Do, last_lines
from cookbook.script.shell import Command
from tests.on_hosts.conftest import Open

pytestmark = pytest.mark.hosts

PREPARE = """
apt-get -qq install -y nginx-light >/dev/null 2>&1 && cd /etc/nginx &&
cat >conf.d/up.conf <<'X'
upstream shop {
    server 127.0.0.1:8001 weight=2;  # the first
    server 127.0.0.1:8002;
}
server { listen 8000; location / { proxy_pass http://shop; } }
server { listen 8001; return 200 one; }
server { listen 8002; return 200 two; }
X
systemctl restart nginx
"""
FILE = "/etc/nginx/conf.d/up.conf"


@pytest.fixture(scope="module")
def proxy(module_host: KitchenHost) -> KitchenHost:
    """A host with nginx in front of two servers of its own."""
    done = module_host.run(PREPARE, timeout=900)
    assert done.returncode == 0, done.stderr
    return module_host


def answers(host: KitchenHost) -> set[str]:
    """Return what the proxy answers, asked from outside: each of its workers begins by itself."""
    found = set()
    for _ in range(40):
        with urllib.request.urlopen(f"http://{host.address}:8000/", timeout=60) as answer:
            found.add(answer.read().decode())
    return found


def test_a_server_is_marked_as_down_and_back(proxy: KitchenHost, target: Any, shell: Open) -> None:
    def run_on(_host: Host, command: Command, timeout: float) -> str:
        session = Session(shell(target(proxy)))
        try:
            outcome = session.run([Do(command, timeout)])[0]
        finally:
            session.close()
        if outcome.status != 0:
            raise HostError(last_lines(outcome.stderr, outcome.stdout))
        return outcome.text

    acts = Acts({"lb": Host("lb")}, {}, run_on)
    first = NginxAct(FILE, "127.0.0.1:{vars[port]}", "lb")
    web = Host("web", vars={"port": 8001})
    before = proxy.run(f"cat {FILE}; stat -c '%a %U %i' {FILE}").stdout
    assert answers(proxy) == {"one", "two"}

    acts.carry_out([first], web, enable=False)
    assert answers(proxy) == {"two"}
    assert "server 127.0.0.1:8001 weight=2 down;  # the first" in proxy.run(f"cat {FILE}").stdout
    acts.carry_out([first], web, enable=False)  # again: nothing more
    assert proxy.run(f"grep -c down {FILE}").stdout.strip() == "1"

    acts.carry_out([first], web, enable=True)
    assert proxy.run(f"cat {FILE}; stat -c '%a %U %i' {FILE}").stdout == before
    assert answers(proxy) == {"one", "two"}

    # A server that is not there is an error; so is a configuration that nginx refuses.
    with pytest.raises(HostError, match=r"has no server 127\.0\.0\.1:9"):
        acts.carry_out([first], Host("web", vars={"port": 9}), enable=False)
    proxy.run(f"echo nonsense >{FILE.replace('up', 'wrong')}")
    with pytest.raises(HostError, match="test failed"):
        acts.carry_out([first], web, enable=False)
    assert proxy.run(f"cat {FILE}; stat -c '%a %U %i' {FILE}").stdout == before
    assert proxy.run("ls /etc/nginx/conf.d").stdout.split() == ["up.conf", "wrong.conf"]
