"""The recipe that is being written: its names, its declarations, the account of them."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field

from cookbook.convert.declarations import TITLES, declaration
from cookbook.convert.drafts import Draft
from cookbook.convert.expressions import (
    Untranslatable,
    call,
    constant,
    is_constant,
    joined,
    literal,
    text,
)
from cookbook.convert.report import ConvertReport
from cookbook.convert.scope import NameScope
from cookbook.convert.statements import Code, Note, SourcePlace, Statement, Todo

_ORDER = ("package_name", "path", "username", "key", "source", "content", "variables", "command")


@dataclass
class NotifiedDraft:
    """A resource that acts when it is notified."""

    title: str
    draft: Draft
    actions: Sequence[str]
    calls: list[ast.Call] = field(default_factory=list)
    """The notices, whose target is filled in when all declarations are known."""


@dataclass
class RecipeWork:
    """One recipe that is being written."""

    report: ConvertReport
    scope: NameScope = field(default_factory=NameScope)
    declared: dict[str, bool] = field(default_factory=dict)
    """Identity of each declared resource -> whether every host has it."""

    notified: dict[str, NotifiedDraft] = field(default_factory=dict)

    def declare(self, draft: Draft, title: str, *, always: bool) -> Code:
        """
        Return the statement that declares a resource, under a name that no other one has.

        Raises Untranslatable if the type does not take its properties.
        """
        draft = self._unique(draft, title)
        made = declaration(draft.kind, draft.name, draft.properties, _ORDER)
        self.declared[draft.identity] = always
        return Code(made)

    def _unique(self, draft: Draft, title: str) -> Draft:
        if draft.identity not in self.declared:
            return draft
        if draft.kind not in TITLES:
            raise Untranslatable("it is declared before, and has no other name")
        properties = dict(draft.properties)
        if TITLES[draft.kind]:
            properties.setdefault(TITLES[draft.kind], draft.name)
        for number in range(1, len(self.declared) + 2):
            shown = title if number == 1 else f"{title} ({number})"
            inner: list[str | ast.expr] = [] if is_constant(draft.name) else [": ", draft.name]
            named = Draft(draft.kind, joined([shown, *inner]), properties)
            if named.identity not in self.declared:
                return named
        raise Untranslatable("it is declared before")

    def notice(self, key: str, timing: str = "delayed") -> list[ast.expr]:
        """Return the notices to a resource that waits to be notified."""
        found = self.notified[key]
        made = [call(timing, literal(action), literal("")) for action in found.actions]
        found.calls += made
        return list(made)

    def declare_notified(self) -> list[Statement]:
        """Return declarations of what is notified and was not declared; fill in the notices."""
        made: list[Statement] = []
        here: set[str] = set()
        for one in self.notified.values():
            draft = one.draft
            if not self.declared.get(draft.identity) and draft.identity not in here:
                try:
                    before = draft.identity
                    statement = self.declare(draft, one.title, always=True)
                except Untranslatable as why:
                    made.append(Note(f"TODO {one.title} ({why})"))
                    continue
                draft = Draft(draft.kind, statement.expression.args[0])  # type: ignore[attr-defined]
                here.add(draft.identity if draft.identity == before else "")
                made.append(statement)
            name = [str(constant(draft.name))] if is_constant(draft.name) else [draft.name]
            target = joined([f"{draft.kind}[", *name, "]"])
            for notice in one.calls:
                notice.args[1] = target
        return made

    def todo(self, place: SourcePlace, original: str, why: str, code: Sequence[str] = ()) -> Todo:
        """Return a comment for the author, and put it into the account."""
        made = Todo(place, original, why, code)
        self.report.todos.append(made)
        return made


def shown(expression: ast.expr) -> str:
    """Return the source of an expression for a comment."""
    return text(expression)
