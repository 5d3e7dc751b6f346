"""What a recipe knows of other hosts: the same for all, read before anything is done."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from cookbook.cli import main
from cookbook.errors import CookError, SecretError, Unreachable
from cookbook.inventory import Host
from cookbook.run import kept_facts
from cookbook.script.facts import Facts, facts_from_json, facts_json
from cookbook.transport.local import LocalTransport

HEADING = """from cookbook.recipe import hosts, node
from cookbook.resources import directory, file
"""

INVENTORY = """
defaults: {transport: local}
hosts:
  web1: {vars: {dir: ROOT/web1}}
  web2: {vars: {dir: ROOT/web2}}
  db2: {address: 192.0.2.8, port: 2222, vars: {dir: ROOT/db2, role: spare, password: !secret pw}}
  db1: {vars: {dir: ROOT/db1}}
groups:
  web: {hosts: [web1, web2]}
  db: {hosts: [db1, db2]}
  empty: {hosts: []}
"""


class Fleet:
    """The hosts, all this machine; some cannot be reached."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._folder, self._capsys = folder, capsys
        self.away: set[str] = set()
        self.error: CookError = Unreachable("no route to host")
        self.connected: list[str] = []

    def connect(self, host: Host, *_: Any) -> LocalTransport:
        """Count a connection; fail if the host is away."""
        self.connected.append(host.name)
        if host.name in self.away:
            raise self.error
        return LocalTransport(("env", f"COOK_HOME={self._folder}/.{host.name}", "sh"))

    def run(self, command: str, recipe: str, *words: str) -> tuple[int, dict[str, Any]]:
        """Run a recipe; return the exit status, and the document or the messages."""
        Path("r.py").write_text(HEADING + recipe)
        given = (command, "r.py", "--hosts", "hosts.yml", "--output", "json", *words)
        status = main(given)
        said = self._capsys.readouterr()
        return status, json.loads(said.out) if said.out else {"stderr": said.err}

    def written(self, host: str) -> str:
        """The file that a recipe has written on a host."""
        return (self._folder / host).read_text()


@pytest.fixture
def fleet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Fleet:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COOK_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("COOK_SECRET_PW", "swordfish-of-db2")
    Path("hosts.yml").write_text(INVENTORY.replace("ROOT", str(tmp_path)))
    made = Fleet(tmp_path, capsys)
    monkeypatch.setattr("cookbook.run.runner.connect", made.connect)
    monkeypatch.setattr("cookbook.run.host_run.HostRun._only_once", lambda *_: None)
    return made


WRITE = "file(node.vars['dir'], content=%s, mode='0644')\n"


def test_names_addresses_variables_and_groups_need_no_contact(fleet: Fleet) -> None:
    """The limit of the run does not count; the order is that of the inventory."""
    told = "repr([(h.name, h.address, h.port, h.vars.get('role'), h.groups) for h in %s])"
    status, _ = fleet.run(
        "converge", WRITE % (told % "hosts(group='db')"), "--limit", "web1", "--set", "role=main"
    )

    assert status == 0
    assert fleet.connected == ["web1"]
    assert fleet.written("web1") == repr(
        [
            ("db2", "192.0.2.8", 2222, "main", ("db",)),
            ("db1", "db1", 22, "main", ("db",)),
        ]
    )


@pytest.mark.parametrize(
    ("call", "names"),
    [
        ("hosts()", "web1 web2 db2 db1"),
        ("hosts(group='web')", "web1 web2"),
        ("hosts(group='empty')", ""),
        ("hosts(limit='web*,!web1')", "web2"),
        ("hosts(group='db', limit=['web2', 'db1'])", "db1"),
    ],
)
def test_selection(fleet: Fleet, call: str, names: str) -> None:
    content = f"' '.join(h.name for h in {call})"
    fleet.run("converge", WRITE % content, "--limit", "web1")

    assert fleet.written("web1") == names


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("hosts(group='dbb')", "r.py:3: hosts: there is no group 'dbb'"),
        ("hosts(limit='wep*')", "r.py:3: hosts: the limit 'wep*' matches no host"),
        ("hosts()[0].vars['colour']", "r.py:3: KeyError: 'colour'"),
    ],
)
def test_mistakes_have_file_and_line(fleet: Fleet, call: str, says: str) -> None:
    status, told = fleet.run("converge", f"{call}\n")

    assert (status, fleet.connected) == (1, [])
    assert says in told["stderr"]


def test_a_secret_of_another_host_is_a_secret(fleet: Fleet, tmp_path: Path) -> None:
    recipe = WRITE % "hosts(limit='db2')[0].vars['password']"
    status, document = fleet.run("converge", recipe, "--limit", "web1")

    assert status == 0
    assert fleet.written("web1") == "swordfish-of-db2"
    assert "swordfish" not in json.dumps(document)
    assert not any("swordfish" in one.read_text() for one in (tmp_path / "state").rglob("*.json"))


def test_a_recipe_cannot_change_what_another_one_sees(fleet: Fleet) -> None:
    recipe = "hosts()[0].vars['p'].append(node.name)\n" + WRITE % "repr(hosts()[0].vars['p'])"
    fleet.run("converge", recipe, "--set", "p=[x]")

    assert {fleet.written(name) for name in ("web1", "web2", "db1")} == {"['x']"}


FACTS = WRITE % "' '.join(f'{h.name}={h.facts.distribution}' for h in hosts(group='db'))"


def test_only_the_hosts_are_asked_whose_facts_are_read(fleet: Fleet) -> None:
    recipe = WRITE % "hosts(group='db')[1].facts.hostname"
    status, document = fleet.run("converge", recipe, "--limit", "web*")

    assert status == 0
    assert sorted(fleet.connected) == ["db1", "web1", "web2"]
    assert fleet.connected[0] == "db1"
    assert fleet.written("web1") == fleet.written("web2") == os.uname().nodename
    assert list(document["facts"]) == ["db1"]
    assert document["facts"]["db1"]["age"] == 0


def test_a_recipe_that_reads_its_own_facts_first_is_foreseen(fleet: Fleet) -> None:
    """Its own are not known before: stand-ins lead it to the others."""
    status, _ = fleet.run("converge", f"node.facts.kernel\n{FACTS}", "--limit", "web*")

    assert status == 0
    assert sorted(fleet.connected[:2]) == ["db1", "db2"]
    assert len(fleet.connected) == 4


def test_what_is_read_only_because_of_a_fact_is_still_the_same_for_all(fleet: Fleet) -> None:
    """The stand-ins do not lead there; it is asked when it is read."""
    recipe = f"if node.facts.hostname == {os.uname().nodename!r}:\n    {FACTS}"
    status, document = fleet.run("converge", recipe, "--limit", "web*")

    assert status == 0
    assert sorted(fleet.connected) == ["db1", "db2", "web1", "web2"]
    assert set(document["facts"]) == {"db1", "db2"}


def test_a_host_that_is_away_is_known_by_its_last_facts(fleet: Fleet) -> None:
    fleet.run("plan", FACTS, "--limit", "web1")
    fleet.away = {"db1"}
    status, document = fleet.run("converge", FACTS, "--limit", "web1")

    assert status == 0
    assert fleet.written("web1").startswith("db2=")
    assert "db1=" in fleet.written("web1")
    [remark] = document["remarks"]
    assert remark.startswith("db1 cannot be reached: its facts of 20")
    assert document["facts"]["db1"]["age"] > 0 == document["facts"]["db2"]["age"]


def _age(seconds: float) -> None:
    for path in kept_facts.folder().glob("*.json"):
        data = json.loads(path.read_text())
        path.write_text(json.dumps(data | {"read": data["read"] - seconds}))


@pytest.mark.parametrize(("age", "status"), [("2h", 0), ("30m", 3)])
def test_last_facts_are_used_up_to_an_age(fleet: Fleet, age: str, status: int) -> None:
    fleet.run("plan", FACTS, "--limit", "web1")
    _age(3600)
    fleet.away = {"db1"}
    found, document = fleet.run("converge", FACTS, "--limit", "web1", "--facts-age", age)

    assert found == status
    if status:
        error = document["hosts"]["web1"]["error"]
        assert error["message"].startswith("r.py:3: the facts of db1 are not known: no route")
        assert "the last known ones are of" in error["message"]
        assert error["phase"] == "compile"


def test_without_facts_only_the_hosts_that_need_them_fail(fleet: Fleet, tmp_path: Path) -> None:
    fleet.away = {"db1"}
    recipe = f"if node.name == 'web1':\n    {FACTS}else:\n    {WRITE % repr('x')}"
    status, document = fleet.run("converge", recipe, "--limit", "web*")

    assert status == 3
    assert [host["status"] for host in document["hosts"].values()] == ["failed", "changed"]
    assert document["hosts"]["web1"]["error"]["kind"] == "Missing"
    assert not (tmp_path / "web1").exists()


def test_an_error_of_any_kind_is_that_of_one_host(fleet: Fleet) -> None:
    fleet.away, fleet.error = {"db1"}, SecretError("no secret to log in with")
    recipe = f"if node.name == 'web1':\n    {FACTS}else:\n    {WRITE % repr('x')}"
    status, document = fleet.run("converge", recipe, "--limit", "web*")

    assert status == 3
    assert [host["status"] for host in document["hosts"].values()] == ["failed", "changed"]
    said = "the facts of db1 are not known: no secret to log in with"
    assert said in document["hosts"]["web1"]["error"]["message"]


def test_they_are_asked_within_the_limits_of_the_run(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many at once as there is room for, and not past the time of the run."""
    at_once, asked, takes = [0, 0], list[str](), [0.2] * 4

    def ask(host: Host, *_: object) -> Facts:
        at_once[0] += 1
        at_once[1] = max(at_once)
        time.sleep(takes.pop(0))
        asked.append(host.name)
        at_once[0] -= 1
        return Facts()

    monkeypatch.setattr("cookbook.run.runner.gather_facts", ask)
    monkeypatch.setattr("cookbook.run.runner._room", lambda: 1)
    recipe = WRITE % "repr([h.facts.kernel for h in hosts()])"
    fleet.run("plan", recipe, "--limit", "web1")
    assert (at_once[1], len(asked)) == (1, 4)
    asked.clear()
    takes += [0, 6, 0, 0]  # the second one takes longer than there is time
    status, document = fleet.run("plan", recipe, "--limit", "web1", "--timeout", "5s")
    assert (status, len(asked)) == (3, 2)
    assert document["hosts"]["web1"]["status"] == "timeout"


def test_a_guard_that_reads_facts_too_late_is_an_error_of_its_resource(fleet: Fleet) -> None:
    recipe = (
        "db = hosts(group='db')[0]\n"
        "file(node.vars['dir'], content='x', only_if=lambda: db.facts.cpus > 0)\n"
    )
    status, document = fleet.run("plan", recipe, "--limit", "web1")

    assert status == 3
    [error] = [one["error"] for one in document["hosts"]["web1"]["resources"] if one["error"]]
    assert "reads facts that were not asked for: db2" in error["message"]


def test_the_files_of_a_recipe_that_reads_facts_are_sources_of_its_plan(fleet: Fleet) -> None:
    """A saved plan has their digests, and the facts with their time."""
    Path("names.py").write_text("NAME = 'x'\n")
    recipe = f"from names import NAME\n{FACTS}"
    fleet.run("plan", recipe, "--limit", "web1", "-o", "plan.json")
    saved = json.loads(Path("plan.json").read_text())

    assert {Path(path).name for path in saved["sources"]} == {"hosts.yml", "r.py", "names.py"}
    assert {use["age"] for use in saved["facts"].values()} == {0}


def test_later_runs_keep_the_facts_of_their_hosts(fleet: Fleet, tmp_path: Path) -> None:
    fleet.run("converge", WRITE % "'y'", "--limit", "db*")
    fleet.away = {"db1", "db2"}
    status, _ = fleet.run("converge", FACTS, "--limit", "web1")

    assert status == 0
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "state/facts").iterdir()}
    assert modes == {0o600}
    assert (tmp_path / "state/facts").stat().st_mode & 0o777 == 0o700


def test_a_host_of_the_same_name_elsewhere_is_another_one(fleet: Fleet) -> None:
    fleet.run("plan", FACTS, "--limit", "web1")
    text = Path("hosts.yml").read_text().replace("db1: {", "db1: {address: 192.0.2.77, ")
    Path("hosts.yml").write_text(text)
    fleet.away = {"db1"}

    assert fleet.run("converge", FACTS, "--limit", "web1")[0] == 3


def test_a_saved_plan_says_from_which_facts_it_was_made_and_reads_none(
    fleet: Fleet, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.run("plan", FACTS, "--limit", "web1", "-o", "plan.json")
    saved = json.loads(Path("plan.json").read_text())
    assert {len(use["digest"]) for use in saved["facts"].values()} == {64}
    main(["show", "plan.json"])
    shown = capsys.readouterr().out
    assert f"facts of db1: read {saved['facts']['db1']['read']}, sha256 " in shown
    fleet.connected.clear()
    assert main(["apply", "plan.json", "--hosts", "hosts.yml", "--limit", "web1"]) == 0
    assert fleet.connected == ["web1"]
    assert "db1=" in fleet.written("web1")


def test_what_is_kept_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COOK_STATE", str(tmp_path))
    monkeypatch.setattr(kept_facts, "_MOST_FILES", 3)
    for number in range(5):
        kept_facts.keep([(Host(f"h{number}"), Facts(machine_id="m"))])
        written = time.time() - 10 + number
        os.utime(kept_facts._path(Host(f"h{number}")), (written, written))
    assert len(list(kept_facts.folder().iterdir())) == 3
    assert kept_facts.recall(Host("h4")) is not None
    for path in kept_facts.folder().iterdir():
        os.utime(path, (0, 0))
    kept_facts.keep([(Host("h4"), Facts(machine_id="m"))])
    assert len(list(kept_facts.folder().iterdir())) == 3, "only a new host makes others go"
    kept_facts.keep([(Host("h9"), Facts(machine_id="m"))])
    left = {kept_facts._path(Host(name)) for name in ("h4", "h9")}
    assert {*kept_facts.folder().iterdir()} == left


TOO_LATE = json.dumps({"facts": facts_json(Facts()), "read": 10**400})


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"facts": {}, "read": 1}', '{"facts": null, "read": "x"}', TOO_LATE]
)
def test_a_file_that_is_none_of_ours_is_as_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    monkeypatch.setenv("COOK_STATE", str(tmp_path))
    kept_facts.keep([(Host("h"), Facts(machine_id="m"))])
    [path] = kept_facts.folder().iterdir()
    path.write_text(content)

    assert kept_facts.recall(Host("h")) is None


def test_facts_survive_json() -> None:
    facts = Facts(addresses=("192.0.2.1",), tools=frozenset({"nft"}), memory=5, root=True)
    assert facts_from_json(json.loads(json.dumps(facts_json(facts)))) == facts
    assert facts_from_json(facts_json(Facts())) == Facts()
    for wrong in ({"memory": "5"}, {"root": 1}, {"addresses": "x"}, {"init": None}, {"tools": [1]}):
        with pytest.raises(ValueError, match="the fact"):
            facts_from_json({**facts_json(facts), **wrong})
