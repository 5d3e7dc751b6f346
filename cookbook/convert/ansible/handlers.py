"""Handlers of Ansible as resources that wait to be notified."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cookbook.convert.ansible import keywords
from cookbook.convert.ansible.files import RoleFiles
from cookbook.convert.ansible.flow import NEEDLESS, notified_actions
from cookbook.convert.ansible.params import Params
from cookbook.convert.ansible.reader import read
from cookbook.convert.ansible.resources import drafts
from cookbook.convert.ansible.sources import plain as title
from cookbook.convert.ansible.task import Task, as_names, comment_of, tasks_of
from cookbook.convert.ansible.task_vars import with_vars
from cookbook.convert.drafts import Draft
from cookbook.convert.expressions import Untranslatable, literal, name, text
from cookbook.convert.scope import identifier
from cookbook.convert.statements import Assignment, Note, Statement
from cookbook.convert.work import NotifiedDraft, RecipeWork


class Handlers:
    """The handlers of one role or play."""

    def __init__(
        self, work: RecipeWork, files: RoleFiles, path: Callable[[str], Path | None]
    ) -> None:
        self.work = work
        self.files = files
        self._path = path
        self.keywords: Mapping[str, Any] = {}
        """The keywords of a play that count for its handlers."""

        self.late: set[str] = set()
        """Variables that tasks set which are not among the variables on top of the recipe."""

        self.choices: list[Statement] = []
        """Variables with the notices of handlers that have conditions."""

        self.handlers: dict[str, list[tuple[str, ast.expr | None]]] = {}
        """Name of a handler, or what it listens to -> keys of `notified`, conditions."""

        self._next: dict[str, list[str]] = {}
        """Key of `notified` -> the handlers that are notified with it."""

        self._chosen: dict[str, str] = {}
        """Key of `notified` -> the variable with its notices, if it has a condition."""

    def read(self, data: Any, file: str) -> None:
        """Read the handlers, before the tasks that notify them."""
        for task in tasks_of(data, file):
            if task.module in ("include_tasks", "import_tasks", "include"):
                path = self._path(f"handlers/{task.free or task.params.get('file')}")
                if path is not None and not keywords.refused(task.keywords, ("tags",)):
                    self.read(read(path), f"handlers/{path.name}")
                    continue
            self._handler(task)

    def _handler(self, task: Task) -> None:
        names = [task.name, *as_names(task.keywords.get("listen"))]
        given = keywords.inherited(self.keywords, task.keywords)
        comment = comment_of(task, given)
        try:
            found, condition = self._drafts(task, given)
        except Untranslatable as why:
            self.choices.append(self.work.todo(task.place, comment, str(why)))
            self.work.report.count(task.place, 1)
            return
        if not found:
            self.choices.append(Note(f"{task.place}: {task.name}: {NEEDLESS}"))
            self.handlers.update({one: self.handlers.get(one, []) for one in names})
            self.work.report.count(task.place, 0)
        for number, (draft, actions) in enumerate(found):
            key = f"{task.place}/{number}"
            waiting = NotifiedDraft(title(task.name), task.place, comment, draft, actions)
            self.work.notified[key] = waiting
            self._next[key] = as_names(task.keywords.get("notify"))
            for one in names:
                self.handlers.setdefault(one, []).append((key, condition))

    def _drafts(
        self, task: Task, given: Mapping[str, Any]
    ) -> tuple[list[tuple[Draft, list[ast.expr]]], ast.expr | None]:
        """Return the resources of a handler with their actions, and its condition."""
        keywords.refuse(given, keywords.HANDLER)
        scope = with_vars(self.work.scope, task.keywords.get("vars"))
        condition = keywords.condition_of(task.keywords, scope)
        drafted = drafts(Params(task, scope), self.files)
        made = []
        for draft in drafted:
            actions = notified_actions(draft)
            if task.keywords.get("notify") and draft.kind not in ("execute", "service"):
                raise Untranslatable("a handler that notifies others only if it changes something")
            draft.properties.update(keywords.common(given, scope))
            if draft is drafted[-1]:
                keywords.add_environment(draft, given, scope)
                for what, why in keywords.judged(given, draft).items():
                    raise Untranslatable(f"{what}: {why}")
            if draft.kind == "service":
                draft.properties.pop("action", None)
            made.append((draft, actions))
        return made, condition

    def unnotified(self) -> list[Statement]:
        """Return comments for handlers that no translated task notifies: when, and with what."""
        made: list[Statement] = []
        seen: set[str] = set()
        for key, condition in [pair for every in self.handlers.values() for pair in every]:
            waiting = self.work.notified[key]
            if waiting.calls or key in seen:
                continue
            seen.add(key)
            said = []
            if condition is not None and not _is_true(condition):
                said.append(f"only if {text(condition)}")
            if self._next[key]:
                said.append(f"together with {', '.join(self._next[key])}")
            if said:
                words = f"{waiting.place}: {waiting.title}: notify it {', '.join(said)}"
                made.append(Note(words))
        return made

    def notices(self, names: Sequence[str]) -> tuple[list[ast.expr], list[str]]:
        """
        Return notices to handlers, and the names of those that have no counterpart.

        They are in the order of the handlers, in which Ansible runs them. What a handler notifies
        is notified with it: it always changes something.
        """
        return self._notices(names, frozenset())

    def _notices(
        self, names: Sequence[str], before: frozenset[str]
    ) -> tuple[list[ast.expr], list[str]]:
        made: list[ast.expr] = []
        missing = [one for one in names if one not in self.handlers]
        order = [*self.work.notified]
        found = {
            key: (one, condition)
            for one in names
            for key, condition in self.handlers.get(one, [])
            if key not in before
        }
        for key in sorted(found, key=order.index):
            one, condition = found[key]
            more, lost = self._notices(self._next[key], before | {key})
            notices = [*self.work.notice(key), *more]
            missing += lost
            if condition is None or _is_true(condition):
                made += notices
            else:
                made.append(self._choice(key, one, condition, notices))
        return made, missing

    def _choice(
        self, key: str, handler: str, condition: ast.expr, notices: list[ast.expr]
    ) -> ast.expr:
        """
        Return the notices of a handler with a condition, from a variable of the recipe.

        What depends on a variable that a task sets is decided where it is notified.
        """
        asked = (condition, self.work.notified[key].draft.name)
        used = {one.id for part in asked for one in ast.walk(part) if isinstance(one, ast.Name)}
        if used & {identifier(word) for word in self.late}:
            value = ast.IfExp(test=condition, body=literal(notices), orelse=literal([]))
            return ast.Starred(value=value, ctx=ast.Load())
        if key not in self._chosen:
            target = f"notify_{identifier(handler.lower())}"
            others = [one for one in self._chosen.values() if one.startswith(target)]
            self._chosen[key] = f"{target}_{len(others) + 1}" if others else target
            value = ast.IfExp(test=condition, body=literal(notices), orelse=literal([]))
            self.choices.append(Assignment(self._chosen[key], value))
        return ast.Starred(value=name(self._chosen[key]), ctx=ast.Load())


def _is_true(condition: ast.expr) -> bool:
    return isinstance(condition, ast.Constant) and bool(condition.value)
