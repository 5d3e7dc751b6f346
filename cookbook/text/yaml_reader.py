"""The text of a YAML file as values with their places, for every file that a user writes."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from cookbook.errors import InputError
from cookbook.text.bounded_io import MOST_BYTES, content_of
from cookbook.text.yaml_value import DEEPEST, MOST_VALUES, Kinds, Tagged, Value, not_text

if TYPE_CHECKING:
    from pathlib import Path

    from yaml.nodes import MappingNode, Node

# The loader in C is ten times as fast; PyYAML can be built without it.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CONSTRUCTOR = yaml.constructor.SafeConstructor()
_TAG = "tag:yaml.org,2002:"
_SEARCHED = 1000
"""Characters of a line; a hint is not worth the time that a regex takes for a line without end."""
_BARE_RANGE = re.compile(r"[\[{,].*\[\w+:\w+(:\w+)?\]")


@dataclass(frozen=True)
class YamlReader:
    """The way to read one kind of YAML file."""

    raises: type[InputError] = InputError
    """The type of all errors."""

    tags: Mapping[str, Callable[[str, str], Tagged]] = field(default_factory=dict)
    """Tag -> function that makes a value of a text and its place. All other tags are errors."""

    missing: str | None = None
    """The next step if there is no such file."""

    lines: bool = True
    """True if errors and values name a line; False for a text of one line."""

    is_json: bool = False
    """True for JSON, which YAML contains, but for tabs between the words."""

    def read(self, path: Path, most: int = MOST_BYTES) -> Value | None:
        """
        Return the content of a file of at most `most` bytes; None if it is empty.

        Raises the error of the reader with file:line, or file:line:column where the YAML itself is
        wrong.
        """
        name = str(path)
        try:
            content = content_of(path, most)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            if error.errno == errno.EFBIG:
                raise self.raises(f"{name}: {error.strerror}") from error
            hint = self.missing if isinstance(error, FileNotFoundError) else None
            raise self.raises(f"{name}: cannot be read: {reason}", hint=hint) from error
        return self.parse(self._decode(content, name), name)

    def parse(self, text: str, name: str) -> Value | None:
        """Return the value of a text, whose place in errors is `name`; None if it is empty."""
        if self.is_json:
            text = text.replace("\t", " ")
        try:
            self._check_depth(text, name)
            node = yaml.compose(text, _Loader)
        except yaml.MarkedYAMLError as error:
            raise self._syntax_error(error, text, name) from error
        except yaml.reader.ReaderError as error:
            at = self._at(name, _place(text, int(error.position)))
            raise self.raises(f"{at}: not YAML: {error.reason}") from error
        return None if node is None else _Nodes(self, name).value(node)

    def _at(self, name: str, place: str) -> str:
        return f"{name}:{place}" if self.lines else name

    def _check_depth(self, text: str, name: str) -> None:
        """Before composing, which recurses in C: a line of brackets would end the process."""
        depth = 0
        for event in yaml.parse(text, _Loader):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > DEEPEST:
                line = event.start_mark.line + 1 if event.start_mark else 0
                raise self._too_deep(name, line)

    def _too_deep(self, name: str, line: int) -> InputError:
        """No file of a person is like that."""
        return self.raises(f"{self._at(name, str(line))}: more than {DEEPEST} levels deep")

    def _decode(self, content: bytes, name: str) -> str:
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            before = content[: error.start].decode("utf-8-sig")
            at = f"{name}:{_place(before, len(before))}"
            raise self.raises(f"{at}: not UTF-8 text", hint="save it as UTF-8") from error

    def _syntax_error(self, error: yaml.MarkedYAMLError, text: str, name: str) -> InputError:
        mark = error.problem_mark or error.context_mark
        at = self._at(name, f"{mark.line + 1}:{mark.column + 1}") if mark else name
        lines = text.split("\n")
        line = lines[mark.line] if mark and mark.line < len(lines) else ""
        if "\t" in line[: len(line) - len(line.lstrip())]:
            return self.raises(f"{at}: a tab before the text", hint="YAML is indented with spaces")
        if error.problem == "exceeded maximum nesting depth":  # the limit of libyaml is lower
            return self._too_deep(name, mark.line + 1 if mark else 0)
        what = ", ".join(part for part in (error.context, error.problem) if part)
        # The mark is where the parser gave up, which can be a line after the cause.
        near = lines[max(0, mark.line - 1) : mark.line + 1] if mark else []
        bare = any(_BARE_RANGE.search(text[:_SEARCHED]) for text in near)
        hint = 'inside [ ] and { } a range needs quotes: "web[01:20]"' if bare else None
        return self.raises(f"{at}: not YAML: {what}", hint=hint)


def _place(text: str, position: int) -> str:
    """line:column of a character, both from 1."""
    line_start = text.rfind("\n", 0, position) + 1
    return f"{text.count(chr(10), 0, position) + 1}:{position - line_start + 1}"


class _Nodes:
    """Nodes of one document into values, counting, since an alias can stand for many."""

    def __init__(self, reader: YamlReader, name: str) -> None:
        self.raises, self.tags, self.lines = reader.raises, reader.tags, reader.lines
        self.name = name
        self.count = 0

    def at(self, node: Node) -> str:
        return f"{self.name}:{node.start_mark.line + 1}" if self.lines else self.name

    def value(self, node: Node, at: str | None = None, depth: int = 0) -> Value:
        at = at or self.at(node)
        self.count += 1
        if self.count > MOST_VALUES:
            raise self.raises(f"{at}: more than {MOST_VALUES:,} values, aliases followed")
        if depth > DEEPEST:
            raise self.raises(f"{at}: more than {DEEPEST} levels deep, or inside itself")
        if isinstance(node, yaml.MappingNode):
            self._check_tag(node, "map", at)
            return Value(self._mapping(node, depth), at, "", self.raises)
        if isinstance(node, yaml.SequenceNode):
            self._check_tag(node, "seq", at)
            items = [self.value(item, None, depth + 1) for item in node.value]
            return Value(items, at, "", self.raises)
        return self._scalar(node, at)

    def _check_tag(self, node: Node, kind: str, at: str) -> None:
        if node.tag != _TAG + kind:
            raise self.raises(f"{at}: unknown tag {_tag(node)}")

    def _mapping(self, node: MappingNode, depth: int) -> dict[str, Value]:
        entries: dict[str, Value] = {}
        merged: list[Node] = []
        for key, inner in node.value:
            if key.tag == _TAG + "merge":
                merged += inner.value if isinstance(inner, yaml.SequenceNode) else [inner]
                continue
            name, at = self._key(key), self.at(key)
            if name in entries:
                raise self.raises(
                    f"{at}: key {name!r} is here for the second time; "
                    f"the first is at {entries[name].at}"
                )
            entries[name] = self.value(inner, at, depth + 1)
        for inner in merged:
            for name, value in self._merged(inner, depth).items():
                entries.setdefault(name, value)
        return entries

    def _merged(self, node: Node, depth: int) -> dict[str, Value]:
        """Yield the keys of `<<: *anchor` that the mapping does not have itself."""
        value = self.value(node, None, depth + 1)
        if not isinstance(value.data, dict):
            raise value.error(f"<< takes a mapping, not {value}")
        return value.data

    def _key(self, node: Node) -> str:
        at = self.at(node)
        if not isinstance(node, yaml.ScalarNode):
            raise self.raises(f"{at}: a key must be text, not a list or a mapping")
        key = self._scalar(node, at).data
        if not isinstance(key, str):
            raise not_text(at, node.value, Kinds.get(type(key), "no text"), self.raises)
        return key

    def _scalar(self, node: Node, at: str) -> Value:
        if node.tag in self.tags and node.value:
            made = self.tags[node.tag](node.value, at)
            return Value(made, at, repr(made), self.raises)
        if node.tag in _TEXTS:
            return Value(node.value, at, node.value, self.raises)
        try:
            return Value(_SCALARS[node.tag](node), at, node.value, self.raises)
        except KeyError:
            raise self.raises(f"{at}: unknown tag {_tag(node)}") from None
        except ValueError:
            raise self.raises(f"{at}: {node.value[:40]!r} is not {_tag(node)}") from None


def _tag(node: Node) -> str:
    return str(node.tag).replace(_TAG, "!!")


# A date stays the text that was written: it has no counterpart in JSON.
_TEXTS = frozenset({_TAG + "str", _TAG + "timestamp", _TAG + "value"})
_SCALARS: dict[str, Callable[[Any], bool | float | None]] = {
    _TAG + "null": lambda _node: None,
    _TAG + "bool": _CONSTRUCTOR.construct_yaml_bool,
    _TAG + "int": _CONSTRUCTOR.construct_yaml_int,
    _TAG + "float": _CONSTRUCTOR.construct_yaml_float,
}
