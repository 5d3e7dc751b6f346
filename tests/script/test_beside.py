"""Questions in lanes give the same answers as one after the other, on any shell."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from cookbook.errors import LinkLost, Locked
from cookbook.hosts.probing import Question, gather, in_lanes
from cookbook.hosts.session import Session
from cookbook.language.probe import Probe
from cookbook.script.control import ending
from cookbook.script.facts import Facts
from cookbook.script.lock import Holder
from cookbook.script.program import Ask, Do, Outcome, Part, Program
from cookbook.script.shell import Command, sh
from cookbook.transport.contract import run
from cookbook.transport.local import LocalTransport
from tests.quick import first_in_check
from tests.script.test_wire import HOSTILE, SHELLS
from tests.waiting import LONG, eventually


@pytest.fixture(params=first_in_check(SHELLS), ids=" ".join)
def words(request: pytest.FixtureRequest) -> tuple[str, ...]:
    found: tuple[str, ...] = request.param
    return found


@pytest.fixture
def shell(words: tuple[str, ...]) -> Iterator[LocalTransport]:
    transport = LocalTransport((*words, "-s"))
    yield transport
    transport.close()


def program(*lanes: Sequence[str]) -> Program:
    return Program(tuple(Ask(Command(t, t), lane=i) for i, lane in enumerate(lanes) for t in lane))


def told(outcomes: Sequence[Outcome]) -> list[tuple[int | None, str, str]]:
    return [(one.status, one.text.strip(), one.complaint) for one in outcomes]


LANES = [
    ["echo a; echo ea >&2; sleep 0.2; exit 1", "exit 2"],
    ["echo c; sleep 0.1; echo ec >&2; exit 3", "cat; echo d"],
    ["echo f >&2", "printf 'no newline'; exit 6"],
]
ANSWERS = [
    (1, "a", "ea"),
    (2, "", ""),
    (3, "c", "ec"),
    (0, "d", ""),
    (0, "", "f"),
    (6, "no newline", ""),
]


def test_each_answer_is_that_of_its_question(shell: LocalTransport) -> None:
    assert told(run(shell, program(*LANES))) == ANSWERS
    assert told(run(shell, program(*LANES[:1]))) == ANSWERS[:2], "the same shell, another program"


def test_they_are_asked_at_the_same_time(shell: LocalTransport, tmp_path: Path) -> None:
    """Each waits for the other."""
    other = (
        "touch {0}/{1}; i=0; until [ -e {0}/{2} ] || [ $i = 600 ]; do i=$((i+1)); sleep 0.1; done"
    )
    lanes = [[f"{other.format(tmp_path, *pair)}; echo $i"] for pair in ("ab", "ba")]
    found = run(shell, program(*lanes))
    assert all(int(one.text) < 600 for one in found)


def test_what_fills_a_pipe_waits_for_its_turn(shell: LocalTransport) -> None:
    much = "head -c 300000 /dev/zero | tr '\\0' {}; head -c 300000 /dev/zero | tr '\\0' {} >&2"
    found = run(shell, program(["sleep 0.3"], [much.format("x", "y")], [much.format("z", "w")]))
    sizes = [({*one.text}, len(one.text), {*one.complaint}, len(one.complaint)) for one in found]
    assert sizes[1:] == [({"x"}, 300_000, {"y"}, 300_000), ({"z"}, 300_000, {"w"}, 300_000)]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_question_reaches_its_neighbours(shell: LocalTransport, text: str) -> None:
    fine = "echo fine"
    found = told(run(shell, program([fine, text, fine], [fine, text, fine], [text, fine])))
    assert [found[i] for i in (0, 2, 3, 5, 7)] == [(0, "fine", "")] * 5
    if (wanted := HOSTILE[text]) is not None:
        for i in (1, 4, 6):
            assert found[i][:2] == (wanted[0], wanted[1].decode("utf-8", "surrogateescape").strip())


def test_files_of_two_lanes_have_different_names(shell: LocalTransport) -> None:
    names = [one.text for one in run(shell, program(*[["echo $cook_nonce"]] * 3))]
    assert len({*names}) == 3
    [alone] = run(shell, Program((Ask(sh("echo $cook_nonce")),)))
    assert "-" not in alone.text, "a later program has its own"


def test_without_proc_they_are_asked_one_after_the_other(words: tuple[str, ...]) -> None:
    hide = 'mount -t tmpfs none /proc && exec "$@"'
    transport = LocalTransport(
        ("unshare", "--map-root-user", "--mount", "sh", "-c", hide, "sh", *words, "-s")
    )
    try:
        assert told(run(transport, program(*LANES))) == ANSWERS
    finally:
        transport.close()


def test_other_parts_come_before_and_after_them(shell: LocalTransport, tmp_path: Path) -> None:
    look = sh("test -e {} && echo yes", f"{tmp_path}/there")
    parts: list[Part] = [
        Do(sh("cd {} && touch there", str(tmp_path)), 9),
        *(Ask(look, lane=lane) for lane in (0, 1)),
        Do(sh("rm {}", f"{tmp_path}/there"), 9),
        Ask(sh("ls {}", str(tmp_path))),
    ]
    assert [one.text.strip() for one in run(shell, Program(tuple(parts)))] == [
        "",
        "yes",
        "yes",
        "",
        "",
    ]


def test_if_commands_are_ended_the_other_questions_are_asked(tmp_path: Path) -> None:
    """Only /bin/sh is ended: another program with its number is none of ours."""
    shell = LocalTransport()
    hang = f"touch {tmp_path}/{{}}; exec sleep 600"
    asked = program([hang.format(1), "echo a"], [hang.format(2), "echo b"], ["echo c"])

    def end() -> None:
        eventually(lambda: all((tmp_path / f"{i}").exists() for i in (1, 2)))
        subprocess.run(["sh", "-c", ending(shell._process.pid).text], check=True, timeout=LONG)

    threading.Thread(target=end).start()
    found = [one[:2] for one in told(run(shell, asked))]
    shell.close()
    assert found == [(143, ""), (0, "a"), (143, ""), (0, "b"), (0, "c")]


@pytest.mark.parametrize("which", ["first", "last"])
def test_if_a_lane_is_killed_the_link_is_lost(shell: LocalTransport, which: str) -> None:
    """An answer that is missing must not be taken from the next program."""
    kill = "read -r _ _ _ lane _ </proc/self/stat; kill -s KILL $lane"
    lanes = [[kill], ["echo b"]] if which == "first" else [["echo a"], ["echo b", kill]]
    with pytest.raises(LinkLost):
        run(shell, program(*lanes))


def test_nothing_is_left_when_the_link_is_gone(words: tuple[str, ...]) -> None:
    mark = f"cook-beside-{os.getpid()}-{time.monotonic_ns()}"
    text = program(
        [f": {mark}; sleep 0.5; yes {mark}"], [f"yes {mark}"], [f"yes {mark} >&2"]
    ).script
    process = subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdin.write(text)
    process.stdin.flush()
    process.stdout.read(1000)
    for stream in (process.stdin, process.stdout, process.stderr):
        stream.close()

    def left() -> bool:
        found = subprocess.run(["pgrep", "-f", f"yes {mark}"], capture_output=True, check=False)
        return found.returncode == 0

    eventually(lambda: not left())
    process.wait(LONG)


FREE = [Probe(sh("echo {}", str(i))) for i in range(20)]


class TestLanes:
    """How questions are divided among the processors of a host."""

    def lanes(self, probes: Sequence[Probe], cpus: int) -> list[int | None]:
        return [one.lane for one in in_lanes(gather(probes), cpus)]

    def test_few_questions_and_a_single_processor_have_none(self) -> None:
        assert {*self.lanes(FREE, 1)} == {None}
        assert {*self.lanes(FREE[:9], 8)} == {None}

    def test_each_question_is_in_one(self) -> None:
        asked = in_lanes(gather(FREE), 2)
        assert sorted(one.command.text for one in asked) == sorted(
            probe.question.text for probe in FREE
        )
        assert [one.lane for one in asked] == [0] * 9 + [1] * 11, "the lock and the facts take time"

    def test_what_is_to_be_apart_is_in_the_first(self) -> None:
        apart = [replace(probe, apart=True) for probe in FREE[:8]]
        asked = in_lanes(gather([*FREE[8:], *apart]), 4)
        assert {one.lane for one in asked if one.apart} == {0}
        assert {one.lane for one in asked} == {0, 1, 2}

    @pytest.mark.parametrize("cpus", [1, 4])
    def test_what_waits_is_in_lanes_of_its_own(self, cpus: int) -> None:
        """They need no processor; the answers to the others do not wait behind them."""
        waiting = [replace(probe, waits=True) for probe in FREE[:3]]
        asked = in_lanes(gather([*waiting, *FREE[3:]]), cpus)
        assert sorted(one.command.text for one in asked) == sorted(
            probe.question.text for probe in FREE
        )
        number = max(one.lane or 0 for one in asked) + 1
        assert [one.lane for one in asked if one.waits] == [number - 3, number - 2, number - 1]
        assert {one.lane for one in asked if not one.waits} == {*range(number - 3)}

    @pytest.mark.parametrize(
        ("waiting", "others", "lanes"),
        [(1, 0, [None]), (1, 4, [None]), (1, 5, [0, 1]), (2, 0, [0, 1]), (9, 9, [0, 1, 2, 3, 4])],
    )
    def test_one_processor_has_lanes_only_where_something_waits(
        self, waiting: int, others: int, lanes: list[int | None]
    ) -> None:
        first = [replace(probe, waits=True) for probe in FREE[:waiting]]
        found = self.lanes([*first, *FREE[waiting : waiting + others]], 1)
        assert sorted({*found}, key=str) == lanes


WHO = Holder("ann@a", "2026-01-01", "run-1")


class TestAhead:
    """What is asked together with the facts."""

    @pytest.fixture
    def session(self, words: tuple[str, ...]) -> Iterator[Session]:
        session = Session(LocalTransport((*words, "-s")))
        yield session
        session.close()

    @pytest.fixture
    def probes(self, tmp_path: Path) -> list[Probe]:
        text = "echo x >>{}; wc -l <{}"
        files = [str(tmp_path / f"{i}") for i in range(12)]
        return [Probe(sh(text, one, one)) for one in files]

    def counts(self, session: Session, probes: Sequence[Probe]) -> set[str]:
        return {answer.text.strip() for answer in session.ask(probes).values()}

    @pytest.mark.parametrize(
        "find", [Session.facts, lambda session, ahead: session.begin(WHO, ahead=ahead)]
    )
    def test_its_answers_are_taken_once(
        self,
        session: Session,
        probes: list[Probe],
        find: Callable[[Session, Sequence[Question]], Facts],
    ) -> None:
        facts = find(session, in_lanes(gather(probes), 2))
        assert facts.kernel
        assert session.exchanges == 1
        assert self.counts(session, probes) == {"1"}
        assert session.exchanges == 1
        assert self.counts(session, probes) == {"2"}

    def test_what_was_not_asked_ahead_is_asked(self, session: Session, probes: list[Probe]) -> None:
        session.facts(in_lanes(gather(probes[:6]), 2))
        assert self.counts(session, probes) == {"1"}
        assert session.exchanges == 2

    def test_no_answer_is_older_than_a_change(self, session: Session, probes: list[Probe]) -> None:
        session.begin(WHO, ahead=in_lanes(gather(probes), 2))
        session.run([Do(sh(":"), 9)])
        assert self.counts(session, probes) == {"2"}

    def test_they_are_too_old_after_some_seconds(
        self, session: Session, probes: list[Probe], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("cookbook.hosts.session._FRESH", 0.0)
        session.facts(in_lanes(gather(probes), 2))
        assert self.counts(session, probes) == {"2"}

    def test_nothing_is_asked_of_a_host_that_another_run_has(
        self, session: Session, probes: list[Probe], tmp_path: Path, words: tuple[str, ...]
    ) -> None:
        other = Session(LocalTransport((*words, "-s")))
        other.begin(replace(WHO, run="run-2"))
        threading.Timer(0.5, other.close).start()
        session.begin(WHO, LONG, in_lanes(gather(probes), 2))
        assert not list(tmp_path.iterdir())
        assert self.counts(session, probes) == {"1"}

    def test_nothing_is_asked_of_a_host_that_an_operator_has(
        self, session: Session, probes: list[Probe], tmp_path: Path, cook_home: Path
    ) -> None:
        cook_home.mkdir()
        (cook_home / "halt").write_text(replace(WHO, until="2999-01-01").line)
        with pytest.raises(Locked, match="locked by ann@a"):
            session.begin(WHO, ahead=in_lanes(gather(probes), 2))
        assert not list(tmp_path.iterdir())

        (cook_home / "halt").write_text(replace(WHO, until="2026-01-02").line)
        assert session.begin(WHO, ahead=in_lanes(gather(probes), 2)).kernel
        assert self.counts(session, probes) == {"1"}

    def test_after_a_lost_link_there_are_no_lanes(self, words: tuple[str, ...]) -> None:
        """The host may have no room for so many processes."""

        def another() -> LocalTransport:
            return LocalTransport((*words, "-s"))

        kill = "read -r _ _ _ lane _ </proc/self/stat; kill -s KILL $lane"
        asked = [
            Probe(sh('[ ! "$cook_lane" ] || { {}; }; echo {}', Command(kill, kill), str(i)))
            for i in range(12)
        ]
        session = Session(another(), another)
        session.facts(in_lanes(gather(asked), 2))
        answers = session.ask(asked)
        session.close()
        assert [answers[probe].text for probe in asked] == [f"{i}\n" for i in range(12)]
