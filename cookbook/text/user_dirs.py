"""The folders of cook's state and of the user's settings on this machine."""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cookbook.errors import UsageError

if TYPE_CHECKING:
    from cookbook.text.yaml_value import Value

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

    It is that of `--store`, COOK_STORE, or the setting `store`; an empty COOK_STORE means the one
    on this machine, whatever the settings say. Raises UsageError for settings that cannot be read.
    """
    if given:
        return given
    said = os.environ.get("COOK_STORE")
    return _setting("store") if said is None else said or None


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
    given = words = _settings().get("secrets")
    if given is not None and isinstance(given.data, dict):
        words = given.data.get("command")
    if given is None or words is None or words.data is None:
        return None
    found = words.data if isinstance(words.data, list) else []
    texts = [word.data for word in found if isinstance(word.data, str)]
    if not found or len(texts) != len(found):
        raise given.error(
            "secrets must be {command: [PROGRAM, WORD, ...]}",
            hint='e.g. secrets: {command: [pass, show, "{name}"]}',
        )
    return texts


def _setting(name: str) -> str | None:
    value = _settings().get(name)
    if value is None or value.data is None:
        return None
    if not isinstance(value.data, str):
        raise value.error(f"{name} must be a text, not {value}")
    return value.data


def _settings() -> Mapping[str, Value]:
    path = settings_file()
    try:
        path.stat()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    from cookbook.text.yaml_reader import YamlReader

    settings = YamlReader(UsageError).read(path)
    if settings is None or settings.data is None:
        return {}
    if not isinstance(settings.data, dict):
        raise settings.error(f"it must be a mapping, not {settings}")
    return settings.data


def replace_private(path: Path, text: str) -> None:
    """
    Write a file as `write_private` does, all at once: a reader finds the former text or this one.

    Raises OSError; the former file stays then.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        write_private(temporary, text)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_private(path: Path, text: str) -> None:
    """
    Write a file that only its owner may read (mode 0600), whatever the umask is.

    Raises OSError. A file that exists keeps its owner and gets this mode.
    """
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(number, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text)
