"""
A plan in a file: readable JSON that says what would be done, and what it was planned from.

    {"cook": "plan", "format": 1, "version": "0.1.0", "run": "...", "made": "...", "by": "...",
     "revision": "...", "recipes": ["webserver.py"], "sources": {"webserver.py": "<sha256>"},
     "hosts": {"web1": {"machine_id": "...", "steps": [...]}},
     "seal": "<sha256 of all the rest>"}

Each step that changes something carries its Change, the resource as a value, and the digest
of the answers it was made from. Nothing in the file is code, and reading it runs none. The
seal finds what was cut short or edited; it does not say who wrote it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cookbook import __version__
from cookbook.diff import Diff
from cookbook.errors import PlanError, Refused, Unsupported, UsageError
from cookbook.platform import Facts
from cookbook.plugins import catalog
from cookbook.provider import Change, change_from_json
from cookbook.recipe import Declared
from cookbook.report import HostReport, Report
from cookbook.secrecy import protect
from cookbook.secret import holds_secret
from cookbook.step import Step
from cookbook.vocabulary import known, resource_from_json
from cookbook.wire import Guard
from cookbook.written import plain, resource_json

if TYPE_CHECKING:
    from cookbook.inventory import Host

FORMAT = 1
MOST_BYTES = 256 * 1024 * 1024
"""A plan file of a stranger may be anything; more than this is not read."""


@dataclass(frozen=True)
class SavedHost:
    """What the plan says of one host."""

    machine_id: str
    steps: Sequence[Step]


@dataclass(frozen=True)
class SavedPlan:
    """What a plan file says."""

    run: str
    made: str
    by: str
    revision: str | None
    set: str
    recipes: Sequence[str]
    sources: Mapping[str, str]
    """Path -> SHA-256 of all that was read: recipes, templates, files, hosts.yml."""

    hosts: Mapping[str, SavedHost]

    def steps_for(self, host: str, facts: Facts) -> Sequence[Step]:
        """
        What is to be done on a host.

        Raises Refused if the machine of that name is another one than it was.
        """
        saved = self.hosts[host]
        if saved.machine_id != facts.machine_id:
            raise Refused(
                f"{host} is another machine than the plan was made for: its machine-id is"
                f" {facts.machine_id}, not {saved.machine_id}",
                hint="was it reinstalled, or does its name lead elsewhere? make a new plan",
            )
        return saved.steps

    @property
    def heading(self) -> str:
        """Who made it, when, and from what."""
        recipes = ", ".join(self.recipes)
        revision = f" at {self.revision}" if self.revision else ""
        return f"plan {self.run}, made {self.made} by {self.by} from {recipes}{revision}"

    def choose(self, hosts: Sequence[Host], *, limited: bool) -> list[Host]:
        """
        Of these hosts, those that the plan is about.

        Raises UsageError if there is none, or one is missing and nobody has set a limit.
        """
        chosen = [host for host in hosts if host.name in self.hosts]
        missed = self.hosts.keys() - {host.name for host in chosen}
        if not chosen or (missed and not limited):
            raise UsageError(
                f"the plan is about {', '.join(sorted(missed))}, which the inventory does not have",
                hint="to apply only a part of it, say which with --limit",
            )
        return chosen

    @property
    def report(self) -> Report:
        """As it was shown when it was made."""
        hosts = {
            name: HostReport(name, "changed" if host.steps else "ok", host.steps)
            for name, host in self.hosts.items()
        }
        return Report(self.run, "plan", hosts)


def saved_plan(report: Report) -> SavedPlan:
    """
    The plan that a run has made.

    Raises PlanError where it is not a whole plan: a host could not be asked.
    """
    if missed := [h.name for h in report.hosts.values() if h.status not in ("ok", "changed")]:
        raise PlanError(
            f"the plan is not saved: {', '.join(missed)} could not be planned",
            hint="mend it, or leave it out with --limit",
        )
    return SavedPlan(
        report.run,
        report.origin.started,
        report.origin.by,
        report.revision,
        report.set,
        report.recipes,
        report.sources,
        {
            host.name: SavedHost(host.machine_id, [s for s in host.steps if s.status != "ok"])
            for host in report.hosts.values()
        },
    )


def save(plan: SavedPlan, path: Path) -> None:
    """
    Write a plan.

    Raises PlanError if there is a secret in it: a file is read by others.
    """
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
        "sources": dict(plan.sources),
        "hosts": {
            name: {"machine_id": host.machine_id, "steps": [_step_json(s) for s in host.steps]}
            for name, host in plan.hosts.items()
        },
    }
    document["seal"] = _seal(document)
    try:
        path.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None


def load(path: Path) -> SavedPlan:
    """
    Read a plan.

    Raises PlanError if it was cut short, edited, or written by another version.
    """
    document = _read(path)
    if document.get("format") != FORMAT or document.get("version") != __version__:
        raise PlanError(
            f"{path} was written by cook {document.get('version', '?')}, this is {__version__}",
            hint="make the plan again",
        )
    if document.pop("seal", None) != _seal(document):
        raise PlanError(f"{path} was changed after it was made", hint="make the plan again")
    try:
        return SavedPlan(
            document["run"],
            document["made"],
            document["by"],
            document["revision"],
            document["set"],
            document["recipes"],
            document["sources"],
            {n: _host(host) for n, host in document["hosts"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError, Unsupported) as error:
        raise PlanError(f"{path} is no plan that cook has written: {error!r}") from None


def _step_json(step: Step) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": str(step.resource),
        "where": step.declared.where,
        "status": step.status,
        "because": step.because,
        "until": step.until,
        "orphan": step.orphan,
        "lost": step.lost,
        "error": protect(str(step.error)) if step.error else None,
        "resource": _resource_json(step),
    }
    if step.status != "changed" or step.provider is None or step.guard is None:
        return shown
    return shown | {
        "provider": step.provider.name,
        "change": _refuse_secrets(step, step.change),
        "digest": step.guard.digest,
        "diff": protect(str(step.diff)) if step.diff is not None else None,
    }


def _resource_json(step: Step) -> dict[str, Any]:
    """The resource as a value: its word, and the properties that are not at their default."""
    if not known(step.target):
        raise PlanError(
            f"{step.declared.where}: {step.target}: this word is declared by the recipe itself, so"
            " nobody could apply the plan without it",
            hint="install it as a plugin (ARCHITECTURE.md)",
        )
    return resource_json(step.target, lambda _, value: _refuse_secrets(step, value))


def _refuse_secrets(step: Step, value: object) -> Any:
    if step.resource.confidential or _found_secret(value):
        raise PlanError(
            f"{step.declared.where}: {step.resource} holds a secret, and a plan file is read by"
            " others",
            hint="leave it out of this plan (a recipe of its own), or converge without a file",
        )
    try:
        return plain("", value)
    except TypeError as error:
        raise PlanError(f"{step.declared.where}: {step.resource}: {error}") from None


def _found_secret(value: object) -> bool:
    """A host may already have a secret where nobody means to have one."""
    return isinstance(value, Change) and any(
        state is not None and holds_secret(vars(state)) for state in (value.found, value.wanted)
    )


def _host(data: Mapping[str, Any]) -> SavedHost:
    return SavedHost(data["machine_id"], [_step(step) for step in data["steps"]])


def _step(data: Mapping[str, Any]) -> Step:
    resource = resource_from_json(data["resource"])
    declared = Declared(resource, data["where"])
    step = Step(
        declared,
        data["status"],
        because=data["because"],
        until=data["until"],
        orphan=data["orphan"],
        lost=data["lost"],
    )
    if "change" not in data:
        return step
    provider = catalog().named(resource, data["provider"])
    change: Change[Any] = change_from_json(provider.state, data["change"])
    diff = Diff(tuple(data["diff"].split("\n"))) if data["diff"] else None
    return replace(
        step, change=change, provider=provider, diff=diff, guard=Guard((), data["digest"])
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise PlanError(f"{path} is too large to be a plan")
        document = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise PlanError(f"{path} is no plan: {error}", hint="was it cut short?") from None
    if not isinstance(document, dict) or document.get("cook") != "plan":
        raise PlanError(f"{path} is no plan that cook has written")
    return document


def _seal(document: Mapping[str, Any]) -> str:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
