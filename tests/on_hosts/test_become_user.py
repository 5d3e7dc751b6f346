"""
`become_user` of a resource: who asks about it, and changes it, on a real host.

Whose doing something was is judged by whom it belongs to, and by what root alone could do.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cookbook.kitchen import Kitchen, KitchenHost
from tests.on_hosts.conftest import Converge, Cook

pytestmark = pytest.mark.hosts

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ7a8cTcCN3VkU0jOLk2Yp3sM6V2r1VkGq7m1q2Zl0aB ann"

EVERYTHING = f"""
directory("/home/app/conf", mode="0750", become_user="app")
file("/home/app/conf/a.ini", content="a=2\\n", mode="0640", become_user="app")
file("/home/app/conf/large", content="it's\\n" * 100_000, become_user="app")
file("/home/app/old", action="delete", become_user="app")
link("/home/app/l", to="/home/app/conf", become_user="app")
authorized_key("ann", user="app", key={KEY!r}, become_user="app")
cron("tidy", command="/bin/true", minute=5, user="app", become_user="app")
execute("id -un >who; pwd >>who; echo $HOME >>who; umask >>who", cwd="/home/app",
        creates="/home/app/who", only_if="[ $(id -un) = app ]", become_user="app")
"""

_ENVIRONMENT = """\
HOME=/home/app
LANGUAGE=
LC_ALL=C
LOGNAME=app
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
SHELL=/bin/bash
USER=app"""


PREPARED = """
useradd -m -s /usr/sbin/nologin app; cd /home/app
echo kept >old; chmod 600 old; touch -d 2001-02-03 old; chown app: old
"""

LEFT = (
    "for u in app new; do crontab -r -u $u; userdel -rf $u; done; rm -rf /etc/precious /srv/roots"
)


@pytest.fixture
def machine(restored_host: KitchenHost) -> KitchenHost:
    """A host with a user who may do nothing in particular."""
    done = restored_host.run(f"{LEFT}; {PREPARED}")
    assert done.returncode == 0, done.stderr
    return restored_host


@pytest.fixture
def own_machine(fresh_host: KitchenHost) -> KitchenHost:
    """The same, for a test that changes more of it."""
    done = fresh_host.run(PREPARED)
    assert done.returncode == 0, done.stderr
    return fresh_host


def said(host: KitchenHost, command: str) -> str:
    done = host.run(command)
    assert done.returncode == 0, done.stderr
    return done.stdout


def resources(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    [told] = document["hosts"].values()
    return {resource["id"]: resource for resource in told["resources"]}


def test_all_that_a_resource_does_is_done_by_that_user(machine: KitchenHost, cook: Cook) -> None:
    before = said(machine, "find /home/app /var/spool/cron /var/tmp | sort; cat /home/app/old")
    first = cook(machine, "converge", recipe=EVERYTHING)
    assert (first["status"], first["totals"]["changed"]) == (0, 8), first
    assert said(machine, "cat /home/app/who").split() == ["app", "/home/app", "/home/app", "0022"]
    foreign = said(machine, "find /home/app ! -user app")
    assert foreign == ""
    assert said(machine, "stat -c %s /home/app/conf/large").strip() == "500000"
    assert "tidy" in said(machine, "crontab -u app -l")
    assert said(machine, "ls /var/tmp | grep -c ^cook || :").strip() == "0"

    second = cook(machine, "converge", recipe=EVERYTHING)
    assert (second["status"], second["totals"]["changed"]) == (0, 0), second
    [host] = second["hosts"].values()
    assert host["exchanges"] == 1

    assert cook(machine, "undo", first["run"], "--yes", "--partial")["status"] == 0
    machine.run("rm -rf /home/app/.local /home/app/who")  # our own; what a command did stays
    after = said(machine, "find /home/app /var/spool/cron /var/tmp | sort; cat /home/app/old")
    assert after == before
    assert said(machine, "stat -c '%a %U %y' /home/app/old").startswith("600 app 2001-02-03")


def test_the_environment_is_the_same_by_every_way_in(
    own_machine: KitchenHost, converge: Converge
) -> None:
    """It is that of the user, and not what a session of root or of admin has set."""
    recipe = """
    execute("env -0 >/home/app/become.{0}", become_user="app", creates="/home/app/become.{0}")
    execute("env -0 >/home/app/user.{0}", user="app")
    execute("env -0 >/home/app/input.{0}", user="app", input="x")
    execute("env -0 >/home/app/login.{0}", user="app", login=True)
    execute("env -0 >/root/{0}")
    """
    said(
        own_machine,
        "usermod -s /bin/bash app; echo 'Defaults env_keep += \"XDG_* SSH_*\"' >>"
        "/etc/sudoers; echo LEAK=1 >>/etc/environment",
    )
    for user in ("root", "admin"):
        assert {step.status for step in converge(own_machine, recipe.format(user), user=user)} == {
            "changed"
        }
    seen = said(
        own_machine, "cd /home/app; for f in become user input; do for u in root admin; do"
        " tr '\\0' '\\n' <$f.$u | grep -vE '^(PWD|OLDPWD|SHLVL|_)=' | sort; echo; done; done"
    )  # fmt: skip
    assert [*filter(None, seen.split("\n\n"))] == [_ENVIRONMENT] * 6
    login = [
        said(own_machine, f"tr '\\0' '\\n' </home/app/login.{u} | sort") for u in ("root", "admin")
    ]
    of_root, of_admin = (
        "".join(f"{v}\n" for v in text.split() if "XDG_" not in v) for text in login
    )
    assert of_root == of_admin
    assert "SHELL=/bin/bash\n" in of_root
    for user in ("root", "admin"):
        named = said(own_machine, f"tr '\\0' '\\n' </root/{user} | cut -d= -f1").split()
        assert not {n for n in named if n.startswith(("XDG_", "SUDO_", "SSH_", "DBUS_", "MAIL"))}


def test_what_a_user_has_put_in_the_way_is_not_followed_by_root(
    machine: KitchenHost, cook: Cook
) -> None:
    machine.run(
        "mkdir /etc/precious; ln -s /etc/precious /home/app/conf; chown -h app /home/app/conf"
    )
    recipe = 'file("/home/app/conf/x", content="x", become_user="app")'
    [told] = resources(cook(machine, "converge", recipe=recipe)).values()
    assert told["status"] == "failed"
    assert "(as app)" in told["error"]["command"]
    assert said(machine, "ls /etc/precious") == ""
    # Root does not follow a link of another owner, unless the recipe says so.
    by_root = recipe.replace('become_user="app"', "manage_symlink_source=False")
    [told] = resources(cook(machine, "converge", recipe=by_root)).values()
    assert told["status"] == "failed"
    assert said(machine, "ls /etc/precious") == ""
    cook(
        machine,
        "converge",
        recipe=recipe.replace('become_user="app"', "manage_symlink_source=True"),
    )
    assert said(machine, "ls /etc/precious") == "x\n"


def test_what_a_user_may_not_read_is_not_read_for_him(machine: KitchenHost, cook: Cook) -> None:
    machine.run("mkdir -m 700 /srv/roots; echo secret >/srv/roots/x")
    recipe = 'file("/srv/roots/x", action="delete", become_user="app")'
    [told] = resources(cook(machine, "plan", recipe=recipe)).values()
    assert told["status"] == "failed"
    assert "cannot look into" in json.dumps(told)


def test_a_user_to_come_is_waited_for(machine: KitchenHost, cook: Cook) -> None:
    recipe = 'user("new", manage_home=True)\nfile("/home/new/x", content="x", become_user="new")'
    planned = resources(cook(machine, "plan", recipe=recipe))
    assert planned["file[/home/new/x]"]["until"] == "user[new]"
    assert cook(machine, "converge", recipe=recipe)["totals"]["changed"] == 2
    assert said(machine, "stat -c %U /home/new/x").strip() == "new"


def test_a_user_who_is_not_there_is_named(machine: KitchenHost, cook: Cook) -> None:
    for guard in ("", ', only_if="true"', ', not_if="true"'):
        recipe = f'execute("true", become_user="nobody-there"{guard})'
        [told] = resources(cook(machine, "converge", recipe=recipe)).values()
        assert told["status"] == "failed", guard
        assert "nobody-there, who is not there" in told["error"]["message"]


def test_a_saved_plan_is_applied_by_the_same_user(
    machine: KitchenHost, cook: Cook, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.cook"
    recipe = """
file("/home/app/x", content="x", become_user="app")
file("/home/app/old", content="new", become_user="app")
execute("id -un >/home/app/who", become_user="app")
"""
    cook(machine, "plan", "-o", str(plan), recipe=recipe)
    assert cook(machine, "apply", str(plan))["totals"]["changed"] == 3
    assert said(machine, "find /home/app ! -user app") == ""
    assert said(machine, "cat /home/app/who").strip() == "app"


def test_what_has_left_the_recipe_is_removed_by_its_user(machine: KitchenHost, cook: Cook) -> None:
    cook(machine, "converge", recipe=EVERYTHING)
    machine.run(
        "rm -r /home/app/conf; mkdir /etc/precious; echo p >/etc/precious/a.ini;"
        " ln -s /etc/precious /home/app/conf"
    )
    cook(machine, "converge", "--prune", recipe='file("/home/app/old", action="delete")')
    assert said(machine, "ls /etc/precious") == "a.ini\n"
    assert said(machine, "[ ! -e /home/app/l ] && echo gone") == "gone\n"


@pytest.fixture
def as_admin(kitchen: Kitchen, own_machine: KitchenHost, tmp_path: Path) -> Path:
    """hosts.yml for who logs in without becoming anybody, and may become app alone."""
    own_machine.run(
        "rm -f /etc/sudoers.d/*; echo 'admin ALL=(app) NOPASSWD: ALL' >/etc/sudoers.d/admin"
    )
    path = tmp_path / "hosts.yml"
    text = kitchen.hosts_yml.read_text().replace("become: sudo", "become: none")
    for name in ("identity_file", "known_hosts"):
        text = text.replace(f"{name}: ", f"{name}: {kitchen.hosts_yml.parent}/")
    path.write_text(text)
    return path


def test_who_is_not_root_becomes_a_user_by_sudo(
    own_machine: KitchenHost, cook: Cook, as_admin: Path
) -> None:
    done = cook(own_machine, "converge", recipe=EVERYTHING, inventory=as_admin)
    assert (done["status"], done["totals"]["changed"]) == (0, 8), done
    assert said(own_machine, "find /home/app ! -user app") == ""
    assert said(own_machine, "ls -d /var/tmp/cook* || :") == ""


def test_who_may_not_become_a_user_is_told_so(
    own_machine: KitchenHost, cook: Cook, as_admin: Path
) -> None:
    for recipe in (
        'file("/root/x", content="x", become_user="root")',
        'execute("true", only_if="true", become_user="root")',
        'execute("true", not_if="true", become_user="root")',
    ):
        [told] = resources(cook(own_machine, "plan", recipe=recipe, inventory=as_admin)).values()
        assert told["status"] == "failed", recipe
        assert told["error"]["cause"] == "the login user may not become that user"
    assert said(own_machine, "ls /root") == ""


def test_our_own_keys_are_put_back_by_their_user(own_machine: KitchenHost, cook: Cook) -> None:
    """What locks us out is taken back by the host, as the user who has done it."""
    before = said(own_machine, "cat /home/admin/.ssh/authorized_keys")
    recipe = f"""
file("/home/admin/.ssh/authorized_keys", content={KEY!r} + "\\n", become_user="admin")
"""
    done = cook(
        own_machine, "converge", "--allow-lockout", "--confirm-timeout", "5s", recipe=recipe
    )
    assert done["status"] == 3, done
    assert said(own_machine, "cat /home/admin/.ssh/authorized_keys") == before
    assert said(own_machine, "stat -c %U /home/admin/.ssh/authorized_keys").strip() == "admin"


@pytest.mark.parametrize("tools", ["setpriv", "setpriv runuser"])
def test_without_the_tools_that_busybox_has_not(
    own_machine: KitchenHost, cook: Cook, tools: str
) -> None:
    said(own_machine, f'for t in {tools}; do t=$(command -v $t); mv "$t" "$t.away"; done')
    done = cook(own_machine, "converge", recipe=EVERYTHING)
    assert (done["status"], done["totals"]["changed"]) == (0, 8), done
    assert said(own_machine, "find /home/app ! -user app") == ""
