"""Text, Markdown and JSON: what is said, and that nothing in it is obeyed."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cookbook.reports import FORMATS, render
from cookbook.reports.phrases import percent, sides, value
from cookbook.reports.schema import Document
from tests.quick import examples

_SHARED = HealthCheck.function_scoped_fixture  # nobody changes it


def test_text_says_how_much_is_in_line_and_what_is_not(one_of_each: Document) -> None:
    lines = render(one_of_each, "text").splitlines()
    assert lines[:8] == [
        "web1: failed, 44.4 % in line, 1.5 s",
        "  ~ file[/etc/motd]  drift, since 2026-05-01 12:00  [web.py:12]",
        "      --- /etc/motd (found)",
        "      +++ /etc/motd (wanted)",
        "      @@ -1,3 +1,3 @@",
        "       same",
        "      -old",
        "      +new",
    ]
    text = "\n".join(lines)
    assert "~ file[/etc/hosts]  intent, first seen now  [web.py:12]" in text
    assert "file[/etc/issue]  ignored: the vendor's (until 2026-12-31)" in text
    assert "web2: 100 % in line, 1.5 s" in lines
    assert "db1: unreachable, 1.5 s" in lines
    assert "note: drift-ignore.yml:3: file[/nope] matches nothing" in lines
    assert lines[-1] == (
        "3 hosts: 1 changed, 1 failed, 1 unreachable. 92 % in line. Resources: 1 differs, 1 drift, "
        "1 excused, 1 failed, 1 intent, 3 ok, 1 skipped, 1 to do each time, 1 unknown."
    ).replace("1 changed, 1 failed", "1 failed, 1 ok")


def test_markdown_has_tables(one_of_each: Document) -> None:
    text = render(one_of_each, "markdown")
    assert text.startswith("# Drift report: 92 % in line\n")
    assert "| web1 | 44.4 % | failed | 1 | 1 | 3 |" in text
    assert (
        "| file\\[/etc/hosts\\] | intent | mode: 0644 -&gt; 0600 | first seen now | web.py:12 |"
    ) in text
    assert "\n-old\n+new\n" in text


def test_markdown_rows_have_as_many_cells_as_their_heading(hostile: Document) -> None:
    for table in re.findall(r"(?:^\|.*\n)+", render(hostile, "markdown"), re.MULTILINE):
        rows = [len(re.findall(r"(?<!\\)\|", row)) for row in table.strip("\n").split("\n")]
        assert len(set(rows)) == 1


def test_no_fence_is_ended_by_a_text(hostile: Document) -> None:
    text = render(hostile, "markdown")
    assert "\n````diff\n" in text
    assert "<img" not in re.sub(r"````.*?````", "", text, flags=re.DOTALL)


@pytest.mark.parametrize("form", sorted(FORMATS.all.keys() - {"html"}))
def test_no_format_lets_a_host_drive_the_terminal(form: str, hostile: Document) -> None:
    text = render(hostile, form)
    text.encode()
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text)


def test_json_is_the_document(one_of_each: Document) -> None:
    assert json.loads(render(one_of_each, "json")) == one_of_each


def test_after_a_run_that_changes_all_is_in_line(one_of_each: Document) -> None:
    """Looking, what would change is not in line; once it has been changed, it is."""
    hosts = {name: host for name, host in one_of_each["hosts"].items() if name != "db1"}
    [failed] = [r for r in hosts["web1"]["resources"] if r["status"] == "failed"]
    hosts["web1"]["resources"].remove(failed)
    hosts["web1"]["resources"] = [
        r for r in hosts["web1"]["resources"] if r["status"] not in ("unknown", "skipped")
    ]
    for done in hosts["web1"]["resources"]:
        done["excused"] = None
    document: Document = {**one_of_each, "hosts": hosts, "mode": "converge", "in_line": 100.0}
    assert render(document, "markdown").startswith("# Converge report: 100 % in line\n")
    assert 'failures="0" errors="0"' in render(document, "junit")
    assert not json.loads(render(document, "sarif"))["runs"][0]["results"]


any_text = st.text(st.characters(exclude_categories=()), min_size=1, max_size=40)


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[_SHARED])
@given(text=any_text, more=any_text)
@example(text="\udd00", more="0")
@example(text="/\udd00", more="\udcff")
def test_whatever_a_host_says_each_format_can_be_read(
    text: str, more: str, one_of_each: Document
) -> None:
    host = one_of_each["hosts"]["web1"]
    said: Any = {"id": f"file[{text}]", "where": f"{text}:1", "diff": f"{text}\n{more}"}
    said |= {"note": more, "because": more, "changes": {text: [more, text]}}
    resource = host["resources"][1] | said
    told = ("kind", "code", "phase", "message", "command", "output", "cause", "hint")
    error = {**dict.fromkeys(told, text), "hint": more, "status": 1}
    hosts: Any = {text: {**host, "resources": [resource], "error": error}}
    document: Any = one_of_each | {"hosts": hosts, "by": more, "recipes": [text], "remarks": [more]}

    for form in FORMATS.all:
        render(document, form).encode()
    ET.fromstring(render(document, "junit"))  # noqa: S314 - ours
    json.loads(render(document, "sarif"))
    assert render(document, "html").count("</script>") == 2
    assert json.loads(render(document, "json")) == document


def test_what_is_not_whole_is_not_called_whole() -> None:
    assert [percent(share) for share in (100.0, 99.99, 0.0, 33.333, None)] == [
        "100 %",
        "99.9 %",
        "0 %",
        "33.3 %",
        "-",
    ]


def test_values_are_on_one_line() -> None:
    assert value(None) == "-"
    assert value([]) == "(none)"
    assert value(["a", 1]) == "a, 1"
    assert value("a\nb") == "a\\nb"


def test_what_differs_is_never_cut() -> None:
    """An option at the end of a long line decides who may log in."""
    long = f'from="{"10.0.0.1," * 60}10.0.0.2",restrict ssh-ed25519 AAAA'
    assert sides(long, long.replace(",restrict", "")) == (long, long.replace(",restrict", ""))
    found, wanted = [f"key{n}" * 20 for n in range(9)], [f"key{n}" * 20 for n in range(8)]
    assert sides([*found, long], [*wanted, "AAAA"]) == (
        f"{'key8' * 20}, {long} (and 8 the same)",
        "AAAA (and 8 the same)",
    )
    assert sides(["a", "b"], ["b", "a"]) == ("a, b", "b, a")
    assert sides(None, [long]) == ("-", long)
