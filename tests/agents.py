"""An ssh-agent(1) that a test starts and ends."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NO_AGENT = 2  # exit status of ssh-add(1) that cannot contact the agent


@contextmanager
def running_agent(socket: Path, *options: str | Path) -> Iterator[Path]:
    """Start an agent on the socket; wait until it answers: the socket exists before it listens."""
    process = subprocess.Popen(
        ["ssh-agent", "-D", *options, "-a", socket], stdout=subprocess.DEVNULL
    )
    env = {**os.environ, "SSH_AUTH_SOCK": str(socket)}
    try:
        until = time.monotonic() + 30
        while (
            subprocess.run(["ssh-add", "-l"], env=env, check=False, capture_output=True).returncode
            == _NO_AGENT
        ):
            assert time.monotonic() < until, "ssh-agent does not answer"
            time.sleep(0.02)
        yield socket
    finally:
        process.terminate()
        process.wait()
