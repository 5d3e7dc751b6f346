"""The packages of an application of PHP, by Composer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import LiteralString

from cookbook.provider import Command, provides, sh
from cookbook.providers.lock_files import LockedProvider, LockedState
from cookbook.resources.composer_install import ComposerInstall

# Nothing of the application is run: the files that Composer has made are read. A class map of
# which no entry is in a folder of PSR-4 was not optimized.
_LOOK = r"""
[, $folder, $vendor, $dev, $autoloader] = $argv;
$said = ["unmet" => [], "extra" => [], "wrong" => "", "remark" => "", "parts" => [$vendor]];
$read = function ($file) use ($folder, &$said) {
  if (!is_file("$folder/$file")) return null;
  $data = json_decode(file_get_contents("$folder/$file"), true);
  if (!is_array($data)) $said["wrong"] = "$file cannot be read: " . json_last_error_msg();
  return is_array($data) ? $data : null;
};
$lock = $read("composer.lock"); $own = $read("composer.json") ?? [];
$known = $read("$vendor/composer/installed.json") ?? [];
$known = $known["packages"] ?? (isset($known[0]) ? $known : []);
$said["locked"] = is_file("$folder/composer.lock");
$found = $seen = [];
$ref = fn($p) => $p["dist"]["reference"] ?? $p["source"]["reference"] ?? "";
foreach ($known as $p) {
  $at = isset($p["install-path"]) ? "$folder/$vendor/composer/" . $p["install-path"]
    : "$folder/$vendor/" . $p["name"];
  $there = ($p["type"] ?? "") === "metapackage" || (is_dir($at) && count(scandir($at)) > 2);
  $found[strtolower($p["name"])] = [$p["version"], $ref($p), $there];
  if ($there) $seen[] = $p["name"] . " " . $p["version"] . " " . $ref($p);
}
$wanted = array_merge($lock["packages"] ?? [], $dev === "dev" ? $lock["packages-dev"] ?? [] : []);
foreach ($wanted as $p) {
  $name = strtolower($p["name"]); $text = $p["name"] . " " . $p["version"];
  [$version, $reference, $there] = $found[$name] ?? [null, "", false];
  unset($found[$name]);
  if ($version === null) $said["unmet"][] = "$text: missing";
  elseif ($version !== $p["version"]) $said["unmet"][] = "$text: $version";
  elseif ($reference !== $ref($p)) $said["unmet"][] = "$text: another commit";
  elseif (!$there) $said["unmet"][] = "$text: damaged";
}
$said["extra"] = array_keys($found);
if ($wanted && !$said["unmet"] && !is_file("$folder/$vendor/autoload.php"))
  $said["unmet"][] = "$vendor/autoload.php: missing";
$named = rtrim($own["config"]["vendor-dir"] ?? "vendor", "/");
if ($named !== $vendor) $said["wrong"] = "vendor-dir of composer.json is $named, not $vendor";
if ($lock !== null) {
  $names = ["name", "version", "require", "require-dev", "conflict", "replace", "provide",
    "minimum-stability", "prefer-stable", "repositories", "extra"];
  $content = array_intersect_key($own, array_flip($names));
  $platform = $own["config"]["platform"] ?? null;
  if ($platform !== null) $content["config"]["platform"] = $platform;
  ksort($content);
  if (md5(json_encode($content, 0)) !== ($lock["content-hash"] ?? ""))
    $said["remark"] = "composer.json was changed after composer.lock was made";
  $have = array_map("strtolower", array_column(array_merge($lock["packages"] ?? [],
    $lock["packages-dev"] ?? []), "name"));
  foreach ($lock["packages"] ?? [] as $p)
    $have = array_merge($have, array_keys(($p["replace"] ?? []) + ($p["provide"] ?? [])));
  foreach (($own["require"] ?? []) + ($own["require-dev"] ?? []) as $name => $range)
    if (strpos($name, "/") && !in_array(strtolower($name), $have))
      $said["wrong"] = "composer.json requires $name $range, which is not in the lock";
}
$map = "$folder/$vendor/composer/autoload_classmap.php";
$psr = "$folder/$vendor/composer/autoload_psr4.php";
$plain = false;
if ($autoloader === "optimized" && is_file($map) && is_file($psr)) {
  $classes = array_values(include $map);
  foreach (array_merge([], ...array_values(include $psr)) as $dir) {
    if (!is_dir($dir) || !glob("$dir/*.php")) continue;
    $of = fn($file) => strncmp($file, "$dir/", strlen($dir) + 1) === 0;
    $plain = count(array_filter($classes, $of)) === 0;
    if (!$plain) break;
  }
}
$said["settings"] = ["autoloader=" . ($plain ? "plain" : $autoloader)];
if ($seen) {
  sort($seen);
  $digest = substr(hash("sha256", implode("\n", $seen)), 0, 12);
  $said["installed"] = count($seen) . " packages ($digest)";
}
sort($said["unmet"]); sort($said["extra"]);
echo json_encode($said, JSON_INVALID_UTF8_SUBSTITUTE | JSON_UNESCAPED_SLASHES), "\n";
"""

# The autoloader has paths relative to its folder, so that is made beside the former one, at the
# same depth. Scripts need the application with its packages, so they are run after the switch.
_BODY: LiteralString = """\
COMPOSER_NO_INTERACTION=1 COMPOSER_ALLOW_SUPERUSER=1 COMPOSER_NO_AUDIT=1 COLUMNS=1000
export COMPOSER_NO_INTERACTION COMPOSER_ALLOW_SUPERUSER COMPOSER_NO_AUDIT COLUMNS
cook_run() { "$@" >"$t/said" 2>&1 || {
sed -e '/^ *$/d' -e 's/ *$//' -e '/^install [[]/d' -- "$t/said" >&2; exit 1; }; }
n={} v={}; rm -rf -- "$n"
(COMPOSER_VENDOR_DIR=$n; export COMPOSER_VENDOR_DIR
cook_run {} install --no-scripts --no-progress {}) || { rm -rf -- "$n"; exit 1; }
mkdir -p -- "$t/new/$v" && rmdir -- "$t/new/$v" && mkdir -p -- "$n" || exit
mv -- "$n" "$t/new/$v" || exit
cook_switch || exit
{}"""

_SCRIPTS: LiteralString = """\
for s in post-install-cmd post-autoload-dump; do
! grep -q "\\"$s\\"" composer.json || cook_run {} run-script {} "$s"; done"""


@provides(ComposerInstall)
class ComposerInstallProvider(LockedProvider[ComposerInstall]):
    """Packages in the vendor folder of the application."""

    def tools(self, resource: ComposerInstall) -> Sequence[str]:
        """Return Composer, and the program that compares."""
        return [resource.command, "php"]

    def look(self, resource: ComposerInstall) -> Command:
        """Compare what Composer has recorded with the lock."""
        dev = "dev" if resource.dev else "no-dev"
        words = [resource.identity, resource.vendor, dev, _autoloader(resource)]
        return sh("php -r {} -- {}", _LOOK, words)

    def wanted(self, resource: ComposerInstall) -> LockedState:
        """Return the state without differences."""
        scripts = "none" if resource.ignore_scripts else "scripts"
        return LockedState(
            unmet=(),
            extra=(),
            settings=(f"autoloader={_autoloader(resource)}",),
            parts=(resource.vendor,),
            options=(scripts, *_flags(resource)),
            program=resource.command,
            user=resource.user,
            variables=tuple((resource.environment or {}).items()),
            timeout=resource.timeout,
        )

    def body(self, state: LockedState) -> Command:
        """Install in another folder, switch, and run the scripts."""
        scripts, *flags = state.options
        program, [vendor] = state.program, state.parts
        dev = [flag for flag in flags if flag == "--no-dev"]
        run = sh(_SCRIPTS, program, dev) if scripts == "scripts" else sh(":")
        above, slash, _ = vendor.rpartition("/")
        beside = f"{above}{slash}.cook-vendor"
        return sh(_BODY, beside, vendor, program, flags, run)

    def advice(self) -> str:
        """Return what to do about a lock that does not fit."""
        return "`composer update --lock` where the application is developed"


def _autoloader(resource: ComposerInstall) -> str:
    return "optimized" if resource.optimize_autoloader else "plain"


def _flags(resource: ComposerInstall) -> Iterator[str]:
    if not resource.dev:
        yield "--no-dev"
    if resource.optimize_autoloader:
        yield "--optimize-autoloader"
    if resource.ignore_platform:
        yield "--ignore-platform-reqs"
