"""The sources `docker` and `podman`: the running containers of this machine, by `ps`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from cookbook.errors import SourceError
from cookbook.inventory.sources.program import run
from cookbook.inventory.sources.query import SourceQuery
from cookbook.text.bounded_io import parsed_json

_KEYS = ("label", "name", "group_by", "user")
_NO_NAME = re.compile(r"[^\w.%+-]")


def hosts(query: SourceQuery) -> Mapping[str, object]:
    """
    Return the running containers as hosts; the transport is `exec` of the same engine.

    `label` and `name` filter them, as `--filter` of ps does; `group_by` are labels whose value is
    the name of a group.
    """
    query.check(_KEYS)
    words = [query.kind, "ps", "--no-trunc", "--format", "{{json .}}"]
    for key in ("label", "name"):
        for text in query.texts(key):
            words += ["--filter", f"{key}={text}"]
    return listed(query, run(query, words))


def listed(query: SourceQuery, output: bytes) -> Mapping[str, object]:
    """Return the containers that ps has printed. Raises SourceError."""
    found: dict[str, Any] = {}
    groups: dict[str, dict[str, list[str]]] = {}
    user = query.text("user")
    by = query.texts("group_by")
    for name, labels, host in _containers(query, output):
        found[name] = {**host, "transport": query.kind, **({"user": user} if user else {})}
        for label in by:
            if labels.get(label):
                group = _NO_NAME.sub("_", labels[label])
                groups.setdefault(group, {"hosts": []})["hosts"].append(name)
    return {"hosts": found, "groups": groups}


def _containers(
    query: SourceQuery, output: bytes
) -> Iterator[tuple[str, Mapping[str, str], dict[str, Any]]]:
    """Yield name, labels and host of each container."""
    for one in _printed(query, output):
        try:
            names, image = one["Names"], str(one["Image"])
            name = names[0] if isinstance(names, list) else str(names).split(",")[0]
            key = str(one.get("ID") or one["Id"])
            labels = _labels(one.get("Labels"))
        except (KeyError, TypeError, IndexError, AttributeError):
            raise _no_containers(query, output) from None
        container = {"id": key, "image": image, "labels": labels}
        yield str(name), labels, {"address": str(name), "vars": {"container": container}}


def _printed(query: SourceQuery, output: bytes) -> list[Any]:
    """Return the objects that ps printed: Podman an array of them, Docker one a line."""
    try:
        if output.lstrip().startswith(b"["):
            return list(parsed_json(output))
        return [parsed_json(line) for line in output.splitlines()]
    except (ValueError, TypeError):
        raise _no_containers(query, output) from None


def _no_containers(query: SourceQuery, output: bytes) -> SourceError:
    return query.failure(
        f"`{query.kind} ps` printed something else than containers",
        hint=f"it began with {output[:60].decode(errors='replace')!r}",
    )


def _labels(given: Any) -> dict[str, str]:
    """Return the labels: Podman prints an object, Docker `key=value,key=value`."""
    if isinstance(given, dict):
        return {str(key): str(value) for key, value in given.items()}
    parts = [part.partition("=") for part in str(given or "").split(",") if part]
    return {key: value for key, equals, value in parts if equals}
