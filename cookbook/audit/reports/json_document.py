"""The document as JSON; cookbook.audit.document describes it."""

from __future__ import annotations

from cookbook.audit.document import AuditDocument
from cookbook.text.sanitize import json_text


def render(document: AuditDocument) -> str:
    """Return the document."""
    return json_text(document) + "\n"
