"""References to secrets, which are looked up when they are used."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from cookbook.secrets.secret import Secret
from cookbook.text.yaml_value import Tagged


@dataclass(frozen=True, slots=True)
class SecretReference(Tagged):
    """`!secret NAME`, as it stands in an inventory or behind `--set`."""

    name: str
    at: str = field(default="", compare=False)
    """file:line."""

    folder: Path | None = field(default=None, compare=False)
    """The folder whose stores are asked; None: the recipe's."""

    def __str__(self) -> str:
        return "(secret)"

    def __repr__(self) -> str:
        return f"!secret {self.name}"


def secret_tag(folder: Path | None = None) -> dict[str, Callable[[str, str], Tagged]]:
    """Return the YAML tag `!secret NAME`, for names in the stores of a folder."""
    return {"!secret": lambda name, at: SecretReference(name, at, folder)}


class SecretSource(Protocol):
    """The interface that returns secrets by name. Each method raises SecretError."""

    def secret(self, name: str, folder: Path) -> Secret:
        """Return the value; `folder` is the folder of the recipe."""
        ...

    def derived(self, name: str, folder: Path, *, host: str, length: int, alphabet: str) -> Secret:
        """Return a password of this host that is derived from the master secret."""
        ...


Reveal = Callable[[SecretReference], Secret]


class LazyVariables(UserDict[str, Any]):
    """The variables of a host; a variable is returned with its secrets looked up."""

    def __init__(self, variables: Mapping[str, Any], reveal: Reveal) -> None:
        self._reveal = reveal
        super().__init__()
        self.data = dict(variables)

    def __getitem__(self, key: str) -> Any:
        value = self.data[key]
        if refers(value):
            value = self.data[key] = self._revealed(value)
        return value

    def __repr__(self) -> str:
        return repr(self.data)

    def _revealed(self, value: Any) -> Any:
        match value:
            case SecretReference():
                return self._reveal(value)
            case list():
                return [self._revealed(item) for item in value]
            case dict():
                return LazyVariables(value, self._reveal)
            case _:
                return value


def refers(value: object) -> bool:
    """Return whether there is a reference somewhere inside."""
    match value:
        case SecretReference():
            return True
        case dict():
            return any(map(refers, value.values()))
        case list():
            return any(map(refers, value))
        case _:
            return False
