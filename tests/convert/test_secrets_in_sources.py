"""Passwords in sources: none comes into what is written, and each has a name in the store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cookbook.convert.convert import convert
from tests.convert.test_ansible_tasks import flat
from tests.convert.test_hostile_sources import everything, write

NESTED = """\
db: {host: a, user: {name: ann, password: geheim1}}
accounts:
  - {name: ann, api_key: geheim2}
  - {name: bob, api_key: "{{ other | default('geheim3') }}"}
root_pass: geheim4
url: https://ann:geheim5@example.com/
names: [password, token]
hash: $6$geheim6$abcdefgh
key_file: /etc/ssl/private/key.pem
ssl_private_key: /etc/ssl/private/key.pem
cert: |
  -----BEGIN RSA PRIVATE KEY-----
  geheim7
  -----END RSA PRIVATE KEY-----
"""
TASKS = """\
- user: {name: ann, password: geheim, state: present}
- user: name=ann password=geheim
- name: secret of all
  no_such_module: {anything: geheim}
  no_log: yes
- mysql_user: {name: ann, password: "geheim"}
- subversion:
    repo: https://a/b
    dest: /srv/b
    password: geheim
- shell: mysql --password=geheim
- copy: {dest: /etc/app, content: "user=ann\\npassword=geheim"}
- copy: {dest: /etc/app, content: "user={{ x }}\\npassword=geheim"}
- command: /opt/x
  environment: {DB_PASSWORD: geheim}
- set_fact: {db_password: geheim}
- debug: {msg: "password: geheim"}
- htpasswd: {path: /etc/h, name: a, password: "{{ pw }}"}
  vars: {pw: geheim, password: geheim}
"""

NO_LOG = """\
- name: own
  command: x geheim
  no_log: true
  delegate_to: other
- block:
    - name: of a block
      command: x geheim
      delegate_to: other
  no_log: true
- tags: never
  block:
    - name: in a block that is a comment
      command: x geheim
      no_log: true
- name: a question
  command: x geheim
  register: out
  changed_when: false
  no_log: true
- name: after it
  command: x
  delegate_to: other
  when: out.rc != 0
- debug: {msg: geheim}
  no_log: "{{ hide }}"
- name: a parameter
  copy: {content: geheim, dest: /x, no_such: 1}
  no_log: true
"""
"""Tasks that nothing marks as secret but `no_log`, and that are only comments in a recipe."""


@pytest.mark.parametrize("kind", ["defaults", "vars"])
def test_no_secret_of_a_variable_is_written(kind: str, tmp_path: Path) -> None:
    role = write(tmp_path / "web", {"tasks/main.yml": "", f"{kind}/main.yml": NESTED})
    folder, report = convert(role, tmp_path / "out")
    assert "geheim" not in everything(folder)
    assert "geheim" not in report.as_json()
    source = (folder / "web.py").read_text()
    for name in ["db_user_password", "accounts_1_api_key", "accounts_2_api_key", "root_pass"]:
        assert f'secret("{name}")' in source
        assert f"`cook secret set {name}`" in flat(source)
    assert '"host": "a"' in source
    assert "/etc/ssl/private/key.pem" in source
    assert '["password", "token"]' in source
    compile(source, "web.py", "exec")


def test_no_secret_of_a_task_is_written(tmp_path: Path) -> None:
    role = write(tmp_path / "web", {"tasks/main.yml": TASKS.replace("pw: geheim, ", "")})
    folder, report = convert(role, tmp_path / "out")
    assert "geheim" not in everything(folder)
    assert "geheim" not in report.as_json()
    todos = json.loads(report.as_json())["todos"]
    assert len(todos) == report.total.with_todo == 11


def test_no_secret_of_a_cookbook_is_written(tmp_path: Path) -> None:
    recipe = """\
default['app']['token'] = 'geheim'
secret_key = 'geheim'
template '/etc/x' do
  password 'geheim'
end
execute 'x' do
  command 'x'
  environment({ 'API_TOKEN' => 'geheim' })
end
"""
    attributes = "default['db']['root']['password'] = 'geheim'\ndefault['db']['port'] = 1\n"
    files = {"recipes/default.rb": recipe, "attributes/default.rb": attributes}
    folder, report = convert(write(tmp_path / "book", files), tmp_path / "out")
    assert "geheim" not in everything(folder)
    assert "geheim" not in report.as_json()
    source = (folder / "attributes.py").read_text()
    assert 'default("db", "root", "password", value=secret("db_root_password"))' in source
    assert "from cookbook.recipe import node, secret" in source
    assert (
        'default("app", "token", value=secret("app_token"))' in (folder / "default.py").read_text()
    )


@pytest.mark.parametrize("name", ["defaults", "vars", "tasks", "handlers"])
def test_files_that_are_encrypted_as_a_whole(name: str, tmp_path: Path) -> None:
    files = {"tasks/main.yml": "", f"{name}/main.yml": "$ANSIBLE_VAULT;1.1;AES256\n6162\n"}
    _, report = convert(write(tmp_path / "web", files), tmp_path / "out")
    assert [todo.place.file for todo in report.todos] == [f"{name}/main.yml"]
    assert report.total.with_todo == 1


@pytest.mark.parametrize("kind", ["vars", "tasks"])
def test_encrypted_files_that_are_included(kind: str, tmp_path: Path) -> None:
    files = {
        "tasks/main.yml": f"- include_{kind}: x.yml\n",
        f"{kind}/x.yml": "$ANSIBLE_VAULT;1.1;AES256\n6162\n",
    }
    _, report = convert(write(tmp_path / "web", files), tmp_path / "out")
    assert "x.yml is encrypted" in report.todos[0].why
    assert report.total.with_todo == 1


@pytest.mark.parametrize("kind", ["tasks", "handlers"])
def test_what_no_log_hides_is_in_no_comment(kind: str, tmp_path: Path) -> None:
    role = write(tmp_path / "web", {"tasks/main.yml": "", f"{kind}/main.yml": NO_LOG})
    folder, report = convert(role, tmp_path / "out")
    assert "geheim" not in everything(folder)
    assert "geheim" not in report.as_json()
    assert "own (no_log)" in (folder / "web.py").read_text()
