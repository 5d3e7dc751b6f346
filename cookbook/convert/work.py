"""The recipe that is being written: its names, its declarations, the account of them."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field

from cookbook.convert import passwords
from cookbook.convert.conditions import Conditions, exclusive
from cookbook.convert.declarations import MARKED, TITLES, declaration
from cookbook.convert.drafts import Draft
from cookbook.convert.expressions import (
    Untranslatable,
    call,
    constant,
    is_constant,
    joined,
    literal,
)
from cookbook.convert.report import ConvertReport
from cookbook.convert.scope import NameScope, identifier
from cookbook.convert.statements import Assignment, Code, SourcePlace, Statement, Todo

_ORDER = ("package_name", "path", "username", "key", "source", "content", "variables", "command")


@dataclass
class NotifiedDraft:
    """A resource that acts when it is notified."""

    title: str
    place: SourcePlace
    original: str
    draft: Draft
    actions: Sequence[ast.expr]
    calls: list[ast.Call] = field(default_factory=list)
    """The notices, whose target is filled in when all declarations are known."""


@dataclass
class RecipeWork:
    """One recipe that is being written."""

    report: ConvertReport
    scope: NameScope = field(default_factory=NameScope)
    declared: dict[str, bool] = field(default_factory=dict)
    """Identity of each declared resource -> whether every host has it."""

    places: dict[str, list[Conditions]] = field(default_factory=dict)
    """Identity of each resource whose name is on the host -> the conditions of its declarations."""

    notified: dict[str, NotifiedDraft] = field(default_factory=dict)

    def declare(
        self, draft: Draft, title: str, *, always: bool, conditions: Conditions = ()
    ) -> Code:
        """
        Return the statement that declares a resource, under a name that no other one has.

        `conditions` are those around it. Raises Untranslatable if the type does not take its
        properties.
        """
        for word, value in draft.properties.items():
            passwords.refuse(word, value)
        draft = self._unique(draft, title, conditions)
        made = declaration(draft.kind, draft.name, draft.properties, _ORDER)
        self.declared[draft.identity] = always
        self.places.setdefault(draft.identity, []).append(conditions)
        return Code(made)

    def _unique(self, draft: Draft, title: str, conditions: Conditions) -> Draft:
        if draft.identity not in self.declared:
            return draft
        if draft.kind in MARKED:
            places = self.places.get(draft.identity, [()])
            changing = {identifier(word) for word in self.scope.assigned}
            if all(exclusive(one, conditions, changing) for one in places):
                return draft
            raise Untranslatable("it is declared before, and its name is what it is known by")
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
        made = [call(timing, action, literal("")) for action in found.actions]
        found.calls += made
        return list(made)

    def declare_notified(self) -> list[Statement]:
        """
        Return declarations of what is notified and was not declared; fill in the notices.

        A notice to what cannot be declared stays without a target; `without_lost` takes it out.
        """
        made: list[Statement] = []
        failed: dict[SourcePlace, bool] = {}
        here: set[str] = set()
        for one in self.notified.values():
            failed.setdefault(one.place, False)
            draft = one.draft
            if not self.declared.get(draft.identity) and draft.identity not in here:
                try:
                    before = draft.identity
                    statement = self.declare(draft, one.title, always=True)
                except Untranslatable as why:
                    made.append(self.todo(one.place, one.original, str(why)))
                    failed[one.place] = True
                    continue
                draft = Draft(draft.kind, statement.expression.args[0])  # type: ignore[attr-defined]
                here.add(draft.identity if draft.identity == before else "")
                made.append(statement)
            name = [str(constant(draft.name))] if is_constant(draft.name) else [draft.name]
            target = joined([f"{draft.kind}[", *name, "]"])
            for notice in one.calls:
                notice.args[1] = target
        for place, is_failed in failed.items():
            self.report.count(place, int(is_failed))
        return made

    def todo(self, place: SourcePlace, original: str, why: str, code: Sequence[str] = ()) -> Todo:
        """Return a comment for the author, and put it into the account."""
        made = Todo(place, original, why, code)
        self.report.todos.append(made)
        return made


def without_lost(statements: Sequence[Statement]) -> None:
    """Take the notices out of statements that have no target."""
    for one in statements:
        for inner in one.walk():
            tree = inner.expression if isinstance(inner, Code) else None
            tree = inner.value if isinstance(inner, Assignment) else tree
            nodes = [*ast.walk(tree)] if tree is not None else []
            for node in nodes:
                if isinstance(node, ast.List):
                    node.elts = [element for element in node.elts if not _is_lost(element)]
            for node in nodes:
                if isinstance(node, ast.Call):
                    node.keywords = [word for word in node.keywords if not _is_empty(word)]


def _is_lost(element: ast.expr) -> bool:
    match element:
        case ast.Call(func=ast.Name(id="delayed" | "immediate"), args=[_, target]):
            return isinstance(target, ast.Constant) and target.value == ""
    return False


def _is_empty(word: ast.keyword) -> bool:
    return word.arg == "notifies" and isinstance(word.value, ast.List) and not word.value.elts
