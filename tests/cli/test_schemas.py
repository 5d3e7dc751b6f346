"""The JSON Schemas: files that cook takes are valid, keys are those of the readers."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from cookbook.cli import main
from cookbook.cli.authoring.schema import schemas
from cookbook.features import reader as features_reader
from cookbook.inventory import schema as inventory_reader
from cookbook.inventory.settings import SETTINGS
from cookbook.kitchen.suites import reader as kitchen_reader
from cookbook.rollout.strategy import Strategy
from cookbook.schemas import inventory_schema
from cookbook.watch import settings as watch_reader
from tests.data import SafeLoader, from_yaml

ROOT = Path(__file__).parents[2]


class Loader(SafeLoader):
    """Reads `!secret NAME` as text."""


Loader.add_constructor("!secret", lambda _, node: str(node.value))

NAMES = {
    "hosts.yml": "hosts",
    "rollout.yml": "rollout",
    "features.yml": "features",
    "watch.yml": "watch",
    "kitchen.yml": "kitchen",
}


@functools.cache
def validator(kind: str) -> jsonschema.Draft202012Validator:
    """Return the validator of a kind of file, whose schema is checked once."""
    schema = schemas()[kind]()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def documents() -> Iterator[tuple[str, str, Any]]:
    """Yield the files of the samples, and those that documents and tests show by name."""
    for path in sorted((ROOT / "sample_cookbooks").rglob("*.yml")):
        if path.name in NAMES:
            yield NAMES[path.name], str(path.relative_to(ROOT)), path.read_text()
    for path in sorted((ROOT / "docs").rglob("*.md")):
        for text in re.findall(r"^```yaml\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL):
            kind = _kind(text)
            if kind is not None:
                yield kind, str(path.relative_to(ROOT)), text


def _kind(text: str) -> str | None:
    """Return the file that a YAML text is, by its keys."""
    data = yaml.load(text, Loader)  # noqa: S506 - a SafeLoader
    if not isinstance(data, dict):
        return None
    if "forbid" in data or "most_changes" in data:
        return "policy"
    groups = data.get("groups")
    inner = [one for one in groups.values() if isinstance(one, dict)] if groups else []
    if "suites" in data:
        return "kitchen"
    if "hosts" in data or "environments" in data:
        return "hosts"
    if any("every" in one for one in inner):
        return "watch"
    if any({"batches", "canary", "health_check"} & one.keys() for one in inner):
        return "rollout"
    if all(isinstance(one, dict) and {"share", "groups"} & one.keys() for one in data.values()):
        return "features"
    return None


FOUND = list(documents())


@pytest.mark.parametrize(
    ("kind", "text"), [(k, t) for k, _, t in FOUND], ids=[f"{k}-{w}" for k, w, _ in FOUND]
)
def test_files_of_the_project_are_valid(kind: str, text: str) -> None:
    validator(kind).validate(yaml.load(text, Loader))  # noqa: S506 - a SafeLoader


def test_each_kind_is_among_them() -> None:
    assert {kind for kind, _, _ in FOUND} == set(schemas())


@pytest.mark.parametrize("name", list(schemas()))
def test_a_schema_is_printed_and_valid(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", name]) == 0
    jsonschema.Draft202012Validator.check_schema(json.loads(capsys.readouterr().out))


def test_the_keys_are_those_of_the_readers() -> None:
    hosts = schemas()["hosts"]()["anyOf"][0]["properties"]
    assert set(hosts) == set(inventory_reader._PARTS)
    assert set(inventory_schema.SETTINGS) | {"address"} == set(SETTINGS)
    rollout = schemas()["rollout"]()["properties"]["groups"]["additionalProperties"]["anyOf"][0]
    assert set(rollout["properties"]) == {f.name for f in fields(Strategy)} - {"spread_max"}
    feature = schemas()["features"]()["anyOf"][0]["additionalProperties"]["properties"]
    assert set(feature) == set(features_reader._KEYS)
    suite = schemas()["kitchen"]()["properties"]["defaults"]["properties"]
    assert set(suite) == set(kitchen_reader._Reader(Path(), ())._readers)
    watch = schemas()["watch"]()["properties"]
    assert set(watch) == set(watch_reader._TOP)
    assert set(watch["defaults"]["properties"]) == set(watch_reader._GROUP)


WRONG = {
    "hosts": ("hosts: {web1: {prot: 22}}", "hosts: {web1: {port: 99999}}", "host: [a]"),
    "rollout": ("groups: {web: {batch: 1}}", "groups: {web: {canary: x}}", "defaults: {}"),
    "features": ("a: {shares: 1%}", "a: {share: many}"),
    "watch": ("groups: {web: {every: soon}}", "groups: {web: {do: nothing}}"),
    "kitchen": ("suites: {web: {recipe: [a.py]}}", "suites: {web: {undo: maybe}}"),
    "policy": ("forbids: []", "most_changes: {per_host: -1}"),
}


@pytest.mark.parametrize(("kind", "text"), [(k, t) for k, texts in WRONG.items() for t in texts])
def test_what_is_wrong_is_not_valid(kind: str, text: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        validator(kind).validate(from_yaml(text))
