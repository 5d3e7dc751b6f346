"""Who decides on a host: checked against a model that knows nothing of the engine's shortcuts."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cookbook.errors import InventoryError, UsageError
from cookbook.inventory import Inventory, ValueOrigin, from_data, load

Data = dict[str, Any]
VALUES = st.sampled_from([1, 1.0, True, "1", [1], [True]])


@st.composite
def inventories(draw: st.DrawFn) -> Data:
    """One host, and groups that contain only later ones: no cycle. Each may say `x`."""

    def says() -> Data:
        return draw(st.fixed_dictionaries({}, optional={"x": VALUES}))

    names = [f"g{number}" for number in range(draw(st.integers(0, 6)))]
    groups = {
        name: {
            "vars": says(),
            "groups": [sub for sub in names[place + 1 :] if draw(st.booleans())],
            "hosts": ["h"] if draw(st.booleans()) else [],
        }
        for place, name in enumerate(names)
    }
    shuffled = draw(st.permutations(names))
    return {
        "defaults": {"vars": says()},
        "hosts": {"h": {"vars": says()}},
        "groups": {name: groups[name] for name in shuffled},
    }


def inside(data: Data, group: str) -> set[str]:
    """Every group below this one."""
    below = set(data["groups"][group]["groups"])
    return below.union(*(inside(data, sub) for sub in below))


def members(data: Data) -> set[str]:
    """The groups that have the host, directly or by a group below."""
    groups = data["groups"]
    direct = {name for name in groups if groups[name]["hosts"]}
    return {name for name in groups if name in direct or inside(data, name) & direct}


def model(data: Data) -> list[str]:
    """The distinct values that have an equal right to x, as text: 1, 1.0 and True differ."""
    if "x" in data["hosts"]["h"]["vars"]:
        return [repr(data["hosts"]["h"]["vars"]["x"])]
    said = {
        name: data["groups"][name]["vars"]["x"]
        for name in members(data)
        if data["groups"][name]["vars"]
    }
    nearest = {repr(value) for name, value in said.items() if not inside(data, name) & said.keys()}
    if nearest:
        return sorted(nearest)
    return [repr(value) for value in data["defaults"]["vars"].values()]


@given(inventories())
def test_host_beats_child_group_beats_parent_group_beats_defaults(data: Data) -> None:
    """And groups that are not inside one another must agree."""
    expected = model(data)
    if len(expected) > 1:
        with pytest.raises(InventoryError, match=r"host 'h' gets two values for vars\.x: "):
            from_data(data)
    else:
        variables = from_data(data).hosts["h"].vars
        assert [repr(value) for value in variables.values()] == expected


@given(inventories())
def test_explain_begins_with_what_the_host_got_and_leaves_nothing_out(data: Data) -> None:
    try:
        inventory = from_data(data)
    except InventoryError:
        return
    origins = [origin for origin in inventory.explain("h") if origin.key == "vars.x"]
    levels = [
        data["defaults"],
        data["hosts"]["h"],
        *(data["groups"][name] for name in members(data)),
    ]
    assert len(origins) == sum("x" in level["vars"] for level in levels)
    assert [origin.used for origin in origins] == [place == 0 for place in range(len(origins))]
    assert [origin.value for origin in origins[:1]] == list(inventory.hosts["h"].vars.values())


@given(inventories())
def test_the_groups_of_a_host_have_every_child_before_its_parents(data: Data) -> None:
    for group in data["groups"].values():
        group["vars"] = {}
    inventory = from_data(data)
    groups = inventory.hosts["h"].groups
    assert set(groups) == members(data)
    assert not [(a, b) for a, b in combinations(groups, 2) if b in inside(data, a)]
    assert {name for name, group in inventory.groups.items() if group.hosts} == set(groups)


@given(data=inventories())
def test_a_file_and_the_same_data_from_a_plugin_give_the_same_hosts(
    data: Data, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "same.yml"
    path.write_text(yaml.safe_dump(data, sort_keys=False))

    def outcome(build: Any) -> Any:
        try:
            inventory: Inventory = build()
        except InventoryError as error:
            return str(error).count("two values")
        return dict(inventory.hosts)

    assert outcome(lambda: load(path)) == outcome(lambda: from_data(data))


FILE = """\
defaults: {user: admin, vars: {tier: none}}
hosts:
  h: {port: 2222}
groups:
  inner: {hosts: [h], vars: {tier: front}}
  outer: {groups: [inner], user: ops, vars: {tier: any}}
"""


@pytest.fixture
def inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inventory:
    monkeypatch.chdir(tmp_path)
    Path("hosts.yml").write_text(FILE)
    return load(Path("hosts.yml"))


@pytest.mark.parametrize(
    ("key", "origins"),
    [
        (
            "vars.tier",
            [
                ("front", "group inner", "hosts.yml:5"),
                ("any", "group outer", "hosts.yml:6"),
                ("none", "defaults", "hosts.yml:1"),
            ],
        ),
        (
            "user",
            [
                ("ops", "group outer", "hosts.yml:6"),
                ("admin", "defaults", "hosts.yml:1"),
                (None, "built-in", ""),
            ],
        ),
        ("port", [(2222, "host", "hosts.yml:3"), (22, "built-in", "")]),
    ],
)
def test_explain_names_the_line_and_the_level_of_each_origin(
    inventory: Inventory, key: str, origins: list[tuple[object, str, str]]
) -> None:
    assert inventory.explain("h", key) == [
        ValueOrigin(key, value, level, at, used=place == 0)
        for place, (value, level, at) in enumerate(origins)
    ]


def test_explain_knows_every_setting_of_the_host(inventory: Inventory) -> None:
    used = {origin.key: origin.value for origin in inventory.explain("h") if origin.used}
    host = inventory.hosts["h"]
    assert used.pop("vars.tier") == host.vars["tier"]
    assert used == {key: getattr(host, key) for key in used}
    assert len(used) == 19


@pytest.mark.parametrize(
    ("host", "key", "message", "hint"),
    [
        ("hh", None, "no host is named 'hh'", "did you mean 'h'?"),
        ("h", "vars.teir", "host 'h' has no 'vars.teir'", "did you mean 'vars.tier'?"),
    ],
)
def test_explain_of_what_is_not_there_is_a_usage_error(
    inventory: Inventory, host: str, key: str | None, message: str, hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        inventory.explain(host, key)
    assert (str(caught.value), caught.value.hint) == (message, hint)


def test_a_conflict_is_no_matter_where_something_nearer_decides() -> None:
    sides = {"a": {"hosts": ["h"], "port": 1}, "b": {"hosts": ["h"], "port": 2}}
    nearer = {"c": {"hosts": ["h"], "port": 3}}
    sides["a"]["groups"] = sides["b"]["groups"] = ["c"]
    assert from_data({"hosts": ["h"], "groups": {**sides, **nearer}}).hosts["h"].port == 3
