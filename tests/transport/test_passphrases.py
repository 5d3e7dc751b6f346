"""Keys that are encrypted: whose passphrases are asked for, and how often."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from cookbook.errors import UsageError
from cookbook.hosts.connect import unlock_keys
from cookbook.inventory import Host, from_data
from cookbook.transport.paramiko_ssh import passphrases
from cookbook.transport.paramiko_ssh.passphrases import is_locked, passphrase_of, public_part
from cookbook.transport.paramiko_ssh.private_key import load_key


@pytest.fixture(autouse=True)
def _nobody_has_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passphrases, "_given", {})
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.fixture
def locked(tmp_path: Path) -> Path:
    return _key(tmp_path / "locked", "-N", "right")


def _key(path: Path, *words: str) -> Path:
    # One round: how long a guess takes is no subject here.
    command = ["ssh-keygen", "-q", "-t", "ecdsa", "-a", "1", *words, "-f", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path


def _hosts(*files: Path, **more: Any) -> list[Host]:
    names = [f"h{number}" for number in range(3)]
    said = {"identity_file": [str(file) for file in files], "ssh_config": "none", **more}
    return list(from_data({"defaults": said, "hosts": names}).hosts.values())


def _nobody(prompt: str) -> str:
    raise AssertionError(prompt)


@pytest.mark.parametrize("form", [(), ("-m", "PEM"), ("-m", "PKCS8")])
def test_a_lock_is_seen_in_the_file(tmp_path: Path, form: tuple[str, ...]) -> None:
    assert is_locked(_key(tmp_path / "locked", "-N", "right", *form))
    assert not is_locked(_key(tmp_path / "open", "-N", "", *form))
    assert not is_locked(tmp_path / "missing")
    assert not is_locked(tmp_path / "open.pub")


def test_the_public_part_is_not_locked(locked: Path) -> None:
    assert public_part(locked) == load_key(locked, "right").asbytes()
    assert public_part(Path(f"{locked}.pub")) == b""


def test_it_is_asked_for_once_for_all_hosts(locked: Path, tmp_path: Path) -> None:
    asked: list[str] = []
    hosts = _hosts(locked, _key(tmp_path / "open", "-N", ""))

    unlock_keys(hosts, lambda prompt: asked.append(prompt) or "right")  # type: ignore[func-returns-value]
    unlock_keys(hosts, _nobody)

    assert asked == [f"Passphrase of {locked}: "]
    assert passphrase_of(locked) == "right"


def test_a_wrong_one_is_asked_for_again_and_then_no_more(locked: Path) -> None:
    answers = iter(["wrong", "right"])
    unlock_keys(_hosts(locked), lambda _: next(answers))

    assert passphrase_of(locked) == "right"


def test_three_wrong_ones_are_an_error(locked: Path) -> None:
    with pytest.raises(UsageError, match="this is not its passphrase"):
        unlock_keys(_hosts(locked), lambda _: "wrong")


def test_nothing_said_leaves_it_locked(locked: Path) -> None:
    unlock_keys(_hosts(locked), lambda _: "")

    assert passphrase_of(locked) is None


def test_only_what_may_be_used_is_looked_at(locked: Path) -> None:
    unlock_keys(_hosts(locked, transport="local"), _nobody)
    unlock_keys(_hosts(), _nobody)


def test_what_ssh_config_names_is_asked_for_as_well(locked: Path, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(f"Host h1\n IdentityFile {locked}\n")
    asked: list[str] = []
    hosts = [
        *from_data(
            {"defaults": {"ssh_config": str(tmp_path / "config")}, "hosts": ["h0", "h1"]}
        ).hosts.values()
    ]

    unlock_keys(hosts, lambda prompt: asked.append(prompt) or "right")  # type: ignore[func-returns-value]

    assert asked == [f"Passphrase of {locked}: "]
