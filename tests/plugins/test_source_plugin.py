"""The example of docs/plugins.md that adds a kind of source, as if it were installed."""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from cookbook.errors import InventoryError, SourceError
from cookbook.inventory import Inventory, load
from cookbook.plugins.manager import listening, registrations

PAGE = Path(__file__).parents[2] / "docs/plugins.md"


@pytest.fixture(autouse=True)
def racks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The module of the page, registered; and the file that it reads."""
    [code] = re.findall(
        r'^```python\n("""The source `racks`.*?)^```', PAGE.read_text(), re.MULTILINE | re.DOTALL
    )
    module = types.ModuleType("cook_racks.plugin")
    exec(code, module.__dict__)  # noqa: S102 - it is this project's own
    monkeypatch.setitem(sys.modules, "cook_racks", types.ModuleType("cook_racks"))
    monkeypatch.setitem(sys.modules, "cook_racks.plugin", module)
    monkeypatch.chdir(tmp_path)
    Path("racks.txt").write_text("web1 r1\nweb2 r2\n")
    registrations.cache_clear()
    with listening(module, "racks"):
        yield
    registrations.cache_clear()


def sourced(entry: str) -> Inventory:
    Path("hosts.yml").write_text(f"sources:\n  - {entry}\n")
    return load(Path("hosts.yml"))


def test_its_hosts_are_there() -> None:
    hosts = sourced("racks: {only: r2}").hosts
    assert {name: host.vars for name, host in hosts.items()} == {"web2": {"rack": "r2"}}
    assert list(sourced("racks:").hosts) == ["web1", "web2"]


def test_its_settings_are_checked_and_its_failures_told() -> None:
    with pytest.raises(InventoryError, match="unknown key 'onyl' in racks"):
        sourced("racks: {onyl: r2}")
    with pytest.raises(InventoryError, match=r"^hosts\.yml:2: racks: no machine is in such a rack"):
        sourced("racks: {only: r3}")
    with pytest.raises(SourceError, match=r"none\.txt: No such file"):
        sourced("racks: {file: none.txt}")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([], r"hosts\.yml:2, racks: its answer must be a mapping, not a list"),
        ({"host": {}}, "unknown key 'host' in an answer"),
        ({"hosts": {"a": {"recipes": ["x.py"]}}}, "host a: only hosts.yml itself names recipes"),
        ({"groups": {"g": {"rollout": {}}}}, "group g: only hosts.yml itself has rollouts"),
        ({"hosts": {"a": {"vars": {"x": {1}}}}}, "set is not a kind of value an inventory has"),
        ({"hosts": {"a": {"port": "x"}}}, r"racks: hosts\.a\.port: port must be a whole number"),
        ({"hosts": {1: {}}}, "1 is read as a number, not as text"),
    ],
)
def test_its_answer_is_checked_like_a_file(
    answer: object, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["cook_racks.plugin"], "hosts", lambda _: answer)
    with pytest.raises(InventoryError, match=message):
        sourced("racks:")


def test_an_answer_without_an_end_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    endless: dict[str, object] = {}
    endless["hosts"] = endless
    monkeypatch.setattr(sys.modules["cook_racks.plugin"], "hosts", lambda _: endless)
    with pytest.raises(SourceError, match="its answer has more than 1,000,000 values"):
        sourced("racks:")
