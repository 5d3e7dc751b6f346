"""Jobs: commands at the same time in one part of a program, with a report of each."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from cookbook.script import jobs
from cookbook.script.jobs import Job, JobReport, read_report
from cookbook.script.program import Ask, Do, Outcome, Part, Program
from cookbook.script.shell import Command, Content, script, sh
from cookbook.secrets.secret import Secret

TOKEN = "0123456789abcdef"


def ran(shell: str, *parts: Part, contents: dict[str, bytes] | None = None) -> list[Outcome]:
    program = Program(parts, contents or {})
    done = subprocess.run(shell.split(), input=program.script, capture_output=True, check=False)
    return program.outcomes(done.stdout, done.stderr)


def job(*texts: str, note: Command | None = None) -> Job:
    return Job([script(text) for text in texts], note)


def reported(shell: str, work: list[Job], at_once: int = 4) -> tuple[int | None, list[JobReport]]:
    questions = [Ask(jobs.report(TOKEN, i)) for i in range(len(work))]
    do = Do(jobs.running(TOKEN, work, at_once), 60, traced=True)
    outcomes = ran(shell, do, *questions, Ask(jobs.clean(TOKEN)))
    reports = [read_report(outcome) for outcome in outcomes[1:-1]]
    assert None not in reports
    return outcomes[0].status, [one for one in reports if one is not None]


@pytest.fixture(params=["/bin/sh", "bash --posix", "busybox sh"])
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_each_job_has_its_own_state_and_output(shell: str, cook_home: Path) -> None:
    status, [a, b, c, d] = reported(
        shell,
        [
            job("echo a; echo of a >&2"),
            job("echo one", "echo two; exit 3", "echo never"),
            job("if ("),
            job("cat; pwd; echo $PPID >/dev/null"),
        ],
    )
    assert status == 1
    assert (a.is_done(1), a.outcome.stdout, a.outcome.stderr) == (True, b"a\n", b"of a\n")
    assert (b.command, b.status, b.outcome.stdout) == (1, 3, b"one\ntwo\n")
    assert (c.begun, c.command, c.is_done(1)) == (True, 0, False)
    assert c.outcome.stderr != b""
    assert d.outcome.stdout == b"/\n"
    assert not list(cook_home.glob(".jobs-*"))


def test_what_jobs_print_is_private(shell: str, cook_home: Path) -> None:
    seen = job(f"stat -c %a {cook_home}/.jobs-{TOKEN}; ls {cook_home}/.jobs-{TOKEN}")
    status, [said] = reported(shell, [seen])
    assert (status, said.outcome.stdout) == (0, b"700\n0\n")


def test_jobs_that_have_succeeded_are_noted_one_after_the_other(shell: str, tmp_path: Path) -> None:
    log = tmp_path / "log"

    def note(name: str) -> Command:
        return sh("echo {} >>{}", name, str(log))

    work = [
        job("sleep 0.3; echo a", note=note("a")),
        job("false", note=note("b")),
        job("true", "true", note=note("c")),
    ]
    status, _ = reported(shell, work)
    assert (status, log.read_text()) == (1, "a\nc\n")


def test_each_job_has_names_of_its_own_for_files_beside_others(shell: str) -> None:
    _, told = reported(shell, [job("echo $cook_nonce"), job("echo $cook_nonce")])
    names = {one.outcome.stdout for one in told}
    assert len(names) == 2


def test_a_job_sees_no_variable_that_its_commands_may_use(shell: str) -> None:
    names = r"set | sed -n 's/^\([A-Za-z_][A-Za-z_0-9]*\)=.*/\1/p'"
    [alone] = ran(shell, Do(script(names), 60, traced=True))
    _, [_, told] = reported(shell, [job("true"), job("true", names)])
    more = set(told.outcome.text.split()) - set(alone.text.split())
    others = {name for name in more if not name.startswith("cook_j_")}
    assert others <= {"cook_inner"}  # the engine's own: for the shell of another user
    assert "cook_j_at" in more


def test_the_lanes_take_the_jobs_in_order(shell: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    work = [job(f"echo {i} >>{log}") for i in range(6)]
    status, told = reported(shell, work, at_once=1)
    assert (status, log.read_text().split()) == (0, list("012345"))
    assert all(one.is_done(1) for one in told)


def test_jobs_read_contents(shell: str) -> None:
    digest = Content.of(b"sent")
    work = [Job([sh("content {}", digest)]), Job([sh("content {} | tr s S", digest)])]
    do = Do(jobs.running(TOKEN, work, 2), 60)
    assert do.command.contents == {digest}
    questions = [Ask(jobs.report(TOKEN, i)) for i in range(2)]
    said = ran(shell, do, *questions, contents={digest: b"sent"})
    assert [one.stdout.partition(b"\n")[2] for one in said[1:]] == [b"sent", b"Sent"]


def test_no_job_begins_after_the_batch_was_halted(shell: str, cook_home: Path) -> None:
    """The output is kept then: a lost link is one of the reasons."""
    halt = script(f'mkdir -p {cook_home}; : >"$cook_home/.halt-$cook_nonce"')
    first = jobs.running(TOKEN, [job("echo a"), job("echo b")], 2)
    outcomes = ran(
        shell,
        Do(halt, 60),
        Do(first, 60),
        Ask(jobs.report(TOKEN, 0)),
        Ask(jobs.clean(TOKEN)),
    )
    assert outcomes[1].status == 1
    assert read_report(outcomes[2]) == JobReport()
    assert (cook_home / f".jobs-{TOKEN}").is_dir()


def test_a_report_of_an_unknown_folder_says_nothing(shell: str) -> None:
    [outcome] = ran(shell, Ask(jobs.report("no", 0)))
    assert read_report(outcome) is None


@pytest.mark.parametrize("line", [b"", b"0", b"x y z w", b"0 - 12.5 -", b"0 3 1 \n2"])
def test_a_state_that_is_not_written_to_its_end_is_no_end(line: bytes) -> None:
    told = read_report(Outcome(0, line + b"\nsaid\n"))
    assert told is not None
    assert (told.begun, told.is_done(1)) == (True, False)


def test_long_output_is_read_by_its_end(shell: str) -> None:
    size = jobs.MOST_SAID + 1000
    _, [told] = reported(shell, [job(f"head -c {size} /dev/zero | tr '\\0' x; echo end")])
    assert len(told.outcome.stdout) == jobs.MOST_SAID
    assert told.outcome.stdout.endswith(b"xend\n")


def test_the_text_of_a_secret_is_not_shown() -> None:
    shown = jobs.running(TOKEN, [Job([sh("echo {}", Secret("hunter22"))])], 1)
    assert "hunter22" in shown.text
    assert "hunter22" not in shown.shown
    assert "hunter22" not in shown.brief
