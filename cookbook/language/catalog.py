"""The providers of each resource type, chosen by the facts of a host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from cookbook.errors import Unsupported
from cookbook.language.resource import Resource
from cookbook.script.facts import Facts

if TYPE_CHECKING:
    from cookbook.language.provider import AnyProvider

P = TypeVar("P", bound="AnyProvider")


@dataclass(frozen=True, slots=True)
class Registration:
    """A provider, and the hosts it is for."""

    provider: AnyProvider
    when: Callable[[Facts], bool]


def provides(
    kind: type[Resource], when: Callable[[Facts], bool] = lambda _: True
) -> Callable[[type[P]], type[P]]:
    """Return a class decorator that registers a provider of a type; `when` tests the facts."""

    def register(cls: type[P]) -> type[P]:
        kind.providers.insert(0, Registration(cls(), when))
        return cls

    return register


class Catalog:
    """The look-up from a resource and the facts of a host to the provider."""

    def __init__(self, load: Callable[[type[Resource]], object] = lambda _: None) -> None:
        """Create a catalog; `load` imports the providers of a type, once for each type."""
        self._load = load
        self._loaded: set[type[Resource]] = set()

    def choose(self, resource: Resource, facts: Facts) -> AnyProvider:
        """
        Return the provider for a resource on a host; the one registered last has priority.

        Raises Unsupported if there is none.
        """
        offers = self._offers(resource)
        for offer in offers:
            if offer.when(facts):
                return offer.provider
        served = ", ".join(sorted(offer.provider.name for offer in offers)) or "none"
        other = resource.counterparts.get(facts.package_tool or "")
        raise Unsupported(
            f"no provider for {resource.kind()} on this host ({facts.summary})",
            hint=f"on such a host it is {other}"
            if other is not None
            else f"providers there are: {served}; does the host have their tool?",
        )

    def named(self, resource: Resource, name: str) -> AnyProvider:
        """
        Return the provider of this name, as a saved plan writes it.

        Raises Unsupported if there is none.
        """
        for offer in self._offers(resource):
            if offer.provider.name == name:
                return offer.provider
        raise Unsupported(f"there is no provider {name!r} for {resource.kind()} here")

    def load(self, kind: type[Resource]) -> None:
        """Import the providers of a resource type, unless that was done before."""
        if kind not in self._loaded:
            self._load(kind)
            self._loaded.add(kind)

    def _offers(self, resource: Resource) -> list[Registration]:
        self.load(type(resource))
        return type(resource).providers
