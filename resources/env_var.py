"""Environment variables of all logins."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function

_PATHS = {"environment": "/etc/environment", "profile": "/etc/profile.d/cook-env.sh"}


class EnvVar(Resource):
    """
    A variable in the environment of all logins from the next one on; not of services.

    Example::

        env_var("http_proxy", value="http://proxy.example.com:3128")
    """

    category: ClassVar[str] = "system"

    unique: ClassVar[bool] = True

    variable: str | None = None
    """Name of the variable; None: the name of the resource."""

    value: str | int | None = None
    """The value, as it is to be: nothing in it is expanded."""

    target: Literal["environment", "profile"] = "environment"
    """
    `environment`: /etc/environment, which pam_env(8) reads at each login. `profile`: a file in
    /etc/profile.d, which login shells read; it takes any value.
    """

    action: Literal["create", "delete", "nothing"] = "create"

    def validate(self) -> None:
        """Check name and value."""
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", self.key):
            raise RecipeError(f"{self}: {self.key!r} cannot be the name of a variable")
        if self.value is None and self.action == "create":
            raise RecipeError(f"{self}: `create` needs a value")
        if re.search(r"[\0\n\r]", self.text):
            raise RecipeError(f"{self}: a value is one line")
        if self.target == "environment" and re.search(r"[\"'#\\]|^\s|\s$", self.text):
            raise RecipeError(
                f"{self}: /etc/environment cannot have quotes, \\, #, or blanks at the ends",
                hint='target="profile" can',
            )

    @property
    def key(self) -> str:
        """The name of the variable."""
        return self.name if self.variable is None else self.variable

    @property
    def text(self) -> str:
        """The value as text."""
        if isinstance(self.value, str):
            return self.value
        return "" if self.value is None else str(self.value)

    @property
    def path(self) -> str:
        """The path of the file."""
        return _PATHS[self.target]

    @property
    def identity(self) -> str:
        """File and variable."""
        return f"{self.path}:{self.key}"


env_var = recipe_function(EnvVar)
