"""Whatever a host says, and however much: it has an end in our memory, and a name in the report."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import pytest

from cookbook.applying.converge import Convergence
from cookbook.applying.options import ConvergenceOptions
from cookbook.errors import LinkLost, TooMuchOutput
from cookbook.hosts.session import Session
from cookbook.language.catalog import Catalog, provides
from cookbook.language.change import Change
from cookbook.language.collection import Collection, Node
from cookbook.language.probe import Probe
from cookbook.language.provider import Provider
from cookbook.language.resource import Resource
from cookbook.script import program
from cookbook.script.facts import Facts
from cookbook.script.program import Ask, Do, Pace, Program
from cookbook.script.shell import Command, sh
from cookbook.transport.contract import Interrupted, run
from cookbook.transport.local import LocalTransport
from tests.texts import check_host

MEGA = 1 << 20


@pytest.fixture
def shell() -> Iterator[LocalTransport]:
    transport = LocalTransport()
    yield transport
    transport.close()


def do(text: str) -> Do:
    return Do(Command(text, text), 60)


def ask(text: str) -> Ask:
    return Ask(Command(text, text), 60)


def test_of_a_change_the_beginning_and_the_end_are_kept(shell: LocalTransport) -> None:
    talk = "echo begin; yes | head -c 9000000; echo end"
    first, second, third = run(shell, Program((do(talk), do(f"({talk}) >&2"), do("echo next"))))

    for text in (first.stdout, second.stderr):
        assert text.startswith(b"begin\ny\n")
        assert text.endswith(b"y\nend\n")
        assert program._GAP in text
        assert len(text) < MEGA
    assert (first.status, second.status, third.stdout) == (0, 0, b"next\n")


def test_a_long_answer_is_cut_and_says_so(
    shell: LocalTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cookbook.script.program.MOST_ANSWER", MEGA)
    parts = (ask("echo short"), ask("yes | head -c 9000000"), ask("yes | head -c 1000000"))
    short, long, fits = run(shell, Program(parts))

    assert (short.cut, long.cut, fits.cut) == (False, True, False)
    assert len(long.stdout) < 2 * MEGA
    assert len(fits.stdout) == 1_000_000


def test_all_answers_together_have_an_end(
    shell: LocalTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cookbook.script.program.MOST_KEPT", MEGA)
    program = Program((*[ask("yes | head -c 900000")] * 30, ask("echo fine")))
    *outcomes, last = run(shell, program)

    assert sum(len(outcome.stdout) for outcome in outcomes) < 3 * MEGA
    assert [outcome.cut for outcome in outcomes].count(False) == 1
    assert (last.stdout, last.cut) == (b"fine\n", False)


def test_whoever_closes_frames_for_ever_fills_nothing() -> None:
    program = Program((ask("true"),), nonce="4e")
    pace = Pace(program)
    frame = b"\n4e 0\n" * 10_000
    for _ in range(300):
        pace.hear(frame)

    assert not pace.complete
    assert len(pace.kept[0]) < 2 * len(frame)


def test_a_line_without_an_end_is_no_status() -> None:
    program = Program((ask("true"),), nonce="4e")
    pace = Pace(program)
    pace.hear(b"\n4e 1\nx\n4e " + b"9" * 100_000)
    pace.hear(b"\n4e\n\n4e\n", stream=1)

    assert pace.complete
    with pytest.raises(LinkLost, match="ends after 0 of 1"):
        program.outcomes(bytes(pace.kept[0]), bytes(pace.kept[1]), pace)


def test_a_status_is_waited_for() -> None:
    """Streams are not read at one moment: the last mark may have come, and its status not yet."""
    program = Program((ask("true"),), nonce="4e")
    pace = Pace(program)
    pace.hear(b"\n4e\n\n4e\n", stream=1)
    pace.hear(b"\n4e 1\nx\n4e ")

    assert not pace.complete
    pace.hear(b"0\n")
    assert pace.complete


class Note(Resource):
    """Something that is read with `cat`."""

    action: Literal["read", "nothing"] = "read"


@dataclass(frozen=True)
class State:
    text: str


@provides(Note)
class NoteProvider(Provider[Note, State]):
    def probe(self, note: Note) -> Sequence[Probe]:
        return [Probe(sh("cat {}", note.name))]

    def parse(self, note: Note, text: str) -> State:
        return State("x")

    def plan(self, note: Note, found: State | None) -> Change[State]:
        return Change(found, State("x"))

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        return []


def test_who_answers_too_much_is_named_and_the_others_go_on(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cookbook.script.program.MOST_ANSWER", MEGA)
    folder = tmp_path_factory.mktemp("notes")
    for name, size in (("a", 10), ("b", 5 * MEGA), ("c", 10)):
        (folder / name).write_text("x" * size)
    collection = Collection(Node("here", Facts()))
    for name in "abc":
        collection.declare(Note(str(folder / name)), f"recipe.py:{name}")
    session = Session(LocalTransport())

    steps = list(
        Convergence(
            collection, session, Facts(), Catalog(), ConvergenceOptions(apply=False)
        ).steps()
    )
    session.close()

    assert [step.status for step in steps] == ["ok", "failed", "ok"]
    error = steps[1].error
    assert isinstance(error, TooMuchOutput)
    assert f"the answer to `cat {folder / 'b'}` is longer than" in str(error)
    assert (error.phase, error.code) == ("probe", "too-much-output")
    check_host("too-much-output", steps, words={str(folder): "/tmp/d"})


def test_who_says_more_than_anybody_listens_to_is_left(
    shell: LocalTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cookbook.script.program.MOST_HEARD", 10 * MEGA)

    with pytest.raises(Interrupted, match="does not stop talking"):
        run(shell, Program((do("yes"),)))


_TALK = """
import resource
from cookbook.provider import Command
from cookbook.transport.contract import run
from cookbook.transport.local import LocalTransport
from cookbook.script.program import Ask, Do, Program

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
text = Command("head -c {size} /dev/zero", "")
part = {kind}(text, 500)
[outcome] = run(LocalTransport(), Program((part,)))
assert outcome.status == 0
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "most"), [("Do", 16), ("Ask", 80)])
def test_two_gigabytes_cost_a_few_megabytes(kind: str, most: int) -> None:
    """Measured in a process of its own: what it takes at its peak, in KiB."""
    text = textwrap.dedent(_TALK).format(size=2 << 30, kind=kind)
    begun = time.monotonic()
    said = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)

    peak = int(said.stdout) / 1024
    assert peak < most, f"{peak:.0f} MiB in {time.monotonic() - begun:.1f} s"
