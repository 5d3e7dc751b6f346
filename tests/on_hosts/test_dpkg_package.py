"""`dpkg_package`: files of the cookbook and of a server, judged by dpkg-query(1)."""

from __future__ import annotations

import base64
import functools
import hashlib
import ipaddress
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cookbook.kitchen import KitchenHost
from tests.on_hosts.conftest import Converge, Cook

pytestmark = pytest.mark.hosts

BUILD = """
set -e; mkdir -p /tmp/b/DEBIAN; cd /tmp/b
printf 'Package: app\\nVersion: %s\\nArchitecture: all\\n' {0} >DEBIAN/control
printf 'Maintainer: c <c@example.org>\\nDescription: a test\\n' >>DEBIAN/control
dpkg-deb -Z{1} --build /tmp/b /tmp/app.deb >/dev/null
base64 -w 0 /tmp/app.deb; rm -r /tmp/app.deb /tmp/b
"""
INSTALLED = "dpkg-query -W -f '${Status} ${Version}' app"


def built(host: KitchenHost, version: str, packed: str = "xz") -> bytes:
    return base64.b64decode(host.run(BUILD.format(version, packed)).stdout)


@pytest.fixture
def served(fresh_host: KitchenHost, tmp_path: Path) -> Iterator[tuple[Path, str, list[str]]]:
    """A folder, the address of its server on the network of the hosts, and what was asked for."""
    (folder := tmp_path / "www").mkdir()
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            asked.append(self.path)

    network = ipaddress.ip_network(f"{fresh_host.address}/24", strict=False)
    address = str(network[1])
    server = ThreadingHTTPServer((address, 0), functools.partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://{address}:{server.server_port}", asked
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("packed", ["gzip", "xz", "none"])
def test_a_file_of_the_cookbook_is_installed_and_comes_back(
    fresh_host: KitchenHost, cook: Cook, tmp_path: Path, packed: str
) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files/app.deb").write_bytes(built(fresh_host, "1.0-2", packed))
    recipe = "dpkg_package('app', source='app.deb')"

    planned = cook(fresh_host, "plan", recipe=recipe)
    [told] = planned["hosts"][fresh_host.name]["resources"]
    assert "1.0-2" in str(told)
    done = cook(fresh_host, "converge", recipe=recipe)
    assert done["status"] == 0
    assert fresh_host.run(INSTALLED).stdout == "install ok installed 1.0-2"
    again = cook(fresh_host, "converge", recipe=recipe)
    assert [r["status"] for r in again["hosts"][fresh_host.name]["resources"]] == ["ok"]

    # Undo, and redo: the file is kept on the host.
    for run, there in ((done["run"], False), ("last", True)):
        assert cook(fresh_host, "undo", run, "--yes")["status"] == 0
        assert ("installed 1.0" in fresh_host.run(INSTALLED).stdout) is there
    assert fresh_host.run("ls /var/cache/apt/archives/*.deb").returncode != 0


def test_a_file_of_a_server_is_fetched_once_and_checked(
    fresh_host: KitchenHost, converge: Converge, served: tuple[Path, str, list[str]]
) -> None:
    folder, address, asked = served
    fresh_host.run("apt-get install -y curl", timeout=900)
    data = built(fresh_host, "2.0")
    (folder / "app.deb").write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    text = f"dpkg_package('app', source='{address}/app.deb', version='{{}}', checksum='{{}}')"

    [wrong] = converge(fresh_host, text.format("2.0", "0" * 64))
    assert "has the checksum" in str(wrong.error)
    [other] = converge(fresh_host, text.format("2.1", digest))
    assert "the file is of another package or version" in str(other.error)
    assert "installed" not in fresh_host.run(INSTALLED).stdout

    [done] = converge(fresh_host, text.format("2.0", digest))
    assert done.status == "changed"
    assert fresh_host.run(INSTALLED).stdout == "install ok installed 2.0"
    count = len(asked)
    [same] = converge(fresh_host, text.format("2.0", digest))
    assert (same.status, len(asked)) == ("ok", count)
