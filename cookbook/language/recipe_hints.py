"""Hints for common mistakes in recipes: misspelt names, and words of other tools."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib import import_module
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


_STATES: Mapping[str, Sequence[str]] = {
    "present": ("install", "create", "add", "set", "apply", "update", "allow", "extract", "enable"),
    "absent": ("remove", "delete", "unset", "uninstall", "umount", "deny"),
    "latest": ("upgrade",),
    "installed": ("install",),
    "removed": ("remove", "delete"),
    "purged": ("purge",),
    "held": ("lock",),
    "started": ("start",),
    "running": ("start",),
    "stopped": ("stop",),
    "restarted": ("restart",),
    "reloaded": ("reload",),
    "enabled": ("enable",),
    "disabled": ("disable",),
    "masked": ("mask",),
    "mounted": ("mount",),
    "unmounted": ("umount",),
    "remounted": ("remount",),
    "file": ("create",),
    "touch": ("touch",),
    "locked": ("lock",),
    "unlocked": ("unlock",),
}
"""States in Ansible, Puppet and Salt, and the actions that lead to them, the first that exists."""

_OTHER_TYPES = {"directory": "directory", "link": "link", "hard": "link"}
"""States of Ansible's file that are resource types here."""


def action_for(state: object, actions: Collection[str]) -> str | None:
    """
    Return the action of a type that leads to a state, as another tool names it; None without one.

    >>> action_for("present", {"install", "remove"}), action_for("absent", {"install", "remove"})
    ('install', 'remove')
    """
    word = {"True": "present", "False": "absent"}.get(str(state), str(state).lower())
    return next((one for one in (word, *_STATES.get(word, ())) if one in actions), None)


def action_hint(value: object, actions: Collection[str], default: object) -> str | None:
    """Return the hint for a wrong action; None if no action is near."""
    words = [value] if isinstance(value, str) else value
    for word in words if isinstance(words, list | tuple) else ():
        if isinstance(word, str) and word not in actions:
            if (action := action_for(word, actions)) is not None:
                same = ", which is the default" if action == default else ""
                return f"for {word!r} say action={action!r}{same}"
            return did_you_mean(word, actions)
    return None


def property_hint(
    name: str, value: object, actions: Collection[str], default: object
) -> str | None:
    """Return the hint for a property of other tools that an action stands for here."""
    if name == "enabled":
        return 'action=["enable", "start"]' if {"enable", "start"} <= {*actions} else None
    if name not in ("state", "ensure", "present"):
        return None
    if isinstance(value, str) and value in _OTHER_TYPES and "touch" in actions:
        return f"there is a resource type for it: {_OTHER_TYPES[value]}(...)"
    if (action := action_for(value, actions)) is None:
        known = ", ".join(sorted(actions))
        return f"a state is the result of an action here; action may be {known}"
    same = ", which is the default" if action == default else ""
    return f"for {name}={value!r} say action={action!r}{same}"


_IMPORTED = re.compile(r"cannot import name '(\w+)' from '([\w.]+)'")
"""The text of an ImportError for a name that a module does not have."""

_NAMESAKE = "that is the module of Python; one beside the recipe needs a name of its own"

_FACTS = {"os": "distribution", "platform": "distribution", "os_family": "family"}
"""Names of facts in Ohai and Ansible, and of the same in cook."""


_LANGUAGE = ("cookbook.resources", "cookbook.recipe")
"""The modules that a recipe imports from: resource types, and everything else."""


def hint_for(error: BaseException) -> str | None:
    """Return a hint that names what was probably meant; None if nothing is near."""
    if isinstance(error, AttributeError) and error.name:
        if (fact := _FACTS.get(error.name)) is not None and hasattr(error.obj, fact):
            return f"did you mean {fact!r}?"
        return did_you_mean(error.name, [name for name in dir(error.obj) if name[0] != "_"])
    if isinstance(error, ImportError) and (missing := _IMPORTED.match(str(error))):
        module = sys.modules.get(missing[2])
        near = counterpart(missing[1]) or did_you_mean(missing[1], dir(module))
        return near or (_NAMESAKE if missing[2] in sys.stdlib_module_names else None)
    if isinstance(error, NameError) and error.name:
        name = error.name
        known = [*_globals(error), *(name for module in _LANGUAGE for name in _names(module))]
        return _import_of(name) or counterpart(name) or did_you_mean(name, known)
    return None


def _import_of(name: str) -> str | None:
    """Return the line that imports a name of the recipe language; None if it has no such name."""
    for module in _LANGUAGE:
        if name in _names(module):
            return f"add this line to the recipe: from {module} import {name}"
    return None


def _names(module: str) -> Sequence[str]:
    return [str(name) for name in import_module(module).__all__]


def _globals(error: BaseException) -> Iterator[str]:
    """Yield the names that the line of the error can use."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is not None:
        yield from (name for name in trace.tb_frame.f_globals if not name.startswith("_"))
