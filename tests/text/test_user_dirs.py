"""Files of the state: who may read them, and what a failure leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from cookbook.text.user_dirs import replace_private, settings_file, store_url


def test_a_private_file_is_replaced_at_once(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text("former")
    path.chmod(0o644)
    with path.open() as reader:
        replace_private(path, "later")
        assert reader.read() == "former"

    assert path.read_text() == "later"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [*tmp_path.iterdir()] == [path]


def test_a_failure_leaves_the_former_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text("former")
    with pytest.raises(UnicodeEncodeError):
        replace_private(path, "half of it \udc80")

    assert path.read_text() == "former"
    assert [*tmp_path.iterdir()] == [path]


def test_an_empty_variable_means_the_history_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    settings_file().parent.mkdir()
    settings_file().write_text("store: sqlite:////srv/team.db\n")
    assert store_url(None) == "sqlite:////srv/team.db"
    monkeypatch.setenv("COOK_STORE", "")
    assert store_url(None) is None
    assert store_url("sqlite:////srv/mine.db") == "sqlite:////srv/mine.db"
