"""
Bad input for an application that serves: the error names it, and version 1 serves all the while.

The application is Python's http.server in a small file system of its own; a second one serves a
working copy of git that was edited by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cookbook.kitchen import KitchenHost
from tests.on_hosts.conftest import Cook
from tests.waiting import listening

pytestmark = pytest.mark.hosts

WHEELS = """
import zipfile
for name, version, needs in (("one", 1, "shared==1"), ("two", 1, "shared==2"), ("shared", 1, ""),
                             ("shared", 2, "")):
    with zipfile.ZipFile(f"/srv/wheels/{name}-{version}-py3-none-any.whl", "w") as wheel:
        info = f"{name}-{version}.dist-info"
        need = f"Requires-Dist: {needs}\\n" if needs else ""
        wheel.writestr(f"{name}.py", "")
        wheel.writestr(f"{info}/METADATA",
                       f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n{need}")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\n"
                       "Tag: py3-none-any\\n")
        wheel.writestr(f"{info}/RECORD", "")
"""

PREPARE = f"""
export DEBIAN_FRONTEND=noninteractive
apt-get install -qq -y --no-install-recommends git python3 python3-venv curl \
>/dev/null </dev/null || exit
useradd -m shop; mkdir -p /srv/shop /srv/wheels; mount -t tmpfs -o size=48m shop /srv/shop
for n in 'shop 8001 /srv/shop/current' 'work 8002 /home/shop/work'; do set -- $n
printf '[Service]\\nUser=shop\\nWorkingDirectory=%s\\nExecStart=python3 -m http.server %s %s\\n' \
"$3" "$2" "--bind 127.0.0.1" >/etc/systemd/system/$1.service; done; systemctl daemon-reload
git config --global user.name Ann; git config --global user.email ann@example.org
git config --global --add safe.directory '*'
git init -q -b main /srv/shop.git && cd /srv/shop.git
echo 1 >version; git add .; git commit -qm 'Version 1'; git tag v1
echo 2 >version; git commit -qam 'Version 2'; git tag v2
git clone -q /srv/shop.git /srv/large.git && cd /srv/large.git || exit
head -c 80000000 /dev/urandom >large; git add large; git commit -qm 'Version 3, large'; git tag v3
chown -R shop: /srv/*.git
cat >/root/wheels.py <<'END'
{WHEELS}
END
python3 /root/wheels.py
"""

DEPLOY = """
deploy("shop", repository="{repository}", revision="{at}", build={build!r}, user="shop",
    restart="shop.service")
"""
WORK = 'git("/home/shop/work", repository="/srv/shop.git", revision="{at}", user="shop")\n'

PIP = "python3 -m venv venv && venv/bin/pip install --disable-pip-version-check -q"


def deploy(at: str, build: str = "true", repository: str = "/srv/shop.git") -> str:
    return DEPLOY.format(at=at, build=build, repository=repository)


BAD = {
    "no such revision": (deploy("nowhere"), "has no branch and no tag nowhere"),
    "no such commit": (deploy("ab" * 20), "abababab"),
    "the repository is away": (
        deploy("v2", repository="http://127.0.0.1:9/shop.git"),
        "Failed to connect to 127.0.0.1 port 9",
    ),
    "a full disk in the build": (
        deploy("v2", "dd if=/dev/zero of=large bs=1M count=100"),
        "No space left on device",
    ),
    "a full disk before the build": (
        deploy("v3", repository="/srv/large.git"),
        "No space left on device",
    ),
    "dependencies in conflict": (
        deploy("v2", f"{PIP} --no-index --find-links /srv/wheels one two"),
        "conflicting dependencies",
    ),
    "no such dependency": (
        deploy("v2", f"{PIP} --no-index --find-links /srv/wheels three"),
        "No matching distribution found for three",
    ),
    "the index of packages is away": (
        deploy("v2", f"{PIP[:-3]} --retries 0 --index-url http://127.0.0.1:9/simple one"),
        "Looking in indexes: http://127.0.0.1:9/simple",
    ),
    "a wrong digest of a dependency": (
        deploy(
            "v2",
            f"echo 'shared==1 --hash=sha256:{'0' * 64}' >r.txt && {PIP} --no-index"
            " --find-links /srv/wheels --require-hashes -r r.txt",
        ),
        "DO NOT MATCH THE HASHES",
    ),
    "a wrong digest of a file before it": (
        (
            'remote_file("/srv/model", source="http://127.0.0.1:8001/version",'
            f' checksum="{"0" * 64}")\n{deploy("v2")}'
        ),
        "0000000000",
    ),
    "a migration that fails": (
        deploy("v2").replace(", user=", ', migrate="echo no such table >&2; exit 3", user='),
        "no such table",
    ),
    "a unit that does not start": (
        'systemd_unit("bad.service", action="create",'
        ' content={"Service": {"Type": "oneshot", "ExecStart": "/bin/false"}})\n'
        + deploy("v2").replace('restart="shop.service"', 'restart=["bad.service"]'),
        "bad.service",
    ),
    "a working copy that was edited": (WORK.format(at="v2"), "version"),
}

CRASHES = """
systemd_unit("shop.service", content={{"Service": {{"User": "shop", "WorkingDirectory":
    "/srv/shop/current", "Restart": "always", "RestartSec": "0",
    "ExecStart": "/bin/sh -c '. ./start'"}}}}, action="create")
deploy("shop", repository="/srv/shop.git", revision="{at}", user="shop", health_timeout={seconds},
    build="{build}", restart={{"shop.service": "http://127.0.0.1:8001/version"}})
"""


@pytest.fixture(scope="module")
def server(module_host: KitchenHost) -> Iterator[KitchenHost]:
    done = module_host.run(PREPARE, timeout=900)
    assert done.returncode == 0, done.stderr
    yield module_host
    module_host.run("systemctl stop shop work; umount -l /srv/shop")


@pytest.fixture
def serving(server: KitchenHost, cook: Cook) -> KitchenHost:
    """Version 1 of both; one line was added by hand to the working copy."""
    server.run("git -C /home/shop/work checkout -q -- . 2>/dev/null")
    first = cook(server, "converge", recipe=deploy("v1") + WORK.format(at="v1"))
    assert first["status"] == 0, messages(first)
    server.run("echo by hand >>/home/shop/work/version; systemctl start shop work")
    assert server.run(
        f"{listening(8001, 8002)} && curl -sf http://127.0.0.1:8001/version &&"
        " curl -sf http://127.0.0.1:8002/version"
    ).stdout.endswith("1\n1\nby hand\n")
    return server


def state(host: KitchenHost) -> str:
    """What serves: the release, the processes and their start, and the room that is left."""
    return host.run(
        "curl -s http://127.0.0.1:8001/version; curl -s http://127.0.0.1:8002/version;"
        "readlink /srv/shop/current; git -C /home/shop/work log -1 --format=%s;"
        "systemctl show -p MainPID,ExecMainStartTimestampMonotonic shop work;"
        "[ $(df --output=avail /srv/shop | tail -n 1) -gt 40000 ] && echo room"
    ).stdout


def messages(document: dict[str, Any]) -> str:
    hosts = document.get("hosts", {}).values()
    return str([r["error"] for host in hosts for r in host["resources"] if r["error"]])


@pytest.mark.parametrize("what", BAD)
def test_version_1_serves_on(serving: KitchenHost, cook: Cook, what: str) -> None:
    recipe, says = BAD[what]
    before = state(serving)
    assert before.startswith("1\n1\nby hand\n")
    assert before.endswith("room\n")
    failed = cook(serving, "converge", recipe=recipe)

    assert failed["status"] == 3, messages(failed)
    assert says in messages(failed)
    assert state(serving) == before


def test_a_version_that_crashes_until_systemd_gives_up_is_led_back(
    server: KitchenHost, cook: Cook
) -> None:
    """The unit may be started again although it has used up its starts."""
    start = "echo exec python3 -m http.server 8001 --bind 127.0.0.1 >start"
    server.run("systemctl stop shop")
    good = CRASHES.format(at="v1", build=start, seconds=60)
    deployed = cook(server, "converge", recipe=good)
    assert deployed["status"] == 0, messages(deployed)
    crashes = CRASHES.format(at="v2", build="echo exit 1 >start", seconds=3)
    bad = cook(server, "converge", recipe=crashes)
    assert bad["status"] == 3
    assert "shop.service is not healthy" in messages(bad)
    assert server.run("curl -sf http://127.0.0.1:8001/version").stdout == "1\n"
