"""Paths as `ssh -G` prints them: some as they were written, some in a row without quotes."""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Callable, Sequence
from pathlib import Path


def split(text: str) -> list[str]:
    """Paths that ssh prints in a row, without quotes: a new one starts where a root does."""
    if not text.startswith("/"):
        return text.split()
    return re.split(r"(?<! ) +(?=/)", text)


def paths(files: Sequence[str], expand: Callable[[str], str]) -> tuple[Path, ...]:
    """Those that are named; `none` is no path."""
    return tuple(path_of(file, expand) for file in files if file.lower() != "none")


def path_of(text: str, expand: Callable[[str], str]) -> Path:
    """With the tilde, the variables and the tokens that ssh -G leaves as they are written."""
    named = re.match(r"~([^/]*)(/|$)", text)
    if named is not None:
        text = f"{_home_of(named[1])}{text[named.end(1) :]}"
    text = re.sub(r"\$\{(\w+)\}", lambda found: os.environ.get(found[1], ""), text)
    return Path(expand(text))


def home() -> Path:
    """Return the home of the user as ssh(1) reads it: without $HOME."""
    return Path(_home_of(""))


def _home_of(user: str) -> str:
    try:
        return (pwd.getpwnam(user) if user else pwd.getpwuid(os.getuid())).pw_dir
    except (KeyError, ValueError):  # no account can have that name
        return f"~{user}"
