"""What `remote_file` asks a server, judged by the requests of the server and by the files."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from cookbook.kitchen import KitchenHost
from tests.on_hosts.conftest import Converge, Cook
from tests.on_hosts.sshd import configure
from tests.on_hosts.web_server import WebServer, serving

pytestmark = pytest.mark.hosts


@pytest.fixture
def web(module_host: KitchenHost) -> Iterator[WebServer]:
    """A server that the host can reach; curl(1) is on the host."""
    done = module_host.run("command -v curl || apt-get install -y curl", timeout=900)
    assert done.returncode == 0, done.stderr
    module_host.run("rm -rf /srv/got /var/lib/cook; mkdir -p /srv/got")
    with serving(module_host.address.rpartition(".")[0] + ".1") as server:
        yield server


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_server_is_asked_whether_its_file_has_changed(
    module_host: KitchenHost, converge: Converge, plan: Converge, web: WebServer
) -> None:
    web.files["/a"] = b"one\n"
    recipe = f'remote_file("/srv/got/a", source="{web.url("/a")}", mode="0644")'

    [step] = plan(module_host, recipe)
    assert step.status == "changed"
    assert {r.method for r in web.take()} == {"HEAD"}, "a plan fetches nothing"

    [step] = converge(module_host, recipe)
    assert step.status == "changed", step.error
    assert module_host.run("cat /srv/got/a").stdout == "one\n"
    assert [r.method for r in web.take()].count("GET") == 1

    [step] = converge(module_host, recipe)
    assert step.status == "ok"
    [request] = web.take()
    assert (request.method, request.status) == ("HEAD", 304)
    assert request.headers["if-none-match"] == web.etag("/a")

    # The file of the server is another one: a plan says which, and fetches no body.
    before, web.files["/a"] = web.etag("/a"), b"another\n"
    [step] = plan(module_host, recipe)
    assert step.change is not None
    found, wanted = step.change.fields["version"]
    assert (before in found, web.etag("/a") in wanted) == (True, True)
    assert ("4 bytes" in found, "8 bytes" in wanted) == (True, True)
    assert {r.method for r in web.take()} == {"HEAD"}
    [step] = converge(module_host, recipe)
    assert step.status == "changed", step.error
    assert module_host.run("cat /srv/got/a").stdout == "another\n"
    assert [r.method for r in web.take()].count("GET") == 1

    # A change on the host is seen by the digest, though the server has the same.
    module_host.run("echo drift >>/srv/got/a")
    [step] = plan(module_host, recipe)
    assert step.change is not None
    assert [*step.change.fields] == ["content"]
    assert step.change.fields["content"][1] == digest(b"another\n")
    [step] = converge(module_host, recipe)
    assert step.status == "changed", step.error
    assert module_host.run("cat /srv/got/a").stdout == "another\n"


def test_an_undo_asks_no_server_and_a_redo_neither(
    module_host: KitchenHost, cook: Cook, web: WebServer
) -> None:
    web.files["/a"] = b"one\n"
    recipe = f'remote_file("/srv/got/a", source="{web.url("/a")}", mode="0644")'
    first = cook(module_host, "converge", recipe=recipe)
    assert first["status"] == 0, first
    web.files["/a"] = b"two\n"
    second = cook(module_host, "converge", recipe=recipe)
    assert second["status"] == 0, second
    assert module_host.run("cat /srv/got/a").stdout == "two\n"
    web.take()
    back = cook(module_host, "undo", second["run"], "--yes")
    assert back["status"] == 0, back
    assert module_host.run("cat /srv/got/a").stdout == "one\n"
    again = cook(module_host, "undo", back["run"], "--yes")
    assert again["status"] == 0, again
    assert module_host.run("cat /srv/got/a").stdout == "two\n"
    assert web.take() == []
    assert cook(module_host, "plan", recipe=recipe)["status"] == 0
    web.files["/b"] = b"new\n"
    made = cook(module_host, "converge", recipe=recipe.replace("/a", "/b"))
    assert made["status"] == 0, made
    web.take()
    undone = cook(module_host, "undo", made["run"], "--yes")
    assert undone["status"] == 0, json.dumps(undone)
    assert module_host.run("ls /srv/got").stdout == "a\n"
    assert web.take() == []


def test_only_last_modified_and_a_file_that_is_the_same(
    module_host: KitchenHost, converge: Converge, web: WebServer
) -> None:
    web.files["/a"], web.tells = b"one\n", ("Last-Modified",)
    module_host.run("printf 'one\\n' >/srv/got/a; touch -d 2001-02-03 /srv/got/a")
    before = module_host.run("stat -c '%i %Y' /srv/got/a").stdout
    recipe = f'remote_file("/srv/got/a", source="{web.url("/a")}")'
    [step] = converge(module_host, recipe)
    assert step.status == "changed", step.error
    assert module_host.run("stat -c '%i %Y' /srv/got/a").stdout == before, "it is not written"
    web.take()
    [step] = converge(module_host, recipe)
    assert step.status == "ok"
    [request] = web.take()
    assert (request.method, request.status) == ("HEAD", 304)
    assert "if-modified-since" in request.headers
    # An ETag that is another one each time can be left out of account.
    web.tells = ("ETag", "Last-Modified")
    recipe = f'remote_file("/srv/got/a", source="{web.url("/a")}", use_etag=False)'
    [step] = converge(module_host, recipe)
    assert step.status == "ok"


def test_a_server_that_tells_no_version_is_an_error(
    module_host: KitchenHost, converge: Converge, web: WebServer
) -> None:
    web.files["/a"], web.tells = b"one\n", ()
    recipe = f'remote_file("/srv/got/a", source="{web.url("/a")}")'
    for prepare in ("true", "echo old >/srv/got/a"):
        module_host.run(prepare)
        [step] = converge(module_host, recipe)
        assert step.error is not None
        assert "neither an ETag nor a Last-Modified" in str(step.error)
        assert {r.method for r in web.take()} == {"HEAD"}
    assert module_host.run("cat /srv/got/a").stdout == "old\n"
    [step] = converge(module_host, recipe.replace("/a", "/none"))
    assert "the server answers 404" in str(step.error)


@pytest.mark.parametrize("by", ["checksum", "etag"])
def test_an_interrupted_fetch_is_continued(
    module_host: KitchenHost, converge: Converge, web: WebServer, by: str
) -> None:
    data = secrets.token_bytes(300_000)
    web.files["/big"] = data
    more = f', checksum="{digest(data)}"' if by == "checksum" else ""
    recipe = f'remote_file("/srv/got/big", source="{web.url("/big")}"{more}, mode="0600")'

    web.breaks_off = 100_000
    [step] = converge(module_host, recipe)
    assert step.error is not None
    assert module_host.run("[ ! -e /srv/got/big ]").returncode == 0
    web.take()
    [step] = converge(module_host, recipe)
    assert step.status == "changed", step.error
    [get] = [r for r in web.take() if r.method == "GET"]
    assert (get.status, get.sent) == (206, 200_000)
    assert get.headers["range"] == "bytes=100000-"
    assert get.headers["if-range"] == web.etag("/big")
    assert digest(data) in module_host.run("sha256sum /srv/got/big").stdout
    assert module_host.run("ls /var/lib/cook/fetched | grep part").stdout == ""

    # Another file since: If-Range has the server send all of it, from the beginning.
    old, web.files["/big"] = data, secrets.token_bytes(250_000)
    recipe = recipe.replace(digest(old), digest(web.files["/big"]))
    web.breaks_off = 50_000
    [step] = converge(module_host, recipe)
    assert step.error is not None
    web.files["/big"] = secrets.token_bytes(200_000)
    recipe = recipe.replace(digest(data), digest(web.files["/big"]))
    more = f', checksum="{digest(web.files["/big"])}"' if by == "checksum" else ""
    recipe = f'remote_file("/srv/got/big", source="{web.url("/big")}"{more}, mode="0600")'
    web.take()
    [step] = converge(module_host, recipe)
    assert step.status == "changed", step.error
    assert digest(web.files["/big"]) in module_host.run("sha256sum /srv/got/big").stdout
    assert [r.status for r in web.take() if r.method == "GET"] == [200, 200]


def test_a_part_that_does_not_fit_is_fetched_anew(
    module_host: KitchenHost, converge: Converge, web: WebServer
) -> None:
    data = secrets.token_bytes(200_000)
    web.files["/big"], web.tells = data, ()  # nothing tells that it is the same file
    recipe = f'remote_file("/srv/got/big", source="{web.url("/big")}", checksum="{digest(data)}")'
    web.breaks_off = 100_000
    assert converge(module_host, recipe)[0].error is not None
    module_host.run("cd /var/lib/cook/fetched && printf x | dd conv=notrunc of=$(ls *.part)")
    web.take()
    [step] = converge(module_host, recipe)
    assert step.status == "changed", step.error
    assert [r.status for r in web.take() if r.method == "GET"] == [206, 200]
    assert digest(data) in module_host.run("sha256sum /srv/got/big").stdout


@pytest.mark.parametrize("by", ["checksum", "etag"])
def test_headers_and_logins_are_sent_and_seen_nowhere(
    module_host: KitchenHost,
    cook: Cook,
    web: WebServer,
    monkeypatch: pytest.MonkeyPatch,
    by: str,
) -> None:
    token = f"cnry{secrets.token_hex(8)}"
    value = f'Bearer {token} "q" \\ end'
    web.files["/a"], web.needs, web.secret = b"one\n", ("Authorization", value), token
    more = f', checksum="{digest(b"one" + bytes([10]))}"' if by == "checksum" else ""
    recipe = f"""
import os
from cookbook.secrets.secret import Secret
token = Secret(os.environ["LIFE_TOKEN"])
remote_file("/srv/got/a", source="{web.url("/a")}"{more}, mode="0644",
    headers={{"Authorization": f'Bearer {{token}} "q" \\\\ end', "X-Plain": "yes"}})
"""
    seen = []
    monkeypatch.setenv("LIFE_TOKEN", token)
    for command, status in (("plan", 2), ("converge", 0), ("converge", 0), ("plan", 0)):
        document = cook(module_host, command, recipe=recipe)
        said = json.dumps(document)
        assert document["status"] == status, said
        assert token not in said
        seen += web.take()
    assert "GET" in {r.method for r in seen}
    assert all(r.headers["authorization"] == value for r in seen)
    assert all(r.headers["x-plain"] == "yes" for r in seen)
    assert all(r.seen == [] for r in seen)
    assert module_host.run("cat /srv/got/a").stdout == "one\n"
    found = module_host.run(f"grep -rl {token} /var /etc /root /tmp /run /srv /dev/shm")
    assert found.stdout == ""


def test_a_proxy_is_asked_and_its_password_seen_nowhere(
    module_host: KitchenHost, converge: Converge, web: WebServer
) -> None:
    web.files["/a"] = b"one\n"  # the proxy answers itself
    password = f"cnry{secrets.token_hex(8)}"
    web.secret = password
    recipe = f"""
from cookbook.secrets.secret import Secret
password = Secret(node.vars["password"])
remote_file("/srv/got/a", source="http://nowhere.invalid/a", mode="0644",
    proxy=f"http://me:{{password}}@{web.address}:{web.port}")
"""
    for status in ("changed", "ok"):
        [step] = converge(module_host, recipe, variables={"password": password})
        assert step.status == status, vars(step.error) if step.error else step
    seen = web.take()
    assert {r.target for r in seen} == {"http://nowhere.invalid/a"}
    assert all(r.headers["proxy-authorization"].startswith("Basic ") for r in seen)
    assert all(r.seen == [] for r in seen)
    found = module_host.run(f"grep -rl {password} /var /etc /root /tmp /run /srv /dev/shm")
    assert found.stdout == ""


def test_mirrors_and_a_redirection(
    module_host: KitchenHost, converge: Converge, web: WebServer
) -> None:
    web.files["/a"], web.redirects["/moved"] = b"one\n", web.url("/a")
    sources = [web.url("/none"), web.url("/moved"), "http://127.0.0.1:1/a"]
    recipe = f'remote_file("/srv/got/a", source={sources!r}, mode="0644")'
    [step] = converge(module_host, recipe)
    assert step.status == "changed", step.error
    web.take()
    [step] = converge(module_host, recipe)
    assert step.status == "ok", step.error
    # The server that had the file is asked first.
    assert [(r.target, r.status) for r in web.take()] == [("/moved", 302), ("/a", 304)]


def test_the_controller_fetches_what_the_host_cannot(
    module_host: KitchenHost, cook: Cook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = f"cnry{secrets.token_hex(8)}"
    monkeypatch.setenv("LIFE_TOKEN", token)
    module_host.run("rm -rf /srv/got; mkdir -p /srv/got")
    data = secrets.token_bytes(300_000)  # more than fits into a script
    with serving("127.0.0.1") as web:
        web.files["/a"] = data
        web.needs = ("Authorization", f"Bearer {token}")
        assert module_host.run(f"curl -fsS {web.url('/a')}").returncode != 0
        recipe = f"""
import os
from cookbook.secrets.secret import Secret
token = Secret(os.environ["LIFE_TOKEN"])
for name in "ab":
    remote_file(f"/srv/got/{{name}}", source="{web.url("/a")}", mode="0644", proxy="",
        checksum="{digest(data)}", fetched_by="controller",
        headers={{"Authorization": f"Bearer {{token}}"}})
"""
        planned = cook(module_host, "plan", recipe=recipe)
        assert (planned["status"], web.take()) == (2, [])
        made = cook(module_host, "converge", recipe=recipe)
        assert made["status"] == 0, json.dumps(made)
        assert [(r.method, r.status) for r in web.take()] == [("GET", 200)], "once for both"
        sums = module_host.run("sha256sum /srv/got/*").stdout
        assert sums.count(digest(data)) == 2
        assert cook(module_host, "converge", recipe=recipe)["status"] == 0
        back = cook(module_host, "undo", made["run"], "--yes")
        assert back["status"] == 0, json.dumps(back)
        assert module_host.run("ls /srv/got").stdout == ""
        again = cook(module_host, "undo", back["run"], "--yes")
        assert again["status"] == 0, json.dumps(again)
        assert module_host.run("sha256sum /srv/got/*").stdout == sums
        assert web.take() == []
        assert token not in json.dumps([planned, made, back, again])

        # A failure is that of the one resource, with its reason.
        web.needs = None
        plain = f"""
file("/srv/got/before", content="x")
remote_file("/srv/got/c", source=["{web.url("/none")}", "{web.url("/d")}"], checksum="{"0" * 64}",
    fetched_by="controller", proxy="")
file("/srv/got/after", content="x")
"""
        web.files["/d"] = b"another"
        failed = cook(module_host, "converge", recipe=plain)
        steps = failed["hosts"]["module"]["resources"]
        assert [step["status"] for step in steps] == ["changed", "failed", "not-run"]
        said = json.dumps(steps[1]["error"])
        assert "/none: HTTP Error 404" in said
        assert f"has the checksum {digest(b'another')}, not" in said
        assert module_host.run("ls /srv/got").stdout == "a\nb\nbefore\n"
        web.take()

        # A saved plan fetches when it is applied.
        web.files["/e"] = b"e"
        module_host.run("rm -rf /var/lib/cook")  # nothing is an orphan
        saved = str(tmp_path / "plan.cook")
        given = plain.replace("0" * 64, digest(b"e")).replace("/d", "/e")
        planned = cook(module_host, "plan", "-o", saved, recipe=given)
        assert planned["status"] == 2, planned["stderr"]
        assert web.take() == []
        applied = cook(module_host, "apply", saved)
        assert applied["status"] == 0, json.dumps(applied)
        assert module_host.run("cat /srv/got/c").stdout == "e"


SFTP = """
from cookbook.secrets.secret import Secret
remote_file("/srv/got/s", source="sftp://127.0.0.1:22/srv/up/s b", mode="0644",
    checksum="{digest}", remote_user="carl", host_key={key!r}, {login})
"""


@pytest.fixture
def carl(module_host: KitchenHost) -> dict[str, str]:
    """An account that sftp(1) can log in to; its password and key, and the key of the server."""
    module_host.run("command -v sftp || apt-get install -y openssh-client", timeout=900)
    password = f"cnry{secrets.token_hex(8)} '"
    ready = module_host.run(
        f"""set -e; id carl >/dev/null 2>&1 || useradd -m carl
mkdir -p /srv/got /srv/up /home/carl/.ssh
chpasswd <<'END'
carl:{password}
END
head -c 200000 /dev/urandom >'/srv/up/s b'; cd /home/carl/.ssh; rm -f /srv/key*
ssh-keygen -q -t ed25519 -N '' -f /srv/key; cp /srv/key.pub authorized_keys
chown -R carl /home/carl"""
    )
    assert ready.returncode == 0, ready.stderr
    configure(module_host, "PasswordAuthentication yes")
    pem = module_host.run("cat /srv/key; rm /srv/key").stdout
    key = " ".join(module_host.run("cat /etc/ssh/ssh_host_ed25519_key.pub").stdout.split()[:2])
    return {"password": password, "pem": pem, "key": key}


@pytest.mark.parametrize("by", ["password", "pem"])
def test_sftp_with_a_password_or_a_key(
    module_host: KitchenHost, converge: Converge, carl: dict[str, str], by: str
) -> None:
    of_it = module_host.run("rm -f /srv/got/s; cat /srv/up/s* | sha256sum").stdout.split()[0]
    what = "remote_password" if by == "password" else "private_key"
    recipe = SFTP.format(digest=of_it, key=carl["key"], login=f"{what}=Secret(node.vars['given'])")
    for status in ("changed", "ok"):
        [step] = converge(module_host, recipe, variables={"given": carl[by]})
        assert step.status == status, vars(step.error) if step.error else step
    assert of_it in module_host.run("sha256sum /srv/got/s").stdout
    word = carl["password"].split()[0] if by == "password" else "OPENSSH PRIVATE KEY"
    left = module_host.run(f"grep -rl '{word}' /var /root /tmp /run /srv /dev/shm")
    assert left.stdout == ""


def test_sftp_continues_and_refuses_another_host(
    module_host: KitchenHost, converge: Converge, carl: dict[str, str]
) -> None:
    of_it = module_host.run("rm -f /srv/got/s; cat /srv/up/s* | sha256sum").stdout.split()[0]
    login = "private_key=Secret(node.vars['given'])"
    other = carl["key"][:-4] + ("AAAA" if carl["key"][-4:] != "AAAA" else "BBBB")
    for key in (other, None):
        recipe = SFTP.format(digest=of_it, key=key, login=login)
        [step] = converge(module_host, recipe, variables={"given": carl["pem"]})
        assert step.error is not None
        assert module_host.run("[ ! -e /srv/got/s ]").returncode == 0
    recipe = SFTP.format(digest=of_it, key=carl["key"], login=login)
    name = hashlib.sha256(b"sftp://127.0.0.1:22/srv/up/s b").hexdigest()
    part = f"/var/lib/cook/fetched/{name}.part"
    module_host.run(f"mkdir -p {part.rpartition('/')[0]}; head -c 150000 '/srv/up/s b' >{part}")
    [step] = converge(module_host, recipe, variables={"given": carl["pem"]})
    assert step.status == "changed", vars(step.error)
    assert of_it in module_host.run("sha256sum /srv/got/s").stdout
    # A part of another file does not fit: all is fetched anew.
    module_host.run(f"rm /srv/got/s; head -c 1000 /dev/zero >{part}")
    [step] = converge(module_host, recipe, variables={"given": carl["pem"]})
    assert step.status == "changed", vars(step.error)
    [step] = converge(
        module_host,
        recipe.replace(of_it, "0" * 64),
        variables={"given": carl["pem"]},
    )
    assert step.error is not None
    assert of_it in module_host.run("sha256sum /srv/got/s").stdout
