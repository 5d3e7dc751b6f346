"""The news of a turn: what has changed about hosts since it was told last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypedDict

from cookbook.reports.phrases import OUT_OF_LINE, outcome
from cookbook.reports.schema import Document, HostDocument
from cookbook.text.redaction import protected
from cookbook.text.sanitize import one_line
from cookbook.watch.log import reasons, turn_state
from cookbook.watch.notify_settings import NotifyTarget
from cookbook.watch.turn import TurnResult

_LOCKED = "\nlocked"
"""The end of the key for a lock: it is told beside the state that the host had before it."""

_DRIFT = frozenset({"drift", "intent", "differs", "unknown"})
_FAILED = frozenset({"failed", "unreachable", "timeout", "refused"})

_ENDED = frozenset({130, -2, -15})
"""Exit statuses of a turn that was ended with the service."""


class ToldState(TypedDict):
    """A state of a host that was told, and when."""

    event: str
    what: str
    since: float
    """When it was first told, in seconds since the epoch."""
    told: float
    """When it was last told."""


Told = dict[str, ToldState]
"""group/host -> the state that was told; the host is empty for the group itself. With `_LOCKED`
added, the lock of others that was told."""


@dataclass(frozen=True)
class NewsItem:
    """A host about which there is something to tell."""

    event: str
    host: str
    """Empty for the group itself: its turn has failed as a whole."""
    state: str
    reason: str
    since: float
    """When this state was first told, in seconds since the epoch."""
    is_reminder: bool = False


@dataclass(frozen=True)
class News:
    """All that is told about a turn, in one message."""

    group: str
    mode: str
    items: tuple[NewsItem, ...]
    time: float

    @property
    def subject(self) -> str:
        """One line: `cook: web: 2 drift, 1 failed`."""
        counts = Counter(item.event for item in self.items)
        return one_line(
            f"cook: {self.group}: {', '.join(f'{n} {event}' for event, n in counts.items())}"
        )

    @property
    def text(self) -> str:
        """A line for each host."""
        return "\n".join(map(one_line, self._lines())) + "\n"

    def _lines(self) -> Iterator[str]:
        yield f"{self.group}: {self.mode}"
        for item in self.items:
            whose = item.host or self.group
            again = " (still)" if item.is_reminder else ""
            yield f"{whose}: {item.event}{again}: {item.reason or item.state}"

    @property
    def document(self) -> dict[str, Any]:
        """The JSON document; `text` is what chat services show."""
        items = [
            {
                "event": item.event,
                "host": item.host or None,
                "state": item.state,
                "reason": item.reason,
                "since": item.since,
                "reminder": item.is_reminder,
            }
            for item in self.items
        ]
        return protected(
            {
                "schema": 1,
                "text": f"{self.subject}\n{self.text}",
                "group": self.group,
                "mode": self.mode,
                "time": self.time,
                "news": items,
            }
        )


class _HostState(NamedTuple):
    """The state of a host after a turn, as far as news are made of it."""

    host: str
    """Empty for the group itself."""
    event: str
    state: str
    what: str
    """The codes and resources that identify the state."""
    reason: str


def news_of(
    result: TurnResult, target: NotifyTarget, told: Mapping[str, ToldState], now: float
) -> tuple[News | None, Told]:
    """
    Return what this target is to be told about a turn, and what it was told afterwards.

    A state is told once, and again when it is as old as `remind`; its end is told, too. Of a host
    that another run or an operator has locked nothing new is known, so what was told of it stays;
    the end of a lock is not told.
    """
    after: Told = {**told}
    items: list[NewsItem] = []
    for state in _states(result):
        key = f"{result.group}/{state.host}"
        if state.event == "locked":
            found = _wrong(state, after, key + _LOCKED, target.remind, now)
        elif state.event in ("drift", "failed"):
            found = _wrong(state, after, key, target.remind, now)
        else:
            found = _right(state, after.pop(key, None), now)
        if state.event != "locked":
            after.pop(key + _LOCKED, None)
        items += [item for item in found if item.event in target.events]
    if result.document is not None:
        _forget(result.group, result.document, after)
    news = News(result.group, result.mode, tuple(items), now) if items else None
    return news, after


def _wrong(
    state: _HostState, told: Told, key: str, remind: float, now: float
) -> Iterator[NewsItem]:
    """Yield a state that is new, or was told long ago, and note it."""
    before = told.get(key)
    is_known = before is not None and (before["event"], before["what"]) == (state.event, state.what)
    if before is not None and is_known and now - before["told"] < remind:
        return
    since = before["since"] if before is not None and is_known else now
    told[key] = {"event": state.event, "what": state.what, "since": since, "told": now}
    yield NewsItem(state.event, state.host, state.state, state.reason, since, is_known)


def _right(state: _HostState, before: ToldState | None, now: float) -> Iterator[NewsItem]:
    if before is not None:
        yield NewsItem("recovered", state.host, state.state, "in line again", before["since"])
    if state.event == "changed":
        yield NewsItem("changed", state.host, state.state, state.reason, now)


def _forget(group: str, document: Document, told: Told) -> None:
    """Forget hosts that have left the group."""
    there = {f"{group}/{host}" for host in ("", *document["hosts"])}
    for key in [key for key in told if key.startswith(f"{group}/")]:
        if key.removesuffix(_LOCKED) not in there:
            del told[key]


def _states(result: TurnResult) -> Iterator[_HostState]:
    """Yield the states that count: of the group itself, and of its hosts."""
    document = result.document
    if document is None:
        if result.exit not in _ENDED:
            said = result.error.strip().splitlines() or [f"exit status {result.exit}"]
            yield _HostState("", "failed", "failed", "turn", said[0])
        return
    yield _HostState("", "ok", "ok", "", "")
    for name, host in document["hosts"].items():
        state = turn_state(host, document["mode"])
        if state == "interrupted":
            continue
        event = "drift" if state in _DRIFT else "failed" if state in _FAILED else str(state)
        yield _HostState(name, event, state, _what(host, document), reasons(host, document))


def _what(host: HostDocument, document: Document) -> str:
    """Return what identifies the state: codes and resources, not messages, which have numbers."""
    error = host["error"]
    wrong = [
        f"{one['id']} {one['error']['code'] if one['error'] else ''}"
        for one in host["resources"]
        if outcome(one, document["mode"]) in OUT_OF_LINE
    ]
    return "\n".join([error["code"] if error is not None else "", *sorted(wrong)])
