"""Tasks about files."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping

from cookbook.convert.ansible.params import Params
from cookbook.convert.ansible.sources import RoleSources, part, title_of
from cookbook.convert.drafts import Draft
from cookbook.convert.expressions import (
    Untranslatable,
    constant,
    is_constant,
    joined,
    literal,
    method,
    text,
)


def _owned(draft: Draft, params: Params) -> None:
    for word in ("owner", "group", "mode"):
        if (value := params.property("file", word, word)) is not None:
            draft.properties[word] = value
    params.drop("follow")
    params.drop("backup")


def _file(params: Params, _sources: RoleSources) -> list[Draft]:
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


def _copy(params: Params, sources: RoleSources) -> list[Draft]:
    path = params.needed("dest", "path")
    if params.flag("remote_src", default=False):
        raise Untranslatable("a copy of a file of the host")
    if "content" in params.left:
        content = params.raw("content")
        if isinstance(content, dict | list):
            raise Untranslatable("a content that is no text")
        params.left["content"] = content if isinstance(content, str) else str(content)
        draft = Draft("file", path, {"content": _text(params.needed("content"), content)})
        _owned(draft, params)
        _validated(draft, params)
        return [draft]
    source = params.needed("src")
    kind, name = sources.file(source)
    if kind == "folder":
        draft = Draft("remote_directory", _without_slash(path), {"source": name})
        if not text(source).rstrip("\"'").endswith("/"):
            draft.name = joined([part(_without_slash(path)), "/", part(name)])
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


def _text(found: ast.expr, source: object) -> ast.expr:
    """Return a content with the line break that a value of one expression ends with."""
    is_whole = not isinstance(found, ast.Constant | ast.JoinedStr)
    return joined([found, "\n"]) if is_whole and str(source).endswith("\n") else found


def _template(params: Params, sources: RoleSources) -> list[Draft]:
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


def created(draft: Draft, params: Params) -> list[Draft]:
    """Return the resources for a file that is made if it is not there."""
    params.drop("backup")
    params.drop("follow")
    owned = Draft("file", draft.properties["path"])
    _owned(owned, params)
    if params.flag("create", default=False):
        owned.properties["action"] = literal("create_if_missing")
        if len(owned.properties) > 1:
            owned.properties["action"] = literal("create")
        return [owned, draft]
    if owned.properties:
        return [draft, owned]
    return [draft]


def _lineinfile(params: Params, _sources: RoleSources) -> list[Draft]:
    path = params.needed("path", "dest", "destfile", "name")
    state = constant(params.value("state") or literal("present"))
    line, match = params.value("line", "value"), params.value("regexp", "regex")
    if params.flag("backrefs", default=False):
        raise Untranslatable("backrefs: replace(...) knows groups, and adds no line")
    params.drop("firstmatch")
    draft = Draft("line", title_of(params), {"path": path})
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
    return created(draft, params)


def _blockinfile(params: Params, _sources: RoleSources) -> list[Draft]:
    draft = Draft("block", title_of(params), {"path": params.needed("path", "dest", "name")})
    marker = params.value("marker") or literal("# {mark} ANSIBLE MANAGED BLOCK")
    content = params.value("block", "content")
    state = constant(params.value("state") or literal("present"))
    draft.properties["marker"] = marker
    if state == "absent" or (content is not None and text(content) == '""'):
        draft.properties["action"] = literal("delete")
    else:
        draft.properties["content"] = content or literal("")
        _place(draft, params)
    return created(draft, params)


def _get_url(params: Params, _sources: RoleSources) -> list[Draft]:
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


TASKS: Mapping[str, Callable[[Params, RoleSources], list[Draft]]] = {
    "blockinfile": _blockinfile,
    "copy": _copy,
    "file": _file,
    "get_url": _get_url,
    "lineinfile": _lineinfile,
    "template": _template,
}
"""Module -> the function that makes the resources of a task."""
