"""
Texts that are compared with files, so that one sees in a diff what people will read.

`COOK_GOLDEN=write pytest ...` writes the files anew; look at the diff before it is committed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).parent / "golden" / "errors"

_OTHER_EACH_TIME = {
    r"\b\d+\.\d s\b": "N s",
    r"\b\d{8}T\d{6}-[0-9a-f]{4}\b": "RUN",
    r"\b\d{4}-\d\d-\d\dT[\d:.]+Z": "TIME",
    r"SHA256:[A-Za-z0-9+/]{43}": "SHA256:FINGERPRINT",
    r"AAAA[A-Za-z0-9+/=]{40,}": "KEY",
    r"(?<=process )\d+": "PID",
    r"(?m)(?<=is held by process PID).*\n(?:.*is held by process.*\n)*": "\n",
    r"(?<=rescue/)[0-9a-f]{12}": "NUMBER",
    r"(?<=\.py:)\d{3,}": "LINE",
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
    assert text == path.read_text()
