"""Every provider, by the cases in tests/cases: one file each, no Python needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cookbook.testing import check_case
from tests.data import read_yaml

HERE = Path(__file__).parents[1] / "cases"

CASES = [
    pytest.param(case, id=f"{path.stem}: {case['it']}")
    for path in sorted(HERE.glob("*.yml"))
    for case in read_yaml(path)
]


@pytest.mark.parametrize("case", CASES)
def test_case(case: dict[str, Any]) -> None:
    check_case(case, HERE)
