"""What people read when something goes wrong, word by word: tests/golden/errors has the texts."""

from __future__ import annotations

import contextlib
import getpass
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from cookbook.cli import main
from cookbook.cli.error_help import explanations
from cookbook.cli.report_lines import error_lines
from cookbook.errors import CookError
from cookbook.hosts.session import Session
from cookbook.plugins.manager import catalog
from cookbook.resources import Package
from cookbook.script.lock import Holder
from cookbook.testing import DEBIAN
from cookbook.transport.known_hosts import load_known_hosts
from cookbook.transport.local import LocalTransport
from tests.data import read_yaml
from tests.texts import FOLDER, check

HEADING = "from cookbook.resources import *\nfrom cookbook.recipe import *\n"

RECIPES = {
    "command-failed": "execute('echo first; echo no such luck >&2; exit 7')\nfile('D/never')",
    "command-failed-in-silence": "execute('exit 3')",
    "command-failed-and-ignored": "execute('exit 3', ignore_failure=True)",
    "command-killed": """execute("sh -c 'kill -9 $$'")""",
    "command-not-found": "execute('frobnicate --all')",
    "command-of-many-lines": "execute('seq 1000; printf %2000s x; echo; exit 1')",
    "command-of-a-sensitive-resource": "execute('printf hunter%d 2; exit 1', sensitive=True)",
    "command-with-a-secret": "execute(Secret('echo hunter2-hunter2; exit 1'))",
    "command-that-was-notified": "file('D/x', notifies=[delayed('run', 'execute[reload]')])\n"
    "execute('reload', command='echo cannot reload >&2; exit 1', action='nothing')",
    "command-too-slow": "execute('echo still at it; sleep 30', timeout=2)\nfile('D/never')",
    "command-of-many-bytes": "execute('yes | head -c 30000000; echo that is all; exit 1')",
    "link-lost": "execute('kill -9 $$')\nfile('D/never')",
    "not-converged": "execute('true', creates='D/x')",
    "missing-owner": "file('D/x', owner='nobody-here')",
    "missing-folder": "file('D/nowhere/x')",
    "not-possible": "file('D/folder')",
    "guard-cannot-be-run": "file('D/x', only_if='frobnicate')",
    "guard-raises": "file('D/x', only_if=lambda node: 1 / 0)",
    "wrong-recipe": "file('D/x', mod='644')",
    "wrong-recipe-with-facts": "node.facts.kernel\nfile('D/x', mod='644')",
    "no-secret": "execute(secret('db/password'))",
    "C50-raises": "file('D/x')\nlimits = {}\nfile('D/y', mode=limits['mode'])",
    "C50-no-network": "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:9/')",
}

Says = Callable[..., str]


@pytest.fixture
def says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Says:
    """What `cook converge` says of a recipe on this machine; `D` in it is a folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()

    def run(recipe: str, *words: str, command: str = "converge") -> str:
        text = recipe.replace("D/", f"{tmp_path}/")
        Path("recipe.py").write_text(
            f"{HEADING}from cookbook.secrets.secret import Secret\n{text}\n", "utf-8"
        )
        main([command, "recipe.py", *(words or ("--local",))])
        said = capsys.readouterr()
        return said.out + said.err

    return run


@pytest.fixture
def same(tmp_path: Path) -> Callable[[str, str], None]:
    """Whether a text is as its file has it."""
    words = {str(tmp_path): "/tmp/d", f"{getpass.getuser()}@{socket.gethostname()}": "ann@laptop"}
    return lambda name, text: check(name, text, words)


@pytest.mark.parametrize("name", RECIPES)
def test_of_a_recipe(name: str, says: Says, same: Callable[[str, str], None]) -> None:
    text = says(RECIPES[name])

    assert "hunter2" not in text
    same(name, text)


def test_of_a_recipe_that_does_not_end(
    says: Says, same: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cookbook.language.compiler.COMPILE_TIMEOUT", 0.2)
    same("C50-does-not-end", says("while True:\n    pass"))


def test_the_plan_says_the_same(says: Says, same: Callable[[str, str], None]) -> None:
    same("plan-missing-owner", says(RECIPES["missing-owner"], "--local", command="plan"))


@pytest.mark.usefixtures("many_machines")
def test_of_hosts_that_wait_for_one_another(says: Says, same: Callable[[str, str], None]) -> None:
    Path("hosts.yml").write_text("defaults: {transport: local}\nhosts: {db1: {}, web1: {}}\n")
    recipe = "with run_once():\n    execute('echo no such table >&2; exit 1')\nfile('D/never')"
    same("barrier-broken", says(recipe, "--hosts", "hosts.yml", "--forks", "1"))


HOSTS = {
    "unreachable-port": "hosts: {web1: {address: 127.0.0.1, port: PORT, user: ann}}",
    "no-privilege-tool": "hosts: {web1: {transport: local, become: doas}}",
    "wrong-inventory": "hosts:\n  web1: {adress: 127.0.0.1}",
    "unknown-environment": "hosts: {web1: {environment: stagng}}\nenvironments: {staging: {}}",
    "unknown-source": "sources:\n  - dokcer: {label: web}",
    "wrong-schema": "hosts: [web1]\nschema:\n  properties:\n    port: {type: integr}",
    "C46-same-machine": "defaults: {transport: local}\nhosts: {web1: {}, web2: {}}",
}


@pytest.mark.parametrize("name", HOSTS)
def test_of_an_inventory(name: str, says: Says, same: Callable[[str, str], None]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
    Path("hosts.yml").write_text(HOSTS[name].replace("PORT", port))

    words = ("--hosts", "hosts.yml", "--forks", "1")
    same(name, says("file('D/x')", *words).replace(port, "PORT"))


def test_of_a_command_line(says: Says, same: Callable[[str, str], None]) -> None:
    Path("hosts.yml").write_text("hosts: {web1: {address: 127.0.0.1}}")

    same("wrong-usage", says("", "--hosts", "hosts.yml", "--limit", "wbe1"))


def test_of_a_run_that_holds_the_host(says: Says, same: Callable[[str, str], None]) -> None:
    other = Session(LocalTransport())
    other.begin(Holder("bob@desk", "2026-05-01T12:00:00Z", "20260501T120000-3f9a"))
    with contextlib.closing(other):
        same("locked-by-a-run", says("file('D/x')"))


def test_of_an_operator(
    says: Says, same: Callable[[str, str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    main(["lock", "--local", "--reason", "the database is being moved"])
    capsys.readouterr()

    same("locked-by-an-operator", says("file('D/x')"))


def test_of_a_plan_that_is_too_old(
    says: Says,
    same: Callable[[str, str], None],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    says("file('D/x', content='new')", "--local", "-o", "plan.json", command="plan")
    (tmp_path / "x").write_text("somebody else's")

    main(["apply", "plan.json", "--local"])
    said = capsys.readouterr()
    same("refused-plan", said.out + said.err)


def test_of_a_file_that_is_no_plan(
    same: Callable[[str, str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("plan.json").write_text('{"format": "cook-plan"')

    main(["apply", "plan.json", "--local"])
    same("bad-plan-file", capsys.readouterr().err)


def test_of_a_history_that_cannot_be_read(
    same: Callable[[str, str], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "history.db").write_text("this is no database, and never was one\n" * 99)

    main(["history", "--store", f"sqlite:///{tmp_path}/history.db"])
    same("bad-history", capsys.readouterr().err)


def test_of_what_cannot_be_undone(
    says: Says, same: Callable[[str, str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    says("execute('true')")

    main(["undo", "last", "--local", "--yes"])
    said = capsys.readouterr()
    same("no-way-back", said.out + said.err)


def test_of_a_defect(
    says: Says, same: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("cookbook.run.host_run.HostRun._only_once", broken)
    text = says("file('D/x')").replace(__file__, "cookbook/x.py")
    same("defect", text)


@dataclass(frozen=True)
class _Key:
    """A key that a host shows."""

    known: str
    """What known_hosts says of it."""


KEYS = {
    "host-key-unknown": _Key(""),
    "host-key-changed": _Key("h ssh-ed25519 b3RoZXI=\n"),
    "host-key-revoked": _Key("@revoked h ssh-ed25519 c2hvd24=\n"),
}


def _raised(work: Callable[[], object]) -> str:
    with pytest.raises(CookError) as caught:
        work()
    return "".join(f"{text}\n" for _, text in error_lines(caught.value))


@pytest.mark.parametrize("name", KEYS)
def test_of_a_key(name: str, tmp_path: Path, same: Callable[[str, str], None]) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(KEYS[name].known)
    known = load_known_hosts((file,))

    same(name, _raised(lambda: known.check("h", 22, "ssh-ed25519", b"shown")))


def test_of_a_host_that_nobody_serves(same: Callable[[str, str], None]) -> None:
    same(
        "not-supported",
        _raised(
            lambda: catalog().choose(Package("nginx"), replace(DEBIAN, package_tool="pkg_add"))
        ),
    )


NO_ERROR = {
    "features",
    "C43-once",
    "C43-twice-at-a-package",
    "C49-left-at-once",
    "C58-owed",
    "C61-orphans",
}


def test_every_text_says_where_there_is_more() -> None:
    for path in FOLDER.glob("*.txt"):
        if path.stem in NO_ERROR:
            continue
        codes = [
            line.partition("cook explain ")[2]
            for line in path.read_text().splitlines()
            if "more: cook explain " in line
        ]
        assert codes, path.name
        assert set(codes) <= set(explanations()), path.name


FAULTS = FOLDER.parent / "faults.yml"
DOCUMENT = Path(__file__).parents[2] / "docs" / "reliability.md"


def _promised() -> set[str]:
    """The numbers of the faults in docs/reliability.md, also of those that are not made real."""
    found: set[str] = set()
    for row in re.findall(r"(?m)^(?:\| |- )(C\d[^a-z|]*)", DOCUMENT.read_text()):
        for first, last in re.findall(r"C(\d+)(?:-C(\d+))?", row):
            found |= {f"C{number}" for number in range(int(first), int(last or first) + 1)}
    return found


def test_each_fault_has_a_text_or_a_reason_why_not() -> None:
    told: dict[str, list[str] | str] = read_yaml(FAULTS)

    assert _promised() == {f"C{number}" for number in range(1, 63)}
    assert told.keys() == _promised()
    for texts in told.values():
        assert texts
        for name in [texts] if isinstance(texts, str) else texts:
            assert name.endswith(".") == isinstance(texts, str)
            assert isinstance(texts, str) or (FOLDER / f"{name}.txt").exists(), name


def test_a_text_that_has_the_number_of_a_fault_is_that_faults() -> None:
    told = read_yaml(FAULTS)
    for path in FOLDER.glob("C*.txt"):
        assert path.stem in told[path.stem.partition("-")[0]], path.name


def test_each_code_has_a_text_but_those_that_stand_for_others() -> None:
    """`error` has no better name; `no-kitchen` is of the machine that the tests run on."""
    said = "".join(path.read_text() for path in FOLDER.glob("*.txt"))
    there = set(re.findall("cook explain ([a-z-]+)", said))

    assert explanations().keys() - there == {"error", "wrong-input", "no-kitchen"}
