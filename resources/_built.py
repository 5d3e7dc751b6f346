"""Properties of what is built of a source folder on the host."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import field

from cookbook.errors import RecipeError
from cookbook.provider import SENSITIVE, Resource, Secret
from cookbook.resources._arguments import refuse_secrets
from cookbook.resources.file import absolute


class Built(Resource):
    """Programs that are built of sources; they are built again if these have changed."""

    source: str | None = None
    """The absolute path of the source folder."""

    user: str | None = None
    """The user that builds; None: the owner of the source folder."""

    environment: Mapping[str, str] = field(default_factory=dict, metadata=SENSITIVE)
    """Variables of the build. Another value has it built again, except for a secret one."""

    timeout: float = 3600.0
    """Seconds that the build may take."""

    def check(self) -> None:
        """Raise RecipeError for wrong paths, names of variables, and secrets in arguments."""
        for path in (*([self.folder] if self.folder != "/" else []), *self.outputs):
            absolute(self, path)
            if "\n" in path:
                raise RecipeError(f"{self}: {path!r} cannot be a path")
        for name in self.environment:
            if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name):
                raise RecipeError(f"{self}: {name!r} cannot be the name of a variable")
        if self.timeout <= 0:
            raise RecipeError(f"{self}: timeout must be positive")
        hint = "give it in `environment`, which other users cannot read"
        refuse_secrets(self, list(self.words), hint=hint)

    @property
    def folder(self) -> str:
        """The source folder."""
        return self.source or self.name

    @property
    def outputs(self) -> Sequence[str]:
        """The files that are compared with those of the build."""
        return ()

    @property
    def words(self) -> Sequence[str]:
        """The command of the build."""
        return ()

    @property
    def run(self) -> Sequence[str]:
        """The command of the build, with options that do not change what is built."""
        return self.words

    @property
    def bin(self) -> str | None:
        """The folder that comes first in the PATH."""
        return None

    @property
    def tools(self) -> Sequence[str]:
        """The programs that the host needs; each with a path or without."""
        return ()

    @property
    def arguments(self) -> str:
        """The command and its variables in one line; of a secret variable only the name."""
        plain = [
            f"{key}=..." if isinstance(value, Secret) else f"{key}={value}"
            for key, value in sorted(self.environment.items())
        ]
        text = shlex.join([*plain, *self.words])
        return text.replace("\\", "\\\\").replace("\n", "\\n")
