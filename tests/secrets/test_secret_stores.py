"""Secrets by name: in recipes, in hosts.yml, from each store, and `cook secret`."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cookbook.cli import main
from cookbook.errors import SecretError
from cookbook.inventory import from_data, load
from cookbook.secrets.secret import Secret
from cookbook.secrets.stores import age, environment
from cookbook.secrets.stores.derived import ALPHABET, derive
from cookbook.secrets.stores.document import SecretsFile, find_file
from cookbook.secrets.stores.lookup import STORES, revealed

VALUE = "c4n4ry-t0k3n"
HEADING = "from cookbook.recipe import *\nfrom cookbook.resources import *\n"
Cook = Callable[..., str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository, and a user without keys."""
    repository = tmp_path / "repository"
    (repository / ".git").mkdir(parents=True)
    monkeypatch.chdir(repository)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(environment, "_taken", {})
    monkeypatch.delenv("COOK_AGE_IDENTITY", raising=False)
    return repository


@pytest.fixture
def cook(
    folder: Path,  # noqa: ARG001 - where it is run
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Cook:
    """`cook secret ...` with a text on standard input; what it printed."""

    def run(*words: str, given: str = "", status: int = 0) -> str:
        monkeypatch.setattr(sys, "stdin", io.StringIO(given))
        assert main(["secret", *words]) == status, capsys.readouterr()
        said = capsys.readouterr()
        return said.out + said.err

    return run


@pytest.fixture
def file(cook: Cook, folder: Path) -> Path:
    """A file with one secret."""
    cook("init")
    cook("set", "db/password", given=f"{VALUE}\n")
    return folder / "secrets.age.yml"


def converge(text: str, *words: str) -> int:
    Path("r.py").write_text(HEADING + text)
    return main(["converge", "r.py", "--local", "--no-record", *words])


class TestTheFile:
    def test_git_sees_names_and_no_values(self, file: Path, tmp_path: Path) -> None:
        text = file.read_text()

        assert "  db/password: |" in text
        assert VALUE not in text
        assert (tmp_path / "config/cook/age.key").stat().st_mode & 0o777 == 0o600

    def test_a_value_is_what_was_given(self, file: Path, cook: Cook) -> None:
        key = "-----BEGIN KEY-----\nä\n-----END KEY-----\n"
        cook("set", "key", given=key)

        assert cook("view", "key") == key
        assert cook("view", "db/password") == f"{VALUE}\n"
        assert cook("list") == "db/password\nkey\nmaster\n"

    def test_another_change_leaves_the_other_values_as_they_are(
        self, file: Path, cook: Cook
    ) -> None:
        before = SecretsFile.read(file).secrets["db/password"]

        cook("set", "other", given="x")

        assert SecretsFile.read(file).secrets["db/password"] == before

    def test_rotate_makes_another_value(self, file: Path, cook: Cook) -> None:
        cook("rotate", "db/password", "--length", "40")

        value = cook("view", "db/password").strip()
        assert value != VALUE
        assert len(value) == 40
        assert "did you mean 'db/password'" in cook("rotate", "db/pasword", status=1)

    def test_remove(self, file: Path, cook: Cook) -> None:
        cook("remove", "db/password")

        assert cook("list") == "master\n"

    def test_an_editor_sees_it_in_a_private_file_that_is_gone_afterwards(
        self, file: Path, cook: Cook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        editor = tmp_path / "editor"
        editor.write_text(
            f'#!/bin/sh\nstat -c "%a %n" "$1" "${{1%/*}}" >{tmp_path}/seen; echo new >"$1"\n'
        )
        editor.chmod(0o755)
        monkeypatch.setenv("EDITOR", str(editor))
        monkeypatch.delenv("VISUAL", raising=False)

        cook("edit", "db/password")

        assert cook("view", "db/password") == "new\n"
        modes = dict(line.split()[::-1] for line in (tmp_path / "seen").read_text().splitlines())
        assert sorted(modes.values()) == ["600", "700"]
        assert not any(Path(path).exists() for path in modes)

    def test_rekey_lets_another_one_read_and_one_not_any_more(
        self, file: Path, cook: Cook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        public = age.new_identity(tmp_path / "colleague.key")
        ours = SecretsFile.read(file).recipients[0]
        cook("rekey", "--add", public)
        monkeypatch.setenv("COOK_AGE_IDENTITY", str(tmp_path / "colleague.key"))
        assert cook("view", "db/password") == f"{VALUE}\n"

        assert "rotate what they know" in cook("rekey", "--remove", ours)

        assert cook("view", "db/password") == f"{VALUE}\n"
        monkeypatch.delenv("COOK_AGE_IDENTITY")
        assert "none of the keys" in cook("view", "db/password", status=1)

    def test_a_key_file_that_is_missing_is_named(
        self, folder: Path, cook: Cook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        missing = tmp_path / "missing"
        monkeypatch.setenv("COOK_AGE_IDENTITY", str(missing))
        said = cook("init", status=1)
        assert f"COOK_AGE_IDENTITY names {missing}, and there is no such file" in said
        assert "passphrase" not in said

        monkeypatch.setenv("COOK_AGE_IDENTITY", str(tmp_path))
        said = cook("init", status=1)
        assert f"{tmp_path}: Is a directory" in said
        assert "passphrase" not in said

    def test_an_ssh_key_is_a_key(self, folder: Path, cook: Cook, tmp_path: Path) -> None:
        key = tmp_path / "home/.ssh/id_ed25519"
        key.parent.mkdir(parents=True)
        subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", key], check=True)

        assert "your public key is ssh-ed25519 " in cook("init")

        cook("set", "a", given="b")
        assert cook("view", "a") == "b\n"

    def test_a_value_in_the_place_of_another_is_noticed(self, file: Path, cook: Cook) -> None:
        cook("set", "motd", given="hello")
        data = SecretsFile.read(file)
        swapped = {**data.secrets, "motd": data.secrets["db/password"]}
        SecretsFile(file, data.recipients, swapped).write()

        said = cook("view", "motd", status=1)

        assert "the value of another secret" in said
        assert VALUE not in said

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("[", "restore it from git"),
            ("a: 1", "a mapping of recipients, secrets, generations"),
            ("secrets: {a: 1}", "a mapping of texts"),
            ("secrets: {a b: x}", "cannot be the name of a secret"),
            ("generations: {a: 0}", "numbers from 1"),
            ("secrets: !!python/object:os.system {}", "restore it from git"),
            ("recipients: [age1nonsense]\n", "no recipient"),
            ("secrets: {a: nonsense}\nrecipients: []", "there is no entry"),
        ],
    )
    def test_what_it_cannot_be(self, folder: Path, cook: Cook, text: str, said: str) -> None:
        (folder / "secrets.age.yml").write_text(text)

        assert said in cook("set", "x", given="y", status=1)

    def test_it_is_looked_for_up_to_the_root_of_the_repository(
        self, file: Path, tmp_path: Path
    ) -> None:
        deep = file.parent / "a/b"
        deep.mkdir(parents=True)

        assert find_file(deep) == file
        file.rename(tmp_path / file.name)
        assert find_file(deep) is None


class TestARecipe:
    def test_it_gets_a_value_by_its_name(
        self, file: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        text = "file(node.vars['to'], content=f\"p={secret('db/password')}\\n\")"

        assert converge(text, "-v", "--set", f"to={file.parent}/made") == 0

        assert (file.parent / "made").read_text() == f"p={VALUE}\n"
        said = capsys.readouterr()
        assert VALUE not in said.out + said.err

    def test_a_name_that_no_store_knows_is_said_with_its_line(
        self, file: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert converge("execute('touch made')\nsecret('db/pasword')") == 1

        said = capsys.readouterr().err
        assert "r.py:4: there is no secret 'db/pasword'" in said
        assert "did you mean 'db/password'?" in said
        assert not Path("made").exists()

    def test_the_environment_comes_first_and_is_inherited_by_nobody(
        self, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COOK_SECRET_DB_PASSWORD", "from-the-env")
        text = f"""
value = secret('db/password')
file('{file.parent}/made', content=value)
execute('env >{file.parent}/env')
"""
        assert converge(text) == 0

        assert Path("made").read_text() == "from-the-env"
        assert "COOK_SECRET" not in Path("env").read_text()

    def test_a_command_is_asked_without_a_shell(
        self, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        settings = tmp_path / "config/cook/settings.yml"
        settings.parent.mkdir(parents=True)
        settings.write_text('secrets: {command: [sh, -c, "cat $0", "{name}"]}')
        (folder / "token").write_text(f"{VALUE}\n")
        text = f"file('{folder}/made', content=secret('token'))"

        assert converge(text) == 0
        assert (folder / "made").read_text() == VALUE

        assert converge("secret('nothing-here')") == 1
        said = capsys.readouterr().err
        assert "ended with status 1" in said
        assert "No such file" in said

    def test_derived_is_the_same_each_time_and_renewed_when_told(
        self, file: Path, cook: Cook
    ) -> None:
        def made() -> str:
            assert converge(f"file('{file.parent}/made', content=derived('app'))") == 0
            return Path("made").read_text()

        first = made()
        assert made() == first
        assert len(first) == 32

        assert cook("rotate", "--derived", "app").endswith("app is generation 2\n")
        assert made() != first

    def test_a_plugin_is_a_store(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from cookbook.plugin import hookimpl
        from cookbook.plugins.manager import listening

        class Mine:
            @hookimpl
            def cookbook_secret(self, name: str) -> str | None:
                return VALUE if name == "mine" else None

        with listening(Mine()):
            assert STORES.secret("mine", folder) == VALUE
            with pytest.raises(SecretError, match="no secret 'others'"):
                STORES.secret("others", folder)


class TestDerived:
    master = Secret("m" * 64)

    def test_it_does_not_change_with_the_version_of_cook(self) -> None:
        value = derive(self.master, ("app", "web1"), 1, 16)

        assert value == "XSKqWxmNt3j8TKts"

    @pytest.mark.parametrize(
        "other",
        [
            (("app", "web2"), 1, 16, ALPHABET),
            (("ap", "pweb1"), 1, 16, ALPHABET),
            (("app", "web1"), 2, 16, ALPHABET),
            (("app", "web1"), 1, 17, ALPHABET),
            (("app", "web1"), 1, 16, ALPHABET[::-1]),
        ],
    )
    def test_anything_else_makes_another(
        self, other: tuple[tuple[str, str], int, int, str]
    ) -> None:
        one = derive(self.master, ("app", "web1"), 1, 16)

        assert derive(self.master, *other)[:16] != one

    @pytest.mark.parametrize(("length", "alphabet"), [(7, ALPHABET), (9999, ALPHABET), (9, "01")])
    def test_what_can_be_guessed_is_refused(self, length: int, alphabet: str) -> None:
        with pytest.raises(SecretError):
            derive(self.master, ("app", "web1"), 1, length, alphabet)


class TestAnInventory:
    text = """
hosts:
  localhost:
    transport: local
    become_password: !secret sudo
    password: !secret ssh
    vars: {token: !secret db/password, deep: {list: [1, !secret db/password]}, unused: !secret no}
"""

    def test_names_are_shown_and_no_key_is_needed(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Path("hosts.yml").write_text(self.text)

        assert main(["inventory", "--hosts", "hosts.yml"]) == 0

        said = capsys.readouterr().out
        assert "become_password = (secret)" in said
        assert "vars.token = (secret)" in said

    def test_a_variable_is_looked_up_when_it_is_used(
        self, file: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        lines = [line for line in self.text.splitlines() if "password: !secret s" not in line]
        Path("hosts.yml").write_text("\n".join(lines))
        Path("r.py").write_text(
            f"{HEADING}assert repr(node.vars['token']) == 'Secret(***)'\n"
            f"file('{file.parent}/made', content=node.vars['deep']['list'][1])\n"
        )
        words = ["converge", "r.py", "--hosts", "hosts.yml", "--no-record"]

        assert main(words) == 0, capsys.readouterr()

        assert Path("made").read_text() == VALUE
        Path("r.py").write_text(f"{HEADING}node.vars['unused']\n")
        assert main(words) == 1
        assert "r.py:3: hosts.yml:5: there is no secret 'no'" in capsys.readouterr().err

    def test_a_password_that_is_in_no_store_is_said_before_any_host_is_reached(
        self, file: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Path("hosts.yml").write_text(self.text)
        Path("r.py").write_text(f"{HEADING}execute('touch made')\n")

        assert main(["converge", "r.py", "--hosts", "hosts.yml"]) == 1

        assert "hosts.yml:5: there is no secret 'sudo'" in capsys.readouterr().err
        assert not Path("made").exists()

    def test_set_can_name_one(self, file: Path) -> None:
        text = f"file('{file.parent}/made', content=node.vars['p'])"

        assert converge(text, "--set", "p=!secret db/password") == 0

        assert Path("made").read_text() == VALUE

    def test_two_groups_may_name_the_same(self, folder: Path) -> None:
        Path("hosts.yml").write_text(
            "hosts: [a]\ngroups:\n"
            "  x: {hosts: [a], password: !secret s}\n"
            "  y: {hosts: [a], password: !secret s}\n"
        )

        assert load(Path("hosts.yml")).hosts["a"].password is not None

    def test_a_plugin_may_have_the_value_itself(self) -> None:
        host = from_data({"hosts": {"a": {"password": Secret(VALUE)}}}).hosts["a"]

        assert revealed(host.password) == VALUE
        assert VALUE not in repr(host)


def test_a_run_without_secrets_loads_nothing_for_them(tmp_path: Path) -> None:
    (tmp_path / "r.py").write_text(f"{HEADING}execute('true')\n")
    code = (
        "import sys; from cookbook.cli import main; main(['converge', 'r.py', '--local'])\n"
        "print({'pyrage', 'yaml'} & sys.modules.keys())"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )

    assert ended.stdout.endswith("set()\n"), ended.stdout
