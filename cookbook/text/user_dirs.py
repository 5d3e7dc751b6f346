"""The folders of cook's state and of the user's settings on this machine."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Any

from cookbook.errors import UsageError
from cookbook.text.bounded_io import content_of

_PASSWORD = re.compile(r"(?<=:)[^@]*(?=@)|(?<=password=)[^&]*")


def state_folder() -> Path:
    """Return the folder of the state: COOK_STATE, or the user's state directory."""
    if given := os.environ.get("COOK_STATE"):
        return Path(given)
    import platformdirs  # most calls need no place at all

    return Path(platformdirs.user_state_dir("cook"))


def settings_file() -> Path:
    """Return the user's settings: `cook/settings.yml` in the configuration directory."""
    import platformdirs

    return Path(platformdirs.user_config_dir("cook")) / "settings.yml"


def store_url(given: str | None) -> str | None:
    """
    Return the URL of the history; None for the one on this machine.

    It is that of `--store`, COOK_STORE, or the setting `store`.
    Raises UsageError for settings that cannot be read.
    """
    return given or os.environ.get("COOK_STORE") or _setting("store")


def journals(url: str | None) -> Path:
    """
    Return the folder of the journals for this store.

    Each store has a folder of its own, so that no run gets into another history. The name of the
    folder does not depend on the password in the URL and tells nothing of the URL.
    """
    folder = state_folder() / "journal"
    if url is None:
        return folder
    return folder / hashlib.sha256(_PASSWORD.sub("", url).encode()).hexdigest()[:16]


def private_folder(path: Path) -> None:
    """Make a folder that only its owner can look into; what is above it, too."""
    if not path.is_dir():
        private_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


def secret_command() -> list[str] | None:
    """
    Return the command that prints a secret: `secrets: {command: [pass, show, "{name}"]}`.

    Raises UsageError for settings that cannot be read.
    """
    given = _settings().get("secrets")
    words = given.get("command") if isinstance(given, dict) else given
    if words is None:
        return None
    if not isinstance(words, list) or not words or not all(isinstance(w, str) for w in words):
        raise UsageError(
            f"{settings_file()}: secrets must be {{command: [PROGRAM, WORD, ...]}}",
            hint='e.g. secrets: {command: [pass, show, "{name}"]}',
        )
    return words


def _setting(name: str) -> str | None:
    value = _settings().get(name)
    if not isinstance(value, str | None):
        raise UsageError(f"{settings_file()}: {name} must be a text")
    return value


def _settings() -> dict[str, Any]:
    path = settings_file()
    try:
        text = content_of(path).decode()
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: {error}") from None
    import yaml

    try:
        settings: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"{path}: {error}") from None
    if settings is None:
        return {}
    if not isinstance(settings, dict):
        raise UsageError(f"{path}: it must be a mapping")
    return settings


def write_private(path: Path, text: str) -> None:
    """
    Write a file that only its owner may read (mode 0600), whatever the umask is.

    Raises OSError. A file that exists keeps its owner and gets this mode.
    """
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(number, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text)
