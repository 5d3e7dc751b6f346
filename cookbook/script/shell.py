"""Shell commands as values, built from templates in which every value is quoted."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import LiteralString

from cookbook.secrets.secret import Secret, SecretBytes, in_the_clear

__all__ = [
    "ENCODING",
    "Command",
    "Content",
    "Secret",
    "define_contents",
    "join",
    "options",
    "printing",
    "script",
    "sh",
]

ENCODING = "utf-8"
"""The encoding of text from and for a host; other bytes are kept as surrogates (PEP 383)."""

_BRIEF = 300
"""The maximum number of characters of a command in an error."""


class Content(str):
    """
    The digest of bytes that a command reads with `content DIGEST`.

    The bytes are sent separately, once for all commands that read them, or are in the
    stash. So a command stays short enough to be shown.
    """

    __slots__ = ()

    @classmethod
    def of(cls, data: bytes) -> Content:
        """Return the SHA-256 of these bytes."""
        return cls(hashlib.sha256(data).hexdigest())


@dataclass(frozen=True, slots=True)
class Command:
    """A piece of POSIX shell: `text` is sent, `shown` is the text for messages, without secrets."""

    text: str
    shown: str
    contents: frozenset[str] = frozenset()
    """Digests of the bytes it reads with `content`."""

    called: str = field(default="", compare=False)
    """A short description for errors, if the text is too long; else empty."""

    def __str__(self) -> str:
        return self.shown

    def __repr__(self) -> str:
        return f"Command({self.shown!r})"

    def __bool__(self) -> bool:
        return bool(self.text)

    @property
    def brief(self) -> str:
        """
        A short text for errors: `called`, else the beginning of `shown`.

        The parentheses around the command of a recipe are left out.
        """
        text = self.called or self.shown.removeprefix("(\n").removesuffix("\n)")
        return text if len(text) <= _BRIEF else f"{text[:_BRIEF].rstrip()} [...]"


def sh(template: LiteralString, *values: object) -> Command:
    """
    Fill the holes `{}` of a shell template with quoted values.

    >>> print(sh("getent group {}", "www; reboot"))
    getent group 'www; reboot'

    A sequence becomes several words, a `Command` is inserted unchanged (an empty
    one removes the space before it), and a `Secret` is masked in `shown`:

    >>> print(sh("useradd {} {}", options(uid=None), ["a b", "c"]))
    useradd 'a b' c
    >>> print(sh("printf %s {} | chpasswd", Secret("app:hunter2")))
    printf %s *** | chpasswd

    Raises ValueError if the numbers of holes and values differ, or a value has a NUL,
    which no shell word can contain.
    """
    pieces = template.split("{}")
    if len(pieces) != len(values) + 1:
        raise ValueError(f"{len(pieces) - 1} holes for {len(values)} values in {template!r}")
    return Command(
        _fill(pieces, map(_quoted, values)),
        _fill(pieces, map(_masked, values)),
        frozenset(_contents(values)),
    )


def options(**values: object) -> Command:
    """
    Return long options for the values that are neither None nor False.

    >>> print(options(gid=33, system=True, non_unique=False, comment=None))
    --gid 33 --system
    """
    words = [
        sh("{}", flag) if value is True else sh("{} {}", flag, value)
        for flag, value in ((f"--{name.replace('_', '-')}", v) for name, v in values.items())
        if value is not None and value is not False
    ]
    return join(words, " ")


def join(commands: Sequence[Command], between: LiteralString = "; ") -> Command:
    """Join several commands into one."""
    return Command(
        between.join(command.text for command in commands),
        between.join(command.shown for command in commands),
        frozenset().union(*(command.contents for command in commands)),
    )


def script(text: str) -> Command:
    """Return shell text of a recipe, e.g. a guard, as a command; a Secret is not shown."""
    if isinstance(text, Secret):
        return Command(in_the_clear(text), "***")
    return Command(text, text)


def define_contents(contents: Mapping[str, bytes]) -> str:
    """Return the shell function `content DIGEST`, which prints exactly these bytes or an entry."""
    cases = "".join(f"{d}) {printing(data).text} ;;\n" for d, data in contents.items())
    kept = (
        'cook_loose=; cook_sent=$cook_stage/$1; [ -e "$cook_sent" ] ||'
        ' { cook_loose=1 cook_sent=$cook_home/stash/$1; }; cat -- "$cook_sent"'
    )
    return f"content() {{ case $1 in\n{cases}*) {kept} ;;\nesac; }}\n"


def printing(data: bytes) -> Command:
    """
    Return a command that prints exactly these bytes.

    `printf` is a builtin, so this needs no process; only bytes with a NUL need base64(1).
    """
    shown = f"printf %s <{len(data)} bytes>"
    if b"\0" not in data:
        return Command(
            f"printf %s {_quote(bytes.decode(data, ENCODING, 'surrogateescape'))}", shown
        )
    import base64  # rare: binary files only

    return Command(f"printf %s {base64.b64encode(data).decode()} | base64 -d", shown)


def _fill(pieces: Sequence[str], values: Iterator[str]) -> str:
    text = pieces[0]
    for value, piece in zip(values, pieces[1:], strict=True):
        text += value
        text += piece.removeprefix(" ") if not value and (not text or text[-1] == " ") else piece
    return text.rstrip(" ") if text.endswith(" ") and not pieces[-1] else text


def _quoted(value: object) -> str:
    match value:
        case Command():
            return value.text
        case bytes():
            return _quote(bytes.decode(value, ENCODING, "surrogateescape"))
        case list() | tuple():
            return " ".join(map(_quoted, value))
        case _:
            return _quote(in_the_clear(str(value)))


def _masked(value: object) -> str:
    match value:
        case Command():
            return value.shown
        case Secret() | SecretBytes():
            return "***"
        case Content():
            return "<data>"  # the digest of a short secret is as good as the secret
        case list() | tuple():
            return " ".join(map(_masked, value))
        case _:
            return _quoted(value)


def _quote(word: str) -> str:
    if "\0" in word:
        raise ValueError("a NUL cannot be part of a shell word")
    return shlex.quote(word)


def _contents(values: Sequence[object]) -> Iterator[str]:
    for value in values:
        if isinstance(value, Content):
            yield str(value)
        elif isinstance(value, Command):
            yield from value.contents
