"""The language of the rooms that have been rewritten stays plain technical English."""

from __future__ import annotations

from pathlib import Path

from tests.language import faults, sources

ROOT = Path(__file__).parents[1]

CLEAN = [
    "cookbook/plugins",
    "cookbook/plugin.py",
    "cookbook/provider.py",
    "cookbook/recipe.py",
    "cookbook/inventory",
    "cookbook/kitchen",
    "cookbook/run",
    "cookbook/reports/run_info.py",
    "cookbook/cli/resource_help.py",
    "cookbook/cli/option_hints.py",
    "cookbook/cli/commands/resources.py",
    "cookbook/language/recipe_hints.py",
]
"""Rooms and modules without faults; each one that is rewritten is added."""


def test_rewritten_rooms_have_no_faults() -> None:
    files = list(sources(ROOT / place for place in CLEAN))
    assert len(files) >= len(CLEAN)

    assert [str(fault) for fault in faults(files)] == []


def test_faults_are_found(tmp_path: Path) -> None:
    (bad := tmp_path / "bad.py").write_text(
        '"""What it is."""\n# nobody knows\nX = "we go on"\nY = 1\n"""Whether it is so."""\n'
    )

    assert [fault.kind for fault in faults([bad])] == ["question", "question", "person", "person"]
