"""
Parallel blocks on a real host: by the times that the commands themselves write there.

What is lost, ended or late while they run is in tests/faults/test_parallel.py.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from cookbook.kitchen import KitchenHost
from tests.on_hosts.conftest import Cook, command

pytestmark = pytest.mark.hosts


def met(*began: str) -> str:
    """The command that ends when all of these have something in them, and fails if none comes."""
    there = " && ".join(f"[ -s {path} ]" for path in began)
    return f"i=0; until {there}; do i=$((i + 1)); [ $i -lt 600 ] || exit 9; sleep 0.1; done"


THREE = """
with parallel():
    for name in "abc":
        execute(name, command=f"date +%s%N >{name}.began; MET; date +%s%N >{name}.ended",
                cwd="/srv/p", creates=f"/srv/p/{name}.ended")
""".replace("MET", met("/srv/p/a.began", "/srv/p/b.began", "/srv/p/c.began"))


@pytest.fixture
def machine(restored_host: KitchenHost) -> KitchenHost:
    done = restored_host.run(
        "rm -rf /srv/p; mkdir -p /srv/p; id app 2>/dev/null || useradd -m -s /bin/sh app"
    )
    assert done.returncode == 0, done.stderr
    return restored_host


def said(host: KitchenHost, command: str) -> str:
    done = host.run(command)
    assert done.returncode == 0, done.stderr
    return done.stdout


def resources(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    [told] = document["hosts"].values()
    return {one["id"].partition("[")[2].rstrip("]"): one for one in told["resources"]}


def spans(host: KitchenHost, names: str) -> list[tuple[int, int]]:
    """When each command began and ended."""
    text = said(host, f"cd /srv/p; for n in {' '.join(names)}; do cat $n.began $n.ended; done")
    moments = [*map(int, text.split())]
    assert len(moments) == 2 * len(names)
    return list(zip(moments[::2], moments[1::2], strict=True))


def all_overlap(host: KitchenHost, names: str) -> bool:
    pairs = itertools.combinations(spans(host, names), 2)
    return all(max(a[0], b[0]) < min(a[1], b[1]) for a, b in pairs)


def nothing_is_left(host: KitchenHost) -> bool:
    return said(host, "find / -xdev -name '.jobs-*' 2>/dev/null || :") == ""


@pytest.mark.parametrize("transport", ["ssh", "openssh"], indirect=True)
def test_three_commands_run_at_the_same_time_and_only_once(
    machine: KitchenHost, cook: Cook
) -> None:
    first = cook(machine, "converge", recipe=THREE)
    assert (first["status"], first["totals"]["changed"]) == (0, 3), first
    assert all_overlap(machine, "abc")
    assert resources(first)["a"]["parallel"] == ["execute[b]", "execute[c]"]
    assert nothing_is_left(machine)

    second = cook(machine, "converge", recipe=THREE)
    assert (second["status"], second["totals"]["changed"]) == (0, 0), second


def test_each_has_its_own_result_in_the_report_and_in_the_history(
    machine: KitchenHost, cook: Cook
) -> None:
    recipe = """
with parallel():
    execute("good", command="sleep 1; echo fine", creates="/srv/p/never-there")
    execute("bad", command="echo of bad >&2; exit 7")
    file("/srv/p/f", content="x", mode="0644")
execute("last", command="touch /srv/p/last")
"""
    told = cook(machine, "converge", recipe=recipe)
    assert told["status"] == 3
    done = resources(told)
    # The wanted path did not come: that is found out after the commands, for each by itself.
    assert {name: one["status"] for name, one in done.items()} == {
        "good": "failed",
        "bad": "failed",
        "/srv/p/f": "changed",
        "last": "not-run",
    }
    assert "still differs" in done["good"]["error"]["message"]
    assert (done["bad"]["error"]["status"], done["bad"]["error"]["output"]) == (7, "of bad")
    assert said(machine, "cat /srv/p/f; ls /srv/p") == "xf\n"
    assert nothing_is_left(machine)

    kept = resources(command("show", told["run"], "--output", "json"))
    assert (kept["bad"]["error"]["status"], kept["bad"]["error"]["output"]) == (7, "of bad")
    assert (kept["good"]["status"], kept["/srv/p/f"]["status"]) == ("failed", "changed")
    assert kept["bad"]["parallel"] == ["execute[good]", "file[/srv/p/f]"]

    assert cook(machine, "undo", told["run"], "--yes", "--partial")["status"] == 0
    assert said(machine, "ls /srv/p") == ""


def test_a_changed_precondition_stops_the_block_before_it_begins(
    machine: KitchenHost, cook: Cook
) -> None:
    recipe = """
execute("before", command="echo other >/srv/p/f", not_if="grep -q x /srv/p/f")
with parallel():
    execute("a", command="echo a >>/srv/p/log")
    file("/srv/p/f", content="x", mode="0644")
"""
    said(machine, "echo former >/srv/p/f")
    told = cook(machine, "converge", recipe=recipe)
    assert (told["status"], told["totals"]["changed"]) == (0, 3), told
    assert "-other" in resources(told)["/srv/p/f"]["diff"]
    assert resources(told)["a"]["parallel"] == ["file[/srv/p/f]"]
    assert said(machine, "cat /srv/p/log /srv/p/f") == "a\nx"


def test_a_saved_plan_is_applied_at_the_same_time(
    machine: KitchenHost, cook: Cook, tmp_path: Any
) -> None:
    plan = str(tmp_path / "p.plan")
    looked = cook(machine, "plan", "-o", plan, recipe=THREE)
    assert resources(looked)["b"]["parallel"] == ["execute[a]", "execute[c]"]
    told = cook(machine, "apply", plan)
    assert (told["status"], told["totals"]["changed"]) == (0, 3), told
    assert all_overlap(machine, "abc")
    assert nothing_is_left(machine)


USERS = """
with parallel():
    execute("root", command="id -un >/srv/p/root.who; date +%s%N >/srv/p/r.began; MET;"
            " date +%s%N >/srv/p/r.ended")
    execute("app", command="cd; id -un >who; echo $HOME >>who; date +%s%N >a.began; MET;"
            " date +%s%N >a.ended", become_user="app")
    execute("other", command="cd; echo from app >&2; test -e nothing", become_user="app")
    file("/home/app/sent", content="s" * 400_000, become_user="app")
""".replace("MET", met("/srv/p/r.began", "/home/app/a.began"))


def test_resources_of_another_user_run_beside_those_of_root(
    machine: KitchenHost, cook: Cook
) -> None:
    told = cook(machine, "converge", recipe=USERS)
    done = resources(told)
    assert {name: one["status"] for name, one in done.items()} == {
        "root": "changed",
        "app": "changed",
        "other": "failed",
        "/home/app/sent": "not-run",
    }
    assert set(done["app"]["parallel"]) == {"execute[root]", "execute[other]"}
    assert done["other"]["error"]["output"] == "from app"
    assert done["other"]["error"]["command"].endswith("(as app)")
    assert said(machine, "cat /srv/p/root.who /home/app/who") == "root\napp\n/home/app\n"
    assert said(machine, "stat -c %U /home/app/a.ended").strip() == "app"
    said(machine, "mv /home/app/a.* /srv/p/")
    assert all_overlap(machine, "ra")
    assert nothing_is_left(machine)


SECRET = """
from cookbook.provider import Secret
file("/srv/p/s", content=Secret("hunter22-of-a"), mode="0600")
with parallel():
    execute("a", command="echo the password is $(cat /srv/p/?); exit 1")
    execute("b", command="echo it is hunter22-of-b >&2; exit 1", sensitive=True)
    execute("c", command="touch /srv/p/c")
"""


def test_a_secret_in_the_output_is_not_shown(machine: KitchenHost, cook: Cook) -> None:
    told = cook(machine, "converge", recipe=SECRET)
    done = resources(told)
    assert [done[name]["status"] for name in "abc"] == ["failed", "failed", "changed"]
    assert "hunter22" not in str(told)
    assert done["a"]["error"]["output"] == "the password is ***"
    assert (done["b"]["error"]["output"], done["b"]["error"]["status"]) == ("", 1)
    assert nothing_is_left(machine)
