"""Files that no package has, and conffiles that were changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from cookbook.importing.declaration import Declaration, HostItem, LeftOut, Raw
from cookbook.importing.literals import call
from cookbook.importing.ownership import Ownership
from cookbook.importing.questions import LARGEST, Seen, SeenFile
from cookbook.importing.typed import typed, with_keys
from cookbook.text.secret_marks import secret_in, secret_name

_SUBJECTS = (
    (r"/etc/apt/preferences(?:\.d/.*)?", "apt_preference"),
    (r"/etc/apt/.*|/usr/share/keyrings/.*", "apt_repository"),
    (r"/etc/sudoers(?:\.d/.*)?", "sudo"),
    (r"/etc/(?:crontab|anacrontab|cron\.(?:d|hourly|daily|weekly|monthly|yearly)/.*)", "cron_d"),
    (r"/etc/sysctl\.(?:conf|d/.*)", "sysctl"),
    (r"/etc/(?:modules|modules-load\.d/.*|modprobe\.d/.*)", "kernel_module"),
    (r"/etc/(?:nftables\.conf|nftables/.*|nftables\.d/.*|iptables/.*|ufw/.*)", "firewall"),
    (r"/etc/default/(?:ufw|nftables)", "firewall"),
    (r"/etc/systemd/system/.*", "systemd_unit"),
)

_NOTIFIED = (
    (
        r"/etc/apt/(?:sources\.list|sources\.list\.d/|keyrings/|trusted\.gpg).*|/usr/share/keyrings/.*",
        'immediate("update", "apt_update[imported]")',
    ),
    (r"/etc/sysctl\.(?:conf|d/.*)", 'delayed("restart", "service[systemd-sysctl]")'),
)
"""The notification that has a change of a file take effect, where it is for no service."""

_UNIT = re.compile(
    r"/etc/systemd/system/(?P<unit>[^/]+\.(?:service|timer|socket|path|mount|automount|slice|target))"
    r"(?:\.d/(?P<part>[^/]+)\.conf)?"
)


def subject_of(path: str) -> str:
    """Return the subject of a file."""
    return next((one for pattern, one in _SUBJECTS if re.fullmatch(pattern, path)), "file")


def wanted_files(ownership: Ownership) -> list[SeenFile]:
    """Return the files whose contents are needed."""
    return [
        entry
        for entry in ownership.candidates()
        if entry.type == "f" and entry.size <= LARGEST and not secret_name(entry.path)
    ]


def files(seen: Seen, ownership: Ownership) -> Iterator[HostItem]:
    """Yield folders, files and links in /etc and /usr/local, in the order of their paths."""
    yield from with_keys([*_each(seen, ownership)])


def _each(seen: Seen, ownership: Ownership) -> Iterator[HostItem]:
    for entry in ownership.candidates():
        if entry.type == "d":
            if not entry.path.endswith((".wants", ".requires", ".d")) or not _in_units(entry.path):
                properties = _owned(entry)
                yield Declaration(subject_of(entry.path), "directory", entry.path, properties)
        elif entry.type == "l":
            properties = {"to": entry.target} | _owner(entry)
            yield Declaration(subject_of(entry.path), "link", entry.path, properties)
        else:
            yield from _file(entry, seen, ownership)
    for path in ownership.removed():
        kind = "link" if path.startswith("/etc/nginx/sites-enabled/") else "file"
        yield Declaration(subject_of(path), kind, path, {"action": "delete"})
    if network := ownership.network_files():
        reason = "the network of this very host; declare it with network_interface and resolver"
        yield LeftOut("file", ", ".join(network), reason)


def _in_units(path: str) -> bool:
    return path.startswith("/etc/systemd/")


def _file(entry: SeenFile, seen: Seen, ownership: Ownership) -> Iterator[HostItem]:
    subject, path = subject_of(entry.path), entry.path
    hint = _completed_by_hand(entry, "secret", path)
    if reason := secret_name(path):
        yield LeftOut(subject, path, f"{reason}: it was not read", hint)
        return
    if entry.size > LARGEST:
        reason = f"{entry.size} bytes are more than {LARGEST // 1024} KiB"
        yield LeftOut(subject, path, reason, _completed_by_hand(entry, "source", path[1:]))
        return
    content = seen.contents.get(path)
    if content is None:
        yield LeftOut(subject, path, "it could not be read", hint)
    elif not ownership.is_made_by_scripts(entry, content):
        if what := secret_in(content.decode("utf-8", "replace")):
            yield LeftOut(subject, path, f"it has {what}", hint)
        else:
            yield _declared(subject, entry, content)


def _declared(subject: str, entry: SeenFile, content: bytes) -> Declaration:
    properties: dict[str, Any] = {"source": entry.path.removeprefix("/"), **_owned(entry)}
    if notices := [Raw(one) for pattern, one in _NOTIFIED if re.fullmatch(pattern, entry.path)]:
        properties["notifies"] = notices
    plain = Declaration(subject, "cookbook_file", entry.path, properties, content=content)
    return _unit(entry, content, plain) or typed(entry, content, plain) or plain


def _unit(entry: SeenFile, content: bytes, plain: Declaration) -> Declaration | None:
    """Return a unit of systemd, or a part of one; None for a file that is neither."""
    match = _UNIT.fullmatch(entry.path)
    text = content.decode("utf-8", "replace")
    if match is None or text.encode() != content or (entry.owner, entry.group) != ("root", "root"):
        return None
    part = match["part"]
    properties: dict[str, Any] = {"drop_in": part} if part else {}
    properties |= {"content": text, "action": "create"}
    name = f"{match['unit']} {part}" if part else match["unit"]
    if part:
        properties = {"unit_name": match["unit"], **properties}
    return Declaration("systemd_unit", "systemd_unit", name, properties, instead=plain)


def _owner(entry: SeenFile) -> dict[str, Any]:
    return {"owner": _number(entry.owner), "group": _number(entry.group)}


def _number(name: str) -> str | int:
    return int(name) if name.isdigit() else name


def _owned(entry: SeenFile) -> dict[str, Any]:
    return {**_owner(entry), "mode": entry.mode}


def _completed_by_hand(entry: SeenFile, given: str, value: str) -> str:
    name = re.sub(r"[^A-Za-z0-9]+", "_", value).strip("_")
    properties = {given: value} if given == "source" else {"content": Raw(f'secret("{name}")')}
    return call("file", entry.path, {**properties, **_owned(entry)}, one_line=True)
