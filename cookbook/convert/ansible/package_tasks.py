"""Tasks about packages and services."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping

from cookbook.convert.ansible import modules
from cookbook.convert.ansible.params import Params, as_flag, chosen
from cookbook.convert.ansible.sources import RoleSources, title_of
from cookbook.convert.drafts import Draft
from cookbook.convert.expressions import (
    Untranslatable,
    constant,
    is_constant,
    literal,
    text,
)
from cookbook.convert.scope import NameScope


def _package(params: Params, _sources: RoleSources) -> list[Draft]:
    names = params.value("name", "pkg", "package")
    cache = params.value("update_cache", "update-cache")
    age = params.value("cache_valid_time")
    if names is None and "state" in params.left:
        raise Untranslatable("no package is named")
    if names is None:
        return [_without_packages(params, cache, age)]
    action = params.choice("state", "present", modules.PACKAGE_STATES)
    kind = modules.PACKAGE_TYPES.get(params.task.module, "package")
    draft = Draft(kind, title_of(params), {"package_name": names, "action": action})
    _single(draft)
    if age is not None:
        draft.properties["cache_max_age"] = age
    elif cache is not None and as_flag(constant(cache)):
        draft.properties["cache_max_age"] = literal(0)
    for parameter in ("install_recommends", "default_release", "purge", "lock_timeout"):
        if kind != "package" and parameter in ("default_release", "purge"):
            continue
        if (value := params.property(kind, parameter, parameter)) is not None:
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
        return Draft("dpkg_package", title_of(params), {"source": archive})
    if (mode := params.value("upgrade")) is not None and str(constant(mode)).lower() not in (
        "no",
        "false",
    ):
        if cache is not None:
            params.drop("update_cache")
        words = {"dist": "full", "full": "full", "yes": "safe", "True": "safe", "safe": "safe"}
        draft = Draft("apt_upgrade", title_of(params), {"mode": chosen(mode, words, "upgrade")})
        if (remove := params.value("autoremove")) is not None:
            draft.properties["autoremove"] = remove
        return draft
    if cache is None or params.task.module not in ("apt", "package"):
        raise Untranslatable("no package is named")
    if age is None:
        return Draft("apt_update", title_of(params), {"action": literal("update")})
    return Draft("apt_update", title_of(params), {"frequency": age})


def _service(params: Params, _sources: RoleSources) -> list[Draft]:
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
            wanted.append(_switch(value, yes, no, params.scope))
    if "state" in params.left and (state := params.value("state", default="started")) is not None:
        wanted.append(chosen(state, modules.SERVICE_STATES, "state"))
    action = literal(wanted) if len(wanted) > 1 else (wanted or [literal("nothing")])[0]
    return [Draft("service", name, {"action": action})]


def _switch(value: ast.expr, yes: str, no: str, scope: NameScope) -> ast.expr:
    """Return one of two actions: "no" of hosts.yml is a text, which Python takes for true."""
    if is_constant(value):
        return literal(yes if as_flag(constant(value)) else no)
    is_flag = scope.kinds.get(text(value)) is bool or isinstance(value, ast.Compare | ast.UnaryOp)
    test = value if is_flag else ast.Call(func=scope.helper("as_bool"), args=[value], keywords=[])
    return ast.IfExp(test=test, body=literal(yes), orelse=literal(no))


TASKS: Mapping[str, Callable[[Params, RoleSources], list[Draft]]] = {
    **dict.fromkeys(modules.PACKAGE_MODULES, _package),
    **dict.fromkeys(("service", "systemd", "systemd_service", "sysvinit"), _service),
}
"""Module -> the function that makes the resources of a task."""
