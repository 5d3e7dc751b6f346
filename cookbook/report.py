"""What came of a run, as values, and as the JSON document that others read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from cookbook.engine import Step
from cookbook.errors import CookError, InputError
from cookbook.shell import Secret

SCHEMA = 1

Mode = Literal["converge", "plan", "apply"]

HostStatus = Literal["ok", "changed", "failed", "unreachable", "timeout", "interrupted", "refused"]

_FAILED = frozenset({"failed", "timeout", "refused"})


@dataclass(frozen=True)
class HostReport:
    """The one terminal state of a host, and how it came about."""

    name: str
    status: HostStatus
    steps: Sequence[Step] = ()
    seconds: float = 0.0
    exchanges: int = 0
    """How often we waited for the host after the session stood."""

    error: CookError | None = None
    """What ended it, where that is not a resource's own failure."""

    machine_id: str = ""
    """machine-id(5), where we came as far as to ask."""


@dataclass(frozen=True)
class Report:
    """A run over many hosts."""

    run: str
    mode: Mode
    hosts: Mapping[str, HostReport] = field(default_factory=dict)
    interrupted: bool = False

    @property
    def exit(self) -> int:
        """The exit status: see the table in README.md."""
        statuses = {host.status for host in self.hosts.values()}
        if self.interrupted:
            return 130
        if statuses & _FAILED:
            wrong = [isinstance(host.error, InputError) for host in self.hosts.values()]
            return 1 if all(wrong) else 3
        if "unreachable" in statuses:
            return 4
        return 2 if self.mode == "plan" and self._pending else 0

    @property
    def totals(self) -> Counter[str]:
        """How many resources there are of each status."""
        return Counter(step.status for host in self.hosts.values() for step in host.steps)

    @property
    def _pending(self) -> bool:
        return bool(self.totals["changed"] or self.totals["unknown"])


def report_json(report: Report) -> dict[str, Any]:
    """The document that `--output json` prints."""
    totals = {key: report.totals[key] for key in ("ok", "changed", "failed", "unknown", "skipped")}
    return {
        "schema": SCHEMA,
        "run": report.run,
        "mode": report.mode,
        "exit": report.exit,
        "hosts": {name: _host_json(host) for name, host in report.hosts.items()},
        "totals": totals | {"not-run": report.totals["not-run"]},
    }


def _host_json(host: HostReport) -> dict[str, Any]:
    return {
        "status": host.status,
        "seconds": round(host.seconds, 3),
        "exchanges": host.exchanges,
        "error": _error_json(host.error),
        "resources": [_step_json(step) for step in host.steps],
    }


def _step_json(step: Step) -> dict[str, Any]:
    return {
        "id": visible(str(step.resource)),
        "where": step.declared.where,
        "status": step.status,
        "changes": shown_changes(step),
        "ran": step.change.act if step.change is not None and step.status == "changed" else None,
        "because": step.because,
        "until": step.until,
        "diff": visible(str(step.diff)) if step.diff is not None else None,
        "error": _error_json(step.error),
        "ignored": step.ignored,
        "seconds": round(step.seconds, 3),
    }


def _error_json(error: CookError | None) -> dict[str, Any] | None:
    if error is None:
        return None
    return {"kind": type(error).__name__, "message": visible(str(error)), "hint": error.hint}


def shown_changes(step: Step) -> dict[str, list[Any]]:
    """What differs: property -> [found, wanted], without what must not be seen."""
    if step.change is None or step.status in ("ok", "skipped"):
        return {}
    pairs = step.change.fields
    if step.resource.confidential:
        return {name: ["(redacted)", "(redacted)"] for name in pairs}
    return {name: [_plain(side) for side in pair] for name, pair in pairs.items()}


def visible(text: str) -> str:
    """Text that everybody can take: a byte that is no UTF-8 has come as a surrogate (PEP 383)."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\\udc", "\\x")


def _plain(value: object) -> Any:
    match value:
        case Secret():
            return "(redacted)"
        case None | bool() | int() | float():
            return value
        case str():
            return visible(value)
        case list() | tuple() | frozenset():
            return [_plain(item) for item in value]
        case dict():
            return {str(k): _plain(v) for k, v in value.items()}
        case _:
            return str(value)
