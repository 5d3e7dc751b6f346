"""
The reports of a run, in several formats.

Each format is a module with `render(document) -> str`, imported when it is requested. A document is
all it needs, so a run from the history can be rendered as well.
"""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Iterable
from pathlib import Path

from cookbook.errors import ReportError, UsageError
from cookbook.reports.schema import Document

FORMATS = {
    "text": "cookbook.reports.text",
    "json": "cookbook.reports.json_document",
    "junit": "cookbook.reports.junit",
    "sarif": "cookbook.reports.sarif",
    "markdown": "cookbook.reports.markdown",
    "html": "cookbook.reports.html_page",
}

ENDINGS = {
    ".txt": "text",
    ".json": "json",
    ".xml": "junit",
    ".sarif": "sarif",
    ".md": "markdown",
    ".html": "html",
}


def render(document: Document, form: str) -> str:
    """Return the report in one of FORMATS."""
    module = importlib.import_module(FORMATS[form])
    text: str = module.render(document)
    return text


def format_of(path: Path) -> str:
    """
    Return the format for a file's suffix.

    Raises UsageError for an unknown suffix, or a missing folder: before a run, not after it.
    """
    if (form := ENDINGS.get(path.suffix.lower())) is None:
        hint = f"its ending says the format: {', '.join(ENDINGS)}"
        raise UsageError(f"--report {path}: what format is that?", hint=hint)
    if not path.parent.is_dir():
        raise UsageError(f"--report {path}: there is no folder {path.parent}")
    if path.is_dir():
        raise UsageError(f"--report {path}: that is a folder")
    return form


def write_reports(document: Document, paths: Iterable[Path]) -> None:
    """
    Write each report in the format of its ending, readable by its owner only (mode 0600).

    A file is replaced at once: a reader meanwhile sees the old one.

    Raises ReportError where a file cannot be written: the run itself is over, and is what it was.
    """
    for path in paths:
        text = render(document, format_of(path))
        try:
            _replace(path, text)
        except OSError as error:
            raise ReportError(f"--report {path}: {error.strerror or error}") from None


def _replace(path: Path, text: str) -> None:
    import tempfile  # a run without reports needs it not

    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
