"""The results as tables, for people."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.figures import Bar, Figure, Result, shares

_REFERENCE = {"noop-lan": "ssh", "noop-far": "ssh", "noop-ten": "cook", "fresh": "script"}
"""Whom the others are compared with, in each case."""


def show(result: Result, machine: Mapping[str, Any]) -> None:
    """Print them on stdout."""
    console = Console()
    console.print(", ".join(f"{key} {value}" for key, value in machine.items()))
    console.print(_figures(result))
    console.print(_bars(result))
    for line in result.void:
        console.print(f"void: {line}", markup=False)
    missed = [bar for bar in result.bars if not bar.met]
    console.print(f"{len(result.bars) - len(missed)} of {len(result.bars)} bars met")


def _figures(result: Result) -> Table:
    table = Table("case", "who")
    for column in ("median", "least", "most", "runs", "ratio"):
        table.add_column(column, justify="right")
    for case, group in groupby(result.figures, key=lambda figure: figure.case):
        figures = list(group)
        ratios = shares(figures, _REFERENCE.get(case, ""))
        for figure in figures:
            table.add_row(*_row(figure, ratios.get(figure.who)))
        table.add_section()
    return table


def _row(figure: Figure, ratio: float | None) -> list[str]:
    numbers = (figure.median, min(figure.runs), max(figure.runs))
    texts = [amount(number, figure.unit) for number in numbers]
    shown = "" if ratio is None else f"{ratio:.2f}"
    return [figure.case, figure.who, *texts, str(len(figure.runs)), shown]


def _bars(result: Result) -> Table:
    table = Table("bar")
    for column in ("measured", "at most", ""):
        table.add_column(column, justify="right")
    for bar in result.bars:
        table.add_row(*bar_row(bar))
    return table


def bar_row(bar: Bar) -> list[str]:
    """Its text, the value, the limit, and whether it was met."""
    verdict = "[green]met[/]" if bar.met else "[bold red]MISSED[/]"
    return [bar.text, amount(bar.value, bar.unit), amount(bar.limit, bar.unit), verdict]


def amount(value: float, unit: str) -> str:
    """Return a number with its unit, in the significant digits."""
    match unit:
        case "exchanges":
            return f"{value:.0f}"
        case "MB":
            return f"{value:.0f} MB"
        case "s":
            return f"{value:.3f} s"
        case _:
            return f"{value:.3f}"
