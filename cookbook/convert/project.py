"""The folder that is written: the recipe, hosts.yml, and what they need."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from cookbook.convert.report import ConvertReport
from cookbook.errors import UsageError
from cookbook.text.python_modules import is_taken

_IGNORED = ".kitchen/\n.venv/\n__pycache__/\n.pytest_cache/\n"


class Folder:
    """A new folder for recipes."""

    def __init__(self, path: Path, report: ConvertReport) -> None:
        self.path = path
        self.report = report

    def check(self) -> None:
        """Raise UsageError if something is there already."""
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise UsageError(
                f"{self.path} exists already",
                hint="choose another folder by -o; nothing was written",
            )

    def write(self, name: str, text: str) -> None:
        """Write a text file; raises UsageError like `copy`."""
        self._put(name, io.BytesIO(text.encode("utf-8", "surrogateescape")))

    def copy(self, name: str, source: Path) -> None:
        """
        Copy a file to a path of this folder.

        Raises UsageError for a path outside of the folder, for one that is written already, and if
        the file cannot be read or written.
        """
        try:
            with source.open("rb") as content:
                self._put(name, content)
        except OSError as error:
            raise UsageError(f"{error.filename}: {error.strerror}") from None

    def _put(self, name: str, content: IO[bytes]) -> None:
        if is_outside(name):
            raise UsageError(f"{name!r} would be outside of {self.path}; it is not written")
        path = self.path / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                shutil.copyfileobj(content, file)
        except FileExistsError:
            raise UsageError(f"{path} would be written twice: two sources have that name") from None
        except OSError as error:
            raise UsageError(f"{error.filename or path}: {error.strerror}") from None
        self.report.written.append(name)

    def finish(self, hosts: str, title: str) -> None:
        """Write hosts.yml, .gitignore and a README with what is left to do."""
        self.write("hosts.yml", hosts)
        self.write(".gitignore", _IGNORED)
        self.write("README.md", readme(title, self.report))


def is_outside(name: str) -> bool:
    """Return whether a relative path leads outside of its folder, or is none."""
    return name.startswith("/") or "\0" in name or ".." in name.split("/")


def module_name(word: str) -> str:
    """Return the name of a recipe for a role or a cookbook: small letters, digits and _."""
    word = re.sub(r"^(ansible[-_]role[-_]|ansible[-_]|chef[-_]|cookbook[-_])", "", word.lower())
    made = re.sub(r"[^a-z0-9_]+", "_", word).strip("_") or "recipe"
    made = f"_{made}" if made[0].isdigit() else made
    return f"{made}_recipe" if is_taken(made) else made


def hosts_file(recipes: Mapping[str, str], variables: Sequence[str]) -> str:
    """
    Return hosts.yml: this machine in a group for each recipe, and the variables as comments.

    `recipes` is group -> recipe.
    """
    lines = [
        "# The hosts, and what differs between them. This machine stands here so that `cook plan`",
        "# works at once; your hosts are reached by SSH:",
        "#",
        "#   web1: {address: 192.0.2.10, user: admin, become: sudo}",
        "",
        "hosts:",
        "  localhost: {transport: local}",
        "",
        "groups:",
    ]
    for group, recipe in recipes.items():
        lines += [f"  {group}:", "    hosts: [localhost]", f"    recipes: [{recipe}]"]
    if variables:
        lines += ["    # vars:   # the defaults are in the recipe; a value here has priority"]
        every = [line for one in variables for line in one.splitlines()]
        lines += [f"    #   {line}".rstrip() for line in every]
    return "\n".join(lines) + "\n"


def readme(title: str, report: ConvertReport) -> str:
    """Return the text of README.md."""
    lines = [
        f"# {title}",
        "",
        f"Converted by `cook convert` from {report.source}:",
        "",
        "```",
        *report.as_text().rstrip("\n").split("\n"),
        "```",
        "",
        "Each `# TODO FILE:LINE` in the recipes names what was not translated, and why.",
        "",
        "```",
        "cook lint --hosts hosts.yml",
        "cook plan --hosts hosts.yml       # what would change; changes nothing",
        "```",
    ]
    return "\n".join(lines) + "\n"
