"""The hosts of the tests of `cook rollout`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.rollouts import HOSTS, RECIPE, ROLLOUT


@pytest.fixture
def fleet(many_machines: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: ARG001
    """Three hosts in two groups, and a folder for the state."""
    from cookbook.transport.local import LocalTransport

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COOK_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(
        "cookbook.hosts.connect.connect",
        lambda host, *_: LocalTransport(("env", f"COOK_HOME={tmp_path}/.{host.name}", "sh")),
    )
    Path("hosts.yml").write_text(HOSTS.format(here=tmp_path))
    Path("r.py").write_text(RECIPE)
    Path("rollout.yml").write_text(ROLLOUT)
    return tmp_path
