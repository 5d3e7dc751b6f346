"""The connection settings: what each may be, and the words people try first."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cookbook.secrets.reference import SecretReference
from cookbook.secrets.secret import Secret
from cookbook.text.suggest import did_you_mean
from cookbook.transport.hops import Hop, read_hops
from cookbook.transport.registry import TRANSPORTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cookbook.text.yaml_value import Value

# What starts with a dash would be an option to ssh, sudo and their like.
_WORD = re.compile(r"[^\s\x00-\x1f\x7f-][^\s\x00-\x1f\x7f]*")


class Setting(NamedTuple):
    """
    One setting: its values in words, and how one is read.

    `read` takes plain data and the inventory's folder; it raises ValueError for anything else.
    """

    values: str
    read: Callable[[object, Path], object]


def read_setting(key: str, value: Value, folder: Path) -> object:
    """Return the checked value of a setting. Raises InventoryError."""
    setting = SETTINGS[key]
    try:
        return setting.read(_decimal(value), folder)
    except ValueError:
        if _PASSWORD.search(key):
            raise _no_password(key, value) from None
        raise value.error(
            f"{key} must be {setting.values}, not {value}", hint=_hint(key, value.data)
        ) from None


def read_recipes(value: Value, whose: str, folder: Path) -> tuple[Path, ...]:
    """
    Return the paths of a list of recipes, relative to the current folder where that is shorter.

    Raises InventoryError, also for a file that does not exist.
    """
    items = value.data if isinstance(value.data, list) else [value]
    return tuple(_recipe(item, whose, folder) for item in items)


def _recipe(item: Value, whose: str, folder: Path) -> Path:
    try:
        path = _path(item.data, folder)
    except ValueError:
        raise item.error(f"recipes of {whose} must be paths, not {item}") from None
    if path.suffix != ".py":
        raise item.error(f"{item}: a recipe is a Python file", hint=f"is it {item.data}.py?")
    if not path.is_file():
        near = did_you_mean(path.name, [one.name for one in path.parent.glob("*.py")])
        raise item.error(f"there is no recipe {item}", hint=near)
    folder = Path.cwd()
    below = folder.parent != folder and path.is_relative_to(folder)  # below `/` is everything
    return path.relative_to(folder) if below else path


def _no_password(what: str, value: Value) -> Exception:
    """Nothing of it is shown: it may be one."""
    return value.error(
        f"{what}: passwords are not kept in an inventory",
        hint="name one that is in a store: become_password: !secret NAME; or use --ask-become-pass",
    )


def refuse_password(name: str, value: Value) -> None:
    """Raise InventoryError if a variable of a source, or one inside it, is named like a secret."""
    if isinstance(value.data, dict):
        for key, inner in value.data.items():
            refuse_password(key, inner)
    elif isinstance(value.data, list):
        for inner in value.data:
            refuse_password(name, inner)
    elif value.data is not None and value.data != "" and _SECRET_NAME.search(name):
        raise value.error(
            f"{name}: passwords are not taken from a source",
            hint="name one in hosts.yml (vars: {NAME: !secret NAME}), and leave this one out:"
            " without: [VARIABLE] beside the source",
        )


def _decimal(value: Value) -> object:
    """Return the plain data; YAML 1.1 reads 010 as 8 and 22:22 as 1342, never meant here."""
    if type(value.data) is int and value.written != str(value.data):
        raise ValueError(value.written)
    return value.plain()


def unknown_key(key: str, value: Value, whose: str, known: Iterable[str]) -> Exception:
    """Return the error for an unknown key, with the nearest known one."""
    if _PASSWORD.search(key):
        return _no_password(f"{key} of {whose}", value)
    known = tuple(known)
    bare = key.removeprefix("ansible_").removeprefix("ssh_")
    meant = _OTHER_TOOLS.get(bare, bare)
    hint = f"did you mean {meant!r}?" if meant in known else did_you_mean(key, known)
    hint = hint or f"the keys are: {', '.join(known)}"
    return value.error(f"unknown key {key!r} in {whose}", hint=hint)


def _hint(key: str, data: object) -> str | None:
    if key == "become" and isinstance(data, bool):
        return f"become: {'sudo' if data else 'none'}"
    if key == "become_user" and str(data).removeprefix("#").isdigit():
        return "a name, not a number: `getent passwd NUMBER` on the host shows it"
    if key in {"user", "become_user", "address"} and isinstance(data, int | float):
        return "text that looks like a number needs quotes"
    if key == "port" and isinstance(data, str) and data.isdigit():
        return f"drop the quotes: {data}"
    return None


def _one_of(*words: str) -> Callable[[object, Path], str]:
    def read(data: object, _folder: Path) -> str:
        if isinstance(data, str) and data in words:
            return data
        raise ValueError(data)

    return read


def _transport(data: object, _folder: Path) -> str:
    if isinstance(data, str) and data in TRANSPORTS.places:
        return data
    raise ValueError(data)


def _word(data: object, _folder: Path) -> str:
    if isinstance(data, str) and _WORD.fullmatch(data):
        return data
    raise ValueError(data)


def _name(data: object, folder: Path) -> str:
    """Return a word that is no number: su(1) and sudo(8) each read a number in another way."""
    if str(data).removeprefix("#").isdigit():
        raise ValueError(data)
    return _word(data, folder)


def _port(data: object, _folder: Path) -> int:
    if isinstance(data, int) and not isinstance(data, bool) and 1 <= data <= 65535:
        return data
    raise ValueError(data)


def _number(data: object, _folder: Path) -> int:
    if isinstance(data, int) and not isinstance(data, bool) and data >= 1:
        return data
    raise ValueError(data)


def _flag(data: object, _folder: Path) -> bool:
    if isinstance(data, bool):
        return data
    raise ValueError(data)


def _seconds(data: object, _folder: Path) -> float:
    if isinstance(data, int | float) and not isinstance(data, bool) and 0 < data < math.inf:
        return float(data)
    raise ValueError(data)


def _paths(data: object, folder: Path) -> tuple[Path, ...]:
    texts = data if isinstance(data, list) else [data]
    return tuple(_path(text, folder) for text in texts)


def _path(text: object, folder: Path) -> Path:
    if not isinstance(text, str) or not text or "\0" in text:
        raise ValueError(text)
    expanded = os.path.expanduser(text)  # noqa: PTH111 - Path.expanduser raises RuntimeError
    if expanded.startswith("~"):
        raise ValueError(text)
    return folder / expanded


def _jump(data: object, folder: Path) -> tuple[Hop, ...]:
    texts = data if isinstance(data, list) else [data]
    return read_hops(",".join(_word(text, folder) for text in texts))


def _ssh_config(data: object, folder: Path) -> Path | str:
    return data if data in ("user", "none") and isinstance(data, str) else _path(data, folder)


def _secret(data: object, _folder: Path) -> Secret | SecretReference:
    if isinstance(data, Secret | SecretReference):
        return data
    raise ValueError


_SECRET = Setting("a secret", _secret)
_PATHS = Setting("a path or a list of paths", _paths)
_FLAG = Setting("true or false", _flag)
_USER = Setting("a user's name", _word)
_OTHER_USER = Setting("a user's name", _name)

SETTINGS = {
    "address": Setting("a host name or an IP address", _word),
    "port": Setting("a whole number from 1 to 65535", _port),
    "user": _USER,
    "become": Setting("none, sudo, su or doas", _one_of("none", "sudo", "su", "doas")),
    "become_user": _OTHER_USER,
    "identity_file": _PATHS,
    "identities_only": _FLAG,
    "agent": _FLAG,
    "known_hosts": _PATHS,
    "jump": Setting("none, or hosts like user@host:port, separated by commas", _jump),
    "per_bastion": Setting("a whole number of at least 1", _number),
    "per_address": Setting("a whole number of at least 1", _number),
    "ssh_config": Setting("a path, user or none", _ssh_config),
    "connect_timeout": Setting("a number of seconds above 0", _seconds),
    "login_timeout": Setting("a number of seconds above 0", _seconds),
    "alive_interval": Setting("a number of seconds above 0", _seconds),
    "become_password": _SECRET,
    "password": _SECRET,
    "transport": Setting(
        "ssh, openssh, local, docker, podman or a transport of a plugin", _transport
    ),
}

_PASSWORD = re.compile(r"pass(word|wd|phrase)?$")
_SECRET_NAME = re.compile(
    r"(^|[_.-])(pass(word|wd|phrase)?|secret|token|private_?key|(api|access|secret)_?key)$"
    r"|(password|passwd|passphrase)$",
    re.IGNORECASE,
)
_OTHER_TOOLS = {
    "children": "groups",
    "host": "address",
    "hostname": "address",
    "ip": "address",
    "username": "user",
    "login": "user",
    "sudo": "become",
    "become_method": "become",
    "key": "identity_file",
    "keyfile": "identity_file",
    "key_file": "identity_file",
    "private_key": "identity_file",
    "private_key_file": "identity_file",
    "user_known_hosts_file": "known_hosts",
    "timeout": "connect_timeout",
    "server_alive_interval": "alive_interval",
    "connection": "transport",
    "recipe": "recipes",
    "roles": "recipes",
    "run_list": "recipes",
    "proxy_jump": "jump",
    "bastion": "jump",
    "jump_host": "jump",
    "variables": "vars",
}
