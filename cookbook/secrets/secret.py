"""Secret: text that is sent but never shown, whatever is made of it."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

from cookbook.text.redaction import REGISTRY

_MADE = threading.Event()
"""Set when the first secret of this process is made."""


class Secret(str):
    """
    Text that is sent but never shown: not in a log, a diff, a repr or a plan.

    What is made of it by its own methods is secret, too. To make one makes its text known
    to cookbook.text.redaction, which finds it where a type cannot go: in an f-string, or in what
    `str` makes of it, by which others (pathlib) get bare text.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Make it, and make it known."""
        _MADE.set()
        REGISTRY.add(str.__str__(text))
        return str.__new__(cls, text)

    def __repr__(self) -> str:
        return "Secret(***)"

    def __radd__(self, before: str) -> str:
        return tainted(before + in_the_clear(self))

    def __rmod__(self, template: str) -> str:
        return tainted(template % in_the_clear(self))

    def __iter__(self) -> Iterator[str]:
        return map(tainted, in_the_clear(self))


class SecretBytes(bytes):
    """The bytes of an encoded Secret."""

    __slots__ = ()

    def __new__(cls, data: bytes) -> Self:
        """Make it."""
        _MADE.set()
        return bytes.__new__(cls, data)

    def __repr__(self) -> str:
        return "SecretBytes(***)"

    def __radd__(self, before: bytes) -> bytes:
        return SecretBytes(before + bytes(self))


def tainted(text: str) -> Secret:
    """
    Text with something secret in it, which is not secret as such: a file with a password.

    It is a Secret, but not known to the registry.
    """
    _MADE.set()
    return str.__new__(Secret, text)


def in_the_clear(text: str) -> str:
    """Return the text of a Secret as plain text, for sending."""
    return str.__str__(text)


def _made_of(source: str | bytes, value: Any) -> Any:
    """Return the result of an operation on a secret as a secret, in lists and tuples, too."""
    match value:
        case Secret() | SecretBytes():
            return value
        case str():
            return Secret(value) if _tells_anew(source, value) else tainted(value)
        case bytes():
            return SecretBytes(value)
        case list() | tuple():
            return type(value)(_made_of(source, item) for item in value)
        case _:
            return value


def _tells_anew(source: str | bytes, made: str) -> bool:
    """
    Return whether a derived value must be redacted by itself.

    A secret in upper case, or half of it, must be. A word of a file that contains a secret is not.
    """
    whole = source if isinstance(source, str) else bytes.decode(source, "utf-8", "replace")
    return len(made) >= _TELLING and REGISTRY.has(whole) and not REGISTRY.knows(made)


_TELLING = 8
"""Characters of a piece of a secret that is one."""


def _keeping_secret(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return _made_of(self, original(self, *args, **kwargs))

    return method


_MADE_OF_TEXT = """
    __add__ __mod__ __mul__ __rmul__ __getitem__ __format__ capitalize casefold center encode
    expandtabs format format_map join ljust lower lstrip partition removeprefix removesuffix
    replace rjust rpartition rsplit rstrip split splitlines strip swapcase title translate upper
    zfill
"""
_MADE_OF_BYTES = """
    __add__ __mod__ __mul__ __rmul__ __getitem__ decode hex join lower lstrip partition
    removeprefix removesuffix replace rpartition rsplit rstrip split splitlines strip upper
"""

for _name in _MADE_OF_TEXT.split():
    setattr(Secret, _name, _keeping_secret(getattr(str, _name)))
for _name in _MADE_OF_BYTES.split():
    setattr(SecretBytes, _name, _keeping_secret(getattr(bytes, _name)))


def is_any_made() -> bool:
    """Return whether this process has made a secret: without one, no value holds one."""
    return _MADE.is_set()


_BARE = frozenset({type(None), bool, int, float})


def holds_secret(value: object) -> bool:
    """Return whether a value is a Secret, or contains one, also in an f-string."""
    # A record of a run asks this of each value there is: the most frequent answers first.
    if (kind := type(value)) in _BARE or not _MADE.is_set():
        return False
    if kind is str:
        return REGISTRY.knows(value)  # type: ignore[arg-type]  # it is one
    if type(value) is list or type(value) is tuple:
        return any(map(holds_secret, value))
    if type(value) is dict:
        return any(holds_secret(k) or holds_secret(v) for k, v in value.items())
    match value:
        case Secret() | SecretBytes():
            return True
        case str():
            return REGISTRY.knows(value)
        case bytes():
            return REGISTRY.knows_bytes(value)
        case Mapping():
            return any(holds_secret(item) for pair in value.items() for item in pair)
        case list() | tuple() | set() | frozenset():
            return any(map(holds_secret, value))
        case _:
            return False


def found_secret(value: Any) -> Any:
    """
    Return the value; text that contains a known secret becomes a Secret.

    The identical value is returned if there is none.
    """
    if not REGISTRY or not holds_secret(value):
        return value
    match value:
        case Secret() | SecretBytes():
            return value
        case str():
            return tainted(value)
        case bytes():
            return SecretBytes(value)
        case Mapping():
            return {found_secret(key): found_secret(item) for key, item in value.items()}
        case list() | tuple():
            return type(value)(map(found_secret, value))
        case _:
            return value
