"""The package lists of apt."""

from __future__ import annotations

from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function


class AptUpdate(Resource):
    """
    The package lists of apt, fetched anew: Chef's `apt_update`.

    `periodic` fetches them only if they are older than `frequency`, if a source was changed since,
    or if there are none. A `package` refreshes old lists by itself, so it needs no `apt_update`.

    Example::

        apt_update("daily", frequency=86400)
    """

    category: ClassVar[str] = "packages"

    frequency: int = 86400
    """Seconds that the lists may be old, for `periodic`."""

    lock_timeout: int = 120
    """Seconds to wait while another process is at the lists."""

    action: Literal["periodic", "update", "nothing"] = "periodic"
    """`update` fetches them in each run."""

    def validate(self) -> None:
        """Check the seconds."""
        if self.frequency < 60 or self.lock_timeout < 0:
            raise RecipeError(
                f"{self}: the lists cannot be fetched that often", hint="at least 60 seconds"
            )


apt_update = recipe_function(AptUpdate)
