"""Rules of sudo."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function
from cookbook.resources.file import absolute

_NAME = re.compile(r"[%#+]{0,2}[A-Za-z0-9_][A-Za-z0-9_.@\\-]*\$?|ALL")
_ALIAS = re.compile(r"[A-Z][A-Z0-9_]*")


class Sudo(Resource):
    """
    Rules of sudo(8) in a file of their own, which visudo(8) has checked together with all others.

    A change is applied with auto-rollback where the login of the run uses sudo.

    Example::

        sudo("deploy", users="deploy", commands=["/bin/systemctl restart app"], nopasswd=True)
    """

    category: ClassVar[str] = "accounts"

    unique: ClassVar[bool] = True

    namespace: ClassVar[str] = "path"

    users: str | Sequence[str] = ()
    """Users with these rules."""

    groups: str | Sequence[str] = ()
    """Groups with these rules, with or without `%`."""

    commands: str | Sequence[str] = ("ALL",)
    """Commands with absolute paths and arguments, aliases, or ALL."""

    host: str = "ALL"
    """Hosts on which they apply."""

    runas: str = "ALL"
    """The user, or user:group, as which the commands are run."""

    nopasswd: bool = False
    """True: no password is asked for."""

    noexec: bool = False
    """True: the commands cannot start others."""

    setenv: bool = False
    """True: variables may be set on the command line."""

    defaults: Sequence[str] = ()
    """Settings for these users and groups, e.g. ["!requiretty"]."""

    command_aliases: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Name in capitals -> commands."""

    env_keep_add: Sequence[str] = ()
    """Variables that are kept."""

    env_keep_subtract: Sequence[str] = ()
    """Variables that are not kept."""

    filename: str | None = None
    """Name of the file; None: the name of the resource. A dot or tilde becomes two underscores."""

    config_prefix: str = "/etc/sudoers.d"
    """Folder of the file."""

    action: Literal["create", "delete", "nothing"] = "create"

    def validate(self) -> None:
        """Check names, commands and values."""
        absolute(self, self.config_prefix)
        if not re.fullmatch(r"[A-Za-z0-9_@+-]+", self.identity[len(self.config_prefix) + 1 :]):
            raise RecipeError(f"{self}: the file cannot have this name", hint="give it a filename")
        if self.action == "create" and not self.names:
            raise RecipeError(f"{self}: `create` needs users or groups")
        for name in (*self.names, self.host):
            if not _NAME.fullmatch(name):
                raise RecipeError(f"{self}: {name!r} cannot be the name of a user, group or host")
        if not re.fullmatch(r"[%#A-Za-z0-9_.-]+(:[#A-Za-z0-9_.-]+)?|:[#A-Za-z0-9_.-]+", self.runas):
            raise RecipeError(f"{self}: {self.runas!r} is no user to run as")
        self._check_commands()
        for name in (*self.env_keep_add, *self.env_keep_subtract):
            if not re.fullmatch(r"[A-Za-z0-9_*%=()]+", name):
                raise RecipeError(f"{self}: {name!r} is no name of a variable")
        for setting in self.defaults:
            if re.search(r"[\0\n]|^\s*$", setting):
                raise RecipeError(f"{self}: {setting!r} is no setting")

    def _check_commands(self) -> None:
        for alias in self.command_aliases:
            if not _ALIAS.fullmatch(alias) or alias == "ALL":
                raise RecipeError(f"{self}: {alias!r} is no alias", hint="in capitals, like WEB")
        listed = [one for some in self.command_aliases.values() for one in some]
        for command in (*_several(self.commands), *listed):
            plain = command.removeprefix("!").strip()
            known = plain in ("ALL", "sudoedit", "list") or _ALIAS.fullmatch(plain)
            absolute_path = plain.startswith(("/", "sudoedit /", "sha224:", "sha256:", "sha512:"))
            if not (known or absolute_path) or re.search(r"[\0\n]", command):
                raise RecipeError(
                    f"{self}: {command!r} is no command for sudo", hint="with its absolute path"
                )

    @property
    def names(self) -> Sequence[str]:
        """Users and groups, as sudoers(5) has them."""
        groups = (name if name.startswith("%") else f"%{name}" for name in _several(self.groups))
        return (*_several(self.users), *groups)

    @property
    def identity(self) -> str:
        """The path of the file; sudo(8) does not read one with a dot or tilde."""
        name = self.name if self.filename is None else self.filename
        return f"{self.config_prefix}/{re.sub('[.~]', '__', name)}"

    @property
    def text(self) -> str:
        """The text of the file."""
        names = ",".join(self.names)
        tags = (("NOPASSWD:", self.nopasswd), ("NOEXEC:", self.noexec), ("SETENV:", self.setenv))
        tag = "".join(f"{text} " for text, given in tags if given)
        keep = [f'env_keep += "{" ".join(self.env_keep_add)}"'] if self.env_keep_add else []
        drop = (
            [f'env_keep -= "{" ".join(self.env_keep_subtract)}"'] if self.env_keep_subtract else []
        )
        lines = [
            *(
                f"Cmnd_Alias {name} = {', '.join(some)}"
                for name, some in self.command_aliases.items()
            ),
            *(f"Defaults:{names} {setting}" for setting in (*self.defaults, *keep, *drop)),
            f"{names} {self.host}=({self.runas}) {tag}{', '.join(_several(self.commands))}",
        ]
        return "".join(f"{line}\n" for line in lines)


def _several(value: str | Sequence[str]) -> Sequence[str]:
    return (value,) if isinstance(value, str) else tuple(value)


sudo = recipe_function(Sudo)
