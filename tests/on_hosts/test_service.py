"""Services on a real host, judged by systemctl(1) from within it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from cookbook.kitchen import KitchenHost
from cookbook.planning.step import Step
from tests.on_hosts.conftest import Cook
from tests.on_hosts.manifest import statuses
from tests.waiting import eventually

pytestmark = pytest.mark.hosts

Converge = Callable[..., list[Step]]

UNIT = """
cat >/etc/systemd/system/{name} <<'END'
[Service]
{service}
[Install]
WantedBy=multi-user.target
END
systemctl daemon-reload
"""


def unit(host: KitchenHost, name: str, *service: str) -> None:
    """Give the host a unit, by other means than ours."""
    done = host.run(UNIT.format(name=name, service="\n".join(service)))
    assert done.returncode == 0, done.stderr


def states(host: KitchenHost, name: str) -> tuple[str, str]:
    """Whether it runs, and whether it is enabled."""
    active = host.run(f"systemctl is-active {name}").stdout.strip()
    return active, host.run(f"systemctl is-enabled {name}").stdout.strip()


def starts(host: KitchenHost, name: str) -> int:
    """How often it was started, by its own account."""
    return len(host.run(f"cat /tmp/{name}.starts").stdout.split())


def acts(steps: list[Step]) -> list[str]:
    return [s.change.act for s in steps if s.change is not None and s.change.act is not None]


COUNTING = (
    "ExecStartPre=/bin/sh -c 'echo x >>/tmp/%p.starts'",  # systemctl waits for its end
    "ExecStart=/bin/sleep infinity",
    "ExecReload=/bin/sh -c 'echo x >>/tmp/%p.reloads'",
)


def test_enabled_and_started_then_in_line_then_neither(
    module_host: KitchenHost, converge: Converge, plan: Converge
) -> None:
    unit(module_host, "one.service", *COUNTING)
    recipe = 'service("one", action=["enable", "start"], settle=0.2)'
    assert statuses(plan(module_host, recipe)) == ["changed"]
    assert states(module_host, "one") == ("inactive", "disabled")
    assert statuses(converge(module_host, recipe, user="admin")) == ["changed"]
    assert states(module_host, "one") == ("active", "enabled")
    assert statuses(converge(module_host, recipe)) == ["ok"]
    off = 'service("one", action=["stop", "disable"])'
    assert statuses(converge(module_host, off)) == ["changed"]
    assert states(module_host, "one") == ("inactive", "disabled")


def test_a_restart_is_done_once_and_swallows_a_reload(
    module_host: KitchenHost, converge: Converge
) -> None:
    unit(module_host, "two.service", *COUNTING)
    module_host.run("systemctl start two")
    recipe = """
        for n in "abc":
            file(f"/etc/two-{n}", content="%s", notifies=[delayed("restart", "service[two]")])
        file("/etc/two-d", content="%s", notifies=[delayed("reload", "service[two]")])
        service("two", settle=0.2)
    """
    steps = converge(module_host, recipe % (1, 1))
    assert statuses(steps)[:5] == ["changed"] * 4 + ["ok"]
    assert acts(steps) == ["restart"]
    assert starts(module_host, "two") == 2
    assert module_host.run("test -e /tmp/two.reloads").returncode != 0
    assert set(statuses(converge(module_host, recipe % (1, 1)))) == {"ok"}
    assert starts(module_host, "two") == 2
    assert acts(converge(module_host, recipe % (1, 2))) == ["reload"]
    assert module_host.run("cat /tmp/two.reloads").stdout.split() == ["x"]


def test_a_start_amounts_to_the_restart_asked_for_before_it(
    module_host: KitchenHost, converge: Converge
) -> None:
    unit(module_host, "three.service", *COUNTING)
    recipe = """
        file("/etc/three", content="1", notifies=[delayed("restart", "service[three]")])
        service("three", action="start", settle=0.2)
    """
    assert statuses(converge(module_host, recipe)) == ["changed", "changed"]
    assert starts(module_host, "three") == 1


@pytest.mark.parametrize("restart", ["no", "always"])
def test_a_unit_that_dies_soon_is_a_failure_with_its_journal(
    module_host: KitchenHost, converge: Converge, restart: str
) -> None:
    complaint = "ExecStart=/bin/sh -c 'echo cannot bind to port 80 >&2; sleep 0.3; exit 3'"
    unit(module_host, f"dies-{restart}.service", complaint, f"Restart={restart}")
    start = time.monotonic()
    [step] = converge(module_host, f'service("dies-{restart}", action="start", settle=4)')
    assert step.status == "failed"
    assert time.monotonic() - start < 60  # a start may take 90 s
    said = str(step.error)
    assert f"`systemctl start -- dies-{restart}.service` ended with status 1" in said
    assert "cannot bind to port 80" in said
    assert f"dies-{restart}.service is" in said
    module_host.run(f"systemctl stop dies-{restart}")


def test_a_unit_that_cannot_start_is_a_failure_with_its_journal(
    module_host: KitchenHost, converge: Converge
) -> None:
    what = "ExecStart=/bin/sh -c 'echo no configuration; exit 4'"
    unit(module_host, "fails.service", "Type=oneshot", what)
    [step] = converge(module_host, 'service("fails", action="start")')
    assert step.status == "failed"
    assert "no configuration" in str(step.error)
    assert "ExecMainStatus=4" in str(step.error)


def test_a_unit_that_failed_too_often_starts_once_it_is_mended(
    module_host: KitchenHost, converge: Converge
) -> None:
    limits = ("Restart=no", "[Unit]", "StartLimitIntervalSec=1h", "StartLimitBurst=2")
    unit(module_host, "mended.service", "ExecStart=/bin/false", *limits)
    failed = "until systemctl is-failed -q mended; do sleep 0.1; done"
    module_host.run(f"for i in 1 2 3 4; do systemctl start mended; {failed}; done")
    assert states(module_host, "mended")[0] == "failed"
    unit(module_host, "mended.service", "ExecStart=/bin/sleep infinity", *limits)
    assert statuses(converge(module_host, 'service("mended", action="start")')) == ["changed"]
    assert states(module_host, "mended")[0] == "active"


def test_a_unit_in_a_crash_loop_is_not_said_to_run(
    module_host: KitchenHost, converge: Converge, plan: Converge
) -> None:
    again = ("Restart=always", "RestartSec=1h")
    unit(module_host, "loops.service", "ExecStart=/bin/sh -c 'echo broken; exit 1'", *again)
    module_host.run("systemctl start loops")
    eventually(lambda: states(module_host, "loops")[0] == "activating")  # its next start is awaited
    assert statuses(plan(module_host, 'service("loops", action="start")')) == ["changed"]
    assert statuses(converge(module_host, 'service("loops", action="stop")')) == ["changed"]
    assert states(module_host, "loops")[0] in ("inactive", "failed")


def test_a_unit_that_systemd_has_just_restarted_is_told_of(
    module_host: KitchenHost, converge: Converge, plan: Converge
) -> None:
    ends = ("ExecStart=/bin/sh -c 'sleep 4; exit 1'", "Restart=always", "RestartSec=1")
    unit(module_host, "dies-later.service", *ends)
    unit(module_host, "steady.service", "ExecStart=/bin/sleep infinity", "Restart=always")
    recipe = 'service("steady", action="start")\nservice("dies-later", action="start")'
    assert statuses(converge(module_host, recipe)) == ["changed", "changed"]  # it dies after that
    count = "systemctl show -P NRestarts dies-later"
    eventually(lambda: int(module_host.run(count).stdout) > 0)
    steady, looping = plan(module_host, recipe)
    assert steady.change is not None
    assert (steady.status, steady.change.warning) == ("ok", None)
    assert looping.change is not None
    assert looping.change.warning is not None
    assert "systemd has restarted it " in looping.change.warning
    assert "`journalctl -u dies-later.service` has the reason" in looping.change.warning
    module_host.run("systemctl stop dies-later steady")


def test_a_crash_loop_is_ended_by_a_start_of_what_was_mended(
    module_host: KitchenHost, converge: Converge
) -> None:
    again = ("Restart=always", "RestartSec=1h")
    unit(module_host, "spins.service", "ExecStart=/bin/false", *again)
    module_host.run("systemctl start spins")
    eventually(lambda: states(module_host, "spins")[0] == "activating")
    unit(module_host, "spins.service", "ExecStart=/bin/sleep infinity", *again)
    assert statuses(converge(module_host, 'service("spins", action="start", timeout=20)')) == [
        "changed"
    ]


HELD = """
mkdir -p /etc/systemd/system/ssh.service.d
cat >/etc/systemd/system/ssh.service.d/held.conf <<'END'
[Service]
ExecStartPre=/bin/sh /run/hold-the-port
END
cat >/run/hold-the-port <<'END'
[ -e /run/hold ] || exit 0
rm /run/hold; systemd-run -q --unit=holds /run/listen
until [ "$(ss -ltnH 'sport = :22')" ]; do sleep 0.1; done
END
cat >/run/listen <<'END'
#!/usr/bin/perl
use Socket qw(:all);
socket(my $held, AF_INET6, SOCK_STREAM, 0) or die $!;
setsockopt($held, SOL_SOCKET, SO_REUSEADDR, pack("i", 1)) or die $!;
bind($held, pack_sockaddr_in6(22, inet_pton(AF_INET6, "::"))) or die $!;
listen($held, 1) or die $!;
for (1 .. 600) { last unless system(q(
journalctl --sync; journalctl -t sshd -o cat --no-pager | grep -q "Address already in use"));
select undef, undef, undef, 0.1 }
END
chmod +x /run/listen; touch /run/hold; systemctl daemon-reload
"""


def test_sshd_is_started_again_where_its_port_is_held_for_a_moment(
    module_host: KitchenHost, converge: Converge
) -> None:
    """A process that sshd has forked for a login, and that has not begun yet, holds the port."""
    try:
        done = module_host.run(HELD)
        assert done.returncode == 0, done.stderr
        steps = converge(module_host, 'service("ssh", action="restart")')
        assert [step.error for step in steps] == [None]
        assert states(module_host, "ssh")[0] == "active"
        told = module_host.run("journalctl --sync; journalctl -t sshd -o cat --no-pager").stdout
        assert "Address already in use" in told  # the fault was there
    finally:
        module_host.run("rm -r /etc/systemd/system/ssh.service.d; systemctl daemon-reload")
        module_host.run("systemctl reset-failed ssh; systemctl restart ssh")


def test_a_oneshot_is_run_and_said_to_be(module_host: KitchenHost, converge: Converge) -> None:
    what = "ExecStart=/bin/sh -c 'echo x >>/tmp/%p.starts'"
    unit(module_host, "task.service", "Type=oneshot", what)
    steps = converge(module_host, 'service("task", action="start")')
    assert (statuses(steps), acts(steps)) == (["changed"], ["start"])
    assert starts(module_host, "task") == 1


def test_masked_is_said_and_undone(module_host: KitchenHost, converge: Converge) -> None:
    unit(module_host, "hidden.service", *COUNTING)
    module_host.run("mv /etc/systemd/system/hidden.service /usr/lib/systemd/system")
    module_host.run("systemctl daemon-reload")
    mask = 'service("hidden", action=["stop", "mask"])'
    assert statuses(converge(module_host, mask)) == ["changed"]
    assert states(module_host, "hidden") == ("inactive", "masked")
    assert statuses(converge(module_host, mask)) == ["ok"]
    [refused] = converge(module_host, 'service("hidden", action="start")')
    assert "is masked" in str(refused.error)
    unmask = 'service("hidden", action=["unmask", "enable", "start"], settle=0.2)'
    assert statuses(converge(module_host, unmask)) == ["changed"]
    assert states(module_host, "hidden") == ("active", "enabled")
    module_host.run("systemctl mask --runtime hidden")
    assert statuses(converge(module_host, 'service("hidden", action="unmask")')) == ["changed"]
    assert states(module_host, "hidden") == ("active", "enabled")


def test_a_mask_keeps_out_a_unit_that_is_yet_to_come(
    module_host: KitchenHost, converge: Converge
) -> None:
    assert statuses(converge(module_host, 'service("nowhere", action="mask")')) == ["changed"]
    assert states(module_host, "nowhere") == ("inactive", "masked")
    assert statuses(converge(module_host, 'service("nowhere", action="unmask")')) == ["changed"]
    off = 'service("nowhere", action=["stop", "disable"])'
    assert statuses(converge(module_host, off)) == ["ok"]
    [missing] = converge(module_host, 'service("nowhere", action="start")')
    assert "needs the unit nowhere.service" in str(missing.error)


def test_static_units_and_aliases_are_in_line(module_host: KitchenHost, converge: Converge) -> None:
    recipe = """
        service("dbus", action=["enable", "start"])
        service("sshd", action=["enable", "start"])
        service("getty-static", action="disable")
        service("sysinit.target", action=["enable", "start"])
        service("getty@tty7", action="stop")
    """
    assert statuses(converge(module_host, recipe)) == ["ok"] * 5


def test_a_unit_file_written_before_is_read_by_systemd(
    module_host: KitchenHost, converge: Converge
) -> None:
    recipe = r"""
        text = "[Service]\nEnvironment=N=%s\nExecStart=/bin/sleep infinity\n"
        text += "[Install]\nWantedBy=multi-user.target\n"
        file("/etc/systemd/system/fresh.service", content=text,
             notifies=[delayed("restart", "service[fresh]")])
        service("fresh", action=["enable", "start"], settle=0.2)
    """
    for n in (1, 2):
        steps = converge(module_host, recipe % n)
        assert [step.error for step in steps if step.status == "failed"] == []
        shown = module_host.run("systemctl show -p NeedDaemonReload,Environment fresh").stdout
        assert f"N={n}" in shown
        assert "NeedDaemonReload=no" in shown
    assert set(statuses(converge(module_host, recipe % 2))) == {"ok"}


def test_a_unit_comes_with_its_package_in_the_same_run(
    module_host: KitchenHost, converge: Converge, plan: Converge
) -> None:
    recipe = """
        package("rsync")
        file("/etc/rsyncd.conf", content="", notifies=[delayed("restart", "service[rsync]")])
        service("rsync", action=["enable", "start"])
    """
    planned = plan(module_host, recipe)
    assert statuses(planned)[:3] == ["changed", "changed", "unknown"]
    assert planned[2].until == "package[rsync]"
    steps = converge(module_host, recipe)
    assert [step.error for step in steps if step.error] == []
    assert states(module_host, "rsync") == ("active", "enabled")
    assert set(statuses(converge(module_host, recipe))) == {"ok"}


def test_an_undo_foretells_no_restart_of_what_it_stops_or_takes_away(
    module_host: KitchenHost, cook: Cook
) -> None:
    """It repeats restarts; the plan of an undo knows what is left to restart, or says on what."""
    unit_of_ours = {"Service": {"ExecStart": "/bin/sleep infinity"}}
    recipe = f"""
systemd_unit("ours.service", content={unit_of_ours!r}, action="create")
service("ours", action="start", settle=0.2)
package("rsyslog")
service("rsyslog", action=["enable", "start"], settle=0.2)
file("/etc/rsyslog.d/one.conf", content="# one", mode="0644",
     notifies=[delayed("restart", "service[ours]"), delayed("restart", "service[rsyslog]")])
"""
    done = cook(module_host, "converge", recipe=recipe)
    assert done["status"] == 0, done

    foretold = cook(module_host, "undo", done["run"])
    told = foretold["hosts"][module_host.name]["resources"]
    restarts = [(r["id"], r["ran"], r["note"]) for r in told if r["ran"] == "restart"]
    assert restarts == [("service[rsyslog]", "restart", "not if it goes with package[rsyslog]")]
    assert states(module_host, "ours")[0] == "active"

    undone = cook(module_host, "undo", done["run"], "--yes")
    assert undone["status"] == 0, undone
    assert not any(r["ran"] == "restart" for r in undone["hosts"][module_host.name]["resources"])
    assert states(module_host, "ours")[0] == "inactive"
    assert module_host.run("command -v rsyslogd").stdout == ""


def test_a_unit_file_that_changes_is_enabled_by_what_it_says_then(
    module_host: KitchenHost, converge: Converge, plan: Converge
) -> None:
    text = "[Service]\nExecStart=/bin/sleep 1000\n"
    path = "/etc/systemd/system/stat2.service"
    module_host.run(f"printf '{text!r}' >{path}; systemctl daemon-reload".replace("''", "'"))
    module_host.run("systemctl start stat2")

    def recipe(target: str) -> str:
        content = f"{text}[Install]\nWantedBy={target}\n"
        service = 'service("stat2", action=["enable", "start"])'
        return f"file({path!r}, content={content!r})\n{service}"

    for target in ("multi-user.target", "multi-user.target graphical.target"):
        assert statuses(plan(module_host, recipe(target))) == ["changed", "unknown"]
        assert statuses(converge(module_host, recipe(target))) == ["changed", "changed"]
        assert statuses(converge(module_host, recipe(target))) == ["ok", "ok"]
        assert states(module_host, "stat2") == ("active", "enabled")
        links = module_host.run("ls -d /etc/systemd/system/*.wants/stat2.service").stdout
        assert len(links.split()) == len(target.split())
        stale = module_host.run("systemctl show -p NeedDaemonReload stat2").stdout
        assert stale == "NeedDaemonReload=no\n"


def test_a_service_is_stopped_and_disabled_by_its_other_name(
    module_host: KitchenHost, converge: Converge
) -> None:
    text = "[Service]\nExecStart=/bin/sleep 1000\n[Install]\nWantedBy=multi-user.target\n"
    path = "/etc/systemd/system/real.service"
    start = "systemctl daemon-reload; systemctl enable --now real"
    together = 'service("other", action=["stop", "disable"])'
    apart = 'service("other", action="disable")\nservice("o2", "other", action="stop")'
    apart = apart.replace('"o2", "other"', '"o2", service_name="other"')
    for recipe in (together, apart):
        module_host.run(f"printf '{text}Alias=other.service\\n' >{path}; {start}")
        assert states(module_host, "real") == ("active", "enabled")
        assert {*statuses(converge(module_host, recipe))} == {"changed"}
        assert states(module_host, "real") == ("inactive", "disabled")
        assert {*statuses(converge(module_host, recipe))} == {"ok"}
        assert states(module_host, "real") == ("inactive", "disabled")
    both = 'service("other", action=["enable", "start"], settle=0)'
    assert statuses(converge(module_host, both)) == ["changed"]
    assert states(module_host, "real") == ("active", "enabled")


SCRIPT = """\
#!/bin/sh
### BEGIN INIT INFO
# Provides: sysv
# Required-Start: $remote_fs
# Required-Stop: $remote_fs
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
# Short-Description: a script
### END INIT INFO
exit 0
"""


def test_a_sysv_script_is_enabled_and_disabled(
    module_host: KitchenHost, converge: Converge
) -> None:
    recipe = f"""
        file("/etc/init.d/sysv", content={SCRIPT!r}, mode="0755")
        service("sysv", action=["enable", "start"], settle=0)
    """
    assert statuses(converge(module_host, recipe)) == ["changed", "changed"]
    assert module_host.run("ls /etc/rc3.d").stdout.count("sysv") == 1
    assert states(module_host, "sysv")[0] == "active"
    assert statuses(converge(module_host, recipe)) == ["ok", "ok"]
    off = 'service("sysv", action=["stop", "disable"])'
    assert statuses(converge(module_host, off)) == ["changed"]
    assert "S" not in module_host.run("ls /etc/rc3.d | grep sysv").stdout
    assert statuses(converge(module_host, off)) == ["ok"]


def test_two_resources_about_one_unit_are_undone_and_redone_together(
    module_host: KitchenHost, cook: Cook
) -> None:
    """What an undo leaves alone is not verified: the other resource may have changed it."""
    recipe = """
unit = "[Service]\\nExecStart=/bin/sleep 9999\\n[Install]\\nWantedBy=multi-user.target\\n"
file("/etc/systemd/system/ours.service", mode="0644", content=unit)
service("ours", action=["enable", "start"], settle=0)
service("cron", action=["disable", "stop"])
systemd_unit("part", unit_name="cron.service", drop_in="part",
             content={"Service": {"LimitNOFILE": 4321}}, action="create")
"""
    assert cook(module_host, "converge", recipe=recipe)["status"] == 0
    undone = cook(module_host, "undo", "last", "--yes")
    assert undone["status"] == 0, undone["hosts"]
    assert states(module_host, "cron")[0] == "active"
    assert not module_host.run("ls /etc/systemd/system/ours.service").stdout

    redone = cook(module_host, "undo", "last", "--yes")
    assert redone["status"] == 0, redone["hosts"]
    assert states(module_host, "cron")[0] == "inactive"
    assert states(module_host, "ours")[0] == "active"
    assert cook(module_host, "plan", recipe=recipe)["status"] == 0
