"""The order of stages, what a failure skips, and when hosts are kept; no host is made."""

from __future__ import annotations

import pytest

from cookbook.kitchen.suites.stages import Keep, StageFailed, StageName, stages_of, walk
from cookbook.kitchen.suites.suite import DriftCheck, KitchenSuite, drift_cycles

WHOLE = KitchenSuite("web", "kitchen.yml:2", (), verify=(), drift=(DriftCheck("rm /a", "k:1"),))
P, F, S = "passed", "failed", "skipped"


def results(keep: Keep, fails: str = "", stops: str = "") -> dict[str, str]:
    """Walk through the stages; one fails, or a signal comes during one."""
    done: list[StageName] = []

    def do(stage: StageName) -> None:
        done.append(stage)
        if stage in (fails, stops):
            raise StageFailed("no")

    walked = walk(WHOLE, do, keep, lambda: stops in done)
    return {result.stage: result.status for result in walked}


ALL = ("create", "converge", "again", "drift", "undo", "destroy")

CASES: dict[str, tuple[Keep, str, str, tuple[str, ...]]] = {
    "all pass": ("failed", "", "", (P, P, P, P, P, P)),
    "all pass, and are kept": ("always", "", "", (P, P, P, P, P, S)),
    "a failure is kept": ("failed", "again", "", (P, P, F, S, S, S)),
    "a failure is not kept": ("never", "again", "", (P, P, F, S, S, P)),
    "no host is there to look at": ("failed", "create", "", (F, S, S, S, S, P)),
    "a signal": ("failed", "", "converge", (P, F, S, S, S, P)),
    "a signal, kept": ("always", "", "converge", (P, F, S, S, S, S)),
    "hosts cannot be destroyed": ("never", "destroy", "", (P, P, P, P, P, F)),
}


@pytest.mark.parametrize("case", CASES)
def test_walk(case: str) -> None:
    keep, fails, stops, expected = CASES[case]
    assert results(keep, fails, stops) == dict(zip(ALL, expected, strict=True))


def test_a_signal_before_the_first_stage_skips_all() -> None:
    found = {one.stage: one.status for one in walk(WHOLE, lambda _: None, "failed", lambda: True)}
    assert found == dict.fromkeys(ALL, S)


def test_what_is_skipped_says_why() -> None:
    done: list[StageName] = []
    walked = list(walk(WHOLE, done.append, "never", lambda: "converge" in done))
    assert {one.message for one in walked if one.status == S} == {"interrupted"}


def test_stages_that_a_suite_leaves_out() -> None:
    suite = KitchenSuite("web", "kitchen.yml:2", (), undo=False)
    assert stages_of(suite) == ("create", "converge", "again", "destroy")


def test_drift_is_one_cycle_if_each_check_says_what_differs() -> None:
    told, untold = DriftCheck("a", "k:1", differs=("file[/a]",)), DriftCheck("b", "k:2")
    assert drift_cycles([]) == []
    assert drift_cycles([told, told]) == [[told, told]]
    assert drift_cycles([told, untold]) == [(told,), (untold,)]
