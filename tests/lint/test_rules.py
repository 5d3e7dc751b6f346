"""Each rule finds its own bad example, and nothing in its good one; what is mended is good."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from cookbook.errors import RecipeError
from cookbook.language.collection import Node
from cookbook.language.compiler import compile_recipes
from cookbook.lint.finding import LintRule
from cookbook.lint.linter import chosen, fix, lint, rules_page
from cookbook.lint.project import Project
from cookbook.lint.rules import RULES
from cookbook.script.facts import Facts

ROOT = Path(__file__).parents[2]
EXAMPLES = [rule for rule in RULES.values() if rule.bad]
HEADING = "from cookbook.recipe import *\nfrom cookbook.resources import *\n"


def codes(folder: Path, text: str, files: Sequence[tuple[str, str]] = ()) -> list[str]:
    (folder / "r.py").write_text(text)
    for name, content in files:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)
    inventory = folder / "hosts.yml"
    project = Project([folder], inventory if inventory.exists() else None)
    return [finding.code for finding in lint(project, chosen([], []))]


OF_EACH_RULE = pytest.mark.parametrize("rule", EXAMPLES, ids=lambda rule: rule.code)
IN_RECIPES = [rule for rule in EXAMPLES if rule.code not in ("CK501", "CK504")]


class TestExamples:
    @OF_EACH_RULE
    def test_the_bad_one_is_found(self, rule: LintRule, tmp_path: Path) -> None:
        assert rule.code in codes(tmp_path, rule.bad, rule.files)

    @OF_EACH_RULE
    def test_the_good_one_is_clean(self, rule: LintRule, tmp_path: Path) -> None:
        assert codes(tmp_path, rule.good, rule.files) == []

    @pytest.mark.parametrize("rule", IN_RECIPES, ids=lambda rule: rule.code)
    def test_a_comment_silences_it(self, rule: LintRule, tmp_path: Path) -> None:
        found = codes(tmp_path, rule.bad, rule.files)
        lines = [f"{one}  # noqa: {rule.code}" if one else "" for one in rule.bad.splitlines()]
        left = codes(tmp_path, "\n".join(lines), rule.files)
        assert left == [code for code in found if code != rule.code]


def compiled(folder: Path) -> list[str]:
    node = Node("web1", Facts(family="debian", distribution="debian", version="12"))
    return [str(one.resource) for one in compile_recipes([folder / "r.py"], node)]


@pytest.mark.parametrize(
    ("command", "declared"),
    [
        ("apt-get install -y nginx", "package[nginx]"),
        ("sudo apt-get -qq install nginx curl", "package[nginx curl]"),
        ("mkdir -p /srv/shop", "directory[/srv/shop]"),
        ("ln -sf /opt/a /usr/local/bin/a", "link[/usr/local/bin/a]"),
        ("/usr/sbin/useradd ann", "user[ann]"),
        ("groupadd ops", "group[ops]"),
        ("modprobe br_netfilter", "kernel_module[br_netfilter]"),
    ],
)
def test_a_simple_command_becomes_a_resource(tmp_path: Path, command: str, declared: str) -> None:
    (tmp_path / "r.py").write_text(
        f"from cookbook.resources import execute\n\nexecute({command!r})"
    )
    findings, mended = fix([tmp_path], None, chosen(["CK1"], []))
    assert (findings, mended) == ([], 1)
    assert compiled(tmp_path) == [declared]


@pytest.mark.parametrize(
    "text",
    [
        "execute('a', command='apt-get install -y nginx', not_if='which nginx')",
        "execute('apt-get install -y nginx && nginx')",
        "execute('apt-get install -y $NAMES')",
        "execute('apt-get install -y -t stable nginx')",
        "execute('mkdir -p /a')\nfile('/b', notifies=[delayed('run', 'execute[mkdir -p /a]')])",
        "x = execute('mkdir -p /srv/a')",
        "execute('mkdir -p relative')",
        "execute('useradd -m ann')",
        "execute('mkdir -p /a', user='ann')",
    ],
)
def test_what_says_more_is_left_to_a_person(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.py").write_text(HEADING + text)
    findings, mended = fix([tmp_path], None, chosen(["CK101"], []))
    assert mended == 0
    assert "CK101" in {finding.code for finding in findings}
    assert (tmp_path / "r.py").read_text() == HEADING + text


def test_a_mended_recipe_keeps_its_other_bytes(tmp_path: Path) -> None:
    before = (
        "# Grüße\r\nfrom cookbook.resources import execute, file\r\n\r\n"
        "file('/ä', content='é', mode=640)\r\nexecute('mkdir -p /srv/ü', retries=2)  # ö\r\n"
    )
    (tmp_path / "r.py").write_bytes(before.encode())
    _, mended = fix([tmp_path], None, chosen(["CK101", "CK201"], []))
    assert mended == 2
    assert (tmp_path / "r.py").read_bytes().decode() == before.replace(
        "import execute, file", "import directory, execute, file"
    ).replace("mode=640", 'mode="0640"').replace(
        "execute('mkdir -p /srv/ü', retries=2)", 'directory("/srv/ü", recursive=True, retries=2)'
    )


CASES = {
    "CK101": (
        "execute('a', command=['systemctl', 'restart', 'x'], creates='/x')",
        "execute('a', command=f'/usr/bin/tar xf {node.name}', creates='/x')",
        "execute('a', command='cd /srv; FOO=1 sudo -u ann pip install x', creates='/x')",
        "execute('a', command='echo hi >>/etc/x', creates='/x')",
        "execute('a', command='sed -i s/a/b/ /etc/x', not_if='true')",
        "execute('a', command='python3 -m venv /srv/v', creates='/srv/v')",
    ),
    "CK103": (
        "execute('a', command='x ' + node.vars['a'], creates='/x')",
        "execute('a', command='x %s' % node.name, creates='/x')",
        "execute('a', command='x {}'.format(node.name), creates='/x')",
        "execute(f'x {node.name}', creates='/x')",
        "package('a', only_if=f'test -e {node.vars[\"p\"]}')",
        "P = 'a b'\nexecute('a', command=f'x {P}', creates='/x')",
    ),
    "CK201": ("directory('/a', mode=755)", "file('/a', mode=4755)"),
    "CK202": (
        "KEY = '-----BEGIN OPENSSH PRIVATE KEY-----\\nx'",
        "git('/a', repository='https://ann:hunter2@git.example/a')",
        "template('/a', variables={'db_password': 'hunter2'})",
        "execute('a', command='/a', creates='/x', environment={'TOKEN': 'abcdef'})",
    ),
    "CK302": (
        "NAME = 'jq'\npackage(NAME)\npackage('jq')",
        "if node.name:\n    package('jq')\n    package('jq')",
    ),
    "CK401": (
        "file('/a', content=open('/etc/a').read())",
        "import os.path\nif os.path.exists('/a'):\n    package('a')",
        "from pathlib import Path\nfile('/a', content=Path('/b').read_text())",
        "from datetime import datetime as d\nfile('/a', content=str(d.now()))",
        "import subprocess as s\nfile('/a', content=s.check_output('x'))",
        "from random import choice\nfile('/a', content=choice('ab'))",
    ),
}
CLEAN = (
    "execute('a', command='systemctl is-active x', creates='/x')",
    "execute('a', command='curl -fsS http://localhost/', action='nothing')",
    "execute('a', command='grep -q x /etc/x >/dev/null 2>&1', creates='/x')",
    "P = '/srv/app'\nexecute('a', command=f'{P}/run', creates=f'{P}/done')",
    "import shlex\nexecute('a', command=f'x {shlex.quote(node.name)}', creates='/x')",
    "file('/a', content='', mode=0o644)",
    "user('ann', password='$y$j9T$abc')",
    "template('/a', content=None, **{'variables': {}}) if False else None",
    "authorized_key('a', user='ann', key='ssh-ed25519 AAAA')",
    "if node.name:\n    package('jq')\nelse:\n    package('jq', action='remove')",
    "for n in 'ab':\n    service(n)\nfile('/a', notifies=[delayed('restart', f'service[{n}]')])",
    "for n in 'ab':\n    service(n)\nfile('/a', notifies=[delayed('restart', 'service[a]')])",
    "def open(x): return x\nfile('/a', content=open('b'))",
    "from datetime import timedelta\nfile('/a', content=str(timedelta(1)))",
    "service('a', action=['enable', 'start'])",
)


@pytest.mark.parametrize(
    ("code", "text"), [(code, text) for code, texts in CASES.items() for text in texts]
)
def test_it_is_found(tmp_path: Path, code: str, text: str) -> None:
    assert code in codes(tmp_path, HEADING + text)


@pytest.mark.parametrize("text", CLEAN)
def test_it_is_no_finding(tmp_path: Path, text: str) -> None:
    assert codes(tmp_path, HEADING + text) == []


def test_a_module_that_is_imported_may_notify_what_its_recipe_declares(tmp_path: Path) -> None:
    (tmp_path / "role.py").write_text(
        f"{HEADING}file('/a', notifies=[delayed('restart', 'service[a]')])"
    )
    assert codes(tmp_path, f"{HEADING}import role\nservice('a')") == []


def test_each_missing_variable_of_a_template_is_a_finding(tmp_path: Path) -> None:
    files = (("templates/a.j2", "{{ x }}{{ y }}"),)
    assert codes(tmp_path, f"{HEADING}template('/etc/a')", files) == ["CK503", "CK503"]


def test_templates_that_are_included_are_used(tmp_path: Path) -> None:
    files = (
        ("templates/a.j2", "{% include 'b.j2' %}{{ x }}"),
        ("templates/b.j2", "{{ y }}"),
        ("templates/c.j2", ""),
    )
    assert codes(tmp_path, f"{HEADING}template('/etc/a', variables={{'y': 1}})", files) == ["CK501"]


def test_the_samples_are_clean() -> None:
    project = Project([ROOT / "sample_cookbooks"])
    assert len(project.recipes) > 8
    assert lint(project, chosen([], [])) == []


def test_findings_are_what_the_compiler_refuses(tmp_path: Path) -> None:
    """The rules that say so in their documentation are right."""
    for rule in EXAMPLES:
        if "cook refuses it when the recipe is compiled" in rule.why:
            (folder := tmp_path / rule.code).mkdir()
            codes(folder, rule.bad, rule.files)
            with pytest.raises(RecipeError):
                compiled(folder)


def test_the_page_of_the_rules_is_what_the_rules_say() -> None:
    assert (ROOT / "docs/lint.md").read_text().endswith("\n".join(rules_page()))


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("dnf -y install nginx", "dnf_package"),
        ("yum remove nginx", "dnf_package"),
        ("yum-config-manager --add-repo http://example.org/a.repo", "yum_repository"),
        ("zypper -n in nginx", "zypper_package"),
        ("zypper ar http://example.org/a a", "zypper_repository"),
        ("semanage fcontext -a -t httpd_sys_content_t /srv/www", "selinux_fcontext"),
        ("aa-enforce /etc/apparmor.d/usr.sbin.ntpd", "apparmor_profile"),
    ],
)
def test_a_command_with_a_type_of_its_own_is_found(tmp_path: Path, command: str, kind: str) -> None:
    (tmp_path / "r.py").write_text(
        f"from cookbook.resources import execute\n\nexecute({command!r}, creates='/x')"
    )
    [found], _ = fix([tmp_path], None, chosen(["CK1"], []))
    assert f": {kind})" in found.message


class TestPartsOfAProject:
    """What no recipe uses is judged by all recipes, whichever are named: a hook names some."""

    def test_a_file_that_another_recipe_uses(self, tmp_path: Path) -> None:
        (tmp_path / "templates").mkdir()
        for name in ("a", "b", "c"):
            (tmp_path / f"templates/{name}.j2").touch()
        (tmp_path / "roles").mkdir()
        (tmp_path / "a.py").write_text(f"{HEADING}import roles.b\ntemplate('/a')")
        (tmp_path / "roles/b.py").write_text(f"{HEADING}template('/b')")

        found = lint(Project([tmp_path / "a.py"]), chosen(["CK501"], []))

        assert [one.path.name for one in found] == ["c.j2"]

    def test_a_variable_that_another_recipe_uses(self, tmp_path: Path) -> None:
        hosts = tmp_path / "hosts.yml"
        hosts.write_text("hosts: {h: {vars: {one: 1, two: 2, three: 3}}}")
        for name, text in (("web", "one"), ("db", "two")):
            (tmp_path / name).mkdir()
            (tmp_path / name / "site.py").write_text(f"{HEADING}print(node.vars['{text}'])")

        found = lint(Project([tmp_path / "web/site.py"], hosts), chosen(["CK504"], []))

        assert [one.message for one in found] == ["no recipe uses the variable 'three'"]


def test_a_file_with_several_names_is_mended_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The edits of each name were made one after the other, at places that were no more."""
    monkeypatch.chdir(tmp_path)
    Path("r.py").write_text(f"{HEADING}execute('apt-get install -y nginx')\n")
    Path("link.py").symlink_to("r.py")
    Path("hard.py").hardlink_to("r.py")
    names = [Path(), Path("r.py"), tmp_path / "r.py"]

    assert len(lint(Project(names), chosen(["CK101"], []))) == 3
    assert fix(names, None, chosen(["CK101"], [])) == ([], 1)
    assert compiled(tmp_path) == ["package[nginx]"]
    assert Path("link.py").is_symlink()
