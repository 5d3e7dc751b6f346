"""Texts of units for the processes of an application."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from cookbook.errors import RecipeError
from cookbook.provider import Resource, holds_secret
from cookbook.resources._environment import check_variables
from cookbook.resources.file import absolute
from cookbook.resources.systemd_unit import FOLDER, Sections, SystemdUnit, UnitValue

RECORDS = "/run/cook-app"
"""The folder on a host where a unit notes what its process was started with."""

HARDENING: Mapping[str, UnitValue] = {
    "NoNewPrivileges": True,
    "PrivateTmp": True,
    "PrivateDevices": True,
    "ProtectSystem": "full",
    "ProtectControlGroups": True,
    "ProtectKernelModules": True,
    "ProtectKernelTunables": True,
    "ProtectKernelLogs": True,
    "ProtectClock": True,
    "ProtectHostname": True,
    "LockPersonality": True,
    "RestrictRealtime": True,
    "RestrictSUIDSGID": True,
    "RestrictNamespaces": True,
    "SystemCallArchitectures": "native",
}
"""Settings that take from a process what an application has no use for: systemd.exec(5)."""


class Unit(NamedTuple):
    """A unit with its text."""

    name: str
    text: str
    enabled: bool = True
    running: bool = True


NOTE = (
    """printf '%s\\n' "$p $(readlink -f -- "$p") $(sha256sum <"$p" || stat -Lc %d:%i -- "$p")\""""
)
"""Shell that prints what is at a path `p`: the content of a file, or which folder it is."""

_PLAIN = re.compile(r"[A-Za-z0-9_./,=+-][A-Za-z0-9_./,:=@+-]*")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "%": "%%"}


def unit_text(unit: str, mark: str, sections: Sections) -> str:
    """Return the text of a unit, with a mark in its first line; raises RecipeError."""
    return f"{mark}\n{SystemdUnit(unit, content=sections, action='create').text}"


def exec_word(text: str) -> str:
    r"""
    Return one argument of a command for ExecStart= of systemd.service(5): nothing is expanded.

    >>> exec_word("100% of $HOME")
    '"100%% of $$HOME"'
    """
    if _PLAIN.fullmatch(text):
        return text
    return '"' + "".join({**_ESCAPES, "$": "$$"}.get(char, char) for char in text) + '"'


def literal(text: str) -> str:
    """Return a value of a setting in which no specifier of systemd.unit(5) is replaced."""
    return text.replace("%", "%%")


class ProcessResource(Resource):
    """The properties that all processes of an application have in common."""

    description: str | None = None
    """A title for `systemctl status`; None: its name."""

    user: str | None = None
    """The user that runs it; None: root."""

    group: str | None = None
    """The group that runs it; None: the primary group of the user."""

    working_directory: str | None = None
    """The working folder, by an absolute path; None: `/`."""

    environment: Mapping[str, str | int] | None = None
    """Variables that every user of the host may see; secrets belong into an `env_file`."""

    env_file: str | Sequence[str] = ()
    """Files with variables, as `env_file` makes them; they win over `environment`."""

    memory_max: str | int | None = None
    """The most memory: bytes, or with K, M, G; what takes more is killed."""

    tasks_max: int | None = None
    """The most processes and threads."""

    nofile: int | None = None
    """The most open files."""

    cpu_quota: str | None = None
    """The most time of processors, in percent of one: "150%"."""

    restart: Literal["always", "on-success", "on-failure", "on-abnormal", "no"] = "on-failure"
    """When it is started again after it has ended."""

    restart_sec: float = 1.0
    """Seconds before it is started again."""

    hardening: bool = True
    """Take from it what an application has no use for: new privileges, devices, writing to /usr and
    /etc, the /tmp of others, settings of the kernel. False: nothing is taken."""

    settings: Mapping[str, UnitValue] | None = None
    """More settings of the section Service, as of systemd.service(5) and systemd.exec(5); they take
    the place of those that are made of other properties, e.g. {"ProtectSystem": "strict"}."""

    after: Sequence[str] = ("network.target",)
    """Units that are started before it, if both are."""

    restart_on: str | Sequence[str] = ()
    """Files and links that it uses: it is restarted if one has changed since it was started. Of a
    link the target counts, of a file the content, of a folder which folder it is."""

    timeout: float = 900.0
    """Seconds that a process may take to start or to stop."""

    settle: float = 2.0
    """Seconds that a process is watched after it was started: dying meanwhile is a failure."""

    def check(self) -> None:
        """Raise RecipeError for what no unit can say."""
        for what in (self.description or "", *self.after, self.user or "", self.group or ""):
            if re.search(r"[\0\n]", what):
                raise RecipeError(f"{self}: {what!r} is not one line")
        for path in (*self.inputs, *([self.working_directory] if self.working_directory else [])):
            absolute(self, path)
            if re.search(r"[\n*?\[\"'\\]", path):
                raise RecipeError(f"{self}: {path!r} has a character that systemd would interpret")
        self._check_environment()
        memory = r"\d+[KMGT]?|\d+%|infinity"
        if self.memory_max is not None and not re.fullmatch(memory, str(self.memory_max)):
            raise RecipeError(f"{self}: memory_max={self.memory_max!r} is no size", hint='"512M"')
        if self.cpu_quota is not None and not re.fullmatch(r"\d+%", self.cpu_quota):
            raise RecipeError(f"{self}: cpu_quota={self.cpu_quota!r} is no share", hint='"50%"')
        for name in ("tasks_max", "nofile", "restart_sec", "timeout", "settle"):
            if (number := getattr(self, name)) is not None and number < 0:
                raise RecipeError(f"{self}: {name} cannot be negative")

    def _check_environment(self) -> None:
        check_variables(self, self.environment or {})
        told = (self.environment, self.settings, self.description)
        if any(map(holds_secret, told)):
            raise RecipeError(
                f"{self}: every user can see what is in a unit",
                hint="env_file(...) has a file for secrets, and `env_file=` names it",
            )

    @property
    def env_files(self) -> Sequence[str]:
        """The files with variables, one by one."""
        return _several(self.env_file)

    @property
    def inputs(self) -> Sequence[str]:
        """The paths that it uses."""
        return [*self.env_files, *_several(self.restart_on)]

    def service(self, command: str, more: Mapping[str, str | int] | None = None) -> Sections:
        """Return the section Service that runs a command, with `more` variables."""
        variables = {**(self.environment or {}), **(more or {})}
        limits = {
            "MemoryMax": self.memory_max,
            "TasksMax": self.tasks_max,
            "LimitNOFILE": self.nofile,
            "CPUQuota": literal(self.cpu_quota) if self.cpu_quota is not None else None,
        }
        values: dict[str, UnitValue | None] = {
            "User": literal(self.user) if self.user is not None else None,
            "Group": literal(self.group) if self.group is not None else None,
            "WorkingDirectory": literal(self.working_directory) if self.working_directory else None,
            "Environment": [_assignment(name, value) for name, value in variables.items()],
            "EnvironmentFile": [literal(path) for path in self.env_files],
            "ExecStartPre": _noting(self.inputs),
            "ExecStart": command,
            "Restart": self.restart,
            "RestartSec": f"{self.restart_sec:g}",
            "SyslogIdentifier": "%N",
            **limits,
            **(HARDENING if self.hardening else {}),
            **(self.settings or {}),
        }
        return {"Service": {key: value for key, value in values.items() if value is not None}}


def _several(value: str | Sequence[str]) -> Sequence[str]:
    return [value] if isinstance(value, str) else value


def _assignment(name: str, value: str | int) -> str:
    text = "".join(_ESCAPES.get(char, char) for char in str(value))
    return f'"{name}={text}"'


def _noting(inputs: Sequence[str]) -> str:
    """Return the command of a unit that notes what its process is started with."""
    words = " ".join(shlex.quote(path) for path in inputs)
    text = (
        f"umask 077; mkdir -p {RECORDS}; cd {FOLDER};"
        f' for p in "$PWD/$1" "$PWD/$1.d"/*.conf {words}; do {NOTE}; done'
        f' >{RECORDS}/"$1" 2>/dev/null'
    )
    return f"-+/bin/sh -c {exec_word(text)} sh %n"
