"""Backends of haproxy: a marked part of its file, loaded; and its servers, by the admin socket."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cookbook.errors import HostError
from cookbook.provider import Change, Command, Probe, Thing, hint, provides, sh
from cookbook.providers.block import BlockProvider
from cookbook.providers.checkers import named
from cookbook.providers.haproxy import CHECK, UNLOADED, ask_server, set_server, with_haproxy
from cookbook.providers.text_edits import TextEditProvider, TextState
from cookbook.resources.block import Block
from cookbook.resources.haproxy_backend import SOCKET, STATES, HaproxyBackend

BLOCKS = BlockProvider()

_SPARE = 60.0
"""Seconds that a command may take longer than it waits for sessions."""


@dataclass(frozen=True)
class State(TextState):
    """The part of the file, or the state of a server."""

    section: str | None = None
    """The lines of backend and frontend."""
    unloaded: bool | None = None
    """True if a change of the file was interrupted before haproxy had loaded it."""
    server: str | None = None
    """ready, drain or maint."""
    socket: str = hint(default="")
    seconds: float = hint(default=0.0)
    sessions: int = hint(default=0)
    """In what was found: the number of sessions of the server."""


@provides(HaproxyBackend, when=lambda facts: facts.init == "systemd")
class HaproxyBackendProvider(TextEditProvider[HaproxyBackend, State]):
    """The file is edited as a text; haproxy checks it before, and loads it after the edit."""

    def path(self, backend: HaproxyBackend) -> str:
        """Return the path of the file."""
        return backend.path

    def read(self, backend: HaproxyBackend, text: str) -> State | None:
        """Return the lines between the marks."""
        seen = BLOCKS.read(_block(backend), text)
        return State(section=seen.content) if seen is not None else None

    def edit(self, backend: HaproxyBackend, text: str) -> str:
        """Replace the lines between the marks, or add them at the end."""
        return BLOCKS.edit(_block(backend), text)

    def without(self, backend: HaproxyBackend, text: str) -> str:
        """Remove the lines with their marks."""
        return BLOCKS.without(_block(backend), text)

    def checker(self, path: str) -> str | None:
        """Return the command that checks the new file."""
        return named("haproxy", CHECK)

    def probe(self, backend: HaproxyBackend) -> Sequence[Probe]:
        """Ask for the file and the program, or for the server."""
        if backend.is_server:
            return ask_server(backend.name, backend.socket)
        find = sh("PATH=$PATH:/usr/sbin:/sbin; command -v haproxy || exit 4")
        return [*super().probe(backend), UNLOADED, Probe(find, absent=4, loose=True)]

    def parse(self, backend: HaproxyBackend, text: str, obstacles: str | None, *more: Any) -> State:
        """Return the state, also if there is no such part or server."""
        if not backend.is_server:
            return replace(super().parse(backend, text, obstacles), unloaded=bool(more[0]))
        said = text.strip()
        if said.startswith("no answer"):
            raise HostError(
                f"haproxy does not answer at {backend.socket}: {said[11:]}",
                hint="does it run, and has it a `stats socket` with the level admin there?",
            )
        if said in ("none", "no socket"):
            return State(there=False, server="ready")  # as a server that is made anew
        if said not in ("ready", "drain", "maint"):
            raise ValueError(said)
        return State(server=said, sessions=int((obstacles or "").strip() or 0))

    def plan(self, backend: HaproxyBackend, found: State | None) -> Change[State]:
        """Compare the lines, or the state of the server."""
        if backend.is_server:
            wanted = STATES.get(backend.action)
            now = found if found is not None and found.there else None
            busy = now is not None and now.server == wanted == "drain" and now.sessions
            warning = f"it still has {now.sessions} sessions" if now and busy else None
            state = State(server=wanted, socket=backend.socket, seconds=backend.timeout)
            return Change(now, state if wanted is not None else now, warning=warning)
        change = super().plan(backend, found)
        if change.wanted is None:
            return change
        unloaded = False if found is not None and found.unloaded else None
        state = replace(change.wanted, unloaded=unloaded, socket=backend.socket)
        return replace(change, wanted=state)

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Set the state of a server, or edit the file and reload haproxy."""
        wanted = change.wanted
        if wanted is not None and wanted.server is not None:
            return [set_server(name, wanted.server, wanted.socket, wanted.seconds)]
        return super().commands(name, change)

    def together(self, changes: Sequence[tuple[str, Change[State]]]) -> Sequence[Command] | None:
        """Return one edit with one reload for backends of one file."""
        sides = [side for _, c in changes for side in (c.found, c.wanted) if side is not None]
        if any(side.server is not None for side in sides):
            return None
        edits = super().together(changes)
        socket = next((side.socket for side in sides if side.socket), SOCKET)
        path = sides[0].path
        return [with_haproxy(path, socket, edit) for edit in edits] if edits is not None else None

    def keeps(self, name: str, change: Change[State]) -> Command | None:
        """Ask when the file was modified."""
        return None if _about_server(change) else super().keeps(name, change)

    def learned(self, change: Change[State], kept: str, said: str) -> Change[State]:
        """Add the time of modification, or the socket."""
        if not _about_server(change):
            return super().learned(change, kept, said)
        found, wanted = change.found, change.wanted
        if found is None or wanted is None:
            return change
        return replace(change, found=replace(found, socket=wanted.socket, seconds=wanted.seconds))

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to the former lines, or the former state of the server."""
        if not _about_server(change):
            back = super().back(name, change, now)
            if back.wanted is not None:
                back = replace(back, wanted=replace(back.wanted, unloaded=None))
            return back
        before, done = change.found, change.wanted
        if before is None or done is None or now is None:
            return Change(now, now)
        return Change(now, replace(before, socket=done.socket, seconds=done.seconds))

    def unobtainable(self, name: str, change: Change[State], now: State | None) -> str | None:
        """Return the reason: the lines are others; a server may come with the same undo."""
        return None if _about_server(change) else super().unobtainable(name, change, now)

    def there(self, state: State | None) -> bool:
        """Return whether the file has the part; the state of a server is always known."""
        return state is not None and (state.there or state.server is not None)

    def missing(self, backend: HaproxyBackend, *answers: Any) -> Iterator[Thing]:
        """Yield the program and the file, or the server."""
        if not backend.is_server:
            text, obstacles, _unloaded, tool = answers
            yield from super().missing(backend, text, obstacles)
            if tool is None and backend.action == "create":
                yield Thing("tool", "haproxy")
        elif answers[0] is None or answers[0].strip() in ("none", "no socket"):
            yield Thing("haproxy server", backend.name)

    def brings(self, name: str, change: Change[State]) -> Iterable[Thing]:
        """Yield the servers of the backend."""
        section = (change.wanted.section if change.wanted is not None else None) or ""
        servers = re.findall(r"(?m)^ *server (\S+)", section)
        return [Thing("haproxy server", f"{name}/{server}") for server in servers]

    def about(self, backend: HaproxyBackend) -> Iterable[Thing]:
        """Yield the file, or the server."""
        if not backend.is_server:
            return super().about(backend)
        return [Thing("haproxy server", backend.name)]

    def alters(self, backend: HaproxyBackend, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the part of the file, or the server."""
        if not backend.is_server:
            return super().alters(backend, change)
        return [Thing("haproxy server", backend.name)]

    def removes(self, backend: HaproxyBackend, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the part of the file, if it is removed."""
        return super().alters(backend, change) if backend.action == "delete" else ()

    def entries(self, backend: HaproxyBackend) -> Mapping[str, HaproxyBackend]:
        """Return the backend; the state of a server is not removed."""
        return {} if backend.is_server else super().entries(backend)

    def limit(self, change: Change[State]) -> float:
        """Return the seconds that a drain waits, and some more."""
        wanted = change.wanted
        return max(self.timeout, (wanted.seconds if wanted is not None else 0.0) + _SPARE)


def _about_server(change: Change[State]) -> bool:
    side = change.wanted or change.found
    return side is not None and side.server is not None


def _block(backend: HaproxyBackend) -> Block:
    """Return the block that the backend is in the file."""
    name = f"cook haproxy_backend {backend.name}"
    if backend.action != "create":
        return Block(name, path=backend.path, action="delete")
    return Block(name, path=backend.path, content="\n".join(backend.lines))
