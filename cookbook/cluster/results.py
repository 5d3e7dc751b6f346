"""The results of the shards of a run, joined: one report, and the journals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from cookbook.cluster.shards import Shard
from cookbook.errors import HostError, UsageError
from cookbook.planning.status import LOOKING
from cookbook.reports.report import HostReport, documents_share, host_json, percent
from cookbook.reports.schema import Document, HostDocument
from cookbook.text.bounded_io import parsed_json
from cookbook.text.sanitize import one_line
from cookbook.text.user_dirs import private_folder

_WORST = (130, 3, 1, 4, 2, 0)


@dataclass(frozen=True)
class ShardResult:
    """The outcome of a shard."""

    number: int
    document: str
    """The report as JSON; empty if the process has made none."""

    errors: str = ""
    journals: Mapping[str, bytes] = field(default_factory=dict)
    worker: str = ""
    status: int = 0
    """The exit status of the process; negative if a signal has ended it."""

    begun: bool = True
    """False if the run was stopped before its turn."""


class JoinedReport:
    """The report of a run whose shards end one after the other."""

    def __init__(self, by: str) -> None:
        """Begin; `by` is the word for what does a shard: worker, process."""
        self._by = by
        self._heads: dict[int, dict[str, Any]] = {}
        """By number of a shard: its report, without hosts."""
        self._hosts: dict[str, HostDocument] = {}
        self._worst: set[int] = set()
        self._errors: list[str] = []

    def add(self, shard: Shard, result: ShardResult) -> str:
        """
        Add the result of a shard; return how it has ended, in a few words.

        Hosts of a shard without a report have failed, with what its process said.
        """
        document = _document(result)
        if document is None:
            self._hosts |= dict.fromkeys(shard.hosts, self._failed(result))
            self._worst.add(3 if result.begun else 130)
            self._errors.append(result.errors.strip())
            return "no report" if result.begun else "not begun"
        hosts = document.pop("hosts")
        self._hosts |= hosts
        self._heads[shard.number] = document
        states = Counter(host["status"] for host in hosts.values())
        return ", ".join(f"{count} {state}" for state, count in states.items())

    def _failed(self, result: ShardResult) -> HostDocument:
        if not result.begun:
            return host_json(HostReport("", "interrupted"))
        said = result.errors.strip()[-2000:] or "there is no report of it"
        place = f" {result.worker}" if result.worker else ""
        error = HostError(one_line(f"the {self._by}{place} of its shard: {said}"))
        return host_json(HostReport("", "failed", error=error))

    def document(self, hosts: Sequence[str]) -> Document:
        """
        Return the whole report, hosts in this order.

        Raises UsageError if no shard has made one, with what the first one said: a recipe is wrong,
        for example.
        """
        if not self._heads:
            said = next(filter(None, self._errors), "")
            raise UsageError(f"no {self._by} has made a report: {said[-2000:]}")
        heads = [self._heads[number] for number in sorted(self._heads)]
        whole = dict(heads[0])
        whole["hosts"] = {name: self._hosts[name] for name in hosts if name in self._hosts}
        totals: Counter[str] = Counter()
        for head in heads:
            totals.update(head["totals"])
        whole["totals"] = {key: totals[key] for key in heads[0]["totals"]}
        whole["seconds"] = max(head["seconds"] for head in heads)
        exits = {head["exit"] for head in heads} | self._worst
        whole["exit"] = next(status for status in _WORST if status in exits)
        looks = whole["mode"] in LOOKING
        whole["in_line"] = percent(documents_share(whole["hosts"].values(), looks=looks))
        remarks = [one for head in heads for one in head.get("remarks", [])]
        if remarks:
            whole["remarks"] = list(dict.fromkeys(remarks))
        return cast("Document", whole)


def _document(result: ShardResult) -> dict[str, Any] | None:
    try:
        document = parsed_json(result.document)
    except ValueError:
        return None
    return document if isinstance(document, dict) and "hosts" in document else None


def keep_journals(folder: Path, result: ShardResult) -> None:
    """Put the journals of a shard where those of this machine's runs wait for the history."""
    if result.journals:
        private_folder(folder)
    for name, data in result.journals.items():
        if "/" not in name and not name.startswith("."):
            partial = folder / f"{name}.part"
            partial.touch(mode=0o600)
            partial.write_bytes(data)
            partial.replace(folder / name)
