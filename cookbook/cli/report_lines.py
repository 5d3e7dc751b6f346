"""The lines that show a report, a step or an error on a terminal."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cookbook.errors import CookError
from cookbook.reports.phrases import error_remarks
from cookbook.reports.report import Report, error_json, report_json, step_json
from cookbook.reports.text import StyledLine, document_lines, resource_lines

if TYPE_CHECKING:
    from cookbook.planning.step import Step
    from cookbook.reports.schema import Document


def report_lines(report: Report, *, verbose: bool = False) -> Iterator[StyledLine]:
    """Yield the report: hosts with equal results together, then the totals."""
    yield from document_lines(report_json(report), verbose=verbose)


def step_lines(step: Step) -> Iterator[StyledLine]:
    """One resource, as a plan shows it."""
    yield from resource_lines(step_json(step), _any_plan())


@functools.cache
def _any_plan() -> Document:
    return report_json(Report("", "plan"))


def error_lines(error: CookError) -> Iterator[StyledLine]:
    """Yield an error that ended the command before any host was contacted."""
    document = error_json(error)
    first, *more = document["message"].split("\n")
    yield "bold red", f"cook: {first}"
    yield from (("bold red", f"      {line}") for line in more)
    for line in document["output"].split("\n") if document["output"] else ():
        yield "", f"      | {line}"
    for remark in error_remarks(document):
        yield "", f"      {remark}"
