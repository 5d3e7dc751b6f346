"""kitchen.yml as suites; the cases are in files.yml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cookbook.errors import KitchenError
from cookbook.kitchen.suites.reader import read_suites
from tests.data import read_yaml

CASES = read_yaml(Path(__file__).with_name("files.yml"))


@pytest.mark.parametrize("case", CASES, ids=[case["it"] for case in CASES])
def test_case(case: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("web.py").touch()
    Path("kitchen.yml").write_text(case["file"])
    drivers = ("kitchen", "docker", "podman")
    if "error" in case:
        with pytest.raises(KitchenError) as raised:
            read_suites(Path("kitchen.yml"), drivers)
        assert case["error"] in str(raised.value)
        assert case.get("hint", "") in (raised.value.hint or "")
        return
    suite = read_suites(Path("kitchen.yml"), drivers)["web"]
    assert suite.recipes == (tmp_path / "web.py",)
    for attribute, value in case["web"].items():
        found = eval(f"suite.{attribute}", {"suite": suite})  # noqa: S307 - our own cases
        assert found == eval(value, {}), attribute  # noqa: S307 - as well


def test_a_missing_file_is_told_with_the_guide(tmp_path: Path) -> None:
    with pytest.raises(KitchenError, match="cannot be read: no such file") as raised:
        read_suites(tmp_path / "kitchen.yml", ())
    assert "docs/guide/kitchen-suites.md" in (raised.value.hint or "")
