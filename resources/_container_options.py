"""Options of containers as recipes have them: ports, volumes, sizes."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from cookbook.errors import RecipeError
from cookbook.provider import Resource

_PORT = re.compile(
    r"(?:(?P<ip>\[[0-9a-fA-F:.]+\]|\d+(?:\.\d+){3}):)?(?:(?P<host>\d+(?:-\d+)?)?:)?"
    r"(?P<inner>\d+(?:-\d+)?)(?:/(?P<protocol>tcp|udp|sctp))?"
)
_SIZE = re.compile(r"(\d+(?:\.\d+)?)([bkmg]?)b?", re.IGNORECASE)
_UNITS = {"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_FLAGS = re.compile(r"ro|rw|z|Z|nocopy|consistent|cached|delegated|r?(?:private|shared|slave)")


def ports_of(resource: Resource, text: str | int) -> Iterator[str]:
    """
    Return the ports of one declaration, each as `address:port:inner/protocol`.

    "8080:80", "127.0.0.1:8080:80/udp", "8000-8002:80-82"; 80 alone is any port of the host.
    Raises RecipeError.
    """
    match = _PORT.fullmatch(str(text))
    if match is None:
        raise RecipeError(
            f"{resource}: {text!r} is no port", hint='"8080:80", "127.0.0.1:8080:80/udp", 80'
        )
    address = (match["ip"] or "").strip("[]")
    try:
        address = str(ipaddress.ip_address(address)) if address else ""
    except ValueError as error:
        raise RecipeError(f"{resource}: {error}") from None
    inner, outer = _span(match["inner"]), _span(match["host"] or "")
    if outer and len(inner) != len(outer):
        raise RecipeError(f"{resource}: {text!r}: the two ranges differ in length")
    if not all(0 < one < 65536 for one in (*inner, *outer)):
        raise RecipeError(f"{resource}: {text!r}: a port is between 1 and 65535")
    protocol = match["protocol"] or "tcp"
    for at, one in enumerate(inner):
        yield f"{address}:{outer[at] if outer else ''}:{one}/{protocol}"


def _span(text: str) -> range:
    if not text:
        return range(0)
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def volume_of(resource: Resource, text: str) -> str:
    """Return `source:target:flags` of a mount, without the flag `rw`; raises RecipeError."""
    source, _, rest = text.partition(":")
    target, _, flags = rest.partition(":")
    words = sorted(set(flags.split(",")) - {"", "rw"})
    if (
        not target.startswith("/")
        or not re.fullmatch(r"/[^:\0]*|[A-Za-z0-9][A-Za-z0-9_.-]+", source)
        or not all(map(_FLAGS.fullmatch, words))
    ):
        raise RecipeError(
            f"{resource}: {text!r} is no mount",
            hint='a volume or an absolute path: "data:/var/lib/shop", "/etc/shop:/etc/shop:ro"',
        )
    return ":".join([source, target, *([",".join(words)] if words else [])])


def size_of(resource: Resource, what: str, value: str | int) -> int:
    """Return bytes; "512m" is 512 MiB, as docker(1) has it. Raises RecipeError."""
    match = _SIZE.fullmatch(str(value))
    if match is None:
        raise RecipeError(f"{resource}: {what} {value!r} is no size", hint='"512m", "2g", bytes')
    return int(float(match[1]) * _UNITS[match[2].lower()])
