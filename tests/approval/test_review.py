"""Rules in a YAML file: what they forbid, and that a misspelt one is no rule less."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pytest

from cookbook.approval.policy_file import read_reviewer
from cookbook.cli import main
from cookbook.errors import UsageError
from cookbook.language.change import Change
from cookbook.language.collection import Declared
from cookbook.language.resource import Resource
from cookbook.planning.step import Step
from cookbook.reports.report import HostReport, Report
from cookbook.resources.directory import Directory
from cookbook.resources.file import File
from cookbook.resources.package import Package
from cookbook.resources.service import Service

NOON = dt.datetime(2026, 5, 6, 12, tzinfo=ZoneInfo("Europe/Berlin"))  # a Wednesday
Kind = Literal["create", "update", "remove", "act", "unknown", "ok"]


def step(resource: Resource, kind: Kind) -> Step:
    """A step of a plan; what it is about does not matter here."""
    declared = Declared(resource, "r.py:1")
    if kind in ("unknown", "ok"):
        return Step(declared, "unknown" if kind == "unknown" else "ok")
    found, wanted = Package("old"), Package("new")  # any two dataclasses that differ
    changes: dict[str, Change[Any]] = {
        "create": Change(None, wanted),
        "update": Change(found, wanted),
        "remove": Change(found, None),
        "act": Change(found, found, act="restart"),
    }
    return Step(declared, "changed", changes[kind])


def plan(**hosts: list[Step]) -> Report:
    return Report("1", "plan", {n: HostReport(n, "changed", steps) for n, steps in hosts.items()})


def said(folder: Path, rules: str, report: Report, moment: dt.datetime = NOON) -> list[str]:
    path = folder / "rules.yml"
    path.write_text(rules)
    found = read_reviewer(path, lambda: moment).cookbook_review(report)
    return [text.replace(f"{folder}/", "") for text in found]


def test_no_rules_forbid_nothing(tmp_path: Path) -> None:
    assert said(tmp_path, "", plan(h=[step(Package("x"), "remove")])) == []


FORBID: dict[str, tuple[str, Resource, Kind, bool]] = {
    "any": ('resource: "package[*]"', Package("x"), "create", True),
    "another kind": ('resource: "package[*]"', Service("x"), "act", False),
    "by name": ('resource: "package[ngi?x]"', Package("nginx"), "create", True),
    "another name": ('resource: "package[ngi?x]"', Package("nginxx"), "create", False),
    "a list": ('resource: ["file[*]", "package[*]"]', Package("x"), "create", True),
    "in line": ('resource: "package[*]"', Package("x"), "ok", False),
    "what it amounts to": ("action: remove", Package("x", action="purge"), "remove", True),
    "what it does not": ("action: remove", Package("x"), "update", False),
    "what the recipe says": ("action: purge", Package("x", action="purge"), "remove", True),
    "what is done besides": ("action: [restart, stop]", Service("x"), "act", True),
    "unknown, may create": ("action: create", Package("x"), "unknown", True),
    "unknown, may remove": ("action: remove", Package("x", action="purge"), "unknown", True),
    "unknown, removes nothing": ("action: remove", Package("x"), "unknown", False),
    "a host": ('hosts: "db*"', Package("x"), "create", True),
    "another host": ('hosts: "web*"', Package("x"), "create", False),
}


@pytest.mark.parametrize(("rule", "resource", "kind", "objects"), FORBID.values(), ids=FORBID)
def test_forbid(
    tmp_path: Path, rule: str, resource: Resource, kind: Kind, *, objects: bool
) -> None:
    rules = f"forbid:\n  - {{{rule}, reason: ask the DBA}}\n"

    found = said(tmp_path, rules, plan(db1=[step(resource, kind)], db2=[step(resource, kind)]))

    assert found == ([f"rules.yml:2: {resource}: ask the DBA (db1, db2)"] if objects else [])


_DELETE: Literal["delete"] = "delete"
PATHS: dict[str, tuple[str, Resource, Kind, bool]] = {
    "below": ("deny: [/etc/ssh/**]", File("/etc/ssh/a/b"), "update", True),
    "beside": ("deny: [/etc/ssh/**]", File("/etc/sshd"), "update", False),
    "one level": ("deny: [/etc/*.conf]", File("/etc/a.conf"), "create", True),
    "not two": ("deny: [/etc/*.conf]", File("/etc/a/b.conf"), "create", False),
    "the folder it is in": (
        "deny: [/etc/ssh/**]",
        Directory("/etc", action=_DELETE),
        "remove",
        True,
    ),
    "the folder itself": ("deny: [/a/*/b]", Directory("/a/x", action=_DELETE), "remove", True),
    "another folder": ("deny: [/a/*/b]", Directory("/a/x/c", action=_DELETE), "remove", False),
    "a folder that is made": ("deny: [/etc/ssh/**]", Directory("/etc"), "create", False),
    "allowed": ("allow: [/srv/**]", File("/srv/a"), "create", False),
    "not among the allowed": ("allow: [/srv/**]", File("/etc/a"), "create", True),
    "nothing is allowed": ("allow: []", File("/etc/a"), "create", True),
    "deny wins": ("allow: [/srv/**], deny: [/srv/x]", File("/srv/x"), "create", True),
    "by its path": ("deny: [/etc/**]", File("motd", path="/etc/motd"), "create", True),
    "no path at all": ("allow: [/srv/**]", Package("x"), "create", False),
    "unknown": ("deny: [/etc/**]", File("/etc/a"), "unknown", True),
}


@pytest.mark.parametrize(("rule", "resource", "kind", "objects"), PATHS.values(), ids=PATHS)
def test_paths(tmp_path: Path, rule: str, resource: Resource, kind: Kind, *, objects: bool) -> None:
    found = said(tmp_path, f"paths: {{{rule}}}\n", plan(h=[step(resource, kind)]))

    assert len(found) == objects, found


def test_too_much_at_once(tmp_path: Path) -> None:
    many = [step(Package(f"p{i}"), "create") for i in range(3)]
    hosts = {"a": many, "b": [*many[:2], step(Package("x"), "ok")], "c": [step(Package("x"), "ok")]}

    assert said(tmp_path, "most_changes: {per_host: 2, hosts: 2}", plan(**hosts)) == [
        "rules.yml: 3 changes on a, at most 2 are allowed"
    ]
    assert said(tmp_path, "most_changes: {hosts: 1}", plan(**hosts)) == [
        "rules.yml: 2 hosts would change, at most 1 may"
    ]


HOURS: dict[str, tuple[str, str, bool]] = {
    "in time": ("{days: mon-fri, from: '08:00', to: '17:00'}", "2026-05-06T08:00", True),
    "too early": ("{days: mon-fri, from: '08:00', to: '17:00'}", "2026-05-06T07:59", False),
    "to is not in it": ("{days: mon-fri, from: '08:00', to: '17:00'}", "2026-05-06T17:00", False),
    "no quotes": ("{days: mon-fri, from: 08:00, to: 17:00}", "2026-05-06T16:59", True),
    "the weekend": ("{days: mon-fri}", "2026-05-09T12:00", False),
    "a list of days": ("{days: [sat, 'mon,sun']}", "2026-05-10T12:00", True),
    "round the week": ("{days: sat-mon}", "2026-05-11T12:00", True),
    "not round it": ("{days: sat-mon}", "2026-05-12T12:00", False),
    "over midnight, before": ("{days: wed, from: 22:00, to: 04:00}", "2026-05-06T23:00", True),
    "over midnight, after": ("{days: wed, from: 22:00, to: 04:00}", "2026-05-07T03:59", True),
    "the night before": ("{days: wed, from: 22:00, to: 04:00}", "2026-05-06T03:59", False),
    "to the end of the day": ("{from: 22:00, to: 24:00}", "2026-05-06T23:59", True),
}


@pytest.mark.parametrize(("rule", "moment", "fits"), HOURS.values(), ids=HOURS)
def test_hours(tmp_path: Path, rule: str, moment: str, *, fits: bool) -> None:
    there = dt.datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo("Europe/Berlin"))
    rules = f"hours: [{rule.replace('}', ', zone: Europe/Berlin}')}]\n"

    found = said(tmp_path, rules, plan(h=[step(Package("x"), "create")]), there.astimezone(dt.UTC))

    assert len(found) == (not fits), found
    assert said(tmp_path, rules, plan(h=[step(Package("x"), "ok")]), there) == []


def test_one_of_several_times_is_enough(tmp_path: Path) -> None:
    rules = "hours:\n  - {days: mon, zone: Europe/Berlin}\n  - {from: '14:00', to: '15:00'}\n"
    report = plan(h=[step(Package("x"), "create")])

    assert said(tmp_path, rules, report) == [
        (
            "rules.yml: changes are made mon 00:00 to 24:00 (Europe/Berlin)"
            " or on all days 14:00 to 15:00 (UTC); now it is Wed 12:00 CEST"
        )
    ]
    assert said(tmp_path, rules, report, dt.datetime(2026, 5, 6, 14, 30, tzinfo=dt.UTC)) == []


WRONG: dict[str, tuple[str, str]] = {
    "a misspelt rule": ("forbids: []", "rules.yml:1: there is no 'forbids' here"),
    "a misspelt key": (
        "forbid:\n - {resource: 'x[y]',\n    host: a}",
        "rules.yml:3: there is no 'host'",
    ),
    "nothing forbidden": ("forbid: [{reason: x}]", "rules.yml:1: this forbids nothing"),
    "no resource": ("forbid: [{resource: nginx}]", "'nginx' is no resource"),
    "no list": ("forbid: {resource: x}", "rules.yml:1: a list is expected here"),
    "no mapping": ("[1]", "rules.yml:1: a mapping is expected here"),
    "no path": ("paths: {deny: [etc]}", "'etc' is no absolute path"),
    "no number": ("most_changes: {hosts: many}", "a number of changes is expected"),
    "yes is no number": ("most_changes: {hosts: yes}", "a number of changes is expected"),
    "no day": ("hours: [{days: moon}]", "'moon' is no day"),
    "no time": ("hours: [{from: '25:00'}]", "'25:00' is no time of the day"),
    "no zone": ("hours: [{zone: Mars}]", "there is no time zone 'Mars'"),
    "no time at all": ("hours: [{from: '08:00', to: '08:00'}]", "no time at all"),
    "no YAML": ("forbid: [", "rules.yml:2:1: not YAML"),
    "twice": ("hours: []\nhours: []", "rules.yml:2: key 'hours' is here for the second time"),
    "python": ("forbid: !!python/object:os.system {}", "unknown tag"),
}


@pytest.mark.parametrize(("rules", "message"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_a_rule_is_refused_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rules: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rules.yml").write_text(rules)

    with pytest.raises(UsageError) as caught:
        read_reviewer(Path("rules.yml"))

    assert message in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read") as caught:
        read_reviewer(tmp_path / "rules.yml")

    assert caught.value.hint is None


@pytest.mark.parametrize("command", ["converge", "plan", "apply"])
def test_the_command_objects(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("r.py").write_text(f"from cookbook.resources import *\nfile('{tmp_path}/x')\n")
    Path("rules.yml").write_text(f"paths: {{deny: ['{tmp_path}/**']}}\n")
    Path("good.yml").write_text("paths: {deny: ['/etc/**']}\n")
    assert main(["plan", "r.py", "--local", "-o", "p.cook", "--review", "good.yml"]) == 2
    words = [command, "p.cook" if command == "apply" else "r.py", "--local"]

    status = main([*words, "--review", "good.yml", "--review", "rules.yml"])

    assert status == 3
    assert (
        f"objection: rules.yml: file[{tmp_path}/x]: the path is denied" in capsys.readouterr().out
    )
    assert not Path("x").exists()
    assert main([*words, "--review", "good.yml"]) == (2 if command == "plan" else 0)
    Path("rules.yml").write_text("oops: 1")
    assert main([*words, "--review", "rules.yml"]) == 1
