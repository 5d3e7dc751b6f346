"""A guarded chain: many changes in one exchange, each only if the host is as it was planned."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from cookbook.acting import as_user, called
from cookbook.causes import why
from cookbook.errors import BrokenOff, CommandError, Failed, HostError
from cookbook.provider import AnyProvider, Change, Probe
from cookbook.questions import Answers, guard
from cookbook.recipe import Declared
from cookbook.resource import Resource
from cookbook.shell import Command
from cookbook.trace import Trace
from cookbook.transport import TooSlow
from cookbook.wire import Ask, Do, Guard, Outcome, Part


@dataclass(frozen=True)
class Item:
    """A resource whose turn it is: as declared, or notified by another one."""

    declared: Declared
    resource: Resource
    because: str | None = None
    """Who notified it."""

    before: frozenset[tuple[str, str]] = frozenset()
    """The notifications that led to it: (resource, action); a circle of them ends here."""

    tries: int = 0

    @functools.cached_property
    def key(self) -> tuple[object, ...]:
        """Tells it from every other one of a run."""
        return str(self.resource), self.resource.doing, self.because, self.before


@dataclass(frozen=True)
class Verdict:
    """What the answers say about one item."""

    item: Item
    status: Literal["ok", "skipped", "change", "unknown", "failed"]
    provider: AnyProvider | None = None
    change: Change[Any] | None = None
    probes: Sequence[Probe] = ()
    until: Resource | None = None
    """Before this one is done, nobody can know."""

    error: HostError | None = None
    orphan: Literal["created", "adopted"] | None = None
    """It has left the recipe: did we create it, or was it there before us?"""

    goal: Callable[[Any], Change[Any]] | None = None
    """What the state has to be afterwards, where that is not what the resource declares."""


@dataclass
class Link:
    """Changes that go together, and what has to be as it was for them."""

    gap: list[Verdict]
    """In line and between the link before and this one: still so?"""

    changes: list[Verdict]

    @property
    def provider(self) -> AnyProvider:
        """Who makes the changes."""
        provider = self.changes[0].provider
        assert provider is not None  # noqa: S101 - a change has one
        return provider

    def admits(self, verdict: Verdict) -> bool:
        """
        Whether an adjacent change can go into the same transaction.

        What may fail, or is tried again, goes by itself: its failure is nobody else's.
        """
        everybody = [v.item.resource for v in (*self.changes, verdict)]
        if any(resource.ignore_failure or resource.retries for resource in everybody):
            return False
        if len({resource.become_user for resource in everybody}) > 1:
            return False
        if verdict.provider is not self.provider:
            return False
        return self.provider.together(self._pairs([*self.changes, verdict])) is not None

    def commands(self) -> Sequence[Command]:
        """What makes the changes."""
        pairs = self._pairs(self.changes)
        if len(pairs) > 1 and (joint := self.provider.together(pairs)) is not None:
            return list(joint)
        return [c for name, change in pairs for c in self.provider.commands(name, change)]

    @property
    def user(self) -> str | None:
        """Who makes the changes on the host, where that is not the one we are there."""
        return self.changes[0].item.resource.become_user

    @property
    def work(self) -> list[Part]:
        """What makes the changes, as parts of a program."""
        commands = self.commands()
        if self.user is not None:
            commands = [replace(c, called=called(self.user, c)) for c in commands]
        return [Do(command, self.limit, user=self.user, traced=True) for command in commands]

    @property
    def limit(self) -> float:
        """Seconds each of its commands may take."""
        changes = [verdict.change for verdict in self.changes if verdict.change is not None]
        return max((self.provider.limit(change) for change in changes), default=0.0)

    def contents(self) -> Mapping[str, bytes]:
        """The bytes its commands read."""
        resources = [verdict.item.resource for verdict in self.changes]
        return {d: b for resource in resources for d, b in self.provider.contents(resource).items()}

    @staticmethod
    def _pairs(verdicts: Sequence[Verdict]) -> list[tuple[str, Change[Any]]]:
        return [(v.item.resource.identity, v.change) for v in verdicts if v.change is not None]


Notes = Callable[[Sequence[Verdict]], tuple[Command | None, Command | None]]
"""What the host is to remember of changes, before and after they are made: cookbook.manifest."""


def no_notes(_: Sequence[Verdict]) -> tuple[None, None]:
    """Nothing."""
    return None, None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one link."""

    fate: Literal["done", "failed", "surprised", "not-reached", "lost"]
    """`lost`: the link ended meanwhile, and the host has been asked again."""

    error: HostError | None = None
    texts: Sequence[bytes | None] = ()
    """The found text of each change, for its diff."""

    kept: Sequence[str] = ()
    """What was printed when the former state of each change was kept."""

    said: str = ""
    """What its commands printed."""

    seconds: float = 0.0

    def learned(self, link: Link) -> Iterator[Verdict]:
        """The changes of the link, with what their keeping and their commands have told."""
        for i, verdict in enumerate(link.changes):
            if verdict.provider is not None and verdict.change is not None:
                kept = self.kept[i] if i < len(self.kept) else ""
                said = self.said if i == 0 else ""
                yield replace(verdict, change=verdict.provider.learned(verdict.change, kept, said))


@dataclass
class Sent:
    """One link as parts of a program, and how to read what became of it."""

    link: Link
    parts: list[Part] = field(default_factory=list)
    _looks: list[int | None] = field(default_factory=list)
    _keeps: list[int | None] = field(default_factory=list)

    @classmethod
    def of(cls, link: Link, answers: Answers, notes: Notes = no_notes) -> Sent:
        """Guard, a look at the texts that will be replaced, the commands."""
        probes = [probe for verdict in [*link.gap, *link.changes] for probe in verdict.probes]
        return cls.guarded(link, guard(probes, answers), notes)

    @classmethod
    def guarded(cls, link: Link, by: Guard, notes: Notes = no_notes) -> Sent:
        """The same, under a guard that was made before."""
        sent = cls(link, [by])
        for look in map(look_at, link.changes):
            sent._looks.append(len(sent.parts) if look else None)
            sent.parts += [Ask(look)] if look else []
        for keep in map(keep_of, link.changes):
            sent._keeps.append(len(sent.parts) if keep else None)
            sent.parts += [Do(keep, link.limit, keeps=True, user=link.user)] if keep else []
        before, after = notes(link.changes)
        sent.parts += [Do(before, link.limit)] if before is not None else []
        sent.parts += link.work
        sent.parts += [Do(after, link.limit)] if after is not None else []
        return sent

    def read(self, outcomes: Sequence[Outcome]) -> Result:
        """What became of it, from the outcomes of its parts; there may be too few of them."""
        if not outcomes or outcomes[0].status is None:
            return Result("not-reached")
        seconds = sum(outcome.seconds for outcome in outcomes)
        if outcomes[0].status != 0:
            return Result("surprised", seconds=seconds)
        texts = [outcomes[i].stdout if i and i < len(outcomes) else None for i in self._looks]
        kept = [outcomes[i].text if i and i < len(outcomes) else "" for i in self._keeps]
        said = "".join(
            outcome.text
            for part, outcome in zip(self.parts, outcomes, strict=False)
            if isinstance(part, Do) and not part.keeps
        )
        for part, outcome in zip(self.parts, outcomes, strict=False):
            if isinstance(part, Do) and outcome.status != 0:
                hidden = any(v.item.resource.confidential for v in self.link.changes)
                error = explain(part.command, outcome, hidden=hidden)
                error.phase = "notify" if self.link.changes[0].item.because else "apply"
                return Result("failed", error, texts, kept, said, seconds)
        if len(outcomes) < len(self.parts):
            return Result("failed", None, texts, kept, said, seconds)
        return Result("done", None, texts, kept, said, seconds)


def read_all(sent: Sequence[Sent], outcomes: Sequence[Outcome]) -> Iterator[Result]:
    """What became of each link."""
    start = 0
    for one in sent:
        yield one.read(outcomes[start : start + len(one.parts)])
        start += len(one.parts)


def broken_off(result: Result) -> Result:
    """What failed because somebody did not want to wait for its end."""
    if result.fate != "failed":
        return result
    error = BrokenOff(
        "it was ended in the middle: what it has done is unknown",
        hint="run again: that goes on from what is so then",
    )
    return replace(result, error=error)


def lost_in_it(result: Result, *, begun: bool) -> Result:
    """Return the result of an action that was, or may have been, at work when the link was lost."""
    said = "the link was lost while it ran, or before: whether it has run is unknown"
    if begun:
        said = "it began, and did not end before the link was lost: how far it got is unknown"
    error = BrokenOff(said, hint="look at the host; where it may run twice, run again")
    return replace(result, fate="failed", error=error)


def traced(sent: Sequence[Sent]) -> Iterator[list[int]]:
    """Return for each link the numbers that its commands have in the host's record."""
    last = 0
    for one in sent:
        first = last + 1
        last += sum(isinstance(part, Do) and part.traced for part in one.parts)
        yield list(range(first, last + 1))


def as_recorded(one: Sent, result: Result, numbers: Sequence[int], record: Trace) -> Result:
    """Return the result of a link by the host's record, where the reply does not tell enough."""
    match record.fate(numbers):
        case "not-begun":
            return replace(result, fate="not-reached")
        case "done":
            return replace(result, fate="done")
        case "failed":
            commands = one.link.work
            status = next(s for n in numbers if (s := record.ended.get(n, 0)) != 0)
            at = next(i for i, n in enumerate(numbers) if record.ended.get(n, 0) != 0)
            part = commands[at]
            assert isinstance(part, Do)  # noqa: S101 - work is made of commands
            error = explain(part.command, Outcome(status))
            error.hint = error.hint or "what it printed was lost with the link"
            error.phase = "notify" if one.link.changes[0].item.because else "apply"
            return replace(result, fate="failed", error=error)
        case _:
            return replace(result, fate="lost")


def fate_of(error: HostError) -> Literal["failed", "unknown"]:
    """What has become of a change that this has happened to."""
    return "unknown" if isinstance(error, BrokenOff) else "failed"


def cut_off(
    sent: Sequence[Sent], heard: Sequence[Outcome], error: HostError
) -> Iterator[tuple[Verdict, dict[str, Any]]]:
    """
    The link ended in the middle of a chain: what is known of each change, and no more.

    The host may go on with what it was sent, whether we hear of it or not. So only what
    comes after a failure or a surprise that we did hear of is sure not to be done, or after
    what was ended because it took too long.
    """
    stopped = False
    ended = isinstance(error, TooSlow) and error.ended
    for one, result in zip(sent, read_all(sent, heard), strict=True):
        passed = result.fate in ("done", "failed")
        stopped |= result.fate == "surprised" or result.error is not None
        stopped |= ended and result.fate != "done"
        if stopped and not passed:
            return
        yield from ((verdict, {}) for verdict in one.link.gap if passed)
        for verdict in one.link.changes:
            why = result.error if result.error is not None else error
            status = "failed" if result.error is not None else "unknown"
            yield verdict, {"status": status, "error": why}
        if stopped:
            return


def announce(
    sent: Sequence[Sent], working: Callable[[Link | None], object]
) -> Callable[[int], None]:
    """Tell which link's turn it is, by the number of the part that is begun; None after them."""
    whose = [one.link for one in sent for _ in one.parts]

    def begun(part: int) -> None:
        if part >= 0:
            working(whose[part] if part < len(whose) else None)

    return begun


def explain(command: Command, outcome: Outcome, *, hidden: bool = False) -> CommandError:
    """Why a command failed, for people: its last words, unless they may hold a secret."""
    if hidden:
        failed = Failed(command.brief, outcome.status)
        hint = "what it said is hidden, because the resource is sensitive"
        return CommandError(str(failed), failed=failed, hint=hint)
    said = outcome.last_words
    failed = Failed(command.brief, outcome.status, said)
    return CommandError(str(failed), failed=failed, **why(said, outcome.status))


def keep_of(verdict: Verdict) -> Command | None:
    """What puts into the stash what the change will destroy, if it does."""
    if verdict.provider is None or verdict.change is None:
        return None
    return verdict.provider.keeps(verdict.item.resource.identity, verdict.change)


def look_at(verdict: Verdict) -> Command | None:
    """The question for the text that a change replaces, where there is one to be shown."""
    if verdict.provider is None or verdict.change is None or verdict.item.resource.confidential:
        return None
    resource = verdict.item.resource
    texts = verdict.provider.texts(resource.identity, verdict.change)
    return as_user(resource.become_user, texts.found) if texts and texts.found else None
