"""Canaries: secrets that are planted everywhere, and looked for everywhere else."""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from cookbook.secrets.stores.document import NAME, SecretsFile

ROOT = Path(__file__).parents[1]

Needles = dict[str, list[bytes]]
"""What each canary is called -> what it looks like."""


def canary(*, tame: bool = False) -> str:
    """A new secret; a tame one has only letters and digits."""
    return f"cnry{secrets.token_hex(8)}" if tame else f"cnry+{secrets.token_hex(8)}/ '$é\"{{"


def needles(values: Mapping[str, str]) -> Needles:
    """Each in the clear, in base64 (wherever it stands in a longer text), and in a URL."""
    return {name: [*_needles(value.strip())] for name, value in values.items()}


def _needles(value: str) -> Iterator[bytes]:
    data = value.encode()
    yield data
    yield data[4:22]  # the random part, however the rest is quoted
    yield quote(value, safe="").encode()
    for before in range(3):
        encoded = base64.b64encode(b"x" * before + data)
        yield encoded[4:24]


def hits(data: bytes, wanted: Needles) -> list[str]:
    """The names of the canaries that are in some bytes."""
    return [name for name, forms in wanted.items() if any(form in data for form in forms)]


def swept(folders: Iterable[Path], wanted: Needles) -> dict[str, list[str]]:
    """Each file in the folders that has a canary in its text or its name, and which."""
    found = {}
    for folder in folders:
        for path in [p for p in folder.rglob("*") if p.is_file() and not p.is_symlink()]:
            if named := hits(bytes(path) + b"\n" + path.read_bytes(), wanted):
                found[str(path)] = named
    return found


@dataclass
class Sampler:
    """Reads the arguments and the environment of every process, again and again."""

    wanted: Needles
    found: dict[str, list[str]] = field(default_factory=dict)
    rounds: int = 0

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Until the block is left, and once more."""
        done = threading.Event()
        thread = threading.Thread(target=self._watch, args=(done,))
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _watch(self, done: threading.Event) -> None:
        while not done.wait(0.003):  # two cores are shared with those who are watched
            self.look()

    def look(self) -> None:
        """At all processes of this machine; those of containers are among them."""
        self.rounds += 1
        for pid in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 - fast
            for name in ("cmdline", "environ"):
                with contextlib.suppress(OSError), open(f"/proc/{pid}/{name}", "rb") as file:  # noqa: PTH123 - fast
                    data = file.read()
                    if named := hits(data, self.wanted):
                        self.found[f"{name}: {data[:80]!r}"] = named


@dataclass
class Cook:
    """The command, in processes of its own, with a user's folders of its own."""

    folder: Path
    said: list[bytes] = field(default_factory=list)
    """All that it has said, on both streams."""

    def __post_init__(self) -> None:
        for name in ("user", "tmp", "managed"):
            (self.folder / name).mkdir()

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of it is in the folders of who runs the tests."""
        user = self.folder / "user"
        places = {"HOME": user, "XDG_CONFIG_HOME": user / "config", "COOK_STATE": user / "state"}
        places |= {"COOK_HOME": user / "cook", "TMPDIR": self.folder / "tmp", "PYTHONPATH": ROOT}
        return os.environ | {name: str(path) for name, path in places.items()}

    def __call__(self, *words: str, given: str = "", secret: bool = False) -> int:
        """Run it; what is `secret` may be told."""
        done = subprocess.run(
            [sys.executable, "-m", "cookbook.cli", *words],
            input=given.encode(),
            capture_output=True,
            check=False,
            cwd=self.folder,
            env=self.environment,
        )
        if not secret:
            self.said += [" ".join(words).encode(), done.stdout, done.stderr]
        return done.returncode

    def keep(self, values: Mapping[str, str]) -> None:
        """Put secrets into the store: the first by the command, the others faster."""
        assert self("secret", "init") == 0
        first, *others = values
        assert self("secret", "set", first, given=values[first]) == 0
        assert self("secret", "view", first, secret=True) == 0
        file = SecretsFile.read(self.folder / NAME)
        for name in others:
            file = file.having(name, values[name])
        file.write()
