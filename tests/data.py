"""Data of tests, in files of YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

# The loader in C is ten times as fast, and each worker of xdist reads all cases. PyYAML can be
# built without it.
try:
    from yaml import CSafeLoader as SafeLoader
except ImportError:
    from yaml import SafeLoader  # type: ignore[assignment]  # the same methods

__all__ = ["SafeLoader", "from_yaml", "read_yaml"]


def from_yaml(text: str) -> Any:
    """Return the value of a text of YAML."""
    return yaml.load(text, SafeLoader)


def read_yaml(path: Path) -> Any:
    """Return the value of a file of YAML."""
    return from_yaml(path.read_text("utf-8"))
