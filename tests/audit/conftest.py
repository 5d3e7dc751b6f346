"""Three hosts that are this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.audit.profiles import HOSTS


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
