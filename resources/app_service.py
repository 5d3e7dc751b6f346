"""Applications as services."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import holds_secret, recipe_function
from cookbook.resources._units import ProcessResource, Unit, exec_word, literal, unit_text
from cookbook.resources.systemd_unit import FOLDER, Sections, UnitValue

Action = Literal["create", "restart", "delete", "nothing"]


class AppService(ProcessResource):
    """
    An application as a service of systemd: enabled, running, and restarted only when needed.

    It is restarted if its unit, a drop-in of it, a file in `env_file` or a path in `restart_on` has
    changed since its process was started, by cook or by hand.

    Example::

        app_service(
            "shop",
            user="www-data",
            command=["/srv/shop/current/bin/serve", "--port", "8000"],
            working_directory="/srv/shop/current",
            env_file="/etc/shop.env",
            restart_on="/srv/shop/current",
            memory_max="512M",
        )
    """

    category: ClassVar[str] = "applications"

    unique: ClassVar[bool] = True

    command: str | Sequence[str] = ""
    """
    The program, by an absolute path, and its arguments. Of a list each word is one argument, as it
    is. Text is read as ExecStart= of systemd.service(5): `${NAME}` and `%i` are replaced.
    """

    type: Literal["exec", "simple", "notify", "forking"] = "exec"
    """When it counts as started: see systemd.service(5). `notify` if it says so itself."""

    listen: str | int | Sequence[str | int] = ()
    """
    Addresses of a socket that systemd opens and hands over: a port, "127.0.0.1:8000", a path. It
    is in the unit NAME.socket, and stays open while the service is restarted.
    """

    action: Action | Sequence[Action] = "create"
    """`create` has it enabled and running, too; `restart` is for notifications."""

    def validate(self) -> None:
        """Check the name, the command and the rest."""
        if not re.fullmatch(r"[A-Za-z0-9:_][A-Za-z0-9:_.-]*", self.name):
            raise RecipeError(f"{self}: {self.name!r} is no name of a unit")
        if re.search(r"\.(service|socket)$", self.name):
            raise RecipeError(f"{self}: the name has no ending", hint=self.name.rpartition(".")[0])
        if "create" in self.doing and "delete" in self.doing:
            raise RecipeError(f"{self}: create and delete contradict each other")
        if "create" in self.doing:
            self._check_command()
        for one in self.addresses:
            if not re.fullmatch(r"\d{1,5}|\S*:\d{1,5}|[/@]\S+", one):
                raise RecipeError(f"{self}: {one!r} is no address", hint='8000, "127.0.0.1:8000"')
        self.check()

    def _check_command(self) -> None:
        words = [self.command] if isinstance(self.command, str) else list(self.command)
        if not words or not words[0].strip():
            raise RecipeError(f"{self}: `create` needs a command")
        if holds_secret(self.command):
            raise RecipeError(
                f"{self}: every user can see the arguments of a running command",
                hint="env_file(...) has a file for secrets, and `env_file=` names it",
            )
        if isinstance(self.command, str) and "\n" in self.command:
            raise RecipeError(f"{self}: the command is one line", hint="or a list of words")
        program = words[0].lstrip("@-:+!|") if isinstance(self.command, str) else words[0]
        if not re.match(r"\"?/[^/]", program):
            raise RecipeError(
                f"{self}: {program!r} is no absolute path", hint="/srv/app/bin/run, /usr/bin/env"
            )

    @property
    def addresses(self) -> Sequence[str]:
        """The addresses of the socket, one by one."""
        several = self.listen if isinstance(self.listen, list | tuple) else [self.listen]
        return [str(one) for one in several]

    @property
    def topics(self) -> Iterable[tuple[str, str]]:
        """The application, and the files of its units."""
        yield (self.kind(), self.name)
        for unit in (f"{self.name}.service", *([f"{self.name}.socket"] if self.addresses else [])):
            yield ("path", f"{FOLDER}/{unit}")

    def units(self, mark: str) -> Sequence[Unit]:
        """Return its units, with a mark in their first line."""
        title = literal(self.description or self.name)
        service = f"{self.name}.service"
        socket = f"{self.name}.socket"
        words = [self.command] if isinstance(self.command, str) else map(exec_word, self.command)
        needs: dict[str, UnitValue] = {"Requires": socket} if self.addresses else {}
        after = [*self.after, *([socket] if self.addresses else [])]
        body = self.service(" ".join(words))["Service"]
        text: Sections = {
            "Unit": {"Description": title, **needs, "After": " ".join(after)},
            "Service": {"Type": self.type, **body},
            "Install": {"WantedBy": "multi-user.target"},
        }
        units = [Unit(service, unit_text(service, mark, text))]
        if self.addresses:
            listening: Sections = {
                "Unit": {"Description": f"{title}: socket"},
                "Socket": {"ListenStream": list(self.addresses)},
                "Install": {"WantedBy": "sockets.target"},
            }
            units.insert(0, Unit(socket, unit_text(socket, mark, listening)))
        return units


app_service = recipe_function(AppService)
