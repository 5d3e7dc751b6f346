"""One broken command must not reach its neighbours, on any shell."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cookbook.errors import LinkLost
from cookbook.script.program import (
    Ask,
    Do,
    Outcome,
    Pace,
    Part,
    Precondition,
    Program,
    precondition_of,
)
from cookbook.script.shell import Command, Content, sh
from cookbook.transport.contract import run
from cookbook.transport.local import LocalTransport
from tests.quick import examples, first_in_check

SHELLS = [("dash",), ("bash", "--posix"), ("bash",), ("busybox", "sh")]

FINE = Command("echo fine", "echo fine")

HOSTILE = {
    "if then": None,
    "echo 'unterminated": None,
    'echo "unterminated': None,
    "cat": (0, b""),
    "read line; echo got $line": (0, b"got\n"),
    "exit 7": (7, b""),
    "exec false": (1, b""),
    "return 3": None,
    "printf 'no newline'": (0, b"no newline"),
    "printf '\\n\\n\\n'": (0, b"\n\n\n"),
    "printf '\\000\\001\\377'": (0, b"\0\1\xff"),
    "echo on stderr >&2": (0, b""),
    "exec >/dev/null 2>&1; echo gone": (0, b""),
    "exec 1>&- 2>&-; echo gone": None,
    "x=1; readonly PATH; cd /; set -e; false; echo never": (1, b""),
    "trap 'echo bye' EXIT": (0, b"bye\n"),
    "cook_end() { echo mine; }; cook_nonce=1; cook_stop=1": (0, b""),
    "alias echo=false; unset -f cook_ask": (0, b""),
    "kill -TERM $(sh -c 'echo $PPID')": None,
    "ulimit -f 0; true": (0, b""),
    "sleep 1 >/dev/null 2>&1 &": (0, b""),
    "(sleep 0.2; :) & echo daemon": (0, b"daemon\n"),
    "# a comment": (0, b""),
    "": (0, b""),
    'echo $#; set -- a b; echo "$@"': (0, b"0\na b\n"),
    "printf ünïcode": (0, "ünïcode".encode()),
    "echo $(echo `echo nested`)": (0, b"nested\n"),
    "cat <<X\nhere\nX": (0, b"here\n"),
    "cat <<X\nno end": None,
}


@pytest.fixture(params=first_in_check(SHELLS), ids=" ".join)
def shell(request: pytest.FixtureRequest) -> Iterator[LocalTransport]:
    words: tuple[str, ...] = request.param
    assert shutil.which(words[0]), f"install {words[0]}"
    transport = LocalTransport((*words, "-s"))
    yield transport
    transport.close()


def ask(transport: LocalTransport, *texts: str) -> list[Outcome]:
    return run(transport, Program(tuple(Ask(Command(text, text)) for text in texts)))


def test_hostile_neighbours(shell: LocalTransport) -> None:
    """A program of hostile commands, each beside a fine one; and the shell lives on."""
    outcomes = ask(shell, *(text for hostile in HOSTILE for text in (hostile, "echo fine")))

    assert [(o.status, o.stdout) for o in outcomes[1::2]] == [(0, b"fine\n")] * len(HOSTILE)
    for (text, expected), outcome in zip(HOSTILE.items(), outcomes[::2], strict=True):
        if expected is not None:
            assert (outcome.status, outcome.stdout) == expected, text
    assert ask(shell, "echo still here")[0].stdout == b"still here\n"


def test_a_syntax_error_is_an_error_of_its_own_command(shell: LocalTransport) -> None:
    [broken] = ask(shell, "if then")

    assert broken.status != 0
    assert broken.complaint


def test_streams_are_kept_apart(shell: LocalTransport) -> None:
    [one, two] = ask(shell, "echo out; echo err >&2", "echo err2 >&2")

    assert (one.stdout, one.complaint) == (b"out\n", "err")
    assert (two.stdout, two.complaint) == (b"", "err2")


def test_ten_megabytes_on_both_streams_at_once(shell: LocalTransport) -> None:
    ten = "head -c 10000000 /dev/zero | tr '\\0'"
    [outcome] = ask(shell, f"{ten} a & {ten} b >&2; wait")

    assert outcome.stdout == b"a" * 10_000_000
    assert outcome.stderr == b"b" * 10_000_000


def test_a_script_larger_than_any_pipe_is_read_while_it_answers(shell: LocalTransport) -> None:
    text = "x" * 100_000
    outcomes = run(shell, Program(tuple(Ask(sh("echo {}", text)) for _ in range(15))))

    assert [len(outcome.stdout) for outcome in outcomes] == [100_001] * 15


def test_a_daemon_that_keeps_the_streams_open_does_not_hold_us_up(shell: LocalTransport) -> None:
    [started, after] = ask(shell, "sleep 60 & echo $!", "echo next")

    assert after.stdout == b"next\n"
    subprocess.run(["kill", started.text.strip()], check=True)


def test_what_came_between_two_programs_belongs_to_neither(
    shell: LocalTransport, tmp_path: Path
) -> None:
    ask(shell, f"(sleep 0.2; echo late; echo late >&2; touch {tmp_path}/said) &")
    [later] = ask(shell, f"until [ -e {tmp_path}/said ]; do sleep 0.1; done")
    [next_] = ask(shell, "echo clean")

    assert next_.stdout == b"clean\n"
    assert later.status == 0


def test_a_chain_stops_at_the_first_failure_and_questions_do_not(shell: LocalTransport) -> None:
    program = Program((do("echo 1"), do("exit 4"), do("echo 3"), Ask(sh("echo asked"))))

    assert [outcome.status for outcome in run(shell, program)] == [0, 4, None, 0]


GUARDED = {
    "text": ((sh("echo a"), sh("echo c; exit 3")), [(b"a\n", 0), (b"c\n", 3)]),
    "a NUL": ((sh("printf 'a\\0b'"),), [(b"a\0b", 0)]),
    "not UTF-8": ((sh("printf '\\377\\n\\n'"),), [(b"\xff\n\n", 0)]),
    "nothing": ((sh(":"),), [(b"", 0)]),
    "no question": ((), []),
    "no newline at the end": ((sh("printf a"), sh("printf b")), [(b"a", 0), (b"b", 0)]),
    "long": ((sh("head -c 5000 /dev/zero | tr '\\0' x"),), [(b"x" * 5000, 0)]),
    "quotes": ((sh("echo {}", "'\"$(reboot)`"),), [(b"'\"$(reboot)`\n", 0)]),
    "an exit": ((sh("echo a; exit 0"), sh("exec false")), [(b"a\n", 0), (b"", 1)]),
}


@pytest.mark.parametrize("by_digest", [False, True])
@pytest.mark.parametrize(("questions", "said"), GUARDED.values(), ids=GUARDED)
def test_a_guard_lets_pass_what_is_as_it_was(
    shell: LocalTransport,
    questions: tuple[Command, ...],
    said: list[tuple[bytes, int]],
    by_digest: bool,  # noqa: FBT001
) -> None:
    """Whether it is compared by the shell, or by its digest as in a saved plan."""
    same = precondition_of(questions, said)
    other = precondition_of(questions, [*said, (b"more", 0)])
    if by_digest:
        same, other = replace(same, answer=None), replace(other, answer=None)

    outcomes = run(shell, Program((same, do("echo done"), other, do("echo never"))))

    assert [outcome.status for outcome in outcomes] == [0, 0, 100, None]


def test_a_guard_stops_the_chain_when_it_is_surprised(shell: LocalTransport) -> None:
    surprised: Precondition = precondition_of((sh("echo now"),), [(b"before\n", 0)])

    outcomes = run(shell, Program((do("echo 1"), surprised, do("echo 2"), surprised, Ask(FINE))))

    assert [outcome.status for outcome in outcomes] == [0, 100, None, None, 0]


@given(
    st.dictionaries(st.binary(max_size=300), st.none(), max_size=5).map(list),
    st.sampled_from(SHELLS),
)
@settings(deadline=None, max_examples=examples(60))
def test_contents_arrive_byte_for_byte(contents: list[bytes], words: Sequence[str]) -> None:
    transport = LocalTransport((*words, "-s"))
    named = {str(Content.of(data)): data for data in contents}
    parts: list[Part] = [Do(sh("content {}", Content(name)), 60) for name in named]

    outcomes = run(transport, Program((*parts, Ask(FINE)), named))

    transport.close()
    assert [outcome.stdout for outcome in outcomes[:-1]] == list(named.values())


@given(st.lists(st.tuples(st.binary(max_size=200), st.binary(max_size=200)), max_size=8))
def test_any_output_is_understood_however_it_is_cut(frames: list[tuple[bytes, bytes]]) -> None:
    """The decoder and the pace agree on where frames end, at every cut of the stream."""
    program = Program(tuple(Ask(FINE) for _ in frames), nonce="4e4f4e4345")
    mark = b"\n4e4f4e4345"
    out = mark + b" 0\n" + b"".join(o + mark + b" 0\n" for o, _ in frames)
    err = mark + b"\n" + b"".join(e + mark + b"\n" for _, e in frames)
    pace = Pace(program)
    for i in range(0, len(out), 7):
        assert not pace.complete
        pace.hear(out[i : i + 7])
    for i in range(0, len(err), 3):
        assert not pace.complete
        pace.hear(err[i : i + 3], stream=1)

    assert pace.complete
    assert [(o.stdout, o.stderr) for o in program.outcomes(out, err, pace)] == frames


@given(st.binary(), st.binary())
def test_a_reply_of_nonsense_is_a_lost_link(stdout: bytes, stderr: bytes) -> None:
    with pytest.raises(LinkLost):
        Program((Ask(FINE),)).outcomes(stdout, stderr)


def do(text: str) -> Do:
    return Do(Command(text, text), 60)
