"""`cook run`, `cook declare` and `cook console`: work without a recipe file."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from cookbook import inventory
from cookbook.cli import main
from cookbook.cli.adhoc.run import Commands
from cookbook.errors import BrokenOff
from cookbook.hosts import connect as connect_module
from cookbook.inventory import Host
from cookbook.transport.contract import Transport
from tests.waiting import eventually

HOSTS = """\
defaults: {transport: local}
hosts:
  web[1:3]: {}
  db1: {address: db1}
  gone: {transport: ssh, address: 127.0.0.1, port: 1}
groups:
  web: {hosts: ["web[1:3]"], vars: {role: web}}
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COOK_STATE", str(tmp_path / "state"))
    Path("hosts.yml").write_text(HOSTS)


@pytest.fixture
def asks(capsys: pytest.CaptureFixture[str]) -> Any:
    def ask(*words: str) -> tuple[int, str, str]:
        try:
            status = main(words)
        except SystemExit as error:
            status = int(error.code or 0)
        said = capsys.readouterr()
        return status, said.out, said.err

    return ask


class TestRun:
    def test_equal_outputs_stand_together(self, asks: Any) -> None:
        words = ("run", "web,db1", "--hosts", "hosts.yml", "--", "echo one; echo two >&2")
        assert asks(*words) == (0, "web1, web2, web3, db1 (4 hosts)\n  one\n  two\n", "")

    def test_different_outputs_and_a_failure(self, asks: Any, tmp_path: Path) -> None:
        """The first to make the folder has another output than the rest."""
        line = f"mkdir {tmp_path}/made 2>/dev/null && echo first && exit 0; echo late; exit 5"
        status, out, _ = asks("run", "web", "--hosts", "hosts.yml", "--forks=1", "--", line)
        assert status == 3
        assert out == "web1\n  first\nweb2, web3 (2 hosts): exit status 5\n  late\n"

    def test_words_are_read_by_no_shell(self, asks: Any) -> None:
        _, out, _ = asks("run", "--local", "--", "printf", "%s|", "$HOME", "a  b", "--limit", "*")
        assert out == "localhost\n  $HOME|a  b|--limit|*|\n"

    def test_json(self, asks: Any) -> None:
        words = ("--hosts", "hosts.yml", "--limit", "web1,gone", "--output", "json")
        status, out, _ = asks("run", *words, "--", "echo one; exit 2")
        document = json.loads(out)
        assert status == 3
        assert document["command"] == "echo one; exit 2"
        web = document["hosts"]["web1"]
        assert (web["status"], web["stdout"], web["complete"]) == (2, "one\n", True)
        assert document["hosts"]["gone"]["error"]["kind"] == "Unreachable"

    def test_an_unreachable_host_alone_is_exit_4(self, asks: Any) -> None:
        status, out, _ = asks("run", "web1,gone", "--hosts", "hosts.yml", "--", "true")
        assert status == 4
        assert out.startswith("web1\ngone: ")

    def test_a_slow_command_is_ended(self, asks: Any, tmp_path: Path) -> None:
        line = f"echo $$ >{tmp_path}/shell; sleep 300; touch {tmp_path}/late"
        status, out, _ = asks("run", "--local", "--timeout", "5s", "--", line)
        assert status == 3
        assert "5 s" in out
        shell = Path("/proc", (tmp_path / "shell").read_text().strip())
        eventually(lambda: not shell.exists())
        assert not (tmp_path / "late").exists()

    def test_a_signal_ends_it_everywhere(self, tmp_path: Path) -> None:
        line = f"echo $$ >>{tmp_path}/shells; sleep 300"
        words = ["run", "web", "--hosts", "hosts.yml", "--", line]
        with subprocess.Popen(
            [sys.executable, "-m", "cookbook.cli", *words], stdout=-1, stderr=-1, text=True
        ) as cook:
            (tmp_path / "shells").touch()
            end = time.monotonic() + 60
            while len(shells := (tmp_path / "shells").read_text().split()) < 3:
                assert time.monotonic() < end
                time.sleep(0.05)
            cook.send_signal(signal.SIGINT)
            out, errors = cook.communicate(timeout=60)
        assert cook.returncode == 130
        assert "ending the command on all hosts" in errors
        assert out.count("a signal has ended the command") == 3
        eventually(lambda: not any(Path(f"/proc/{shell}").exists() for shell in shells))

    def test_a_signal_during_the_login_lets_no_command_begin(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        commands = Commands(f"touch {tmp_path}/begun", 30)
        login = connect_module.connect

        def connected(host: Host, *rest: Any) -> Transport:
            commands.told = True
            return login(host, *rest)

        monkeypatch.setattr(connect_module, "connect", connected)
        with pytest.raises(BrokenOff, match="not begun"):
            commands.outcome(inventory.local().select()[0])
        assert not (tmp_path / "begun").exists()

    @pytest.mark.parametrize("words", [(), ("--",)])
    def test_a_command_is_needed(self, asks: Any, words: tuple[str, ...]) -> None:
        status, _, errors = asks("run", "--local", *words)
        assert status == 1
        assert "there is no command to run" in errors

    def test_output_cannot_drive_the_terminal(self, asks: Any) -> None:
        _, out, _ = asks("run", "--local", "--", "printf '\\033]2;owned\\007'")
        assert "\x1b" not in out


class TestDeclare:
    def test_plan_converge_and_again(self, asks: Any, tmp_path: Path) -> None:
        words = ("declare", f'file("{tmp_path}/f", content="x", mode="600")', "--local")
        status, out, _ = asks(*words, "--plan")
        assert status == 2
        assert "[declare:1]" in out
        assert not (tmp_path / "f").exists()
        assert asks(*words)[0] == 0
        assert (tmp_path / "f").read_text() == "x"
        assert "1 ok" in asks(*words)[1]
        history = json.loads(asks("history", "--output", "json")[1])["runs"]
        assert len(history) == 2, "the plan is not in the history"

    def test_templates_are_sought_here_and_variables_count(self, asks: Any, tmp_path: Path) -> None:
        Path("templates").mkdir()
        Path("templates/t.j2").write_text("{{ node.name }} {{ x }}\n")
        text = f'template("{tmp_path}/t", source="t.j2", variables={{"x": node.vars["x"]}})'
        status, _, errors = asks("declare", text, "--local", "--set", "x=7")
        assert (status, errors) == (0, "")
        assert Path("t").read_text() == "localhost 7\n"

    def test_one_text_does_not_orphan_what_another_declared(
        self, asks: Any, tmp_path: Path
    ) -> None:
        asks("declare", f'directory("{tmp_path}/one")', "--local")
        _, out, _ = asks("declare", f'directory("{tmp_path}/two")', "--local")
        assert "orphaned" not in out

    def test_it_is_undone(self, asks: Any, tmp_path: Path) -> None:
        asks("declare", f'directory("{tmp_path}/one")', "--local")
        assert (tmp_path / "one").is_dir()
        assert asks("undo", "last", "--local", "--yes")[0] == 0
        assert not (tmp_path / "one").exists()

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ('file("/x"', "'(' was never closed"),
            ('fil("/x")', "did you mean 'file'?"),
            ('apt("htop")', "cook has 'package'"),
            ('file("/x", contents="")', "did you mean 'content'?"),
            ("1 / 0", "declare:1: ZeroDivisionError"),
        ],
    )
    def test_what_is_wrong_is_said(self, asks: Any, text: str, said: str) -> None:
        status, _, errors = asks("declare", text, "--local")
        assert status == 1
        assert said in errors

    def test_names_that_the_text_binds_itself_are_no_types(self, asks: Any, tmp_path: Path) -> None:
        text = f'import os\nfor n in "ab":\n    directory(os.path.join("{tmp_path}", n))'
        assert asks("declare", text, "--local")[0] == 0
        assert (tmp_path / "b").is_dir()


class TestConsole:
    def typed(self, monkeypatch: pytest.MonkeyPatch, asks: Any, *lines: str) -> Any:
        monkeypatch.setattr("sys.stdin", io.StringIO("\n".join([*lines, ""])))
        return asks("console", "--hosts", "hosts.yml", "--limit", "web1")

    def test_facts_and_a_plan(
        self, monkeypatch: pytest.MonkeyPatch, asks: Any, tmp_path: Path
    ) -> None:
        lines = (
            "node.name, node.vars['role'], node.facts.distribution",
            "for name in 'ab':",
            f"    directory(f'{tmp_path}/{{name}}')",
            "",
            "declared()",
            "plan()",
        )
        status, out, errors = self.typed(monkeypatch, asks, *lines)
        assert (status, errors) == (0, "")
        assert "('web1', 'web', 'debian')" in out
        assert f"directory[{tmp_path}/b]  [<console>:2]" in out
        assert "2 to change" in out
        assert not (tmp_path / "a").exists()

    def test_converge_and_forget(
        self, monkeypatch: pytest.MonkeyPatch, asks: Any, tmp_path: Path
    ) -> None:
        lines = (f"directory('{tmp_path}/a')", "converge()", "forget()", "declared()")
        status, out, _ = self.typed(monkeypatch, asks, *lines, "run('echo from the host')")
        assert status == 0
        assert (tmp_path / "a").is_dir()
        assert out.endswith("[]\n'from the host\\n'\n")

    def test_errors_do_not_end_it(
        self, monkeypatch: pytest.MonkeyPatch, asks: Any, tmp_path: Path
    ) -> None:
        lines = ("fil('/x')", "1 / 0", "'a' +", "file('/x', contents='')", "'still here'")
        status, out, errors = self.typed(monkeypatch, asks, *lines)
        assert status == 1
        assert "did you mean 'file'?" in errors
        assert "ZeroDivisionError" in errors
        assert "SyntaxError" in errors
        assert "console.py" not in errors, "only what was typed stands in a traceback"
        assert "'still here'" in out

    def test_it_is_for_one_host(self, asks: Any) -> None:
        status, _, errors = asks("console", "--hosts", "hosts.yml")
        assert status == 1
        assert "5 are chosen" in errors
