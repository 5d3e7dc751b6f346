"""Nothing is sent that was not approved: by reviewers, by the plan that was shown, step by step."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cookbook.applying.converge import Convergence
from cookbook.applying.options import ConvergenceOptions
from cookbook.approval.gate import Fence, objections
from cookbook.cli import main
from cookbook.cli.plan_view import grouped_lines
from cookbook.errors import Unapproved
from cookbook.hosts.session import Session
from cookbook.language.collection import Collection, Node
from cookbook.language.compiler import compile_recipes
from cookbook.planning.step import Permission, Step
from cookbook.plugin import hookimpl
from cookbook.plugins.manager import catalog, listening
from cookbook.reports.report import HostReport, Report
from cookbook.script.facts import Facts
from cookbook.transport.local import LocalTransport
from tests.quick import examples
from tests.texts import check

pytestmark = pytest.mark.slow  # whole runs of the program

ROOT = Path(__file__).parents[2]
HEADING = "from cookbook.resources import *\nfrom cookbook.recipe import *\n"

Cook = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Cook:
    monkeypatch.chdir(tmp_path)
    Path("d").mkdir()

    def run(*words: str, recipe: str | None = None) -> tuple[int, str, str]:
        if recipe is not None:
            write(tmp_path, recipe)
        status = main(list(words))
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


def write(folder: Path, recipe: str) -> None:
    (folder / "d").mkdir(exist_ok=True)
    (folder / "r.py").write_text(f"{HEADING}D = '{folder}/d'\n{recipe}")


TWO = "file(f'{D}/a', content='a')\nfile(f'{D}/b', content='b')\n"


class Reviewing:
    """Says what it is told to, and keeps what it saw."""

    def __init__(self, says: Any) -> None:
        self.says = says
        self.saw: list[Report] = []

    @hookimpl
    def cookbook_review(self, plan: Report) -> Any:
        self.saw.append(plan)
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


SAYS: dict[str, tuple[Any, str]] = {
    "a reason": ("not on a Friday", "not on a Friday"),
    "reasons": (["first", "second"], "second"),
    "an exception": (KeyError("oops"), "the reviewer grumpy failed: KeyError: 'oops'"),
    "no text": (42, "the reviewer grumpy failed: TypeError"),
    "no reason": ("", "an objection is text that says why"),
    "not only reasons": (["first", None], "an objection is text that says why"),
}


@pytest.mark.parametrize(("says", "message"), SAYS.values(), ids=SAYS)
@pytest.mark.parametrize("words", [["converge"], ["converge", "--yes", "--confirm"], ["plan"]])
def test_an_objection_leaves_everything_as_it_is(
    cook: Cook, words: list[str], says: Any, message: str
) -> None:
    reviewer = Reviewing(says)
    with listening(reviewer, "grumpy"):
        status, said, _ = cook(words[0], "r.py", "--local", *words[1:], recipe=TWO)

    assert (status, message in said) == (3, True), said
    assert list(Path("d").iterdir()) == []
    [plan] = reviewer.saw
    assert (plan.mode, plan.totals["changed"]) == ("plan", 2)


def test_all_reviewers_are_heard() -> None:
    with (
        listening(Reviewing("one"), "a"),
        listening(Reviewing(ValueError("x")), "b"),
        listening(Reviewing(None), "c"),
        listening(Reviewing([]), "d"),
        listening(Reviewing(["two", "three"]), "e"),
    ):
        said = objections(Report("1", "plan"))

    assert sorted(said) == ["one", "the reviewer b failed: ValueError: x", "three", "two"]


def test_objections_are_in_the_document(cook: Cook) -> None:
    with listening(Reviewing("no")):
        _, said, _ = cook("converge", "r.py", "--local", "--output", "json", recipe=TWO)

    document = json.loads(said)
    assert (document["mode"], document["exit"], document["objections"]) == ("plan", 3, ["no"])


def test_without_an_objection_it_is_done(cook: Cook) -> None:
    with listening(Reviewing(None)):
        status, said, _ = cook("converge", "r.py", "--local", recipe=TWO)

    assert (status, "2 changed" in said) == (0, True)
    assert sorted(p.name for p in Path("d").iterdir()) == ["a", "b"]


def test_a_saved_plan_is_reviewed_before_it_is_applied(cook: Cook) -> None:
    cook("plan", "r.py", "--local", "-o", "p.cook", recipe=TWO)
    reviewer = Reviewing("too late")
    with listening(reviewer):
        status, said, _ = cook("apply", "p.cook", "--local")

    assert (status, "objection: too late" in said) == (3, True)
    assert list(Path("d").iterdir()) == []
    assert [str(s.resource)[-3:] for s in reviewer.saw[0].hosts["localhost"].steps] == [
        "/a]",
        "/b]",
    ]


class Meddling:
    """A reviewer that agrees, and then changes the host, or the recipe, before it is converged."""

    def __init__(self, meddle: Callable[[], object]) -> None:
        self.meddle = meddle

    @hookimpl
    def cookbook_review(self) -> None:
        self.meddle()


def test_what_is_not_in_the_plan_is_refused_before_it_is_sent(cook: Cook) -> None:
    """The host has changed since: b would now be another change than the one approved."""

    def meddle() -> None:
        Path("d/b").write_text("by hand")

    recipe = TWO + "file(f'{D}/c', content='c')\n"
    with listening(Meddling(meddle)):
        status, said, _ = cook("converge", "r.py", "--local", recipe=recipe)

    assert status == 3
    assert "approved was create (content: - -> " in said
    assert "now it would be: update (content: " in said
    check("not-approved", said, {str(Path.cwd()): "/tmp/d"})
    assert Path("d/a").read_text() == "a"
    assert Path("d/b").read_text() == "by hand"
    assert not Path("d/c").exists()


def test_no_failure_is_ignored_or_tried_again_where_nobody_approved(cook: Cook) -> None:
    recipe = "file(f'{D}/b', content='b', ignore_failure=True, retries=3)\nfile(f'{D}/c')\n"
    with listening(Meddling(lambda: Path("d/b").write_text("by hand"))):
        status, said, _ = cook("converge", "r.py", "--local", recipe=recipe)

    assert (status, "(ignored)" in said) == (3, False)
    assert not Path("d/c").exists()


def test_a_change_that_was_in_line_in_the_plan_is_refused(cook: Cook, tmp_path: Path) -> None:
    write(tmp_path, TWO)
    Path("d/a").write_text("a")
    with listening(Meddling(lambda: Path("d/a").write_text("x"))):
        status, said, _ = cook("converge", "r.py", "--local")

    assert (status, "approved was that it is ok" in said) == (3, True), said
    assert Path("d/a").read_text() == "x"


def test_the_recipe_is_the_one_that_was_planned(cook: Cook, tmp_path: Path) -> None:
    """Whoever edits it meanwhile, or a template, or a fact that it reads."""
    for first in ("", "node.facts.kernel\n"):
        recipe = f"{first}execute('x', command=f'echo approved > {{D}}/x')\n"
        with listening(Meddling(lambda: write(tmp_path, "execute('x', command='echo evil')"))):
            status, _, _ = cook("converge", "r.py", "--local", recipe=recipe)

        assert status == 0
        assert Path("d/x").read_text() == "approved\n"
        Path("d/x").unlink()


def test_what_was_unknown_may_become_anything(cook: Cook) -> None:
    recipe = (
        "execute('make', command=f'mkdir {D}/sub')\n"
        "file(f'{D}/sub/x', content='x', notifies=[delayed('run', 'execute[bell]')])\n"
        "execute('bell', command=f'echo >> {D}/bell', action='nothing')\n"
    )
    with listening(Reviewing(None)):
        status, said, _ = cook("converge", "r.py", "--local", recipe=recipe)

    assert status == 0, said
    assert Path("d/bell").exists()


def test_what_a_command_before_has_changed_may_be_found_otherwise(cook: Cook) -> None:
    recipe = "execute(f'echo first > {D}/x')\nfile(f'{D}/x', content='x')\n"
    with listening(Reviewing(None)):
        assert cook("converge", "r.py", "--local", recipe=recipe)[0] == 0


def test_what_it_makes_itself_before_it_is_removed_is_known_by_halves(cook: Cook) -> None:
    recipe = (
        "file(f'{D}/a', content='a', notifies=[immediate('create', f'file[{D}/b]')])\n"
        "file(f'{D}/b', content='b', action='delete')\n"
    )
    with listening(Reviewing(None)):
        status, said, _ = cook("converge", "r.py", "--local", recipe=recipe)

    assert status == 0, said
    assert not Path("d/b").exists()


def test_what_is_tried_again_is_still_what_was_approved(cook: Cook) -> None:
    recipe = (
        'file(f"{D}/x", content="x", mode="0600", retries=1, retry_delay=0.0,'
        ' verify=f"echo >> {D}/tries; [ $(wc -l < {D}/tries) = 2 ]")\n'
    )
    with listening(Reviewing(None)):
        assert cook("converge", "r.py", "--local", recipe=recipe)[0] == 0


# -- asked at the terminal -----------------------------------------------------------------------


MANY_MACHINES = """
import sys
import time
from cookbook.run import host_run, runner
from cookbook.cli import main
from cookbook.transport.local import LocalTransport
host_run.HostRun._only_once = lambda *_: None
runner.connect = lambda host, *_: LocalTransport(("env", f"COOK_HOME={host.name}", "sh"))
sys.exit(main())
"""
"""Each host that is reached by `local` is a machine of its own, as far as locks go."""


_HUNG = 300.0
"""Seconds after which a silent process hangs."""


def at_a_terminal(
    folder: Path,
    answers: Sequence[str],
    *words: str,
    program: Sequence[str] = ("-m", "cookbook.cli"),
    before: Mapping[str, Callable[[], bool]] = MappingProxyType({}),
) -> tuple[int, str, str]:
    """
    Run cook with a terminal; each answer is typed when it asks. Status, what it drew, stdout.

    An answer in `before` is typed only once that holds.
    """
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, *program, *words],
        stdout=subprocess.PIPE,
        stderr=theirs,
        stdin=theirs,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(theirs)
    drawn, asked, left = b"", 0, list(answers)
    while True:
        # Only a process that hangs is silent for so long, however busy the machine is.
        if not select.select([ours], [], [], _HUNG)[0]:
            process.kill()
            pytest.fail(f"cook was silent for {_HUNG} s after {drawn.decode()}")
        try:
            data = os.read(ours, 65536)
        except OSError:  # no process holds the other end any more
            break
        if not data:
            break
        drawn += data
        while len(re.findall(rb"Do this\? \[.*?(?:N\]|uit) ", drawn)) > asked:
            asked += 1
            answer = left.pop(0) if left else "\x04"
            until, holds = time.monotonic() + _HUNG, before.get(answer, lambda: True)
            while not holds() and time.monotonic() < until:
                time.sleep(0.05)
            os.write(ours, answer.encode())
    out, _ = process.communicate(timeout=_HUNG)
    os.close(ours)
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", drawn.decode())
    return process.returncode, text.replace("\r\n", "\n"), out.decode()


def test_yes_is_asked_for_once_and_then_it_is_done(tmp_path: Path) -> None:
    write(tmp_path, TWO)

    status, drawn, said = at_a_terminal(
        tmp_path, ["y\n"], "converge", "r.py", "--local", "--confirm"
    )

    assert status == 0, drawn
    assert "/d/a]  [r.py:4]  on localhost" in drawn
    assert "1 of 1 host: 2 to create." in drawn
    assert "localhost: changed" in said
    assert (tmp_path / "d/b").read_text() == "b"


@pytest.mark.parametrize("answer", ["n\n", "\n", "\x04", "yy\n"], ids=["no", "", "EOF", "?"])
def test_everything_but_yes_is_no(tmp_path: Path, answer: str) -> None:
    write(tmp_path, TWO)

    status, drawn, said = at_a_terminal(
        tmp_path, [answer], "converge", "r.py", "--local", "--confirm", "--output", "json"
    )

    assert (status, "Nothing was changed." in drawn) == (130, True)
    assert (json.loads(said)["mode"], json.loads(said)["exit"]) == ("plan", 130)
    assert list((tmp_path / "d").iterdir()) == []


def test_where_there_is_nothing_to_do_nobody_is_asked(tmp_path: Path) -> None:
    write(tmp_path, "directory(D)")

    status, drawn, _ = at_a_terminal(tmp_path, [], "converge", "r.py", "--local", "--confirm")

    assert (status, "Do this?" in drawn) == (0, False)


def test_without_a_terminal_nobody_can_say_yes(cook: Cook, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/null").open() as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        for option in ("--confirm", "--step"):
            status, _, said = cook("converge", "r.py", "--local", option, recipe=TWO)
            assert (status, "is no terminal" in said) == (1, True)
        assert list(Path("d").iterdir()) == []

        assert cook("converge", "r.py", "--local", "--step", "--yes")[0] == 1
        status, _, said = cook("converge", "r.py", "--local", "--confirm", "--yes")
    assert (status, "2 to create" in said) == (0, True)


FOUR = "".join(f"file(f'{{D}}/{name}', content='{name}')\n" for name in "abcd")


@pytest.mark.parametrize(
    ("answers", "done", "status"),
    [
        ("yyyy", "abcd", 0),
        ("nnnn", "", 0),
        ("ynyn", "ac", 0),
        ("na", "bcd", 0),
        ("yq", "a", 130),
        ("y", "a", 130),  # then the input ends
        ("?n?yq", "b", 130),
    ],
)
def test_each_step_is_asked_for(tmp_path: Path, answers: str, done: str, status: int) -> None:
    write(tmp_path, FOUR)

    came, drawn, said = at_a_terminal(
        tmp_path,
        [f"{answer}\n" for answer in answers],
        *("converge", "r.py", "--local", "--step", "--output", "json"),
    )

    assert came == status, drawn
    assert "".join(sorted(p.name for p in (tmp_path / "d").iterdir())) == done
    [host] = json.loads(said)["hosts"].values()
    assert host["status"] == {130: "interrupted"}.get(status, "changed" if done else "ok")
    assert "+a" in drawn  # the diff is seen before


def test_each_change_of_a_parallel_block_is_a_step(tmp_path: Path) -> None:
    one = "execute(n, command=f'date +%s%N >>{D}/log; sleep 0.2; date +%s%N >>{D}/log')"
    write(tmp_path, f"with parallel():\n    for n in 'ab':\n        {one}\n")

    status, drawn, _ = at_a_terminal(
        tmp_path, ["y\n", "y\n"], "converge", "r.py", "--local", "--step"
    )

    assert status == 0, drawn
    moments = (tmp_path / "d/log").read_text().split()
    assert (len(moments), moments) == (4, sorted(moments))
    assert "at the same time" not in drawn


def test_a_step_that_is_left_out_notifies_nobody(tmp_path: Path) -> None:
    write(
        tmp_path,
        "for n in 'ab':\n"
        "    file(f'{D}/{n}', notifies=[immediate('run', f'execute[{n}]')])\n"
        "    execute(n, command=f'echo >> {D}/bell-{n}', action='nothing')\n",
    )

    status, drawn, _ = at_a_terminal(
        tmp_path, ["n\n", "y\n", "y\n"], "converge", "r.py", "--local", "--step"
    )

    assert status == 0
    assert sorted(p.name for p in (tmp_path / "d").iterdir()) == ["b", "bell-b"]
    assert "because file[" in drawn


def test_many_hosts_ask_one_at_a_time(tmp_path: Path) -> None:
    hosts = "".join(f"  h{i}: {{vars: {{n: {i}}}}}\n" for i in range(5))
    (tmp_path / "hosts.yml").write_text(f"defaults: {{transport: local}}\nhosts:\n{hosts}")
    write(tmp_path, "file(f'{D}/{node.vars[\"n\"]}')\n")

    status, drawn, _ = at_a_terminal(
        tmp_path,
        ["y\n", "n\n", "y\n", "y\n", "q\n"],
        *["converge", "r.py", "--hosts", "hosts.yml", "--step"],
        program=["-c", MANY_MACHINES.replace("={host", f"={tmp_path}/.{{host")],
        # To stop takes back the permission of a change that is not made yet.
        before={"q\n": lambda: len(list((tmp_path / "d").iterdir())) == 3},
    )

    assert (status, len(list((tmp_path / "d").iterdir()))) == (130, 3), drawn
    pieces = drawn.split("Do this?")
    assert len(pieces) == 6
    assert all(len(re.findall(r"h\d:\n", piece)) == 1 for piece in pieces[:5])


# -- properties ----------------------------------------------------------------------------------

NAMES = "abcde"


@given(
    st.lists(st.sampled_from(["go", "skip", "stop"]), min_size=5, max_size=5),
    st.sets(st.sampled_from(NAMES)),
    st.booleans(),
)
@settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_nothing_is_sent_that_was_not_permitted(
    tmp_path_factory: pytest.TempPathFactory,
    answers: list[Permission],
    there: set[str],
    stepwise: bool,  # noqa: FBT001 - hypothesis gives it
) -> None:
    folder = tmp_path_factory.mktemp("permit")
    write(folder, "".join(f"file(f'{{D}}/{name}', content='{name}')\n" for name in NAMES))
    for name in there:
        (folder / "d" / name).write_text(name)
    said = dict(zip(NAMES, answers, strict=True))
    told: list[str] = []

    def permit(step: Step, _again: bool) -> Permission:  # noqa: FBT001 - a callback
        told.append(step.resource.name[-1])
        return said[told[-1]]

    session = Session(LocalTransport())
    collection = compile_recipes([folder / "r.py"], Node("here"))
    work = Convergence(
        collection,
        session,
        Facts(),
        catalog(),
        ConvergenceOptions(permit=permit, stepwise=stepwise),
    )
    steps = list(work.steps())
    session.close()

    until = next((i for i, n in enumerate(NAMES) if n not in there and said[n] == "stop"), 5)
    expected = {n for n in NAMES[:until] if n not in there and said[n] == "go"}
    assert {n for n in NAMES if (folder / "d" / n).exists()} == there | expected
    assert {s.resource.name[-1] for s in steps if s.status == "changed"} == expected
    assert not set(told) & there


@given(st.sampled_from(NAMES), st.sampled_from(["write", "remove", "mode", "none"]))
@settings(max_examples=examples(30), deadline=None)
def test_whatever_happens_after_the_plan_only_what_was_planned_is_done(
    tmp_path_factory: pytest.TempPathFactory, name: str, edit: str
) -> None:
    """Each file is as it was planned to be, or as it was left by somebody else."""
    folder = tmp_path_factory.mktemp("fence")
    write(folder, "".join(f"file(f'{{D}}/{n}', content='{n}', mode='0600')\n" for n in NAMES))
    for there in NAMES[:3]:
        (folder / "d" / there).write_text("old")
    collection = compile_recipes([folder / "r.py"], Node("here"))
    planned = _run(collection, apply=False)
    fence = Fence(Report("1", "plan", {"here": HostReport("here", "changed", planned)}))
    path = folder / "d" / name
    if edit == "write":
        path.write_text("by hand")
    elif edit == "remove":
        path.unlink(missing_ok=True)
    elif edit == "mode" and path.exists():
        path.chmod(0o640)
    left = path.read_bytes() if path.exists() else None
    differs = left not in (b"old", None) or (edit == "remove" and name in NAMES[:3])
    differs |= edit == "mode" and path.exists()

    steps = _run(
        collection,
        permit=lambda step, again: fence.permit("here", step, again=again, stopping=lambda: False),
    )

    refused = [step for step in steps if isinstance(step.error, Unapproved)]
    assert [step.resource.name[-1] for step in refused] == ([name] if differs else [])
    for n in NAMES:
        if differs and n >= name:
            now = (folder / "d" / n).read_bytes() if (folder / "d" / n).exists() else None
            assert now == (left if n == name else b"old" if n in NAMES[:3] else None)
        else:
            assert (folder / "d" / n).read_text() == n


def _run(collection: Collection, **more: Any) -> list[Step]:
    session = Session(LocalTransport())
    try:
        return list(
            Convergence(collection, session, Facts(), catalog(), ConvergenceOptions(**more)).steps()
        )
    finally:
        session.close()


# -- the plan for people -------------------------------------------------------------------------


def test_the_same_change_of_many_hosts_is_shown_once(cook: Cook, tmp_path: Path) -> None:
    hosts = "".join(f"  web{i:02}: {{vars: {{n: {i}}}}}\n" for i in range(1, 8))
    Path("hosts.yml").write_text(f"defaults: {{transport: local}}\nhosts:\n{hosts}")
    recipe = (
        "N = node.vars['n']\nfile(f'{D}/all', content='same\\n')\n"
        "if N > 2: file(f'{D}/some')\nfile(f'{D}/own', content=f'{N}\\n')\n"
    )
    reviewer = Reviewing("just looking")
    with listening(reviewer):
        cook("converge", "r.py", "--hosts", "hosts.yml", recipe=recipe)

    lines = [text for _, text in grouped_lines(reviewer.saw[0])]

    heads = [line.replace(str(tmp_path), "") for line in lines if "[r.py:" in line]
    named = "web01, web02, web03, web04, web05, ..."
    assert heads[0] == f"  + file[/d/all]  [r.py:5]  on all 7 hosts ({named})"
    later = "web03, web04, web05, web06, web07"
    assert heads[1] == f"  + file[/d/some]  [r.py:6]  on 5 hosts ({later})"
    assert heads[2:] == [f"  + file[/d/own]  [r.py:7]  on web{i:02}" for i in range(1, 8)]
    assert lines.count("      +same") == 1
    assert lines[-1] == "7 of 7 hosts: 19 to create."


# -- what has left the recipe --------------------------------------------------------------------


ONE = "file(f'{D}/a', content='a')\n"


def test_what_is_pruned_has_to_be_in_the_plan(cook: Cook) -> None:
    assert cook("converge", "r.py", "--local", recipe=TWO)[0] == 0
    with listening(Meddling(lambda: Path("d/b").write_text("by hand"))):
        status, said, _ = cook("converge", "r.py", "--local", "--prune", recipe=ONE)

    assert (status, "approved was remove" in said) == (3, True), said
    assert Path("d/b").read_text() == "by hand"
    with listening(Reviewing(None)):
        assert cook("converge", "r.py", "--local", "--prune")[0] == 0
    assert not Path("d/b").exists()


@pytest.mark.parametrize(("answer", "status"), [("n\n", 0), ("q\n", 130)])
def test_what_is_pruned_is_asked_for_too(
    cook: Cook, tmp_path: Path, answer: str, status: int
) -> None:
    cook("converge", "r.py", "--local", recipe=TWO)
    write(tmp_path, ONE)

    ended, drawn, _ = at_a_terminal(
        tmp_path, [answer], "converge", "r.py", "--local", "--prune", "--step"
    )

    assert (ended, "- file[" in drawn, Path("d/b").exists()) == (status, True, True), drawn


def test_a_saved_plan_prunes(cook: Cook) -> None:
    cook("converge", "r.py", "--local", recipe=TWO)
    assert cook("plan", "r.py", "--local", "--prune", "-o", "p.cook", recipe=ONE)[0] == 2
    assert cook("apply", "p.cook", "--local")[0] == 0
    assert sorted(p.name for p in Path("d").iterdir()) == ["a"]


def test_reports_say_what_reviewers_have_against_it(cook: Cook) -> None:
    files = [f"r.{ending}" for ending in ("txt", "md", "html", "json")]
    words = [word for name in files for word in ("--report", name)]
    with listening(Reviewing("not on a Friday")):
        assert cook("converge", "r.py", "--local", *words, recipe=TWO)[0] == 3
    assert all("not on a Friday" in Path(name).read_text() for name in files)


# -- what goes back ------------------------------------------------------------------------------


def test_an_undo_is_reviewed_before_anything_goes_back(cook: Cook) -> None:
    cook("converge", "r.py", "--local", recipe=TWO)
    reviewer = Reviewing("not on a Friday")
    with listening(reviewer):
        status, said, _ = cook("undo", "last", "--local", "--yes", "--report", "u.md")

    assert (status, "objection: not on a Friday" in said) == (3, True), said
    assert "not on a Friday" in Path("u.md").read_text()
    assert sorted(p.name for p in Path("d").iterdir()) == ["a", "b"]
    [plan] = reviewer.saw
    steps = plan.hosts["localhost"].steps
    assert [step.change.kind for step in steps if step.change] == ["remove", "remove"]
    with listening(Reviewing(None)):
        assert cook("undo", "last", "--local", "--yes")[0] == 0
    assert list(Path("d").iterdir()) == []


def test_rules_are_about_what_an_undo_does_not_about_what_it_undoes(cook: Cook) -> None:
    cook("converge", "r.py", "--local", recipe=TWO)
    undo = ["undo", "last", "--local", "--review", "rules.yml"]
    Path("rules.yml").write_text('forbid: [{resource: "file[*]", action: remove}]')
    for more in (["--yes"], ["--output", "json"]):
        status, said, _ = cook(*undo, *more)
        assert (status, "it is forbidden" in said) == (3, True), said

    assert sorted(p.name for p in Path("d").iterdir()) == ["a", "b"]
    Path("rules.yml").write_text('forbid: [{resource: "file[*]", action: create}]')
    assert cook(*undo, "--yes")[0] == 0
    assert list(Path("d").iterdir()) == []


def test_an_undo_does_nothing_that_was_not_in_its_plan(cook: Cook) -> None:
    """One of the files was gone, and is there again: nobody was shown that it would go."""
    cook("converge", "r.py", "--local", recipe=TWO)
    Path("d/a").unlink()
    with listening(Meddling(lambda: Path("d/a").write_text("a"))):
        status, said, _ = cook("undo", "last", "--local", "--yes")

    assert (status, "approved was that it is ok; now it would be: remove" in said) == (3, True), (
        said
    )
    assert sorted(p.name for p in Path("d").iterdir()) == ["a", "b"]


def test_what_goes_back_may_be_found_otherwise_than_planned(cook: Cook) -> None:
    """Half of it is back meanwhile; the rest is what was approved."""
    Path("d/a").write_text("old")
    Path("d/a").chmod(0o600)
    cook("converge", "r.py", "--local", recipe="file(f'{D}/a', content='new', mode='0644')\n")
    with listening(Meddling(lambda: Path("d/a").chmod(0o600))):
        assert cook("undo", "last", "--local", "--yes")[0] == 0

    assert Path("d/a").read_text() == "old"
