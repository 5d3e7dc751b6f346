"""The language of all modules that are installed, and of all pages, is plain technical English."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.wording import faults, sources

ROOT = Path(__file__).parents[1]

CLEAN = ["cookbook", "resources", "providers"]
"""All that is installed: the Python files and the page of errors, not the other assets."""

TOP = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"]
PAGES = [*(ROOT / page for page in TOP), *sorted(ROOT.glob("docs/**/*.md"))]
"""All pages; docs/errors.md is a link to cookbook/cli/errors.md."""


def test_the_language_has_no_faults() -> None:
    files = list(sources(ROOT / place for place in CLEAN))
    assert len(files) > 200

    assert [str(fault) for fault in faults(files)] == []


def test_the_pages_have_no_faults() -> None:
    assert ROOT / "cookbook/cli/errors.md" in [page.resolve() for page in PAGES]
    assert len(PAGES) > 30

    assert [str(fault) for fault in faults(PAGES)] == []


@pytest.mark.parametrize(
    "prose",
    [
        "Nobody knows.",
        "| `a` | for us | `b` |",
        "a span `over\ntwo` lines: somebody, `and` one more",
        "one tick ` alone\n\nour `code`",
        "```sh\nx\n```\nwhoever",
        "    us: in a block\n\nbut we are not",
        "text\n    of the same paragraph: him",
        "- a list\n  by whom",
    ],
)
def test_a_person_in_the_prose_of_a_page_is_found(tmp_path: Path, prose: str) -> None:
    (page := tmp_path / "bad.md").write_text(f"# Title\n\n{prose}\n")

    assert [(fault.line, fault.kind) for fault in faults([page])] == [
        (len(f"# Title\n\n{prose}".splitlines()), "person")
    ]


@pytest.mark.parametrize(
    "code",
    [
        "`nobody`",
        "``a ` tick, and us``",
        "`cook show\nus`",
        "```sh\nsu nobody\n\n# for us\n```",
        "````md\n```sh\nus\n```\n````",
        "    su nobody\n\n    us",
        "LC_ALL=en_US, 12 us",
    ],
)
def test_code_and_names_in_a_page_are_not_prose(tmp_path: Path, code: str) -> None:
    (page := tmp_path / "good.md").write_text(f"# Title\n\n{code}\n\nEnd.\n")

    assert list(faults([page])) == []


def test_faults_are_found(tmp_path: Path) -> None:
    (bad := tmp_path / "bad.py").write_text(
        '"""What it is."""\n# nobody knows\nX = "we go on"\nY = 1\n"""Whether it is so."""\n'
    )

    assert [fault.kind for fault in faults([bad])] == ["question", "question", "person", "person"]
