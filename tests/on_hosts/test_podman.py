"""
Containers of Podman, by docker(1) and the socket that answers as Docker does.

Test hosts have no /dev/fuse and limits that crun(1) cannot raise: hence the driver `vfs` and runc.
"""

from __future__ import annotations

from typing import Any

import pytest

from cookbook.kitchen import KitchenHost
from tests.on_hosts.conftest import Cook
from tests.waiting import listening

pytestmark = pytest.mark.hosts

PREPARE = """
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update && apt-get -qq install -y --no-install-recommends podman docker.io netavark \
aardvark-dns iptables busybox-static docker-registry >/dev/null </dev/null || exit
systemctl -q disable --now docker.service docker.socket
printf '[storage]\\ndriver = "vfs"\\ngraphroot = "/var/lib/containers/storage"\\nrunroot = \
"/run/containers/storage"\\n' >/etc/containers/storage.conf
printf '[engine]\\nruntime = "runc"\\n' >/etc/containers/containers.conf
printf '[[registry]]\\nlocation = "127.0.0.1:5000"\\ninsecure = true\\n' \
>/etc/containers/registries.conf.d/local.conf
echo 'deploy:$2a$04$nyqS2L1gHWruj6Zoan9qjOlofZQ3aJ6or1MI4Jh/teaRWp1KZd.GW' \
>/etc/docker/registry/users
sed -i 's,path: .*,path: /etc/docker/registry/users,' /etc/docker/registry/config.yml
systemctl -q enable --now podman.socket && systemctl restart podman.socket docker-registry || exit
LISTENING
mkdir -p /srv/img/bin /srv/img/tmp /srv/www /srv/build && cp /bin/busybox /srv/img/bin
echo page >/srv/www/index.html
for a in sh httpd wget; do ln -s busybox /srv/img/bin/$a; done
printf 'FROM localhost/web:1\\nRUN echo built >/built\\n' >/srv/build/Dockerfile
tar -C /srv/img -c . | podman import -q -c 'CMD ["/bin/httpd", "-f", "-p", "80"]' - localhost/web:1
""".replace("LISTENING", listening(5000))

RECIPE = """
HOST = "unix:///run/podman/podman.sock"
docker_registry("127.0.0.1:5000", username="deploy", password="sesame")
docker_network("shop", subnet="10.231.7.0/24", labels={{"a": "b"}}, host=HOST)
docker_volume("data", labels={{"x": "y"}}, host=HOST)
docker_image("127.0.0.1:5000/shop:1", source="localhost/web:1", action="tag", host=HOST)
docker_container("new", host=HOST, image="127.0.0.1:5000/shop:1",
    command="/bin/httpd -f -p 80 -h /www", ports=["127.0.0.1:8091:80"],
    volumes=["/srv/www:/www:ro", "data:/data"],
    env={{"A": "x y"}}, networks={{"shop": ["web", "www"]}},
    labels={{"tier": "front"}}, user="0", hostname="inside", cap_drop=["NET_RAW"], read_only=True,
    tmpfs=["/tmp:size=1m"], health_command="wget -qO- http://127.0.0.1/index.html",
    health_interval=1, stop_timeout=1, restart="{restart}")
docker_container("plain", host=HOST, image="localhost/web:1", env={{"B": "{b}"}}, stop_timeout=1)
"""

HEAD = "from cookbook.secrets.secret import Secret\n"
PUSH = "podman push -q --format v2s2 --tls-verify=false"
ENGINE = "docker -H unix:///run/podman/podman.sock"


@pytest.fixture(scope="module")
def podman(module_host: KitchenHost) -> KitchenHost:
    done = module_host.run(PREPARE, timeout=900)
    assert done.returncode == 0, done.stderr
    return module_host


def inspect(host: KitchenHost, name: str, form: str) -> str:
    return host.run(f"{ENGINE} container inspect -f '{form}' {name}").stdout.strip()


def errors(document: dict[str, Any]) -> list[str]:
    hosts = document.get("hosts", {}).values()
    return [r["error"]["message"] for host in hosts for r in host["resources"] if r["error"]]


def recipe(restart: str = "no", b: str = "1") -> str:
    return HEAD + RECIPE.format(restart=restart, b=b)


def ids(host: KitchenHost) -> list[str]:
    return [inspect(host, name, "{{.ID}}") for name in ("new", "plain")]


def test_the_life_of_containers_of_podman(podman: KitchenHost, cook: Cook) -> None:
    planned = cook(podman, "plan", recipe=recipe())
    assert planned["status"] == 2, errors(planned)
    first = cook(podman, "converge", recipe=recipe())
    assert first["status"] == 0, errors(first)
    assert (
        podman.run("podman exec new /bin/wget -qO- http://127.0.0.1/index.html").stdout == "page\n"
    )
    assert podman.run("podman exec new /bin/sh -c 'echo $A'").stdout == "x y\n"
    assert inspect(podman, "new", "{{.State.Health.Status}} {{.Config.Labels.tier}}") == (
        "healthy front"
    )
    page = "busybox wget -qO- http://127.0.0.1:8091/index.html"
    assert podman.run(page).stdout == "page\n"
    before = ids(podman)
    again = cook(podman, "converge", recipe=recipe())
    assert (again["status"], again["totals"]["changed"]) == (0, 0), errors(again)
    assert ids(podman) == before

    podman.run(f"{ENGINE} network disconnect shop new; {ENGINE} stop -t 0 plain")
    drift = cook(podman, "drift", recipe=recipe())
    assert drift["totals"]["changed"] == 2
    assert cook(podman, "converge", recipe=recipe())["totals"]["changed"] == 2
    assert cook(podman, "converge", recipe=recipe())["totals"]["changed"] == 0
    assert ids(podman) == before

    later = cook(podman, "converge", recipe=recipe(restart="always", b="2"))
    assert (later["status"], later["totals"]["changed"]) == (0, 2), errors(later)
    assert inspect(podman, "new", "{{.HostConfig.RestartPolicy.Name}}") == "always"
    assert podman.run("podman exec plain /bin/sh -c 'echo $B'").stdout == "2\n"
    assert (
        cook(podman, "converge", recipe=recipe(restart="always", b="2"))["totals"]["changed"] == 0
    )

    undone = cook(podman, "undo", later["run"], "--yes")
    assert undone["status"] == 0, errors(undone)
    assert ids(podman) == before
    assert podman.run("podman exec plain /bin/sh -c 'echo $B'").stdout == "1\n"

    undone = cook(podman, "undo", first["run"], "--yes", "--partial")
    assert undone["status"] == 0, errors(undone)
    assert podman.run("podman ps -aq; podman volume ls -q").stdout == ""
    assert "shop" not in podman.run("podman network ls -q --format '{{.Name}}'").stdout


def test_a_container_that_fails_leaves_the_former_one(podman: KitchenHost, cook: Cook) -> None:
    good = (
        'docker_container("web", image="localhost/web:1", stop_timeout=1, settle=1,'
        ' host="/run/podman/podman.sock", env={"T": Secret("sesame-of-podman")}%s)'
    )
    good = f"{HEAD}{good}"
    assert cook(podman, "converge", recipe=good % "")["status"] == 0
    before = inspect(podman, "web", "{{.ID}}")
    bad = cook(
        podman, "converge", recipe=good % ', health_command="false", health_interval=1, deadline=60'
    )
    assert bad["status"] == 3, errors(bad)
    assert "it is not healthy" in str(bad)
    assert "sesame" not in str(bad)
    assert podman.run("podman exec web /bin/sh -c 'echo $T'").stdout == "sesame-of-podman\n"
    assert inspect(podman, "web", "{{.ID}} {{.State.Status}}") == f"{before} running"


def test_what_is_built_and_pulled_is_compared_by_content(podman: KitchenHost, cook: Cook) -> None:
    podman.run("podman login --tls-verify=false -u deploy -p sesame 127.0.0.1:5000")
    podman.run(f"{PUSH} localhost/web:1 127.0.0.1:5000/pulled:1")
    text = """
docker_registry("127.0.0.1:5000", username="deploy", password="sesame")
docker_image("localhost/built:1", source="/srv/build", action="build",
    host="/run/podman/podman.sock")
docker_image("127.0.0.1:5000/pulled:1", host="/run/podman/podman.sock")
"""
    first = cook(podman, "converge", recipe=text)
    assert first["status"] == 0, errors(first)
    assert cook(podman, "converge", recipe=text)["totals"]["changed"] == 0
    assert (
        podman.run(f"{ENGINE} run --rm localhost/built:1 /bin/busybox cat /built").stdout
        == "built\n"
    )
    podman.run("echo RUN echo more >>/srv/build/Dockerfile")
    podman.run(f"{PUSH} localhost/built:1 127.0.0.1:5000/pulled:1")
    later = cook(podman, "converge", recipe=text)
    assert (later["status"], later["totals"]["changed"]) == (0, 2), errors(later)
    assert cook(podman, "converge", recipe=text)["totals"]["changed"] == 0


def test_an_image_is_built_tagged_and_pushed_once(podman: KitchenHost, cook: Cook) -> None:
    """The registry has it afterwards, as the engine has it; another content is pushed anew."""
    podman.run(f"rm -rf /srv/push; cp -r /srv/build /srv/push; {ENGINE} volume prune -f")
    text = """
HOST = "unix:///run/podman/podman.sock"
docker_registry("127.0.0.1:5000", username="deploy", password="sesame")
docker_image("127.0.0.1:5000/first:1", source="/srv/push", action=["build", "push"], host=HOST)
docker_image("127.0.0.1:5000/second:1", source="127.0.0.1:5000/first:1", action=["tag", "push"],
    host=HOST)
"""
    for lines in ("built\n", "built\nmore\n"):
        done = cook(podman, "converge", recipe=text)
        assert done["status"] == 0, errors(done)
        [host] = done["hosts"].values()  # images of other tests are orphaned there
        status = {one["id"]: one["status"] for one in host["resources"]}
        for image in ("first", "second"):
            assert status[f"docker_image[127.0.0.1:5000/{image}:1]"] == "changed"
        assert cook(podman, "converge", recipe=text)["totals"]["changed"] == 0
        name = "127.0.0.1:5000/second:1"
        podman.run("podman rmi -f 127.0.0.1:5000/first:1; podman rmi -f 127.0.0.1:5000/second:1")
        pulled = podman.run(f"podman pull -q --tls-verify=false --creds deploy:sesame {name}")
        assert pulled.returncode == 0, pulled.stderr
        assert podman.run(f"{ENGINE} run --rm {name} /bin/busybox cat /built").stdout == lines
        podman.run("echo RUN echo more '>>' /built >>/srv/push/Dockerfile")


def test_a_push_that_the_registry_refuses_names_the_image(podman: KitchenHost, cook: Cook) -> None:
    text = """
docker_image("127.0.0.1:5999/web:1", source="localhost/web:1", action=["tag", "push"],
    host="unix:///run/podman/podman.sock")
"""
    failed = cook(podman, "converge", recipe=text)
    assert failed["status"] == 3
    assert "127.0.0.1:5999" in str(errors(failed))
