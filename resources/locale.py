"""Languages of programs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function

_LOCALE = re.compile(r"[a-z]{2,3}_[A-Z]{2}\.([A-Za-z0-9-]+)(@[a-z]+)?")
_BUILT_IN = frozenset({"C", "POSIX", "C.UTF-8"})


class Locale(Resource):
    """
    The language of programs from the next login on: /etc/default/locale.

    Locales that are named and not there yet are generated, by the package locales.

    Example::

        locale("system", lang="en_GB.UTF-8")
    """

    category: ClassVar[str] = "system"

    unique: ClassVar[bool] = True

    lang: str | None = None
    """LANG, like en_US.UTF-8; None: left as it is. The name of the resource means nothing."""

    lc_env: Mapping[str, str] = field(default_factory=dict)
    """Further variables: LC_TIME and the like, LANGUAGE."""

    generate: Sequence[str] = ()
    """More locales to generate, like de_DE.UTF-8."""

    action: Literal["update", "nothing"] = "update"

    def validate(self) -> None:
        """Check the names, and write them as locale-gen(8) does."""
        if self.lang is not None:
            object.__setattr__(self, "lang", self._checked(self.lang))
        pairs = {key: self._value(key, value) for key, value in self.lc_env.items()}
        object.__setattr__(self, "lc_env", pairs)
        object.__setattr__(self, "generate", tuple(map(self._checked, self.generate)))
        if self.lang is None and not self.lc_env and not self.generate:
            raise RecipeError(f"{self}: nothing is declared", hint='e.g. lang="en_US.UTF-8"')

    def _value(self, key: str, value: str) -> str:
        if key == "LC_ALL":
            raise RecipeError(f"{self}: LC_ALL overrides all others: leave it out, and say lang")
        if not re.fullmatch(r"LC_[A-Z]+|LANGUAGE", key):
            raise RecipeError(f"{self}: {key!r} is no variable of locales")
        if key != "LANGUAGE":
            return self._checked(value)
        if not re.fullmatch(r"[A-Za-z_@.:-]+", value):
            raise RecipeError(f"{self}: {value!r} is no list of languages", hint="like de:en")
        return value

    def _checked(self, name: str) -> str:
        name = re.sub(r"(?i)\.utf-?8", ".UTF-8", name)
        if name not in _BUILT_IN and not _LOCALE.fullmatch(name):
            raise RecipeError(f"{self}: {name!r} is no locale", hint="like en_US.UTF-8")
        return name

    @property
    def variables(self) -> Mapping[str, str]:
        """The declared variables."""
        return {**({"LANG": self.lang} if self.lang is not None else {}), **self.lc_env}

    @property
    def needed(self) -> Sequence[str]:
        """The locales that have to be generated, sorted."""
        values = [value for key, value in self.variables.items() if key != "LANGUAGE"]
        return sorted({*values, *self.generate} - _BUILT_IN)

    @property
    def identity(self) -> str:
        """There is one setting of a host."""
        return "the host"


locale = recipe_function(Locale)
