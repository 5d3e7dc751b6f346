"""`notify:` of watch.yml: the targets of notifications, and the events that they get."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args
from urllib.parse import urlsplit

from cookbook.secrets.reference import SecretReference
from cookbook.text.spans import seconds_of
from cookbook.text.yaml_fields import each, keys, text, texts
from cookbook.text.yaml_value import Value

NotifyEvent = Literal["drift", "failed", "recovered", "changed"]

REMIND = 86_400.0
"""Seconds after which a state that stays is told again."""

_DEFAULT = frozenset({"drift", "failed", "recovered"})

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
    remind = _seconds(said["remind"]) if "remind" in said else REMIND
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
    parts = urlsplit(url)
    if parts.scheme in ("http", "https") and parts.hostname:
        return True
    if value is not None:
        raise value.error("a webhook is an address that begins with https:// or http://")
    return False


def _mail(value: Value) -> MailTarget:
    said = keys(value, "to", "from", "smtp", "tls", "user", "password")
    for key in ("to", "from", "smtp"):
        if key not in said:
            raise value.error(f"mail has no `{key}`", hint="mail: {to: ..., from: ..., smtp: ...}")
    to, sender = texts(said["to"]), text(said["from"])
    for address in (*to, sender):
        if "@" not in address or any(letter in address for letter in "\r\n ,<>"):
            raise value.error(f"{address!r} is no address of mail", hint="ops@example.org")
    server, _, port = text(said["smtp"]).partition(":")
    tls = text(said["tls"]) if "tls" in said else "starttls"
    if tls not in ("none", "starttls", "tls"):
        raise said["tls"].error(f"tls must be none, starttls or tls, not {said['tls']}")
    if port and not port.isdigit():
        raise said["smtp"].error(f"{said['smtp']} is no server", hint="mail.example.org:587")
    usual = 465 if tls == "tls" else 587 if tls == "starttls" else 25
    password = said.get("password")
    return MailTarget(
        to,
        sender,
        server,
        int(port) if port else usual,
        tls,  # type: ignore[arg-type]  # it is one of the three
        text(said["user"]) if "user" in said else None,
        _sealed(password) if password is not None else None,
    )


def _sealed(value: Value) -> Sealed:
    if not isinstance(value.data, SecretReference):
        raise value.error("a password is not written into a file", hint="password: !secret NAME")
    return value.data


def _command(value: Value) -> CommandTarget:
    if not isinstance(value.data, list) or not value.data:
        raise value.error("command must be a list of words", hint="command: [/usr/bin/tell, ops]")
    return CommandTarget(texts(value))


def _seconds(value: Value) -> float:
    try:
        return seconds_of(text(value))
    except ValueError as error:
        raise value.error(f"{value} is no span of time", hint=str(error)) from None
