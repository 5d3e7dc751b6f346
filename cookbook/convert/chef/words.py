"""Words of Ruby and Ohai, and what says the same in Python."""

from __future__ import annotations

import ast
from collections.abc import Mapping

Path = tuple[str, ...]

NIL = object()
"""The known value of an attribute that is nil; None: its value is not known."""

FACTS: Mapping[Path, str] = {
    ("platform_family",): "node.facts.family",
    ("platform",): "node.facts.distribution",
    ("platform_version",): "node.facts.version",
    ("lsb", "codename"): "node.facts.codename",
    ("domain",): 'node.facts.fqdn.partition(".")[2] or None',
    ("fqdn",): "node.facts.fqdn",
    ("hostname",): "node.facts.hostname",
    ("machinename",): "node.facts.hostname",
    ("name",): "node.name",
    ("os",): '"linux"',
    ("kernel", "machine"): "node.facts.architecture",
    ("kernel", "release"): "node.facts.kernel",
    ("kernel", "name"): '"Linux"',
    ("cpu", "total"): "node.facts.cpus",
    ("init_package",): "node.facts.init",
    ("root_group",): '"root"',
    ("environment",): "node.environment",
    ("chef_environment",): "node.environment",
}
"""Attributes of Ohai -> facts."""

OHAI = frozenset(
    [
        "ipaddress",
        "ip6address",
        "network",
        "memory",
        "virtualization",
        "cpu",
        "kernel",
        "lsb",
        "domain",
        "languages",
        "filesystem",
        "platform_build",
        "etc",
        "packages",
        "recipes",
        "roles",
        "run_list",
        "cloud",
        "ec2",
        "dmi",
        "block_device",
        "time",
        "uptime",
        "current_user",
        "macaddress",
        "init_package",
        "counters",
    ]
)
"""Attributes of Ohai that are no facts, or not in that form."""

WORDS: Mapping[str, Mapping[str, str]] = {
    "node.facts.family": {"redhat": "rhel", "mac_os_x": "macos"},
    "node.facts.distribution": {
        "redhat": "rhel",
        "amazon": "amzn",
        "oracle": "ol",
        "opensuse": "opensuse",
        "opensuseleap": "opensuse-leap",
        "suse": "sles",
    },
}
"""Facts whose values have other names in os-release(5)."""

OPERATORS: Mapping[str, type[ast.cmpop]] = {
    "==": ast.Eq,
    "!=": ast.NotEq,
    "<": ast.Lt,
    "<=": ast.LtE,
    ">": ast.Gt,
    ">=": ast.GtE,
}
"""Comparisons."""

ARITHMETIC: Mapping[str, type[ast.operator]] = {
    "-": ast.Sub,
    "*": ast.Mult,
    "%": ast.Mod,
}

CALLS: Mapping[str, str] = {
    "to_s": "str(A)",
    "to_i": "int(A)",
    "to_f": "float(A)",
    "to_a": "list(A)",
    "length": "len(A)",
    "size": "len(A)",
    "count": "len(A)",
    "empty?": "not A",
    "any?": "any(one is not None and one is not False for one in A)",
    "nil?": "A is None",
    "zero?": "A == 0",
    "downcase": "A.lower()",
    "upcase": "A.upper()",
    "capitalize": "A.capitalize()",
    "strip": "A.strip()",
    "chomp": 'A.removesuffix("\\n")',
    "first": "A[0]",
    "last": "A[-1]",
    "keys": "list(A)",
    "values": "list(A.values())",
    "sort": "sorted(A)",
    "uniq": "list(dict.fromkeys(A))",
    "compact": "[one for one in A if one is not None]",
    "flatten": "[one for part in A for one in (part if isinstance(part, list) else [part])]",
    "reverse": "list(reversed(A))",
    "max": "max(A)",
    "min": "min(A)",
    "to_sym": "A",
    "to_h": "dict(A)",
    "to_hash": "A",
    "dup": "A",
    "freeze": "A",
    "lines": "A.splitlines(keepends=True)",
}
"""Method without arguments -> Python, where A is what it is called of."""

CALLS_WITH: Mapping[str, str] = {
    "join": "B.join(map(str, A))",
    "include?": "B in A",
    "split": "A.split(B)",
    "start_with?": "A.startswith(B)",
    "end_with?": "A.endswith(B)",
    "key?": "B in A",
    "has_key?": "B in A",
    "fetch": "A[B]",
    "merge": "{**A, **B}",
    "dig": "A.get(B)",
    "delete_suffix": "A.removesuffix(B)",
    "delete_prefix": "A.removeprefix(B)",
    "eql?": "A == B",
    "concat": "[*A, *B]",
}
"""Method with one argument B -> Python."""
