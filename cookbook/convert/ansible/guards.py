"""Results of tasks that later tasks ask for: as guards, and as notifications."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cookbook.convert import shell
from cookbook.convert.ansible.jinja import Translator
from cookbook.convert.ansible.keywords import PROBE, refused
from cookbook.convert.ansible.params import Params
from cookbook.convert.ansible.task import Task, comment_of
from cookbook.convert.drafts import Draft
from cookbook.convert.expressions import Untranslatable, constant, is_constant, joined
from cookbook.convert.scope import NameScope
from cookbook.convert.statements import Code, Note
from cookbook.convert.work import RecipeWork


@dataclass
class WantedGuards:
    """The conditions of a task, as they are in a recipe."""

    conditions: list[ast.expr] = field(default_factory=list)
    properties: dict[str, ast.expr] = field(default_factory=dict)
    """`only_if` and `not_if`."""

    after: ast.expr | None = None
    """The resource whose change the task waits for: `type[name]`."""


@dataclass
class _Probe:
    task: Task
    shown: str
    note: Note
    command: ast.expr


@dataclass
class _Changed:
    index: int
    target: ast.expr
    always: bool


class Guards:
    """The registered results of one list of tasks."""

    def __init__(self, tasks: Sequence[Task], work: RecipeWork, scope: NameScope) -> None:
        self.tasks = tasks
        self.work = work
        self.probes: dict[str, _Probe] = {}
        self.used: set[str] = set()
        """The results that became guards of a task."""

        self.changed: dict[str, _Changed] = {}
        for task in tasks:
            if word := task.keywords.get("register"):
                for one in (work.scope, scope):
                    one.forbidden[str(word)] = f"the result of another task, {word}"

    # --- what asks ----------------------------------------------------------------------------

    def probe(self, task: Task, given: Mapping[str, Any], scope: NameScope) -> Note | None:
        """Return a comment in place of a task that only asks, and whose answer is used once."""
        word = task.keywords.get("register")
        if not word or self._uses(str(word), task) != 1 or not only_asks(task):
            return None
        if refused(given, PROBE):
            return None
        try:
            command = _question(task, scope)
        except Untranslatable:
            return None
        note = Note("")
        self.probes[str(word)] = _Probe(task, comment_of(task, given), note, command)
        return note

    def _uses(self, word: str, by: Task) -> int:
        """Return how many tasks name a result; 2 if one does so outside of `when`."""
        pattern = re.compile(rf"\b{re.escape(word)}\b")
        inside = re.compile(rf"\{{[{{%][^}}]*\b{re.escape(word)}\b")
        found = 0
        for task in self.tasks:
            if task is by:
                own = {k: v for k, v in task.keywords.items() if k not in ("register", "name")}
                own = {k: v for k, v in own.items() if k not in ("failed_when", "changed_when")}
                found += 2 if pattern.search(str(own)) else 0
                continue
            rest = {k: v for k, v in task.keywords.items() if k not in ("when", "name")}
            if pattern.search(str(rest)) or inside.search(f"{task.params} {task.free}"):
                return 2
            found += 1 if pattern.search(str(task.keywords.get("when", ""))) else 0
        return found

    def finish(self) -> None:
        """Fill in the comments of the tasks that only ask."""
        for word, probe in self.probes.items():
            place = probe.task.place
            if word in self.used:
                probe.note.words = f"{place}: {probe.task.name}: a guard of what asks for it"
                self.work.report.count(place, 0)
            else:
                why = f"the result {word} is used by what is a TODO"
                todo = self.work.todo(place, probe.shown, why)
                probe.note.words = todo.words
                self.work.report.count(place, 1)

    # --- what is asked for --------------------------------------------------------------------

    def conditions(self, task: Task, index: int, scope: NameScope) -> WantedGuards:
        """Return the conditions of a task; raises Untranslatable."""
        wanted = WantedGuards()
        for part in _parts(task.keywords.get("when")):
            if self._is_changed(part, index, wanted) or self._is_guard(part, wanted):
                continue
            wanted.conditions.append(Translator(scope).condition(part))
        return wanted

    def _is_changed(self, part: Any, index: int, wanted: WantedGuards) -> bool:
        found = re.fullmatch(
            r"\s*(\w+)(?:\.changed| is changed|\s*\|\s*changed)"
            r"(?:\s*\|\s*bool)?(?:\s*==\s*[Tt]rue)?\s*",
            str(part),
        )
        if found is None:
            return False
        source = self.changed.get(found[1])
        if source is None:
            raise Untranslatable(f"the result of another task, {found[1]}")
        between = self.tasks[source.index + 1 : index]
        follow = all(found[1] in str(one.keywords.get("when", "")) for one in between)
        if not source.always or not follow or wanted.after is not None:
            raise Untranslatable(
                f"it depends on {found[1]}; subscribes=[immediate(...)] would act before its turn"
            )
        wanted.after = source.target
        return True

    def _is_guard(self, part: Any, wanted: WantedGuards) -> bool:
        shown = str(part)
        for word, probe in self.probes.items():
            if not re.search(rf"\b{re.escape(word)}\b", shown):
                continue
            if re.fullmatch(rf"\s*{word}(\.stat(\.exists)?)? is defined\s*", shown):
                return "when" not in probe.task.keywords
            guard = _guard(shown.strip(), word, probe)
            if guard is None or guard[0] in wanted.properties:
                raise Untranslatable(f"the result of another task, {word}")
            wanted.properties[guard[0]] = guard[1]
            self.used.add(word)
            return True
        return False

    def declared(
        self, task: Task, index: int, draft: Draft, statement: Code, *, plain: bool
    ) -> None:
        """Note the resource of a task, whose result may be asked for."""
        if not (word := task.keywords.get("register")) or not isinstance(
            statement.expression, ast.Call
        ):
            return
        name = statement.expression.args[0]
        inner = str(constant(name)) if is_constant(name) else name
        several = str(word) in self.changed
        target = joined([f"{draft.kind}[", inner, "]"])
        self.changed[str(word)] = _Changed(index, target, plain and not several)


def _parts(when: Any) -> list[Any]:
    if when is None:
        return []
    if isinstance(when, list):
        return [part for one in when for part in _parts(one)]
    if isinstance(when, str) and " and " in when and not re.search(r"\bor\b|\(|'[^']* and ", when):
        return [part.strip() for part in re.split(r"\s+and\s+", when.strip())]
    return [when]


def only_asks(task: Task) -> bool:
    """Return whether a task changes nothing on the host."""
    if task.module == "stat":
        return True
    quiet = str(task.keywords.get("changed_when", "")).lower() in ("false", "no")
    return task.module in ("command", "shell", "raw") and quiet


def _question(task: Task, scope: NameScope) -> ast.expr:
    params = Params(task, scope)
    if task.module == "stat":
        for ignored in ("get_checksum", "get_mime", "get_attributes", "get_md5", "follow"):
            params.drop(ignored)
        path = params.needed("path")
        params.finish()
        return path
    from cookbook.convert.ansible.resources import SPECIAL

    draft = SPECIAL[task.module](params, None)[0]  # type: ignore[arg-type]
    params.finish()
    if set(draft.properties) != {"command"}:
        raise Untranslatable("a question with more than a command")
    return shell.as_text(draft.properties["command"])


def _guard(part: str, word: str, probe: _Probe) -> tuple[str, ast.expr] | None:
    """Return `only_if` or `not_if`, and its command; None for what a guard cannot ask."""
    part = re.sub(r"\s*\|\s*bool$", "", part)
    rules = _OF_STAT if probe.task.module == "stat" else _OF_COMMAND
    for pattern, make in rules:
        found = re.fullmatch(pattern.replace("R", re.escape(word)), part)
        if found is not None:
            prefix, suffix, positive = make(found)
            word = "only_if" if positive else "not_if"
            if probe.task.module == "stat":
                return word, shell.asked(prefix, probe.command)
            return word, joined([prefix, _inner(probe.command), suffix])
    return None


def _inner(command: ast.expr) -> str | ast.expr:
    return str(constant(command)) if is_constant(command) else command


_Made = tuple[str, str, bool]
_Rule = tuple[str, Callable[[re.Match[str]], _Made]]

_FALSE = r"\s*==\s*[Ff]alse|\s+is\s+[Ff]alse"

_OF_STAT: Sequence[_Rule] = (
    (rf"not \(?R\.stat\.exists\)?|R\.stat\.exists(?:{_FALSE})", lambda _: ("test -e", "", False)),
    (r"R\.stat\.exists(?:\s*==\s*[Tt]rue)?", lambda _: ("test -e", "", True)),
    (r"not R\.stat\.isdir|R\.stat\.isdir is not defined", lambda _: ("test -d", "", False)),
    (r"R\.stat\.isdir(?: is defined)?", lambda _: ("test -d", "", True)),
    (r"not R\.stat\.islnk", lambda _: ("test -L", "", False)),
)

_QUIET = " >/dev/null 2>&1"

_OF_COMMAND: Sequence[_Rule] = (
    (
        r"R\.rc\s*!=\s*0|R\.rc\s*>\s*0|R\.rc\s*==\s*1|R is failed|R\.failed|R\s*\|\s*failed|R\.rc",
        lambda _: ("", _QUIET, False),
    ),
    (
        r"R\.rc\s*==\s*0|R is (?:succeeded|success|not failed)|not R\.failed|R\s*\|\s*success",
        lambda _: ("", _QUIET, True),
    ),
    (
        r"not R\.stdout|R\.stdout\s*==\s*(?:''|\"\")|R\.stdout\s*\|\s*length\s*==\s*0",
        lambda _: ('test -n "$(', ')"', False),
    ),
    (
        r"R\.stdout|R\.stdout\s*!=\s*(?:''|\"\")|R\.stdout\s*\|\s*length\s*>\s*0",
        lambda _: ('test -n "$(', ')"', True),
    ),
    (r"(['\"])(?P<text>[^'\"{}]+)\1\s+not in\s+R\.stdout(?:_lines)?", lambda m: _has(m, False)),
    (r"(['\"])(?P<text>[^'\"{}]+)\1\s+in\s+R\.stdout(?:_lines)?", lambda m: _has(m, True)),
    (r"R\.stdout\.find\((['\"])(?P<text>[^'\"{}]+)\1\)\s*==\s*-1", lambda m: _has(m, False)),
    (r"R\.stdout\.find\((['\"])(?P<text>[^'\"{}]+)\1\)\s*!=\s*-1", lambda m: _has(m, True)),
)


def _has(found: re.Match[str], positive: bool) -> _Made:  # noqa: FBT001 - a column of the table
    return "(", f") | grep -qF -- {shlex.quote(found['text'])}", positive
