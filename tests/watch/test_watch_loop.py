"""The loop of `cook watch`: when turns begin, what is skipped, how it stops and reloads."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookbook.errors import UsageError
from cookbook.text.hours import read_hours
from cookbook.text.yaml_value import wrap
from cookbook.watch.settings import WatchGroup, WatchSettings
from tests.watch.conftest import MONDAY, FakeWatch

Group = Callable[..., WatchGroup]


def watching(*groups: WatchGroup, at_once: int = 2) -> FakeWatch:
    return FakeWatch(WatchSettings(path=Path("watch.yml"), groups=groups, at_once=at_once))


def test_turns_come_at_their_times(group: Group) -> None:
    events = watching(group("web", every=60.0), group("db", every=90.0)).run(200)

    assert [event for event in events if "ended" not in event[1]] == [
        (60, "web drift"),
        (90, "db drift"),
        (120, "web drift"),
        (180, "web drift"),
        (180, "db drift"),
    ]


def test_the_splay_is_the_same_at_each_start(group: Group) -> None:
    one = group("web", every=900.0, splay=120.0)
    first = one.next_turn(MONDAY)

    assert MONDAY < first < MONDAY + 900
    assert one.next_turn(first) == pytest.approx(first + 900)
    assert one.next_turn(first - 1) == pytest.approx(first)
    places = [group(f"g{n}", every=900.0, splay=120.0).next_turn(MONDAY) % 900 for n in range(200)]
    assert max(places) <= 120
    assert len({place // 12 for place in places}) == 10  # spread over all of it


@given(st.floats(10, 1e6), st.floats(0, 1), st.floats(0, 4e9))
def test_the_next_turn_is_within_one_interval(every: float, splay: float, now: float) -> None:
    one = WatchGroup(name="web", at="", limit="web", every=every, splay=splay * every * 0.99)

    assert now < one.next_turn(now) + 1e-6
    assert one.next_turn(now) <= now + every * 1.000001
    assert one.turns_within(now, now + 3 * every) in (2, 3, 4)


def test_a_turn_that_takes_longer_than_its_interval_skips_turns(group: Group) -> None:
    watch = watching(group("web", every=60.0))
    watch.takes["web"] = 150.0

    assert watch.run(299) == [
        (60, "web drift"),
        (120, "web skips 1"),
        (180, "web skips 1"),
        (210, "web ended"),
        (240, "web drift"),
        (300, "web ended"),
    ]
    assert max(sum(a.began < b.began < a.ends for b in watch.turns) for a in watch.turns) == 0


def test_no_more_groups_are_at_work_than_allowed(group: Group) -> None:
    groups = [group(name, every=60.0) for name in ("a", "b", "c")]
    watch = watching(*groups, at_once=1)
    watch.takes |= {"a": 10.0, "b": 10.0, "c": 10.0}

    assert [event for event in watch.run(100) if "ended" not in event[1]] == [
        (60, "a drift"),
        (70, "b drift"),
        (80, "c drift"),
    ]


def test_outside_of_the_window_it_is_only_looked_at(group: Group) -> None:
    said = {"days": "mon-fri", "from": "22:00", "to": "05:00", "zone": "Europe/Berlin"}
    window = (read_hours(wrap(said, "watch.yml", UsageError)),)
    one = group("web", every=3600.0, do="converge", window=window)
    by_hour = {hour: one.mode(MONDAY + hour * 3600) for hour in range(-24, 24 * 7)}

    assert by_hour[4] == "drift"  # 5:00 in Berlin
    assert {by_hour[hour] for hour in range(4, 21)} == {"drift"}
    assert {by_hour[hour] for hour in range(21, 28)} == {"converge"}
    assert {by_hour[24 * 6 + hour] for hour in range(24)} == {"drift"}  # Sunday
    assert by_hour[24 * 5 + 3] == "converge"  # the night from Friday
    assert by_hour[-3 + 0] == "drift"  # the evening of Sunday


def test_a_stop_ends_after_the_turns_at_work(group: Group) -> None:
    watch = watching(group("web", every=60.0), group("db", every=600.0))
    watch.takes["web"] = 1000.0

    assert watch.run(70) == [(60, "web drift"), (71, "web ended")]
    assert [len(turn.stops) for turn in watch.turns] == [1]
    assert watch.lines == ["ends after what the hosts are at: web"]
    assert watch.time < MONDAY + 75


def test_a_second_stop_is_passed_on(group: Group) -> None:
    watch = watching(group("web", every=60.0))
    watch.takes["web"] = 1000.0
    loop = watch.loop()
    watch.at = {65.0: loop.stop, 65.5: loop.stop}
    loop.run()

    assert [len(turn.stops) for turn in watch.turns] == [2]


def test_a_reload_takes_new_groups_and_keeps_turns_at_work(group: Group) -> None:
    watch = watching(group("web", every=60.0), group("old", every=60.0))
    watch.takes |= {"web": 100.0, "old": 100.0}
    watch.later = WatchSettings(
        path=Path("watch.yml"), groups=(group("web", every=30.0), group("new", every=40.0))
    )
    loop = watch.loop()
    watch.at = {65.0: loop.reload_soon, 170.0: loop.stop}
    loop.run()

    assert watch.lines[0] == "reloaded: 2 groups"
    began = [event for event in watch.events if "drift" in event[1]]
    assert began[:2] == [(60, "web drift"), (60, "old drift")]
    assert "old drift" not in [what for _, what in began[2:]]
    assert (160, "old ended") in watch.events
    assert [when for when, what in watch.events if what == "web skips 1"][:2] == [90, 120]


def test_a_wrong_file_keeps_the_former_settings(group: Group) -> None:
    watch = watching(group("web", every=60.0))
    watch.later = UsageError("watch.yml:3: there is no 'evry' here")
    loop = watch.loop()
    watch.at = {10.0: loop.reload_soon, 70.0: loop.stop}
    loop.run()

    assert watch.lines == [
        "not reloaded, the former settings stay: watch.yml:3: there is no 'evry' here"
    ]
    assert (60, "web drift") in watch.events


def test_a_turn_that_cannot_begin_is_not_the_end(group: Group) -> None:
    watch = watching(group("web", every=60.0))
    loop = watch.loop()
    start, failures = loop.start, iter([True, False, False])

    def sometimes(*words: object) -> object:
        if next(failures):
            raise OSError(12, "Cannot allocate memory")
        return start(*words)  # type: ignore[arg-type]

    loop.start = sometimes  # type: ignore[assignment]
    watch.at = {150.0: loop.stop}
    loop.run()

    assert watch.errors == ["the turn could not be begun: Cannot allocate memory"]
    assert [event for event in watch.events if "drift" in event[1]] == [(120, "web drift")]


def test_once_is_one_turn_of_each_group_now(group: Group) -> None:
    watch = watching(group("a", every=60.0), group("b", every=90.0), group("c", every=9.0))
    watch.takes["a"] = 200.0
    results = watch.loop(once=True).run()

    assert sorted(result.group for result in results) == ["a", "b", "c"]
    assert sum("drift" in what for _, what in watch.events) == 3


def test_once_tells_of_a_turn_that_cannot_begin(group: Group) -> None:
    watch = watching(group("a", every=60.0), group("b", every=60.0))
    loop = watch.loop(once=True)
    start = loop.start

    def other_than_a(one: WatchGroup, *words: object) -> object:
        if one.name == "a":
            raise OSError(12, "Cannot allocate memory")
        return start(one, *words)  # type: ignore[arg-type]

    loop.start = other_than_a  # type: ignore[assignment]

    assert {result.group: result.exit for result in loop.run()} == {"a": 3, "b": 0}


def test_the_state_is_said(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    watch = watching(group("web", every=60.0))
    watch.run(60.5)

    assert watch.states == ["next: web at 00:01:00", "at work: web", "ending"]
