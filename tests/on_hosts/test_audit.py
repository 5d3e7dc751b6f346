"""The profile `baseline` on a real host: as it comes, spoiled by raw commands, and mended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from cookbook.audit.profile import read_profile
from cookbook.kitchen import KitchenHost
from tests.on_hosts.conftest import Cook
from tests.on_hosts.manifest import difference, manifest

pytestmark = pytest.mark.hosts

FLIPS: list[dict[str, str]] = yaml.safe_load(Path(__file__).with_name("audit.yml").read_text())
SPOILED = {flip["control"] for flip in FLIPS}
ABOUT_SOFTWARE = ("nginx-", "postgresql-")


def results(document: dict[str, Any]) -> dict[str, str]:
    """The status of each control; each reason of an error is shown if there is one."""
    told = {
        control["id"]: next(iter(control["hosts"].values())) for control in document["controls"]
    }
    assert {i: one["reasons"] for i, one in told.items() if one["status"] == "error"} == {}
    return {id_: one["status"] for id_, one in told.items()}


def do(host: KitchenHost, key: str) -> None:
    """Run these commands of all controls, not through cook; the last fault is mended first."""
    for flip in reversed(FLIPS) if key == "mend" else FLIPS:
        if key in flip:
            done = host.run(flip[key])
            assert done.returncode == 0, (flip["control"], key, done.stderr)


def test_a_plain_host_is_judged_and_left_as_it_is(cook: Cook, module_host: KitchenHost) -> None:
    cook(module_host, "audit", "baseline", "--control", "linux-account-01")  # a login leaves traces
    before = manifest(module_host)
    document = cook(module_host, "audit", "baseline")
    assert difference(before, manifest(module_host)) == []
    found = results(document)
    assert document["status"] == 2
    assert set(found) == set(read_profile("baseline").controls)
    assert {i for i, status in found.items() if status == "not applicable"} >= {
        i for i in found if i.startswith(ABOUT_SOFTWARE)
    }
    assert {i for i in found if i.startswith("ssh-") and found[i] == "failed"} == {
        "ssh-02",
        "ssh-04",
        "ssh-08",
    }
    [host] = document["hosts"].values()
    assert host["exchanges"] <= 4, "an audit of 70 controls takes no more than a plan"


@pytest.mark.slow
def test_each_control_fails_when_spoiled_and_passes_when_mended(
    cook: Cook, module_host: KitchenHost
) -> None:
    done = module_host.run(
        "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq"
        " --no-install-recommends nginx-light postgresql openssl",
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    do(module_host, "first")
    first = results(cook(module_host, "audit", "baseline"))
    assert {one: first[one] for one in SPOILED if first[one] != "passed"} == {}
    do(module_host, "spoil")
    spoiled = results(cook(module_host, "audit", "baseline"))
    assert {one: spoiled[one] for one in SPOILED if spoiled[one] != "failed"} == {}
    others = {one for one in spoiled if spoiled[one] != first[one]} - SPOILED
    assert others == set()
    do(module_host, "mend")
    assert results(cook(module_host, "audit", "baseline")) == first
