"""The origin of a run: operator, time, machine, command line and revision."""

from __future__ import annotations

import functools
import getpass
import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_PRIVATE = re.compile(r"(?i)pass|secret|token|key|credential")
_URL_PASSWORD = re.compile(r"(?<=://)([^/@:]*):[^@]*@")
_ASKED_PASSWORD = re.compile(r"(?<=[?&]password=)[^&]*")
_GIT_TIMEOUT = 10.0


@dataclass(frozen=True)
class Origin:
    """The facts about a run before it begins."""

    started: str = field(default_factory=lambda: stamp(time.time()))
    by: str = field(default_factory=lambda: f"{getpass.getuser()}@{os.uname().nodename}")
    origin: str | None = field(default_factory=lambda: _came_from(os.environ))
    command: Sequence[str] = field(default_factory=lambda: redacted(sys.argv))
    folder: Path | None = None
    """The folder of the recipes, whose revision is read."""
    known_as: str | None = None
    """Their revision, if it is known already: that of a saved plan, or of files without git."""

    @functools.cached_property
    def _asked(self) -> subprocess.Popen[str] | None:
        """Return the process of git, which runs while the hosts are asked."""
        if self.folder is None or self.known_as is not None:
            return None
        words = ["git", "-C", str(self.folder), "describe", "--always", "--dirty", "--abbrev=40"]
        try:
            return subprocess.Popen(
                words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
        except OSError:
            return None

    def begin(self) -> None:
        """Ask git, without waiting for it."""
        _ = self._asked

    @property
    def known(self) -> bool:
        """Return True if the revision is known without waiting."""
        return self._asked is None or self._asked.poll() is not None

    @functools.cached_property
    def revision(self) -> str | None:
        """Git's revision of the recipes, `-dirty` if something was not committed."""
        if self._asked is None:
            return self.known_as
        try:
            said, _ = self._asked.communicate(timeout=_GIT_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._asked.kill()
            self._asked.communicate()
            return None
        return said.strip() or None


def stamp(seconds: float) -> str:
    """
    Return a time as ISO 8601 in UTC, to the millisecond: it sorts as text.

    >>> stamp(0)
    '1970-01-01T00:00:00.000Z'
    """
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1000):03d}Z"


def is_private(name: str) -> bool:
    """Return True if a variable of this name probably holds a secret."""
    return _PRIVATE.search(name) is not None


def digests(paths: Iterable[Path]) -> dict[str, str]:
    """
    Path, from the current directory if it is below -> SHA-256 of each file.

    One that cannot be read any more, or is a pipe, is left out.
    """
    folder = os.getcwd()
    below = "" if folder == "/" else f"{folder}/"
    shown = {str(path).removeprefix(below): path for path in paths}
    return {name: _digest(path) for name, path in sorted(shown.items()) if path.is_file()}


def _digest(path: Path) -> str:
    """Return the SHA-256 of a file, which may be larger than the memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def redacted(words: Sequence[str]) -> list[str]:
    """
    Return a command line without secrets: values of --set with such a name, passwords in URLs.

    >>> redacted(["/usr/bin/cook", "plan", "a.py", "--set", "db_password=x", "--set", "n=1"])
    ['cook', 'plan', 'a.py', '--set', 'db_password=***', '--set', 'n=1']
    """
    name = os.path.basename(words[0]) if words else "cook"  # noqa: PTH119 - a name
    shown = ["cook" if name == "__main__.py" else name, *words[1:]]
    hidden = (_URL_PASSWORD.sub(r"\1:***@", _without_value(word)) for word in shown)
    return [_ASKED_PASSWORD.sub("***", word) for word in hidden]


def _without_value(word: str) -> str:
    key, equals, value = word.removeprefix("--set=").partition("=")
    # A mapping may have a private key inside: `--set 'db={password: x}'`.
    asked = word if value.lstrip().startswith(("{", "[")) else key
    if equals and key.isidentifier() and _PRIVATE.search(asked):
        return word.removesuffix(value) + "***"
    return word


def _came_from(environment: Mapping[str, str]) -> str | None:
    return environment.get("SSH_CONNECTION", "").split(" ")[0] or None
