"""What a kitchen remembers comes back as it was, or is refused."""

from __future__ import annotations

from ipaddress import IPv4Network
from itertools import islice
from pathlib import Path

import pytest

from cookbook.errors import KitchenError
from cookbook.kitchen.network import Network
from cookbook.kitchen.process import Process
from cookbook.kitchen.state import Entry, State

LAN = Network("cook3", IPv4Network("10.78.3.0/24"))
WEB1 = Entry(11, Process(4711, "boot+99"))


def test_a_kitchen_that_never_cooked_remembers_nothing(tmp_path: Path) -> None:
    assert State.load(tmp_path / "kitchen.json") == State(None, {})


@pytest.mark.parametrize("state", [State(), State(LAN), State(LAN, {"web1": WEB1})])
def test_what_is_saved_is_loaded(tmp_path: Path, state: State) -> None:
    state.save(tmp_path / "kitchen.json")
    assert State.load(tmp_path / "kitchen.json") == state
    assert [path.name for path in tmp_path.iterdir()] == ["kitchen.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"hosts": {}}', '{"network": 1}'])
def test_a_file_that_is_not_ours_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "kitchen.json"
    path.write_text(text)
    with pytest.raises(KitchenError, match=r"kitchen\.json is not a kitchen's state"):
        State.load(path)


def test_a_new_host_gets_the_lowest_free_number() -> None:
    state = State(LAN, {"a": WEB1, "c": Entry(13, WEB1.process)})
    assert list(islice(state.free_numbers(), 3)) == [12, 14, 15]
