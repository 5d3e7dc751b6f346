"""The audit of a host: things of some types that no recipe declares."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cookbook.applying.manifest import Manifest
from cookbook.errors import CookError, ProbeError
from cookbook.language.catalog import Catalog
from cookbook.language.change import Change
from cookbook.language.collection import Declared
from cookbook.language.probe import Thing, with_name
from cookbook.language.resource import Resource, named
from cookbook.planning.planner import Planner
from cookbook.planning.step import Step
from cookbook.script.facts import Facts


@dataclass
class Audit:
    """The things of these types on a host, as far as nothing declares them."""

    types: Sequence[type[Resource]]
    planner: Planner
    catalog: Catalog
    facts: Facts
    _declared: dict[type[Resource], list[Resource]] = field(
        default_factory=lambda: defaultdict(list)
    )
    _things: set[Thing] = field(default_factory=set)

    def hear(self, step: Step) -> None:
        """Note a declared resource, and an orphan, which is known as such."""
        resource = step.resource
        self._declared[type(resource)].append(resource)
        provider = step.provider or self.planner.provider_or_none(resource)
        if provider is None or resource.lazies is not None:
            return
        self._things.update(provider.about(resource))
        state = step.change.wanted if step.change is not None else None
        if state is not None:
            self._things.update(provider.brings(resource.identity, Change(None, state)))

    def steps(self, manifest: Manifest | None) -> Iterator[Step]:
        """
        Ask the host, in one exchange; yield a step `unmanaged` for each thing.

        What the manifests of the host contain, for this or other recipes, is managed.

        A type without a provider for this host, or without a list, has none. A type whose list
        cannot be read has a failed step: it is unknown what of it is not declared.
        """
        asked = []
        for kind in self.types:
            try:
                provider = self.catalog.choose(named(kind, kind.kind()), self.facts)
            except CookError:
                continue
            if (question := provider.everything()) is not None:
                asked.append((kind, provider, with_name(question, f"list all of {kind.kind()}")))
        outcomes = self.planner.outcomes([question for _, _, question in asked])
        for (kind, provider, _), outcome in zip(asked, outcomes, strict=True):
            if outcome.status != 0 or outcome.cut:
                why = outcome.last_words or f"exit status {outcome.status}"
                error = ProbeError(f"it is unknown what of it is not declared: {why}")
                yield Step(Declared(named(kind, "*"), "--unmanaged"), "failed", error=error)
                continue
            for name, thing in provider.unmanaged(outcome.text, self._declared[kind]):
                keys = ((provider.name, one) for one in (name, thing.name))
                noted = manifest is not None and any(map(manifest.has, keys))
                if thing not in self._things and not noted:
                    declared = Declared(named(kind, name), str(thing))
                    yield Step(declared, "unmanaged", provider=provider)
