"""features.yml as features: what is wrong in it is refused with its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from cookbook.errors import FeatureError, UsageError
from cookbook.features.expression import checked
from cookbook.features.feature import PARTS, Feature, Features
from cookbook.inventory.limit import limit
from cookbook.text.suggest import did_you_mean
from cookbook.text.times import instant

if TYPE_CHECKING:
    from cookbook.inventory import Inventory
    from cookbook.text.yaml_value import Value

T = TypeVar("T")

FILE = "features.yml"
"""The name of the file beside hosts.yml."""

_KEYS = (
    "note", "killed", "never", "always", "groups", "hosts", "from", "until", "share", "by", "when",
)  # fmt: skip
_FEATURE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_SHARE = re.compile(r"(\d{1,3})(?:\.(\d{1,2}))? ?%")
_KILL_SWITCH = "the kill switch is `killed: REASON`; `off` is a yes or no in YAML"


def load_features(
    path: Path, inventory: Inventory, now: datetime, given: Collection[str] = ()
) -> Features:
    """
    Return the features in a file; `given` are variables that all hosts have besides.

    Raises FeatureError with file:line for the first error.
    """
    # Only here: most fleets have no such file.
    from cookbook.text.yaml_reader import YamlReader

    value = YamlReader(FeatureError, missing="name yours with --features FILE").read(path)
    if value is None or value.data is None:
        return Features(str(path), MappingProxyType({}), now)
    entries = value.data
    if not isinstance(entries, dict):
        raise value.error(f"features are a mapping of names, not {value}")
    reader = _Reader(inventory, given)
    found = {name: reader.feature(name, entry) for name, entry in entries.items()}
    return Features(str(path), MappingProxyType(found), now)


class _Reader:
    """The reader of one file, for the hosts of an inventory."""

    def __init__(self, inventory: Inventory, given: Collection[str]) -> None:
        self.hosts = inventory.hosts
        self.members = {name: group.hosts for name, group in inventory.groups.items()}
        self.variables = {name for host in self.hosts.values() for name in host.vars} | {*given}

    def feature(self, name: str, value: Value) -> Feature:
        if not _FEATURE.fullmatch(name):
            raise value.error(f"{name!r} cannot be the name of a feature", hint="as in: new_tls")
        parts = value.data
        if not isinstance(parts, dict):
            raise value.error(
                f"feature {name} must be a mapping, not {value}",
                hint="`share: 100%` is on for all hosts",
            )
        for key, inner in parts.items():
            if key not in _KEYS:
                raise self._unknown(key, inner, name)
        read = {key: self._read(key, inner, name) for key, inner in parts.items()}
        if not read.keys() - {"note", "by", "never"}:
            raise value.error(
                f"feature {name} has no condition", hint="`share: 100%` is on for all hosts"
            )
        self._check_together(name, parts, read)
        named: dict[str, Any] = {_PROPERTIES.get(key, key): found for key, found in read.items()}
        return Feature(name=name, at=value.at, **named)

    def _unknown(self, key: str, value: Value, name: str) -> Exception:
        hint = _KILL_SWITCH if key in ("off", "kill", "disabled", "enabled", "on") else None
        near = hint or did_you_mean(key, _KEYS) or f"the keys are: {', '.join(_KEYS)}"
        return value.error(f"unknown key {key!r} in feature {name}", hint=near)

    def _read(self, key: str, value: Value, name: str) -> Any:
        read: Mapping[str, Callable[[str, Value, str], Any]] = {
            "note": self._text,
            "killed": self._reason,
            "never": self._matching,
            "always": self._matching,
            "groups": self._groups,
            "hosts": self._matching,
            "from": self._time,
            "until": self._time,
            "share": self._share,
            "by": self._variable,
            "when": self._expression,
        }
        return read[key](key, value, name)

    def _text(self, key: str, value: Value, name: str) -> str:
        if not isinstance(value.data, str) or not value.data.strip():
            raise value.error(f"{key} of feature {name} must be text, not {value}")
        return value.data

    def _reason(self, key: str, value: Value, name: str) -> str:
        if not isinstance(value.data, str) or not value.data.strip():
            raise value.error(
                f"{key} of feature {name} must be the reason, as text, not {value}",
                hint='killed: "2026-12-01 ann: it crashes old clients"',
            )
        return value.data

    def _names(self, key: str, value: Value, name: str) -> list[Value]:
        items = value.data if isinstance(value.data, list) else [value]
        for item in items:
            if not isinstance(item.data, str):
                raise item.error(f"{key} of feature {name} must be a list of names, not {item}")
        if not items:
            raise value.error(f"{key} of feature {name} is empty", hint="leave it out")
        return items

    def _groups(self, key: str, value: Value, name: str) -> tuple[str, ...]:
        items = self._names(key, value, name)
        for item in items:
            if item.data not in self.members:
                hint = did_you_mean(str(item.data), self.members)
                raise item.error(f"{key} of feature {name}: no group is named {item}", hint=hint)
        return tuple(str(item.data) for item in items)

    def _matching(self, key: str, value: Value, name: str) -> frozenset[str]:
        items = self._names(key, value, name)
        try:
            return frozenset(limit([str(i.data) for i in items], self.hosts.keys(), self.members))
        except UsageError as error:
            said = str(error).removeprefix("the limit ")
            wrong = next((item for item in items if repr(item.data) in said), value)
            raise wrong.error(f"{key} of feature {name}: {said}", hint=error.hint) from None

    def _time(self, key: str, value: Value, name: str) -> datetime:
        try:
            written = value.data if isinstance(value.data, str) else ""  # which is no time
            return instant(written, end=key == "until")
        except ValueError as error:
            raise value.error(
                f"{key} of feature {name} is no time: {value}", hint=str(error)
            ) from None

    def _share(self, key: str, value: Value, name: str) -> int:
        found = _SHARE.fullmatch(value.data) if isinstance(value.data, str) else None
        parts = int(found[1]) * 100 + int((found[2] or "").ljust(2, "0")) if found else -1
        if not 0 <= parts <= PARTS:
            hint = f"write {value.written}%" if value.written.isdigit() else "as in: 25%, 0.5%"
            raise value.error(
                f"{key} of feature {name} must be a percentage from 0% to 100%, not {value}",
                hint=hint,
            )
        return parts

    def _variable(self, key: str, value: Value, name: str) -> str:
        if not isinstance(value.data, str) or value.data not in self.variables:
            raise value.error(
                f"{key} of feature {name}: no host has the variable {value}",
                hint=did_you_mean(str(value.data), self.variables),
            )
        return value.data

    def _expression(self, key: str, value: Value, name: str) -> Any:
        if not isinstance(value.data, str):
            raise value.error(f"{key} of feature {name} must be an expression, not {value}")
        return checked(value.data, value.at, name, self.variables)

    def _check_together(self, name: str, parts: Mapping[str, Value], read: dict[str, Any]) -> None:
        if "by" in read and "share" not in read:
            raise parts["by"].error(
                f"`by` of feature {name} needs a share", hint="share: 25% says of how many"
            )
        if "from" in read and "until" in read and read["from"] >= read["until"]:
            raise parts["until"].error(f"until of feature {name} is not after its `from`")


_PROPERTIES = {"from": "start", "until": "end"}
"""Properties of Feature that have another name than their key."""
