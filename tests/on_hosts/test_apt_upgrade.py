"""`apt_upgrade` with a repository on the host: judged by dpkg-query(1) and apt-mark(8)."""

from __future__ import annotations

import pytest

from cookbook.kitchen import KitchenHost
from tests.on_hosts.conftest import Converge, Cook

pytestmark = pytest.mark.hosts

# Two repositories, of which one says that it has security updates. `up-lib` of the second version
# needs a new package; `up-odd` of the second version removes another one.
REPOSITORIES = """
set -e
build() { repo=$1 name=$2 version=$3; shift 3; mkdir -p /tmp/build/DEBIAN /srv/$repo
{ printf 'Package: %s\\nVersion: %s\\nArchitecture: all\\n' $name $version
printf 'Maintainer: cook <cook@example.org>\\nDescription: a test\\n'
for field; do printf '%s\\n' "$field"; done; } >/tmp/build/DEBIAN/control
dpkg-deb --build /tmp/build /srv/$repo/$name-$version.deb >/dev/null; rm -r /tmp/build; }
for n in up-lib up-fix up-odd up-rest up-held; do build main $n 1.0; done
build main up-lib 2.0 'Depends: up-new'; build main up-new 1.0; build main up-held 2.0
build main up-odd 2.0 'Conflicts: up-rest'; build main up-lost 2.0
build security up-fix 1.1; build lost up-lost 1.0; build main up-dep 1.0
rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*; rm -rf /var/lib/apt/lists/*
for repo in main security lost; do cd /srv/$repo; for deb in *.deb; do dpkg-deb -f $deb
echo "Filename: ./$deb"; echo "Size: $(stat -c %s $deb)"
echo "SHA256: $(sha256sum <$deb | cut -c1-64)"; echo; done >Packages
printf 'Label: %s\\nSuite: stable\\nSHA256:\\n %s %s Packages\\n' \
$([ $repo = security ] && echo Debian-Security || echo Main) \
"$(sha256sum <Packages | cut -c1-64)" "$(stat -c %s Packages)" >Release
echo "deb [trusted=yes] file:/srv/$repo ./" >/etc/apt/sources.list.d/$repo.list; done
apt-get update -qq
set -- up-lib=1.0 up-fix=1.0 up-odd=1.0 up-rest up-held=1.0 up-lost=1.0 up-dep
apt-get install -qq "$@" >/dev/null
apt-mark hold up-held >/dev/null; apt-mark auto up-dep up-fix >/dev/null
rm -r /etc/apt/sources.list.d/lost.list /srv/lost; apt-get update -qq
"""
NAMES = "up-dep up-fix up-held up-lib up-lost up-new up-odd up-rest"


def there(host: KitchenHost) -> str:
    """The versions of the packages that are installed."""
    ask = "dpkg-query -W -f '${db:Status-Status} ${Package}=${Version}\\n' "
    lines = host.run(f"{ask} {NAMES} 2>/dev/null").stdout.splitlines()
    return " ".join(line.split()[1] for line in sorted(lines) if line.startswith("installed "))


BEFORE = "up-dep=1.0 up-fix=1.0 up-held=1.0 up-lib=1.0 up-lost=1.0 up-odd=1.0 up-rest=1.0"


@pytest.fixture
def stale(fresh_host: KitchenHost) -> KitchenHost:
    done = fresh_host.run(REPOSITORIES, timeout=120)
    assert done.returncode == 0, done.stderr
    assert there(fresh_host) == BEFORE
    return fresh_host


def test_security_updates_alone_come_and_go(stale: KitchenHost, cook: Cook) -> None:
    recipe = "apt_upgrade('x', security_only=True)"
    planned = cook(stale, "plan", recipe=recipe)
    [told] = planned["hosts"][stale.name]["resources"]
    assert "up-fix=1.1" in str(told)
    assert "up-lib" not in str(told["changes"])
    assert there(stale) == BEFORE

    done = cook(stale, "converge", recipe=recipe)
    assert done["status"] == 0, done
    assert there(stale) == BEFORE.replace("up-fix=1.0", "up-fix=1.1")
    assert "up-fix" in stale.run("apt-mark showauto").stdout.split()
    again = cook(stale, "converge", recipe=recipe)
    assert [r["status"] for r in again["hosts"][stale.name]["resources"]] == ["ok"]
    undone = cook(stale, "undo", done["run"], "--yes")
    assert undone["status"] == 0, str(undone["hosts"])
    assert there(stale) == BEFORE
    assert "up-fix" in stale.run("apt-mark showauto").stdout.split()


def test_a_safe_upgrade_removes_nothing_and_names_what_cannot_come_back(
    stale: KitchenHost, converge: Converge
) -> None:
    stale.run("apt-mark manual up-dep up-fix")
    [step] = converge(stale, "apt_upgrade('x')")
    assert step.status == "changed", step.error
    assert step.change is not None
    assert "not undoable: no repository has up-lost=1.0" in str(step.change.note)
    assert step.change.warning == "kept back: up-held, up-odd"
    after = "up-dep=1.0 up-fix=1.1 up-held=1.0 up-lib=2.0 up-lost=2.0 up-new=1.0 up-odd=1.0"
    assert there(stale) == f"{after} up-rest=1.0"
    [again] = converge(stale, "apt_upgrade('x')")
    assert again.status == "ok"


def test_a_full_upgrade_removes_what_is_in_the_way_or_not_needed(
    stale: KitchenHost, cook: Cook
) -> None:
    stale.run("apt-mark manual up-fix; rm /srv/main/up-lost-2.0.deb")
    stale.run("apt-mark hold up-lost")
    recipe = "apt_upgrade('x', mode='full', autoremove=True)"
    done = cook(stale, "converge", recipe=recipe)
    assert done["status"] == 0, done
    after = "up-fix=1.1 up-held=1.0 up-lib=2.0 up-lost=1.0 up-new=1.0 up-odd=2.0"
    assert there(stale) == after
    undone = cook(stale, "undo", done["run"], "--yes")
    assert undone["status"] == 0, str(undone["hosts"])
    assert there(stale) == BEFORE
    assert cook(stale, "undo", "last", "--yes")["status"] == 0
    assert there(stale) == after
