"""
What goes wrong with containers, on a real engine: what runs goes on, and the error names it.

What is right is in tests/life/docker_*.yml, and in test_deploy_containers.py.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cookbook.cli import main
from cookbook.kitchen import Kitchen, KitchenHost
from tests.on_hosts import wrong_registry
from tests.on_hosts.conftest import HEADING, Cook
from tests.waiting import eventually

pytestmark = pytest.mark.hosts

PREPARE = """
apt-get -qq update && apt-get install -y --no-install-recommends docker.io busybox-static >&2
mkdir -p /srv/img/bin && cp /bin/busybox /srv/img/bin && cd /srv/img/bin && for a in sh httpd wget
do ln -s busybox $a; done
tar -C /srv/img -c . | docker import -c 'CMD ["/bin/httpd", "-f", "-p", "80"]' - web:1 >&2
echo x >/srv/img/other; tar -C /srv/img -c . | docker import -c 'CMD ["/bin/nothing"]' - web:2 >&2
docker run -d --stop-timeout 1 --name web --restart unless-stopped -p 127.0.0.1:8080:80 web:1 >&2
docker exec web /bin/sh -c 'echo hand >/by-hand' && mkdir /srv/build
printf 'FROM web:1\\nRUN /bin/busybox false\\n' >/srv/build/Dockerfile
"""

WEB = 'docker_container("web", ports=["127.0.0.1:8080:80"], stop_timeout=1, settle=1, image=%s)'
NAMES = (
    "docker_container, docker_engine, docker_image, docker_network, docker_registry, docker_volume"
)

# Recipe, and what the error says.
REFUSED = {
    "no registry": ('docker_image("127.0.0.1:5999/web:1")', "connection refused"),
    "a digest that the registry does not have": (
        f'docker_image("{wrong_registry.ADDRESS}/web@{wrong_registry.UNKNOWN}")',
        f"{wrong_registry.ADDRESS}/web@{wrong_registry.UNKNOWN}",
    ),
    "a digest by which the registry serves other content": (
        f'docker_image("{wrong_registry.ADDRESS}/web@{wrong_registry.OTHER}")',
        f"manifest verification failed for digest {wrong_registry.OTHER}",
    ),
    "a tag whose digest is not that of what is served then": (
        f'docker_image("{wrong_registry.ADDRESS}/web:1")',
        f"manifest verification failed for digest {wrong_registry.TAGGED}",
    ),
    "a login at a registry that is not there": (
        'docker_registry("127.0.0.1:5999", username="ann", password="sesame")',
        "127.0.0.1:5999: connect: connection refused",
    ),
    "no image": (WEB % '"nothing:1"', "docker_image nothing:1"),
    "no network": (WEB[:-1] % '"web:1"' + ', networks=["nowhere"])', "docker_network nowhere"),
    "a program that is not in the image": (WEB % '"web:2"', "/bin/nothing"),
    "a health check that fails": (
        WEB[:-1] % '"web:1"' + ', health_command="false", health_interval=0.2, health_retries=1)',
        "it is not healthy",
    ),
    "a port that is taken": (
        'docker_container("second", image="web:1", ports=["127.0.0.1:8080:80"])',
        "port is already allocated",
    ),
    "a build that fails": (
        'docker_image("built:1", source="/srv/build", action="build")',
        "returned a non-zero code: 1",
    ),
    "a setting that the engine does not know": (
        'docker_engine("docker", settings={"live-restor": True})',
        "the engine does not start with these settings",
    ),
}


@pytest.fixture(scope="module")
def engine(module_host: KitchenHost) -> KitchenHost:
    done = module_host.run(f"{PREPARE}{wrong_registry.PREPARE}", timeout=900)
    assert done.returncode == 0, done.stderr
    return module_host


def run(cook: Cook, host: KitchenHost, verb: str, recipe: str) -> Any:
    return cook(host, verb, recipe=f"from cookbook.resources import {NAMES}\n{recipe}\n")


def serves(host: KitchenHost) -> bool:
    ask = "docker exec web /bin/wget -qO- http://127.0.0.1:80/bin/sh | head -c 1 | wc -c"
    return (
        host.run(ask).stdout.strip() == "1"
        and "hand" in host.run("docker exec web /bin/busybox cat /by-hand").stdout
    )


@pytest.mark.parametrize("what", REFUSED)
def test_what_runs_goes_on(engine: KitchenHost, cook: Cook, what: str) -> None:
    recipe, says = REFUSED[what]
    failed = run(cook, engine, "converge", recipe)
    assert failed["status"] == 3
    told = [one["error"] for one in failed["hosts"][engine.name]["resources"]]
    assert says in str(told), told
    assert serves(engine)
    left = engine.run("docker ps -a --format '{{.Names}}'; cat /etc/docker/daemon.json").stdout
    assert left.split() == ["web"]


def test_variables_with_secrets_arrive_as_they_are(engine: KitchenHost, cook: Cook) -> None:
    recipe = (
        "from cookbook.secrets.secret import Secret\n"
        'docker_container("odd", image="web:1", settle=0, restart="no", env={"PLAIN": "a b",\n'
        '    "DOCKER_HOST": Secret("tcp://nowhere"), "PATH": Secret("/bin"),\n'
        '    "LINES": Secret("one\\n two\\n"), "ODD": Secret(" \'\\"$x`y` ")})\n'
    )
    for changed in (1, 0):
        done = run(cook, engine, "converge", recipe)
        assert (done["status"], done["totals"]["changed"]) == (0, changed)
    ask = "docker inspect -f '{{json .Config.Env}}' odd"
    found = dict(one.split("=", 1) for one in json.loads(engine.run(ask).stdout))
    assert found == {
        "PLAIN": "a b",
        "DOCKER_HOST": "tcp://nowhere",
        "PATH": "/bin",
        "LINES": "one\n two\n",
        "ODD": " '\"$x`y` ",
    }
    assert "nowhere" not in engine.run("ls /dev/shm; cat /var/lib/cook/manifest* 2>&1").stdout
    engine.run("docker rm -f odd")


def test_what_a_container_with_a_secret_printed_is_for_root_only(
    engine: KitchenHost, cook: Cook
) -> None:
    failed = run(
        cook,
        engine,
        "converge",
        "from cookbook.secrets.secret import Secret\n"
        'docker_container("talks", image="web:1", env={"PIN": Secret("sesame")},\n'
        '    command=["/bin/sh", "-c",\n'
        '        "echo log $PIN | /bin/busybox rev; /bin/busybox sleep 9m"],\n'
        '    health_command="echo health $PIN | /bin/busybox rev; false", health_interval=0.2,\n'
        "    health_retries=1, deadline=60)\n",
    )
    assert failed["status"] == 3
    assert "it is not healthy" in str(failed["hosts"])
    assert "emases" not in str(failed)
    log = engine.run("journalctl --sync; journalctl -q -o cat -t cook-talks").stdout
    assert "emases gol" in log
    assert "emases htlaeh" in log


def test_an_undo_returns_to_the_former_container_itself(engine: KitchenHost, cook: Cook) -> None:
    done = run(cook, engine, "converge", WEB[:-1] % '"web:1"' + ', env={"A": 1})')
    assert done["totals"]["changed"] == 1, done["hosts"]
    assert not serves(engine)
    undone = cook(engine, "undo", "last", "--yes", "--partial")
    assert undone["totals"]["changed"] == 1, undone["hosts"]
    assert serves(engine)
    engine.run("docker rm -f web.former")


AWAY = "docker stop web && docker rename web web.before"
NEXT = f"{AWAY} && docker run -d --name web --stop-timeout 1 --restart unless-stopped"
SICK = "--health-cmd false --health-interval 0.2s --health-timeout 5s --health-retries 1"

# What a run leaves that was cut off in a replacement; the recipe, and the status of the next run.
CUT_OFF = {
    "before the new one was found to be sick": (
        f"{NEXT} -p 127.0.0.1:8080:80 -e A=1 {SICK} web:1",
        ', env={"A": 1}, health_command="false", health_interval=0.2, health_retries=1)',
        3,
    ),
    "before the new one was found to be healthy": (
        f"{NEXT} -p 127.0.0.1:8080:80 -e A=1 web:1",
        ', env={"A": 1})',
        0,
    ),
    "and the recipe has changed since": (f"{NEXT} -e A=0 web:1", ', env={"A": 1})', 0),
    "before the new one had the name": (AWAY, ")", 0),
}


@pytest.mark.parametrize("when", CUT_OFF)
def test_a_replacement_that_was_cut_off_is_finished(
    engine: KitchenHost, cook: Cook, when: str
) -> None:
    """Only a healthy one stays: or else the former one is in its place again."""
    left, more, status = CUT_OFF[when]
    assert engine.run(left).returncode == 0
    recipe = WEB[:-1] % '"web:1"' + more
    planned = run(cook, engine, "plan", recipe)
    [told] = planned["hosts"][engine.name]["resources"]
    assert told["changes"]["unfinished"] == [True, False]
    done = run(cook, engine, "converge", recipe)
    assert done["status"] == status, done["hosts"]
    assert engine.run("docker inspect web.before").returncode != 0
    if "A" in more and not status:
        assert not serves(engine)
        assert run(cook, engine, "converge", recipe)["totals"]["changed"] == 0
        policy = "docker inspect -f '{{.HostConfig.RestartPolicy.Name}}' web.former"
        assert engine.run(policy).stdout == "no\n"
        engine.run(
            "docker rm -f web; docker rename web.former web; docker start web;"
            " docker update --restart unless-stopped web"
        )
    assert serves(engine)


def test_a_container_that_fails_is_replaced_also_if_the_run_was_killed(
    engine: KitchenHost, kitchen: Kitchen, tmp_path: Path
) -> None:
    """Its connection is closed then: what the script says has no reader."""
    path = tmp_path / "killed.py"
    sick = ', health_command="/bin/busybox sleep 2; false", health_interval=0.2, health_retries=1)'
    path.write_text(HEADING + WEB[:-1] % '"web:1"' + sick)
    words = ["converge", str(path), "--hosts", str(kitchen.hosts_yml), "--limit", engine.name]
    with subprocess.Popen(
        [sys.executable, "-m", "cookbook.cli", *words], stdout=subprocess.DEVNULL
    ) as killed:
        eventually(lambda: engine.run("docker inspect web.before").returncode == 0)
        killed.kill()
    eventually(lambda: engine.run("docker inspect web.before").returncode != 0)
    eventually(lambda: serves(engine))


def test_an_engine_that_cannot_be_reached_is_not_an_absent_thing(
    engine: KitchenHost, cook: Cook
) -> None:
    for host in ("tcp://nowhere.invalid:1", "unix:///run/nowhere.sock"):
        recipe = f'docker_container("web", action="delete", host="{host}")'
        failed = run(cook, engine, "plan", recipe)
        assert failed["status"] == 3
        assert "the container engine does not answer" in str(failed["hosts"])


def test_a_removed_container_comes_back_with_its_variables(engine: KitchenHost, cook: Cook) -> None:
    made = "docker run -d --name odd -e DOCKER_HOST=tcp://nowhere -e A='1\n 2' -e 'B= \"x ' web:1"
    assert engine.run(made).returncode == 0
    ask = "docker inspect -f '{{json .Config.Env}}' odd"
    before = sorted(json.loads(engine.run(ask).stdout))
    removed = run(cook, engine, "converge", 'docker_container("odd", action="delete")')
    assert removed["totals"]["changed"] == 1
    undone = cook(engine, "undo", "last", "--yes", "--partial")
    assert undone["totals"]["changed"] == 1, undone["hosts"]
    assert sorted(json.loads(engine.run(ask).stdout)) == before
    engine.run("docker rm -f odd")


@pytest.mark.parametrize("how", ["delete", "prune"])
def test_a_removed_container_comes_back_with_its_secrets(
    engine: KitchenHost, cook: Cook, how: str
) -> None:
    """Its recipe had them; no journal, manifest or history has."""
    made = run(
        cook,
        engine,
        "converge",
        "from cookbook.secrets.secret import Secret\n"
        'docker_container("sec", image="web:1", stop_timeout=1, settle=0, labels={"a": "b"},'
        ' env={"T": Secret("sesame of sec"), "PLAIN": "1"})',
    )
    assert made["status"] == 0
    gone = (
        run(cook, engine, "converge", 'docker_container("sec", action="delete")')
        if how == "delete"
        else cook(engine, "converge", "--prune", recipe="file('/srv/other', content='x')")
    )
    assert gone["status"] == 0, gone["hosts"]
    assert engine.run("docker inspect sec").returncode != 0
    undone = cook(engine, "undo", gone["run"], "--yes", "--partial")
    assert undone["status"] == 0, undone["hosts"]
    told = engine.run("docker exec sec /bin/sh -c 'echo $T $PLAIN'").stdout
    assert told == "sesame of sec 1\n"
    assert engine.run("docker inspect -f '{{.Config.Labels.a}}' sec").stdout == "b\n"
    assert (
        engine.run("grep -rl 'sesame of' /var/lib/cook --include=*.json --include=manifest*").stdout
        == ""
    )
    engine.run("docker rm -f sec")


def test_a_plan_shows_which_image_a_container_will_have(engine: KitchenHost, cook: Cook) -> None:
    """The image comes earlier in the same recipe; what it has by default is unknown until then."""
    ids = [
        engine.run(f"docker image inspect -f '{{{{.Id}}}}' web:{n}").stdout.strip() for n in "12"
    ]
    recipe = (
        'docker_image("live:1", source="web:%s", action="tag")\n'
        'docker_container("live", image="live:1", action="create", settle=0, stop_timeout=1)'
    )
    first = run(cook, engine, "plan", recipe % 1)
    told = {r["id"]: r for r in first["hosts"][engine.name]["resources"]}
    assert told["docker_container[live]"]["status"] == "unknown"
    assert told["docker_container[live]"]["note"].startswith(f"image: - -> {ids[0]}")
    assert run(cook, engine, "converge", recipe % 1)["status"] == 0
    later = run(cook, engine, "plan", recipe % 2)
    told = {r["id"]: r for r in later["hosts"][engine.name]["resources"]}
    assert told["docker_image[live:1]"]["changes"]["image"] == ids
    assert told["docker_container[live]"]["note"].startswith(f"image: {ids[0]} -> {ids[1]}")
    assert run(cook, engine, "converge", recipe % 2)["status"] == 0
    assert engine.run("docker inspect -f '{{.Image}}' live").stdout.strip() == ids[1]
    engine.run("docker rm -f live live.former")


def test_a_plan_names_what_was_written_inside(engine: KitchenHost, cook: Cook) -> None:
    planned = run(cook, engine, "plan", WEB[:-1] % '"web:1"' + ', env={"A": 1})')
    assert planned["status"] == 2
    assert "stays in the former container only: /by-hand" in str(planned["hosts"])
    assert serves(engine)
    engine.run("docker run -d --name data --stop-timeout 1 -v /data web:1")
    planned = run(cook, engine, "plan", WEB.replace('"web"', '"data"') % '"web:1"')
    assert "in its volumes without a name stays with the former one: /data" in str(planned["hosts"])
    engine.run("docker rm -f -v data")


def test_a_running_container_is_a_host(
    engine: KitchenHost,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By the real engine: `docker` of the controller is that of the host, without a shell."""
    command = tmp_path / "bin/docker"
    command.parent.mkdir()
    enter = f"nsenter --target={engine.leader} --all --root --wd"
    command.write_text(f'#!/bin/sh\nexec {enter} docker "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    Path("hosts.yml").write_text("sources: [{docker: {label: role, group_by: role, user: '0'}}]\n")
    Path("r.py").write_text(
        "from cookbook.recipe import node\nfrom cookbook.resources import file\n"
        "file('/boxed', content=f'{node.name} {node.groups}', mode='0640')\n"
    )
    engine.run(
        "docker run -d --name boxed --label role=front --stop-timeout 1 web:1"
        " /bin/busybox sleep 9999 && docker exec boxed /bin/busybox --install -s /bin"
        "; docker exec boxed /bin/busybox mkdir -p /tmp /root"
    )
    for status in ("changed", "ok"):
        assert main(["converge", "r.py", "--hosts", "hosts.yml", "--output", "json"]) == 0
        hosts = json.loads(capsys.readouterr().out)["hosts"]
        assert {name: host["status"] for name, host in hosts.items()} == {"boxed": status}
    found = engine.run("docker exec boxed sh -c 'cat /boxed; stat -c %a /boxed'").stdout
    assert found == "boxed ('front',)640\n"

    engine.run("docker rm -f boxed")
    assert main(["facts", "--hosts", "hosts.yml"]) == 1
    assert "its sources have none" in capsys.readouterr().err
