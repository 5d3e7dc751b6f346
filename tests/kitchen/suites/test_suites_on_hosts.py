"""`cook kitchen test` on real hosts, and in containers of a real engine."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from cookbook.cli import main
from cookbook.kitchen import KitchenHost
from tests.waiting import LONG, eventually

pytestmark = pytest.mark.hosts

GOOD = """\
from cookbook.resources import directory, file, service, user

user("deploy", shell="/bin/sh", manage_home=True)
directory("/srv/shop", owner="deploy", mode="0750")
file("/srv/shop/motd", content="hello", owner="deploy", mode="0644")
service("cron", action=["enable", "start"])
"""
SLEEP = f"sleep 4711.{os.getpid()}"
"""Others who run these tests at the same time have another number."""
UNSTABLE = GOOD + "from cookbook.resources import execute\nexecute('date >>/srv/shop/log')\n"
SLOW = GOOD + "from cookbook.resources import execute\nexecute('SLEEP')\n".replace("SLEEP", SLEEP)
VERIFY = """\
def test_what_was_declared(host):
    assert host.file("/srv/shop/motd").content_string == "hello"
    assert host.user("deploy").shell == "/bin/sh"
    assert host.service("cron").is_running


def test_each_host_is_itself(host):
    assert host.check_output("hostname") in ("web1", "web2")
"""
DRIFT = [
    {"run": "rm /srv/shop/motd", "hosts": ["web2"], "differs": ["file[/srv/shop/motd]"]},
    {"run": "systemctl stop cron", "differs": ["service[cron]"]},
]
IN_CONTAINER = "from cookbook.resources import file\nfile('/etc/motd', content='boxed')\n"
VERIFY_CONTAINER = """\
def test_it(host):
    assert host.file("/etc/motd").content_string == "boxed"
"""

IMAGE = """
mkdir -p /srv/img/bin /srv/img/etc /srv/img/tmp /srv/img/root && cp /bin/busybox /srv/img/bin
cd /srv/img/bin && for name in $(busybox --list); do [ -e $name ] || ln -s busybox $name; done
echo 0123456789abcdef0123456789abcdef >/srv/img/etc/machine-id
tar -C /srv/img -c . | {engine} import - cook/small:bookworm >&2
"""

INSTALL = "apt-get -qq update && apt-get -qq install -y --no-install-recommends busybox-static"

# Test hosts have no /dev/fuse, and limits that crun(1) cannot raise.
PREPARE = {
    "docker": f"{INSTALL} docker.io >&2",
    "podman": f"""
{INSTALL} podman runc netavark >&2
printf '[storage]\\ndriver = "vfs"\\ngraphroot = "/var/lib/containers/storage"\\nrunroot = \
"/run/containers/storage"\\n' >/etc/containers/storage.conf
printf '[containers]\\npids_limit = 0\\n[engine]\\nstop_timeout = 100\\nruntime = "runc"\\n\
cgroup_manager = "cgroupfs"\\n' >/etc/containers/containers.conf
""",
}

Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: Any) -> Ask:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COOK_KITCHEN", str(tmp_path / ".kitchen"))
    Path("good.py").write_text(GOOD)
    Path("unstable.py").write_text(UNSTABLE)
    Path("test_good.py").write_text(VERIFY)
    Path("test_bad.py").write_text("def test_it(host):\n    assert host.file('/none').exists\n")

    def run(*words: str) -> tuple[int, str, str]:
        status = main(["kitchen", "test", *words])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


def suites(**found: Any) -> None:
    Path("kitchen.yml").write_text(yaml.safe_dump({"suites": found}, sort_keys=False))


def test_suites_side_by_side(ask: Ask) -> None:
    """All stages pass; a failed verify can be looked at; a change at the second run is named."""
    good = {"recipes": "good.py", "hosts": ["web1", "web2"], "verify": "test_good.py"}
    suites(
        good={**good, "drift": DRIFT},
        bad={"recipes": "good.py", "verify": "test_bad.py"},
        unstable={"recipes": "unstable.py"},
    )
    status, out, errors = ask("--parallel", "3")
    try:
        assert status == 3, out + errors
        stages = ("create", "converge", "again", "verify", "drift", "undo", "destroy")
        lines = [" ".join(line.split()) for line in out.splitlines()]
        for stage in stages:
            assert any(one.startswith(f"good-bookworm {stage} passed") for one in lines), out
        assert "the second run changed execute[date >>/srv/shop/log] [unstable.py:8]" in out
        assert "FAILED test_bad.py::test_it" in out
        login = next(line for line in out.splitlines() if "bad-bookworm/ssh_config" in line)
        words = shlex.split(login.partition(": ")[2])
        looked = subprocess.run(
            [*words, "cat /srv/shop/motd"], capture_output=True, text=True, check=False
        )
        assert looked.stdout == "hello", looked.stderr
    finally:
        assert ask("--destroy")[0] == 0
    assert not any(Path(".kitchen/suites").iterdir())


@pytest.mark.parametrize("engine", ["docker", "podman"])
def test_containers_of_an_engine(
    engine: str,
    ask: Ask,
    module_host: KitchenHost,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The engine is in a host of the kitchen; all containers begin with the image's machine-id."""
    done = module_host.run(f"{PREPARE[engine]}\n{IMAGE.format(engine=engine)}", timeout=900)
    assert done.returncode == 0, done.stderr
    command = tmp_path / "bin" / engine
    command.parent.mkdir()
    enter = f"nsenter --target={module_host.leader} --all --root --wd"
    command.write_text(f'#!/bin/sh\nexec {enter} {engine} "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:{os.environ['PATH']}")
    Path("boxed.py").write_text(IN_CONTAINER)
    Path("test_boxed.py").write_text(VERIFY_CONTAINER)
    small = {"name": engine, "image": "cook/small:{release}"}
    suites(
        boxed={
            "recipes": "boxed.py",
            "driver": small,
            "hosts": ["web1", "web2"],
            "verify": "test_boxed.py",
            "drift": {"run": "rm /etc/motd", "differs": ["file[/etc/motd]"]},
        },
        bad={"recipes": "boxed.py", "driver": small, "verify": "test_bad.py"},
    )
    status, out, errors = ask("boxed", "--parallel", "1")
    assert status == 0, out + errors
    destroyed = next(line for line in out.splitlines() if " destroy " in line)
    assert float(destroyed.split()[-2]) < 90, "an engine that waits 100 s for each container"
    assert module_host.run(f"{engine} ps -aq").stdout == ""
    assert ask("bad")[0] == 3
    assert (
        "cook-bad-bookworm-h1" in module_host.run(f"{engine} ps --format '{{{{.Names}}}}'").stdout
    )
    assert ask("bad", "--destroy")[0] == 0
    assert module_host.run(f"{engine} ps -aq").stdout == ""


def test_nothing_is_left_after_ctrl_c(ask: Ask) -> None:
    """In the middle of a run, with one suite that has not begun."""
    Path("slow.py").write_text(SLOW)
    suites(slow={"recipes": "slow.py", "hosts": ["web1", "web2"]}, later={"recipes": "good.py"})
    before = mounted()
    words = [str(Path(sys.executable).with_name("cook")), "kitchen", "test", "--parallel", "1"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert "create" in process.stdout.readline()
            eventually(lambda: len(sleeping()) == 2, 2 * LONG)
            process.send_signal(signal.SIGINT)
            said = process.stdout.read()
            assert process.wait(timeout=2 * LONG) == 130, said
        finally:
            process.kill()
    assert "slow-bookworm" in said
    assert sleeping() == []
    assert mounted() == before
    assert not any(Path(".kitchen/suites").iterdir())
    assert ask("--destroy")[0] == 0


def sleeping() -> list[str]:
    """The processes of the recipe, in all hosts."""
    found = subprocess.run(["pgrep", "-fx", SLEEP], capture_output=True, text=True, check=False)
    return found.stdout.split()


def mounted() -> list[str]:
    """What is mounted below the folder of the test."""
    return [
        line for line in Path("/proc/mounts").read_text().splitlines() if str(Path.cwd()) in line
    ]
