"""The answer to whether a host has a feature, and where recipes get it from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from cookbook.script.facts import Facts


@dataclass(frozen=True)
class FeatureAnswer:
    """The answer to whether a host has a feature, with its reason."""

    name: str
    is_on: bool
    why: str
    """The conditions that decided, without what differs between hosts: `share 25 %`."""

    detail: str = ""
    """The values of the host in them: `web1 is at 12.34 %`."""


class FeatureSubject(Protocol):
    """A host as features see it: the `node` of a recipe is one."""

    @property
    def name(self) -> str:
        """Its name in the inventory."""
        ...

    @property
    def facts(self) -> Facts:
        """Its facts; FactsNeeded may come of reading one."""
        ...

    @property
    def vars(self) -> Mapping[str, Any]:
        """Its variables."""
        ...

    @property
    def groups(self) -> Sequence[str]:
        """The groups it is in."""
        ...

    @property
    def environment(self) -> str | None:
        """The environment it is in; None without one."""
        ...


class FeatureSource(Protocol):
    """The place where `node.feature` gets its answer: features.yml, see cookbook.features."""

    def ask(self, name: str, subject: FeatureSubject) -> FeatureAnswer:
        """
        Return whether the host has the feature.

        Raises RecipeError for an unknown one, FactsNeeded if it depends on facts that are not known
        yet.
        """
        ...


@dataclass(frozen=True)
class InvertedFeature:
    """A source that gives the opposite answer about one feature."""

    source: FeatureSource
    name: str

    def ask(self, name: str, subject: FeatureSubject) -> FeatureAnswer:
        """Return the answer of the source, or its opposite for the one feature."""
        answer = self.source.ask(name, subject)
        if name != self.name:
            return answer
        return FeatureAnswer(name, not answer.is_on, "inverted, to see what depends on it")
