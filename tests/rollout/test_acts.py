"""Health checks, acts and gates, against real servers and programs on this machine."""

from __future__ import annotations

import http.server
import os
import socket
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType

import pytest

from cookbook.errors import HostError, Unreachable, UsageError
from cookbook.inventory import Host
from cookbook.rollout import acts as acts_module
from cookbook.rollout.acts import Acts, filled, gate_objection
from cookbook.rollout.health import Health
from cookbook.rollout.strategy import (
    Act,
    Check,
    CommandAct,
    CommandHealth,
    Gate,
    HaproxyAct,
    HookAct,
    HttpHealth,
    NginxAct,
    RecipeHealth,
    TcpHealth,
)
from cookbook.script.shell import Command

WEB = Host("web1", address="127.0.0.1", vars=MappingProxyType({"path": "ok"}))
LB = Host("lb1")


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with what the path says: /STATUS/BODY."""

    def do_GET(self) -> None:
        _, status, body = self.path.split("/", 2)
        self.send_response(int(status))
        self.end_headers()
        self.wfile.write(body.replace("%20", " ").encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


class Ran:
    """The commands that were run on hosts; those of `fails` fail, the others say `output`."""

    def __init__(self, fails: str = "", output: str = "") -> None:
        self.commands: list[tuple[str, str]] = []
        self.fails, self.output = fails, output

    def __call__(self, host: Host, command: Command, _timeout: float) -> str:
        text = str(command)
        self.commands.append((host.name, text))
        if self.fails and self.fails in text:
            raise HostError("it ended with 1")
        return self.output


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (HttpHealth("http://{address}:PORT/200/fine"), None),
        (HttpHealth("http://{address}:PORT/200/version%202 {name}", body="version 2"), None),
        (HttpHealth("http://{address}:PORT/200/x", body="version 2"), "'version 2' is not in"),
        (HttpHealth("http://{address}:PORT/503/x"), "status 503, 200 is wanted"),
        (HttpHealth("http://{address}:PORT/503/x", status=503), None),
        (HttpHealth("http://{address}:1/"), "Connection refused"),
        (HttpHealth("http://{address}:PORT/200/{vars[path]}", body="{vars[path]}"), None),
        (CommandHealth("systemctl is-active {name}"), None),
        (CommandHealth("false"), "`false`: it ended with 1"),
        (RecipeHealth(Path("good.py")), None),
        (RecipeHealth(Path("bad.py")), "bad.py: file[/x]"),
    ],
)
def test_a_check_says_why_a_host_is_not_healthy(port: int, check: Check, said: str | None) -> None:
    if isinstance(check, HttpHealth):
        url = check.url.replace("PORT", str(port)).replace(" {name}", "")
        check = HttpHealth(url, check.status, check.body)
    ran = Ran(fails="false")
    health = Health(ran, lambda _, path: "bad.py: file[/x]" if path.stem == "bad" else None)

    found = health.complaint(WEB, [check])

    assert (found is None) == (said is None)
    assert said is None or said in (found or "")


@pytest.fixture
def nonsense() -> Iterator[int]:
    """The port of a server that does not speak HTTP."""

    class Nonsense(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(1000)
            self.request.sendall(b"nonsense\r\n\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Nonsense) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_a_server_that_does_not_speak_http_is_not_healthy(nonsense: int) -> None:
    url = f"http://127.0.0.1:{nonsense}/"

    said = Health(Ran(), lambda *_: None).complaint(WEB, [HttpHealth(url)])

    assert said == f"{url}: nonsense"
    assert "does not answer: nonsense" in (gate_objection(Gate("metric", (), url, 1.0), {}) or "")


def test_a_port_is_asked(port: int) -> None:
    health = Health(Ran(), lambda *_: None)
    assert health.complaint(WEB, [TcpHealth(port)]) is None
    assert "port 1 of 127.0.0.1" in (health.complaint(WEB, [TcpHealth(1)]) or "")


def test_without_checks_a_host_has_to_be_reached() -> None:
    ran = Ran()
    assert Health(ran, lambda *_: None).complaint(WEB, []) is None
    assert [host for host, _ in ran.commands] == ["web1"]


@pytest.mark.parametrize("checks", [[], [CommandHealth("true")]])
def test_a_host_that_cannot_be_reached_is_told_as_such(checks: list[Check]) -> None:
    def run_on(*_: object) -> str:
        raise Unreachable("web1:22: no route to host")

    said = Health(run_on, lambda *_: None).complaint(WEB, checks)

    assert said == "cannot be reached: web1:22: no route to host"


def test_an_act_is_done_on_each_host_of_a_group() -> None:
    ran = Ran()
    hosts = {"web1": WEB, "lb1": LB, "lb2": Host("lb2")}
    acts = Acts(hosts, {"balancers": ("lb1", "lb2")}, ran)

    acts.carry_out([HaproxyAct("shop/{name}", "balancers")], WEB, enable=False)
    assert [host for host, _ in ran.commands] == ["lb1", "lb2"]
    assert all("set server shop/web1 state drain" in text for _, text in ran.commands)

    ran.commands.clear()
    acts.carry_out([HaproxyAct("shop/{name}", "lb1"), CommandAct("touch {name}")], WEB, enable=True)
    assert [host for host, _ in ran.commands] == ["lb1", "web1"]
    assert "set server shop/web1 state ready" in ran.commands[0][1]
    assert "touch web1" in ran.commands[1][1]


@pytest.mark.parametrize(
    ("act", "output", "said"),
    [
        (HaproxyAct("shop/{name}", "lb1"), "", ""),
        (HaproxyAct("shop/{name}", "lb1"), "maintenance\n", "shop/web1 on lb1 is in maintenance"),
        (NginxAct("up.conf", "{name}:80", "lb1"), "down\n", "web1:80 on lb1 is marked as down"),
        (CommandAct("echo down", "lb1"), "down\n", ""),
    ],
)
def test_a_server_that_others_have_taken_out_of_service_is_named(
    act: Act, output: str, said: str
) -> None:
    acts = Acts({"web1": WEB, "lb1": LB}, {}, Ran(output=output))

    found = acts.carry_out([act], WEB, enable=True)

    assert said in found
    assert bool(said) == bool(found)


class Balancer:
    """The admin socket of haproxy, with one server; the bits of its state are 1, 4 and 8."""

    def __init__(self, path: Path, bits: int = 0) -> None:
        self.bits, self.orders = bits, list[str]()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            with connection:
                said = connection.recv(1000).decode().strip()
                connection.sendall(self._answer(said).encode())

    def _answer(self, said: str) -> str:
        if said == "show servers state shop":
            return f"1\n# head\n3 shop 1 web1 10.0.0.1 2 {self.bits} 1\n"
        if said.startswith("show stat"):
            return "shop,web1,0,0,0,\n"
        self.orders.append(said)
        self.bits = {"drain": 8, "ready": 0}[said.rpartition(" ")[2]]
        return "\n"


def local(_host: Host, command: Command, timeout: float) -> str:
    """Run a command on this machine."""
    return subprocess.check_output(["sh", "-c", command.text], text=True, timeout=timeout)


@pytest.mark.parametrize(
    ("bits", "orders", "remarks"),
    [
        (0, ["drain", "ready"], ["", ""]),
        (8, ["drain", "ready"], ["", ""]),  # an earlier rollout has left it so
        (1, [], ["shop/web1 on lb1 is in maintenance"] * 2),
        (5, [], ["shop/web1 on lb1 is in maintenance"] * 2),  # by its configuration
    ],
)
def test_a_server_of_haproxy_in_maintenance_stays_so(
    tmp_path: Path, bits: int, orders: list[str], remarks: list[str]
) -> None:
    balancer = Balancer(tmp_path / "s", bits)
    acts = Acts({"web1": WEB, "lb1": LB}, {}, local)
    act = HaproxyAct("shop/{name}", "lb1", str(tmp_path / "s"))

    said = [acts.carry_out([act], WEB, enable=enable) for enable in (False, True)]

    assert balancer.orders == [f"set server shop/web1 state {state}" for state in orders]
    assert said == remarks
    assert balancer.bits == (0 if orders else bits)


NGINX = """\
upstream shop {
    server web1:80 weight=2;  # the first
    server web2:80 down weight=2;
    server web3:80  down;
}
"""


@pytest.fixture
def nginx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """
    The file of an upstream, and a program `nginx` that does nothing; a process is nginx.

    It is not this process, which has the shell as its child: that has the words of a worker that
    is shutting down in its arguments, and would be waited for.
    """
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/nginx").write_text("#!/bin/sh\n")
    (tmp_path / "bin/nginx").chmod(0o755)
    main = subprocess.Popen(["sleep", "infinity"])
    (tmp_path / "nginx.pid").write_text(f"{main.pid}\n")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin", prepend=os.pathsep)
    monkeypatch.setattr(
        "cookbook.rollout.acts._NGINX",
        acts_module._NGINX.replace("/run/nginx.pid", f"{tmp_path}/nginx.pid"),
    )
    path = tmp_path / "up.conf"
    path.write_text(NGINX)
    yield path
    main.kill()
    main.wait()


@pytest.mark.parametrize("server", ["web1", "web2", "web3"])
def test_a_server_of_nginx_that_others_have_marked_as_down_stays_so(
    nginx: Path, server: str
) -> None:
    act = NginxAct(str(nginx), f"{server}:80", "lb1")
    acts = Acts({"web1": WEB, "lb1": LB}, {}, local)

    said = acts.carry_out([act], WEB, enable=False)

    drained = NGINX.replace(
        "weight=2;  # the first", "weight=2 down;  # the first  # drained by cook"
    )
    ours = server == "web1"
    assert nginx.read_text() == (drained if ours else NGINX)
    assert said == ("" if ours else f"{server}:80 on lb1 is marked as down by others")
    assert acts.carry_out([act], WEB, enable=False) == said  # again: nothing more
    assert nginx.read_text() == (drained if ours else NGINX)
    assert acts.carry_out([act], WEB, enable=True) == said
    assert nginx.read_text() == NGINX


def test_an_act_on_hosts_that_do_not_exist_is_refused() -> None:
    acts = Acts({"web1": WEB, "lb1": LB}, {"balancers": ("lb1",)}, Ran())

    with pytest.raises(UsageError, match="'balancer' is no host and no group") as caught:
        acts.check([HaproxyAct("shop/{name}", "balancer")], WEB)
    assert caught.value.hint == "did you mean 'balancers'?"


def test_a_hook_knows_the_host_and_what_for(tmp_path: Path) -> None:
    acts = Acts({"web1": WEB}, {}, Ran())
    script = f'echo "$COOK_DO $COOK_HOST $COOK_ADDRESS" >>{tmp_path}/log'

    acts.carry_out([HookAct(("sh", "-c", script))], WEB, enable=False)
    acts.carry_out([HookAct(("sh", "-c", script))], WEB, enable=True)

    assert (tmp_path / "log").read_text() == "drain web1 127.0.0.1\nenable web1 127.0.0.1\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("sh", "-c", "echo no way >&2; exit 3"), "sh ended with 3: no way"),
        (("sleep", "99"), "sleep has not ended within 0.2 s"),
        (("/nowhere/x",), "No such file"),
    ],
)
def test_a_hook_that_fails_is_told(words: tuple[str, ...], said: str) -> None:
    act = HookAct(words, 0.2 if words[0] == "sleep" else 60)
    with pytest.raises(HostError, match=said):
        Acts({}, {}, Ran()).carry_out([act], WEB, enable=False)


@pytest.mark.parametrize("text", ["{adress}", "{vars[x]}", "{name", "{name.x.y}", "{0}"])
def test_a_template_that_cannot_be_filled_in_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="cannot be filled in for host web1"):
        filled(text, WEB)


PROMETHEUS = '{"data":{"result":[{"value":[1,"0.25"]}]}}'


@pytest.mark.parametrize(
    ("body", "most", "least", "said"),
    [
        ("0.25", 0.5, None, None),
        ("0.25", 0.1, None, "the metric is 0.25, at most 0.1 is wanted"),
        ("0.25", None, 0.5, "the metric is 0.25, at least 0.5 is wanted"),
        (PROMETHEUS, 0.5, 0.1, None),
        (PROMETHEUS, 0.1, None, "the metric is 0.25"),
        ("nothing", 1.0, None, "does not answer a number: nothing"),
        ('{"data":{"result":[]}}', 1.0, None, "does not answer a number"),
    ],
)
def test_a_metric_is_a_gate(
    port: int, body: str, most: float | None, least: float | None, said: str | None
) -> None:
    gate = Gate("metric", (), f"http://127.0.0.1:{port}/200/{body}", most, least)

    found = gate_objection(gate, {})

    assert (found is None) == (said is None)
    assert said is None or said in (found or "")


def test_a_metric_that_nobody_answers_closes_the_gate() -> None:
    gate = Gate("metric", (), "http://127.0.0.1:1/", 1.0, timeout=1)

    assert "does not answer" in (gate_objection(gate, {}) or "")
