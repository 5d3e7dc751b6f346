"""The lives of types whose tools and files differ between releases, on Debian 11 and 13."""

from __future__ import annotations

from pathlib import Path

import pytest

from cookbook.kitchen import Kitchen
from cookbook.testing import check_lives, load_life
from tests.on_hosts.conftest import in_process

HERE = Path(__file__).parent
TYPES = (
    *("acl", "alternatives", "apt_preference", "apt_repository", "apt_update", "authorized_key"),
    *("cron", "cron_d", "debconf_selection", "directory", "dpkg_divert", "env_var", "file"),
    *("file_attributes", "firewall", "firewall_rule", "group", "hostname", "hosts_entry"),
    *("kernel_module", "locale", "logrotate", "mount", "ntp", "package", "resolver", "service"),
    *("ssh_config", "sshd_config", "sudo", "swap_file", "sysctl", "systemd_unit", "timezone"),
    *("user", "user_ulimit"),
)
"""The others read and write in the same way everywhere, or need a database of one version."""


@pytest.mark.hosts
@pytest.mark.slow
@pytest.mark.parametrize(("release", "version"), [("bullseye", "11"), ("trixie", "13")])
def test_the_lives_on_another_release(
    kitchen: Kitchen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, release: str, version: str
) -> None:
    monkeypatch.setenv("COOK_STATE", str(tmp_path / "state"))
    (folder := tmp_path / "recipes").mkdir()
    [host] = kitchen.up(names=[release], release=release)
    try:
        assert f'VERSION_ID="{version}"' in host.run("cat /etc/os-release").stdout
        host.run("su admin -c 'sudo true'")  # sudo leaves a note in the home at its first use
        lives = [load_life(HERE / f"{kind}.yml") for kind in TYPES]
        check_lives(lives, host, kitchen.hosts_yml, folder, in_process)
    finally:
        kitchen.down([release])
