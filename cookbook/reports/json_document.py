"""The document itself, as JSON."""

from __future__ import annotations

from cookbook.reports.schema import Document
from cookbook.text.sanitize import json_text


def render(document: Document) -> str:
    """Return the values of `--output json`; bytes that are no text (PEP 383) are escaped."""
    return json_text(document) + "\n"
