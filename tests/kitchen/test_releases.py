"""Hosts of other releases: what is refused before one is made. Their lives make real ones."""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path

import pytest

from cookbook.errors import KitchenError
from cookbook.kitchen import Kitchen
from cookbook.kitchen.base import RELEASES, todays
from cookbook.kitchen.network import KitchenNetwork
from cookbook.kitchen.process import Process
from cookbook.kitchen.state import KitchenState, RunningHost


def test_a_base_is_of_the_release_that_is_asked_for() -> None:
    recipes = {release: todays(release) for release in RELEASES}
    assert {recipe.release for recipe in recipes.values()} == {*RELEASES}
    assert len({recipe.name for recipe in recipes.values()}) == len(RELEASES)
    assert all(any(f" {name} " in line for line in one.sources) for name, one in recipes.items())


def test_an_unknown_release_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(KitchenError, match="no hosts with the Debian 'buster'") as raised:
        Kitchen(tmp_path).up(names=["h1"], release="buster")
    assert raised.value.hint == "bullseye, bookworm, trixie, forky"


def test_the_release_of_a_host_is_kept_in_the_state(tmp_path: Path) -> None:
    state = KitchenState(
        KitchenNetwork("cook0", IPv4Network("10.78.0.0/24")),
        {"h1": RunningHost(11, Process(1, "2"), "trixie")},
    )
    state.save(tmp_path / "kitchen.json")
    assert KitchenState.load(tmp_path / "kitchen.json").entries["h1"].release == "trixie"
