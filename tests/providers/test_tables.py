"""
The law of Tables: what is asked together is what is asked alone, one after the other.

On every shell, and for names that nobody would give to a file. A change is guarded by
the narrow question, so a table that breaks this law makes every change a surprise.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cookbook.errors import HostError
from cookbook.language.probe import Table
from cookbook.providers.getent import GROUP, PASSWD
from cookbook.providers.small_files import TEXT, parse_text
from cookbook.providers.stat import (
    READLINK,
    SHA256,
    STAT,
    TARGET,
    parse_digest,
    parse_link,
    parse_stat,
)
from tests.quick import examples, first_in_check

BUSYBOX = "busybox sh"
SHELLS = ["dash", "bash", BUSYBOX]

NASTY = [" ", "'", '"', "\n", "\r", "\\", "\\n", "$()", "`", "*", "-", "é", "日", "\x85", "\u2028"]
ODD = ["\udcff", "\udc80", "\x0b", "\x1c", "~", "a", "b", ".", ":", "0", ";", "&", "%n"]
NAMES = st.lists(st.sampled_from([*NASTY, *ODD]), min_size=1, max_size=6).map("".join)
NAMES = NAMES.filter(lambda name: name not in (".", ".."))
KINDS = st.sampled_from(["absent", "file", "empty", "directory", "link", "dangling", "fifo"])

few = settings(
    deadline=None,
    max_examples=examples(60),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(params=first_in_check(SHELLS))
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def applets() -> Iterator[Path]:
    """A folder where every tool is busybox's own."""
    busybox = shutil.which("busybox")
    assert busybox, "install busybox"
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([busybox, "--install", "-s", folder], check=True)
        yield Path(folder)


def say(shell: str, applets: Path, table: Table, keys: Sequence[str]) -> str:
    path = f"{applets}:{os.environ['PATH']}" if shell == BUSYBOX else os.environ["PATH"]
    text = table.ask(keys).text.encode("utf-8", "surrogateescape")
    said = subprocess.run(
        shell.split(),
        input=text,
        capture_output=True,
        env={"LC_ALL": "C", "PATH": path},
        check=False,
    )
    assert said.returncode == 0, said.stderr
    return said.stdout.decode("utf-8", "surrogateescape")


def hold(shell: str, applets: Path, table: Table, keys: Sequence[str]) -> dict[str, str]:
    """Check the law for these keys; return what the table says of them."""
    keys = sorted(keys)
    together = say(shell, applets, table, keys)
    alone = {key: say(shell, applets, table, [key]) for key in keys}

    found = dict(table.split(together, keys))

    assert together == table.between.join(text for text in alone.values() if text)
    assert found == {key: text for key, text in alone.items() if text}
    assert list(found) == [key for key in keys if key in found]
    return found


def plant(folder: Path, things: dict[str, str]) -> dict[str, str]:
    """Make things; path -> kind."""
    for name, kind in things.items():
        path = folder / name
        match kind:
            case "file":
                path.write_text(name, errors="surrogateescape")
            case "empty":
                path.touch()
            case "directory":
                path.mkdir()
            case "link":
                path.symlink_to(folder)
            case "dangling":
                path.symlink_to(f"{name} nowhere\n")
            case "fifo":
                os.mkfifo(path)
    return {str(folder / name): kind for name, kind in things.items()}


THERE = {
    STAT: {"file", "empty", "directory", "link", "dangling", "fifo"},
    TARGET: {"file", "empty", "directory", "link", "fifo"},
    SHA256: {"file", "empty"},
    READLINK: {"link", "dangling"},
}


@pytest.mark.parametrize("table", THERE, ids=["STAT", "TARGET", "SHA256", "READLINK"])
@given(things=st.dictionaries(NAMES, KINDS, min_size=1, max_size=6))
@few
def test_paths(shell: str, applets: Path, table: Table, things: dict[str, str]) -> None:
    """For any names, a table of paths names exactly those that are there."""
    with tempfile.TemporaryDirectory() as folder:
        kinds = plant(Path(folder), things)

        found = hold(shell, applets, table, list(kinds))

        assert set(found) == {path for path, kind in kinds.items() if kind in THERE[table]}


@pytest.mark.parametrize("table", THERE, ids=["STAT", "TARGET", "SHA256", "READLINK"])
def test_a_name_that_begins_another_one(
    shell: str, applets: Path, table: Table, tmp_path: Path
) -> None:
    """`a` is not there, and `a<newline>b` must not be taken for it."""
    kind = "file" if table is SHA256 else "link"
    kinds = plant(tmp_path, {"a": "absent", "a\nb": kind, "c": kind})

    assert set(hold(shell, applets, table, list(kinds))) == set(kinds) - {str(tmp_path / "a")}


@given(things=st.dictionaries(NAMES, KINDS, min_size=1, max_size=6))
@few
def test_texts(shell: str, applets: Path, things: dict[str, str]) -> None:
    """For any names, there is an answer for each: the text, none, or something else."""
    with tempfile.TemporaryDirectory() as folder:
        kinds = plant(Path(folder), things)

        found = hold(shell, applets, TEXT, list(kinds))

        assert set(found) == set(kinds)
        for path, kind in kinds.items():
            if kind in ("file", "empty", "absent"):
                texts = {"file": path.rpartition("/")[2], "empty": "", "absent": None}
                assert parse_text(found[path]) == texts[kind]
            else:
                with pytest.raises(HostError, match="is not a file"):
                    parse_text(found[path])


def test_what_is_at_a_path_is_read_back(shell: str, applets: Path, tmp_path: Path) -> None:
    plant(tmp_path, {"a b": "file", "link": "link", "fifo": "fifo"})
    os.chmod(tmp_path / "a b", 0o4711)  # noqa: PTH101, S103 - setuid is the point
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        keys = sorted(str(tmp_path / name) for name in ("a b", "link", "fifo", "socket"))
        found = dict(STAT.split(say(shell, applets, STAT, keys), keys))

    stats = {Path(path).name: parse_stat(text) for path, text in found.items()}
    assert {name: stat.kind for name, stat in stats.items()} == {
        "a b": "file",
        "link": "symlink",
        "fifo": "fifo",
        "socket": "socket",
    }
    owner = (tmp_path / "a b").owner()
    assert (stats["a b"].mode, stats["a b"].owner) == ("4711", owner)


def test_digests_and_links_are_read_back(shell: str, applets: Path, tmp_path: Path) -> None:
    plant(tmp_path, {"\\n\r": "file", "l\n": "dangling"})
    file, link = str(tmp_path / "\\n\r"), str(tmp_path / "l\n")

    digests = dict(SHA256.split(say(shell, applets, SHA256, [file]), [file]))
    links = dict(READLINK.split(say(shell, applets, READLINK, [link]), [link]))

    sha = subprocess.run(["sha256sum"], input=b"\\n\r", capture_output=True, check=True).stdout
    assert parse_digest(digests[file]) == sha.decode()[:64]
    assert parse_link(links[link]) == "l\n nowhere\n"


def test_a_line_of_a_name_that_looks_escaped(shell: str, applets: Path, tmp_path: Path) -> None:
    """Busybox escapes nothing, so a backslash at the start of a line says nothing by itself."""
    kinds = plant(tmp_path, {"a\n\\n": "file", "b": "file"})

    assert set(hold(shell, applets, SHA256, list(kinds))) == set(kinds)


def test_the_root_is_a_path_too(shell: str, applets: Path) -> None:
    assert set(hold(shell, applets, TARGET, ["/", "/etc"])) == {"/", "/etc"}


def test_what_cannot_be_looked_into_is_no_absence(shell: str) -> None:
    """A path below a plain file: not "there is nothing", but an error."""
    command = STAT.ask(["/etc/passwd/x"])

    said = subprocess.run(
        shell.split(), input=command.text.encode(), capture_output=True, check=False
    )

    assert (said.returncode, said.stderr) == (
        13,
        b"cannot look into /etc/passwd, which is no folder\n",
    )


PEOPLE = (
    st.sampled_from(
        [
            "root",
            "daemon",
            "nobody",
            "www-data",
            "0",
            "1",
            "65534",
            "7",
            "007",
            "+1",
            " 1",
            "4294967296",
        ]
    )
    | NAMES
)


@pytest.mark.parametrize("table", [PASSWD, GROUP], ids=["PASSWD", "GROUP"])
@given(keys=st.lists(PEOPLE | st.just(""), min_size=1, max_size=6, unique=True))
@few
def test_people(shell: str, applets: Path, table: Table, keys: list[str]) -> None:
    """For any names and numbers, the name service names exactly whom it knows."""
    found = hold(shell, applets, table, keys)

    for key, line in found.items():
        name, _, number, *_ = line.rstrip("\n").split(":")
        assert key in (name, number)
    assert not set(found) & {"", "007", "+1", " 1", "4294967296"}
    assert {"root", "0"} & set(keys) <= set(found)


def test_every_line_of_the_users_is_their_own(shell: str, applets: Path) -> None:
    users = re.findall(r"(?m)^([^:\n]+):", Path("/etc/passwd").read_text())

    assert set(hold(shell, applets, PASSWD, users)) == set(users)
