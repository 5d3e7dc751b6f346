"""Hosts that are short of something, talk another language, or lack what one takes for granted."""

from __future__ import annotations

import errno
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cookbook.applying.converge import Convergence
from cookbook.hosts.probing import Question
from cookbook.hosts.session import Session
from cookbook.kitchen import KitchenHost
from cookbook.language.collection import Node
from cookbook.language.compiler import compile_recipes
from cookbook.planning.step import Step
from cookbook.plugins.manager import catalog
from cookbook.providers.iptables import Iptables
from cookbook.script.program import Ask
from cookbook.transport.contract import TooSlow
from cookbook.transport.paramiko_ssh.transport import SshTransport
from tests.faults.shape import Converge, do, failed, lingering, mounted, undone
from tests.on_hosts.conftest import HEADING, Cook
from tests.texts import check_document, check_host
from tests.waiting import LONG, eventually

pytestmark = pytest.mark.hosts
__all__ = ["lingering"]

CGROUPS = Path("/sys/fs/cgroup")


@contextmanager
def limited(host: KitchenHost, controller: str, file: str, value: int) -> Iterator[None]:
    """Whoever logs in has only so much: by a cgroup of the machine, where it still has v1."""
    group = CGROUPS / controller / f"cook-{uuid.uuid4().hex[:12]}"  # a pid may come again
    if not group.parent.is_dir():
        name = {"pids": "TasksMax", "memory": "MemoryMax"}[controller]
        with undone(
            host,
            f"systemctl set-property --runtime ssh.service {name}={value}",
            f"systemctl set-property --runtime ssh.service {name}=infinity",
        ):
            yield
        return
    group.mkdir()
    (group / file).write_text(str(value))
    sshd = _sshd(host)
    (group / "cgroup.procs").write_text(str(sshd))
    try:
        yield
    finally:
        (group / file).write_text("max" if controller == "pids" else "-1")
        until = time.monotonic() + LONG
        while not _dissolved(
            group
        ):  # one that forks meanwhile leaves a child, one that ends a zombie
            assert time.monotonic() < until, (group / "cgroup.procs").read_text()
            time.sleep(0.05)


def _dissolved(group: Path) -> bool:
    """Whether all processes of the group are back in the one above it, and the group is gone."""
    for pid in (group / "cgroup.procs").read_text().split():
        with suppress(ProcessLookupError):  # it has ended meanwhile
            (group.parent / "cgroup.procs").write_text(pid)
    try:
        group.rmdir()
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return False
    return True


def _sshd(host: KitchenHost) -> int:
    """The pid, on this machine, of the host's sshd that listens."""
    namespace = Path(f"/proc/{host.leader}/ns/pid").readlink()
    inside = do(host, "systemctl show -p MainPID --value ssh")
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            same = (folder / "ns/pid").readlink() == namespace
            text = (folder / "status").read_text(errors="replace")  # a name may be cut in a letter
            line = next(x for x in text.splitlines() if x.startswith("NSpid"))
        except OSError:
            continue
        if same and line.split()[-1] == inside:
            return int(folder.name)
    raise AssertionError("no sshd")


@pytest.mark.parametrize("most", [8, 6, 5, 4])
def test_no_more_processes(module_host: KitchenHost, cook: Cook, most: int) -> None:
    """C33: from sudo, which cannot begin, to a command of the recipe."""
    recipe = 'execute("sleep 1 | cat | cat | cat | cat; true")\nfile("/srv/forked", content="x")\n'
    with limited(module_host, "pids", "pids.max", most):
        told = cook(module_host, "converge", recipe=recipe)
    [host] = told["hosts"].values()
    assert told["status"] in (3, 4)
    errors = [host["error"], *(r["error"] for r in host["resources"])]
    [error] = filter(None, errors)
    assert error["cause"] == "no more processes can be started there", error
    assert "TasksMax" in error["hint"]
    check_document(f"C33-{most}-processes", told)
    assert module_host.run("ls /srv/forked").returncode == 2


def test_out_of_memory(module_host: KitchenHost, converge: Converge) -> None:
    """C32: the kernel kills what takes too much, and that is said."""
    with limited(module_host, "memory", "memory.limit_in_bytes", 80_000_000):
        [step] = converge(module_host, 'execute("dd if=/dev/zero of=/dev/null bs=400M count=1")')
    said = failed(step, "C32-out-of-memory")
    assert said.startswith("it was killed by signal 9 (SIGKILL)\n")
    assert "memory may have run out" in said


def test_what_is_killed_in_the_middle_of_a_file(
    module_host: KitchenHost, converge: Converge
) -> None:
    """C32: the helper of a file that is written; the file is the old one."""
    do(module_host, "echo old >/srv/killed")
    recipe = 'file("/srv/killed", content="new\\n", verify="kill -9 $(exec sh -c \'echo $PPID\')")'
    [step] = converge(module_host, recipe)
    assert failed(step, "C32-helper").startswith("it was killed by signal 9 (SIGKILL)\n")
    assert do(module_host, "cat /srv/killed") == "old"


EVERYTHING = """
group("crew-{0}")
user("uu-{0}", manage_home=True)
directory("/srv/x-{0}", mode="0750")
file("/srv/x-{0}/f", content="é\\n", verify="grep -q é {{path}}")
file("/srv/x-{0}/big", content="x" * 600_000)
link("/srv/x-{0}/l", to="f")
cron("nightly", command="true", user="uu-{0}")
service("cron", action=["enable", "start"])
firewall_rule("web-{0}", port=80)
execute("id -un >/run/who-{0}", user="root", creates="/run/who-{0}")
"""


def all_of_it(host: KitchenHost, converge: Converge, name: str, **more: Any) -> None:
    """Everything is brought into line, and is."""
    recipe = EVERYTHING.format(name)
    first, again = (converge(host, recipe, **more) for _ in range(2))
    assert not [step.error for step in first if step.error]
    assert {step.status for step in again} == {"ok"}
    assert do(host, f"cat /srv/x-{name}/l; stat -c %s /srv/x-{name}/big") == "é\n600000"


def test_a_tmp_that_runs_nothing_and_a_home_that_is_read_only(
    module_host: KitchenHost, converge: Converge
) -> None:
    """C28."""
    home = "mount --bind /home/admin /home/admin && mount -o remount,bind,ro /home/admin"
    with (
        undone(module_host, home, "umount -l /home/admin"),
        mounted(module_host, "/tmp", "noexec,mode=1777"),
    ):
        all_of_it(module_host, converge, "noexec", user="admin")


def test_no_tmp_at_all(module_host: KitchenHost, converge: Converge) -> None:
    """C28."""
    gone = "umount -l /tmp; rmdir /tmp && [ ! -e /tmp ]"
    with undone(module_host, gone, "mkdir -m 1777 /tmp; mount -t tmpfs none /tmp"):
        all_of_it(module_host, converge, "notmp", user="admin")


def test_what_may_not_be_executed_is_named(module_host: KitchenHost, converge: Converge) -> None:
    """C28."""
    with mounted(module_host, "/srv/noexec", "noexec"):
        do(module_host, "printf '#!/bin/sh\\n' >/srv/noexec/x; chmod 755 /srv/noexec/x")
        said = failed(converge(module_host, 'execute("/srv/noexec/x")')[0], "C28-noexec")
    assert said.startswith("a program cannot be executed there\n")
    assert "noexec" in said


LOCALES = {"fr_FR.UTF-8": ("fr_FR", "UTF-8"), "de_DE": ("de_DE", "ISO-8859-1")}


@pytest.mark.parametrize("locale", [*LOCALES, "C"])
def test_whatever_language_a_host_speaks(
    module_host: KitchenHost, converge: Converge, locale: str
) -> None:
    """C30: our questions and its errors are in the same one everywhere."""
    if locale in LOCALES:
        do(module_host, "localedef --version >/dev/null; dpkg -s locales >/dev/null 2>&1 ||"
           " apt-get install -qy locales >/dev/null 2>&1", timeout=200)  # fmt: skip
        do(module_host, "localedef -i {} -f {} {}".format(*LOCALES[locale], locale))
        assert "No such" not in module_host.run(f"LC_ALL={locale} ls /void").stderr
    spoken = f"echo LC_ALL={locale} >>/etc/environment"
    with undone(module_host, spoken, "sed -i /LC_ALL/d /etc/environment"):
        name = locale.partition(".")[0].replace("_", "").lower()
        all_of_it(module_host, converge, name, user="admin")
        [step] = converge(module_host, 'execute("touch /proc/sys/x")', user="admin")
        assert step.status == "failed"
        [full] = converge(module_host, 'execute("echo x >/dev/full")', user="admin")
        assert "I/O error" in failed(full, "C30-dev-full")


def test_a_login_without_a_shell_is_named_and_as_another_user_it_needs_none(
    module_host: KitchenHost, cook: Cook, converge: Converge
) -> None:
    """C29: we cannot come as nologin, but may act as one."""
    with undone(module_host, "usermod -s /usr/sbin/nologin admin", "usermod -s /bin/bash admin"):
        told = cook(module_host, "converge", recipe='file("/srv/nologin", content="x")\n')
    [host] = told["hosts"].values()
    assert host["error"]["cause"] == "the account there has no shell", host
    check_document("C29-no-shell", told)
    recipe = 'execute("id -un >/tmp/who", user="www-data", creates="/tmp/who")'
    assert [step.status for step in converge(module_host, recipe)] == ["changed"]
    assert do(module_host, "cat /tmp/who; getent passwd www-data") == (
        "www-data\nwww-data:x:33:33:www-data:/var/www:/usr/sbin/nologin"
    )


NOISE = "for f in /etc/profile /etc/bash.bashrc /home/admin/.bashrc /home/admin/.profile; do"


def test_a_host_that_talks_too_much(module_host: KitchenHost, converge: Converge) -> None:
    """C29: rc files on both streams, a motd."""
    noisy = f"{NOISE} sed -i '1i echo NOISE; echo NOISE >&2' $f; done; echo NOISE >/etc/motd"
    quiet = f"{NOISE} sed -i /NOISE/d $f; done; : >/etc/motd"
    with undone(module_host, noisy, quiet):
        all_of_it(module_host, converge, "noisy", user="admin")


def test_a_clock_that_was_a_year_ahead(module_host: KitchenHost, converge: Converge) -> None:
    """C31: what it has dated. The clock of a container is the machine's, and cannot be off."""
    all_of_it(module_host, converge, "late", user="admin")
    dated = "find /srv /etc/hostname /var/lib/cook /run/cook /etc/cook /var/lib/apt -exec touch"
    do(module_host, f"mkdir -p /run/cook && {dated} -d '+1 year' {{}} +")
    all_of_it(module_host, converge, "late", user="admin")
    recipe = 'file("/srv/x-late/f", content="new\\n")'
    assert [s.status for s in converge(module_host, recipe)] == ["changed"]
    assert do(module_host, "cat /srv/x-late/f") == "new"


def test_ten_megabytes_of_anything(module_host: KitchenHost, converge: Converge) -> None:
    """C38: of a command of a recipe, on both streams; the end of it is what is shown."""
    loud = "head -c 10000000 /dev/urandom & head -c 10000000 /dev/urandom >&2; wait"
    lines = "seq 100000; seq 100000 >&2"
    steps = converge(
        module_host,
        f"""
        execute("{loud}")
        execute("{lines}")
        execute("printf 'no newline'")
        execute("{lines}; printf 'the end' >&2; exit 3", ignore_failure=True)
        file("/srv/after-noise", content="x")
        """,
    )
    assert [step.status for step in steps] == ["changed"] * 3 + ["failed", "changed"]
    assert str(steps[3].error).endswith("99999\n100000\nthe end")
    assert len(str(steps[3].error)) < 1000
    check_host("C38-loud", [steps[3]])


BUSYBOX = r"""
dpkg -s busybox-static >/dev/null 2>&1 || apt-get install -qy busybox-static >/dev/null 2>&1
r=/srv/bb; mkdir -p $r/bin $r/etc $r/proc $r/dev $r/root $r/run $r/srv $r/var/spool/cron/crontabs
chown root:root $r; mkdir -m 1777 $r/tmp $r/var/tmp; cp /bin/busybox $r/bin/
for a in $(busybox --list); do [ $a = busybox ] || ln -s busybox $r/bin/$a; done
echo root:x:0:0:root:/root:/bin/sh >$r/etc/passwd; echo daemon:x:1:1::/:/bin/false >>$r/etc/passwd
printf 'root:x:0:\ndaemon:x:1:\n' >$r/etc/group; echo ID=alpine >$r/etc/os-release
for d in null zero full random; do cp -a /dev/$d $r/dev/; done; mount -t proc proc $r/proc
useradd -o -u 0 -g 0 -d /root -s /bin/sh bb
printf 'Match User bb\nChrootDirectory /srv/bb\n' >/etc/ssh/sshd_config.d/bb.conf
systemctl restart ssh
"""


@pytest.fixture(scope="module")
def busybox(module_host: KitchenHost) -> KitchenHost:
    """A root in which there is nothing but busybox: whoever comes as `bb` is in it."""
    do(module_host, BUSYBOX, timeout=200)
    return module_host


@pytest.fixture
def inside(target: Any, tmp_path: Path) -> Converge:
    """Converge the root of `busybox`."""

    def run(host: KitchenHost, recipe: str) -> list[Step]:
        path = tmp_path / f"{len(list(tmp_path.glob('*.py')))}.py"
        path.write_text(HEADING + recipe)
        session = Session(SshTransport(replace(target(host), user="bb")))
        try:
            facts = session.facts()
            assert facts.root
            collection = compile_recipes([path], Node(host.name, facts, {}))
            return list(Convergence(collection, session, facts, catalog()).steps())
        finally:
            session.close()

    return run


IN_BUSYBOX = """
directory("/srv/x/y", mode="0750", recursive=True, group="daemon")
file("/srv/x/f", content="é\\n", verify="grep -q é {path}", owner="daemon", mode="4750")
file("/srv/x/big", content="x" * 600_000)
link("/srv/x/l", to="f")
cron("nightly", command="true")
authorized_key("root", key="ssh-ed25519 "
    "AAAAC3NzaC1lZDI1NTE5AAAAIJ7a8cTcCN3VkU0jOLk2Yp3sM6V2r1VkGq7m1q2Zl0aB other")
execute("id -un >/srv/who", user="root", creates="/srv/who")
"""


def test_busybox_is_enough(busybox: KitchenHost, inside: Converge) -> None:
    """C35."""
    first = inside(busybox, IN_BUSYBOX)
    assert not [step.error for step in first if step.error]
    assert {step.status for step in first} == {"changed"}
    assert {step.status for step in inside(busybox, IN_BUSYBOX)} == {"ok"}
    there = do(busybox, "cd /srv/bb/srv; cat who x/l; stat -c '%a %u %s' x/f x/big; stat -c %g x/y")
    assert there == "root\né\n4750 1 3\n644 0 600000\n1"
    assert "* * * * * true" in do(busybox, "cat /srv/bb/var/spool/cron/crontabs/root")
    assert "IJ7a8cTc" in do(busybox, "cat /srv/bb/root/.ssh/authorized_keys")


@pytest.mark.parametrize(
    ("recipe", "cause"),
    [
        ('service("cron", action="start")', "no provider for service on this host"),
        ('package("curl")', "no provider for package on this host"),
        ('firewall_rule("web", port=80)', "no provider for firewall_rule on this host"),
        ('user("carl")', "a program it wants is not there"),
        ('group("crew")', "a program it wants is not there"),
        ('execute("python3 -c 1")', "a program it wants is not there"),
    ],
)
def test_what_busybox_or_a_host_without_systemd_cannot_do_is_said(
    busybox: KitchenHost, inside: Converge, recipe: str, cause: str
) -> None:
    """C35, C36."""
    text = f"{'C36' if 'service' in recipe else 'C35'}-{recipe.partition('(')[0]}"
    assert failed(inside(busybox, recipe)[0], text).startswith(cause)


def test_a_user_who_is_at_work_is_not_renumbered(
    module_host: KitchenHost, converge: Converge, plan: Converge
) -> None:
    """C40."""
    do(module_host, "useradd -m -u 1777 busy; setsid runuser -u busy sleep 600 >/dev/null 2>&1 &")
    eventually(lambda: module_host.run("pgrep -u busy -x sleep").stdout)
    [known] = plan(module_host, 'user("busy", uid=1888)')
    assert known.change is not None
    number = do(module_host, "pgrep -u busy | head -n 1").strip()
    assert str(known.change.warning).startswith(f"process {number} of busy runs: usermod changes ")
    [same] = plan(module_host, 'user("busy", uid=1777)')
    assert (same.status, same.change and same.change.warning) == ("ok", None)
    [step] = converge(module_host, 'user("busy", uid=1888)')
    said = failed(step, "C40-logged-in")
    assert said.startswith("the user is logged in, or has a program running\n")
    assert "pkill -KILL -u NAME" in said
    assert do(module_host, "id -u busy") == "1777"
    do(module_host, "pkill -u busy")
    eventually(lambda: not module_host.run("pgrep -u busy").stdout)
    assert [s.status for s in converge(module_host, 'user("busy", uid=1888)')] == ["changed"]


def test_a_unit_that_crashes_after_three_seconds(
    module_host: KitchenHost, converge: Converge
) -> None:
    """C41: while it is watched, which is as long as the recipe says."""
    unit = "[Service]\\nExecStart=/bin/sh -c 'sleep 3; echo it breaks; exit 3'\\n"
    do(module_host, f'printf "{unit}" >/etc/systemd/system/crash.service')
    [step] = converge(module_host, 'service("crash", action="start", settle=30)')
    assert step.status == "failed"
    assert "it breaks" in str(step.error)
    assert "ExecMainStatus=3" in str(step.error)
    check_host("C41-crash", [step])


def test_a_unit_that_is_never_up(module_host: KitchenHost, converge: Converge) -> None:
    """C41: stuck in activating; the host goes on, and so do we."""
    unit = "[Service]\\nType=notify\\nExecStart=/bin/sleep 99\\nTimeoutStartSec=infinity\\n"
    do(module_host, f'printf "{unit}" >/etc/systemd/system/stuck.service')
    steps = converge(
        module_host,
        'service("stuck", action="start", timeout=2, ignore_failure=True)\n'
        'file("/srv/after-stuck", content="x")',
    )
    assert [step.status for step in steps] == ["failed", "changed"]
    assert "it was not up within 2" in str(steps[0].error)
    assert "ActiveState=activating" in str(steps[0].error)
    check_host("C41-stuck", steps)
    do(module_host, "systemctl stop stuck")


def test_what_somebody_changes_meanwhile_is_seen(
    module_host: KitchenHost, converge: Converge, cook: Cook, tmp_path: Path
) -> None:
    """C42: in a run it is planned anew; a saved plan is refused, and theirs stays."""
    do(module_host, "echo old >/srv/theirs")
    ours = 'file("/srv/theirs", content="ours\\n")\n'
    steps = converge(module_host, f'execute("echo theirs >/srv/theirs")\n{ours}')
    assert [step.status for step in steps] == ["changed", "changed"]
    assert steps[1].diff is not None
    assert "-theirs" in str(steps[1].diff)
    do(module_host, "echo old >/srv/theirs")
    saved = tmp_path / "saved.plan"
    recipe = tmp_path / "ours.py"
    recipe.write_text(HEADING + ours)
    assert cook(module_host, "plan", str(recipe), "-o", str(saved))["status"] == 2
    do(module_host, "echo theirs >/srv/theirs")
    applied = cook(module_host, "apply", str(saved))
    assert applied["status"] == 3
    check_document("C42-saved-plan", applied)
    assert do(module_host, "cat /srv/theirs") == "theirs"


HUNG = """
dpkg -s sshfs >/dev/null 2>&1 || apt-get install -qy sshfs >/dev/null 2>&1
[ -e /dev/fuse ] || mknod /dev/fuse c 10 229
rm -f /root/.ssh/loop; ssh-keygen -q -N '' -f /root/.ssh/loop
cat /root/.ssh/loop.pub >>/root/.ssh/authorized_keys
mkdir -p /mnt/hung /srv/remote; echo old >/srv/remote/f
sshfs -o StrictHostKeyChecking=no,IdentityFile=/root/.ssh/loop root@127.0.0.1:/srv/remote /mnt/hung
cat /mnt/hung/f && pkill -STOP -x sshfs
"""


@pytest.fixture
def hung(module_host: KitchenHost) -> Iterator[KitchenHost]:
    """A network file system that does not answer at /mnt/hung: a FUSE whose server is stopped."""
    back = "pkill -CONT -x sshfs; sleep 0.3; umount -l /mnt/hung; pkill -x sshfs || :"
    do(module_host, HUNG, timeout=200)
    try:
        assert module_host.run("timeout -s KILL 1 ls /mnt/hung/").returncode != 0
        yield module_host
    finally:
        do(module_host, back)


def test_a_hung_mount_is_touched_only_by_what_names_it(
    hung: KitchenHost, converge: Converge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C27."""
    start = time.monotonic()
    all_of_it(hung, converge, "hung", user="admin")
    assert time.monotonic() - start < 300
    monkeypatch.setattr(Question, "part", property(lambda self: Ask(self.command, 2.0)))
    with pytest.raises(TooSlow, match=r"no answer within 2 s to `stat /mnt/hung/f`") as caught:
        converge(hung, 'file("/mnt/hung/f", content="new\\n")')
    assert "network mount" in str(caught.value.hint)
    check_host("C27-hung-mount", error=caught.value)


def test_the_lock_of_iptables_is_waited_for_and_who_holds_it_is_named(
    module_host: KitchenHost, converge: Converge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C22."""
    install = Iptables.install
    shorter = replace(install, text=install.text.replace("-w 20 ", "-w 2 "))
    monkeypatch.setattr(Iptables, "install", shorter)
    legacy = "update-alternatives --set iptables /usr/sbin/iptables-legacy; mv /usr/sbin/nft /srv/"
    hold = (
        "setsid flock /run/xtables.lock sleep 600 >/dev/null 2>&1 &"
        " until p=$(pgrep -x flock) && pgrep -P $p -x sleep >/dev/null; do sleep 0.1; done; echo $p"
    )
    recipe = 'firewall_rule("web", port=80)'
    with undone(module_host, legacy, "mv /srv/nft /usr/sbin/"):
        do(module_host, "iptables -L >/dev/null")
        holder = do(module_host, hold)
        said = failed(converge(module_host, recipe)[0], "C22-xtables")
        assert said.startswith("another program holds the lock of the firewall\n")
        assert f"the xtables lock is held by process {holder}: flock /run/xtables.lock" in said
        assert "COOK" not in do(module_host, "iptables-save")
        monkeypatch.setattr(Iptables, "install", install)
        threading.Timer(2.0, lambda: do(module_host, f"pkill -P {holder}")).start()
        assert [step.status for step in converge(module_host, recipe)] == ["changed"]
        assert "COOK-INPUT" in do(module_host, "iptables-save")
