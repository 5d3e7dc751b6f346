"""Attempts with rescue and cleanup, the final stage, `before` notifications, and `until`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cookbook.cli import main

LINES = "from cookbook.recipe import *\nfrom cookbook.resources import *\n"


class Local:
    """Runs of recipes on this machine, whose paths are in one folder."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys

    def __call__(
        self, recipe: str, *options: str, command: str = "converge"
    ) -> tuple[int, dict[str, str]]:
        """Run; return the exit status, and the last status of each resource by name."""
        (self.folder / "r.py").write_text(LINES + recipe.replace("D/", f"{self.folder}/"))
        return self._run(command, str(self.folder / "r.py"), *options)

    def apply(self, plan: Path) -> tuple[int, dict[str, str]]:
        """Apply a saved plan; return the same."""
        return self._run("apply", str(plan))

    def _run(self, *words: str) -> tuple[int, dict[str, str]]:
        status = main([*words, "--local", "--no-record", "--output", "json"])
        document = json.loads(self._capsys.readouterr().out)
        self.document: dict[str, Any] = document
        self.steps: list[dict[str, Any]] = document["hosts"]["localhost"]["resources"]
        return status, {self._short(one["id"]): one["status"] for one in self.steps}

    def _short(self, name: str) -> str:
        return name.replace(f"{self.folder}/", "").partition("[")[2].rstrip("]")

    @property
    def order(self) -> list[str]:
        """The words that the recipe's commands wrote, in order."""
        log = self.folder / "log"
        return log.read_text().split() if log.exists() else []

    def note(self, name: str) -> str | None:
        """Return the remark about a resource."""
        return next(str(one["note"]) for one in self.steps if self._short(one["id"]) == name)


@pytest.fixture
def local(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Local:
    return Local(tmp_path, capsys)


def say(name: str, more: str = "") -> str:
    return f'execute("{name}", command="echo {name} >> D/log"{more})\n'


ATTEMPT = f"""
{say("first")}
with attempt("deploy") as deploy:
    {say("one")}
    execute("two", command="FAILS")
    {say("three")}
with deploy.rescue():
    {say("back")}
with deploy.always():
    {say("clean")}
{say("last")}
"""


def test_a_rescue_is_done_after_a_failure_and_the_run_goes_on(local: Local) -> None:
    status, done = local(ATTEMPT.replace("FAILS", "false"))

    assert local.order == ["first", "one", "back", "clean", "last"]
    assert done["two"] == "failed"
    assert done["three"] == "not-run"
    assert status == 0


def test_a_rescue_is_skipped_without_a_failure(local: Local) -> None:
    status, done = local(ATTEMPT.replace("FAILS", "echo two >> D/log"))

    assert local.order == ["first", "one", "two", "three", "clean", "last"]
    assert (status, done["back"]) == (0, "skipped")
    assert local.note("back") == "the attempt 'deploy' has not failed"


def test_a_plan_shows_a_rescue_as_skipped(local: Local) -> None:
    _, done = local(ATTEMPT.replace("FAILS", "false"), command="plan")
    assert (done["back"], done["clean"], done["two"]) == ("skipped", "changed", "changed")
    assert local.order == []


def test_a_plan_shows_the_rescue_of_an_attempt_that_is_certain_to_fail(local: Local) -> None:
    (local.folder / "plain").write_text("a file")
    status, done = local(
        f"""
with attempt("folder") as folder:
    directory("D/plain/sub")
    {say("never")}
with folder.rescue():
    {say("back")}
{say("last")}
""",
        command="plan",
    )
    assert (status, done["plain/sub"]) == (2, "failed")
    assert (done["never"], done["back"], done["last"]) == ("skipped", "changed", "changed")
    assert local.note("never") == "the attempt 'folder' fails before it"


def test_a_plan_says_that_a_run_would_stop_at_a_failure(local: Local) -> None:
    (local.folder / "plain").write_text("a file")
    recipe = f'directory("D/plain/sub")\n{say("last")}'
    status, done = local(recipe, command="plan")
    assert (status, done["last"]) == (3, "changed")
    [remark] = local.document["remarks"]
    assert "a run stops at directory[" in remark


def test_the_cleanup_is_done_also_if_the_rescue_fails_but_nothing_after_it(local: Local) -> None:
    recipe = ATTEMPT.replace("FAILS", "false").replace("echo back", "exit 3; echo back")
    status, done = local(recipe)

    assert local.order == ["first", "one", "clean"]
    assert (status, done["back"], done["last"]) == (3, "failed", "not-run")


def test_a_failure_outside_leaves_out_the_whole_attempt(local: Local) -> None:
    status, done = local("execute('x', command='false')\n" + ATTEMPT)
    assert status == 3
    assert {done[name] for name in ("first", "one", "back", "clean", "last")} == {"not-run"}


def test_an_attempt_without_a_rescue_cleans_up_and_fails(local: Local) -> None:
    status, done = local(
        f"with attempt('a') as a:\n    execute('x', command='false')\n"
        f"with a.always():\n    {say('clean')}\n{say('last')}"
    )
    assert (status, done["last"]) == (3, "not-run")
    assert local.order == ["clean"]


def test_an_inner_cleanup_is_done_before_the_outer_rescue(local: Local) -> None:
    status, done = local(f"""
with attempt("outer") as outer:
    with attempt("inner") as inner:
        execute("x", command="false")
        {say("never")}
    with inner.always():
        {say("inner")}
    {say("skipped")}
with outer.rescue():
    {say("outer")}
""")
    assert local.order == ["inner", "outer"]
    assert (status, done["skipped"], done["never"]) == (0, "not-run", "not-run")


def test_a_file_of_the_attempt_is_there_for_its_rescue(local: Local) -> None:
    """Changes before the failure are made, and the rescue is decided by what is there then."""
    local("""
with attempt("a") as a:
    file("D/x", content="new", mode="0644")
    execute("check", command="grep -q good D/x")
with a.rescue():
    file("back", path="D/y", content="y", only_if="grep -q new D/x")
""")
    assert (local.folder / "y").read_text() == "y"


@pytest.mark.parametrize(
    "recipe",
    [
        "a = attempt('a')\nwith a.rescue():\n    pass\nwith a:\n    pass",
        "with attempt('a') as a:\n    pass\nwith a.always():\n    pass\nwith a.rescue():\n    pass",
        "with attempt('a') as a:\n    with a.rescue():\n        pass",
        "with attempt('a') as a:\n    pass\nwith a:\n    pass",
    ],
)
def test_parts_out_of_order_are_refused(
    local: Local, recipe: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (local.folder / "r.py").write_text(LINES + recipe)
    assert main(["plan", str(local.folder / "r.py"), "--local"]) == 1
    said = capsys.readouterr().err
    assert "is not in its place" in said
    assert "r.py:" in said


def test_the_final_stage_comes_after_all_notifications(local: Local) -> None:
    recipe = f"""
with final_stage():
    {say("check")}
file("D/a", content="a", mode="0644",
     notifies=[delayed("run", "execute[late]"), final("run", "execute[told]")])
{say("late", ', action="nothing"')}
{say("told", ', action="nothing"')}
{say("last")}
"""
    local(recipe)
    assert local.order == ["last", "late", "told", "check"]


def test_the_final_stage_is_left_out_after_a_failure(local: Local) -> None:
    status, done = local(f"with final_stage():\n    {say('check')}\nexecute('x', command='false')")
    assert (status, done["check"], local.order) == (3, "not-run", [])


BEFORE = f"""
file("D/a", content="CONTENT", mode="0644", notifies=[before("run", "execute[stop]")])
{say("stop", ', action="nothing"')}
execute("look", command="cat D/a >> D/log")
"""


def test_a_before_notification_acts_first_and_only_if_there_is_a_change(local: Local) -> None:
    local(BEFORE.replace("CONTENT", "1\\n").replace("echo stop", "ls D/ | grep -x a; echo stop"))
    local(BEFORE.replace("CONTENT", "1\\n"))
    assert local.order == ["stop", "1", "1"]


def test_a_change_is_not_made_if_what_comes_before_it_fails(local: Local) -> None:
    status, done = local(BEFORE.replace("CONTENT", "1").replace("echo stop", "exit 9; echo"))
    assert status == 3
    assert done["a"] == "not-run"
    assert local.steps[0]["status"] == "failed"
    assert not (local.folder / "a").exists()


def test_also_with_keep_going_a_change_is_not_made_if_what_comes_before_it_fails(
    local: Local,
) -> None:
    recipe = BEFORE.replace("CONTENT", "1").replace("echo stop", "exit 9; echo")
    recipe += 'file("D/other", content="x", mode="0644")'
    status, done = local(recipe, "--keep-going")
    assert (status, done["a"], done["other"]) == (3, "not-run", "changed")
    assert not (local.folder / "a").exists()


def test_an_immediate_notification_of_an_attempt_fails_the_attempt(local: Local) -> None:
    status, done = local(f"""
execute("told", command="false", action="nothing")
with attempt("a") as a:
    file("D/a", content="a", mode="0644", notifies=[immediate("run", "execute[told]")])
    {say("never")}
with a.rescue():
    {say("back")}
""")
    assert (status, done["never"], local.order) == (0, "not-run", ["back"])


def test_a_delayed_notification_fails_the_run_because_the_rescue_is_over(local: Local) -> None:
    status, done = local(f"""
with attempt("a") as a:
    execute("told", command="false", action="nothing")
    file("D/a", content="a", mode="0644", notifies=[delayed("run", "execute[told]")])
with a.rescue():
    {say("back")}
""")
    assert (status, done["back"], local.order) == (3, "skipped", [])


def test_a_plan_shows_a_before_notification_in_front_of_its_change(local: Local) -> None:
    local(BEFORE.replace("CONTENT", "1"), command="plan")
    shown = [local._short(one["id"]) for one in local.steps if one["status"] == "changed"]
    assert shown == ["stop", "a", "look"]


def test_until_is_asked_until_it_succeeds(local: Local) -> None:
    recipe = (
        'execute("x", command="echo x >> D/log", until="echo >> D/n; test $(wc -l < D/n) = 3", '
    )
    status, _ = local(recipe + "retries=5, retry_delay=0)")
    assert (status, local.order) == (0, ["x"])
    assert (local.folder / "n").read_text() == "\n\n\n"


def test_a_change_whose_until_never_succeeds_has_failed(local: Local) -> None:
    recipe = 'execute("x", command="echo x >> D/log", until="echo not yet; exit 7", '
    status, done = local(recipe + "retries=2, retry_delay=0)")
    assert (status, done["x"], local.order) == (3, "failed", ["x"])
    error = local.steps[0]["error"]
    assert error["command"] == "until echo not yet; exit 7"
    assert (error["status"], error["output"]) == (7, "not yet")


def test_a_group_sends_the_notifications_of_all_that_notify_it_once(local: Local) -> None:
    recipe = f"""
for name in "ab":
    file(f"D/{{name}}", content="x", mode="0644", notifies=[delayed("run", "notify_group[all]")])
notify_group("all", notifies=[immediate("run", "execute[one]"), delayed("run", "execute[two]")])
{say("one", ', action="nothing"')}
{say("two", ', action="nothing"')}
{say("three", ', action="nothing", subscribes=[delayed("run", "notify_group[all]")]')}
"""
    local(recipe)
    assert local.order == ["one", "two", "three"]
    local(recipe)
    assert local.order == ["one", "two", "three"]
