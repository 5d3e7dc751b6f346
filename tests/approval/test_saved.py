"""A saved plan is applied exactly, or refused before anything is touched."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cookbook.cli import main
from cookbook.script.facts import Facts, parse_facts
from tests.quick import examples

HEADING = "from cookbook.resources import *\nfrom cookbook.recipe import *\n"

Cook = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Cook:
    monkeypatch.chdir(tmp_path)
    Path("d").mkdir()

    def run(*words: str, recipe: str | None = None) -> tuple[int, str, str]:
        if recipe is not None:
            Path("r.py").write_text(f"{HEADING}D = '{tmp_path}/d'\n{recipe}")
        status = main(list(words))
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


RECIPE = """
file(f"{D}/a", content="wanted\\n", mode="0600", notifies=[delayed("run", "execute[bell]")])
file(f"{D}/b", content=b"\\0\\1", only_if=f"test -d {D}")
link(f"{D}/l", to="a")
execute("bell", command=f"echo rung >> {D}/bell", action="nothing")
"""


def test_a_plan_is_applied_without_its_recipe(cook: Cook) -> None:
    assert cook("plan", "r.py", "--local", "-o", "p.cook", recipe=RECIPE)[0] == 2
    assert list(Path("d").iterdir()) == []
    Path("r.py").unlink()

    status, said, _ = cook("apply", "p.cook", "--local", "--output", "json")

    document = json.loads(said)
    assert (status, document["mode"]) == (0, "apply")
    assert document["totals"]["changed"] == 4
    assert Path("d/a").read_text() == "wanted\n"
    assert Path("d/a").stat().st_mode & 0o777 == 0o600
    assert Path("d/b").read_bytes() == b"\0\1"
    assert Path("d/bell").read_text() == "rung\n"


def test_a_plan_is_shown_as_it_was_made(cook: Cook) -> None:
    _, planned, _ = cook("plan", "r.py", "--local", "-o", "p.cook", recipe=RECIPE)

    status, shown, _ = cook("show", "p.cook")

    assert status == 0
    assert "from r.py" in shown.splitlines()[0]
    assert planned.splitlines()[1:-1] == shown.splitlines()[2:-1]


def test_a_host_that_is_not_as_it_was_is_refused_before_its_first_change(cook: Cook) -> None:
    cook("plan", "r.py", "--local", "-o", "p.cook", recipe=RECIPE)
    Path("d/b").write_text("edited by hand\n")

    status, said, _ = cook("apply", "p.cook", "--local")

    assert status == 3
    assert "refused" in said
    assert "/d/b]: expected nothing there, found one (content sha256:" in said
    assert "State(" not in said
    assert not Path("d/a").exists()
    assert Path("d/b").read_text() == "edited by hand\n"


def test_what_was_expected_and_what_is_found_is_said_of_each_property(cook: Cook) -> None:
    Path("d/b").write_text("old")
    Path("d/b").chmod(0o640)
    Path("d/s").write_text("old")
    recipe = 'file(f"{D}/b", mode="0600")\nfile(f"{D}/s", mode="0600", sensitive=True)\n'
    Path("k").write_text("a passphrase that is long")
    Path("k").chmod(0o600)
    cook("plan", "r.py", "--local", "-o", "p.cook", "--key", "k", recipe=recipe)
    Path("d/b").chmod(0o644)
    Path("d/s").write_text("new")

    _, said, _ = cook("apply", "p.cook", "--local", "--key", "k")

    assert "/d/b]: mode: expected 0640, found 0644\n" in said
    assert "/d/s]: it is not as it was (it must not be shown)\n" in said
    assert hashlib.sha256(b"new").hexdigest()[:12] not in said


def test_a_plan_is_applied_once(cook: Cook) -> None:
    cook("plan", "r.py", "--local", "-o", "p.cook", recipe=RECIPE)
    assert cook("apply", "p.cook", "--local")[0] == 0

    assert cook("apply", "p.cook", "--local")[0] == 3


def test_a_change_that_another_one_of_the_plan_surprises_stops_there(cook: Cook) -> None:
    recipe = 'execute(f"echo first > {D}/a")\nfile(f"{D}/a", content="x")\nfile(f"{D}/c")\n'
    cook("plan", "r.py", "--local", "-o", "p.cook", recipe=recipe)

    status, said, _ = cook("apply", "p.cook", "--local")

    assert status == 3
    assert "another change of the plan surprised it" in said
    assert Path("d/a").read_text() == "first\n"
    assert not Path("d/c").exists()


ONE = 'config_value("one", path=f"{D}/x.ini", section="s", value="1")\n'
TWO = 'config_value("two", path=f"{D}/x.ini", section="s", value="2")\n'
KEY = 'authorized_key("{0}", user="root", path=f"{{D}}/keys", key="ssh-ed25519 AAAA{0}")\n'
APART = 'file(f"{D}/apart", content="x")\n'


@pytest.mark.parametrize("between", ["", APART], ids=["adjacent", "apart"])
def test_two_changes_of_one_file_are_made_each_as_planned(cook: Cook, between: str) -> None:
    """They are joined as a converge joins them; apart, the second is planned again, to the same."""
    Path("d/x.ini").write_text("[s]\none = 0\nrest = r\n")
    recipe = (
        ONE + between + TWO + KEY.format("one") + between.replace("apart", "b") + KEY.format("two")
    )
    assert cook("plan", "r.py", "--local", "-o", "p.plan", recipe=recipe)[0] == 2
    status, said, _ = cook("apply", "p.plan", "--local")
    assert status == 0, said
    assert Path("d/x.ini").read_text() == "[s]\none = 1\nrest = r\ntwo = 2\n"
    assert [line.split()[1] for line in Path("d/keys").read_text().splitlines()] == [
        "AAAAone",
        "AAAAtwo",
    ]
    assert cook("plan", "r.py", "--local", recipe=recipe)[0] == 0
    assert cook("undo", "last", "--yes", "--local")[0] == 0
    assert Path("d/x.ini").read_text() == "[s]\none = 0\nrest = r\n"


def test_a_second_change_that_would_be_another_one_is_refused(cook: Cook) -> None:
    """A command of the plan has set the value in between: that is not the change that was shown."""
    Path("d/x.ini").write_text("[s]\none = 0\n")
    run = 'execute("sed", command=f"echo two = 7 >>{D}/x.ini")\n'
    assert cook("plan", "r.py", "--local", "-o", "p.plan", recipe=ONE + run + TWO)[0] == 2
    status, said, _ = cook("apply", "p.plan", "--local")
    assert status == 3
    assert "another change of the plan surprised it" in said
    assert Path("d/x.ini").read_text() == "[s]\none = 1\ntwo = 7\n"


def test_what_was_run_is_not_said_to_be_not_run(cook: Cook) -> None:
    """The second change undoes the first, which shows when all is done: both were run."""
    recipe = 'file(f"{D}/a", content="x")\nexecute(f"echo y > {D}/a")\nfile(f"{D}/c")\n'
    cook("plan", "r.py", "--local", "-o", "p.cook", recipe=recipe)

    status, said, _ = cook("apply", "p.cook", "--local", "--output", "json")

    [host] = json.loads(said)["hosts"].values()
    assert status == 3
    assert [r["status"] for r in host["resources"]] == ["failed", "changed", "changed"]


def test_a_failure_that_the_recipe_ignores_is_ignored(cook: Cook) -> None:
    recipe = 'execute("exit 1", ignore_failure=True)\nfile(f"{D}/c")\n'
    cook("plan", "r.py", "--local", "-o", "p.cook", recipe=recipe)

    assert cook("apply", "p.cook", "--local")[0] == 0
    assert Path("d/c").exists()


def test_a_failure_is_tried_again_as_often_as_the_recipe_says(cook: Cook) -> None:
    flaky = 'f"echo x >> {D}/tries; [ $(wc -l < {D}/tries) = 3 ]"'
    recipe = f"execute({flaky}, retries=2, retry_delay=0.0)\nfile(f'{{D}}/c')\n"
    cook("plan", "r.py", "--local", "-o", "p.cook", recipe=recipe)

    assert cook("apply", "p.cook", "--local")[0] == 0
    assert Path("d/tries").read_text() == "x\n" * 3
    assert Path("d/c").exists()


def test_a_failure_that_left_something_behind_is_not_tried_again(cook: Cook) -> None:
    half = 'f"echo x >> {D}/tries; exit 1"'
    recipe = f"execute({half}, creates=f'{{D}}/tries', retries=2, retry_delay=0.0)\n"
    cook("plan", "r.py", "--local", "-o", "p.cook", recipe=recipe)

    assert cook("apply", "p.cook", "--local")[0] == 3
    assert Path("d/tries").read_text() == "x\n"


def test_a_plan_names_everything_it_was_made_from(cook: Cook) -> None:
    for folder in ("templates", "files"):
        Path(folder).mkdir()
    Path("templates/t.j2").write_text("x\n")
    Path("files/f").write_text("y\n")
    Path("hosts.yml").write_text("defaults: {transport: local}\nhosts: [one]\n")
    recipe = "template(f'{D}/t', source='t.j2')\nfile(f'{D}/f', source='f')\n"
    cook("plan", "r.py", "--hosts", "hosts.yml", "-o", "p.cook", recipe=recipe)

    sources = json.loads(Path("p.cook").read_text())["sources"]
    assert sorted(sources) == ["files/f", "hosts.yml", "r.py", "templates/t.j2"]
    assert sources["files/f"] == hashlib.sha256(b"y\n").hexdigest()


def test_a_host_of_the_plan_that_the_inventory_does_not_have_is_missed(cook: Cook) -> None:
    Path("hosts.yml").write_text("defaults: {transport: local}\nhosts: [one, two]\n")
    cook("plan", "r.py", "--hosts", "hosts.yml", "-o", "p.cook", recipe="file(f'{D}/x')")
    Path("hosts.yml").write_text("defaults: {transport: local}\nhosts: [one]\n")

    status, _, said = cook("apply", "p.cook", "--hosts", "hosts.yml")

    assert status == 1
    assert "the plan is about two, which the inventory does not have" in said
    assert "--limit one leaves out what is missing" in said
    assert cook("apply", "p.cook", "--hosts", "hosts.yml", "--limit", "one")[0] == 0


def test_a_renamed_host_is_not_said_to_miss_what_only_the_limit_leaves_out(cook: Cook) -> None:
    """Of a plan, and of an undo: "one" is in the inventory, "two" has another name."""
    Path("hosts.yml").write_text("defaults: {transport: local}\nhosts: [one, two]\n")
    cook("plan", "r.py", "--hosts", "hosts.yml", "-o", "p.cook", recipe="file(f'{D}/x')")
    cook("converge", "r.py", "--hosts", "hosts.yml")
    Path("hosts.yml").write_text("defaults: {transport: local}\nhosts: [one, three]\n")

    for words in (["apply", "p.cook"], ["undo", "last"]):
        status, _, said = cook(*words, "--hosts", "hosts.yml", "--limit", "three")
        assert status == 1
        assert "one, two, none of which is within the limit" in said
        assert "a host that was renamed needs an inventory" in said


def test_nothing_to_do_is_a_plan_too(cook: Cook) -> None:
    assert cook("plan", "r.py", "--local", "-o", "p.cook", recipe="group('root')")[0] == 0

    assert cook("apply", "p.cook", "--local")[0] == 0


def _edit(**changes: Any) -> Callable[[str], str]:
    return lambda text: json.dumps(json.loads(text) | changes)


SPOILT: dict[str, tuple[Callable[[str], str], str]] = {
    "cut short": (lambda text: text[: len(text) // 2], "p.cook is no plan"),
    "empty": (lambda _: "", "p.cook is no plan"),
    "edited": (lambda text: text.replace("wanted", "wanton"), "p.cook was changed after"),
    "another version": (_edit(version="0.0.1"), "p.cook was written by cook 0.0.1"),
    "another format": (_edit(format=99), "p.cook was written by cook"),
    "another document": (lambda _: '{"hosts": {}}', "p.cook is no plan that cook has written"),
    "no document": (lambda _: "[]", "p.cook is no plan that cook has written"),
}


@pytest.mark.parametrize(("spoil", "message"), SPOILT.values(), ids=SPOILT)
def test_a_file_that_is_not_what_was_written_is_refused(
    cook: Cook, spoil: Callable[[str], str], message: str
) -> None:
    cook("plan", "r.py", "--local", "-o", "p.cook", recipe=RECIPE)
    Path("p.cook").write_text(spoil(Path("p.cook").read_text()))

    status, _, said = cook("apply", "p.cook", "--local")

    assert status == 1
    assert message in said
    assert list(Path("d").iterdir()) == []


@pytest.mark.parametrize(
    "secret",
    [
        'file(f"{D}/a", content="hunter2", sensitive=True)',
        'from cookbook.script.shell import Secret\nfile(f"{D}/a", content=Secret("hunter2"))',
        'execute("echo hunter2", sensitive=True)',
    ],
)
def test_a_plan_with_a_secret_is_not_written(cook: Cook, secret: str) -> None:
    status, said, wrong = cook("plan", "r.py", "--local", "-o", "p.cook", recipe=secret)

    assert status == 1
    assert "holds a secret" in wrong
    assert "--key FILE" in wrong
    assert "hunter2" not in said.replace("execute[echo hunter2]", "")
    assert not Path("p.cook").exists()


def test_a_plan_that_is_not_whole_is_not_written(cook: Cook) -> None:
    status, _, wrong = cook("plan", "r.py", "--local", "-o", "p.cook", recipe="file('/no/such/x')")

    assert status == 1
    assert "localhost could not be planned" in wrong
    assert not Path("p.cook").exists()


def test_a_plan_for_another_machine_is_refused(cook: Cook, monkeypatch: pytest.MonkeyPatch) -> None:
    cook("plan", "r.py", "--local", "-o", "p.cook", recipe=RECIPE)

    def another(text: str) -> Facts:
        return parse_facts(text.replace("machine_id=", "machine_id=f"))

    monkeypatch.setattr("cookbook.hosts.session.parse_facts", another)

    status, said, _ = cook("apply", "p.cook", "--local")

    assert status == 3
    assert "is another machine than the plan was made for" in said


@given(st.sampled_from("abl"), st.sampled_from(["write", "remove", "mode", "folder", "link"]))
@settings(
    max_examples=examples(100),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_edit_by_hand_leads_to_a_wrong_write(
    tmp_path_factory: pytest.TempPathFactory, name: str, edit: str
) -> None:
    """Whatever is edited between plan and apply: refused with nothing done, or done exactly."""
    folder = tmp_path_factory.mktemp("edits")
    for n in "ab":
        (folder / n).write_text(f"old {n}\n")
    recipe, plan = folder.parent / f"{folder.name}.py", folder.parent / f"{folder.name}.cook"
    recipe.write_text(
        f"{HEADING}D = '{folder}'\nfile(f'{{D}}/a', content='new a')\n"
        "file(f'{D}/b', mode='0600')\nlink(f'{D}/l', to='a')\n"
    )
    assert main(["plan", str(recipe), "--local", "-o", str(plan)]) == 2
    _by_hand(folder / name, edit)
    before = _tree(folder)

    status = main(["apply", str(plan), "--local"])

    if status == 3:
        assert _tree(folder) == before
    else:
        assert status == 0
        assert (folder / "a").read_text() == "new a"
        assert (folder / "b").read_text() == "old b\n"


def _by_hand(path: Path, edit: str) -> None:
    if edit == "mode" and path.exists():
        path.chmod(0o777)
    if edit == "mode":
        return
    path.unlink(missing_ok=True)
    if edit == "write":
        path.write_text("by hand\n")
    elif edit == "folder":
        path.mkdir()
    elif edit == "link":
        path.symlink_to("/etc/passwd")


def _tree(folder: Path) -> dict[str, tuple[int, bytes | str]]:
    return {
        p.name: (
            p.lstat().st_mode,
            str(p.readlink()) if p.is_symlink() else p.read_bytes() if p.is_file() else b"",
        )
        for p in folder.iterdir()
    }
