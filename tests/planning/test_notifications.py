"""What is owed, in which order it is carried out, and what is said of it."""

from __future__ import annotations

import io
import json
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from cookbook.cli import main
from tests.canary import Cook

HOSTS = "hosts:\n  localhost: {transport: local}\n"
HEAD = "from cookbook.recipe import *\nfrom cookbook.resources import *\n"


class InProcess(Cook):
    """The command in this process, with the same folders."""

    def __call__(self, *words: str, given: str = "", secret: bool = False) -> int:
        out, errors = io.StringIO(), io.StringIO()
        with chdir(self.folder), redirect_stdout(out), redirect_stderr(errors):
            status = main(words)
        self.said += [" ".join(words).encode(), *(s.getvalue().encode() for s in (out, errors))]
        return status


@pytest.fixture
def cook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cook:
    (tmp_path / "hosts.yml").write_text(HOSTS)
    cook = InProcess(tmp_path)
    for name in ("COOK_STATE", "COOK_HOME"):
        monkeypatch.setenv(name, cook.environment[name])
    return cook


def converge(cook: Cook, recipe: str, *more: str) -> tuple[int, dict[str, Any]]:
    (cook.folder / "r.py").write_text(HEAD + recipe.replace("D/", f"{cook.folder}/managed/"))
    status = cook("converge", "r.py", "--hosts", "hosts.yml", "--output", "json", *more)
    return status, json.loads(cook.said[-2])


RESTART = "execute('restart', command='echo restart >>D/log', action='nothing')\n"
FILE = (
    "file('D/owed', content='a', verify='{verify} {{path}}',"
    " notifies=[{timing}('run', 'execute[restart]')])\n"
)


@pytest.mark.parametrize("timing", ["delayed", "immediate", "final"])
def test_a_change_that_was_never_made_owes_nothing(cook: Cook, timing: str) -> None:
    """The next run does not restart because of it; one that is made restarts."""
    log = cook.folder / "managed/log"

    assert converge(cook, FILE.format(verify="false", timing=timing) + RESTART)[0] == 3
    assert converge(cook, RESTART)[0] == 0
    assert not log.exists()

    assert converge(cook, FILE.format(verify="test -e", timing=timing) + RESTART)[0] == 0
    assert log.read_text() == "restart\n"


def test_what_is_owed_comes_first_and_the_final_stage_last(cook: Cook) -> None:
    """A health check judges what all restarts have left, those of an earlier run included."""
    recipe = (
        "execute('check', command='echo check >>D/log', action='nothing')\n"
        "execute('reload', command='echo reload >>D/log', action='nothing')\n"
        "file('D/a', content='a', notifies=["
        "final('run', 'execute[check]'), delayed('run', 'execute[reload]')])\n" + RESTART
    )
    manifest = cook.folder / "user/cook/manifest"
    manifest.mkdir(parents=True)
    owed = {"owed": "execute[restart]", "action": "run", "because": "file[x]", "run": "r1"}
    (manifest / "r").write_text(json.dumps(owed | {"done": False}) + "\n")

    assert converge(cook, recipe)[0] == 0

    assert (cook.folder / "managed/log").read_text() == "restart\nreload\ncheck\n"


def test_a_swallowed_notification_is_said_and_counted_once(cook: Cook) -> None:
    """By `creates`, and by a guard; each resource counts once."""
    (cook.folder / "managed/there").touch()
    recipe = (
        "execute('made', command='false', creates='D/there', action='nothing')\n"
        "execute('guarded', command='false', only_if='false', action='nothing')\n"
        "file('D/a', content='a', notifies=["
        "delayed('run', 'execute[made]'), delayed('run', 'execute[guarded]')])\n"
    )

    status, document = converge(cook, recipe)

    assert status == 0
    notes = {
        r["id"]: r["note"] for r in document["hosts"]["localhost"]["resources"] if r["because"]
    }
    assert "there is there" in notes["execute[made]"]
    assert "guard says no" in notes["execute[guarded]"]
    totals: dict[str, int] = document["totals"]
    assert sum(totals.values()) == 3, totals
    cook("show", "last")
    assert b"not run: " in cook.said[-2]
    assert b"guard says no" in cook.said[-2]
