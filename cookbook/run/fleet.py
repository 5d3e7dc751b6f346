"""All hosts of the inventory as recipes see them, and the facts that recipes read of them."""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from cookbook.errors import CookError, Missing, Unreachable, UntrustedHost, UsageError
from cookbook.inventory import Host
from cookbook.inventory.limit import limit
from cookbook.reports.run_info import FactsUse
from cookbook.script.facts import Facts, facts_json
from cookbook.text.provenance import stamp
from cookbook.text.suggest import did_you_mean

if TYPE_CHECKING:
    from cookbook.language.other_hosts import OtherHost

STAND_IN = Facts(
    family="debian",
    distribution="debian",
    version="12",
    codename="bookworm",
    kernel="6.1.0",
    architecture="x86_64",
    init="systemd",
    package_tool="apt",
    firewall_tool="nftables",
    network_tool="ifupdown",
    hostname="host",
    fqdn="host",
    addresses=("192.0.2.1", "2001:db8::1"),
    memory=1 << 30,
    cpus=1,
    machine_id="0" * 32,
    boot_id="0" * 32,
    root=True,
    tools=frozenset({"apt-get", "systemctl", "useradd", "sudo", "crontab", "nft", "ip"}),
)
"""Facts with which a recipe is run only to find out whose facts it reads."""


class InventoryFleet:
    """
    The hosts of the inventory of a run; its facts are the same for all recipes.

    A recipe that reads the facts of a host that was not asked yet ends with OtherFactsNeeded. While
    `noting` is open it gets stand-ins instead, so that all hosts it needs are known at once.
    """

    def __init__(
        self,
        hosts: Sequence[Host],
        groups: Mapping[str, Sequence[str]] | None,
        variables: Callable[[Host], Mapping[str, Any]],
        longest: float,
        elsewhere: Collection[str] = (),
    ) -> None:
        """
        Create the fleet of a run on these hosts; `elsewhere` are those of earlier runs beside it.

        `longest` is the age, in seconds, that the last known facts of a host may have that cannot
        be reached.
        """
        run = {host.name: host for host in hosts}
        self._run = frozenset(run) | frozenset(elsewhere)
        others = hosts[0].others if hosts else {}
        self._hosts = {name: run.get(name, host) for name, host in others.items()} or run
        self._groups = groups if groups is not None else _groups_of(self._hosts.values())
        self._variables, self._longest = variables, longest
        self._known: dict[str, Facts | Missing] = {}
        self._noted: set[str] | None = None
        self._reading = threading.Lock()
        self._selected: dict[tuple[str | None, tuple[str, ...]], tuple[str, ...]] = {}
        self.uses: dict[str, FactsUse] = {}
        """The facts that were read for recipes, by host."""

    def takes_part(self, name: str) -> bool:
        """See Fleet."""
        return name in self._run

    def select(self, group: str | None, patterns: Sequence[str]) -> Sequence[str]:
        """See Fleet."""
        key = group, tuple(patterns)
        if key not in self._selected:
            self._selected[key] = tuple(self._select(group, patterns))
        return self._selected[key]

    def _select(self, group: str | None, patterns: Sequence[str]) -> Iterator[str]:
        if group is not None and group not in self._groups:
            raise UsageError(f"there is no group {group!r}", hint=did_you_mean(group, self._groups))
        within = self._hosts if group is None else set(self._groups[group])
        chosen = limit(patterns, self._hosts, self._groups) if patterns else within
        return (name for name in self._hosts if name in within and name in chosen)

    def host(self, name: str) -> OtherHost:
        """See Fleet."""
        from cookbook.language.other_hosts import OtherHost

        host = self._hosts[name]
        return OtherHost(name, host.address, host.port, host.groups, self)

    def variables(self, name: str) -> Mapping[str, Any]:
        """See Fleet."""
        return self._variables(self._hosts[name])

    def facts(self, name: str) -> Facts:
        """See Fleet."""
        known = self._known.get(name)
        if isinstance(known, Facts):
            return known
        if known is not None:
            raise Missing(known.message, thing=known.thing, hint=known.hint)
        if self._noted is None:
            from cookbook.language.other_hosts import OtherFactsNeeded

            raise OtherFactsNeeded(name)
        self._noted.add(name)
        return self._stand_in(name)

    @contextlib.contextmanager
    def noting(self) -> Iterator[set[str]]:
        """Let recipes read stand-ins for facts that are not known; yield the names of the hosts."""
        noted: set[str] = set()
        self._noted = noted
        try:
            yield noted
        finally:
            self._noted = None

    def stand_in(self, host: Host) -> Facts:
        """Return facts of a host to find out what its recipe reads: its last ones, if there are."""
        known = self._known.get(host.name)
        return known if isinstance(known, Facts) else self._stand_in(host.name)

    @functools.cache  # noqa: B019 - as long as the run
    def _stand_in(self, name: str) -> Facts:
        from cookbook.run.kept_facts import recall

        kept = recall(self._hosts[name])
        return kept.facts if kept is not None else STAND_IN

    def read(self, names: Iterable[str], at_once: int, ask: Callable[[Host], Facts]) -> None:
        """
        Ask hosts for their facts, so many at once, unless they were asked already.

        `ask` connects to a host and asks it. If it raises a CookError, the facts are not known.
        """
        from cookbook.run.kept_facts import keep

        def answer(host: Host) -> Facts | CookError:
            try:
                return ask(host)
            except CookError as error:
                return error

        with self._reading:
            hosts = [self._hosts[name] for name in self._hosts if name in set(names)]
            asked = [host for host in hosts if host.name not in self._known]
            if not asked:
                return
            with ThreadPoolExecutor(max(1, min(at_once, len(asked)))) as pool:
                answers = list(pool.map(answer, asked))
            fresh = [(h, a) for h, a in zip(asked, answers, strict=True) if isinstance(a, Facts)]
            keep(fresh)
            for host, found in zip(asked, answers, strict=True):
                self._learn(host, found)

    def _learn(self, host: Host, answer: Facts | CookError) -> None:
        if isinstance(answer, Facts):
            self._use(host, answer, time.time(), 0.0)
            return
        from cookbook.run.kept_facts import recall

        # What does not have the right key may be another host.
        away = isinstance(answer, Unreachable) and not isinstance(answer, UntrustedHost)
        kept = recall(host) if away else None
        age = max(0.0, time.time() - kept.read) if kept is not None else 0.0
        if kept is not None and age <= self._longest:
            self._use(host, kept.facts, kept.read, age)
            return
        old = f", and the last known ones are of {stamp(kept.read)}" if kept is not None else ""
        self._known[host.name] = Missing(
            f"the facts of {host.name} are not known: {answer.message}{old}",
            thing=host.name,
            hint="--facts-age accepts older ones" if kept is not None else answer.hint,
        )

    def _use(self, host: Host, facts: Facts, read: float, age: float) -> None:
        import hashlib
        import json

        self._known[host.name] = facts
        text = json.dumps(facts_json(facts), sort_keys=True)
        digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
        self.uses[host.name] = FactsUse(digest, stamp(read), round(age, 3))

    @property
    def remarks(self) -> list[str]:
        """A sentence for each host whose last known facts were used."""
        return [
            f"{name} cannot be reached: its facts of {use.read} ({_span(use.age)} old) were used"
            for name, use in self.uses.items()
            if use.age
        ]


def _groups_of(hosts: Iterable[Host]) -> Mapping[str, Sequence[str]]:
    groups: dict[str, list[str]] = {}
    for host in hosts:
        for group in host.groups:
            groups.setdefault(group, []).append(host.name)
    return groups


def _span(seconds: float) -> str:
    """
    Return a span of time in one unit.

    >>> _span(7300)
    '2 h'
    """
    for most, unit, name in ((120, 1, "s"), (7200, 60, "min"), (172800, 3600, "h")):
        if seconds < most:
            return f"{int(seconds / unit)} {name}"
    return f"{int(seconds / 86400)} days"
