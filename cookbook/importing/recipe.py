"""The text of the recipe, and the other files of the folder."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from cookbook.importing.declaration import SUBJECTS, Declaration, LeftOut, Raw
from cookbook.importing.literals import call
from cookbook.inventory import Host

_TARGET = re.compile(r'"(\w+\[.*\])"')


def ordered(declarations: Iterable[Declaration]) -> list[Declaration]:
    """Return declarations in the order in which a fresh host needs them; each thing once."""
    order = list(SUBJECTS)
    found: dict[str, Declaration] = {}
    for one in sorted(declarations, key=lambda one: (order.index(one.subject), _turn(one))):
        found.setdefault(one.identity, one)
    return list(found.values())


def _turn(one: Declaration) -> tuple[bool, bool]:
    """Return the place among those of a subject: a repository needs the files of keys."""
    return one.helps, one.kind == "apt_repository"


def targets(declarations: Iterable[Declaration]) -> set[str]:
    """Return the identities of what is notified."""
    return {_target(n) for one in declarations for n in one.properties.get("notifies", ())}


def helpers(wanted: Collection[str]) -> Iterator[Declaration]:
    """Yield resources that wait to be notified: the lists of apt, the parameters of the kernel."""
    if "apt_update[imported]" in wanted:
        properties = {"action": "nothing"}
        yield Declaration("apt_repository", "apt_update", "imported", properties, helps=True)
    if "service[systemd-sysctl]" in wanted:
        yield Declaration("sysctl", "service", "systemd-sysctl", helps=True)


def without_dead_notices(declarations: Sequence[Declaration]) -> list[Declaration]:
    """Return the declarations without notifications of what is not declared."""
    names = {one.identity for one in declarations}
    return [_pruned(one, names) for one in declarations]


def _pruned(one: Declaration, names: set[str]) -> Declaration:
    notices = [notice for notice in one.properties.get("notifies", ()) if _target(notice) in names]
    rest = {key: value for key, value in one.properties.items() if key != "notifies"}
    return replace(one, properties={**rest, "notifies": notices} if notices else rest)


def _target(notice: Raw) -> str:
    found = _TARGET.search(notice.text.partition(",")[2])
    return found[1] if found is not None else ""


def recipe_text(
    host: str, when: str, declarations: Sequence[Declaration], left_out: Sequence[LeftOut]
) -> str:
    """Return the recipe; `when` is a date."""
    title = f'"""What {host} had on {when}, written by `cook import`."""\n'
    body = "".join(_section(subject, declarations) for subject in SUBJECTS)
    return title + _imports(declarations) + body + _todos(left_out)


def _imports(declarations: Sequence[Declaration]) -> str:
    kinds = sorted({one.kind for one in declarations})
    notices = {
        notice.text.partition("(")[0]
        for one in declarations
        for notice in one.properties.get("notifies", ())
    }
    lines = [f"from cookbook.recipe import {', '.join(sorted(notices))}"] if notices else []
    if kinds:
        line = f"from cookbook.resources import {', '.join(kinds)}"
        if len(line) > 100:
            names = "".join(f"    {kind},\n" for kind in kinds)
            line = f"from cookbook.resources import (\n{names})"
        lines.append(line)
    return "\n" + "\n".join(lines) + "\n" if lines else ""


def _section(subject: str, declarations: Sequence[Declaration]) -> str:
    own = [one for one in declarations if one.subject == subject]
    if not own:
        return ""
    return f"\n# {SUBJECTS[subject]}\n" + "".join(_entry(one) for one in own)


def _entry(one: Declaration) -> str:
    notes = "".join(f"# TODO {_line(line)}\n" for line in one.todo)
    return f"{notes}{call(one.kind, one.name, one.properties)}\n"


def _todos(left_out: Sequence[LeftOut]) -> str:
    lines = []
    for one in left_out:
        if one.part:
            continue
        lines.append(f"# TODO {_line(one.subject)} {_line(one.what)}: {_line(one.reason)}\n")
        if one.hint:
            lines.append(f"#     {_line(one.hint)}\n")
    if not lines:
        return ""
    return "\n# What was seen on the host and is not declared above:\n" + "".join(lines)


def _line(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)


def inventory_text(host: Host, recipe: str) -> str:
    """Return a hosts.yml that reaches the host as it was reached."""
    settings: dict[str, object] = {}
    if host.transport != "ssh":
        settings["transport"] = host.transport
    if host.address and host.address != host.name:
        settings["address"] = host.address
    for name in ("port", "user", "become"):
        value, usual = getattr(host, name), Host.__dataclass_fields__[name].default
        if value != usual and value is not None:
            settings[name] = value
    for name in ("identity_file", "known_hosts"):
        if name == "known_hosts" and host.known_hosts == Host(host.name).known_hosts:
            continue
        if paths := [str(path) for path in getattr(host, name)]:
            settings[name] = paths[0] if len(paths) == 1 else paths
    import yaml

    document = {"hosts": {host.name: {**settings, "recipes": [recipe]}}}
    return str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))


def folder_files(
    name: str, recipe: str, inventory: str, declarations: Iterable[Declaration]
) -> Mapping[str, bytes]:
    """Return path -> content of all files of the folder."""
    files = {
        f"{name}.py": recipe.encode("utf-8"),
        "hosts.yml": inventory.encode("utf-8"),
        ".gitignore": b".kitchen/\n.venv/\n__pycache__/\n",
    }
    for one in declarations:
        if one.content is not None:
            files[f"files/{one.source}"] = one.content
    return files
