"""Parallel blocks on this machine: what runs at the same time, what does not, and each result."""

from __future__ import annotations

import hashlib
import itertools
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from cookbook.reports import render
from cookbook.reports.schema import Document
from tests.applying.test_sections import Local, local, say

pytestmark = pytest.mark.slow  # whole runs of the program

__all__ = ["local"]

TIMED = "date +%s%N >D/{0}.began; sleep {1}; date +%s%N >D/{0}.ended"


def timed(name: str, more: str = "", *, seconds: float = 1, beside: str = "") -> str:
    """
    A command that writes when it has begun, and when it has ended.

    It sleeps once the ones named in `beside` have begun, too, which it awaits for a minute.
    """
    text = TIMED.format(name, seconds)
    if beside:
        begun = " && ".join(f"[ -e D/{one}.began ]" for one in beside)
        wait = f"i=0; until {begun} || [ $i -ge 600 ]; do i=$((i+1)); sleep 0.1; done"
        text = text.replace("; sleep", f"; {wait}; sleep", 1)
    return f'execute("{name}", command="{text}", creates="D/{name}.ended"{more})\n'


def span(folder: Path, name: str) -> tuple[int, int]:
    began, ended = ((folder / f"{name}.{end}").read_text() for end in ("began", "ended"))
    return int(began), int(ended)


def overlapping(folder: Path, names: str) -> set[tuple[str, str]]:
    """The pairs of commands that ran at the same time."""
    spans = {name: span(folder, name) for name in names}
    return {
        (one, other)
        for one, other in itertools.combinations(names, 2)
        if max(spans[one][0], spans[other][0]) < min(spans[one][1], spans[other][1])
    }


def block(*resources: str, at_once: int | None = None) -> str:
    given = f"at_once={at_once}" if at_once else ""
    return f"with parallel({given}):\n" + "".join(f"    {one.strip()}\n" for one in resources)


def beside(local: Local) -> dict[str, set[str]]:
    """The resources that are said to change at the same time as each one."""
    return {
        local._short(one["id"]): {local._short(name) for name in one["parallel"]}
        for one in local.steps
        if "parallel" in one
    }


@pytest.fixture(autouse=True)
def _nothing_is_left(cook_home: Path) -> Iterator[None]:
    yield
    assert list(cook_home.glob(".jobs-*")) == []


def test_changes_of_a_block_run_at_the_same_time(local: Local) -> None:
    seconds = {"a": 1, "b": 1, "c": 4}
    commands = [timed(name, seconds=long, beside="abc") for name, long in seconds.items()]
    recipe = f"{say('first')}{block(*commands)}{say('last')}"
    status, done = local(recipe)

    assert status == 0
    assert overlapping(local.folder, "abc") == {("a", "b"), ("a", "c"), ("b", "c")}
    assert beside(local) == {"a": {"b", "c"}, "b": {"a", "c"}, "c": {"a", "b"}}
    assert local.order == ["first", "last"]
    took = {one["id"]: one["seconds"] for one in local.steps}
    assert all(took[f"execute[{name}]"] >= long for name, long in seconds.items())
    assert max(took["execute[a]"], took["execute[b]"]) < took["execute[c]"]

    status, done = local(recipe)
    assert [done[name] for name in "abc"] == ["ok"] * 3


def test_at_most_so_many_run_at_the_same_time(local: Local) -> None:
    local(block(*(timed(name, seconds=0.5) for name in "abcde"), at_once=2))

    spans = [span(local.folder, name) for name in "abcde"]
    turns = sorted([(began, 1) for began, _ in spans] + [(ended, -1) for _, ended in spans])
    running = list(itertools.accumulate(turn for _, turn in turns))
    assert max(running) == 2
    assert beside(local)["a"] == {"b", "c", "d", "e"}


def test_a_failure_does_not_hide_the_others(local: Local) -> None:
    status, done = local(
        block(
            timed("a"),
            'execute("b", command="echo of b; echo b says >&2; exit 3")',
            'execute("c", command="sleep 0.3; echo c says >&2; exit 4")',
            'file("D/f", content="x", mode="0644")',
        )
        + say("last")
    )
    assert status == 3
    assert done == {"a": "changed", "b": "failed", "c": "failed", "f": "changed", "last": "not-run"}
    errors = {one["id"]: one["error"] for one in local.steps if one["error"]}
    assert [errors[f"execute[{name}]"]["status"] for name in "bc"] == [3, 4]
    assert errors["execute[b]"]["output"] == "of b\nb says"
    assert errors["execute[c]"]["output"] == "c says"
    assert errors["execute[c]"]["command"] == "sleep 0.3; echo c says >&2; exit 4"
    assert (local.folder / "f").read_text() == "x"


def test_a_plan_says_what_would_run_at_the_same_time(local: Local) -> None:
    recipe = block(timed("a"), 'file("D/f", content="x")', timed("b")) + say("last")
    local(recipe, command="plan")
    assert beside(local) == {"a": {"f", "b"}, "f": {"a", "b"}, "b": {"a", "f"}}

    (local.folder / "f").write_text("x")
    local(recipe, command="plan")
    assert beside(local) == {"a": {"b"}, "b": {"a"}}  # what is in line already divides nothing


APART = {
    "a folder and a file in it": ['directory("D/x")', 'file("D/x/f", content="x")'],
    "a file and a command that names it": [
        'file("D/run", content="x")',
        'execute("b", command="sh D/run")',
    ],
    "a command that names a file after it": [
        'execute("a", command="sh D/run")',
        'file("D/run", content="x")',
    ],
    "what a command creates": [timed("a"), 'execute("b", command="cat D/a.ended")'],
    "a working folder": ['directory("D/x")', 'execute("b", command="true", cwd="D/x")'],
    "a key and its certificate": [
        'x509_private_key("D/key")',
        'x509_certificate("D/cert", private_key="D/key", subject="x.example.org")',
    ],
    "accounts": ['group("cook-a")', 'group("cook-b")'],
    "repetition": ['execute("a", retries=1)', 'execute("b", until="true")'],
    "files that a login needs": [
        'file("/etc/hosts.allow", content="# of a test\\n")',
        'file("/etc/doas.conf", content="# of a test\\n")',
    ],
    "one at once": ['execute("a")', 'execute("b")', "at_once=1"],
}


@pytest.mark.parametrize("resources", APART.values(), ids=APART)
def test_what_depends_on_another_one_is_done_in_order(local: Local, resources: list[str]) -> None:
    at_once = 1 if resources[-1] == "at_once=1" else None
    status, _ = local(block(*resources[: -1 if at_once else None], at_once=at_once), command="plan")
    assert status == 2
    assert beside(local) == {}


def test_what_is_done_alone_divides_a_block(local: Local) -> None:
    local(
        block(say("a"), say("b"), 'execute("c", command="true", retries=1)', say("d"), say("e")),
        command="plan",
    )
    assert beside(local) == {"a": {"b"}, "b": {"a"}, "d": {"e"}, "e": {"d"}}


def test_what_two_changes_fetch_is_fetched_by_one_after_the_other(local: Local) -> None:
    (local.folder / "source").write_text("theirs")
    digest = hashlib.sha256(b"theirs").hexdigest()
    fetched = 'remote_file("D/{0}", source="file://D/source", checksum="{1}", mode="0644")'
    recipe = block(fetched.format("a", digest), fetched.format("b", digest))
    status, _ = local(recipe)
    assert (status, beside(local)) == (0, {})
    assert [(local.folder / name).read_text() for name in "ab"] == ["theirs"] * 2


def test_downloads_run_at_the_same_time(local: Local) -> None:
    resources = []
    for name in "abc":
        (local.folder / f"source-{name}").write_text(name)
        digest = hashlib.sha256(name.encode()).hexdigest()
        resources.append(
            f'remote_file("D/{name}", source="file://D/source-{name}", checksum="{digest}",'
            ' mode="0644")'
        )
    status, _ = local(block(*resources))
    assert (status, beside(local)["a"]) == (0, {"b", "c"})
    assert [(local.folder / name).read_text() for name in "abc"] == ["a", "b", "c"]


def test_working_copies_are_cloned_at_the_same_time(local: Local) -> None:
    for name in "abc":
        source = local.folder / f"source-{name}"
        commit = ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", name]
        for words in (["init", "-q", "-b", "main", str(source)], ["add", "."], commit):
            if words[0] == "add":
                (source / "file").write_text(name)
            where = [] if words[0] == "init" else ["-C", str(source)]
            subprocess.run(["git", *where, *words], check=True)
    copies = (
        f'git("D/{name}", repository="file://D/source-{name}", revision="main")' for name in "abc"
    )
    status, _ = local(block(*copies))
    assert (status, beside(local)["a"]) == (0, {"b", "c"})
    assert [(local.folder / name / "file").read_text() for name in "abc"] == ["a", "b", "c"]


def test_files_in_one_folder_do_not_get_in_each_others_way(local: Local) -> None:
    files = (f'file("D/{i}", content="{i}" * 200_000, mode="0644")' for i in range(10, 22))
    status, _ = local(block(*files, at_once=12))
    assert (status, len(beside(local))) == (0, 12)
    for i in range(10, 22):
        assert (local.folder / str(i)).read_text() == str(i) * 200_000


def test_a_command_of_a_block_does_not_make_the_guards_of_the_others_unknown(local: Local) -> None:
    more = ', only_if="test -d D/"'
    local(block(say("a"), say("b", more)) + say("after", more), command="plan")
    done = {local._short(one["id"]): one["status"] for one in local.steps}
    assert (beside(local)["a"], done["b"], done["after"]) == ({"b"}, "changed", "unknown")


def test_all_preconditions_are_checked_before_anything_of_the_block_begins(
    local: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command before it alters the file: the batch stops there, and both are decided again."""
    monkeypatch.setenv("COOK_STATE", str(local.folder / "state"))  # no host is known
    (local.folder / "f").write_text("former")
    recipe = 'execute("before", command="echo other >D/f", not_if="grep -q x D/f")\n'
    recipe += block(say("a"), 'file("D/f", content="x", mode="0644")')
    status, done = local(recipe)
    assert (status, done) == (0, {"before": "changed", "a": "changed", "f": "changed"})
    assert beside(local) == {"a": {"f"}, "f": {"a"}}
    assert local.order == ["a"]
    assert (local.folder / "f").read_text() == "x"
    [host] = local.document["hosts"].values()
    [diff] = [one["diff"] for one in local.steps if one["id"].startswith("file[")]
    assert "-other" in diff
    assert host["exchanges"] > 3, "the facts, the states, a batch that stops, and one more"


def test_a_failure_in_a_block_of_an_attempt_is_handled(local: Local) -> None:
    status, done = local(
        "with attempt('x') as x:\n    with parallel():\n"
        f"        execute('bad', command='exit 1')\n        {say('good')}"
        f"        execute('worse', command='exit 2')\n    {say('rest')}"
        f"with x.rescue():\n    {say('back')}{say('last')}"
    )
    assert (status, local.order) == (0, ["good", "back", "last"])
    assert (done["bad"], done["worse"], done["good"]) == ("failed", "failed", "changed")
    assert done["rest"] == "not-run"


def test_an_ignored_failure_in_a_block_does_not_stop_the_run(local: Local) -> None:
    status, done = local(
        block(say("a"), 'execute("b", command="exit 1", ignore_failure=True)') + say("last")
    )
    assert (status, done["b"]) == (0, "failed")
    assert local.order == ["a", "last"]


def test_notifications_of_a_block_go_out(local: Local) -> None:
    status, _ = local(
        say("now", ', action="nothing"')
        + say("later", ', action="nothing"')
        + block(
            say("a", ', notifies=[immediate("run", "execute[now]")]'),
            say("b", ', notifies=[delayed("run", "execute[later]")]'),
            say("c", ', notifies=[delayed("run", "execute[later]")]'),
        )
        + say("last")
    )
    assert status == 0
    assert local.order[:2] == ["a", "now"]
    assert set(local.order[2:4]) == {"b", "c"}
    assert local.order[4:] == ["last", "later"]


def test_a_syntax_error_in_one_command_does_not_reach_the_others(local: Local) -> None:
    status, done = local(block(say("a"), 'execute("b", command="if (")', say("c")))
    assert (status, done) == (3, {"a": "changed", "b": "failed", "c": "changed"})
    assert sorted(local.order) == ["a", "c"]


def test_a_block_needs_a_folder_for_its_output(local: Local, cook_home: Path) -> None:
    cook_home.parent.mkdir(exist_ok=True, parents=True)
    cook_home.write_text("in the way")
    status, done = local(block(say("a"), say("b")))
    assert (status, done, local.order) == (3, {"a": "failed", "b": "failed"}, [])
    assert local.steps[0]["error"]["status"] == 73
    cook_home.unlink()


@pytest.mark.parametrize("form", ["text", "markdown", "junit", "json"])
def test_each_form_of_a_report_says_what_runs_at_the_same_time(local: Local, form: str) -> None:
    local(block(say("a"), say("b"), say("c"), say("d"), say("e")) + say("last"), command="plan")
    said = render(cast("Document", local.document), form)
    if form == "json":
        assert said.count('"parallel"') == 5
        return
    assert said.count("at the same time as") == 5
    plain = said.replace("\\", "")
    assert "at the same time as execute[a], execute[b], execute[c] and 1 more" in plain


SAVED = block(
    timed("a", beside="ab"), timed("b", beside="ab"), 'file("D/f", content="x", mode="0644")'
) + say("last")


def test_a_saved_plan_is_applied_in_parallel(local: Local, tmp_path: Path) -> None:
    plan = tmp_path / "p.json"
    local(SAVED, "-o", str(plan), command="plan")
    status, done = local.apply(plan)

    assert (status, set(done.values())) == (0, {"changed"})
    assert overlapping(local.folder, "ab") == {("a", "b")}
    assert beside(local)["a"] == {"b", "f"}
    assert local.order == ["last"]


def test_a_saved_plan_of_a_block_is_refused_if_one_differs(local: Local, tmp_path: Path) -> None:
    plan = tmp_path / "p.json"
    local(SAVED, "-o", str(plan), command="plan")
    (local.folder / "f").write_text("of another one")
    status, _ = local.apply(plan)

    assert (status, local.order) == (3, [])
    assert not (local.folder / "a.began").exists()


def test_a_saved_plan_says_it_when_its_block_fails(local: Local, tmp_path: Path) -> None:
    plan = tmp_path / "p.json"
    recipe = block(timed("a"), 'execute("b", command="exit 5")', timed("c")) + say("last")
    local(recipe, "-o", str(plan), command="plan")
    status, done = local.apply(plan)
    assert (status, done["last"], local.order) == (3, "not-run", [])
    assert (done["a"], done["b"], done["c"]) == ("changed", "failed", "changed")
