"""What hosts.yml may say, and the Hosts that come of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from cookbook.inventory import Host, Inventory, load, local

Read = Callable[[str | bytes], Inventory]


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """Loads a text as hosts.yml in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    path = Path("hosts.yml")

    def read(text: str | bytes) -> Inventory:
        path.write_bytes(text if isinstance(text, bytes) else dedent(text).encode())
        return load(path)

    return read


def test_the_file_in_the_design_means_what_it_says(read: Read, tmp_path: Path) -> None:
    inventory = read("""\
        defaults: {user: admin, become: sudo, identity_file: ~/.ssh/id, known_hosts: [keys/known]}
        hosts:
          web1: {address: 192.0.2.11, port: 2222, vars: {http_port: 8080}}
          web2:
        groups:
          web: {hosts: [web1, web2], vars: {tier: front}, connect_timeout: 3}
    """)
    common: dict[str, Any] = {
        "user": "admin",
        "become": "sudo",
        "identity_file": (Path("/home/me/.ssh/id"),),
        "known_hosts": (tmp_path / "keys/known",),
        "connect_timeout": 3.0,
        "groups": ("web",),
    }
    one = {"http_port": 8080, "tier": "front"}
    assert list(inventory.hosts.values()) == [
        Host("web1", address="192.0.2.11", port=2222, vars=one, **common),
        Host("web2", vars={"tier": "front"}, **common),
    ]
    assert inventory.groups["web"].hosts == ("web1", "web2")


def test_built_in_settings_are_those_of_ssh(read: Read) -> None:
    host = read("- web1").hosts["web1"]
    known = (Path("/home/me/.ssh/known_hosts"),)
    assert (host.address, host.port, host.user, host.become) == ("web1", 22, None, "none")
    assert (host.known_hosts, host.identity_file, host.agent) == (known, (), True)


@pytest.mark.parametrize(
    "text", ["- a\n- b\n", "[a, b]", "hosts: [a, b]", "hosts: {a, b}", "hosts:\n  a:\n  b: {}"]
)
def test_hosts_can_be_a_list_or_a_mapping(read: Read, text: str) -> None:
    assert list(read(text).hosts) == ["a", "b"]


def test_a_range_of_names_is_paired_with_a_range_of_addresses(read: Read) -> None:
    inventory = read("""\
        hosts:
          web[08:10]: {address: "192.0.2.[1:5:2]"}
          rack[a:b]-[1:2]:
            address: 198.51.100.[11:14]
        groups:
          some: {hosts: ["web[08:09]", "rack[a:b]-1"]}
    """)
    assert [(host.name, host.address) for host in inventory.hosts.values()] == [
        ("web08", "192.0.2.1"),
        ("web09", "192.0.2.3"),
        ("web10", "192.0.2.5"),
        ("racka-1", "198.51.100.11"),
        ("racka-2", "198.51.100.12"),
        ("rackb-1", "198.51.100.13"),
        ("rackb-2", "198.51.100.14"),
    ]
    assert inventory.groups["some"].hosts == ("web08", "web09", "racka-1", "rackb-1")


def test_no_list_in_vars_is_shared_between_hosts(read: Read) -> None:
    inventory = read('hosts: {"web[1:2]": {vars: {ports: [80], site: {name: x}}}}')
    one, two = inventory.hosts.values()
    ports = one.vars["ports"]
    assert isinstance(ports, list)
    ports.append(443)
    assert two.vars == {"ports": [80], "site": {"name": "x"}}
    with pytest.raises(TypeError):
        one.vars["ports"] = 1  # type: ignore[index] # pyright: ignore[reportIndexIssue]


def test_anchors_and_merge_keys_work_and_own_keys_win(read: Read) -> None:
    hosts = read("""\
        defaults: &common {port: 2, user: u}
        hosts:
          a: {<<: *common, port: 3}
          b: {<<: [{port: 4}, *common]}
    """).hosts
    assert [(host.port, host.user) for host in hosts.values()] == [(3, "u"), (4, "u")]


def test_vars_hold_only_what_json_can_say(read: Read) -> None:
    text = "hosts: {a: {vars: {day: 2026-01-31, no: [1.5, yes, ~, 0x10], m: {k: v}}}}".replace(
        "no:", "'no':"
    )
    variables = dict(read(text).hosts["a"].vars)
    assert json.loads(json.dumps(variables)) == {
        "day": "2026-01-31",
        "no": [1.5, True, None, 16],
        "m": {"k": "v"},
    }


def test_a_host_can_be_the_key_of_a_dictionary(read: Read) -> None:
    host = read("hosts: {a: {vars: {x: [1]}}}").hosts["a"]
    assert {host: 1}[host] == 1


def test_local_is_this_machine_without_ssh() -> None:
    assert [(host.name, host.transport) for host in local().select()] == [("localhost", "local")]


def test_relative_paths_start_at_the_inventorys_folder_wherever_one_stands(tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").write_text("hosts: {a: {identity_file: keys/a}}")
    assert load(tmp_path / "hosts.yml").hosts["a"].identity_file == (tmp_path / "keys/a",)


_LOAD = """
import sys
from pathlib import Path
from time import process_time
from cookbook.inventory import load

for _ in range(3):
    start = process_time()
    assert len(load(Path(sys.argv[1])).hosts) == 1000
    print(process_time() - start)
"""


def test_a_thousand_hosts_load_in_well_under_a_third_of_a_second(tmp_path: Path) -> None:
    """Best of three, in seconds of a process that nobody traces: 0.08 when this was written."""
    path = tmp_path / "hosts.yml"
    hosts = (f"  w{n}: {{address: 192.0.2.{n % 250}, vars: {{a: 1, b: x}}}}\n" for n in range(1000))
    groups = (f'  g{n}: {{hosts: ["w[{n}:999:9]"], vars: {{g{n}: 1}}}}\n' for n in range(9))
    path.write_text("hosts:\n" + "".join(hosts) + "groups:\n" + "".join(groups))
    done = subprocess.run([sys.executable, "-c", _LOAD, path], capture_output=True, check=True)

    assert min(map(float, done.stdout.split())) < 0.3


def test_local_does_not_pay_for_yaml() -> None:
    code = "import sys, cookbook.plugins.manager, cookbook.inventory as i; i.local();"
    code += "sys.exit('yaml' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_inventory_without_sources_and_schema_does_not_pay_for_them(tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").write_text("hosts: [a]\ngroups: {g: {hosts: [a]}}")
    code = "import sys, pathlib, cookbook.plugins.manager, cookbook.inventory as i;"
    code += f"i.load(pathlib.Path({str(tmp_path)!r}) / 'hosts.yml');"
    code += "sys.exit(str([one for one in sys.modules if 'sources.' in one or 'schema_' in one]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.stderr == b"[]\n"


def test_what_yaml_reads_as_true_or_false_is_doubted_where_it_may_be_text(tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").write_text(
        "defaults:\n  vars: {country: NO, quoted: 'no', plain: false}\n"
        "hosts:\n  a: {vars: {list: [{deep: on}]}}\n  b:\n"
    )
    found = load(tmp_path / "hosts.yml")
    assert found.hosts["b"].vars == {"country": False, "quoted": "no", "plain": False}
    assert found.warnings == (
        f'{tmp_path}/hosts.yml:2: NO is read as false; write that, or "NO" in quotes for text',
        f'{tmp_path}/hosts.yml:4: on is read as true; write that, or "on" in quotes for text',
    )


def test_numbers_that_are_meant_as_numbers_are_read(tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").write_text(
        'hosts: {a: {vars: {x: [0, -0, 0x1F, 0b11, 1_000, 1.50, 0.5, "0644", "1:30", 08, 019]}}}'
    )
    found = load(tmp_path / "hosts.yml")
    values = [0, 0, 31, 3, 1000, 1.5, 0.5, "0644", "1:30", "08", "019"]
    assert found.hosts["a"].vars == {"x": values}
    assert found.warnings == ()
