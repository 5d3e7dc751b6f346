"""The sources `docker`, `podman` and `dns_srv`, and the settings of all kinds."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from cookbook.cli import main
from cookbook.errors import InventoryError, SourceError
from tests.inventory.conftest import Sourced

ENGINE = """\
#!/bin/sh
printf '%s\\n' "$*" >>"$0.log"
case $1 in
ps) cat "$0.ps" ;;
exec)
    shift 2; [ "$1" = -u ] && shift 2
    [ "$1" = web ] || { echo "Error response from daemon: No such container: $1" >&2; exit 1; }
    shift; exec "$@" ;;
esac
"""
DOCKER = """\
{"Command":"x","ID":"0f1e","Image":"nginx:1","Labels":"role=front,empty=,a=b=c","Names":"web,x/y"}
{"Command":"x","ID":"2d3c","Image":"redis","Labels":"","Names":"cache"}
"""
PODMAN = """\
[
  {
    "Command": ["/bin/sleep"],
    "Id": "0f1e",
    "Image": "nginx:1",
    "Labels": {
      "role": "front",
      "a": "b=c"
    },
    "Names": [
      "web"
    ]
  },
  {"Id": "2d3c", "Image": "redis", "Labels": null, "Names": ["cache"]}
]
"""
"""As Podman 4.3 prints it."""
PRINTED = {"docker": DOCKER, "podman": PODMAN}


@pytest.fixture(params=["docker", "podman"])
def engine(request: pytest.FixtureRequest, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A command that answers as the engine's does, and opens a shell of this machine."""
    path = folder / "bin" / str(request.param)
    path.parent.mkdir()
    path.write_text(ENGINE)
    path.chmod(0o755)
    Path(f"{path}.ps").write_text(PRINTED[request.param])
    monkeypatch.setenv("PATH", f"{path.parent}:{os.environ['PATH']}")
    return path


def test_running_containers_are_hosts(engine: Path, sourced: Sourced) -> None:
    settings = "label: [role, a=b=c], name: w, group_by: role, user: app"
    found = sourced(f"  - {engine.name}: {{{settings}}}")
    web, cache = found.hosts.values()

    assert (web.name, web.transport, web.address, web.user) == ("web", engine.name, "web", "app")
    assert web.vars["container"] == {
        "id": "0f1e",
        "image": "nginx:1",
        "labels": {"role": "front", "a": "b=c"}
        | ({"empty": ""} if engine.name == "docker" else {}),
    }
    assert cache.groups == ()
    assert found.groups["front"].hosts == ("web",)
    assert Path(f"{engine}.log").read_text() == (
        "ps --no-trunc --format {{json .}} --filter label=role --filter label=a=b=c"
        " --filter name=w\n"
    )


def test_a_recipe_is_applied_in_a_container(
    engine: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("hosts.yml").write_text(f"sources: [{{{engine.name}: {{user: app}}}}]")
    Path("r.py").write_text(f"from cookbook.resources import file\nfile('{folder}/made')\n")

    assert main(["converge", "r.py", "--hosts", "hosts.yml"]) == 4
    assert (folder / "made").exists()
    said = capsys.readouterr().out
    assert f"{engine.name} started no shell in cache: Error response from daemon: No such" in said
    assert "exec -i -u app web sh\n" in Path(f"{engine}.log").read_text()


@pytest.mark.parametrize(
    "printed", ["hello", "[1]", "[{}", "{}", "[{}]", '{"Names": [], "Image": "x", "Id": "y"}']
)
def test_an_engine_that_prints_something_else(printed: str, engine: Path, sourced: Sourced) -> None:
    Path(f"{engine}.ps").write_text(printed)
    with pytest.raises(SourceError, match="ps` printed something else than containers"):
        sourced(f"  - {engine.name}:")


def test_a_container_cannot_have_the_name_of_an_option(engine: Path, sourced: Sourced) -> None:
    Path(f"{engine}.ps").write_text('{"Names": "-v", "Image": "x", "ID": "y"}')
    with pytest.raises(InventoryError, match="'-v' cannot be a name"):
        sourced(f"  - {engine.name}:")


def test_an_engine_that_is_not_there(
    folder: Path,
    sourced: Sourced,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(SourceError, match="docker cannot be run: no such file or directory"):
        sourced("  - docker:")
    Path("hosts.yml").write_text("hosts: {a: {transport: podman}}")
    assert main(["facts", "--hosts", "hosts.yml"]) == 4
    assert "podman cannot be run here" in capsys.readouterr().err


# -- DNS ---------------------------------------------------------------------------------------

ZONE = {
    "_ssh._tcp.example.net.": ["10 5 2201 b.example.net.", "10 60 22 a.example.net.", "5 0 22 c."],
    "_two._tcp.example.net.": ["0 0 22 a.example.net.", "0 0 2222 a.example.net."],
    "_off._tcp.example.net.": ["0 0 0 ."],
    "_none._tcp.example.net.": [],
    "_bad._tcp.example.net.": [r"0 0 22 \$\(reboot\).example.net."],
}


@pytest.fixture(scope="module")
def name_server() -> Iterator[str]:
    """A name server of its own on loopback, by UDP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=_serve, args=(udp,), daemon=True)
        thread.start()
        yield f"127.0.0.1:{udp.getsockname()[1]}"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"", udp.getsockname())
        thread.join(5)


def _serve(udp: socket.socket) -> None:
    while True:
        wire, peer = udp.recvfrom(4096)
        if not wire:
            return
        query = dns.message.from_wire(wire)
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        name = str(query.question[0].name)
        if name not in ZONE:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif ZONE[name]:
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", "SRV", *ZONE[name]))
        udp.sendto(answer.to_wire(), peer)


@pytest.fixture
def srv(name_server: str, sourced: Sourced) -> Callable[..., Any]:
    """Asks the name server."""

    def ask(*names: str, more: str = "") -> Any:
        listed = ", ".join(f"_{name}._tcp.example.net" for name in names)
        return sourced(f"  - dns_srv: {{name: [{listed}], server: '{name_server}'{more}}}").hosts

    return ask


def test_targets_are_hosts_by_priority_and_weight(srv: Callable[..., Any]) -> None:
    hosts = srv("ssh")
    assert [(host.name, host.address, host.port) for host in hosts.values()] == [
        ("c", "c", 22),
        ("a.example.net", "a.example.net", 22),
        ("b.example.net", "b.example.net", 2201),
    ]
    assert hosts["b.example.net"].vars["srv"] == {
        "name": "_ssh._tcp.example.net",
        "priority": 10,
        "weight": 5,
        "port": 2201,
    }


def test_a_target_with_two_ports_is_two_hosts(srv: Callable[..., Any]) -> None:
    assert [(host.name, host.port) for host in srv("two").values()] == [
        ("a.example.net-22", 22),
        ("a.example.net-2222", 2222),
    ]
    one = srv("two", more=", port: none")
    assert [(host.name, host.port) for host in one.values()] == [("a.example.net", 22)]


def test_several_names_are_one_list(srv: Callable[..., Any]) -> None:
    assert list(srv("ssh", "off", "none")) == ["c", "a.example.net", "b.example.net"]


def test_a_service_that_is_off_has_no_hosts(srv: Callable[..., Any]) -> None:
    with pytest.raises(InventoryError, match="its sources have none"):
        srv("off")


def test_a_name_that_is_not_there_is_a_failure(srv: Callable[..., Any]) -> None:
    with pytest.raises(SourceError, match=r"dns_srv: _x\._tcp\.example\.net: there is no"):
        srv("x")


def test_a_hostile_target_is_refused(srv: Callable[..., Any]) -> None:
    with pytest.raises(InventoryError, match="cannot be a name"):
        srv("bad")


def test_a_name_server_that_is_silent_is_waited_for_no_longer(sourced: Sourced) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        server = f"127.0.0.1:{udp.getsockname()[1]}"
        with pytest.raises(SourceError, match="The resolution lifetime expired"):
            sourced(f"  - dns_srv: {{name: _ssh._tcp.x, server: '{server}'}}\n    timeout: 0.5")


# -- all of them -------------------------------------------------------------------------------

REFUSED = [
    ("ec2: {region: x}", "unknown key 'region' in ec2", "did you mean 'regions'?"),
    ("ec2: [x]", "ec2 must be a mapping of settings, not a list", None),
    ("ec2: {address: x}", "address of ec2 must be one of private, public, dns, private_dns", None),
    ("ec2: {filters: [x]}", "ec2: filters must be a mapping", 'filters: {"tag:Role": [web, db]}'),
    ("ec2: {filters: {a: {}}}", "the filter a must be text or a list of texts", None),
    ("docker: {lable: x}", "unknown key 'lable' in docker", "did you mean 'label'?"),
    ("podman: {label: 1}", "label of podman must be text or a list of texts, not 1", None),
    ("dns_srv: {}", "dns_srv: it needs a name", "dns_srv: _ssh._tcp.example.net"),
    ("dns_srv: {name: x, port: 22}", "port of dns_srv must be one of record, none, not 22", None),
    ("dns_srv: {name: x, server: a.b}", "dns_srv: server must be an address or ADDRESS:PORT", None),
    ("dns_srv: {name: x, server: '1.1.1.1:x'}", "dns_srv: server must be an address or", None),
]


@pytest.mark.parametrize(("entry", "message", "hint"), REFUSED)
def test_a_wrong_setting_is_told_with_its_place(
    entry: str, message: str, hint: str | None, sourced: Sourced
) -> None:
    with pytest.raises(InventoryError) as caught:
        sourced(f"  - {entry}")
    assert str(caught.value).startswith(f"hosts.yml:3: {message}")
    assert hint is None or caught.value.hint == hint
    assert not isinstance(caught.value, SourceError)


@pytest.mark.parametrize(
    ("entry", "library", "extra"),
    [("ec2: {}", "boto3", "ec2"), ("dns_srv: x", "dnspython", "dns")],
)
def test_a_library_that_is_not_installed_is_named(
    entry: str, library: str, extra: str, sourced: Sourced, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in [name for name in sys.modules if name.split(".")[0] in ("boto3", "dns")]:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InventoryError, match=f"needs the library {library}") as caught:
        sourced(f"  - {entry}")
    assert caught.value.hint == f"pip install 'cook-converge[{extra}]'"
