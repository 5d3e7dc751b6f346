"""
A step as the history keeps it: what was found, wanted and left, and enough to go back.

No secret is kept. Contents of files are kept by digest; the bytes are in the stash of the
host. A state that holds a secret itself cannot be kept, and so cannot be undone.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypedDict

from cookbook.engine import Step
from cookbook.plugins import catalog
from cookbook.provider import Change, state_from_json, to_json
from cookbook.recipe import Declared
from cookbook.resource import holds_secret
from cookbook.written import known, plain, resource_from_json, resource_json

_LARGE = frozenset({"content", "variables", "source"})
"""What is in the states by its digest; no question needs it."""

_TELLING = frozenset({"command", "environment", "input", "password", "variables"})
"""What a sensitive resource may have to hide, even where nobody made a Secret of it."""


class StateRecord(TypedDict):
    """What it takes to go back."""

    provider: str
    resource: dict[str, Any]
    """See `resource_json`, without secrets and contents."""
    found: dict[str, Any] | None
    wanted: dict[str, Any] | None
    left: dict[str, Any] | None
    """As it was seen after the last change of its chain; as found where nothing was changed."""
    act: str | None


def state_record(step: Step) -> StateRecord | None:
    """The states of a step as JSON; None where there are none, or one holds a secret."""
    change, provider = step.change, step.provider
    if change is None or provider is None or not known(step.target):
        return None
    left = step.left if step.status in ("changed", "failed") else change.found
    states = (change.found, change.wanted, left)
    hidden = _tells if step.target.confidential else _holds_secret
    if any(map(hidden, states)):
        return None
    found, wanted, kept = map(to_json, states)
    return {
        "provider": provider.name,
        "resource": brief(step),
        "found": found,
        "wanted": wanted,
        "left": kept,
        "act": change.act,
    }


def step_of(record: StateRecord, where: str) -> Step:
    """
    The step that a record tells of.

    Raises PlanError or Unsupported where its word or its provider is not there any more.
    """
    resource = resource_from_json(record["resource"])
    provider = catalog().named(resource, record["provider"])
    found, wanted, left = (
        state_from_json(provider.state, record[side]) for side in ("found", "wanted", "left")
    )
    change: Change[Any] = Change(found, wanted, record["act"])
    return Step(Declared(resource, where), "changed", change, provider, left=left)


def brief(step: Step) -> dict[str, Any]:
    """The resource, as far as a question about it needs it."""
    data = resource_json(step.target, _write)
    left_out = _TELLING if step.target.confidential else frozenset[str]()
    return {k: value for k, value in data.items() if value is not None and k not in left_out}


def _write(name: str, value: object) -> Any:
    return None if name in _LARGE or holds_secret(value) else plain(name, value)


def _tells(state: object) -> bool:
    """
    Whether the state of a sensitive resource may tell what is sensitive.

    It does not where that is in it by its digest only: files, templates, users.
    """
    if state is None:
        return False
    return _holds_secret(state) or not any("Content" in f.type for f in fields(state))  # type: ignore[arg-type]  # a dataclass


def _holds_secret(state: object) -> bool:
    if state is None:
        return False
    return any(holds_secret(getattr(state, f.name)) for f in fields(state))  # type: ignore[arg-type]  # a dataclass
