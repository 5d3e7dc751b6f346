"""Ansible's facts, and what says the same in a recipe."""

from __future__ import annotations

from collections.abc import Mapping

FACTS: Mapping[str, str] = {
    "architecture": "node.facts.architecture",
    "distribution_release": "node.facts.codename",
    "distribution_version": "node.facts.version",
    "distribution_major_version": 'node.facts.version.partition(".")[0]',
    "lsb.codename": "node.facts.codename",
    "fqdn": "node.facts.fqdn",
    "nodename": "node.facts.hostname",
    "hostname": 'node.facts.hostname.partition(".")[0]',
    "kernel": "node.facts.kernel",
    "machine": "node.facts.architecture",
    "machine_id": "node.facts.machine_id",
    "memtotal_mb": "node.facts.memory // 1024**2",
    "processor_vcpus": "node.facts.cpus",
    "processor_nproc": "node.facts.cpus",
    "service_mgr": "node.facts.init",
    "pkg_mgr": "node.facts.package_tool",
    "os_family": "node.facts.family",
    "distribution": "node.facts.distribution",
    "system": '"Linux"',
    "inventory_hostname": "node.name",
}
"""Fact without `ansible_` -> expression of Python."""

WORDS: Mapping[str, Mapping[str, str]] = {
    "os_family": {
        "Debian": "debian",
        "RedHat": "rhel",
        "Suse": "suse",
        "Archlinux": "arch",
        "Alpine": "alpine",
        "Gentoo": "gentoo",
        "FreeBSD": "freebsd",
        "OpenBSD": "openbsd",
        "Solaris": "solaris",
        "Darwin": "darwin",
        "Windows": "windows",
    },
    "distribution": {
        "Debian": "debian",
        "Ubuntu": "ubuntu",
        "Fedora": "fedora",
        "CentOS": "centos",
        "RedHat": "rhel",
        "Rocky": "rocky",
        "AlmaLinux": "almalinux",
        "Amazon": "amzn",
        "OracleLinux": "ol",
        "Archlinux": "arch",
        "Alpine": "alpine",
        "openSUSE": "opensuse",
        "openSUSE Leap": "opensuse-leap",
        "SLES": "sles",
        "Raspbian": "raspbian",
        "FreeBSD": "freebsd",
        "OpenBSD": "openbsd",
        "Kali": "kali",
        "Linux Mint": "linuxmint",
        "MacOSX": "macos",
    },
}
"""Facts whose values have other names in os-release(5), which a comparison is translated to."""

LOWERED: Mapping[str, Mapping[str, str]] = {
    fact: {word.lower(): known for word, known in words.items()} for fact, words in WORDS.items()
}
"""The same for `| lower`, which roles compare as well."""


def _helper(fact: str, attribute: str) -> str:
    """Return the source of the function that names a system as Ansible does."""
    other = [(known, word) for word, known in WORDS[fact].items() if known.capitalize() != word]
    lines = "".join(f'        "{known}": "{word}",\n' for known, word in other)
    return (
        f"def ansible_{fact}() -> str:\n"
        '    """Return the name of the system as Ansible has it."""\n'
        f"    names = {{\n{lines}    }}\n"
        f"    found = node.facts.{attribute}\n"
        "    return names.get(found, found.capitalize())\n"
    )


HELPERS: Mapping[str, str] = {
    "ansible_os_family": _helper("os_family", "family"),
    "ansible_distribution": _helper("distribution", "distribution"),
}
"""Functions that a recipe has if it uses such a name as a text."""

MAGIC: Mapping[str, str] = {
    "inventory_hostname": "node.name",
    "inventory_hostname_short": 'node.name.partition(".")[0]',
    "group_names": "node.groups",
}
"""Ansible's own variables."""


def fact_of(dotted: str) -> str | None:
    """
    Return the name of a fact without its prefix, None for another variable.

    >>> fact_of("ansible_facts.os_family"), fact_of("ansible_os_family"), fact_of("x")
    ('os_family', 'os_family', None)
    """
    word = dotted.removeprefix("ansible_facts.").removeprefix("ansible_")
    return word if word != dotted else None
