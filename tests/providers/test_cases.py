"""Every provider, by the cases in tests/cases: one file each, no Python needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from cookbook.testing import check_case

HERE = Path(__file__).parents[1] / "cases"

CASES = [
    pytest.param(case, id=f"{path.stem}: {case['it']}")
    for path in sorted(HERE.glob("*.yml"))
    for case in yaml.safe_load(path.read_text())
]


@pytest.mark.parametrize("case", CASES)
def test_case(case: dict[str, Any]) -> None:
    check_case(case, HERE)
