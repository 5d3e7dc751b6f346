"""`htpasswd` judged by htpasswd(1) of Apache, which checks passwords."""

from __future__ import annotations

import secrets

import pytest

from cookbook.kitchen import KitchenHost
from tests.on_hosts.conftest import Converge

pytestmark = pytest.mark.hosts

RECIPE = """
from cookbook.secrets.secret import Secret
for name, method in (("ann", "bcrypt"), ("bob", "sha512"), ("eve", "apr1")):
    htpasswd(name, path="/etc/users", password=Secret(node.vars["password"]), method=method)
"""


def takes(host: KitchenHost, user: str, password: str) -> bool:
    done = host.run(f"htpasswd -vi /etc/users {user} <<'END'\n{password}\nEND")
    return done.returncode == 0


def test_a_password_in_the_clear_is_compared_with_any_hash(
    fresh_host: KitchenHost, converge: Converge
) -> None:
    installed = fresh_host.run("apt-get install -y apache2-utils", timeout=900)
    assert installed.returncode == 0, installed.stderr
    first, second = f"cnry{secrets.token_hex(8)} ä'$x", f"cnry{secrets.token_hex(8)}"
    users = ("ann", "bob", "eve")

    steps = converge(fresh_host, RECIPE, variables={"password": first})
    assert [step.status for step in steps] == ["changed"] * 3
    assert all(takes(fresh_host, user, first) for user in users)
    assert not any(takes(fresh_host, user, second) for user in users)
    assert fresh_host.run("stat -c '%a %U' /etc/users").stdout == "640 root\n"

    # Hashes of Apache's own tool fit, too: nothing is changed.
    for user, how in (("ann", "-m"), ("bob", "-B"), ("eve", "-s")):
        fresh_host.run(f"htpasswd -i {how} /etc/users {user} <<'END'\n{first}\nEND")
    again = converge(fresh_host, RECIPE, variables={"password": first})
    assert [step.status for step in again] == ["ok"] * 3

    changed = converge(fresh_host, RECIPE, variables={"password": second})
    assert [step.status for step in changed] == ["changed"] * 3
    assert all(takes(fresh_host, user, second) for user in users)
    assert not any("cnry" in str(step.change) for step in changed)
    found = fresh_host.run("grep -rlE 'cnry[0-9a-f]{16}' /var /etc /root /tmp /run")
    assert found.stdout == ""
