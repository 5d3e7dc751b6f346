"""The source `program`: an executable that prints the inventory of Ansible."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from cookbook.cli import main
from cookbook.errors import InventoryError, SourceError
from cookbook.inventory import load
from cookbook.inventory.sources.ansible import inventory_of
from cookbook.inventory.sources.entries import program_source
from tests.data import read_yaml
from tests.inventory.conftest import Program, Sourced
from tests.texts import check
from tests.waiting import eventually

CASES = read_yaml(Path(__file__).with_name("ansible.yml"))


@pytest.mark.parametrize("case", CASES, ids=[case["it"] for case in CASES])
def test_the_json_of_ansible(case: dict[str, Any], folder: Path) -> None:
    query = program_source(folder / "inv").query
    if "refused" in case:
        with pytest.raises(SourceError) as caught:
            inventory_of(case["print"], query)
        assert str(caught.value).endswith(f": {case['refused']}")
        return

    found = inventory_of(case["print"], query)

    assert found["hosts"] == case["hosts"]
    assert found["groups"] == case.get("groups", {})
    assert found.get("defaults", {}) == case.get("defaults", {})
    assert query.warnings == case.get("warns", [])


DOCUMENT = {
    "_meta": {"hostvars": {"web1": {"ansible_host": "192.0.2.1", "tier": "front"}}},
    "all": {"vars": {"ansible_user": "ops", "ntp": "far"}},
    "web": {"hosts": ["web1", "web2"], "vars": {"size": 3, "ansible_port": 2222}},
}

FILE = """\
defaults: {vars: {ntp: near}}
hosts:
  web1: {vars: {tier: mine}}
groups:
  front: {groups: [web], hosts: [web2], vars: {color: red}}
  web: {port: 22}
  all-of-it:"""


def test_hosts_and_groups_merge_with_those_of_the_file(program: Program, sourced: Sourced) -> None:
    program(document=DOCUMENT)
    found = sourced("  - program: ./inv\n    group: all-of-it", FILE)
    web1, web2 = found.hosts.values()

    assert (web1.address, web1.port, web1.user) == ("192.0.2.1", 22, "ops")
    assert web1.vars == {"tier": "mine", "ntp": "near", "size": 3, "color": "red"}
    assert web2.vars == {"ntp": "near", "size": 3, "color": "red"}
    assert found.groups["front"].hosts == ("web1", "web2")
    assert found.groups["all-of-it"].hosts == ("web1", "web2")
    assert [(o.value, o.level, o.at) for o in found.explain("web1", "vars.tier")] == [
        ("mine", "host", "hosts.yml:3"),
        ("front", "host", "hosts.yml:9, program ./inv: hosts.web1.vars.tier"),
    ]
    assert [(o.value, o.at) for o in found.explain("web1", "port")] == [
        (22, "hosts.yml:6"),
        (2222, "hosts.yml:9, program ./inv: groups.web.port"),
        (22, ""),
    ]
    assert [(o.value, o.level) for o in found.explain("web1", "vars.ntp")] == [
        ("near", "defaults"),
        ("far", "defaults"),
    ]


def test_the_hosts_of_a_source_are_enough(program: Program, sourced: Sourced) -> None:
    program(document=DOCUMENT)
    assert list(sourced("  - program: [./inv]").hosts) == ["web1", "web2"]


def test_arguments_come_before_list(program: Program, sourced: Sourced) -> None:
    program('printf \'{"_meta": {"hostvars": {"a": {"x": "%s"}}}, "g": ["a"]}\' "$* in $PWD"')
    found = sourced("  - program: [inv, --region, eu]")
    assert found.hosts["a"].vars["x"] == f"--region eu --list in {Path.cwd()}"


@pytest.mark.parametrize("argument", ["$(touch pwned)", "; touch pwned", "`touch pwned`"])
def test_no_shell_reads_an_argument(argument: str, program: Program, sourced: Sourced) -> None:
    program('[ "$1" != "" ] && printf \'{"_meta": {}, "g": ["a"]}\'')
    sourced(f"  - program: [./inv, {json.dumps(argument)}]")
    assert not Path("pwned").exists()


def test_the_environment_of_a_host_may_come_from_a_group_of_a_source(
    program: Program, sourced: Sourced
) -> None:
    program(document=DOCUMENT)
    more = (
        "groups: {web: {environment: test}}\n"
        "environments: {test: {groups: {web: {vars: {size: 9}}}}}"
    )
    assert sourced("  - program: ./inv", more).hosts["web2"].vars["size"] == 9


FAILS = [
    ("exit 3", "it ended with status 3", None),
    ("echo it is broken >&2; exit 1", "it ended with status 1", None),
    ("kill -9 $$", "it ended with status -9", None),
    ("echo hello", "it printed no JSON object: Expecting value", "it began with 'hello\\n'"),
    ("echo '[]'", "it printed no JSON object: it is no object", None),
    ("head -c 300000 /dev/zero | tr '\\0' '['", "it printed no JSON object: it is nested", None),
    ("printf '\\377'", "it printed no JSON object", None),
    ("true", "it printed no JSON object", None),
    ("echo '{\"g\": 1}'", "group g must be a mapping, not a number", None),
]


@pytest.mark.parametrize(("script", "message", "hint"), FAILS)
def test_a_program_that_fails(
    script: str, message: str, hint: str | None, program: Program, sourced: Sourced
) -> None:
    program(script)
    with pytest.raises(SourceError) as caught:
        sourced("  - program: ./inv")
    assert str(caught.value).startswith(f"hosts.yml:3: program ./inv: {message}")
    assert hint is None or caught.value.hint == hint


def test_what_it_said_is_told(
    program: Program, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program("echo 'no route to \\033[2Jthe cmdb' >&2; exit 4")
    Path("hosts.yml").write_text("sources:\n  - program: [./inv, eu]\n")

    assert main(["facts", "--hosts", "hosts.yml"]) == 1
    check("source-failed", capsys.readouterr().err, {str(folder): "/tmp/d"})


def running(group: int) -> list[str]:
    """The processes of a group that are no zombies."""
    stats = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            stats.append(path.read_text(errors="replace"))  # a name may be cut in a letter
    fields = [stat.rpartition(")")[2].split() for stat in stats]
    return [field[0] for field in fields if int(field[2]) == group and field[0] != "Z"]


@pytest.mark.parametrize("script", ["sleep 600", "sleep 600 & sleep 600", "(sleep 600 &)"])
def test_a_program_that_hangs_is_ended_with_all_that_it_started(
    script: str, program: Program, sourced: Sourced
) -> None:
    program(f"echo $$ >pid; {script}")
    begun = time.monotonic()
    with pytest.raises(SourceError, match="no answer in 3 s"):
        sourced("  - program: ./inv\n    timeout: 3")

    assert time.monotonic() - begun < 50
    end = time.monotonic() + 60
    while left := running(int(Path("pid").read_text())):  # a process takes a moment to die
        assert time.monotonic() < end, left


def test_an_interrupt_ends_the_programs(program: Program, folder: Path) -> None:
    for name in ("one", "two"):
        program(f"echo $$ >{name}.pid; sleep 600", name=name)
    (folder / "hosts.yml").write_text("sources: [{program: one}, {program: two}]")
    words = ["inventory", "--hosts", "hosts.yml"]
    code = f"import sys; from cookbook.cli import main; sys.exit(main({words!r}))"
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE)
    end = time.monotonic() + 60
    pids = [folder / f"{name}.pid" for name in ("one", "two")]
    while not all(path.is_file() and path.read_text() for path in pids):
        assert time.monotonic() < end
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)

    assert (process.returncode, said) == (130, b"")
    eventually(lambda: not any(running(int(path.read_text())) for path in pids))


def test_a_program_without_an_end_is_bounded(program: Program, sourced: Sourced) -> None:
    program("yes")
    with pytest.raises(SourceError, match="it printed more than 32 MiB"):
        sourced("  - program: ./inv")


def test_a_loud_program_is_bounded_too(program: Program, sourced: Sourced) -> None:
    program("yes | head -c 50000000 >&2; exit 1")
    with pytest.raises(SourceError) as caught:
        sourced("  - program: ./inv")
    assert caught.value.failed is not None
    assert len(caught.value.failed.output) <= 4000


def test_the_number_of_values_is_bounded(
    program: Program, sourced: Sourced, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cookbook.inventory.sources.asking.MOST_VALUES", 5)
    program(document={"_meta": {}, "g": list("abcdef")})
    with pytest.raises(SourceError, match="its answer has more than 5 values"):
        sourced("  - program: ./inv")


HOSTILE = [
    *("a b", "a;reboot", "$(reboot)", "-oProxyCommand=x", "../../etc", "a\nb", "\x1b[2J", ""),
    *("web[1:9]", "a,b", "!a", "*", "root@a", "a:22", "\udcff", "a/b"),
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_refused(name: str, program: Program, sourced: Sourced) -> None:
    program(document={"_meta": {"hostvars": {}}, "g": {"hosts": [name]}})
    with pytest.raises(InventoryError, match="cannot be a name") as caught:
        sourced("  - program: ./inv")
    assert str(caught.value).startswith("hosts.yml:3, program ./inv: hosts.")


@pytest.mark.parametrize("address", ["-oProxyCommand=x", "a b", "", "[1:9]\n"])
def test_a_hostile_address_is_refused(address: str, program: Program, sourced: Sourced) -> None:
    program(document={"_meta": {"hostvars": {"a": {"ansible_host": address or " "}}}, "g": ["a"]})
    with pytest.raises(InventoryError, match="address must be a host name or an IP address"):
        sourced("  - program: ./inv")


SECRETS = [
    {"ansible_password": "hunter2"},
    {"ansible_ssh_pass": "hunter2"},
    {"ansible_become_pass": "hunter2"},
    {"db_password": "hunter2"},
    {"API_TOKEN": "hunter2"},
    {"app": {"users": [{"name": "x", "secret": "hunter2"}]}},
    {"passphrases": {"passphrase": ["hunter2"]}},
]


@pytest.mark.parametrize("variables", SECRETS)
def test_what_looks_like_a_password_is_refused_and_not_kept(
    variables: dict[str, Any], program: Program, sourced: Sourced, folder: Path
) -> None:
    program(document={"_meta": {"hostvars": {"a": variables}}, "g": ["a"]})
    with pytest.raises(InventoryError, match="passwords are not") as caught:
        sourced("  - program: ./inv\n    cache: 10m")

    assert "hunter2" not in f"{caught.value}{caught.value.hint}"
    assert list(folder.glob("state/**/*.json")) == []


@pytest.mark.parametrize("variables", [{"token_count": 3}, {"bypass": "x"}, {"password": ""}])
def test_what_does_not_look_like_one_is_taken(
    variables: dict[str, Any], program: Program, sourced: Sourced
) -> None:
    program(document={"_meta": {"hostvars": {"a": variables}}, "g": ["a"]})
    assert sourced("  - program: ./inv").hosts["a"].vars == variables


def test_a_variable_can_be_left_out(program: Program, sourced: Sourced, folder: Path) -> None:
    program(document={"_meta": {"hostvars": {"a": {"db_password": "hunter2", "x": 1}}}, "g": ["a"]})
    found = sourced("  - program: ./inv\n    cache: 10m\n    without: [db_password]")

    assert found.hosts["a"].vars == {"x": 1}
    [kept] = folder.glob("state/inventory/*.json")
    assert "hunter2" not in kept.read_text()


def test_an_executable_instead_of_a_file(program: Program, folder: Path) -> None:
    program(document=DOCUMENT)
    assert [host.name for host in load(Path("inv")).select(["web"])] == ["web1", "web2"]
    assert load(folder / "inv").hosts["web1"].port == 2222


def test_a_yaml_file_that_is_executable_by_mistake_is_not_run(folder: Path) -> None:
    path = folder / "hosts.yml"
    path.write_text("#!/bin/touch pwned\nhosts: [a]\n")
    path.chmod(0o755)

    assert list(load(path).hosts) == ["a"]
    assert not (folder / "pwned").exists()


REFUSED = [
    ("sources: {}", "hosts.yml:1: sources must be a list, not a mapping"),
    ("sources: [x]", "hosts.yml:1: a source must be a mapping, not 'x'"),
    ("sources:\n- {}", "hosts.yml:2: the source has no kind"),
    (
        "sources:\n- {program: x, docker: }",
        "hosts.yml:2: the source has two kinds: program, docker",
    ),
    ("sources:\n- progam: x", "hosts.yml:2: unknown key 'progam' in a source"),
    ("sources:\n- program: none", "hosts.yml:2: program none: there is no program /tmp/d/none"),
    ("sources:\n- program: data", "hosts.yml:2: program data: /tmp/d/data is not executable"),
    ("sources:\n- program: []", "hosts.yml:2: program must be text or a list of texts, not a list"),
    (
        "sources:\n- program: [1]",
        "hosts.yml:2: program must be text or a list of texts, not a list",
    ),
    ("sources:\n- program: plain", "hosts.yml:2: program plain: /tmp/d/plain cannot be run: exec"),
    ("sources:\n- program: ok\n  cache: 10", "hosts.yml:2, program ok: hosts: no hosts"),
    (
        "sources:\n- program: ok\n  cache: 1y",
        "hosts.yml:3: '1y' is no span of time",
    ),
    ("sources:\n- program: ok\n  timeout: 0", "hosts.yml:3: no source answers within no time"),
    ("sources:\n- program: ok\n  cache: 1:30", "hosts.yml:3: 1:30 is no span of time"),
    ("sources:\n- program: ok\n  cache: 010", "hosts.yml:3: 010 is no span of time"),
    (
        "sources:\n- program: ok\n  group: nope",
        "hosts.yml:2: group 'nope' of the source program ok",
    ),
    ("hosts: [a]\nsources:\n- program: ok\n  group: [x]", "hosts.yml:4: group of a source must be"),
    (
        "sources:\n- program: two\n- program: [two, again]",
        "hosts.yml:3, program two: hosts.a: host 'a' is also in the source program two (hosts.yml",
    ),
    (
        "sources:\n- program: two\ngroups: {g: {hosts: [b]}}",
        "hosts.yml:3: host 'b' is not declared",
    ),
    ("sources:\n- program: two\nhosts: [two]", "hosts.yml:2, program two: groups.two: 'two' is a"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_a_mistake_is_told_with_its_place(
    text: str, message: str, program: Program, folder: Path
) -> None:
    program(document={}, name="ok")
    program(document={"_meta": {}, "two": ["a"]}, name="two")
    (folder / "data").write_text("x")
    (folder / "plain").write_text("no interpreter")
    (folder / "plain").chmod(0o755)
    Path("hosts.yml").write_text(text)
    with pytest.raises(InventoryError) as caught:
        load(Path("hosts.yml"))
    said = str(caught.value).replace(str(folder), "/tmp/d")
    if "no hosts" in message:
        assert said == "hosts.yml: no hosts are declared, and its sources have none"
    else:
        assert said.startswith(message)


def test_groups_of_two_sources_are_one_unless_they_disagree(
    program: Program, sourced: Sourced
) -> None:
    for name, port in (("one", 22), ("two", 22)):
        group = {"hosts": [f"h-{name}"], "vars": {"ansible_port": port, "from": name}}
        program(document={"_meta": {}, "g": group}, name=name)
    with pytest.raises(
        InventoryError, match=r"group g gets another vars\.from from a source befor"
    ):
        sourced("  - program: one\n  - program: two")

    found = sourced("  - program: one\n  - program: two", "groups: {g: {vars: {from: file}}}")
    assert found.groups["g"].hosts == ("h-one", "h-two")
    assert [host.vars["from"] for host in found.hosts.values()] == ["file", "file"]
