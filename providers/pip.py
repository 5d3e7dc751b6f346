"""Packages of Python in virtual environments, by pip and the metadata of what is installed."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, LiteralString

from cookbook.errors import HostError
from cookbook.provider import Change, Command, Probe, Secret, Table, hint, holds_secret, join, sh
from cookbook.resources._pip import InVenv, canonical
from cookbook.script.run_as import as_owner


@dataclass(frozen=True)
class PipState:
    """Packages in a virtual environment."""

    version: str | None = None
    """The version of the package; None of a list of requirements."""
    unmet: tuple[str, ...] | None = None
    """Requirements that what is installed does not meet, those of its dependencies included."""
    venv: str = hint(default="")
    wanted: tuple[str, ...] = hint(default=())
    """The requirements, or options that name a file of them."""
    lines: tuple[str, ...] = hint(default=())
    """The lines of a file of requirements that is made for pip."""
    options: tuple[str, ...] = hint(default=())
    variables: tuple[tuple[str, ...], ...] = hint(default=())
    """The environment of pip: names and values."""
    candidate: str | None = hint()
    """The newest version that fits."""
    everything: tuple[str, ...] = hint(default=())
    """All packages in the environment before the change, as name==version."""
    after: tuple[str, ...] = hint(default=())
    """The same after it."""
    going: tuple[str, ...] = hint(default=())
    """The packages that an undo removes."""
    restore: tuple[str, ...] = hint(default=())
    """The packages that an undo installs, as name==version."""
    timeout: float = hint(default=1800.0)


_EVERYTHING = "*"
"""The key for all that is installed, in the table of an environment."""
_BETWEEN = "\x1e"
"""Stands between the file and the lines of requirements, in a key."""

# It is run by the Python of the environment, which belongs to a user, as that user. An environment
# without pip can be asked for all that is installed. The pip of Debian 11 puts its own packages on
# the path: they are not in the environment.
_LOOK = r"""
import importlib.metadata as meta, json, os, re, sys
def read(path):
    text = re.sub(r"\\\r?\n", " ", open(path, encoding="utf-8").read())
    for line in text.splitlines():
        yield from parse(line, os.path.dirname(path))
def parse(line, folder):
    line = re.sub(r"(^|\s)#.*", "", line).strip()
    more = re.match(r"(?:-r|--requirement)[\s=]*(.+)", line)
    if more:
        yield from read(os.path.join(folder, more[1].strip()))
    elif re.match(r"-e|--editable", line):
        odd.append(line)
    elif line and not line.startswith("-"):
        try:
            yield Requirement(re.split(r"\s+--", line)[0].strip())
        except InvalidRequirement:
            odd.append(line)
def version(name):
    try:
        return meta.version(name)
    except meta.PackageNotFoundError:
        return None
def look(wanted, extras=("",), because=""):
    if wanted.marker and not any(wanted.marker.evaluate({"extra": e}) for e in extras):
        return
    key = (canonicalize_name(wanted.name), str(wanted.specifier), tuple(sorted(wanted.extras)))
    if key in seen:
        return
    seen.add(key)
    found = version(wanted.name)
    said = "%s%s%s" % (key[0], wanted.specifier, because)
    if found is None:
        unmet.append(said + ": missing")
    elif not wanted.specifier.contains(found, prereleases=True):
        unmet.append("%s: %s" % (said, found))
    elif wanted.url and url(wanted.name) != wanted.url.split("#")[0]:
        unmet.append("%s: from elsewhere" % key[0])
    else:
        for one in meta.requires(wanted.name) or ():
            look(Requirement(one), ("", *wanted.extras), " of " + key[0])
def url(name):
    told = json.loads(meta.distribution(name).read_text("direct_url.json") or "{}")
    vcs = told.get("vcs_info")
    if vcs:
        return "%s+%s@%s" % (vcs["vcs"], told["url"], vcs.get("requested_revision"))
    return told.get("url")
for key in sys.argv[1:]:
    if key == "*":
        every = {"%s==%s" % (d.metadata["Name"], d.version) for d in meta.distributions()}
        print(key, *sorted(every))
        continue
    path = [*sys.path]
    from pip._vendor.packaging.requirements import Requirement, InvalidRequirement
    from pip._vendor.packaging.utils import canonicalize_name
    sys.path[:] = path
    source, *given = key.split("\x1e")
    unmet, odd, seen, versions = [], [], set(), {}
    try:
        if source:
            os.stat(source)
    except (FileNotFoundError, NotADirectoryError):
        continue  # one that cannot be seen is not absent: it cannot be opened either
    except OSError:
        pass
    try:
        lines = list(read(source)) if source else [r for line in given for r in parse(line, "/")]
    except OSError as error:
        sys.exit("%s: %s" % (error.filename, error.strerror))
    for one in lines:
        versions[canonicalize_name(one.name)] = version(one.name)
        look(one)
    print(json.dumps({"source": source, "unmet": unmet, "odd": odd, "versions": versions}))
"""
# What is installed, with what is told on standard input, the report of pip(1) on what it would
# install; then each requirement that is contradicted by that, as `! PACKAGE<tab>REQUIREMENT<tab>
# OTHER PACKAGE`. An environment without pip has no means to read requirements.
_ALL = r"""
import importlib.metadata as meta, json, re, sys
def name(text):
    return re.sub(r"[-_.]+", "-", text).lower()
found, said = {}, sys.stdin.read()
for one in meta.distributions():
    its = one.metadata["Name"]
    if its:
        found.setdefault(name(its), (its, one.version, one.requires))
if not said:
    print("\n".join(sorted("%s==%s" % (n, v) for n, v, _ in found.values())))
try:
    from pip._vendor.packaging.requirements import Requirement, InvalidRequirement
    report = json.loads(said[said.index("{"):said.rindex("}") + 1])["install"] if said else []
except (ImportError, ValueError, LookupError, TypeError):
    sys.exit()
for one in (each["metadata"] for each in report):
    found[name(one["name"])] = one["name"], one["version"], one.get("requires_dist")
for package, version, needs in sorted(found.values(), key=str):
    for text in needs or ():
        try:
            need = Requirement(text)
        except InvalidRequirement:
            continue
        other = found.get(name(need.name))
        if other is None or need.specifier.contains(other[1], prereleases=True):
            continue
        if not need.marker or need.marker.evaluate({"extra": ""}):
            row = package, version, need.name, need.specifier, *other[:2]
            print("! %s==%s\t%s%s\t%s==%s" % row)
"""
_PIP: LiteralString = "{}/bin/python -m pip --disable-pip-version-check --no-input --no-color {}"

# A quiet pip says that requirements conflict, or that there is no such version; which ones, and
# which wheels do not fit this Python, is only in its log. A line number of the file that cook makes
# for it is the number of a requirement.
_INSTALL: LiteralString = r"""
t=$(mktemp -d) || exit; trap 'rm -rf -- "$t"' EXIT; PIP_LOG=$t/log; export PIP_LOG
{}{} 2>"$t/said"; s=$?{}
sed "s,-r $t/lines (line \([0-9]*\)),requirement \1,g" "$t/said" >&2
[ $s = 0 ] || [ ! -e "$t/log" ] || { sed -n 's/^[0-9]\{4\}-[0-9T:,-]* //
/^The conflict is caused by/,/^To fix this/s/^  */ERROR: /p' "$t/log" | head -n 20
n=$(sed -n 's/.*ERROR: No matching distribution found for \([A-Za-z0-9._-]*\).*/\1/p' "$t/log" |
sed 's/[-_.]/[-_.]/g;q'); [ -z "$n" ] ||
grep -iE "(none of the wheel's tags|requires a different Python).*/$n-" "$t/log" |
sed 's/^[^ ]* *\(Skipping link: \)\{0,1\}/ERROR: /;s/ (run pip debug[^)]*)//' | tail -n 3; } >&2
exit $s
"""


@functools.cache
def packages_in(venv: str) -> Table:
    """
    Return the question for what is installed in an environment; nothing is there without one.

    A key is `*` for all packages, or a file and lines with `_BETWEEN` between them. One start of
    Python answers all keys.
    """

    def ask(keys: Sequence[str]) -> Command:
        run = sh("{}/bin/python -I -c {} {}", venv, _LOOK, list(keys))
        text = sh("[ -x {}/bin/python ] || exit 0; {}", venv, as_owner(venv, run))
        return replace(text, called=f"look at what is installed in {venv}")

    def split(text: str, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
        lines = [f"{line}\n" for line in text.split("\n") if line]
        for key in keys:
            source = key.partition(_BETWEEN)[0] if key != _EVERYTHING else ""
            its = f'{{"source": {json.dumps(source)}, ' if source else ""
            if lines and lines[0].startswith(its):  # only a file can be absent
                yield key, lines.pop(0)

    return Table(ask, split)


def ask_installed(resource: InVenv, source: str | None, lines: Sequence[str]) -> list[Probe]:
    """
    Return the question whether requirements are met, and that for all that is installed.

    They are in a file on the host, the `source`, or are these lines. The answer to the first is
    absent if there is no environment, or no such file.
    """
    table = packages_in(resource.venv)
    asked = table.about(_BETWEEN.join([source or "", *lines]))
    return [asked, table.about(_EVERYTHING, loose=True)]


def parse_installed(resource: InVenv, text: str, everything: str | None) -> tuple[PipState, Any]:
    """Return the state, and the versions of the packages that are asked for."""
    said = json.loads(text)
    if said["odd"]:
        raise HostError(
            f"{resource}: {said['odd'][0]!r} has no name, and cannot be compared",
            hint="NAME @ URL instead of the URL; no editable packages",
        )
    return PipState(
        unmet=tuple(said["unmet"]),
        venv=resource.venv,
        everything=tuple(one for one in (everything or "").split() if one != _EVERYTHING),
    ), said["versions"]


def told(resource: InVenv, state: PipState) -> PipState:
    """Return the wanted state with all that pip is told."""
    return replace(
        state,
        venv=resource.venv,
        options=tuple(resource.options),
        variables=tuple(resource.variables),
        timeout=resource.timeout,
    )


def pip(state: PipState, words: Command) -> Command:
    """Return the command that runs pip as the owner of an environment."""
    run = sh(_PIP, state.venv, words)
    exports = [sh("export {}={}", name, _quiet(value)) for name, value in state.variables]
    whole = join([*exports, run])
    return replace(as_owner(state.venv, whole), called=f"pip {words.shown} ({state.venv})")


def _quiet(value: str) -> str:
    return value if holds_secret(value) or "@" not in value else Secret(value)


def install(states: Sequence[PipState], *more: str, report: Command | None = None) -> Command:
    """
    Return the command that installs what several states of one environment want.

    With `report`, pip(1) writes what it does to `$t/report`, for this command that is run after it.
    """
    first = states[0]
    wanted = [one for state in states for one in state.wanted]
    lines = [line for state in states for line in state.lines]
    options = sh("{} {}", list(more), list(first.options))
    if report is not None:
        options = sh('{} --report "$t/report"', options)
    words = sh("install -q {} {}", options, wanted)
    called, file = words.shown, sh("")
    if lines:
        called = f"install {' '.join(lines)}"
        words = sh('install -q {} -r "$t/lines"', options)
        text = "".join(f"{line}\n" for line in lines)
        file = sh('printf %s {} >"$t/lines" || exit\n', text)
    run = sh(_PIP, first.venv, words)
    exports = [sh("export {}={}", name, _quiet(value)) for name, value in first.variables]
    before = join([*(sh("{}\n", one) for one in exports), file], "")
    whole = sh(_INSTALL.strip(), before, run, sh("\n{}", report) if report else sh(""))
    shown = join([*exports, run]).shown
    told = as_owner(first.venv, replace(whole, shown=shown))
    return replace(told, called=f"pip {called} ({first.venv})")


def newest(state: PipState) -> Command:
    """Return the question for the newest version that fits, as a report of pip."""
    more = ("--upgrade", "--no-deps", "--dry-run", "--report", "-", "--no-cache-dir")
    return install([state], *more)


def named_in(everything: Sequence[str], names: Iterable[str]) -> tuple[str, ...]:
    """Return the packages of these names, as name==version."""
    wanted = {canonical(name.partition("==")[0]) for name in names}
    return tuple(one for one in everything if _split(one)[0] in wanted)


def like(state: PipState, done: PipState) -> PipState:
    """Return a state in which pip is told of the same indexes as in the change that was made."""
    return replace(
        state,
        venv=done.venv,
        options=done.options,
        variables=done.variables,
        timeout=done.timeout,
    )


def changed_since(before: Sequence[str], after: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the names of packages that are new, and the former versions of all others."""
    was, now = dict(map(_split, before)), dict(map(_split, after))
    if not now:
        return [], []  # the run did not come to tell
    new = [name for name in now if name not in was]
    return new, [f"{n}=={v}" for n, v in was.items() if now.get(n) != v]


def revert(going: Sequence[str], state: PipState) -> Iterator[Command]:
    """Yield the commands that remove packages and bring back former versions."""
    if going:
        yield pip(state, sh("uninstall -q -y {}", list(going)))
    if state.restore:
        yield install([replace(state, wanted=("--no-deps", *state.restore), lines=())])
    yield list_all(state.venv)


def learn(change: Change[PipState], said: str) -> Change[PipState]:
    """Return the change with all that is installed after it, by the output of `list_all`."""
    if change.wanted is None or not said:
        return change
    lines = said.splitlines()
    after = tuple(one for line in lines if not line.startswith("! ") for one in line.split())
    broken = contradictions([change.wanted], said)
    change = replace(change, wanted=replace(change.wanted, after=after))
    if broken is None or broken in (change.note or ""):
        return change
    return replace(change, note="; ".join(filter(None, (change.note, broken))))


def contradictions(states: Sequence[PipState], said: str) -> str | None:
    """
    Return the requirements of packages that a change contradicts; None without any.

    `said` is the output of `list_all`, or the answer to `rehearse`. What was so before, by
    `everything` of the states, is left out.
    """
    old = {_split(one) for state in states for one in state.everything}
    rows = [line[2:].split("\t") for line in said.splitlines() if line.startswith("! ")]
    found = [
        f"{package.replace('==', ' ')} requires {need}, which {other.replace('==', ' ')} is not"
        for package, need, other in rows
        if not {_split(package), _split(other)} <= old
    ]
    return "; ".join(found) or None


def list_all(venv: str) -> Command:
    """
    Return the command that prints all packages of an environment as name==version.

    It also prints requirements that are contradicted, for `contradictions`.
    """
    run = sh("{}/bin/python -I -c {} </dev/null", venv, _ALL)
    called = f"list what is installed in {venv}"
    return replace(as_owner(venv, run), shown=called, called=called)


def _split(package: str) -> tuple[str, str]:
    name, _, version = package.partition("==")
    return canonical(name), version


_REHEARSE = ("--dry-run", "--no-cache-dir")


def rehearse(states: Sequence[PipState]) -> Command:
    """Return the question for all that pip would install; it changes nothing."""
    python = sh("{}/bin/python -I -c {}", states[0].venv, _ALL)
    told = sh('[ ! -e "$t/report" ] || { cat -- "$t/report"; echo; {} <"$t/report"; }', python)
    return sh("{ {}; } 2>&1 || echo 'status' $?", install(states, *_REHEARSE, report=told))


def also(states: Sequence[PipState], said: str) -> str | None:
    """Return what pip would install besides, and break, by the answer to `rehearse`."""
    if (refused := re.findall(r"^ERROR: (.+)$", said, re.MULTILINE)) and "status " in said:
        return f"pip would refuse: {'; '.join(dict.fromkeys(refused))}"
    broken = contradictions(states, said)
    said = said.partition("\n! ")[0]
    try:
        report = json.loads(said[said.index("{") : said.rindex("}") + 1])
        names = [(m["metadata"]["name"], m["metadata"]["version"]) for m in report["install"]]
    except (ValueError, LookupError, TypeError):
        return None  # pip of before 22.2 knows no report
    told = [one for state in states for one in (*state.wanted, *state.lines)]
    asked = {canonical(re.split(r"[\[<>=!~@; ]", one)[0]) for one in told}
    there = {name: version for state in states for name, version in map(_split, state.everything)}
    others = [
        f"{name} {version}{f' (was {was})' if (was := there.get(canonical(name))) else ''}"
        for name, version in sorted(names)
        if canonical(name) not in asked
    ]
    also = f"pip also installs {', '.join(others)}" if others else None
    return "; ".join(filter(None, (also, broken and f"it breaks a package: {broken}"))) or None
