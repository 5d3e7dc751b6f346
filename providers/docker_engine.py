"""The Docker engine of Debian."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, LiteralString

from cookbook.errors import HostError
from cookbook.provider import Change, Command, Probe, Provider, Thing, hint, provides, sh
from cookbook.providers.apt_get import TransactionOptions, transaction
from cookbook.providers.docker import briefly
from cookbook.providers.small_files import TEXT, ages, parse_text, times, write_small
from cookbook.resources.docker_engine import SETTINGS, DockerEngine
from cookbook.text.bounded_io import parsed_object

# No time is told, only whether the settings are newer than the engine that runs.
_ASK: LiteralString = r"""
dpkg-query -W -f '${db:Status-Status} ${Package}\n' {} 2>/dev/null | sort |
sed -n 's/^installed //p'
command -v docker >/dev/null && echo client
for l in /etc/systemd/system/*.wants/docker.service; do [ ! -L "$l" ] || echo enabled; done
case $(systemctl show -p ActiveState --value docker.service) in active|reloading) echo active
s=$(date -d "$(systemctl show -p ActiveEnterTimestamp --value docker.service)" +%s)
[ ! -e {} ] || [ "$(stat -c %Y {})" -le "$s" ] || echo outdated ;; esac
"""

_MANNER = TransactionOptions((), None, False, 86400, 120, recommends=False)

# A client that is a package of its own is only recommended.
_CLIENT: LiteralString = "command -v docker >/dev/null || {\n{}\n}"

_TRY: LiteralString = r"""
f={} k=$f.cook-$cook_nonce; rm -f -- "$k"; [ ! -e "$f" ] || cp -p -- "$f" "$k"
mkdir -p {}; {} || exit
back() { if [ -e "$k" ]; then mv -f -- "$k" "$f"; else rm -f -- "$f"; fi; }
case $(dockerd --validate --config-file "$f" 2>&1) in *"unknown flag"*|*"configuration OK"*) ;;
*) dockerd --validate --config-file "$f" >&2; back; exit 1;; esac
systemctl reset-failed docker.service 2>/dev/null; s=$(date +%s)
systemctl restart docker.service || { echo "the engine does not start with these settings:" >&2
journalctl -q --no-pager -o cat -u docker.service --since "@$s" |
grep -i -e error -e fail -e unable | tail -n 5 >&2
back; systemctl reset-failed docker.service; systemctl restart docker.service; exit 1; }
rm -f -- "$k"
"""


@dataclass(frozen=True)
class State:
    """The engine."""

    installed: tuple[str, ...] | None = None
    client: bool | None = None
    settings: tuple[str, ...] | None = None
    """The settings, as `name=JSON`."""
    enabled: bool | None = None
    active: bool | None = None
    outdated: bool | None = None
    """True if it was started with other settings."""
    text: str = hint(default="")
    """The text of the file."""
    modified: str | None = hint()
    timeout: float = hint(default=600.0)


@provides(DockerEngine, when=lambda facts: facts.init == "systemd")
class DockerEngineProvider(Provider[DockerEngine, State]):
    """Installs by apt-get(8), compares with daemon.json and the unit."""

    def probe(self, engine: DockerEngine) -> Sequence[Probe]:
        """Ask for the packages, the unit and the settings."""
        ask = sh(_ASK.strip(), list(engine.packages), SETTINGS, SETTINGS)
        return [Probe(briefly(ask, "look at the engine")), TEXT.about(SETTINGS)]

    def parse(self, engine: DockerEngine, text: str, file: str | None) -> State | None:
        """Return the engine; None if no package of it is there."""
        words = text.split()
        installed = tuple(sorted({*words} & {*engine.packages}))
        if not installed:
            return None
        content = parse_text(file) or ""
        return State(
            installed=installed,
            client="client" in words,
            settings=_settings(content),
            enabled="enabled" in words,
            active="active" in words,
            outdated="outdated" in words,
            text=content,
            timeout=engine.timeout,
        )

    def plan(self, engine: DockerEngine, found: State | None) -> Change[State]:
        """Compare packages, settings and the unit."""
        if "remove" in engine.doing:
            return Change(found, None)
        wanted = State(
            installed=tuple(sorted(engine.packages)),
            client=True,
            settings=_named(engine.settings) if engine.settings is not None else None,
            enabled=True,
            active=True,
            outdated=False,
            text=_text(engine, found),
            timeout=engine.timeout,
        )
        change = Change(found, wanted)
        restarts = (
            found is not None and found.active and {"settings", "outdated"} & {*change.fields}
        )
        live = "live-restore=true" in (found.settings or ()) if found is not None else False
        note = "it is restarted" + ("" if live else ", and running containers with it")
        return replace(change, note=note if restarts else None)

    def commands(self, name: str, change: Change[State]) -> Iterator[Command]:
        """Install it, write the settings and start it; or remove it."""
        found, wanted = change.found, change.wanted
        if wanted is None:
            names = (found.installed or ()) if found is not None else ()
            yield transaction("purge", names, replace(_MANNER, names=tuple(names)))
            yield sh("rm -f {}", SETTINGS)  # it belongs to no package
            return
        todo = {one: pair[1] for one, pair in change.fields.items()}
        if "installed" in todo:
            manner = replace(_MANNER, names=wanted.installed or ())
            yield transaction("install", wanted.installed or (), manner)
        if not wanted.client and "client" in todo:
            yield transaction("purge", ["docker-cli"], replace(_MANNER, names=("docker-cli",)))
        elif "installed" in todo or "client" in todo:
            client = transaction("install", ["docker-cli"], replace(_MANNER, names=("docker-cli",)))
            yield briefly(sh(_CLIENT, client), "apt-get install docker-cli")
        if "enabled" in todo:
            verb = "enable" if wanted.enabled else "disable"
            yield sh("systemctl --quiet {} docker.service", verb)
        if "settings" in todo or "outdated" in todo:
            write = write_small(SETTINGS, wanted.text, wanted.modified)
            command = sh(_TRY.strip(), SETTINGS, SETTINGS.rpartition("/")[0], write)
            yield briefly(command, f"restart the engine with {SETTINGS}")
        elif "active" in todo:
            verbs = ["start"] if wanted.active else ["stop", "docker.socket"]
            yield sh("systemctl {} docker.service", verbs)

    def brings(self, name: str, change: Change[State]) -> Iterable[Thing]:
        """Yield the client and the unit."""
        if change.kind != "create":
            return []
        return [Thing("tool", "docker"), Thing("unit", "docker.service"), Thing("group", "docker")]

    def alters(self, engine: DockerEngine, change: Change[State] | None) -> Iterable[Thing]:
        """Yield the engine, its settings and its unit."""
        yield Thing("docker_engine", engine.identity)
        yield Thing("path", SETTINGS)
        # A restart changes no image, network or container; what was not running gave no answer.
        if change is None or change.kind != "update" or "active" in change.fields:
            yield Thing("unit", "docker.service")

    def about(self, engine: DockerEngine) -> Iterable[Thing]:
        """Yield the engine and its settings."""
        return [Thing("docker_engine", engine.identity), Thing("path", SETTINGS)]

    def keeps(self, name: str, change: Change[State]) -> Command | None:
        """Ask when the settings were written."""
        return ages([SETTINGS]) if change.found is not None else None

    def learned(self, change: Change[State], kept: str, said: str) -> Change[State]:
        """Add that time."""
        if change.found is None or not kept:
            return change
        return replace(change, found=replace(change.found, modified=times(kept)[0]))

    def lost(self, name: str, change: Change[State]) -> str | None:
        """Say what an installation or a removal leaves."""
        if change.found is None:
            return "the packages that came as dependencies, and what is in /var/lib/docker"
        return "what only its packages configured" if change.wanted is None else None

    def limit(self, change: Change[State]) -> float:
        """As the recipe says."""
        return change.wanted.timeout if change.wanted is not None else self.timeout


def _named(settings: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(f"{key}={json.dumps(settings[key], sort_keys=True)}" for key in settings))


def _settings(text: str) -> tuple[str, ...]:
    """Return the settings in a text; raises HostError if it has none."""
    try:
        return _named(parsed_object(text) if text.strip() else {})
    except ValueError as error:
        raise HostError(f"{SETTINGS} is no JSON: {error}", hint="mend it, or remove it") from None


def _text(engine: DockerEngine, found: State | None) -> str:
    if engine.settings is None or (found and found.settings == _named(engine.settings)):
        return found.text if found is not None else ""
    return json.dumps(engine.settings, indent=4, sort_keys=True) + "\n" if engine.settings else ""
