"""Questions before a change that only side effects depend on: a shell can read each of them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from cookbook.plugins.manager import catalog
from cookbook.testing import DEBIAN, declare, found
from tests.data import read_yaml

CASES = Path(__file__).parents[1] / "cases"
KINDS = ("gem_package", "package", "pip_package", "pip_requirements")


@pytest.mark.parametrize("kind", KINDS)
def test_a_rehearsal_is_shell(kind: str) -> None:
    """What is wrong in it would be taken for "there are no side effects"."""
    asked = [text for case in read_yaml(CASES / f"{kind}.yml") for text in _rehearsals(case)]
    assert asked
    for text in asked:
        done = subprocess.run(["sh", "-n"], input=text, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), text


def _rehearsals(case: dict[str, Any]) -> list[str]:
    if "error" in case or "facts" in case:
        return []
    [declared, *_] = declare(case["declare"], DEBIAN, CASES)
    resource = declared.resource
    provider = catalog().choose(resource, DEBIAN)
    answers = case["answers"] if "answers" in case else [case.get("answer", "")]
    change = provider.plan(resource, found(provider, resource, answers))
    asked = provider.rehearsal([(resource.identity, change)]) if change.needed else None
    return [asked.text] if asked is not None else []
