"""Declarations of resources, checked against the properties of their types."""

from __future__ import annotations

import ast
import functools
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any, get_type_hints

from cookbook.convert.expressions import Untranslatable, call, constant, is_constant, literal
from cookbook.errors import CookError
from cookbook.language.resource import Resource
from cookbook.plugins.registry import resource_type
from cookbook.text.type_check import describe, fits

TITLES: Mapping[str, str] = {
    "apt_preference": "package_name",
    "apt_repository": "",
    "block": "",
    "config_value": "key",
    "cron": "",
    "cron_d": "",
    "debconf_selection": "question",
    "execute": "command",
    "gem_package": "package_name",
    "group": "group_name",
    "kernel_module": "modname",
    "line": "line",
    "link": "target_file",
    "mount": "mount_point",
    "npm_package": "package_name",
    "package": "package_name",
    "pip_package": "package_name",
    "replace": "",
    "service": "service_name",
    "sysctl": "key",
    "systemd_unit": "unit_name",
    "user": "username",
    "user_ulimit": "username",
    "wait_for": "",
    "dnf_package": "package_name",
    "dpkg_package": "package_name",
    "zypper_package": "package_name",
    "locale": "",
    "timezone": "timezone",
    "hostname": "hostname",
    "git": "destination",
    "subversion": "destination",
    "archive_file": "path",
    "swap_file": "path",
    "remote_file": "path",
    "remote_directory": "path",
    "file": "path",
    "template": "path",
    "cookbook_file": "path",
    "directory": "path",
    "postgresql_role": "role",
    "postgresql_database": "database",
    "mysql_database": "database",
    "mysql_user": "user",
}
"""Resource type -> the property of what its name stands for, if the name is only a title; `""`:
the name means nothing on the host, or cannot be another."""

MARKED = frozenset({"apt_repository", "cron", "cron_d"})
"""Types whose name is on the host, in a mark or as a file: under another name it is another one."""


def kind_of(name: str) -> type[Resource]:
    """
    Return the class of a resource type.

    Raises Untranslatable if there is none.
    """
    if (kind := resource_type(name)) is None:
        raise Untranslatable(f"there is no resource type {name}")
    return kind


@functools.cache
def properties(name: str) -> Mapping[str, tuple[Any, Any]]:
    """Return property -> (type, default) of a resource type; MISSING where there is no default."""
    kind = kind_of(name)
    hints = get_type_hints(kind)
    return {f.name: (hints[f.name], _default(f)) for f in fields(kind)}


def _default(field: Any) -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return field.default


def declaration(
    kind: str, name: ast.expr, given: Mapping[str, ast.expr], order: Sequence[str] = ()
) -> ast.Call:
    """
    Return the call that declares a resource.

    Values that are the default are left out. Raises Untranslatable for a property that the type
    does not have, and for a value that it does not take.
    """
    known = properties(kind)
    shown: dict[str, ast.expr] = {}
    for word in [*(word for word in order if word in given), *(w for w in given if w not in order)]:
        if word not in known:
            raise Untranslatable(f"{kind} has no property {word}")
        hint, default = known[word]
        value = given[word]
        if is_constant(value):
            value = literal(fitting(kind, word, constant(value), hint))
            if constant(value) == default or (constant(value) == [] and default == ()):
                continue
        shown[word] = value
    key = shown.get("key")
    if kind == "apt_repository" and key is not None and "fingerprint" not in shown:
        _check_key(key)
    _try(kind, name, shown)
    return call(kind, name, **shown)


def _check_key(key: ast.expr) -> None:
    """Raise Untranslatable for a key that is fetched and not pinned."""
    if not is_constant(key) or "://" in str(constant(key)):
        raise Untranslatable("a key from an address needs its fingerprint=")


def fitting(kind: str, word: str, value: Any, hint: Any) -> Any:
    """
    Return a value as the property wants it: numbers and texts are changed into each other.

    Raises Untranslatable if it does not fit.
    """
    candidates = [value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        candidates.append(str(value))
    if isinstance(value, str):
        if value.lower() in ("yes", "true", "on", "no", "false", "off"):
            candidates.append(value.lower() in ("yes", "true", "on"))
        if value.isdigit():
            candidates.append(int(value))
        candidates.append([value])
    if isinstance(value, list):
        candidates.append([str(one) for one in value])
    if isinstance(value, dict):
        candidates.append({str(key): str(one) for key, one in value.items()})
    for one in candidates:
        if fits(tuple(one) if isinstance(one, list) else one, hint):
            return one
    raise Untranslatable(f"{kind}: {word} must be {describe(hint)}")


_FROM_FILES = frozenset({"source", "variables", "content", "checksum", "key"})
"""Properties whose check needs files beside the recipe."""


def _try(kind: str, name: ast.expr, given: Mapping[str, ast.expr]) -> None:
    """Raise Untranslatable if the type refuses a declaration whose values are all known now."""
    values = {
        word: value for word, value in given.items() if word not in ("notifies", "subscribes")
    }
    if not is_constant(name) or _FROM_FILES & values.keys():
        return
    if not all(is_constant(value) for value in values.values()):
        return
    try:
        kind_of(kind)(constant(name), **{word: constant(one) for word, one in values.items()})
    except CookError as error:
        raise Untranslatable(str(error)) from None
    except TypeError as error:
        raise Untranslatable(f"{kind}: {error}") from None
