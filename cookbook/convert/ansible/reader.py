"""YAML of Ansible, with the line of each mapping, and its own tags."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from cookbook.convert.source_tree import content
from cookbook.errors import UsageError


class YamlMapping(dict[str, Any]):
    """A mapping with its place."""

    line: int = 1
    original: str = ""
    """The text in the file, for comments."""


class Vaulted(str):
    """A value that ansible-vault has encrypted."""

    __slots__ = ()


class Unsafe(str):
    """A text in which Ansible looks for no expressions."""

    __slots__ = ()


class _Loader(yaml.SafeLoader):
    """A loader that knows Ansible's tags, and takes an octal number for the text it is."""

    source = ""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> YamlMapping:
    loader.flatten_mapping(node)
    found = YamlMapping()
    found.line = node.start_mark.line + 1
    found.original = loader.source[node.start_mark.index : node.end_mark.index]
    for key, value in node.value:
        word = loader.construct_object(key, deep=True)
        found[word if isinstance(word, str) else str(word)] = loader.construct_object(
            value, deep=True
        )
    return found


def _number(loader: _Loader, node: yaml.ScalarNode) -> Any:
    return node.value if re.fullmatch(r"0\d+", node.value) else loader.construct_yaml_int(node)


def _text(_loader: _Loader, node: yaml.ScalarNode) -> Any:
    return str(node.value)


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_constructor("tag:yaml.org,2002:int", _number)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _text)
_Loader.add_constructor("!vault", lambda _loader, node: Vaulted(node.value))
_Loader.add_constructor("!vault-encrypted", lambda _loader, node: Vaulted(node.value))
_Loader.add_constructor("!unsafe", lambda _loader, node: Unsafe(node.value))


def read(path: Path) -> Any:
    """
    Return the content of a file; None if it is empty.

    Raises UsageError with file:line if it is no YAML, or cannot be read.
    """
    try:
        source = content(path).decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{path}: it is not UTF-8", hint="save it as UTF-8") from None
    if source.startswith("$ANSIBLE_VAULT"):
        return Vaulted(source)
    loader = _Loader(source)
    loader.source = source
    try:
        data = loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark is not None else ""
        raise UsageError(
            f"{path}{line}: {error.problem or error.context}",
            hint="mend the YAML; `ansible-playbook --syntax-check` finds the same",
        ) from None
    except RecursionError:
        raise UsageError(f"{path}: nested too deeply, or a file includes itself") from None
    except (yaml.YAMLError, ValueError) as error:
        raise UsageError(f"{path}: {error}") from None
    finally:
        loader.dispose()
    if _size(data, {}) > _MOST_VALUES:
        raise UsageError(f"{path}: more than {_MOST_VALUES} values, by anchors of YAML")
    return data


_MOST_VALUES = 1_000_000
"""Values of one file, those counted several times that anchors repeat."""


def _size(data: Any, known: dict[int, int]) -> int:
    """Return the number of values in a tree, which anchors make larger than its text."""
    if not isinstance(data, dict | list):
        return 1
    if id(data) not in known:
        known[id(data)] = _MOST_VALUES  # it is inside of itself
        inner = data.values() if isinstance(data, dict) else data
        known[id(data)] = 1 + sum(_size(one, known) for one in inner)
    return known[id(data)]


def key_values(text: str) -> tuple[str, dict[str, str]]:
    """
    Return the free text and the parameters of the short form of a task.

    >>> key_values("echo hi chdir=/tmp")
    ('echo hi', {'chdir': '/tmp'})
    """
    pattern = r"(?:\{\{.*?\}\}|\"(?:[^\"\\]|\\.)*\"|'[^']*'|[^\s\"'])+"
    free: list[str] = []
    found: dict[str, str] = {}
    for word in re.findall(pattern, text, re.DOTALL):
        key, equals, value = word.partition("=")
        if equals and re.fullmatch(r"[a-z_]+", key):
            quoted = re.fullmatch(r"(?s)([\"'])(.*)\1", value)
            found[key] = quoted[2] if quoted else value
        else:
            free.append(word)
    return " ".join(free), found
