"""Parameters of Diffie and Hellman, by `openssl dhparam`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cookbook.provider import Change, Command, hint, provides, sh
from cookbook.providers.pem_files import UNREADABLE, PemProvider, PemState, attributes_of
from cookbook.resources.dhparam import Dhparam


@dataclass(frozen=True)
class State(PemState):
    """Parameters, by their size."""

    bits: int | None = None
    """0 if they cannot be read."""
    timeout: float = hint(default=7200.0)


@provides(Dhparam)
class DhparamProvider(PemProvider[Dhparam, State]):
    """Compares the size."""

    content = frozenset({"bits"})

    def question(self, parameters: Dhparam) -> Command:
        """Return the command that prints the size."""
        ask = 'openssl dhparam -in "$p" -noout -text 2>/dev/null | grep -m 1 Parameters: || echo {}'
        return sh(ask, UNREADABLE)

    def parse(self, parameters: Dhparam, text: str, *_: str | None) -> State:
        """Return the state."""
        first, _blank, rest = text.partition("\n")
        bits = re.search(r"Parameters: \((\d+) bit", rest)
        return State(*attributes_of(first), bits=int(bits[1]) if bits is not None else 0)

    def plan(self, parameters: Dhparam, found: State | None) -> Change[State]:
        """Compare what is declared."""
        if parameters.action == "delete":
            return Change(found, None)
        limit = float(parameters.timeout)
        wanted = State(*self.attributes(parameters), bits=parameters.bits, timeout=limit)
        change = Change(found, wanted)
        slow = found is None or "bits" in change.fields
        note = "this takes minutes" if slow and parameters.bits >= 2048 else None
        return Change(found, wanted, note=note)

    def make(self, wanted: State) -> Command:
        """Return the command that makes them."""
        return sh(
            'openssl dhparam -out "$t" {} 2>"$d/said" || { tail -n 3 "$d/said" >&2; false; }',
            wanted.bits,
        )

    def limit(self, change: Change[State]) -> float:
        """Return the seconds that it may take."""
        return change.wanted.timeout if change.wanted is not None else self.timeout
