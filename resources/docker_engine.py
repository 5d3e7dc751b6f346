"""The container engine of a host."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, holds_secret, recipe_function

SETTINGS = "/etc/docker/daemon.json"
"""The file with the settings of the engine."""

Action = Literal["install", "remove", "nothing"]


class DockerEngine(Resource):
    """
    The Docker engine of Debian: installed, enabled and running, with the declared settings.

    If the settings change, or have changed since it was started, it is restarted; containers go on
    meanwhile if `live-restore` is true, and else those with a restart policy are started again. If
    it does not start with them, the former settings come back, and that is an error. Source:
    dockerd(8); Chef: docker_service.

    Example::

        docker_engine("docker", settings={"live-restore": True, "log-driver": "journald"})
    """

    category: ClassVar[str] = "containers"

    unique: ClassVar[bool] = True

    settings: Mapping[str, Any] | None = None
    """All settings of /etc/docker/daemon.json; None leaves the file as it is."""

    packages: Sequence[str] = ("docker.io",)
    """The packages that are installed if they are not there. The client comes with the first one,
    or from `docker-cli` where that is a package of its own."""

    timeout: float = 600.0
    """Seconds that the installation or a restart may take."""

    action: Action | Sequence[Action] = "install"

    def validate(self) -> None:
        """Check the settings."""
        if holds_secret(self.settings):
            raise RecipeError(f"{self}: {SETTINGS} is no place for a secret: all users can read it")
        try:
            json.dumps(self.settings, allow_nan=False)
        except (TypeError, ValueError) as error:
            hint = "texts, numbers, truth values, lists, mappings"
            raise RecipeError(f"{self}: settings: {error}", hint=hint) from None
        for key in self.settings or {}:
            if "_" in key:
                hint = f"did you mean {key.replace('_', '-')!r}?"
                raise RecipeError(f"{self}: {key!r} is no setting", hint=hint)
        if not self.packages:
            raise RecipeError(f"{self}: packages names the package of the engine")

    @property
    def identity(self) -> str:
        """There is one of Debian on a host."""
        return "docker"


docker_engine = recipe_function(DockerEngine)
