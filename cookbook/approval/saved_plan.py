"""A plan as a value: what would be done on each host, and what it was planned from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from cookbook.errors import PlanError, Refused
from cookbook.inventory.limit import those_of
from cookbook.language.barriers import barriers_of, point_of
from cookbook.language.sections import Barrier
from cookbook.planning.step import Step, any_changed
from cookbook.reports.report import HostReport, Report
from cookbook.reports.run_info import FactsUse
from cookbook.script.facts import Facts

if TYPE_CHECKING:
    from cookbook.inventory import Host


@dataclass(frozen=True)
class SavedHost:
    """The plan for one host."""

    machine_id: str
    steps: Sequence[Step]

    @property
    def barriers(self) -> Sequence[Barrier]:
        """The barriers where the host waits; not those that the plan has skipped."""
        return barriers_of(step.declared for step in self.steps if step.status == "ok")


@dataclass(frozen=True)
class SavedPlan:
    """The content of a plan file."""

    run: str
    made: str
    by: str
    revision: str | None
    set: str
    recipes: Sequence[str]
    sources: Mapping[str, str]
    """Path -> SHA-256 of all that was read: recipes, templates, files, hosts.yml."""

    hosts: Mapping[str, SavedHost]
    facts: Mapping[str, FactsUse] = field(default_factory=dict)
    """The facts of other hosts that it was made from, by host."""

    def steps_for(self, host: str, facts: Facts) -> Sequence[Step]:
        """
        Return the plan for a host.

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
        """Return a line with author, time and recipes."""
        recipes = ", ".join(self.recipes)
        revision = f" at {self.revision}" if self.revision else ""
        return f"plan {self.run}, made {self.made} by {self.by} from {recipes}{revision}"

    def choose(self, hosts: Sequence[Host], *, limited: bool) -> list[Host]:
        """
        Of these hosts, those that the plan is about.

        Raises UsageError if there is none, or if one is missing and no limit is set.
        """
        return those_of("the plan is about", self.hosts, hosts, limited=limited)

    def about(self, hosts: Sequence[Host]) -> Report:
        """Of the report, what is about these hosts."""
        names = {host.name for host in hosts}
        whole = self.report
        return replace(whole, hosts={n: h for n, h in whole.hosts.items() if n in names})

    @property
    def report(self) -> Report:
        """As it was shown when it was made."""
        hosts = {
            name: HostReport(name, "changed" if any_changed(host.steps) else "ok", host.steps)
            for name, host in self.hosts.items()
        }
        return Report(self.run, "plan", hosts, facts=self.facts)

    @property
    def facts_lines(self) -> list[str]:
        """A line for each host whose facts recipes have read."""
        return [
            f"facts of {name}: read {use.read}, {'it could not be reached, ' if use.age else ''}"
            f"sha256 {use.digest[:16]}"
            for name, use in self.facts.items()
        ]


def saved_plan(report: Report) -> SavedPlan:
    """
    Return the plan that a run has made.

    Raises PlanError if it is incomplete because a host could not be probed.
    """
    if missed := [h.name for h in report.hosts.values() if h.status not in ("ok", "changed")]:
        raise PlanError(
            f"the plan is not saved: {', '.join(missed)} could not be planned",
            hint="correct it, or leave it out with --limit",
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
            host.name: SavedHost(host.machine_id, list(_kept(host)))
            for host in report.hosts.values()
        },
        report.facts,
    )


def _kept(host: HostReport) -> Iterator[Step]:
    """Yield the steps of a plan: what is not in line, and barriers, with the host to do it."""
    for step in host.steps:
        if step.status != "ok":
            yield step
        elif (barrier := step.declared.barrier) is not None:
            doer = (step.done_on or host.name) if barrier.once else None
            yield replace(step, declared=point_of(replace(barrier, on=doer)), done_on=None)
