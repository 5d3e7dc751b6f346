"""JSON from outside has the shape that is expected, or the place that has not is named."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookbook.applying.manifest import Manifest, ManifestEntry
from cookbook.approval import planfile
from cookbook.cli import main
from cookbook.errors import PlanError
from cookbook.history import validation
from cookbook.reports.schema import ErrorDocument, ResourceDocument
from cookbook.text.json_shape import Misshapen, shaped
from cookbook.text.type_check import fits


def _even(number: int) -> int:
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number // 2


class Leaf(TypedDict):
    """A record with all kinds of values."""

    name: str
    color: Literal["red", "blue"]
    half: Annotated[int, _even]
    ratio: float | None
    marks: NotRequired[list[str]]


class Root(TypedDict):
    """A record of records."""

    leaves: dict[str, list[Leaf]]
    rest: Any


@dataclass(frozen=True)
class Line:
    """A record with exactly its keys."""

    text: str
    done: bool = False


GOOD: dict[str, Any] = {"name": "n", "color": "red", "half": 4, "ratio": 1}


def test_data_of_the_shape_is_returned_with_what_the_checks_made_of_it() -> None:
    given = {"leaves": {"a": [{**GOOD, "later": "a newer version has it"}]}, "rest": [1, None]}
    leaf = {"name": "n", "color": "red", "half": 2, "ratio": 1}
    assert shaped(Root, given) == {"leaves": {"a": [leaf]}, "rest": [1, None]}
    assert shaped(Leaf, {**GOOD, "marks": ["x"]}) == {**leaf, "marks": ["x"]}
    assert shaped(Line, {"text": "x", "done": True}) == Line("x", True)
    assert shaped(Leaf, {k: v for k, v in GOOD.items() if k != "ratio"})["ratio"] is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": 5}, "leaves.a[1].name: text was expected, not 5"),
        ({"color": "green"}, "leaves.a[1].color: 'green' is none of blue, red"),
        ({"color": ["red"]}, "leaves.a[1].color: ['red'] is none of blue, red"),
        ({"half": 3}, "leaves.a[1].half: 3 is odd"),
        ({"half": True}, "leaves.a[1].half: a whole number was expected, not True"),
        ({"half": 1.0}, "leaves.a[1].half: a whole number was expected, not 1.0"),
        ({"marks": None}, "leaves.a[1].marks: an array was expected, not None"),
        ({"ratio": "1"}, "leaves.a[1].ratio: a number was expected, not '1'"),
    ],
)
def test_the_place_of_what_is_wrong_is_named(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(Misshapen) as caught:
        shaped(Root, {"leaves": {"a": [GOOD, {**GOOD, **wrong}]}, "rest": None})
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("shape", "data", "said"),
    [
        (Root, [], "an object was expected, not []"),
        (Root, {"leaves": {"web 1\n": [1]}}, r"leaves.'web 1\n'[0]: an object was expected, not 1"),
        (Root, {"leaves": {"a": {}}}, "leaves.a: an array was expected, not {}"),
        (Leaf, {"name": "n", "color": "red"}, "half: there is no 'half'"),
        (Line, {"text": "x"}, "keys that are missing or not known: ['done']"),
        (Line, {"text": "x", "done": False, "x": 1}, "keys that are missing or not known: ['x']"),
        (Line, {"text": "x", "done": 0}, "done: True or False was expected, not 0"),
        (Leaf, {**GOOD, "name": ["x" * 999]}, f"name: text was expected, not ['{'x' * 58}"),
    ],
)
def test_a_record_is_what_it_says(shape: Any, data: object, said: str) -> None:
    with pytest.raises(Misshapen) as caught:
        shaped(shape, data)
    assert str(caught.value) == said


ANY_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(ANY_JSON, st.sampled_from([str, int, float, bool, Literal["a", "b"], str | None]))
def test_it_says_the_same_as_the_check_of_properties(data: Any, shape: Any) -> None:
    try:
        assert shaped(shape, data) == data or data != data  # noqa: PLR0124 - NaN
        accepted = True
    except Misshapen:
        accepted = False
    assert accepted == fits(data, shape)


def test_the_history_has_all_properties_of_its_documents_in_their_order() -> None:
    pairs = (
        (validation.ResourceRecord, ResourceDocument),
        (validation.ErrorRecord, ErrorDocument),
    )
    for record, document in pairs:
        assert [*record.__annotations__] == [*document.__annotations__]


def test_a_record_of_an_older_version_lacks_properties() -> None:
    old = {"kind": "HostError", "message": "no", "status": None}
    step = {"id": "file[/x]", "where": "r.py:1", "status": "ok", "kind": "none", "changes": {}}
    told = validation.resource({**step, "error": old})
    assert (told["began"], told["ignored"], told["excused"]) == (0.0, False, None)
    assert told["error"] is not None
    assert (told["error"]["code"], told["error"]["phase"], told["error"]["output"]) == (
        *("error", "", ""),
    )


def test_a_name_is_fit_for_every_database_and_not_too_long() -> None:
    assert validation.names(["a\0b", "\udcff"]) == ["a\\x00b", "\\udcff"]
    with pytest.raises(ValueError, match=r"\[0\]: a name was expected, not 'xxx"):
        validation.names(["x" * 10_001])


def test_a_plan_names_the_place_that_cook_has_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("r.py").write_text(
        f"from cookbook.resources import *\nfile('{tmp_path}/x', content='new', mode='0600')\n"
    )
    main(["plan", "r.py", "--local", "-o", "p.cook"])

    def said(change: Any) -> str:
        document = json.loads(Path("p.cook").read_text())
        change(document["hosts"]["localhost"]["steps"][0])
        document.pop("seal")
        document["seal"] = planfile._seal(document, None)
        Path("q.cook").write_text(json.dumps(document))
        with pytest.raises(PlanError) as caught:
            planfile.load(Path("q.cook"))
        return str(caught.value)

    step = "q.cook is no plan that cook has written: hosts.localhost.steps[0]"
    assert said(lambda s: s.update(status="fine")).startswith(f"{step}.status: 'fine' is none of")
    assert said(lambda s: s.update(diff=5)) == f"{step}.diff: text was expected, not 5"
    assert said(lambda s: s.pop("where")) == f"{step}.where: there is no 'where'"
    assert said(lambda s: s["resource"].update(sensitive="x")) == (
        "q.cook: hosts.localhost.steps[0].resource: file: sensitive:"
        " True or False was expected, not 'x'"
    )


def test_a_line_of_a_manifest_is_exactly_of_its_kind_or_ignored() -> None:
    entry = ManifestEntry("file", "/x", True, {"resource": "file"}, "r.py:1", "r-1")
    lines = [
        entry.line.replace('"own":true', '"own":1'),
        entry.line.replace('"gone":false', '"gone":false,"more":1'),
        "[" * 100_000,
        '{"owed":"service[x]","action":"restart","because":"","run":"r"}',
        entry.line,
    ]
    manifest = Manifest("s", "r-2", lambda _: True)
    manifest.read("\n@s\n" + "\n".join(lines))
    assert list(manifest.left(set())) == [entry]
    assert manifest.owed == []
