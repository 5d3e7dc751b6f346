"""The source `dns_srv`: the targets of SRV records (RFC 2782) as hosts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from cookbook.inventory.sources.query import SourceQuery, library_missing, texts_of

if TYPE_CHECKING:
    import dns.resolver

_KEYS = ("name", "server", "port")
_PORTS = 65536


class ServiceRecord(NamedTuple):
    """A record, in the order in which hosts are listed."""

    priority: int
    less_weight: int
    """The weight, negative: a heavier one comes first."""

    target: str
    port: int
    name: str
    """The name that has the record."""


def hosts(query: SourceQuery) -> Mapping[str, object]:
    """
    Return the targets, by priority, then weight.

    `name` is a name or a list, `server` the name server to ask, ADDRESS or ADDRESS:PORT; `port:
    none` says that the port of the record is not that of SSH.
    """
    if isinstance(query.value.data, str | list):
        names, server, port = texts_of(query.value, query.kind), "", "record"
    else:
        query.check(_KEYS)
        names, server = query.texts("name"), query.text("server")
        port = query.text("port", "record", ("record", "none"))
    if not names:
        raise query.error("it needs a name", hint="dns_srv: _ssh._tcp.example.net")
    resolver = _resolver(query, server)
    records = sorted(record for name in names for record in _asked(query, resolver, name))
    ports = {(record.target, record.port) for record in records}
    several = Counter(target for target, _ in ports)
    found: dict[str, Any] = {}
    for record in records:
        twice = port == "record" and several[record.target] > 1
        name = f"{record.target}-{record.port}" if twice else record.target
        data = {"priority": record.priority, "weight": -record.less_weight, "port": record.port}
        host = {"address": record.target, "vars": {"srv": {"name": record.name, **data}}}
        found.setdefault(name, host | ({"port": record.port} if port == "record" else {}))
    return {"hosts": found}


def _resolver(query: SourceQuery, server: str) -> dns.resolver.Resolver:
    try:
        import dns.exception
        import dns.resolver
    except ImportError:
        raise library_missing(query, "dnspython", "dns") from None
    try:
        resolver = dns.resolver.Resolver(configure=not server)
        if server:
            address, port = _server(server)
            resolver.nameservers, resolver.port = [address], port
    except ValueError:
        raise query.error(
            f"server must be an address or ADDRESS:PORT, not {server!r}", "server"
        ) from None
    except dns.exception.DNSException as error:
        raise query.failure(f"the name servers of this machine are not known: {error}") from None
    resolver.lifetime = query.timeout
    return resolver


def _server(text: str) -> tuple[str, int]:
    """
    Return address and port. Raises ValueError.

    >>> _server("192.0.2.1"), _server("192.0.2.1:5353"), _server("[2001:db8::1]:53")
    (('192.0.2.1', 53), ('192.0.2.1', 5353), ('2001:db8::1', 53))
    """
    address, colon, number = text.rpartition(":")
    if not colon or (":" in address and not address.startswith("[")):
        return text, 53
    if not (number.isdigit() and 0 < int(number) < _PORTS):
        raise ValueError(text)
    return address.strip("[]"), int(number)


def _asked(query: SourceQuery, resolver: dns.resolver.Resolver, name: str) -> list[ServiceRecord]:
    import dns.exception
    import dns.resolver

    try:
        answer: Any = resolver.resolve(name, "SRV", search=False)
    except dns.resolver.NoAnswer:
        return []
    except dns.resolver.NXDOMAIN:
        raise query.failure(f"{name}: there is no such name") from None
    except dns.exception.DNSException as error:
        raise query.failure(f"{name}: {type(error).__name__}: {error}") from None
    return [
        ServiceRecord(
            record.priority, -record.weight, str(record.target).rstrip("."), record.port, name
        )
        for record in answer
        if str(record.target) != "."  # RFC 2782: the service is decidedly not available
    ]
