"""The common part of the providers of routes: what the kernel has, and a small file."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString

from cookbook.provider import (
    AccessPath,
    Change,
    Command,
    Probe,
    Provider,
    Risk,
    Thing,
    hint,
    sh,
)
from cookbook.providers.small_files import ages, times, write_small
from cookbook.resources.route import Route


@dataclass(frozen=True)
class State:
    """A route: now, and at boot."""

    live: str | None = None
    """As ip-route(8) lists it; empty if there is none."""
    file: str | None = None
    """The text of the file that has it at boot; empty without one."""
    path: str = hint(default="")
    target: str = hint(default="")
    device: str = hint(default="")
    modified: str | None = hint()
    known: bool = hint(default=True)
    """Something configures the interface."""


_LIVE: LiteralString = (
    "[ ! -e /sys/class/net/{} ] || ip -o -{} route show exact {} dev {} | sed 's/ *$//'"
)

# The folder of the file may not be there; what is printed is the path, and after a NUL the text.
_FILE: LiteralString = """\
{}; printf '%s\\0' "$p"; [ ! "$p" ] || [ ! -e "$p" ] || cat -- "$p"
"""


class RouteProvider(Provider[Route, State]):
    """A route is right if the kernel and the file for the next boot have it."""

    @abstractmethod
    def find_path(self, route: Route) -> Command:
        """Return shell that sets `p`, the path of the file; empty if nothing has the interface."""

    @abstractmethod
    def text_of(self, route: Route) -> str:
        """Return the text of the file."""

    @abstractmethod
    def reload(self, state: State) -> Command:
        """Return the command that has the file of this state read."""

    @property
    def state(self) -> type[State]:
        """The state of a route."""
        return State

    def probe(self, route: Route) -> Sequence[Probe]:
        """Ask the kernel, and for the file."""
        device, network = route.device or "", route.network
        live = sh(_LIVE, device, str(network.version), str(network), device)
        named = replace(sh(_FILE, self.find_path(route)), called=f"look for the file of {device}")
        return [Probe(live), Probe(named)]

    def parse(self, route: Route, live: str, named: str) -> State:
        """Return the route; of several, that with the metric, or the first one."""
        path, _, text = named.partition("\0")
        lines = [_words(line, metric=route.metric is not None) for line in live.splitlines()]
        wanted = _live(route)
        return State(
            wanted if wanted in lines else lines[0] if lines and route.metric is None else "",
            text,
            path,
            str(route.network),
            route.device or "",
            known=path != "",
        )

    def plan(self, route: Route, found: State | None) -> Change[State]:
        """Compare both."""
        now = found or State("", "", target=str(route.network), device=route.device or "")
        if route.action == "delete":
            return Change(now, None) if now.live or now.file else Change(None, None)
        return Change(now, replace(now, live=_live(route), file=self.text_of(route)))

    def commands(self, name: str, change: Change[State]) -> Iterator[Command]:
        """Write the file, have it read, and set the route where that is not enough."""
        found, wanted = change.found or State("", ""), change.wanted
        side = wanted or found
        live, text = (wanted.live, wanted.file) if wanted is not None else ("", "")
        family = "-6" if ":" in side.target else "-4"
        if found.live and found.live != live:
            old = found.live.split()
            yield sh("ip {} route del {} {} dev {}", family, side.target, old, side.device)
        if text != found.file and side.path:
            folder = side.path.rpartition("/")[0]
            if text:
                yield sh("mkdir -p -m 755 {}", folder)
            yield write_small(side.path, text or "", side.modified if wanted else None)
            if not text:
                yield sh("rmdir -- {} 2>/dev/null || :", folder)
            yield self.reload(replace(side, live=live, file=text))
        if live:
            new = live.split()
            yield sh("ip {} route replace {} {} dev {}", family, side.target, new, side.device)

    def keeps(self, name: str, change: Change[State]) -> Command | None:
        """Ask when the file was modified."""
        side = change.found
        return ages([side.path]) if side is not None and side.path else None

    def learned(self, change: Change[State], kept: str, said: str) -> Change[State]:
        """Add the time."""
        if change.found is None or not kept:
            return change
        return replace(change, found=replace(change.found, modified=times(kept)[0]))

    def missing(self, route: Route, live: str | None, named: str | None) -> Iterable[Thing]:
        """Yield the interface, if nothing configures it yet."""
        path = (named or "").partition("\0")[0]
        return [] if path or route.action == "delete" else [Thing("interface", route.device or "")]

    def there(self, state: State | None) -> bool:
        """Return whether it has a file of cook."""
        return state is not None and bool(state.file)

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to the former route and file."""
        before = change.found
        if before is None or not (before.live or before.file):
            return Change(now, None)
        return Change(now, before)

    def lockout_risk(self, name: str, change: Change[State], way: AccessPath) -> Risk:
        """Return the risk: replies to the operator may take another way."""
        return "may"


def _live(route: Route) -> str:
    words = ["via", route.gateway] if route.gateway is not None else []
    words += ["metric", str(route.metric)] if route.metric is not None else []
    return " ".join([*words, "proto", "static"])


def _words(line: str, *, metric: bool) -> str:
    """Return what counts of a listed route; a metric only where one is declared."""
    found = [re.search(rf"\b{key} (\S+)", line) for key in ("via", "metric", "proto")]
    words = [
        f"{key} {match[1]}"
        for key, match in zip(("via", "metric", "proto"), found, strict=True)
        if match is not None and (key != "metric" or metric)
    ]
    return " ".join(words)
