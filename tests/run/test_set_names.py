"""The names of sets of recipes: two sets on a host never have one name by accident."""

from __future__ import annotations

from pathlib import Path

import pytest

from cookbook.cli import main
from cookbook.run.options import LONGEST_SET, set_name


def test_names_that_a_file_cannot_have_are_told_apart() -> None:
    names = [["главная.py"], ["другой.py"], ["a b.py"], ["a-b.py"], ["a+b.py"], [".a.py"], ["a.py"]]

    assert len({set_name(one) for one in names}) == len(names)
    assert all(name.isascii() and not name.startswith(".") for name in map(set_name, names))


def test_many_recipes_have_a_name_that_a_file_can_have() -> None:
    """With a longer one nothing was kept on the host, and nothing was said."""
    many = [f"roles/recipe-number-{number}.py" for number in range(40)]

    assert len(set_name(many)) == LONGEST_SET
    assert set_name(many) != set_name([*many, "one-more.py"])


def test_a_prune_leaves_what_a_recipe_with_other_letters_declares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COOK_HOME", str(tmp_path / "home"))
    for name in ("главная", "другой"):
        text = f"from cookbook.resources import file\nfile('{tmp_path}/{name}.conf')\n"
        Path(f"{name}.py").write_text(text)
        assert main(["converge", f"{name}.py", "--local", "--prune"]) == 0

    assert Path("главная.conf").exists()


def test_a_name_that_is_too_long_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["plan", "r.py", "--local", "--as", "a" * (LONGEST_SET + 1)])
    assert f"more than {LONGEST_SET} characters" in capsys.readouterr().err
