"""The command line: exit statuses, JSON, and that wrong input reaches no host."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cookbook.cli import main, parsed
from cookbook.cli.command_table import COMMANDS

HEADING = "from cookbook.resources import *\nfrom cookbook.recipe import *\n"


class Listener:
    """A host that only counts who knocks."""

    def __init__(self) -> None:
        self.knocks = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.knocks += 1
            connection.close()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listener: Listener) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hosts.yml").write_text(
        f"hosts:\n  web1: {{address: 127.0.0.1, port: {listener.port}, connect_timeout: 2}}\n"
    )
    (tmp_path / "r.py").write_text(f"{HEADING}file('{tmp_path}/x', content='hello\\n')\n")
    return tmp_path


BAD = {
    "an unknown property": ("r.py", "file('/x', contents='')", "r.py:3: file('/x'): there is no"),
    "a wrong type": ("r.py", "group('g', gid='1')", "r.py:3: group[g]: gid must be a whole number"),
    "a missing template": ("r.py", "template('/x')", "r.py:3: there is no 'x.j2' in templates"),
    "an undefined variable": (
        "templates/x.j2",
        "{{ y }}",
        "r.py:3: templates/x.j2:1: UndefinedError: 'y' is undefined",
    ),
    "a duplicate": (
        "r.py",
        "file('/x')\nfile('/x')",
        "r.py:4: file[/x] is already declared at r.py:3",
    ),
    "a notification to nowhere": (
        "r.py",
        "file('/x', notifies=[delayed('reload', 'service[nginx]')])",
        "r.py:3: file[/x]: there is no service[nginx]",
    ),
    "bad YAML": ("hosts.yml", "hosts: [", "hosts.yml:"),
    "an unknown key": ("hosts.yml", "hosts: {a: {adress: b}}", "hosts.yml:1: unknown key 'adress'"),
    "a cycle of groups": (
        "hosts.yml",
        "hosts: [a]\ngroups: {x: {groups: [y]}, y: {groups: [x]}}",
        "hosts.yml:2:",
    ),
    "no such recipe": ("", "", "missing.py: No such file or directory"),
}


@pytest.mark.parametrize(("name", "text", "message"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("command", ["converge", "plan"])
def test_wrong_input_is_said_in_a_line_and_reaches_no_host(  # noqa: PLR0917
    folder: Path,
    listener: Listener,
    capsys: pytest.CaptureFixture[str],
    name: str,
    text: str,
    message: str,
    command: str,
) -> None:
    recipe = "r.py" if name else "missing.py"
    if name.startswith("templates"):
        (folder / "templates").mkdir()
        (folder / "r.py").write_text(f"{HEADING}template('/x')")
    if name:
        (folder / name).write_text(HEADING + text if name == "r.py" else text)

    assert main([command, recipe, "--hosts", "hosts.yml"]) == 1

    said = capsys.readouterr()
    assert said.err.startswith(f"cook: {message}")
    assert said.out == ""
    assert "Traceback" not in said.err
    assert listener.knocks == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--hosts", "hosts.yml", "--limit", "wob1"], "wob1"),
        (["--hosts", "hosts.yml", "--set", "port"], "--set port: it must be key=value"),
        (["--hosts", "hosts.yml", "--set", "port=[1"], "--set port: not YAML: while parsing"),
        (["--hosts", "hosts.yml", "--set", "mode=0644"], "--set mode: 0644 is read as 420"),
        (["--hosts", "nowhere.yml"], "nowhere.yml"),
        (["--hosts", "hosts.yml", "--forks", "0"], "is no number of hosts"),
        (["--hosts", "hosts.yml", "--colour"], "unrecognized arguments: --colour"),
        ([], "one of the arguments --hosts --local is required"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_wrong_options_have_exit_status_1(
    listener: Listener, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    try:
        status = main(["plan", "r.py", *arguments])
    except SystemExit as ended:
        status = int(str(ended.code))

    assert status == 1
    assert message in capsys.readouterr().err
    assert listener.knocks == 0


def test_a_plan_says_2_a_converge_0_and_then_both_0(folder: Path) -> None:
    assert main(["plan", "r.py", "--local"]) == 2
    assert not (folder / "x").exists()
    assert main(["converge", "r.py", "--local"]) == 0
    assert (folder / "x").read_text() == "hello\n"
    assert main(["plan", "r.py", "--local"]) == 0
    assert main(["converge", "r.py", "--local"]) == 0


@pytest.mark.usefixtures("folder")
def test_a_host_that_hangs_up_is_unreachable(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "r.py", "--hosts", "hosts.yml", "--output", "json"]) == 4

    document = json.loads(capsys.readouterr().out)
    assert document["exit"] == 4
    assert document["hosts"]["web1"]["status"] == "unreachable"
    assert document["hosts"]["web1"]["error"]["message"]


def test_a_failure_says_3(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "r.py").write_text(f"{HEADING}execute('exit 9')\nfile('{folder}/never')\n")

    assert main(["converge", "r.py", "--local"]) == 3

    said = capsys.readouterr().out
    assert "execute[exit 9]  failed  [r.py:3]" in said
    assert "ended with status 9" in said
    assert "1 more were not run" in said


def test_json_is_the_document_of_the_design(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COOK_STATE", str(folder / "state"))
    assert main(["converge", "r.py", "--local", "--output", "json"]) == 0

    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert document["schema"] == 1
    assert document["mode"] == "converge"
    assert document["totals"] == {
        "ok": 0,
        "changed": 1,
        "failed": 0,
        "unknown": 0,
        "skipped": 0,
        "not-run": 0,
        "orphaned": 0,
        "unmanaged": 0,
    }
    [host] = document["hosts"].values()
    assert (host["status"], host["exchanges"], host["error"]) == ("changed", 3, None)
    [step] = host["resources"]
    assert step["id"] == f"file[{folder}/x]"
    assert step["where"] == "r.py:3"
    assert step["status"] == "changed"
    assert step["changes"]["mode"] == [None, "0644"]
    assert "+hello" in step["diff"]


def test_a_variable_of_the_command_line_wins(folder: Path) -> None:
    (folder / "r.py").write_text(
        f"{HEADING}file('{folder}/x', content=str(node.vars['port'] + 1))\n"
    )

    assert main(["converge", "r.py", "--local", "--set", "port=80"]) == 0

    assert (folder / "x").read_text() == "81"


def test_facts_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["facts", "--local", "--output", "json"]) == 0

    facts = json.loads(capsys.readouterr().out)["hosts"]["localhost"]
    assert (
        facts["kernel"]
        == subprocess.run(
            ["uname", "-r"], capture_output=True, text=True, check=True
        ).stdout.strip()
    )
    assert facts["memory"] > 1 << 28


@pytest.mark.usefixtures("folder")
def test_the_inventory_says_where_values_are_from(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inventory", "--hosts", "hosts.yml"]) == 0

    assert "address = 127.0.0.1  [host hosts.yml:2]" in capsys.readouterr().out


def test_what_a_host_says_cannot_drive_the_terminal(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "r.py").write_text(
        f"{HEADING}execute('printf \"\\\\033[31mred\\\\007\" >&2; exit 1')\n"
    )

    assert main(["converge", "r.py", "--local"]) == 3

    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "\\x1b[31mred\\x07" in said


@pytest.mark.parametrize(
    "leak",
    [
        "execute('echo tok=$TOKEN; exit 1', environment={'TOKEN': Secret('hunter2')})",
        "execute('cat; exit 1', input=Secret('hunter2'))",
        "execute('x', command=Secret('echo hunter2; exit 1'))",
        "file(f'{D}/x/y', content=Secret('hunter2'))",
    ],
)
def test_a_secret_in_any_property_is_in_no_report(
    folder: Path, capsys: pytest.CaptureFixture[str], leak: str
) -> None:
    (folder / "r.py").write_text(
        f"{HEADING}from cookbook.script.shell import Secret\nD = '{folder}'\n{leak}\n"
    )
    for output in ("text", "json"):
        assert main(["converge", "r.py", "--local", "-v", "--output", output]) == 3
        said = capsys.readouterr()
        assert "hunter2" not in said.out + said.err


@pytest.mark.parametrize("fact", ["", "node.facts.kernel\n"])
def test_a_recipe_that_exits_is_wrong(
    folder: Path, capsys: pytest.CaptureFixture[str], fact: str
) -> None:
    (folder / "r.py").write_text(f"{HEADING}import sys\n{fact}sys.exit(0)\n")

    assert main(["converge", "r.py", "--local"]) == 1

    said = capsys.readouterr()
    assert "SystemExit" in said.err + said.out


def test_a_reader_that_leaves_does_not_change_the_exit_status(folder: Path) -> None:
    (folder / "r.py").write_text(f"{HEADING}execute('exit 1')\n")
    command = f"{sys.executable} -m cookbook.cli converge r.py --local"
    root = Path(__file__).parents[2]

    done = subprocess.run(
        ["bash", "-c", f"{command} 2>&1 | exec true; echo ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(root)},
    )

    assert done.stdout == "3\n", done.stderr


def test_a_name_that_is_no_utf8_can_be_reported(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "l").symlink_to(os.fsdecode(b"caf\xe9"))
    (folder / "r.py").write_text(f"{HEADING}link('{folder}/l', to='tea')\n")
    for output in ("text", "json"):
        assert main(["plan", "r.py", "--local", "--output", output]) == 2
        said = capsys.readouterr().out
        assert "caf\\xe9" in said.replace("\\\\", "\\")
        said.encode()
    assert main(["plan", "r.py", "--local", "-o", "p.cook"]) == 2
    assert main(["apply", "p.cook", "--local"]) == 0
    assert str((folder / "l").readlink()) == "tea"


def test_a_notification_that_cannot_be_is_found_before(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "r.py").write_text(
        f"{HEADING}link('/l', action='nothing')\n"
        "execute('true', notifies=[delayed('create', 'link[/l]')])\n"
    )

    assert main(["converge", "r.py", "--local"]) == 1

    assert 'r.py:4: delayed("create", "link[/l]"): link[/l]: it must point' in (
        capsys.readouterr().err
    )


def test_the_version_loads_next_to_nothing() -> None:
    """What `cook --version` costs is what it imports."""
    loaded = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "cookbook.cli", "--version"],
        capture_output=True,
        text=True,
        check=True,
    ).stderr

    for heavy in ("paramiko", "jinja2", "rich", "yaml", "cookbook.applying.converge"):
        assert f"| {heavy}" not in loaded.replace("  ", "")


def test_a_variable_that_may_be_text_is_doubted_and_used(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "r.py").write_text(f"{HEADING}file('{folder}/x', content=str(node.vars['c']))\n")

    assert main(["converge", "r.py", "--local", "--set", "c=no"]) == 0

    assert (folder / "x").read_text() == "False"
    assert 'cook: --set c: no is read as false; write that, or "no"' in capsys.readouterr().err


@pytest.mark.parametrize("name", list(COMMANDS))
def test_the_examples_of_the_help_can_be_parsed(name: str) -> None:
    assert COMMANDS[name].examples
    for example in COMMANDS[name].examples:
        program, *words = shlex.split(example)
        assert (program, words[0]) == ("cook", name)
        assert callable(parsed(words).run)


def test_the_help_shows_all_commands_by_heading(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    assert said.startswith("usage: cook [-h] [--version] COMMAND ...\n")
    for name, command in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(command.does)}$", said, re.MULTILINE)


def test_the_help_of_a_command_ends_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["history", "--help"])
    assert capsys.readouterr().out.endswith("\nexamples:\n  cook history --since 7d\n")


@pytest.mark.parametrize(
    "words", ["resources", "resources --output json", "converge --help", "--help", "--version"]
)
@pytest.mark.parametrize("buffered", ["", "1"], ids=["buffered", "unbuffered"])
def test_a_reader_that_leaves_early_hears_no_traceback(words: str, buffered: str) -> None:
    """It has gone before the first byte is written, or before the text is flushed at the end."""
    command = f"{sys.executable} -m cookbook.cli {words}"
    done = subprocess.run(
        ["bash", "-c", f"{command} | true"],
        env={**os.environ, "PYTHONUNBUFFERED": buffered},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""


def test_an_error_of_one_of_several_hosts_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    from cookbook.cli.output import exit_of
    from cookbook.errors import HostError, Unreachable

    away, other = Unreachable("192.0.2.1:22: No route to host"), HostError("db1: odd")
    assert exit_of({"web1": away}) == 4
    assert capsys.readouterr().err.startswith("cook: web1: 192.0.2.1:22: No route to host\n")
    assert exit_of({"web1": away, "db1": other}) == 3
    assert "cook: db1: odd\n" in capsys.readouterr().err
