"""The lives of types whose tools and files differ between releases, on Debian 11."""

from __future__ import annotations

from pathlib import Path

import pytest

from cookbook.kitchen import Kitchen
from tests.life.groups import check_on_release


@pytest.mark.hosts
@pytest.mark.slow
def test_the_lives_on_debian_11(
    kitchen: Kitchen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_on_release(kitchen, "bullseye", "11", tmp_path, monkeypatch)
