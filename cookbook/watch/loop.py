"""The loop of `cook watch`: turns begin at their time, and never two of one group at once."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from cookbook.errors import CookError
from cookbook.retry import Clock
from cookbook.run.signals import handled
from cookbook.watch.settings import WatchGroup, WatchSettings
from cookbook.watch.turn import StartTurn, Turn, TurnResult

WALL_CLOCK = Clock(time.time)
"""Seconds since the epoch: turns are at times of the day."""

_NOT_BEGUN = 3
"""The exit status of a turn that could not be begun: that of a host that failed."""

_NAP = 0.5
"""Seconds between two looks at signals and at turns that are at work."""


@dataclass
class _Place:
    """A group with its next turn, and the one at work."""

    group: WatchGroup
    due: float
    turn: Turn | None = None


class WatchListener:
    """The interface of what is told about turns; it must not raise, and must not take long."""

    def began(self, group: WatchGroup, mode: str) -> None:
        """Hear that a turn begins."""

    def skipped(self, group: WatchGroup, count: int) -> None:
        """Hear that turns were skipped, because the one before was still at work."""

    def ended(self, result: TurnResult) -> None:
        """Hear that a turn has ended."""

    def reloaded(self, settings: WatchSettings) -> None:
        """Hear that watch.yml was read again."""

    def tick(self, state: str) -> None:
        """Hear, about twice a second, the state of the loop in a sentence."""


@dataclass
class WatchLoop:
    """The groups, their turns, and the requests to stop or to reload."""

    settings: WatchSettings
    start: StartTurn
    listeners: Sequence[WatchListener]
    say: Callable[[str], object]
    """Prints a line for the journal."""
    reload: Callable[[], WatchSettings]
    clock: Clock = WALL_CLOCK
    once: bool = False
    """Each group has one turn now; then the loop ends."""

    _places: list[_Place] = field(default_factory=list)
    _stops: int = 0
    """Number of requests to stop."""
    _told: int = 0
    """Number of these that the turns at work were told."""
    _hangup: bool = False
    _results: dict[str, TurnResult] = field(default_factory=dict)
    """Group -> its last result."""

    def run(self) -> Sequence[TurnResult]:
        """Work until a stop is requested; return the last result of each group."""
        now = self.clock.now()
        self._places = [
            _Place(group, now if self.once else group.next_turn(now))
            for group in self.settings.groups
        ]
        while not self._over():
            self._look()
            self.clock.sleep(_NAP)
        return list(self._results.values())

    def signals(self) -> AbstractContextManager[None]:
        """Handle SIGTERM, SIGINT (stop) and SIGHUP (reload) meanwhile."""

        def hear(number: int, _frame: object) -> None:
            if number == signal.SIGHUP:
                self.reload_soon()
            else:
                self.stop()

        return handled(hear)

    def stop(self) -> None:
        """End after what the hosts are at; at the second request, end that, too."""
        self._stops += 1

    def reload_soon(self) -> None:
        """Read watch.yml again before the next turn."""
        self._hangup = True

    def _over(self) -> bool:
        idle = all(place.turn is None for place in self._places)
        served = self.once and all(place.due == float("inf") for place in self._places)
        return idle and (bool(self._stops) or served)

    def _look(self) -> None:
        now = self.clock.now()
        for place in self._places:
            self._end(place, now)
        if self._stops > self._told:
            self._told += 1
            self._pass_on()
        if self._hangup and not self._stops:
            self._hangup = False
            self._reload(now)
        for place in self._places:
            if not self._stops and now >= place.due:
                self._turn(place, now)
        state = self._state()
        for listener in self.listeners:
            listener.tick(state)

    def _end(self, place: _Place, now: float) -> None:
        if place.turn is None or (result := place.turn.result(now)) is None:
            return
        place.turn = None
        self._ended(result)

    def _ended(self, result: TurnResult) -> None:
        self._results[result.group] = result
        for listener in self.listeners:
            listener.ended(result)

    def _turn(self, place: _Place, now: float) -> None:
        """Begin a turn that is due, or skip it."""
        group = place.group
        if place.turn is not None:
            count = group.turns_within(place.due, now) + 1
            place.due = group.next_turn(now)
            for listener in self.listeners:
                listener.skipped(group, count)
            return
        if sum(one.turn is not None for one in self._places) >= self.settings.at_once:
            return
        mode = group.mode(now)
        place.due = float("inf") if self.once else group.next_turn(now)
        try:
            place.turn = self.start(group, mode, now)
        except OSError as error:
            said = f"the turn could not be begun: {error.strerror or error}"
            self._ended(TurnResult(group.name, mode, now, 0.0, _NOT_BEGUN, None, said))
            return
        for listener in self.listeners:
            listener.began(group, mode)

    def _pass_on(self) -> None:
        working = [place for place in self._places if place.turn is not None]
        if working:
            names = ", ".join(place.group.name for place in working)
            self.say(f"ends after what the hosts are at: {names}")
        for place in working:
            if place.turn is not None:
                place.turn.stop()

    def _reload(self, now: float) -> None:
        """Read watch.yml again; keep the former settings if it is wrong. Turns at work go on."""
        try:
            self.settings = self.reload()
        except CookError as error:
            self.say(f"not reloaded, the former settings stay: {error}")
            return
        former = {place.group.name: place for place in self._places}
        wanted = {group.name: group for group in self.settings.groups}
        places = []
        for name, group in wanted.items():
            place = former.get(name)
            turn = place.turn if place is not None else None
            places.append(_Place(group, group.next_turn(now), turn))
        gone = [p for name, p in former.items() if name not in wanted and p.turn is not None]
        for place in gone:  # it ends, and has no other turn
            place.due = float("inf")
        self._places = [*places, *gone]
        for listener in self.listeners:
            listener.reloaded(self.settings)
        self.say(f"reloaded: {len(wanted)} groups")

    def _state(self) -> str:
        working = [place.group.name for place in self._places if place.turn is not None]
        if working:
            return f"at work: {', '.join(working)}"
        if self._stops or not self._places:
            return "ending"
        following = min(self._places, key=lambda place: place.due)
        if following.due == float("inf"):
            return "ending"
        at = time.strftime("%H:%M:%S", time.localtime(following.due))
        return f"next: {following.group.name} at {at}"
