"""What a plan tells of a container although an earlier change makes its state unknown."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Literal

import pytest

from cookbook.provider import Thing
from cookbook.providers.docker_container import DockerContainerProvider
from cookbook.resources.docker_container import DockerContainer


@pytest.mark.parametrize("action", ["stop", "delete"])
def test_of_one_that_needs_no_image_nothing_is_told(action: Literal["stop", "delete"]) -> None:
    """Such as `docker_engine()` and an old container that is to go, on a fresh host."""
    container = DockerContainer("gone", action=action)
    assert DockerContainerProvider().foretold(container, None, {}) is None


def test_of_one_whose_image_is_pulled_before_the_image_is_told() -> None:
    container = DockerContainer("web", image="shop:2")
    pulled = {Thing("docker_image", "shop:2"): SimpleNamespace(image="sha256:ab")}
    assert DockerContainerProvider().foretold(container, None, pulled) == "image: - -> sha256:ab"
