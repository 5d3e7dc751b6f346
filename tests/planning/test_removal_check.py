"""The check of removals: a question that fails keeps the thing, and each user is asked apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest

from cookbook.applying.batch import keep_of
from cookbook.language.change import Change
from cookbook.language.collection import Declared
from cookbook.planning.decision import Decision, Item, PlannedChange
from cookbook.planning.planner import Planner
from cookbook.planning.removal_check import rehearsed
from cookbook.provider import Command
from cookbook.providers.git import GitProvider
from cookbook.providers.git_state import State
from cookbook.resources.git import Git
from cookbook.script.program import Outcome


class Host:
    """A double of the planner, which is asked nothing but these questions."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.said = outcomes
        self.asked: Sequence[Command] = ()

    def outcomes(self, questions: Sequence[Command]) -> list[Outcome]:
        """Answer as the host was made to."""
        self.asked = questions
        return [*self.said]


def removal(path: str, user: str | None = None) -> Decision:
    resource = Git(path, repository="/srv/app.git", become_user=user)
    change: Change[Any] = Change(State(commit="a" * 40), None)
    item = Item(Declared(resource, "r.py:1"), resource)
    return PlannedChange(item, GitProvider(), change, ())


def judged(host: Host, *decisions: Decision) -> list[Decision]:
    return rehearsed(cast("Planner", host), decisions)


CLEAN = Outcome(0, b"/a\n\0")


@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        (Outcome(0, b"/a\n?? mine\n\0"), "it has local changes: ?? mine"),
        (Outcome(128, b"", b"fatal: bad object HEAD"), "cannot be found out: fatal: bad object"),
        (Outcome(1), "cannot be found out: exit status 1"),
        (Outcome(None), "cannot be found out"),
        (Outcome(0, b"/a\n\0", cut=True), "cannot be found out"),
    ],
)
def test_what_is_not_known_to_be_free_stays(outcome: Outcome, says: str) -> None:
    [decision] = judged(Host(outcome), removal("/a"))
    assert decision.status == "failed"
    assert says in str(decision.error)


def test_what_is_free_goes() -> None:
    [decision] = judged(Host(CLEAN), removal("/a"))
    assert decision.status == "change"


def test_a_change_that_the_question_is_not_about_is_made() -> None:
    resource = Git("/b", repository="/srv/app.git")
    change: Change[Any] = Change(None, State(commit="a" * 40))
    made = PlannedChange(Item(Declared(resource, "r.py:1"), resource), GitProvider(), change, ())
    first, second = judged(Host(Outcome(1)), removal("/a"), made)
    assert [first.status, second.status] == ["failed", "change"]


def test_each_user_is_asked_apart() -> None:
    host = Host(CLEAN, Outcome(0, b"/b\n M version\n\0"))
    first, second = judged(host, removal("/a"), removal("/b", user="ann"))
    assert [first.status, second.status] == ["change", "failed"]
    assert ["cook_as ann" in one.text for one in host.asked] == [False, True]


def test_an_error_about_the_question_names_it() -> None:
    host = Host(CLEAN)
    judged(host, removal("/a"))
    assert [one.brief for one in host.asked] == ["look for what keeps /a"]


def test_an_error_about_what_is_kept_names_it() -> None:
    decision = removal("/a")
    assert isinstance(decision, PlannedChange)
    keep = keep_of(decision)
    assert keep is not None
    assert len(keep.shown) > 160
    assert keep.brief == "keep the former state of git[/a]"
