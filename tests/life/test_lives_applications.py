"""The lives of applications and what they are built of, together on one host."""

from __future__ import annotations

from pathlib import Path

import pytest

from cookbook.kitchen import Kitchen, KitchenHost
from tests.life.groups import APPLICATIONS, check_on, lives_of


@pytest.mark.hosts
def test_the_lives(
    kitchen: Kitchen, fresh_host: KitchenHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_on(lives_of(*APPLICATIONS), fresh_host, kitchen, tmp_path, monkeypatch)
