"""What a kitchen remembers comes back as it was, or is refused."""

from __future__ import annotations

from ipaddress import IPv4Network
from itertools import islice
from pathlib import Path

import pytest

from cookbook.errors import KitchenError
from cookbook.kitchen.network import KitchenNetwork
from cookbook.kitchen.process import Process
from cookbook.kitchen.state import KitchenState, RunningHost

LAN = KitchenNetwork("cook3", IPv4Network("10.78.3.0/24"))
WEB1 = RunningHost(11, Process(4711, "boot+99"))


def test_a_kitchen_that_never_cooked_remembers_nothing(tmp_path: Path) -> None:
    assert KitchenState.load(tmp_path / "kitchen.json") == KitchenState(None, {})


@pytest.mark.parametrize(
    "state", [KitchenState(), KitchenState(LAN), KitchenState(LAN, {"web1": WEB1})]
)
def test_what_is_saved_is_loaded(tmp_path: Path, state: KitchenState) -> None:
    state.save(tmp_path / "kitchen.json")
    assert KitchenState.load(tmp_path / "kitchen.json") == state
    assert [path.name for path in tmp_path.iterdir()] == ["kitchen.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"hosts": {}}', '{"network": 1}'])
def test_a_file_that_is_not_ours_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "kitchen.json"
    path.write_text(text)
    with pytest.raises(KitchenError, match=r"kitchen\.json is not a kitchen's state"):
        KitchenState.load(path)


def test_a_new_host_gets_the_lowest_free_number() -> None:
    state = KitchenState(LAN, {"a": WEB1, "c": RunningHost(13, WEB1.process)})
    assert list(islice(state.free_numbers(), 3)) == [12, 14, 15]
