"""Packages of Ruby, by gem(1) and the specifications of what is installed."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, LiteralString

from cookbook.errors import HostError
from cookbook.provider import Change, Command, Probe, Secret, Table, hint, holds_secret, sh
from cookbook.providers.private_folder import private_folder
from cookbook.resources.gem_package import GemPackage
from cookbook.text.bounded_io import parsed_json


@dataclass(frozen=True)
class GemState:
    """The versions of a gem, and what they depend on."""

    versions: tuple[str, ...] | None = None
    """The installed versions; None in what is wanted: which it will be is not known."""
    unmet: tuple[str, ...] | None = None
    """Versions and dependencies that are missing, or damaged."""
    program: str = hint(default="gem")
    install_dir: str | None = hint()
    user: str | None = hint()
    sources: tuple[str, ...] = hint(default=())
    clear_sources: bool = hint(default=False)
    file: str | None = hint()
    options: tuple[str, ...] = hint(default=())
    wanted: tuple[str, ...] = hint(default=())
    """Versions and conditions that are installed; an empty one is any version."""
    going: tuple[str, ...] = hint(default=())
    """Gems that are removed, as NAME VERSION."""
    restore: tuple[str, ...] = hint(default=())
    """Gems that an undo installs, as NAME VERSION."""
    fixed: tuple[str, ...] = hint(default=())
    """Versions that are a part of Ruby, or of a package of the distribution."""
    candidate: str | None = hint()
    """The newest version that fits."""
    everything: tuple[str, ...] = hint(default=())
    """All gems before the change, as NAME VERSION."""
    after: tuple[str, ...] = hint(default=())
    """The same after it."""
    timeout: float = hint(default=1800.0)
    folder: bool = hint(default=True)
    """True if `install_dir` was there before the change."""


_BETWEEN = "\x1e"
"""Stands between the name and the wanted versions of a gem, in a key."""

# Every Ruby has the class of requirements, so no version is compared by other rules than its own.
_LOOK = r"""
require "json"
dir, *keys = ARGV
specs = Gem::Specification.to_a.uniq { |s| [s.full_name, s.base_dir] }
specs = specs.select { |s| s.base_dir == dir } unless dir.empty?
there = lambda { |d| Dir.exist?(d) && !Dir.empty?(d) }
whole = specs.select { |s| s.default_gem? || there.(s.full_gem_path) }
all = (dir.empty? ? [Gem.dir, Gem.user_dir] : [dir])
own = Process.uid == 0 && dir.empty? ? [Gem.dir] : all
keys.each do |key|
  name, *wanted = key.split("\x1e", -1)
  mine = whole.select { |s| s.name == name }.sort_by(&:version)
  unmet, seen = [], {}
  look = lambda do |spec|
    next if seen[spec.full_name]
    seen[spec.full_name] = true
    spec.runtime_dependencies.each do |d|
      found = whole.select { |s| d.matches_spec?(s) }.max_by(&:version)
      found ? look.(found) : unmet << "#{d.name} #{d.requirement} of #{spec.name}: missing"
    end
  end
  met = wanted.map do |text|
    need = Gem::Requirement.new(text.split(/\s*,\s*/))
    fits = mine.select { |s| need.satisfied_by?(s.version) }
    best = fits.last
    look.(best) if best
    broken = (specs - whole).any? { |s| s.name == name && need.satisfied_by?(s.version) }
    unmet << "#{name} #{text}: #{broken ? "damaged" : "missing"}" unless best
    fits.map { |s| s.version.to_s }
  end
  look.(mine.last) if wanted.empty? && mine.any?
  fixed = mine.select { |s| s.default_gem? || !own.include?(s.base_dir) }
  versions = lambda { |some| some.map { |s| s.version.to_s }.uniq }
  puts JSON.generate(
    folder: dir.empty? || Dir.exist?(dir), versions: versions.(mine), met: met,
    unmet: unmet.uniq, fixed: versions.(fixed),
    everything: specs.reject(&:default_gem?).select { |s| own.include?(s.base_dir) }
      .map { |s| "#{s.name} #{s.version}" }.uniq.sort)
end
"""
_NEWEST = r"""
name, *wanted = ARGV
Gem.sources = Gem::SourceList.from(Gem.configuration["sources"] || Gem.sources.to_a)
found, failed = Gem::SpecFetcher.fetcher.search_for_dependency(Gem::Dependency.new(name, *wanted))
newest = found.map { |tuple, _| tuple.version }.max
if newest then puts newest
elsif failed.any?
  puts "failed: " + failed.map { |f| f.respond_to?(:wordy) ? f.wordy : f.to_s }.uniq.join("; ")
end
"""

# The Ruby of a `gem` is beside it, also where both are scripts that choose a version.
_RUBY: LiteralString = """\
g=$(command -v -- {}) || exit {}
r=${g%/*}/ruby; [ -x "$r" ] || r=$(command -v ruby) || exit {}
"""
_GEM_PATH: LiteralString = "GEM_HOME={} GEM_PATH={}; export GEM_HOME GEM_PATH\n"


def _within(install_dir: str | None) -> Command:
    return sh(_GEM_PATH, install_dir, install_dir) if install_dir is not None else sh("")


def _look(program: str, install_dir: str | None, keys: Sequence[str], absent: int) -> Command:
    """Return the question for gems; it ends with the status `absent` without a `gem`."""
    run = sh('"$r" -e {} -- {} {}', _LOOK, install_dir or "", list(keys))
    return sh("{}{}{}", sh(_RUBY, program, absent, absent), _within(install_dir), run)


@functools.cache
def _gems(program: str, install_dir: str | None) -> Table:
    """Return the question for gems, which one start of Ruby answers; there is none without it."""

    def ask(keys: Sequence[str]) -> Command:
        names = ", ".join(key.partition(_BETWEEN)[0] for key in keys)
        text = _look(program, install_dir, keys, 0)
        return replace(text, called=f"look at the gem {names}")

    def split(text: str, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
        lines = [f"{line}\n" for line in text.split("\n") if line]
        return zip(keys, lines, strict=bool(lines))

    return Table(ask, split)


def ask_gem(gem: GemPackage) -> Probe:
    """Return the question for the versions of a gem; absent if there is no `gem`."""
    return _gems(gem.gem_binary, gem.install_dir).about(_BETWEEN.join([gem.gem, *gem.versions]))


def ask_newest(gem: GemPackage) -> Probe:
    """Return the question for the newest version that fits; it leaves no cache behind."""
    state = told(gem, GemState())
    conditions = [one.strip() for text in gem.versions for one in text.split(",")]
    run = sh('"$r" -e {} -- {} {} 2>&1 || :', _NEWEST, gem.gem, conditions)
    text = sh(
        '{}{}{}GEM_SPEC_CACHE=$cook_p/specs; export GEM_SPEC_CACHE\n{}GEMRC="$cook_p/gemrc" {}',
        sh(_RUBY, gem.gem_binary, 4, 4),
        private_folder(),
        _configure(state),
        _within(gem.install_dir),
        run,
    )
    return Probe(replace(text, called=f"ask for the newest {gem.gem}"), absent=4, loose=True)


def parse_gem(gem: GemPackage, text: str) -> tuple[GemState, Sequence[Sequence[str]]]:
    """Return the state, and for each wanted version those that fit."""
    said = parsed_json(text)
    names = dict[str, str]()
    for version, fits in zip(gem.versions, said["met"], strict=True):
        if len(fits) == 1 and version[:1].isdigit():
            names[str(fits[0])] = version  # 1.0 is 1.0.0
    versions = sorted(names.get(str(one), str(one)) for one in said["versions"])
    state = GemState(
        versions=tuple(versions),
        unmet=tuple(map(str, said["unmet"])),
        fixed=tuple(names.get(str(one), str(one)) for one in said["fixed"]),
        everything=tuple(map(str, said["everything"])),
        folder=bool(said["folder"]),
    )
    return state, [[names.get(str(one), str(one)) for one in fits] for fits in said["met"]]


def parse_newest(gem: GemPackage, said: str | None) -> str | None:
    """
    Return the newest version; None if the sources have none.

    Raises HostError with what the sources said.
    """
    text = (said or "").strip()
    if text and not text[:1].isdigit():
        lines = [line for line in text.removeprefix("failed: ").splitlines() if line.strip()]
        raise HostError(
            f"the newest {gem.gem} cannot be told: {' '.join(lines[:3])}",
            hint="`install` asks no source if the gem is there",
        )
    return text or None


def told(gem: GemPackage, state: GemState) -> GemState:
    """Return the wanted state with all that gem(1) is told."""
    return replace(
        state,
        program=gem.gem_binary,
        install_dir=gem.install_dir,
        user=gem.user,
        sources=() if gem.file is not None else tuple(map(_quiet, gem.sources)),
        clear_sources=gem.clear_sources,
        file=gem.file,
        options=tuple(gem.arguments),
        timeout=gem.timeout,
    )


def _quiet(url: str) -> str:
    return url if holds_secret(url) or "@" not in url else Secret(url)


def like(state: GemState, done: GemState) -> GemState:
    """Return a state in which gem(1) is told of the same sources as in the change before."""
    return replace(
        state,
        **{
            name: getattr(done, name)
            for name in (
                *("program", "install_dir", "user", "sources", "clear_sources"),
                *("file", "options", "timeout"),
            )
        },
    )


# A source is never an argument: there may be a password in it.
def _configure(state: GemState) -> Command:
    """Return shell text that writes the configuration of gem(1) with the sources."""
    lines = [f"- {json.dumps(url)}" for url in state.sources]
    if not lines:
        return sh('echo {} >"$cook_p/gemrc"\n', "--- {}")
    default = [] if state.clear_sources else ["- https://rubygems.org/"]
    return sh(
        "(umask 077; printf '%s\\n' --- :sources: {} >\"$cook_p/gemrc\") || exit\n",
        [*lines, *default],
    )


def _where(state: GemState) -> Command:
    if state.install_dir is not None:
        return sh("--install-dir {} --bindir {}", state.install_dir, f"{state.install_dir}/bin")
    return sh("--user-install") if state.user is not None else sh("--no-user-install")


def install(name: str, state: GemState, version: str, *more: str) -> Command:
    """Return the command that installs a version of a gem, or one that meets conditions."""
    chosen = sh("-v {}", version) if version else sh("")
    words = sh(
        "install --quiet --no-document --minimal-deps {} {} {} {} {}",
        list(more),
        _where(state),
        state.file or name,
        chosen if state.file is None else sh(""),
        list(state.options),
    )
    run = sh('GEMRC="$cook_p/gemrc" {} {}', state.program, words)
    whole = sh("{}{}{}{}", private_folder(), _configure(state), _within(state.install_dir), run)
    return replace(whole, called=f"{state.program} {words.shown}")


def rehearse(name: str, state: GemState, version: str) -> Command:
    """Return the question for all gems that would be installed; it leaves no cache behind."""
    cache = sh("GEM_SPEC_CACHE=$(mktemp -d) && export GEM_SPEC_CACHE || exit\n")
    return sh(
        '{}{ {}; } 2>&1; rm -rf -- "$GEM_SPEC_CACHE"',
        cache,
        install(name, state, version, "--explain"),
    )


def uninstall(gem: str, state: GemState) -> Command:
    """Return the command that removes a gem, given as NAME VERSION, with its programs."""
    name, _, version = gem.partition(" ")
    run = sh(
        "{} uninstall --quiet --executables --ignore-dependencies {} {} -v {}",
        state.program,
        sh("--install-dir {} --bindir {}", state.install_dir, f"{state.install_dir}/bin")
        if state.install_dir is not None
        else (sh("--user-install") if state.user is not None else sh("")),
        name,
        version,
    )
    whole = sh("{}{}", _within(state.install_dir), run)
    return replace(whole, called=run.shown)


def list_all(state: GemState) -> Command:
    """Return the command that prints all gems, for `learn`."""
    look = _look(state.program, state.install_dir, [""], 4)
    return replace(look, called="list the gems")


def learn(change: Change[GemState], said: str) -> Change[GemState]:
    """Return the change with all that is installed after it, by the output of `list_all`."""
    lines = [line for line in said.splitlines() if line.startswith("{")]
    if change.wanted is None or not lines:
        return change
    try:
        after: Any = parsed_json(lines[-1])["everything"]
    except (ValueError, LookupError, TypeError):
        return change  # what is there afterwards stays unknown
    return replace(change, wanted=replace(change.wanted, after=tuple(map(str, after))))


def revert(state: GemState) -> Iterator[Command]:
    """Yield the commands that remove gems, and install others in the versions that they had."""
    for gem in state.going:
        yield uninstall(gem, state)
    if state.going and state.install_dir is not None and not state.folder:
        yield sh("find {} -depth -type d -empty -delete", state.install_dir)
    for gem in state.restore:
        name, _, version = gem.partition(" ")
        its = state.file is not None and state.file.endswith(f"/{name}-{version}.gem")
        chosen = state if its else replace(state, file=None)
        yield install(name, chosen, version, "--ignore-dependencies", "--force")
    yield list_all(state)


def also(gem: str, said: str) -> str | None:
    """Return what gem(1) would install besides, by the answer to `rehearse`; None without any."""
    lines = [line.strip() for line in said.splitlines()]
    if refused := [
        line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")
    ]:
        return f"gem would refuse: {'; '.join(refused)}"
    if "Gems to install:" not in lines:
        return None
    named = lines[lines.index("Gems to install:") + 1 :]
    own = re.compile(rf"{re.escape(gem)}-[0-9]")
    others = [f"{m[1]} {m[2]}" for one in named if not own.match(one)
              and (m := re.fullmatch(r"(.+?)-(\d\S*)", one))]  # fmt: skip
    return f"gem also installs {', '.join(sorted(others))}" if others else None
