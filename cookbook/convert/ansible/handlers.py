"""Handlers of Ansible as resources that wait to be notified."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cookbook.convert.ansible.files import RoleFiles
from cookbook.convert.ansible.flow import notified_actions
from cookbook.convert.ansible.jinja import Translator
from cookbook.convert.ansible.params import Params
from cookbook.convert.ansible.reader import read
from cookbook.convert.ansible.resources import drafts
from cookbook.convert.ansible.task import Task, as_names, tasks_of
from cookbook.convert.drafts import Draft
from cookbook.convert.expressions import Untranslatable, every, literal, name
from cookbook.convert.scope import identifier
from cookbook.convert.statements import Assignment, Statement
from cookbook.convert.work import NotifiedDraft, RecipeWork


class Handlers:
    """The handlers of one role or play."""

    def __init__(
        self, work: RecipeWork, files: RoleFiles, path: Callable[[str], Path | None]
    ) -> None:
        self.work = work
        self.files = files
        self._path = path
        self.choices: list[Statement] = []
        """Variables with the notices of handlers that have conditions."""

        self.handlers: dict[str, list[tuple[str, ast.expr | None]]] = {}
        """Name of a handler, or what it listens to -> keys of `notified`, conditions."""

    def read(self, data: Any, file: str) -> None:
        """Read the handlers, before the tasks that notify them."""
        for task in tasks_of(data, file):
            if task.module in ("include_tasks", "import_tasks", "include"):
                path = self._path(f"handlers/{task.free or task.params.get('file')}")
                if path is not None and "{{" not in str(path):
                    self.read(read(path), f"handlers/{path.name}")
                    continue
            self._handler(task)

    def _handler(self, task: Task) -> None:
        names = [task.name, *as_names(task.keywords.get("listen"))]
        try:
            _refuse_handler(task)
            condition = self._condition(task)
            found = drafts(Params(task, self.work.scope), self.files)
            for number, draft in enumerate(found):
                actions = notified_actions(draft)
                self._decorate(task, draft)
                if draft.kind == "service":
                    draft.properties.pop("action", None)
                key = f"{task.place}/{number}"
                self.work.notified[key] = NotifiedDraft(task.name, draft, actions)
                for one in names:
                    self.handlers.setdefault(one, []).append((key, condition))
            self.work.report.count(task.place, 0)
        except Untranslatable as why:
            original = task.original or task.name
            self.choices.append(self.work.todo(task.place, original, str(why)))
            self.work.report.count(task.place, 1)

    def _decorate(self, task: Task, draft: Draft) -> None:
        if (user := task.keywords.get("become_user")) not in (None, "root"):
            draft.properties["become_user"] = literal(str(user))
        if task.keywords.get("ignore_errors") in (True, "yes"):
            draft.properties["ignore_failure"] = literal(True)

    def notices(self, names: Sequence[str]) -> tuple[list[ast.expr], list[str]]:
        """Return notices to handlers, and the names of those that have no counterpart."""
        made: list[ast.expr] = []
        missing: list[str] = []
        for one in names:
            if one not in self.handlers:
                missing.append(one)
            for key, condition in self.handlers.get(one, []):
                notices = self.work.notice(key)
                if condition is None or _is_true(condition):
                    made += notices
                else:
                    made.append(self._choice(one, condition, notices))
        return made, missing

    def _choice(self, handler: str, condition: ast.expr, notices: list[ast.expr]) -> ast.expr:
        """Return the notices of a handler with a condition, from a variable of the recipe."""
        target = f"notify_{identifier(handler.lower())}"
        known = {one.target for one in self.choices if isinstance(one, Assignment)}
        if target not in known:
            value = ast.IfExp(test=condition, body=literal(notices), orelse=literal([]))
            self.choices.append(Assignment(target, value))
        return ast.Starred(value=name(target), ctx=ast.Load())

    def _condition(self, task: Task) -> ast.expr | None:
        if "when" not in task.keywords:
            return None
        return every([Translator(self.work.scope).condition(task.keywords["when"])])


def _refuse_handler(task: Task) -> None:
    if task.is_block or {"loop", "with_items", "delegate_to"} & task.keywords.keys():
        raise Untranslatable("a handler with a block, a loop or another host")


def _is_true(condition: ast.expr) -> bool:
    return isinstance(condition, ast.Constant) and bool(condition.value)
