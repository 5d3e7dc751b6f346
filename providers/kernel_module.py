"""Modules of the kernel, by modprobe(8), modules-load.d(5) and modprobe.d(5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, LiteralString

from cookbook.errors import HostError
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
from cookbook.resources.kernel_module import KernelModule


@dataclass(frozen=True)
class State:
    """A module: whether it is loaded, and the texts of its files; empty without one."""

    loaded: bool | None = None
    """None: it is built into the kernel, or the kernel has no modules at all."""
    boot: str | None = None
    """The file that has it loaded at boot."""
    options: str | None = None
    blacklist: str | None = None
    disabled: str | None = None
    kernel: str = hint(default="")
    """Its state in the kernel: loaded, absent, built-in, static (no modules at all)."""
    paths: tuple[str, ...] = hint(default=())
    modified: tuple[str | None, ...] = hint(default=())


FILES = ("boot", "options", "blacklist", "disabled")
"""The fields of a State that are texts of files, in the order of its paths."""

# The kernel itself has underscores. A module without `initstate` is built in; one that has no
# parameters is then only in the list that comes with the modules.
_ASK: LiteralString = r"""
for m in {}; do s=absent
if [ -e "/sys/module/$m/initstate" ]; then s=loaded
elif [ -d "/sys/module/$m" ] || tr - _ 2>/dev/null </lib/modules/$(uname -r)/modules.builtin |
grep -q "/$m[.]ko\$"; then s=built-in
elif [ ! -d /sys/module ] && [ ! -e /proc/modules ]; then s=static
elif grep -q "^$m " /proc/modules 2>/dev/null; then s=loaded; fi
t=; command -v modprobe >/dev/null || t=' without-modprobe'; echo "$m $s$t"; done
"""


def _ask(names: Sequence[str]) -> Command:
    return replace(sh(_ASK.strip(), list(names)), shown=str(sh("look at the modules {}", names)))


def _split(text: str, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    lines = {line.partition(" ")[0]: f"{line}\n" for line in text.splitlines()}
    return ((key, lines[key]) for key in keys if key in lines)


MODULES = Table(_ask, _split)
"""The state of a module in the kernel, by its exact name."""


@provides(KernelModule)
class KernelModuleProvider(Provider[KernelModule, State]):
    """The kernel and the files of a module."""

    def probe(self, module: KernelModule) -> Sequence[Probe]:
        """Ask the kernel, for the files, and for their folders."""
        return [
            MODULES.about(module.identity),
            *(TEXT.about(path) for path in _paths(module)),
            TARGET.about(module.load_dir, loose=True),
            TARGET.about(module.unload_dir, loose=True),
        ]

    def parse(self, module: KernelModule, live: str, *answers: str | None) -> State:
        """Return the state."""
        kernel = live.split()[1]
        boot, options, blacklist, disabled = (parse_text(text) or "" for text in answers[:4])
        loaded = {"loaded": True, "absent": False}.get(kernel)
        return State(loaded, boot, options, blacklist, disabled, kernel, _paths(module))

    def plan(self, module: KernelModule, found: State | None) -> Change[State]:
        """Compare what the actions want, one after the other."""
        now = found or State(False, "", "", "", "", "absent", _paths(module))
        wanted = replace(now, modified=())
        for action in module.doing:
            wanted = replace(wanted, **_wishes(module, action))
        loads = {"install", "load"} & set(module.doing)
        if now.kernel == "static" and loads:
            raise HostError(
                f"{module}: the kernel has no modules that could be loaded",
                hint="a container has those of its machine: load it there",
            )
        if now.kernel == "built-in" and "unload" in module.doing:
            raise HostError(f"{module}: it is built into the kernel, and cannot be unloaded")
        if now.loaded is None:
            wanted = replace(wanted, loaded=None)
        return Change(found, wanted, note=_note(now, wanted))

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Write the files; then load or unload it."""
        yield from self.together([(name, change)])

    def together(self, changes: Sequence[tuple[str, Change[State]]]) -> list[Command]:
        """Return the commands of all; what is in the initial RAM disk is made anew once."""
        commands: list[Command] = []
        for name, change in changes:
            commands += _commands(name, change)
        if any(
            {"options", "blacklist", "disabled"} & change.fields.keys() for _, change in changes
        ):
            commands.append(_INITRAMFS)
        return commands

    def keeps(self, name: str, change: Change[State]) -> Command | None:
        """Ask when the files were modified."""
        return ages(change.found.paths) if change.found is not None else None

    def learned(self, change: Change[State], kept: str, said: str) -> Change[State]:
        """Add the times of modification."""
        if change.found is None or not kept:
            return change
        return replace(change, found=replace(change.found, modified=tuple(times(kept))))

    def missing(self, module: KernelModule, *answers: str | None) -> Iterator[Thing]:
        """Yield modprobe(8), and the folders."""
        live, load_dir, unload_dir = answers[0], answers[-2], answers[-1]
        if live is None or "without-modprobe" in live:
            yield Thing("tool", "modprobe")
        if load_dir is None and "install" in module.doing:
            yield Thing("path", module.load_dir)
        if unload_dir is None and (
            {"blacklist", "disable"} & set(module.doing) or module.options is not None
        ):
            yield Thing("path", module.unload_dir)

    def brings(self, name: str, change: Change[State]) -> Iterable[Thing]:
        """Yield the module, if it is loaded then."""
        wanted = change.wanted
        return [Thing("module", name)] if wanted is not None and wanted.loaded else []

    def about(self, module: KernelModule) -> Iterable[Thing]:
        """Yield the module and its files."""
        paths = [Thing("path", path) for path in _paths(module)]
        return [Thing("module", module.identity), *paths]

    def there(self, state: State | None) -> bool:
        """Return whether it has files."""
        return state is not None and any(getattr(state, name) for name in FILES)

    def removal(self, state: State) -> Change[State]:
        """Return the removal of its files: a module that is in use cannot be unloaded."""
        wanted = State(None, "", "", "", "", state.kernel, state.paths)
        return Change(state, wanted, note="it stays loaded until the next boot")

    def lockout_risk(self, name: str, change: Change[State], way: AccessPath) -> Risk:
        """Return the risk: it may be that of the network card."""
        wanted = change.wanted
        return "may" if wanted is None or wanted.loaded is False or wanted.disabled else "no"


_INITRAMFS = sh("! command -v update-initramfs >/dev/null || update-initramfs -u")


def _paths(module: KernelModule) -> tuple[str, ...]:
    name, folder = module.identity, module.unload_dir
    kinds = ("options", "blacklist", "disable")
    return f"{module.load_dir}/{name}.conf", *(f"{folder}/{kind}_{name}.conf" for kind in kinds)


def _wishes(module: KernelModule, action: str) -> dict[str, Any]:
    """Return the fields that an action sets."""
    name = module.identity
    allowed: dict[str, Any] = {"blacklist": "", "disabled": ""}
    match action:
        case "install":
            boot: dict[str, Any] = {"boot": f"{name}\n", "loaded": True, **allowed}
            if module.options is None:
                return boot
            words = " ".join(module.options)
            return boot | {"options": f"options {name} {words}\n" if words else ""}
        case "uninstall":
            return dict.fromkeys(FILES, "") | {"loaded": False}
        case "blacklist":
            return {"boot": "", "blacklist": f"blacklist {name}\n", "loaded": False}
        case "disable":
            return {"boot": "", "disabled": f"install {name} /bin/false\n", "loaded": False}
        case "enable":
            return allowed
        case "load" | "unload":
            return {"loaded": action == "load"}
    return {}


def _note(now: State, wanted: State) -> str | None:
    options = wanted.options is not None and wanted.options != now.options
    if now.loaded and options and wanted.loaded is not False:
        return "it is loaded already: the options count when it is loaded anew"
    if now.kernel == "built-in":
        return "it is built into the kernel"
    return None


def _commands(name: str, change: Change[State]) -> Iterator[Command]:
    side = change.wanted if change.wanted is not None else change.found
    if side is None:
        return
    modified = side.modified if len(side.modified) == len(FILES) else (None,) * len(FILES)
    for field, path, age in zip(FILES, side.paths, modified, strict=True):
        if field in change.fields:
            yield write_small(path, change.fields[field][1] or "", age)
    if change.wanted is not None and "loaded" in change.fields:
        yield sh("modprobe -- {}", name) if change.wanted.loaded else sh("modprobe -r -- {}", name)
