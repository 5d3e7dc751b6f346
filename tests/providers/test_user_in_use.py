"""A user with a process is not removed: it is known before the first removal of a run."""

from __future__ import annotations

import subprocess

import pytest

from cookbook.language.change import Change
from cookbook.providers.accounts import State
from cookbook.providers.useradd import UseraddProvider


@pytest.mark.parametrize("shell", [["dash"], ["bash"], ["busybox", "sh"]])
@pytest.mark.parametrize(
    ("name", "state", "objects"),
    [
        ("root", State(uid=0), True),
        ("root", State(uid=0, force=True), False),
        ("uucp", State(uid=10), False),
        ("uucp", State(uid=10, home="/var/spool/uucp", manage_home=True), False),
    ],
)
def test_a_process_is_an_objection(
    shell: list[str],
    name: str,
    state: State,
    *,
    objects: bool,
) -> None:
    provider = UseraddProvider()
    changes = [(name, Change(state, None)), ("list", Change(State(uid=38), None))]
    command = provider.preflight(changes)
    assert command is not None
    done = subprocess.run([*shell, "-c", command.text], capture_output=True, text=True, check=True)

    objection = provider.objection(name, done.stdout, ())

    assert (objection is not None) is objects
    assert objection is None or "pkill -KILL -u root" in objection
    assert provider.objection("list", done.stdout, ()) is None
