"""The configuration of nginx as text: directives, addresses, servers behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from cookbook.errors import RecipeError
from cookbook.provider import Resource

NginxValue = str | int | bool | Sequence[str | int]
"""The value of a directive: its arguments as nginx reads them; True and False are on and off; a
list is a directive for each of its values."""

UpstreamOptions = Mapping[str, str | int | bool]
"""The parameters of a server in an upstream block."""

_ARGUMENTS = re.compile(
    r"""(?:[^;{}"'\\\n\0]|\\[^\n\0]|\$\{\w+\}|"(?:\\.|[^"\\\0])*"|'(?:\\.|[^'\\\0])*')*"""
)
_ADDRESS = re.compile(r"(?:\*|[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]):(\d+)|unix:/[^\s;{}\0]+")
_SERVER = re.compile(
    r"(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::(\d+))?|unix:/[^\s;{}\0:]+", re.ASCII
)
_PARAMETERS = {
    "weight": int,
    "max_conns": int,
    "max_fails": int,
    "fail_timeout": str,
    "backup": bool,
    "down": bool,
}


def directives(
    resource: Resource, values: Mapping[str, NginxValue], indent: str = "    "
) -> Iterator[str]:
    """Yield a line for each directive; raise RecipeError for what would end it, or a block."""
    for name, value in values.items():
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise RecipeError(f"{resource}: {name!r} is no name of a directive")
        several = [value] if isinstance(value, str | int) else value
        for one in several:
            text = {True: "on", False: "off"}[one] if isinstance(one, bool) else str(one)
            if not _ARGUMENTS.fullmatch(text) or text.endswith("\\"):
                raise RecipeError(
                    f"{resource}: {name} {text!r} are no arguments of one directive",
                    hint="put what has ; { or } between quotes, or give the whole file: content",
                )
            yield f"{indent}{name} {text};" if text else f"{indent}{name};"


def location(resource: Resource, path: str, values: Mapping[str, NginxValue]) -> Iterator[str]:
    """Yield the lines of a location block."""
    if not path.strip() or not _ARGUMENTS.fullmatch(path):
        raise RecipeError(f"{resource}: {path!r} is no path of a location")
    yield f"    location {path} {{"
    yield from directives(resource, values, " " * 8)
    yield "    }"


def addresses(resource: Resource, listen: Sequence[int | str], *, ipv6: bool) -> list[str]:
    """Return the addresses to listen at: a port stands for all of them."""
    found = []
    for one in listen:
        given = _ADDRESS.fullmatch(str(one))
        port = str(one) if str(one).isdigit() else given[1] if given is not None else None
        if given is None and port is None:
            raise RecipeError(
                f"{resource}: {one!r} is no address to listen at",
                hint='a port, "ADDRESS:PORT", "[::1]:PORT", or "unix:/PATH"',
            )
        if port is not None and not 1 <= int(port[:9]) <= 65535:
            raise RecipeError(f"{resource}: {one!r} is no port")
        found.append(str(one))
        if given is None and ipv6:
            found.append(f"[::]:{one}")
    return found


def upstream_server(resource: Resource, address: str, given: UpstreamOptions) -> str:
    """Return the line of a server in an upstream block."""
    at = _SERVER.fullmatch(address)
    if at is None or not 1 <= int((at[1] or "80")[:9]) <= 65535:
        raise RecipeError(
            f"{resource}: {address!r} is no server", hint='"ADDRESS:PORT", or "unix:/PATH"'
        )
    words = [f"    server {address}"]
    for name, value in given.items():
        kind = _PARAMETERS.get(name)
        if kind is None:
            raise RecipeError(
                f"{resource}: {name!r} is no parameter of a server", hint=", ".join(_PARAMETERS)
            )
        if type(value) is not kind or not re.fullmatch(r"\w+", str(value)):
            raise RecipeError(f"{resource}: {address}: {name} is not {value!r}")
        words += [f"{name}={value}"] if kind is not bool else [name] if value else []
    return f"{' '.join(words)};"
