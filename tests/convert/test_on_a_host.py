"""A role and a cookbook of our own, converted and converged on a host, judged by raw commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cookbook.convert.convert import convert
from cookbook.kitchen import Kitchen, KitchenHost
from tests.on_hosts.conftest import command

pytestmark = pytest.mark.hosts

ROLE = {
    "defaults/main.yml": "app_home: /srv/app\napp_ports: [80, 81]\napp_enabled: true\n",
    "handlers/main.yml": "- name: note\n  shell: echo noted >> /srv/app/notes\n",
    "templates/app.conf.j2": (
        "home {{ app_home }}\n{% for port in app_ports %}\nport {{ port }}\n{% endfor %}\n"
    ),
    "files/motd": "hello\n",
    "tasks/main.yml": """\
- group: {name: app, system: yes}
- user: {name: app, group: app, system: yes, home: "{{ app_home }}", create_home: no}
- file: {path: "{{ app_home }}", state: directory, owner: app, mode: "0750"}
- name: configure
  template: {src: app.conf.j2, dest: "{{ app_home }}/app.conf", mode: "0640", group: app}
  notify: note
- copy: {src: motd, dest: /srv/app/motd}
- lineinfile: {path: /srv/app/ports, line: "port {{ item }}", create: yes}
  loop: "{{ app_ports }}"
- include_tasks: debian.yml
  when: ansible_os_family == 'Debian'
- stat: {path: /srv/app/seed}
  register: seed
- name: seed
  command: cp /srv/app/motd /srv/app/seed
  when: not seed.stat.exists
""",
    "tasks/debian.yml": (
        "- file: {src: /srv/app, dest: /srv/link, state: link}\n"
        "- cron: {name: clean, minute: '5', job: /bin/true}\n"
    ),
}

BOOK = {
    "attributes/default.rb": "default['site']['root'] = '/srv/site'\n"
    "default['site']['names'] = %w(a b)\ndefault['site']['tls'] = false\n",
    "templates/site.conf.erb": "root <%= node['site']['root'] %>\n"
    "<% @names.each do |name| -%>\nname <%= name %>\n<% end -%>\n<% if @tls -%>\ntls\n<% end -%>\n",
    "files/index.html": "<h1>site</h1>\n",
    "recipes/default.rb": """\
include_recipe 'site::folders'

template "#{node['site']['root']}/site.conf" do
  source 'site.conf.erb'
  variables(names: node['site']['names'], tls: node['site']['tls'])
  mode '0644'
  notifies :run, 'execute[note]', :delayed
end

cookbook_file "#{node['site']['root']}/index.html" do
  source 'index.html'
  mode '0644'
end

execute 'note' do
  command 'echo noted >> /srv/site/notes'
  action :nothing
end
""",
    "recipes/folders.rb": """\
directory node['site']['root']
node['site']['names'].each do |name|
  directory "#{node['site']['root']}/#{name}" do
    mode '0700'
  end
end
log 'other' if platform_family?('rhel')
""",
}

JUDGE = """\
set -e
[ "$(cat /srv/app/app.conf)" = "$(printf 'home /srv/app\\nport 80\\nport 81')" ]
[ "$(stat -c '%U %a' /srv/app)" = 'app 750' ]
[ "$(stat -c '%G %a' /srv/app/app.conf)" = 'app 640' ]
[ "$(cat /srv/app/motd)" = hello ]
[ "$(cat /srv/app/ports)" = "$(printf 'port 80\\nport 81')" ]
[ "$(readlink /srv/link)" = /srv/app ]
crontab -l | grep -q '^5 .* /bin/true'
cmp /srv/app/motd /srv/app/seed
[ "$(cat /srv/app/notes)" = noted ]
[ "$(cat /srv/site/site.conf)" = "$(printf 'root /srv/site\\nname a\\nname b')" ]
[ "$(cat /srv/site/index.html)" = '<h1>site</h1>' ]
[ "$(stat -c %a /srv/site/b)" = 700 ]
[ "$(cat /srv/site/notes)" = noted ]
"""


def written(folder: Path, files: dict[str, str]) -> Path:
    """Write a source; return its folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_a_role_and_a_cookbook_converge_and_then_change_nothing(
    kitchen: Kitchen, host: KitchenHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COOK_STATE", str(tmp_path / "state"))
    recipes: list[str] = []
    for source, name in (
        (written(tmp_path / "app", ROLE), "app"),
        (written(tmp_path / "site", BOOK), "default"),
    ):
        folder, report = convert(source, tmp_path / f"{source.name}_cook")
        assert report.total.with_todo == 0, report.as_text()
        recipes.append(str(folder / f"{name}.py"))
    assert (
        host.run("apt-get update -qq && apt-get install -y -qq cron", timeout=300).returncode == 0
    )
    where = ("--hosts", str(kitchen.hosts_yml), "--limit", host.name, "--output", "json")
    for recipe in recipes:
        first = command("converge", recipe, "--as", Path(recipe).stem, *where)
        assert first["status"] == 0, first
    assert host.run(JUDGE).returncode == 0, host.run(f"set -x; {JUDGE}").stderr
    for recipe in recipes:
        again = command("converge", recipe, "--as", Path(recipe).stem, *where)
        assert again["status"] == 0
        assert '"status": "changed"' not in json.dumps(again), again
        assert '"status": "ran"' not in json.dumps(again), again
    assert host.run(JUDGE).returncode == 0, host.run(f"set -x; {JUDGE}").stderr
