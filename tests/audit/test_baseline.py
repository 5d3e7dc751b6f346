"""The commands of the profile `baseline`, run here: files in a folder, scripts as programs."""

from __future__ import annotations

import getpass
import os
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from cookbook.audit.check import AuditCheck, AuditCheckProvider
from cookbook.audit.profile import read_profile
from cookbook.language.collection import Node
from cookbook.language.compiler import compile_recipes
from tests.data import read_yaml

CASES: list[dict[str, Any]] = read_yaml(Path(__file__).with_suffix(".yml"))
_FOLDERS = re.compile(r"(?<![\w./}])/(?=(?:etc|proc|usr|srv|opt|home|root|tmp|var|run)(?:/|\b))")


@cache
def checks() -> dict[str, list[AuditCheck]]:
    """The checks of each control."""
    found: dict[str, list[AuditCheck]] = {}
    for one in compile_recipes(read_profile("baseline").modules, Node("here")):
        if one.scope is not None and isinstance(one.resource, AuditCheck):
            found.setdefault(one.scope.id, []).append(one.resource)
    return found


def judged(check: AuditCheck, root: Path) -> list[str] | None:
    """The findings of a check with the files below a folder; None if it cannot be judged."""
    provider = AuditCheckProvider()
    text = _FOLDERS.sub(f"{root}/", provider.probe(check).question.text)
    done = subprocess.run(
        ["/bin/sh", "-c", text.replace("-user root", f"-user {getpass.getuser()}")],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": f"{root}/bin:{os.environ['PATH']}", "LC_ALL": "C"},
    )
    return list(provider.parse(check, done.stdout).findings) if done.returncode == 0 else None


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['control']} {case.get('what')}")
def test_a_check_of_the_baseline(tmp_path: Path, case: dict[str, Any]) -> None:
    for path, text in case.get("files", {}).items():
        file = tmp_path / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.replace("ROOT", str(tmp_path)))
        file.chmod(0o644)
    for path, mode in case.get("modes", {}).items():
        (tmp_path / path.lstrip("/")).chmod(int(mode, 8))
    (tmp_path / "bin").mkdir()
    for name, text in case.get("programs", {}).items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{text}\n".replace("ROOT", str(tmp_path)))
        (tmp_path / "bin" / name).chmod(0o755)
    chosen = [one for one in checks()[case["control"]] if case.get("check", one.name) == one.name]
    results = [judged(one, tmp_path) for one in chosen if one.applies == case.get("applies", False)]
    assert results, "no such check"
    if case["findings"] is None:
        assert None in results
    else:
        assert None not in results
        found = [line.replace(f"{tmp_path}", "") for one in results for line in one or ()]
        assert found == case["findings"]
    assert "absent" not in case or not (tmp_path / case["absent"].lstrip("/")).exists()
