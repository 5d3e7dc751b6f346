"""`cook watch` as a service of a real systemd: on the host itself, and confined, by SSH."""

from __future__ import annotations

import time

import pytest

from cookbook.kitchen import KitchenHost
from tests.on_hosts.own_cook import do, install_cook
from tests.waiting import LONG

pytestmark = pytest.mark.hosts

RECIPE = 'from cookbook.resources import file; file("/etc/watched", content="x", mode="0644")'
WATCH = 'groups: {{"*": {{every: 10s, do: converge, recipes: /etc/cook/r.py}}}}'
JOURNAL = "journalctl --sync; journalctl --no-pager -o cat -u cook-watch"


@pytest.fixture(scope="module")
def host(module_host: KitchenHost) -> KitchenHost:
    """A host with cook, a recipe and a watch.yml."""
    install_cook(module_host)
    do(
        module_host,
        f"mkdir -p /etc/cook; echo '{RECIPE}' >/etc/cook/r.py;"
        f" echo '{WATCH.format()}' >/etc/cook/watch.yml",
    )
    return module_host


def until(host: KitchenHost, command: str, seconds: float = 5 * LONG) -> None:
    """Wait until a command succeeds."""
    end = time.monotonic() + seconds
    while host.run(command).returncode != 0:
        assert time.monotonic() < end, host.run(JOURNAL).stdout
        time.sleep(0.5)


def start(host: KitchenHost, words: str) -> None:
    do(
        host,
        f"cook watch /etc/cook/watch.yml {words} --print-unit"
        " >/etc/systemd/system/cook-watch.service;"
        " systemctl daemon-reload; systemctl start cook-watch",
    )


def test_a_host_keeps_itself_in_line(host: KitchenHost) -> None:
    do(host, "rm -f /etc/watched")
    start(host, "--local")
    assert do(host, "systemctl is-active cook-watch") == "active\n"
    until(host, "[ -e /etc/watched ]")
    do(host, "echo edited >/etc/watched")
    until(host, '[ "$(cat /etc/watched)" = x ]')
    assert "at work" in (said := do(host, "systemctl status cook-watch")) or "next: *" in said

    do(
        host,
        "echo 'groups: {\"*\": {every: 1s}}' >/etc/cook/watch.yml; systemctl reload cook-watch",
    )
    until(host, f"{JOURNAL} | grep -q 'not reloaded.*at least 10s'")
    do(host, f"echo '{WATCH.format()}' >/etc/cook/watch.yml; systemctl reload cook-watch")
    until(host, f"{JOURNAL} | grep -q 'reloaded: 1 groups'")

    until(host, f"{JOURNAL} | grep -q 'converge ended: 1 ok'")
    do(host, "systemctl stop cook-watch")
    assert do(host, "systemctl show -P Result cook-watch") == "success\n"
    journal = do(host, JOURNAL)
    assert "*: localhost: changed: file[/etc/watched]" in journal


def test_the_controller_is_confined(host: KitchenHost) -> None:
    do(
        host,
        "useradd --system --create-home --home-dir /var/lib/cook cook;"
        " chown -R cook: /var/lib/cook; rm -f /etc/watched;"
        " echo 'hosts: {self: {address: 127.0.0.1, user: root}}' >/etc/cook/hosts.yml;"
        ' runuser -u cook -- sh -c \'mkdir -m 700 ~/.ssh; ssh-keygen -qt ed25519 -N "" -f'
        " ~/.ssh/id_ed25519; ssh-keyscan -T 60 127.0.0.1 >~/.ssh/known_hosts 2>/dev/null';"
        " mkdir -p /root/.ssh; cat /var/lib/cook/.ssh/id_ed25519.pub >>/root/.ssh/authorized_keys",
    )
    start(host, "--hosts /etc/cook/hosts.yml")
    until(host, "[ -e /etc/watched ]")
    pid = do(host, "systemctl show -P MainPID cook-watch").strip()
    assert do(host, f"stat -c %U /proc/{pid}") == "cook\n"
    assert do(host, f"grep -E '^(CapEff|NoNewPrivs)' /proc/{pid}/status").split() == [
        *("CapEff:", "0000000000000000"),
        *("NoNewPrivs:", "1"),
    ]
    inside = f"nsenter -t {pid} -m"
    assert host.run(f"{inside} touch /etc/cook/x").returncode != 0
    assert host.run(f"{inside} touch /var/lib/cook/x").returncode == 0
    assert int(do(host, "find /var/lib/cook/journal -name '*.jsonl' | wc -l")) >= 1

    do(host, "systemctl stop cook-watch")
    assert do(host, "systemctl show -P Result cook-watch") == "success\n"


def test_a_service_that_hangs_is_started_again(host: KitchenHost) -> None:
    start(host, "--hosts /etc/cook/hosts.yml")
    do(
        host,
        "mkdir -p /run/systemd/system/cook-watch.service.d;"
        " printf '[Service]\\nWatchdogSec=8s\\nRestartSec=1s\\n'"
        " >/run/systemd/system/cook-watch.service.d/quick.conf;"
        " systemctl daemon-reload; systemctl restart cook-watch",
    )
    time.sleep(12)  # longer than the watchdog: it says that it is alive
    assert do(host, "systemctl show -P NRestarts cook-watch") == "0\n"

    do(host, "kill -STOP $(systemctl show -P MainPID cook-watch)")
    until(host, "[ $(systemctl show -P NRestarts cook-watch) -ge 1 ]")
    until(host, "systemctl is-active cook-watch")
    do(host, "systemctl stop cook-watch")
