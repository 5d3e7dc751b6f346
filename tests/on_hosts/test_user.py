"""Users on a real host, judged by getent(1), id(1) and /proc."""

from __future__ import annotations

import secrets
import shlex
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cookbook.hosts.probing import gather
from cookbook.language.provider import questions
from cookbook.providers.useradd import UseraddProvider

if TYPE_CHECKING:
    from cookbook.kitchen import KitchenHost
    from tests.on_hosts.conftest import Converge

pytestmark = pytest.mark.hosts

HASH = "$6$cookcook$" + "x" * 43 + "CANARY"

RECIPE = f"""
group("ops")
group("deploy", gid=4000)
user("deploy", uid=4100, comment="Deploys", shell="/bin/bash", manage_home=True,
     groups=["ops", "adm"], password="{HASH}", expire_date="2035-12-31")
user("app", system=True, home="/srv/app")
"""


def test_users_come_and_stay_as_declared(module_host: KitchenHost, converge: Converge) -> None:
    steps = converge(module_host, RECIPE)
    assert [step.status for step in steps] == ["changed"] * 4
    host = module_host
    passwd = host.run("getent passwd deploy").stdout
    assert passwd == "deploy:x:4100:4000:Deploys:/home/deploy:/bin/bash\n"
    assert host.run("id -Gn deploy").stdout.split() == ["deploy", "adm", "ops"]
    assert host.run("getent shadow deploy").stdout.split(":")[1] == HASH
    assert host.run("getent shadow deploy").stdout.split(":")[7] == "24105"
    assert host.run("stat -c %U /home/deploy/.bashrc").stdout == "deploy\n"
    assert host.run("test -e /srv/app").returncode == 1
    assert [step.status for step in converge(host, RECIPE)] == ["ok"] * 4


def test_a_password_is_never_an_argument(module_host: KitchenHost, converge: Converge) -> None:
    """Sampled from outside, where every process of the host can be seen."""
    seen: set[str] = set()
    done = threading.Event()

    def sample() -> None:
        while not done.is_set():
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.add(path.read_bytes().decode(errors="replace"))
                except OSError:
                    continue  # it has ended

    watcher = threading.Thread(target=sample)
    watcher.start()
    users = "\n".join(f'user("canary{i}", password="{HASH}{i}")' for i in range(20))
    # Each call is there long enough to be seen by one who looks at all processes of a machine.
    slow = "printf '#!/bin/sh\\nsleep 0.1; exec /usr/sbin/chpasswd.real \"$@\"\\n'"
    real = "mv /usr/sbin/chpasswd /usr/sbin/chpasswd.real"
    module_host.run(f"{real}; {slow} >/usr/sbin/chpasswd; chmod 755 /usr/sbin/chpasswd")
    try:
        steps = converge(module_host, users)
    finally:
        done.set()
        watcher.join()
        module_host.run("mv /usr/sbin/chpasswd.real /usr/sbin/chpasswd")
    assert {step.status for step in steps} == {"changed"}
    assert any("chpasswd" in line for line in seen), "nothing was sampled"
    assert not [line for line in seen if "CANARY" in line]
    assert all("CANARY" not in repr(step.change) for step in steps)


def test_groups_are_added_and_only_an_exact_list_takes_away(
    module_host: KitchenHost, converge: Converge
) -> None:
    converge(module_host, 'user("member", groups=["adm"])')
    module_host.run("gpasswd --add member dialout")
    converge(module_host, 'user("member", groups=["sudo"])')
    groups = module_host.run("id -Gn member").stdout.split()
    assert sorted(groups) == ["adm", "dialout", "member", "sudo"]
    [step] = converge(module_host, 'user("member", groups=["adm"], append_groups=False)')
    assert step.change is not None
    assert step.change.note == "leaves dialout, sudo"
    assert sorted(module_host.run("id -Gn member").stdout.split()) == ["adm", "member"]


def test_lock_unlock_modify_and_remove(module_host: KitchenHost, converge: Converge) -> None:
    def field() -> str:
        return module_host.run("getent shadow eve").stdout.split(":")[1]

    declared = f'"eve", manage_home=True, password="{HASH}"'
    converge(module_host, f'user({declared}, action=["create", "lock"])')
    assert field() == f"!{HASH}"
    assert converge(module_host, f"user({declared})")[0].status == "ok"
    converge(module_host, f'user("eve", password="{HASH}2")')
    assert field() == f"!{HASH}2", "a new password opened the lock"
    converge(module_host, 'user("eve", action="unlock")')
    assert field() == f"{HASH}2"
    converge(module_host, 'user("eve", home="/srv/eve", manage_home=True, action="modify")')
    assert module_host.run("ls -A /srv/eve").stdout
    assert module_host.run("test -e /home/eve").returncode == 1
    converge(module_host, 'user("eve", manage_home=True, action="remove")')
    assert module_host.run("getent passwd eve || test -e /srv/eve").returncode == 1
    assert converge(module_host, 'user("eve", action="remove")')[0].status == "ok"


def test_a_home_is_a_part_of_what_is_compared(module_host: KitchenHost, converge: Converge) -> None:
    """usermod(8) and userdel(8) change the account first, and may fail at the home."""
    host, moved = module_host, 'user("mia", home="/srv/mia", manage_home=True)'
    host.run("useradd -m mia; touch /home/mia/data; mkdir /srv/mia")
    for _ in range(2):
        [step] = converge(host, moved)
        assert "cannot be moved" in str(step.error)
    # A mounted home cannot be renamed, nor copied without being left behind.
    host.run("rmdir /srv/mia; mount --bind /home/mia /home/mia")
    for _ in range(2):
        assert converge(host, moved)[0].status == "failed"
        assert host.run("getent passwd mia").stdout.split(":")[5] == "/home/mia"
        host.run("rm -rf /srv/mia")
    host.run("umount /home/mia; rm -rf /home/mia")
    assert converge(host, moved)[0].status == "changed"
    assert host.run("stat -c '%U' /srv/mia /srv/mia/.profile").stdout == "mia\nmia\n"
    assert converge(host, moved)[0].status == "ok"
    removed = 'user("mia", manage_home=True, action="remove")'
    host.run("chown root /srv/mia")
    assert "belongs to root" in str(converge(host, removed)[0].error)
    host.run("userdel mia")
    left = removed.replace("manage", 'home="/srv/mia", manage')
    assert "is left" in str(converge(host, left)[0].error)
    host.run("chown 54321 /srv/mia")
    assert converge(host, left)[0].status == "changed"
    assert converge(host, left)[0].status == "ok"
    assert host.run("test -e /srv/mia").returncode == 1


def test_a_plan_tells_of_what_the_tools_would_refuse(
    module_host: KitchenHost, plan: Converge
) -> None:
    module_host.run("useradd --uid 4711 pia")
    for recipe, error in (
        ('group("pia", action="remove")', "primary group of pia"),
        ('user("bob", uid=4711)', "pia has it"),
        ('group("bob", gid=0)', "root has it"),
    ):
        assert error in str(plan(module_host, recipe)[0].error), recipe
    recipe = 'user("pia", action="remove")\nuser("bob", uid=4711)\ngroup("pia", action="remove")'
    assert [s.status for s in plan(module_host, recipe)] == ["changed", "unknown", "unknown"]
    module_host.run("userdel pia")


def test_a_removal_of_a_home_never_crosses_a_mount(
    module_host: KitchenHost, converge: Converge, plan: Converge
) -> None:
    """A bind mount is in the same file system: userdel and rm --one-file-system go through it."""
    host = module_host
    made = (
        "useradd -m mounted; mkdir -p /srv/precious '/home/mounted/a b/c'; echo p >/srv/precious/x"
    )
    done = host.run(f"{made}; mount --bind /srv/precious '/home/mounted/a b/c'")
    assert done.returncode == 0, done.stderr
    recipe = 'user("mounted", manage_home=True, action="remove")'
    for look in (plan, converge):
        [step] = look(host, recipe)
        assert step.status == "failed"
        assert "a file system is mounted at /home/mounted/a b/c" in str(step.error)
        assert host.run("id -u mounted; cat /srv/precious/x").stdout.endswith("\np\n")

    host.run("userdel mounted")  # its home is left, and belongs to no account
    [step] = converge(host, recipe)
    assert "a file system is mounted at /home/mounted/a b/c" in str(step.error)

    host.run("umount '/home/mounted/a b/c'")
    assert [step.status for step in converge(host, recipe)] == ["changed"]
    assert host.run("cat /srv/precious/x; ls -d /home/mounted").stdout == "p\n"


def test_a_plan_warns_of_a_process_of_a_user_who_is_to_go(
    module_host: KitchenHost, converge: Converge, plan: Converge
) -> None:
    host = module_host
    host.run("useradd busy; systemd-run --quiet --unit=busy -p Type=exec -p User=busy sleep 6000")
    recipe = 'user("busy", action="remove")'
    [step] = plan(host, recipe)
    pid = host.run("pgrep -u busy || systemctl show -P MainPID busy").stdout.split()[0]
    assert step.change is not None
    assert str(step.change.warning).startswith(f"process {pid} of busy runs: userdel removes no")
    host.run("systemctl stop busy")
    [step] = converge(host, recipe)
    assert step.status == "changed"
    assert step.change is not None
    assert step.change.warning is None


def test_a_plan_tells_what_is_missing(module_host: KitchenHost, plan: Converge) -> None:
    [step] = plan(module_host, 'user("lost", groups=["nowhere"])')
    assert step.status == "failed"
    assert "group nowhere" in str(step.error)
    steps = plan(module_host, 'group("nowhere")\nuser("lost", groups=["nowhere"])')
    assert [step.status for step in steps] == ["changed", "changed"]
    assert module_host.run("getent passwd lost").returncode == 2


def test_a_hundred_users_in_line_are_one_question(
    module_host: KitchenHost, converge: Converge
) -> None:
    recipe = 'for i in range(100): user(f"many{i}", comment=f"Number {i}")'
    steps = converge(module_host, recipe)
    assert {step.status for step in steps} == {"changed"}
    start = time.monotonic()
    steps = converge(module_host, recipe)
    assert {step.status for step in steps} == {"ok"}
    assert time.monotonic() - start < 100
    users = [step.resource for step in steps]
    assert len(gather(p for u in users for p in questions(UseraddProvider(), u))) == 1


CLEAR = """
from cookbook.recipe import node
from cookbook.secrets.secret import Secret
user("cleo", gid="users", password=Secret(node.vars["password"]))
user("lotte", gid="users", password=Secret(node.vars["password"]), action=["create", "lock"])
"""


def test_a_password_in_the_clear_is_compared_with_the_hash(
    fresh_host: KitchenHost, converge: Converge
) -> None:
    """With each kind of hash; and neither it nor a hash is an argument, or on a disk."""
    first, second = f"cnry{secrets.token_hex(8)} ä'$x\"", f"cnry{secrets.token_hex(8)}"
    seen: set[str] = set()
    done = threading.Event()

    def sample() -> None:
        while not done.is_set():
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.add(path.read_bytes().decode(errors="replace"))
                except OSError:
                    continue  # it has ended

    watcher = threading.Thread(target=sample)
    watcher.start()
    try:
        steps = converge(fresh_host, CLEAR, variables={"password": first})
        assert [step.status for step in steps] == ["changed", "changed"]
        hashed = fresh_host.run("getent shadow cleo").stdout.split(":")[1]
        assert hashed.startswith("$y$")  # as PAM of this release is configured
        locked = fresh_host.run("getent shadow lotte").stdout.split(":")[1]
        assert locked.startswith("!$y$")
        again = converge(fresh_host, CLEAR, variables={"password": first})
        assert [step.status for step in again] == ["ok", "ok"]
        for kind in ("$6$saltsalt$", "$5$saltsalt$", "$2b$05$abcdefghijklmnopqrstuu", hashed):
            script = "chomp($p = <STDIN>); print 'cleo:', crypt($p, $ARGV[0])"
            perl = f"perl -e {shlex.quote(script)} {shlex.quote(kind)}"
            fresh_host.run(f"{perl} <<'END' | chpasswd -e\n{first}\nEND")
            assert fresh_host.run("getent shadow cleo").stdout.split(":")[1].startswith(kind[:10])
            [same, _] = converge(fresh_host, CLEAR, variables={"password": first})
            assert same.status == "ok", kind
        changed = converge(fresh_host, CLEAR, variables={"password": second})
        assert [step.status for step in changed] == ["changed", "changed"]
        assert fresh_host.run("getent shadow lotte").stdout.split(":")[1].startswith("!$y$")
        assert fresh_host.run("getent shadow cleo").stdout.split(":")[1] != hashed
    finally:
        done.set()
        watcher.join()

    # Other tests on this machine have passwords of their own.
    mine = [text for text in seen if first[:20] in text or second in text]
    mine = [text for text in mine if "perl -e 'chomp" not in text]
    assert mine == []
    assert fresh_host.run("grep -rlE 'cnry[0-9a-f]{16}' /var /etc /root /tmp /run").stdout == ""


def test_a_plan_knows_that_a_shell_may_come_with_a_package(
    fresh_host: KitchenHost, plan: Converge
) -> None:
    [alone] = plan(fresh_host, 'user("zoe", shell="/usr/bin/zsh")')
    assert alone.status == "failed"
    assert "needs the path /usr/bin/zsh, which is not there" in str(alone.error)
    [_, later] = plan(fresh_host, 'package("zsh")\nuser("zoe", shell="/usr/bin/zsh")')
    assert later.status == "unknown"
