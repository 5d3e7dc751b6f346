"""The versions of one package or of several, as one text of a state, whatever the package tool."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

ANY = "any"
"""Some version: the lists are too old to say which."""

NEWEST = "newest"
"""A newer version than the one that is there, said by lists that are too old to be sure."""

BY = "by "
"""Goes before the package that provides another one, which is but a name."""

Versions = Mapping[str, str]


class Versioned(Protocol):
    """
    A state with the versions of packages.

    The version of one package is its text: `1.22.1-9`, `by postfix`, `any`. Of several
    it is `curl=7.88.1-10, git=1:2.39.5-0`, without those that are not there.
    """

    @property
    def version(self) -> str | None:
        """Return the text; None if nothing is there."""
        ...


def versions(identity: str, state: Versioned | None) -> dict[str, str]:
    """Each package that is there, and its version as a state has it."""
    if state is None or state.version is None:
        return {}
    names = identity.split()
    if len(names) == 1:
        return {names[0]: state.version}
    pairs = (one.partition("=") for one in state.version.split(", "))
    return {name: version for name, _, version in pairs}


def names_of(name: str, state: Versioned) -> Collection[str]:
    """Return the packages that are there; `name` is the one that a text without names is about."""
    text = state.version or ""
    if "=" not in text:
        return {name} if text else ()
    return {one.partition("=")[0] for one in text.split(", ")}


def text_of(names: Sequence[str], there: Versions) -> str | None:
    """Return the reverse of `versions`."""
    if len(names) == 1:
        return there.get(names[0])
    return ", ".join(f"{name}={there[name]}" for name in names if name in there) or None
