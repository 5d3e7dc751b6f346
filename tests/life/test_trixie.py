"""The lives of types whose tools and files differ between releases, on Debian 13."""

from __future__ import annotations

from pathlib import Path

import pytest

from cookbook.kitchen import Kitchen
from tests.life.groups import check_on_release


@pytest.mark.hosts
@pytest.mark.slow
def test_the_lives_on_debian_13(
    kitchen: Kitchen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_on_release(kitchen, "trixie", "13", tmp_path, monkeypatch)
