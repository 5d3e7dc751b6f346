"""`cook status`: what is where, as the history knows it; no host is contacted."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cookbook.cli import main
from cookbook.history.picture import HostPicture
from cookbook.history.status_document import compared, compared_with_group
from cookbook.history.store import History
from cookbook.inventory import load
from cookbook.run import pending
from cookbook.run.kept_facts import keep
from cookbook.testing import DEBIAN
from tests.history.conftest import WriteJournal

HOSTS = """\
hosts:
  web1: {vars: {pop: ams, size: 1}}
  web2: {vars: {pop: ams, size: 1}}
  web3: {vars: {pop: fra, size: 2}}
  db1: {vars: {pop: fra, secret: !secret x}}
  new1:
groups:
  web: {hosts: [web1, web2, web3]}
  all-of-us: {groups: [web], hosts: [db1]}
"""
OLD, NEW = "1" * 40, "2" * 40


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_journal: WriteJournal) -> Path:
    """A converge of all, then one of some, then a look at one."""
    monkeypatch.chdir(tmp_path)
    Path("hosts.yml").write_text(HOSTS)
    a, b = "file[/a]", "file[/b]"

    def ago(hours: float) -> str:
        moment = datetime.now(UTC) - timedelta(hours=hours)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    every = {name: [(a, "changed"), (b, "ok")] for name in ("web1", "web2", "web3", "db1")}
    write_journal("r1", every, started=ago(30), revision=OLD)
    some = {"web1": [(a, "ok"), (b, "changed")], "web2": [(a, "ok"), (b, "ok")]}
    write_journal("r2", some, started=ago(5), revision=NEW)
    failed = {"db1": [(a, "ok"), (b, "failed"), ("file[/c]", "not-run")]}
    write_journal("r3", failed, started=ago(4), revision=NEW, ends={"db1": "failed"})
    look = {"web2": [(a, "ok"), (b, "changed")], "web1": [(a, "ok"), (b, "ok")]}
    write_journal("r4", look, mode="drift", started=ago(1), revision=NEW)
    write_journal("r5", {"web3": []}, started=ago(3), ends={"web3": "unreachable"})
    return Path("hosts.yml")


Cook = Callable[..., str]


@pytest.fixture
def status(fleet: Path, capsys: pytest.CaptureFixture[str]) -> Cook:
    """What it prints."""

    def run(*words: str, exit_status: int = 0) -> str:
        assert main(["status", "--hosts", str(fleet), *words]) == exit_status
        said = capsys.readouterr()
        return said.out if exit_status == 0 else said.err

    return run


def document(status: Cook, *words: str) -> Any:
    return json.loads(status("--output", "json", *words))


def test_each_host_has_its_last_run_its_last_success_and_what_is_not_in_line(status: Cook) -> None:
    hosts = document(status)["hosts"]

    def short(name: str) -> tuple[Any, ...]:
        host = hosts[name]
        visits = [host[key] and host[key]["run"] for key in ("last", "success", "looked")]
        out = [one["resource"] for one in host["out"]]
        return host["result"], *visits, host["revision"], out, host["pending"]

    assert short("web1") == ("in line", "r4", "r2", "r4", NEW, [], [])
    assert short("web2") == ("out of line", "r4", "r2", "r4", NEW, ["file[/b]"], [])
    unreachable = ["converge was unreachable"]
    assert short("web3") == ("unreachable", "r5", "r1", "r1", OLD, [], unreachable)
    assert short("db1") == ("failed", "r3", "r1", "r3", OLD, ["file[/b]"], ["1 not run"])
    assert short("new1") == ("never", None, None, None, None, [], [])
    assert hosts["web1"]["success"]["age"] == pytest.approx(5 * 3600, abs=60)
    assert hosts["db1"]["resources"] == 3


def test_it_is_grouped_by_the_innermost_groups(status: Cook) -> None:
    found = document(status)
    assert found["groups"] == {
        "web": ["web1", "web2", "web3"],
        "all-of-us": ["db1"],
        "(none)": ["new1"],
    }
    assert found["totals"] == {
        "in line": 1,
        "out of line": 1,
        "unreachable": 1,
        "failed": 1,
        "never": 1,
    }


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ("pop", {"ams": ["web1", "web2"], "fra": ["web3", "db1"], "(none)": ["new1"]}),
        ("vars.size", {"1": ["web1", "web2"], "2": ["web3"], "(none)": ["db1", "new1"]}),
        ("secret", {"(secret)": ["db1"], "(none)": ["web1", "web2", "web3", "new1"]}),
        (
            "revision",
            {"2222222222": ["web1", "web2"], "1111111111": ["web3", "db1"], "(none)": ["new1"]},
        ),
        (
            "state",
            {
                "in line": ["web1"],
                "out of line": ["web2"],
                "unreachable": ["web3"],
                "failed": ["db1"],
                "never": ["new1"],
            },
        ),
        ("environment", {"(none)": ["web1", "web2", "web3", "db1", "new1"]}),
    ],
)
def test_it_is_grouped_by_anything(by: str, groups: Mapping[str, Any], status: Cook) -> None:
    assert document(status, "--by", by)["groups"] == groups


def test_it_knows_whether_the_last_look_asked_for_another_state(
    status: Cook, write_journal: WriteJournal
) -> None:
    """Runs of earlier versions have no digest: then that is not known."""
    before = document(status)["hosts"]
    assert {host["asks_anew"] for host in before.values()} == {None}

    def ago(minutes: int) -> str:
        moment = datetime.now(UTC) - timedelta(minutes=minutes)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    done = {name: [("file[/a]", "changed")] for name in ("web1", "web2")}
    seen = {name: [("file[/a]", "ok")] for name in ("web1", "web2")}
    first, other = "1" * 64, "2" * 64
    write_journal("r6", done, started=ago(9), desired={"web1": first, "web2": first})
    looked = {"web1": first, "web2": other}
    write_journal("r7", seen, mode="plan", started=ago(8), desired=looked)
    hosts = document(status)["hosts"]
    assert [hosts[name]["asks_anew"] for name in ("web1", "web2", "web3")] == [False, True, None]
    assert [hosts[name]["desired"] for name in ("web1", "web2", "db1")] == [first, first, None]
    assert hosts["web2"]["looked"]["desired"] == other
    grouped = document(status, "--by", "desired")["groups"]
    assert grouped == {first[:12]: ["web1", "web2"], "(none)": ["web3", "db1", "new1"]}
    write_journal("r8", {"web2": [("file[/a]", "ok")]}, started=ago(7), desired={"web2": other})
    compared = status("--compare", "web1", "web2")
    assert re.search(r"desired +1{6,}\S* +2{6,}", compared), compared


def test_hosts_with_equal_outcomes_are_one_line(status: Cook) -> None:
    text = status("--by", "pop", "--limit", "web*,db1,new1")

    assert re.sub(r"  +", "  ", text).splitlines() == [
        "pop ams (2 hosts)",
        "  HOSTS  STATE  LAST RUN  REVISION  LAST SUCCESS  NOT IN LINE",
        "  web2  out of line  drift 60 min ago  2222222222  5 h ago  1: file[/b]",
        "  web1  in line  drift 60 min ago  2222222222  5 h ago  -",
        "pop fra (2 hosts)",
        "  HOSTS  STATE  LAST RUN  REVISION  LAST SUCCESS  NOT IN LINE",
        "  web3  unreachable  converge 3 h ago  1111111111  30 h ago  converge was unreachable",
        "  db1  failed  converge 4 h ago  1111111111  30 h ago  1: file[/b]; 1 not run",
        "pop (none) (1 host)",
        "  HOSTS  STATE  LAST RUN  REVISION  LAST SUCCESS  NOT IN LINE",
        "  new1  never  -  -  -  -",
        "5 hosts: 1 in line, 1 out of line, 1 unreachable, 1 failed, 1 never.",
    ]


def test_runs_at_other_times_do_not_part_hosts(status: Cook, write_journal: WriteJournal) -> None:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    write_journal("r6", {"web2": [("file[/a]", "ok")]}, mode="drift", started=now)
    [_, _, line, _] = status("--limit", "web1,web2").splitlines()

    told = " ".join(line.split())
    assert re.fullmatch(
        r"web1, web2 in line drift \d{1,2} s to 6[01] min ago 2222222222 5 h ago -", told
    ), told


def test_many_hosts_are_counted_unless_all_are_wanted(
    status: Cook, write_journal: WriteJournal
) -> None:
    Path("hosts.yml").write_text('hosts: ["w[1:9]"]')
    write_journal("r6", {f"w{number}": [("file[/a]", "ok")] for number in range(1, 10)})

    assert "  w1, w2, w3, w4 and 5 more  in line" in status()
    assert "  w1, w2, w3, w4, w5, w6, w7, w8, w9  in line" in status("-v")


def test_two_hosts_are_compared(status: Cook) -> None:
    rows = document(status, "--compare", "web1", "db1")["rows"]

    assert {row["what"]: row["values"] for row in rows} == {
        "result": ["in line", "failed"],
        "revision": [NEW, OLD],
        "vars.pop": ["ams", "fra"],
        "vars.size": [1, None],
        "vars.secret": [None, "(secret)"],
        "file[/a] content": ["found", "wanted file[/a]"],
        "file[/b] content": ["found", "wanted file[/b]"],
        "file[/c]": [None, {"content": "wanted file[/c]"}],
    }
    text = status("--compare", "web1", "db1")
    assert text.splitlines()[0].split() == ["web1", "db1"]
    assert re.search(r"^vars\.size +1 +-$", text, re.MULTILINE)


def test_a_host_is_compared_with_its_group(status: Cook) -> None:
    found = document(status, "--compare", "web3")

    assert (found["sides"], found["of"]) == (["web3", "most of web"], 2)
    assert {row["what"]: (row["values"], row["count"]) for row in found["rows"]} == {
        "revision": ([OLD, NEW], 2),
        "vars.pop": (["fra", "ams"], 2),
        "vars.size": ([2, 1], 2),
        "file[/a] content": (["wanted file[/a]", "found"], 2),
        "file[/b] content": (["wanted file[/b]", "found"], 2),
    }
    assert "HOW MANY" in status("--compare", "web3")
    by_pop = document(status, "--compare", "web3", "--by", "pop")
    assert by_pop["sides"] == ["web3", "most of pop fra"]


def test_facts_that_are_kept_are_compared(status: Cook) -> None:
    hosts = load(Path("hosts.yml")).hosts
    other = replace(DEBIAN, version="13", hostname="db1", machine_id="x")
    keep([(hosts["web1"], DEBIAN), (hosts["db1"], other)])
    rows = document(status, "--compare", "web1", "db1")["rows"]

    facts = {row["what"]: row["values"] for row in rows if row["what"].startswith("facts.")}
    assert facts == {"facts.version": [DEBIAN.version, "13"]}


def test_features_are_compared_and_grouped_by(status: Cook) -> None:
    Path("features.yml").write_text("new-cache: {hosts: [web1, db1]}\n")

    assert document(status)["hosts"]["web1"]["features"] == {"new-cache": True}
    assert document(status, "--by", "feature.new-cache")["groups"] == {
        "on": ["web1", "db1"],
        "off": ["web2", "web3", "new1"],
    }
    rows = document(status, "--compare", "web1", "web2")["rows"]
    assert {"what": "feature.new-cache", "values": [True, False]} in rows
    assert "feature.new-cache" in status("--by", "feature.newcache", exit_status=1)


def test_a_feature_by_environment_is_as_in_a_run(status: Cook) -> None:
    Path("hosts.yml").write_text(HOSTS.replace("size: 1}", "size: 1}, environment: staging", 1))
    with Path("hosts.yml").open("a") as file:
        file.write("environments: {staging: {}}\n")
    Path("features.yml").write_text("new-cache: {when: environment == 'staging'}\n")

    groups = document(status, "--by", "feature.new-cache")["groups"]
    assert groups["on"] == ["web1"]


def test_equal_hosts_do_not_differ(status: Cook) -> None:
    Path("hosts.yml").write_text("hosts: [web5, web6]")
    assert status("--compare", "web5", "web6") == "web5 does not differ from web6\n"


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (
            ["--compare", "db", "web1"],
            "--compare: no host is named 'db'",
            "did you mean 'db1'?",
        ),
        (["--compare", "a", "b", "c"], "--compare takes one host or two", None),
        (["--compare", "db1"], "--compare db1: it is alone in each of its groups", "--by pop"),
        (["--compare", "new1"], "--compare new1: it is alone in each of its groups", None),
        (["--by", "ppo"], "--by ppo: no host has such a variable", "did you mean 'pop'?"),
        (["--report", "x.pdf"], "--report x.pdf: what format is that?", ".html, .json, .txt"),
        (["--report", "no/x.html"], "--report no/x.html: there is no folder no", None),
        (["--limit", "nope"], "the limit 'nope' matches no host", None),
    ],
)
def test_what_is_wrong_is_told(
    words: list[str], message: str, hint: str | None, status: Cook
) -> None:
    said = status(*words, exit_status=1)
    assert said.startswith(f"cook: {message}")
    assert hint is None or hint in said


def test_reports_are_files_that_only_their_owner_reads(status: Cook) -> None:
    said = status("--report", "s.html", "--report", "s.json", "--report", "s.txt")
    page = Path("s.html").read_text()

    assert Path("s.txt").read_text() == said
    assert json.loads(Path("s.json").read_text())["totals"]["failed"] == 1
    assert "<td>1: file[/b]</td>" in page
    assert "<script" not in page
    assert {path.stat().st_mode & 0o777 for path in Path().glob("s.*")} == {0o600}
    status("--compare", "web1", "db1", "--report", "c.html")
    assert '<th scope="row">vars.pop</th>' in Path("c.html").read_text()
    status("--compare", "web1", "web1", "--report", "c.html")
    assert "They do not differ." in Path("c.html").read_text()


def test_what_hosts_say_controls_neither_page_nor_terminal(
    status: Cook, write_journal: WriteJournal
) -> None:
    hostile = "file[<script>alert(1)</script>\x1b[2J\u202e]"
    Path("hosts.yml").write_text('hosts: {h: {vars: {pop: "</style><script>x\\u001b"}}}')
    write_journal("r6", {"h": [(hostile, "unknown")]})
    text = status("--report", "s.html", "--by", "pop")
    page = Path("s.html").read_text()

    assert "<script" not in page
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e]", f"{page}{text}".replace("\n", ""))
    assert page.count("</style>") == 1


def test_no_host_is_contacted_and_no_connection_made(
    status: Cook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cookbook.hosts.connect.connect", None)
    monkeypatch.setattr("socket.socket.connect", None)
    assert "5 hosts:" in status()


def test_a_host_that_comes_first_in_the_next_run_is_pending(status: Cook) -> None:
    pending.keep(Path("hosts.yml"), [], ["web3"])
    waits = {name: host["pending"] for name, host in document(status)["hosts"].items()}
    assert waits["web3"] == ["converge was unreachable", "comes first in the next run"]
    assert waits["web1"] == []


def test_a_run_at_work_is_pending(
    status: Cook, write_journal: WriteJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    path = write_journal("r9", {"web1": [("file[/a]", "ok")]}, finished=False)
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        monkeypatch.setenv("TZ", "UTC")
        path.write_text(path.read_text().replace("2026-05-01T12:00:00.000Z", now))
        assert document(status)["hosts"]["web1"]["pending"] == ["converge r9 is at work"]


def test_a_set_that_is_given_up_is_named_with_the_command_and_counts_no_longer(
    status: Cook, write_journal: WriteJournal, capsys: pytest.CaptureFixture[str]
) -> None:
    def ago(minutes: int) -> str:
        moment = datetime.now(UTC) - timedelta(minutes=minutes)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    fine = [("file[/a]", "ok")]
    left = [("file[/old]", "failed"), ("file[/new]", "not-run")]
    both = {"web1": left, "new1": left}
    write_journal(
        "s1", both, started=ago(50), of_set="old site", ends=dict.fromkeys(both, "failed")
    )
    write_journal("s2", {"web1": fine, "new1": fine}, started=ago(40), of_set="site")

    told = document(status)["hosts"]["new1"]
    assert told["result"] == "out of line"
    assert [(one["set"], one["run"], one["resources"]) for one in told["left"]] == [
        ("old site", "s1", ["file[/old]", "file[/new]"])
    ]
    text = status()
    assert "left by the last run of the set old site, 50 min ago: web1, new1. " in text
    assert "or, if it is given up: cook history retire 'old site'\n" in text

    assert main(["history", "retire", "old sites"]) == 1
    assert "old site" in capsys.readouterr().err
    assert main(["history", "retire", "old site", "--host", "web2"]) == 1
    assert "no run of the set 'old site' was on web2" in capsys.readouterr().err
    assert main(["history", "retire", "old site", "--host", "new1"]) == 0
    assert capsys.readouterr().out.startswith("the set old site is given up on 1 host;")
    hosts = document(status)["hosts"]
    assert (hosts["new1"]["result"], hosts["new1"]["left"]) == ("in line", [])
    assert hosts["web1"]["result"] == "out of line"
    assert main(["history", "retire", "old site", "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["hosts"] == ["new1", "web1"]
    assert document(status)["hosts"]["web1"]["result"] == "in line"
    assert "old site" not in status()
    assert main(["show", "s1"]) == 0  # its runs are still there
    capsys.readouterr()

    later = datetime.now(UTC) + timedelta(minutes=1)
    at = later.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    write_journal("s3", {"web1": left}, started=at, of_set="old site")
    assert document(status)["hosts"]["web1"]["result"] == "out of line"


class TestStore:
    """On each kind of database."""

    @pytest.fixture
    def filled(self, url: str | None, write_journal: WriteJournal) -> Iterator[History]:
        write_journal("r1", {"a": [("x[1]", "ok")], "b": []}, url=url)
        later = "2026-05-02T12:00:00.000Z"
        write_journal("r2", {"a": [("x[1]", "changed")] * 2}, mode="plan", started=later, url=url)
        with History.open(url) as history:
            yield history

    def test_the_newest_visit_counts(self, filled: History) -> None:
        found = filled.pictures(["b", "a", "nobody"])

        assert list(found) == ["b", "a", "nobody"]
        assert found["nobody"] == HostPicture(None, None, None, 0, [])
        a = found["a"]
        assert a.last is not None
        assert a.success is not None
        assert (a.last.run, a.success.run, a.resources, a.out) == ("r2", "r1", 1, ["x[1]"])
        assert found["b"].look is None

    def test_a_look_has_left_things_as_it_found_them(self, filled: History) -> None:
        found = filled.states(filled.pictures(["a", "b"]))
        assert found["a"]["x[1]"].left == {"content": "found"}
        assert "b" not in found

    def test_a_run_has_left_them_as_it_made_them(
        self, filled: History, url: str | None, write_journal: WriteJournal
    ) -> None:
        assert len(filled.runs()) == 2
        later = "2026-05-03T12:00:00.000Z"
        write_journal("r3", {"a": [("x[1]", "changed")]}, started=later, url=url)
        with History.open(url) as history:
            found = history.states(history.pictures(["a"]))
        assert found["a"]["x[1]"].left == {"content": "wanted x[1]"}

    def test_after_an_undo_the_revision_is_not_known(
        self, filled: History, url: str | None, write_journal: WriteJournal
    ) -> None:
        assert filled.pictures(["a"])["a"].revision == "0123456789" * 4
        later = "2026-05-03T12:00:00.000Z"
        write_journal("r3", {"a": [("x[1]", "changed")]}, mode="undo", started=later, url=url)
        with History.open(url) as history:
            picture = history.pictures(["a"])["a"]
        assert picture.success is not None
        assert (picture.success.run, picture.revision) == ("r3", None)

    def test_a_run_of_other_recipes_does_not_bring_a_failed_set_into_line(
        self, url: str | None, write_journal: WriteJournal
    ) -> None:
        failed = {"a": [("x[1]", "failed"), ("x[2]", "not-run")]}
        write_journal("r1", failed, url=url, of_set="base", ends={"a": "failed"})

        def after(run: str, day: int, of_set: str, **steps: str) -> tuple[object, ...]:
            at = f"2026-05-0{day}T12:00:00.000Z"
            told = {"a": [(f"x[{name[1:]}]", status) for name, status in steps.items()]}
            write_journal(run, told, started=at, url=url, of_set=of_set)
            with History.open(url) as history:
                picture = history.pictures(["a"])["a"]
            return picture.result, picture.out, picture.pending

        other = ("out of line", ["x[1]"], ["1 not run of base"])
        assert after("r2", 2, "motd", _3="ok") == other
        assert after("r3", 3, "motd", _3="changed") == other
        assert after("r4", 4, "base-anew", _1="changed") == ("out of line", [], other[2])
        assert after("r5", 5, "base", _1="ok", _2="ok") == ("in line", [], [])
        assert after("r6", 6, "declare-0123", _4="failed") == ("out of line", ["x[4]"], [])
        assert after("r7", 7, "base", _1="ok", _2="ok") == ("in line", [], [])

    def test_a_run_of_a_part_of_a_set_says_nothing_of_the_rest(
        self, url: str | None, write_journal: WriteJournal
    ) -> None:
        failed = {"a": [("x[1]", "failed"), ("x[2]", "not-run"), ("x[3]", "changed")]}
        write_journal("r1", failed, url=url, of_set="site", ends={"a": "failed"})

        def after(run: str, day: int, *options: str, **steps: str) -> tuple[object, ...]:
            at = f"2026-05-0{day}T12:00:00.000Z"
            mode = "undo" if options == ("undo",) else "converge"
            told = {"a": [(f"x[{name[1:]}]", status) for name, status in steps.items()]}
            write_journal(run, told, mode=mode, started=at, url=url, of_set="site", options=options)
            with History.open(url) as history:
                picture = history.pictures(["a"])["a"]
            return picture.result, picture.out, picture.pending

        tags, part = ("--tags", "app"), {"_1": "unchosen", "_2": "unchosen"}
        left = ("out of line", ["x[1]"], ["1 not run of site"])
        assert after("r2", 2, *tags, **part, _3="ok") == left
        assert after("r3", 3, *tags, **part, _3="changed") == left
        assert after("r4", 4, "undo", _3="changed") == left
        last = after("r5", 5, "--only=x[2]", _1="unchosen", _2="ok", _3="unchosen")
        assert last == ("out of line", ["x[1]"], [])
        assert after("r6", 6, _1="skipped", _2="ok", _3="ok") == ("in line", [], [])
        assert after("r7", 7, *tags, **part, _3="ok") == ("in line", [], [])
        assert after("r8", 8, _1="failed", _2="ok", _3="ok") == ("out of line", ["x[1]"], [])
        with History.open(url) as history:
            assert history.retire("site") == ["a"]
            assert history.pictures(["a"])["a"].result == "never"

    def test_a_host_of_the_same_name_elsewhere_is_another_one(
        self, filled: History, url: str | None, write_journal: WriteJournal
    ) -> None:
        """Inventories of two sites have hosts of the same names; old runs do not say where."""
        assert len(filled.runs()) == 2
        for number, place in ((3, "192.0.2.1:22"), (4, "192.0.2.2:22")):
            later = f"2026-05-0{number}T12:00:00.000Z"
            steps = {"a": [("x[1]", "ok")]}
            write_journal(f"r{number}", steps, started=later, url=url, places={"a": place})

        def last(**places: str) -> str | None:
            with History.open(url) as history:
                visit = history.pictures(["a"], places)["a"].last
            return None if visit is None else visit.run

        assert last(a="192.0.2.1:22") == "r3"
        assert last(a="192.0.2.2:22") == "r4"
        assert last(a="192.0.2.3:22") == "r2"
        assert last() == "r4"

    def test_more_hosts_than_fit_into_a_statement(self, filled: History) -> None:
        names = [*(f"h{number}" for number in range(1200)), "a"]
        found = filled.pictures(names)
        assert len(found) == 1201
        assert found["a"].last is not None


def test_the_status_of_an_inventory_is_that_of_its_own_hosts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One was never visited; a host of the same name in another inventory was."""
    monkeypatch.chdir(tmp_path)
    Path("r.py").touch()
    Path("here.yml").write_text("hosts: {web1: {transport: local}}")
    Path("there.yml").write_text("hosts: {web1: {address: 192.0.2.7}}")
    assert main(["converge", "r.py", "--hosts", "here.yml"]) == 0

    for inventory, result in (("here.yml", "in line"), ("there.yml", "never")):
        capsys.readouterr()
        assert main(["status", "--hosts", inventory, "--output", "json"]) == 0
        assert json.loads(capsys.readouterr().out)["hosts"]["web1"]["result"] == result


@pytest.mark.parametrize(
    ("one", "other", "rows"),
    [
        ({"x": 1}, {"x": 1}, []),
        ({"x": 1}, {"x": True}, [("x", [1, True])]),
        ({"x": {"a": 1, "b": 2}}, {"x": {"a": 1, "b": 3}}, [("x b", [2, 3])]),
        ({"x": {"a": 1}}, {"x": "(absent)"}, [("x", [{"a": 1}, "(absent)"])]),
        ({"x": [1]}, {}, [("x", [[1], None])]),
    ],
)
def test_differences(one: Any, other: Any, rows: list[tuple[str, list[Any]]]) -> None:
    found = compared(("a", one), ("b", other))["rows"]
    assert [(row["what"], row["values"]) for row in found] == rows


def test_what_each_host_has_otherwise_is_no_difference() -> None:
    others = {name: {"number": number, "size": 1} for number, name in enumerate("bcde")}
    found = compared_with_group(("a", {"number": 9, "size": 2}), "g", others)
    assert [(row["what"], row["count"]) for row in found["rows"]] == [("size", 4)]


@pytest.mark.slow
def test_a_thousand_hosts_take_no_five_seconds_of_a_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_journal: WriteJournal
) -> None:
    """With 30 resources each and three runs; 0.6 s when this was written. Other work counts not."""
    monkeypatch.chdir(tmp_path)
    Path("hosts.yml").write_text('hosts: ["w[1:1000]"]\n')
    steps = [(f"file[/etc/{number}]", "ok" if number % 7 else "changed") for number in range(30)]
    for run in ("r1", "r2", "r3"):
        write_journal(run, {f"w{number}": steps for number in range(1, 1001)})
    with History.open():
        pass  # the journals are read
    words = ["status", "--hosts", "hosts.yml", "--output", "json"]
    code = f"import sys; from cookbook.cli import main; sys.exit(main({words!r}))"
    before = os.times()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    after = os.times()

    used = after.children_user + after.children_system - before.children_user
    assert used - before.children_system < 5
    assert len(json.loads(done.stdout)["hosts"]) == 1000
