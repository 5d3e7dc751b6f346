"""The facts of real releases, for tests of recipes."""

from __future__ import annotations

import json
from importlib.resources import files

from cookbook.errors import UsageError
from cookbook.script.facts import Facts, facts_from_json
from cookbook.text.suggest import did_you_mean


def released_facts(name: str) -> Facts:
    """
    Return the facts of a release: `debian-11`, `debian-12`, `debian-13`.

    They were read from hosts of `cook kitchen`; name, addresses, ids, kernel and memory are those
    of an example. Raises UsageError for a release that is not here.
    """
    folder = files("cookbook.testing").joinpath("facts")
    known = sorted(one.name.removesuffix(".json") for one in folder.iterdir())
    if name not in known:
        raise UsageError(
            f"there are no facts of {name!r}",
            hint=did_you_mean(name, known) or f"there are {', '.join(known)}",
        )
    return facts_from_json(json.loads(folder.joinpath(f"{name}.json").read_text("utf-8")))
