"""The strategy of a rollout: sizes of batches, health, limits, gates, as values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from cookbook.text.hours import Hours

Revert = Literal["none", "batch", "all"]
"""The hosts whose runs are undone when a rollout stops: none, those of the batch, or all."""

_AMOUNT = re.compile(r"(\d+)(%?)")


@dataclass(frozen=True)
class Amount:
    """A number of hosts, or a share of them in percent."""

    number: int
    percent: bool = False

    @classmethod
    def read(cls, text: str) -> Amount:
        """
        Return the amount in a text like `3` or `25%`.

        Raises ValueError for any other text, and for more than 100%.
        """
        found = _AMOUNT.fullmatch(text)
        if found is None or (found[2] and int(found[1]) > 100):
            raise ValueError(text)
        return cls(int(found[1]), bool(found[2]))

    def at_most(self, total: int) -> int:
        """
        Return the number of hosts of so many, rounded down.

        >>> Amount(10, percent=True).at_most(19)
        1
        """
        return min(total, total * self.number // 100 if self.percent else self.number)

    def at_least(self, total: int) -> int:
        """
        Return the number of hosts of so many, rounded up.

        >>> Amount(80, percent=True).at_least(6)
        5
        """
        return min(total, -(-total * self.number // 100) if self.percent else self.number)

    def __str__(self) -> str:
        return f"{self.number}{'%' * self.percent}"


NONE, ALL = Amount(0), Amount(100, percent=True)


@dataclass(frozen=True)
class HttpHealth:
    """A URL that must answer; `{name}`, `{address}` and `{vars[x]}` stand for the host's."""

    url: str
    status: int = 200
    body: str | None = None
    """A text that the answer must contain."""
    timeout: float = 5.0


@dataclass(frozen=True)
class TcpHealth:
    """A port of the host that must accept a connection from the controller."""

    port: int
    timeout: float = 5.0


@dataclass(frozen=True)
class CommandHealth:
    """A command on the host that must end with status 0."""

    command: str
    timeout: float = 30.0


@dataclass(frozen=True)
class RecipeHealth:
    """A recipe for which nothing may be to do on the host; `http_check` and `wait_for` fit it."""

    path: Path


Check = HttpHealth | TcpHealth | CommandHealth | RecipeHealth


@dataclass(frozen=True)
class HaproxyAct:
    """A server of haproxy, by the admin socket of the balancers."""

    server: str
    """`backend/server`."""
    hosts: str
    """The balancers: a host or a group."""
    socket: str = "/run/haproxy/admin.sock"
    timeout: float = 30.0
    """Seconds to wait until its sessions have ended."""


@dataclass(frozen=True)
class NginxAct:
    """A `server` line of an upstream of nginx, marked `down`, and a reload of nginx."""

    file: str
    server: str
    """The address as it is written there: `10.0.0.1:8080`."""
    hosts: str
    timeout: float = 30.0


@dataclass(frozen=True)
class CommandAct:
    """A command on other hosts, or on the host itself (`hosts` is empty)."""

    command: str
    hosts: str = ""
    timeout: float = 60.0


@dataclass(frozen=True)
class HookAct:
    """A program on the controller; COOK_HOST, COOK_ADDRESS and COOK_DO tell what for."""

    words: tuple[str, ...]
    timeout: float = 60.0


Act = HaproxyAct | NginxAct | CommandAct | HookAct
"""One way to take a host out of service, or to put it back."""


@dataclass(frozen=True)
class Gate:
    """A question before a rollout goes on: to an operator, a program, or a source of metrics."""

    kind: Literal["manual", "script", "metric"] = "manual"
    words: tuple[str, ...] = ()
    """The program of a script: status 0 means go on."""
    url: str = ""
    """The source of a metric: it answers a number, or JSON of Prometheus."""
    most: float | None = None
    least: float | None = None
    each: bool = False
    """True: before each further batch; else once, after the canary or the first batch."""
    timeout: float = 60.0


@dataclass(frozen=True)
class Strategy:
    """The way a group is rolled out. Times are seconds."""

    after: Sequence[str] = ()
    """Groups that must be complete before."""

    canary: Amount = NONE
    """The hosts that go first, and must all succeed."""

    batches: Sequence[Amount] = (ALL,)
    """The sizes of the batches, in hosts or in percent of the group; the last one is repeated."""

    max_parallel: Amount = ALL
    """The hosts at work at the same time, of a batch."""

    min_healthy: Amount = NONE
    """The hosts of the group that must be healthy and in service at any moment."""

    max_failures: Amount = NONE
    """The failed hosts that a batch may have."""

    stagger: float = 0.0
    """Pause between the beginnings of two hosts."""

    min_healthy_time: float = 0.0
    """A host counts as done when it was healthy for so long."""

    healthy_deadline: float = 300.0
    """A host counts as failed if it is not healthy so long after its run."""

    progress_deadline: float = 600.0
    """The rollout stops if no host can be begun or ends for so long."""

    check_interval: float = 5.0
    """Time between two health checks of a host."""

    health_check: Sequence[Check] = ()
    drain: Sequence[Act] = ()
    enable: Sequence[Act] = ()
    spread: str = ""
    """A variable: hosts with the same value are in the same place, such as a rack or a POP."""

    spread_max: int = 1
    """The hosts of one place at work at the same time."""

    gate: Gate | None = None
    auto_revert: Revert = "none"
    change_window: Sequence[Hours] = ()
    """When batches may begin; at any time if empty."""


@dataclass(frozen=True)
class Rollouts:
    """The strategy of each group, in the order of rollout.yml."""

    groups: Mapping[str, Strategy]
    at: Mapping[str, str]
    """The place of each group in the file."""
    max_failures_in_all: Amount = field(default=ALL)
    """The failed hosts of the whole rollout."""
    source: str = ""
    data: Mapping[str, object] = field(default_factory=dict, compare=False)
    """The content of the file as plain data: what a journal keeps."""
