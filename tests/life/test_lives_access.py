"""The lives of accounts and of the network, together on one host."""

from __future__ import annotations

from pathlib import Path

import pytest

from cookbook.kitchen import Kitchen, KitchenHost
from tests.life.groups import ACCESS, check_on, lives_of


@pytest.mark.hosts
def test_the_lives(
    kitchen: Kitchen, fresh_host: KitchenHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_on(lives_of(*ACCESS), fresh_host, kitchen, tmp_path, monkeypatch)
