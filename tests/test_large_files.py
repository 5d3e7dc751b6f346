"""Large contents: they are in the memory once, for however many hosts, and are read once."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cookbook.language.collection import Collection, Declared, Node
from cookbook.language.compiler import compile_recipes
from cookbook.plugins.manager import catalog
from cookbook.resources.file import File
from cookbook.script.shell import Content
from cookbook.secrets.secret import Secret, holds_secret
from cookbook.testing import DEBIAN
from cookbook.text.provenance import digests
from cookbook.text.redaction import REGISTRY

SIZE = 8 * 1024 * 1024


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "files" / "large"
    path.parent.mkdir()
    path.write_bytes(bytes(range(256)) * (SIZE // 256))
    return path


@pytest.fixture
def a_secret() -> Iterator[None]:
    Secret("hunter2-hunter2")
    yield
    REGISTRY.forget()


def peak(work: Callable[[], object]) -> int:
    """The bytes of memory that a piece of work takes at most, besides what is there."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def compiled(folder: Path, host: str) -> Collection:
    recipe = folder / "recipe.py"
    recipe.write_text("from cookbook.resources import file\nfile('/srv/large', source='large')\n")
    return compile_recipes([recipe], Node(host, DEBIAN))


@pytest.mark.usefixtures("a_secret")
def test_hosts_share_the_content_of_a_large_file(large: Path) -> None:
    hosts: list[Declared] = []

    def work() -> None:
        for i in range(10):
            hosts.extend(compiled(large.parent.parent, f"web{i}"))

    assert peak(work) < 1.5 * SIZE
    assert {id(one.resource.content) for one in hosts if isinstance(one.resource, File)} == {
        id(hosts[0].resource.content)  # type: ignore[attr-defined]  # it is a File
    }


def test_a_large_file_that_was_changed_is_read_again(large: Path) -> None:
    [before] = compiled(large.parent.parent, "web1")
    large.write_bytes(b"other" * SIZE)
    [after] = compiled(large.parent.parent, "web1")
    assert isinstance(before.resource, File)
    assert isinstance(after.resource, File)
    assert before.resource.content != after.resource.content
    assert after.resource.content == b"other" * SIZE


def test_a_content_is_hashed_once(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [declared] = compiled(large.parent.parent, "web1")
    hashed: list[int] = []
    of = Content.of

    def counted(data: bytes) -> Content:
        hashed.append(len(data))
        return of(data)

    monkeypatch.setattr(Content, "of", counted)
    resource = declared.resource
    provider = catalog().choose(resource, DEBIAN)
    for _ in range(3):
        change = provider.plan(resource, None)
        assert change.wanted is not None
        assert change.wanted.content in provider.contents(resource)
    assert hashed.count(SIZE) == 1


def test_a_source_is_not_read_into_the_memory_for_its_digest(large: Path) -> None:
    assert peak(lambda: digests([large])) < SIZE / 4
    assert [*digests([large]).values()] == [hashlib.sha256(large.read_bytes()).hexdigest()]


def test_a_large_template_without_tags_is_only_read(tmp_path: Path) -> None:
    text = "a line of { text } \u00e9\r\n" * (SIZE // 22)
    path = tmp_path / "templates" / "t.j2"
    path.parent.mkdir()
    path.write_bytes(text.encode())
    recipe = tmp_path / "recipe.py"
    recipe.write_text(
        "from cookbook.resources import template\ntemplate('/srv/t', source='t.j2')\n"
    )
    found: list[Declared] = []

    def work() -> None:
        found.extend(compile_recipes([recipe], Node("web1", DEBIAN)))

    assert peak(work) < 4 * SIZE
    assert isinstance(found[0].resource, File)
    assert found[0].resource.data == text.encode()


@pytest.mark.usefixtures("a_secret")
def test_a_search_for_secrets_copies_nothing(large: Path) -> None:
    data = large.read_bytes()
    with_one = data + b"hunter2-hunter2"
    assert peak(lambda: holds_secret(data)) < SIZE / 4
    assert not holds_secret(data)
    assert holds_secret(with_one)
