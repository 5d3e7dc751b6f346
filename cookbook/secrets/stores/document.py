"""
`secrets.age.yml`: names in the clear, so that git shows which have changed; values by age.

    recipients:
    - age1...
    generations: {app: 2}
    secrets:
      db/password: |
        -----BEGIN AGE ENCRYPTED FILE-----
        ...
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cookbook.errors import SecretError
from cookbook.secrets.stores.age import decrypt, encrypt
from cookbook.text.user_dirs import settings_file
from cookbook.text.yaml_value import Value

NAME = "secrets.age.yml"
MOST_BYTES = 8 * 1024 * 1024
_HEADING = "# Secrets, encrypted by age. Change them with `cook secret`.\n"
_KEYS = ("recipients", "secrets", "generations")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]*(/[A-Za-z0-9_][A-Za-z0-9_.@-]*)*")


@dataclass(frozen=True)
class SecretsFile:
    """The content of such a file."""

    path: Path
    recipients: Sequence[str] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Name -> armored text of age."""

    generations: Mapping[str, int] = field(default_factory=dict)
    """The number of times that a derived secret was renewed."""

    @classmethod
    def read(cls, path: Path) -> SecretsFile:
        """
        Read one.

        Raises SecretError for what `cook secret` would not have written.
        """
        try:
            version = path.stat()
        except OSError as error:
            raise SecretError(f"{path}: {error.strerror}") from None
        return _read(path, version.st_mtime_ns, version.st_size)

    def get(self, name: str) -> str | None:
        """
        Return a value; None if there is no such name. Raises SecretError without a key to it.

        Raises SecretError without a key to it.
        """
        if name not in self.secrets:
            return None
        try:
            return decrypt(name, self.secrets[name], identities())
        except SecretError as error:
            raise SecretError(f"{self.path}: {name}: {error}", hint=error.hint) from None

    def having(self, name: str, value: str) -> SecretsFile:
        """Return the file with another value of a name."""
        check_name(name)
        armored = encrypt(name, value, self.recipients)
        return replace(self, secrets=dict(sorted({**self.secrets, name: armored}.items())))

    def without(self, name: str) -> SecretsFile:
        """Return the file without a name."""
        return replace(self, secrets={k: v for k, v in self.secrets.items() if k != name})

    def renewed(self, name: str) -> SecretsFile:
        """Return the file with the next generation of a derived secret."""
        check_name(name)
        generation = self.generations.get(name, 1) + 1
        return replace(self, generations={**self.generations, name: generation})

    def rekeyed(self, recipients: Sequence[str]) -> SecretsFile:
        """All values, encrypted anew for these recipients."""
        values = {name: self.get(name) or "" for name in self.secrets}
        fresh = replace(self, recipients=list(recipients))
        for name, value in values.items():
            fresh = fresh.having(name, value)
        return fresh

    def write(self) -> None:
        """
        Put it into place as a whole, or not at all.

        Raises SecretError if that is not possible.
        """
        path = self.path.resolve()
        new = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with new.open("x", encoding="utf-8") as file:
                file.write(_HEADING + _yaml(self))
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
        except OSError as error:
            new.unlink(missing_ok=True)
            raise SecretError(f"{path}: {error.strerror}") from None


def find_file(folder: Path) -> Path | None:
    """
    Return the file in a folder, or in one above it in the same git repository.

    Files outside of the repository are not used.
    """
    above = [folder, *folder.parents]
    roots = [i for i, parent in enumerate(above) if (parent / ".git").exists()]
    for parent in above[: roots[0] + 1] if roots else above[:1]:
        if (parent / NAME).is_file():
            return parent / NAME
    return None


def identities() -> list[Path]:
    """
    Return the files with private keys.

    Raises SecretError if COOK_AGE_IDENTITY names a file that does not exist.
    """
    if given := os.environ.get("COOK_AGE_IDENTITY"):
        if not (path := Path(given).expanduser()).exists():
            raise SecretError(
                f"COOK_AGE_IDENTITY names {path}, and there is no such file",
                hint="name the file with your private key, or unset the variable",
            )
        return [path]
    return [path for path in (own_identity(), Path.home() / ".ssh/id_ed25519") if path.is_file()]


def own_identity() -> Path:
    """Return the path at which `cook secret init` writes the key of its user."""
    return settings_file().with_name("age.key")


def check_name(name: str) -> None:
    """Raise SecretError for what cannot be a name, in a file or for a command."""
    if not _NAME.fullmatch(name) or len(name) > 200 or ".." in name:
        raise SecretError(
            f"{name!r} cannot be the name of a secret",
            hint="letters, digits, _ . - @, and / between",
        )


@functools.lru_cache(8)
def _read(path: Path, _mtime: int, size: int) -> SecretsFile:
    if size > MOST_BYTES:
        raise SecretError(f"{path}: larger than {MOST_BYTES // 1024**2} MiB")
    from cookbook.text.yaml_reader import YamlReader

    try:
        value = YamlReader(SecretError).read(path, MOST_BYTES)
        return SecretsFile(path) if value is None else _checked(path, value)
    except SecretError as error:
        raise SecretError(error.message, hint=error.hint or "restore it from git") from None


def _checked(path: Path, value: Value) -> SecretsFile:
    parts = _mapping(value, f"a mapping of {', '.join(_KEYS)} is wanted")
    for key, part in parts.items():
        if key not in _KEYS:
            raise part.error(f"unknown key {key!r}: a mapping of {', '.join(_KEYS)} is wanted")
    nothing = Value(None, str(path), "", SecretError)
    recipients, secrets, generations = (parts.get(key, nothing) for key in _KEYS)
    for name, part in _mapping(secrets, "secrets is a mapping of texts").items():
        try:
            check_name(name)
        except SecretError as error:
            raise part.error(error.message, hint=error.hint) from None
    return SecretsFile(
        path,
        [_text(item, "recipients is a list of texts") for item in _list(recipients)],
        {name: _text(part, "secrets is a mapping of texts") for name, part in _items(secrets)},
        {name: _number(part) for name, part in _items(generations)},
    )


def _mapping(value: Value, wanted: str) -> dict[str, Value]:
    if value.data is None:
        return {}
    if not isinstance(value.data, dict):
        raise value.error(f"{wanted}, not {value}")
    return value.data


def _list(value: Value) -> list[Value]:
    if value.data is None:
        return []
    if not isinstance(value.data, list):
        raise value.error(f"recipients is a list of texts, not {value}")
    return value.data


def _items(value: Value) -> Iterable[tuple[str, Value]]:
    return _mapping(value, "generations is a mapping of names to numbers from 1").items()


def _text(value: Value, wanted: str) -> str:
    if not isinstance(value.data, str):
        raise value.error(f"{wanted}, not {value}")
    return value.data


def _number(value: Value) -> int:
    number = value.plain()
    if type(number) is not int or number < 1:
        raise value.error(f"generations is a mapping of names to numbers from 1, not {value}")
    return number


def _yaml(file: SecretsFile) -> str:
    import yaml

    class Dumper(yaml.SafeDumper):
        """Armored text is lines."""

    Dumper.add_representer(
        str,
        lambda dumper, text: dumper.represent_scalar(
            "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
        ),
    )
    data = {
        "recipients": list(file.recipients),
        **({"generations": dict(file.generations)} if file.generations else {}),
        "secrets": dict(file.secrets),
    }
    text: str = yaml.dump(data, Dumper=Dumper, sort_keys=False)
    return text
