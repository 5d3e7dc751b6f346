"""Compose files: what is at the top of one, values and variables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cookbook.errors import RecipeError
from cookbook.text.suggest import did_you_mean

_VARIABLE = re.compile(
    r"\$(?:(?P<dollar>\$)|(?P<plain>[A-Za-z_]\w*)"
    r"|\{(?P<name>[A-Za-z_]\w*)(?:(?P<how>:?[-?+])(?P<other>[^}]*))?\})"
)

TOP = {"name", "services", "networks", "volumes", "version"}
_NETWORK = {"name", "driver", "driver_opts", "external", "internal", "attachable", "ipam", "labels"}
_VOLUME = {"name", "driver", "driver_opts", "external", "labels"}


class ComposeFile:
    """A compose file: its place in errors, its folder on the host, its engine."""

    def __init__(self, name: str, file: str, directory: str | None, host: str | None) -> None:
        self.name, self.file, self.directory, self.host = name, file, directory, host
        self.places: Mapping[str, str] = {}
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
            raise RecipeError(
                f"compose({name!r}): no name of a project",
                hint="lower case letters, digits, - and _",
            )

    def error(
        self, text: str, near: str = "", names: Iterable[str] = (), hint: str | None = None
    ) -> RecipeError:
        """Return an error with the place, and the nearest of some names."""
        meant = did_you_mean(near, list(names)) if near else None
        path = text.split(": ")
        keys = [": ".join(path[:count]) for count in range(1, len(path))]
        keys += [": ".join([*path[:count], near]) for count in range(len(path))]
        place = next((self.places[key] for key in reversed(keys) if key in self.places), self.file)
        return RecipeError(f"compose({self.name!r}): {place}: {text}", hint=meant or hint)

    def check(self, data: Mapping[str, Any], known: Iterable[str], where: str) -> None:
        """Raise RecipeError for a key that cook does not know; those with `x-` are notes."""
        for key in data:
            if key not in {*known} and not str(key).startswith("x-"):
                raise self.error(
                    f"{where}{': ' if where else ''}cook does not know {key!r}",
                    str(key),
                    known,
                    hint="docs/guide/containers.md lists the keys; nothing is left out silently",
                )

    def mapping(
        self, data: Mapping[str, Any], key: str, *, required: bool = False
    ) -> Mapping[str, Any]:
        """Return a mapping under a key; raises RecipeError if it is none."""
        value = data.get(key)
        if value is None and not required:
            return {}
        if not isinstance(value, Mapping) or (required and not value):
            raise self.error(f"{key} is no mapping of names")
        for one, options in value.items():
            if options is not None and not isinstance(options, Mapping):
                raise self.error(f"{key}: {one}: its value is no mapping")
        return value

    def path(self, text: str, where: str) -> str:
        """Return a path on the host; raises RecipeError for a relative one without `directory`."""
        if not text.startswith("."):
            return text
        if self.directory is None:
            raise self.error(f"{where}: {text!r} is a relative path", hint='directory="/srv/shop"')
        parts = f"{self.directory}/{text}".split("/")
        kept: list[str] = []
        for part in parts:
            if part == "..":
                kept = kept[:-1]
            elif part not in (".", ""):
                kept.append(part)
        return "/" + "/".join(kept)

    def full(self, data: Mapping[str, Any], kind: str, key: str) -> str:
        """Return the name of a network or volume in the engine."""
        options = self.mapping(data, kind).get(key) or {}
        own = key if options.get("external") else f"{self.name}_{key}"
        return str(options.get("name") or own)

    def networks(
        self, data: Mapping[str, Any], *, default: bool
    ) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
        """Yield each network with its properties, None for one of others; with the default one."""
        known = self.mapping(data, "networks")
        for key in [*known, *(["default"] if default and "default" not in known else [])]:
            options = known.get(key) or {}
            self.check(options, _NETWORK, f"networks: {key}")
            if options.get("external"):
                yield self.full(data, "networks", key), None
                continue
            config = ((options.get("ipam") or {}).get("config") or [{}])[0]
            yield (
                self.full(data, "networks", key),
                {
                    "driver": str(options.get("driver") or "bridge"),
                    "subnet": config.get("subnet"),
                    "gateway": config.get("gateway"),
                    "ip_range": config.get("ip_range"),
                    "internal": options.get("internal") is True,
                    "attachable": options.get("attachable") is True,
                    "options": texts(self, options.get("driver_opts"), key),
                    "labels": texts(self, options.get("labels"), key),
                },
            )

    def volumes(self, data: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
        """Yield each volume with its properties, None for one of others."""
        for key, value in self.mapping(data, "volumes").items():
            options = value or {}
            self.check(options, _VOLUME, f"volumes: {key}")
            name = self.full(data, "volumes", key)
            if options.get("external"):
                yield name, None
                continue
            yield (
                name,
                {
                    "driver": str(options.get("driver") or "local"),
                    "options": texts(self, options.get("driver_opts"), key),
                    "labels": texts(self, options.get("labels"), key),
                },
            )


def texts(project: ComposeFile, value: Any, where: str, between: str = "=") -> dict[str, str]:
    """Return a mapping of texts, which may be a list of `name=value`."""
    if value is None:
        return {}
    if isinstance(value, Mapping):
        items = [(str(key), one) for key, one in value.items()]
    else:
        items = [
            (name, text if sep else None)
            for name, sep, text in (
                (one[: one.find(between)], between in one, one[one.find(between) + 1 :])
                for one in value
            )
        ]
    found: dict[str, str] = {}
    for name, one in items:
        if one is None:
            raise project.error(
                f"{where}: {name or value!r} has no value",
                hint="a value of the controller's environment is not taken: use variables",
            )
        text = str(one).lower() if isinstance(one, bool) else one
        found[name] = text if isinstance(text, str) else str(text)
    return found


def listed(value: Any) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else [str(v) for v in value]


def seconds(project: ComposeFile, value: Any) -> float:
    units = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
    text = str(value)
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text)
    if parts and "".join(a + b for a, b in parts) == text:
        return sum(float(number) * units[unit] for number, unit in parts)
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    raise project.error(f"{value!r} is no duration", hint='"30s", "1m30s"')


def filled(project: ComposeFile, value: Any, variables: Mapping[str, str | int]) -> Any:
    """Return a value with `${NAME}` replaced in all of its texts."""
    if isinstance(value, Mapping):
        return {key: filled(project, one, variables) for key, one in value.items()}
    if isinstance(value, list):
        return [filled(project, one, variables) for one in value]
    if not isinstance(value, str) or "$" not in value:
        return value
    text, at = value[:0], 0
    for match in _VARIABLE.finditer(value):
        text = text + value[at : match.start()] + _one(project, match, variables)
        at = match.end()
    return text + value[at:]


def _one(project: ComposeFile, match: re.Match[str], variables: Mapping[str, str | int]) -> str:
    if match["dollar"]:
        return "$"
    name = match["plain"] or match["name"]
    how, other = match["how"] or "", match["other"] or ""
    there = name in variables and (not how.startswith(":") or variables[name] != "")
    if how.endswith("+"):
        return other if there else ""
    if there:
        found = variables[name]
        return found if isinstance(found, str) else str(found)
    if how.endswith("-"):
        return other
    why = f": {other}" if other else ""
    raise project.error(
        f"there is no variable {name}{why}", name, variables, hint=f'variables={{"{name}": ...}}'
    )
