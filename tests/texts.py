"""
Texts that are compared with files, so that one sees in a diff what people will read.

`COOK_GOLDEN=write pytest ...` writes the files anew; look at the diff before it is committed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from difflib import unified_diff
from pathlib import Path
from typing import Any

from cookbook.errors import CookError
from cookbook.planning.step import Step
from cookbook.reports.report import HostReport, Report, report_json
from cookbook.reports.text import render
from cookbook.run.host_run import status_of

FOLDER = Path(__file__).parent / "golden" / "errors"

_OTHER_EACH_TIME = {
    # dpkg-deb may see that dpkg has given up, or not; so many lines of apt are cut before.
    r"(?m)^ +\| dpkg-deb: error: paste subprocess was killed by signal .*\n": "",
    r"(?m)^ +\| large\n": "",
    r"\b\d+\.\d s\b": "N s",
    r"\b\d{8}T\d{6}-[0-9a-f]{4}\b": "RUN",
    r"\b\d{4}-\d\d-\d\dT[\d:.]+Z": "TIME",
    r"(?<=machine-id )[0-9a-f]{32}": "ID",
    r"\b20\d\d-\d\d-\d\d( \d\d:\d\d)?( UTC)?": "DATE",
    r"SHA256:[A-Za-z0-9+/]{43}": "SHA256:FINGERPRINT",
    r"AAAA[A-Za-z0-9+/=]{40,}": "KEY",
    r"(?<=process )\d+": "PID",
    r"(?m)(?<=is held by process PID).*\n(?:.*is held by process.*\n)*": "\n",
    r"(?<=kill -HUP )\d+|(?<=ps --ppid )\d+": "PID",
    r"(?<=SSH protocol banner)\[Errno 104\] Connection reset by peer": "",
    r"(?<=rescue/)[0-9a-f]{12}": "NUMBER",
    r"(?<=\.py:)\d{3,}": "LINE",
    r"(?m)((?:^ +\| (?:E: |Reading package).*\n){1,2}?)\1+": r"\1",
    r"(?<=[ \[/])\d+ k?B\b": "N B",
    r"\.cook-[0-9a-f]{24}": ".cook-NUMBER",
    r"/etc/passwd\.\d+": "/etc/passwd.PID",
    r"crontabs/tmp\.\w+": "crontabs/tmp.XXXXXX",
    r"Reading database \.\.\. \d+ files": "Reading database ... N files",
    r"(/bin/sh: )(eval: line )?\d+: ": r"\1\2N: ",
    r"\[[^\s\]]*?\d+\.py:": "[recipe.py:",
    r"/tmp/pytest-of-\w+/[^\s:]*/": "/tmp/d/",
    r"/tmp/d/\d+\.py": "recipe.py",
    r"\b\w{3} \d\d \d\d:\d\d:\d\d \S+ (\S+)\[\d+\]": r"DATE web1 \1[PID]",
    r"\b10\.78\.\d+\.\d+\b": "192.0.2.1",
}


def check(name: str, text: str, words: Mapping[str, str]) -> None:
    """
    Compare a text with its file; `words` says what stands for what is another each time.

    Raises AssertionError where they differ, or where there is no such file.
    """
    for word, instead in sorted(words.items(), key=lambda pair: -len(pair[0])):
        text = text.replace(word, instead)
    for pattern, instead in _OTHER_EACH_TIME.items():
        text = re.sub(pattern, instead, text)
    path = FOLDER / f"{name}.txt"
    if os.environ.get("COOK_GOLDEN") == "write":
        path.write_text(text)
    assert path.exists(), f"{path} is not there: see {__file__}"
    expected = path.read_text()
    assert text == expected, "\n".join(unified_diff(expected.split("\n"), text.split("\n")))


def check_host(
    name: str,
    steps: Sequence[Step] = (),
    error: BaseException | None = None,
    words: Mapping[str, str] | None = None,
) -> None:
    """Compare what is said of a host of which these steps, or this error, came."""
    assert error is None or isinstance(error, CookError)
    status = "failed" if error is None else status_of(error)
    host = HostReport("web1", status, steps, error=error)
    check(name, render(report_json(Report("", "converge", {"web1": host}))), words or {})


def check_document(
    name: str,
    told: Mapping[str, Any],
    words: Mapping[str, str] | None = None,
    *,
    errors: str = "",
) -> None:
    """
    Compare what is said of the only host in what `--output json` has printed.

    `errors` is what was said meanwhile.
    """
    [host] = told["hosts"].values()
    document: Any = dict(told) | {"hosts": {"web1": host}}
    check(name, errors + render(document), words or {})
