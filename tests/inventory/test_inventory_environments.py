"""Environments: layers of data between a host and its groups."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookbook.cli import main
from cookbook.errors import InventoryError, UsageError
from cookbook.inventory import from_data, load

FILE = """\
defaults: {user: admin, environment: production, vars: {tier: none, size: 1}}
hosts:
  web1:
  web2: {environment: staging, vars: {size: 9}}
  db1:
groups:
  web: {hosts: [web1, web2], port: 22, vars: {tier: front}}
  front: {groups: [web], vars: {tier: outer, color: red}}
environments:
  production: {vars: {size: 4}}
  staging:
    user: tester
    vars: {color: green, size: 2, tier: staged}
    groups:
      front: {port: 2200, vars: {tier: outer-staged, color: white}}
      web: {port: 2222, vars: {tier: web-staged}}
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("hosts.yml").write_text(FILE)


def test_each_host_has_the_values_of_its_environment() -> None:
    hosts = load(Path("hosts.yml")).hosts

    assert [(host.name, host.environment) for host in hosts.values()] == [
        ("web1", "production"),
        ("web2", "staging"),
        ("db1", "production"),
    ]
    assert (hosts["web1"].user, hosts["web1"].port) == ("admin", 22)
    assert hosts["web1"].vars == {"tier": "front", "size": 4, "color": "red"}
    assert (hosts["web2"].user, hosts["web2"].port) == ("tester", 2222)
    assert hosts["web2"].vars == {"tier": "web-staged", "size": 9, "color": "white"}
    assert hosts["db1"].vars == {"tier": "none", "size": 4}


def test_the_environment_of_the_command_line_is_that_of_all_hosts() -> None:
    hosts = load(Path("hosts.yml"), "staging").hosts

    assert {host.environment for host in hosts.values()} == {"staging"}
    assert hosts["db1"].vars == {"tier": "staged", "size": 2, "color": "green"}
    assert hosts == load(Path("hosts.yml")).in_environment("staging").hosts


def test_explain_names_each_level() -> None:
    origins = load(Path("hosts.yml")).explain("web2", "vars.tier")

    assert [(o.value, o.level, o.at, o.used) for o in origins] == [
        ("web-staged", "group web in environment staging", "hosts.yml:16", True),
        ("outer-staged", "group front in environment staging", "hosts.yml:15", False),
        ("staged", "environment staging", "hosts.yml:13", False),
        ("front", "group web", "hosts.yml:7", False),
        ("outer", "group front", "hosts.yml:8", False),
        ("none", "defaults", "hosts.yml:1", False),
    ]


VALUES = st.sampled_from([1, 2, 3])
LEVELS = (
    ("environments", "e", "groups", "child"),
    ("environments", "e", "groups", "parent"),
    ("environments", "e"),
    ("groups", "child"),
    ("groups", "parent"),
    ("defaults",),
)


@given(st.dictionaries(st.sampled_from(LEVELS), VALUES), st.none() | VALUES, st.sampled_from("xe"))
def test_the_nearest_level_decides(
    said: dict[tuple[str, ...], int], own: int | None, name: str
) -> None:
    data: dict[str, Any] = {
        "hosts": {"h": {} if own is None else {"vars": {"x": own}}},
        "groups": {"child": {"hosts": ["h"]}, "parent": {"groups": ["child"]}},
        "environments": {"e": {"groups": {"child": {}, "parent": {}}}, "x": {}},
        "defaults": {},
    }
    for level, value in said.items():
        place = data
        for key in level:
            place = place[key]
        place["vars"] = {"x": value}
    data["groups"]["parent"]["environment"] = name
    levels = [level for level in LEVELS if level in said and (name in level or "e" not in level)]
    expected = [value for value in [own, *(said[level] for level in levels)] if value is not None]

    inventory = from_data(data)

    assert list(inventory.hosts["h"].vars.values()) == expected[:1]
    assert [o.value for o in inventory.explain("h") if o.key == "vars.x"] == expected


def test_groups_that_disagree_are_no_matter_where_the_environment_decides() -> None:
    data: dict[str, Any] = {
        "defaults": {"environment": "e"},
        "hosts": ["h"],
        "groups": {name: {"hosts": ["h"], "vars": {"x": name}} for name in "ab"},
        "environments": {"e": {"vars": {"x": 3}}},
    }
    assert from_data(data).hosts["h"].vars == {"x": 3}

    data["environments"]["e"]["groups"] = {name: {"vars": {"x": name}} for name in "ab"}
    with pytest.raises(InventoryError, match=r"two values for vars\.x: 'a' from group a in env"):
        from_data(data)


REFUSED = [
    (
        "hosts: [a]\ndefaults:\n  environment: stagng\nenvironments: {staging: {}}",
        "hosts.yml:3: environment 'stagng' is not declared",
        "did you mean 'staging'?",
    ),
    (
        "hosts:\n  a: {environment: x}",
        "hosts.yml:2: environment 'x' is not declared",
        "declare it under the top level's `environments:`",
    ),
    ("hosts: {a: {environment: [x]}}", "hosts.yml:1: environment of host a must be a name", None),
    (
        "hosts: [a]\nenvironments:\n  e: {groups: {wbe: {}}}\ngroups: {web: {}}",
        "hosts.yml:3: group 'wbe' is not declared",
        "did you mean 'web'?",
    ),
    (
        "hosts: [a]\nenvironments:\n  e: {groups: {web: {hosts: [a]}}}\ngroups: {web: {}}",
        "hosts.yml:3: unknown key 'hosts' in group web in environment e",
        None,
    ),
    (
        "hosts: [a]\nenvironments:\n  e: {environment: e}",
        "hosts.yml:3: unknown key 'environment' in environment e",
        None,
    ),
    (
        "hosts: [a]\nenvironments:\n  e: {address: x}",
        "hosts.yml:3: environment e cannot have an address",
        "an address is one host's",
    ),
    (
        "hosts: [a]\nenvironments:\n  e: {password: hunter2}",
        "hosts.yml:3: password: passwords are not kept in an inventory",
        None,
    ),
    (
        (
            "hosts: [a]\nenvironments: {e: {}, f: {}}\ngroups:\n"
            "  g: {hosts: [a], environment: e}\n  h: {hosts: [a], environment: f}"
        ),
        (
            "hosts.yml:5: host 'a' gets two values for environment: 'e' from group g (hosts.yml:4)"
            " and 'f' from group h (hosts.yml:5)"
        ),
        "set it on the host, or in a group inside both",
    ),
]


@pytest.mark.parametrize(("text", "message", "hint"), REFUSED, ids=[one[1] for one in REFUSED])
def test_a_mistake_is_told_with_its_place(text: str, message: str, hint: str | None) -> None:
    Path("hosts.yml").write_text(text)
    with pytest.raises(InventoryError) as caught:
        load(Path("hosts.yml"))
    assert str(caught.value).startswith(message)
    assert hint is None or caught.value.hint == hint
    assert "hunter2" not in f"{caught.value}{caught.value.hint}"


@pytest.mark.parametrize(
    ("text", "name", "hint"),
    [
        (FILE, "stagign", "did you mean 'staging'?"),
        (FILE, "x", "declared are: production, staging"),
        ("hosts: [a]", "x", "the inventory declares none"),
    ],
)
def test_an_unknown_environment_of_the_command_line_is_a_usage_error(
    text: str, name: str, hint: str
) -> None:
    Path("hosts.yml").write_text(text)
    with pytest.raises(UsageError, match=f"there is no environment '{name}'") as caught:
        load(Path("hosts.yml"), name)
    assert caught.value.hint == hint


RECIPE = """\
from cookbook.recipe import node
from cookbook.resources import file
file(f"/nowhere/{node.environment}-{node.vars['size']}")
"""


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ([], "production-4"),
        (["--environment", "staging"], "staging-2"),
        (["--environment", "staging", "--set", "size=7"], "staging-7"),
    ],
)
def test_a_recipe_reads_the_name_and_the_values(
    words: list[str], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("hosts.yml").write_text(f"{FILE}".replace("  db1:\n", "  db1: {transport: local}\n"))
    Path("recipe.py").write_text(RECIPE)

    main(["plan", "recipe.py", "--hosts", "hosts.yml", "--limit", "db1", *words])

    assert f"file[/nowhere/{name}]" in capsys.readouterr().out


def test_cook_inventory_shows_the_level_of_each_value(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--limit", "db1", "--environment", "staging", "--set", "tier=given"]
    assert main(["inventory", "--hosts", "hosts.yml", *words]) == 0

    assert capsys.readouterr().out == (
        "db1\n"
        "  user = tester  [environment staging hosts.yml:12]\n"
        "  user = admin  [defaults hosts.yml:1]  (overridden)\n"
        "  environment = staging  [--environment]\n"
        "  environment = production  [defaults hosts.yml:1]  (overridden)\n"
        "  vars.tier = given  [--set]\n"
        "  vars.tier = staged  [environment staging hosts.yml:13]  (overridden)\n"
        "  vars.tier = none  [defaults hosts.yml:1]  (overridden)\n"
        "  vars.color = green  [environment staging hosts.yml:13]\n"
        "  vars.size = 2  [environment staging hosts.yml:13]\n"
        "  vars.size = 1  [defaults hosts.yml:1]  (overridden)\n"
    )


def test_an_environment_may_add_recipes() -> None:
    for name in "abcde":
        Path(f"{name}.py").touch()
    Path("hosts.yml").write_text(
        "hosts: {h: {recipes: [e.py]}}\ndefaults: {recipes: [a.py], environment: test}\n"
        "groups: {g: {hosts: [h], recipes: [b.py]}}\n"
        "environments: {test: {recipes: [c.py], groups: {g: {recipes: [d.py]}}}}"
    )
    found = load(Path("hosts.yml"))

    assert [path.name for path in found.hosts["h"].recipes] == [f"{one}.py" for one in "abcde"]
    assert [origin.at for origin in found.explain("h", "recipes")] == [
        f"hosts.yml:{line}" for line in (2, 3, 4, 4, 1)
    ]
