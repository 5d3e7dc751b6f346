"""Features, their conditions, and the decision whether a host has one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from cookbook.errors import FeatureError, RecipeError
from cookbook.features.expression import Expression
from cookbook.language.collection import NO_FACTS_YET, FactsNeeded, Node
from cookbook.language.feature_answer import FeatureAnswer, FeatureSubject
from cookbook.text.suggest import did_you_mean

if TYPE_CHECKING:
    from cookbook.inventory import Host
    from cookbook.script.facts import Facts

PARTS = 10_000
"""The places between 0 and 100 % at which a host can be: a share has two decimals at most."""

Rule = Literal["killed", "never", "always", "groups", "hosts", "from", "until", "share", "when"]


class Condition(NamedTuple):
    """One condition of a feature, asked of one host."""

    rule: Rule
    holds: bool | None
    """None if it depends on facts that are not known."""
    text: str
    """The condition, without what differs between hosts: `share 25 %`."""
    detail: str = ""
    """The values of the host in it: `web1 is at 12.34 %`."""


class FeatureDecision(NamedTuple):
    """All that was asked to decide whether one host has a feature."""

    is_on: bool | None
    """None if it depends on facts that are not known."""
    conditions: tuple[Condition, ...]
    """The conditions that decided."""

    @property
    def why(self) -> str:
        """Return the conditions in one line, without what differs between hosts."""
        return "; ".join(condition.text for condition in self.conditions)

    @property
    def detail(self) -> str:
        """Return the values of the host in the conditions."""
        return "; ".join(one.detail for one in self.conditions if one.detail)


@dataclass(frozen=True, kw_only=True)
class Feature:
    """
    A feature as features.yml declares it; host names instead of patterns.

    `killed` has priority over `never`, that over `always`, and that over the conditions, of which
    all must hold. Without conditions it is on for the hosts in `always` only.
    """

    name: str
    at: str
    note: str = ""
    killed: str | None = None
    """The reason why it is off on all hosts."""
    never: frozenset[str] = frozenset()
    always: frozenset[str] = frozenset()
    groups: tuple[str, ...] | None = None
    hosts: frozenset[str] | None = None
    start: datetime | None = None
    end: datetime | None = None
    share: int | None = None
    """In ten-thousandths of all hosts."""
    by: str | None = None
    """The variable whose value decides about the share, instead of the name of the host."""
    when: Expression | None = None

    def decide(self, subject: FeatureSubject, now: datetime) -> FeatureDecision:
        """
        Return whether the host has the feature at this time, and why.

        Raises FeatureError if a condition does not fit the host.
        """
        if self.killed is not None:
            return FeatureDecision(False, (Condition("killed", False, f"killed: {self.killed}"),))
        if subject.name in self.never:
            return FeatureDecision(False, (Condition("never", False, "named in `never`"),))
        if subject.name in self.always:
            return FeatureDecision(True, (Condition("always", True, "named in `always`"),))
        asked = []
        for condition in self._conditions(subject, now):
            asked.append(condition)
            if condition.holds is not True:
                return FeatureDecision(condition.holds, (condition,))
        if not asked:
            other = Condition("always", False, "not named in `always`")
            return FeatureDecision(False, (other,))
        return FeatureDecision(True, tuple(asked))

    def _conditions(self, subject: FeatureSubject, now: datetime) -> Iterator[Condition]:
        """Yield the conditions; the one that may need facts is the last."""
        if self.groups is not None:
            yield self._in_groups(subject, self.groups)
        if self.hosts is not None:
            is_named = subject.name in self.hosts
            yield Condition("hosts", is_named, f"{'' if is_named else 'not '}named in `hosts`")
        if self.start is not None:
            begun = now >= self.start
            yield Condition(
                "from", begun, f"{'since' if begun else 'not before'} {_at(self.start)}"
            )
        if self.end is not None:
            over = now >= self.end
            yield Condition(
                "until", not over, f"{'over since' if over else 'until'} {_at(self.end)}"
            )
        if self.share is not None:
            yield self._within_share(subject, self.share)
        if self.when is not None:
            yield self._when(subject, self.when)

    def _in_groups(self, subject: FeatureSubject, groups: tuple[str, ...]) -> Condition:
        found = next((group for group in groups if group in subject.groups), None)
        if found is not None:
            return Condition("groups", True, f"group {found}")
        return Condition("groups", False, f"not in group {' or '.join(groups)}")

    def _within_share(self, subject: FeatureSubject, share: int) -> Condition:
        said = f"share {percent(share)}"
        key, whose = subject.name, subject.name
        if self.by is not None:
            value = subject.vars.get(self.by)
            if value is None:
                text = f"{said} by {self.by}, which it does not have"
                return Condition("share", False, text)
            if type(value) not in (str, int, bool):
                raise FeatureError(
                    f"{self.at}: feature {self.name}: {self.by} of {subject.name} is neither text"
                    " nor a number: a share cannot go by it"
                )
            key, whose = str(value), f"{self.by} {value}"
        place = place_of(self.name, key)
        return Condition("share", place < share, said, f"{whose} is at {percent(place)}")

    def _when(self, subject: FeatureSubject, when: Expression) -> Condition:
        try:
            holds = when.holds(subject)
        except FactsNeeded:
            return Condition("when", None, f"needs facts: {when.text}")
        return Condition("when", holds, f"when {when.text}: {'yes' if holds else 'no'}")


@dataclass(frozen=True)
class Features:
    """The features of a fleet at one time."""

    where: str
    """The path of the file."""
    features: Mapping[str, Feature]
    now: datetime

    def ask(self, name: str, subject: FeatureSubject) -> FeatureAnswer:
        """
        Return whether the host has the feature.

        Raises RecipeError for an unknown one, FactsNeeded if it depends on facts that are not known
        yet.
        """
        decision = self.feature(name).decide(subject, self.now)
        if decision.is_on is None:
            raise FactsNeeded(name)
        return FeatureAnswer(name, decision.is_on, decision.why, decision.detail)

    def feature(self, name: str) -> Feature:
        """Return a feature by its name. Raises RecipeError."""
        if (found := self.features.get(name)) is not None:
            return found
        known = ", ".join(self.features) or "none"
        raise RecipeError(
            f"there is no feature {name!r} in {self.where}",
            hint=did_you_mean(name, self.features) or f"there are: {known}",
        )


def subject(
    host: Host, given: Mapping[str, Any] | None = None, facts: Facts = NO_FACTS_YET
) -> FeatureSubject:
    """
    Return a host of the inventory as features see it, for commands that compile no recipe.

    `given` are the variables of `--set`, which have priority. Without `facts`, a condition that
    reads one is undecided.
    """
    variables = {**host.vars, **(given or {})}
    return Node(host.name, facts, variables, host.groups, environment=host.environment)


def place_of(feature: str, key: str) -> int:
    """
    Return the place of a host between 0 and 9,999: it is within a share that is larger.

    It depends on nothing but the two texts, so a larger share only adds hosts, and two features
    choose hosts independently.
    """
    digest = hashlib.sha256(f"{feature}\0{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") * PARTS >> 64


def percent(parts: int) -> str:
    """
    Return ten-thousandths as percent.

    >>> percent(2500), percent(7), percent(1234)
    ('25 %', '0.07 %', '12.34 %')
    """
    return f"{parts / 100:.2f}".rstrip("0").rstrip(".") + " %"


def _at(time: datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M %Z")
