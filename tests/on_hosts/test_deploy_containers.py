"""
The container variant of the sample `deploy_app` under a constant load through its balancer.

No request may be lost, whatever is rolled out; the images come from a registry on the host.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cookbook.kitchen import KitchenHost
from tests.on_hosts.conftest import Cook
from tests.on_hosts.manifest import failures
from tests.on_hosts.shop import BASE_ARCHIVE, PREPARE, PREPARE_BASE
from tests.on_hosts.test_deploy_app import LOAD, counted

pytestmark = pytest.mark.hosts

FOLDER = "sample_cookbooks/deploy_app"
ONE, TWO = "200 Hello from version 1", "200 Hello from version 2"

# On the overlay of a test host docker has no overlay2: each layer would be a copy of the whole.
IN_MEMORY = "mkdir -p /var/lib/docker && mount -t tmpfs -o mode=710 tmpfs /var/lib/docker || exit\n"


@pytest.fixture
def loaded(module_host: KitchenHost, cook: Cook, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cook]:
    """Images of all versions in the registry, version 1 at work, and a load on it."""
    monkeypatch.setenv("COOK_SECRET_SHOP_TOKEN", "open sesame")
    monkeypatch.setenv("COOK_SECRET_SHOP_REGISTRY", "let me push")
    done = module_host.run(f"{IN_MEMORY}{PREPARE}\n{PREPARE_BASE}", timeout=900)
    assert done.returncode == 0, done.stderr
    for version in ("v3", "v2", "v1"):
        made = _images(cook, module_host, version)
        assert made["status"] == 0, failures(made)
    again = _images(cook, module_host, "v1")
    assert again["totals"]["changed"] == 0
    first = cook(module_host, "converge", f"{FOLDER}/containers.py")
    assert first["status"] == 0, failures(first)
    module_host.run(f"cat >/root/load.py <<'END'\n{LOAD}\nEND")
    module_host.run("systemd-run -q --unit=run-load python3 /root/load.py")
    yield cook
    module_host.run("systemctl stop run-load run-shop-git")


def _images(cook: Cook, host: KitchenHost, version: str) -> Any:
    words = ("--set", f"revision={version}", "--set", f"base_archive={BASE_ARCHIVE}")
    return cook(host, "converge", f"{FOLDER}/images.py", *words)


def test_no_request_is_lost_by_a_rollout_of_containers(
    loaded: Cook, module_host: KitchenHost
) -> None:
    def go(version: str, verb: str = "converge") -> Any:
        return loaded(module_host, verb, f"{FOLDER}/containers.py", "--set", f"revision={version}")

    answers, at = counted(module_host, 0)
    assert set(answers) == {ONE}

    # A plan has the digest in it by which the image is pulled, and the ids of both images for each
    # container.
    image = "docker image inspect -f '{{.Id}}' 127.0.0.1:5000/shop"
    ids = [module_host.run(f"{image}:{version}").stdout.strip() for version in ("v1", "v2")]
    digest = module_host.run(
        "docker image inspect -f '{{index .RepoDigests 0}}' 127.0.0.1:5000/shop:v2"
    ).stdout.strip()
    module_host.run("docker image rm 127.0.0.1:5000/shop:v2")
    planned = go("v2", "plan")
    assert digest.partition("@")[2] in str(planned)
    told = planned["hosts"][module_host.name]["resources"]
    notes = [r["note"] for r in told if r["id"].startswith("docker_container[shop-80")]
    assert len(notes) == 2
    assert all(note.startswith(f"image: {ids[0]} -> {ids[1]}") for note in notes)

    # Version 2: both answer meanwhile, and nothing is lost.
    done = go("v2")
    assert done["status"] == 0, failures(done)
    answers, at = counted(module_host, at)
    assert set(answers) == {ONE, TWO}
    again = go("v2")
    assert again["totals"]["changed"] == 0
    assert again["hosts"][module_host.name]["exchanges"] <= 2

    # Version 3 does not start: it never serves, and version 2 goes on.
    _, at = counted(module_host, at)
    failed = go("v3")
    assert failed["status"] == 3
    assert "it has ended" in str(failed["hosts"][module_host.name])
    shown = module_host.run("docker ps --format '{{.Names}} {{.Image}} {{.Status}}' | sort").stdout
    assert [one.split()[:3] for one in shown.splitlines()] == [
        ["shop-8001", "127.0.0.1:5000/shop:v2", "Up"],
        ["shop-8002", "127.0.0.1:5000/shop:v2", "Up"],
    ]
    log = module_host.run("journalctl --sync; journalctl -q -o cat -t cook-shop-8001").stdout
    assert "version 3 does not start" in log
    answers, at = counted(module_host, at)
    assert set(answers) == {TWO}

    # The way back is the former tag; an undo of that brings version 2 again.
    back = go("v1")
    assert back["status"] == 0, failures(back)
    answers, at = counted(module_host, at)
    assert set(answers) == {ONE, TWO}
    undone = loaded(module_host, "undo", "last", "--yes")
    assert undone["status"] == 0, failures(undone)
    answers, at = counted(module_host, at)
    assert set(answers) == {ONE, TWO}
    answers, at = counted(module_host, at)
    assert set(answers) == {TWO}

    # The secrets are in no file of cook; runc has one in /tmp for a moment.
    kept = module_host.run("grep -rl 'open sesame' /var/lib/cook /etc 2>/dev/null")
    assert kept.stdout == ""
