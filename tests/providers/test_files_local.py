"""What the words about files do to real files, byte for byte, by a real shell on this machine."""

from __future__ import annotations

import os
import signal
import stat
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cookbook.applying.converge import Convergence
from cookbook.applying.options import ConvergenceOptions
from cookbook.hosts.session import Session
from cookbook.language.collection import Collection, Node, declaring
from cookbook.language.provider import questions
from cookbook.planning.step import Step
from cookbook.plugins.manager import catalog
from cookbook.resources import directory, execute, file, link
from cookbook.script.facts import Facts
from cookbook.script.program import Do, Program
from cookbook.script.shell import Content, Secret
from cookbook.transport.local import LocalTransport
from tests.quick import first_in_check

ROOT = os.geteuid() == 0
SHELLS = {"dash": ("dash",), "bash": ("bash",), "busybox": ("busybox", "sh")}

Run = Callable[..., list[Step]]


@pytest.fixture(params=first_in_check(SHELLS))
def session(request: pytest.FixtureRequest) -> Iterator[Session]:
    session = Session(LocalTransport(SHELLS[request.param]))
    yield session
    session.close()


@pytest.fixture
def run(session: Session) -> Run:
    """Converge what a function declares; `apply=False` only looks."""

    def run(declare: Callable[[], Any], *, apply: bool = True) -> list[Step]:
        collection = Collection(Node("here"))
        with declaring(collection):
            declare()
        return list(
            Convergence(
                collection, session, Facts(), catalog(), ConvergenceOptions(apply=apply)
            ).steps()
        )

    return run


@pytest.fixture
def converge(run: Run, tmp_path: Path) -> Run:
    """Look, converge, converge again: a look touches nothing, and twice is once."""

    def converge(declare: Callable[[], Any], status: str = "changed") -> list[Step]:
        before = manifest(tmp_path)
        planned = run(declare, apply=False)
        assert manifest(tmp_path) == before, "a look touches nothing"
        steps = run(declare)
        assert [s.status for s in steps] == [status], [str(s.error) for s in steps]
        if status == "changed":
            assert [s.status for s in planned] == [status]
            after = manifest(tmp_path)
            assert [s.status for s in run(declare)] == ["ok"]
            assert manifest(tmp_path) == after
        assert not [p for p in tmp_path.rglob("*") if p.name.startswith(".cook-")]
        return steps

    return converge


def manifest(folder: Path) -> dict[str, Any]:
    """Everything about a tree that a look must leave as it is."""
    found = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        s = path.lstat()
        data = path.read_bytes() if stat.S_ISREG(s.st_mode) else None
        text = path.readlink() if path.is_symlink() else None
        seen = (s.st_mode, s.st_uid, s.st_gid, s.st_ino, s.st_nlink, s.st_mtime_ns)
        found[str(path)] = (*seen, data, text)
    return found


def looks(path: Path) -> tuple[bytes, int, int, int, int, int]:
    s = path.stat()
    return path.read_bytes(), s.st_mode, s.st_uid, s.st_gid, s.st_mtime_ns, s.st_ino


def mode(path: Path) -> str:
    return f"{stat.S_IMODE(path.stat().st_mode):04o}"


CONTENTS = {
    "no final newline": b"a\nb",
    "CRLF": b"a\r\nb\r\n",
    "BOM": b"\xef\xbb\xbfa\n",
    "not UTF-8": b"caf\xe9 \xff\xfe\n",
    "NULs": b"\0a\0\0b\0",
    "empty": b"",
    "newlines": b"\n\n\n",
    "a script": b"#!/bin/sh\necho \"$HOME\" `id` '%s\\n' \\\n!x\n",
    "backslashes": b"\\n\\t\\0\\\\ %s %% \\c",
    "unicode": "ünïcødé 日本 \u2028\n".encode(),
    "3 MB": bytes(range(256)) * 12_000,
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
@pytest.mark.parametrize("there", [None, b"old\n"], ids=["new", "old"])
def test_text_fidelity(converge: Run, tmp_path: Path, content: bytes, there: bytes | None) -> None:
    """The bytes declared are the bytes on disk, whatever they are."""
    path = tmp_path / "a file"
    if there is not None:
        path.write_bytes(there)

    converge(lambda: file(str(path), content=content, backup=False))

    assert path.read_bytes() == content


def test_a_new_file_has_a_sane_mode_and_says_no_more_than_needed(
    converge: Run, tmp_path: Path
) -> None:
    [step] = converge(lambda: file(str(tmp_path / "new"), content="x"))

    assert step.change
    assert step.change.fields == {
        "content": (None, Content.of(b"x")),
        "mode": (None, "0644"),
    }
    assert mode(tmp_path / "new") == "0644"


@pytest.mark.parametrize("wanted", ["0600", "0644", "0755", "2755", "4711", "1777", "0444", "0000"])
def test_modes(converge: Run, tmp_path: Path, wanted: str) -> None:
    """Of a new file, of one whose content changes, of one where only the mode does."""
    old, same = tmp_path / "old", tmp_path / "same"
    old.write_text("old")
    same.write_text("x")
    same.chmod(0o626)

    for path in (tmp_path / "new", old, same):
        converge(lambda path=path: file(str(path), content="x", mode=wanted, backup=False))

        assert (mode(path), path.read_text()) == (wanted, "x")


@pytest.mark.skipif(not ROOT, reason="gives files away")
@pytest.mark.parametrize("folder", [0o755, 0o2775], ids=["plain", "setgid folder"])
@pytest.mark.parametrize("who", [("root", "root"), (0, 0), ("nobody", None), (None, "daemon")])
def test_owners(converge: Run, tmp_path: Path, folder: int, who: tuple[Any, Any]) -> None:
    place = tmp_path / "place"
    place.mkdir()
    os.chown(place, 0, 50)
    place.chmod(folder)
    (place / "old").write_text("old")
    os.chown(place / "old", 1, 1)

    for name in ("new", "old"):
        converge(
            lambda name=name: file(
                str(place / name), content="x", owner=who[0], group=who[1], backup=False
            )
        )
        s = place / name
        if who[0] is not None:
            assert s.owner() == ("root" if who[0] == 0 else who[0])
        if who[1] is not None:
            assert s.group() == ("root" if who[1] == 0 else who[1])


@pytest.mark.skipif(not ROOT, reason="gives files away")
@pytest.mark.parametrize("owner", [0, 1])
def test_a_change_of_content_keeps_owner_group_and_setuid(
    converge: Run, tmp_path: Path, owner: int
) -> None:
    tmp_path.chmod(0o2775)
    os.chown(tmp_path, 0, 50)
    path = tmp_path / "tool"
    path.write_text("old")
    os.chown(path, owner, owner)
    path.chmod(0o6711)

    converge(lambda: file(str(path), content="new", backup=False))

    assert looks(path)[:4] == (b"new", stat.S_IFREG | 0o6711, owner, owner)


@pytest.mark.skipif(not ROOT, reason="gives files away")
@pytest.mark.parametrize("atomic", [True, False])
def test_a_change_of_owner_keeps_setuid(converge: Run, tmp_path: Path, *, atomic: bool) -> None:
    path = tmp_path / "tool"
    path.write_text("x")
    path.chmod(0o4755)

    converge(lambda: file(str(path), owner="daemon", atomic_update=atomic))

    assert (path.owner(), mode(path)) == ("daemon", "4755")


def test_a_rename_breaks_hard_links_and_atomic_update_false_keeps_them(
    converge: Run, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text("old")
        (tmp_path / f"{name}2").hardlink_to(tmp_path / name)

    converge(lambda: file(str(tmp_path / "a"), content="new", backup=False))
    converge(
        lambda: file(
            str(tmp_path / "b"), content="new", mode="4755", atomic_update=False, backup=False
        )
    )

    assert (tmp_path / "a2").read_text() == "old"
    assert (tmp_path / "b2").read_text() == "new"
    assert mode(tmp_path / "b") == "4755"


def test_a_link_is_followed_and_stays(converge: Run, tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "l1").symlink_to("l2")
    (tmp_path / "l2").symlink_to(tmp_path / "real")

    [step] = converge(lambda: file(str(tmp_path / "l1"), content="new", mode="600", backup=False))

    assert (tmp_path / "real").read_text() == "new"
    assert mode(tmp_path / "real") == "0600"
    assert (tmp_path / "l1").is_symlink()
    assert (tmp_path / "l2").is_symlink()
    assert step.change
    assert step.change.note == "it is a symbolic link; what it points to is managed"


def test_a_dangling_link_is_written_through(converge: Run, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("target")

    converge(lambda: file(str(tmp_path / "link"), content="new"))

    assert (tmp_path / "target").read_text() == "new"
    assert (tmp_path / "link").is_symlink()


def test_a_link_to_nowhere_is_said_to_be_one(converge: Run, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("no/such/folder")

    [step] = converge(lambda: file(str(tmp_path / "link"), content="new"), "failed")

    assert "the link leads nowhere" in str(step.error)


def test_a_link_that_is_in_the_way_is_replaced(converge: Run, tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    declare: dict[str, Any] = {"content": "new", "manage_symlink_source": False}

    [failed] = converge(lambda: file(str(tmp_path / "link"), **declare), "failed")
    assert "is a symlink, not a file" in str(failed.error)
    converge(lambda: file(str(tmp_path / "link"), force_unlink=True, **declare))

    assert not (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "old"


@pytest.mark.parametrize("kind", ["directory", "fifo", "to directory", "loop"])
def test_whatever_is_in_the_way_goes_only_by_force(
    converge: Run, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "x"
    behind = tmp_path / "behind"
    behind.mkdir()
    (behind / "precious").write_text("precious")
    match kind:
        case "directory":
            (path / "sub").mkdir(parents=True)
        case "fifo":
            os.mkfifo(path)
        case "to directory":
            path.symlink_to(behind)
        case "loop":
            path.symlink_to("x")

    [failed] = converge(lambda: file(str(path), content="new"), "failed")
    assert failed.error
    converge(
        lambda: file(
            str(path), content="new", force_unlink=True, manage_symlink_source=kind != "loop"
        )
    )

    assert path.is_file()
    assert not path.is_symlink()
    assert (behind / "precious").read_text() == "precious"


def test_delete_removes_the_link_and_not_the_file(converge: Run, tmp_path: Path) -> None:
    (tmp_path / "real").write_text("x")
    for name, to in {"link": "real", "dangling": "nowhere", "folder": "/"}.items():
        (tmp_path / name).symlink_to(to)

        converge(lambda name=name: file(str(tmp_path / name), action="delete"))

    assert [p.name for p in tmp_path.iterdir()] == ["real"]


def test_delete_of_a_list_of_one_action(converge: Run, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")

    converge(lambda: file(str(tmp_path / "x"), action=["delete"], backup=False))

    assert not (tmp_path / "x").exists()


def test_touch_and_create_if_missing(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("mine")
    os.utime(path, (1, 1))

    [kept] = run(lambda: file(str(path), content="yours", action="create_if_missing"))
    [touched] = run(lambda: file(str(path), action="touch"))

    assert (kept.status, touched.status) == ("ok", "changed")
    assert path.read_text() == "mine"
    assert path.stat().st_mtime > 1


# -- backups ------------------------------------------------------------------------------------


@pytest.fixture
def backups(tmp_path: Path, cook_home: Path) -> Path:
    return Path(f"{cook_home}/backup{tmp_path}")


@pytest.mark.skipif(not ROOT, reason="backups are root's")
def test_backups_are_kept_and_pruned(run: Run, tmp_path: Path, backups: Path) -> None:
    path = tmp_path / "it's"
    other = backups / "it's.2 other.20260101000000"
    for i in range(5):
        path_text = f"{i}"
        run(lambda text=path_text: file(str(path), content=text, mode="604", backup=3))
        if i == 1:
            other.write_text("of another file")

    kept = sorted(p for p in backups.iterdir() if p != other)
    assert [p.read_text() for p in kept] == ["1", "2", "3"]
    assert other.exists()
    assert mode(backups) == "0700"


@pytest.mark.skipif(not ROOT, reason="backups are root's")
@pytest.mark.parametrize("declared", [{"backup": False}, {"sensitive": True}])
@pytest.mark.parametrize("action", ["create", "delete"])
def test_no_backup(
    run: Run, tmp_path: Path, backups: Path, declared: dict[str, Any], action: Any
) -> None:
    (tmp_path / "x").write_text("old")

    [step] = run(lambda: file(str(tmp_path / "x"), content="new", action=action, **declared))

    assert step.status == "changed"
    assert not backups.exists()


@pytest.mark.skipif(not ROOT, reason="backups are root's")
def test_what_is_deleted_is_kept(run: Run, tmp_path: Path, backups: Path) -> None:
    (tmp_path / "x").write_text("old")

    run(lambda: file(str(tmp_path / "x"), action="delete"))

    assert [p.read_text() for p in backups.iterdir()] == ["old"]


# -- verify -------------------------------------------------------------------------------------


@pytest.mark.parametrize("atomic", [True, False])
@pytest.mark.parametrize(
    "verify", ["! grep -q bad {path}", "! grep -q bad '{path}'", 'sh -c "! grep -q bad {path}"', ""]
)
def test_a_failed_check_leaves_the_old_file(
    converge: Run, tmp_path: Path, verify: str, *, atomic: bool
) -> None:
    """Byte for byte, with mode, owner and time; and nothing else beside it."""
    path = tmp_path / "my conf"
    path.write_text("good\n")
    path.chmod(0o4711)
    if ROOT:
        os.chown(path, 1, 1)
        path.chmod(0o4711)
    os.utime(path, (10**9, 10**9))
    before = looks(path)
    verify = verify or f"! grep bad '{path}'"

    def declare(content: str, **more: Any) -> None:
        file(str(path), content=content, verify=verify, mode="600", atomic_update=atomic, **more)

    [failed] = converge(lambda: declare("bad\n", backup=False), "failed")

    assert looks(path) == before
    assert "ended with status 1" in str(failed.error)
    converge(lambda: declare("fine\n", backup=False))
    assert (path.read_text(), mode(path)) == ("fine\n", "0600")


@pytest.mark.parametrize("verify", ["false # {path}", "false"])
def test_a_failed_check_leaves_nothing_where_nothing_was(
    converge: Run, tmp_path: Path, verify: str
) -> None:
    converge(lambda: file(str(tmp_path / "x"), content="x", verify=verify), "failed")

    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["directory", "fifo"])
def test_a_failed_check_brings_back_what_was_in_the_way(
    converge: Run, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "x"
    if kind == "fifo":
        os.mkfifo(path)
    else:
        path.mkdir()
        (path / "precious").write_text("precious")
    before = {p: s[:4] for p, s in manifest(path).items()}

    converge(lambda: file(str(path), content="x", verify="false", force_unlink=True), "failed")

    assert {p: s[:4] for p, s in manifest(path).items()} == before


def test_a_check_sees_the_file_as_it_will_be(converge: Run, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    check = f"stat -c %a {{path}} > {seen}; umask >> {seen}; cat {{path}} >> {seen}"

    converge(lambda: file(str(tmp_path / "x"), content="x\n", mode="2640", verify=check))

    assert seen.read_text() == "2640\n0022\nx\n"


def test_what_a_check_of_a_secret_says_is_not_shown(converge: Run, tmp_path: Path) -> None:
    [step] = converge(
        lambda: file(
            str(tmp_path / "x"), content=Secret("hunter2"), verify="cat {path} >&2; false"
        ),
        "failed",
    )

    assert step.resource.sensitive
    assert step.error
    assert "hunter2" not in f"{step.error}{step.resource!r}{step.diff}"


@pytest.mark.parametrize("atomic", [True, False])
def test_a_full_disk_leaves_the_old_file(tmp_path: Path, *, atomic: bool) -> None:
    """Here a limit on the size of files plays the full disk."""
    path = tmp_path / "x"
    path.write_text("old")
    before = looks(path)
    small = ("sh", "-c", "trap '' XFSZ; ulimit -f 100; exec sh")
    session = Session(LocalTransport(small))
    collection = Collection(Node("here"))
    with declaring(collection):
        file(str(path), content="n" * 200_000, atomic_update=atomic, backup=False)

    [step] = Convergence(collection, session, Facts(), catalog()).steps()

    session.close()
    assert step.status == "failed"
    assert looks(path) == before
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


# -- killed in the middle -----------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("shell", SHELLS.values(), ids=SHELLS)
def test_killed_in_the_middle_there_is_the_old_or_the_new(
    shell: tuple[str, ...], tmp_path: Path
) -> None:
    """SIGKILL at any moment: never a mix, never nothing."""
    old, new = b"o" * 200_000, b"n" * 250_000
    path = tmp_path / "x"
    collection = Collection(Node("here"))
    with declaring(collection):
        resource = file(str(path), content=new, backup=False)
    provider = catalog().choose(resource, Facts())
    path.write_bytes(old)
    session = Session(LocalTransport())
    answers = session.ask(questions(provider, resource))
    texts = [answers[p].text if answers[p].there else None for p in questions(provider, resource)]
    change = provider.plan(resource, provider.parse(resource, *texts))
    session.close()
    parts = [Do(c, 9) for c in provider.commands(resource.identity, change)]
    script = Program(tuple(parts), provider.contents(resource)).script
    seen = set()
    for i in range(30):
        path.write_bytes(old)
        process = subprocess.Popen(
            shell, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
        )
        assert process.stdin
        process.stdin.write(script)
        process.stdin.flush()
        time.sleep(i * 0.0004)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdin.close()
        data = path.read_bytes()
        assert data in (old, new)
        seen.add(data)
    assert old in seen


# -- directories, links, commands ---------------------------------------------------------------


def test_directories(converge: Run, tmp_path: Path) -> None:
    path = tmp_path / "a" / "b c"

    converge(lambda: directory(str(path), recursive=True, mode="2750"))
    assert (mode(path), mode(path.parent)) == ("2750", "0755")
    converge(lambda: directory(str(path), mode="0755"))
    assert mode(path) == "0755", "a setgid bit goes, too"
    converge(lambda: directory(str(path / "c"), mode="0755"))
    (path / "c" / "x").write_text("x")
    [full] = converge(lambda: directory(str(path), action="delete"), "failed")
    assert "not empty" in str(full.error)
    converge(lambda: directory(str(path), action="delete", recursive=True))
    assert not path.exists()


def test_a_directory_in_a_setgid_folder(converge: Run, tmp_path: Path) -> None:
    tmp_path.chmod(0o2755)

    converge(lambda: directory(str(tmp_path / "plain"), mode="0755"))
    converge(lambda: directory(str(tmp_path / "inherits")))

    assert mode(tmp_path / "plain") == "0755"
    assert mode(tmp_path / "inherits") == "2755"


@pytest.mark.skipif(not ROOT, reason="gives files away")
def test_a_directory_behind_a_link(converge: Run, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")

    converge(lambda: directory(str(tmp_path / "link"), owner="daemon", mode="0700"))

    assert (tmp_path / "real").owner() == "daemon"
    assert (tmp_path / "link").lstat().st_uid == 0
    [failed] = converge(
        lambda: directory(str(tmp_path / "link"), action="delete", recursive=True), "failed"
    )
    assert "is a symlink, not a directory" in str(failed.error)


def test_links(converge: Run, tmp_path: Path) -> None:
    path, odd = tmp_path / "l", "where\nto 'go'\n"
    (tmp_path / "real").write_text("x")

    converge(lambda: link(str(path), to=odd))
    assert os.readlink(path) == odd  # noqa: PTH115 - Path would normalise it
    converge(lambda: link(str(path), to="/"))
    assert os.readlink(path) == "/"  # noqa: PTH115
    converge(lambda: link(str(path), to=str(tmp_path / "real"), link_type="hard"))
    assert path.samefile(tmp_path / "real")
    assert not path.is_symlink()
    [kept] = converge(lambda: link(str(path), to="/etc/motd"), "failed")
    assert "is a file, not the symbolic link" in str(kept.error)
    converge(lambda: link(str(path), to=str(tmp_path / "real"), link_type="hard", action="delete"))
    assert not path.exists()


@pytest.mark.skipif(not ROOT, reason="gives files away")
def test_the_owner_of_a_link(converge: Run, tmp_path: Path) -> None:
    path = tmp_path / "l"
    path.symlink_to("a")

    converge(lambda: link(str(path), to="a", owner="daemon"))
    converge(lambda: link(str(path), to="b"))

    assert path.lstat().st_uid == 1, "nobody asked for another one"


def test_a_hard_link_to_what_a_link_points_to(converge: Run, tmp_path: Path) -> None:
    (tmp_path / "real").write_text("x")
    (tmp_path / "soft").symlink_to("real")

    converge(lambda: link(str(tmp_path / "hard"), to=str(tmp_path / "soft"), link_type="hard"))

    assert (tmp_path / "hard").samefile(tmp_path / "real")
    assert not (tmp_path / "hard").is_symlink()


def ran(run: Run, **declared: Any) -> Step:
    [step] = run(lambda: execute("it", **declared))
    return step


def test_commands(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"

    ran(run, command=f"pwd > {out}; umask >> {out}; echo $A >> {out} # the end", cwd=str(tmp_path),
        umask="27", environment={"A": "a  'b'"})  # fmt: skip
    assert out.read_text() == f"{tmp_path}\n0027\na 'b'\n"
    ran(run, command=["tee", str(out)], input="in\n")
    assert out.read_text() == "in\n"
    ran(run, command=["sh", "-c", 'printf %s "$1" > "$2"', "x", "$(id) *", str(out)])
    assert out.read_text() == "$(id) *"


@pytest.mark.parametrize(
    ("returns", "exits", "status"),
    [(0, 0, "changed"), (0, 3, "failed"), ([0, 3], 3, "changed"), (3, 3, "changed"),
     (3, 0, "failed"), ([3, 4], 5, "failed")],
)  # fmt: skip
def test_exit_statuses(run: Run, returns: Any, exits: int, status: str) -> None:
    for more in ({}, {"user": "root"}, {"user": "root", "input": "x"}, {"sensitive": True}):
        if ROOT or "user" not in more:
            step = ran(run, command=f"exit {exits}", returns=returns, **more)
            assert step.status == status, more


def test_what_is_created_is_created_once(run: Run, tmp_path: Path) -> None:
    def declare(command: str) -> Step:
        return ran(run, command=command, creates=str(tmp_path / "x"))

    [never, made, kept] = [declare("true"), declare(f"touch {tmp_path}/x"), declare("false")]

    assert [step.status for step in (never, made, kept)] == ["failed", "changed", "ok"]
    assert "created is False, not True" in str(never.error)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody can look into."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.skipif(not ROOT, reason="becomes somebody else")
@pytest.mark.parametrize("declared", [{}, {"input": "in\n"}, {"group": "daemon"}], ids=str)
def test_another_user(run: Run, open_folder: Path, declared: dict[str, Any]) -> None:
    out = open_folder / "out"
    out.touch()
    out.chmod(0o666)

    text = f"{{ id -un; id -gn; echo $HOME $USER $S; cat; cat /proc/$$/cmdline; }} > {out}"
    step = ran(run, command=text, user="games", environment={"S": Secret("hunter2")}, **declared)

    assert step.status == "changed", step.error
    lines = out.read_text()
    group = declared.get("group", "games")
    assert lines.startswith(
        f"games\n{group}\n/usr/games games hunter2\n{declared.get('input', '')}"
    )
    assert lines.count("hunter2") == 1, "no argument tells it"


def test_who_and_where_has_to_be_there(run: Run, tmp_path: Path) -> None:
    nowhere = ran(run, command="true", cwd=str(tmp_path / "none"))
    nobody = ran(run, command="true", user="nobody-here")

    assert "needs the path" in str(nowhere.error)
    assert "needs the user nobody-here" in str(nobody.error)


@pytest.mark.parametrize(
    "declared",
    [
        {"command": "echo hunter2; exit 1", "sensitive": True},
        {"command": ["sh", "-c", "echo hunter2 >&2; exit 1"], "sensitive": True},
        {"command": ["sh", "-c", "exit 1", Secret("hunter2")]},
        {"command": Secret("echo hunter2; exit 1")},
        {"command": "exit 1", "environment": {"A": Secret("hunter2")}},
        {"command": "exit 1", "environment": {"A": "hunter2"}, "sensitive": True},
        {"command": "exit 1", "input": Secret("hunter2"), "user": "root" if ROOT else None},
    ],
    ids=str,
)
def test_a_secret_is_in_no_error(run: Run, declared: dict[str, Any]) -> None:
    step = ran(run, **declared)

    assert step.status == "failed"
    assert "hunter2" not in f"{step.error} {step.change} {step.diff}"


def access_list(*entries: tuple[int, int, int]) -> bytes:
    """As acl(5) has it in an attribute: (tag, permissions, number) each."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


ANYBODY = 0xFFFFFFFF
CLOSED_GROUP = access_list(
    (0x01, 6, ANYBODY),  # user::rw-
    (0x02, 4, 2),  # user:2:r--
    (0x04, 0, ANYBODY),  # group::---
    (0x10, 6, ANYBODY),  # mask::rw-
    (0x20, 0, ANYBODY),  # other::---
)
ACL = "system.posix_acl_access"


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A file that its group may not read, though the mode has `rw` in its place: the mask."""
    path = tmp_path / "closed"
    path.write_text("old")
    os.setxattr(path, ACL, CLOSED_GROUP)
    os.setxattr(path, "user.note", b"kept")
    assert mode(path) == "0660"
    return path


@pytest.mark.parametrize("session", ["dash"], indirect=True)
@pytest.mark.parametrize("atomic", [True, False])
def test_an_access_list_is_kept_and_never_widened(
    converge: Run, closed: Path, *, atomic: bool
) -> None:
    converge(lambda: file(str(closed), content="new", atomic_update=atomic))

    assert closed.read_text() == "new"
    assert os.getxattr(closed, ACL) == CLOSED_GROUP
    assert os.getxattr(closed, "user.note") == b"kept"


@pytest.mark.parametrize("session", ["dash"], indirect=True)
def test_a_mode_is_the_mask_of_a_file_with_an_access_list(converge: Run, closed: Path) -> None:
    converge(lambda: file(str(closed), content="new", mode="0640"))

    assert mode(closed) == "0640"
    assert os.getxattr(closed, ACL) == CLOSED_GROUP.replace(
        struct.pack("<HHI", 0x10, 6, ANYBODY), struct.pack("<HHI", 0x10, 4, ANYBODY)
    )
