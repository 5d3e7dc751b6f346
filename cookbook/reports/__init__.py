"""
The reports of a run, in several formats.

Each format is a module with `render(document) -> str`, imported when it is requested. A document is
all it needs, so a run from the history can be rendered as well.
"""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from cookbook.errors import ReportError, UsageError, no_plugins
from cookbook.reports.schema import Document


class Formats:
    """The report formats of this process."""

    registered: Callable[[], Mapping[str, tuple[str, str]]] = staticmethod(no_plugins)
    """Returns what is registered by the hook; set when `cookbook.plugins.manager` is imported."""

    @property
    def all(self) -> Mapping[str, tuple[str, str]]:
        """All formats: name -> suffix of its files, and the module with its `render`."""
        return self.registered()

    @property
    def suffixes(self) -> Mapping[str, str]:
        """The suffixes of files -> the names of their formats."""
        return {suffix: name for name, (suffix, _) in self.all.items()}


FORMATS = Formats()


def render(document: Document, form: str) -> str:
    """Return the report in one of the formats. Raises UsageError if it cannot be loaded."""
    try:
        module = importlib.import_module(FORMATS.all[form][1])
    except ImportError as error:
        raise UsageError(f"the report format {form!r} cannot be loaded: {error}") from error
    text: str = module.render(document)
    return text


def format_of(path: Path, suffixes: Mapping[str, str] | None = None) -> str:
    """
    Return the format for a file's suffix; `suffixes` are those of reports that are not of a run.

    Raises UsageError for an unknown suffix, or a missing folder: before a run, not after it.
    """
    if suffixes is None:
        suffixes = FORMATS.suffixes
    if (form := suffixes.get(path.suffix.lower())) is None:
        hint = f"its ending says the format: {', '.join(suffixes)}"
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
        write_report(render(document, format_of(path)), path)


def write_report(text: str, path: Path, option: str = "--report") -> None:
    """Write the text of one report that an option asks for; see `write_reports`."""
    try:
        _replace(path, text)
    except OSError as error:
        raise ReportError(f"{option} {path}: {error.strerror or error}") from None


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
