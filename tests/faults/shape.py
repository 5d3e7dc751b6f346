"""Hosts put into a bad shape, by other means than ours, and what is then said of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from cookbook.kitchen import KitchenHost
from cookbook.planning.step import Step
from tests.texts import check_host

Converge = Callable[..., list[Step]]


def do(host: KitchenHost, script: str, timeout: float = 300.0) -> str:
    """Do something on the host; it has to succeed."""
    done = host.run(script, timeout=timeout)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def failed(step: Step, text: str | None = None) -> str:
    """
    What is said of a step that has failed: a cause, what happened, the next step.

    `text` names the golden text that a report of it has to be.
    """
    assert step.status == "failed", step
    assert step.error is not None
    assert step.error.hint, step.error
    if text is not None:
        check_host(text, [step])
    error = step.error
    output = error.failed.output if error.failed else ""
    said = [error.cause, str(error), output, f"next: {error.hint}"]
    return "\n".join(filter(None, said))


@contextmanager
def mounted(host: KitchenHost, path: str, options: str, kind: str = "tmpfs") -> Iterator[None]:
    """Something else than usual at a path, for a while."""
    do(host, f"mkdir -p {path} && mount -t {kind} -o {options} none {path}")
    try:
        yield
    finally:
        do(host, f"umount -l {path}")


@contextmanager
def undone(host: KitchenHost, script: str, back: str) -> Iterator[None]:
    """A fault, and what ends it."""
    do(host, script)
    try:
        yield
    finally:
        do(host, back)


@pytest.fixture(scope="module", autouse=True)
def lingering(module_host: KitchenHost) -> None:
    """
    Keep the slices of those who log in, for a module that imports this.

    systemd 252 may take an empty one away at the very moment of the next login, which then hangs.
    """
    do(module_host, "loginctl enable-linger root admin")
