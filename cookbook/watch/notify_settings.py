"""`notify:` of watch.yml: the targets of notifications, and the events that they get."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args
from urllib.parse import urlsplit

from cookbook.secrets.reference import SecretReference
from cookbook.text.yaml_fields import each, keys, seconds, text, texts
from cookbook.text.yaml_value import Value

NotifyEvent = Literal["drift", "failed", "recovered", "locked", "changed"]

REMIND = 86_400.0
"""Seconds after which a state that stays is told again."""

_DEFAULT = frozenset({"drift", "failed", "recovered", "locked"})

_SERVER = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+)(?::(?P<port>[0-9]{1,5}))?")

Sealed = str | SecretReference
"""A text, or the name of a secret."""


@dataclass(frozen=True)
class WebhookTarget:
    """An address that gets a JSON document by POST."""

    url: Sealed


@dataclass(frozen=True)
class MailTarget:
    """Addresses that get a mail."""

    to: tuple[str, ...]
    sender: str
    server: str
    port: int
    tls: Literal["none", "starttls", "tls"]
    user: str | None = None
    password: Sealed | None = None


@dataclass(frozen=True)
class CommandTarget:
    """A command that gets a JSON document on its standard input."""

    words: tuple[str, ...]


@dataclass(frozen=True)
class NotifyTarget:
    """A way of telling, and what is told by it."""

    way: WebhookTarget | MailTarget | CommandTarget
    at: str
    events: frozenset[str] = _DEFAULT
    remind: float = REMIND

    @property
    def name(self) -> str:
        """The name for the journal: no address, which may be a secret."""
        kind = {WebhookTarget: "webhook", MailTarget: "mail", CommandTarget: "command"}
        return f"{kind[type(self.way)]} ({self.at})"


def read_targets(value: Value | None) -> tuple[NotifyTarget, ...]:
    """Return the entries of `notify:`. Raises the error of the value."""
    return each(value, _target)


def _target(value: Value) -> NotifyTarget:
    said = keys(value, "webhook", "mail", "command", "events", "remind")
    ways = [key for key in ("webhook", "mail", "command") if key in said]
    if len(ways) != 1:
        raise value.error(
            "one of webhook, mail and command is expected",
            hint="webhook: https://..., mail: {to: ..., from: ..., smtp: ...}, command: [...]",
        )
    readers: Mapping[str, Callable[[Value], WebhookTarget | MailTarget | CommandTarget]] = {
        "webhook": _webhook,
        "mail": _mail,
        "command": _command,
    }
    read = readers[ways[0]]
    events = _events(said["events"]) if "events" in said else _DEFAULT
    remind = seconds(said["remind"]) if "remind" in said else REMIND
    return NotifyTarget(read(said[ways[0]]), value.at, events, remind)


def _events(value: Value) -> frozenset[str]:
    for one in (said := texts(value)):
        if one not in get_args(NotifyEvent):
            raise value.error(f"there is no event {one!r}", hint=", ".join(get_args(NotifyEvent)))
    return frozenset(said)


def _webhook(value: Value) -> WebhookTarget:
    if isinstance(value.data, SecretReference):
        return WebhookTarget(value.data)
    check_url(url := text(value), value)
    return WebhookTarget(url)


def check_url(url: str, value: Value | None = None) -> bool:
    """Return whether it is an address for a webhook; raise the error of the value, if given."""
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname)
        is_address = is_address and parts.port != 0  # a port that is none is a ValueError
    except ValueError:
        is_address = False
    if value is not None and not is_address:
        raise value.error(
            "a webhook is an address that begins with https:// or http://",
            hint="https://chat.example.org/hook, with a port from 1 to 65535 if it has one",
        )
    return is_address


def _mail(value: Value) -> MailTarget:
    said = keys(value, "to", "from", "smtp", "tls", "user", "password")
    for key in ("to", "from", "smtp"):
        if key not in said:
            raise value.error(f"mail has no `{key}`", hint="mail: {to: ..., from: ..., smtp: ...}")
    to, sender = texts(said["to"]), text(said["from"])
    for address in (*to, sender):
        if "@" not in address or any(letter in address for letter in "\r\n ,<>"):
            raise value.error(f"{address!r} is no address of mail", hint="ops@example.org")
    server, port = _server(said["smtp"])
    tls = text(said["tls"]) if "tls" in said else "starttls"
    if tls not in ("none", "starttls", "tls"):
        raise said["tls"].error(f"tls must be none, starttls or tls, not {said['tls']}")
    password = _sealed(said["password"]) if "password" in said else None
    _check_login(said, tls)
    usual = 465 if tls == "tls" else 587 if tls == "starttls" else 25
    return MailTarget(
        to,
        sender,
        server,
        usual if port is None else port,
        tls,  # type: ignore[arg-type]  # it is one of the three
        text(said["user"]) if "user" in said else None,
        password,
    )


def _server(value: Value) -> tuple[str, int | None]:
    """Return the name or address of a server, and its port if one is given."""
    found = _SERVER.fullmatch(text(value))
    port = int(found["port"]) if found is not None and found["port"] else None
    if found is None or (port is not None and not 0 < port < 65536):
        raise value.error(f"{value} is no server", hint="mail.example.org:587")
    return found["name"].strip("[]"), port


def _check_login(said: Mapping[str, Value], tls: str) -> None:
    """Raise the error of the value for a login that could not be, or would show the password."""
    user, password = said.get("user"), said.get("password")
    if password is not None and user is None:
        raise password.error("mail has a password and no `user`", hint="user: NAME")
    if user is not None and password is None:
        raise user.error("mail has a user and no `password`", hint="password: !secret NAME")
    if password is not None and tls == "none":
        raise password.error(
            "a password is not sent without TLS", hint="tls: starttls, or tls: tls"
        )


def _sealed(value: Value) -> Sealed:
    if not isinstance(value.data, SecretReference):
        raise value.error("a password is not written into a file", hint="password: !secret NAME")
    return value.data


def _command(value: Value) -> CommandTarget:
    if not isinstance(value.data, list) or not value.data:
        raise value.error("command must be a list of words", hint="command: [/usr/bin/tell, ops]")
    return CommandTarget(texts(value))
