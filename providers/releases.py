"""
The releases of an application on a host, and the records about them.

The records belong to the user that the run acts as, among the files of cook, and not to the user of
the application: what they name is restarted with the rights of the run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, LiteralString, TypedDict, cast

from cookbook.provider import Probe, Release, hint, never_secret, sh
from cookbook.providers.folders import FolderState
from cookbook.providers.revisions import GitOrigin
from cookbook.resources.deploy import Deploy
from cookbook.text.bounded_io import parsed_json
from cookbook.text.json_shape import shaped


class Record(TypedDict):
    """The record of a complete release."""

    commit: str
    revision: str
    user: str | None
    units: list[list[str]]
    health_check: str
    health_timeout: float


RELEASE = re.compile(r"[0-9a-f]{12}-[0-9a-f]{6}")


@dataclass(frozen=True)
class State(FolderState):
    """The current release of an application."""

    commit: str | None = never_secret()
    """The commit that the current release was made from."""
    build: str | None = None
    """The digest of what it was built by."""
    unfinished: bool | None = never_secret()
    """True if the switch to the release was cut off before it was found healthy."""
    exists: bool = hint(default=False)
    """True if there are releases, current or not."""
    path: str = hint(default="")
    user: str | None = hint()
    units: tuple[tuple[str, str], ...] = hint(default=())
    health_check: str = hint(default="")
    health_timeout: float = hint(default=60.0)
    repository: str = hint(default="")
    known_hosts: tuple[str, ...] = hint(default=())
    username: str = hint(default="git")
    key: str | None = hint(sensitive=True)
    token: str | None = hint(sensitive=True)
    signers: tuple[str, ...] = hint(default=())
    signing_keys: tuple[str, ...] = hint(default=())
    submodules: bool = hint(default=False)
    shared_folders: tuple[str, ...] = hint(default=())
    shared_files: tuple[str, ...] = hint(default=())
    steps: tuple[str, ...] = hint(default=(), sensitive=True)
    environment: tuple[tuple[str, str], ...] = hint(default=(), sensitive=True)
    migrate: str | None = hint(sensitive=True)
    migrates: bool = hint(default=False)
    """True if there is a migration."""
    revision: str = hint(default="")
    """The revision that was declared."""
    complete: tuple[str, ...] = hint(default=())
    """The releases that are on the host and were built, the latest first."""
    held: tuple[tuple[str, str], ...] = hint(default=())
    """The releases that are held back, with the reason: failed or rolled-back."""
    gone: tuple[str, ...] = hint(default=())
    """The releases that are removed afterwards."""
    holds: str = hint(default="")
    """The release that is held back from now on."""
    latest: str | None = hint()
    failed: str = hint(default="")
    """The error, with what to do about it, if it is not known which commit is wanted."""
    link: str = hint(default="")
    """The target of the link `current` that was found; or `other`."""
    absent_files: tuple[str, ...] = hint(default=())
    """The shared files that are missing."""
    records: tuple[tuple[str, str], ...] = hint(default=())
    """The records of the complete releases."""

    @property
    def release(self) -> str:
        """The name of the release; empty if there is none."""
        return f"{self.commit[:12]}-{self.build}" if self.commit and self.build else ""

    @property
    def origin(self) -> GitOrigin:
        """The repository, with what is needed to fetch from it."""
        return GitOrigin(self.repository, self.key, self.known_hosts, self.token, self.username)

    @property
    def record(self) -> str:
        """The record of this release: what a rollback needs."""
        return json.dumps(
            {
                "commit": self.commit,
                "revision": self.revision,
                "user": self.user,
                "units": self.units,
                "health_check": self.health_check,
                "health_timeout": self.health_timeout,
            }
        )


_READ: LiteralString = """\
say() { printf '%s\\0' "$@"; }
[ ! -e "$k/path" ] || p=$(cat "$k/path")
l=; if [ -L "$p/current" ]; then l=$(readlink "$p/current")
elif [ -e "$p/current" ]; then l=other; fi
say "$p" "$l" "$(ls -A "$p/releases" 2>/dev/null)" "$(tail -n 500 "$k/history" 2>/dev/null)"
m=; for f in {}; do [ -e "$p/shared/$f" ] || m="$m$f
"; done; say "$m"
for f in "$k"/*.json; do [ ! -e "$f" ] || { f=${f##*/}; say "${f%.json}" "$(cat "$k/$f")"; }; done
"""


ASK_ALL = sh(
    'for k in "$cook_home/deploys"/*; do [ -d "$k" ] || continue; p=\n'
    "( {}) | tr '\\0' '\\1'; printf '\\0%s\\0' \"${k##*/}\"; done",
    sh(_READ, []),
)
"""The question for the releases of all applications."""


def parse_all(text: str) -> Iterator[Release]:
    """Yield the releases in the answer to `ASK_ALL`, those of one application from the latest."""
    words = text.split("\0")
    for record, application in zip(words[0::2], words[1::2], strict=False):
        state = parse_releases(record.replace("\1", "\0"))
        held, times = dict(state.held), _times(record.split("\1")[3])
        latest_first = sorted(state.complete, key=lambda name: times.get(name, 0.0), reverse=True)
        for name in latest_first:
            one = at_release(state, name)
            status = "current" if name == state.release else held.get(name, "former")
            known = cast("Any", status)
            when = times.get(name, 0.0)
            yield Release(application, name, one.revision, one.commit or "", when, known)


def _times(history: str) -> Mapping[str, float]:
    """Return the seconds since the epoch when each release became current or failed to."""
    found = {}
    for line in history.splitlines():
        words = line.split(" ")
        if len(words) == 3 and words[0].isdigit() and words[2] != "rolled-back":
            found[words[1]] = float(words[0])
    return found


def ask_releases(deploy: Deploy) -> Probe:
    """Return the question for the current release, all releases and their records."""
    read = sh(_READ.rstrip(), list(deploy.shared_files))
    asked = sh("k=$cook_home/deploys/{} p={}\n{}", deploy.name, deploy.place, read)
    return Probe(replace(asked, called=f"look for releases of {deploy.name}"))


def parse_releases(text: str) -> State:
    """Return the state in the answer to `ask_releases`."""
    path, link, names, history, missing, *records = text.split("\0")
    pairs = zip(records[0::2], records[1::2], strict=False)
    known = {name: text for name, text in pairs if _record(name, text) is not None}
    on_host = {name for name in names.splitlines() if name in known}
    order, held = _history(history)
    complete = [name for name in order if name in on_host]
    complete += sorted(on_host - {*complete})
    state = State(
        path=path,
        link=link,
        exists=bool(complete),
        complete=tuple(complete),
        held=tuple((n, why) for n, why in held.items() if n in on_host and why != "begun"),
        gone=tuple(n for n in names.splitlines() if RELEASE.fullmatch(n) and n not in known),
        absent_files=tuple(missing.splitlines()),
        records=tuple((name, known[name]) for name in complete),
    )
    current = link.removeprefix("releases/")
    if link.startswith("releases/") and current in on_host:
        unfinished = True if held.get(current) == "begun" else None
        return replace(at_release(state, current), unfinished=unfinished)
    if RELEASE.fullmatch(current) and current not in names.splitlines():
        state = replace(state, link="")  # its folder was removed by hand: nothing is current
    return replace(state, commit="", build="") if complete else state


def _record(name: str, text: str) -> Record | None:
    """Return a record; None for one that was cut off or changed: its release is built anew."""
    try:
        record = shaped(Record, parsed_json(text))
    except ValueError:
        return None
    fits = name.rpartition("-")[0] == record["commit"][:12]
    return record if fits and all(len(unit) == 2 for unit in record["units"]) else None


def at_release(state: State, name: str) -> State:
    """Return the state with this release as the current one, by its record."""
    record = _record(name, dict(state.records)[name])
    if record is None:
        raise ValueError(name)
    return replace(
        state,
        commit=record["commit"],
        build=name.rpartition("-")[2],
        revision=record["revision"],
        user=record["user"],
        units=tuple((unit, check) for unit, check in record["units"]),
        health_check=record["health_check"],
        health_timeout=record["health_timeout"],
    )


def _history(text: str) -> tuple[list[str], Mapping[str, str]]:
    """Return the releases in the order in which they became current, and what is held back."""
    order: list[str] = []
    last: dict[str, str] = {}
    for line in text.splitlines():
        words = line.split(" ")
        if len(words) != 3 or not RELEASE.fullmatch(words[1]):
            continue
        if words[2] == "done":
            order = [words[1], *(name for name in order if name != words[1])]
        last[words[1]] = words[2]
    return order, {name: why for name, why in last.items() if why != "done"}


def proven(found: State) -> State:
    """Return the state with the last release as the current one that was found healthy."""
    if not found.unfinished:
        return found
    held = {found.release, *dict(found.held)}
    names = [name for name in found.complete if name not in held]
    return at_release(found, names[0]) if names else replace(found, commit="", build="")


def superseded(found: State, release: str, keep: int) -> Sequence[str]:
    """Return the releases to remove when this one becomes current."""
    stay = {release, found.release, *found.complete[: max(keep - 1, 0)]}
    old = [name for name in found.complete if name not in stay]
    return [*old, *(name for name in found.gone if name != release)]


def matching(found: State, name: str) -> Iterable[str]:
    """Return the releases that a name, or the beginning of a commit, means."""
    if name in found.complete:
        return [name]
    return [one for one in found.complete if (at_release(found, one).commit or "").startswith(name)]
