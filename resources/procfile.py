"""Applications of several processes, as a Procfile names them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.language.recipe import find
from cookbook.provider import holds_secret, recipe_function
from cookbook.resources._units import ProcessResource, Unit, exec_word, literal, unit_text
from cookbook.resources.systemd_unit import FOLDER, Sections

Action = Literal["create", "restart", "delete", "nothing"]

_TYPE = re.compile(r"[A-Za-z0-9_]+(?:-[A-Za-z0-9_]+)*")
_LINE = re.compile(r"([A-Za-z0-9_-]+):\s*(\S.*)")


class Procfile(ProcessResource):
    """
    An application of several types of processes, each of which runs several times.

    Each process is a unit of systemd, like shop-web@1.service, and all of them belong to the target
    shop.target: `systemctl stop shop.target` stops them all. Units that `scale` has no more are
    removed. A process is restarted if something it uses has changed, one after the other.

    Example::

        procfile(
            "shop",
            processes={"web": "/srv/shop/bin/serve --port $PORT", "worker": "/srv/shop/bin/work"},
            scale={"web": 2},
            user="www-data",
            port=5000,
        )
    """

    category: ClassVar[str] = "applications"

    unique: ClassVar[bool] = True

    processes: Mapping[str, str] | None = None
    """Type of a process -> its command, which is read by sh(1) in the working folder."""

    source: str | None = None
    """A Procfile beside the recipe, in `files/`, in place of `processes`."""

    scale: Mapping[str, int] | None = None
    """Type of a process -> how often it runs; once if it is not named, and with 0 not at all."""

    port: int = 5000
    """The variable PORT of the first process. The n-th one of the k-th type has `port` + 100 * (k -
    1) + n - 1: 5000, 5001 ..., then 5100."""

    action: Action | Sequence[Action] = "create"
    """`create` has all of them enabled and running, too; `restart` is for notifications."""

    def validate(self) -> None:
        """Check the processes and the scale."""
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", self.name):
            raise RecipeError(f"{self}: {self.name!r} is no name of a unit")
        if "create" in self.doing and "delete" in self.doing:
            raise RecipeError(f"{self}: create and delete contradict each other")
        if self.processes is not None and self.source is not None:
            raise RecipeError(f"{self}: processes and source cannot both be given")
        if self.source is not None:
            object.__setattr__(self, "processes", dict(self._read(self.source)))
            object.__setattr__(self, "source", None)
        if "create" in self.doing and not self.processes:
            raise RecipeError(f"{self}: `create` needs processes")
        self._check_processes()
        self._check_scale()
        self.check()

    def _read(self, source: str) -> Iterator[tuple[str, str]]:
        """Yield the processes of a Procfile."""
        for number, line in enumerate(find(source, "files").read_text("utf-8").splitlines(), 1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            if (found := _LINE.fullmatch(line.strip())) is None:
                raise RecipeError(
                    f"{self}: line {number} of {source} is no process", hint="web: bin/serve"
                )
            yield found[1], found[2]

    def _check_processes(self) -> None:
        for kind, command in (self.processes or {}).items():
            if not _TYPE.fullmatch(kind):
                raise RecipeError(f"{self}: {kind!r} cannot be a type of processes")
            if "\n" in command or not command.strip():
                raise RecipeError(f"{self}: the command of {kind} is one line")
        if holds_secret(self.processes):
            raise RecipeError(
                f"{self}: every user can see the arguments of a running command",
                hint="env_file(...) has a file for secrets, and `env_file=` names it",
            )

    def _check_scale(self) -> None:
        for kind, count in (self.scale or {}).items():
            if kind not in (self.processes or {}) and "create" in self.doing:
                raise RecipeError(f"{self}: scale has {kind!r}, and there is no such process")
            if not 0 <= count <= _MOST:
                raise RecipeError(f"{self}: {kind} cannot run {count} times", hint="0 to 100")
        if not 1 <= self.port <= _LAST - _MOST * max(len(self.processes or ()), 1):
            raise RecipeError(f"{self}: port cannot be {self.port}")

    @property
    def topics(self) -> Iterable[tuple[str, str]]:
        """The application, and the files of its units."""
        yield (self.kind(), self.name)
        yield ("path", f"{FOLDER}/{self.name}.target")
        for _, name, _, _ in self._instances():
            yield ("path", f"{FOLDER}/{name}")

    def _instances(self) -> Iterator[tuple[str, str, str, int]]:
        """Yield the type, unit, command and port of each process."""
        for place, (kind, command) in enumerate((self.processes or {}).items()):
            for number in range((self.scale or {}).get(kind, 1)):
                name = f"{self.name}-{kind}@{number + 1}.service"
                yield kind, name, command, self.port + _MOST * place + number

    def units(self, mark: str) -> Sequence[Unit]:
        """Return its units, with a mark in their first line: the target is the first."""
        title = literal(self.description or self.name)
        target = f"{self.name}.target"
        whole: Sections = {
            "Unit": {"Description": title},
            "Install": {"WantedBy": "multi-user.target"},
        }
        units = [Unit(target, unit_text(target, mark, whole))]
        for kind, name, command, port in self._instances():
            body = self.service(f"/bin/sh -c {exec_word(command)}", {"PORT": port})
            text: Sections = {
                "Unit": {
                    "Description": f"{title}: {kind} %i",
                    "PartOf": target,
                    "After": " ".join(self.after),
                },
                "Service": {"Type": "exec", **body["Service"], "SyslogIdentifier": "%p-%i"},
                "Install": {"WantedBy": target},
            }
            units.append(Unit(name, unit_text(name, mark, text)))
        return units


_MOST = 100
"""Processes of one type, and the distance of the ports of two types."""

_LAST = 65535


procfile = recipe_function(Procfile)
