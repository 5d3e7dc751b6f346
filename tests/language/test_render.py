"""A template says every byte that is in it, and where it is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cookbook.errors import RecipeError
from cookbook.language.collection import Collection, Node, declaring
from cookbook.language.template import render
from cookbook.resources import template
from cookbook.script.shell import Secret


@pytest.fixture
def templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "templates").mkdir()
    collection = Collection(Node("web1", vars={"password": Secret("hunter2"), "port": 80}))
    collection.folder = tmp_path
    with declaring(collection):
        yield tmp_path / "templates"


def fill(templates: Path, text: str | bytes, **variables: Any) -> str:
    data = text if isinstance(text, bytes) else text.encode()
    (templates / "x.j2").write_bytes(data)
    return render("x.j2", variables)


@pytest.mark.parametrize(
    "data",
    [b"a\n", b"a", b"a\n\n\n", b"", b"\n", b"a\r\nb\r\n", b"a\r\nb", b"\xef\xbb\xbfa\n",
     b"caf\xe9\xff\n", "日本 \u2028 \x85\n".encode(), b"<a href='x'>&amp;</a>\n", b"\t  a  \n"],
)  # fmt: skip
def test_every_byte_is_kept(templates: Path, data: bytes) -> None:
    assert fill(templates, data).encode("utf-8", "surrogateescape") == data


def test_nothing_is_escaped(templates: Path) -> None:
    assert fill(templates, "{{ x }}\n", x="<&'\"> \r\n") == "<&'\"> \r\n\n"


def test_lines_that_end_in_different_ways_are_refused(templates: Path) -> None:
    with pytest.raises(RecipeError, match=r"templates/x.j2: its lines end in different ways"):
        fill(templates, b"a\r\nb\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\n{{ port }}\n", r"templates/x.j2:2: UndefinedError: 'port' is undefined"),
        ("\n\n{{ a.b }}\n", r"templates/x.j2:3: UndefinedError: .* has no attribute 'b'"),
        ("a\n{% if %}\n", r"templates/x.j2:2: Expected an expression"),
        ("a\n\n{{ 1 / 0 }}\n", r"templates/x.j2:3: ZeroDivisionError"),
        (
            "a\n{% include 'botom.j2' %}",
            r"templates/x.j2:2: .*'botom.j2'; did you mean 'bottom.j2'",
        ),
        (
            "a\n{% include 'bottom.j2' %}",
            r"templates/bottom.j2:2: UndefinedError: 'z' is undefined",
        ),
    ],
)
def test_an_error_names_the_line_of_the_template(templates: Path, text: str, message: str) -> None:
    (templates / "bottom.j2").write_text("b\n{{ z }}\n")

    with pytest.raises(RecipeError, match=message):
        fill(templates, text, a={})


def test_a_template_that_is_not_there(templates: Path) -> None:
    (templates / "site.conf.j2").touch()

    with pytest.raises(RecipeError, match=r"'site.j2' in templates; did you mean 'site.conf.j2'\?"):
        render("site.j2", {})


def test_a_template_includes_its_neighbours(templates: Path) -> None:
    (templates / "part.j2").write_text("[{{ x }}]\n")

    assert fill(templates, "{% include 'part.j2' %}{{ node.name }}\n", x=1) == "[1]\nweb1\n"


def test_an_edited_template_is_read_again(templates: Path) -> None:
    assert [fill(templates, "1"), fill(templates, "2")] == ["1", "2"]


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("{{ p }}", {"p": Secret("hunter2")}),
        ("{{ p | upper }}", {"p": Secret("hunter2")}),
        ("{{ d.list[0].p | length }}", {"d": {"list": [{"p": Secret("hunter2")}]}}),
        ("{{ node.vars.password }}", {}),
        ("{% if node.vars['password'] == 'x' %}{% endif %}", {}),
    ],
)
def test_what_is_made_of_a_secret_is_one(
    templates: Path, text: str, variables: dict[str, Any]
) -> None:
    assert isinstance(fill(templates, text, **variables), Secret)


def test_what_looks_at_no_secret_is_none(templates: Path) -> None:
    assert not isinstance(fill(templates, "{{ node.vars.port }}"), Secret)


def test_a_template_of_a_secret_is_sensitive(templates: Path) -> None:
    (templates / "x.j2").write_text("{{ node.vars.password }}")

    assert template("/etc/x").sensitive


def test_a_template_can_be_notified(templates: Path) -> None:
    """The engine copies it with another action: it is not rendered twice, and not refused."""
    (templates / "x.j2").write_text("{{ node.name }}")

    copy = replace(template("/etc/x", source="x.j2", action="nothing"), action="create")

    assert (copy.action, copy.content) == ("create", "web1")
