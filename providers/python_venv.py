"""Virtual environments of Python, by its module venv."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, LiteralString

from cookbook.errors import HostError
from cookbook.provider import (
    Change,
    Command,
    Content,
    Probe,
    Provider,
    Thing,
    hint,
    keep_tree,
    provides,
    sh,
)
from cookbook.providers.getent import PASSWD
from cookbook.providers.mounts import remove_tree
from cookbook.providers.small_files import ages, times, write_small
from cookbook.providers.stat import TARGET
from cookbook.resources.python_venv import PythonVenv
from cookbook.script.run_as import as_user
from cookbook.script.stash import unpack_tree


@dataclass(frozen=True)
class State:
    """A virtual environment."""

    python: str | None = None
    """The version that it was made for, like 3.11; empty if it is broken."""
    interpreter: str | None = None
    """The program that its `python` is a link to."""
    system_site_packages: bool | None = None
    owner: str | None = None
    made: bool = hint(default=True)
    """False: there is no environment."""
    folder: bool = hint(default=False)
    """True if its folder is there without an environment in it; it stays then."""
    now: tuple[str, ...] = hint(default=())
    """The version of the wanted interpreter, and its path; nothing if that is not there."""
    command: str = hint(default="python3")
    tree: Content | None = hint()
    """The environment that was removed, as it is kept."""
    timeout: float = hint(default=600.0)
    config: str | None = hint()
    """The text of its pyvenv.cfg, as it was found."""
    links: tuple[str, ...] = hint(default=())
    """The links to interpreters as they were found: name and target."""
    modified: str | None = hint()
    """When pyvenv.cfg was last modified, in seconds since the epoch."""


# What is in a venv is its user's: it is read, and nothing of it is run.
_ASK: LiteralString = r"""
p={}; if [ -f "$p/pyvenv.cfg" ]; then echo made=yes; stat -c 'owner=%U' -- "$p"
head -c 4096 -- "$p/pyvenv.cfg" | sed 's/^/:/'
for l in "$p"/bin/python*; do [ ! -L "$l" ] || echo "link.${l##*/}=$(readlink -- "$l")"; done
echo "interpreter=$(readlink -f -- "$p/bin/python")"
[ ! -x "$p/bin/python" ] || echo runs=yes
for d in "$p"/lib/python*/site-packages/pip; do [ ! -d "$d" ] || echo "pip=$d"; done
elif [ -d "$p" ]; then echo folder=yes; [ -z "$(ls -A -- "$p")" ] || echo other='no venv'
elif [ -e "$p" ] || [ -L "$p" ]; then echo other='no folder'; fi; :
"""
_INTERPRETER: LiteralString = r"""
c=$(command -v -- {}) || exit 4; "$c" -I -c 'import sys, importlib.util as u
print("%d.%d" % sys.version_info[:2], all(map(u.find_spec, ("venv", "ensurepip"))))' || exit
readlink -f -- "$c"
"""
# Module venv replaces no link of an interpreter, and installs no pip that says it is there; an
# upgrade writes its .gitignore again.
_MAKE: LiteralString = """\
p={}; [ ! -d "$p/bin" ] || find "$p/bin" -maxdepth 1 -type l -name 'python*' -delete || exit
for d in "$p"/lib/python*/site-packages; do [ -d "$d/pip" ] || rm -rf -- "$d"/pip-*.dist-info; done
t=$(stat -c %.Y -- "$p/.gitignore" 2>/dev/null)
{} -m venv {} "$p" && { [ -z "$t" ] || touch -d "@$t" -- "$p/.gitignore"; }"""


@provides(PythonVenv)
class PythonVenvProvider(Provider[PythonVenv, State]):
    """The environment is made, and upgraded, by the user that it belongs to."""

    def probe(self, venv: PythonVenv) -> Sequence[Probe]:
        """Ask for the environment, the interpreter, the folder above and the user."""
        path = venv.identity
        ask = replace(sh(_ASK.strip(), path), called=f"look at the venv {path}")
        python = replace(sh(_INTERPRETER.strip(), venv.python), called=f"ask {venv.python}")
        user = [PASSWD.about(venv.user, loose=True)] if venv.user is not None else []
        above = TARGET.about(path.rpartition("/")[0] or "/", loose=True)
        return [Probe(ask), Probe(python, absent=4), above, *user]

    def parse(self, venv: PythonVenv, text: str, python: str | None, *_rest: Any) -> State:
        """Return the state; there is one of an absent environment, too."""
        config = [line[1:] for line in text.splitlines() if line.startswith(":")]
        said = dict(_pair(line.removeprefix(":")) for line in text.splitlines())
        if "other" in said and venv.action == "create":
            raise HostError(
                f"{venv.identity} is there, and {said['other']}: nothing in it is touched",
                hint="choose another path, or remove it first",
            )
        now = _interpreter(python)
        found = State(now=now, command=venv.python, timeout=venv.timeout)
        if "made" not in said:
            return replace(found, made=False, folder="folder" in said)
        version = ".".join((said.get("version") or said.get("version_info", "")).split(".")[:2])
        works = "runs" in said and f"/lib/python{version}/" in said.get("pip", "")
        return replace(
            found,
            python=version if works else "",
            interpreter=said.get("interpreter", ""),
            system_site_packages=said.get("include-system-site-packages") == "true",
            owner=said.get("owner"),
            config="".join(f"{line}\n" for line in config),
            links=tuple(f"{k[5:]} {v}" for k, v in said.items() if k.startswith("link.")),
        )

    def plan(self, venv: PythonVenv, found: State | None) -> Change[State]:
        """Compare the environment with the interpreter as it is now."""
        there = found if self.there(found) else None
        if venv.action == "delete":
            return Change(there, None)
        now = found.now if found is not None else ()
        wanted = State(
            python=now[0] if now else None,
            interpreter=now[1] if now else None,
            system_site_packages=venv.system_site_packages,
            owner=venv.user or "root",
            folder=found is not None and found.folder,
            now=now,
            command=venv.python,
            timeout=venv.timeout,
        )
        return Change(there, wanted, note=_note(there, wanted))

    def commands(self, name: str, change: Change[State]) -> Iterator[Command]:
        """Make the environment, upgrade it, give it to its user, or remove it."""
        found, wanted = change.found, change.wanted
        if wanted is None:
            keep = found is not None and found.folder
            yield sh("find {} -mindepth 1 -delete", name) if keep else remove_tree(name)
            return
        if wanted.tree is not None:
            yield unpack_tree(wanted.tree, name)
            return
        owner = wanted.owner or "root"
        if found is None:
            yield sh("mkdir -p -- {} && chown {} -- {}", name, f"{owner}:", name)
        elif "owner" in change.fields:
            yield sh("chown -RhP {} -- {}", f"{owner}:", name)
        if found is None or {"python", "interpreter", "system_site_packages"} & {*change.fields}:
            if wanted.config is not None:
                yield from _restore(name, wanted)
                return
            if found is not None and not {"python", "interpreter"} & {*change.fields}:
                yield _configure(name, wanted)
                return
            yield _make(name, wanted, upgrade=found is not None)

    def missing(
        self, venv: PythonVenv, text: str | None, python: str | None, *rest: str | None
    ) -> Iterator[Thing]:
        """Yield the interpreter, its module venv, the folder above and the user."""
        if venv.action != "create":
            return
        if python is None:
            yield Thing("path" if "/" in venv.python else "tool", venv.python)
        elif python.split()[1:2] != ["True"]:
            yield Thing("tool", f"{venv.python}-venv")
        if not rest or rest[0] is None:
            yield Thing("path", venv.identity.rpartition("/")[0] or "/")
        if venv.user is not None and (len(rest) < 2 or rest[1] is None):
            yield Thing("user", venv.user)

    def there(self, state: State | None) -> bool:
        """Return whether there is an environment."""
        return state is not None and state.made

    def brings(self, name: str, change: Change[State]) -> Iterable[Thing]:
        """Yield its folder and its interpreter."""
        if change.wanted is None:
            return []
        return [Thing("path", name), Thing("venv", name), Thing("path", f"{name}/bin/python")]

    def about(self, venv: PythonVenv) -> Iterable[Thing]:
        """Yield its folder, and the interpreter."""
        return [Thing("path", venv.identity), Thing("venv", venv.identity)]

    def alters(self, venv: PythonVenv, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the folder with all that is in it."""
        return [Thing("tree", venv.identity), Thing("venv", venv.identity)]

    def keeps(self, name: str, change: Change[State]) -> Command | None:
        """Keep an environment that is removed; of an upgraded one, ask when it was."""
        if change.found is None:
            return None
        return keep_tree(name) if change.wanted is None else ages([f"{name}/pyvenv.cfg"])

    def learned(self, change: Change[State], kept: str, said: str) -> Change[State]:
        """Add where it is kept."""
        digest = kept.strip().partition("\n")[0]
        if change.found is not None and change.wanted is not None and kept:
            return replace(change, found=replace(change.found, modified=times(kept)[0]))
        if change.found is None or not re.fullmatch("[0-9a-f]{64}", digest):
            return change
        return replace(change, found=replace(change.found, tree=Content(digest)))

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to the former environment; a folder that was there before stays."""
        before, wanted = change.found, change.wanted
        if before is None or not before.made:
            stays = any(side is not None and side.folder for side in (before, wanted))
            return Change(replace(now, folder=stays) if now is not None else None, None)
        undo = super().back(name, change, now)
        if before.python == "" and undo.wanted is not None:
            return replace(undo, wanted=replace(undo.wanted, python=None, interpreter=None))
        return undo

    def lost(self, name: str, change: Change[State]) -> str | None:
        """Say that a broken environment stays repaired."""
        broken = change.found is not None and change.found.python == ""
        return "the state in which it did not work" if broken and change.wanted else None

    def unobtainable(self, name: str, change: Change[State], now: State | None) -> str | None:
        """Return the reason why a removed environment does not come back."""
        lost = change.wanted is None and change.found is not None and change.found.tree is None
        return "the environment was not kept" if lost else None

    def limit(self, change: Change[State]) -> float:
        """As the recipe says."""
        return change.wanted.timeout if change.wanted is not None else self.timeout


def _pair(line: str) -> tuple[str, str]:
    name, _, value = line.partition("=")
    return name.strip(), value.strip()


def _interpreter(said: str | None) -> tuple[str, ...]:
    """Return version and path of the interpreter; nothing if it is absent, or cannot make any."""
    if said is None:
        return ()
    first, path = said.splitlines()[:2]
    version, able = first.split()
    return (version, path) if able == "True" else ()


def _note(found: State | None, wanted: State) -> str | None:
    if found is None or wanted.python in (None, found.python):
        return None
    if found.python == "":
        return "it is broken: its interpreter or its pip is missing"
    return "what is installed in it has to be installed again for the new version"


def _restore(path: str, wanted: State) -> Iterator[Command]:
    """Yield the commands that bring back the links and the configuration of an environment."""
    yield sh('find {} -maxdepth 1 -type l -name "python*" -delete', f"{path}/bin")
    for link in wanted.links:
        name, _, target = link.partition(" ")
        yield sh("ln -s -- {} {}", target, f"{path}/bin/{name}")
        yield sh("chown -h {} -- {}", f"{wanted.owner or 'root'}:", f"{path}/bin/{name}")
    yield write_small(f"{path}/pyvenv.cfg", wanted.config or "", wanted.modified)


def _configure(path: str, wanted: State) -> Command:
    """Return the command that sets the line of the configuration about packages of the system."""
    value = "true" if wanted.system_site_packages else "false"
    line = f"include-system-site-packages = {value}"
    text = sh(
        'f={}; sed -i {} -- "$f" && { grep -qxF -e {} -- "$f" || echo {} >>"$f"; }',
        f"{path}/pyvenv.cfg",
        f"s/^include-system-site-packages *=.*/{line}/",
        line,
        line,
    )
    return as_user(_acting(wanted), replace(text, called=f"set {line} in {path}/pyvenv.cfg"))


def _acting(wanted: State) -> str | None:
    return None if wanted.owner in (None, "root") else wanted.owner


def _make(path: str, wanted: State, *, upgrade: bool) -> Command:
    """Return the command that makes an environment, or upgrades it in its place."""
    flags = ["--upgrade"] if upgrade else []
    flags += ["--system-site-packages"] if wanted.system_site_packages else []
    # An undo leads to the interpreter that it had, which a name does not tell.
    python = (wanted.interpreter if upgrade else None) or wanted.command
    shown = sh("{} -m venv {} {}", python, flags, path)
    command = sh(_MAKE, path, python, flags)
    return as_user(_acting(wanted), replace(command, shown=shown.shown, called=shown.shown))
