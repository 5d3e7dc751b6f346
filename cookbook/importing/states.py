"""States of things on a host, by the probes of providers, and the properties that declare them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from cookbook.errors import CookError, HostError
from cookbook.hosts.probing import state_text
from cookbook.importing.questions import last_line
from cookbook.language.field_traits import is_sensitive
from cookbook.language.provider import questions
from cookbook.language.resource import Resource, named

if TYPE_CHECKING:
    from cookbook.hosts.session import Session
    from cookbook.language.catalog import Catalog
    from cookbook.language.probe import Probe
    from cookbook.language.provider import AnyProvider
    from cookbook.script.facts import Facts


class Reader:
    """Asks a host for states and lists, as a run would."""

    def __init__(self, session: Session, catalog: Catalog, facts: Facts) -> None:
        """Create a reader of one host."""
        self._session, self._catalog, self._facts = session, catalog, facts
        self.failed: dict[str, str] = {}
        """Resource type -> what the host said instead of a list."""

    def listed(self, kind: str) -> Sequence[tuple[str, str]]:
        """
        Return name and thing of all that an audit would report of a type.

        Empty if this host has no provider for it.
        """
        provider, text = self._everything(kind)
        if provider is None or not text:
            return []
        return [(name, thing.name) for name, thing in provider.unmanaged(text, [])]

    def list_text(self, kind: str) -> str:
        """Return the answer to the question for all things of a type."""
        return self._everything(kind)[1]

    def states(self, resources: Sequence[Resource]) -> Iterator[tuple[Resource, Any]]:
        """Yield the state of each resource; a HostError in its place if it cannot be read."""
        asked: list[tuple[Resource, AnyProvider, Sequence[Probe]]] = []
        for one in resources:
            try:
                provider = self._catalog.choose(one, self._facts)
            except CookError:
                continue
            asked.append((one, provider, questions(provider, one)))
        answers = self._session.ask([probe for _, _, probes in asked for probe in probes])
        for one, provider, probes in asked:
            try:
                texts = [state_text(probe, answers[probe]) for probe in probes]
                yield one, None if texts[0] is None else provider.understand(one, *texts)
            except HostError as error:
                yield one, error

    def _everything(self, kind: str) -> tuple[AnyProvider | None, str]:
        from cookbook.plugins.registry import resource_type

        cls = resource_type(kind)
        if cls is None:
            return None, ""
        try:
            provider = self._catalog.choose(named(cls, kind), self._facts)
        except CookError:
            return None, ""
        question = provider.everything()
        if question is None:
            return None, ""
        [outcome] = self._session.read([question])
        if outcome.status != 0 or outcome.cut:
            self.failed[kind] = last_line(outcome)
            return provider, ""
        return provider, outcome.text


def properties_of(
    state: Any, cls: type[Resource], renamed: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """
    Return what of a state a resource type declares: fields and properties of equal names.

    `renamed` has other names: field -> property. Nothing is declared of a field that is unknown
    (None) or hidden, or that only says how a thing is made.
    """
    names = {f.name for f in fields(cls)}
    found: dict[str, Any] = {}
    for f in fields(state):
        name = (renamed or {}).get(f.name, f.name)
        value = getattr(state, f.name)
        if f.compare and value is not None and name in names and not is_sensitive(f):
            found[name] = list(value) if isinstance(value, tuple) else value
    return found
