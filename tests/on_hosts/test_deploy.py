"""
`deploy` of an application that answers by HTTP: new versions, bad ones, and the way back.

The application is Python's http.server as two units, on two ports, which serve the file `version`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from cookbook.kitchen import KitchenHost
from tests.on_hosts.conftest import Converge, Cook

pytestmark = pytest.mark.hosts

UNIT = """[Service]
User=shop
WorkingDirectory=/srv/shop/current
ExecStart=/usr/bin/python3 server.py %i
[Install]
WantedBy=multi-user.target
"""

SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = open("built").read().encode()
        self.send_response(500 if b"broken" in body else 200)
        self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *a): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""

PREPARE = f"""
apt-get install -y --no-install-recommends git python3 curl >/dev/null && useradd -m shop || exit
cat >/etc/systemd/system/shop@.service <<'END'
{UNIT}
END
systemctl daemon-reload; systemctl enable -q shop@8001 shop@8002
git config --global user.name Ann; git config --global user.email ann@example.org
git init -q -b main /srv/shop.git; cd /srv/shop.git; cat >server.py <<'END'
{SERVER}
END
echo 1 >version; git add .; git commit -qm 'Version 1'; git tag v1
echo 2 >version; git commit -qam 'Version 2'; git tag v2
echo broken >version; git commit -qam 'Version 3, broken'; git tag v3
git rm -q version; git commit -qm 'Version 4, cannot be built'; git tag v4
echo 5 >version; git add .; git commit -qm 'Version 5'; git tag v5
chown -R shop: /srv/shop.git
"""

RECIPE = """
deploy("shop", repository="/srv/shop.git", revision="{at}", user="shop",
    build="cp version built", health_timeout={seconds}, keep_releases=2,
    restart={{"shop@8001.service": "http://127.0.0.1:8001/",
              "shop@8002.service": "http://127.0.0.1:8002/"}})
"""


def recipe_of(at: str) -> str:
    """Version 3, which answers at once that it is broken, is not waited for as long as others."""
    return RECIPE.format(at=at, seconds=15 if at == "v3" else 120)


@pytest.fixture(scope="module")
def server(module_host: KitchenHost) -> Iterator[KitchenHost]:
    """A host with the repository and the units of the application."""
    done = module_host.run(PREPARE, timeout=900)
    assert done.returncode == 0, done.stderr
    yield module_host
    module_host.run("systemctl stop shop@8001 shop@8002")


def served(host: KitchenHost) -> list[str]:
    said = host.run("curl -s http://127.0.0.1:8001/; curl -s http://127.0.0.1:8002/").stdout
    return said.split()


def releases(host: KitchenHost) -> set[str]:
    return set(host.run("ls /srv/shop/releases").stdout.split())


def told(done: dict[str, Any], host: KitchenHost) -> dict[str, Any]:
    resources: list[dict[str, Any]] = done["hosts"][host.name]["resources"]
    [one] = resources
    return one


def test_from_version_to_version_and_back(
    server: KitchenHost, converge: Converge, cook: Cook
) -> None:
    def go(at: str) -> Any:
        [step] = converge(server, recipe_of(at))
        return step

    assert go("v1").status == "changed"
    assert served(server) == ["1", "1"]
    assert go("v1").status == "ok"
    first = server.run("readlink /srv/shop/current").stdout.strip()
    assert server.run("stat -c %U /srv/shop/current/built").stdout == "shop\n"

    # The next version; the plan names the commits, and the host is as before.
    planned = told(cook(server, "plan", recipe=recipe_of("v2")), server)
    assert re.search(r"1 commit: \w+ Version 2", planned["note"])
    assert served(server) == ["1", "1"]
    assert go("v2").status == "changed"
    assert served(server) == ["2", "2"]
    second = server.run("readlink /srv/shop/current").stdout.strip()

    # One that is not healthy never stays: what was there before serves again.
    bad = go("v3")
    assert "shop@8001.service is not healthy" in str(vars(bad.error))
    assert "answers 500" in str(vars(bad.error))
    assert served(server) == ["2", "2"]
    assert server.run("readlink /srv/shop/current").stdout.strip() == second
    started = "systemctl show -p ExecMainStartTimestampMonotonic shop@8001 shop@8002"
    since = server.run(started).stdout
    held = go("v3")
    assert "was not healthy, and is held back" in str(held.error)
    assert server.run(started).stdout == since  # it is not tried again

    # One that cannot be built is no release, and nothing is restarted.
    bad = go("v4")
    assert "step 1 of the build has ended with status 1" in str(vars(bad.error))
    assert "cannot stat 'version'" in str(vars(bad.error))
    assert served(server) == ["2", "2"]
    assert server.run(started).stdout == since

    # Back by the command, which needs no recipe; the declared version is held back then.
    listed = cook(server, "releases", "shop")["hosts"][server.name]
    assert [one["state"] for one in listed if one["state"] != "failed"] == ["current", "former"]
    assert [one["revision"] for one in listed if one["state"] == "failed"] == ["v3"]
    looked = told(cook(server, "rollback", "shop", "--plan"), server)
    assert looked["status"] == "changed"
    assert served(server) == ["2", "2"]
    done = cook(server, "rollback", "shop")
    assert told(done, server)["status"] == "changed", done
    assert served(server) == ["1", "1"]
    assert server.run("readlink /srv/shop/current").stdout.strip() == first
    again = go("v2")
    assert again.status == "ok"
    assert "was rolled back from" in str(again.change.warning if again.change else "")
    assert served(server) == ["1", "1"]

    # A rollback is a run: it can be undone. Then the declared version is current again.
    undone = cook(server, "undo", "last", "--yes")
    assert undone["status"] == 0, undone
    assert served(server) == ["2", "2"]
    assert go("v2").status == "ok"

    # A newer version; of the old ones, as many stay as are declared.
    assert go("v5").status == "changed"
    assert served(server) == ["5", "5"]
    assert len(releases(server)) == 2
    assert second.removeprefix("releases/") in releases(server)


def test_a_rollback_to_what_is_not_there_is_refused(server: KitchenHost, cook: Cook) -> None:
    before = served(server)
    assert cook(server, "rollback", "shop", "--to", "abcdef")["status"] == 1
    assert cook(server, "rollback", "nothing")["status"] == 1
    assert served(server) == before


def test_a_repository_that_does_not_answer_is_not_one_without_the_commit(
    server: KitchenHost, converge: Converge
) -> None:
    """A commit needs no question: it is the fetch that fails."""
    gone = f'deploy("gone", repository="/srv/none.git", path="/srv/gone", revision="{"a" * 40}")'
    [step] = converge(server, gone)
    said = str(vars(step.error))
    assert "does not appear to be a git repository" in said
    assert "is not in the repository" not in said


def test_a_full_disk_is_named_where_git_does_not(server: KitchenHost, converge: Converge) -> None:
    server.run(
        "mkdir -p /srv/small && mount -t tmpfs -o size=1m t /srv/small && chown shop /srv/small"
    )
    try:
        at = """
            deploy("small", repository="/srv/shop.git", path="/srv/small/a", user="shop",
                revision="{}")
        """
        assert [step.status for step in converge(server, at.format("v1"))] == ["changed"]
        before = server.run("readlink /srv/small/a/current").stdout
        server.run("cat /dev/zero >/srv/small/fill")
        [step] = converge(server, at.format("v2"))
        assert "a file system is full" in str(vars(step.error))
        assert server.run("readlink /srv/small/a/current").stdout == before
        assert server.run("cat /srv/small/a/current/version").stdout == "1\n"
        server.run("rm /srv/small/fill")
        assert [step.status for step in converge(server, at.format("v2"))] == ["changed"]
    finally:
        server.run("umount /srv/small; rm -rf /var/lib/cook/deploys/small")


CUT_OFF = """
c=$(su shop -c "git -C /srv/shop.git rev-parse {}^0" | cut -c 1-12) && cd /srv/shop &&
r=$(ls releases | grep "^${{c:-none}}") && ln -sfn "releases/$r" current &&
echo "$(date +%s) $r begun" >>/var/lib/cook/deploys/shop/history
"""


def test_a_switch_that_was_cut_off_is_finished(
    server: KitchenHost, converge: Converge, cook: Cook
) -> None:
    """By the next run, which knows that the release was not found healthy."""
    for at, status, serves in (("v2", "changed", "2"), ("v3", "failed", "2")):
        for one in ("v2", "v5") if at == "v2" else (at,):
            converge(server, recipe_of(one))
        assert server.run(CUT_OFF.format(at)).returncode == 0
        planned = told(cook(server, "plan", recipe=recipe_of(at)), server)
        assert planned["changes"] == {"unfinished": [True, False]}
        [step] = converge(server, recipe_of(at))
        assert step.status == status, vars(step)
        assert served(server) == [serves, serves]
    assert converge(server, recipe_of("v2"))[0].status == "ok"
