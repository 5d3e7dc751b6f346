"""Profiles of AppArmor."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from typing import Any, ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import LARGE, SENSITIVE_AND_LARGE, Resource, recipe_function

_PASSED_OVER = (".dpkg-new", ".dpkg-old", ".dpkg-dist", ".dpkg-bak", ".rpmnew", ".rpmsave", ".md")
"""Endings of names that apparmor_parser(8) passes over; its list is longer."""

_FLAGS = re.compile(r"flags\s*=\s*\([^)]*\b(complain|kill|unconfined|default_allow|prompt)\b")


class ApparmorProfile(Resource):
    """
    A profile of AppArmor: a file in /etc/apparmor.d, its mode, and what the kernel has loaded.

    `apparmor_parser` compiles it before it is in its place. The mode is set by the links in
    `disable/` and `force-complain/` there. Where the kernel has AppArmor the profile is loaded;
    where it has not (or a container cannot reach it), a warning says that it is not.
    Source: apparmor_parser(8), apparmor.d(5); the cookbook apparmor of Chef (`apparmor_policy`).

    Example::

        apparmor_profile(
            "usr.local.bin.app",
            content='''#include <tunables/global>
        /usr/local/bin/app {
          #include <abstractions/base>
          /srv/app/** r,
        }
        ''',
            mode="complain",
        )
    """

    category: ClassVar[str] = "system"

    unique: ClassVar[bool] = True

    namespace: ClassVar[str] = "path"

    content: str | None = field(default=None, metadata=LARGE)
    """The text of the file."""

    source: str | None = field(default=None, metadata=LARGE)
    """A template below `templates/` that has the text of the file."""

    variables: Mapping[str, Any] = field(default_factory=dict, metadata=SENSITIVE_AND_LARGE)
    """The variables of the template, in addition to `node`."""

    mode: Literal["enforce", "complain", "disable"] = "enforce"
    """`complain`: what is not allowed is logged, not refused. `disable`: it is not loaded. A text
    whose flags say `complain` is in that mode with `enforce`, too."""

    action: Literal["create", "delete", "nothing"] = "create"

    def validate(self) -> None:
        """Check the name; render the template."""
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", self.name) or self.name.endswith(
            _PASSED_OVER
        ):
            raise RecipeError(
                f"{self}: {self.name!r} is no name that apparmor_parser(8) would read"
            )
        if self.action != "create":
            return
        if (self.content is None) == (self.source is None):
            raise RecipeError(f"{self}: it needs either content or source")
        if self.source is not None:
            from cookbook.language.template import render

            object.__setattr__(self, "content", render(self.source, self.variables))
            object.__setattr__(self, "source", None)
        if "\0" in (self.content or ""):
            raise RecipeError(f"{self}: a profile is text")

    @property
    def identity(self) -> str:
        """The path of the file."""
        return f"/etc/apparmor.d/{self.name}"

    @property
    def own_mode(self) -> bool:
        """True if the text itself says another mode than `enforce`."""
        return _FLAGS.search(self.content or "") is not None


apparmor_profile = recipe_function(ApparmorProfile)
