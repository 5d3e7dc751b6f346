"""
The sample `deploy_app` from version to version under a constant load through its balancer.

No request may be lost, whatever is rolled out; the load is a process of its own on the host.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

import pytest

from cookbook.kitchen import KitchenHost
from tests.on_hosts.conftest import Cook
from tests.on_hosts.manifest import failures
from tests.on_hosts.shop import PREPARE
from tests.waiting import eventually

pytestmark = pytest.mark.hosts

RECIPE = "sample_cookbooks/deploy_app/deploy_app.py"

LOAD = """
import http.client, time, os
out = open("/run/load", "w", buffering=1)
while True:
    try:
        one = http.client.HTTPConnection("127.0.0.1", 80, timeout=10)
        one.request("GET", "/"); answer = one.getresponse()
        out.write(f"{answer.status} {answer.read().decode()}\\n")
    except Exception as error:
        out.write(f"lost {type(error).__name__}\\n")
    time.sleep(0.01)
"""


ENOUGH = 20
"""Answers by which one knows who serves: each of two servers has given some of them."""


@pytest.fixture
def loaded(module_host: KitchenHost, cook: Cook, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cook]:
    """Version 1, with a load on it; what it counts is in /run/load on the host."""
    monkeypatch.setenv("COOK_SECRET_SHOP_TOKEN", "open sesame")
    done = module_host.run(PREPARE, timeout=900)
    assert done.returncode == 0, done.stderr
    first = cook(module_host, "converge", RECIPE)
    assert first["status"] == 0, failures(first)
    module_host.run(f"cat >/root/load.py <<'END'\n{LOAD}\nEND")
    module_host.run("systemd-run -q --unit=run-load python3 /root/load.py")
    yield cook
    module_host.run("systemctl stop run-load run-shop-git")


def counted(host: KitchenHost, begin: int) -> tuple[Counter[str], int]:
    """
    Return the answers since a line of the load, and the line they end at.

    It goes on for a second, and until there are some that were asked for after the call.
    """
    time.sleep(1)
    lines = answered(host)
    enough = len(lines) + ENOUGH
    eventually(lambda: len(answered(host)) >= enough)
    lines = answered(host)
    return Counter(lines[begin:]), len(lines)


def answered(host: KitchenHost) -> list[str]:
    """Return all answers; there are none before the load has begun."""
    return host.run("cat /run/load").stdout.splitlines()


def test_no_request_is_lost_by_a_rollout(loaded: Cook, module_host: KitchenHost) -> None:
    one, two = ("200 Hello from version 1", "200 Hello from version 2")
    answers, at = counted(module_host, 0)
    assert set(answers) == {one}

    # Version 2: both answer meanwhile, and nothing is lost.
    done = loaded(module_host, "converge", RECIPE, "--set", "revision=v2")
    assert done["status"] == 0, failures(done)
    answers, at = counted(module_host, at)
    assert set(answers) == {one, two}
    again = loaded(module_host, "converge", RECIPE, "--set", "revision=v2")
    assert again["totals"]["changed"] == 0
    assert again["hosts"][module_host.name]["exchanges"] <= 2

    # Version 3 does not start: it never serves, and version 2 goes on.
    _, at = counted(module_host, at)
    failed = loaded(module_host, "converge", RECIPE, "--set", "revision=v3")
    assert failed["status"] == 3
    assert "shop-8001.service" in str(failed["hosts"][module_host.name])
    answers, at = counted(module_host, at)
    assert set(answers) == {two}

    # Back to version 1 by the command.
    back = loaded(module_host, "rollback", "shop")
    assert back["status"] == 0, failures(back)
    answers, at = counted(module_host, at)
    assert set(answers) == {one, two}
    answers, at = counted(module_host, at)
    assert set(answers) == {one}

    # The rollback is a run, and an undo takes it back.
    undone = loaded(module_host, "undo", "last", "--yes")
    assert undone["status"] == 0, failures(undone)
    answers, at = counted(module_host, at)
    assert set(answers) == {one, two}
