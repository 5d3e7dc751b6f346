"""`cook watch` as a process: real turns, a broken recipe, signals, systemd's socket."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cookbook.cli import main
from cookbook.watch.systemd import notify, unit

pytestmark = pytest.mark.slow  # whole runs of the program

RECIPE = """\
from cookbook.resources import file
file("{folder}/x", content="x", mode="0644")
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.py").write_text(RECIPE.format(folder=tmp_path))
    (tmp_path / "hosts.yml").write_text("hosts: {web1: {transport: local}}")
    (tmp_path / "watch.yml").write_text("groups: {web1: {every: 10s, do: converge, recipes: r.py}}")
    return tmp_path


def test_one_turn_of_each_group(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", "--once"]) == 0
    assert (folder / "x").read_text() == "x"
    said = capfd.readouterr().out
    assert "web1: converge begins\n" in said
    assert re.search(r"web1: converge ended: 1 changed \(\d\.\d s\)\n", said)
    assert f"web1: web1: changed: file[{folder}/x]\n" in said

    assert main(["watch", "--once"]) == 0
    assert "converge ended: 1 ok" in capfd.readouterr().out


def test_a_broken_recipe_is_a_failed_turn(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "r.py").write_text("file(")

    assert main(["watch", "--once"]) == 1
    assert re.search(
        r"web1: converge failed \(exit status 1\): cook: \S*r.py:1: '\(' was never closed",
        capfd.readouterr().out,
    )


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ("groups: {wbe1: {every: 10s, recipes: r.py}}", "watch.yml:1: wbe1: the limit 'wbe1'"),
        ("groups: {web1: {every: 10s}}", "watch.yml:1: web1: there is no recipe"),
        (
            "groups:\n  web1: {every: 10s, recipes: r.py}\n  '*': {every: 10s, recipes: r.py}",
            "watch.yml:3: *: the limit '*,!web1' leaves no host",
        ),
    ],
)
def test_what_does_not_fit_the_inventory_is_refused(
    folder: Path, settings: str, error: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / "watch.yml").write_text(settings)

    assert main(["watch", "--once"]) == 1
    assert error in capfd.readouterr().err


def test_a_secret_of_the_environment_reaches_the_turn_and_no_output(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COOK_SECRET_DB", "hunter2-hunter2")
    (folder / "r.py").write_text(
        "from cookbook.recipe import secret\nfrom cookbook.resources import *\n"
        f"file('{folder}/x', content=secret('db'), mode='0600')\n"
        "execute(secret('db'), command='echo ' + secret('db') + '; false', not_if='true')\n"
    )
    main(["watch", "--once"])

    assert (folder / "x").read_text() == "hunter2-hunter2"
    said = capfd.readouterr()
    assert "hunter2" not in said.out + said.err


def test_signals_and_messages_to_systemd(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(folder / "notify"))
        systemd.settimeout(60)
        environ = os.environ | {"NOTIFY_SOCKET": f"{folder}/notify", "WATCHDOG_USEC": "1000000"}
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "cookbook.cli", "watch"],
            stdout=subprocess.PIPE,
            env=environ,
            text=True,
        )
        try:
            told = [systemd.recv(4096).decode() for _ in range(4)]
            process.send_signal(signal.SIGHUP)
            while "READY=1" not in told[1:]:
                told.append(systemd.recv(4096).decode())
            end = time.monotonic() + 60
            while "STATUS=at work: web1" not in told and time.monotonic() < end:
                told.append(systemd.recv(4096).decode())
            process.send_signal(signal.SIGTERM)
            # It is heard until its end: a socket with ten messages that were not read holds it up.
            while told[-1] != "STOPPING=1":
                told.append(systemd.recv(4096).decode())
            with _hearing(systemd, folder / "notify"):
                out, _ = process.communicate(timeout=60)
        finally:
            process.kill()

    assert told[0] == "READY=1"
    assert "WATCHDOG=1" in told
    assert any(one.startswith("STATUS=next: web1 at ") for one in told)
    assert any(one.startswith("RELOADING=1\nMONOTONIC_USEC=") for one in told)
    assert process.returncode == 0
    assert "reloaded: 1 groups" in out
    assert "converge ended" in out or "converge failed" in out


@contextlib.contextmanager
def _hearing(systemd: socket.socket, place: Path) -> Iterator[None]:
    """Read, and forget, what comes meanwhile."""

    def hear() -> None:
        while systemd.recv(4096):
            pass

    systemd.settimeout(None)
    thread = threading.Thread(target=hear)
    thread.start()
    try:
        yield
    finally:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(b"", str(place))
        thread.join()


def test_without_systemd_nothing_is_sent(tmp_path: Path) -> None:
    assert not notify("READY=1", {})
    assert not notify("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "nowhere")})


def test_an_abstract_socket(tmp_path: Path) -> None:
    name = f"cook-test-{os.getpid()}-{tmp_path.name}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(f"\0{name}")
        assert notify("READY=1", {"NOTIFY_SOCKET": f"@{name}"})
        assert systemd.recv(99) == b"READY=1"


@pytest.mark.parametrize("printed", ['{"hosts": {"web1": 5}}', "{}", "no JSON", "[1]"])
def test_a_report_of_another_shape_is_a_failed_turn(
    printed: str, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / "r.py").write_text(f"import os\nos.write(1, {printed.encode()!r})\nos._exit(0)\n")
    main(["watch", "--once"])

    assert "web1: converge failed (exit status 0): cook: its report cannot be read: " in (
        capfd.readouterr().out
    )


def test_the_status_of_once_tells_of_a_turn_that_cannot_begin(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cookbook.watch.turn.tempfile.TemporaryFile", full)

    assert main(["watch", "--once"]) == 3
    said = capfd.readouterr().out
    assert "web1: converge failed" in said
    assert "the turn could not be begun: No space left on device" in said
    assert not (folder / "x").exists()


def test_the_unit_may_write_its_metrics(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    metrics = folder / "node exporter 100%" / "cook.prom"
    assert main(["watch", "--print-unit", "--metrics", str(metrics)]) == 0
    text = capsys.readouterr().out
    assert f'\nReadWritePaths=-"{folder}/node exporter 100%%"\n' in text
    assert f'--metrics "{folder}/node exporter 100%%/cook.prom"' in text
    _verify(folder, text)

    assert main(["watch", "--print-unit", "--local", "--metrics", str(metrics)]) == 0
    assert "ReadWritePaths" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("it's", '"it\'s"'),
        ('a "b" \\c', '"a \\"b\\" \\\\c"'),
        ("100%", "100%%"),
        ("$HOME ${x}", '"$$HOME $${x}"'),
        (";", '";"'),
        ("", '""'),
        ("a\nExecStartPost=/bin/x", '"a\\x0aExecStartPost=/bin/x"'),
        ("@CONFINEMENT@", "@CONFINEMENT@"),
    ],
)
def test_a_word_is_one_word_for_systemd(word: str, written: str, folder: Path) -> None:
    text = unit("cook-watch.service", ["watch", "--environment", word], local=True)

    assert f" watch --environment {written}\n" in text
    _verify(folder, text)


@pytest.mark.parametrize("local", [False, True])
def test_the_unit_is_one_for_systemd(
    folder: Path,
    local: bool,  # noqa: FBT001 - a case
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["watch", "--print-unit", *(["--local"] if local else [])]) == 0
    text = capsys.readouterr().out
    assert f"watch {folder}/watch.yml " in text
    assert ("User=cook" in text) != local
    assert "@" not in re.sub(r"=@system-service", "", text)
    _verify(folder, text)


def _verify(folder: Path, text: str) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.fail("systemd-analyze(1) is a part of systemd, which test hosts need anyway")
    (folder / "cook-watch.service").write_text(text.replace("User=cook", "User=root"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", "cook-watch.service"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
