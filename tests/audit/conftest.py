"""Three hosts that are this machine."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from cookbook.audit.judging import Judge
from tests.audit.profiles import HOSTS, TODAY


@pytest.fixture(autouse=True)
def _one_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every audit be of one day: a test may run over midnight, and modules long after it."""
    begin = Judge.__init__

    def of_that_day(judge: Judge, *words: Any) -> None:
        profile, chosen, waivers, today, *others = words
        assert abs(date.today() - today) <= timedelta(days=1)  # noqa: DTZ011 - as the command does
        begin(judge, profile, chosen, waivers, TODAY, *others)

    monkeypatch.setattr(Judge, "__init__", of_that_day)


@pytest.fixture
def fleet(many_machines: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: ARG001
    """A folder with hosts.yml."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COOK_STATE", str(tmp_path / "state"))
    Path("hosts.yml").write_text(HOSTS)
    return tmp_path


@pytest.fixture
def unreachable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with hosts.yml, whose host must not be contacted."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COOK_STATE", str(tmp_path / "state"))

    def contact(*_: object) -> None:
        raise AssertionError("a host was contacted")

    monkeypatch.setattr("cookbook.run.runner.connect", contact)
    Path("hosts.yml").write_text("hosts: {web1: {address: 192.0.2.1}}\n")
    return tmp_path
