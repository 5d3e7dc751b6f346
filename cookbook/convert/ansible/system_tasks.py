"""Tasks about accounts, commands, and the rest of the system."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping

from cookbook.convert import shell
from cookbook.convert.ansible.jinja import Translator
from cookbook.convert.ansible.params import Params, as_flag
from cookbook.convert.ansible.sources import RoleSources, part, title_of
from cookbook.convert.declarations import properties
from cookbook.convert.drafts import Draft
from cookbook.convert.expressions import (
    Untranslatable,
    constant,
    is_constant,
    joined,
    literal,
    text,
)


def _user(params: Params, _sources: RoleSources) -> list[Draft]:
    action = params.choice("state", "present", {"present": "create", "absent": "remove"})
    remove = params.flag("remove", default=False)
    draft = Draft("user", params.needed("name", "user"), {"action": action})
    is_removed = is_constant(action) and constant(action) == "remove"
    home = params.value("create_home", "createhome")
    keep = home is not None and is_constant(home) and not as_flag(constant(home))
    if is_removed:
        draft.properties["manage_home"] = literal(remove)
    elif home is None or is_constant(home):
        draft.properties["manage_home"] = literal(not keep)
    else:
        draft.properties["manage_home"] = home
    if (groups := params.value("groups")) is not None:
        draft.properties["groups"] = _list_of(groups, params)
        draft.properties["append_groups"] = literal(params.flag("append", default=False))
    params.drop("append")
    names = {
        "uid": "uid",
        "group": "gid",
        "shell": "shell",
        "home": "home",
        "comment": "comment",
        "system": "system",
        "non_unique": "non_unique",
        "generate_ssh_key": "generate_ssh_key",
        "ssh_key_bits": "ssh_key_bits",
        "ssh_key_type": "ssh_key_type",
        "password_expire_max": "max_days",
        "password_expire_min": "min_days",
    }
    for parameter, word in names.items():
        if (value := params.property("user", word, parameter)) is not None:
            draft.properties[word] = value
    if "password" in params.left:
        draft.properties["password"] = _password(params)
    params.drop("update_password", ("always",))
    params.drop("move_home", ("no", "false"))
    params.drop("force", ("no", "false"))
    params.drop("local")
    return [draft]


def _password(params: Params) -> ast.expr:
    given = params.needed("password")
    if is_constant(given):
        shown = str(constant(given))
        if shown in ("!", "*", "!!", "x"):
            raise Untranslatable("a locked password: action=['create', 'lock']")
        raise Untranslatable('a password in clear: cook secret set NAME, then secret("NAME")')
    return given


def _list_of(value: ast.expr, params: Params) -> ast.expr:
    if is_constant(value):
        given = constant(value)
        if isinstance(given, str):
            return literal([one.strip() for one in given.split(",") if one.strip()])
        return literal(given or [])
    if isinstance(value, ast.List):
        return value
    return ast.Call(func=params.scope.helper("as_list"), args=[value], keywords=[])


_EXPANDED = re.compile(r"\$[\w{]|(^|[\s\"'])~")
"""Signs that the module `command` expands in the words of its line, though no shell reads them."""


def _command(params: Params, _sources: RoleSources) -> list[Draft]:
    by_shell = params.task.module in ("shell", "raw")
    params.drop("_value")
    free = params.raw("cmd", "_raw_params") or params.task.free
    expands = params.flag("expand_argument_vars", default=True) and not by_shell
    argv = params.value("argv")
    if argv is None and not free:
        raise Untranslatable("there is no command")
    if expands and _EXPANDED.search(str(free or params.task.params["argv"])):
        raise Untranslatable("`command` expands $NAME and ~, and nothing else: take shell")
    if argv is not None:
        command = argv
    else:
        command = Translator(params.scope).in_text(str(free).strip())
        command = command if by_shell else shell.words(command)
    if by_shell and (program := params.value("executable")) is not None:
        command = literal([program, literal("-c"), command])
    draft = Draft("execute", title_of(params), {"command": command})
    for parameter, word in (("creates", "creates"), ("chdir", "cwd")):
        if (value := params.value(parameter)) is not None:
            draft.properties[word] = shell.refuse_pattern(value, parameter)
    if (removes := params.value("removes")) is not None:
        removes = shell.refuse_pattern(removes, "removes")
        draft.properties["only_if"] = shell.asked("test -e", removes)
    ends = params.flag("stdin_add_newline", default=True)
    if (given := params.value("stdin")) is not None:
        draft.properties["input"] = joined([part(given), "\n" if ends else ""])
    for ignored in ("warn", "strip_empty_ends"):
        params.drop(ignored)
    return [draft]


_REPOSITORY = re.compile(r"(deb|deb-src)\s+(?:\[(.*?)\]\s+)?(\S+)\s+(\S+)\s*(.*)")


def _apt_repository(params: Params, _sources: RoleSources) -> list[Draft]:
    params.needed("repo")
    action = params.choice("state", "present", {"present": "add", "absent": "remove"})
    parts = _REPOSITORY.fullmatch(str(params.task.params["repo"]).strip())
    if parts is None and "{{" in params.task.params["repo"]:
        raise Untranslatable(
            "the line of the repository is a variable, and its parts are not known"
        )
    if parts is None or parts[1] != "deb" or "{" in (parts[2] or ""):
        raise Untranslatable("the repository is not one line of `deb URI DISTRIBUTION COMPONENT`")
    values = Translator(params.scope)
    name = params.value("filename")
    if name is None:
        host = re.sub(r"^https?://|\{\{.*?\}\}", "", parts[3]).strip("/")
        name = literal(re.sub(r"[^a-z0-9]+", "-", host.lower()).strip("-"))
    draft = Draft("apt_repository", name, {"uri": values.value(parts[3])})
    draft.properties["distribution"] = values.value(parts[4])
    if parts[5].strip():
        words = [values.value(one) for one in parts[5].split()]
        draft.properties["components"] = literal(words)
    for option in (parts[2] or "").split():
        key, _, value = option.partition("=")
        word = {"arch": "arch", "signed-by": "signed_by"}.get(key)
        if word is None:
            raise Untranslatable(f"the option {option} of the repository")
        draft.properties[word] = literal(value.split(",") if word == "arch" else value)
    draft.properties["action"] = action
    for ignored in ("update_cache", "mode", "validate_certs", "install_python_apt"):
        params.drop(ignored)
    return [draft]


def _alternatives(params: Params, _sources: RoleSources) -> list[Draft]:
    draft = Draft("alternatives", params.needed("name"), {"path": params.needed("path")})
    if (link := params.value("link")) is not None:
        draft.properties["link"] = link
        draft.properties["priority"] = params.value("priority") or literal(50)
        draft.properties["action"] = literal(["install", "set"])
    else:
        draft.properties["action"] = literal("set")
    return [draft]


def _ufw(params: Params, _sources: RoleSources) -> list[Draft]:
    verdict = params.choice("rule", "", {"allow": "allow", "deny": "deny", "reject": "reject"})
    draft = Draft("firewall_rule", title_of(params), {"command": verdict})
    port = params.value("port", "to_port")
    if port is not None:
        draft.properties["port"] = port
    protocol = params.value("proto", "protocol") or literal("any")
    if (source := params.value("from_ip", "src", "from")) is not None and text(source) != '"any"':
        draft.properties["source"] = source
    params.drop("direction", ("in", "incoming"))
    params.drop("comment")
    if not is_constant(protocol):
        raise Untranslatable("a protocol that is not known")
    if constant(protocol) != "any":
        draft.properties["protocol"] = protocol
        return [draft]
    if port is None:
        draft.properties["protocol"] = literal("none")
        return [draft]
    return [_of_protocol(draft, word) for word in ("tcp", "udp")]


def _of_protocol(draft: Draft, word: str) -> Draft:
    """Return the rule for one of the protocols with ports, if the task is for all of them."""
    named = joined([part(draft.name), f" {word}"])
    return Draft(draft.kind, named, {**draft.properties, "protocol": literal(word)})


def _limits(params: Params, _sources: RoleSources) -> list[Draft]:
    kind, which = constant(params.needed("limit_type")), constant(params.needed("limit_item"))
    name = {"nofile": "filehandle", "nproc": "process", "core": "core", "stack": "stack"}.get(which)
    if name is None:
        raise Untranslatable(f"the limit {which}: limits= of user_ulimit")
    word = f"{name}_limit" if kind == "-" else f"{name}_{kind}_limit"
    if word not in properties("user_ulimit"):
        raise Untranslatable(f"the limit {which}")
    draft = Draft("user_ulimit", params.needed("domain"), {word: params.needed("value")})
    for ignored in ("use_max", "use_min", "backup"):
        params.drop(ignored, ("no", "false"))
    return [draft]


TASKS: Mapping[str, Callable[[Params, RoleSources], list[Draft]]] = {
    "alternatives": _alternatives,
    "apt_repository": _apt_repository,
    "command": _command,
    "pam_limits": _limits,
    "raw": _command,
    "shell": _command,
    "ufw": _ufw,
    "user": _user,
}
"""Module -> the function that makes the resources of a task."""
