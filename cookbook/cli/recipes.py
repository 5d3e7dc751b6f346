"""The recipes of a command: those it names, or each host's own; and which resources of them."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cookbook.cli.options import add_features, add_variables
from cookbook.errors import UsageError
from cookbook.text.listing import named

if TYPE_CHECKING:
    from cookbook.inventory import Host
    from cookbook.run.selection import Selection


def add_recipes(command: argparse.ArgumentParser) -> None:
    """Add the arguments for recipes and their variables."""
    command.add_argument(
        "recipes",
        nargs="*",
        type=Path,
        metavar="RECIPE",
        help="for all hosts; without one, each host has its own (`recipes:` in hosts.yml)",
    )
    add_variables(command)
    add_features(command)


def add_selection(command: argparse.ArgumentParser) -> None:
    """`--tags`, `--skip-tags`, `--only`, `--recipe`: a part of the resources."""
    command.add_argument(
        "--tags",
        type=_words,
        default=frozenset(),
        metavar="TAG,...",
        help="only resources with one of these tags; the others are skipped",
    )
    command.add_argument(
        "--skip-tags",
        type=_words,
        default=frozenset(),
        metavar="TAG,...",
        help="no resources with one of these tags",
    )
    command.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="RESOURCE",
        help="only this resource, e.g. 'service[nginx]' or 'file[/etc/*]'; may be given again",
    )
    command.add_argument(
        "--recipe",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        dest="chosen_recipes",
        help="only resources of this one of the hosts' own recipes; may be given again",
    )


def _words(text: str) -> frozenset[str]:
    return frozenset(word.strip() for word in text.split(",")) - {""}


class Choice(NamedTuple):
    """The hosts that have something to do, and what it is."""

    hosts: list[Host]
    recipes: Sequence[Path]
    selection: Selection
    roles: bool
    """True if each host has its own recipes."""

    without: Sequence[str]
    """Names of the hosts that were left out, because they have no recipe."""

    @property
    def options(self) -> dict[str, Any]:
        """As properties of a Run."""
        return {"roles": self.roles, "selection": self.selection}


def chosen(options: argparse.Namespace, hosts: Sequence[Host]) -> Choice:
    """
    Return the hosts with recipes, and which resources of these are meant.

    Raises UsageError if there is no recipe, or `--recipe` names one that no host has.
    """
    from cookbook.run.selection import Selection
    from cookbook.text.glob import Glob

    named, only = options.recipes, [Glob(text) for text in options.only]
    if named and options.chosen_recipes:
        raise UsageError(
            "--recipe selects among the hosts' own recipes, and a recipe is named as well",
            hint="leave one of the two out",
        )
    if named:
        own = dict.fromkeys(named)
    else:
        own = dict.fromkeys(recipe for host in hosts for recipe in host.recipes)
        if not own:
            raise UsageError(
                "there is no recipe",
                hint="name one: cook converge webserver.py ...; or give the hosts theirs, by"
                " `recipes:` of a group or a host in hosts.yml",
            )
    recipes = [_named(path, list(own)) for path in options.chosen_recipes]
    selection = Selection(options.tags, options.skip_tags, only, recipes)
    wanted = {*(recipes or own)}
    able = [host for host in hosts if named or wanted & {*host.recipes}]
    without = [] if named else [host.name for host in hosts if not host.recipes]
    return Choice(able, list(own), selection, not named, without)


def _named(path: Path, known: Sequence[Path]) -> Path:
    """Return the recipe that is meant by a path, or by the end of one: `webserver.py`."""
    exact = [one for one in known if os.path.realpath(one) == os.path.realpath(path)]
    ending = [one for one in known if one.parts[-len(path.parts) :] == path.parts]
    found = exact or ending
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(
            f"--recipe {path} can be {' or '.join(map(str, found))}", hint="give its whole path"
        )
    from cookbook.text.suggest import did_you_mean

    names = [str(one) for one in known]
    near = did_you_mean(str(path), [*names, *(one.name for one in known)])
    raise UsageError(
        f"--recipe {path}: no host has this recipe", hint=near or f"there are {', '.join(names)}"
    )


def warn_without(choice: Choice) -> None:
    """Say which hosts are left out for want of a recipe."""
    if choice.without:
        import sys

        from cookbook.cli.progress import write

        some = named(choice.without, 5)
        write([("yellow", f"cook: without a recipe, left out: {some}")], sys.stderr)
