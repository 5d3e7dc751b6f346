"""
The pytest plugin of cook: `cook_plan`, snapshots of plans, coverage of declared resources.

A project loads it by `addopts = -p cookbook.testing.pytest_plugin` in its pytest.ini. It is no
entry point: pytest would then rewrite each module of cook when it is imported, in threads as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from cookbook.testing.plans import Plan


@dataclass
class _Coverage:
    """The resources that the plans of a session declare, and those that tests looked at."""

    plans: list[tuple[tuple[Path, ...], Plan]] = field(default_factory=list)

    def missed(self) -> tuple[list[str], int]:
        """Return the resources that no test has looked at, with their places, and how many are."""
        places: dict[tuple[str, str], str] = {}
        seen: set[tuple[str, str]] = set()
        for recipes, plan in self.plans:
            of = "+".join(map(str, recipes))
            places |= {(of, identity): place for identity, place in plan.places.items()}
            seen |= {(of, identity) for identity in plan.looked_at}
        left = [f"{places[key]}: {key[1]}" for key in places if key not in seen]
        return left, len(places)


_COVERAGE = pytest.StashKey[_Coverage]()

_WRITTEN = pytest.StashKey[dict[Path, str]]()
"""The snapshots that a session has written."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("cook", "recipes of cook")
    group.addoption(
        "--cook-coverage",
        action="store_true",
        help="list the declared resources that no test has looked at",
    )
    group.addoption(
        "--cook-update-snapshots",
        action="store_true",
        help="write the snapshots of plans anew",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Prepare the coverage and the list of snapshots."""
    config.stash[_COVERAGE] = _Coverage()
    config.stash[_WRITTEN] = {}


@pytest.fixture
def cook_plan(request: pytest.FixtureRequest) -> Callable[..., Plan]:
    """
    Return what recipes declare for a host; see `cookbook.testing.compiled`.

    A relative path is sought from the folder of the test, and from those above it up to the root
    of pytest. The file of an inventory (`hosts="hosts.yml"`) is sought in the same way.
    """
    coverage = request.config.stash[_COVERAGE]
    start, root = request.path.parent, request.config.rootpath

    def plan(*recipes: str | Path, **given: Any) -> Plan:
        from cookbook.testing.plans import compiled

        paths = tuple(_found(Path(recipe), start, root) for recipe in recipes)
        if isinstance(hosts := given.get("hosts"), str | Path):
            given["hosts"] = _found(Path(hosts), start, root)
        made = compiled(*paths, **given)
        coverage.plans.append((paths, made))
        return made

    return plan


@pytest.fixture
def cook_snapshot(request: pytest.FixtureRequest) -> Callable[..., None]:
    """
    Return a function that compares a plan with its snapshot, a file beside the test.

    `cook_snapshot(plan)` fails if they differ, or if there is no snapshot yet; pytest
    --cook-update-snapshots writes it. `name` tells several snapshots of one test apart.
    """
    update = bool(request.config.getoption("--cook-update-snapshots"))
    written = request.config.stash[_WRITTEN]

    def compare(plan: Plan, name: str = "") -> None:
        __tracebackhide__ = True
        of = request.cls.__qualname__ if request.cls is not None else ""
        stem = "-".join(filter(None, [request.path.stem, of, request.node.name, name]))
        plain = "".join(c if c.isalnum() or c in "-_." else "-" for c in stem)
        path = request.path.parent / "snapshots" / f"{plain}.txt"
        plan.looked_at.update(plan.identities)
        if update:
            if written.setdefault(path, plan.text) != plan.text:
                pytest.fail(f"{path} has another plan of these tests: tell it apart by name=...")
            path.parent.mkdir(exist_ok=True)
            path.write_text(plan.text, "utf-8", "surrogateescape")
            return
        if not path.is_file():
            pytest.fail(f"there is no {path}: pytest --cook-update-snapshots writes it")
        before = path.read_text("utf-8", "surrogateescape")
        if before != plan.text:
            pytest.fail(f"the plan is not that of {path}:\n{_difference(before, plan.text, path)}")

    return compare


def _difference(before: str, after: str, path: Path) -> str:
    import difflib

    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), f"{path.name} (kept)", "now", lineterm=""
    )
    return "\n".join(lines)


def _found(path: Path, start: Path, root: Path) -> Path:
    """Return the file that a relative path means, for a test in the folder `start`."""
    for folder in (start, *start.parents):
        if (there := folder / path).exists():
            return there
        if folder == root:
            break
    return start / path


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """List the resources that no test has looked at."""
    if not config.getoption("--cook-coverage"):
        return
    missed, number = config.stash[_COVERAGE].missed()
    seen = number - len(missed)
    share = f" ({100 * seen // number} %)" if number else ""
    terminalreporter.section("coverage of resources")
    terminalreporter.write_line(f"Resources: {number} declared, {seen} looked at{share}.")
    for line in missed:
        terminalreporter.write_line(f"  {line}")
