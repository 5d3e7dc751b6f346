"""The digest of something short is as good as the thing: no output and no plan has one."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from cookbook.language.change import Change
from cookbook.language.collection import Declared
from cookbook.planning.mismatch import moved
from cookbook.planning.step import Step
from cookbook.providers.accounts import State
from cookbook.providers.containers import State as Container
from cookbook.providers.docker_container import DockerContainerProvider
from cookbook.providers.git import GitProvider
from cookbook.providers.git_state import State as GitState
from cookbook.providers.useradd import UseraddProvider
from cookbook.reports.report import shown_changes
from cookbook.resources.docker_container import DockerContainer
from cookbook.resources.git import Git
from cookbook.resources.user import User
from cookbook.script.shell import Content
from cookbook.secrets.secret import Secret
from tests.canary import Cook, canary

HASH = Content.of(b"$y$j9T$salt$hash")
FORMATS = ("txt", "json", "xml", "sarif", "md", "html")
HOSTS = "hosts:\n  localhost: {transport: local}\n"


@pytest.mark.slow
def test_a_failing_command_tells_no_digest_of_its_input(tmp_path: Path) -> None:
    """In each format, and in what the history shows."""
    cook, value = Cook(tmp_path), canary(tame=True)
    cook.keep({"pin": value})
    (tmp_path / "hosts.yml").write_text(HOSTS)
    (tmp_path / "r.py").write_text(
        "from cookbook.recipe import secret\nfrom cookbook.resources import execute\n"
        "execute('inp', command='cat >/dev/null; exit 7', input=f\"{secret('pin')}\\n\")\n"
    )
    reports = [w for e in FORMATS for w in ("--report", f"report.{e}")]
    where = ["--hosts", "hosts.yml"]

    assert cook("converge", "r.py", *where, *reports, "-vv") == 3
    cook("converge", "r.py", *where, "--output", "json")
    cook("plan", "r.py", *where, "--output", "json")
    for output in ("text", "json"):
        cook("show", "last", "-v", "--output", output)
        cook("history", "--output", output)

    said = b"".join([*cook.said, *(path.read_bytes() for path in tmp_path.glob("report.*"))])
    state = b"".join(p.read_bytes() for p in (tmp_path / "user/state").rglob("*") if p.is_file())
    assert b"status 7" in said
    for text in (value, f"{value}\n"):
        digest = hashlib.sha256(text.encode()).hexdigest()[:12].encode()
        assert digest not in said
        assert digest not in state, "nothing of a command can be undone"


def test_a_removed_user_tells_no_digest_of_the_password() -> None:
    """Only that there was one; so does a text that compares two states."""
    declared = Declared(User("ann", action="remove"), "r.py:1")
    found = State(uid=1000, comment="Ann", password=HASH, locked=False)
    step = Step(declared, "changed", Change(found, None), UseraddProvider())

    shown = shown_changes(step)

    assert shown["password"] == ["(redacted)", None]
    assert shown["comment"] == ["Ann", None]
    other = State(uid=1000, comment="Ann", password=Content.of(b"x"), locked=False)
    for before, now in ((found, other), (None, found)):
        assert HASH[:12] not in moved(declared.resource, before, now)
    assert "password" in moved(declared.resource, found, other)


def test_a_commit_is_shown_beside_a_deploy_key() -> None:
    """Not if the resource is declared as sensitive, or if the value has the secret in it."""

    def shown(branch: str, *, sensitive: bool = False) -> object:
        git = Git("/srv/x", repository="https://x/y", token=Secret("tkn-a-b"), sensitive=sensitive)
        found, wanted = (GitState(one, branch, f"https://{one}") for one in ("a", "b"))
        found = replace(found, branch="main")
        return shown_changes(
            Step(Declared(git, "r.py:1"), "changed", Change(found, wanted), GitProvider())
        )

    redacted = ["(redacted)", "(redacted)"]
    assert shown("next") == {
        "commit": ["a", "b"],
        "branch": ["main", "next"],
        "repository": redacted,
    }
    assert shown("x-tkn-a-b") == {"commit": ["a", "b"], "branch": redacted, "repository": redacted}
    assert shown("main", sensitive=True) == {"commit": redacted, "repository": redacted}


def test_ports_and_networks_are_shown_beside_a_secret_variable() -> None:
    """A recipe cannot have a secret in them; a label or a command may have been made of one."""
    container = DockerContainer("web", image="web:1", env={"TOKEN": Secret("tkn-a-b")})
    found = Container(ports=("1",), networks=("a",), restart="no", labels=("l=1",), command=("x",))
    wanted = replace(found, ports=("2",), networks=(), restart="always", labels=(), command=())
    shown = shown_changes(
        Step(
            Declared(container, "r.py:1"),
            "changed",
            Change(found, wanted),
            DockerContainerProvider(),
        )
    )
    redacted = ["(redacted)", "(redacted)"]
    assert shown == {
        "ports": [["1"], ["2"]],
        "networks": [["a"], []],
        "restart": ["no", "always"],
        "labels": redacted,
        "command": redacted,
    }


def test_a_plan_without_a_key_has_no_digest_of_a_password() -> None:
    """And what is learned while it is kept makes good for that, so that an undo brings it back."""
    from cookbook.approval.planfile import _without_sensitive
    from cookbook.language.resource_json import plain

    change = Change(State(uid=1000, password=HASH), None)

    written = _without_sensitive(change, plain("change", change))

    assert HASH not in json.dumps(written)
    bare: Change[State] = Change(State(uid=1000), None)
    assert UseraddProvider().learned(bare, f"password {HASH}\n", "").found == change.found
