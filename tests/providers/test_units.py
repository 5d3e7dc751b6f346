"""The state of a unit, in the words of systemctl(1)."""

from __future__ import annotations

import pytest

from cookbook.plugins.manager import catalog
from cookbook.resources import Service
from cookbook.testing import DEBIAN

SAID = "Type=simple\nLoadState={}\nActiveState=inactive\nUnitFileState={}\nNeedDaemonReload={}\n"


@pytest.mark.parametrize(
    ("load", "file", "reload", "enabled"),
    [
        ("loaded", "disabled", "no", False),
        ("loaded", "enabled", "no", True),
        ("not-found", "", "no", False),
        ("loaded", "", "yes", False),  # its file is gone, and systemd still has it
        ("loaded", "", "no", None),  # one that systemd made itself
        ("loaded", "static", "yes", None),
        ("masked", "masked", "no", None),
    ],
)
def test_whether_it_is_enabled(load: str, file: str, reload: str, enabled: object) -> None:
    service = Service("life")
    provider = catalog().choose(service, DEBIAN)
    state = provider.parse(service, SAID.format(load, file, reload))
    assert state is not None
    assert state.enabled is enabled
