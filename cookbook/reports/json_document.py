"""The document itself, as JSON."""

from __future__ import annotations

import json

from cookbook.document import Document

_ESCAPED = {n: f"\\u{n:04x}" for n in range(127, 160)}
"""JSON may have these as they are; a terminal would obey them."""


def render(document: Document) -> str:
    """The same values as `--output json` prints; what is no text (PEP 383) is escaped."""
    text = json.dumps(document, indent=2, ensure_ascii=False).translate(_ESCAPED)
    return text.encode("utf-8", "backslashreplace").decode() + "\n"
