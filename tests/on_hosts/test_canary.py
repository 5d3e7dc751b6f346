"""The canary test on a real host: over SSH, by a password, with a password for sudo."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from cookbook.kitchen import Kitchen, KitchenHost
from tests.canary import Cook, Needles, Sampler, canary, hits, needles, swept
from tests.on_hosts.sshd import configure
from tests.waiting import eventually

pytestmark = pytest.mark.hosts

PLANTED = [
    "login",
    "content",
    "large",
    "variable",
    "environment",
    "input",
    "guard",
    "options",
    "x",
    "own",
]
RECIPE = """
from cookbook.recipe import derived, node, secret
from cookbook.resources import authorized_key, directory, execute, file, template, user

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGyVh0q1v3u7uXQv0ZbY3m7cX6o0cV2f5kQ0Vv5Xc3aS me"
D = "/root/managed"
directory(D)
user("ann", password=node.vars["hash"], manage_home=True)
file(f"{D}/content", content=f"password={secret('content')}", owner="ann", mode="0600")
file(f"{D}/large", content=f"{secret('large')}\\n" * 20_000, mode="0600")
file(f"{D}/derived", content=derived("app"), mode="0600")
template(f"{D}/t", source="t.j2", variables={"v": secret("variable")}, mode="0600")
execute("environment", command='test -n "$T"', environment={"T": secret("environment")})
execute("input", command="cat; sleep .3", input=secret("input"), user="ann")
execute("as ann", command=f": {secret('input')}; sleep .3", user="ann")
execute("as ann, logged in", command=f": {secret('input')}; sleep .3", user="ann", login=True)
file("/home/ann/own", content=secret("own"), mode="0600", become_user="ann")
file("/home/ann/large", content=f"{secret('own')}\\n" * 20_000, mode="0600", become_user="ann")
execute("own", command="cat; sleep .3", input=secret("own"), become_user="ann",
        only_if=f": {secret('own')}; sleep .3")
execute("guard", command="true", only_if=f": {secret('guard')}; sleep .3")
file(f"{D}/verify", content="x", verify=f": {secret('x')}; sleep .3; test -e {{path}}")
authorized_key("ann", key=KEY, key_options=f'environment="T={secret("options")}"')
"""
LOOKED_AT = "/var/lib/cook /var/log /var/tmp /tmp /etc /home/paul /run/log"


@pytest.fixture
def paul(fresh_host: KitchenHost) -> str:
    """The password of a user who may log in by it, and needs it for sudo."""
    password = canary(tame=True)
    hashed = subprocess.run(
        ["openssl", "passwd", "-6", "-stdin"],
        input=password,
        text=True,
        capture_output=True,
        check=True,
    ).stdout.strip()
    made = fresh_host.run(
        f"useradd -m -s /bin/bash -p '{hashed}' paul && echo 'paul ALL=(ALL) ALL' >/etc/sudoers.d/p"
    )
    assert made.returncode == 0, made.stderr
    configure(fresh_host, "PasswordAuthentication yes")
    return password


@pytest.fixture
def cook(tmp_path: Path, kitchen: Kitchen, fresh_host: KitchenHost) -> Cook:
    cook = Cook(tmp_path)
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/t.j2").write_text("{{ v }}\n")
    (tmp_path / "r.py").write_text(RECIPE)
    (tmp_path / "plan.key").touch(0o600)
    (tmp_path / "plan.key").write_text("the key of a plan, which no plan has in it")
    (tmp_path / "fails.py").write_text(
        "from cookbook.recipe import secret\nfrom cookbook.resources import execute, file\n"
        "execute('x', command=f'echo {secret(\"x\")} >&2; logger x; false', ignore_failure=True)\n"
        "file('/proc/x', content=secret('x'))\n"
    )
    (tmp_path / "hosts.yml").write_text(f"""
hosts:
  h:
    address: {fresh_host.address}
    user: paul
    password: !secret login
    become: sudo
    become_password: !secret login
    known_hosts: {kitchen.known_hosts}
    vars: {{hash: !secret hash}}
""")
    return cook


def test_no_canary_is_seen_or_heard_on_either_side(
    cook: Cook, fresh_host: KitchenHost, paul: str
) -> None:
    values = {name: canary(tame=True) for name in PLANTED} | {"login": paul}
    values["hash"] = f"$6$salt${(canary(tame=True) * 5)[:86]}"
    wanted = needles(values)
    run = ["--hosts", "hosts.yml", "-vv"]

    sampler = Sampler(wanted)
    with sampler.watching():
        cook.keep(values)
        assert cook("plan", "r.py", *run, "-o", "sealed", "--key", "plan.key") == 2, cook.said[-2:]
        # What was unknown in the plan is left, and that is said.
        assert cook("apply", "sealed", *run, "--key", "plan.key") == 2, cook.said[-2:]
        assert cook("converge", "r.py", *run, "--report", "r.html") == 0, cook.said[-2:]
        fresh_host.run("echo changed >>/root/managed/content; echo changed >/root/managed/t")
        assert cook("drift", "r.py", *run, "--record") == 2
        assert cook("converge", "r.py", *run, "--output", "json") == 0, cook.said[-2:]
        assert cook("undo", "last", *run, "--yes", "--partial") == 0, cook.said[-2:]
        assert cook("converge", "fails.py", *run) == 3
        cook("show", "last", "-v")

    assert sampler.rounds > 20
    assert sampler.found == {}
    for text in cook.said:
        assert hits(text, wanted) == [], text.decode()
    assert swept([cook.folder], wanted) == {}
    _the_host_tells_nothing(fresh_host, wanted)


def _the_host_tells_nothing(host: KitchenHost, wanted: Needles) -> None:
    journal = host.run(
        "journalctl --sync; journalctl --no-pager -o export; cat /var/log/*.log 2>/dev/null"
    ).stdout
    assert "sudo" in journal
    assert hits(journal.encode(), wanted) == []
    forms = b"\n".join(form for every in wanted.values() for form in every)
    listed = host.run(
        f"printf '%s' '{forms.decode()}' >/root/forms; grep -rlaFf /root/forms {LOOKED_AT}"
        " --exclude=shadow --exclude='shadow-'"
    )
    told = listed.stdout.split()
    assert told, "what was replaced is in the stash"
    assert [path for path in told if not path.startswith("/var/lib/cook/stash/")] == []
    modes = host.run("stat -c %a /var/lib/cook/stash; find /var/lib/cook/stash -type f -perm /77")
    assert modes.stdout == "700\n"


def test_a_wrong_password_costs_one_attempt(
    cook: Cook,
    fresh_host: KitchenHost,
    paul: str,  # noqa: ARG001 - who has another one
) -> None:
    cook.keep({"login": "wrong-password", "hash": "x"})
    (cook.folder / "a.py").write_text("")

    assert cook("converge", "a.py", "--hosts", "hosts.yml") == 4

    assert b"does not take the password" in cook.said[-2] + cook.said[-1]

    def said() -> str:
        return fresh_host.run("journalctl --sync; journalctl --no-pager -u ssh").stdout

    # The last that sshd says of a connection: all attempts have been told then.
    eventually(lambda: "authenticating user paul" in said())
    assert said().count("Failed password for paul") == 1
