"""Packages of Node.js, by npm."""

from __future__ import annotations

import functools
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
    Table,
    Thing,
    hint,
    provides,
    sh,
)
from cookbook.providers import npm
from cookbook.providers.lock_files import first_in_path, keep_parts
from cookbook.resources.npm_package import NpmPackage
from cookbook.text.bounded_io import parsed_json


@dataclass(frozen=True)
class State:
    """A package of Node.js."""

    version: str | None = None
    """The installed version."""
    unmet: tuple[str, ...] | None = None
    """Dependencies that are missing, or have another version."""
    prefix: str | None = hint()
    programs: tuple[str, ...] = hint(default=())
    """The names of its links in `bin`."""
    absent: tuple[str, ...] = hint(default=())
    """Folders that npm makes for it."""
    candidate: str | None = hint()
    """The newest version that fits."""
    wanted: str = hint(default="")
    """The package as npm is told of it."""
    program: str = hint(default="npm")
    registry: str | None = hint()
    token: str | None = hint()
    flags: tuple[str, ...] = hint(default=())
    former: str | None = hint()
    """The digest of the former package, as it was kept."""
    restores: bool = hint(default=False)
    """True if the former package is put back."""
    timeout: float = hint(default=1800.0)


_BETWEEN = "\x1e"
"""Stands between the folder and the package, in a key."""

# npm decides with its own module which versions fit; the question uses the same one.
_LOOK = r"""
const fs = require("fs"), path = require("path"), [cli, ...asked] = process.argv.slice(1);
const semver = require("module").createRequire(fs.realpathSync(cli))("semver");
const any = {includePrerelease: true};
const shared = fs.readFileSync(0, "utf8").trim();
let root, bin;
const there = (b) => fs.existsSync(path.join(bin, b));
const read = (dir) => {
  try { return JSON.parse(fs.readFileSync(path.join(dir, "package.json"), "utf8")); }
  catch (e) { return null; }
};
const find = (dir, wanted) => {
  for (let at = dir; at.startsWith(root); at = path.dirname(at))
    if (read(path.join(at, "node_modules", wanted))) return path.join(at, "node_modules", wanted);
  return read(path.join(root, wanted)) ? path.join(root, wanted) : null;
};
const look = (dir, own, unmet, seen) => {
  if (seen.has(dir)) return;
  seen.add(dir);
  for (const [one, need] of Object.entries(own.dependencies || {})) {
    if ((own.optionalDependencies || {})[one]) continue;
    const at = find(dir, one), found = at && read(at);
    if (!found) unmet.push(`${one} ${need} of ${own.name}: missing`);
    else if (semver.validRange(need) && !semver.satisfies(found.version, need, any))
      unmet.push(`${one} ${need} of ${own.name}: ${found.version}`);
    else look(at, found, unmet, seen);
  }
};
for (const key of asked) {
  const [where, what] = key.split("\x1e"), [name, ...words] = what.split(" ");
  const range = words.join(" ");
  root = where ? path.join(where, "lib/node_modules") : shared;
  const prefix = path.join(root, "../..");
  bin = path.join(prefix, "bin");
  const absent = [root, path.dirname(root), bin, prefix].filter((d) => !fs.existsSync(d));
  const place = path.join(root, name), own = read(place), unmet = [];
  if (own) look(place, own, unmet, new Set());
  const bins = !own ? [] : typeof own.bin === "string" ? [own.name.replace(/^@.*\//, "")]
    : Object.keys(own.bin || {});
  unmet.push(...bins.filter((b) => !there(b)).map((b) => `bin/${b}: missing`));
  const fits = own && (!range || semver.satisfies(own.version, range));
  console.log(JSON.stringify({version: own ? own.version : "", fits, unmet: unmet.sort(),
    programs: bins.filter(there), prefix, absent}));
}
"""

# npm writes a cache and logs even if it is only asked: into a folder that is removed.
_ROOT: LiteralString = """\
npm_config_logs_max=0 npm_config_update_notifier=false npm_config_fund=false npm_config_audit=false
export npm_config_logs_max npm_config_update_notifier npm_config_fund npm_config_audit
{}t=$(mktemp -d) || exit; trap 'rm -rf -- "$t"' EXIT
"""

# npm takes half a second to say where global packages are. It is not asked where the answer is in
# its own npmrc or beside Node.js, and neither a variable nor a file of the host or the user can say
# otherwise: npmrc(5), and "prefix" in config(7) of npm.
_GLOBAL: LiteralString = r"""
cook_global() { f=$(readlink -f -- "$c") && [ "$HOME" ] || return; case $f in
*/bin/npm-cli.js) f=${f%/bin/npm-cli.js}/npmrc ;; *) return 1 ;; esac; g= r=
! env | grep -qi -e '^npm_config_.*\(prefix\|config\|global\|location\)' -e '^prefix=' \
-e '^destdir=' || return; if [ -e "$f" ]; then ! grep -qEv \
'^ *([#;].*)?$|^(globalconfig|globalignorefile|prefix)=/[[:alnum:]_./-]+$' "$f" || return
g=$(sed -n 's/^globalconfig=//p' "$f") r=$(sed -n 's/^prefix=//p' "$f"); fi
[ "$r" ] || { n=$(command -v node) && [ "$n" = "$(readlink -f -- "$n")" ] || return
[ "$(head -n 1 "$c")" = '#!/usr/bin/env node' ] || return; r=${n%/*}; r=${r%/*}; }
case "$r/" in *//*|*/./*|*/../*|'') return 1 ;; esac
for f in "${g:-$r/etc/npmrc}" "$HOME/.npmrc" /.npmrc; do [ -e "$f" ] || continue
[ -r "$f" ] || return; ! sed '/^[[:space:]]*[#;]/d' "$f" |
grep -qi -e prefix -e config -e global -e location -e '[$\\]' || return; done
r=$r/lib/node_modules; }
"""

_ASK: LiteralString = """\
{}c=$(command -v -- {}) && command -v node >/dev/null || exit 0
r=; {} || cook_global || r=$(npm_config_cache=$t "$c" root -g) || exit
printf '%s\\n' "$r" | node -e {} -- "$c" {}"""

_NEWEST: LiteralString = """\
{}command -v -- {} >/dev/null || exit 4
({}npm_config_cache=$t; export npm_config_cache; {} view {} version --json {} 2>&1) ||
{ echo 'failed'; }"""

_RUN: LiteralString = """\
{}umask 022; cd "$t" || exit
[ -w "$HOME" ] || { HOME=$t; export HOME; }
({}{} >"$t/said") || { s=$?; cat -- "$t/said" >&2; exit $s; }"""


@functools.cache
def _installed(program: str) -> Table:
    """Return the question for packages, given as PREFIX, _BETWEEN, NAME RANGE."""

    def ask(keys: Sequence[str]) -> Command:
        root = sh(_ROOT, first_in_path(program))
        elsewhere = not any(key.startswith(_BETWEEN) for key in keys)
        if not elsewhere:
            root = sh("{}{}", root, sh(_GLOBAL.removeprefix("\n")))
        text = sh(_ASK, root, program, sh("true" if elsewhere else "false"), _LOOK, list(keys))
        names = ", ".join(key.partition(_BETWEEN)[2].strip() for key in keys)
        return replace(text, called=f"look at {names}")

    def split(text: str, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
        lines = [f"{line}\n" for line in text.split("\n") if line]
        return zip(keys, lines, strict=bool(lines))  # without npm there is no answer at all

    return Table(ask, split)


@provides(NpmPackage)
class NpmPackageProvider(Provider[NpmPackage, State]):
    """One package, with all that it depends on below it."""

    def probe(self, package: NpmPackage) -> Sequence[Probe]:
        """Ask what is installed; for an upgrade, ask the registry for the newest version, too."""
        program = package.program
        root = sh(_ROOT, first_in_path(program))
        what = f"{package.package} {package.version or ''}"
        asked = _installed(program).about(f"{package.prefix or ''}{_BETWEEN}{what}")
        if package.action != "upgrade":
            return [asked]
        prepare, options = npm.configured(program, package.registry, npm.quiet(package.token))
        wanted = f"{package.package}@{package.version or '*'}"
        text = sh(_NEWEST, root, program, prepare, program, wanted, options)
        newest = replace(text, called=f"ask for the newest {package.package}")
        return [asked, Probe(newest, absent=4, loose=True)]

    def parse(self, package: NpmPackage, text: str, newest: str | None = None) -> State:
        """Return the installed version, and what it lacks."""
        said = parsed_json(text)
        version = str(said["version"])
        unmet = tuple(map(str, said["unmet"]))
        if version and not said["fits"]:
            unmet = (f"{package.package} {package.version}: {version}", *unmet)
        state = State(
            version=version,
            unmet=unmet,
            prefix=str(said["prefix"]),
            programs=tuple(map(str, said["programs"])),
            absent=tuple(map(str, said["absent"])),
            candidate=_candidate(package, newest),
        )
        return _told(package, state)

    def plan(self, package: NpmPackage, found: State | None) -> Change[State]:
        """Compare the version, and what it depends on."""
        there = found if self.there(found) else None
        if package.action == "remove":
            return Change(there, None)
        if package.action == "nothing":
            return Change(there, there)
        candidate = found.candidate if found is not None else None
        version = candidate or package.exact
        if version is None and there is not None and not there.unmet:
            version = there.version
        state = State(
            version=version,
            unmet=(),
            prefix=found.prefix if found is not None else package.prefix,
            absent=found.absent if found is not None else (),
            candidate=candidate,
            wanted=f"{package.package}@{version or package.version or '*'}",
        )
        return Change(there, _told(package, state))

    def commands(self, name: str, change: Change[State]) -> Iterator[Command]:
        """Install or remove it; an undo puts the former package back."""
        found, wanted = change.found, change.wanted
        package = name.rpartition(":")[2]
        if wanted is None or wanted.restores:
            if found is not None:
                yield _run(found, sh("uninstall -g {}", package), f"uninstall -g {package}")
                if found.absent:
                    yield sh("rmdir -- {} 2>/dev/null || :", list(found.absent))
            if wanted is not None:
                folder, former = wanted.prefix or "/usr/local", wanted.former
                put = sh("mkdir -p -- {} && content {} | tar -C {} -xpf -", folder,
                         Content(former or ""), folder)  # fmt: skip
                yield replace(put, called=f"put back {package}")
            return
        told = f"install -g {wanted.wanted}"
        yield _run(wanted, sh("install -g {} {}", list(wanted.flags), wanted.wanted), told)

    def missing(self, package: NpmPackage, text: str | None, *_rest: Any) -> Iterator[Thing]:
        """Yield the program."""
        if text is None and package.action in ("install", "upgrade"):
            yield Thing("path" if "/" in package.program else "tool", package.program)

    def brings_anything(self, name: str) -> bool:
        """Return True: a package may have programs."""
        return True

    def there(self, state: State | None) -> bool:
        """Return whether it is installed."""
        return state is not None and state.version != ""

    def keeps(self, name: str, change: Change[State]) -> Command | None:
        """Keep the former package with its programs."""
        if change.found is None or change.found.prefix is None:
            return None
        package = name.rpartition(":")[2]
        bins = [f"bin/{one}" for one in change.found.programs]
        return keep_parts(change.found.prefix, [f"lib/node_modules/{package}", *bins])

    def learned(self, change: Change[State], kept: str, said: str) -> Change[State]:
        """Add where the former package is kept."""
        former = kept.strip().partition("\n")[0]
        if change.found is None or not former:
            return change
        return replace(change, found=replace(change.found, former=former))

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to the former package."""
        there = now if self.there(now) else None
        if change.found is None:
            if there is not None and change.wanted is not None:
                there = replace(there, absent=change.wanted.absent)
            return Change(there, None)
        return Change(there, replace(change.found, restores=True))

    def unobtainable(self, name: str, change: Change[State], now: State | None) -> str | None:
        """Return the reason: the former package was too large to be kept."""
        found = change.found
        lost = found is not None and found.former in (None, "-", "none")
        return "the former package was not kept" if lost else None

    def limit(self, change: Change[State]) -> float:
        """As the recipe says."""
        return change.wanted.timeout if change.wanted is not None else self.timeout

    def about(self, package: NpmPackage) -> Iterable[Thing]:
        """Yield the package."""
        return [Thing("npm_package", package.identity)]


def _told(package: NpmPackage, state: State) -> State:
    """Return the state with all that npm is told."""
    scripts = ("--ignore-scripts",) if package.ignore_scripts else ()
    return replace(
        state,
        program=package.program,
        registry=package.registry,
        token=npm.quiet(package.token),
        flags=scripts,
        timeout=package.timeout,
    )


def _run(state: State, words: Command, told: str) -> Command:
    """Return the command that runs npm."""
    root = sh(_ROOT, first_in_path(state.program))
    prepare, options = npm.configured(state.program, state.registry, state.token)
    where = ["--prefix", state.prefix] if state.prefix is not None else []
    run = sh("{} {} {} {}", state.program, words, where, options)
    return replace(sh(_RUN, root, prepare, run), called=f"{state.program} {told}")


def _candidate(package: NpmPackage, said: str | None) -> str | None:
    """
    Return the newest version in the answer of `npm view`.

    Raises HostError with what npm said.
    """
    if said is None or not said.strip():
        return None
    if "failed" in said.splitlines():
        lines = [one.partition("ERR! ")[2] for one in said.splitlines() if "ERR! " in one]
        text = "; ".join(one for one in lines if one and not one.startswith("code"))[:300]
        raise HostError(f"the newest {package.package} cannot be told: {text or 'npm has failed'}")
    found = parsed_json(said)
    return str(found[-1] if isinstance(found, list) else found)
