"""The resources of one task: by the table of modules, or by a function for what it cannot say."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from cookbook.convert.ansible import modules
from cookbook.convert.ansible.params import Params, as_flag, chosen
from cookbook.convert.declarations import properties
from cookbook.convert.drafts import Draft
from cookbook.convert.expressions import (
    Untranslatable,
    call,
    constant,
    is_constant,
    joined,
    literal,
    method,
    text,
)
from cookbook.language.recipe_hints import counterparts


class Sources(Protocol):
    """The files and templates of a role, as far as a task needs them."""

    def file(self, source: ast.expr) -> tuple[str, ast.expr]:
        """Return `file` or `folder`, and the expression of the name below `files/`."""

    def template(self, source: ast.expr, params: Params) -> tuple[ast.expr, ast.expr]:
        """Return the expressions of the name below `templates/`, and of the variables."""


def drafts(params: Params, sources: Sources) -> list[Draft]:
    """
    Return the resources of a task, in order.

    Raises Untranslatable if one of its parameters has no counterpart.
    """
    module = params.task.module
    if module in modules.PACKAGE_MODULES:
        found = _package(params)
    elif module in SPECIAL:
        found = SPECIAL[module](params, sources)
    elif module in modules.MODULES:
        found = [_by_table(params, modules.MODULES[module])]
    else:
        found = [_by_name(params)]
    params.finish()
    return found


def _title(params: Params) -> ast.expr:
    return literal(_plain(params.task.name))


def _plain(title: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"\{\{\s*|\s*\}\}", "", title)).strip()


def _by_table(params: Params, module: modules.Module) -> Draft:
    for name, values in module.needless.items():
        if name != "state":
            params.drop(name, values)
    draft = Draft(module.type, _title(params))
    given = next((name for name in module.name if name in params.left), None)
    if not module.title and given is not None:
        source = params.left[given]
        if given not in module.properties:
            params.left.pop(given)
        draft.name = _named(params, source)
    for parameter, word in module.properties.items():
        value = params.property(module.type, word, parameter)
        if value is not None:
            draft.properties[word] = value
    for word, value in module.fixed.items():
        draft.properties.setdefault(word, literal(value))
    if module.actions:
        draft.properties["action"] = params.choice("state", module.state, module.actions)
    elif "state" in params.left:
        params.drop("state", module.needless.get("state") or ("present",))
    _finish(draft, params)
    return draft


def _named(params: Params, source: Any) -> ast.expr:
    from cookbook.convert.ansible.jinja import Translator

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
    remote = params.flag("remote_src", "copy", default=False)
    source = draft.properties.pop("source")
    creates = params.value("creates")
    for option in constant(params.value("extra_opts") or literal([])):
        matched = re.fullmatch(r"--strip-components=(\d+)", str(option))
        if matched is None:
            raise Untranslatable(f"the option {option} of tar")
        draft.properties["strip_components"] = literal(int(matched[1]))
    if "://" in text(source):
        raise Untranslatable("declare the download by remote_file(...), then archive_file(path=)")
    draft.name = draft.properties.pop("destination")
    draft.properties["path" if remote else "source"] = source
    if creates is not None:
        draft.properties["not_if"] = joined(["test -e ", creates])


def _finish_url(draft: Draft, _params: Params) -> None:
    draft.properties.setdefault("local_changes", literal("discard"))


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


def _finish_wait(draft: Draft, params: Params) -> None:
    if str(params.left.get("state")) in ("stopped", "absent", "drained"):
        if params.raw("state") == "drained":
            raise Untranslatable("state=drained")
        draft.properties["absent"] = literal(True)


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
        raise Untranslatable(modules.WHY[module] or "no counterpart")
    known = counterparts().get(module)
    if known is None:
        raise Untranslatable(f"no resource type does what {module} does")
    raise Untranslatable(f"cook has {known.name}: {known.how}")


# --- packages ---------------------------------------------------------------------------------


def _package(params: Params) -> list[Draft]:
    names = params.value("name", "pkg", "package")
    cache = params.value("update_cache", "update-cache")
    age = params.value("cache_valid_time")
    if names is None:
        return [_without_packages(params, cache, age)]
    action = params.choice("state", "present", modules.PACKAGE_STATES)
    draft = Draft("package", _title(params), {"package_name": names, "action": action})
    _single(draft)
    if age is not None:
        draft.properties["cache_max_age"] = age
    elif cache is not None and as_flag(constant(cache)):
        draft.properties["cache_max_age"] = literal(0)
    for parameter in ("install_recommends", "default_release", "purge", "lock_timeout"):
        if (value := params.property("package", parameter, parameter)) is not None:
            draft.properties[parameter] = value
    if not is_constant(release := draft.properties.get("default_release", literal(None))):
        draft.properties["default_release"] = ast.BoolOp(
            op=ast.Or(), values=[release, literal(None)]
        )
    params.drop("force", ("no", "false"))
    params.drop("dpkg_options", ("force-confdef,force-confold",))
    params.drop("use")
    return [draft]


def _single(draft: Draft) -> None:
    """Name the resource after its only package, and take versions out of names."""
    names = draft.properties["package_name"]
    if isinstance(names, ast.List) and len(names.elts) == 1:
        names = draft.properties["package_name"] = names.elts[0]
    if isinstance(names, ast.JoinedStr) and "=" in text(names)[2:]:
        raise Untranslatable("a version in the name of a package")
    if is_constant(names):
        given = constant(names)
        if isinstance(given, str) and "," in given:
            given = [one.strip() for one in given.split(",")]
            draft.properties["package_name"] = literal(given)
        for one in given if isinstance(given, list) else [given]:
            if re.search(r"[*?@]|^[./]|\.(deb|rpm)$|://", str(one)):
                raise Untranslatable(f"the package {one}")
            if "=" in str(one) and isinstance(given, list):
                raise Untranslatable(f"the version of {one} among several packages")
        if isinstance(given, str) and "=" in given:
            word, _, version = given.partition("=")
            draft.properties["version"] = literal(version)
            draft.name = literal(word)
            del draft.properties["package_name"]
            return
    if isinstance(names, ast.Constant) and isinstance(names.value, str) and "," not in names.value:
        draft.name = names
        del draft.properties["package_name"]


def _without_packages(params: Params, cache: ast.expr | None, age: ast.expr | None) -> Draft:
    if (archive := params.value("deb")) is not None:
        params.choice("state", "present", {"present": "install"})
        if "://" in text(archive):
            raise Untranslatable("declare the download by remote_file(...), then dpkg_package(...)")
        return Draft("dpkg_package", _title(params), {"source": archive})
    if (mode := params.value("upgrade")) is not None and str(constant(mode)).lower() not in (
        "no",
        "false",
    ):
        if cache is not None:
            params.drop("update_cache")
        words = {"dist": "full", "full": "full", "yes": "safe", "True": "safe", "safe": "safe"}
        draft = Draft("apt_upgrade", _title(params), {"mode": chosen(mode, words, "upgrade")})
        if (remove := params.value("autoremove")) is not None:
            draft.properties["autoremove"] = remove
        return draft
    if cache is None or params.task.module not in ("apt", "package"):
        raise Untranslatable("no package is named")
    if age is None:
        return Draft("apt_update", _title(params), {"action": literal("update")})
    return Draft("apt_update", _title(params), {"frequency": age})


# --- services ---------------------------------------------------------------------------------


def _service(params: Params, _sources: Sources) -> list[Draft]:
    name = params.value("name", "service", "unit")
    for ignored in ("daemon_reload", "daemon-reload", "sleep", "use", "no_block", "daemon_reexec"):
        params.drop(ignored, None if ignored != "daemon_reexec" else ("no", "false"))
    params.drop("scope", ("system",))
    if name is None:
        return []
    if is_constant(name):
        name = literal(str(constant(name)).removesuffix(".service"))
    wanted: list[ast.expr] = []
    for parameter, yes, no in (("masked", "mask", "unmask"), ("enabled", "enable", "disable")):
        if (value := params.value(parameter)) is not None:
            wanted.append(_switch(value, yes, no))
    if "state" in params.left and (state := params.value("state", default="started")) is not None:
        wanted.append(chosen(state, modules.SERVICE_STATES, "state"))
    action = literal(wanted) if len(wanted) > 1 else (wanted or [literal("nothing")])[0]
    return [Draft("service", name, {"action": action})]


def _switch(value: ast.expr, yes: str, no: str) -> ast.expr:
    if is_constant(value):
        return literal(yes if as_flag(constant(value)) else no)
    return ast.IfExp(test=value, body=literal(yes), orelse=literal(no))


# --- files ------------------------------------------------------------------------------------


def _owned(draft: Draft, params: Params) -> None:
    for word in ("owner", "group", "mode"):
        if (value := params.property("file", word, word)) is not None:
            draft.properties[word] = value
    params.drop("follow")
    params.drop("backup")


def _file(params: Params, _sources: Sources) -> list[Draft]:
    path = params.needed("path", "dest", "name")
    state = constant(params.value("state") or literal("file"))
    if params.flag("recurse", default=False):
        raise Untranslatable("recurse: the owner of what is below is not compared")
    params.drop("force", ("no", "false"))
    if state in ("link", "hard"):
        draft = Draft("link", path, {"to": params.needed("src")})
        if state == "hard":
            draft.properties["link_type"] = literal("hard")
        for word in ("owner", "group"):
            if (value := params.value(word)) is not None:
                draft.properties[word] = value
        params.drop("follow")
        params.drop("mode")
        params.drop("force")
        return [draft]
    if state == "absent":
        for word in ("owner", "group", "mode", "force"):
            params.drop(word)
        if is_constant(path) and str(constant(path)).endswith("/"):
            words = {"action": literal("delete"), "recursive": literal(True)}
            return [Draft("directory", literal(str(constant(path)).rstrip("/")), words)]
        return [Draft("file", path, {"action": literal("delete")})]
    return [_existing(params, path, str(state))]


def _existing(params: Params, path: ast.expr, state: str) -> Draft:
    if state == "directory":
        draft = Draft("directory", _without_slash(path))
        if not is_constant(path) or str(constant(path)).strip("/").count("/") > 1:
            draft.properties["recursive"] = literal(True)
        _owned(draft, params)
        return draft
    if state not in ("file", "touch"):
        raise Untranslatable(f"state={state}")
    draft = Draft("file", path)
    if state == "touch":
        kept = {params.raw(word) for word in ("access_time", "modification_time")}
        draft.properties["action"] = literal("create" if kept == {"preserve"} else "touch")
    _owned(draft, params)
    return draft


def _without_slash(path: ast.expr) -> ast.expr:
    if is_constant(path) and len(str(constant(path))) > 1:
        return literal(str(constant(path)).rstrip("/"))
    return path


def _target(path: ast.expr, source: ast.expr) -> ast.expr:
    """Return the path of a file; one that ends in `/` is a folder."""
    shown = text(path)
    if not re.search(r"/[\"']$", shown):
        return path
    if is_constant(source):
        return joined(
            [
                path if not is_constant(path) else str(constant(path)),
                str(constant(source)).rpartition("/")[2].removesuffix(".j2"),
            ]
        )
    raise Untranslatable("the name of the file is not known")


def _validated(draft: Draft, params: Params) -> None:
    if (check := params.value("validate")) is not None:
        if is_constant(check):
            draft.properties["verify"] = literal(str(constant(check)).replace("%s", "{path}"))
        else:
            draft.properties["verify"] = method(check, "replace", literal("%s"), literal("{path}"))
    if not params.flag("force", default=True):
        draft.properties["action"] = literal("create_if_missing")


def _copy(params: Params, sources: Sources) -> list[Draft]:
    path = params.needed("dest", "path")
    if params.flag("remote_src", default=False):
        raise Untranslatable("a copy of a file of the host")
    if "content" in params.left:
        content = params.raw("content")
        if isinstance(content, dict | list):
            raise Untranslatable("a content that is no text")
        params.left["content"] = content if isinstance(content, str) else str(content)
        draft = Draft("file", path, {"content": params.needed("content")})
        _owned(draft, params)
        _validated(draft, params)
        return [draft]
    source = params.needed("src")
    kind, name = sources.file(source)
    if kind == "folder":
        draft = Draft("remote_directory", _without_slash(path), {"source": name})
        if not text(source).rstrip("\"'").endswith("/"):
            draft.name = joined([_part(_without_slash(path)), "/", _part(name)])
        names = {"owner": "files_owner", "group": "files_group", "mode": "files_mode"}
        for word, files in names.items():
            if (value := params.property("file", word, word)) is not None:
                draft.properties[files] = value
                if word != "mode":
                    draft.properties[word] = value
        if (value := params.property("directory", "mode", "directory_mode")) is not None:
            draft.properties["mode"] = value
        return [draft]
    draft = Draft("file", _target(path, source), {"source": name})
    params.drop("directory_mode")
    _owned(draft, params)
    _validated(draft, params)
    params.drop("decrypt")
    return [draft]


def _part(one: ast.expr) -> str | ast.expr:
    return str(constant(one)) if is_constant(one) else one


def _template(params: Params, sources: Sources) -> list[Draft]:
    source = params.needed("src")
    path = _target(params.needed("dest", "path"), source)
    params.drop("lstrip_blocks", ("no", "false"))
    params.drop("trim_blocks", ("yes", "true"))
    name, variables = sources.template(source, params)
    draft = Draft("template", path, {"source": name})
    if not isinstance(variables, ast.Dict) or variables.keys:
        draft.properties["variables"] = variables
    _owned(draft, params)
    _validated(draft, params)
    return [draft]


def _place(draft: Draft, params: Params) -> None:
    """Take `insertafter` and `insertbefore`; `EOF` is the default, `BOF` the first line."""
    after, before = params.value("insertafter"), params.value("insertbefore")
    if after is not None and not (is_constant(after) and constant(after) in ("EOF", None)):
        draft.properties["after"] = after
    if before is not None:
        first = is_constant(before) and constant(before) == "BOF"
        draft.properties["before"] = literal("^") if first else before


def _created(draft: Draft, params: Params) -> list[Draft]:
    """Return the resources for a file that is made if it is not there."""
    params.drop("backup")
    params.drop("follow")
    owned = Draft("file", draft.properties["path"])
    _owned(owned, params)
    if params.flag("create", default=False):
        owned.properties["action"] = literal(["create_if_missing"][0])
        if len(owned.properties) > 1:
            owned.properties["action"] = literal("create")
        return [owned, draft]
    if owned.properties:
        return [draft, owned]
    return [draft]


def _lineinfile(params: Params, _sources: Sources) -> list[Draft]:
    path = params.needed("path", "dest", "destfile", "name")
    state = constant(params.value("state") or literal("present"))
    line, match = params.value("line", "value"), params.value("regexp", "regex")
    if params.flag("backrefs", default=False):
        raise Untranslatable("backrefs: replace(...) knows groups, and adds no line")
    params.drop("firstmatch")
    draft = Draft("line", _title(params), {"path": path})
    if state == "absent":
        draft.properties["action"] = literal("delete")
        if match is None and line is None:
            raise Untranslatable("neither a line nor a pattern")
        draft.properties["match" if match is not None else "line"] = match or line or literal("")
    else:
        if line is None:
            raise Untranslatable("there is no line")
        draft.properties["line"] = line
        if match is not None:
            draft.properties["match"] = match
        _place(draft, params)
    return _created(draft, params)


def _blockinfile(params: Params, _sources: Sources) -> list[Draft]:
    draft = Draft("block", _title(params), {"path": params.needed("path", "dest", "name")})
    marker = params.value("marker") or literal("# {mark} ANSIBLE MANAGED BLOCK")
    content = params.value("block", "content")
    state = constant(params.value("state") or literal("present"))
    draft.properties["marker"] = marker
    if state == "absent" or (content is not None and text(content) == '""'):
        draft.properties["action"] = literal("delete")
    else:
        draft.properties["content"] = content or literal("")
        _place(draft, params)
    return _created(draft, params)


def _get_url(params: Params, _sources: Sources) -> list[Draft]:
    url, path = params.needed("url"), params.needed("dest")
    draft = Draft("remote_file", _target(path, url), {"source": url})
    checksum = params.value("checksum", "sha256sum")
    if checksum is not None:
        draft.properties["checksum"] = _sha256(checksum)
    elif not params.flag("force", default=False):
        draft.properties["action"] = literal("create_if_missing")
    if (headers := params.value("headers")) is not None:
        draft.properties["headers"] = headers
    for ignored in ("timeout", "force", "tmp_dest", "use_proxy", "http_agent"):
        params.drop(ignored)
    params.drop("validate_certs", ("yes", "true"))
    _owned(draft, params)
    return [draft]


def _sha256(checksum: ast.expr) -> ast.expr:
    if not is_constant(checksum):
        return method(checksum, "removeprefix", literal("sha256:"))
    given = str(constant(checksum))
    if not re.fullmatch(r"(sha256:)?[0-9a-fA-F]{64}", given):
        raise Untranslatable("a checksum that is no SHA-256 in the text")
    return literal(given.removeprefix("sha256:"))


# --- accounts ---------------------------------------------------------------------------------


def _user(params: Params, _sources: Sources) -> list[Draft]:
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


# --- commands ---------------------------------------------------------------------------------


_SHELL_WORDS = re.compile(r"[^\w./:=@%+,{}\[\]\" '-]|^~|\s~")
"""What a shell would read in another way than the module `command` does."""


def _command(params: Params, _sources: Sources) -> list[Draft]:
    shell = params.task.module in ("shell", "raw")
    params.drop("_value")
    free = params.raw("cmd", "_raw_params") or params.task.free
    program = params.value("executable")
    if (argv := params.value("argv")) is not None:
        command = argv
    elif free:
        command = _command_text(params, str(free), shell=shell)
    else:
        raise Untranslatable("there is no command")
    if program is not None:
        command = literal([program, literal("-c"), command])
    draft = Draft("execute", _title(params), {"command": command})
    for parameter, word in (("creates", "creates"), ("chdir", "cwd"), ("stdin", "input")):
        if (value := params.value(parameter)) is not None:
            draft.properties[word] = value
    if (removes := params.value("removes")) is not None:
        draft.properties["only_if"] = joined(["test -e ", _part(removes)])
    for ignored in ("warn", "strip_empty_ends", "stdin_add_newline", "expand_argument_vars"):
        params.drop(ignored)
    return [draft]


def _command_text(params: Params, free: str, *, shell: bool) -> ast.expr:
    from cookbook.convert.ansible.jinja import Translator

    command = Translator(params.scope).in_text(free.strip())
    if shell:
        return command
    if _SHELL_WORDS.search(re.sub(r"\{\{.*?\}\}", "", free.replace("\n", " "))):
        if not is_constant(command):
            raise Untranslatable("a command with signs of the shell, which `command` does not read")
        import shlex

        try:
            return literal(shlex.split(str(constant(command))))
        except ValueError as error:
            raise Untranslatable(str(error)) from None
    if is_constant(command):
        return literal(" ".join(str(constant(command)).split()))
    return command


# --- the rest ---------------------------------------------------------------------------------


_REPOSITORY = re.compile(r"(deb|deb-src)\s+(?:\[(.*?)\]\s+)?(\S+)\s+(\S+)\s*(.*)")


def _apt_repository(params: Params, _sources: Sources) -> list[Draft]:
    line = params.needed("repo")
    action = params.choice("state", "present", {"present": "add", "absent": "remove"})
    parts = _REPOSITORY.fullmatch(str(params.task.params["repo"]).strip())
    if parts is None or parts[1] != "deb" or "{" in (parts[2] or ""):
        raise Untranslatable("the repository is not one line of `deb URI DISTRIBUTION COMPONENT`")
    from cookbook.convert.ansible.jinja import Translator

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
    del line
    return [draft]


def _alternatives(params: Params, _sources: Sources) -> list[Draft]:
    draft = Draft("alternatives", params.needed("name"), {"path": params.needed("path")})
    if (link := params.value("link")) is not None:
        draft.properties["link"] = link
        draft.properties["priority"] = params.value("priority") or literal(50)
        draft.properties["action"] = literal(["install", "set"])
    else:
        draft.properties["action"] = literal("set")
    return [draft]


def _ufw(params: Params, _sources: Sources) -> list[Draft]:
    verdict = params.choice("rule", "", {"allow": "allow", "deny": "deny", "reject": "reject"})
    draft = Draft("firewall_rule", _title(params), {"command": verdict})
    if (port := params.value("port", "to_port")) is not None:
        draft.properties["port"] = port
    draft.properties["protocol"] = params.value("proto", "protocol") or literal("tcp")
    if (source := params.value("from_ip", "src", "from")) is not None and text(source) != '"any"':
        draft.properties["source"] = source
    params.drop("direction", ("in",))
    params.drop("comment")
    return [draft]


def _pip(params: Params, _sources: Sources) -> list[Draft]:
    params.drop("virtualenv_command")
    params.drop("virtualenv_python")
    params.drop("executable")
    if (requirements := params.value("requirements")) is not None:
        venv = params.needed("virtualenv")
        return [Draft("pip_requirements", requirements, {"venv": venv})]
    if "virtualenv" not in params.left:
        raise Untranslatable("pip outside of a virtual environment; python_venv(...), or a package")
    return [_by_table(params, modules.MODULES["pip"])]


def _limits(params: Params, _sources: Sources) -> list[Draft]:
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


SPECIAL: Mapping[str, Callable[[Params, Sources], list[Draft]]] = {
    "alternatives": _alternatives,
    "apt_repository": _apt_repository,
    "blockinfile": _blockinfile,
    "command": _command,
    "copy": _copy,
    "file": _file,
    "get_url": _get_url,
    "lineinfile": _lineinfile,
    "pam_limits": _limits,
    "pip": _pip,
    "raw": _command,
    "service": _service,
    "shell": _command,
    "systemd": _service,
    "systemd_service": _service,
    "sysvinit": _service,
    "template": _template,
    "ufw": _ufw,
    "user": _user,
}
"""Modules that need more than the table says."""

__all__ = ["SPECIAL", "Sources", "call", "drafts"]
