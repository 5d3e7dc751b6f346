"""Sources that are written to harm who converts them: code in titles, paths and links outside."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from cookbook.convert.convert import convert
from cookbook.convert.project import Folder
from cookbook.convert.report import ConvertReport
from cookbook.errors import UsageError

BREAKOUT = 'x"""\nimport os  # ran\nos.abort()\n"""\\'


def write(root: Path, files: dict[str, str]) -> Path:
    """Write a source; return its folder."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def statements(source: str) -> list[str]:
    """Return the kinds of the statements of a module, those in functions included."""
    return [type(node).__name__ for node in ast.walk(ast.parse(source))]


def quoted(text: str) -> str:
    """Return a text as YAML with double quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


@pytest.mark.parametrize(
    "play",
    [
        f"- name: {quoted(BREAKOUT)}\n  hosts: web\n",
        f"- hosts: {quoted(BREAKOUT)}\n",
        '- name: "a\\u2028b\\rimport os\\0"\n  hosts: web\n',
    ],
)
def test_no_title_of_a_play_is_code(tmp_path: Path, play: str) -> None:
    (tmp_path / "web.yml").write_text(play)
    convert(tmp_path / "web.yml", tmp_path / "out")
    source = (tmp_path / "out/web.py").read_text()
    assert statements(source) == ["Module", "Expr", "Constant"]


def test_no_name_of_a_file_of_tasks_is_code(tmp_path: Path) -> None:
    name = 'x""";exit();"""'
    tasks = "- package: {name: a}\n- package: {name: b}\n"
    main_yml = f"- include_tasks: {{file: {quoted(name)}}}\n"
    write(tmp_path / "web/tasks", {"main.yml": main_yml, f"{name}.yml": tasks})
    convert(tmp_path / "web", tmp_path / "out")
    source = (tmp_path / "out/web.py").read_text()
    assert 'package("b")' in source
    names = [node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)]
    assert "exit" not in names


def test_no_text_in_a_comment_is_code(tmp_path: Path) -> None:
    tasks = '- debug: {msg: "a\\0b\\rimport os\\u2028c"}\n'
    write(tmp_path / "web", {"tasks/main.yml": tasks})
    convert(tmp_path / "web", tmp_path / "out")
    source = (tmp_path / "out/web.py").read_text()
    assert statements(source) == ["Module", "Expr", "Constant"]
    assert "# tasks/main.yml:1: debug: a b import os c, which changes nothing" in source


def test_no_default_ends_its_comment_in_hosts_yml(tmp_path: Path) -> None:
    value = '"a\\u2028hosts:\\x85  evil: {}"'
    tasks = "- package: {name: x}\n"
    write(tmp_path / "web", {"tasks/main.yml": tasks, "defaults/main.yml": f"a: {value}\n"})
    convert(tmp_path / "web", tmp_path / "out")
    lines = (tmp_path / "out/hosts.yml").read_text().splitlines()
    assert [line for line in lines if "evil" in line and "#" not in line] == []


# --- paths and links that lead outside ------------------------------------------------------------


def everything(folder: Path) -> str:
    """Return the texts of all files of a folder."""
    return "\n".join(path.read_text() for path in sorted(folder.rglob("*")) if path.is_file())


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """Return a folder of the person who converts, beside the source."""
    return write(
        tmp_path / "private", {"key": "PRIVATE", "main.yml": "- package: {name: PRIVATE}\n"}
    )


RESOURCES = {
    "file": "cookbook_file '/etc/x' do\n  source '{}'\nend\n",
    "template": "template '/etc/x' do\n  source '{}'\nend\n",
    "folder": "remote_directory '/etc/x' do\n  source '{}'\nend\n",
}


@pytest.mark.parametrize("kind", RESOURCES)
@pytest.mark.parametrize("source", ["../../evil", "../evil", "a/../../evil", "/etc/hostname"])
def test_no_source_of_chef_leads_outside(tmp_path: Path, kind: str, source: str) -> None:
    book = tmp_path / "book"
    write(
        book,
        {
            "recipes/default.rb": RESOURCES[kind].format(source),
            "files/default/a/x": "",
            "files/evil": "EVIL",
            "templates/evil": "EVIL",
            "templates/default/a/x": "",
            "evil": "EVIL",
        },
    )
    folder, report = convert(book, tmp_path / "in/out")
    assert report.total.with_todo == 1
    assert "EVIL" not in everything(tmp_path / "in")
    assert not (tmp_path / "evil").exists()
    assert {path.name for path in folder.iterdir()} <= {*report.written}


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/x", "a\0b"])
def test_the_folder_itself_takes_no_path_outside(tmp_path: Path, name: str) -> None:
    folder = Folder(tmp_path / "out", ConvertReport(""))
    with pytest.raises(UsageError, match="would be outside of"):
        folder.write(name, "x")
    assert not [*tmp_path.iterdir()]


def test_the_folder_writes_nothing_twice(tmp_path: Path, private: Path) -> None:
    folder = Folder(tmp_path / "out", ConvertReport(""))
    folder.write("a/x", "first")
    for name in ("a/x", "a//x", "./a/x"):
        with pytest.raises(UsageError, match="would be written twice"):
            folder.copy(name, private / "key")
    assert (tmp_path / "out/a/x").read_text() == "first"
    with pytest.raises(UsageError, match="would be written twice"):
        folder.write("a/x/y", "z")
    with pytest.raises(UsageError, match="No such file"):
        folder.copy("b", private / "gone")


def test_links_of_a_cookbook_are_not_followed_outside(tmp_path: Path, private: Path) -> None:
    book = write(
        tmp_path / "book",
        {
            "recipes/default.rb": "".join(
                RESOURCES[kind].format(source)
                for kind, source in (("folder", "tree"), ("file", "one"), ("template", "two"))
            ),
            "files/tree/fine": "",
            "attributes/default.rb": "",
            "templates/x": "",
        },
    )
    (book / "files/tree/key").symlink_to(private / "key")
    (book / "files/one").symlink_to(private / "key")
    (book / "templates/two").symlink_to(private / "key")
    (book / "recipes/other.rb").symlink_to(private / "key")
    (book / "attributes/other.rb").symlink_to(private / "key")
    folder, report = convert(book, tmp_path / "out")
    assert len([todo for todo in report.todos if "leads outside" in todo.why]) == 5
    assert "PRIVATE" not in everything(folder)
    assert not [path for path in report.written if path.startswith(("files/", "templates/"))]


def test_links_of_a_role_are_not_followed_outside(tmp_path: Path, private: Path) -> None:
    tasks = "- copy: {src: key, dest: /etc/key}\n- template: {src: t, dest: /etc/t}\n"
    role = write(tmp_path / "web", {"tasks/main.yml": tasks, "templates/x": "fine"})
    (role / "files").symlink_to(private)
    (role / "templates/t").symlink_to(private / "key")
    (role / "templates/same").symlink_to("x")
    (role / "templates/tree").symlink_to(private)
    (role / "handlers").mkdir()
    (role / "handlers/main.yml").symlink_to(private / "main.yml")
    folder, report = convert(role, tmp_path / "out")
    outside = [todo.place.file for todo in report.todos if "leads outside" in todo.why]
    assert outside == [
        "files",
        "templates/t",
        "templates/tree",
        "handlers/main.yml",
        "tasks/main.yml",
        "tasks/main.yml",
    ]
    assert "PRIVATE" not in everything(folder)
    assert (folder / "templates/same").read_text() == "fine"


@pytest.mark.parametrize("given", ["../../private/main.yml", "{}/private/main.yml", "link.yml"])
def test_no_tasks_are_included_from_outside(tmp_path: Path, private: Path, given: str) -> None:
    tasks = f"- include_tasks: {given.format(tmp_path)}\n"
    role = write(tmp_path / "web", {"tasks/main.yml": tasks, "handlers/x": ""})
    (role / "tasks/link.yml").symlink_to(private / "main.yml")
    folder, report = convert(role, tmp_path / "out")
    assert report.total.with_todo == 1
    assert "PRIVATE" not in everything(folder)


def test_a_role_of_a_play_is_beside_it(tmp_path: Path, private: Path) -> None:
    write(tmp_path, {"play/web.yml": "- hosts: a\n  roles: [link, ../../evil]\n"})
    write(tmp_path / "evil/tasks", {"main.yml": "- package: {name: PRIVATE}\n"})
    (private / "tasks").mkdir()
    (private / "main.yml").rename(private / "tasks/main.yml")
    (tmp_path / "play/roles").mkdir()
    (tmp_path / "play/roles/link").symlink_to(private)
    folder, report = convert(tmp_path / "play/web.yml", tmp_path / "out")
    assert [todo.why for todo in report.todos] == ["it is not beside the playbook"] * 2
    assert "PRIVATE" not in everything(folder)


def test_files_beside_several_plays_are_copied_once(tmp_path: Path) -> None:
    write(tmp_path, {"web.yml": "- hosts: a\n- hosts: b\n", "files/x": "", "templates/y": ""})
    _, report = convert(tmp_path / "web.yml", tmp_path / "out")
    assert sorted(report.written)[-3:] == ["templates/y", "web.py", "web_2.py"]
    assert len(report.written) == len({*report.written})


def test_tasks_that_include_themselves_are_a_todo(tmp_path: Path) -> None:
    tasks = "- include_tasks: more.yml\n"
    role = write(tmp_path / "web", {"tasks/main.yml": tasks, "tasks/more.yml": tasks})
    _, report = convert(role, tmp_path / "out")
    assert [todo.why for todo in report.todos] == ["tasks/more.yml includes itself"]


LAUGHS = "a0: &a0 [x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("handlers/main.yml", "- include_tasks: main.yml\n", "a file includes itself"),
        ("vars/main.yml", "# " + "x" * 11 * 1024**2, "larger than 10 MiB"),
        ("vars/main.yml", "a: " + "[" * 5000, "nested too deeply"),
        ("vars/main.yml", LAUGHS, "more than 1000000 values"),
    ],
)
def test_files_without_an_end(tmp_path: Path, name: str, text: str, says: str) -> None:
    role = write(tmp_path / "web", {"tasks/main.yml": "", name: text})
    with pytest.raises(UsageError, match=says):
        convert(role, tmp_path / "out")
