"""Tasks of Ansible as they stand in the YAML: the module, its parameters, the keywords."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cookbook.convert.ansible.reader import YamlMapping, key_values
from cookbook.convert.statements import SourcePlace

KEYWORDS = frozenset(
    [
        "name",
        "when",
        "loop",
        "loop_control",
        "notify",
        "register",
        "become",
        "become_user",
        "become_method",
        "become_flags",
        "tags",
        "vars",
        "args",
        "environment",
        "delegate_to",
        "delegate_facts",
        "run_once",
        "ignore_errors",
        "until",
        "retries",
        "delay",
        "no_log",
        "changed_when",
        "failed_when",
        "check_mode",
        "diff",
        "listen",
        "async",
        "poll",
        "throttle",
        "any_errors_fatal",
        "module_defaults",
        "collections",
        "timeout",
        "ignore_unreachable",
        "connection",
        "remote_user",
        "local_action",
        "action",
        "debugger",
        "port",
        "sudo",
        "sudo_user",
        "with_items",
        "with_dict",
        "with_list",
        "with_fileglob",
        "with_first_found",
        "with_together",
        "with_subelements",
        "with_nested",
        "with_sequence",
        "with_indexed_items",
        "with_flattened",
        "with_lines",
        "with_file",
        "with_cartesian",
        "with_random_choice",
        "with_filetree",
        "block",
        "rescue",
        "always",
    ]
)

FREE = frozenset(
    {
        "command",
        "shell",
        "raw",
        "script",
        "include_tasks",
        "import_tasks",
        "include",
        "include_vars",
        "meta",
        "include_role",
        "import_role",
    }
)
"""Modules that take free text."""


@dataclass
class Task:
    """One task, or a block of tasks."""

    place: SourcePlace
    keywords: dict[str, Any]
    module: str = ""
    """The last part of its name; empty for a block."""

    params: dict[str, Any] = field(default_factory=dict)
    free: str = ""
    original: str = ""

    @property
    def name(self) -> str:
        """Its title; the module if it has none."""
        return str(self.keywords.get("name") or self.module)

    @property
    def is_block(self) -> bool:
        """Return whether it is a block of tasks."""
        return "block" in self.keywords


def is_silent(keywords: Mapping[str, Any]) -> bool:
    """Return whether `no_log` makes a secret of what a task says."""
    return keywords.get("no_log") not in (None, False)


def comment_of(task: Task, given: Mapping[str, Any]) -> str:
    """
    Return the text of a task or a block for a comment.

    `given` is its keywords with those that it inherits. Of a task with `no_log`, and of a block
    with such a task, it is only the name.
    """
    if is_silent(given) or _has_silent(task.keywords):
        return f"{task.name or 'a block'} (no_log)"
    return task.original or task.name


def _has_silent(value: Any) -> bool:
    if isinstance(value, Mapping):
        return is_silent(value) or any(map(_has_silent, value.values()))
    return isinstance(value, list) and any(map(_has_silent, value))


def as_names(value: Any) -> list[str]:
    """Return one name, or several, as a list."""
    if value is None:
        return []
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def tasks_of(data: Any, file: str) -> Iterator[Task]:
    """Yield the tasks of a list; what is no task is one without a module."""
    for entry in data if isinstance(data, list) else []:
        if isinstance(entry, YamlMapping):
            yield _task(entry, file)


def _task(entry: YamlMapping, file: str) -> Task:
    task = Task(SourcePlace(file, entry.line), {}, original=entry.original)
    for key, value in entry.items():
        if key in KEYWORDS or task.module or "block" in entry or key.startswith("with_"):
            task.keywords[key] = value
        else:
            task.module = key.rpartition(".")[2]
            _fill(task, value)
    for key in ("action", "local_action"):
        if (action := task.keywords.pop(key, None)) is not None and not task.module:
            _by_action(task, action)
            if key == "local_action":
                task.keywords["delegate_to"] = "localhost"
    if isinstance(task.keywords.get("args"), dict):
        task.params.update(task.keywords.pop("args"))
    return task


def _fill(task: Task, value: Any) -> None:
    if isinstance(value, dict):
        task.params.update(value)
    elif isinstance(value, str):
        free, params = key_values(value)
        if task.module in FREE:
            task.free = free or value
            task.params.update(params if free != value else {})
            if task.module in ("command", "shell", "raw", "script"):
                _keep_equals(task, value)
        else:
            task.free = free
            task.params.update(params)
    elif value is not None:
        task.params["_value"] = value


_COMMAND_PARAMS = ("chdir", "creates", "removes", "executable", "warn", "stdin")


def _keep_equals(task: Task, value: str) -> None:
    """Take only known parameters out of a command; `a=b` in it belongs to it."""
    _, params = key_values(value)
    own = {key: one for key, one in params.items() if key in _COMMAND_PARAMS}
    text = value
    for key, one in own.items():
        for shown in (f'{key}="{one}"', f"{key}='{one}'", f"{key}={one}"):
            text = text.replace(shown, "")
    task.free, task.params = text.strip(), dict(own)


def _by_action(task: Task, action: Any) -> None:
    if isinstance(action, dict):
        params = dict(action)
        task.module = str(params.pop("module", "")).rpartition(".")[2]
        task.params.update(params)
    else:
        word, _, rest = str(action).partition(" ")
        task.module = word.rpartition(".")[2]
        _fill(task, rest)


def count(data: Any) -> int:
    """Return the number of tasks in a list, those in blocks included."""
    total = 0
    for entry in data if isinstance(data, list) else []:
        if isinstance(entry, dict) and "block" in entry:
            total += sum(count(entry.get(part)) for part in ("block", "rescue", "always"))
        else:
            total += 1
    return total
