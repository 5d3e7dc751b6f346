"""
What `make check` leaves to `make test`.

Of several shells `make check` asks the first, and it draws a fifth of the examples of a property
test. `make test` asks all of them, and draws all.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import settings


def first_in_check(values: Iterable[Any]) -> list[Any]:
    """Return `values` as parameters of a test or a fixture, all but the first marked slow."""
    first, *others = values
    return [first, *(pytest.param(value, marks=pytest.mark.slow) for value in others)]


def examples(number: int) -> int:
    """Return how many examples to draw: `number`, or a fifth with the profile `quick`."""
    assert settings.default is not None
    return number * settings.default.max_examples // 100
