"""Lists of tasks as statements of a recipe: conditions, loops, blocks, notifications, guards."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from cookbook.convert.ansible import loops, modules
from cookbook.convert.ansible.guards import Guards, only_asks
from cookbook.convert.ansible.jinja import Translator
from cookbook.convert.ansible.params import Params, as_flag
from cookbook.convert.ansible.resources import drafts
from cookbook.convert.ansible.sources import RoleSources
from cookbook.convert.ansible.task import Task, as_names, count, tasks_of
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
from cookbook.convert.statements import Code, Compound, Note, PythonLines, Statement, merged
from cookbook.convert.work import RecipeWork


@dataclass(frozen=True)
class Context:
    """The things that tasks inherit from blocks, includes and plays."""

    scope: NameScope
    become_user: str | None = None
    always: bool = True
    """False inside of a condition or a loop."""

    keywords: Mapping[str, Any] = field(default_factory=dict)
    """Keywords of blocks that count for each task."""


class Includes(Protocol):
    """The part of a conversion that knows other files of the role."""

    def include(self, task: Task, context: Context) -> list[Statement] | None:
        """Return the statements of a task that includes something; None for another task."""
        ...

    def notices(self, names: Sequence[str]) -> tuple[list[ast.expr], list[str]]:
        """Return notices to handlers, and the names of those that have no counterpart."""
        ...


_INHERITED = ("no_log", "ignore_errors", "environment", "notify", "delegate_to", "run_once")

_REFUSED: Mapping[str, str] = {
    "delegate_to": "it runs on another host",
    "async": "with parallel() declares steps that run at the same time",
    "module_defaults": "module_defaults is not read",
    "with_sequence": "a loop over a sequence",
    "with_lines": "a loop over the output of a command",
    "with_random_choice": "a random choice",
    "with_filetree": "a loop over a tree of files",
}
"""Keywords that have no counterpart, and why."""


class TaskFlow:
    """Translates lists of tasks."""

    def __init__(self, work: RecipeWork, sources: RoleSources, includes: Includes) -> None:
        self.work = work
        self.sources = sources
        self.includes = includes

    def statements(self, data: Any, file: str, context: Context) -> list[Statement]:
        """Return the statements of a list of tasks as the YAML has it."""
        tasks = list(tasks_of(data, file))
        guards = Guards(tasks, self.work)
        made: list[Statement] = []
        for index, task in enumerate(tasks):
            made += self.task(task, context, guards, index)
        guards.finish()
        return merged(made)

    def task(self, task: Task, context: Context, guards: Guards, index: int) -> list[Statement]:
        """Return the statements of one task."""
        if task.is_block:
            return self._block(task, context)
        if (included := self._included(task, context)) is not None:
            return included
        if task.module in modules.NO_DECLARATION:
            return _without_declaration(task)
        if (probe := guards.probe(task, context.scope)) is not None:
            return [probe]
        made: list[Statement]
        try:
            made = self._declared(task, context, guards, index)
        except Untranslatable as why:
            code = self._near(task, context)
            made = [self.work.todo(task.place, _original(task), str(why), code)]
        todos = sum(1 for one in made for inner in one.walk() if _is_todo(inner))
        self.work.report.count(task.place, todos)
        return made

    def _included(self, task: Task, context: Context) -> list[Statement] | None:
        try:
            return self.includes.include(task, context)
        except Untranslatable as why:
            self.work.report.count(task.place, 1)
            return [self.work.todo(task.place, _original(task), str(why))]

    # --- one task -----------------------------------------------------------------------------

    def _declared(
        self, task: Task, context: Context, guards: Guards, index: int
    ) -> list[Statement]:
        keywords = {
            **{k: v for k, v in context.keywords.items() if k in _INHERITED},
            **task.keywords,
        }
        _refuse(task, keywords)
        loop = loops.loop_of(keywords, context.scope, self.sources)
        scope = loop.scope if loop is not None else context.scope
        wanted = guards.conditions(task, index, scope)
        condition = every(wanted.conditions)
        if isinstance(condition, ast.Constant) and condition.value is False:
            return [Note(f"{task.place}: {task.name}: its condition is never true")]
        if task.module in ("fail", "assert"):
            return self._raised(task, scope, condition)
        found = drafts(Params(task, scope), self.sources)
        if not found:
            return [Note(f"{task.place}: {task.name}: not needed, it is done where it must be")]
        notes = self._decorate(found, task, keywords, scope, context)
        _guarded(found, wanted.properties)
        if loop is not None:
            _name_each(found, loop, task)
        if wanted.after is not None:
            _wait(found, wanted.after)
        plain = condition is None and loop is None
        always = context.always and plain
        made: list[Statement] = [*notes]
        for draft in found:
            statement = self.work.declare(draft, _plain(task.name), always=always)
            made.append(statement)
            guards.declared(task, index, draft, statement, plain=plain)
        return _wrapped(made, condition, loop)

    def _decorate(
        self,
        found: list[Draft],
        task: Task,
        keywords: Mapping[str, Any],
        scope: NameScope,
        context: Context,
    ) -> list[Statement]:
        """Add what keywords say to the resources; return comments for what they cannot have."""
        notes: list[Statement] = []
        for word, value in self._common(task, keywords, scope, context).items():
            for draft in found:
                draft.properties.setdefault(word, value)
        if keywords.get("environment") and found[-1].kind == "execute":
            found[-1].properties["environment"] = Translator(scope).value(keywords["environment"])
        names = as_names(keywords.get("notify"))
        notices, missing = self.includes.notices(names)
        if notices:
            for draft in found:
                draft.properties["notifies"] = literal(notices)
        notes += [
            self.work.todo(task.place, f"notify: {name}", "no such handler here")
            for name in missing
        ]
        for word in ("changed_when", "failed_when", "until"):
            notes += self._judged(word, task, keywords, found)
        return notes

    def _common(
        self, task: Task, keywords: Mapping[str, Any], scope: NameScope, context: Context
    ) -> dict[str, ast.expr]:
        made: dict[str, ast.expr] = {}
        user = keywords.get("become_user", context.become_user)
        if user not in (None, "root"):
            made["become_user"] = Translator(scope).value(user)
        if keywords.get("become") is False and user is None:
            raise Untranslatable("become: false, the user of the login")
        if as_flag(keywords.get("no_log", False)):
            made["sensitive"] = literal(True)
        if (ignore := keywords.get("ignore_errors")) not in (None, False, "no"):
            made["ignore_failure"] = _flag(Translator(scope).condition(ignore))
        if tags := [str(tag) for tag in as_names(task.keywords.get("tags"))]:
            words = [part.strip() for tag in tags for part in tag.split(",")]
            if not {"always", "never"} & set(words):
                made["tags"] = literal([re.sub(r"[^A-Za-z0-9._-]", "-", one) for one in words])
        if (retries := keywords.get("retries")) is not None:
            made["retries"] = Translator(scope).value(retries)
            if (delay := keywords.get("delay")) is not None:
                made["retry_delay"] = Translator(scope).value(delay)
        return made

    def _judged(
        self, word: str, task: Task, keywords: Mapping[str, Any], found: list[Draft]
    ) -> list[Statement]:
        """Return comments for what judges the result of a task in the words of Ansible."""
        value = keywords.get(word)
        if value is None:
            return []
        shown = str(value)
        if word == "failed_when" and shown.lower() in ("false", "no"):
            found[-1].properties["ignore_failure"] = literal(True)
            return []
        if word == "changed_when" and (found[-1].kind != "execute" or shown.lower() == "true"):
            return []
        if word == "until" and re.search(r"is (not failed|succeeded|success)|\.rc == 0", shown):
            return []
        why = {
            "changed_when": "a command that is run is a change; only_if and not_if can avoid it",
            "failed_when": "returns= names the exit statuses that mean success",
            "until": "until= is a command that must succeed",
        }
        return [self.work.todo(task.place, f"{word}: {shown}", why[word])]

    def _near(self, task: Task, context: Context) -> list[str]:
        """Return a declaration that is near to what the task says, as lines of a comment."""
        keywords = dict(task.keywords)
        try:
            loop = loops.loop_of(keywords, context.scope, self.sources)
            scope = loop.scope if loop is not None else context.scope
            found = drafts(Params(task, scope), self.sources)
            shown = [line for one in found for line in _call(one).render(0)]
        except Untranslatable:
            return []
        return shown

    # --- blocks and conditions ----------------------------------------------------------------

    def _block(self, task: Task, context: Context) -> list[Statement]:
        inner = count([task.keywords])
        try:
            condition = self._block_condition(task, context)
        except Untranslatable as why:
            for _ in range(inner):
                self.work.report.count(task.place, 1)
            return [self.work.todo(task.place, _original(task), str(why))]
        within = self._within(task, context, condition)
        made: list[Statement]
        if "rescue" in task.keywords or "always" in task.keywords:
            made = self._attempt(task, within)
        else:
            made = self.statements(task.keywords["block"], task.place.file, within)
        tags = as_names(task.keywords.get("tags"))
        words = [str(tag) for tag in tags if tag not in ("always", "never")]
        if words:
            made = [Compound(f"with tagged({', '.join(map(repr_of, words))})", made)]
        return _wrapped(made, condition, None)

    def _block_condition(self, task: Task, context: Context) -> ast.expr | None:
        if "when" not in task.keywords:
            return None
        translator = Translator(context.scope)
        return every([translator.condition(task.keywords["when"])])

    def _within(self, task: Task, context: Context, condition: ast.expr | None) -> Context:
        inherited = {k: v for k, v in task.keywords.items() if k in _INHERITED}
        return replace(
            context,
            become_user=task.keywords.get("become_user", context.become_user),
            always=context.always and condition is None,
            keywords={**context.keywords, **inherited},
        )

    def _attempt(self, task: Task, context: Context) -> list[Statement]:
        title = _plain(task.name) or f"block at line {task.place.line}"
        name = "attempted"
        within = replace(context, always=False)
        parts = {
            part: self.statements(task.keywords.get(part), task.place.file, within)
            for part in ("block", "rescue", "always")
        }
        made: list[Statement] = [
            Compound(f"with attempt({repr_of(title)}) as {name}", parts["block"])
        ]
        made += [
            Compound(f"with {name}.{part}()", parts[part])
            for part in ("rescue", "always")
            if parts[part]
        ]
        return made

    def _raised(self, task: Task, scope: NameScope, condition: ast.expr | None) -> list[Statement]:
        translator = Translator(scope)
        said = task.params.get("msg") or task.params.get("fail_msg") or task.name
        message = translator.value(said if isinstance(said, str) else str(said))
        raised = PythonLines(f"raise ValueError({text(message)})")
        if task.module == "fail":
            return _wrapped([raised], condition, None)
        held = every([translator.condition(task.params.get("that", True))])
        if held is None:
            return [Note(f"{task.place}: {task.name}: always so")]
        inner = Compound(("if not", held), [raised])
        if isinstance(held, ast.BoolOp):
            inner = Compound(f"if not ({text(held)})", [raised])
        return _wrapped([inner], condition, None)


def _refuse(task: Task, keywords: Mapping[str, Any]) -> None:
    """Raise Untranslatable for keywords that have no counterpart."""
    for word, why in _REFUSED.items():
        if keywords.get(word) not in (None, False):
            raise Untranslatable(why)
    if task.keywords.get("register") and only_asks(task):
        raise Untranslatable("a question, whose answer other tasks use")


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


def _flag(condition: ast.expr) -> ast.expr:
    return (
        condition
        if is_constant(condition)
        else ast.Call(func=ast.Name("bool"), args=[condition], keywords=[])
    )


def _original(task: Task) -> str:
    return task.original or task.name


def _plain(title: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"\{\{\s*|\s*\}\}", "", title)).strip()


def _without_declaration(task: Task) -> list[Statement]:
    said = task.params.get("msg") or task.params.get("var") or ""
    shown = f": {said}" if said else ""
    return [Note(f"{task.place}: {task.module}{shown}, which changes nothing")]


def _wait(found: list[Draft], after: ast.expr) -> None:
    """Have resources act only when another one has changed."""
    for draft in found:
        actions = notified_actions(draft)
        notices = [call("immediate", literal(action), after) for action in actions]
        draft.properties["subscribes"] = literal(notices)


def notified_actions(draft: Draft) -> list[str]:
    """
    Return the actions of a resource that waits to be notified; its own becomes `nothing`.

    Raises Untranslatable if they are not known now.
    """
    default = properties(draft.kind)["action"][1]
    given = constant(draft.properties["action"]) if "action" in draft.properties else default
    actions = [given] if isinstance(given, str) else list(given)
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
        title = str(constant(draft.name)) if is_constant(draft.name) else _plain(task.name)
        if TITLES.get(draft.kind):
            draft.properties.setdefault(TITLES[draft.kind], draft.name)
        cleaned = re.sub(r"\bitem(\.\w+)?\b", "", title).strip(" :.,-'\"") or draft.kind
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
