"""Figures and bars: what was measured, and what it had to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

Unit = Literal["s", "ms", "MB", "exchanges"]


@dataclass(frozen=True)
class Figure:
    """What one contender needed in one case, in each of its runs."""

    case: str
    who: str
    runs: Sequence[float]
    unit: Unit = "s"

    @property
    def median(self) -> float:
        """What half of the runs were below."""
        return median(self.runs)


@dataclass(frozen=True)
class Bar:
    """What a figure must not exceed."""

    text: str
    value: float
    limit: float
    unit: str = ""
    """Nothing for a ratio."""

    @property
    def met(self) -> bool:
        """Whether it does not."""
        return self.value <= self.limit


@dataclass(frozen=True)
class Result:
    """What came of one case, or of the whole bench."""

    figures: Sequence[Figure] = ()
    bars: Sequence[Bar] = ()
    void: Sequence[str] = ()
    """What could not be measured, and why."""

    def __add__(self, other: Result) -> Result:
        return Result(
            [*self.figures, *other.figures],
            [*self.bars, *other.bars],
            [*self.void, *other.void],
        )


def ratio(figures: Sequence[Figure], who: str, other: str) -> float:
    """
    How many times as much one needed as another, by their medians.

    Raises KeyError if one of them was not measured.
    """
    medians = {figure.who: figure.median for figure in figures}
    return medians[who] / medians[other]


def shares(figures: Sequence[Figure], reference: str) -> dict[str, float]:
    """Everybody's ratio to one of them, or nothing if that was not measured."""
    if reference not in {figure.who for figure in figures}:
        return {}
    return {figure.who: ratio(figures, figure.who, reference) for figure in figures}


def document(result: Result, machine: Mapping[str, Any]) -> dict[str, Any]:
    """Return the result as JSON values."""
    return {
        "schema": 1,
        "machine": dict(machine),
        "figures": [
            {
                "case": figure.case,
                "who": figure.who,
                "unit": figure.unit,
                "median": round(figure.median, 4),
                "runs": [round(run, 4) for run in figure.runs],
            }
            for figure in result.figures
        ],
        "bars": [
            {
                "bar": bar.text,
                "value": round(bar.value, 4),
                "limit": bar.limit,
                "unit": bar.unit,
                "met": bar.met,
            }
            for bar in result.bars
        ],
        "void": list(result.void),
    }
