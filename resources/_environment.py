"""Variables of an environment, written as systemd.exec(5) reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cookbook.errors import RecipeError
from cookbook.provider import Resource

Variables = Mapping[str, str | int]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLAIN = re.compile(r"[A-Za-z0-9_@%+:,./=-]*")
"""A value that every reader takes as it is, without quotes."""

_LONGEST = 131_072
"""Bytes that execve(2) of Linux takes for one variable, with its name and a NUL."""


def check_variables(resource: Resource, variables: Variables) -> None:
    """Raise RecipeError for a name or a value that systemd(1) would not pass on."""
    for name, value in variables.items():
        text = str(value)
        if not _NAME.fullmatch(name):
            hint = "letters, digits and _, and no digit first"
            raise RecipeError(f"{resource}: {name!r} cannot be the name of a variable", hint=hint)
        # systemd(1) drops such a value with a warning in the journal, and goes on without it.
        if (bad := re.search(r"[^\t\n\x20-\x7e\x80-\U0010ffff]|[\ud800-\udfff]", text)) is not None:
            raise RecipeError(
                f"{resource}: the value of {name} has the character {ord(bad[0]):#x} in it",
                hint="systemd takes text in UTF-8 with tabs and newlines; base64 takes any bytes",
            )
        if len(f"{name}={text}".encode()) >= _LONGEST:
            raise RecipeError(
                f"{resource}: {name} is longer than a variable may be ({_LONGEST} bytes)",
                hint="put the value into a file, and its path into the variable",
            )


def env_text(variables: Variables) -> str:
    r"""
    Return the text of a file for EnvironmentFile= of systemd.exec(5).

    Nothing in a value is expanded, by systemd(1) or by a shell that reads the file.

    >>> env_text({"PORT": 8000, "KEY": 'a "b" $c', "TEXT": "two\nlines"})
    'PORT=8000\nKEY="a \\"b\\" \\$c"\nTEXT="two\nlines"\n'
    """
    return "".join(f"{name}={_quoted(str(value))}\n" for name, value in variables.items())


def _quoted(value: str) -> str:
    """Return a value in double quotes, if it needs them."""
    # In double quotes a backslash stands for itself, except before these four and a newline.
    return value if _PLAIN.fullmatch(value) else '"' + re.sub(r'(["\\`$])', r"\\\1", value) + '"'
