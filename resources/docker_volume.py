"""Volumes of a container engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import ClassVar, Literal

from cookbook.provider import recipe_function
from cookbook.resources._docker import DockerResource, check_labels


class DockerVolume(DockerResource):
    """
    A volume, which outlives the containers that use it.

    A volume with data is never made anew: if its driver or its options differ, that is an error.
    Source: docker-volume-create(1); Chef: docker_volume.

    Example::

        docker_volume("shop-data", labels={"backup": "daily"})
    """

    category: ClassVar[str] = "containers"

    unique: ClassVar[bool] = True

    driver: str = "local"

    options: Mapping[str, str] = field(default_factory=dict)
    """Options of the driver; of `local` those of mount(8): {"type": "tmpfs", "device": "tmpfs"}."""

    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels; those of a volume that exists cannot be changed, and are not compared."""

    action: Literal["create", "delete", "nothing"] = "create"

    def validate(self) -> None:
        """Check name, options and labels."""
        self.check_host()
        self.check_name(self.name, "a volume")
        check_labels(self, self.labels, "labels")
        check_labels(self, self.options, "options")


docker_volume = recipe_function(DockerVolume)
