"""Unit tests of recipes: the function, the fixture, snapshots, coverage."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from cookbook.errors import RecipeError, SecretError, UsageError
from cookbook.recipe import delayed
from cookbook.testing import DEBIAN_11, DEBIAN_12, DEBIAN_13, compiled, released_facts

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "sample_cookbooks"
RECIPE = """\
from cookbook.recipe import barrier, delayed, hosts, node, secret
from cookbook.resources import file, package, service, template, user

package("nginx", version="1.27" if node.facts.version == "13" else None)
template("/etc/app.conf", variables={"port": node.vars.get("port", 80)},
         notifies=[delayed("restart", "service[nginx]")])
user("ann", password=secret("ann"))
if node.feature("motd"):
    file("/etc/motd", content=f"{node.name} {node.environment} {list(node.groups)}\\n")
service("nginx", action=["enable", "start"], subscribes=[delayed("reload", "package[nginx]")])
"""
OTHERS = """\
from cookbook.recipe import hosts, node
from cookbook.resources import file

names = " ".join(f"{one.name}={one.facts.version}" for one in hosts(group="db"))
file("/etc/db", content=f"{names} {node.vars['shop']}")
"""
HOSTS = """\
hosts: {web1: {vars: {shop: 1}}, db1: {}, db2: {}}
groups: {db: {hosts: [db1, db2]}}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/app.conf.j2").write_text("port {{ port }}\non {{ node.name }}\n")
    (tmp_path / "r.py").write_text(RECIPE)
    return tmp_path / "r.py"


def test_properties_templates_and_notices(recipe: Path) -> None:
    plan = compiled(recipe, vars={"port": 8080}, secrets={"ann": "x"})
    assert plan.identities == [
        "package[nginx]",
        "template[/etc/app.conf]",
        "user[ann]",
        "service[nginx]",
    ]
    assert plan["template[/etc/app.conf]"].content == "port 8080\non web1\n"
    assert plan["service[nginx]"].action == ["enable", "start"]
    assert plan.notices("template[/etc/app.conf]") == [delayed("restart", "service[nginx]")]
    assert plan.notices("package[nginx]") == [delayed("reload", "service[nginx]")]
    assert plan.where("user[ann]").endswith("r.py:7")
    assert "file[/etc/motd]" not in plan
    assert [one.name for one in plan.of("service")] == ["nginx"]


def test_facts_features_and_the_host(recipe: Path) -> None:
    assert compiled(recipe)["package[nginx]"].version is None
    assert compiled(recipe, facts=DEBIAN_13)["package[nginx]"].version == "1.27"
    plan = compiled(recipe, name="a", groups=["x"], environment="stage", features=["motd"])
    assert plan["file[/etc/motd]"].content == "a stage ['x']\n"


def test_an_unknown_resource_is_told_with_the_nearest(recipe: Path) -> None:
    with pytest.raises(KeyError, match=r"service\[ngnix\] is not declared.*service\[nginx\]"):
        compiled(recipe)["service[ngnix]"]


def test_secrets(recipe: Path) -> None:
    assert compiled(recipe)["user[ann]"].password == "secret ann"
    with pytest.raises(SecretError, match="there is no secret 'ann'"):
        compiled(recipe, secrets={"anna": ""})


def test_what_the_compiler_refuses_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "r.py").write_text("from cookbook.resources import file\nfile('x')\n")
    with pytest.raises(RecipeError, match=r"r.py:2"):
        compiled(tmp_path / "r.py")


def test_an_inventory_and_other_hosts(tmp_path: Path) -> None:
    (tmp_path / "r.py").write_text(OTHERS)
    (tmp_path / "hosts.yml").write_text(HOSTS)
    plan = compiled(tmp_path / "r.py", hosts=tmp_path / "hosts.yml", other_facts={"db2": DEBIAN_11})
    assert plan["file[/etc/db]"].content == "db1=12 db2=11 1"
    with pytest.raises(UsageError, match="web9 is no host"):
        compiled(tmp_path / "r.py", hosts={"hosts": {"web1": {}}}, name="web9")


def test_the_text_hides_secrets(recipe: Path) -> None:
    assert compiled(recipe, secrets={"ann": "hunter2"}).text == dedent(
        """\
        package[nginx]
          notifies: delayed("reload", "service[nginx]")
        template[/etc/app.conf]
          notifies: delayed("restart", "service[nginx]")
          content:
            | port 80
            | on web1
          source: '/'
          variables: {'port': 80}
        user[ann]
          password: (secret)
        service[nginx]
          action: ['enable', 'start']
        """
    )


@pytest.mark.parametrize("version", ["11", "12", "13"])
def test_facts_of_releases(version: str) -> None:
    facts = released_facts(f"debian-{version}")
    assert (facts.distribution, facts.version) == ("debian", version)
    assert {"apt-get", "systemctl", "nft"} <= facts.tools
    assert {DEBIAN_11.version, DEBIAN_12.version, DEBIAN_13.version} == {"11", "12", "13"}


def test_facts_that_are_not_here() -> None:
    with pytest.raises(UsageError, match="no facts of 'debian-10'"):
        released_facts("debian-10")


TESTS = """
from cookbook.testing import DEBIAN_12

def test_port(cook_plan):
    plan = cook_plan("r.py", facts=DEBIAN_12, vars={"port": 1})
    assert "port 1" in plan["template[/etc/app.conf]"].content
    assert "user[ann]" in plan

def test_all(cook_plan, cook_snapshot):
    cook_snapshot(cook_plan("r.py"), "all")
"""


@pytest.mark.slow
def test_the_plugin_finds_recipes_above_the_tests(pytester: pytest.Pytester, recipe: Path) -> None:
    for path in recipe.parent.rglob("*.*"):
        (there := pytester.path / path.relative_to(recipe.parent)).parent.mkdir(exist_ok=True)
        there.write_bytes(path.read_bytes())
    (pytester.path / "tests").mkdir()
    (pytester.path / "tests/test_r.py").write_text(TESTS)
    (pytester.path / "pytest.ini").write_text(
        "[pytest]\naddopts = -p cookbook.testing.pytest_plugin\n"
    )

    done = pytester.runpytest_subprocess("--cook-coverage", "-k", "port")
    done.assert_outcomes(passed=1, deselected=1)
    done.stdout.fnmatch_lines(
        [
            "Resources: 4 declared, 2 looked at (50 %).",
            "  r.py:4: package[[]nginx]",
            "  r.py:10: service[[]nginx]",
        ]
    )
    missing = pytester.runpytest_subprocess("-k", "all")
    missing.assert_outcomes(failed=1, deselected=1)
    missing.stdout.fnmatch_lines(["*pytest --cook-update-snapshots writes it"])
    pytester.runpytest_subprocess("--cook-update-snapshots").assert_outcomes(passed=2)
    pytester.runpytest_subprocess("--cook-coverage").assert_outcomes(passed=2)

    text = (pytester.path / "templates/app.conf.j2").read_text()
    (pytester.path / "templates/app.conf.j2").write_text(text.replace("on", "at"))
    differing = pytester.runpytest_subprocess("-k", "all")
    differing.assert_outcomes(failed=1, deselected=1)
    differing.stdout.fnmatch_lines(["*-    | on web1", "*+    | at web1"])


SAME_NAMES = """
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
import common

class TestOne:
    def test_own(self, cook_plan, cook_snapshot):
        plan = cook_plan("site.py")
        assert plan["file[/x]"].content == "OWN"
        assert sys.modules["common"] is common
        cook_snapshot(plan)

class TestTwo:
    def test_own(self, cook_plan, cook_snapshot):
        plan = cook_plan("../OTHER/site.py")
        assert plan["file[/x]"].content == "OTHER"
        cook_snapshot(plan)
"""


@pytest.mark.slow
def test_recipes_and_tests_of_the_same_names_are_told_apart(pytester: pytest.Pytester) -> None:
    """A recipe has the modules beside it, whichever a test has imported; a class has snapshots."""
    for name, other in (("web", "db"), ("db", "web")):
        (folder := pytester.path / name / "tests").mkdir(parents=True)
        text = SAME_NAMES.replace("OWN", name).replace("OTHER", other)
        (folder / "test_site.py").write_text(text)
        (folder.parent / "common.py").write_text(f"NAME = {name!r}\n")
        (folder.parent / "site.py").write_text(
            "from common import NAME\nfrom cookbook.resources import file\nfile('/x', content=NAME)"
        )
    (pytester.path / "pytest.ini").write_text(
        "[pytest]\naddopts = -p cookbook.testing.pytest_plugin --import-mode=importlib\n"
    )

    pytester.runpytest_subprocess("--cook-update-snapshots").assert_outcomes(passed=4)
    pytester.runpytest_subprocess().assert_outcomes(passed=4)


TWO_SNAPSHOTS = """
def test_two(cook_plan, cook_snapshot):
    cook_snapshot(cook_plan("r.py", vars={"port": 1}))
    cook_snapshot(cook_plan("r.py", vars={"port": 2}))

def test_elsewhere(cook_plan):
    cook_plan("elsewhere.py")
"""


@pytest.mark.slow
def test_a_snapshot_is_of_one_plan_and_a_recipe_of_the_project(
    pytester: pytest.Pytester, recipe: Path, tmp_path: Path
) -> None:
    """A recipe of that name in the current folder is not what a test means."""
    (project := tmp_path / "project/tests").mkdir(parents=True)
    (project / "test_it.py").write_text(TWO_SNAPSHOTS)
    (project / "r.py").symlink_to(recipe)
    (pytester.path / "elsewhere.py").touch()
    (project.parent / "pytest.ini").write_text(
        "[pytest]\naddopts = -p cookbook.testing.pytest_plugin\n"
    )

    done = pytester.runpytest_subprocess("--cook-update-snapshots", project)
    done.assert_outcomes(failed=2)
    done.stdout.fnmatch_lines(["*test_it-test_two.txt has another plan of these tests: tell *"])
    done.stdout.fnmatch_lines(["*project/tests/elsewhere.py: No such file*"])


@pytest.mark.parametrize("name", ["webserver", "baseline", "database"])
def test_the_samples_can_be_tested_so(name: str) -> None:
    assert len(compiled(SAMPLES / name / f"{name}.py")) > 4
