"""Drift: who has changed, the host or the recipe; what is ignored; and `cook drift`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cookbook.cli import main
from cookbook.errors import InputError, UsageError
from cookbook.history.drift import Known, NoPast, Past, annotated, cause
from cookbook.history.ignore_rules import Ignore, ignores
from cookbook.history.step_record import StateRecord
from cookbook.inventory import local
from cookbook.planning.step import Step
from cookbook.reports import FORMATS
from cookbook.reports.report import Report, report_json
from cookbook.reports.schema import ResourceDocument
from cookbook.run.options import Run
from cookbook.run.runner import Runner
from cookbook.text.glob import Glob

HEADING = "from cookbook.resources import *\nfrom cookbook.recipe import *\n"
TODAY = date(2026, 6, 1)

Drift = Callable[..., Report]
Cook = Callable[..., tuple[int, str, str]]


class Remembered:
    """A past that knows what it is told."""

    def __init__(self, known: Mapping[str, Known]) -> None:
        self.known = known

    def of(self, host: str, machine_id: str, ids: Sequence[str]) -> Mapping[str, Known]:
        return {id: self.known[id] for id in ids if id in self.known}


def left(**state: Any) -> Known:
    return Known(state or None, in_line=True, run="1", since=None)


@pytest.fixture
def drift(tmp_path: Path) -> Drift:
    """A drift run on this machine, seen against a past."""

    def run(recipe: str, past: Past | None = None, excused: Sequence[Ignore] = ()) -> Report:
        (tmp_path / "r.py").write_text(f"{HEADING}D = '{tmp_path}'\n{recipe}")
        runner = Runner(Run("drift", [tmp_path / "r.py"], local().select([]), {}))
        return annotated(runner.execute(), past or NoPast(), excused, TODAY)

    return run


@pytest.fixture
def cook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Cook:
    monkeypatch.chdir(tmp_path)
    Path("r.py").write_text(
        f"{HEADING}file('{tmp_path}/x', content='hello\\n')\ndirectory('{tmp_path}')\n"
    )

    def run(*words: str) -> tuple[int, str, str]:
        status = main(["drift", "r.py", "--local", *words])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


def steps(report: Report) -> list[Step]:
    return [step for host in report.hosts.values() for step in host.steps]


def resources(report: Report) -> list[ResourceDocument]:
    return [r for host in report_json(report)["hosts"].values() for r in host["resources"]]


A, B, C = {"mode": "0644"}, {"mode": "0600"}, {"mode": "0755"}

# what we left, what is found, what is wanted -> who has changed
CAUSES = {
    "it was as wanted": (B, A, B, "drift"),
    "it is as we left it": (A, A, B, "intent"),
    "it is neither as left nor as wanted": (C, A, B, "drift"),
    "it is gone": (B, None, B, "drift"),
    "it is gone, and something else is wanted": (A, None, B, "drift"),
    "it was never there": (None, None, B, "intent"),
    "it came where there was nothing": (None, A, B, "drift"),
    "it has come back": (None, A, None, "drift"),
    "it is to go": (A, A, None, "intent"),
    "a property that was not known then": ({}, A, B, "intent"),
}


class TestCause:
    @pytest.mark.parametrize(("before", "found", "wanted", "expected"), CAUSES.values(), ids=CAUSES)
    def test_of_one_property(self, before: Any, found: Any, wanted: Any, expected: str) -> None:
        now: StateRecord = {
            "provider": "coreutils",
            "resource": {},
            "found": found,
            "wanted": wanted,
            "left": None,
            "act": None,
        }
        assert cause(before, now, ["mode"]) == expected

    def test_one_property_that_drifted_is_drift(self) -> None:
        now: StateRecord = {
            "provider": "coreutils",
            "resource": {},
            "found": {"mode": "0644", "owner": "root"},
            "wanted": {"mode": "0600", "owner": "www"},
            "left": None,
            "act": None,
        }
        before = {"mode": "0644", "owner": "www"}
        assert cause(before, now, ["mode"]) == "intent"
        assert cause(before, now, ["mode", "owner"]) == "drift"

    def test_a_host_without_a_past(self, drift: Drift) -> None:
        [step] = steps(drift("file(f'{D}/x')"))
        assert (step.status, step.cause) == ("changed", None)

    def test_a_resource_without_a_past_is_new_in_the_recipe(
        self, drift: Drift, tmp_path: Path
    ) -> None:
        past = Remembered({f"file[{tmp_path}/x]": left(mode="0644")})
        report = drift("file(f'{D}/x')\nfile(f'{D}/y')", past)
        assert [step.cause for step in steps(report)] == ["drift", "intent"]

    def test_found_states_are_compared_in_the_form_that_is_kept(
        self, drift: Drift, tmp_path: Path
    ) -> None:
        """What a run leaves, read from its record, is no drift; what somebody does then, is."""
        recipe = "directory(f'{D}/d', mode='0700')"
        (tmp_path / "d").mkdir(mode=0o750)
        from cookbook.history.step_record import state_record

        record = state_record(steps(drift(recipe))[0])
        assert record is not None
        assert record["found"] is not None
        past = Remembered({f"directory[{tmp_path}/d]": left(**record["found"])})

        assert steps(drift(recipe, past))[0].cause == "intent"
        (tmp_path / "d").chmod(0o755)
        assert steps(drift(recipe, past))[0].cause == "drift"

    def test_what_has_no_state_has_no_cause(self, drift: Drift) -> None:
        report = drift("execute('true')", Remembered({"execute[true]": left(x=1)}))
        assert [(step.cause, step.since) for step in steps(report)] == [(None, None)]
        assert report.in_line == 100
        assert report.exit == 0

    def test_what_is_not_recorded_has_no_cause(
        self, drift: Drift, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A secret, or a word of the recipe's own: that nothing is remembered says nothing."""
        monkeypatch.setattr("cookbook.history.drift.state_record", lambda _: None)
        past = Remembered({f"file[{tmp_path}/y]": left(mode="0600")})
        assert [s.cause for s in steps(drift("file(f'{D}/x')\nfile(f'{D}/y')", past))] == [None] * 2


class TestSince:
    def test_now_where_it_was_never_seen(self, drift: Drift) -> None:
        report = drift("file(f'{D}/x')")
        assert [step.since for step in steps(report)] == [report.origin.started]

    def test_then_where_it_was(self, drift: Drift, tmp_path: Path) -> None:
        known = Known(None, in_line=False, run="1", since="2026-05-01T12:00:00.000Z")
        report = drift("file(f'{D}/x')", Remembered({f"file[{tmp_path}/x]": known}))
        assert [step.since for step in steps(report)] == ["2026-05-01T12:00:00.000Z"]

    def test_never_where_it_is_in_line(self, drift: Drift) -> None:
        assert [step.since for step in steps(drift("directory(D)"))] == [None]


class TestIgnore:
    def test_what_is_put_up_with_is_no_drift(self, drift: Drift) -> None:
        excused = [Ignore(Glob("file[*/x]"), "the vendor's", until=TODAY)]
        report = drift("file(f'{D}/x')", excused=excused)
        assert report.exit == 0
        assert report.in_line == 100
        [told] = resources(report)
        assert told["excused"] == {
            "pattern": "file[*/x]",
            "reason": "the vendor's",
            "until": "2026-06-01",
        }

    def test_until_its_last_day(self, drift: Drift) -> None:
        report = drift(
            "file(f'{D}/x')", excused=[Ignore(Glob("*"), "why", until=date(2026, 5, 31))]
        )
        assert report.exit == 2
        assert list(report.remarks) == ["--ignore: * expired on 2026-05-31, and counts again"]

    def test_an_entry_that_matches_nothing_is_named(self, drift: Drift) -> None:
        report = drift("directory(D)", excused=[Ignore(Glob("file[/y]"), "why", at="i.yml:3")])
        assert list(report.remarks) == ["i.yml:3: file[/y] matches nothing in this report"]

    def test_an_entry_for_what_is_in_line_is_not(self, drift: Drift) -> None:
        assert not drift("directory(D)", excused=[Ignore(Glob("directory[*]"), "why")]).remarks

    def test_only_where_nothing_else_differs(self, drift: Drift, tmp_path: Path) -> None:
        recipe = "file(f'{D}/x', content='a', mode='0600')"
        (tmp_path / "x").write_text("a")
        mode = Ignore(Glob("*"), "why", property=Glob("mo*"))
        assert drift(recipe, excused=[mode]).exit == 0
        (tmp_path / "x").write_text("b")
        assert drift(recipe, excused=[mode]).exit == 2
        assert (
            drift(recipe, excused=[mode, Ignore(Glob("*"), "too", property=Glob("content"))]).exit
            == 0
        )

    def test_a_question_that_fails_is_not_excused(self, drift: Drift) -> None:
        report = drift("file('/no/such/folder/x')", excused=[Ignore(Glob("*"), "why")])
        assert report.exit == 3

    def test_brackets_are_brackets(self) -> None:
        assert Ignore(Glob("file[/etc/*]"), "").about("h", "file[/etc/a/b]")
        assert not Ignore(Glob("file[/etc/*]"), "").about("h", "file/")
        assert Ignore(Glob("file[/?]"), "").about("h", "file[/x]")
        assert not Ignore(Glob("file[/.]"), "").about("h", "file[/x]")

    def test_hosts(self) -> None:
        some = Ignore(Glob("*"), "", hosts=[Glob("web*")], but=[Glob("web3")])
        assert [some.about(host, "x") for host in ("web1", "web3", "db1")] == [True, False, False]
        assert Ignore(Glob("*"), "", but=[Glob("web3")]).about("db1", "x")


FILE = """
- match: file[/etc/motd]
  hosts: web*,!web3
  property: mode
  reason: the vendor's banner
  until: 2026-12-31
- {match: "*", hosts: [a, b], reason: r}
"""

WRONG = {
    "no list": ("match: x", "i.yml:1: a list of entries is wanted", "begin each with"),
    "no mapping": ("- x", "i.yml:1: an entry is a mapping", "match: and reason:"),
    "no reason": ("- match: x", "i.yml:1: this entry has no 'reason'", "give the reason"),
    "no match": ("- reason: x", "i.yml:1: this entry has no 'match'", "a resource"),
    "an empty reason": ("- match: x\n  reason: ' '", "i.yml:2: text is wanted", None),
    "an unknown key": ("- match: x\n  reson: y", "i.yml:2: an entry has no", "'reason'"),
    "no date": ("- {match: x, reason: y, until: soon}", "i.yml:1: 'soon' is no date", "2026"),
    "a range of hosts": (
        "- {match: x, hosts: 'web[1:3]', reason: y}",
        "i.yml:1: 'web[1:3]' has a range: only * and ? are for hosts here",
        None,
    ),
    "a number": ("- {match: 1, reason: y}", "i.yml:1: text is wanted, not 1", None),
    "no YAML": ("- [", "i.yml:", None),
    "code": ("- !!python/object:os.system x", "i.yml:1: unknown tag", None),
    "a pattern without end": (f"- {{match: {'*' * 2000}, reason: y}}", "i.yml:1:", None),
    "a file without end": ("#" * 11_000_000, "larger than 10 MiB", None),
}


class TestIgnoreFile:
    def test_entries(self, tmp_path: Path) -> None:
        (tmp_path / "i.yml").write_text(FILE)
        first, second = ignores([str(tmp_path / "i.yml")])
        assert first == Ignore(
            Glob("file[/etc/motd]"),
            "the vendor's banner",
            [Glob("web*")],
            [Glob("web3")],
            Glob("mode"),
            date(2026, 12, 31),
            f"{tmp_path}/i.yml:2",
        )
        assert second.hosts == [Glob("a"), Glob("b")]

    def test_an_empty_file_has_none(self, tmp_path: Path) -> None:
        (tmp_path / "i.yml").write_text("# nothing yet\n")
        assert ignores([str(tmp_path / "i.yml")]) == []

    @pytest.mark.parametrize(("text", "message", "hint"), WRONG.values(), ids=WRONG)
    def test_a_mistake_is_named_with_its_line(
        self,
        text: str,
        message: str,
        hint: str | None,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path("i.yml").write_text(text)
        with pytest.raises(InputError, match=r"i\.yml") as caught:
            ignores(["i.yml"])
        assert message in str(caught.value)
        assert hint is None or hint in str(caught.value.hint)

    def test_one_that_is_not_there(self) -> None:
        with pytest.raises(InputError, match=r"no-such-file\.yml: cannot be read") as caught:
            ignores(["no-such-file.yml"])
        assert "--hosts" not in str(caught.value.hint)


class TestIgnoreWord:
    @pytest.mark.parametrize(
        ("word", "expected"),
        [
            ("file[/a=b]=why", ("file[/a=b]", "why", None)),
            ("file*=why until 2026-12-31", ("file*", "why", date(2026, 12, 31))),
            ("file[x]=wait until it is over, a=b", None),
            ("file[x]=a=b", ("file[x]", "a=b", None)),
        ],
    )
    def test_pattern_reason_and_day(
        self, word: str, expected: tuple[str, str, date | None] | None
    ) -> None:
        if expected is None:
            [found] = ignores([word])
            assert found.reason == "wait until it is over, a=b"
            return
        [found] = ignores([word])
        assert (found.match.text, found.reason, found.until) == expected

    @pytest.mark.parametrize("word", ["file[x]=", "=why", "file[x]=why until 2026-13-01"])
    def test_mistakes(self, word: str) -> None:
        with pytest.raises(UsageError):
            ignores([word])


class TestCommand:
    def test_it_changes_nothing_and_exits_with_2(self, cook: Cook) -> None:
        status, said, _ = cook()
        assert status == 2
        assert "differs, first seen now" in said
        assert "50 % in line" in said
        assert not Path("x").exists()

    def test_in_line_is_0(self, cook: Cook) -> None:
        assert cook("--ignore", "file[*]=not yet")[0] == 0

    def test_a_host_of_which_nothing_counts_is_in_line(self, cook: Cook) -> None:
        """A command that is run each time is no drift, and what is ignored neither."""
        Path("r.py").write_text(f"{HEADING}execute('true')\nfile('{Path.cwd()}/x')\n")
        status, said, _ = cook("--ignore", "file[*]=never")
        assert (status, said.splitlines()[-1].split(".")[0]) == (0, "1 host: 1 ok")

    def test_all_formats_at_once(self, cook: Cook) -> None:
        names = ["r.txt", "r.json", "r.xml", "r.sarif", "r.md"]
        status, said, _ = cook(
            "--format", "json", *(word for name in names for word in ("--report", name))
        )
        assert status == 2
        document = json.loads(said)
        assert document["mode"] == "drift"
        assert Path("r.json").read_text() == said
        assert Path("r.txt").read_text().startswith("localhost: 50 % in line")
        assert "<testsuites" in Path("r.xml").read_text()
        assert json.loads(Path("r.sarif").read_text())["version"] == "2.1.0"
        assert Path("r.md").read_text().startswith("# Drift report: 50 % in line")
        assert not list(Path().glob(".r.*"))

    @pytest.mark.parametrize("name", ["r.pdf", "r", "no/such/r.html"])
    def test_a_report_that_cannot_be_written_is_said_before_a_host_is_asked(
        self, name: str, cook: Cook
    ) -> None:
        status, said, errors = cook("--report", name)
        assert (status, said) == (1, "")
        assert f"--report {name}" in errors

    def test_a_report_is_replaced_as_a_whole(
        self, cook: Cook, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What cannot be written leaves the old one, and the run says so with 3, never with 1."""
        Path("r.md").write_text("old")

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "replace", full)
        status, said, errors = cook("--report", "r.md")
        assert status == 3
        assert "in line" in said
        assert "--report r.md: No space left on device" in errors
        assert Path("r.md").read_text() == "old"
        assert not list(Path().glob(".r.*"))

    def test_what_must_not_be_seen_is_in_no_report(self, cook: Cook, tmp_path: Path) -> None:
        Path("r.py").write_text(
            f"{HEADING}file('{tmp_path}/x', content='hunter2\\n', sensitive=True)\n"
        )
        Path("x").write_text("hunter1\n")
        names = [f"report{ending}" for ending in FORMATS.suffixes]
        words = [word for name in names for word in ("--report", name)]
        assert cook(*words, "--set", "db_password=hunter3")[0] == 2
        for name in names:
            text = Path(name).read_text()
            assert "file" in text
            assert "hunter" not in text

    def test_converge_writes_reports_too(self, cook: Cook, tmp_path: Path) -> None:
        assert cook() != (0, "", "")
        assert main(["converge", "r.py", "--local", "--report", "r.xml"]) == 0
        assert Path("x").exists()
        assert 'failures="0"' in Path("r.xml").read_text()
