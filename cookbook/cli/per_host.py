"""Ask, or tell, each of some hosts something; what one of them says is no matter of the others."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from cookbook.cli.output import exit_of, print_json, reader_may_leave
from cookbook.errors import CookError

if TYPE_CHECKING:
    from cookbook.inventory import Host

T = TypeVar("T")


def answers(
    hosts: Sequence[Host], forks: int, work: Callable[[Host], T]
) -> tuple[dict[str, T], dict[str, CookError]]:
    """Return the answer of each host, and the errors of those that could not be asked."""
    from cookbook.hosts.connect import each_host

    said: dict[str, T] = {}
    errors: dict[str, CookError] = {}
    for host, answer in each_host(hosts, forks, work):
        if isinstance(answer, CookError):
            errors[host.name] = answer
        else:
            said[host.name] = answer
    return said, errors


def tell(
    options: argparse.Namespace,
    said: dict[str, Any],
    errors: dict[str, CookError],
    show: Callable[[dict[str, Any]], object],
) -> int:
    """Print the answers, by `show` or as JSON, then the errors; return the exit status."""
    with reader_may_leave():
        if options.output == "json":
            failed = {name: {"error": str(error)} for name, error in errors.items()}
            print_json({"schema": 1, "hosts": said | failed})
        else:
            show(said)
    return exit_of(errors)
