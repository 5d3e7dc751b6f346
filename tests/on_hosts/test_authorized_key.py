"""Keys on a real host; a login with one is the last word."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cookbook.kitchen import Kitchen, KitchenHost
    from tests.on_hosts.conftest import Converge, Cook

pytestmark = pytest.mark.hosts

FOREIGN = (
    "# by hand\n\n"
    'from="10.0.0.0/8",command="echo \\"hi there\\"" ssh-rsa AAAAB3foreign bob@desk\n'
    "ssh-ed25519 AAAAC3last no newline"
)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A new private key; beside it, its public half."""
    path = tmp_path / "id"
    subprocess.run(
        ["ssh-keygen", "-qt", "ed25519", "-N", "", "-C", "me", "-f", str(path)], check=True
    )
    return path


def test_a_key_opens_an_account_made_in_the_same_run(
    module_host: KitchenHost, kitchen: Kitchen, converge: Converge, key: Path
) -> None:
    recipe = f"""
    user("ann", manage_home=True, shell="/bin/sh", password="*")
    authorized_key("ann", key={key.with_suffix(".pub").read_text()!r})
    """
    assert [s.status for s in converge(module_host, recipe)] == ["changed", "changed"]
    login = ["ssh", "-i", key, "-o", f"UserKnownHostsFile={kitchen.known_hosts}"]
    options = ["-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"]
    said = subprocess.run(
        [*map(str, login), *options, f"ann@{module_host.address}", "id -un"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.stdout == "ann\n", said.stderr
    listed = module_host.run("stat -c '%a %U %G' /home/ann/.ssh /home/ann/.ssh/authorized_keys")
    assert listed.stdout == "700 ann ann\n600 ann ann\n"
    assert [s.status for s in converge(module_host, recipe)] == ["ok", "ok"]


def test_lines_of_others_are_kept_to_the_letter(
    module_host: KitchenHost, converge: Converge
) -> None:
    host, file = module_host, "/home/bea/.ssh/authorized_keys"
    converge(host, 'user("bea", manage_home=True)')
    host.run(f"mkdir -m 700 /home/bea/.ssh; printf %s '{FOREIGN}' >{file}; chown -R bea /home/bea")
    one = 'authorized_key("one", user="bea", key="ssh-ed25519 AAAAone first")'
    two = 'authorized_key("two", user="bea", key="ssh-ed25519 AAAAtwo", key_options="restrict")'
    converge(host, f"{one}\n{two}")
    mine = "ssh-ed25519 AAAAone first\nrestrict ssh-ed25519 AAAAtwo\n"
    assert host.run(f"cat {file}").stdout == f"{FOREIGN}\n{mine}"
    assert {s.status for s in converge(host, f"{one}\n{two}")} == {"ok"}
    converge(host, one.replace('")', '", action="remove")'))
    assert host.run(f"cat {file}").stdout == f"{FOREIGN}\nrestrict ssh-ed25519 AAAAtwo\n"
    exact = 'authorized_key("bea", key="ssh-ed25519 AAAAtwo", exclusive=True)'
    [step] = converge(host, exact)
    assert step.change is not None
    assert step.change.note == "removes 2 keys that are not declared"
    assert host.run(f"cat {file}").stdout == "# by hand\n\nrestrict ssh-ed25519 AAAAtwo\n"
    assert [s.status for s in converge(host, exact)] == ["ok"]


@pytest.mark.parametrize("trap", ["folder", "file"])
def test_no_link_in_a_home_leads_root_astray(
    module_host: KitchenHost, converge: Converge, trap: str
) -> None:
    """A user who may write `.ssh` must not make root write, or give away, another file."""
    host, user = module_host, f"mallory{trap}"
    converge(host, f'user("{user}", manage_home=True)')
    host.run("mkdir -p /root/prize && touch /root/prize/authorized_keys && chmod 700 /root/prize")
    home = f"/home/{user}"
    if trap == "folder":
        host.run(f"ln -s /root/prize {home}/.ssh && chown -h {user} {home}/.ssh")
    else:
        host.run(
            f"install -d -o {user} -m 700 {home}/.ssh &&"
            f" ln -s /root/prize/authorized_keys {home}/.ssh/authorized_keys"
        )
    look = "stat -c '%n %U %a %Y %s' /root/prize /root/prize/*; cat /root/prize/*"
    before = host.run(look).stdout
    [step] = converge(host, f'authorized_key("{user}", key="ssh-ed25519 AAAAone")')
    assert host.run(look).stdout == before
    if trap == "folder":
        assert step.status == "failed"
    else:
        assert host.run(f"stat -c '%F %U' {home}/.ssh/authorized_keys").stdout == (
            f"regular file {user}\n"
        )


def test_a_folder_that_root_has_made_by_mistake_is_given_back(
    module_host: KitchenHost, converge: Converge
) -> None:
    converge(module_host, 'user("cid", manage_home=True)')
    module_host.run("mkdir -m 755 /home/cid/.ssh; touch /home/cid/.ssh/authorized_keys")
    recipe = 'authorized_key("cid", key="ssh-ed25519 AAAAone")'
    [step] = converge(module_host, recipe)
    assert step.status == "changed", step.error
    listed = module_host.run("stat -c '%a %U' /home/cid/.ssh /home/cid/.ssh/authorized_keys")
    assert listed.stdout == "700 cid\n600 cid\n"


def test_a_file_elsewhere_is_roots_and_readable(
    module_host: KitchenHost, converge: Converge
) -> None:
    recipe = """
    directory("/etc/ssh/keys")
    user("dan", manage_home=True)
    authorized_key("dan", key="ssh-ed25519 AAAAone", path="/etc/ssh/keys/dan")
    """
    assert {s.status for s in converge(module_host, recipe)} == {"changed"}
    assert module_host.run("stat -c '%a %U' /etc/ssh/keys/dan").stdout == "644 root\n"
    assert {s.status for s in converge(module_host, recipe)} == {"ok"}


@pytest.mark.parametrize("path", ["", "/etc/ssh/shared"])
def test_the_group_of_a_file_that_was_there_stays_and_an_undo_restores_all(
    module_host: KitchenHost, cook: Cook, path: str
) -> None:
    """As for a daemon that reads the keys by its group: a user may not give a file to it."""
    host, user = module_host, "eva" if path else "eve"
    file = path or f"/home/{user}/.ssh/authorized_keys"
    theirs = "" if path else f"chown {user}: $(dirname {file});"
    owner = "root" if path else user
    host.run(f"useradd -m {user}; mkdir -m 700 -p $(dirname {file}); {theirs} umask 0")
    host.run(f"echo 'ssh-ed25519 AAAAtheirs bob' >{file}; chown {owner}:daemon {file}")
    host.run(f"chmod 640 {file}")
    look = f"stat -c '%a %U %G' {file} $(dirname {file}); cat {file}"
    before = host.run(look).stdout
    assert before.startswith(f"640 {owner} daemon\n")
    where = f', path="{path}"' if path else ""
    key = f'authorized_key("{user}", key="ssh-ed25519 AAAAone"{where})'

    done = cook(host, "converge", recipe=key)
    assert done["status"] == 0, done
    assert f" {owner} daemon\n" in host.run(look).stdout
    undone = cook(host, "undo", "last", "--yes")
    assert undone["status"] == 0, str(undone["hosts"])
    assert host.run(look).stdout == before

    theirs = key.replace("AAAAone", "AAAAtheirs").replace(")", ', action="remove")')
    done = cook(host, "converge", recipe=theirs)
    assert done["status"] == 0, done
    assert f" {owner} daemon\n" in host.run(look).stdout
    undone = cook(host, "undo", "last", "--yes")
    assert undone["status"] == 0, str(undone["hosts"])
    assert host.run(look).stdout == before


def test_a_saved_plan_changes_one_file_of_a_user_twice(
    module_host: KitchenHost, cook: Cook, tmp_path: Path
) -> None:
    """Two keys, two jobs and two settings: side by side, and with something else in between."""
    host, plan = module_host, str(tmp_path / "saved.plan")
    host.run("useradd -m fay; printf '[s]\\na = 0\\n' >/etc/fay.ini; mkdir -p /etc/fay.d")
    pairs = (
        ('authorized_key("{0}", user="fay", key="ssh-ed25519 AAAA{0}")', ("one", "two")),
        ('cron("{0}", command="{0}", user="fay")', ("first", "second")),
        ('config_value("{0}", path="/etc/fay.ini", section="s", value=1)', ("a", "b")),
    )
    apart = 'file("/etc/fay.d/{0}", content="x")'
    declared = [
        pair.format(name)
        for pair, names in pairs
        for name in (*names, *(f"{name}x" for name in names))
    ]
    between = [apart.format(i) for i in range(len(declared))]
    mixed = [
        line
        for i, one in enumerate(declared)
        for line in ([one, between[i]] if i % 4 > 1 else [one])
    ]
    recipe = "\n".join(mixed)
    planned = cook(host, "plan", "-o", plan, recipe=recipe)
    assert planned["status"] == 2, planned["hosts"]
    assert planned["totals"]["unknown"] == 0, planned["hosts"]
    applied = cook(host, "apply", plan)
    assert applied["status"] == 0, applied["hosts"]
    keys = host.run("grep -c AAAA ~fay/.ssh/authorized_keys").stdout
    jobs = host.run("crontab -u fay -l | grep -c '^# cook'").stdout
    assert (keys, jobs) == ("4\n", "4\n")
    assert host.run("cat /etc/fay.ini").stdout == "[s]\na = 1\nb = 1\nax = 1\nbx = 1\n"
    assert cook(host, "plan", recipe=recipe)["status"] == 0
