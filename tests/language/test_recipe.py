"""A recipe is compiled purely, and whatever is wrong with it is said at its own line."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cookbook.errors import RecipeError
from cookbook.language.collection import (
    ENGINE,
    NO_FACTS_YET,
    Collection,
    FactsNeeded,
    Node,
    is_engine,
)
from cookbook.language.compiler import compile_recipes
from cookbook.recipe import delayed, node
from cookbook.resources import File, Group, file
from cookbook.script.facts import Facts

HEADING = "from cookbook.resources import *\nfrom cookbook.recipe import *\n"

Compile = Callable[..., Collection]


@pytest.fixture
def compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Compile:
    monkeypatch.chdir(tmp_path)

    def run(text: str, facts: Facts | None = None, **files: str) -> Collection:
        for name, content in files.items():
            place = tmp_path / name.replace("__", "/").replace("_dot_", ".")
            place.parent.mkdir(exist_ok=True)
            place.write_text(content)
        path = Path(f"recipe{len(list(tmp_path.glob('recipe*')))}.py")
        path.write_text(HEADING + textwrap.dedent(text))
        return compile_recipes([path], Node("web1", facts or Facts(codename="bookworm"), {"a": 1}))

    return run


def ids(collection: Collection) -> list[str]:
    return [f"{declared.resource} {declared.where}" for declared in collection]


def test_resources_are_declared_in_order_with_their_lines(compiled: Compile) -> None:
    found = compiled("group('www')\nfor i in range(2):\n    file(f'/f{i}')\ngroup('adm')\n")

    assert ids(found) == [
        "group[www] recipe0.py:3",
        "file[/f0] recipe0.py:5",
        "file[/f1] recipe0.py:5",
        "group[adm] recipe0.py:6",
    ]


def test_the_same_facts_give_the_same_resources(compiled: Compile) -> None:
    text = "file(f'/etc/{node.facts.codename}', content=str(node.vars))"

    first, second = compiled(text), compiled(text)

    assert [d.resource for d in first] == [d.resource for d in second]


def test_a_neighbour_is_imported_anew_for_every_host(compiled: Compile) -> None:
    """A neighbour that declares when it is imported declares for the second host, too."""
    for _ in range(2):
        found = compiled("import neighbour\n", neighbour_dot_py=f"{HEADING}group('www')\n")
        assert ids(found) == ["group[www] neighbour.py:3"]


def test_a_word_of_ones_own_is_told_from_another_hosts(compiled: Compile) -> None:
    own = (
        f"{HEADING}from cookbook.language.resource import Resource\n"
        "class Shop(Resource): ...\nshop = recipe_function(Shop)\n"
    )
    for _ in range(2):
        found = compiled("from shops import shop\nshop('boots')", shops_dot_py=own)
        assert ids(found) == ["shop[boots] recipe0.py:4"] or len(found) == 1


MISTAKES = {
    "a property that there is not": (
        "file('/x', contents='a')",
        "recipe0.py:3: file('/x'): there is no property 'contents'; did you mean 'content'?",
    ),
    "a value of the wrong type": (
        "group('www', gid='33')",
        "recipe0.py:3: group[www]: gid must be a whole number, not '33'",
    ),
    "a bool where a number is meant": (
        "group('www', gid=True)",
        "recipe0.py:3: group[www]: gid must be a whole number, not True",
    ),
    "text where a list is meant": (
        "group('www', members='alice')",
        "recipe0.py:3: group[www]: members must be a list of text, not 'alice'",
    ),
    "an action that there is not": (
        "group('www', action='crate')",
        "recipe0.py:3: group[www]: action must be 'create', 'remove', 'modify', 'manage' or",
    ),
    "no name": ("group()", "recipe0.py:3: group(): missing 1 required"),
    "two names": ("group('a', 'b')", "recipe0.py:3: group('a', 'b'): takes 2 positional"),
    "a duplicate": (
        "group('www')\n\ngroup('www', gid=3)",
        "recipe0.py:5: group[www] is already declared at recipe0.py:3",
    ),
    "a notification to nowhere": (
        "group('www')\nfile('/x', notifies=[delayed('create', 'group[ww]')])",
        "recipe0.py:4: file[/x]: there is no group[ww]; did you mean 'group[www]'?",
    ),
    "a notification of an action that there is not": (
        "group('www')\nfile('/x', notifies=[delayed('reload', 'group[www]')])",
        "recipe0.py:4: file[/x]: group[www] has no action 'reload'",
    ),
    "a subscription to nowhere": (
        "file('/x', subscribes=[delayed('touch', 'group[www]')])",
        "recipe0.py:3: file[/x]: there is no group[www]",
    ),
    "a subscription with an action that there is not": (
        "group('www')\nfile('/x', subscribes=[delayed('run', 'group[www]')])",
        "recipe0.py:4: file[/x]: file[/x] has no action 'run'",
    ),
    "a relative path": ("file('x')", "recipe0.py:3: file[x]: 'x' is no absolute"),
    "a decimal mode": ("file('/x', mode=644)", "recipe0.py:3: file[/x]: mode 644 is the decimal"),
    "a missing source": (
        "file('/x', source='motd')",
        "recipe0.py:3: there is no 'motd' in files",
    ),
    "a missing template": ("template('/x.conf')", "recipe0.py:3: there is no 'x.conf.j2' in temp"),
    "an exception": ("{}['key']", "recipe0.py:3: KeyError: 'key'"),
    "an exception in a function": (
        "def f():\n    return 1 / 0\nf()",
        "recipe0.py:4: ZeroDivisionError: division by zero",
    ),
    "a syntax error": ("if then", "recipe0.py:3: "),
    "a module that there is not": ("import no_such", "recipe0.py:3: ModuleNotFoundError: No modu"),
    "a word that there is not": ("from cookbook.resources import pakage", "recipe0.py:3: Import"),
    "another action of nothing": ("node.colour", "recipe0.py:3: AttributeError: 'Node' object"),
}


@pytest.mark.parametrize(("text", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named_with_its_line(compiled: Compile, text: str, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        compiled(text)

    assert str(caught.value).startswith(message)


def test_an_undefined_variable_names_the_line_of_the_template(compiled: Compile) -> None:
    with pytest.raises(RecipeError, match=r"templates/x\.conf\.j2:2: .*'porrt' is undefined"):
        compiled("template('/x.conf')", **{"templates__x.conf.j2": "a\n{{ porrt }}\n"})


def test_a_syntax_error_of_a_template_names_its_line(compiled: Compile) -> None:
    with pytest.raises(RecipeError, match=r"templates/x\.conf\.j2:3: "):
        compiled("template('/x.conf')", **{"templates__x.conf.j2": "a\nb\n{% if %}\n"})


def test_a_recipe_that_is_not_there_is_named() -> None:
    with pytest.raises(RecipeError, match=r"no_such\.py: No such file"):
        compile_recipes([Path("no_such.py")], Node("x"))


def test_a_recipe_is_compiled_offline_as_far_as_it_wants_no_fact(tmp_path: Path) -> None:
    path = tmp_path / "r.py"
    path.write_text(f"{HEADING}group('www')\nif node.facts.root:\n    group('x')\n")
    with pytest.raises(FactsNeeded):
        compile_recipes([path], Node("x", NO_FACTS_YET))

    path = tmp_path / "early.py"
    path.write_text(f"{HEADING}group('www', gid='x')\nnode.facts.root\n")
    with pytest.raises(RecipeError, match="gid must be"):
        compile_recipes([path], Node("x", NO_FACTS_YET))


def test_several_recipes_are_one_collection(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.py").write_text(f"{HEADING}group('{name}')\n")

    found = compile_recipes([tmp_path / "a.py", tmp_path / "b.py"], Node("x"))

    assert [str(declared.resource) for declared in found] == ["group[a]", "group[b]"]


def test_outside_of_a_recipe_a_word_declares_nothing() -> None:
    with pytest.raises(RecipeError, match="only while a recipe runs"):
        file("/x")
    with pytest.raises(RecipeError, match="only while a recipe runs"):
        _ = node.name


def test_a_library_below_the_folder_of_the_recipe_is_imported_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A .venv, or a checkout of cook, may be there: a type imported twice has no provider."""
    library = tmp_path / ".venv/lib/python3/site-packages"
    library.mkdir(parents=True)
    checkout = tmp_path / "checkout"
    (checkout / "loaded_before").mkdir(parents=True)
    (library / "of_the_venv.py").touch()
    (checkout / "loaded_before/__init__.py").touch()
    (checkout / "loaded_before/part.py").touch()
    (tmp_path / "beside.py").touch()
    monkeypatch.syspath_prepend(str(library))
    monkeypatch.syspath_prepend(str(checkout))
    monkeypatch.setitem(sys.modules, "loaded_before", importlib.import_module("loaded_before"))
    (tmp_path / "r.py").write_text("import beside, loaded_before.part, of_the_venv")

    compile_recipes([tmp_path / "r.py"], Node("web1", Facts()))

    kept = {"beside", "loaded_before.part", "of_the_venv"} & set(sys.modules)
    for name in kept:
        monkeypatch.delitem(sys.modules, name)
    assert kept == {"loaded_before.part", "of_the_venv"}


def test_a_package_without_init_declares_for_every_host(compiled: Compile) -> None:
    """It has no file of its own, and once stayed: from the third host on it declared nothing."""
    for _ in range(3):
        found = compiled("import roles.web\n", roles__web_dot_py=f"{HEADING}group('www')\n")
        assert ids(found) == ["group[www] roles/web.py:3"]
    assert not {"roles", "roles.web"} & set(sys.modules)


@pytest.mark.parametrize("other", ["web", "db"])
def test_modules_of_one_name_are_those_of_the_recipes_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    """Also where one is in a package with __init__.py, and one in a package without."""
    monkeypatch.chdir(tmp_path)
    for name in ("web", "db"):
        (tmp_path / name / "roles").mkdir(parents=True)
        (tmp_path / name / "roles/app.py").write_text(f"{HEADING}group('{name}')\n")
        (tmp_path / name / "site.py").write_text("import roles.app\n")
    (tmp_path / other / "roles/__init__.py").touch()

    def found(*recipes: str) -> list[str]:
        return ids(compile_recipes([Path(one) for one in recipes], Node("h", Facts())))

    web, db = "group[web] web/roles/app.py:3", "group[db] db/roles/app.py:3"
    for _ in range(2):
        assert found("web/site.py") == [web]
        assert found("db/site.py") == [db]
        assert found("db/site.py", "web/site.py") == [db, web]


def test_a_folder_that_a_recipe_adds_to_the_path_is_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It declares for each host, and the recipes of other folders do not see it."""
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    for name in ("web", "db"):
        (tmp_path / name / "lib").mkdir(parents=True)
        (tmp_path / name / "lib/common.py").write_text(f"{HEADING}group('{name}')\n")
        (tmp_path / name / "site.py").write_text(
            f"import sys\nsys.path.append('{tmp_path}/{name}/../{name}/lib')\nimport common\n"
        )

    for name in ("web", "db", "web"):
        found = compile_recipes([Path(name, "site.py")], Node("h", Facts()))
        assert ids(found) == [f"group[{name}] {name}/../{name}/lib/common.py:3"]
    assert sys.path == before


@pytest.mark.parametrize("loaded", [True, False])
def test_a_recipe_with_the_name_of_a_module_of_python_is_a_recipe_only(
    compiled: Compile, monkeypatch: pytest.MonkeyPatch, *, loaded: bool
) -> None:
    """Whatever imports that module gets it: it does not declare what the recipe declares."""
    monkeypatch.syspath_prepend("")  # as `python -m cookbook.cli` does
    if not loaded:
        monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    files = {"colorsys_dot_py": f"{HEADING}group('www')"}

    assert ids(compiled("import colorsys\nfile(f'/{colorsys.ONE_SIXTH > 0}')", **files)) == [
        "file[/True] recipe0.py:4"
    ]
    with pytest.raises(RecipeError) as wrong:
        compiled("from colorsys import HOSTS", **files)
    assert "the module of Python" in (wrong.value.hint or "")


def test_a_folder_whose_name_begins_as_that_of_the_engine_is_no_part_of_it() -> None:
    """A folder cookbooks/ beside cookbook/, in a checkout, has recipes with lines of their own."""
    assert is_engine(f"{ENGINE}language/recipe.py")
    assert not is_engine(f"{ENGINE.rstrip('/')}s/web.py")


def test_a_class_is_only_a_value() -> None:
    one = File("/x", mode=0o644, notifies=[delayed("touch", Group("g"))])

    assert one == File("/x", mode="644", notifies=[delayed("touch", "group[g]")])
    assert repr(File("/x", owner="bob")) == "file('/x', owner='bob')"
    with pytest.raises(AttributeError):
        one.mode = "0600"  # type: ignore[misc]  # that it is refused is the point


@pytest.mark.parametrize("text", ["while True: pass", "import time; time.sleep(60)"])
def test_a_recipe_that_does_not_end_is_ended_at_its_line(
    compiled: Compile, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr("cookbook.language.compiler.COMPILE_TIMEOUT", 2)
    with pytest.raises(RecipeError, match=r"^recipe0\.py:4: .* within 2 s"):
        compiled(f"group('www')\n{text}\n")
    assert ids(compiled("group('www')")) == ["group[www] recipe1.py:3"]


def test_also_in_the_thread_of_a_host_whatever_it_catches(
    compiled: Compile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cookbook.language.compiler.COMPILE_TIMEOUT", 2)
    text = "while True:\n    try:\n        x = 1\n    except Exception:\n        pass\n"
    with ThreadPoolExecutor() as pool:
        error = pool.submit(compiled, text).exception()
    assert isinstance(error, RecipeError)
    assert " within 2 s" in str(error)


KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ7a8cTcCN3VkU0jOLk2Yp3sM6V2r1VkGq7m1q2Zl0aB ann"
OTHER = KEY.replace("q2Zl0aB ann", "q2Zl0aC bob")

CONTRADICTIONS = {
    "two default toolchains": (
        f"sum, at = '{'a' * 64}', 'https://go.dev/go.tar'\n"
        "go_toolchain('1.1', source=at, checksum=sum, default=True)\n"
        "go_toolchain('1.2', source=at, checksum=sum, default=True)"
    ),
    "a file of two contents": "file('/a', content='1')\nfile('b', path='/a', content='2')",
    "the third of three": (
        "file('/a', mode='0600')\nfile('b', path='/a')\nfile('c', path='/a', mode='0644')"
    ),
    "a job and its removal": (
        "cron('a', command='x', minute=5)\ncron('b', command='x', minute='5', action='delete')"
    ),
    "a job with two receivers of mail": (
        "cron('a', command='x', hour=0, minute=0, mailto='a')\ncron('b', command='x', time='daily')"
    ),
    "a job under two names": (
        "cron('a', command='x', hour=0, minute=0)\ncron('b', command='x', time='daily')"
    ),
    "a key with two sets of options": (
        f"authorized_key('ann', key={KEY!r}, key_options='restrict')\n"
        f"authorized_key('b', user='ann', key={KEY!r}, key_options='')"
    ),
    "a key with options in its line": (
        f"authorized_key('ann', key='restrict ' + {KEY!r})\n"
        f"authorized_key('b', user='ann', key={KEY!r}, key_options='no-pty')"
    ),
    "a key that is to be there and to go": (
        f"authorized_key('ann', key=[{KEY!r}, {OTHER!r}])\n"
        f"authorized_key('b', user='ann', key={OTHER!r}, action='remove')"
    ),
    "a key beside an exclusive list": (
        f"authorized_key('ann', key={KEY!r}, exclusive=True)\n"
        f"authorized_key('b', user='ann', key={OTHER!r})"
    ),
    "two policies": "firewall('a', input='drop')\nfirewall('b', input='reject')",
    "two proxies of one tool": (
        "http_proxy('a', http='http://a:1')\nhttp_proxy('b', http='http://b:1', for_tools=['npm'])"
    ),
    "a key of a file": (
        f"authorized_key('ann', path='/etc/keys', key={KEY!r}, key_options='restrict')\n"
        f"authorized_key('b', user='bob', path='/etc/keys', key={KEY!r}, key_options='')"
    ),
    "two types that write one file": (
        "sudo('ann', users=['ann'])\nfile('b', path='/etc/sudoers.d/ann', content='1')"
    ),
    "a file and a link": "file('/a', action='delete')\nlink('/a', to='/b')",
    "a file with and without content, of two modes": (
        "file('/a', mode='0600')\n"
        f"remote_file('/a', mode='0644', source='http://x/', checksum='{'0' * 64}')"
    ),
    "a package under two names": (
        "package('htop')\npackage('b', package_name=['vim', 'htop'], action='remove')"
    ),
    "a package in two versions": (
        "package('a', version='1')\npackage('b', package_name='a', version='2')"
    ),
    "a service that is to run and not": (
        "service('nginx', action='start')\nservice('b', service_name='nginx', action='stop')"
    ),
    "a file that is to be there and not": (
        "file('/a', content='1')\nfile('b', path='/a', action='delete')"
    ),
}


def test_a_source_of_another_package_is_found_by_its_name(
    compiled: Compile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind, name, text in [
        ("files", "a.conf", "of the package"),
        ("templates", "b.j2", "n={{ n }}"),
    ]:
        (folder := tmp_path / "lib" / "roles" / "web" / kind).mkdir(parents=True)
        (folder / name).write_text(text)
    (tmp_path / "lib" / "roles" / "web" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    found = compiled(
        "cookbook_file('/a', source='a.conf', cookbook='roles.web')\n"
        "file('/c', source='a.conf', cookbook='roles.web')\n"
        "template('/b', source='b.j2', cookbook='roles.web', variables={'n': 5})"
    )
    texts = [getattr(declared.resource, "data", b"") for declared in found]
    assert texts == [b"of the package", b"of the package", b"n=5"]


def test_a_package_that_is_not_there_is_named_with_the_line(compiled: Compile) -> None:
    with pytest.raises(RecipeError, match=r"recipe0.py:3: there is no Python package 'roles.no'"):
        compiled("cookbook_file('/a', cookbook='roles.no')")


@pytest.mark.parametrize("recipe", CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_two_wishes_about_one_thing_are_refused_with_both_lines(
    compiled: Compile, recipe: str
) -> None:
    with pytest.raises(RecipeError, match=r"recipe0.py:\d: .* \(recipe0.py:\d\) are both about"):
        compiled(recipe)


@pytest.mark.parametrize(
    "recipe",
    [
        "file('/a', content='1')\nfile('b', path='/a', content='1')",
        "file('/a', content='1')\nfile('b', path='/a', content='2', only_if='true')",
        "file('/a', mode='0600')\nfile('b', path='/a', content='2')",
        "package('a')\npackage('b', package_name='a', version='2')",
        "service('a', action='start')\nservice('b', service_name='a', action='enable')",
        "cron('a', command='x', minute=5)\ncron('b', command='x', minute=6, mailto='a')",
        "cron('a', command='x')\ncron('b', command='x', user='ann', action='delete')",
        f"authorized_key('ann', key={KEY!r})\nauthorized_key('b', user='ann', key={OTHER!r})",
        (
            f"authorized_key('ann', key={KEY!r}, key_options='restrict')\n"
            f"authorized_key('b', user='ann', key={KEY!r})"
        ),
        (
            f"authorized_key('ann', key={KEY!r}, key_options='restrict')\n"
            f"authorized_key('bob', key={KEY!r}, key_options='')"
        ),
        (
            f"authorized_key('ann', key={KEY!r}, exclusive=True)\n"
            f"authorized_key('b', user='ann', key={OTHER!r}, action='remove')"
        ),
    ],
)
def test_wishes_that_go_together_are_fine(compiled: Compile, recipe: str) -> None:
    assert len(compiled(recipe)) == recipe.count("\n") + 1


@pytest.mark.parametrize(
    "recipe",
    [
        "file('/a', become_user=1000)",
        "file('/a', become_user='1000')",
        "file('/a', become_user='#1000')",
        "cron('a', command='x', user=1000)",
        "cron('a', command='x', user='1000')",
        f"authorized_key('a', user=1000, key={KEY!r})",
        f"authorized_key('1000', key={KEY!r})",
    ],
)
def test_a_user_by_number_is_refused_where_a_name_is_needed(compiled: Compile, recipe: str) -> None:
    with pytest.raises(RecipeError, match=r"1000'? cannot be the name of a user") as refused:
        compiled(recipe)
    assert refused.value.hint == "a name, not a number: `getent passwd 1000` on the host shows it"


def test_a_user_by_number_is_fine_where_a_number_will_do(compiled: Compile) -> None:
    recipe = "file('/a', owner=1000, group='1000')\nexecute('x', user=1000, group=1000)"
    assert len(compiled(recipe)) == 2
