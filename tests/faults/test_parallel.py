"""What becomes of a parallel block whose run is stopped, cut off or too slow, on a real host."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pytest

from bench.relay import Link, Relay
from cookbook.kitchen import KitchenHost
from tests.faults.running import FIRST, SECOND, Ran, Run, Start, told
from tests.faults.test_lost_link import hosts, relay
from tests.waiting import LONG, halted, until

__all__ = ["hosts", "relay"]

pytestmark = pytest.mark.hosts

SLEEP = "[s]leep [0-9.]*159"
"""The commands that must not be left; pgrep does not find itself so."""


@pytest.fixture(autouse=True)
def _folder(module_host: KitchenHost) -> None:
    module_host.run("rm -rf /srv/p /var/lib/cook; mkdir -p /srv/p")


def jobs(*lines: str, at_once: int = 4) -> str:
    body = "".join(f"    {line}\n" for line in lines)
    return (
        f'with parallel(at_once={at_once}):\n{body}execute("last", command="touch /srv/p/last")\n'
    )


def one(name: str, seconds: float | str, more: str = "true") -> str:
    """A command that notes each of its beginnings."""
    text = f"echo {name} >>/srv/p/begun; touch /srv/p/{name}; sleep {seconds}; {more}"
    return f'execute("{name}", command="{text}", creates="/srv/p/{name}.made")'


def made(name: str, seconds: float | str) -> str:
    return one(name, seconds, f"touch /srv/p/{name}.made")


def begun(host: KitchenHost) -> Sequence[str]:
    return sorted(host.run("cat /srv/p/begun").stdout.split())


def left_behind(host: KitchenHost) -> str:
    """Our processes and files there; a shell has a moment for its end."""
    look = f"pgrep -af '{SLEEP}'; ls -d /var/lib/cook/.jobs-* /var/lib/cook/.halt-* 2>/dev/null"
    end = time.monotonic() + LONG
    while (left := host.run(look).stdout) and time.monotonic() < end:
        time.sleep(0.1)
    return left


def test_told_once_what_runs_is_finished_and_nothing_else_begins(
    start: Start, ran: Ran, module_host: KitchenHost
) -> None:
    wait = f"[ -e /srv/p/go ] || {{ {halted('/var/lib/cook')}; }}"
    recipe = jobs(
        *(one(name, 0, f"{wait}; touch /srv/p/{name}.made") for name in "abcd"), at_once=2
    )
    run = start(module_host, recipe)
    for name in "ab":
        until(module_host, f"/srv/p/{name}")
    run.tell(signal.SIGINT, FIRST)
    said = told(run)

    assert said.exit == 130
    assert said.statuses == ["changed", "changed", "not-run", "not-run", "not-run"]
    assert begun(module_host) == ["a", "b"]
    assert left_behind(module_host) == ""
    module_host.run("touch /srv/p/go")
    again = ran(module_host, recipe)
    assert again.statuses == ["ok", "ok", "changed", "changed", "changed"]
    assert begun(module_host) == ["a", "b", "c", "d"]


def test_told_twice_all_that_runs_is_ended(
    start: Start, ran: Ran, module_host: KitchenHost
) -> None:
    recipe = jobs(made("a", 0), one("b", "314.159"), one("c", "271.159"))
    run = start(module_host, recipe)
    for name in ("a.made", "b", "c"):
        until(module_host, f"/srv/p/{name}")
    run.tell(signal.SIGINT, FIRST)
    time.sleep(1.0)
    assert run.poll() is None
    run.tell(signal.SIGINT, SECOND)
    said = told(run)

    assert said.exit == 130
    assert said.statuses == ["changed", "unknown", "unknown", "not-run"]
    unknown = said.host["resources"][1]["error"]["message"]
    assert "ended before its end" in unknown
    assert left_behind(module_host) == ""
    assert ran(module_host, 'file("/srv/p/free", content="x")\n').exit == 0


def test_what_takes_too_long_ends_the_block(ran: Ran, module_host: KitchenHost) -> None:
    slow = one("b", "314.159").replace("creates=", "timeout=3, creates=")
    said = ran(module_host, jobs(made("a", 0).replace("creates=", "timeout=3, creates="), slow))

    assert said.exit == 3
    assert said.host["status"] == "timeout"
    assert said.statuses == ["unknown", "unknown", "not-run"]
    assert left_behind(module_host) == ""


@pytest.mark.parametrize("then", ["reset", "silent"])
def test_the_link_is_lost_while_they_run_and_nothing_is_done_twice(
    *,
    start: Start,
    module_host: KitchenHost,
    relay: Relay,
    hosts: Path,
    then: Literal["reset", "silent"],
) -> None:
    recipe = jobs(
        made("a", 4),
        'execute("b", command="echo b >>/srv/p/begun; sleep 4; echo done by b")',
        'execute("c", command="echo c >>/srv/p/begun; sleep 4; echo c is bad >&2; exit 9")',
        'file("/srv/p/f", content="x", mode="0644")',
    )
    run = start(module_host, recipe, hosts=hosts)
    until(module_host, "/srv/p/begun")
    time.sleep(0.5)
    relay.set(Link(after=0, then=then))
    time.sleep(1.0)
    relay.set(Link())  # whoever comes now gets through
    said = told(run)

    assert said.exit == 3, said
    assert said.statuses == ["changed", "changed", "failed", "changed", "not-run"], said
    error = said.host["resources"][2]["error"]
    assert (error["status"], error["output"]) == (9, "c is bad")
    assert begun(module_host) == ["a", "b", "c"]
    assert module_host.run("cat /srv/p/f; ls /srv/p/last").stdout == "x"
    assert left_behind(module_host) == ""


def test_the_link_is_lost_and_the_run_goes_on(
    *, start: Start, module_host: KitchenHost, relay: Relay, hosts: Path
) -> None:
    recipe = jobs(*(made(name, 3) for name in "abc"), at_once=2)
    run = start(module_host, recipe, hosts=hosts)
    until(module_host, "/srv/p/b")
    relay.set(Link(after=0, then="reset"))
    time.sleep(1.0)
    relay.set(Link())
    said = told(run)

    assert (said.exit, set(said.statuses)) == (0, {"changed"}), said
    assert begun(module_host) == ["a", "b", "c"]
    assert module_host.run("test -e /srv/p/last").returncode == 0
    assert left_behind(module_host) == ""


def test_the_link_is_lost_while_a_saved_plan_is_applied(
    *, ran: Ran, module_host: KitchenHost, relay: Relay, hosts: Path, tmp_path: Path
) -> None:
    recipe, plan = jobs(*(made(name, 3) for name in "abc"), at_once=2), str(tmp_path / "p.plan")
    assert ran(module_host, recipe, "-o", plan, command="plan", hosts=hosts).exit == 2
    words = ["apply", plan, "--hosts", str(hosts), "--output", "json"]
    run = Run([sys.executable, "-m", "cookbook.cli", *words], tmp_path / "said")
    until(module_host, "/srv/p/b")
    relay.set(Link(after=0, then="reset"))
    time.sleep(1.0)
    relay.set(Link())
    said = told(run)

    assert (said.exit, said.statuses) == (0, ["changed"] * 4), said
    assert begun(module_host) == ["a", "b", "c"]
    assert left_behind(module_host) == ""


def test_a_run_that_is_killed_leaves_what_the_next_one_removes(
    start: Start, ran: Ran, module_host: KitchenHost
) -> None:
    run = start(module_host, jobs(made("a", 2), made("b", 2)))
    until(module_host, "/srv/p/a")
    run.kill()
    run.communicate()
    until(module_host, "/srv/p/b.made")
    said = ran(module_host, jobs(made("c", 0), made("d", 0)), "--wait", "60s")
    assert (said.exit, set(said.statuses)) == (0, {"changed"})
    assert left_behind(module_host) == ""
