"""The trial of a recipe: plans until nothing is to be changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from cookbook.errors import Defect
from cookbook.importing.declaration import Declaration, LeftOut, Raw
from cookbook.importing.trial import Trial
from cookbook.inventory import Host


class Planned(Trial):
    """A trial on a host where these are not in line, each unless one of others is declared."""

    wrong: dict[str, set[str]]
    """Identity -> those of others."""

    def _problems(self, declarations: Sequence[Declaration]) -> dict[str, str]:
        self._plans += 1
        names = {one.identity for one in declarations}
        return {
            one: "no" for one, others in self.wrong.items() if one in names and not others & names
        }


def group(name: str, instead: Declaration | None = None) -> Declaration:
    return Declaration("group", "group", name, instead=instead)


@pytest.fixture
def trial(tmp_path: Path) -> Planned:
    return Planned(Host("web1"), None, tmp_path, [])


def test_what_shows_in_the_last_plan_only_is_left_out_as_well(trial: Planned) -> None:
    """`late` is not in line once `e`, the last other way of `a` that is tried, is left out."""
    chain = group("f")
    for name in "edcba":
        chain = group(name, chain)
    trial.wrong = {f"group[{name}]": set() for name in "abcdef"}
    trial.wrong |= {"group[late]": {*trial.wrong}, "group[later]": {"group[late]"}}
    kept = trial.settled([chain, group("late"), group("later"), group("good")])
    assert [one.name for one in kept] == ["good"]
    assert trial._problems(kept) == {}
    assert {one.what for one in trial.left_out} == {"e", "late", "later"}


def test_what_is_only_notified_is_not_declared_again(trial: Planned) -> None:
    notice = Raw('delayed("restart", "service[systemd-sysctl]")')
    one = replace(group("a"), properties={"notifies": [notice]})
    trial.wrong = {"service[systemd-sysctl]": set()}
    assert trial.settled([one]) == [group("a")]
    assert trial.left_out == []


def test_a_problem_of_nothing_ends_the_trial(
    trial: Planned, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "_problems", lambda _: {"group[other]": "no"})
    with pytest.raises(Defect, match=r"is not declared: group\[other\]"):
        trial.settled([group("a")])


def test_what_a_type_refuses_is_left_out(trial: Planned) -> None:
    trial.wrong = {}
    assert trial.settled([Declaration("user", "user", "a b")]) == []
    [left] = trial.left_out
    assert isinstance(left, LeftOut)
    assert "cannot be the name of a user" in left.reason


def test_the_parts_of_what_is_replaced_are_declared(trial: Planned) -> None:
    one = replace(group("a", group("plain")), parts=(group("key"),))
    other = replace(group("b"), parts=(group("other"),))
    trial.wrong = {"group[a]": set(), "group[b]": set()}
    assert [kept.name for kept in trial.settled([one, other])] == ["key", "plain", "other"]
    assert [left.what for left in trial.left_out] == ["b"]
