"""Profiles, and the documents that come of them, for the tests of audits."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from cookbook.cli import main

TODAY = date(2026, 6, 1)
"""The day of all audits of these tests."""

HOSTS = """\
defaults: {transport: local}
hosts: {web1: {vars: {web: true}}, web2: {vars: {web: true}}, db1: {}}
groups: {web: {hosts: [web1, web2]}}
"""

HEAD = "from cookbook.audit import check, control\nfrom cookbook.recipe import *\n"


class Said(NamedTuple):
    """The end of a command."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The document that it has printed."""
        document: dict[str, Any] = json.loads(self.out)
        return document

    def results(self) -> dict[str, dict[str, str]]:
        """Control -> host -> status."""
        return {
            control["id"]: {host: one["status"] for host, one in control["hosts"].items()}
            for control in self.document["controls"]
        }

    def reasons(self, control: str, host: str) -> list[str]:
        """The reasons of one result."""
        [found] = [one for one in self.document["controls"] if one["id"] == control]
        reasons: list[str] = found["hosts"][host]["reasons"]
        return reasons


def write_profile(folder: Path, text: str, **more: str) -> Path:
    """Write a profile with one module, and files besides; `__` in their names is a dot."""
    folder.mkdir(exist_ok=True)
    (folder / "checks.py").write_text(HEAD + text)
    for name, content in more.items():
        (folder / name.replace("__", ".")).write_text(content)
    return folder


def cook(*words: str) -> Said:
    """Run the command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main(words)
        except SystemExit as error:
            status = int(error.code or 0)
    return Said(status, out.getvalue(), err.getvalue())


def audit(folder: Path, *words: str, output: str = "json") -> Said:
    """Audit the hosts of hosts.yml in the current folder."""
    fixed: Sequence[str] = ("--hosts", "hosts.yml", "--output", output)
    return cook("audit", str(folder), *fixed, *words)
