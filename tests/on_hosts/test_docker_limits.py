"""
Limits of a container that are changed in place, judged by the files of its control group.

A test host has a tree of cgroup v2 of its own. Where the machine has its controllers in trees of
v1, that of the host has none; the engine gets the trees of the machine then, in a mount namespace,
with a group of its own below their roots.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from cookbook.kitchen import KitchenHost
from tests.on_hosts.conftest import Cook

pytestmark = pytest.mark.hosts

GROUP = f"cook-limits-{secrets.token_hex(4)}"

PREPARE = f"""
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update && apt-get -qq install -y --no-install-recommends docker.io busybox-static \
>/dev/null </dev/null || exit
mkdir -p /srv/img/bin && cp /bin/busybox /srv/img/bin && ln -s busybox /srv/img/bin/httpd
case " $(cat /sys/fs/cgroup/cgroup.controllers) " in *" memory "*) ;; *)
systemctl stop docker.socket docker containerd
cat >/usr/local/sbin/with-controllers <<'END'
#!/bin/sh
mount --make-rprivate / && mount -t tmpfs none /sys/fs/cgroup || exit
for c in memory pids cpu cpuacct cpuset devices freezer blkio; do
mkdir /sys/fs/cgroup/$c && mount -t cgroup -o $c none /sys/fs/cgroup/$c || exit; done
exec "$@"
END
chmod +x /usr/local/sbin/with-controllers
for u in containerd docker; do mkdir -p /etc/systemd/system/$u.service.d
printf '[Service]\\nType=simple\\nExecStart=\\nExecStart=' >/etc/systemd/system/$u.service.d/c.conf
done
echo '/usr/bin/unshare -m /usr/local/sbin/with-controllers /usr/bin/containerd' \
>>/etc/systemd/system/containerd.service.d/c.conf
echo '/bin/sh -c "exec nsenter -t $(pidof containerd) -m /usr/sbin/dockerd -H fd:// \
--containerd=/run/containerd/containerd.sock"' >>/etc/systemd/system/docker.service.d/c.conf
printf '{{"exec-opts": ["native.cgroupdriver=cgroupfs"], "cgroup-parent": "/{GROUP}"}}' \
>/etc/docker/daemon.json
systemctl daemon-reload && systemctl start containerd && systemctl start docker || exit ;; esac
n=0; until docker info >/dev/null 2>&1; do n=$((n + 1)); [ $n -lt 300 ] || exit; sleep 0.2; done
tar -C /srv/img -c . | docker import -c 'CMD ["/bin/httpd", "-f", "-p", "80"]' - web:1
"""

LOOK = """
nsenter -t $(pidof containerd) -m find /sys/fs/cgroup -path "*$(docker inspect -f '{{.Id}}' web)*" \
'(' -name memory.limit_in_bytes -o -name memory.max -o -name pids.max -o -name cpu.cfs_quota_us \
-o -name cpu.max ')' -exec sh -c 'echo "$(basename "$1") $(cat "$1")"' - {} ';' | sort
"""

RECIPE = 'docker_container("web", image="web:1", stop_timeout=1, settle=1, {})\n'


@pytest.fixture(scope="module")
def engine(module_host: KitchenHost) -> Iterator[KitchenHost]:
    done = module_host.run(PREPARE, timeout=900)
    assert done.returncode == 0, done.stderr
    yield module_host
    module_host.run("docker rm -f web web.former; systemctl stop docker")
    module_host.run(
        f"nsenter -t $(pidof containerd) -m find /sys/fs/cgroup -depth -path '*/{GROUP}*' -type d"
        " -exec rmdir {} ';'"
    )


def limits(host: KitchenHost) -> list[int]:
    """The limits of the kernel: CPU in microseconds, memory in bytes, processes."""
    return [int(line.split()[1]) for line in host.run(LOOK).stdout.splitlines()]


def process(host: KitchenHost) -> str:
    return host.run("docker inspect -f '{{.State.Pid}} {{.Id}}' web").stdout


def test_limits_are_changed_in_place(engine: KitchenHost, cook: Cook) -> None:
    small = RECIPE.format('memory="64m", pids_limit=50, cpus=0.5')
    large = RECIPE.format('memory="256m", pids_limit=70, cpus=0.75')
    first = cook(engine, "converge", recipe=small)
    assert first["status"] == 0, first
    assert limits(engine) == [50_000, 64 << 20, 50]
    before = process(engine)

    later = cook(engine, "converge", recipe=large)
    assert (later["status"], later["totals"]["changed"]) == (0, 1), later
    assert limits(engine) == [75_000, 256 << 20, 70]
    assert process(engine) == before  # the same process, which was not restarted
    assert cook(engine, "converge", recipe=large)["totals"]["changed"] == 0

    assert engine.run("docker update --memory 32m --memory-swap 64m web").returncode == 0
    assert limits(engine)[1] == 32 << 20
    drift = cook(engine, "drift", recipe=large)
    [changes] = [r["changes"] for r in drift["hosts"][engine.name]["resources"]]
    assert changes["memory"] == [32 << 20, 256 << 20]
    assert cook(engine, "converge", recipe=large)["status"] == 0
    assert limits(engine) == [75_000, 256 << 20, 70]

    undone = cook(engine, "undo", later["run"], "--yes")
    assert undone["status"] == 0, undone
    assert limits(engine) == [50_000, 64 << 20, 50]
    assert process(engine) == before


def test_a_limit_that_is_not_declared_any_more_needs_a_new_container(
    engine: KitchenHost, cook: Cook
) -> None:
    """An engine cannot take a limit away."""
    assert cook(engine, "converge", recipe=RECIPE.format("pids_limit=50"))["status"] == 0
    before = process(engine)
    assert cook(engine, "converge", recipe=RECIPE.format(""))["status"] == 0
    assert process(engine) != before
    assert "pids.max max" in engine.run(LOOK).stdout
