"""The things that tasks of all modules need: their title, and the files of the role."""

from __future__ import annotations

import ast
import re
from typing import Protocol

from cookbook.convert.ansible.params import Params
from cookbook.convert.expressions import constant, is_constant, literal


class RoleSources(Protocol):
    """The files and templates of a role, as far as a task needs them."""

    def file(self, source: ast.expr) -> tuple[str, ast.expr]:
        """Return `file` or `folder`, and the expression of the name below `files/`."""
        ...

    def template(self, source: ast.expr, params: Params) -> tuple[ast.expr, ast.expr]:
        """Return the expressions of the name below `templates/`, and of the variables."""
        ...


def title_of(params: Params) -> ast.expr:
    """Return the title of a task as the name of a resource."""
    return literal(plain(params.task.name))


def plain(title: str) -> str:
    """Return a title without the braces of Jinja."""
    return re.sub(r"\s+", " ", re.sub(r"\{\{\s*|\s*\}\}", "", title)).strip()


def part(one: ast.expr) -> str | ast.expr:
    """Return a part of a text: a constant as its text."""
    return str(constant(one)) if is_constant(one) else one
