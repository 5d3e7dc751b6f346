"""The transports `docker` and `podman`: a shell in a running container, by `exec` of the engine."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from typing import NoReturn

from cookbook.errors import PrivilegeError, Unreachable
from cookbook.script.program import last_lines
from cookbook.transport.contract import Interrupted, TooSlow
from cookbook.transport.pipes import CHUNK, PipeShell

_PATIENCE = 1.0
"""Seconds for the end of an engine that has closed its input."""


class ContainerTransport(PipeShell):
    """A persistent shell in a container, by `docker exec -i NAME sh`."""

    def __init__(self, engine: str, container: str, user: str | None) -> None:
        """
        Start the shell as a user of the container; None: the one that the container runs as.

        Raises Unreachable if the engine is not installed here.
        """
        words = [engine, "exec", "-i", *(("-u", user) if user else ()), container, "sh"]
        try:
            super().__init__(words)
        except PrivilegeError as error:
            raise Unreachable(str(error), hint=f"install the command {engine}") from None
        self._engine, self._container = engine, container

    def _not_started(self, error: Interrupted | TooSlow, said: str) -> NoReturn:
        said = said or self._last_words()
        raise Unreachable(
            f"{self._engine} started no shell in {self._container}: {said or 'it said nothing'}",
            hint=f"does it run, and does it have sh? `{self._engine} ps` lists the containers",
        ) from error

    def _last_words(self) -> str:
        """Return what the engine has said by its end, which may be seen before its words are."""
        with suppress(subprocess.TimeoutExpired, OSError):
            self._process.wait(_PATIENCE)
            return last_lines(os.read(self._pipes[2].fileno(), CHUNK))
        return ""
