"""Tasks of Ansible as declarations: cases as data, and the tables against the real types."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from cookbook.convert.ansible import modules
from cookbook.convert.ansible.files import converted
from cookbook.convert.ansible.role import Role
from cookbook.convert.chef import resources
from cookbook.convert.declarations import TITLES, kind_of, properties
from cookbook.convert.report import ConvertReport
from tests.data import read_yaml

CASES = read_yaml(Path(__file__).with_name("ansible_tasks.yml"))
EVERY = {*properties("execute")}


def body_of(source: str) -> str:
    """Return the statements of a recipe below its imports and variables."""
    tree = ast.parse(source)
    first = next(
        (
            n
            for n in tree.body
            if not isinstance(n, ast.Import | ast.ImportFrom | ast.Assign)
            and not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant))
        ),
        None,
    )
    lines = source.split("\n")
    if first is None:
        return "\n".join(line for line in lines if line.startswith("#"))
    start = first.lineno - 1
    while lines[start - 1].startswith("#"):
        start -= 1
    return "\n".join(lines[start:])


def flat(text: str) -> str:
    """Return the text of a comment on one line, as it was before it was wrapped."""
    return " ".join(" ".join(line.strip().removeprefix("#") for line in text.split("\n")).split())


def uncommented(source: str) -> str:
    """Return the lines of a recipe that are no comments."""
    return "\n".join(line for line in source.split("\n") if not line.strip().startswith("#"))


@pytest.mark.parametrize("case", CASES, ids=[case["it"] for case in CASES])
def test_tasks_become_declarations(case: Any, tmp_path: Path) -> None:
    for part in ("tasks", "handlers", "defaults"):
        if part in case:
            (tmp_path / part).mkdir()
            (tmp_path / part / "main.yml").write_text(case[part])
    if "more" in case:
        (tmp_path / "tasks/more.yml").write_text(case["more"])
    report = ConvertReport("role")
    source = Role(tmp_path, "A role.", report).convert()
    if "recipe" in case:
        assert body_of(source).strip() == case["recipe"].strip()
        assert report.total.with_todo == 0
        assert not report.todos
    elif "todo" not in case:
        assert not report.todos
    else:
        assert case["todo"] in flat(source)
        assert report.todos
        assert report.total.with_todo == case.get("counts", 1)
    assert case.get("with", "") in source
    assert case.get("without", "(absent)") not in uncommented(source)
    compile(source, "recipe.py", "exec")


KEYWORDS = [
    "any_errors_fatal: yes",
    "args: x",
    "async: 100",
    "become: no",
    "become: '{{ x }}'",
    "become_flags: -H",
    "become_method: su",
    "check_mode: yes",
    "connection: local",
    "delegate_to: localhost",
    "environment: {HTTP_PROXY: x}",
    "ignore_unreachable: yes",
    "module_defaults: {file: {mode: '0600'}}",
    "no_such: 1",
    "port: 2222",
    "remote_user: ann",
    "run_once: yes",
    "tags: '{{ x }}'",
    "throttle: 1",
    "timeout: 5",
    "with_inventory_hostnames: all",
    "with_sequence: count=3",
]
"""Keywords that change what a task does, and have no counterpart."""

PLACES = {
    "tasks": "- package: {{name: jq}}\n  {}\n",
    "blocks": "- block:\n    - package: {{name: jq}}\n  {}\n",
    "imports": "- import_tasks: more.yml\n  {}\n",
    "includes": "- include_tasks: more.yml\n  {}\n",
    "applied": "- include_tasks:\n    file: more.yml\n    apply:\n      {}\n",
    "facts": "- set_fact: {{a: 1}}\n  {}\n",
    "stops": "- fail: {{msg: x}}\n  {}\n",
    "handlers": "- package: {{name: jq}}\n  {}\n",
}
NO_EFFECT = {
    ("facts", "environment"),
    ("handlers", "tags"),
    ("stops", "delegate_to"),
    ("stops", "environment"),
    ("stops", "run_once"),
}
"""Places where a keyword changes nothing, for Ansible neither."""


def keywords_in(*, effect: bool) -> list[tuple[str, str]]:
    """Return places with keywords that have an effect there, or none."""
    pairs = [(place, keyword) for place in PLACES for keyword in KEYWORDS]
    return [one for one in pairs if effect != ((one[0], one[1].partition(":")[0]) in NO_EFFECT)]


def converted_with(keyword: str, place: str, root: Path) -> tuple[ConvertReport, str]:
    """Return the report and the source of a role with a task that has a keyword."""
    kind = place if place == "handlers" else "tasks"
    (root / "tasks").mkdir()
    (root / kind).mkdir(exist_ok=True)
    (root / kind / "main.yml").write_text(PLACES[place].format(keyword))
    (root / "tasks/more.yml").write_text("- package: {name: tree}\n")
    report = ConvertReport("role")
    return report, Role(root, "A role.", report).convert()


@pytest.mark.parametrize(("place", "keyword"), keywords_in(effect=True))
def test_no_keyword_is_dropped(keyword: str, place: str, tmp_path: Path) -> None:
    report, source = converted_with(keyword, place, tmp_path)
    assert (report.total.translated, report.total.with_todo) == (0, 1)
    assert len(report.todos) == 1
    assert not {"package(", "raise ", "a = 1"} & set(uncommented(source).split("\n"))


@pytest.mark.parametrize(("place", "keyword"), keywords_in(effect=False))
def test_a_keyword_without_effect_needs_no_comment(
    keyword: str, place: str, tmp_path: Path
) -> None:
    report, _ = converted_with(keyword, place, tmp_path)
    assert (report.total.translated, report.total.with_todo) == (1, 0)
    assert report.todos == []


@pytest.mark.parametrize("name", modules.MODULES)
def test_each_property_of_the_table_exists(name: str) -> None:
    module = modules.MODULES[name]
    known = properties(module.type)
    assert {*module.properties.values(), *module.fixed} <= known.keys()
    for action in module.actions.values():
        actions = [action] if isinstance(action, str) else action
        assert {*actions} <= kind_of(module.type).actions(), name


def test_each_action_of_packages_and_services_exists() -> None:
    assert {*modules.PACKAGE_STATES.values()} <= kind_of("package").actions()
    assert {*modules.SERVICE_STATES.values()} <= kind_of("service").actions()


def test_each_title_exists() -> None:
    for kind, word in TITLES.items():
        assert not word or word in properties(kind), kind


def test_each_type_of_chef_exists() -> None:
    for kind in resources.TYPES.values():
        kind_of(kind)
    for kind, names in resources.PROPERTIES.items():
        assert {word for word in names.values() if word} <= properties(kind).keys()


@pytest.mark.parametrize(
    ("given", "becomes"),
    [
        ("{{ ansible_managed }}", "Managed by cook"),
        ("{{ ansible_managed | comment }}", "# Managed by cook"),
        ("{{ ansible_managed|comment('c') }}", "// Managed by cook"),
        ('{{ ansible_managed | comment("xml") }}', "<!--\n - Managed by cook\n-->"),
        ("{{ ansible_managed | comment('cblock') }}", "/*\n * Managed by cook\n */"),
        ("{{ ansible_managed | comment('erlang') }}", "% Managed by cook"),
        ("{{ ansible_managed | comment(decoration='; ') }}", "; Managed by cook"),
        (
            "{{ ansible_managed | comment('plain', prefix='x') }}",
            "{{ ansible_managed | comment('plain', prefix='x') }}",
        ),
    ],
)
def test_the_header_is_a_comment_of_the_style_that_the_template_names(
    given: str, becomes: str
) -> None:
    assert converted(f"{given}\na\n") == f"{becomes}\na\n"


def test_files_of_variables_that_a_condition_excludes_are_left_out(tmp_path: Path) -> None:
    for part in ("tasks", "vars", "templates"):
        (tmp_path / part).mkdir()
    (tmp_path / "tasks/main.yml").write_text(
        "- include_vars: '{{ ansible_distribution }}-{{ ansible_distribution_release }}.yml'\n"
        "  when: ansible_distribution == 'Debian' and ansible_distribution_release == 'buster'\n"
        "- package: {name: '{{ app }}'}\n"
    )
    (tmp_path / "vars/Debian-buster.yml").write_text("app: a\n")
    (tmp_path / "vars/Debian-bullseye.yml").write_text("app: b\n")
    source = Role(tmp_path, "A role.", ConvertReport("role")).convert()
    lines = [line for line in source.split("\n") if line.startswith(("if ", "    app"))]
    assert lines == [
        'if node.facts.distribution == "debian" and node.facts.codename == "buster":',
        '    app = "a"',
    ]


def test_the_account_names_files_of_tasks_that_were_not_read(tmp_path: Path) -> None:
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks/main.yml").write_text(
        "- include_tasks: each.yml\n  loop: [1]\n- include_tasks: once.yml\n"
    )
    (tmp_path / "tasks/each.yml").write_text("- package: {name: jq}\n")
    (tmp_path / "tasks/once.yml").write_text("- package: {name: tree}\n")
    report = ConvertReport("role")
    Role(tmp_path, "A role.", report).convert()
    assert report.unread == ["tasks/each.yml"]
    assert report.as_text().endswith(
        "Not read, and not counted: no task that was translated includes\n  tasks/each.yml\n"
    )
    assert '"unread": [\n    "tasks/each.yml"\n  ]' in report.as_json()


def test_a_handler_with_a_name_that_a_task_sets_is_known_where_it_is_notified(
    tmp_path: Path,
) -> None:
    for part in ("tasks", "handlers", "vars", "defaults"):
        (tmp_path / part).mkdir()
    (tmp_path / "defaults/main.yml").write_text("managed: true\nwith_app: true\n")
    (tmp_path / "vars/Debian.yml").write_text("app: app-debian\n")
    (tmp_path / "handlers/main.yml").write_text(
        "- name: restart\n  service: {name: '{{ app }}', state: restarted}\n  when: managed\n"
    )
    (tmp_path / "tasks/main.yml").write_text("- include_tasks: more.yml\n  when: with_app\n")
    (tmp_path / "tasks/more.yml").write_text(
        "- include_vars: '{{ ansible_os_family }}.yml'\n- package: {name: jq}\n  notify: restart\n"
    )
    source = Role(tmp_path, "A role.", ConvertReport("role")).convert()
    assert '*([delayed("restart", f"service[{app}]")] if managed else [])' in source
    assert source.index('app = "app-debian"') < source.index('"restart"')
