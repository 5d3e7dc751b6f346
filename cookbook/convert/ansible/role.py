"""The conversion of a role: variables, tasks with what they include, handlers, files."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cookbook.convert import passwords
from cookbook.convert.ansible import keywords, raised, variables
from cookbook.convert.ansible.candidates import candidates
from cookbook.convert.ansible.file_calls import FileCalls
from cookbook.convert.ansible.files import RoleFiles, left_out
from cookbook.convert.ansible.flow import Context, TaskFlow, tagged
from cookbook.convert.ansible.handlers import Handlers
from cookbook.convert.ansible.jinja import Translator
from cookbook.convert.ansible.reader import read
from cookbook.convert.ansible.role_tree import RoleTree
from cookbook.convert.ansible.task import Task, tasks_of
from cookbook.convert.ansible.task_vars import with_vars
from cookbook.convert.conditions import exclusive
from cookbook.convert.expressions import Untranslatable, text
from cookbook.convert.report import ConvertReport
from cookbook.convert.scope import NameScope, identifier
from cookbook.convert.source_file import Function, recipe_text
from cookbook.convert.source_tree import OUTSIDE
from cookbook.convert.statements import (
    Assignment,
    Compound,
    Note,
    PythonLines,
    SourcePlace,
    Statement,
    merged,
)
from cookbook.convert.work import RecipeWork, without_lost

_PASSES = 5
"""Passes that look for variables that no translated task sets."""

_KINDS: Mapping[type, str] = {dict: "mapping", list: "list of tasks"}
_MAIN = {"defaults/main": dict, "vars/main": dict, "tasks/main": list, "handlers/main": list}


class Role:
    """One role, or the tasks of one play, as a recipe."""

    def __init__(self, root: Path, title: str, report: ConvertReport) -> None:
        self.root = root
        self.tree = RoleTree(root)
        self.title = title
        self.work = RecipeWork(report)
        self.files = RoleFiles(root)
        self.flow = TaskFlow(self.work, self.files, self)
        self.pieces: list[variables.Piece] = []
        self.functions: list[Function] = []
        self.calls = FileCalls()
        self.handlers = Handlers(self.work, self.files, self.tree.path)
        self.variables: dict[str, Any] = {}
        self.late: set[str] = set()
        """Variables that have no value before a task sets them."""

        self.given: set[str] = set()
        """Variables that a translated task sets, in Python."""

        self.failed: set[str] = set()
        """Variables that a task sets that was not translated."""

        self.unset: set[str] = set()
        """Variables that only tasks set that were not translated."""

        self.keywords: Mapping[str, Any] = {}
        """The keywords of a play that count for its tasks."""

        self.included: set[str] = set()
        """The files of tasks that were translated."""

    # --- the parts ----------------------------------------------------------------------------

    def convert(self) -> str:
        """
        Return the source of the recipe of a role.

        A first pass finds the variables that no translated task sets; what needs them is a TODO.
        """
        for _ in range(_PASSES):
            first = Role(self.root, self.title, ConvertReport(""))
            first.tree = self.tree
            first.unset, first.keywords = self.unset, self.keywords
            first.handlers.keywords = self.keywords
            first._convert()
            never = {word for word in first.late if identifier(word) not in first.given}
            if (never | first.failed) <= self.unset:
                break
            self.unset = self.unset | never | first.failed
        return self._convert()

    def _convert(self) -> str:
        self.work.scope.title = self.root.resolve().name
        self._read_names()
        self.variables = self.tree.mapping("defaults/main")
        place = SourcePlace(self.tree.place("defaults/main"), 1)
        self.pieces += variables.defaults(self.work, self.variables, place)
        if constants := self.tree.mapping("vars/main"):
            made = variables.constants(
                self.work, constants, SourcePlace(self.tree.place("vars/main"), 1)
            )
            self._add_piece(made)
        self.handlers.read(self.tree.tasks("handlers/main"), self.tree.place("handlers/main"))
        notes = [*self.left_out(), *self._unread(), *self._dependencies()]
        main = self.statements(self.tree.tasks("tasks/main"), self.tree.place("tasks/main"))
        files = [path.relative_to(self.root).as_posix() for path in self.tree.files("tasks")]
        self.work.report.unread += [
            f"{self.tree.shown}{file}"
            for file in files
            if file not in self.included and Path(file).stem != "main"
        ]
        return self.text([*notes, *main])

    def text(self, main: Sequence[Statement]) -> str:
        """Return the source of the recipe, with what its statements need."""
        waiting = [*self.handlers.unnotified(), *self.work.declare_notified()]
        parts: list[Sequence[Statement]] = [variables.ordered(self.pieces), self.handlers.choices]
        parts += [[one] for one in self.functions]
        for part in (*parts, main, waiting):
            without_lost(part)
        return recipe_text(self.title, [*parts, main, waiting], self.work.scope.helpers)

    def statements(self, data: Any, file: str) -> list[Statement]:
        """Return the statements of a list of tasks."""
        for task in _every_task(data, file):
            if task.module == "set_fact":
                self.work.scope.assigned |= task.params.keys()
        return self.flow.statements(data, file, Context(self.work.scope, keywords=self.keywords))

    def _add_piece(self, made: list[Statement]) -> None:
        gives, needs = variables.gives_of(made)
        self.pieces.append(variables.Piece(made, gives, needs))

    def notices(self, names: Sequence[str]) -> tuple[list[ast.expr], list[str]]:
        """Return notices to handlers, and the names of those that have no counterpart."""
        return self.handlers.notices(names)

    # --- files --------------------------------------------------------------------------------

    def left_out(self) -> list[Statement]:
        """Return comments for the files that are links to somewhere else."""
        return [
            self.work.todo(SourcePlace(f"{self.tree.shown}{name}", 1), name, OUTSIDE)
            for name in left_out(self.root)
        ]

    def _unread(self) -> list[Statement]:
        """Return comments for main files that are encrypted as a whole, or something else."""
        made: list[Statement] = []
        for below, kind in _MAIN.items():
            path = self.tree.path(below)
            data = read(path) if path is not None else None
            if data is not None and not isinstance(data, kind):
                place = SourcePlace(self.tree.place(below), 1)
                why = f"encrypted by ansible-vault, or no {_KINDS[kind]}"
                made.append(self.work.todo(place, place.file, why))
                self.work.report.count(place, 1)
        return made

    def _read_names(self) -> None:
        """Note the variables that tasks set: before that, they are None, or as in hosts.yml."""
        found = self._set_by_tasks()
        known = self.tree.mapping("defaults/main")
        self.late = {word for word in found if word not in known}
        self.work.scope.assigned |= {*found}
        for word in self.unset:
            why = f"{word} is set by a task that was not translated"
            self.work.scope.forbidden[word] = why
        for word in found:
            if word not in known and "{{" not in word and word not in self.unset:
                target = self.work.scope.add(word, unset=True)
                value = ast.parse(f"node.vars.get({word!r})", mode="eval").body
                self._add_piece([Assignment(target, value)])

    def _set_by_tasks(self) -> list[str]:
        """Return the variables that tasks set; results of tasks are noted as not known."""
        found: dict[str, None] = {}
        for path in self.tree.files("tasks"):
            for task in _every_task(read(path), path.name):
                if task.module == "set_fact":
                    found.update(dict.fromkeys(key for key in task.params if key != "cacheable"))
                if word := task.keywords.get("register"):
                    self.work.scope.forbidden[str(word)] = f"the result of another task, {word}"
        for path in self.tree.files("vars"):
            if path.stem != "main" and isinstance(data := read(path), dict):
                found.update(dict.fromkeys(data))
        return list(found)

    def _dependencies(self) -> list[Statement]:
        found = self.tree.mapping("meta/main").get("dependencies") or []
        place = SourcePlace(self.tree.place("meta/main"), 1)
        made: list[Statement] = []
        for entry in found if isinstance(found, list) else []:
            word = entry.get("role") or entry.get("name") if isinstance(entry, dict) else entry
            why = "convert that role as well, and import its module here"
            made.append(self.work.todo(place, f"dependency: {word}", why))
        return made

    # --- includes -----------------------------------------------------------------------------

    def include(
        self, task: Task, given: Mapping[str, Any], context: Context
    ) -> list[Statement] | None:
        """Return the statements of a task that includes something; None for another task."""
        scope = context.scope
        match task.module:
            case "include_tasks" | "import_tasks" | "include":
                return self._tasks(task, context)
            case "include_vars":
                keywords.refuse(given, keywords.FACTS | {"with_first_found", "loop", "with_items"})
                inner = replace(context, scope=with_vars(scope, task.keywords.get("vars")))
                return self._variables(task, inner)
            case "set_fact":
                try:
                    keywords.refuse(given, keywords.FACTS)
                    return self._fact(task, context)
                except Untranslatable:
                    self.failed |= task.params.keys() - {"cacheable"}
                    raise
            case "meta":
                return self._meta(task)
            case "include_role" | "import_role":
                role = task.params.get("name") or task.params.get("role")
                raise Untranslatable(f"convert the role {role} as well, and import its module here")
        return None

    def _meta(self, task: Task) -> list[Statement]:
        if task.free == "noop":
            return []
        if task.free == "flush_handlers":
            raise Untranslatable("immediate(...) in place of delayed(...) acts before what follows")
        raise Untranslatable(f"meta: {task.free}")

    def _tasks(self, task: Task, context: Context) -> list[Statement]:
        params = dict(task.params)
        given = str(params.pop("file", None) or task.free or params.pop("_raw_params", None) or "")
        is_static = task.module == "import_tasks" or (
            task.module == "include" and "{{" not in given
        )
        allowed = keywords.TASK - keywords.LOOPS
        if is_static and self._only_raises(given):
            allowed |= keywords.RAISED - keywords.LOOPS
        words, tags = self._of_include(
            task, params.pop("apply", None), allowed if is_static else None
        )
        if params:
            raise Untranslatable(f"no counterpart of {', '.join(sorted(params))}")
        scope = with_vars(context.scope, task.keywords.get("vars"))
        condition = keywords.condition_of(task.keywords, scope)
        if isinstance(condition, ast.Constant) and condition.value is False:
            return [Note(f"{task.place}: its condition is never true")]
        within = replace(
            context,
            scope=scope,
            keywords=keywords.inherited(context.keywords, words),
        ).under(condition)
        made: list[Statement] = []
        for test, file in candidates(self.tree, "tasks", given, scope):
            made += _under(test, self._file(file, within.under(test)))
        return _under(condition, tagged(tags, made))

    def _of_include(
        self, task: Task, applied: Any, allowed: frozenset[str] | None
    ) -> tuple[dict[str, Any], list[str]]:
        """
        Return the keywords, and the tags, that an include gives to the tasks of its file.

        `allowed` are the keywords that an import may have; None: it is a dynamic include.
        """
        if keywords.LOOPS & task.keywords.keys():
            raise Untranslatable("an include that is repeated: a function, called in a loop")
        if allowed is not None:
            keywords.refuse(task.keywords, allowed)
            words = {w: one for w, one in task.keywords.items() if w not in keywords.INCLUDE}
            return words, keywords.tags_of(task.keywords)
        keywords.refuse(task.keywords, keywords.INCLUDE)
        if applied is None:
            return {}, []
        if not isinstance(applied, dict) or {"when", "vars"} & applied.keys():
            raise Untranslatable("apply with conditions or variables")
        words = {word: one for word, one in applied.items() if word != "tags"}
        keywords.refuse(words, keywords.TASK - keywords.LOOPS)
        return words, keywords.tags_of(applied)

    def _only_raises(self, given: str) -> bool:
        """Return whether a file of tasks does no more than `assert` and `fail`."""
        path = self.tree.path(f"tasks/{given}")
        tasks = [*_every_task(read(path), path.name)] if path is not None else []
        return bool(tasks) and all(one.module in raised.MODULES for one in tasks)

    def _file(self, file: str, context: Context) -> list[Statement]:
        """
        Return the statements of a file of tasks: a call of a function, or the tasks themselves.

        A function is for tasks that inherit nothing. It is called again where the conditions
        exclude those of the calls before; elsewhere its tasks are declared under other names.
        """
        calls = self.calls
        if file in calls.open:
            raise Untranslatable(f"{file} includes itself")
        plain = context.scope is self.work.scope and context.keywords == self.keywords
        changing = {identifier(word) for word in self.work.scope.assigned}
        is_function = file in calls.functions and plain
        if is_function and calls.may_repeat(file, context.conditions, changing):
            return [PythonLines(f"{calls.repeat(file, context.conditions)}()")]
        self.included.add(file)
        data = read(self.root / file)
        if not isinstance(data, list | None):
            raise Untranslatable(f"{file} is encrypted, or no list of tasks")
        calls.open.append(file)
        body = self.flow.statements(data, f"{self.tree.shown}{file}", context)
        calls.open.pop()
        if file in calls.functions or not plain or context.attempts or len(body) < 2:
            return [Note(file), *body]
        made = identifier(Path(file).with_suffix("").name.lower())
        if made in calls.functions.values() or made in {
            text(one) for one in self.work.scope.names.values()
        }:
            made = f"{made}_tasks"
        calls.functions[file] = made
        calls.note(file, context.conditions)
        assigned = sorted(variables.gives_of(body)[0])
        self.functions.append(Function(made, f"Declare what {file} did.", body, assigned))
        return [PythonLines(f"{made}()")]

    # --- variables ----------------------------------------------------------------------------

    def _variables(self, task: Task, context: Context) -> list[Statement]:
        names = variables.files_of(task)
        condition = keywords.condition_of(task.keywords, context.scope)
        found: list[tuple[ast.expr | None, str]] = []
        for given in names:
            try:
                found += list(candidates(self.tree, "vars", given, context.scope))
            except Untranslatable:
                if len(names) == 1:
                    raise
        if not found:
            raise Untranslatable(f"there is no {' or '.join(names)}")
        found = _possible(found, condition)
        if not found:
            return [Note(f"{task.place}: its condition is never true")]
        made: list[Statement] = []
        for number, (test, file) in enumerate(found):
            data = read(self.root / file)
            if not isinstance(data, dict):
                raise Untranslatable(f"{file} is encrypted, or no mapping")
            place = SourcePlace(f"{self.tree.shown}{file}", 1)
            body = variables.constants(self.work, data, place)
            self._known_in(context.scope, data)
            self.given.update(map(identifier, data))
            if test is None and len(found) > 1:
                made.append(Compound("else", body) if number else Note(file))
                break
            word = "if" if number == 0 or len(names) == 1 else "elif"
            made.append(
                Compound((word, test), body) if test is not None else Compound("if True", body)
            )
        if found[0][0] is None:
            made = made[0].body if isinstance(made[0], Compound) else made
        made = _under(condition, made)
        return self._hoisted(made, context)

    def _fact(self, task: Task, context: Context) -> list[Statement]:
        scope = with_vars(context.scope, task.keywords.get("vars"))
        condition = keywords.condition_of(task.keywords, scope)
        given = {k: v for k, v in task.params.items() if k != "cacheable"}
        if any("{{" in word for word in given):
            raise Untranslatable("a variable whose name is put together")
        translator = Translator(scope)
        values = {w: passwords.refuse(w, translator.value(one)) for w, one in given.items()}
        made: list[Statement] = []
        for word, value in values.items():
            target = self.work.scope.add(word, unset=word in self.work.scope.unset)
            made.append(Assignment(target, value))
            self.given.add(identifier(word))
        self._known_in(context.scope, values)
        self.work.report.count(task.place, 0)
        return self._hoisted(_under(condition, made), context)

    def _known_in(self, scope: NameScope, words: Iterable[str]) -> None:
        """Make variables of the recipe known in the scope of a block or an include."""
        for word in words:
            if word in self.work.scope.names:
                scope.names[word] = self.work.scope.names[word]
                scope.forbidden.pop(word, None)

    def _hoisted(self, made: list[Statement], context: Context) -> list[Statement]:
        """Put assignments that every host makes among the variables; return the others."""
        if not context.always:
            self.handlers.late |= {*variables.gives_of(made)[0]}
            return made
        self._add_piece(made)
        return []


def _possible(
    found: Sequence[tuple[ast.expr | None, str]], condition: ast.expr | None
) -> list[tuple[ast.expr | None, str]]:
    """Return the files that a condition around them allows, without tests that say the same."""
    if condition is None:
        return list(found)
    same = ast.dump(condition)
    allowed = [
        (test, file) for test, file in found if test is None or not exclusive([condition], [test])
    ]
    return [
        (None if test is not None and ast.dump(test) == same else test, file)
        for test, file in allowed
    ]


def _under(condition: ast.expr | None, made: list[Statement]) -> list[Statement]:
    if condition is None or not made:
        return made
    if isinstance(condition, ast.Constant) and condition.value is True:
        return made
    return [Compound(("if", condition), merged(made))]


def _every_task(data: Any, file: str) -> Iterator[Task]:
    for task in tasks_of(data, file):
        for part in ("block", "rescue", "always"):
            yield from _every_task(task.keywords.get(part), file)
        yield task
