"""The scripts that make and replace containers, with a program in the place of docker(1)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from cookbook.provider import Change
from cookbook.providers.containers import State
from cookbook.providers.docker_container import DockerContainerProvider

DISCARDED = (
    "WARNING: Your kernel does not support memory limit capabilities or the cgroup is not mounted."
    " Limitation discarded."
)
OTHER = "WARNING: IPv4 forwarding is disabled. Networking will not work."

FOUND = State(called="web", image="a", running=True, stop_timeout=1, id="0" * 64)
WANTED = State(called="web", image="b", running=True, reference="web:2", settle=0)


def calls(folder: Path, change: Change[State], warning: str, fails: str = "-") -> list[str]:
    """Run the script of a change; return what docker(1) was called with, then what was said."""
    client = folder / "docker"
    client.write_text(
        f'#!/bin/sh\necho "$*" >>{folder}/calls\ncase $* in {fails}*) exit 1 ;;\n'
        f'*create*) echo "{warning}" >&2; echo id ;;\n'
        f"*Id*web) echo {FOUND.id} ;; *Running*) echo true ;; *Status*) echo running 0 ;; esac\n"
    )
    client.chmod(0o755)
    [command] = DockerContainerProvider().commands("web", change)
    path = f"{folder}:/usr/bin:/bin"
    done = subprocess.run(
        ["/bin/sh", "-c", command.text], env={"PATH": path}, capture_output=True, check=False
    )
    return [*(folder / "calls").read_text().splitlines(), done.stderr.decode().strip()]


@pytest.mark.parametrize("found", [None, FOUND])
def test_a_limit_that_the_kernel_does_not_have_is_an_error_before_anything_is_stopped(
    tmp_path: Path, found: State | None
) -> None:
    """docker(1) makes the container, without the limit, and only warns."""
    *called, said = calls(tmp_path, Change(found, WANTED), DISCARDED)
    assert said == DISCARDED
    assert called[-1] in ("rm -f web", "rm -f web.new")
    assert not [one for one in called if one.startswith(("stop", "start"))]


def test_another_warning_is_none(tmp_path: Path) -> None:
    *called, said = calls(tmp_path, Change(None, WANTED), OTHER)
    assert said == OTHER
    assert "start web" in called


def test_a_container_that_does_not_stop_is_not_removed(tmp_path: Path) -> None:
    *called, _ = calls(tmp_path, Change(FOUND, WANTED), OTHER, fails="stop")
    assert f"start {FOUND.id}" in called
    assert "rm -f web" not in called
    assert called[-1] == "rm -f web.new"
