"""`cook import` of hosts made by hand: the plan there is empty, and a copy is equal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.on_hosts.conftest import command

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
    typed: str
    """A declaration that is there in place of a file; empty if none can be."""

    judge: str
    """A command that must succeed there, and on a host that was converged to its recipe."""


HOSTS = [
    Made(
        "web",
        "bookworm",
        ("hunter2", "PRIVATE KEY", "$y$", "$6$"),
        frozenset(
            {"ann: password", "/etc/ssl/private/shop.key", "/etc/nginx/snippets/shop/backend.ini"}
        ),
        'sudo(\n    "ops",',
        "curl -fsS localhost:8080/health 2>/dev/null || exec 3<>/dev/tcp/localhost/8080",
    ),
    Made(
        "database",
        "bookworm",
        ("0123456789abcdef",),
        frozenset({"/etc/worker/worker.env"}),
        "",
        "systemctl is-active worker vacuum.timer nftables && mountpoint -q /srv/scratch"
        ' && [ "$(su postgres -c \'psql -Atc "show max_connections"\')" = 77 ]'
        " && nft list ruleset | grep -q 5432 && ! systemctl is-enabled logrotate.timer",
    ),
    Made(
        "mixed",
        "trixie",
        (),
        frozenset({"handmade", "/etc/carl.d/large"}),
        'apt_repository(\n    "contrib",',
        "sshd -T | grep -qx 'x11forwarding no' && [ ! -e /etc/cron.daily/apt-compat ]"
        " && crontab -l -u carl | grep -q '^PATH=' && [ -L /etc/profile.d/carl.link ]",
    ),
]

# What another host must have as well: accounts, packages, files with owners, enabled units.
_EQUAL = r"""
getent passwd | awk -F: '$3 >= 1000 { print $1 ":" $3 ":" $4 ":" $6 ":" $7 }
$3 < 1000 { print $1 ":" $6 ":" $7 }'
getent group | awk -F: '{ print $1 ":" $4 }'
dpkg-query -W -f '${Package} ${Status}\n' | grep -vx 'handmade .*'
apt-mark showhold
systemctl list-unit-files --no-legend --state=enabled,masked | awk '{ print $1, $2 }'
find /etc /usr/local -type f -o -type l | grep -vE '{}' | sort |
while read -r f; do stat -c '%n %a %U %G' "$f"; [ -L "$f" ] && readlink "$f" || md5sum <"$f"; done
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
    done = host.run((SCRIPTS / f"{made.script}.sh").read_text(), timeout=240)
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

    before = host.run(_equal()).stdout
    imported = command("import", host.name, *hosts, "-o", str(folder))
    assert imported["status"] == 0, imported["stderr"]
    names = {one["name"] for one in imported["left_out"]}
    assert {name for name in names if "resolv.conf" not in name} == made.left_out

    assert made.typed in Path(recipe).read_text()
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
