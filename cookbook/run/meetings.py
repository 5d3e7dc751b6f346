"""The barriers of a run: which hosts have come to which, and which host does what for all."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from cookbook.errors import BarrierBroken, DeadlineExceeded, Refused
from cookbook.language.sections import Barrier
from cookbook.run.turns import Turns

if TYPE_CHECKING:
    from cookbook.planning.barriers import Passed

_LOOK = 0.2
"""Seconds between two looks whether the run is to stop, or its time is over."""


class Meetings:
    """
    The barriers of a run.

    It is told which barriers the recipe of each host has, as soon as that is compiled, where a host
    has come to, and that its work has ended. Nothing else is needed to know if a host may go on.
    """

    def __init__(
        self,
        hosts: Sequence[str],
        stopping: Callable[[], bool],
        *,
        whole: bool = True,
        elsewhere: Collection[str] = (),
    ) -> None:
        """
        Create the barriers of these hosts, in the order of the inventory.

        What is to be done on a host that is `elsewhere`, and not of this run, is done already.
        `whole` is False if other processes have other hosts of the run: then none is allowed.
        """
        self._whole = whole
        self._elsewhere = frozenset(elsewhere) - frozenset(hosts)
        self._order = list(hosts)
        self._stopping = stopping
        self._declares: dict[str, Mapping[str, Barrier]] = {}
        self._ended: dict[str, str] = {}
        """By host whose work has ended: why it came no further; empty if it came to its end."""
        self._came: dict[str, set[str]] = defaultdict(set)
        """By barrier: the hosts that have come; of a block, the one that has done it."""
        self._missed: dict[tuple[str, str], str] = {}
        """By host and barrier: why the host leaves it out, although its work goes on."""
        self._waiting: dict[str, str] = {}
        """By host: the barrier that it waits at."""
        self._is_changed = False
        """True once something was changed on any host."""
        self._news = threading.Condition()
        self._together: Callable[[Sequence[str]], object] = lambda _: None
        """Checks the hosts that may wait for one another."""

    def declare(self, host: str, barriers: Iterable[Barrier]) -> None:
        """Note the barriers of a host. Raises Refused if they do not fit to those of another."""
        named = {_key(one): one for one in barriers}
        for key, one in named.items():
            if not self._whole:
                raise Refused(
                    f"{one.where}: {key}: hosts of other parts of the run cannot be waited for",
                    hint="run it without --processes and --cluster; or do before, in a run of its"
                    " own, what is done once",
                )
        with self._news:
            for key, one in named.items():
                self._check(host, key, one)
            self._declares[host] = named
            self._news.notify_all()
        if named:
            self._check_together()

    def _check(self, host: str, key: str, barrier: Barrier) -> None:
        if barrier.on is not None and barrier.on not in (*self._order, *self._elsewhere):
            raise Refused(
                f"{key} is done on {barrier.on}, which is not in this run",
                hint="include it in --limit",
            )
        for other, known in self._declares.items():
            if other != host and key in known and known[key].on != barrier.on:
                raise Refused(
                    f"{barrier.where}: {key} is to be done on {barrier.on or 'the first host'},"
                    f" and for {other} on {known[key].on or 'the first host'}",
                    hint="all recipes have to name the same host",
                )

    def concerns(self, host: str) -> bool:
        """Return whether others may wait for a host: it has barriers, or its recipe is unknown."""
        with self._news:
            return self._concerns(host)

    def check_doers(self) -> None:
        """
        Raise Refused for a block that is to be done on a host whose recipe does not declare it.

        A host whose recipe is not known yet is not judged: what waits for it is told then.
        """
        with self._news:
            for barriers in self._declares.values():
                for key, one in barriers.items():
                    declared = self._declares.get(one.on or "")
                    if declared is not None and key not in declared:
                        raise Refused(
                            f"{one.where}: {key} is to be done on {one.on}, whose recipe does not"
                            " declare it: it would be done on no host",
                            hint=f"declare it for {one.on} as well, or name another host",
                        )

    def check_together(self, check: Callable[[Sequence[str]], object]) -> None:
        """
        Have a function check the hosts that may wait for one another, whenever more is known.

        It raises Refused if they cannot be at work at the same time.
        """
        self._together = check
        if any(self._declares.values()):
            self._check_together()

    def _check_together(self) -> None:
        with self._news:
            names = [host for host in self._order if self._concerns(host)]
        self._together(names)

    def _concerns(self, host: str) -> bool:
        return host not in self._declares or bool(self._declares[host])

    def end(self, host: str, why: str) -> None:
        """Note that the work on a host has ended; `why` it came no further, if it did not."""
        with self._news:
            self._ended.setdefault(host, why)
            self._news.notify_all()

    def miss(self, host: str, barrier: Barrier, why: str) -> None:
        """Note that a host goes on without coming to a barrier; it is broken for the others."""
        with self._news:
            self._missed.setdefault((host, _key(barrier)), why)
            self._news.notify_all()

    def note_change(self) -> None:
        """Note that something was changed on some host."""
        self._is_changed = True

    def doer(self, barrier: Barrier) -> str:
        """
        Return the host that does a block.

        Without a declared one it is the first whose recipe has it. A host whose recipe is not known
        because it could not be reached counts as one that has it.

        Raises BarrierBroken if that is not known yet: `settle` waits for it.
        """
        if barrier.on is not None:
            return barrier.on
        with self._news:
            found = self._first(_key(barrier))
        if found is None:
            raise BarrierBroken(f"it is not known yet which host does {_key(barrier)}")
        return found

    def settle(self, host: str, turns: Turns, end: float | None) -> bool:
        """
        Wait until it is known which host does each block of this one.

        Return False if the run is to stop before that. Raises BarrierBroken; DeadlineExceeded at
        the time `end`, in seconds of time.monotonic().
        """
        if self._open_block(host) is None:
            return True
        with turns.away(), self._news:  # a host that decides it may not have had its turn yet
            while (block := self._open_block(host)) is not None:
                if not self._look(f"to know which host does {block}", end):
                    return False
        return True

    def _open_block(self, host: str) -> str | None:
        """Return a block of a host of which it is not known which host does it; None without."""
        with self._news:
            blocks = (item for item in self._declares.get(host, {}).items() if item[1].once)
            open_ = (key for key, one in blocks if one.on is None and self._first(key) is None)
            return next(open_, None)

    def _first(self, key: str) -> str | None:
        """Return the first host that has a block; None if that is not known yet."""
        for host in self._order:
            if host in self._declares:
                if key in self._declares[host]:
                    return host
            else:
                return host if host in self._ended else None
        return self._order[0]

    def meet(self, host: str, barrier: Barrier, turns: Turns, end: float | None) -> Passed:
        """
        Tell that a host has come to a barrier, and wait until it may go on.

        Raises BarrierBroken; DeadlineExceeded at the time `end`, in seconds of time.monotonic().
        """
        key = _key(barrier)
        with self._news:
            if not barrier.once or self.doer(barrier) == host:
                self._came[key].add(host)
                self._news.notify_all()
            if not self._may_not_yet(barrier):
                return self._passed()
            self._waiting[host] = key
            self._news.notify_all()
        try:
            with turns.away():
                return self._wait(barrier, end)
        finally:
            with self._news:
                del self._waiting[host]

    def _wait(self, barrier: Barrier, end: float | None) -> Passed:
        with self._news:
            while self._may_not_yet(barrier):
                self._check_circle()
                if not self._look(f"at {_key(barrier)}", end):
                    return "stopped"
            return self._passed()

    def _look(self, where: str, end: float | None) -> bool:
        """
        Wait for news for a moment; return False if the run is to stop.

        Raises DeadlineExceeded at the time `end`.
        """
        if self._stopping():
            return False
        if end is not None and time.monotonic() >= end:
            raise DeadlineExceeded(
                f"the time for this run was over while it waited {where}",
                hint="give it longer: --timeout",
            )
        self._news.wait(_LOOK)
        return True

    def _passed(self) -> Literal["passed", "changed"]:
        return "changed" if self._is_changed else "passed"

    def _may_not_yet(self, barrier: Barrier) -> bool:
        """Return whether a host has to wait. Raises BarrierBroken if it would wait in vain."""
        key = _key(barrier)
        came = self._came[key]
        needed = [self.doer(barrier)] if barrier.once else self._order
        if barrier.once and needed[0] in self._elsewhere:
            return False
        waits = False
        for host in needed:
            if host in came:
                continue
            known = self._declares.get(host)
            if known is not None and key not in known:
                if barrier.once:
                    raise BarrierBroken(
                        f"{key} is to be done on {host}, whose recipe does not declare it"
                    )
                continue
            why = self._missed.get((host, key))
            if host in self._ended:
                why = why or self._ended[host] or "its run has ended without it"
            if why is not None:
                done = "was not done" if barrier.once else "was not reached"
                raise BarrierBroken(
                    f"{key} {done} on {host}: {why}",
                    hint=f"correct {host} first; nothing after the barrier was begun here",
                )
            waits = True
        return waits

    def _check_circle(self) -> None:
        """
        Raise BarrierBroken if all hosts that are left wait for one another.

        A host without barriers is not counted: none waits for it, and it may get its turn only
        after all others, because it could not be reached.
        """
        left = [one for one in self._order if one not in self._ended and self._concerns(one)]
        if not all(host in self._waiting for host in left):
            return
        keys = {self._waiting[host] for host in left}
        if any(not self._is_stuck(key) for key in keys):
            return
        where = ", ".join(f"{host} at {self._waiting[host]}" for host in left[:5])
        raise BarrierBroken(
            f"the hosts wait for one another: {where}",
            hint="all recipes have to have their barriers in the same order",
        )

    def _is_stuck(self, key: str) -> bool:
        """Return whether those who wait at a barrier wait for a host that waits elsewhere."""
        known = (self._declares[host].get(key) for host in self._order if host in self._declares)
        barrier = next(filter(None, known))
        try:
            return self._may_not_yet(barrier)
        except BarrierBroken:
            return False


def _key(barrier: Barrier) -> str:
    return f"{'run_once' if barrier.once else 'barrier'}[{barrier.name}]"


class HostMeetings:
    """The barriers of a run, for one of its hosts."""

    def __init__(
        self, host: str, meetings: Meetings, turns: Turns, waiting: Callable[[float], object]
    ) -> None:
        """Create the barriers of a host; `waiting` is called with the seconds it has waited."""
        self._host, self._meetings, self._turns = host, meetings, turns
        self._waited = waiting
        self.end: float | None = None
        """When there is no more time for the run, in seconds of time.monotonic()."""

    def settle(self) -> bool:
        """Wait until it is known which host does each block; False if the run is to stop."""
        with self._timed():
            return self._meetings.settle(self._host, self._turns, self.end)

    def doer(self, barrier: Barrier) -> str | None:
        """See BarrierKeeper."""
        doer = self._meetings.doer(barrier)
        return None if doer == self._host else doer

    def come_to(self, barrier: Barrier) -> Passed:
        """See BarrierKeeper."""
        with self._timed():
            return self._meetings.meet(self._host, barrier, self._turns, self.end)

    def miss(self, barrier: Barrier, why: str) -> None:
        """See BarrierKeeper."""
        self._meetings.miss(self._host, barrier, why)

    @contextlib.contextmanager
    def _timed(self) -> Iterator[None]:
        """Tell how long the host has waited in this context."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self._waited(time.monotonic() - begun)
