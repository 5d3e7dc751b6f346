"""`cook import` of hosts made by hand: the plan there is empty, and a copy is equal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.on_hosts.conftest import HEADING, command

if TYPE_CHECKING:
    from cookbook.kitchen import Kitchen, KitchenHost

pytestmark = [pytest.mark.hosts, pytest.mark.slow]

SCRIPTS = Path(__file__).parents[1] / "importing" / "hosts"


class Made(NamedTuple):
    """A host that was made by hand."""

    script: str
    release: str
    secrets: tuple[str, ...]
    """Texts that must be in no file of the import."""

    left_out: frozenset[str]
    typed: tuple[str, ...]
    """Parts of declarations that are there in place of files and tables."""

    judge: str
    """A command that must succeed there, and on a host that was converged to its recipe."""

    before: str = ""
    """What both hosts have before: programs in place of what a container does not have."""

    rules: str = ""
    """The resources of a recipe that was converged on the host."""


# Swap space belongs to the machine, not to a container: a list in place of /proc/swaps, and a
# program that adds to it in place of swapon(8). They are in /run, which is not imported.
_SWAP = r"""
mkdir /run/swap
printf 'Filename Type Size Used Priority\n' >/run/swap/list
cat >/run/swap/on <<'SCRIPT'
#!/bin/sh
for f; do :; done
blkid -p -- "$f" | grep -q 'TYPE="swap"' || exit
echo "$f file $(($(stat -c %s -- "$f") / 1024 - 4)) 0 -2" >>/proc/swaps
SCRIPT
chmod 755 /run/swap/on
mount --bind /run/swap/list /proc/swaps
mount --bind /run/swap/on /usr/sbin/swapon
"""

_RULES = """
firewall_set("guests", elements=["198.51.100.0/24", "2001:db8:1::/48"])
firewall_rule("ssh", port=22, position=10)
firewall_rule("guests", protocol="none", source="@guests", command="reject", position=20)
firewall_rule("web", port=[80, 443], source=["192.0.2.0/24", "2001:db8::/48"], description="shop")
firewall_rule("pings", protocol="icmp", limit="10/second", burst=20, logging=True)
firewall_rule("mail", port=25, command="deny", direction="out", dest_interface="host9")
firewall_rule("routed", protocol="udp", port="6000:6100", direction="forward", stateful=True)
firewall("default", input="drop", forward="reject")
"""

HOSTS = [
    Made(
        "web",
        "bookworm",
        ("hunter2", "PRIVATE KEY", "$y$", "$6$"),
        frozenset(
            {"ann: password", "/etc/ssl/private/shop.key", "/etc/nginx/snippets/shop/backend.ini"}
        ),
        ('sudo(\n    "ops",',),
        "curl -fsS localhost:8080/health 2>/dev/null || exec 3<>/dev/tcp/localhost/8080",
    ),
    Made(
        "database",
        "bookworm",
        ("0123456789abcdef",),
        frozenset({"/etc/worker/worker.env"}),
        (),
        "systemctl is-active worker vacuum.timer nftables && mountpoint -q /srv/scratch"
        ' && [ "$(su postgres -c \'psql -Atc "show max_connections"\')" = 77 ]'
        " && nft list ruleset | grep -q 5432 && ! systemctl is-enabled logrotate.timer",
    ),
    Made(
        "mixed",
        "trixie",
        (),
        frozenset({"handmade", "/etc/carl.d/large", "ip guest input: tcp dport 23 drop"}),
        (
            'apt_repository(\n    "contrib",',
            'key="etc/apt/keyrings/later.asc"',
            'swap_file("/swapfile", size=16, persist=True)',
            'firewall_set("guests", elements=["198.51.100.0/24", "2001:db8:1::/48"])',
            'firewall_rule("ssh", port=22, position=10)',
            'firewall("default", input="drop", forward="reject")',
        ),
        "sshd -T | grep -qx 'x11forwarding no' && [ ! -e /etc/cron.daily/apt-compat ]"
        " && crontab -l -u carl | grep -q '^PATH=' && [ -L /etc/profile.d/carl.link ]"
        " && grep -q '^/swapfile file 16380 ' /proc/swaps"
        " && grep -qx '/swapfile none swap sw 0 0' /etc/fstab"
        " && apt-cache policy | grep -q trixie-backports/main"
        " && nft list chain inet cook output | grep -q 'tcp dport 25 drop'",
        _SWAP,
        _RULES,
    ),
]

# What another host must have as well: accounts, packages, files with owners, enabled units.
_EQUAL = r"""
getent passwd | awk -F: '$3 >= 1000 { print $1 ":" $3 ":" $4 ":" $6 ":" $7 }
$3 < 1000 { print $1 ":" $6 ":" $7 }'
getent group | awk -F: '{ print $1 ":" $4 }'
dpkg-query -W -f '${Package} ${Status}\n' | grep -vx 'handmade .*'
apt-mark showhold
nft list table inet cook 2>/dev/null
systemctl list-unit-files --no-legend --state=enabled,masked | awk '{ print $1, $2 }'
find /etc /usr/local -type f -o -type l | grep -vE '{}' | sort >/run/equal
xargs -d '\n' stat -c '%N %a %U %G' </run/equal
while read -r f; do [ -L "$f" ] || echo "$f"; done </run/equal | xargs -d '\n' md5sum
"""
_OWN = (
    r"^/etc/rc.\.d/|^/etc/(passwd|group|shadow|gshadow|subuid|subgid)-?$|host(name|s)$|machine-id|ssh_host_|/\.pwd"
    r"|ld\.so\.cache|resolv\.conf|adjtime|systemd/network/|carl\.d/large|shop\.key|backend\.ini"
    r"|worker\.env|\.rules\.[0-9]|snakeoil|\.dpkg-|/ssl/certs/[0-9a-f]{8}|locale\.gen|/apt/apt.conf.d/02auto"
)


@pytest.fixture
def pair(kitchen: Kitchen, request: Any) -> Iterator[tuple[Made, KitchenHost, KitchenHost]]:
    """A host that was made by hand, and a fresh one of the same release."""
    made: Made = request.param
    names = [made.script, f"{made.script}-copy"]
    host, copy = kitchen.up(names=names, release=made.release)
    for one in (host, copy):
        assert one.run(made.before).returncode == 0
    done = host.run((SCRIPTS / f"{made.script}.sh").read_text(), timeout=900)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    yield made, host, copy
    kitchen.down(names)


@pytest.mark.parametrize("pair", HOSTS, indirect=True, ids=lambda made: made.script)
def test_an_imported_host_is_in_line_and_its_copy_is_equal(
    pair: tuple[Made, KitchenHost, KitchenHost],
    kitchen: Kitchen,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COOK_STATE", str(tmp_path / "state"))
    made, host, copy = pair
    folder = tmp_path / made.script
    recipe = str(folder / f"{made.script}.py")
    hosts = ("--hosts", str(kitchen.hosts_yml), "--output", "json")
    if made.rules:
        (tmp_path / "rules.py").write_text(HEADING + made.rules)
        set_up = command("converge", str(tmp_path / "rules.py"), *hosts, "--limit", host.name)
        assert set_up["status"] == 0, set_up

    before = host.run(_equal()).stdout
    imported = command("import", host.name, *hosts, "-o", str(folder))
    assert imported["status"] == 0, imported["stderr"]
    names = {one["name"] for one in imported["left_out"]}
    assert {name for name in names if "resolv.conf" not in name} == made.left_out

    written = Path(recipe).read_text()
    assert [one for one in made.typed if one not in written] == []
    planned = command("plan", recipe, "--hosts", str(folder / "hosts.yml"), "--output", "json")
    assert planned["status"] == 0, planned
    assert host.run(_equal()).stdout == before
    assert command("lint", str(folder), "--output", "json")["findings"] == []
    texts = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert not [one for one in made.secrets if any(one.encode() in text for text in texts)]

    converged = command("converge", recipe, *hosts, "--limit", copy.name)
    assert converged["status"] == 0, converged
    again = command("converge", recipe, *hosts, "--limit", copy.name)
    assert [one for one in again["hosts"][copy.name]["resources"] if one["status"] != "ok"] == []
    for one in (host, copy):
        judged = one.run(f"exec bash -c '{_quoted(made.judge)}'")
        assert judged.returncode == 0, (one.name, judged.stdout, judged.stderr)
    assert _differences(host.run(_equal()).stdout, copy.run(_equal()).stdout) == []


def _equal() -> str:
    return _EQUAL.replace("{}", _OWN)


def _quoted(text: str) -> str:
    return text.replace("'", "'\\''")


def _differences(one: str, other: str) -> list[str]:
    """Return the lines that only one of the two has."""
    return sorted(
        {*one.splitlines()} ^ {*other.splitlines()}, key=lambda line: re.sub(r"\W", "", line)
    )
