"""The resources of one task: by the table of modules, or by a function for what it cannot say."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from typing import Any

from cookbook.convert.ansible import file_tasks, modules, package_tasks, system_tasks
from cookbook.convert.ansible.jinja import Translator
from cookbook.convert.ansible.params import Params
from cookbook.convert.ansible.sources import RoleSources, title_of
from cookbook.convert.drafts import Draft
from cookbook.convert.expressions import (
    Untranslatable,
    constant,
    is_constant,
    joined,
    literal,
    text,
)
from cookbook.convert.shell import asked, refuse_pattern
from cookbook.language.recipe_hints import counterparts


def drafts(params: Params, sources: RoleSources) -> list[Draft]:
    """
    Return the resources of a task, in order.

    Raises Untranslatable if one of its parameters has no counterpart.
    """
    module = params.task.module
    if module in SPECIAL:
        found = SPECIAL[module](params, sources)
    elif module in modules.MODULES:
        found = [_by_table(params, modules.MODULES[module])]
    else:
        found = [_by_name(params)]
    params.finish()
    for draft in found:
        draft.name = _without_line_end(draft.name)
    return found


def _without_line_end(found: ast.expr) -> ast.expr:
    """Return a name without the line break that a folded text of YAML has at its end."""
    match found:
        case ast.Constant(value=str(given)):
            return literal(given.rstrip("\n"))
        case ast.JoinedStr(values=[*before, ast.Constant(value=str(given))]):
            return joined([*map(_part, before), given.rstrip("\n")])
    return found


def _part(one: ast.expr) -> str | ast.expr:
    if isinstance(one, ast.FormattedValue):
        return one.value
    return str(constant(one))


def _by_table(params: Params, module: modules.Module) -> Draft:
    for name, values in module.needless.items():
        if name != "state":
            params.drop(name, values)
    draft = Draft(module.type, title_of(params))
    if module.name and not module.title:
        draft.name = _name_of(params, module)
    for parameter, word in module.properties.items():
        value = params.property(module.type, word, parameter)
        if value is not None:
            draft.properties[word] = value
    for word, fixed in module.fixed.items():
        draft.properties.setdefault(word, literal(fixed))
    if module.actions:
        draft.properties["action"] = params.choice("state", module.state, module.actions)
    elif "state" in params.left:
        params.drop("state", module.needless.get("state") or ("present",))
    _finish(draft, params)
    return draft


def _name_of(params: Params, module: modules.Module) -> ast.expr:
    """Return the name that the parameters give; raises Untranslatable if none does."""
    given = next((name for name in module.name if name in params.left), None)
    if given is None:
        raise Untranslatable(f"there is no {module.name[0]}")
    source = params.left[given] if given in module.properties else params.left.pop(given)
    return _named(params, source)


def _named(params: Params, source: Any) -> ast.expr:
    if isinstance(source, list):
        if len(source) != 1:
            raise Untranslatable("several in one task")
        source = source[0]
    return Translator(params.scope).value(source)


def _finish(draft: Draft, params: Params) -> None:
    """Change what one module says in another way."""
    rule = _FINISH.get(params.task.module)
    if rule is not None:
        rule(draft, params)


def _finish_unarchive(draft: Draft, params: Params) -> None:
    remote = params.flag("remote_src", default=False) or not params.flag("copy", default=True)
    source = draft.properties.pop("source")
    creates = params.value("creates")
    for option in constant(params.value("extra_opts") or literal([])):
        matched = re.fullmatch(r"--strip-components=(\d+)", str(option))
        if matched is None:
            raise Untranslatable(f"the option {option} of tar")
        draft.properties["strip_components"] = literal(int(matched[1]))
    if "destination" not in draft.properties:
        raise Untranslatable("there is no dest")
    if "://" in text(source):
        raise Untranslatable("declare the download by remote_file(...), then archive_file(path=)")
    draft.name = draft.properties.pop("destination")
    draft.properties["path" if remote else "source"] = source
    if creates is not None:
        draft.properties["not_if"] = asked("test -e", refuse_pattern(creates, "creates"))


def _finish_git(draft: Draft, params: Params) -> None:
    if params.flag("force", default=False):
        draft.properties["local_changes"] = literal("discard")


def _finish_signed(draft: Draft, _params: Params) -> None:
    key = draft.properties.get("key")
    if key is not None and is_constant(key) and str(constant(key)).startswith("/"):
        draft.properties["signed_by"] = draft.properties.pop("key")


def _finish_cron(draft: Draft, params: Params) -> None:
    if (where := params.value("cron_file")) is not None:
        draft.kind = "cron_d"
        draft.name = where
        if "user" not in draft.properties:
            raise Untranslatable("cron_file without a user")


_WAIT = 300
"""Seconds that Ansible's wait_for waits, if it is not told how long."""


def _finish_wait(draft: Draft, params: Params) -> None:
    if str(params.left.get("state")) in ("stopped", "absent", "drained"):
        if params.raw("state") == "drained":
            raise Untranslatable("state=drained")
        draft.properties["absent"] = literal(True)
    draft.properties.setdefault("timeout", literal(_WAIT))


def _finish_sysctl(draft: Draft, params: Params) -> None:
    file = str(params.raw("sysctl_file") or "/etc/sysctl.conf")
    if file != "/etc/sysctl.conf" and not re.fullmatch(r"/etc/sysctl\.d/[^/]+", file):
        raise Untranslatable(f"sysctl_file={file}: each key has a file of its own in /etc/sysctl.d")
    if text(draft.properties["action"]) != '"apply"':
        raise Untranslatable(f"the line of {file}: line(..., action='delete')")


def _finish_locale(draft: Draft, _params: Params) -> None:
    draft.properties["generate"] = literal([draft.properties["generate"]])


def _finish_mount(draft: Draft, _params: Params) -> None:
    if is_constant(draft.name) and not str(constant(draft.name)).startswith("/"):
        raise Untranslatable("no folder: swap_file(...) for swap")


def _finish_htpasswd(draft: Draft, _params: Params) -> None:
    raise_password(draft.properties.get("password"))


def raise_password(given: ast.expr | None) -> None:
    """Raise Untranslatable for a password that is no secret."""
    if given is not None and "secret(" not in text(given):
        raise Untranslatable('a password in clear: `cook secret set NAME`, then secret("NAME")')


_FINISH: Mapping[str, Callable[[Draft, Params], None]] = {
    "unarchive": _finish_unarchive,
    "git": _finish_git,
    "sysctl": _finish_sysctl,
    "deb822_repository": _finish_signed,
    "cron": _finish_cron,
    "wait_for": _finish_wait,
    "locale_gen": _finish_locale,
    "mount": _finish_mount,
    "htpasswd": _finish_htpasswd,
}


def _by_name(params: Params) -> Draft:
    """Return the resource for a module without an entry: by properties with equal names."""
    module = params.task.module
    if module in modules.WHY:
        raise Untranslatable(modules.WHY[module])
    known = counterparts().get(module)
    if known is None:
        raise Untranslatable(f"no resource type does what {module} does")
    raise Untranslatable(f"cook has {known.name}: {known.how}")


def _pip(params: Params, _sources: RoleSources) -> list[Draft]:
    params.drop("virtualenv_command")
    params.drop("virtualenv_python")
    params.drop("executable")
    if (requirements := params.value("requirements")) is not None:
        venv = params.needed("virtualenv")
        return [Draft("pip_requirements", requirements, {"venv": venv})]
    if "virtualenv" not in params.left:
        raise Untranslatable("pip outside of a virtual environment; python_venv(...), or a package")
    return [_by_table(params, modules.MODULES["pip"])]


def _ini_file(params: Params, _sources: RoleSources) -> list[Draft]:
    create = params.flag("create", default=True)
    draft = _by_table(params, modules.MODULES["ini_file"])
    params.left["create"] = create and text(draft.properties["action"]) == '"set"'
    return file_tasks.created(draft, params)


SPECIAL: Mapping[str, Callable[[Params, RoleSources], list[Draft]]] = {
    **file_tasks.TASKS,
    **package_tasks.TASKS,
    **system_tasks.TASKS,
    "ini_file": _ini_file,
    "pip": _pip,
}
"""Modules that need more than the table says."""
