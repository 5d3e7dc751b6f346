"""Lists of tasks as statements of a recipe: conditions, loops, blocks, notifications, guards."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from cookbook.convert.ansible import keywords, loops, modules, raised
from cookbook.convert.ansible.guards import Guards, only_asks
from cookbook.convert.ansible.params import Params
from cookbook.convert.ansible.resources import drafts
from cookbook.convert.ansible.sources import RoleSources
from cookbook.convert.ansible.sources import plain as title
from cookbook.convert.ansible.task import Task, as_names, comment_of, count, is_silent, tasks_of
from cookbook.convert.ansible.task_vars import with_vars
from cookbook.convert.declarations import TITLES, declaration, properties
from cookbook.convert.drafts import Draft
from cookbook.convert.expressions import (
    Untranslatable,
    call,
    constant,
    every,
    is_constant,
    joined,
    literal,
    text,
)
from cookbook.convert.scope import NameScope
from cookbook.convert.statements import Code, Compound, Note, Statement, merged
from cookbook.convert.work import RecipeWork
from cookbook.text.secret_marks import masked

NEEDLESS = "not needed, it is done where it must be"
"""The comment in place of what tells systemd that units have changed."""


@dataclass(frozen=True)
class Context:
    """The things that tasks inherit from blocks, includes and plays."""

    scope: NameScope
    always: bool = True
    """False inside of a condition or a loop."""

    conditions: tuple[ast.expr, ...] = ()
    """The conditions of the blocks and the includes around it."""

    keywords: Mapping[str, Any] = field(default_factory=dict)
    """Keywords of plays, blocks and includes that count for each task."""

    attempts: int = 0
    """The number of blocks around it that handle failures."""

    def under(self, condition: ast.expr | None) -> Context:
        """Return the same inside of a condition."""
        if condition is None:
            return self
        return replace(self, always=False, conditions=(*self.conditions, condition))


class Includes(Protocol):
    """The part of a conversion that knows other files of the role."""

    def include(
        self, task: Task, given: Mapping[str, Any], context: Context
    ) -> list[Statement] | None:
        """
        Return the statements of a task that includes something; None for another task.

        `given` is its keywords with those that it inherits.
        """
        ...

    def notices(self, names: Sequence[str]) -> tuple[list[ast.expr], list[str]]:
        """Return notices to handlers, and the names of those that have no counterpart."""
        ...


class TaskFlow:
    """Translates lists of tasks."""

    def __init__(self, work: RecipeWork, sources: RoleSources, includes: Includes) -> None:
        self.work = work
        self.sources = sources
        self.includes = includes

    def statements(self, data: Any, file: str, context: Context) -> list[Statement]:
        """Return the statements of a list of tasks as the YAML has it."""
        tasks = list(tasks_of(data, file))
        guards = Guards(tasks, self.work, context.scope)
        made: list[Statement] = []
        for index, task in enumerate(tasks):
            made += self.task(task, context, guards, index)
        guards.finish()
        return merged(made)

    def task(self, task: Task, context: Context, guards: Guards, index: int) -> list[Statement]:
        """Return the statements of one task."""
        if task.is_block:
            return self._block(task, context)
        known, used = dict(self.work.declared), set(guards.used)
        counted = True
        made: list[Statement]
        given = keywords.inherited(context.keywords, task.keywords)
        try:
            tags = keywords.tags_of(task.keywords)
            included = self.includes.include(task, given, context)
            if included is not None:
                counted, made = False, included
            elif task.module in modules.NO_DECLARATION:
                counted, made = False, _without_declaration(task, given)
            elif (probe := guards.probe(task, given, context.scope)) is not None:
                return [probe]
            else:
                made = self._declared(task, {**given, "tags": tags}, context, guards, index)
        except Untranslatable as why:
            self.work.declared, guards.used = known, used
            counted = True
            code = [] if is_silent(given) else self._near(task, context)
            made = [self.work.todo(task.place, comment_of(task, given), str(why), code)]
        if counted:
            todos = sum(1 for one in made for inner in one.walk() if _is_todo(inner))
            self.work.report.count(task.place, todos)
        return made

    # --- one task -----------------------------------------------------------------------------

    def _declared(
        self, task: Task, given: Mapping[str, Any], context: Context, guards: Guards, index: int
    ) -> list[Statement]:
        is_raised = task.module in raised.MODULES
        keywords.refuse(given, keywords.RAISED if is_raised else keywords.TASK)
        loop, scope = self._scopes(task, context)
        if task.keywords.get("register") and only_asks(task):
            raise Untranslatable("a question, whose answer other tasks use")
        wanted = guards.conditions(task, index, scope)
        condition = every(wanted.conditions)
        if isinstance(condition, ast.Constant) and condition.value is False:
            return [Note(f"{task.place}: {task.name}: its condition is never true")]
        if is_raised:
            if wanted.properties or wanted.after is not None or context.attempts:
                raise Untranslatable("a recipe stops when it is compiled, and not in the middle")
            return _wrapped(raised.raised(Params(task, scope)), condition, loop)
        found = drafts(Params(task, scope), self.sources)
        if not found:
            return [Note(f"{task.place}: {task.name}: {NEEDLESS}")]
        left = self._decorate(found, given, scope)
        _guarded(found, wanted.properties)
        if loop is not None:
            _name_each(found, loop, task)
        if wanted.after is not None:
            _wait(found, wanted.after)
        plain = condition is None and loop is None
        declared: list[Statement] = []
        for draft in found:
            statement = self.work.declare(
                draft,
                title(task.name),
                always=context.always and plain,
                conditions=(*context.conditions, *wanted.conditions),
            )
            declared.append(statement)
            guards.declared(task, index, draft, statement, plain=plain)
        notes = [self.work.todo(task.place, what, why) for what, why in left.items()]
        return _wrapped([*notes, *declared], condition, loop)

    def _scopes(self, task: Task, context: Context) -> tuple[loops.Loop | None, NameScope]:
        """Return the loop of a task, and the names inside of it."""
        given = task.keywords.get("vars")
        outer = with_vars(context.scope, given)
        loop = loops.loop_of(task.keywords, outer, self.sources)
        return loop, (outer if loop is None else with_vars(loop.scope, given))

    def _decorate(
        self, found: list[Draft], given: Mapping[str, Any], scope: NameScope
    ) -> dict[str, str]:
        """Add what keywords say to the resources; return what they cannot have -> why."""
        for draft in found:
            for word, value in keywords.common(given, scope).items():
                draft.properties.setdefault(word, value)
            if given.get("tags"):
                draft.properties.setdefault("tags", literal(given["tags"]))
        keywords.add_environment(found[-1], given, scope)
        notices, missing = self.includes.notices(as_names(given.get("notify")))
        if notices:
            for draft in found:
                draft.properties["notifies"] = literal(notices)
        left = {f"notify: {name}": "no such handler here" for name in missing}
        return left | keywords.judged(given, found[-1])

    def _near(self, task: Task, context: Context) -> list[str]:
        """Return a declaration that is near to what the task says, as lines of a comment."""
        try:
            _, scope = self._scopes(task, context)
            found = drafts(Params(task, scope), self.sources)
            shown = [line for one in found for line in _call(one).render(0)]
        except Untranslatable:
            return []
        return shown

    # --- blocks and conditions ----------------------------------------------------------------

    def _block(self, task: Task, context: Context) -> list[Statement]:
        inner = count([task.keywords])
        try:
            tags = keywords.tags_of(task.keywords)
            within = self._within(task, context)
            condition = keywords.condition_of(task.keywords, within.scope)
        except Untranslatable as why:
            for _ in range(inner):
                self.work.report.count(task.place, 1)
            given = keywords.inherited(context.keywords, task.keywords)
            return [self.work.todo(task.place, comment_of(task, given), str(why))]
        within = within.under(condition)
        made: list[Statement]
        if "rescue" in task.keywords or "always" in task.keywords:
            made = self._attempt(task, within)
        else:
            made = self.statements(task.keywords["block"], task.place.file, within)
        return _wrapped(tagged(tags, made), condition, None)

    def _within(self, task: Task, context: Context) -> Context:
        own = {word: one for word, one in task.keywords.items() if word not in keywords.BLOCK}
        return replace(
            context,
            scope=with_vars(context.scope, task.keywords.get("vars")),
            keywords=keywords.inherited(context.keywords, own),
        )

    def _attempt(self, task: Task, context: Context) -> list[Statement]:
        shown = title(task.name) or f"block at line {task.place.line}"
        name = f"attempted_{context.attempts + 1}" if context.attempts else "attempted"
        within = replace(context, always=False, attempts=context.attempts + 1)
        parts = {
            part: self.statements(task.keywords.get(part), task.place.file, within)
            for part in ("block", "rescue", "always")
        }
        made: list[Statement] = [
            Compound(f"with attempt({repr_of(shown)}) as {name}", parts["block"])
        ]
        made += [
            Compound(f"with {name}.{part}()", parts[part])
            for part in ("rescue", "always")
            if parts[part]
        ]
        return made


def tagged(tags: Sequence[str], made: list[Statement]) -> list[Statement]:
    """Return statements with tags, by the context of that name."""
    if not tags or not made:
        return made
    return [Compound(f"with tagged({', '.join(map(repr_of, tags))})", made)]


def _guarded(found: Sequence[Draft], guards: Mapping[str, ast.expr]) -> None:
    """Add guards to resources."""
    for draft in found:
        if guards.keys() & draft.properties.keys():
            raise Untranslatable("two guards of one kind")
        draft.properties.update(guards)


def repr_of(word: str) -> str:
    """Return the source of a text."""
    return text(literal(word))


def _call(draft: Draft) -> Code:
    return Code(declaration(draft.kind, draft.name, draft.properties))


def _is_todo(one: Statement) -> bool:
    return isinstance(one, Note) and one.words.startswith("TODO")


def _without_declaration(task: Task, given: Mapping[str, Any]) -> list[Statement]:
    if task.keywords.get("notify"):
        raise Untranslatable("a notice of a task that changes nothing")
    said = "" if is_silent(given) else task.params.get("msg") or task.params.get("var") or ""
    shown = f": {masked(str(said))}" if said else ""
    return [Note(f"{task.place}: {task.module}{shown}, which changes nothing")]


def _wait(found: list[Draft], after: ast.expr) -> None:
    """Have resources act only when another one has changed."""
    for draft in found:
        actions = notified_actions(draft)
        notices = [call("immediate", action, after) for action in actions]
        draft.properties["subscribes"] = literal(notices)


def notified_actions(draft: Draft) -> list[ast.expr]:
    """
    Return the actions of a resource that waits to be notified; its own becomes `nothing`.

    An action may be chosen by a table in the recipe. Raises Untranslatable for other values that
    are not known now.
    """
    given = draft.properties.get("action", literal(properties(draft.kind)["action"][1]))
    actions = given.elts if isinstance(given, ast.List) else [given]
    for one in actions:
        if not isinstance(one, ast.Subscript) or not isinstance(one.value, ast.Dict):
            constant(one)
    draft.properties["action"] = literal("nothing")
    return actions


def _name_each(found: list[Draft], loop: loops.Loop, task: Task) -> None:
    """Give each turn of a loop a name of its own."""
    every = [one for draft in found for one in (draft.name, *draft.properties.values())]
    for draft in found:
        used = {node.id for node in ast.walk(draft.name) if isinstance(node, ast.Name)}
        if used & loop.names:
            continue
        part = loops.naming_part(every, loop)
        shown = str(constant(draft.name)) if is_constant(draft.name) else title(task.name)
        if TITLES.get(draft.kind):
            draft.properties.setdefault(TITLES[draft.kind], draft.name)
        cleaned = re.sub(r"\bitem(\.\w+)?\b", "", shown).strip(" :.,-'\"") or draft.kind
        draft.name = joined([f"{cleaned}: ", part])


def _wrapped(
    made: list[Statement], condition: ast.expr | None, loop: loops.Loop | None
) -> list[Statement]:
    """Put statements below their loop and their condition, the one outside that must be."""
    if condition is None and loop is None:
        return made
    names = {n.id for n in ast.walk(condition) if isinstance(n, ast.Name)} if condition else set()
    if loop is None:
        return [Compound(("if", condition), made)] if condition is not None else made
    if condition is not None and names & loop.names:
        return [Compound(loop.head, [Compound(("if", condition), made)])]
    inner: list[Statement] = [Compound(loop.head, made)]
    return [Compound(("if", condition), inner)] if condition is not None else inner
