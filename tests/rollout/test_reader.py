"""The content of rollout.yml: what it means, and what is refused with file and line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cookbook.errors import UsageError
from cookbook.rollout.plan import plan
from cookbook.rollout.reader import read_rollouts, rollouts
from cookbook.rollout.strategy import (
    CommandAct,
    CommandHealth,
    Gate,
    HaproxyAct,
    HookAct,
    HttpHealth,
    NginxAct,
    TcpHealth,
)
from cookbook.text.yaml_value import wrap


def read(folder: Path, text: str) -> Any:
    path = folder / "rollout.yml"
    path.write_text(text)
    return read_rollouts(path)


WHOLE = """\
defaults: {healthy_deadline: 2m, auto_revert: all, stagger: 5}
max_failures: 5%
groups:
  db:
  web:
    after: db
    canary: 1
    batches: [1, 10%, 100%]
    max_parallel: 2
    min_healthy: 80%
    max_failures: 1
    stagger: 90s
    min_healthy_time: 10s
    progress_deadline: 1h
    check_interval: 0.5s
    health_check:
      - {http: "http://{address}/health"}
      - {http: {url: "https://{name}/", status: 204, body: ok, timeout: 2s}}
      - {tcp: 22}
      - {tcp: {port: 5432, timeout: 1s}}
      - {command: systemctl is-active web}
    drain:
      - {haproxy: {server: "web/{name}", hosts: lb}}
      - {nginx: {file: /etc/nginx/up.conf, server: "{address}:80", hosts: lb}}
    spread: {by: rack, max: 2}
    gate: {metric: {url: "http://prometheus/errors", max: 0.01}, each: true}
    auto_revert: batch
    change_window: [{days: mon-fri, from: 08:00, to: "17:00", zone: Europe/Berlin}]
"""


def test_everything_is_read(tmp_path: Path) -> None:
    found = read(tmp_path, WHOLE)

    db, web = found.groups["db"], found.groups["web"]
    assert (db.healthy_deadline, db.auto_revert, db.stagger) == (120, "all", 5)
    assert (web.healthy_deadline, web.auto_revert, web.stagger) == (120, "batch", 90)
    assert (tuple(web.after), str(web.canary)) == (("db",), "1")
    assert [*map(str, web.batches)] == ["1", "10%", "100%"]
    assert [*map(str, (web.max_parallel, web.min_healthy, web.max_failures))] == ["2", "80%", "1"]
    assert (web.min_healthy_time, web.progress_deadline, web.check_interval) == (10, 3600, 0.5)
    assert web.health_check == (
        HttpHealth("http://{address}/health"),
        HttpHealth("https://{name}/", 204, "ok", 2),
        TcpHealth(22),
        TcpHealth(5432, 1),
        CommandHealth("systemctl is-active web"),
    )
    drain = (
        HaproxyAct("web/{name}", "lb"),
        NginxAct("/etc/nginx/up.conf", "{address}:80", "lb"),
    )
    assert (web.drain, web.enable) == (drain, drain)
    assert (web.spread, web.spread_max) == ("rack", 2)
    assert web.gate == Gate("metric", (), "http://prometheus/errors", 0.01, None, each=True)
    assert [window.written for window in web.change_window] == [
        "mon-fri 08:00 to 17:00 (Europe/Berlin)"
    ]
    assert str(found.max_failures_in_all) == "5%"


def test_a_journal_keeps_what_the_file_said(tmp_path: Path) -> None:
    found = read(tmp_path, WHOLE)

    again = rollouts(wrap(found.data, "x", UsageError), tmp_path, found.source)

    assert again.groups == found.groups
    assert again.max_failures_in_all == found.max_failures_in_all


def test_programs_are_beside_the_file_or_in_the_path(tmp_path: Path) -> None:
    text = (
        "groups:\n  web:\n    canary: 1\n    gate: {script: [./ok.sh, web]}\n"
        "    drain: {hook: [./out.sh, now]}\n    enable: {command: {run: ready, hosts: lb}}\n"
    )
    web = read(tmp_path, text).groups["web"]

    assert web.gate == Gate("script", (f"{tmp_path}/ok.sh", "web"))
    assert web.drain == (HookAct((f"{tmp_path}/out.sh", "now")),)
    assert web.enable == (CommandAct("ready", "lb"),)


@pytest.mark.parametrize(
    ("strategy", "said"),
    [
        ("{batch: [1]}", ":1: there is no 'batch' here; did you mean 'batches'?"),
        ("{min_helthy: 1}", "did you mean 'min_healthy'?"),
        ("{batches: []}", "there must be at least one size"),
        ("{batches: [0]}", "it must be at least one host"),
        ("{batches: [150%]}", "'150%' is no number of hosts; a whole number, or a share"),
        ("{batches: [1.5]}", "1.5 is no number of hosts"),
        ("{canary: true}", "true is no number of hosts"),
        ("{min_healthy: -1}", "-1 is no number of hosts"),
        ("{stagger: soon}", "'soon' is no span of time; a number and s, m, h, d or w"),
        ("{stagger: nan}", "'nan' is no span of time"),
        ("{check_interval: 0}", "the time between two checks cannot be zero"),
        ("{health_check: {htpp: x}}", "did you mean 'http'?"),
        ("{health_check: {http: ftp://x}}", "a health check by http needs a URL"),
        ("{health_check: {http: {status: 200}}}", "a health check by http needs a URL"),
        ("{health_check: {tcp: 70000}}", "70000 is no port"),
        ("{health_check: {tcp: {timeout: 1}}}", "a health check by tcp needs a port"),
        ("{health_check: {recipe: no.py}}", "there is no recipe 'no.py'"),
        ("{health_check: x}", "a mapping is expected here, not 'x'; one of http"),
        ("{health_check: {tcp: 1, http: x}}", "one kind at a time; a list can have several"),
        ("{drain: {command: x}}", "drain without enable; a command or a hook has no inverse"),
        ("{drain: {haproxy: {server: web, hosts: lb}}}", "'web' is no server; e.g."),
        ("{drain: {haproxy: {server: a/b}}}", "`hosts` is missing here"),
        ("{drain: {hook: {timeout: 1s}}, enable: {hook: x}}", "a hook needs a program"),
        ("{spread: {by: rack, max: 0}}", "`max` must be at least 1"),
        ("{auto_revert: yes}", "no kind of revert"),
        ("{gate: manual}", "a gate without a canary and with one batch"),
        ("{stagger: 10m}", "stagger (600 s) is not below progress_deadline (600 s)"),
        (
            "{healthy_deadline: 9m, min_healthy_time: 2m}",
            "min_healthy_time (660 s) together are not",
        ),
        ("{progress_deadline: 2m}", "healthy_deadline and min_healthy_time (300 s) together"),
        ("{min_healthy: 1, check_interval: 11m}", "check_interval (660 s) is not below"),
        ("{canary: 1, gate: automatic}", "'automatic' is no gate"),
        ("{canary: 1, gate: {script: a, manual: true}}", "one of manual, script, metric"),
        ("{canary: 1, gate: {metric: {url: 'http://x'}}}", "needs `max`, `min`, or both"),
        ("{canary: 1, gate: {metric: {url: x, max: 1}}}", "'x' is no URL"),
        ("{canary: 1, gate: {metric: {url: 'http://x', max: a}}}", "a number is expected here"),
        ("{after: wbe}", "after 'wbe', which is no group of this rollout; did you mean 'web'?"),
        ("{change_window: [{days: monday}]}", "'monday' is no day"),
        ("[1]", "a mapping is expected here, not a list"),
    ],
)
def test_what_is_wrong_is_refused_with_file_and_line(
    tmp_path: Path, strategy: str, said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, f"groups: {{web: {strategy}}}")

    assert "rollout.yml:1" in str(caught.value)
    assert said in f"{caught.value}; {caught.value.hint}"


def test_settings_that_contradict_each_other_are_told_with_the_line_of_the_key(
    tmp_path: Path,
) -> None:
    text = (
        "defaults:\n  stagger: 2m\n  healthy_deadline: 5s\n"
        "groups:\n  web:\n    progress_deadline: 1m\n"
    )
    with pytest.raises(UsageError, match=r"rollout\.yml:2: stagger \(120 s\) is not below"):
        read(tmp_path, text)

    # A rollout that has begun goes on with what its journal has.
    value = wrap({"groups": {"web": {"stagger": "20m"}}}, "x", UsageError)
    assert rollouts(value, tmp_path, "x", kept=True).groups["web"].stagger == 1200


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "rollout.yml: empty"),
        ("group: {web: }", "did you mean 'groups'?"),
        ("defaults: {canary: 1}", "there are no groups"),
        ("groups: [web]", "groups must be a mapping of groups to strategies, not a list"),
        ("defaults: {after: web}\ngroups: {web: }", "`after` belongs to a group"),
        ("groups: {web: }\nmax_failures: x", "'x' is no number of hosts"),
    ],
)
def test_what_is_wrong_at_the_top_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)

    assert said in f"{caught.value}; {caught.value.hint}"


# -- the plan --------------------------------------------------------------------------------------


def batches(folder: Path, strategy: str, hosts: int) -> list[int]:
    found = read(folder, f"groups: {{web: {strategy}}}")
    names = [f"w{i}" for i in range(hosts)]
    made = plan(found, {"web": names}, {name: {} for name in names})
    assert [host for batch in made.stages[0].batches for host in batch.hosts] == names
    return [len(batch.hosts) for batch in made.stages[0].batches]


@pytest.mark.parametrize(
    ("strategy", "hosts", "sizes"),
    [
        ("", 5, [5]),
        ("{batches: [1, 10%, 50%, 100%]}", 20, [1, 2, 10, 7]),
        ("{batches: [1, 10%, 50%, 100%]}", 3, [1, 1, 1]),
        ("{batches: 2}", 5, [2, 2, 1]),
        ("{batches: [30%]}", 10, [3, 3, 3, 1]),
        ("{canary: 1, batches: [50%]}", 9, [1, 4, 4]),
        ("{canary: 10%}", 5, [1, 4]),
        ("{canary: 1}", 1, [1]),
        ("{batches: [1]}", 0, []),
    ],
)
def test_sizes_of_batches(tmp_path: Path, strategy: str, hosts: int, sizes: list[int]) -> None:
    assert batches(tmp_path, strategy, hosts) == sizes


def test_groups_come_after_those_they_name_and_pending_hosts_first(tmp_path: Path) -> None:
    found = read(tmp_path, "groups: {web: {after: [db, queue]}, queue: {after: db}, db: }")
    hosts: dict[str, dict[str, object]] = {name: {} for name in ("w1", "w2", "q", "d", "x")}

    made = plan(
        found, {"web": ["w1", "w2", "w9"], "queue": ["q"], "db": ["d"]}, hosts, first=["w2"]
    )

    assert [stage.group for stage in made.stages] == ["db", "queue", "web"]
    assert made.hosts == ("d", "q", "w2", "w1")
    assert made.stages[2].others == ("w9",)
    assert made.left_out == ("x",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("groups: {web: {after: db}, db: {after: web}}", "groups wait for each other: "),
        ("groups: {wbe: }", ":1: the inventory has no group 'wbe'; did you mean 'web'?"),
        ("groups: {web: , all: }", "host w is in web and in all"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(tmp_path: Path, text: str, said: str) -> None:
    groups = {"web": ["w"], "db": ["d"], "all": ["w", "d"]}
    with pytest.raises(UsageError) as caught:
        plan(read(tmp_path, text), groups, {"w": {}, "d": {}})

    assert said in f"{caught.value}; {caught.value.hint}"
    assert "rollout.yml:1" in str(caught.value)
