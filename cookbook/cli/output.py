"""Results on stdout, as text or as JSON; what is for people only goes to stderr."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cookbook.errors import CookError


def print_json(document: object) -> None:
    """One document."""
    from cookbook.text.redaction import protected
    from cookbook.text.sanitize import json_text

    print(json_text(protected(document)))


def print_table(hosts: Mapping[str, Mapping[str, Any]]) -> None:
    """Key and value, host by host."""
    from cookbook.text.sanitize import one_line

    for name, facts in hosts.items():
        print(one_line(name))
        for key, value in facts.items():
            text = ", ".join(map(str, value)) if isinstance(value, list) else value
            print(one_line(f"  {key:15} {text}"))


@contextlib.contextmanager
def reader_may_leave() -> Iterator[None]:
    """
    Ignore that the reader of standard output has gone; the result of the run does not change.

    Raises ReportError if the report cannot be written for another reason, such as a full disk.
    """
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        leave_output()
        if not isinstance(error, BrokenPipeError):
            from cookbook.errors import ReportError

            raise ReportError(
                f"what came of it cannot be written: {error.strerror}",
                hint="it is done all the same: `cook history` has it, unless that is full, too",
            ) from None


def leave_output() -> None:
    """Write nothing to the standard output any more: its reader has gone."""
    sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - nothing is left to be flushed


def exit_of(errors: Mapping[str, CookError]) -> int:
    """Tell of these errors of hosts, by their names; the exit status that they amount to."""
    from cookbook.cli.progress import write
    from cookbook.cli.report_lines import error_lines
    from cookbook.errors import Unreachable

    for name, error in errors.items():
        (style, first), *rest = error_lines(error)
        told = first if name in error.message else first.replace("cook: ", f"cook: {name}: ", 1)
        write([(style, told), *rest], sys.stderr)
    if not errors:
        return 0
    return 4 if all(isinstance(error, Unreachable) for error in errors.values()) else 3


def plain(value: object) -> Any:
    """Return a value as JSON knows it: paths as text, secrets hidden."""
    from cookbook.secrets.secret import Secret

    match value:
        case Secret():
            return "(secret)"
        case None | bool() | int() | float() | str():
            return value
        case list() | tuple():
            return [plain(item) for item in value]
        case Mapping():
            return {str(k): plain(v) for k, v in value.items()}
        case _:
            return str(value)
