"""The reader of kitchen.yml: what is wrong in it is refused with file and line."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, cast

from cookbook.errors import KitchenError
from cookbook.kitchen.base import RELEASES
from cookbook.kitchen.suites.suite import DriftCheck, KitchenSuite, SuiteHost, UndoMode
from cookbook.secrets.stores import environment
from cookbook.text.suggest import did_you_mean
from cookbook.text.yaml_fields import flag, keys, several, text, texts, whole
from cookbook.text.yaml_reader import YamlReader
from cookbook.text.yaml_value import Value

FILE = "kitchen.yml"
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,30}")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,60}")
_VARIABLE = re.compile(r"[A-Za-z_]\w*")
_MOST_HOSTS = 20
_EXAMPLE = "suites: {web: {recipes: [web.py], verify: [tests/kitchen/test_web.py]}}"


def read_suites(path: Path, drivers: Collection[str]) -> Mapping[str, KitchenSuite]:
    """
    Return the suites of a file by name; `drivers` are the names that `driver:` may have.

    Relative paths in it start at its folder. Raises KitchenError with file and line for the first
    mistake.
    """
    value = YamlReader(KitchenError, missing="docs/guide/kitchen-suites.md shows one").read(path)
    if value is None or value.data is None:
        raise KitchenError(f"{path}: empty", hint=_EXAMPLE)
    said = keys(value, "suites", "defaults")
    suites = said.get("suites")
    if suites is None or not isinstance(suites.data, dict) or not suites.data:
        raise (suites or value).error("there are no suites", hint=_EXAMPLE)
    reader = _Reader(path.absolute().parent, drivers)
    shared = reader.properties(said["defaults"]) if "defaults" in said else {}
    return {name: reader.suite(name, inner, shared) for name, inner in suites.data.items()}


class _Reader:
    """Reads the suites of one file."""

    def __init__(self, folder: Path, drivers: Collection[str]) -> None:
        self._folder, self._drivers = folder, drivers
        self._readers: Mapping[str, Callable[[Value], Any]] = {
            "recipes": self._paths,
            "inventory": self._path,
            "environment": text,
            "hosts": self._hosts,
            "groups": _groups,
            "vars": _variables,
            "features": self._features,
            "secrets": _secrets,
            "files": self._files,
            "verify": self._paths,
            "drift": lambda value: several(value, _drift),
            "undo": _undo,
            "releases": lambda value: several(value, _release),
            "driver": self._driver,
        }

    def suite(self, name: str, value: Value, shared: Mapping[str, Any]) -> KitchenSuite:
        """Return a suite. `shared` are the properties of `defaults`."""
        if not _NAME.fullmatch(name):
            raise value.error(
                f"{name!r} cannot be the name of a suite", hint="small letters, digits, _ and -"
            )
        found = {**shared, **self.properties(value)}
        driver, settings = found.pop("driver", ("kitchen", {}))
        if "inventory" in found and "hosts" not in found:
            raise value.error("the hosts of the inventory are not named", hint="hosts: [web1, db1]")
        found.setdefault("hosts", (SuiteHost("h1"),))
        suite = KitchenSuite(name, value.at, **found, driver=driver, driver_settings=settings)
        _check_recipes(suite, value)
        self._check_groups(suite, value)
        return suite

    def properties(self, value: Value) -> dict[str, Any]:
        """Return the checked properties that a mapping names."""
        said = keys(value, *self._readers)
        return {key: self._readers[key](inner) for key, inner in said.items()}

    def _path(self, value: Value) -> Path:
        path = self._folder / text(value)
        if not path.exists():
            raise value.error(f"{value.data} does not exist", hint=f"sought as {path}")
        return path

    def _paths(self, value: Value) -> tuple[Path, ...]:
        return several(value, self._path)

    def _hosts(self, value: Value) -> tuple[SuiteHost, ...]:
        """Return the hosts of a number, a list of names, or a mapping of names."""
        if isinstance(value.data, int) and not isinstance(value.data, bool):
            if not 1 <= whole(value, 1) <= _MOST_HOSTS:
                raise value.error(f"a suite has 1 to {_MOST_HOSTS} hosts, not {value}")
            return tuple(SuiteHost(f"h{number + 1}") for number in range(value.data))
        if not isinstance(value.data, dict):
            return tuple(SuiteHost(name) for name in _unique(value, several(value, _host_name)))
        if not value.data:
            raise value.error("a suite needs at least one host")
        return tuple(self._host(name, inner) for name, inner in value.data.items())

    def _host(self, name: str, value: Value) -> SuiteHost:
        if not _HOST.fullmatch(name):
            raise value.error(f"{name!r} is no name for a host")
        said = {} if value.data is None else keys(value, "vars", "recipes")
        variables = _variables(said["vars"]) if "vars" in said else {}
        return SuiteHost(name, variables, self._paths(said["recipes"]) if "recipes" in said else ())

    def _features(self, value: Value) -> Path | Mapping[str, bool]:
        if isinstance(value.data, dict):
            return {name: flag(inner) for name, inner in value.data.items()}
        return self._path(value)

    def _files(self, value: Value) -> Mapping[Path, str]:
        """Return source -> absolute path on the hosts."""
        found = {}
        for source, target in _entries(value).items():
            if not text(target).startswith("/"):
                raise target.error(f"{target.data!r} is no absolute path on the hosts")
            found[self._path(Value(source, target.at, source, target.raises))] = text(target)
        return found

    def _driver(self, value: Value) -> tuple[str, Mapping[str, object]]:
        """Return the name of a driver and its settings: a name, or a mapping with `name`."""
        said = value.data if isinstance(value.data, dict) else {"name": value}
        named = said.get("name")
        if named is None:
            raise value.error("a driver needs a name", hint=", ".join(sorted(self._drivers)))
        if (name := text(named)) not in self._drivers:
            near = did_you_mean(name, self._drivers)
            known = f"there are {', '.join(sorted(self._drivers))}"
            raise named.error(f"there is no driver {name!r}", hint=near or known)
        return name, {key: inner.plain() for key, inner in said.items() if key != "name"}

    def _check_groups(self, suite: KitchenSuite, value: Value) -> None:
        """Raise KitchenError for a group with a host that the suite does not have."""
        for group, members in suite.groups.items():
            for name in members:
                if name not in suite.names:
                    near = did_you_mean(name, suite.names)
                    raise value.error(
                        f"group {group}: the suite has no host {name!r}",
                        hint=near or f"its hosts are {', '.join(suite.names)}",
                    )


def _check_recipes(suite: KitchenSuite, value: Value) -> None:
    """Raise KitchenError for a suite in which no host has a recipe."""
    own = any(host.recipes for host in suite.hosts)
    if own and suite.recipes:
        raise value.error(
            "recipes of the suite and recipes of its hosts", hint="leave one of the two out"
        )
    if not suite.recipes and not own and suite.inventory is None:
        raise value.error(
            f"suite {suite.name} has no recipes",
            hint="recipes: [web.py], or `inventory: hosts.yml` with the roles of its hosts",
        )


def _entries(value: Value) -> Mapping[str, Value]:
    if not isinstance(value.data, dict):
        raise value.error(f"a mapping is expected here, not {value}")
    return value.data


def _variables(value: Value) -> Mapping[str, object]:
    """Return variables as plain data."""
    for name, inner in _entries(value).items():
        if not _VARIABLE.fullmatch(name):
            raise inner.error(f"{name!r} cannot be the name of a variable")
    return cast("Mapping[str, object]", value.plain())


def _secrets(value: Value) -> Mapping[str, str]:
    found = {name: text(inner) for name, inner in _entries(value).items()}
    variables: dict[str, str] = {}
    for name in found:
        if (other := variables.setdefault(environment.variable(name), name)) != name:
            raise value.error(
                f"the secrets {other!r} and {name!r} would have one value",
                hint=f"both are {environment.variable(name)} in the environment of a suite",
            )
    return found


def _groups(value: Value) -> Mapping[str, tuple[str, ...]]:
    return {name: texts(inner) for name, inner in _entries(value).items()}


def _host_name(value: Value) -> str:
    if not _HOST.fullmatch(name := text(value)):
        raise value.error(f"{name!r} is no name for a host")
    return name


def _unique(value: Value, names: tuple[str, ...]) -> tuple[str, ...]:
    if not names or len(set(names)) < len(names):
        raise value.error("the hosts of a suite need names, each another one")
    return names


def _drift(value: Value) -> DriftCheck:
    """Return a command alone, or with the hosts and the resources that must differ."""
    if not isinstance(value.data, dict):
        return DriftCheck(text(value), value.at)
    said = keys(value, "run", "hosts", "differs")
    if "run" not in said:
        raise value.error("drift needs a command", hint="run: rm /etc/motd")
    hosts = ",".join(texts(said["hosts"])) if "hosts" in said else ""
    differs = texts(said["differs"]) if "differs" in said else ()
    return DriftCheck(text(said["run"]), value.at, hosts, differs)


def _undo(value: Value) -> UndoMode:
    if value.data == "partial":
        return "partial"
    if not isinstance(value.data, bool):
        raise value.error(f"true, false or partial is expected here, not {value}")
    return value.data


def _release(value: Value) -> str:
    if (name := text(value)) not in RELEASES:
        raise value.error(
            f"there is no release {name!r}",
            hint=did_you_mean(name, RELEASES) or ", ".join(RELEASES),
        )
    return name
