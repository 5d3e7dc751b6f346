"""Plays of Ansible: what counts for the play, for its tasks, and for its roles."""

from __future__ import annotations

from pathlib import Path

import pytest

from cookbook.convert.convert import convert
from cookbook.convert.report import ConvertReport
from tests.convert.test_ansible_tasks import flat, uncommented
from tests.convert.test_hostile_sources import write

ROLE = {
    "roles/app/tasks/main.yml": "- package: {name: '{{ editor | default(\"vi\") }}'}\n",
    "roles/app/handlers/main.yml": "- name: again\n  service: {name: app, state: restarted}\n",
}


def converted(tmp_path: Path, play: str) -> tuple[str, ConvertReport]:
    """Return the recipes of a playbook and its roles, and the account."""
    write(tmp_path, {"web.yml": play, **ROLE})
    folder, report = convert(tmp_path / "web.yml", tmp_path / "out")
    role = folder / "roles/app/__init__.py"
    return (folder / "web.py").read_text() + (role.read_text() if role.exists() else ""), report


@pytest.mark.parametrize(
    ("keyword", "says"),
    [
        ("connection: local", "connection: local (transport of hosts.yml)"),
        ("remote_user: ann", "remote_user: ann (user of hosts.yml)"),
        ("become: no", "become: False (the user of the login"),
        ("serial: 2", "serial: 2 (rollout.yml"),
        ("force_handlers: yes", "force_handlers: True (no counterpart of the keyword force_handl"),
        ("vars: [{a: 1}]", "(it is no mapping)"),
        ("roles: 1", "roles: 1 (it is no list)"),
        ("handlers: {a: 1}", "(it is no list)"),
    ],
)
def test_what_a_play_says_of_its_hosts_is_a_todo(tmp_path: Path, keyword: str, says: str) -> None:
    task = "  tasks:\n    - package: {name: jq}\n"
    source, report = converted(tmp_path, f"- hosts: a\n  {keyword}\n{task}")
    assert says in flat(source)
    assert 'package("jq")' in source
    assert (report.total.translated, report.total.with_todo) == (1, 1)


@pytest.mark.parametrize("keyword", ["become: yes", "gather_facts: no", "strategy: free", "vars:"])
def test_what_needs_no_counterpart(tmp_path: Path, keyword: str) -> None:
    _, report = converted(tmp_path, f"- hosts: a\n  {keyword}\n")
    assert not report.todos


def test_what_a_play_says_of_its_tasks_counts_for_tasks_handlers_and_roles(tmp_path: Path) -> None:
    play = """\
- hosts: a
  become_user: app
  no_log: yes
  tags: web
  roles: [app]
  tasks:
    - package: {name: jq}
      notify: reload
    - package: {name: tree}
      become_user: root
  handlers:
    - name: reload
      service: {name: web, state: reloaded}
"""
    source, report = converted(tmp_path, play)
    assert not report.todos
    assert "    import roles.app" in source
    assert 'package("tree", sensitive=True)' in source
    assert 'service("web", become_user="app", sensitive=True)' in source
    assert 'service("app", become_user="app", sensitive=True)' in source
    assert source.count('become_user="app"') == 4
    assert 'with tagged("web"):' in source


def test_what_a_play_refuses_for_its_tasks(tmp_path: Path) -> None:
    play = "- hosts: a\n  run_once: yes\n  roles: [app]\n  tasks:\n    - package: {name: jq}\n"
    source, report = converted(tmp_path, play)
    assert "package(" not in uncommented(source)
    assert report.total.with_todo == 3  # the handler of the role is one, too


@pytest.mark.parametrize("tags", ["never", "[never, web]"])
def test_what_runs_only_if_it_is_asked_for(tmp_path: Path, tags: str) -> None:
    task = "  tasks: [{package: {name: jq}}]\n"
    play = f"- hosts: a\n  tags: {tags}\n  roles: [app]\n{task}"
    source, report = converted(tmp_path, play)
    assert "import roles" not in source
    assert "package(" not in uncommented(source)
    assert report.total.with_todo == 2


def test_a_role_that_runs_only_if_it_is_asked_for(tmp_path: Path) -> None:
    play = "- hosts: a\n  roles: [{role: app, tags: never}]\n"
    source, report = converted(tmp_path, play)
    assert "import roles" not in source
    assert report.total.with_todo == 1


def test_the_tags_of_a_role(tmp_path: Path) -> None:
    source, report = converted(tmp_path, "- hosts: a\n  roles: [{role: app, tags: [x, always]}]\n")
    assert 'with tagged("x"):\n    import roles.app' in source
    assert not report.todos


def test_a_role_does_not_see_the_variables_of_the_play(tmp_path: Path) -> None:
    source, report = converted(tmp_path, "- hosts: a\n  vars: {editor: vim}\n  roles: [app]\n")
    assert "put editor of the play into hosts.yml" in flat(source)
    assert report.total.with_todo == 1
    assert "import roles" not in source
