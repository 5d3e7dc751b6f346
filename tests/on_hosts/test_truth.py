"""On a fresh host: the run does what the plan says, and then nothing is left to do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cookbook.kitchen import KitchenHost
from cookbook.planning.step import Step
from tests.on_hosts.manifest import difference, manifest
from tests.planning.test_truth import keeps_its_word

pytestmark = pytest.mark.hosts

Converge = Callable[..., list[Step]]

REPOSITORY = r"""
build() { name=$1; shift; mkdir -p /tmp/build/DEBIAN /srv/repo
{ printf 'Package: %s\nVersion: 1\nArchitecture: all\nDescription: a test\n' $name
printf 'Maintainer: cook <cook@example.org>\n'; } >/tmp/build/DEBIAN/control
dpkg-deb --build /tmp/build /srv/repo/$name-1.deb >/dev/null; rm -rf /tmp/build; }
mkdir -p /tmp/build/etc/brought/conf.d /tmp/build/lib/systemd/system
echo default >/tmp/build/etc/brought/main.conf
printf '[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n' \
    >/tmp/build/lib/systemd/system/brought.service
build brought
mkdir -p /tmp/build/etc/leaves.d /tmp/build/usr/share/leaves/page /tmp/build/lib/systemd/system
echo default >/tmp/build/etc/leaves.d/default; ln -s default /tmp/build/etc/leaves.d/enabled
printf '[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n' \
    >/tmp/build/lib/systemd/system/leaves.service
mkdir -p /tmp/build/DEBIAN; printf '#!/bin/sh\nset -e\n
adduser --system --group leaves\nsystemctl enable --now leaves\n' >/tmp/build/DEBIAN/postinst
chmod 755 /tmp/build/DEBIAN/postinst
build leaves
cd /srv/repo; for deb in *.deb; do dpkg-deb -f $deb; echo "Filename: ./$deb"
echo "Size: $(stat -c %s $deb)"; echo "SHA256: $(sha256sum <$deb | cut -c1-64)"; echo
done >Packages
rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* /var/lib/apt/lists/*
echo 'deb [trusted=yes] file:/srv/repo ./' >/etc/apt/sources.list.d/local.list
apt-get update -qq
"""

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6MDEyMzQ1 ann@laptop"

RECIPES = {
    "people": f"""
        group("www")
        user("deploy", groups=["www"], shell="/bin/bash", manage_home=True)
        group("staff2", members=["deploy"])
        directory("/srv/app/releases", recursive=True, owner="deploy", group="www")
        directory("/srv/app", owner="deploy", mode="0750")
        file("/srv/app/releases/README", content="hi\\n", owner="deploy", mode="0640")
        link("/srv/app/current", to="/srv/app/releases", owner="deploy")
        file("/srv/app/current/through", content="x", manage_symlink_source=True)
        file("/home/deploy/.profile2", content="x", owner="deploy")
        authorized_key("deploy", key="{KEY}")
        cron("tidy", command="true", user="deploy", hour=3)
        execute("as deploy", command="id -un >/tmp/who", user="deploy", cwd="/srv/app",
                creates="/tmp/who")
        """,
    "a unit of our own": """
        file("/etc/systemd/system/ours.service",
             content="[Service]\\nExecStart=/bin/sleep infinity\\n[Install]\\n"
                     "WantedBy=multi-user.target\\n",
             notifies=[delayed("restart", "service[ours]")])
        service("ours", action=["enable", "start"])
        file("/etc/ours.conf", content="x", notifies=[delayed("restart", "service[ours]")])
        """,
    "what a package brings": """
        package("brought")
        file("/etc/brought/conf.d/ours.conf", content="x\\n",
             notifies=[delayed("restart", "service[brought]")])
        file("/etc/brought/main.conf", content="ours\\n", backup=False)
        service("brought", action=["enable", "start"])
        firewall_rule("ssh", port=22)
        firewall_rule("web", port=[80, 443])
        file("/etc/default/unrelated", content="x", only_if="test -d /etc/brought")
        """,
}

UNWANTED = """
    package("leaves")
    link("/etc/leaves.d/enabled", action="delete")
    file("/etc/leaves.d/default", action="delete", backup=False)
    directory("/usr/share/leaves", action="delete", recursive=True)
    service("leaves", action=["disable", "stop"])
    user("leaves", action="remove")
    line("x", path="/etc/leaves.d/other", action="delete")
"""
"""What is not wanted is absent as well before the package comes: a plan may not call that ok."""

GOING = """
    service("ours", action=["disable", "stop"])
    file("/etc/systemd/system/ours.service", action="delete")
    service("ours gone", service_name="ours", action="stop")
    package("brought", action="purge")
    service("brought", action=["stop", "disable"])
    file("/etc/brought/main.conf", action="delete")
    directory("/srv/app", action="delete", recursive=True)
    file("/srv/app/releases/README", action="delete")
    cron("tidy", user="deploy", action="delete")
    user("deploy", action="remove", manage_home=True)
    directory("/home/deploy", action="delete")
    group("www", action="remove")
    execute("who", command="true", only_if="test -d /srv/app")
"""


def _truthful(host: KitchenHost, recipe: str, plan: Converge, converge: Converge) -> list[Step]:
    before = manifest(host)
    planned = plan(host, recipe)
    assert [(str(s.resource), str(s.error)) for s in planned if s.status == "failed"] == []
    assert difference(before, manifest(host)) == []

    done = converge(host, recipe)

    assert [(str(s.resource), str(s.error)) for s in done if s.status == "failed"] == []
    keeps_its_word(planned, done)
    left = [s for s in plan(host, recipe) if s.status in ("changed", "unknown", "failed")]
    assert [str(s.resource) for s in left] == []
    return planned


def test_a_fresh_host(fresh_host: KitchenHost, plan: Converge, converge: Converge) -> None:
    """One recipe after the other; then all that they made goes again."""
    done = fresh_host.run(REPOSITORY)
    assert done.returncode == 0, done.stderr
    unknown = {}
    for name, recipe in RECIPES.items():
        planned = _truthful(fresh_host, recipe, plan, converge)
        unknown[name] = [s.resource.identity for s in planned if s.status == "unknown"]

    assert unknown["a unit of our own"] == []
    assert "/srv/app/releases/README" not in unknown["people"]
    assert {"/srv/app", "/srv/app/current/through"} < {*unknown["people"]}
    assert "/etc/brought/conf.d/ours.conf" in unknown["what a package brings"]

    _truthful(fresh_host, GOING, plan, converge)


def test_what_a_package_brings_and_nobody_wants(
    fresh_host: KitchenHost, plan: Converge, converge: Converge
) -> None:
    assert fresh_host.run(REPOSITORY).returncode == 0

    planned = _truthful(fresh_host, UNWANTED, plan, converge)

    first, *others = planned
    assert first.status == "changed"
    assert {step.status for step in others} == {"unknown"}
    assert {step.until for step in others} == {"package[leaves]"}
    gone = "! [ -e /etc/leaves.d/default ] && ! [ -L /etc/leaves.d/enabled ] && ! id leaves"
    assert fresh_host.run(f"{gone} && ! systemctl is-active leaves").returncode == 0


def test_all_of_it_at_once(fresh_host: KitchenHost, plan: Converge, converge: Converge) -> None:
    fresh_host.run(REPOSITORY)

    _truthful(fresh_host, "".join(RECIPES.values()), plan, converge)
