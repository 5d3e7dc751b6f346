"""`sshd_config` beside files of others: judged by `sshd -T`."""

from __future__ import annotations

import pytest

from cookbook.kitchen import KitchenHost
from tests.on_hosts.conftest import Converge

pytestmark = pytest.mark.hosts


def in_effect(host: KitchenHost, keyword: str, login: str = "") -> str:
    where = f"-C {login}" if login else ""
    return host.run(f"sshd -T {where} | grep '^{keyword} '").stdout.strip()


def test_a_setting_wins_over_files_that_are_read_first(
    fresh_host: KitchenHost, converge: Converge, plan: Converge
) -> None:
    folder = "/etc/ssh/sshd_config.d"
    fresh_host.run(f"echo 'X11Forwarding yes' >{folder}/50-cloud.conf")
    fresh_host.run(f"echo 'UseDNS yes' >{folder}/00-a.conf")

    recipe = "sshd_config('X11Forwarding', value='no')\nsshd_config('UseDNS', value='no')"
    steps = converge(fresh_host, recipe)
    assert [step.status for step in steps] == ["changed", "changed"]
    assert in_effect(fresh_host, "x11forwarding") == "x11forwarding no"
    assert in_effect(fresh_host, "usedns") == "usedns no"
    assert fresh_host.run(f"cat {folder}/00-a.conf").stdout == "UseDNS no\n"

    fresh_host.run(f"echo 'X11Forwarding yes' >{folder}/00-b.conf")
    assert in_effect(fresh_host, "x11forwarding") == "x11forwarding yes"
    [drifted, same] = plan(fresh_host, recipe)
    assert (drifted.status, same.status) == ("changed", "ok")
    converge(fresh_host, recipe)
    assert in_effect(fresh_host, "x11forwarding") == "x11forwarding no"

    old = "config_value('X11Forwarding', path='/etc/ssh/sshd_config', value='yes')"
    [warned] = converge(fresh_host, old)
    assert "is read first" in str(warned.change and warned.change.warning)


def test_a_host_without_an_include_has_the_setting_in_the_main_file(
    fresh_host: KitchenHost, converge: Converge
) -> None:
    main = "/etc/ssh/sshd_config"
    fresh_host.run(f"sed -i '/^Include/d' {main}")
    fresh_host.run(f"printf 'Match User games\\n  X11Forwarding no\\n' >>{main}")
    [step, _] = converge(
        fresh_host,
        "sshd_config('MaxAuthTries', value=3)\n"
        "sshd_config('x', keyword='MaxAuthTries', value=2, match='User games')",
    )
    assert step.status == "changed"
    assert in_effect(fresh_host, "maxauthtries") == "maxauthtries 3"
    games = "user=games,host=x,addr=192.0.2.9"
    assert in_effect(fresh_host, "maxauthtries", games) == "maxauthtries 2"
    assert fresh_host.run("ls /etc/ssh/sshd_config.d").stdout == "kitchen.conf\n"


def test_what_sshd_does_not_accept_is_not_written(
    fresh_host: KitchenHost, converge: Converge, plan: Converge
) -> None:
    [refused] = plan(fresh_host, "sshd_config('X11Forwarding', value='perhaps')")
    assert 'unsupported option "perhaps"' in str(refused.error)

    # sshd accepts the keyword, but not in a Match block: only all files together show that.
    [step] = converge(fresh_host, "sshd_config('UsePAM', value='no', match='Group games')")
    assert step.status == "failed"
    assert "not allowed within a Match block" in str(step.error)
    assert fresh_host.run("ls /etc/ssh/sshd_config.d").stdout == "kitchen.conf\n"
    assert fresh_host.run("sshd -t").returncode == 0
