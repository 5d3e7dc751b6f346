"""Policies over a plan: forbidden resources and paths, number of changes, hours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from cookbook.applying.undo_steps import BECAUSE
from cookbook.planning.step import Step
from cookbook.plugin import hookimpl
from cookbook.reports.report import HostReport, Report
from cookbook.text.glob import Glob
from cookbook.text.hours import Hours, WallClock, now

_REMOVING = frozenset({"remove", "purge", "delete"})


@dataclass(frozen=True)
class Ban:
    """Changes that are forbidden."""

    at: str
    resources: Sequence[Glob]
    actions: frozenset[str] = frozenset()
    """The action of the recipe (`restart`, `purge`) or its result (create, update, remove,
    act); none: all."""

    hosts: Sequence[Glob] = (Glob("*"),)
    reason: str = "it is forbidden"


@dataclass(frozen=True)
class Rules:
    """The rules of a policy file; everything else is allowed."""

    bans: Sequence[Ban] = ()
    denied: Sequence[Glob] = ()
    allowed: Sequence[Glob] | None = None
    per_host: int | None = None
    """The most changes on one host."""

    hosts: int | None = None
    """The most hosts with changes."""

    hours: Sequence[Hours] = ()


@dataclass(frozen=True)
class Reviewer:
    """A plugin that objects to what its rules forbid."""

    rules: Rules
    name: str = "rules"
    clock: WallClock = field(default=now)

    @hookimpl
    def cookbook_review(self, plan: Report) -> list[str]:
        """Everything that is against the rules, the hosts together."""
        if not any(_pending(host) for host in plan.hosts.values()):
            return []
        return [*self._hours(), *self._counts(plan), *self._steps(plan)]

    def _hours(self) -> Iterator[str]:
        moment = self.clock()
        if self.rules.hours and not any(hours.has(moment) for hours in self.rules.hours):
            times = " or ".join(hours.written for hours in self.rules.hours)
            at = moment.astimezone(self.rules.hours[0].zone)
            yield f"{self.name}: changes are made {times}; now it is {at:%a %H:%M %Z}"

    def _counts(self, plan: Report) -> Iterator[str]:
        counts = {name: len(_pending(host)) for name, host in plan.hosts.items()}
        most = self.rules.per_host
        for name, count in counts.items():
            if most is not None and count > most:
                yield f"{self.name}: {count} changes on {name}, at most {most} are allowed"
        hosts = sum(count > 0 for count in counts.values())
        if self.rules.hosts is not None and hosts > self.rules.hosts:
            yield f"{self.name}: {hosts} hosts would change, at most {self.rules.hosts} may"

    def _steps(self, plan: Report) -> Iterator[str]:
        found: dict[str, list[str]] = {}
        for host in plan.hosts.values():
            for step in _pending(host):
                for reason in self._against(host.name, step):
                    found.setdefault(reason, []).append(host.name)
        for reason, hosts in found.items():
            names = ", ".join(dict.fromkeys(hosts))
            yield f"{reason} ({names})"

    def _against(self, host: str, step: Step) -> Iterator[str]:
        for ban in self.rules.bans:
            if _any(ban.hosts, host) and _any(ban.resources, str(step.resource)):
                ways = _ways(step)
                if not ban.actions or ban.actions & ways:
                    yield f"{ban.at}: {step.resource}: {ban.reason}"
        path = step.resource.identity
        if path.startswith("/"):
            yield from self._against_path(step, path)

    def _against_path(self, step: Step, path: str) -> Iterator[str]:
        denied = self.rules.denied
        if _any(denied, path):
            yield f"{self.name}: {step.resource}: the path is denied"
        elif _removes_folder(step) and any(glob.reaches_into(path) for glob in denied):
            yield f"{self.name}: {step.resource}: what is denied may be in it"
        if self.rules.allowed is not None and not _any(self.rules.allowed, path):
            yield f"{self.name}: {step.resource}: the path is not among those allowed"


def _pending(host: HostReport) -> list[Step]:
    """Yield the steps that would or may change something."""
    return [step for step in host.steps if step.status in ("changed", "unknown")]


def _ways(step: Step) -> frozenset[str]:
    """Return the names of a change; an unknown one may become each result of its action."""
    doing = frozenset[str]() if _goes(step) else frozenset(step.target.doing)
    if step.change is not None:
        act = {"act", step.change.act} if step.change.act else set()
        return doing | {step.change.kind, *act}
    return doing | ({"remove"} if doing & _REMOVING else {"create", "update", "act"})


def _goes(step: Step) -> bool:
    """Return True if the step is an undo or a removal, not the action of its recipe."""
    return step.orphan is not None or step.because == BECAUSE


def _removes_folder(step: Step) -> bool:
    found = step.change.found if step.change is not None else None
    folder = step.resource.kind() == "directory" or getattr(found, "kind", None) == "directory"
    return folder and bool(_ways(step) & {"remove", "update"})


def _any(globs: Iterable[Glob], text: str) -> bool:
    return any(glob.fits(text) for glob in globs)
