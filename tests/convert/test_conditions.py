"""Conditions of which at most one holds on a host."""

from __future__ import annotations

import ast

import pytest

from cookbook.convert.conditions import exclusive


def parsed(*conditions: str) -> list[ast.expr]:
    """Return conditions as expressions."""
    return [ast.parse(one, mode="eval").body for one in conditions]


@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [
        ("x == 1", "x == 2", True),
        ("x == 1", "x == 1", False),
        ("x == 1", "y == 2", False),
        ("x == 1", "x != 1", True),
        ("x == 1", "x != 2", False),
        ("x in [1, 2]", "x in [3]", True),
        ("x in [1, 2]", "x == 2", False),
        ("x in 'ab'", "x == 'c'", False),
        ("x == y", "x == 2", False),
        ("x", "not x", True),
        ("x and y == 1", "z and y == 2", True),
        ("x or y == 1", "y == 2", False),
        ("f(x) == 1", "f(x) == 2", True),
    ],
)
def test_conditions_that_exclude_one_another(first: str, second: str, *, wanted: bool) -> None:
    """Both orders give the same answer, and what is not known may hold."""
    assert exclusive(parsed(first), parsed(second)) is wanted
    assert exclusive(parsed(second), parsed(first)) is wanted


def test_a_place_without_conditions_is_always_reached() -> None:
    assert not exclusive([], parsed("x"))


def test_a_variable_that_changes_says_nothing() -> None:
    assert not exclusive(parsed("x == 1"), parsed("x == 2"), changing=["x"])
    assert exclusive(parsed("x == 1", "y"), parsed("x == 2", "not y"), changing=["x"])
