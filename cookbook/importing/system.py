"""Name, time, language, mounts, and names of other hosts."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Any

from cookbook.importing.declaration import Declaration, HostItem, LeftOut
from cookbook.importing.literals import call
from cookbook.importing.questions import Seen
from cookbook.text.secret_marks import secret_in


def names(seen: Seen) -> Iterator[Declaration]:
    """Yield the name of the host and its time zone."""
    if name := seen.texts.get("hostname", "").strip():
        alone = Declaration("hostname", "hostname", name, {"ipaddress": None})
        in_hosts = [line.split() for line in seen.lines("hosts") if line.split()[0] == "127.0.1.1"]
        properties: dict[str, Any] = {}
        if in_hosts and in_hosts[0][1] != name:
            properties["fqdn"] = in_hosts[0][1]
        aliases = [one for one in (in_hosts[0][2:] if in_hosts else ()) if one != name]
        if aliases:
            properties["aliases"] = aliases
        yield Declaration("hostname", "hostname", name, properties, instead=alone)
    zone = seen.texts.get("timezone", "").strip().partition("/zoneinfo/")[2]
    if zone:
        yield Declaration("timezone", "timezone", zone)


def language(seen: Seen) -> Iterator[Declaration]:
    """Yield the variables of the language, and the locales that are generated."""
    pairs = (line.partition("=")[0::2] for line in seen.lines("locale") if line[0] != "#")
    variables = {name.strip(): value.strip().strip("\"'") for name, value in pairs}
    properties: dict[str, Any] = {}
    if lang := variables.pop("LANG", ""):
        properties["lang"] = lang
    if variables:
        properties["lc_env"] = variables
    generated = [line.split()[0] for line in seen.lines("locales")]
    if more := [one for one in generated if one not in {lang, *variables.values()}]:
        properties["generate"] = more
    if properties:
        without = {key: value for key, value in properties.items() if key != "generate"}
        instead = Declaration("locale", "locale", "system", without)
        yield Declaration("locale", "locale", "system", properties, instead=instead)


def mounts(seen: Seen) -> Iterator[HostItem]:
    """Yield the lines of /etc/fstab, without the file systems of the system itself."""
    sizes = _swap_files(seen)
    persistent = set()
    for line in seen.lines("fstab"):
        fields = [_unescaped(word) for word in line.partition("#")[0].split()]
        if len(fields) < 4:
            continue
        device, point, fstype, options = fields[:4]
        if fstype == "swap":
            persistent.add(device)
            if device not in sizes:
                yield _unused_swap(device, seen)
        elif point in ("/", "/boot", "/boot/efi", "none") or fstype == "proc":
            yield LeftOut("mount", point, "the installer of the system makes it")
        elif what := secret_in(options.replace(",", "\n")):
            yield LeftOut("mount", point, f"its options have {what}")
        else:
            yield Declaration("mount", "directory", point, {"recursive": True})
            yield _mount(device, point, fstype, options, fields[4:])
    for path, size in sizes.items():
        properties = {"size": size, "persist": path in persistent}
        yield Declaration("swap_file", "swap_file", path, properties)


def _swap_files(seen: Seen) -> dict[str, int]:
    """Return the files that are swap space in use -> size in MiB."""
    fields = (line.split() for line in seen.lines("swaps")[1:])
    # What the kernel uses is less than the file by the page of its header, of 4 KiB mostly.
    used = {
        _unescaped(one[0]): int(one[2]) * 1024 + 4096
        for one in fields
        if len(one) >= 3 and one[1] == "file" and one[2].isdecimal()
    }
    return {path: _bytes_in_fstab(seen).get(path, size) >> 20 for path, size in used.items()}


def _bytes_in_fstab(seen: Seen) -> dict[str, int]:
    """Return the files that /etc/fstab names as swap space -> size in bytes."""
    pairs = (line.partition(" ") for line in seen.lines("fstab_swaps"))
    return {path: int(size) for size, _, path in pairs if size.isdecimal()}


def _unused_swap(device: str, seen: Seen) -> LeftOut:
    """Return a line of /etc/fstab about swap that is not in use, or no file."""
    if not device.startswith("/") or device.startswith("/dev/"):
        reason = "swap on a partition: the installer of the system makes it"
        return LeftOut("swap_file", device, reason)
    size = _bytes_in_fstab(seen).get(device, 0) >> 20
    hint = call("swap_file", device, {"size": size, "persist": True}) if size else ""
    return LeftOut("swap_file", device, "the kernel does not use it: swap_file would", hint)


def _mount(device: str, point: str, fstype: str, options: str, last: list[str]) -> Declaration:
    kind, _, value = device.partition("=")
    properties: dict[str, Any] = {"device": device}
    if kind.lower() in ("uuid", "label"):
        properties = {"device": value.strip('"'), "device_type": kind.lower()}
    properties["fstype"] = fstype
    if options != "defaults":
        properties["options"] = options.split(",")
    numbers = [int(word) for word in last if word.isdigit()]
    if numbers[:1] not in ([], [0]):
        properties["dump"] = numbers[0]
    properties["passno"] = numbers[1] if len(numbers) > 1 else 0
    later = Declaration("mount", "mount", point, {**properties, "action": "enable"})
    if "noauto" in options.split(","):
        return later
    return Declaration(
        "mount", "mount", point, {**properties, "action": ["mount", "enable"]}, instead=later
    )


def _unescaped(word: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), word)


def names_of_hosts(seen: Seen) -> Iterator[HostItem]:
    """Yield the lines of /etc/hosts, without those of this host and of the loopback."""
    own = seen.texts.get("hostname", "").strip()
    for line in seen.lines("hosts"):
        fields = line.partition("#")[0].split()
        if len(fields) < 2 or own in fields[1:] or _is_own(fields[0]):
            continue
        properties: dict[str, Any] = {"ip": fields[0]}
        if fields[2:]:
            properties["aliases"] = fields[2:]
        yield Declaration("hosts_entry", "hosts_entry", fields[1], properties)


def _is_own(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return True
    return found.is_loopback or found.is_multicast or found.is_unspecified or address == "fe00::0"
