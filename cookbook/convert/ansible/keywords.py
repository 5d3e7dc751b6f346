"""Keywords of plays, blocks and tasks: those that need no counterpart, and those that have one."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from cookbook.convert.ansible import filters
from cookbook.convert.ansible.jinja import Translator
from cookbook.convert.ansible.task import as_names
from cookbook.convert.declarations import properties
from cookbook.convert.drafts import Draft
from cookbook.convert.expressions import Untranslatable, every, literal
from cookbook.convert.scope import NameScope

_OFF = ("false", "no", "off", "0", "{}", "[]", "")
_ON = ("true", "yes", "on", "1")

NEEDLESS: Mapping[str, Sequence[str] | None] = {
    "name": None,
    "collections": None,  # a module is known by the last part of its name
    "debugger": None,
    "diff": None,
    "become": _ON,  # `become` of hosts.yml
    "become_method": ("sudo",),
    "check_mode": _OFF,  # a run makes the change; a plan never does
    "delegate_facts": _OFF,
    "poll": None,  # it has a meaning with `async` alone
    **dict.fromkeys(
        ["any_errors_fatal", "async", "ignore_unreachable", "module_defaults", "run_once"], _OFF
    ),
    "throttle": _OFF,
    "strategy": ("free",),
}
"""Keywords that need no counterpart -> the values (as text, in small letters) for which that is so;
None: any value."""

LOOPS = frozenset(
    {
        "loop",
        "loop_control",
        "with_cartesian",
        "with_dict",
        "with_fileglob",
        "with_flattened",
        "with_indexed_items",
        "with_items",
        "with_list",
        "with_nested",
        "with_subelements",
        "with_together",
    }
)

_EVERYWHERE = frozenset(
    {"when", "tags", "vars", "become_user", "environment", "ignore_errors", "no_log", "notify"}
)
_RESULTS = frozenset(
    {"register", "retries", "delay", "until", "changed_when", "failed_when", *_EVERYWHERE}
)

TASK = _RESULTS | LOOPS
"""Keywords of a task that are translated."""

HANDLER = (TASK - LOOPS - {"register", "until"}) | {"listen"}
"""Keywords of a handler that are translated; tags do not choose handlers."""

BLOCK = frozenset({"block", "rescue", "always", "when", "tags", "vars"})
"""Keywords of a block that count for the block; the others count for each of its tasks."""

INCLUDE = frozenset({"when", "tags", "vars"})
"""Keywords of a task that includes tasks; those of `import_tasks` are those of a block."""

FACTS = frozenset({"when", "tags", "vars", "no_log", "become_user", "environment", "ignore_errors"})
"""Keywords of a task that sets variables: nothing happens on the host."""

RAISED = (
    frozenset({"when", "tags", "vars", "no_log", "become_user", "environment"})
    | {"delegate_to", "run_once"}
    | LOOPS
)
"""Keywords of `fail` and `assert`, which ask for values of the host, wherever they run."""

PLAY = frozenset(
    {
        "gather_facts",
        "gather_subset",
        "gather_timeout",
        "handlers",
        "hosts",
        "post_tasks",
        "pre_tasks",
        "roles",
        "tags",
        "tasks",
        "vars",
    }
)
"""Keywords of a play that count for the play."""

PLAY_INHERITS = frozenset(
    {
        "become_user",
        "check_mode",
        "environment",
        "ignore_errors",
        "module_defaults",
        "no_log",
        "run_once",
        "timeout",
    }
)
"""Keywords of a play that count for each of its tasks; others are of hosts.yml."""

PROBE = frozenset({"register", "changed_when", "failed_when", "no_log", "tags", "ignore_errors"})
"""Keywords of a task that only asks, and becomes a guard."""

WHY: Mapping[str, str] = {
    "any_errors_fatal": "max_failures of rollout.yml stops a rollout",
    "async": "with parallel() declares steps that run at the same time",
    "become": "the user of the login: user and become of hosts.yml",
    "become_flags": "become of hosts.yml has no options",
    "become_method": "become of hosts.yml names the program",
    "check_mode": "`cook plan` changes nothing; a run changes all that it has planned",
    "connection": "transport of hosts.yml",
    "delegate_to": "it runs on another host",
    "environment": "environment of execute, env_file of services",
    "local_action": "it runs on another host",
    "module_defaults": "module_defaults is not read",
    "port": "port of hosts.yml",
    "remote_user": "user of hosts.yml",
    "run_once": "`with run_once(...)` declares what one host of several does",
    "serial": "rollout.yml and `cook rollout` take hosts in batches",
    "strategy": "hosts do not wait for one another; barrier() has them do so",
    "throttle": "rollout.yml and `cook rollout` take hosts in batches",
    "timeout": "timeout of execute",
    "vars_files": "put these variables into hosts.yml",
    "vars_prompt": "--set name=value, or a secret",
    "import_playbook": "convert that playbook as well",
    "with_filetree": "a loop over a tree of files",
    "with_lines": "a loop over the output of a command",
    "with_random_choice": "a random choice",
    "with_sequence": "a loop over a sequence",
}
"""Keywords that have no counterpart, and why."""


def refused(keywords: Mapping[str, Any], translated: Collection[str]) -> dict[str, str]:
    """Return the keywords that are neither translated nor needless -> why."""
    return {
        word: WHY.get(word, f"no counterpart of the keyword {word}")
        for word, value in keywords.items()
        if word not in translated and value is not None and not _is_needless(word, value)
    }


def refuse(keywords: Mapping[str, Any], translated: Collection[str]) -> None:
    """Raise Untranslatable for a keyword that is neither translated nor needless."""
    for word, why in refused(keywords, translated).items():
        raise Untranslatable(f"{word}: {why}")


def _is_needless(word: str, value: Any) -> bool:
    if word not in NEEDLESS:
        return False
    values = NEEDLESS[word]
    return values is None or str(value).lower() in values


def inherited(outer: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keywords of a task or a block with those that it has from around it."""
    made = {**outer, **own}
    if outer.get("environment") and own.get("environment"):
        made["environment"] = [*_listed(outer["environment"]), *_listed(own["environment"])]
    return made


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]


def tags_of(keywords: Mapping[str, Any]) -> list[str]:
    """
    Return the tags of a task, a block or a role; `always` needs no tag in a run without `--tags`.

    Raises Untranslatable for `never`, which a run without `--tags` leaves out.
    """
    given = [part.strip() for one in as_names(keywords.get("tags")) for part in one.split(",")]
    words = [word for word in given if word]
    if "never" in words:
        raise Untranslatable("tags: never: it runs only if it is asked for by --tags")
    if any("{{" in word for word in words):
        raise Untranslatable("tags with variables")
    return [re.sub(r"[^A-Za-z0-9._-]", "-", word) for word in words if word != "always"]


def common(keywords: Mapping[str, Any], scope: NameScope) -> dict[str, ast.expr]:
    """Return the properties that keywords give to resources of all types."""
    made: dict[str, ast.expr] = {}
    values = Translator(scope)
    user = keywords.get("become_user")
    if user not in (None, "root"):
        made["become_user"] = values.value(user)
    for word, name in (("no_log", "sensitive"), ("ignore_errors", "ignore_failure")):
        if keywords.get(word) is not None:
            made[name] = switch(keywords[word], scope)
    if keywords.get("retries") is not None or keywords.get("until") is not None:
        retries, delay = keywords.get("retries"), keywords.get("delay")
        made["retries"] = values.value(3 if retries is None else retries)
        made["retry_delay"] = values.value(5 if delay is None else delay)
    return {word: value for word, value in made.items() if not _is_false(value)}


def _is_false(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is False


def switch(value: Any, scope: NameScope) -> ast.expr:
    """Return the expression of a keyword that is true or false, as the filter `bool` takes it."""
    found = Translator(scope).value(value)
    if isinstance(found, ast.Constant):
        return literal(str(found.value).lower() in _ON)
    if isinstance(found, ast.Compare | ast.BoolOp | ast.UnaryOp):
        return ast.Call(func=ast.Name("bool"), args=[found], keywords=[])
    return filters.translated(scope, "bool", found, [], {})


def add_environment(draft: Draft, keywords: Mapping[str, Any], scope: NameScope) -> None:
    """
    Give a resource the environment of its task.

    Raises Untranslatable for a type that has none, and for one that is put together.
    """
    parts = [one for one in _listed(keywords.get("environment")) if one]
    if draft.kind == "package":
        parts = [one for one in parts if not _is_for_packages(one)]
    if not parts:
        return
    if "environment" not in properties(draft.kind):
        raise Untranslatable(f"environment: {draft.kind} has none; {WHY['environment']}")
    made = [Translator(scope).value(one) for one in parts]
    if len(made) == 1:
        draft.properties["environment"] = made[0]
    else:
        draft.properties["environment"] = ast.Dict(keys=[None] * len(made), values=made)


def _is_for_packages(one: Any) -> bool:
    """Return whether an environment says what the resources of packages do anyway."""
    return isinstance(one, dict) and set(one) <= {"DEBIAN_FRONTEND"}


def judged(keywords: Mapping[str, Any], draft: Draft) -> dict[str, str]:
    """
    Return what judges the result of a task in the words of Ansible -> why that is left out.

    `failed_when: false` is a property of the resource.
    """
    found: dict[str, str] = {}
    never = {"false", "no"}
    for word in ("changed_when", "failed_when", "until"):
        if (value := keywords.get(word)) is None:
            continue
        shown = str(value)
        if word == "failed_when" and shown.lower() in never:
            draft.properties["ignore_failure"] = literal(True)
        elif _is_needless_judgement(word, shown, keywords, draft):
            continue
        elif word != "until" or not re.search(_SUCCESS, shown):
            found[f"{word}: {shown}"] = _JUDGED[word]
    return found


_FAILURE = r"\w+(\.failed| is (failed|failure))"
_SUCCESS = r"is (not failed|succeeded|success)|\.rc == 0"

_JUDGED = {
    "changed_when": "a command that is run is a change; only_if and not_if can avoid it",
    "failed_when": "returns= names the exit statuses that mean success",
    "until": "until= is a command that must succeed",
}


def _is_needless_judgement(
    word: str, shown: str, keywords: Mapping[str, Any], draft: Draft
) -> bool:
    """Return whether a result is judged as it would be anyway."""
    if word == "changed_when":
        return _is_plain_change(draft, shown, keywords)
    return word == "failed_when" and re.fullmatch(_FAILURE, shown.strip()) is not None


def _is_plain_change(draft: Draft, shown: str, keywords: Mapping[str, Any]) -> bool:
    """Return whether `changed_when` is about the account alone, or says what is so anyway."""
    if draft.kind == "execute":
        return shown.lower() == "true"
    return not {"notify", "register"} & keywords.keys()


def condition_of(keywords: Mapping[str, Any], scope: NameScope) -> ast.expr | None:
    """Return the condition of `when`; None without one. Raises Untranslatable."""
    if "when" not in keywords:
        return None
    return every([Translator(scope).condition(keywords["when"])])
