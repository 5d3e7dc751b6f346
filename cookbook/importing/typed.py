"""Files as the resource types that write the same text: rules of sudo, repositories of apt."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cookbook.errors import CookError
from cookbook.importing.declaration import Declaration, HostItem
from cookbook.importing.questions import SeenFile

_ROOT = ("root", "root")
_SUDO = re.compile(r"/etc/sudoers\.d/([A-Za-z0-9_@+-]+)")
_SOURCE = re.compile(r"/etc/apt/sources\.list\.d/([A-Za-z0-9_.-]+)\.(sources|list)")

_RULE = re.compile(r"(\S+) (\S+)=\((\S+)\) ((?:(?:NOPASSWD|NOEXEC|SETENV): )*)(\S.*)")
_ALIAS = re.compile(r"Cmnd_Alias (\S+) = (.+)")
_DEFAULTS = re.compile(r"Defaults:\S+ (.+)")

_FIELDS = {"URIs": "uri", "Suites": "distribution", "Components": "components"}
_LINE = re.compile(r"(deb|deb-src)(?: \[(.*)\])? (\S+) (\S+)((?: \S+)*)")


def typed(entry: SeenFile, content: bytes, plain: Declaration) -> Declaration | None:
    """
    Return the declaration of the resource type that writes exactly this file.

    None if there is none: for other owners, comments, other blanks, another order of fields.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    if (entry.owner, entry.group) != _ROOT:
        return None
    found = next((one for one in _guesses(entry.path, text) if _writes(*one, text)), None)
    if found is None:
        return None
    kind, name, properties = found
    return Declaration(plain.subject, kind, name, properties, instead=plain)


def with_keys(found: Sequence[HostItem]) -> list[HostItem]:
    """Return the files with each key in the repository that puts its key there, if only it does."""
    given = {one.name: one for one in found if isinstance(one, Declaration) and one.content}
    named = [_signed_by(one) for one in found]
    keys = {path: given[path] for path in named if _is_own_key(path, given, found)}
    made = (_with_key(one, keys) for one in found)
    return [one for one in made if not isinstance(one, Declaration) or one.name not in keys]


def _signed_by(one: HostItem) -> str:
    """Return the keyring of a repository if it is the one where `key` is written; else nothing."""
    if not isinstance(one, Declaration) or one.kind != "apt_repository":
        return ""
    path = str(one.properties.get("signed_by", ""))
    return path if path == f"/etc/apt/keyrings/{one.name}.asc" else ""


def _is_own_key(path: str, given: Mapping[str, Declaration], found: Sequence[HostItem]) -> bool:
    """Return whether `key` of a repository writes this file, and no other repository names it."""
    key = given.get(path)
    if key is None or key.content is None or key.kind != "cookbook_file":
        return False
    users = [one for one in found if isinstance(one, Declaration) and _names(one, path)]
    text = key.content.decode("utf-8", "replace")
    owned = [key.properties[word] for word in ("owner", "group", "mode")]
    if len(users) != 1 or owned != [*_ROOT, "0644"] or text != f"{text.strip()}\n":
        return False
    return _made("apt_repository", users[0].name, _keyed(users[0], text)) is not None


def _names(one: Declaration, path: str) -> bool:
    plain = one.instead if one.instead is not None else one
    return path.encode() in (plain.content or b"")


def _with_key(one: HostItem, keys: Mapping[str, Declaration]) -> HostItem:
    if not isinstance(one, Declaration) or (key := keys.get(_signed_by(one))) is None:
        return one
    return replace(
        one,
        properties=_keyed(one, key.source),
        content=key.content,
        content_in="key",
        parts=(key,),
    )


def _keyed(one: Declaration, key: str) -> dict[str, Any]:
    """Return the properties of a repository with `key` in place of `signed_by`."""
    return {word: value for word, value in one.properties.items() if word != "signed_by"} | {
        "key": key
    }


def _guesses(path: str, text: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield type, name and properties that may write a file."""
    if (file := _SUDO.fullmatch(path)) and (rule := _sudo(text)) is not None:
        yield "sudo", file[1], rule
    if file := _SOURCE.fullmatch(path):
        made = _fields(text) if file[2] == "sources" else _line(text)
        if made is not None:
            yield "apt_repository", file[1], made


def _writes(kind: str, name: str, properties: Mapping[str, Any], text: str) -> bool:
    """Return whether a resource writes this text; the trial finds out all else."""
    resource = _made(kind, name, properties)
    if resource is None:
        return False
    return bool(text == (resource.text("") if kind == "apt_repository" else resource.text))


def _made(kind: str, name: str, properties: Mapping[str, Any]) -> Any:
    """Return a resource; None if its type refuses it."""
    from cookbook.plugins.registry import resource_type

    type_ = resource_type(kind)
    try:
        return type_(name, **properties) if type_ is not None else None
    except (CookError, TypeError):
        return None


def _sudo(text: str) -> dict[str, Any] | None:
    """Return the properties of a file with one rule, and the aliases and settings before it."""
    *before, last = text.splitlines() or [""]
    rule = _RULE.fullmatch(last)
    if rule is None:
        return None
    names = rule[1].split(",")
    users = [one for one in names if one[0] != "%"]
    groups = [one[1:] for one in names if one[0] == "%"]
    made: dict[str, Any] = {"users": users, "groups": groups}
    made |= {} if rule[2] == "ALL" else {"host": rule[2]}
    made |= {} if rule[3] == "ALL" else {"runas": rule[3]}
    made |= {tag.strip(": ").lower(): True for tag in rule[4].split()}
    made |= {} if rule[5] == "ALL" else {"commands": rule[5].split(", ")}
    aliases = [found for line in before if (found := _ALIAS.fullmatch(line))]
    settings = [found for line in before if (found := _DEFAULTS.fullmatch(line))]
    if len(aliases) + len(settings) != len(before):
        return None
    made["command_aliases"] = {found[1]: found[2].split(", ") for found in aliases}
    made["defaults"] = [found[1] for found in settings]
    return {word: value for word, value in made.items() if value}


def _fields(text: str) -> dict[str, Any] | None:
    """Return the properties of one stanza of sources.list(5)."""
    lines = text.splitlines()
    given = _pairs(lines, ": ")
    if len(given) != len(lines) or given.pop("Types", "") not in ("deb", "deb deb-src"):
        return None
    made: dict[str, Any] = {"deb_src": True} if text.startswith("Types: deb deb-src\n") else {}
    for name, word in _FIELDS.items():
        made |= _words(word, given.pop(name, "").split())
    made |= _words("arch", given.pop("Architectures", "").split())
    return made | _options(given)


def _line(text: str) -> dict[str, Any] | None:
    """Return the properties of a line of sources.list(5), the only one of its file."""
    found = _LINE.fullmatch(text.rstrip("\n"))
    if found is None or found[1] != "deb":
        return None
    given = _pairs((found[2] or "").split(), "=")
    made = {"format": "list", "uri": found[3], "distribution": found[4]}
    made |= _words("components", found[5].split()) | _words(
        "arch", given.pop("arch", "").split(",")
    )
    return made | _options({"Signed-By" if n == "signed-by" else n: v for n, v in given.items()})


def _pairs(words: Sequence[str], sign: str) -> dict[str, str]:
    """Return the names before a sign, each with the value after it."""
    parts = [word.partition(sign) for word in words]
    return {name: value for name, _, value in parts}


def _options(given: dict[str, str]) -> dict[str, Any]:
    """Return the properties of the other fields."""
    made: dict[str, Any] = {}
    if given.pop("Trusted", given.pop("trusted", "")) == "yes":
        made["trusted"] = True
    if key := given.pop("Signed-By", ""):
        made["signed_by"] = key
    return made | ({"options": given} if given else {})


def _words(word: str, values: list[str]) -> dict[str, Any]:
    """Return a property with one text, or several; the default of components is left out."""
    values = [one for one in values if one]
    if not values or (word, values) == ("components", ["main"]):
        return {}
    return {word: values[0] if len(values) == 1 else values}
