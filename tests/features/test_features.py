"""Features: who has them, why, and what holds of every share."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cookbook import inventory
from cookbook.errors import FeatureError, RecipeError
from cookbook.features.feature import PARTS, Features, place_of
from cookbook.features.reader import load_features
from cookbook.language.collection import NO_FACTS_YET, FactsNeeded, Node
from cookbook.language.compiler import compile_recipes
from cookbook.language.feature_answer import InvertedFeature
from cookbook.script.facts import Facts
from cookbook.secrets.reference import LazyVariables, SecretReference
from cookbook.secrets.secret import Secret
from cookbook.text.times import instant

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
HOSTS: dict[str, Any] = {
    "hosts": {
        "web1": {"vars": {"tier": "front", "shop": "a", "app": {"version": 3}}},
        "web2": {"vars": {"tier": "front", "shop": "a", "count": 3}},
        "web3": {"vars": {"shop": "b"}},
        "db1": {"vars": {"tier": "back", "ports": [80, 443]}},
    },
    "groups": {
        "web": {"hosts": ["web1", "web2", "web3"]},
        "db": {"hosts": ["db1"]},
        "all": {"groups": ["web", "db"]},
    },
}
DEBIAN = Facts(family="debian", distribution="debian", version="12", kernel="6.1.0-18", cpus=8)


def load(text: str, folder: Path, now: datetime = NOW) -> Features:
    path = folder / "features.yml"
    path.write_text(text)
    return load_features(path, inventory.from_data(HOSTS), now)


def node(name: str, facts: Facts = DEBIAN, features: Features | None = None) -> Node:
    host = inventory.from_data(HOSTS).hosts[name]
    return Node(host.name, facts, host.vars, host.groups, features=features)


WHO: list[tuple[str, set[str]]] = [
    ("{share: 100%}", {"web1", "web2", "web3", "db1"}),
    ("{share: 0%}", set()),
    ("{groups: web}", {"web1", "web2", "web3"}),
    ("{groups: [web, db]}", {"web1", "web2", "web3", "db1"}),
    ("{groups: all}", {"web1", "web2", "web3", "db1"}),
    ('{hosts: ["web*", "!web3"]}', {"web1", "web2"}),
    ('{hosts: ["!web3"]}', {"web1", "web2", "db1"}),
    ("{hosts: db}", {"db1"}),
    ('{hosts: "web[1:2]"}', {"web1", "web2"}),
    # all conditions must hold
    ("{groups: web, hosts: [web1, db1]}", {"web1"}),
    ("{groups: web, share: 0%}", set()),
    # never wins over always, always over the conditions, killed over all
    ("{share: 0%, always: web1}", {"web1"}),
    ("{share: 100%, never: [web1, web2]}", {"web3", "db1"}),
    ("{always: web, never: web1}", {"web2", "web3"}),
    ("{always: web1, from: 2026-12-02}", {"web1"}),
    ("{always: web, killed: it crashes}", set()),
    ("{always: web1}", {"web1"}),
    # the first day and the last one are of it; of a time, the end is not
    ("{from: 2026-12-01}", {"web1", "web2", "web3", "db1"}),
    ("{from: 2026-12-02}", set()),
    ("{until: 2026-12-01}", {"web1", "web2", "web3", "db1"}),
    ("{until: 2026-11-30}", set()),
    ("{from: 2026-12-01T12:00Z}", {"web1", "web2", "web3", "db1"}),
    ('{from: "2026-12-01T13:00 Europe/Berlin"}', {"web1", "web2", "web3", "db1"}),
    ("{from: 2026-12-01T12:00:01Z}", set()),
    ("{until: 2026-12-01T13:00+01:00}", set()),
    ("{until: 2026-12-01T13:01+01:00}", {"web1", "web2", "web3", "db1"}),
    # a variable that a host does not have is None
    ("{when: vars.tier == 'front'}", {"web1", "web2"}),
    ("{when: vars.tier is None}", {"web3"}),
    ("{when: vars.app.version == 3}", {"web1"}),
    ("{when: '443 in (vars.ports or [])'}", {"db1"}),
    ("{when: 'not vars.count'}", {"web1", "web3", "db1"}),
    ("{when: '\"db\" in groups'}", {"db1"}),
    ('{when: \'matches(name, "web*") and name != "web2"\'}', {"web1", "web3"}),
    ('{when: \'name in ("web1", "db1")\'}', {"web1", "db1"}),
    ("{when: 'environment is None'}", {"web1", "web2", "web3", "db1"}),
    ("{when: '4 < facts.cpus <= 8'}", {"web1", "web2", "web3", "db1"}),
    ("{when: 'version(facts.version) > version(\"9\")'}", {"web1", "web2", "web3", "db1"}),
    ("{when: 'version(facts.kernel) < version(\"6.1\")'}", set()),
    ("{when: 'facts.family == \"debian\"', groups: db}", {"db1"}),
]


@pytest.mark.parametrize(("said", "who"), WHO)
def test_who_has_it(said: str, who: set[str], tmp_path: Path) -> None:
    features = load(f"new: {said}\n", tmp_path)

    assert {name for name in HOSTS["hosts"] if features.ask("new", node(name)).is_on} == who


def test_an_empty_file_has_no_features(tmp_path: Path) -> None:
    assert load("# none\n", tmp_path).features == {}


REFUSED: list[tuple[str, str, str | None]] = [
    ("[a]", "features.yml:1: features are a mapping of names, not a list", None),
    ("new tls: {share: 1%}", ":1: 'new tls' cannot be the name of a feature", "as in: new_tls"),
    ("new: yes", ":1: feature new must be a mapping, not yes", "`share: 100%` is on for all hosts"),
    ("new:\n", ":1: feature new must be a mapping, not nothing", None),
    ("new: {}", ":1: feature new has no condition", "`share: 100%` is on for all hosts"),
    ("new: {never: web1}", ":1: feature new has no condition", None),
    ("new: {note: x}", ":1: feature new has no condition", None),
    ("new:\n  shar: 1%", ":2: unknown key 'shar' in feature new", "did you mean 'share'?"),
    ('new: {"off": true}', ":1: unknown key 'off' in feature new", "the kill switch is `killed:"),
    ("new: {off: true}", ":1: off is read as a yes or no, not as text", 'write "off", in quotes'),
    (
        "new: {enabled: false}",
        ":1: unknown key 'enabled' in feature new",
        "the kill switch is `killed: REASON`",
    ),
    ("new: {killed: true}", "killed of feature new must be the reason, as text, not true", "ann"),
    ("new: {share: 25}", "must be a percentage from 0% to 100%, not 25", "write 25%"),
    ("new: {share: 0.25}", "must be a percentage from 0% to 100%, not 0.25", "as in: 25%, 0.5%"),
    ("new: {share: 101%}", "must be a percentage from 0% to 100%, not '101%'", "as in: 25%"),
    ("new: {share: 1.234%}", "must be a percentage", "as in: 25%, 0.5%"),
    ("new: {share: 1%, by: shpo}", "no host has the variable 'shpo'", "did you mean 'shop'?"),
    ("new: {groups: web, by: shop}", "`by` of feature new needs a share", "share: 25% says"),
    ("new: {groups: [wbe]}", "no group is named 'wbe'", "did you mean 'web'?"),
    ("new:\n  hosts:\n  - web1\n  - wbe2", ":4: hosts of feature new: 'wbe2' matches no", "web2"),
    ("new: {hosts: [1]}", "hosts of feature new must be a list of names, not 1", None),
    ("new: {hosts: []}", "hosts of feature new is empty", "leave it out"),
    ("new: {always: nowhere}", "always of feature new: 'nowhere' matches no host", None),
    ("new: {from: tomorrow}", "from of feature new is no time: 'tomorrow'", "a date (2026-12-24)"),
    ("new: {from: 2026-12-24T18:00}", "from of feature new is no time", "the time has no zone"),
    ("new: {from: 2026-13-01}", "from of feature new is no time: '2026-13-01'", "month must be"),
    (
        'new: {from: "2026-12-24 Europe/Berln"}',
        "from of feature new is no time",
        "did you mean 'Europe/Berlin'?",
    ),
    ("new: {from: 2026-12-24, until: 2026-12-23}", "until of feature new is not after its", None),
    ("new: {when: 1 +}", "when of new: '1 +' is no expression: invalid syntax", None),
    ("new: {when: vars.teir == 1}", "when of new: no host has the variable 'teir'", "'tier'?"),
    ("new: {when: fact.cpus > 1}", "when of new: there is no 'fact'", "did you mean 'facts'?"),
    ("new: {when: facts.cpu > 1}", "when of new: there is no fact 'cpu'", "did you mean 'cpus'?"),
    ("new: {when: tier == 1}", "when of new: there is no 'tier'", "did you mean 'vars.tier'?"),
    ("new: {when: name.upper() == 'X'}", "'name.upper()' is not allowed", "matches(text, glob)"),
    ("new: {when: name.upper}", "name has no parts", None),
    ("new: {when: matches(name)}", "matches has 1 arguments", None),
    ("new: {when: 3}", "when of feature new must be an expression, not 3", None),
    ("new: {when: __import__('os')}", "is not allowed", None),
    ("new: {when: vars.__class__}", "no host has the variable '__class__'", None),
    ("new: {when: 'vars.app.__class__.__mro__ == 9 ** 9 ** 9'}", "is not allowed", None),
    ("new: {when: '[x for x in groups]'}", "is not allowed", None),
    ("new: {when: '(lambda: 1)()'}", "is not allowed", None),
    ("new: {when: 'name * 999999999'}", "is not allowed", None),
    ("new: {when: 'f\"{name:>999999999}\"'}", "is not allowed", None),
    (f"new: {{when: '{'(' * 300}1{')' * 300}'}}", "longer than 500 characters", "a recipe"),
    (f"new: {{when: '{'(' * 240}1{')' * 240}'}}", "is no expression: too many nested", None),
    ("new: {share: 1%}\nnew: {share: 2%}", ":2: key 'new' is here for the second time", None),
]


@pytest.mark.parametrize(("said", "error", "hint"), REFUSED)
def test_what_is_wrong_is_refused(said: str, error: str, hint: str | None, tmp_path: Path) -> None:
    with pytest.raises(FeatureError) as caught:
        load(said, tmp_path)

    assert error in str(caught.value)
    assert f"{tmp_path}/features.yml:" in str(caught.value)
    assert (hint or "") in (caught.value.hint or "")


DOES_NOT_FIT = [
    ("{when: vars.count > 2}", "when of new does not fit web1: '>' not supported"),
    ("{when: vars.tier.length == 2}", "when of new does not fit web1: 'length' is asked of what"),
    ("{when: facts.kernel.cpus == 2}", "when of new does not fit web1: 'cpus' is asked of what"),
    ("{when: facts.cpus.__class__ is None}", "does not fit web1: '__class__' is asked"),
    ("{when: '1 in vars.count'}", "when of new does not fit web1"),
    ("{share: 1%, by: app}", "app of web1 is neither text nor a number"),
]


@pytest.mark.parametrize(("said", "error"), DOES_NOT_FIT)
def test_a_condition_that_does_not_fit_a_host_is_an_error(
    said: str, error: str, tmp_path: Path
) -> None:
    with pytest.raises(FeatureError, match=r"features.yml:1") as caught:
        load(f"new: {said}", tmp_path).ask("new", node("web1"))

    assert error in str(caught.value)


def test_a_secret_decides_nothing(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yml"
    path.write_text("hosts: {web1: {vars: {password: !secret db}}}")
    hosts = inventory.load(path)
    (tmp_path / "features.yml").write_text("a: {when: vars.password == 'x'}\n")
    features = load_features(tmp_path / "features.yml", hosts, NOW)

    with pytest.raises(FeatureError, match="a secret cannot decide"):
        features.ask("a", Node("web1", DEBIAN, hosts.hosts["web1"].vars))


@pytest.mark.parametrize(
    "said",
    [
        "'hunter2' in vars.tokens",
        "vars.db == vars.db",
        "vars.db.logins.first",
        "not vars.db",
        "version(vars.nested) == version('1')",
    ],
)
def test_a_secret_within_a_list_or_mapping_decides_nothing(said: str, tmp_path: Path) -> None:
    path = tmp_path / "hosts.yml"
    path.write_text(
        "hosts: {web1: {vars: {tokens: [!secret t], nested: [[{a: !secret n}]],"
        " db: {host: db1, logins: {first: [!secret db]}}}}}"
    )
    hosts = inventory.load(path)
    (tmp_path / "features.yml").write_text(f"a: {{when: {json.dumps(said)}}}\n")
    features = load_features(tmp_path / "features.yml", hosts, NOW)
    revealed: list[str] = []

    def reveal(reference: SecretReference) -> Secret:
        revealed.append(reference.name)
        return Secret("hunter2")

    own = hosts.hosts["web1"].vars
    for variables in (own, LazyVariables(own, reveal)):
        with pytest.raises(FeatureError, match="a secret cannot decide") as caught:
            features.ask("a", Node("web1", DEBIAN, variables))
        assert "hunter2" not in str(caught.value)
    assert not revealed


def test_what_stands_beside_a_secret_decides(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yml"
    path.write_text("hosts: {web1: {vars: {db: {host: db1, password: !secret db}}}}")
    hosts = inventory.load(path)
    (tmp_path / "features.yml").write_text("a: {when: vars.db.host == 'db1'}\n")
    features = load_features(tmp_path / "features.yml", hosts, NOW)

    assert features.ask("a", Node("web1", DEBIAN, hosts.hosts["web1"].vars)).is_on


def test_a_date_at_the_end_of_the_calendar_is_refused_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(FeatureError, match=r"features.yml:1: until of feature new") as caught:
        load("new: {until: 9999-12-31}", tmp_path)
    assert "1 to 9999" in (caught.value.hint or "")

    for moment in ("9999-12-31T23:00-05:00", "0001-01-01T00:00+01:00"):
        with pytest.raises(ValueError, match="1 to 9999"):
            instant(moment)
    assert instant("9999-12-31") == datetime(9999, 12, 31, tzinfo=UTC)


def test_only_what_needs_facts_waits_for_them(tmp_path: Path) -> None:
    features = load("new: {groups: web, when: facts.cpus > 4}", tmp_path)

    assert not features.ask("new", node("db1", NO_FACTS_YET)).is_on
    with pytest.raises(FactsNeeded):
        features.ask("new", node("web1", NO_FACTS_YET))


def test_why(tmp_path: Path) -> None:
    features = load(
        "new: {share: 100%, by: shop, groups: [db, web], from: 2026-11-01}\n"
        "off: {killed: it crashes}\n".replace("off:", "gone:"),
        tmp_path,
    )
    place = place_of("new", "a") / 100

    answer = features.ask("new", node("web1"))
    assert answer.why == "group web; since 2026-11-01 00:00 UTC; share 100 %"
    assert answer.detail == f"shop a is at {place:g} %"
    assert features.ask("gone", node("web1")).why == "killed: it crashes"
    assert features.ask("new", node("db1")).why == "share 100 % by shop, which it does not have"


def test_an_unknown_feature_is_an_error_of_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "r.py").write_text("from cookbook.recipe import node\nnode.feature('new_tsl')\n")
    features = load("new_tls: {share: 100%}", tmp_path)

    with pytest.raises(RecipeError, match=r"r.py:2: there is no feature 'new_tsl'") as caught:
        compile_recipes([tmp_path / "r.py"], node("web1", features=features))
    assert caught.value.hint == "did you mean 'new_tls'?"

    with pytest.raises(RecipeError, match=r"r.py:2: .* there is no features.yml"):
        compile_recipes([tmp_path / "r.py"], node("web1"))


def test_a_compilation_knows_what_it_has_asked(tmp_path: Path) -> None:
    (tmp_path / "r.py").write_text(
        "from cookbook.recipe import node\n"
        "from cookbook.resources import file\n"
        "file('/a', content='new' if node.feature('new') else 'old')\n"
        "assert node.feature('other') is True\n"
    )
    features = load("new: {share: 0%}\nother: {share: 100%}\nthird: {share: 1%}", tmp_path)
    compiled = compile_recipes([tmp_path / "r.py"], node("web1", features=features))
    assert [(name, a.is_on) for name, a in compiled.features.items()] == [
        ("new", False),
        ("other", True),
    ]

    inverted = InvertedFeature(features, "new")
    other = Node("web1", DEBIAN, features=inverted)
    [declared] = compile_recipes([tmp_path / "r.py"], other)
    assert repr(declared.resource) == "file('/a', content='new')"


SHARES = st.integers(0, PARTS)
NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789.-", min_size=1, max_size=20)


@given(NAMES, NAMES, SHARES, SHARES)
@example("a", "b", 0, PARTS)
def test_a_share_that_grows_moves_no_host_out(
    feature: str, host: str, one: int, other: int
) -> None:
    place = place_of(feature, host)
    small, large = sorted((one, other))

    assert 0 <= place < PARTS
    assert place < large or not place < small


@given(NAMES)
@example("new_tls")
def test_ten_thousand_hosts_are_spread_evenly(feature: str) -> None:
    """Six deviations of the binomial distribution: less than one draw in ten million is farther."""
    places = [place_of(feature, f"web{number}.example.org") for number in range(10_000)]
    for share in (10, 100, 2_500, 5_000, 9_000):
        expected = share / PARTS * 10_000
        deviation = (expected * (1 - share / PARTS)) ** 0.5
        assert abs(sum(place < share for place in places) - expected) <= 6 * deviation + 3


def test_two_features_choose_hosts_independently() -> None:
    hosts = [f"web{number}" for number in range(10_000)]
    both = sum(place_of("a", host) < 5_000 and place_of("b", host) < 5_000 for host in hosts)

    assert abs(both - 2_500) < 250


def test_another_process_gives_the_same_answer() -> None:
    code = "from cookbook.features.feature import place_of;print(place_of('new_tls', 'web1'))"
    said = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, env={"PYTHONHASHSEED": "7"}
    )

    assert int(said.stdout) == place_of("new_tls", "web1") == 8613


@given(st.text(max_size=60))
@example("vars.app.version == 3")
@example("not " * 120 + "1")
@example("(" * 100)
@example("\0")
@example("1if 1else 2")
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    from cookbook.features.expression import checked

    try:
        expression = checked(text, "features.yml:1", "new", {"tier", "app"})
        expression.holds(node("web1"))
    except FeatureError:
        pass
