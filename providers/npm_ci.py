"""The packages of an application of Node.js, by npm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString

from cookbook.provider import Command, provides, sh
from cookbook.providers import npm
from cookbook.providers.lock_files import LockedProvider, LockedState
from cookbook.resources.npm_ci import NpmCi

# What npm has installed is in node_modules/.package-lock.json, with digests; what is there now, in
# the package.json of each package.
_LOOK = r"""
const fs = require("fs"), path = require("path"), crypto = require("crypto");
const [folder, ...omit] = process.argv.slice(1);
const said = {unmet: [], extra: [], wrong: "", remark: "", parts: ["node_modules"], locked: false};
const read = (name) => {
  const file = path.join(folder, name);
  if (!fs.existsSync(file)) return null;
  try { return JSON.parse(fs.readFileSync(file, "utf8")); }
  catch (e) { throw new Error(`${name} cannot be read (${e.code || e.name})`); }
};
const label = (key) => key.replace(/(^|\/)node_modules\//g, (_, start) => start ? " in " : "")
  .split(" in ").reverse().join(" in ");
const modules = (at) => {
  const dir = path.join(folder, at);
  const inside = (d) => !fs.existsSync(d) ? [] : fs.readdirSync(d, {withFileTypes: true})
    .filter((e) => !e.name.startsWith(".") && !e.isFile()).map((e) => e.name);
  return inside(dir).flatMap((n) => !n.startsWith("@") ? [`${at}/${n}`]
    : inside(path.join(dir, n)).map((m) => `${at}/${n}/${m}`));
};
const installed = [];
const compare = () => {
  const shrunk = read("npm-shrinkwrap.json"), lock = shrunk || read("package-lock.json");
  const hidden = (read("node_modules/.package-lock.json") || {}).packages || {};
  said.locked = lock !== null;
  const all = (lock && lock.packages) || {};
  if (lock && !lock.packages)
    return said.wrong = "the lock is of version 1: npm 7 or newer writes one of version 2 or 3";
  const left = (e) => (e.dev && omit.includes("dev")) || (e.optional && omit.includes("optional"))
    || (e.devOptional && omit.includes("dev") && omit.includes("optional"))
    || (e.peer && omit.includes("peer"));
  const keys = Object.keys(all).filter((k) => /(^|\/)node_modules\//.test(k) && !left(all[k]));
  for (const key of keys) {
    const entry = all[key], dir = path.join(folder, key), name = label(key);
    if (entry.link) {
      if (/^(\.\.|\/)/.test(entry.resolved))
        return said.wrong = `${name} is at ${entry.resolved}, outside of the folder`;
      let at = null;
      try { at = fs.realpathSync(dir); } catch (e) { }
      const there = path.join(folder, entry.resolved);
      if (at === null) said.unmet.push(`${name}: missing`);
      else if (!fs.existsSync(there) || at !== fs.realpathSync(there))
        said.unmet.push(`${name}: from elsewhere`);
      continue;
    }
    const known = hidden[key];
    let found = null;
    try { found = JSON.parse(fs.readFileSync(path.join(dir, "package.json"), "utf8")).version; }
    catch (e) { }
    if (found === null && entry.optional && !known && Object.keys(hidden).length) continue;
    const wanted = entry.version || "";
    if (found === null) said.unmet.push(`${name} ${wanted}: ${known ? "damaged" : "missing"}`);
    else if (wanted && found !== wanted) said.unmet.push(`${name} ${wanted}: ${found}`);
    else if (known && known.integrity && entry.integrity && known.integrity !== entry.integrity)
      said.unmet.push(`${name} ${wanted}: another content`);
  }
  const wanted = new Set(keys);
  const spaces = Object.keys(all).filter((k) => k && !/(^|\/)node_modules\//.test(k));
  said.parts.push(...spaces.map((k) => `${k}/node_modules`).sort());
  const walk = (at) => modules(at).forEach((key) => {
    const dir = path.join(folder, key), link = fs.lstatSync(dir).isSymbolicLink();
    let version = link ? fs.readlinkSync(dir) : "damaged";
    if (!link) try {
      version = JSON.parse(fs.readFileSync(path.join(dir, "package.json"), "utf8")).version;
    } catch (e) { }
    installed.push(`${key} ${version} ${(hidden[key] || {}).integrity || ""}`);
    if (lock && !wanted.has(key)) said.extra.push(label(key));
    else if (!link) walk(`${key}/node_modules`);
  });
  said.parts.forEach(walk);
  const root = all[""] || {}, own = read("package.json") || {};
  for (const kind of ["dependencies", "devDependencies", "optionalDependencies"])
    for (const [name, range] of Object.entries(own[kind] || {})) {
      if (!lock) continue;
      const known = (root[kind] || {})[name];
      if (!(`node_modules/${name}` in all) && kind !== "optionalDependencies")
        return said.wrong = `package.json requires ${name} ${range}, which is not in the lock`;
      if (known !== undefined && known !== range)
        said.remark = `package.json requires ${name} ${range}, and the lock was made for ${known}`;
    }
};
try { compare(); } catch (e) { said.wrong = String(e.message).split("\n")[0]; }
if (installed.length) {
  const digest = crypto.createHash("sha256").update(installed.sort().join("\n")).digest("hex");
  said.installed = `${installed.length} packages (${digest.slice(0, 12)})`;
}
said.unmet.sort(); said.extra.sort();
console.log(JSON.stringify(said));
"""

# npm knows no other name for node_modules, so it installs in another folder that has the files
# which it reads. Scripts need the files of the application, so they are run after the switch.
_BODY: LiteralString = """\
mkdir -- "$t/new" && for f in package.json package-lock.json npm-shrinkwrap.json .npmrc; do
[ ! -e "$f" ] || cp -- "$f" "$t/new/$f" || exit; done
node -e {} "$PWD" "$t/new" || exit
npm_config_update_notifier=false npm_config_fund=false npm_config_audit=false
npm_config_logs_max=0
export npm_config_update_notifier npm_config_fund npm_config_audit npm_config_logs_max
({}cd -- "$t/new" && {} ci --ignore-scripts {} {} >"$t/said" 2>&1) ||
{ sed '/^npm ERR! *at /d' -- "$t/said" >&2; exit 1; }
cook_switch || exit
{}"""

# `rebuild` runs also the application's own scripts of an installation, the others it leaves out.
_SCRIPTS: LiteralString = """\
unset npm_config_userconfig
cook_run() { "$@" >"$t/said" 2>&1 || { cat -- "$t/said" >&2; exit 1; }; }
cook_run {} rebuild {}
for s in prepublish preprepare prepare postprepare; do
! grep -q "\\"$s\\"" package.json || cook_run {} run --if-present "$s"; done"""

# Folders and archives that the lock names inside of the application.
_NEAR = r"""
const fs = require("fs"), path = require("path"), [from, to] = process.argv.slice(1);
const names = ["npm-shrinkwrap.json", "package-lock.json"].map((n) => path.join(from, n));
const lock = names.find((n) => fs.existsSync(n));
const all = JSON.parse(fs.readFileSync(lock, "utf8")).packages || {};
for (const [key, entry] of Object.entries(all)) {
  const file = /^file:(?!\.\.|\/)(.*)/.exec(entry.resolved || "");
  const near = file && !entry.link ? file[1] : null;
  const space = key && !/(^|\/)node_modules\//.test(key) && !/^(\.\.|\/)/.test(key) ? key : null;
  const one = near || (space && `${space}/package.json`);
  if (!one || !fs.existsSync(path.join(from, one))) continue;
  fs.mkdirSync(path.dirname(path.join(to, one)), {recursive: true});
  fs.copyFileSync(path.join(from, one), path.join(to, one));
}
"""


@provides(NpmCi)
class NpmCiProvider(LockedProvider[NpmCi]):
    """Packages in node_modules of the application."""

    verb = "ci"

    def tools(self, resource: NpmCi) -> Sequence[str]:
        """Return npm, and the program that compares."""
        return [resource.command, "node"]

    def look(self, resource: NpmCi) -> Command:
        """Compare node_modules with the lock."""
        return sh("node -e {} -- {} {}", _LOOK, resource.identity, sorted(resource.omitted))

    def wanted(self, resource: NpmCi) -> LockedState:
        """Return the state without differences."""
        scripts = "none" if resource.ignore_scripts else "scripts"
        token = npm.quiet(resource.token)
        return LockedState(
            unmet=(),
            extra=(),
            parts=("node_modules",),
            options=(scripts, *(f"--omit={one}" for one in sorted(resource.omitted))),
            source=(resource.registry or "", token or ""),
            program=resource.command,
            user=resource.user,
            variables=tuple((resource.environment or {}).items()),
            timeout=resource.timeout,
        )

    def body(self, state: LockedState) -> Command:
        """Install in another folder, switch, and run the scripts."""
        scripts, *omit = state.options
        registry, token = state.source or ("", "")
        prepare, options = npm.configured(state.program, registry or None, token or None)
        program = state.program
        run = sh(_SCRIPTS, program, omit, program) if scripts == "scripts" else sh(":")
        return sh(_BODY, _NEAR, prepare, program, omit, options, run)

    def advice(self) -> str:
        """Return what to do about a lock that does not fit."""
        return "`npm install --package-lock-only` where the application is developed"
