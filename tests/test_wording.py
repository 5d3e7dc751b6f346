"""The language of all modules that are installed is plain technical English."""

from __future__ import annotations

from pathlib import Path

from tests.wording import faults, sources

ROOT = Path(__file__).parents[1]

CLEAN = ["cookbook", "resources", "providers"]
"""All that is installed; only the Python files, not the assets."""


def test_the_language_has_no_faults() -> None:
    files = list(sources(ROOT / place for place in CLEAN))
    assert len(files) > 200

    assert [str(fault) for fault in faults(files)] == []


def test_faults_are_found(tmp_path: Path) -> None:
    (bad := tmp_path / "bad.py").write_text(
        '"""What it is."""\n# nobody knows\nX = "we go on"\nY = 1\n"""Whether it is so."""\n'
    )

    assert [fault.kind for fault in faults([bad])] == ["question", "question", "person", "person"]
