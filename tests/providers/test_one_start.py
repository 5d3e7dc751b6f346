"""Questions that one start of a tool answers, or none: they tell no less than many starts."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from cookbook.language.probe import Table
from cookbook.providers.gem_package import GemPackageProvider
from cookbook.providers.npm_package import NpmPackageProvider
from cookbook.providers.pip import packages_in
from cookbook.providers.selinux_port import PORTS
from cookbook.providers.sshd_config import EFFECT
from cookbook.resources.gem_package import GemPackage
from cookbook.resources.npm_package import NpmPackage

_NODE = '#!/bin/sh\n[ "$1" = -e ] && sed "s/^/root /" || exit 1\n'
_CLI = "#!/usr/bin/env node\n"


def ask(table: Table | None, folder: Path, *keys: str, **tools: str) -> tuple[int, str]:
    """Ask a table where these tools are shell scripts; the folder is the home."""
    assert table is not None
    for name, text in tools.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    environment = {"PATH": f"{folder}:/usr/bin:/bin", "HOME": str(folder)}
    return _run(table.ask(keys).text, environment)


def _run(text: str, environment: Mapping[str, str]) -> tuple[int, str]:
    done = subprocess.run(
        ["sh", "-c", text], capture_output=True, text=True, check=False, env=environment
    )
    return done.returncode, done.stdout


@pytest.fixture
def npm(tmp_path: Path) -> Path:
    """A Node.js whose program prints the global folder, with an npm that fails if it is started."""
    cli = tmp_path / "lib/npm/bin/npm-cli.js"
    cli.parent.mkdir(parents=True)
    cli.write_text(_CLI)
    (cli.parent.parent / "npmrc").write_text("# of Debian\nprefix=/usr/local\n")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/node").write_text(_NODE)
    (tmp_path / "bin/node").chmod(0o755)
    cli.chmod(0o755)
    (tmp_path / "bin/npm").symlink_to(cli)
    return tmp_path


def _global(npm: Path, **variables: str) -> tuple[int, str]:
    [probe] = NpmPackageProvider().probe(NpmPackage("shop"))
    assert probe.table is not None
    own = {"PATH": f"{npm}/bin:{os.environ['PATH']}", "HOME": str(npm)}
    return _run(probe.table.ask([probe.key]).text, own | variables)


def test_npm_is_not_started_where_its_own_file_has_the_folder(npm: Path) -> None:
    (npm / ".npmrc").write_text("; prefix of nothing\nregistry=https://npm.example.org/\n")

    assert _global(npm) == (0, "root /usr/local/lib/node_modules\n")


def test_without_a_prefix_in_it_the_folder_is_beside_node(npm: Path) -> None:
    (npm / "lib/npm/npmrc").unlink()

    assert _global(npm) == (0, f"root {npm}/lib/node_modules\n")


@pytest.mark.parametrize(
    "line",
    ["prefix=/opt/own", ' "pre\\u0066ix" = /opt/own', "globalconfig=/etc/other", "${NAME}=/opt"],
)
@pytest.mark.parametrize("place", [".npmrc", "lib/npm/npmrc"])
def test_a_file_that_may_say_otherwise_is_left_to_npm(npm: Path, line: str, place: str) -> None:
    (npm / place).write_text(f"registry=https://npm.example.org/\n{line}\n")

    status, said = _global(npm)

    assert status != 0  # npm was started
    assert said == ""


@pytest.mark.parametrize("name", ["npm_config_prefix", "NPM_CONFIG_USERCONFIG", "PREFIX"])
def test_a_variable_that_may_say_otherwise_is_left_to_npm(npm: Path, name: str) -> None:
    status, said = _global(npm, **{name: "/opt/own"})

    assert status != 0
    assert said == ""


def test_a_file_of_requirements_that_is_absent_leaves_the_other_answers_in_their_places() -> None:
    keys = ["\x1eshop>=1", "*", "/srv/absent.txt", "/srv/list.txt"]
    shop, every = '{"source": "", "unmet": []}\n', "* lib==1.0 shop==2.0\n"
    of_file = '{"source": "/srv/list.txt", "unmet": []}\n'

    found = dict(packages_in("/srv/v").split(shop + every + of_file, keys))

    assert found == {keys[0]: shop, "*": every, keys[3]: of_file}
    assert dict(packages_in("/srv/v").split("", keys)) == {}


def test_a_ruby_that_fails_is_not_a_gem_that_is_absent(tmp_path: Path) -> None:
    [probe] = GemPackageProvider().probe(GemPackage("rake"))

    assert ask(probe.table, tmp_path, probe.key, gem="exit 1", ruby="exit 3")[0] == 3
    (tmp_path / "gem").unlink()
    missing = GemPackageProvider().probe(GemPackage("rake", gem_binary="/opt/no/gem"))
    assert ask(missing[0].table, tmp_path, missing[0].key) == (0, "")


@pytest.mark.parametrize(
    ("semanage", "status", "said"),
    [
        ("exit 1", 1, ""),
        ("echo 'http_port_t tcp 80, 8080-8090'", 0, "tcp/8080-8090 local http_port_t\n"),
    ],
)
def test_semanage_answers_where_it_is_no_program_of_python(
    tmp_path: Path, semanage: str, status: int, said: str
) -> None:
    key = "tcp/8080-8090"

    assert ask(PORTS, tmp_path, key, semanage=semanage) == (status, said)


def test_a_policy_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    python = tmp_path / "python3"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    tool = tmp_path / "semanage"
    tool.write_text(f"#!{python} -Es\n")
    tool.chmod(0o755)

    assert ask(PORTS, tmp_path, "tcp/80")[0] == 1


def test_sshd_is_asked_once_for_each_login(tmp_path: Path) -> None:
    sshd = f'echo "$*" >>{tmp_path}/calls; echo maxsessions 5; echo usedns no; echo acceptenv A B'
    user = "user=ann,host=cook.invalid,addr=192.0.2.1"
    keys = ["\x1emaxsessions", "\x1eusedns\x1eUseDNS no", f"{user}\x1eacceptenv"]

    status, said = ask(EFFECT, tmp_path, *keys, sshd=sshd)

    assert status == 0
    assert dict(EFFECT.split(said, keys)) == {
        keys[0]: "now 5\n\0",
        keys[1]: "now no\ndeclared no\n\0",
        keys[2]: "now A B\n\0",
    }
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls == ["-T", "-T -f /dev/null -o UseDNS no", f"-T -C {user}"]


def test_an_sshd_that_fails_is_an_error(tmp_path: Path) -> None:
    assert ask(EFFECT, tmp_path, "\x1eusedns", sshd="exit 255")[0] == 1
