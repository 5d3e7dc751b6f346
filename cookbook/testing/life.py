r"""
The life of a resource type as data: what to declare, how to judge it, how it drifts and goes.

A life is one file `tests/life/TYPE.yml`; the name of the file is the resource type:

    packages: [acl, curl]                   # optional: installed before everything else
    prepare: useradd ann                    # optional, shell: what the host has before
    files: {templates/t.j2: "{{ n }}\n"}    # optional: files beside the recipe
    declare:                                # the resources: name -> properties
      nightly: {minute: 5, command: "true"}
      user[ann]: {shell: /bin/bash}         # a resource of another type that this one needs
    judge: crontab -l | grep "^5 .* true"   # command that succeeds then; or a list of them
    drift:                                  # name -> shell that changes it by other means
      nightly: crontab -r
    later:                                  # optional: what a later recipe says
      declare: {nightly: {minute: 6, command: "true"}}
      judge: crontab -l | grep "^6 .* true"
    remove: prune                           # or name -> properties, e.g. {action: delete};
                                            # a name that is not there is pruned
    gone: "! crontab -l | grep cook"        # command that succeeds after the removal
    lost: {nightly: "what is in /home"}     # optional: what an undo cannot bring back

Commands run as root in the host, not through cook. `load_life` checks a file; `check_lives`
runs lives of many types together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from cookbook.errors import UsageError
from cookbook.plugins.registry import registered, resource_type
from cookbook.text.suggest import did_you_mean
from cookbook.text.yaml_reader import YamlReader

Resources = Mapping[str, Mapping[str, Any]]
"""Properties by the identity of a resource: `type[name]`."""

PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")
IDENTITY = re.compile(r"([a-z][a-z0-9_]*)\[(.+)\]", re.DOTALL)
PRUNE = "prune"


@dataclass(frozen=True)
class Life:
    """The checked content of a life file; its keys are in the caption of this module."""

    path: Path
    declare: Resources
    judge: Sequence[str]
    drift: Mapping[str, str]
    gone: Sequence[str]
    packages: Sequence[str] = ()
    prepare: str = "true"
    files: Mapping[str, str] = field(default_factory=dict)
    later: Resources = field(default_factory=dict)
    later_judge: Sequence[str] = ()
    remove: Resources = field(default_factory=dict)
    """The declarations that remove; other resources are pruned."""
    lost: Mapping[str, str] = field(default_factory=dict)

    @property
    def type(self) -> str:
        """Return the resource type."""
        return self.path.stem


KEYS = {f.name for f in fields(Life)} - {"path", "later_judge"}
REQUIRED = ("declare", "judge", "drift", "gone")


def load_lives(paths: Iterable[Path]) -> list[Life]:
    """
    Read life files, sorted by resource type.

    Raises UsageError with the file and the key that is wrong.
    """
    return sorted((load_life(path) for path in paths), key=lambda life: life.type)


def load_life(path: Path) -> Life:
    """
    Read one life file.

    Raises UsageError with the file and the key that is wrong.
    """
    if resource_type(path.stem) is None:
        raise _wrong(path, f"no resource type {path.stem!r}", path.stem, registered())
    data = YamlReader(UsageError).read(path)
    return _Reader(path).life(data.plain() if data is not None else None)


@dataclass(frozen=True)
class _Reader:
    """Checks the values of one file."""

    path: Path

    def life(self, data: object) -> Life:
        given = self._keys("", data, KEYS, REQUIRED)
        declare = self._resources("declare", given["declare"])
        later = self._keys("later", given.get("later", {}), {"declare", "judge"}, ())
        if later and "judge" not in later:
            raise _wrong(self.path, "later: the key 'judge' is missing")
        remove = given.get("remove", PRUNE)
        lives = {**declare, **(next_ := self._resources("later", later.get("declare", {})))}
        return Life(
            path=self.path,
            declare=declare,
            judge=self._commands("judge", given["judge"]),
            drift=self._by_name("drift", given["drift"], declare),
            gone=self._commands("gone", given["gone"]),
            packages=self._packages(given.get("packages", [])),
            prepare=self._text("prepare", given.get("prepare", "true")),
            files=self._texts("files", given.get("files", {})),
            later=next_,
            later_judge=self._commands("later: judge", later["judge"]) if later else (),
            remove={} if remove == PRUNE else self._resources("remove", remove),
            lost=self._by_name("lost", given.get("lost", {}), lives),
        )

    def _keys(
        self, where: str, data: object, known: Iterable[str], required: Iterable[str]
    ) -> Mapping[str, Any]:
        prefix = f"{where}: " if where else ""
        given = self._mapping(where, data)
        for key in given:
            if key not in known:
                raise _wrong(self.path, f"{prefix}unknown key {key!r}", key, known)
        for key in required:
            if key not in given:
                raise _wrong(self.path, f"{prefix}the key {key!r} is missing")
        return given

    def _mapping(self, where: str, data: object) -> Mapping[str, Any]:
        if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
            raise _wrong(self.path, f"{where or 'the file'}: a mapping with text as keys is needed")
        return data

    def _resources(self, where: str, data: object) -> dict[str, Mapping[str, Any]]:
        resources = {}
        for name, properties in self._mapping(where, data).items():
            identity = self._identity(name)
            at = f"{where}: {name}"
            given = self._mapping(at, {} if properties is None else properties)
            kind = resource_type(identity.partition("[")[0])
            if kind is None:
                raise _wrong(self.path, f"{at}: no such resource type")
            for key in given:
                there = kind.__dataclass_fields__
                if key not in there:
                    raise _wrong(self.path, f"{at}: no property {key!r}", key, there)
            resources[identity] = given
        return resources

    def _identity(self, name: str) -> str:
        return name if IDENTITY.fullmatch(name) else f"{self.path.stem}[{name}]"

    def _by_name(self, where: str, data: object, declared: Iterable[str]) -> dict[str, str]:
        given = {self._identity(name): text for name, text in self._texts(where, data).items()}
        for name in given:
            if name not in declared:
                raise _wrong(self.path, f"{where}: {name} is not declared", name, declared)
        return given

    def _texts(self, where: str, data: object) -> dict[str, str]:
        given = self._mapping(where, data)
        return {name: self._text(f"{where}: {name}", text) for name, text in given.items()}

    def _commands(self, where: str, data: object) -> Sequence[str]:
        given = data if isinstance(data, list) else [data]
        if not given:
            raise _wrong(self.path, f"{where}: at least one command is needed")
        return [self._text(where, command) for command in given]

    def _packages(self, data: object) -> Sequence[str]:
        if not isinstance(data, list):
            raise _wrong(self.path, f"packages: a list of names is needed, not {data!r}")
        for name in data:
            if not isinstance(name, str) or not PACKAGE.fullmatch(name):
                raise _wrong(self.path, f"packages: {name!r} is no name of a package")
        return data

    def _text(self, where: str, data: object) -> str:
        if not isinstance(data, str) or not data.strip():
            raise _wrong(self.path, f"{where}: text is needed, not {data!r}")
        return data


def _wrong(path: Path, why: str, name: str = "", known: Iterable[str] = ()) -> UsageError:
    return UsageError(f"{path}: {why}", hint=did_you_mean(name, known))
