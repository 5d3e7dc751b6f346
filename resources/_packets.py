"""The properties of packets that rules have in common: ports, addresses, interfaces, order."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence

from cookbook.errors import RecipeError
from cookbook.language.collection import current
from cookbook.provider import Resource

PortsGiven = int | str | Sequence[int | str] | None
Ports = tuple[tuple[int, int], ...]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

SET_NAME = r"[A-Za-z][A-Za-z0-9_-]{0,15}"

_LONGEST_NAME = 80  # nft(8) keeps 128 bytes of a comment, which has the position, too


def check_rule(resource: Resource, position: int) -> None:
    """Check the name, which becomes a comment, and the position of a rule."""
    if not re.fullmatch(rf"[A-Za-z0-9_.:/@+ -]{{1,{_LONGEST_NAME}}}", resource.name):
        raise RecipeError(
            f"{resource}: a name is up to {_LONGEST_NAME} letters, digits, blanks and _.:/@+-",
            hint="it becomes the comment of the rule",
        )
    if not 0 <= position <= 9999:
        raise RecipeError(f"{resource}: position is a number from 0 to 9999")


def check_interfaces(resource: Resource, names: Iterable[str | None]) -> None:
    """Check what are to be names of interfaces."""
    for name in names:
        if name is not None and not re.fullmatch(r"[A-Za-z0-9_.@-]{1,15}", name):
            raise RecipeError(f"{resource}: {name!r} cannot be the name of an interface")


def set_named(given: object) -> str | None:
    """Return the name of the set in `@name`; None for what names no set."""
    return given[1:] if isinstance(given, str) and given.startswith("@") else None


def check_sets(resource: Resource, given: Iterable[object]) -> None:
    """Check what are to be names of sets."""
    for name in map(set_named, given):
        if name is not None and not re.fullmatch(SET_NAME, name):
            raise RecipeError(f"{resource}: {name!r} cannot be the name of a firewall_set")


def port_ranges(resource: Resource, given: PortsGiven) -> Ports:
    """Return ranges of ports, sorted, without overlaps; none for a set."""
    if given is None or set_named(given) is not None:
        return ()
    items = [given] if isinstance(given, int | str) else given
    return merged(_range(resource, item) for item in items)


def _range(resource: Resource, item: int | str) -> tuple[int, int]:
    m = re.fullmatch(r"(\d{1,5})(?:[:-](\d{1,5}))?", str(item))
    low, high = (int(m[1]), int(m[2] or m[1])) if m else (0, 0)
    if not 0 < low <= high < 65536:
        raise RecipeError(f"{resource}: {item!r} is neither a port nor a range like 8000:8100")
    return low, high


def merged(ranges: Iterable[tuple[int, int]]) -> Ports:
    """Return ranges sorted, with those joined that touch."""
    found: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return tuple(found)


def networks(resource: Resource, given: str | Sequence[str] | None) -> tuple[Network, ...]:
    """Return networks, those of IPv4 first, without overlaps; none for a set."""
    if given is None or set_named(given) is not None:
        return ()
    try:
        found = [ipaddress.ip_network(a) for a in ([given] if isinstance(given, str) else given)]
    except ValueError as error:
        raise RecipeError(f"{resource}: {error}", hint="e.g. 192.0.2.0/24 or 2001:db8::1") from None
    return collapsed(found)


def collapsed(found: Sequence[Network]) -> tuple[Network, ...]:
    """Return networks, those of IPv4 first, without overlaps."""
    four = ipaddress.collapse_addresses(n for n in found if isinstance(n, ipaddress.IPv4Network))
    six = ipaddress.collapse_addresses(n for n in found if isinstance(n, ipaddress.IPv6Network))
    return (*four, *six)


def refuse_flushed_rules(resource: Resource) -> None:
    """Raise RecipeError if a recipe declares rules, and a `firewall` that removes them."""
    known = [*declared_before(), resource]
    flushes = [r for r in known if r.kind() == "firewall" and {"flush", "disable"} & set(r.doing)]
    rules = [r for r in known if r.kind().startswith("firewall_") and "create" in r.doing]
    if flushes and rules and resource in (*flushes, *rules):
        raise RecipeError(
            f"{flushes[0]}: {flushes[0].doing[0]} would remove {rules[0]}, which is declared, too",
            hint="declare one of them",
        )


def declared_before() -> list[Resource]:
    """Return what the recipe has declared so far; nothing outside of a recipe."""
    try:
        return [declared.resource for declared in current()]
    except RecipeError:
        return []
