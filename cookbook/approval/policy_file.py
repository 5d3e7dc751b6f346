"""The rules of a reviewer as a YAML file; docs/approval.md shows one."""

from __future__ import annotations

import re
from pathlib import Path

from cookbook.approval.policy import Ban, Reviewer, Rules
from cookbook.errors import UsageError
from cookbook.text.glob import Glob
from cookbook.text.hours import WallClock, now, read_hours
from cookbook.text.yaml_fields import each, keys, text, texts
from cookbook.text.yaml_reader import YamlReader
from cookbook.text.yaml_value import Value


def read_reviewer(path: Path, clock: WallClock = now) -> Reviewer:
    """
    Return the reviewer that a file describes.

    Raises UsageError with file:line: a misspelt rule must not be ignored.
    """
    value = YamlReader(UsageError).read(path)
    return Reviewer(_rules(value) if value is not None else Rules(), str(path), clock)


def _rules(value: Value) -> Rules:
    said = keys(value, "forbid", "paths", "most_changes", "hours")
    paths = keys(said["paths"], "deny", "allow") if "paths" in said else {}
    most = keys(said["most_changes"], "per_host", "hosts") if "most_changes" in said else {}
    return Rules(
        bans=each(said.get("forbid"), _ban),
        denied=each(paths.get("deny"), _path),
        allowed=each(paths["allow"], _path) if "allow" in paths else None,
        per_host=_count(most["per_host"]) if "per_host" in most else None,
        hosts=_count(most["hosts"]) if "hosts" in most else None,
        hours=each(said.get("hours"), read_hours),
    )


def _count(value: Value) -> int:
    if not isinstance(value.data, int) or isinstance(value.data, bool) or value.data < 0:
        raise value.error(f"a number of changes is expected here, not {value}")
    return value.data


def _ban(value: Value) -> Ban:
    said = keys(value, "resource", "action", "hosts", "reason")
    if not said.keys() - {"reason"}:
        raise value.error("this forbids nothing", hint='e.g. {resource: "package[*]"}')
    resources = texts(said["resource"]) if "resource" in said else ("*",)
    for name in resources:
        if not re.fullmatch(r"\*|[^\[\]]+\[.*\]", name):
            raise said["resource"].error(f"{name!r} is no resource", hint='e.g. "package[*]"')
    return Ban(
        value.at,
        tuple(map(Glob, resources)),
        frozenset(texts(said["action"])) if "action" in said else frozenset(),
        _host_globs(said["hosts"]) if "hosts" in said else (Glob("*"),),
        text(said["reason"]) if "reason" in said else Ban.reason,
    )


def _host_globs(value: Value) -> tuple[Glob, ...]:
    names = texts(value)
    for name in names:
        if "[" in name:
            raise value.error(f"{name!r} has a range: only * and ? are for hosts here")
    return tuple(map(Glob, names))


def _path(value: Value) -> Glob:
    path = text(value)
    if not path.startswith("/"):
        raise value.error(f"{path!r} is no absolute path", hint='e.g. "/etc/ssh/**"')
    return Glob(path, crosses=False)
