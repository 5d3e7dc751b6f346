"""`cook man FOLDER`: a manual page for cook and for each of its commands."""

from __future__ import annotations

import argparse
from pathlib import Path


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare the options."""
    command.add_argument(
        "folder",
        type=Path,
        metavar="PATH",
        help="where to write them, e.g. ~/.local/share/man/man1; then: man cook-converge",
    )
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from cookbook.errors import UsageError

    try:
        options.folder.mkdir(parents=True, exist_ok=True)
        for name, text in pages().items():
            (options.folder / f"{name}.1").write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"{error.filename}: {error.strerror}") from None
    return 0


def pages() -> dict[str, str]:
    """Return the pages by name, `cook` and `cook-COMMAND`, in the format of man(7)."""
    from argparse_manpage.manpage import Manpage

    from cookbook import __version__
    from cookbook.cli import whole_parser
    from cookbook.cli.command_table import COMMANDS

    parser = whole_parser()
    (below,) = (one for one in parser._actions if isinstance(one, argparse._SubParsersAction))  # noqa: SLF001
    found = {"cook": (parser, "declare the state of hosts, and converge them over SSH")}
    found |= {f"cook-{n}": (below.choices[n], one.does) for n, one in COMMANDS.items()}
    shown = {"project_name": "cook", "version": __version__, "manual_title": "cook", "date": " "}
    written = {}
    for name, (one, does) in found.items():
        page = Manpage(one, {**shown, "description": does})
        page.prog = name
        written[name] = str(page)
    return written
