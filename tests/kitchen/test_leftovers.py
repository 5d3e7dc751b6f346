"""What an aborted test run left is taken down by the next one; a run at work keeps its hosts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cookbook.kitchen import Kitchen
from tests.leftovers import take_down

ROOT = Path(__file__).parents[2]

RUN = """
import sys, time
from pathlib import Path
from cookbook.kitchen import Kitchen
from tests import leftovers
folder = Path(sys.argv[1])
leftovers.own(folder)
Kitchen(folder / "gw0/kitchen").up(names=["left"])
print("up", flush=True)
time.sleep(600)
"""


@pytest.mark.hosts
def test_hosts_of_a_run_that_was_killed_are_taken_down(tmp_path: Path) -> None:
    folder = tmp_path / "gw0/kitchen"
    folder.mkdir(parents=True)
    begin = [sys.executable, "-c", RUN, str(tmp_path)]
    with subprocess.Popen(begin, stdout=subprocess.PIPE, text=True, cwd=ROOT) as run:
        try:
            assert run.stdout is not None
            assert run.stdout.readline() == "up\n"
            assert take_down([tmp_path]) == []  # it is at work
            assert len(Kitchen(folder).hosts()) == 1
        finally:
            run.kill()
    try:
        assert take_down([tmp_path / "elsewhere"]) == []
        assert take_down([tmp_path]) == [folder]
        assert Kitchen(folder).hosts() == []
        assert str(folder) not in Path("/proc/mounts").read_text()
    finally:
        Kitchen(folder).down()
