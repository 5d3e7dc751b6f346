"""The pages that `cook resources --pages` writes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cookbook.cli import main
from cookbook.plugins.registry import registered


def test_each_type_has_a_page_with_its_example_and_a_line_in_the_list(tmp_path: Path) -> None:
    assert main(["resources", "--pages", str(tmp_path / "pages")]) == 0

    pages = {path.stem: path.read_text() for path in (tmp_path / "pages").iterdir()}
    listed = pages.pop("README")
    assert pages.keys() == registered().keys()
    assert set(re.findall(r"^\| \[(\w+)\]", listed, re.MULTILINE)) == pages.keys()
    for name, text in pages.items():
        assert re.search(rf"```python\n(.*\n)*?{name}\(", text), name
        table = [line for line in text.splitlines() if line.startswith("| ")]
        assert {line.replace("\\|", "").count("|") for line in table} == {5}, name
    assert "| `content` | `str \\| bytes \\| None` | `None` | The content;" in pages["file"]


def test_an_old_page_goes_and_what_is_of_others_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["resources", "--pages", str(tmp_path)])
    (tmp_path / "file.md").rename(tmp_path / "of_the_past.md")
    assert main(["resources", "--pages", str(tmp_path)]) == 0
    assert not (tmp_path / "of_the_past.md").exists()
    assert (tmp_path / "file.md").exists()

    (tmp_path / "mine.md").write_text("mine")
    assert main(["resources", "--pages", str(tmp_path)]) == 1
    assert "mine.md was not written by `cook resources --pages`" in capsys.readouterr().err
    assert (tmp_path / "mine.md").read_text() == "mine"
