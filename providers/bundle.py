"""The gems of an application, by Bundler."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import LiteralString

from cookbook.provider import Command, provides, sh
from cookbook.providers.lock_files import LockedProvider, LockedState
from cookbook.resources.bundle import Bundle

# Bundler itself says what the Gemfile means, in which a group may be anything. Nothing is written,
# and no source is asked.
_LOOK = r"""
require "bundler"; require "digest"; require "json"
folder, vendor, groups, clean = ARGV
Dir.chdir(folder)
ENV["BUNDLE_GEMFILE"] = "#{folder}/Gemfile"
Bundler.ui = Bundler::UI::Silent.new
local = Bundler::Settings.new(Pathname.new(folder) + ".bundle")
said = {unmet: [], extra: [], wrong: "", broken: [], parts: [vendor, ".bundle/config"]}
said[:settings] = %w[path without frozen].map do |key|
  "#{key}=#{Array(local.locations(key)[:local]).sort.join(":")}"
end
options = {path: vendor, without: groups.split(":").map(&:to_sym), frozen: true}
options[:deployment] = false
there = lambda { |d| Dir.exist?(d) && !Dir.empty?(d) }
said[:locked] = File.exist?("Gemfile.lock")
files = []
begin
  Bundler.settings.temporary(options) do
    Bundler.configure
    files = Dir["#{Bundler.bundle_path}/specifications/*.gemspec"]
    files.map! { |f| File.basename(f, ".gemspec") }
    files.reject! { |n| n.start_with?("bundler-") }
    next unless said[:locked]
    definition = Bundler.definition
    definition.validate_runtime!
    definition.ensure_equivalent_gemfile_and_lockfile
    begin
      missing = definition.missing_specs
      said[:unmet] = missing.map { |s| "#{s.name} #{s.version}: missing" }
      specs = missing.empty? ? definition.specs.to_a : []
      specs.reject { |s| s.default_gem? || s.name == "bundler" }.each do |s|
        broken = !there.(s.full_gem_path)
        broken ||= s.respond_to?(:missing_extensions?) && s.missing_extensions?
        next unless broken
        said[:unmet] << "#{s.name} #{s.version}: damaged"
        said[:broken] << s.full_name
      end
    rescue Bundler::GitError, Bundler::PathError, Bundler::GemNotFound => e
      said[:unmet] << e.message.lines.first.strip
    end
    locked = definition.resolve.map { |s| s.respond_to?(:full_name) ? s.full_name : s.to_s }
    said[:extra] = (files - locked).map { |n| n.sub(/-(?=\d)/, " ") } if clean == "clean"
  end
rescue Bundler::BundlerError, Gem::LoadError => e
  lines = e.message.lines.map(&:strip)
  start = lines.index { |l| l.start_with?("You have ") } || 0
  said[:wrong] = lines[start..-1].reject(&:empty?).join(" ")
end
said[:unmet].sort!
said[:extra].sort!
digest = Digest::SHA256.hexdigest((files - said[:broken]).sort.join("\n"))[0, 12]
said[:installed] = "#{files.size} gems (#{digest})" if files.any?
puts JSON.generate(said)
"""

# The configuration is made beside the former one, which holds until all gems are there. An archive
# without its gem is of an installation that failed, and may be cut off. Of what Bundler says, the
# backtraces and the form for a report of a bug are left out.
_BODY: LiteralString = """\
BUNDLE_APP_CONFIG=$t/new/.bundle BUNDLE_GEMFILE=$PWD/Gemfile BUNDLE_SILENCE_ROOT_WARNING=1
export BUNDLE_APP_CONFIG BUNDLE_GEMFILE BUNDLE_SILENCE_ROOT_WARNING
mkdir -p -- "$t/new/.bundle" || exit
[ ! -e .bundle/config ] || cp -p -- .bundle/config "$t/new/.bundle/config" || exit
for f in {}/*/*/cache/*.gem; do n=${f##*/}; [ ! -e "$f" ] ||
[ -e "${f%/cache/*}/specifications/${n%.gem}.gemspec" ] || rm -f -- "$f"; done
cook_set() { [ "$2" ] && {} config set --local "$1" "$2" || {} config unset --local "$1"; }
{ cook_set path {} && cook_set without {} && cook_set frozen true; } >/dev/null || exit
for n in {}; do rm -rf -- {}/*/*/specifications/"$n.gemspec"; done
THOR_COLUMNS=1000; export THOR_COLUMNS
{} install --quiet {} >"$t/said" 2>&1 || { s=$?; sed '/^## Environment/,$d' "$t/said" |
grep -vE '^ */[^ ]*:[0-9]+:in |^```|^--- ERROR REPORT|^Retrying |^ *$' >&2; exit "$s"; }
{}
cook_set frozen {} >/dev/null || exit
mkdir -p -- .bundle && mv -f -- "$t/new/.bundle/config" .bundle/config || exit"""


@provides(Bundle)
class BundleProvider(LockedProvider[Bundle]):
    """Gems in a folder of the application."""

    def tools(self, resource: Bundle) -> Sequence[str]:
        """Yield Bundler, and the Ruby that compares."""
        return [resource.command, "ruby"]

    def look(self, bundle: Bundle) -> Command:
        """Have Bundler compare the lock with what is installed."""
        return sh("ruby -e {} -- {}", _LOOK, [bundle.identity, *_words(bundle)])

    def wanted(self, bundle: Bundle) -> LockedState:
        """Return the state without differences."""
        vendor, groups, clean = _words(bundle)
        frozen = "true" if bundle.frozen else ""
        jobs = [f"--jobs={bundle.jobs}"] if bundle.jobs is not None else []
        return LockedState(
            unmet=(),
            extra=(),
            settings=(f"path={vendor}", f"without={groups}", f"frozen={frozen}"),
            parts=(vendor, ".bundle/config"),
            options=(clean, *jobs),
            program=bundle.command,
            user=bundle.user,
            variables=tuple((bundle.environment or {}).items()),
            timeout=bundle.timeout,
        )

    def body(self, state: LockedState) -> Command:
        """Install beside the former gems, and remove those that are not locked."""
        path, without, frozen = (one.partition("=")[2] for one in state.settings or ())
        clean, *jobs = state.options
        run = state.program
        tidy = sh("{} clean >/dev/null || exit", run) if clean == "clean" else sh(":")
        set_up = (path, run, run, path, without)
        return sh(_BODY, *set_up, list(state.broken), path, run, jobs, tidy, frozen)

    def advice(self) -> str:
        """Return what to do about a lock that does not fit."""
        return "`bundle lock` where the application is developed makes the lock fit the Gemfile"


def _words(bundle: Bundle) -> Iterator[str]:
    yield bundle.vendor
    yield ":".join(sorted(bundle.groups))
    yield "clean" if bundle.clean else "leave"
