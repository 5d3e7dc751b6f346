"""The profile `baseline` on a real host: as it comes, spoiled by raw commands, and mended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cookbook.audit.profile import read_profile
from cookbook.kitchen import KitchenHost
from tests.data import read_yaml
from tests.on_hosts.conftest import Cook
from tests.on_hosts.manifest import difference, manifest

pytestmark = pytest.mark.hosts

FLIPS: list[dict[str, str]] = read_yaml(Path(__file__).with_name("audit.yml"))
SPOILED = {flip["control"] for flip in FLIPS if "spoil" in flip}
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


def test_tests_of_testinfra_go_the_way_that_cook_goes(
    cook: Cook, module_host: KitchenHost, tmp_path: Path
) -> None:
    """By SSH, and as root: a test that reads what only root may, and one that fails."""
    (tmp_path / "here.py").write_text(
        "from cookbook.audit import control\n"
        'with control("good", title="A", severity="low", tests="test_good.py"):\n    pass\n'
        'with control("bad", title="B", severity="low", tests="test_bad.py"):\n    pass\n'
    )
    (tmp_path / "test_good.py").write_text(
        "def test_root(host):\n"
        "    assert host.user().name == 'root'\n"
        "    assert host.file('/etc/shadow').contains('^root:')\n"
        f"    assert host.check_output('hostname') == {module_host.name!r}\n"
        "    assert host.package('openssh-server').is_installed\n"
        "    assert host.service('ssh').is_running\n"
    )
    (tmp_path / "test_bad.py").write_text(
        "def test_absent(host):\n    assert host.file('/etc/no such file').exists\n"
    )
    assert results(cook(module_host, "audit", str(tmp_path))) == {"good": "passed", "bad": "failed"}


def test_each_control_is_spoiled_or_says_why_not() -> None:
    """A control that fails on no host may be one that never fails."""
    told = [flip["control"] for flip in FLIPS]
    assert sorted(told) == sorted(read_profile("baseline").controls)
    assert {one["control"] for one in FLIPS if ("spoil" in one) == ("why" in one)} == set()


@pytest.mark.slow
def test_each_control_fails_when_spoiled_and_passes_when_mended(
    cook: Cook, module_host: KitchenHost
) -> None:
    done = module_host.run(
        "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq"
        " --no-install-recommends nginx-light postgresql openssl",
        timeout=900,
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
