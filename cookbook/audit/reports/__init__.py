"""
The reports of an audit, in several formats.

Each format is a module with `render(document) -> str`, imported when it is requested.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from cookbook.audit.document import AuditDocument
from cookbook.reports import format_of, write_report

AUDIT_FORMATS: Mapping[str, str] = {
    "text": ".txt",
    "json": ".json",
    "junit": ".xml",
    "sarif": ".sarif",
    "markdown": ".md",
    "html": ".html",
}
"""The formats, with the suffixes of their files."""

_MODULES = {"json": "json_document", "html": "html_page"}

_SUFFIXES = {suffix: name for name, suffix in AUDIT_FORMATS.items()}


def render_audit(document: AuditDocument, form: str) -> str:
    """Return the report in one of the formats."""
    module = importlib.import_module(f"{__name__}.{_MODULES.get(form, form)}")
    text: str = module.render(document)
    return text


def check_audit_reports(paths: Iterable[Path]) -> None:
    """Raise UsageError for a file in no known format, or in no folder: before any host is asked."""
    for path in paths:
        format_of(path, _SUFFIXES)


def write_audit_reports(document: AuditDocument, paths: Iterable[Path]) -> None:
    """Write each report in the format of its suffix, with mode 0600. Raises ReportError."""
    for path in paths:
        write_report(render_audit(document, format_of(path, _SUFFIXES)), path)
