"""The text of a recipe: values, order, notifications, what is left out."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookbook.importing.declaration import Declaration, LeftOut, Raw
from cookbook.importing.literals import call, literal
from cookbook.importing.recipe import folder_files, recipe_text
from cookbook.importing.trial import complete, refused, with_parts

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(VALUES)
def test_a_literal_is_the_value(value: Any) -> None:
    assert ast.literal_eval(literal(value)) == value
    assert ast.literal_eval(literal(value, 4).strip()) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", '"plain"'),
        ('from="10.0.0.0/8"', "'from=\"10.0.0.0/8\"'"),
        ('it\'s "both"', '"it\'s \\"both\\""'),
        ("a\\n{b}%\t\r\n", '"a\\\\n{b}%\\t\\r\\n"'),
        ("Ü\x00\udcff", '"Ü\\x00\\udcff"'),
        ([Raw('delayed("restart", "service[nginx]")')], '[delayed("restart", "service[nginx]")]'),
    ],
)
def test_quoting(value: Any, text: str) -> None:
    assert literal(value) == text


def test_a_long_text_has_a_line_for_each_of_its_lines() -> None:
    text = call("systemd_unit", "a.service", {"content": "[Service]\nExecStart=/bin/a\n"})
    assert text == (
        'systemd_unit(\n    "a.service",\n    content=(\n        "[Service]\\n"\n'
        '        "ExecStart=/bin/a\\n"\n    ),\n)'
    )


RESTART = Raw('delayed("restart", "service[nginx]")')
FILE = Declaration(
    "file",
    "cookbook_file",
    "/etc/nginx/nginx.conf",
    {"source": "etc/nginx/nginx.conf", "mode": "0640", "notifies": [RESTART]},
    content=b"events {}\n",
)
NGINX = Declaration("service", "service", "nginx", {"action": ["enable", "start"]}, helps=True)
ANN = Declaration("user", "user", "ann", {"uid": 1600}, todo=('password=secret("x"): not read',))


def test_a_recipe_is_in_the_order_of_a_fresh_host() -> None:
    declared = complete([NGINX, FILE, ANN, Declaration("package", "package", "nginx")])
    left_out = [*with_parts(declared), LeftOut("file", "/etc/a\nb", "it has a secret", "file(...)")]
    assert recipe_text("web1", "2026-11-29", declared, left_out) == (
        '"""What web1 had on 2026-11-29, written by `cook import`."""\n\n'
        "from cookbook.recipe import delayed\n"
        "from cookbook.resources import cookbook_file, package, service, user\n\n"
        "# packages that were installed by hand, and those that are held\n"
        'package("nginx")\n\n'
        "# accounts that no package has made\n"
        '# TODO password=secret("x"): not read\n'
        'user("ann", uid=1600)\n\n'
        "# files in /etc and programs in /usr/local that no package has, and changed conffiles\n"
        "cookbook_file(\n"
        '    "/etc/nginx/nginx.conf",\n'
        '    source="etc/nginx/nginx.conf",\n'
        '    mode="0640",\n'
        '    notifies=[delayed("restart", "service[nginx]")],\n'
        ")\n\n"
        "# services that are enabled, or not, unlike their packages have it\n"
        'service("nginx", action=["enable", "start"])\n\n'
        "# What was seen on the host and is not declared above:\n"
        "# TODO file /etc/a?b: it has a secret\n"
        "#     file(...)\n"
    )


def test_nothing_is_notified_that_is_not_declared() -> None:
    [alone] = complete([FILE])
    assert "notifies" not in alone.properties
    assert complete([NGINX]) == []


def test_helpers_are_declared_where_they_are_notified() -> None:
    update = Raw('immediate("update", "apt_update[imported]")')
    source = Declaration("apt_repository", "cookbook_file", "/etc/apt/a", {"notifies": [update]})
    assert [one.identity for one in complete([source])] == [
        "cookbook_file[/etc/apt/a]",
        "apt_update[imported]",
    ]


def test_the_files_of_the_folder() -> None:
    files = folder_files("web1", "", "", [FILE])
    assert files["files/etc/nginx/nginx.conf"] == b"events {}\n"
    assert files["web1.py"] == b""


def test_the_recipe_of_the_guide_is_what_is_written() -> None:
    """What `cook import` would write of such a host."""
    owned = {"owner": "root", "group": "root", "mode": "0644"}
    properties = {"source": "etc/nginx/conf.d/shop.conf", **owned, "notifies": [RESTART]}
    account = {"uid": 1600, "gid": "ann", "home": "/home/ann", "shell": "/bin/bash"}
    home = {"owner": "ann", "group": "ann", "mode": "0750"}
    todo = ('password=secret("ann_password"): it has one, which is not read',)
    declarations = [
        Declaration("service", "service", "nginx", {"action": ["enable", "start"]}, helps=True),
        Declaration("file", "cookbook_file", "/etc/nginx/conf.d/shop.conf", properties),
        Declaration("package", "package", "nginx-light", {"install_recommends": False}),
        Declaration("package", "package", "rsync", {"action": ["install", "lock"]}),
        Declaration("group", "group", "ann", {"gid": 1600}),
        Declaration("user", "user", "ann", {**account, "manage_home": True}, todo=todo),
        Declaration("user", "directory", "/home/ann", home),
    ]
    guide = Path("docs/guide/importing.md").read_text()
    written = recipe_text("web1", "2026-11-29", complete(declarations), [])
    assert written == guide.partition("```python\n")[2].partition("```")[0]


def test_a_resource_type_may_refuse() -> None:
    assert refused(ANN) is None
    assert "cannot be the name of a user" in (refused(Declaration("user", "user", "a b")) or "")
    wrong = Declaration("mount", "mount", "/srv", {"sizes": 1})
    assert "sizes" in (refused(wrong) or "")
