"""
The formats JSON, YAML and TOML: a value is found and changed, comments and the rest stay.

The libraries are imported when a file of their format is edited.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any, NamedTuple

from cookbook.errors import HostError

Keys = Sequence[str]
"""The path to a value: names, and numbers of list items from 0."""


def find_value(form: str, keys: Keys, text: str) -> str | None:
    """
    Return a value as JSON; None if there is none.

    Raises HostError if the text is not of the format.
    """
    data: Any = plain(_load(form, text)) if form != "json" else _json(text)
    for key in keys:
        if isinstance(data, dict) and key in data:
            data = data[key]
        elif isinstance(data, list) and key.isdecimal() and int(key) < len(data):
            data = data[int(key)]
        else:
            return None
    return json.dumps(data, ensure_ascii=False)


def with_value(form: str, keys: Keys, value: Any, text: str) -> str:
    """
    Return the text with another value.

    Raises HostError if the text is not of the format, or a key leads into something else.
    """
    if form == "json":
        return _json_with(keys, value, text)
    data = _load(form, text)
    inner = data
    for at, key in enumerate(keys[:-1]):
        index = _index(inner, key, keys[: at + 1])
        if index is None:
            _put(inner, key, _nested(keys[at + 1 :], value))
            return _dump(form, data, text)
        inner = inner[index]
    index = _index(inner, keys[-1], keys)
    if index is None:
        _put(inner, keys[-1], value)
    else:
        inner[index] = value
    return _dump(form, data, text)


def without_value(form: str, keys: Keys, text: str) -> str:
    """Return the text without a value, if it has it."""
    if find_value(form, keys, text) is None:
        return text
    if form == "json":
        return _json_without(keys, text)
    data = inner = _load(form, text)
    for at, key in enumerate(keys[:-1]):
        inner = inner[_index(inner, key, keys[: at + 1])]
    del inner[_index(inner, keys[-1], keys)]
    return _dump(form, data, text)


def plain(data: Any) -> Any:
    """Return data of a library as data that JSON can have; a date becomes text."""
    match data:
        case bool() | None:
            return data
        case str():
            return str(data)
        case int():
            return int(data)
        case float():
            return float(data)
        case Mapping():
            return {str(key): plain(item) for key, item in data.items()}
        case list() | tuple():
            return [plain(item) for item in data]
        case _:
            # ruamel.yaml has a class of its own for true and false with an anchor.
            return bool(data) if type(data).__name__ == "ScalarBoolean" else str(data)


def _nested(keys: Keys, value: Any) -> Any:
    for key in reversed(keys):
        value = {key: value}
    return value


def _index(inner: Any, key: str, keys: Keys) -> str | int | None:
    """Return the index of a key; None if there is none. Raises HostError for what has no keys."""
    if isinstance(inner, MutableMapping):
        return next((k for k in inner if str(k) == key), None)  # a key of YAML may be a number
    if isinstance(inner, MutableSequence) and key.isdecimal():
        if int(key) > len(inner):
            raise HostError(f"the list has {len(inner)} items: {'.'.join(keys)} would leave a gap")
        return int(key) if int(key) < len(inner) else None
    raise HostError(f"{'.'.join(keys)} leads into a value that has no {key!r}")


def _put(inner: Any, key: str, value: Any) -> None:
    if isinstance(inner, MutableSequence):
        inner.append(value)
    else:
        inner[key] = value


# ruamel.yaml drops what stands before the beginning of the document.
_HEAD = re.compile(r"((\s*(#.*)?|%.*)\n)*---[ \t]*(#.*)?\n")


def _split(text: str) -> tuple[str, str]:
    """Return the head of a YAML text, as far as the line `---`, and the rest."""
    head = _HEAD.match(text)
    return (head[0], text[head.end() :]) if head is not None else ("", text)


def _load(form: str, text: str) -> Any:
    return _load_toml(text) if form == "toml" else _load_yaml(_split(text)[1], _INDENTS[0])


def _dump(form: str, data: Any, text: str) -> str:
    if form == "toml":
        import tomlkit  # late: few recipes edit TOML

        return tomlkit.dumps(data)
    head, body = _split(text)
    return head + _dump_yaml(data, _indent_of(body), body)


def _load_toml(text: str) -> Any:
    import tomlkit  # late: few recipes edit TOML
    from tomlkit.exceptions import TOMLKitError

    try:
        return tomlkit.parse(text)
    except (TOMLKitError, ValueError, RecursionError) as error:
        raise HostError(f"the file is no TOML: {error}") from None


_Indent = tuple[int, int, int]

_INDENTS: tuple[_Indent, ...] = (
    (2, 2, 0),
    (2, 4, 2),
    (4, 4, 2),
    (4, 6, 4),
    (4, 4, 0),
    (4, 2, 0),
    (3, 3, 0),
    (8, 8, 0),
)
"""Indents that a YAML file may have: of mappings, of lists, and of the dash in a list."""


def _yaml(indent: _Indent, text: str) -> Any:
    from ruamel.yaml import YAML  # late: few recipes edit YAML

    yaml = YAML(pure=True)
    yaml.preserve_quotes = True
    yaml.width = 1_000_000
    yaml.indent(mapping=indent[0], sequence=indent[1], offset=indent[2])
    yaml.explicit_start = text.startswith("---")
    return yaml


def _load_yaml(text: str, indent: _Indent) -> Any:
    from ruamel.yaml.error import YAMLError

    try:
        data = _yaml(indent, text).load(text)
    except (YAMLError, ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        raise HostError(f"the file is no YAML: {error}") from None
    if data is None:
        return _yaml(indent, text).map()
    return data


def _dump_yaml(data: Any, indent: _Indent, text: str) -> str:
    out = io.StringIO()
    _yaml(indent, text).dump(data, out)
    return out.getvalue()


def _indent_of(text: str) -> _Indent:
    """Return the indents by which a file stays as it is; the usual ones if there are none."""
    for indent in _INDENTS:
        if _dump_yaml(_load_yaml(text, indent), indent, text) == text:
            return indent
    return _INDENTS[0]


def _json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_without_doubles) if text.strip() else {}
    except (ValueError, RecursionError) as error:
        raise HostError(f"the file is no JSON: {error}") from None


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key is there twice")
    return dict(pairs)


class _Member(NamedTuple):
    """A member of an object or a list in a JSON text."""

    key: str
    start: int
    """The place in the text, with its key."""
    value: int
    """The place of its value."""
    end: int


_DECODER = json.JSONDecoder()


def _blank(text: str, at: int) -> int:
    while text[at] in " \t\r\n":
        at += 1
    return at


def _members(text: str, at: int) -> Iterator[_Member]:
    """Yield the members of the object or the list at a place in a valid text."""
    number, named, at = 0, text[at] == "{", _blank(text, at + 1)
    while text[at] not in "]}":
        start, key = at, str(number)
        if named:
            key, at = json.decoder.scanstring(text, at + 1, True)  # type: ignore[attr-defined]
            at = _blank(text, _blank(text, at) + 1)
        _, end = _DECODER.raw_decode(text, at)
        yield _Member(key, start, at, end)
        number, at = number + 1, _blank(text, end)
        if text[at] == ",":
            at = _blank(text, at + 1)


def _json_with(keys: Keys, value: Any, text: str) -> str:
    if not text.strip():
        return json.dumps(_nested(keys, value), indent=2, ensure_ascii=False) + "\n"
    _json(text)
    at = _blank(text, 0)
    for number, key in enumerate(keys):
        if text[at] not in "{[":
            raise HostError(f"{'.'.join(keys)} leads into a value that has no {key!r}")
        members = list(_members(text, at))
        found = next((one for one in members if one.key == key), None)
        if found is None:
            return _json_insert(text, at, members, keys[number:], value)
        at = found.value
    end = _DECODER.raw_decode(text, at)[1]
    return text[:at] + _json_dump(value, text, at) + text[end:]


def _json_insert(text: str, at: int, members: Sequence[_Member], keys: Keys, value: Any) -> str:
    if text[at] == "[" and keys[0] != str(len(members)):
        raise HostError(f"the list has {len(members)} items: there is no place for {keys[0]}")
    new = _nested(keys[1:], value)
    name = f"{json.dumps(keys[0], ensure_ascii=False)}: " if text[at] == "{" else ""
    if not members:
        end = _blank(text, at + 1)
        return text[: at + 1] + name + json.dumps(new, ensure_ascii=False) + text[end:]
    last = members[-1]
    before = text[: last.start]
    blank = before[len(before.rstrip(" \t\r\n")) :]
    return f"{text[: last.end]},{blank}{name}{_json_dump(new, text, last.start)}{text[last.end :]}"


def _json_dump(value: Any, text: str, at: int) -> str:
    """Return a value as JSON, with the indent of the line that it is on."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    indent = line[: len(line) - len(line.lstrip(" \t"))]
    if not indent and "\n" not in text.strip():
        return json.dumps(value, ensure_ascii=False)
    first = re.search(r"\n([ \t]+)", text)
    unit = first[1] if first else "  "
    return json.dumps(value, indent=unit, ensure_ascii=False).replace("\n", f"\n{indent}")


def _json_without(keys: Keys, text: str) -> str:
    at = _blank(text, 0)
    for key in keys[:-1]:
        at = next(one.value for one in _members(text, at) if one.key == key)
    members = list(_members(text, at))
    number = next(i for i, one in enumerate(members) if one.key == keys[-1])
    one = members[number]
    if number + 1 < len(members):
        return text[: one.start] + text[members[number + 1].start :]
    if number:
        return text[: members[number - 1].end] + text[one.end :]
    return text[: at + 1] + text[_blank(text, one.end) :]
