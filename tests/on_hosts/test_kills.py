"""Killed at any moment, a run leaves a host that the next one brings into line, and a history."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from cookbook.kitchen import Kitchen, KitchenHost
from tests.waiting import eventually, until

pytestmark = pytest.mark.hosts

ROOT = Path(__file__).parents[2]
RECIPE = "sample_cookbooks/webserver/webserver.py"
KILLS = int(os.environ.get("COOK_KILLS", "8"))
"""How often; more of them by hand: COOK_KILLS=200."""

PROCESSES = "pgrep -af 'cook_nonce|/bin/sh$' | grep -v pgrep | grep cook_"

LEFT_BEHIND = rf"""
find / -xdev \( -name '.cook-*' -o -path '*tmp/cook-*' -o -name '.halt-*' \) 2>/dev/null
ls -d /var/lib/cook/rescue/* 2>/dev/null
ls /var/lib/cook/stash/.??* 2>/dev/null
{PROCESSES}
:
"""


def cook(kitchen: Kitchen, host: KitchenHost, *words: str) -> list[str]:
    hosts = ["--hosts", str(kitchen.hosts_yml), "--limit", host.name]
    return [sys.executable, "-m", "cookbook.cli", *words, *hosts]


def killed(command: list[str], moment: Callable[[], object]) -> None:
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as run:
        try:
            moment()
        finally:
            run.kill()


def test_killed_at_random_moments(
    kitchen: Kitchen, fresh_host: KitchenHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COOK_STATE", str(tmp_path / "state"))
    moments = random.Random(20261124)  # noqa: S311 - the same moments each time
    for number in range(KILLS):
        port = ["--set", f"http_port={8000 + number}", "--wait", "120s"]
        command = cook(kitchen, fresh_host, "converge", RECIPE, *port)
        seconds = moments.uniform(0.15, 3.0)
        # The first one is at work then, on a slow machine, too.
        at_work = partial(until, fresh_host, "/run/cook/lock")
        killed(command, partial(time.sleep, seconds) if number else at_work)
        if number % 2:  # the link, too
            fresh_host.run("pkill -KILL -f 'sshd: (root|admin)@notty' || :")

    words = [RECIPE, "--set", "http_port=8080", "--output", "json"]
    done = subprocess.run(
        cook(kitchen, fresh_host, "converge", *words, "--wait", "300s"),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    planned = subprocess.run(
        cook(kitchen, fresh_host, "plan", *words), capture_output=True, check=False, cwd=ROOT
    )
    assert planned.returncode == 0, planned.stdout
    with urllib.request.urlopen(f"http://{fresh_host.address}:8080/", timeout=60) as page:
        assert page.status == 200
    eventually(lambda: fresh_host.run(PROCESSES).stdout == "")  # shells end after their connection
    assert fresh_host.run(LEFT_BEHIND).stdout == ""
    history = subprocess.run(
        [sys.executable, "-m", "cookbook.cli", "history", "-n", "0", "--output", "json"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    states = [run["state"] for run in json.loads(history.stdout)["runs"]]
    assert history.stderr == ""
    assert states[0] == "finished"
    assert set(states) <= {"finished", "interrupted"}
    assert len(states) >= 2
