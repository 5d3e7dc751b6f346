"""Answers to the questions of Debian packages."""

from __future__ import annotations

import re
from dataclasses import field
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import SENSITIVE, Resource, Secret, recipe_function

Type = Literal["string", "boolean", "select", "multiselect", "note", "password", "text", "title"]


class DebconfSelection(Resource):
    """
    An answer to a question of a package, given before it is asked.

    A package takes it when it is installed, or by `dpkg-reconfigure`; declare it before the
    package. An answer is removed by `unset`, with the question.

    Example::

        debconf_selection(
            "postfix/main_mailer_type", owner="postfix", type="select", value="Local only"
        )
    """

    category: ClassVar[str] = "packages"

    unique: ClassVar[bool] = True

    question: str | None = None
    """The question, if it is not the resource's name."""

    owner: str | None = None
    """The package that asks; needed by `set`. Questions of several packages have any of them."""

    type: Type = "string"
    """The type of the question, as its template has it."""

    value: str | bool | None = field(default=None, metadata=SENSITIVE)
    """The answer, one line; several choices are separated by a comma and a blank."""

    action: Literal["set", "unset", "nothing"] = "set"

    def validate(self) -> None:
        """Check question, owner and value."""
        if not re.fullmatch(r"[A-Za-z0-9+._-]+(/[A-Za-z0-9+._/-]+)+", self.identity):
            raise RecipeError(
                f"{self}: {self.identity!r} is no question", hint='e.g. "postfix/mailname"'
            )
        if self.owner is not None and not re.fullmatch(r"[a-z0-9][a-z0-9+.-]*", self.owner):
            raise RecipeError(f"{self}: {self.owner!r} is no name of a package")
        if self.action == "set" and (self.owner is None or self.value is None):
            raise RecipeError(f"{self}: `set` needs owner and value")
        if isinstance(self.value, Secret) or self.type == "password":
            object.__setattr__(self, "sensitive", True)
        if isinstance(self.value, bool):
            object.__setattr__(self, "value", "true" if self.value else "false")
        if self.type == "boolean" and self.value not in ("true", "false", None):
            raise RecipeError(f"{self}: a boolean is true or false")
        if isinstance(self.value, str) and re.search(r"[\n\r\0]|^\s|\s$", self.value):
            raise RecipeError(f"{self}: a value is one line without blanks around it")

    @property
    def identity(self) -> str:
        """The question."""
        return self.question or self.name


debconf_selection = recipe_function(DebconfSelection)
