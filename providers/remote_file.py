"""Files that a host fetches by itself: they are files once their content is there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, cast

from cookbook.provider import (
    Change,
    Command,
    Content,
    Probe,
    Texts,
    Thing,
    hint,
    provides,
    sh,
)
from cookbook.providers.fetched import Access, with_any_fetched, with_fetched
from cookbook.providers.fetched_here import Download, fetched_here, with_notice
from cookbook.providers.file import FileProvider
from cookbook.providers.remote_answers import (
    RemoteVersions,
    ask_server,
    record_of,
    tool_for,
    versions_of,
)
from cookbook.providers.stat import parse_digest
from cookbook.providers.writing import State, keep, prepare, settle, steps_of, write
from cookbook.resources._pem import is_pem
from cookbook.resources.file import File
from cookbook.resources.remote_file import RemoteFile


@dataclass(frozen=True)
class RemoteState(State):
    """A file, and what the server that it is from says of it."""

    version: str | None = None
    """The version that was fetched, if no checksum is declared: address, ETag or date, bytes."""
    offered: str | None = hint()
    """The version that the server has now."""
    known: Content | None = hint()
    """The digest of what the server has now, if that was fetched before."""
    expected: str = hint(default="")
    """The line of the server's headers that tells what it has now."""
    sources: tuple[str, ...] = hint(default=())
    """The addresses from which the host fetches the content; empty where it is in the stash."""
    sent: bool = hint(default=False)
    """The controller fetches the content, and sends it."""
    timeout: float = hint(default=300.0)
    request: Content | None = hint(sensitive=True)
    user: str | None = hint()
    password: Content | None = hint(sensitive=True)
    key: Content | None = hint(sensitive=True)
    key_path: str | None = hint()
    host_key: str | None = hint()


@provides(RemoteFile)
class RemoteFileProvider(FileProvider):
    """Chef's remote_file provider; the checksum, or else the server, says what is wanted."""

    @property
    def state(self) -> type[State]:
        """The class of its states."""
        return RemoteState

    def probe(self, file: File) -> Sequence[Probe]:
        """Ask also for the program that fetches, and the server if it has to be asked."""
        return [*super().probe(file), *_tool(file), *_server(file)]

    def parse(
        self, file: File, at: str, target: str | None, digest: str | None, *others: str | None
    ) -> State:
        """Return the state of the file, and what was fetched and what there is now."""
        versions = _versions(file, others)
        own = others[: len(others) - len(_tool(file)) - len(_server(file))]
        found = super().parse(file, at, target, digest, *own)
        fetched, now = versions.fetched, versions.now
        if now is None:
            return _remote(found)
        if now.digest is not None:  # that of a file on the host itself
            return _remote(found, known=Content(now.digest))
        known = None
        if fetched is not None and fetched.digest and str(fetched) == str(now):
            known = Content(fetched.digest)
        return _remote(
            found,
            version=str(fetched) if fetched is not None else None,
            offered=str(now),
            known=known,
            expected=now.line,
        )

    def plan(self, file: File, found: State | None) -> Change[State]:
        """Compare the content by the checksum, or what the server has, and the metadata."""
        change, remote = super().plan(file, found), cast("RemoteFile", file)
        if change.wanted is None or change.wanted is found or not remote.addresses:
            return change
        now = found if isinstance(found, RemoteState) else RemoteState()
        asked = remote.asks_server
        content = Content(remote.checksum) if remote.checksum is not None else now.known
        return replace(
            change,
            wanted=_remote(
                replace(change.wanted, content=content),
                version=now.offered if asked else None,
                offered=now.offered if asked else None,
                known=content,
                expected=now.expected if asked else "",
                sources=remote.addresses if remote.fetched_by == "host" else (),
                sent=remote.fetched_by == "controller",
                timeout=remote.timeout,
                **_access(remote),
            ),
        )

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Fetch the content and write it, or only set what differs, or remove."""
        wanted = change.wanted
        if isinstance(wanted, RemoteState) and wanted.sent and wanted.content and _differs(change):
            for command in super().commands(name, change):
                yield with_notice(wanted.content, command)
        elif not isinstance(wanted, RemoteState) or not wanted.sources:
            yield from super().commands(name, change)  # the record stays: a redo fetches nothing
        elif wanted.content is None and (change.found is None or _differs(change)):
            yield self._any_content(name, change, wanted)
        else:
            for command in super().commands(name, change):
                if _differs(change) and wanted.content is not None:
                    yield with_fetched(wanted.content, wanted.sources, command, _way_to(wanted))
                else:
                    yield command

    def _any_content(self, name: str, change: Change[State], wanted: RemoteState) -> Command:
        """Return the command that fetches what the server has; what is the same is not written."""
        found, record = change.found, record_of(name)
        command = write(name, found, replace(wanted, content=Content(record), fetched=True))
        if found is not None and found.regular and found.content is not None:
            command = sh(
                'if [ "$cook_digest" = {} ]; then {}{}\nelse {}\nfi',
                str(found.content),
                prepare(name, found),
                steps_of([*settle(change, sh('"$p"')), sh(":")]),
                command,
            )
        return with_any_fetched(record, wanted.sources, command, _way_to(wanted), wanted.expected)

    def limit(self, change: Change[State]) -> float:
        """Return the declared seconds."""
        wanted = change.wanted
        return wanted.timeout if isinstance(wanted, RemoteState) else super().limit(change)

    def keeps(self, name: str, change: Change[State]) -> Command | None:
        """Keep the content also where that of the server is not known yet."""
        if change.wanted is not None and "version" in change.fields:
            change = replace(
                change, wanted=replace(change.wanted, content=Content(record_of(name)))
            )
        return keep(name, change)

    def learned(self, change: Change[State], kept: str, said: str) -> Change[State]:
        """
        Replace the version of the server by the digest of what was fetched, if that is another one.

        An undo asks no server, so it could not tell whether the version is still what it was.
        """
        change = super().learned(change, kept, said)
        told = re.search(r"^fetched ([0-9a-f]{64})$", said, re.MULTILINE)
        wanted, found = change.wanted, change.found
        if told is None or not isinstance(wanted, RemoteState):
            return change
        digest = Content(told[1])
        if found is None or found.content == digest:
            return replace(change, wanted=replace(wanted, content=digest))
        note = f"fetched {wanted.version}" if wanted.version is not None else change.note
        return replace(change, wanted=replace(wanted, content=digest, version=None), note=note)

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to the former file from the stash; the record of what was fetched stays."""
        back = super().back(name, change, now)
        if not isinstance(back.wanted, RemoteState):
            return back
        return replace(back, wanted=replace(back.wanted, version=None, sources=(), sent=False))

    def missing(
        self, file: File, at: str | None, to: str | None, sha: str | None, *others: str | None
    ) -> Iterator[Thing]:
        """Yield also the program that fetches."""
        tool, server = len(_tool(file)), len(_server(file))
        yield from super().missing(file, at, to, sha, *others[: len(others) - tool - server])
        remote = cast("RemoteFile", file)
        same = sha is not None and remote.checksum == parse_digest(sha)
        if tool and others[len(others) - tool - server] is None and not same:
            by_sftp = any(address.startswith("sftp:") for address in remote.addresses)
            yield Thing("tool", "sftp" if by_sftp else "curl")
        _versions(file, others)

    def contents(self, file: File) -> Mapping[str, bytes]:
        """Return what it takes to be served; or the content, if the controller fetches it."""
        remote = cast("RemoteFile", file)
        if remote.fetched_by == "controller" and remote.checksum and remote.addresses:
            return fetched_here(_download(remote, remote.checksum))
        given = [remote.request, remote.remote_password or "", _pem(remote) or ""]
        texts = [str.__str__(text).encode() for text in given if text]
        return {Content.of(data): data for data in texts}

    def texts(self, name: str, change: Change[State]) -> Texts | None:
        """Return nothing: the new content is not known before it is fetched."""
        return None


def _remote(state: State, **more: Any) -> RemoteState:
    """Return a state of a file as one of this type."""
    given = {one.name: getattr(state, one.name) for one in fields(state)}
    return RemoteState(**{**given, **more})


def _differs(change: Change[State]) -> bool:
    return bool({"content", "kind", "version"} & change.fields.keys())


def _tool(file: File) -> list[Probe]:
    """Return the question for the program that fetches."""
    remote = cast("RemoteFile", file)
    if "delete" in remote.doing or remote.fetched_by == "controller":
        return []
    plain = not remote.request and remote.checksum is not None
    tool = tool_for(remote.addresses, plain=plain)
    return [Probe(tool, absent=4, loose=True)] if tool is not None else []


def _server(file: File) -> list[Probe]:
    """Return the question to the server."""
    remote = cast("RemoteFile", file)
    return [ask_server(remote)] if remote.asks_server else []


def _versions(file: File, others: Sequence[str | None]) -> RemoteVersions:
    """Return what the last answer tells, if the server was asked."""
    remote = cast("RemoteFile", file)
    if not remote.asks_server or not others or (text := others[-1]) is None:
        return RemoteVersions()
    return versions_of(remote, text)


def _access(remote: RemoteFile) -> dict[str, Any]:
    """Return what it takes to be served; secrets by their digest."""
    key = _pem(remote)
    return {
        "request": _digest(remote.request),
        "user": remote.remote_user,
        "password": _digest(remote.remote_password),
        "key": _digest(key),
        "key_path": remote.private_key if key is None else None,
        "host_key": remote.host_key,
    }


def _pem(remote: RemoteFile) -> str | None:
    return remote.private_key if remote.private_key and is_pem(remote.private_key) else None


def _digest(text: str | None) -> Content | None:
    return Content.of(str.__str__(text).encode()) if text else None


def _download(remote: RemoteFile, checksum: str) -> Download:
    """Return what the controller is to fetch."""
    headers = [(name, str.__str__(value)) for name, value in (remote.headers or {}).items()]
    if remote.remote_user is not None:
        import base64  # only for a login

        login = f"{remote.remote_user}:{str.__str__(remote.remote_password or '')}".encode()
        headers.append(("Authorization", f"Basic {base64.b64encode(login).decode()}"))
    proxy = str.__str__(remote.proxy) if remote.proxy is not None else None
    return Download(remote.addresses, checksum, tuple(headers), proxy, remote.timeout)


def _way_to(wanted: RemoteState) -> Access:
    return Access(
        wanted.request, wanted.user, wanted.password, wanted.key, wanted.key_path, wanted.host_key
    )
