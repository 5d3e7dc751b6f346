"""watch.yml: what it says, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from cookbook.errors import UsageError
from cookbook.watch.settings import read_watch
from cookbook.watch.turn import command_of, inventory_words
from tests.watch.conftest import MONDAY

FULL = """\
defaults: {every: 30m, splay: 2m, recipes: base.py}
groups:
  db: {timeout: 20m, record: true}
  web:
    every: 15m
    do: converge
    window: {days: mon-fri, from: "22:00", to: "05:00", zone: Europe/Berlin}
    recipes: [base.py, roles/web.py]
    prune: true
  "*":
at_once: 3
"""


def test_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "watch.yml").write_text(FULL)
    (tmp_path / "roles").mkdir()
    for name in ("base.py", "roles/web.py"):
        (tmp_path / name).touch()
    settings = read_watch(tmp_path / "watch.yml")
    db, web, rest = settings.groups

    assert settings.at_once == 3
    assert (db.every, db.splay, db.do, db.limit) == (1800, 120, "drift", "db")
    assert (web.every, web.do, web.limit) == (900, "converge", "web,!db")
    assert rest.limit == "*,!db,!web"
    assert web.recipes == (tmp_path / "base.py", tmp_path / "roles/web.py")
    assert command_of(db, "drift") == [
        *("drift", f"{tmp_path}/base.py", "--limit", "db", "--output", "json"),
        *("--timeout", "20m", "--record"),
    ]
    assert command_of(web, "converge")[-1] == "--prune"
    assert "--prune" not in command_of(web, "drift")
    assert inventory_words(None) == ["--local"]
    assert inventory_words(Path("h.yml"), "sqlite:///x", "staging") == [
        *("--hosts", "h.yml", "--store", "sqlite:///x", "--environment", "staging")
    ]


def test_a_window_of_the_defaults_is_for_the_groups_that_are_changed(tmp_path: Path) -> None:
    (tmp_path / "watch.yml").write_text(
        "defaults: {every: 1m, window: {days: sat}}\ngroups: {web: {do: converge}, db: }\n"
    )
    web, db = read_watch(tmp_path / "watch.yml").groups

    assert (web.do, db.do) == ("converge", "drift")
    assert web.mode(MONDAY) == db.mode(MONDAY) == "drift"
    assert (web.mode(MONDAY - 86_400), web.mode(MONDAY - 2 * 86_400)) == ("drift", "converge")


REFUSED: list[tuple[str, str, str | None]] = [
    ("", "watch.yml: empty", "groups: {web: {every: 15m}}"),
    ("groups: {}", ":1: there are no groups", None),
    ("grups: {web: {every: 15m}}", ":1: there is no 'grups' here", "did you mean 'groups'?"),
    ("groups: {web: }", ":1: web has no `every`", "every: 15m"),
    ("groups:\n  web: {evry: 15m}", ":2: there is no 'evry' here", "did you mean 'every'?"),
    ("groups: {web: {every: 15}}", "15 is no span of time", "a number and s, m, h, d or w"),
    ("groups: {web: {every: 5s}}", "every: at least 10s, not '5s'", None),
    ("groups: {web: {every: 1m, splay: 1m}}", "splay must be shorter than `every`", None),
    ("groups: {web: {every: 1m, do: plan}}", "do must be drift or converge, not 'plan'", None),
    ("groups: {web: {every: 1m, window: {}}}", "web is never changed", "do: converge"),
    (
        "groups: {web: {every: 1m, do: converge, window: {from: 25:00}}}",
        "'25:00' is no time of the day",
        None,
    ),
    ("groups: {'web,db': {every: 1m}}", "'web,db': one group", None),
    ("groups: {web: {every: 1m, prune: 1}}", "true or false is expected here, not 1", None),
    ("groups: {web: {every: 1m}}\nat_once: 0", ":2: a whole number from 1", None),
    ("groups: {web: {every: 1m, recipes: 3}}", "text is expected here, not 3", None),
    (
        "groups:\n  web:\n    every: 1m\n    recipes: [watch.yml, nowhere.py]",
        "watch.yml:4: there is no recipe 'nowhere.py'",
        "paths start at /",
    ),
]


@pytest.mark.parametrize(("said", "error", "hint"), REFUSED)
def test_what_is_wrong_is_refused(said: str, error: str, hint: str | None, tmp_path: Path) -> None:
    (tmp_path / "watch.yml").write_text(said)
    with pytest.raises(UsageError) as caught:
        read_watch(tmp_path / "watch.yml")

    assert error in str(caught.value)
    assert (hint or "") in (caught.value.hint or "")
