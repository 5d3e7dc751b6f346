"""Undo on this machine: what somebody has changed by hand since is never written over."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import stat
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cookbook.cli import main
from cookbook.hosts.session import Session
from cookbook.script.lock import Holder
from cookbook.transport.local import LocalTransport
from tests.quick import examples
from tests.waiting import LONG, eventually

HEADING = "from cookbook.resources import *\nfrom cookbook.recipe import *\n"
COOK = [sys.executable, "-m", "cookbook.cli"]

Cook = Callable[..., dict[str, Any]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place of its own, with a history and a stash of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COOK_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("COOK_HOME", str(tmp_path / "home"))
    Path("d").mkdir()
    return tmp_path


@pytest.fixture
def cook(folder: Path, capsys: pytest.CaptureFixture[str]) -> Cook:
    """The command on this machine; its document, and its status."""

    def run(*words: str, recipe: str | None = None) -> dict[str, Any]:
        if recipe is not None:
            Path("r.py").write_text(f"{HEADING}D = '{folder}/d'\n{recipe}")
            words = (*words, "r.py")
        status = main([*words, "--local", "--output", "json"])
        said = capsys.readouterr()
        document: dict[str, Any] = json.loads(said.out) if said.out else {}
        return document | {"status": status, "stderr": said.err}

    return run


def resources(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    [host] = document["hosts"].values()
    return {resource["id"].rpartition("/")[2][:-1]: resource for resource in host["resources"]}


def look(path: Path) -> tuple[object, ...]:
    """What a path is, all but its times."""
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return ("nothing",)
    if path.is_symlink():
        return "link", str(path.readlink())
    if path.is_dir():
        return "folder", stat.S_IMODE(status.st_mode)
    return "file", stat.S_IMODE(status.st_mode), path.read_bytes()


def tree() -> dict[str, tuple[object, ...]]:
    return {str(path): look(path) for path in [Path("d"), *sorted(Path("d").rglob("*"))]}


RECIPE = """
file(f"{D}/new", content="new\\n", mode="0640")
file(f"{D}/old", content="changed\\n")
file(f"{D}/mode", mode="0600")
file(f"{D}/gone", action="delete")
directory(f"{D}/folder", mode="0750")
file(f"{D}/folder/inner", content="inner\\n")
link(f"{D}/link", to="new")
link(f"{D}/led", to="new")
directory(f"{D}/tree", action="delete", recursive=True)
"""


def prepare() -> None:
    Path("d/old").write_text("old\n")
    Path("d/mode").write_text("mode\n")
    Path("d/gone").write_text("gone\n")
    Path("d/led").symlink_to("old")
    Path("d/tree/sub").mkdir(parents=True)
    Path("d/tree/sub/x").write_text("x\n")


def test_the_last_run_that_changed_nothing_names_the_one_that_did(cook: Cook) -> None:
    first = cook("converge", recipe='file(f"{D}/new", content="new\\n")\n')
    second = cook("converge", recipe='file(f"{D}/new", content="new\\n")\n')
    undone = cook("undo", "last", "--yes")
    assert (undone["status"], undone["totals"]["changed"]) == (0, 0)
    assert undone["stderr"] == (
        f"cook: {second['run']}, the last run, has changed nothing; the last run that has is"
        f" {first['run']}\n"
    )
    assert Path("d/new").exists()
    undone = cook("undo", first["run"], "--yes")
    assert (undone["stderr"], Path("d/new").exists()) == ("", False)


def test_undone_and_redone(cook: Cook) -> None:
    prepare()
    before = tree()
    assert cook("converge", recipe=RECIPE)["status"] == 0
    after = tree()
    assert cook("undo", "last", "--yes")["status"] == 0
    assert tree() == before
    assert cook("undo", "last", "--yes")["status"] == 0
    assert tree() == after


def test_what_was_changed_by_hand_is_named_and_partial_undoes_the_rest(cook: Cook) -> None:
    prepare()
    cook("converge", recipe=RECIPE)
    Path("d/old").write_text("by hand\n")
    edited = tree()
    refused = cook("undo", "last", "--yes")
    assert refused["status"] == 3
    error = resources(refused)["old"]["error"]
    assert "not as the run left it" in error["message"]
    assert "expected" in error["message"]
    assert "found" in error["message"]
    assert tree() == edited
    partial = cook("undo", "last", "--yes", "--partial")
    assert partial["status"] == 0, partial
    assert resources(partial)["old"]["status"] == "skipped"
    assert Path("d/old").read_text() == "by hand\n"
    assert not Path("d/new").exists()
    assert Path("d/gone").read_text() == "gone\n"


NAMES = ["new", "old", "mode", "gone", "folder", "folder/inner", "link", "led", "tree", "tree/sub"]
NAMES += ["tree/sub/x", "folder/foreign", "other"]
EDITS = ["write", "chmod", "delete", "folder", "link", "append"]


def edit(path: Path, how: str) -> bool:
    """Something that a person does to a path; False where it cannot be done."""
    if not path.parent.is_dir():
        return False
    there, folder = os.path.lexists(path), path.is_dir() and not path.is_symlink()
    match how:
        case "chmod" if there and not path.is_symlink():
            path.chmod(0o705)
        case "append" if there and not folder:
            if path.is_symlink():
                return False
            path.write_bytes(path.read_bytes() + b"by hand\n")
        case "delete" if there:
            shutil.rmtree(path) if folder else path.unlink()
        case "write" | "folder" | "link":
            if there:
                shutil.rmtree(path) if folder else path.unlink()
            if how == "write":
                path.write_text("by hand\n")
            elif how == "folder":
                path.mkdir()
            else:
                path.symlink_to("/by/hand")
        case _:
            return False
    return True


@pytest.fixture
def converged(cook: Cook, folder: Path) -> Callable[..., None]:
    """Brings everything back to where it was after a converge; a saved plan waits, too."""
    prepare()
    assert cook("plan", "-o", "p.cook", recipe=RECIPE)["status"] == 2
    shutil.copytree("d", "before", symlinks=True)
    assert cook("converge", recipe=RECIPE)["status"] == 0
    for name in ("d", "home", "state"):
        shutil.copytree(folder / name, folder / f"kept-{name}", symlinks=True)

    def restore(name: str = "kept-d") -> None:
        for one, source in (("d", name), ("home", "kept-home"), ("state", "kept-state")):
            shutil.rmtree(one)
            shutil.copytree(source, one, symlinks=True)

    return restore


edits = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(EDITS)), min_size=1, max_size=3)


def by_hand(chosen: list[tuple[str, str]]) -> dict[Path, tuple[object, ...]]:
    """Do it; what is there afterwards of all that was touched."""
    untouched = tree()
    for name, how in chosen:
        edit(Path("d", name), how)
    paths = {Path("d", name) for name in NAMES}
    return {p: now for p in paths if (now := look(p)) != untouched.get(str(p), ("nothing",))}


def kept(path: Path, edited: tuple[object, ...], before: tuple[object, ...]) -> bool:
    """Whether what a person has changed of a path is still as changed."""
    now = look(path)
    if now == edited:
        return True
    if now[0] != edited[0] or len(now) != len(edited) or before[0] != edited[0]:
        return False
    return all(a == b for a, b, old in zip(now, edited, before, strict=True) if b != old)


@pytest.mark.slow
@settings(
    max_examples=examples(100),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(chosen=edits, partial=st.booleans())
def test_an_undo_never_writes_over_what_a_hand_has_written(
    cook: Cook,
    converged: Callable[..., None],
    chosen: list[tuple[str, str]],
    partial: bool,  # noqa: FBT001 - hypothesis gives it by name
) -> None:
    converged()
    left = {Path("d", name): look(Path("d", name)) for name in NAMES}
    touched = by_hand(chosen)
    edited = tree()
    undone = cook("undo", "last", "--yes", *(["--partial"] if partial else []))
    changed = {r["id"] for h in undone["hosts"].values() for r in h["resources"]} if touched else {}
    for path, state in touched.items():
        assert kept(path, state, left[path]), (path, state, look(path), undone)
    if undone["status"] != 0 and not any(
        r["status"] == "changed" for r in resources(undone).values()
    ):
        assert tree() == edited, changed


@pytest.mark.slow
@settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(chosen=edits)
def test_an_apply_never_writes_over_what_a_hand_has_written(
    cook: Cook, converged: Any, chosen: list[tuple[str, str]]
) -> None:
    converged("before")
    was = {Path("d", name): look(Path("d", name)) for name in NAMES}
    touched = by_hand(chosen)
    edited = tree()
    applied = cook("apply", "p.cook")
    for path, state in touched.items():
        assert kept(path, state, was[path]), (path, state, look(path), applied)
    if applied["status"] != 0 and not any(
        r["status"] == "changed" for r in resources(applied).values()
    ):
        assert tree() == edited


def test_what_a_run_did_before_it_failed_goes_back(cook: Cook) -> None:
    before = tree()
    failed = cook(
        "converge",
        recipe='file(f"{D}/a", content="a")\nexecute("false")\nfile(f"{D}/b", content="b")',
    )
    assert failed["status"] == 3
    assert Path("d/a").exists()
    undone = cook("undo", "last", "--yes", "--partial")
    assert undone["status"] == 0, undone
    assert tree() == before


def test_what_a_command_may_have_done_before_it_failed_is_named(cook: Cook) -> None:
    recipe = 'file(f"{D}/a")\nexecute("half", command=f"touch {D}/half; exit 7")\n'
    assert cook("converge", recipe=recipe)["status"] == 3

    looked = cook("undo", "last")

    assert resources(looked)["execute[half"]["lost"] == "what it may have done (run)"
    refused = cook("undo", "last", "--yes")
    assert (refused["status"], sorted(tree())) == (3, ["d", "d/a", "d/half"])
    assert cook("undo", "last", "--yes", "--partial")["status"] == 0
    assert sorted(tree()) == ["d", "d/half"]


def test_folders_that_went_one_after_the_other_go_back_into_each_other(cook: Cook) -> None:
    Path("d/a/b/c").mkdir(parents=True)
    Path("d/a").chmod(0o750)
    Path("d/a/f").write_text("f")
    before = tree()
    deep = 'directory(f"{D}/a/b/c", action="delete")\ndirectory(f"{D}/a/b", action="delete")\n'
    rest = 'file(f"{D}/a/f", action="delete")\ndirectory(f"{D}/a", action="delete")\n'
    assert cook("converge", recipe=deep + rest)["totals"]["changed"] == 4
    for left in (before, {"d": before["d"]}, before):
        undone = cook("undo", "last", "--yes")
        assert undone["status"] == 0, undone
        assert tree() == left


def test_what_was_made_by_a_touch_goes_and_nothing_is_lost(cook: Cook) -> None:
    Path("d/old").write_text("old")
    before = tree()
    cook("converge", recipe='file(f"{D}/new", action="touch")\n')
    assert cook("undo", "last", "--yes")["status"] == 0
    assert tree() == before
    cook("converge", recipe='file(f"{D}/old", action="touch")\n')
    assert resources(cook("undo", "last"))["old"]["lost"] == "what it did (touch)"


def test_an_apply_goes_back(cook: Cook) -> None:
    prepare()
    before = tree()
    cook("plan", "-o", "p.cook", recipe=RECIPE)
    assert cook("apply", "p.cook")["status"] == 0
    assert cook("undo", "last", "--yes")["status"] == 0
    assert tree() == before


def test_what_an_apply_only_named_is_nothing_to_undo(cook: Cook) -> None:
    """A plan names what is unknown until something else is done; an apply leaves it alone."""
    prepare()
    before = tree()
    recipe = 'link(f"{D}/l", to=f"{D}")\nfile(f"{D}/l/through", content="x")\n'
    cook("plan", "-o", "p.cook", recipe=recipe)
    applied = cook("apply", "p.cook")
    assert applied["totals"] | {"changed": 1, "unknown": 1} == applied["totals"]

    undone = cook("undo", "last", "--yes")

    assert undone["status"] == 0, undone
    assert list(resources(undone)) == ["l"]
    assert tree() == before


def test_what_an_apply_created_and_an_undo_took_back_is_not_ours(cook: Cook, folder: Path) -> None:
    cook("plan", "-o", "p.cook", recipe='file(f"{D}/x", content="x")\n')
    cook("apply", "p.cook")
    assert cook("undo", "last", "--yes")["status"] == 0
    Path("d/x").write_text("x")  # somebody else's

    cook("converge", "--prune", recipe='file(f"{D}/y")\n')

    assert Path("d/x").exists()
    assert '"gone":true' in (folder / "home/manifest/r").read_text()


def test_of_what_must_not_be_seen_a_refusal_tells_nothing(cook: Cook) -> None:
    Path("d/s").write_text("old")
    cook("converge", recipe='file(f"{D}/s", content="new", sensitive=True)\n')
    Path("d/s").write_text("by hand")

    refused = cook("undo", "last", "--yes")

    assert refused["status"] == 3
    assert "content is not as it was" in resources(refused)["s"]["error"]["message"]
    for text in (b"old", b"new", b"by hand"):
        assert hashlib.sha256(text).hexdigest()[:12] not in json.dumps(refused)


def test_what_a_command_did_is_named_and_not_undone(cook: Cook) -> None:
    recipe = 'file(f"{D}/a", content="a")\nexecute("touch", command=f"touch {D}/b")'
    cook("converge", recipe=recipe)
    refused = cook("undo", "last", "--yes")
    assert refused["status"] == 3
    assert "not bring back" in refused["stderr"]
    assert sorted(tree()) == ["d", "d/a", "d/b"]
    assert cook("undo", "last", "--yes", "--partial")["status"] == 0
    assert sorted(tree()) == ["d", "d/b"]


def test_another_machine_of_that_name_is_left_alone(
    cook: Cook, monkeypatch: pytest.MonkeyPatch
) -> None:
    cook("converge", recipe='file(f"{D}/a", content="a")')
    from cookbook.history.store.history import History

    monkeypatch.setattr(History, "machine_ids", lambda *_: {"localhost": "another"})
    refused = cook("undo", "last", "--yes")
    assert refused["status"] == 3
    assert "another machine" in str(refused["hosts"])
    assert Path("d/a").exists()


def test_the_history_of_somebody_else_will_do(
    cook: Cook,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store = f"sqlite:///{folder}/team.db"
    cook("converge", "--store", store, recipe='file(f"{D}/a", content="a")')
    cook_history = main(["history", "--store", store, "-n", "1"])  # puts it there
    assert cook_history == 0
    capsys.readouterr()
    monkeypatch.setenv("COOK_STATE", str(folder / "another"))
    assert cook("undo", "last", "--yes")["status"] != 0
    undone = cook("undo", "last", "--yes", "--store", store)
    assert undone["status"] == 0, undone
    assert not Path("d/a").exists()


# -- cut off ------------------------------------------------------------------------------------

SLOW = """
file(f"{D}/a", content="a")
file(f"{D}/old", content="new")
execute("wait", command=f"touch {D}/waiting; sleep 3; rm {D}/waiting")
file(f"{D}/b", content="b")
directory(f"{D}/c")
"""


def begin(recipe: str, folder: Path) -> subprocess.Popen[bytes]:
    """A run in a process of its own, that waits in the middle of its chain."""
    Path("d/old").write_text("old")
    Path("r.py").write_text(f"{HEADING}D = '{folder}/d'\n{recipe}")
    process = subprocess.Popen(
        [*COOK, "converge", "r.py", "--local"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    eventually(Path("d/waiting").exists)
    return process


def await_the_end(process: subprocess.Popen[bytes]) -> None:
    """Wait for it, and for what it has sent: until that is done, its shell holds the lock."""
    process.wait(timeout=LONG)
    session = Session(LocalTransport())
    session.begin(Holder("a test", "now"), patience=LONG)
    session.close()


@pytest.mark.slow
@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_run_that_was_cut_off_goes_back(cook: Cook, folder: Path, ending: signal.Signals) -> None:
    process = begin(SLOW, folder)
    process.send_signal(ending)
    await_the_end(process)
    assert cook("undo", "last", "--yes")["status"] == 3  # the command
    undone = cook("undo", "last", "--yes", "--partial")
    assert undone["status"] == 0, undone
    assert tree() == {"d": look(Path("d")), "d/old": ("file", 0o644, b"old")}


@pytest.mark.slow
def test_of_a_killed_run_what_was_changed_since_stays(cook: Cook, folder: Path) -> None:
    process = begin(SLOW, folder)
    process.kill()
    await_the_end(process)
    Path("d/a").write_text("by hand")
    Path("d/old").write_text("by hand")
    undone = cook("undo", "last", "--yes", "--partial")
    assert undone["status"] == 0, undone
    assert Path("d/a").read_text() == "by hand"
    assert Path("d/old").read_text() == "by hand"


@pytest.mark.slow
def test_a_killed_run_knows_its_machine_and_what_it_created(cook: Cook, folder: Path) -> None:
    process = begin(SLOW, folder)
    process.kill()
    await_the_end(process)
    from cookbook.history.store.history import History

    with History.open(None) as history:
        [run] = history.runs(limit=1)
        assert run.state == "interrupted"
        assert history.machine_ids(run.run)["localhost"] != ""
    planned = cook("plan", "--prune", recipe="")
    gone = {name for name, r in resources(planned).items() if r["status"] == "changed"}
    assert gone == {name for name in "abc" if Path("d", name).exists()}


# -- the stash ----------------------------------------------------------------------------------


def test_the_stash_is_its_owners_alone(cook: Cook, folder: Path) -> None:
    prepare()
    cook("converge", recipe=RECIPE)
    kept = [*(folder / "home/stash").rglob(""), *(folder / "home/manifest").rglob("")]
    for path in [*kept, *(one for up in kept for one in up.iterdir())]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert stat.S_IMODE((folder / "home").stat().st_mode) == 0o700
    assert len(list((folder / "home/stash").iterdir())) == 3


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_is_too_large_is_changed_and_named_by_an_undo(
    cook: Cook, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    from cookbook.script import program, stash

    for module in (stash, program):
        for name, value in vars(module).items():
            if isinstance(value, str) and str(stash.MOST_OF_ONE) in value:
                text = value.replace(str(stash.MOST_OF_ONE + 1), "1001")
                monkeypatch.setattr(module, name, text.replace(str(stash.MOST_OF_ONE), "1000"))
    Path("d/tree").mkdir()
    for name in ("large", "tree/large"):
        Path("d", name).write_bytes(b"x" * 2000)
    recipe = {
        "file": 'file(f"{D}/large", content="small")',
        "folder": 'directory(f"{D}/tree", action="delete", recursive=True)',
    }[kind]
    recipe += '\nfile(f"{D}/a", content="a")'
    assert cook("converge", recipe=recipe)["status"] == 0
    after = tree()
    refused = cook("undo", "last", "--yes")
    assert refused["status"] == 3
    assert "not in the stash" in str(refused) or "not kept" in str(refused)
    assert tree() == after
    assert cook("undo", "last", "--yes", "--partial")["status"] == 0
    assert not Path("d/a").exists()


def test_the_stash_is_listed_and_pruned(cook: Cook, folder: Path) -> None:
    prepare()
    cook("converge", recipe=RECIPE)
    [listed] = cook("stash")["hosts"].values()
    assert len(listed["entries"]) == 3
    names = [path.name for path in (folder / "home/stash").iterdir()]
    assert len(names) == 3
    assert not any(name in str(listed) for name in names)  # a secret can be known by its digest
    [kept] = cook("stash", "--prune", "1d")["hosts"].values()
    assert (kept["removed"], len(kept["entries"])) == (0, 3)
    for path in (folder / "home/stash").iterdir():
        os.utime(path, (0, 0))
    [gone] = cook("stash", "--prune", "1d")["hosts"].values()
    assert (gone["removed"], gone["entries"]) == (3, [])
    refused = cook("undo", "last", "--yes")
    assert refused["status"] == 3
    assert "not in the stash" in str(refused)


def test_where_nothing_can_be_kept_a_run_works(
    cook: Cook, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare()
    Path("file").write_text("")
    monkeypatch.setenv("COOK_HOME", str(folder / "file" / "home"))
    done = cook("converge", recipe=RECIPE)
    assert done["status"] == 0, done
    assert cook("plan", recipe=RECIPE)["status"] == 0
    assert cook("undo", "last", "--yes")["status"] == 3


def test_a_file_that_is_brought_back_has_its_access_list(cook: Cook, folder: Path) -> None:
    """Its mode alone would let the group write, for whom the access list says no."""
    entries = [(0x01, 6), (0x02, 4), (0x04, 0), (0x10, 6), (0x20, 0)]
    numbers = {0x02: 2}
    acl = struct.pack("<I", 2) + b"".join(
        struct.pack("<HHI", tag, mode, numbers.get(tag, 0xFFFFFFFF)) for tag, mode in entries
    )
    for path in (folder / "d" / "closed", folder / "d" / "tree" / "closed"):
        path.parent.mkdir(exist_ok=True)
        path.write_text("closed")
        os.setxattr(path, "system.posix_acl_access", acl)
    recipe = """
file(f"{D}/closed", action="delete")
directory(f"{D}/tree", action="delete", recursive=True)
"""
    assert cook("converge", recipe=recipe)["status"] == 0
    assert not (folder / "d" / "closed").exists()

    undone = cook("undo", "last", "--yes")
    assert undone["status"] == 0, undone

    for path in (folder / "d" / "closed", folder / "d" / "tree" / "closed"):
        assert path.read_text() == "closed"
        assert os.getxattr(path, "system.posix_acl_access") == acl


def test_the_undo_of_a_run_that_changed_nothing_is_reported(cook: Cook, folder: Path) -> None:
    recipe = f'file("{folder}/x", content="x")\n'
    cook("converge", recipe=recipe)
    cook("converge", recipe=recipe)
    undone = cook("undo", "last", "--yes")
    assert undone["status"] == 0
    assert undone["hosts"]["localhost"]["status"] == "ok"
    assert resources(undone) == {}
    assert (folder / "x").read_text() == "x"


def test_a_setting_of_a_saved_plan_leaves_the_rest_of_the_file(cook: Cook, folder: Path) -> None:
    """A plan without a key does not hold the text of the file."""
    path = folder / "app.env"
    path.write_text("A=1\nB=2\n# end\n")
    recipe = f'config_value("B", path="{path}", value=3)\n'
    cook("plan", "-o", "p.cook", recipe=recipe)
    assert "# end" not in Path("p.cook").read_text()
    assert cook("apply", "p.cook")["status"] == 0
    assert path.read_text() == "A=1\nB=3\n# end\n"
    cook("undo", "last", "--yes")
    assert path.read_text() == "A=1\nB=2\n# end\n"
