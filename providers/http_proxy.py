"""The proxy of several tools: files of cook's own, and settings in files of the tools."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cookbook.errors import HostError
from cookbook.provider import Change, Command, Probe, Provider, Thing, hint, provides, sh, tainted
from cookbook.providers import settings
from cookbook.providers.settings import SettingPlace
from cookbook.providers.small_files import TEXT, ages, parse_text, times, write_small
from cookbook.providers.stat import STAT, parse_stat
from cookbook.resources.http_proxy import TOOLS, HttpProxy

_PATHS = {
    "apt": "/etc/apt/apt.conf.d/80cook-proxy",
    "environment": "/etc/environment",
    "docker": "/etc/systemd/system/docker.service.d/cook-proxy.conf",
    "git": "/etc/gitconfig",
    "pip": "/etc/pip.conf",
    "npm": "/etc/npmrc",
}
_MOST = 65536
"""Characters of a file that is read as one of settings."""

_OWN = ("apt", "docker")
"""Tools with a file of cook's own."""


def _places(form: str, section: str | None, *keys: str) -> list[SettingPlace]:
    return [SettingPlace(form, section, key) for key in keys]


_HTTP, _HTTPS, _NO = "http", "https", "no_proxy"
_SETTINGS = {
    "environment": {
        _HTTP: _places("shell", None, "http_proxy", "HTTP_PROXY"),
        _HTTPS: _places("shell", None, "https_proxy", "HTTPS_PROXY"),
        _NO: _places("shell", None, "no_proxy", "NO_PROXY"),
    },
    "git": {_HTTP: _places("ini", "http", "proxy")},
    "pip": {_HTTP: _places("ini", "global", "proxy")},
    "npm": {
        _HTTP: _places("ini", None, "proxy"),
        _HTTPS: _places("ini", None, "https-proxy"),
        _NO: _places("ini", None, "noproxy"),
    },
}
"""The settings of a tool; those of one kind have the same value."""


@dataclass(frozen=True)
class State:
    """The text of the file of each tool, or its settings, a line each; None: not asked."""

    apt: str | None = None
    environment: str | None = None
    docker: str | None = None
    git: str | None = None
    pip: str | None = None
    npm: str | None = None
    private: str | None = None
    """The modes of the files with a password."""
    whole: tuple[str, ...] = hint(default=(), sensitive=True)
    """The texts of the files, in the order of the tools."""
    modified: tuple[str | None, ...] | None = hint()
    """Times of the files; None for one that is absent."""


@provides(HttpProxy)
class HttpProxyProvider(Provider[HttpProxy, State]):
    """Each tool has what it reads; other settings of its file stay."""

    def probe(self, proxy: HttpProxy) -> Sequence[Probe]:
        """Ask for the files, and for their modes where there is a password."""
        paths = [_PATHS[tool] for tool in proxy.tools]
        private = paths if proxy.password is not None else []
        return [*map(TEXT.about, paths), *map(STAT.about, private)]

    def parse(self, proxy: HttpProxy, *answers: str | None) -> State:
        """Return what each tool is told."""
        told: dict[str, Any] = {}
        tools, whole = proxy.tools, [""] * len(TOOLS)
        for tool, answer in zip(tools, answers, strict=False):
            text = parse_text(answer) or ""
            if len(text) > _MOST:
                raise HostError(f"{_PATHS[tool]} has {len(text)} characters: that is no such file")
            whole[TOOLS.index(tool)] = text
            value = text if tool in _OWN else _read(tool, text)
            told[tool] = _hidden(value) if proxy.confidential else _masked(value)
        stats = answers[len(tools) :]
        modes = " ".join(parse_stat(s).mode if s else "-" for s in stats) if stats else None
        return State(**told, private=modes, whole=tuple(whole))

    def plan(self, proxy: HttpProxy, found: State | None) -> Change[State]:
        """Compare what each tool is told."""
        there = found if self.there(found) else None
        if proxy.action == "delete":
            return Change(there, None)
        told: dict[str, Any] = {tool: _text(tool, proxy) for tool in proxy.tools}
        private = " ".join(_MODES[t] for t in proxy.tools) if proxy.password is not None else None
        return Change(found, State(**told, private=private))

    def commands(self, name: str, change: Change[State]) -> Iterator[Command]:
        """Write the files that differ."""
        found, wanted = change.found or State(), change.wanted
        private = wanted is not None and wanted.private is not None
        modes = (wanted.private or "").split() if wanted is not None else []
        asked = [t for t in TOOLS if getattr(wanted or found, t) is not None]
        for number, tool in enumerate(asked):
            text = getattr(wanted, tool) if wanted is not None else ""
            at, path = TOOLS.index(tool), _PATHS[tool]
            mode = modes[number] if private and len(modes) == len(asked) else None
            if mode not in (None, "-"):
                yield sh("[ ! -e {} ] || chmod {} -- {}", path, mode, path)
            if text == getattr(found, tool):
                continue
            modified = wanted.modified[at] if wanted is not None and wanted.modified else None
            before = found.whole[at] if found.whole else ""
            whole = text if tool in _OWN else _edited(tool, before, text)
            gone = wanted is not None and wanted.modified is not None and modified is None
            yield from _write(tool, whole, modified, mode or "0644", gone=gone)

    def keeps(self, name: str, change: Change[State]) -> Command | None:
        """Ask when the files were modified."""
        return ages([_PATHS[tool] for tool in TOOLS])

    def learned(self, change: Change[State], kept: str, said: str) -> Change[State]:
        """Add the times of modification."""
        if change.found is None or not kept:
            return change
        return replace(change, found=replace(change.found, modified=tuple(times(kept))))

    def about(self, proxy: HttpProxy) -> Iterable[Thing]:
        """Yield the files."""
        return [Thing("path", _PATHS[tool]) for tool in proxy.tools]

    def there(self, state: State | None) -> bool:
        """Return whether a tool is told of a proxy."""
        return state is not None and any(getattr(state, tool) for tool in TOOLS)

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to what the tools were told; an absent file is one without a text."""
        before, done = change.found, change.wanted or change.found or State()
        if before is None:
            asked: dict[str, Any] = {tool: "" for tool in TOOLS if getattr(done, tool) is not None}
            before = State(**asked)
        # A password that the recipe does not know is not in the state: its file stays as it is.
        gone: dict[str, Any] = {
            tool: None for tool in TOOLS if _MASKED in (getattr(before, tool) or "")
        }
        restored: dict[str, Any] = {**gone, "whole": ()}
        return Change(now, replace(before, **restored))

    def lost(self, name: str, change: Change[State]) -> str | None:
        """Name what an undo does not restore: a password that the recipe did not know."""
        before = change.found or State()
        masked = [tool for tool in TOOLS if _MASKED in (getattr(before, tool) or "")]
        return f"the former proxy of {' and '.join(masked)}: it has a password" if masked else None


_LOGIN = re.compile(r"://[^/\s\"']{1,400}@")
_MASKED = ":***@"


_MODES = {"apt": "0600", "environment": "0640", "docker": "0600"}


def _hidden(text: str) -> str:
    """Return a text as a Secret if it has a password in a URL."""
    return tainted(text) if _masked(text) != text else text


def _masked(text: str) -> str:
    """Return a text without the passwords in its URLs."""

    def mask(found: re.Match[str]) -> str:
        user, colon, _ = found[0][3:].partition(":")
        return f"://{user}{_MASKED}" if colon else found[0]

    return _LOGIN.sub(mask, text)


def _text(tool: str, proxy: HttpProxy) -> str:
    """Return what a tool is to be told."""
    http, https = proxy.urls
    if tool == "apt":
        lines = [f'Acquire::http::Proxy "{http}";', f'Acquire::https::Proxy "{https}";']
        for host in proxy.no_proxy:
            if re.fullmatch(r"[A-Za-z0-9-][A-Za-z0-9.-]*", host):  # apt knows names only
                lines += [f'Acquire::{kind}::Proxy::{host} "DIRECT";' for kind in (_HTTP, _HTTPS)]
        return _joined(lines)
    if tool == "docker":
        values = {"HTTP_PROXY": http, "HTTPS_PROXY": https, "NO_PROXY": ",".join(proxy.no_proxy)}
        pairs = [f'Environment="{k}={v.replace("%", "%%")}"' for k, v in values.items() if v]
        return _joined(["[Service]", *pairs])
    values = {_HTTP: http, _HTTPS: https, _NO: ",".join(proxy.no_proxy)}
    return _joined([f"{kind} {values[kind]}" for kind in _SETTINGS[tool] if values[kind]])


def _joined(lines: Sequence[str]) -> str:
    return _hidden("".join(f"{line}\n" for line in lines))


def _read(tool: str, text: str) -> str:
    """Return the settings of a tool, a line each; `differs` where two spellings do."""
    lines = []
    for kind, places in _SETTINGS[tool].items():
        values = {settings.find(place, text).value for place in places}
        if values != {None}:
            value = values.pop() if len(values) == 1 else "differs"
            lines.append(f"{kind} {value}")
    return "".join(f"{line}\n" for line in lines)


def _edited(tool: str, whole: str, told: str) -> str:
    """Return the text of a file with other settings; a section that gets empty goes."""
    values = dict(line.split(" ", 1) for line in told.splitlines())
    for kind, places in _SETTINGS[tool].items():
        for place in places:
            value = values.get(kind)
            value = None if value == "differs" else value
            was = settings.find(place, whole).value
            if was == value:
                continue
            whole = settings.edited(whole, place, value)
            if value is None and place.section is not None:
                shorter = settings.without_heading(whole, place.section, 2)
                if shorter == whole:
                    shorter = settings.without_heading(whole, place.section, 1)
                whole = shorter
    return _hidden(whole)


def _write(
    tool: str, text: str, modified: str | None, mode: str, *, gone: bool
) -> Iterator[Command]:
    path = _PATHS[tool]
    folder = path.rpartition("/")[0]
    if tool == "docker" and text:
        yield sh("mkdir -p -m 755 {}", folder)
    if text or gone or tool != "environment":
        yield write_small(path, text, modified, mode)
    else:  # it belongs to the distribution
        touch = sh("touch -d @{} -- {}", modified, path) if modified is not None else sh(":")
        yield replace(sh(": >{} && {}", path, touch), shown=f"write {path}")
    if tool == "docker":
        if not text:
            yield sh("rmdir -- {} 2>/dev/null || :", folder)
        yield sh("[ ! -d /run/systemd/system ] || systemctl daemon-reload")
