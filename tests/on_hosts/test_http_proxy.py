"""The proxy of apt and of the environment, judged by what a proxy is asked."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cookbook.kitchen import KitchenHost
    from tests.on_hosts.conftest import Cook

pytestmark = pytest.mark.hosts


@contextmanager
def proxy(address: str) -> Iterator[tuple[int, list[str]]]:
    """Run a proxy that refuses all; yield its port, and the lines that it is sent."""
    lines: list[str] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for raw in self.rfile:
                if not (line := raw.decode().strip()):
                    break
                lines.append(line)
            self.wfile.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    with socketserver.ThreadingTCPServer((address, 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], lines
        server.shutdown()


def test_apt_asks_the_proxy_and_logins_know_it(fresh_host: KitchenHost, cook: Cook) -> None:
    gateway = fresh_host.address.rpartition(".")[0] + ".1"
    before = fresh_host.run("cat /etc/environment; stat -c '%a %Y' /etc/environment").stdout
    with proxy(gateway) as (port, lines):
        recipe = f"""http_proxy("site", http="http://{gateway}:{port}", no_proxy=["localhost"])"""
        document = cook(fresh_host, "converge", recipe=recipe)
        assert document["status"] == 0
        fresh_host.run("env -i PATH=$PATH apt-get -o Acquire::Retries=0 update")
        assert any(line.startswith("GET http://") for line in lines)
        login = fresh_host.run("su - admin -c env").stdout.splitlines()
        assert f"http_proxy=http://{gateway}:{port}" in login
        assert f"HTTPS_PROXY=http://{gateway}:{port}" in login
        assert "no_proxy=localhost" in login
        assert cook(fresh_host, "undo", document["run"], "--yes")["status"] == 0
    assert fresh_host.run("cat /etc/environment; stat -c '%a %Y' /etc/environment").stdout == before
    assert fresh_host.run("ls /etc/apt/apt.conf.d/80* /etc/pip.conf /etc/npmrc").stdout == ""


def test_a_password_is_sent_and_seen_by_root_alone(
    fresh_host: KitchenHost, cook: Cook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROXY_PASSWORD", "gr%een:Tea/7")
    gateway = fresh_host.address.rpartition(".")[0] + ".1"
    with proxy(gateway) as (port, lines):
        recipe = f"""
import os
from cookbook.secrets.secret import Secret
password = Secret(os.environ["PROXY_PASSWORD"])
http_proxy("site", http="http://{gateway}:{port}", user="me", password=password)
"""
        for command, status in (("plan", 2), ("converge", 0), ("converge", 0), ("plan", 0)):
            document = cook(fresh_host, command, recipe=recipe)
            said = json.dumps(document)
            assert document["status"] == status, said
            assert "een:Tea" not in said
            assert "een%3ATea" not in said
        fresh_host.run("env -i PATH=$PATH apt-get -o Acquire::Retries=0 update")
        assert "Proxy-Authorization: Basic bWU6Z3IlZWVuOlRlYS83" in lines
    files = "/etc/environment /etc/apt/apt.conf.d/80cook-proxy"
    files += " /etc/systemd/system/docker.service.d/cook-proxy.conf"
    modes = fresh_host.run(f"stat -c %a {files}").stdout.split()
    assert modes == ["640", "600", "600"]
    assert "een%3ATea" in fresh_host.run("su - admin -c env").stdout
    assert "een%3ATea" not in fresh_host.run(f"su admin -c 'cat {files}'").stdout
    fresh_host.run("chmod 644 /etc/environment")
    assert cook(fresh_host, "plan", recipe=recipe)["status"] == 2
