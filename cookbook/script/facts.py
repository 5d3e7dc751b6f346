"""The facts of a host, which recipes read and which select providers."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from cookbook.errors import ProbeError
from cookbook.script.shell import Command, script

_TOOLS = (
    "apt-get dnf yum zypper pacman apk nft iptables ufw firewall-cmd systemctl rc-service "
    "crontab useradd adduser sudo doas ip visudo ifup"
)

_SCRIPT = f"""\
p() {{ printf '%s=%s\\n' "$1" "$2"; }}
r() {{ v=; [ ! -r "$2" ] || IFS= read -r v <"$2"; p "$1" "$v"; }}
while IFS= read -r line; do printf 'os.%s\\n' "$line"; done </etc/os-release
set -- $(uname -rm); p kernel "$1"; p architecture "$2"
if [ -O / ]; then p uid 0; else p uid "$(id -u)"; fi
r hostname /proc/sys/kernel/hostname; h=$v
while read -r line; do
case " $line " in *[!a-zA-Z0-9.-]"$h"[.\\ ]*) p hosts "$line";; esac
done </etc/hosts
r machine_id /etc/machine-id; r boot_id /proc/sys/kernel/random/boot_id
if [ -d /run/systemd/system ]; then p init systemd; else
i=; [ ! -r /proc/1/comm ] || IFS= read -r i </proc/1/comm
[ "$i" != systemd ] || i=chroot; p init "$i"; fi
while read -r k v _; do [ "$k" = MemTotal: ] && p memory "$v" && break; done </proc/meminfo
if [ -r /sys/devices/system/cpu/online ]; then r online /sys/devices/system/cpu/online
else p cpus "$(getconf _NPROCESSORS_ONLN 2>/dev/null || nproc)"; fi
for t in {_TOOLS}; do command -v $t >/dev/null 2>&1 && p tool $t; done
for d in "" /systemd; do for u in systemd-networkd firewalld; do
f=/sys/fs/cgroup$d/system.slice/$u.service/cgroup.procs
[ ! -r $f ] || while read -r v; do [ "$v" = 0 ] || {{ p running "$u"; break; }}; done <$f
done; done
[ ! -r /etc/ufw/ufw.conf ] || while read -r line; do
[ "$line" != ENABLED=yes ] || p running ufw; done </etc/ufw/ufw.conf
if command -v ip >/dev/null 2>&1; then
ip -o addr show scope global | while read -r _ _ _ a _; do p address "$a"; done
fi
command -v systemd-detect-virt >/dev/null 2>&1 && p virtualization "$(systemd-detect-virt)"
:
"""
"""A new process takes about 1 ms: what a file says is read by the shell itself."""

QUESTION: Command = script(_SCRIPT)
"""One POSIX script that finds all facts; it needs only /proc and uname."""

_FAMILIES = {
    "debian": ("debian", "ubuntu", "raspbian", "linuxmint"),
    "rhel": ("rhel", "fedora", "centos", "rocky", "almalinux", "amzn", "ol"),
    "suse": ("suse", "opensuse", "sles"),
    "arch": ("arch", "manjaro"),
    "alpine": ("alpine",),
}

_PACKAGE_TOOLS = {
    "apt-get": "apt",
    "dnf": "dnf",
    "yum": "yum",
    "zypper": "zypper",
    "pacman": "pacman",
    "apk": "apk",
}


_FILTERS = {"nft": "nftables", "iptables": "iptables"}


@dataclass(frozen=True)
class Facts:
    """The facts of a host, from one exchange."""

    family: str = ""
    """debian, rhel, suse, arch, alpine; otherwise the name of the distribution."""

    distribution: str = ""
    """ID of os-release(5): debian, ubuntu, fedora ..."""

    version: str = ""
    """VERSION_ID of os-release(5): 12, 24.04."""

    codename: str = ""
    """VERSION_CODENAME of os-release(5): bookworm."""

    kernel: str = ""
    """`uname -r`."""

    architecture: str = ""
    """`uname -m`: x86_64, aarch64."""

    init: str = ""
    """systemd; `chroot` if systemd cannot be reached; else the name of process 1."""

    package_tool: str | None = None
    """apt, dnf, yum, zypper, pacman or apk."""

    firewall_tool: str | None = None
    """ufw or firewalld if that is active; else nftables if there is nft, else iptables."""

    network_tool: str | None = None
    """networkd if systemd-networkd runs, else ifupdown; None without both."""

    hostname: str = ""
    """The kernel's host name."""

    fqdn: str = ""
    """The full name in /etc/hosts; the host name if there is none. DNS is not asked."""

    addresses: tuple[str, ...] = ()
    """Global IPv4 and IPv6 addresses, without their prefix length."""

    memory: int = 0
    """Total memory, in bytes."""

    cpus: int = 0
    """Processors online."""

    virtualization: str = "none"
    """The output of systemd-detect-virt(1): none, kvm, lxc, systemd-nspawn, docker ..."""

    machine_id: str = ""
    """machine-id(5)."""

    boot_id: str = ""
    """The kernel's boot id, new at each boot; it differs even in clones with one machine-id."""

    root: bool = False
    """True if the run acts as root on the host."""

    tools: frozenset[str] = field(default_factory=frozenset)
    """Commands that were looked for and found: systemctl, nft, crontab ..."""

    @property
    def summary(self) -> str:
        """One line for messages: `debian 12, systemd, apt, nftables`."""
        words = [
            f"{self.distribution} {self.version}".strip(),
            self.init,
            self.package_tool,
            self.firewall_tool,
        ]
        return ", ".join(word for word in words if word)


def parse_facts(text: str) -> Facts:
    """
    Return the facts in the answer to `QUESTION`.

    Raises ProbeError if the answer is not that of a POSIX shell.
    """
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, _, value = line.partition("=")
        found.setdefault(key, []).append(value)
    if "kernel" not in found:
        raise ProbeError("the host did not answer as a POSIX shell would", hint=text[-400:])
    try:
        tools = _tools(found.get("tool", []), found.get("running", []))
        return Facts(**_os(found), **_machine(found), **tools)
    except ValueError:
        raise ProbeError("what the host says of itself makes no sense", hint=text[-400:]) from None


def _os(found: Mapping[str, list[str]]) -> dict[str, Any]:
    release = {k[3:]: _unquoted(v[0]) for k, v in found.items() if k.startswith("os.")}
    distribution = release.get("ID", "")
    like = [distribution, *release.get("ID_LIKE", "").split()]
    return {
        "family": next(_families(like), distribution),
        "distribution": distribution,
        "version": release.get("VERSION_ID", ""),
        "codename": release.get("VERSION_CODENAME", ""),
    }


def _families(names: list[str]) -> Iterator[str]:
    for name in names:
        for family, members in _FAMILIES.items():
            if name in members:
                yield family


def _machine(found: Mapping[str, list[str]]) -> dict[str, Any]:
    def one(key: str, default: str = "") -> str:
        return found.get(key, [default])[0] or default

    hostname = one("hostname")
    aliases = [name for line in found.get("hosts", []) for name in line.split()[1:]]
    return {
        "kernel": one("kernel"),
        "architecture": one("architecture"),
        "init": one("init"),
        "hostname": hostname,
        "fqdn": next((name for name in aliases if name.startswith(f"{hostname}.")), hostname),
        "addresses": tuple(a.partition("/")[0] for a in found.get("address", [])),
        "memory": int(one("memory", "0")) * 1024,
        "cpus": _cpus(one("online")) or int(one("cpus", "0")),
        "virtualization": one("virtualization", "none"),
        "machine_id": one("machine_id"),
        "boot_id": one("boot_id"),
        "root": one("uid") == "0",
    }


def _cpus(online: str) -> int:
    """
    Return the number of processors in a list of the kernel.

    >>> _cpus("0-2,5")
    4
    """
    spans = [span.partition("-") for span in online.split(",") if span]
    return sum(int(last or first) - int(first) + 1 for first, _, last in spans)


def _tools(tools: list[str], running: list[str]) -> dict[str, Any]:
    managers = (name for name in ("ufw", "firewalld") if name in running)
    filters = (name for tool, name in _FILTERS.items() if tool in tools)
    return {
        "package_tool": next((_PACKAGE_TOOLS[t] for t in _PACKAGE_TOOLS if t in tools), None),
        "firewall_tool": next(managers, None) or next(filters, None),
        "network_tool": "networkd"
        if "systemd-networkd" in running
        else ("ifupdown" if "ifup" in tools else None),
        "tools": frozenset(tools),
    }


def _unquoted(value: str) -> str:
    try:
        return "".join(shlex.split(value)) if value[:1] in "\"'" else value
    except ValueError:
        return value  # a quote that is not closed


def facts_json(facts: Facts) -> dict[str, Any]:
    """Return the facts as JSON data."""
    plain = {f.name: getattr(facts, f.name) for f in fields(facts)}
    return plain | {"addresses": list(facts.addresses), "tools": sorted(facts.tools)}


def facts_from_json(data: object) -> Facts:
    """Return the facts that `facts_json` has written. Raises ValueError for anything else."""
    if not isinstance(data, dict):
        raise ValueError("facts are a mapping")  # noqa: TRY004 - data from a file, not an argument
    return Facts(**{f.name: _fact(f.name, data.get(f.name), f.default) for f in fields(Facts)})


def _fact(name: str, value: Any, default: Any) -> Any:
    """Return the value of a fact. Raises ValueError if it is none of the type of the fact."""
    several = name in {"addresses", "tools"}
    if several and isinstance(value, list) and all(isinstance(one, str) for one in value):
        return frozenset(value) if name == "tools" else tuple(value)
    if not several and (value is None if default is None else type(value) is type(default)):
        return value
    if default is None and isinstance(value, str):
        return value
    raise ValueError(f"the fact {name} cannot be {value!r}")
