"""The sample cookbooks, run as people run them: each word they show works on a real host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cookbook.kitchen import KitchenHost
from tests.on_hosts.conftest import Cook
from tests.on_hosts.manifest import difference, manifest

pytestmark = pytest.mark.hosts

SAMPLES = sorted(Path("sample_cookbooks").glob("*/"))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_plan_converge_and_nothing_more_to_do(
    fresh_host: KitchenHost, cook: Cook, sample: Path
) -> None:
    recipe = str(sample / f"{sample.name}.py")
    fresh_host.run("su admin -c 'sudo true'")  # sudo leaves a note in the home at its first use
    before = manifest(fresh_host)

    planned = cook(fresh_host, "plan", recipe)
    assert planned["status"] == 2, planned
    assert planned["totals"]["failed"] == 0
    assert difference(before, manifest(fresh_host)) == []  # law 3

    done = cook(fresh_host, "converge", recipe)
    assert done["status"] == 0, _failures(done)
    _keeps_its_word(planned, done)

    left = manifest(fresh_host)
    again = cook(fresh_host, "converge", recipe)
    assert (again["status"], again["totals"]["changed"]) == (0, 0), _changed(again)
    assert again["hosts"][fresh_host.name]["exchanges"] == 2
    assert difference(left, manifest(fresh_host)) == []

    assert cook(fresh_host, "plan", recipe)["status"] == 0


def _keeps_its_word(planned: dict[str, Any], done: dict[str, Any]) -> None:
    """Whatever the plan marked ok or change is what the run did."""
    [before], [after] = planned["hosts"].values(), done["hosts"].values()
    did = {(r["id"], r["because"] is None): r["status"] for r in after["resources"]}
    for resource in before["resources"]:
        if resource["status"] in ("ok", "changed") and resource["because"] is None:
            assert did[resource["id"], True] == resource["status"], resource["id"]


def _changed(document: dict[str, Any]) -> list[Any]:
    return [
        r for h in document["hosts"].values() for r in h["resources"] if r["status"] == "changed"
    ]


def _failures(document: dict[str, Any]) -> list[Any]:
    return [
        (host["error"], [r["error"] for r in host["resources"] if r["error"]])
        for host in document["hosts"].values()
    ]
