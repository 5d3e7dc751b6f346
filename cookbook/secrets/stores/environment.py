"""
Secrets from the environment, taken out of it before any other process can inherit them.

What a process was started with stays to be seen in its /proc/PID/environ, by its own
user and by root; so this is for CI, which has nothing better.
"""

from __future__ import annotations

import os
import re

PREFIX = "COOK_SECRET_"

_taken: dict[str, str] = {}


def take() -> None:
    """Remove the variables from the environment and keep their values."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        _taken[name] = os.environ.pop(name)


def taken() -> dict[str, str]:
    """Return the variables that were removed, for another process of cook."""
    take()
    return dict(_taken)


def variable(name: str) -> str:
    """
    Return the name of the variable for a secret.

    >>> variable("db/password")
    'COOK_SECRET_DB_PASSWORD'
    """
    return PREFIX + re.sub(r"[^A-Za-z0-9]", "_", name).upper()


def get(name: str) -> str | None:
    """Return the secret; None if there is no such variable."""
    take()
    return _taken.get(variable(name))
