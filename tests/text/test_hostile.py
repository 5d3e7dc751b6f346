"""What hosts, recipes, inventories and plans say is shown in every output, and obeyed in none."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
import tracemalloc
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cookbook.cli import main
from cookbook.cli.progress import Progress, write
from cookbook.cli.report_lines import error_lines
from cookbook.resources import File
from cookbook.script.facts import parse_facts
from cookbook.text.sanitize import clean, json_text, one_line
from tests.quick import examples

HEADING = "from cookbook.resources import *\nfrom cookbook.recipe import *\n"

SIGNS = (
    "\x1b[2J\x1b]0;owned\x07\x1b[31m",
    "\x9b31m\x85\x00\x08\x7f\r",
    "\u202e\u2066\u200e\u061c\ufeff\u200b\U000e0041",
    "\u2028\u2029\x0b\x0c",
    "\udcff\udc9b",
    "]]>&amp;<!--",
    "</script><script>alert(1)</script><img src=x onerror=alert(1)>",
    "![x](http://x.example/i.png)[y](javascript:z)`*_~",
    "@everyone http://x.example #1 |x|",
    "\n2 hosts: 2 ok. Resources: 2 ok.\n",
)

OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff"
    "\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff]"
)
"""What no output may have: a terminal, or who reads it, would be driven by it."""

REPORTS = ("r.txt", "r.json", "r.xml", "r.sarif", "r.md", "r.html")

words = st.lists(st.sampled_from(SIGNS), min_size=1, max_size=4).map("".join)


class Elements(HTMLParser):
    """Which elements a page is made of, and where it leads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.leads: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        self.leads += [value or "" for name, value in attrs if name in ("src", "href", "onerror")]


def check_reports(folder: Path) -> None:
    """Each is what its format says, and has nothing that is obeyed."""
    for name in REPORTS:
        text = (folder / name).read_bytes().decode()
        assert not OBEYED.search(text), (name, OBEYED.findall(text))
    ET.fromstring((folder / "r.xml").read_text())  # noqa: S314 - ours
    json.loads((folder / "r.json").read_text())
    json.loads((folder / "r.sarif").read_text())
    page = Elements((folder / "r.html").read_text())
    assert page.found.count("script") == 2
    assert "img" not in page.found
    assert not any("x.example" in where for where in page.leads)
    outside = re.sub(r"(?s)(`{3,}).*?\1", "", (folder / "r.md").read_text())
    assert "<img" not in outside
    assert "<script" not in outside
    assert not re.search(r"(?<!\\)!\[|(?<!\\)\]\(", outside)
    assert "http://" not in outside


@settings(
    max_examples=examples(25),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(text=words, more=words)
def test_a_run(
    text: str,
    more: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Planted as names, contents on the host, wanted contents, stderr, notes and owners."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "found").write_bytes(f"old {text}\n".encode(errors="surrogateescape"))
    said = shlex.quote(text.replace("\0", ""))
    talk, name = f"printf %s {said} >&2;", text.replace("\0", "")
    folder, owner = str(tmp_path), more.replace("\0", "")
    lines = [
        f"file({folder + '/found'!r}, content={more + 'x'!r})",
        f"execute({name!r}, command={talk + ' exit 1'!r}, ignore_failure=True)",
        f"file({folder + '/new'!r}, owner={owner!r}, ignore_failure=True)",
        f"execute('again', only_if={talk + ' exit 127'!r})",
    ]
    Path("r.py").write_text(
        HEADING + "\n".join(line.encode("ascii", "backslashreplace").decode() for line in lines)
    )
    reports = [word for name in REPORTS for word in ("--report", name)]

    for command in ("plan", "converge"):
        main([command, "r.py", "--local", "-v", *reports])
        shown = capsys.readouterr()
        assert not OBEYED.search(shown.out + shown.err)
        assert "\n2 hosts: 2 ok." not in shown.out + shown.err
        assert len(json.loads(Path("r.json").read_text())["hosts"]) == 1
        check_reports(tmp_path)


@given(words)
def test_one_line_is_one_line_and_says_all(text: str) -> None:
    assert not OBEYED.search(one_line(text))
    assert len(one_line(text).splitlines()) <= 1
    assert clean("plain äöü 日本 👩‍👩‍👧\tx\n") == "plain äöü 日本 👩‍👩‍👧\tx\n"


@given(st.text() | words)
def test_json_has_the_same_values(text: str) -> None:
    assert json.loads(json_text({"x": text})) == {"x": text}
    assert not OBEYED.search(json_text({"x": text}))


def test_a_large_report_takes_no_more_memory_than_twice_its_text() -> None:
    """The words of a text, each kept until the end, take five times as much."""
    step: dict[str, object] = {
        "id": "file[/etc/motd]",
        "status": "ok",
        "changes": {},
        "error": None,
        "seconds": 0.1,
    }
    document = {"hosts": {f"h{i}": [step] * 30 for i in range(400)}}
    tracemalloc.start()
    try:
        text = json_text(document)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert most < 2.5 * len(text)
    assert json.loads(text) == document


Says = Callable[..., str]


@pytest.fixture
def says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Says:
    """All that a command says."""
    monkeypatch.chdir(tmp_path)

    def run(*given: str) -> str:
        with contextlib.suppress(SystemExit):
            main(given)
        said = capsys.readouterr()
        return said.out + said.err

    return run


@pytest.mark.parametrize("sign", SIGNS)
def test_an_inventory(says: Says, sign: str) -> None:
    name = json.dumps(f"h{sign}")
    Path("hosts.yml").write_text(
        f"hosts:\n  {name}: {{transport: local, vars: {{x: {name}}}}}\n  {name}2: {{a: 1}}\n"
    )
    for given_ in (["inventory"], ["inventory", "-v", "--output", "json"], ["facts"]):
        assert not OBEYED.search(says(*given_, "--hosts", "hosts.yml"))
    Path("hosts.yml").write_text(f"hosts:\n  {name}: {{transport: local, vars: {{x: {name}}}}}\n")
    for given_ in (["inventory"], ["inventory", "-v", "--output", "json"], ["facts"]):
        assert not OBEYED.search(says(*given_, "--hosts", "hosts.yml"))


@pytest.mark.parametrize("sign", SIGNS)
def test_what_is_typed(says: Says, sign: str) -> None:
    for given_ in (
        ["converge", f"{sign}.py", "--local"],
        ["plan", "r.py", "--local", f"--x{sign}"],
        ["show", sign],
        ["explain", sign],
        ["resources", sign],
        ["apply", sign, "--local"],
    ):
        assert not OBEYED.search(says(*(word.replace("\0", "") for word in given_)))


@pytest.mark.parametrize("sign", SIGNS)
def test_a_plan_file(says: Says, sign: str) -> None:
    Path("r.py").write_text(f"{HEADING}file('{Path.cwd()}/x', content='x')\n")
    says("plan", "r.py", "--local", "-o", "p.json")
    planted = _planted(json.loads(Path("p.json").read_text()), sign)
    Path("p.json").write_text(json.dumps(planted))

    for given_ in (["show", "p.json"], ["apply", "p.json", "--local"]):
        assert not OBEYED.search(says(*given_))


def _planted(value: Any, sign: str) -> Any:
    match value:
        case str():
            return f"{value}{sign}"
        case list():
            return [_planted(item, sign) for item in value]
        case dict():
            keep = ("format", "version", "status", "kind", "digest")
            return {k: v if k in keep else _planted(v, sign) for k, v in value.items()}
        case _:
            return value


@given(words)
def test_facts(text: str) -> None:
    told = parse_facts(f"cook-facts\nhostname={text}\nkernel={text}\nID={text}\n" * 2)
    stream = io.StringIO()
    write([("", f"{told}")], stream)

    assert not OBEYED.search(stream.getvalue())


@given(words)
def test_the_live_display(text: str) -> None:
    progress = Progress(io.StringIO())
    progress._hosts = {f"h{text}": ("connecting", 0.0)}
    progress.cookbook_working(f"h{text}", File("/" + re.sub("[\0/]", "-", text)))

    assert not OBEYED.search(str(progress._render()))
    assert len(str(progress._render()).splitlines()) == 2


def test_an_error_of_many_lines_is_shown_line_by_line() -> None:
    from cookbook.errors import CookError

    lines = [text for _, text in error_lines(CookError("one\ntwo", hint="x\ny"))]

    assert lines[:3] == ["cook: one", "      two", "      next: x\ny"]
