"""Parameters of the kernel, by /proc/sys and sysctl.d(5)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString

from cookbook.provider import (
    AccessPath,
    Change,
    Command,
    Probe,
    Provider,
    Risk,
    Table,
    Thing,
    hint,
    provides,
    sh,
)
from cookbook.providers.small_files import TEXT, ages, parse_text, times, write_small
from cookbook.providers.stat import TARGET
from cookbook.resources.sysctl import Sysctl, dotted


@dataclass(frozen=True)
class State:
    """A parameter: what the kernel has, and the file for the next boot."""

    value: str | None = None
    """None: the kernel does not have the parameter."""
    file: str = ""
    """The text of its file; empty without one."""
    path: str = hint(default="")
    modified: str | None = hint()


_ASK: LiteralString = r"""
for k in {}; do p=/proc/sys/$k; printf '%s\0' "$k"
if [ -e "$p" ]; then printf =; cat -- "$p" || exit; fi; printf '\0'; done
"""


def _ask(keys: Sequence[str]) -> Command:
    return replace(sh(_ASK.strip(), list(keys)), shown=str(sh("sysctl {}", list(keys))))


def _split(text: str, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    words = text.split("\0")
    found = dict(zip(words[0::2], words[1::2], strict=False))
    return ((key, f"{key}\0{found[key]}\0") for key in keys if key in found)


LIVE = Table(_ask, _split)
"""The value of a parameter after a `=`, by its path below /proc/sys; nothing if there is none."""

# Both procps and systemd read the files in the order of their names; procps reads /etc/sysctl.conf
# last, and systemd does so by the link 99-sysctl.conf.
_OTHERS = Probe(
    sh(
        "grep -sH '^[^#;]*=' /etc/sysctl.d/*.conf /run/sysctl.d/*.conf"
        " /usr/local/lib/sysctl.d/*.conf /usr/lib/sysctl.d/*.conf /lib/sysctl.d/*.conf"
        " /etc/sysctl.conf; :"
    )
)

_RISKY = re.compile(
    r"net\.ipv[46]\..*(disable_ipv6|rp_filter|arp_\w+|accept_\w+|autoconf|forwarding|ip_forward)"
)


_MODULES = (
    ("net.bridge.", "br_netfilter"),
    ("net.netfilter.", "nf_conntrack"),
    ("net.ipv4.vs.", "ip_vs"),
    ("sunrpc.", "sunrpc"),
    ("fs.nfs.", "nfs"),
)
"""Parameters that come with a module of the kernel: the beginning of their names, the module."""


@provides(Sysctl)
class SysctlProvider(Provider[Sysctl, State]):
    """The value is right only if the kernel and the file have it."""

    def probe(self, sysctl: Sysctl) -> Sequence[Probe]:
        """Ask for the file, the value, and the folder of the file."""
        return [
            LIVE.about(_below_proc(sysctl.identity)),
            TEXT.about(sysctl.path),
            TARGET.about(sysctl.conf_dir, loose=True),
        ]

    def parse(self, sysctl: Sysctl, live: str, text: str | None, _folder: str | None) -> State:
        """Return value and file; tabs and blanks between words mean the same."""
        shown = live.split("\0")[1]
        value = " ".join(shown[1:].split()) if shown else None
        return State(value, parse_text(text) or "", sysctl.path)

    def plan(self, sysctl: Sysctl, found: State | None) -> Change[State]:
        """Compare both."""
        now = found or State(path=sysctl.path)
        if sysctl.action == "remove":
            return self.removal(now) if now.file else Change(None, None)
        value = None if now.value is None and sysctl.ignore_error else sysctl.text
        return Change(found, State(value, _file(sysctl), sysctl.path))

    def removal(self, state: State) -> Change[State]:
        """Return the removal of the file; what the value was before is not known."""
        note = f"its value stays {state.value} until the next boot" if state.value else None
        return Change(state, None, note=note)

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Tell the kernel, and write the file if that takes the value."""
        side = change.wanted or change.found
        wanted = change.wanted or State()
        if wanted.value is not None and "value" in change.fields:
            text = sh("printf '%s\\n' {} | tee -- {} >/dev/null", wanted.value, _proc(name))
            yield replace(text, shown=str(sh("sysctl -w {}", f"{name}={wanted.value}")))
        if side is not None and (change.wanted is None or "file" in change.fields):
            yield write_small(side.path, wanted.file, wanted.modified)

    def keeps(self, name: str, change: Change[State]) -> Command | None:
        """Ask when the file was modified."""
        found = change.found
        return ages([found.path]) if found is not None and found.file else None

    def learned(self, change: Change[State], kept: str, said: str) -> Change[State]:
        """Add the time of modification."""
        if change.found is None or not kept:
            return change
        return replace(change, found=replace(change.found, modified=times(kept)[0]))

    def missing(
        self,
        sysctl: Sysctl,
        live: str | None,
        _text: str | None,
        folder: str | None,
    ) -> Iterator[Thing]:
        """Yield the parameter, which a module of the kernel may bring, and the folder."""
        if sysctl.action == "apply" and folder is None:
            yield Thing("path", sysctl.conf_dir)
        if sysctl.action == "apply" and not _known(live) and not sysctl.ignore_error:
            modules = (name for begin, name in _MODULES if sysctl.identity.startswith(begin))
            module = next(modules, None)
            yield Thing("module", module) if module else Thing("parameter", sysctl.identity)

    def about(self, sysctl: Sysctl) -> Iterable[Thing]:
        """Yield the parameter and the file."""
        return [Thing("parameter", sysctl.identity), Thing("path", sysctl.path)]

    def there(self, state: State | None) -> bool:
        """Return whether the parameter has a file of cook."""
        return state is not None and state.file != ""

    def lockout_risk(self, name: str, change: Change[State], way: AccessPath) -> Risk:
        """Return the risk: parameters that decide about addresses and routes."""
        live = change.wanted is not None and "value" in change.fields
        return "may" if live and _RISKY.fullmatch(name) else "no"

    def besides(self, sysctl: Sysctl) -> Sequence[Probe]:
        """Ask for the parameters in all files."""
        return [_OTHERS] if sysctl.action == "apply" else []

    def warning(self, sysctl: Sysctl, lines: str) -> str | None:
        """Return a warning of a file that is read later, and sets another value."""
        for path, key, value in _settings(lines):
            later = path == "/etc/sysctl.conf" or _base(path) > _base(sysctl.path)
            if key == sysctl.identity and value != sysctl.text and later:
                return f"{path} sets it to {value} at the next boot: it is read later"
        return None


def _known(live: str | None) -> bool:
    """Return whether an answer shows that the kernel has the parameter."""
    return live is not None and "\0=" in live


def _below_proc(key: str) -> str:
    return key.translate(str.maketrans("./", "/."))


def _proc(key: str) -> str:
    return f"/proc/sys/{_below_proc(key)}"


def _base(path: str) -> str:
    return path.rpartition("/")[2]


def _file(sysctl: Sysctl) -> str:
    """Return the text of the file; systemd takes a dash for `ignore errors`."""
    dash = "-" if sysctl.ignore_error else ""
    lines = [*(f"# {line}" for line in sysctl.comments), f"{dash}{sysctl.identity} = {sysctl.text}"]
    return "".join(f"{line}\n" for line in lines)


def _settings(lines: str) -> Iterator[tuple[str, str, str]]:
    for line in lines.splitlines():
        path, _, setting = line.partition(":")
        key, equals, value = setting.partition("=")
        if equals:
            yield path, dotted(key.strip(" \t-")), " ".join(value.split())
