"""Files with the environment of a service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import SENSITIVE_AND_LARGE, Resource, octal, recipe_function
from cookbook.resources._environment import check_variables, env_text
from cookbook.resources.file import absolute, owned


class EnvFile(Resource):
    """
    A file with the environment of a service, for EnvironmentFile= of systemd.exec(5).

    A value may be a Secret (`secret("app/db")`): then no value of the file is shown, in a diff or
    elsewhere. Each value reaches the program as it is declared: quotes, `$` and newlines, too.

    Example::

        env_file("/etc/app.env", variables={"PORT": 8000, "LANG": "C.UTF-8"})
    """

    category: ClassVar[str] = "applications"

    unique: ClassVar[bool] = True

    namespace: ClassVar[str] = "path"

    path: str | None = None
    """The absolute path, if it is not the resource's name."""

    variables: Mapping[str, str | int] = field(default_factory=dict, metadata=SENSITIVE_AND_LARGE)
    """The variables, in the order of the file. It has no others."""

    owner: str | int = "root"
    """The owner: a name, or a number. systemd reads the file as root for each service."""

    group: str | int = "root"
    """Which group it belongs to: a name, or a number."""

    mode: str | int = "0600"
    """Permissions: octal text ("0640") or an octal integer (0o640)."""

    action: Literal["create", "delete", "nothing"] = "create"

    def validate(self) -> None:
        """Check the path, the owner and the variables."""
        absolute(self, self.identity)
        owned(self)
        object.__setattr__(self, "mode", octal(self.mode, str(self)))
        if self.action == "create" and not self.variables:
            raise RecipeError(f"{self}: `create` needs variables")
        check_variables(self, self.variables)

    @property
    def identity(self) -> str:
        """Its path."""
        return self.path or self.name

    @property
    def text(self) -> str | None:
        """The text of the file; None if the variables are not known: of one that goes back."""
        return env_text(self.variables) if self.variables else None


env_file = recipe_function(EnvFile)
