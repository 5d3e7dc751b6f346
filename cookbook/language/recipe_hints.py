"""Hints for common mistakes in recipes: misspelt names, and words of other tools."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import NamedTuple

from cookbook.text.suggest import did_you_mean

_PAGES = ("from_ansible.md", "from_chef.md")
"""Pages beside this file, each with a table: name in another tool, name in cook, use."""


class Counterpart(NamedTuple):
    """The name in cook for a name of another tool."""

    name: str
    """A resource type, or another word of cook."""

    how: str
    """Text in Markdown."""


def counterparts() -> Mapping[str, Counterpart]:
    """Return by name of Ansible or Chef: what cook has instead."""
    found: dict[str, Counterpart] = {}
    for page in _PAGES:
        text = files("cookbook.language").joinpath(page).read_text("utf-8")
        for row in re.findall(r"^\| ([^|`]+) \| ([^|`]+) \| (.+) \|$", text, re.MULTILINE):
            if row[1] != "cook":  # the head of the table
                found.setdefault(row[0], Counterpart(row[1], row[2]))
    return found


def counterpart(name: str) -> str | None:
    """Return a sentence about a name of another tool; None for one that is on no page."""
    last = name.rpartition(".")[2]
    if (found := counterparts().get(last)) is None:
        return None
    same = f"{name} is there as well" if found.name == last else f"cook has {found.name!r}"
    return f"{same}: {found.how}"


_IMPORTED = re.compile(r"cannot import name '(\w+)' from '([\w.]+)'")
"""The text of an ImportError for a name that a module does not have."""

_FACTS = {"os": "distribution", "platform": "distribution", "os_family": "family"}
"""Names of facts in Ohai and Ansible, and of the same in cook."""


def hint_for(error: BaseException) -> str | None:
    """Return a hint that names what was probably meant; None if nothing is near."""
    if isinstance(error, AttributeError) and error.name:
        if (fact := _FACTS.get(error.name)) is not None and hasattr(error.obj, fact):
            return f"did you mean {fact!r}?"
        return did_you_mean(error.name, [name for name in dir(error.obj) if name[0] != "_"])
    if isinstance(error, ImportError) and (missing := _IMPORTED.match(str(error))):
        module = sys.modules.get(missing[2])
        return counterpart(missing[1]) or did_you_mean(missing[1], dir(module))
    if isinstance(error, NameError) and error.name:
        return counterpart(error.name) or did_you_mean(error.name, _globals(error))
    return None


def _globals(error: BaseException) -> Iterator[str]:
    """Yield the names that the line of the error can use."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is not None:
        yield from (name for name in trace.tb_frame.f_globals if not name.startswith("_"))
