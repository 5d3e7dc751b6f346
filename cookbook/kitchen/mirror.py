"""The Debian mirror that the controller's own apt uses, for the hosts to use as well."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

APT = Path("/etc/apt")
OS_RELEASE = Path("/etc/os-release")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


@dataclass(frozen=True)
class Source:
    """One archive, as sources.list(5) describes it."""

    uri: str
    suites: tuple[str, ...]
    components: tuple[str, ...]


def sources_for(release: str, apt: Path = APT, os_release: Path = OS_RELEASE) -> tuple[str, ...]:
    """
    Return the sources.list(5) lines with which the controller would get `release` (a codename).

    Third-party archives are left out. Empty if the controller is not Debian: mmdebstrap then uses
    its own default.
    """
    codename = _codename(os_release)
    if codename is None:
        return ()
    option = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
    lines = [
        f"deb {option}{source.uri} {suite.replace(codename, release, 1)} main"
        for source in read_sources(apt)
        if "main" in source.components and _is_debian(source.uri)
        for suite in source.suites
        if suite in {codename, f"{codename}-updates", f"{codename}-security"}
    ]
    # Without the release itself (only its updates, say) there is nothing to install from.
    return tuple(dict.fromkeys(lines)) if any(f" {release} " in line for line in lines) else ()


def _codename(os_release: Path) -> str | None:
    text = os_release.read_text() if os_release.exists() else ""
    pairs = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    return pairs.get("VERSION_CODENAME") if pairs.get("ID") == "debian" else None


def _is_debian(uri: str) -> bool:
    return uri.rstrip("/").rpartition("/")[2] in {"debian", "debian-security"}


def read_sources(apt: Path = APT) -> Iterator[Source]:
    """Every binary archive in sources.list and sources.list.d, in both formats."""
    lists = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]
    for path in lists:
        if path.suffix == ".list" and path.is_file():
            yield from _one_line(path.read_text())
        elif path.suffix == ".sources" and path.is_file():
            yield from _deb822(path.read_text())


def _one_line(text: str) -> Iterator[Source]:
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if words[:1] != ["deb"]:
            continue
        if words[1].startswith("["):
            closing = next(i for i, word in enumerate(words) if word.endswith("]"))
            words[1 : closing + 1] = []
        yield Source(words[1], (words[2],), tuple(words[3:]))


def _deb822(text: str) -> Iterator[Source]:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for stanza in "\n".join(lines).split("\n\n"):
        fields = _fields(stanza)
        wanted = "deb" in fields.get("types", []) and fields.get("enabled") != ["no"]
        for uri in fields.get("uris", []) if wanted else ():
            yield Source(uri, tuple(fields.get("suites", ())), tuple(fields.get("components", ())))


def _fields(stanza: str) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    name = ""
    for line in stanza.splitlines():
        if not line[:1].isspace():
            name, _colon, line = line.partition(":")  # noqa: PLW2901 - the value is what is left
        fields.setdefault(name.strip().lower(), []).extend(line.split())
    return fields
