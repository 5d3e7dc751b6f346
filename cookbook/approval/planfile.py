"""
A plan in a file: readable JSON that says what would be done, and what it was planned from.

    {"cook": "plan", "format": 5, "version": "0.1.0", "run": "...", "made": "...", "by": "...",
     "revision": "...", "set": "webserver", "recipes": ["webserver.py"],
     "sources": {"webserver.py": "<sha256>"},
     "hosts": {"web1": {"machine_id": "...", "steps": [...]}},
     "facts": {"db1": {"digest": "<sha256>", "read": "...", "age": 0}},
     "key": {"salt": "...", "check": {...}},
     "seal": "<HMAC of all the rest>"}

Each step that changes something carries its Change, the resource as a value, and the digest
of the answers it was made from. Nothing in the file is code, and reading it runs none.

With a key, what must not be seen is sealed, and the seal of the whole says that a holder of
the key wrote it. Without one (`"key": null`) there can be no secret in it, and the seal is a
digest: it finds what was cut short or edited; it does not say who wrote it.
"""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypedDict

from cookbook import __version__
from cookbook.approval.saved_plan import SavedHost, SavedPlan
from cookbook.errors import PlanError, Unsupported, UsageError
from cookbook.language.barriers import point_of
from cookbook.language.change import Change
from cookbook.language.collection import Declared
from cookbook.language.feature_answer import FeatureAnswer
from cookbook.language.resource_json import plain, resource_json, revealed, with_secrets
from cookbook.language.sections import Barrier, ParallelBlock
from cookbook.language.serialize import change_from_json
from cookbook.planning.status import ResourceStatus
from cookbook.planning.step import FeatureEffect, Step
from cookbook.plugins.manager import catalog
from cookbook.plugins.registry import known, resource_from_json
from cookbook.reports.run_info import FactsUse
from cookbook.reports.schema import FactsDocument
from cookbook.script.program import Precondition
from cookbook.secrets.sealing import Key, Sealer, is_sealed
from cookbook.secrets.secret import holds_secret
from cookbook.text.bounded_io import content_of, parsed_json
from cookbook.text.diff import Diff
from cookbook.text.json_shape import Misshapen, shaped
from cookbook.text.redaction import protect
from cookbook.text.user_dirs import write_private

FORMAT = 5
MOST_BYTES = 256 * 1024 * 1024
"""A plan file of a stranger may be anything; more than this is not read."""

_PROPERTY = "resource."
_NAMES_IT = frozenset({"name", "action"})
"""Keys that a plan shows for every resource: its identity and the planned action."""


class ParallelDocument(TypedDict):
    """The parallel block of a step in a plan file."""

    block: int
    at_once: int
    beside: list[str]
    """The resources whose changes run at the same time, as the plan says it."""


class FeatureDetails(TypedDict):
    """A feature of a step in a plan file."""

    name: str
    on: bool
    why: str
    detail: str
    decisive: bool


class BarrierDocument(TypedDict):
    """A barrier in a plan file."""

    name: str
    once: bool
    on: str | None
    """The host that does a block of `run_once`."""


class StepDocument(TypedDict):
    """One step in a plan file; what the sealer may have sealed is Any."""

    id: str
    where: str
    status: ResourceStatus
    because: str | None
    until: str | None
    orphan: Literal["created", "adopted"] | None
    lost: str | None
    parallel: ParallelDocument | None
    features: list[FeatureDetails] | None
    barrier: BarrierDocument | None
    error: str | None
    resource: dict[str, Any]
    foretold: str | None
    provider: str | None
    """None, or missing, where nothing is changed; so are the others."""
    wanted: Any
    change: Any
    digest: Any
    diff: str | None


class HostPlan(TypedDict):
    """One host in a plan file."""

    machine_id: str
    steps: list[StepDocument]


class PlanDocument(TypedDict):
    """A plan file, without its version and its seal, which are looked at before."""

    run: str
    made: str
    by: str
    revision: str | None
    set: str
    recipes: list[str]
    sources: Any
    hosts: dict[str, HostPlan]
    facts: dict[str, FactsDocument] | None


def save(plan: SavedPlan, path: Path, key: Key | None = None) -> None:
    """
    Write a plan.

    Raises PlanError if there is a secret in it and no key to seal it with.
    """
    sealer = Sealer.new(key) if key is not None else None
    sources: Any = dict(plan.sources)
    document: dict[str, Any] = {
        "cook": "plan",
        "format": FORMAT,
        "version": __version__,
        "run": plan.run,
        "made": plan.made,
        "by": plan.by,
        "revision": plan.revision,
        "set": plan.set,
        "recipes": list(plan.recipes),
        # The digest of a short secret is as good as the secret.
        "sources": sealer.seal(sources, ("sources",)) if sealer else sources,
        "hosts": {
            name: {
                "machine_id": host.machine_id,
                "steps": [_Writing(sealer, (name, i), s).json for i, s in enumerate(host.steps)],
            }
            for name, host in plan.hosts.items()
        },
        "facts": {
            name: {"digest": use.digest, "read": use.read, "age": use.age}
            for name, use in plan.facts.items()
        },
        "key": sealer.header if sealer else None,
    }
    document["seal"] = _seal(document, sealer)
    try:
        write_private(path, json.dumps(document, indent=1) + "\n")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None


def load(path: Path, key: Key | None = None) -> SavedPlan:
    """
    Read a plan.

    Raises PlanError if it was cut short, edited, or written by another version, or if the
    key is not its own.
    """
    document = _read(path)
    theirs = document.get("version", "?"), document.get("format", "?")
    if theirs != (__version__, FORMAT):
        raise PlanError(
            f"{path} was written by cook {theirs[0]} (format {theirs[1]}),"
            f" this is {__version__} (format {FORMAT})",
            hint="make the plan again",
        )
    sealer = _sealer(path, document.get("key"), key)
    if document.pop("seal", None) != _seal(document, sealer):
        raise PlanError(f"{path} was changed after it was made", hint="make the plan again")
    try:
        return _plan(shaped(PlanDocument, document), sealer)
    except PlanError as error:
        raise PlanError(f"{path}: {error}", hint=error.hint) from None
    except (KeyError, TypeError, ValueError, AttributeError, Unsupported) as error:
        why = str(error) if isinstance(error, Misshapen) else repr(error)
        raise PlanError(f"{path} is no plan that cook has written: {why}") from None


def _sealer(path: Path, header: Any, key: Key | None) -> Sealer | None:
    """
    Return the sealer that opens a plan; None for a plan without a key.

    A plan without one is refused where a key is given: its user wants to be sure
    who made the plan.
    """
    if header is None and key is None:
        return None
    if key is None:
        raise PlanError(
            f"{path} is sealed with a key",
            hint="give it: --key FILE, or COOK_PLAN_KEY_FILE in the environment",
        )
    if header is None:
        raise PlanError(
            f"{path} was made without a key, so its author is unknown",
            hint="make the plan again with --key; or leave the key away, if you trust the file",
        )
    return Sealer.of(header, key)


def _plan(document: PlanDocument, sealer: Sealer | None) -> SavedPlan:
    sources = document["sources"]
    if sealer is not None:
        sources = sealer.open(sources, ("sources",))
    return SavedPlan(
        document["run"],
        document["made"],
        document["by"],
        document["revision"],
        document["set"],
        document["recipes"],
        shaped(dict[str, str], sources),
        {
            name: SavedHost(
                host["machine_id"],
                [_Reading(sealer, (name, i), s).step for i, s in enumerate(host["steps"])],
            )
            for name, host in document["hosts"].items()
        },
        {
            name: FactsUse(use["digest"], use["read"], use["age"])
            for name, use in (document["facts"] or {}).items()
        },
    )


@dataclass(frozen=True)
class _Writing:
    """One step as JSON."""

    sealer: Sealer | None
    place: tuple[str, int]
    """Host and number."""

    step: Step

    @property
    def json(self) -> dict[str, Any]:
        step = self.step
        if (barrier := step.declared.barrier) is not None:
            where = {"name": barrier.name, "once": barrier.once, "on": barrier.on}
            told = dict.fromkeys(("because", "until", "orphan", "lost", "parallel", "error"))
            told |= {"id": str(step.resource), "where": barrier.where, "status": step.status}
            return told | {"resource": {}, "barrier": where}
        shown: dict[str, Any] = {
            "id": str(step.resource),
            "where": step.declared.where,
            "status": step.status,
            "because": step.because,
            "until": step.until,
            "orphan": step.orphan,
            "lost": step.lost,
            "foretold": step.foretold,
            "parallel": self._parallel(),
            "features": self._features(),
            "error": protect(str(step.error)) if step.error else None,
            "resource": self._resource(),
        }
        if step.status == "unknown" and step.provider is not None and step.wanted is not None:
            return shown | {
                "provider": step.provider.name,
                "wanted": self._value("wanted", step.wanted),
                "diff": protect(str(step.diff)) if step.diff is not None else None,
            }
        if step.status != "changed" or step.provider is None or step.precondition is None:
            return shown
        return shown | {
            "provider": step.provider.name,
            "change": self._value("change", step.change),
            "digest": self._value("digest", step.precondition.digest),
            "diff": protect(str(step.diff)) if step.diff is not None else None,
        }

    def _parallel(self) -> ParallelDocument | None:
        block, beside = self.step.declared.parallel, list(self.step.parallel)
        if block is None:
            return None
        return {"block": block.number, "at_once": block.at_once, "beside": beside}

    def _features(self) -> list[FeatureDetails] | None:
        return [
            {
                "name": effect.answer.name,
                "on": effect.answer.is_on,
                "why": protect(effect.answer.why),
                "detail": protect(effect.answer.detail),
                "decisive": effect.is_decisive,
            }
            for effect in self.step.features
        ] or None

    def _resource(self) -> dict[str, Any]:
        """Return the resource as a value: its type, and the properties without a default value."""
        step = self.step
        if not known(step.target):
            raise PlanError(
                f"{step.declared.where}: {step.target}: this word is declared by the recipe itself,"
                " so the plan cannot be applied without it",
                hint="install it as a plugin (ARCHITECTURE.md)",
            )
        if holds_secret(step.resource.name):
            raise PlanError(
                f"{step.declared.where}: the name of a {step.resource.kind()} is a secret",
                hint="a name is shown everywhere; give it another one",
            )
        return resource_json(step.target, self._property)

    def _property(self, name: str, value: object) -> Any:
        seen = name in _NAMES_IT or (value == self.step.target.identity and not holds_secret(value))
        return plain(name, value) if seen else self._value(_PROPERTY + name, value)

    def _value(self, name: str, value: object) -> Any:
        """In the clear, or sealed where the resource must not be seen."""
        step = self.step
        try:
            hidden = step.resource.confidential or _has_secret(value)
            if not hidden and not (self.sealer and _has_sensitive(value)):
                return _without_sensitive(value, plain(name, value))
            if self.sealer is not None:
                return self.sealer.seal(with_secrets(value), _place(self.place, step, name))
        except TypeError as error:
            raise PlanError(f"{step.declared.where}: {step.resource}: {error}") from None
        raise PlanError(
            f"{step.declared.where}: {step.resource} holds a secret, and a plan file is read by"
            " others",
            hint="seal it with a key: --key FILE (docs/approval.md says how to make one)",
        )


@dataclass(frozen=True)
class _Reading:
    """One step from its JSON."""

    sealer: Sealer | None
    place: tuple[str, int]
    data: StepDocument

    @property
    def step(self) -> Step:
        data = self.data
        if (told := data["barrier"]) is not None:
            barrier = Barrier(told["name"], data["where"], told["once"], told["on"])
            return Step(point_of(barrier), data["status"])
        written = data["resource"]
        opened = {name: self._value(_PROPERTY + name, value) for name, value in written.items()}
        try:
            resource = resource_from_json(opened)
        except PlanError as error:
            host, number = self.place
            where = f"hosts.{host}.steps[{number}].resource"
            raise PlanError(f"{where}: {error}", hint=error.hint) from None
        known = data["parallel"]
        block = ParallelBlock(known["block"], known["at_once"]) if known is not None else None
        declared = Declared(resource, data["where"], parallel=block)
        step = Step(
            declared,
            data["status"],
            because=data["because"],
            until=data["until"],
            orphan=data["orphan"],
            lost=data["lost"],
            foretold=data["foretold"],
            parallel=tuple(known["beside"]) if known is not None else (),
            features=tuple(map(_effect, data["features"] or ())),
        )
        if data["provider"] is None:
            return step
        provider = catalog().named(resource, data["provider"])
        diff = Diff(tuple(data["diff"].split("\n"))) if data["diff"] else None
        if data["wanted"] is not None:
            wanted: Change[Any] = change_from_json(
                provider.state, self._value("wanted", data["wanted"])
            )
            return replace(step, wanted=wanted, provider=provider, diff=diff)
        change: Change[Any] = change_from_json(
            provider.state, self._value("change", data["change"])
        )
        by = Precondition((), self._value("digest", data["digest"]))
        return replace(step, change=change, provider=provider, diff=diff, precondition=by)

    def _value(self, name: str, value: Any) -> Any:
        if self.sealer is None or not is_sealed(value):
            return value
        return revealed(self.sealer.open(value, (*self.place, self.data["id"], name)))


def _effect(told: FeatureDetails) -> FeatureEffect:
    answer = FeatureAnswer(told["name"], told["on"], told["why"], told["detail"])
    return FeatureEffect(answer, told["decisive"])


def _has_secret(value: object) -> bool:
    """Return the found values with secrets hidden: a host may have one in any property."""
    states = (value.found, value.wanted) if isinstance(value, Change) else ()
    return any(state is not None and holds_secret(vars(state)) for state in states)


def _has_sensitive(value: object) -> bool:
    return isinstance(value, Change) and bool(value.sensitive)


def _without_sensitive(value: object, data: Any) -> Any:
    """Return a change as JSON, without the sensitive fields of its states, digests included."""
    if isinstance(value, Change):
        for name, side in (("found", data["found"]), ("wanted", data["wanted"])):
            data[name] = side and {k: None if k in value.sensitive else v for k, v in side.items()}
    return data


def _place(place: tuple[str, int], step: Step, name: str) -> tuple[object, ...]:
    """Return the place of a value; it can be opened only there."""
    return (*place, str(step.resource), name)


def _read(path: Path) -> dict[str, Any]:
    try:
        document = parsed_json(content_of(path, MOST_BYTES).decode())
    except OSError as error:
        wrong = PlanError if error.errno == errno.EFBIG else UsageError
        raise wrong(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise PlanError(f"{path} is no plan: {error}", hint="was it cut short?") from None
    if not isinstance(document, dict) or document.get("cook") != "plan":
        raise PlanError(f"{path} is no plan that cook has written")
    return document


def _seal(document: Mapping[str, Any], sealer: Sealer | None) -> str:
    text = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    return sealer.vouch(text) if sealer is not None else hashlib.sha256(text).hexdigest()
