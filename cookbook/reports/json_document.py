"""The document itself, as JSON."""

from __future__ import annotations

from cookbook.reports.schema import Document
from cookbook.text.sanitize import json_text


def render(document: Document) -> str:
    """The same values as `--output json` prints; what is no text (PEP 383) is escaped."""
    return json_text(document) + "\n"
