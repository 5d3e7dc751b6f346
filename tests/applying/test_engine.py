"""The engine against a real shell in a temporary directory: the laws, and the path of a run."""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cookbook.applying.converge import Convergence
from cookbook.applying.options import ConvergenceOptions
from cookbook.errors import CommandError, HostError, Missing, NotConverged, ProbeError
from cookbook.hosts.session import Session
from cookbook.language.catalog import Catalog, provides
from cookbook.language.change import Change
from cookbook.language.collection import Collection, Node
from cookbook.language.probe import Probe, Thing
from cookbook.language.provider import Provider
from cookbook.language.resource import Notice, Resource
from cookbook.planning.step import Step
from cookbook.recipe import delayed, immediate
from cookbook.script.facts import Facts
from cookbook.script.program import Pace, Program
from cookbook.script.shell import Command, Secret, sh
from cookbook.transport.contract import (
    Interrupted,
    LoginPasswordRefused,
    Reply,
    Transport,
)
from cookbook.transport.local import LocalTransport
from tests.quick import examples


class Note(Resource):
    """A text in a file; and ways to break that."""

    text: str = ""
    also: str | None = None
    """Another file that writing this one changes."""
    breaks: Literal["no", "silently", "loudly"] = "no"
    needs: str | None = None
    joint: bool = False
    action: Literal["write", "remove", "shout", "nothing"] = "write"


@dataclass(frozen=True)
class State:
    text: str
    also: str | None = None
    breaks: str = "no"


@provides(Note)
class NoteProvider(Provider[Note, State]):
    supersedes = {"shout": frozenset({"write"})}  # noqa: RUF012

    def probe(self, note: Note) -> Sequence[Probe]:
        there = sh("[ -e {} ] && echo yes || :", note.needs or "/")
        return [
            Probe(sh("test -e {} || exit 4; cat {}", note.name, note.name), absent=4),
            Probe(there, loose=True),
        ]

    def parse(self, note: Note, text: str, _there: str) -> State:
        return State(text)

    def plan(self, note: Note, found: State | None) -> Change[State]:
        if note.action == "remove":
            return Change(found, None)
        act = "shout" if note.action == "shout" else None
        return Change(found, State(note.text), act)

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        if change.wanted is None:
            yield sh("rm {}", name)
        elif change.fields:
            yield sh("printf %s {} > {}", change.wanted.text, name)
        if change.act:
            yield sh("echo {} >> {}.acts", change.act, name)

    def missing(self, note: Note, _text: str | None, there: str) -> Iterable[Thing]:
        return [] if there else [Thing("path", note.needs or "")]

    def brings(self, name: str, change: Change[State]) -> Iterable[Thing]:
        return [Thing("path", name)]


class Odd(Note):
    """A note whose change does more, or less, than it says."""


@provides(Odd)
class OddProvider(NoteProvider):
    def brings_anything(self, name: str) -> bool:
        return True

    def plan(self, note: Note, found: State | None) -> Change[State]:
        if note.breaks == "no" and note.also is None:
            return super().plan(note, found)
        return Change(
            found, State(note.text, note.also, note.breaks) if found is None else State(note.text)
        )

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        wanted = change.wanted
        if wanted is not None and wanted.breaks == "loudly":
            yield sh("echo no such luck >&2; exit 7")
            yield sh("touch {}.never", name)
        elif wanted is not None and wanted.breaks != "silently":
            yield from super().commands(name, change)
        if wanted is not None and wanted.also:
            yield sh("printf %s also > {}", wanted.also)


class Asked(Note):
    """A note that counts how often it is asked about, in a file beside it."""


@provides(Asked)
class AskedProvider(NoteProvider):
    def probe(self, note: Note) -> Sequence[Probe]:
        counted = Probe(sh("echo >> {}; echo", f"{note.name}.asked"), loose=True)
        return [*super().probe(note), counted]

    def parse(self, note: Note, text: str, _there: str, *_: str) -> State:
        return State(text)

    def missing(
        self, note: Note, _text: str | None, there: str | None, *_: str | None
    ) -> Iterable[Thing]:
        return super().missing(note, _text, there or "")


class Counting:
    """A local shell; counts exchanges, and plays what happens to the host between them."""

    def __init__(self, meddle: dict[int, str] | None = None) -> None:
        self.exchanges = 0
        self._meddle = meddle or {}
        self._local = LocalTransport()

    def exchange(self, program: Program, pace: Pace) -> Reply:
        if (text := self._meddle.get(self.exchanges)) is not None:
            subprocess.run(["sh", "-c", text], check=True)
        self.exchanges += 1
        return self._local.exchange(program, pace)

    def close(self) -> None:
        self._local.close()


def collect(resources: Iterable[Resource]) -> Collection:
    collection = Collection(Node("here", Facts()))
    for line, resource in enumerate(resources, 1):
        collection.declare(resource, f"recipe.py:{line}")
    collection.check()
    return collection


def converge(
    resources: Iterable[Resource], transport: Counting | None = None, *, apply: bool = True
) -> list[Step]:
    collection = collect(resources)
    transport = transport or Counting()
    convergence = Convergence(
        collection, Session(transport), Facts(), Catalog(), ConvergenceOptions(apply=apply)
    )
    with contextlib.closing(transport):
        return list(convergence.steps())


def told(steps: Iterable[Step]) -> list[tuple[str, str]]:
    return [(Path(step.resource.name).name, step.status) for step in steps]


def manifest(folder: Path) -> dict[str, tuple[str, int, int]]:
    return {
        str(p): (hashlib.sha256(p.read_bytes()).hexdigest(), p.stat().st_mode, p.stat().st_mtime_ns)
        for p in folder.rglob("*")
        if p.is_file()
    }


def test_a_host_in_line_costs_one_exchange(tmp_path: Path) -> None:
    notes = [Note(str(tmp_path / f"{i}"), text=f"'{i}'\n\n") for i in range(300)]
    converge(notes)
    wire = Counting()

    steps = converge(notes, wire)

    assert wire.exchanges == 1
    assert {step.status for step in steps} == {"ok"}


def test_all_changes_go_in_one_exchange(tmp_path: Path) -> None:
    notes = [Note(str(tmp_path / f"{i}"), text=f"{i}") for i in range(100)]
    wire = Counting()

    steps = converge(notes, wire)

    assert wire.exchanges == 2
    assert {step.status for step in steps} == {"changed"}
    assert (tmp_path / "99").read_text() == "99"


class TestReach:
    """After a batch the host is asked as far as the next batch can go, and not about the rest."""

    @staticmethod
    def chains(folder: Path, number: int) -> list[Note]:
        """Each note of a pair needs what the one before it brings without saying so."""
        pairs = [(f"{folder}/name{i}-a", f"{folder}/name{i}-b") for i in range(number)]
        return [
            note
            for a, b in pairs
            for note in (Odd(a, text="a", also=f"{a}.d"), Asked(b, text="b", needs=f"{a}.d"))
        ]

    def test_each_is_asked_about_when_its_turn_is_near(self, tmp_path: Path) -> None:
        notes, wire = self.chains(tmp_path, 10), Counting()

        steps = converge(notes, wire)

        assert {step.status for step in steps} == {"changed"}
        assert wire.exchanges == 12  # ask, and a batch for each pair and one for the last note
        asked = [len((tmp_path / f"name{i}-b.asked").read_text()) for i in range(10)]
        # at first, after the change that it waits for, and after its own
        assert max(asked) == 3

    def test_what_was_thought_to_wait_and_does_not_is_asked_about_in_time(
        self, tmp_path: Path
    ) -> None:
        """The first change makes the others superfluous: there is no batch to ask with."""
        notes = self.chains(tmp_path, 4)
        made = [text for note in notes[1:] for text in (note.name, note.text)]
        words = "'" + "' '".join(made) + "'"
        meddle = f"set -- {words}; while [ $# -gt 0 ]; do printf %s $2 > $1; shift 2; done"
        others = "".join(f"touch {tmp_path}/name{i}-a.d;" for i in range(4))
        wire = Counting({1: f"{meddle}; {others}"})

        steps = converge(notes, wire)

        assert told(steps) == [
            ("name0-a", "changed"),
            *((Path(n.name).name, "ok") for n in notes[1:]),
        ]
        assert (tmp_path / "name3-b").read_text() == "b"


def test_what_is_in_line_between_changes_is_asked_again(tmp_path: Path) -> None:
    """Law 5: b is judged by an answer younger than the change of a, which touched it."""
    b = tmp_path / "b"
    b.write_text("b")
    a, c = str(tmp_path / "a"), str(tmp_path / "c")
    wire = Counting()

    steps = converge(
        [Odd(a, text="a", also=str(b)), Note(str(b), text="b"), Note(c, text="c")], wire
    )

    assert told(steps) == [("a", "changed"), ("b", "changed"), ("c", "changed")]
    assert b.read_text() == "b"
    assert wire.exchanges == 3  # one more, because a surprised b


def test_a_change_that_an_earlier_one_made_superfluous_is_not_made(tmp_path: Path) -> None:
    b = str(tmp_path / "b")

    steps = converge([Odd(str(tmp_path / "a"), text="a", also=b), Note(b, text="also")])

    assert told(steps) == [("a", "changed"), ("b", "ok")]


def test_somebody_else_changing_the_host_is_noticed(tmp_path: Path) -> None:
    """Between plan and apply the file was edited: the change is planned anew, not blindly made."""
    a = tmp_path / "a"
    a.write_text("old")
    wire = Counting({1: f"printf wanted > {a}"})

    steps = converge([Note(str(a), text="wanted")], wire)

    assert told(steps) == [("a", "ok")]


def test_an_answer_that_is_another_one_each_time_is_an_error_at_last(tmp_path: Path) -> None:
    a = tmp_path / "a"
    meddle = {n: f"printf {n} > {a}" for n in range(1, 20)}
    b = Note(str(tmp_path / "b"), text="b")

    steps = converge([Note(str(a), text="wanted"), b], Counting(meddle))

    assert told(steps) == [("a", "failed"), ("b", "not-run")]
    assert "another answer each time" in str(steps[0].error)


def test_a_change_that_does_not_take_is_an_error(tmp_path: Path) -> None:
    [step] = converge([Odd(str(tmp_path / "a"), text="a", breaks="silently")])

    assert step.status == "failed"
    assert isinstance(step.error, NotConverged)


def test_a_change_that_does_not_take_is_named_without_its_values_if_they_are_sensitive(
    tmp_path: Path,
) -> None:
    [step] = converge([Odd(str(tmp_path / "a"), text="a", breaks="silently", sensitive=True)])

    assert "was applied, and still differs: text differs" in str(step.error)


def test_a_host_stops_at_the_first_failure(tmp_path: Path) -> None:
    a, b = str(tmp_path / "a"), str(tmp_path / "b")

    steps = converge(
        [Note(b, text="b"), Odd(a, text="a", breaks="loudly"), Note(f"{a}2", text="x")]
    )

    assert told(steps) == [("b", "changed"), ("a", "failed"), ("a2", "not-run")]
    assert isinstance(steps[1].error, CommandError)
    assert "status 7" in str(steps[1].error)
    assert "no such luck" in str(steps[1].error)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b"]


def test_a_failure_may_be_ignored(tmp_path: Path) -> None:
    a, b = str(tmp_path / "a"), str(tmp_path / "b")

    steps = converge([Odd(a, text="a", breaks="loudly", ignore_failure=True), Note(b, text="b")])

    assert told(steps) == [("a", "failed"), ("b", "changed")]
    assert steps[0].ignored


def test_a_failure_is_tried_again_as_often_as_it_says(tmp_path: Path) -> None:
    """Chef never retries what has ignore_failure; we do."""
    a = tmp_path / "a"
    flaky = Note(str(a), text="a", retries=2, retry_delay=0.01, ignore_failure=True)
    wire = Counting({1: f"mkdir {a}", 3: f"rmdir {a}"})  # a directory in the way, until it is not

    steps = converge([flaky], wire)

    assert told(steps) == [("a", "changed")]


def test_a_dry_run_leaves_everything_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("b")
    before = manifest(tmp_path)
    notes = [Note(str(tmp_path / "a"), text="a"), Note(str(tmp_path / "b"), text="c")]

    steps = converge(notes, apply=False)

    assert told(steps) == [("a", "changed"), ("b", "changed")]
    assert manifest(tmp_path) == before


def test_a_broken_question_is_not_taken_for_absence(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()

    [step] = converge([Note(str(folder), text="x")])

    assert isinstance(step.error, ProbeError)
    assert "status 1" in str(step.error)


class Cut(Counting):
    """The link is lost while a chain runs: the host does it all, we hear only so much of it."""

    def __init__(self, exchange: int, frames: int) -> None:
        super().__init__()
        self._cut, self._frames = exchange, frames

    def exchange(self, program: Program, pace: Pace) -> Reply:
        reply = super().exchange(program, pace)
        if self.exchanges <= self._cut:
            return reply
        mark = f"\n{program.nonce} ".encode()
        heard = mark.join(reply.stdout.split(mark)[: self._frames + 2])
        raise Interrupted("gone", Reply(heard, reply.stderr))


def lost(resources: Iterable[Resource], transport: Counting) -> list[Step]:
    """The steps that are told before the link is given up."""
    convergence = Convergence(collect(resources), Session(transport), Facts(), Catalog())
    steps: list[Step] = []
    with contextlib.closing(transport), pytest.raises(Interrupted):
        steps.extend(convergence.steps())
    return steps


class TestLostLink:
    def test_what_was_sent_is_unknown_not_not_run(self, tmp_path: Path) -> None:
        """Law 6: the host did all of it, and we heard of one guard only."""
        notes = [Note(str(tmp_path / n), text=n) for n in "abc"]

        steps = lost(notes, Cut(1, frames=1))

        assert told(steps) == [("a", "unknown"), ("b", "unknown"), ("c", "unknown")]
        assert len(list(tmp_path.iterdir())) == 3

    @pytest.mark.parametrize(
        ("frames", "when"),
        [(99, "after {0}, {1};"), (3, "while {1} was being applied;")],
    )
    def test_what_may_be_the_cause_is_named(self, tmp_path: Path, frames: int, when: str) -> None:
        """Even if the host has told of all that was to be done, and is gone since."""

        def away() -> Transport:
            raise LoginPasswordRefused("away")

        notes = [Note(str(tmp_path / name), text=name) for name in "ab"]
        session = Session(Cut(1, frames), away)
        convergence = Convergence(collect(notes), session, Facts(), Catalog())
        with pytest.raises(Interrupted) as caught:
            list(convergence.steps())
        session.close()

        said = f"gone, {when} no new connection could be made: away"
        assert said.format(*notes) in str(caught.value)

    def test_what_comes_after_a_failure_that_was_heard_of_is_not_run(self, tmp_path: Path) -> None:
        notes = [
            Note(str(tmp_path / "a"), text="a"),
            Odd(str(tmp_path / "b"), text="b", breaks="loudly"),
            Note(str(tmp_path / "c"), text="c"),
        ]

        steps = lost(notes, Cut(1, frames=4))

        assert told(steps) == [("a", "unknown"), ("b", "failed"), ("c", "not-run")]
        assert not (tmp_path / "c").exists()

    def test_who_was_to_be_notified_is_named(self, tmp_path: Path) -> None:
        bell = Note(str(tmp_path / "bell"), action="nothing")
        a = Note(str(tmp_path / "a"), text="a", notifies=[delayed("shout", bell)])

        steps = lost([bell, a], Cut(2, frames=0))  # heard of a; lost while the bell rings

        assert told(steps) == [("bell", "ok"), ("a", "changed"), ("bell", "unknown")]
        assert steps[-1].because == str(a)


class TestUnknown:
    """A plan says of each resource exactly one of: ok, change, unknown until, error."""

    def test_what_an_earlier_change_brings_is_there(self, tmp_path: Path) -> None:
        a, b = str(tmp_path / "a"), str(tmp_path / "b")
        notes = [Note(a, text="a"), Note(b, text="b", needs=a)]

        assert told(converge(notes, apply=False)) == [("a", "changed"), ("b", "changed")]
        assert told(converge(notes)) == [("a", "changed"), ("b", "changed")]

    def test_what_an_earlier_change_may_bring_is_unknown_until_then(self, tmp_path: Path) -> None:
        a, b = str(tmp_path / "a"), str(tmp_path / "b")
        notes = [Odd(a, text="a", also=f"{a}.d"), Note(b, text="b", needs=f"{a}.d")]

        steps = converge(notes, apply=False)

        assert told(steps) == [("a", "changed"), ("b", "unknown")]
        assert steps[1].until == f"odd[{a}]"
        assert told(converge(notes)) == [("a", "changed"), ("b", "changed")]

    def test_what_nothing_brings_is_an_error_in_both(self, tmp_path: Path) -> None:
        b = Note(str(tmp_path / "b"), text="b", needs="/nowhere")
        for apply in (False, True):
            [step] = converge([b], apply=apply)
            assert isinstance(step.error, Missing)
            assert "/nowhere" in str(step.error)

    def test_what_is_in_line_needs_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "b").write_text("b")

        assert told(converge([Note(str(tmp_path / "b"), text="b", needs="/nowhere")])) == [
            ("b", "ok")
        ]

    def test_a_plan_goes_on_after_an_error(self, tmp_path: Path) -> None:
        notes = [Note(str(tmp_path), text="x"), Note(str(tmp_path / "b"), text="b")]

        assert [status for _, status in told(converge(notes, apply=False))] == ["failed", "changed"]

    def test_a_guard_that_looks_at_what_is_pending_is_unknown(self, tmp_path: Path) -> None:
        a, b = str(tmp_path / "a"), str(tmp_path / "b")
        notes = [Note(a, text="a"), Note(b, text="b", only_if=f"test -e {a}")]

        steps = converge(notes, apply=False)

        assert told(steps) == [("a", "changed"), ("b", "unknown")]
        assert told(converge(notes)) == [("a", "changed"), ("b", "changed")]


class TestGuards:
    @pytest.mark.parametrize(
        ("guards", "status"),
        [
            ({"only_if": "true"}, "changed"),
            ({"only_if": "exit 3"}, "skipped"),
            ({"not_if": "true"}, "skipped"),
            ({"not_if": "false"}, "changed"),
            ({"only_if": "true", "not_if": "true"}, "skipped"),
            ({"only_if": lambda node: node.name == "here"}, "changed"),
            ({"only_if": lambda node: node.name == "there"}, "skipped"),
            ({"not_if": lambda node: node.facts.root}, "changed"),
            ({"only_if": "echo $RANDOM; date +%N; true"}, "changed"),
        ],
    )
    def test_a_guard_decides(self, tmp_path: Path, guards: dict[str, str], status: str) -> None:
        note = Note(str(tmp_path / "a"), text="a", **guards)  # type: ignore[arg-type]

        for apply in (False, True):
            assert told(converge([note], apply=apply)) == [("a", status)]

    @pytest.mark.parametrize("text", ["no-such-command", "if then", "/etc/passwd"])
    def test_a_guard_that_cannot_be_run_is_no_answer(self, tmp_path: Path, text: str) -> None:
        [step] = converge([Note(str(tmp_path / "a"), text="a", only_if=text)])

        assert step.status in ("failed", "skipped")
        if text != "if then":  # a syntax error has a status like any other in dash: 2
            assert isinstance(step.error, ProbeError)

    def test_a_guard_that_raises_stops_this_host_only(self, tmp_path: Path) -> None:
        [step] = converge([Note(str(tmp_path / "a"), only_if=lambda node: node < 1 / 0)])

        assert isinstance(step.error, HostError)
        assert "ZeroDivisionError" in str(step.error)


class TestNotifications:
    def test_delayed_come_last_and_once(self, tmp_path: Path) -> None:
        bell = Note(str(tmp_path / "bell"), action="nothing")
        ring = delayed("shout", bell)
        notes = [Note(str(tmp_path / n), text=n, notifies=[ring]) for n in "abc"]
        wire = Counting()

        steps = converge([bell, *notes], wire)

        assert told(steps)[-1] == ("bell", "changed")
        assert steps[-1].because == f"note[{tmp_path}/a]"
        assert (tmp_path / "bell.acts").read_text() == "shout\n"
        assert wire.exchanges == 3  # ask, change, ring

    def test_immediate_come_at_once(self, tmp_path: Path) -> None:
        bell = Note(str(tmp_path / "bell"), action="nothing")
        wire = Counting()
        notes = [
            Note(str(tmp_path / "a"), text="a", notifies=[immediate("shout", bell)]),
            Note(str(tmp_path / "b"), text="b"),
        ]

        steps = converge([bell, *notes], wire)

        assert [name for name, _ in told(steps)] == ["bell", "a", "bell", "b"]
        assert wire.exchanges == 2

    def test_nobody_is_notified_where_nothing_changed(self, tmp_path: Path) -> None:
        bell = Note(str(tmp_path / "bell"), action="nothing")
        notes = [bell, Note(str(tmp_path / "a"), text="a", notifies=[delayed("shout", bell)])]
        converge(notes)

        assert told(converge(notes)) == [("bell", "ok"), ("a", "ok")]

    def test_a_subscription_is_a_notification_seen_from_the_other_end(self, tmp_path: Path) -> None:
        a = Note(str(tmp_path / "a"), text="a")
        bell = Note(str(tmp_path / "bell"), action="nothing", subscribes=[delayed("shout", a)])

        assert told(converge([bell, a]))[-1] == ("bell", "changed")

    def test_one_action_swallows_another(self, tmp_path: Path) -> None:
        """As a restart swallows a reload."""
        bell = Note(str(tmp_path / "bell"), text="x", action="nothing")
        both = [delayed("write", bell), delayed("shout", bell)]

        steps = converge([bell, Note(str(tmp_path / "a"), text="a", notifies=both)])

        assert [name for name, _ in told(steps)] == ["bell", "a", "bell"]
        assert steps[-1].change is not None
        assert steps[-1].change.act == "shout"

    def test_a_plan_shows_them(self, tmp_path: Path) -> None:
        bell = Note(str(tmp_path / "bell"), action="nothing")
        a = Note(str(tmp_path / "a"), text="a", notifies=[delayed("shout", bell)])

        steps = converge([bell, a], apply=False)

        assert [step.because for step in steps] == [None, None, f"note[{tmp_path}/a]"]

    def test_a_plan_names_whom_the_unknown_may_notify(self, tmp_path: Path) -> None:
        bell = Note(str(tmp_path / "bell"), action="nothing")
        ring = delayed("shout", bell)
        a = Odd(str(tmp_path / "a"), text="a", also=f"{tmp_path}/x")
        b = Note(str(tmp_path / "b"), text="b", needs=f"{tmp_path}/x", notifies=[ring])

        steps = converge([bell, a, b], apply=False)

        own, maybe = told(steps)[:3], told(steps)[3:]
        assert own == [("bell", "ok"), ("a", "changed"), ("b", "unknown")]
        assert maybe == [("bell", "unknown")]
        assert steps[-1].until == str(b)

    def test_a_change_notifies_each_time(self, tmp_path: Path) -> None:
        """B rouses a, which was roused before: who is told by a is told twice."""
        t = Note(str(tmp_path / "t"), action="nothing")
        a = Note(str(tmp_path / "a"), text="a", notifies=[immediate("shout", t)])
        b = Note(str(tmp_path / "b"), text="b", notifies=[immediate("shout", a)])

        converge([t, a, b])

        assert (tmp_path / "t.acts").read_text() == "shout\nshout\n"

    def test_what_did_change_is_notified_though_something_fails_later(self, tmp_path: Path) -> None:
        bell = Note(str(tmp_path / "bell"), action="nothing")
        a = Note(str(tmp_path / "a"), text="a", notifies=[delayed("shout", bell)])
        bad = Odd(str(tmp_path / "bad"), text="x", breaks="loudly")

        steps = converge([bell, a, bad])

        assert told(steps)[-1] == ("bell", "changed")
        assert (tmp_path / "bell.acts").exists()

    def test_one_that_fails_at_the_end_does_not_cost_the_others_theirs(
        self, tmp_path: Path
    ) -> None:
        bell = Note(str(tmp_path / "bell"), action="nothing")
        broken = Note(str(tmp_path / "no" / "bell"), action="nothing")
        both = [delayed("shout", broken), delayed("shout", bell)]

        steps = converge([bell, broken, Note(str(tmp_path / "a"), text="a", notifies=both)])

        assert [status for _, status in told(steps)][-2:] == ["failed", "changed"]
        assert (tmp_path / "bell.acts").exists()

    def test_what_failed_notifies_nobody(self, tmp_path: Path) -> None:
        bell = Note(str(tmp_path / "bell"), action="nothing")
        bad = Odd(str(tmp_path / "b"), text="x", breaks="loudly", notifies=[delayed("shout", bell)])

        converge([bell, bad])

        assert not (tmp_path / "bell.acts").exists()

    @pytest.mark.parametrize("timing", [immediate, delayed])
    def test_a_circle_ends(self, tmp_path: Path, timing: Callable[[str, str], Notice]) -> None:
        a, b = (f"note[{tmp_path}/{name}]" for name in "ab")
        notes = [
            Note(str(tmp_path / "a"), text="a", notifies=[timing("shout", b)]),
            Note(str(tmp_path / "b"), text="b", notifies=[timing("shout", a)]),
        ]

        assert len(converge(notes)) == 4

    def test_a_notified_resource_can_notify(self, tmp_path: Path) -> None:
        last = Note(str(tmp_path / "last"), action="nothing")
        bell = Note(str(tmp_path / "bell"), action="nothing", notifies=[delayed("shout", last)])
        a = Note(str(tmp_path / "a"), text="a", notifies=[delayed("shout", bell)])

        steps = converge([last, bell, a])

        assert [name for name, _ in told(steps)][-2:] == ["bell", "last"]


def test_a_secret_does_not_get_into_an_error(tmp_path: Path) -> None:
    name = str(tmp_path / "no folder" / "a")

    [step] = converge([Note(name, text=Secret("hunter2"), sensitive=True)])

    assert "hunter2" not in str(step.error)
    assert "hunter2" not in repr(step)


NAMES = "abcde"


@st.composite
def recipes(draw: st.DrawFn) -> list[tuple[str, str, str | None, Sequence[tuple[str, str]]]]:
    """Notes in any order, some in line already, some touching or notifying others."""
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1))
    other = st.none() | st.sampled_from(NAMES)
    tell = st.tuples(st.sampled_from(["immediate", "delayed"]), st.sampled_from(names))
    return [
        (name, draw(st.sampled_from("xy")), draw(other), draw(st.lists(tell, max_size=2)))
        for name in names
    ]


@given(recipes(), st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["x", "y", "also"])))
@settings(
    deadline=None,
    max_examples=examples(40),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_every_resource_ends_in_one_state_and_changed_is_true(
    tmp_path_factory: pytest.TempPathFactory,
    recipe: list[tuple[str, str, str | None, Sequence[tuple[str, str]]]],
    there: dict[str, str],
) -> None:
    """
    Whatever touches whatever: one own step each, none forgotten; and unless resources
    fight each other, a run that did not fail leaves what was declared.
    """
    folder = tmp_path_factory.mktemp("any")
    for name, text in there.items():
        (folder / name).write_text(text)

    def declared() -> Iterator[Resource]:
        for name, text, also, tells in recipe:
            kind = Odd if also else Note
            notices = [Notice("shout", f"{_kind(recipe, o)}[{folder}/{o}]", t) for t, o in tells]  # type: ignore[arg-type]
            yield kind(
                str(folder / name),
                text=text,
                also=str(folder / also) if also else None,
                notifies=notices,
            )

    steps = converge(declared())

    own = [Path(step.resource.name).name for step in steps if step.because is None]
    assert sorted(own) == sorted(name for name, *_ in recipe)
    fights = {also for _, _, also, _ in recipe}
    if all(step.status in ("ok", "changed") for step in steps):
        for name, text, *_ in recipe:
            assert name in fights or (folder / name).read_text() == text


def _kind(recipe: Sequence[tuple[str, str, str | None, object]], name: str) -> str:
    return next("odd" if also else "note" for n, _, also, _ in recipe if n == name)
