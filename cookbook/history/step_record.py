"""
A step as the history keeps it: what was found, wanted and left, and enough to go back.

No secret is kept. Contents of files are kept by digest; the bytes are in the stash of the
host. A state that holds a secret itself cannot be kept, and so cannot be undone.
"""

from __future__ import annotations

import functools
import types
from dataclasses import fields
from typing import Any, TypedDict, cast

from cookbook.errors import HostError, Phase
from cookbook.language.barriers import point_of
from cookbook.language.change import Change
from cookbook.language.collection import Declared
from cookbook.language.field_traits import compared_fields, field_names, sensitive_fields
from cookbook.language.resource import Resource
from cookbook.language.resource_json import brief
from cookbook.language.sections import Barrier
from cookbook.language.serialize import state_from_json, to_json
from cookbook.planning.step import Step
from cookbook.plugins.manager import catalog
from cookbook.plugins.registry import known, resource_from_json
from cookbook.reports.schema import ErrorDocument, ResourceDocument
from cookbook.secrets.secret import holds_secret, is_any_made


class StateRecord(TypedDict):
    """The states of a step, as far as an undo needs them."""

    provider: str
    resource: dict[str, Any]
    """See `resource_json`, without secrets and contents."""
    found: dict[str, Any] | None
    wanted: dict[str, Any] | None
    left: dict[str, Any] | None
    """As it was seen after the last change of its chain; as found where nothing was changed."""
    act: str | None


def state_record(step: Step) -> StateRecord | None:
    """Return the states of a step as JSON; None without states, or if one holds a secret."""
    change, provider = step.change, step.provider
    if change is None or provider is None or not known(step.target):
        return None
    left = step.left if step.status in ("changed", "failed") else change.found
    hidden = _tells if step.target.confidential else _holds_secret
    if any(map(hidden, (change.found, change.wanted))) or holds_secret(step.target.identity):
        return None
    if left is not change.found and hidden(left):
        return None
    found, wanted = _state_json(change.found), _state_json(change.wanted)
    kept = found if left is change.found else _state_json(left)
    if holds_secret((found, wanted)) or (kept is not found and holds_secret(kept)):
        return None  # deeper than a field
    return {
        "provider": provider.name,
        "resource": brief(step.target),
        "found": found,
        "wanted": wanted,
        "left": kept,
        "act": change.act,
    }


def _state_json(state: Any) -> Any:
    """
    Return a state as JSON, without sensitive fields that only say how to make the thing.

    The digest of a sensitive field that is compared is kept: an undo finds the content by it.
    """
    if state is None:
        return None
    data: dict[str, Any] = to_json(state)
    kind = type(state)
    for name in sensitive_fields(kind).difference(compared_fields(kind)):
        data[name] = None
    return data


def recorded_step(document: ResourceDocument, record: StateRecord | None) -> Step:
    """
    Return the step of a record; without a change if its states were not kept.

    Raises PlanError or Unsupported if its type or provider is not installed.
    """
    told: dict[str, Any] = {
        "because": document["because"],
        "orphan": document["orphan"],
        "lost": document["lost"],
        "error": _error(document["error"]),
    }
    if record is None:
        kind, _, name = document["id"].partition("[")
        if kind in ("barrier", "run_once"):
            # An undo waits there for all hosts: what came after it is undone first.
            barrier = Barrier(f"undo of {document['id']}", document["where"])
            return Step(point_of(barrier), document["status"], **told)
        nothing = _unknown(kind)(name.removesuffix("]"))
        return Step(Declared(nothing, document["where"]), document["status"], **told)
    resource = resource_from_json(record["resource"])
    provider = catalog().named(resource, record["provider"])
    found, wanted, left = (
        state_from_json(provider.state, state)
        for state in (record["found"], record["wanted"], record["left"])
    )
    change: Change[Any] = Change(found, wanted, record["act"])
    declared = Declared(resource, document["where"])
    return Step(declared, document["status"], change, provider, left=left, **told)


def _error(told: ErrorDocument | None) -> HostError | None:
    """Return the recorded error."""
    if told is None:
        return None
    error = HostError(told["message"], hint=told["hint"], cause=told["cause"])
    error.phase = cast("Phase", told["phase"])
    return error


@functools.cache
def _unknown(word: str) -> type[Resource]:
    """Return a resource type of which only the name is known."""
    return types.new_class("Unknown", (Resource,), {"kind": word})


def _tells(state: object) -> bool:
    """
    Return whether the state of a sensitive resource may be kept.

    It may if the state holds the sensitive value by its digest only: files, templates, users.
    """
    if state is None:
        return False
    return _holds_secret(state) or not any("Content" in f.type for f in fields(state))  # type: ignore[arg-type]  # a dataclass


def _holds_secret(state: object) -> bool:
    if state is None or not is_any_made():
        return False
    return any(holds_secret(getattr(state, name)) for name in field_names(type(state)))
