"""Conditions of the recipe that is written: which of them cannot hold at the same time."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from cookbook.convert.expressions import constant, is_constant, negated

Conditions = Sequence[ast.expr]
"""Conditions that all hold in one place; none: it is reached by every host."""


def exclusive(first: Conditions, second: Conditions, changing: Collection[str] = ()) -> bool:
    """
    Return whether the conditions of two places surely do not hold on one host.

    `changing` are the variables of the recipe that may have another value in the second place.

    >>> a, b = (ast.parse(f"family == {word!r}", mode="eval").body for word in ("debian", "rhel"))
    >>> exclusive([a], [b]), exclusive([a], [a]), exclusive([a], [b], changing=["family"])
    (True, False, False)
    """
    sides = [
        [one for one in _parts(conditions) if not _reads(one, changing)]
        for conditions in (first, second)
    ]
    return any(_differ(one, other) for one in sides[0] for other in sides[1])


def _parts(conditions: Conditions) -> Iterator[ast.expr]:
    """Yield the operands of conjunctions."""
    for one in conditions:
        if isinstance(one, ast.BoolOp) and isinstance(one.op, ast.And):
            yield from _parts(one.values)
        else:
            yield one


def _reads(condition: ast.expr, names: Collection[str]) -> bool:
    return any(isinstance(node, ast.Name) and node.id in names for node in ast.walk(condition))


def _differ(one: ast.expr, other: ast.expr) -> bool:
    if ast.dump(negated(one)) == ast.dump(other):
        return True
    first, second = _values(one), _values(other)
    if first is None or second is None or first[0] != second[0]:
        return False
    return not any(value in second[1] for value in first[1])


def _values(condition: ast.expr) -> tuple[str, Sequence[Any]] | None:
    """Return the expression that is compared, and the values of which it must have one."""
    match condition:
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]) if is_constant(right):
            return ast.dump(left), [constant(right)]
        case ast.Compare(left=left, ops=[ast.In()], comparators=[right]) if is_constant(right):
            values = constant(right)
            if isinstance(values, list | tuple):
                return ast.dump(left), values
    return None
