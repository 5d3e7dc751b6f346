"""Ruby as a syntax tree, by tree-sitter, which is loaded when a cookbook is converted."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cookbook.convert.source_tree import content
from cookbook.errors import UsageError

_INSTALL = "pip install 'cook-converge[convert]'"


@functools.cache
def _parser() -> Any:
    try:
        import tree_sitter
        import tree_sitter_ruby
    except ImportError as error:
        raise UsageError(
            f"cookbooks are Ruby, and its parser is not installed: {error.name}",
            hint=f"{_INSTALL}   # tree-sitter and tree-sitter-ruby",
        ) from None
    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_ruby.language()))


class Tree:
    """The syntax tree of a file."""

    def __init__(self, source: bytes, file: str) -> None:
        self.source = source
        self.file = file
        self.root = _parser().parse(source).root_node

    @classmethod
    def of(cls, path: Path, file: str) -> Tree:
        """
        Return the tree of a file; `file` is how it is named.

        Raises UsageError with file:line if it is no Ruby.
        """
        tree = cls(content(path), file)
        if tree.root.has_error and (found := _error(tree.root)) is not None:
            line = found.start_point[0] + 1
            raise UsageError(
                f"{path}:{line}: this is no Ruby that the parser understands",
                hint="`ruby -c` says more",
            )
        return tree

    def text(self, node: Any) -> str:
        """Return the source of a node."""
        return self.source[node.start_byte : node.end_byte].decode("utf-8", "surrogateescape")


def _error(node: Any) -> Any:
    if node.type == "ERROR" or node.is_missing:
        return node
    return next(
        (e for child in node.children if child.has_error for e in [_error(child)] if e), None
    )


def named(node: Any) -> list[Any]:
    """Return the children that mean something, without comments; none of what is not there."""
    if node is None:
        return []
    return [child for child in node.named_children if child.type != "comment"]


def walk(node: Any) -> Iterator[Any]:
    """Yield a node, and all that mean something inside of it."""
    yield node
    for child in node.named_children:
        yield from walk(child)
