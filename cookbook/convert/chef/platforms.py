"""Names of platforms and their families: Chef's, and those of os-release(5)."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Any

from cookbook.convert.chef.words import WORDS
from cookbook.convert.expressions import Untranslatable, compare, constant, literal, method, name

FAMILY, DISTRIBUTION = "node.facts.family", "node.facts.distribution"

_OWN_FAMILIES = ("fedora", "amazon")
"""Families of Chef that belong to `rhel` here."""

_FAMILIES = ("arch", "debian", "freebsd", "gentoo", "openbsd", "suse", "windows")
_PLATFORMS = ("centos", "opensuse", "oracle", "raspbian", "redhat", "ubuntu")


def is_one_of(fact: str, words: Sequence[str]) -> ast.expr:
    """Return the test of a fact for names of Chef."""
    own = [word for word in words if word in _OWN_FAMILIES]
    if fact == FAMILY and own and "rhel" not in words:
        rest = [word for word in words if word not in own]
        tests = [is_one_of(DISTRIBUTION, own)]
        if rest:
            tests.insert(0, is_one_of(FAMILY, rest))
        return tests[0] if len(tests) == 1 else ast.BoolOp(op=ast.Or(), values=tests)
    known = [renamed(fact, word) for word in words]
    if len(known) == 1:
        return compare(name(fact), ast.Eq(), literal(known[0]))
    return compare(name(fact), ast.In(), literal(known))


def renamed(fact: str, word: str) -> str:
    """Return the name in os-release(5)."""
    return WORDS[fact].get(word, word)


def asked(called: str, words: Sequence[str]) -> ast.expr | None:
    """Return the test of a function of Chef: `platform?`, `debian?`, `ubuntu_platform?` ..."""
    word = called.removesuffix("?")
    platform = word.removesuffix("_platform")
    if called in ("platform_family?", "platform?"):
        return is_one_of(FAMILY if called == "platform_family?" else DISTRIBUTION, words)
    if words or not called.endswith("?"):
        return None
    if called == "docker?":
        return compare(name("node.facts.virtualization"), ast.Eq(), literal("docker"))
    if word in ("rhel", "el"):
        tests = [is_one_of(FAMILY, ["rhel"])]
        own = literal([renamed(DISTRIBUTION, one) for one in _OWN_FAMILIES])
        tests.append(compare(name(DISTRIBUTION), ast.NotIn(), own))
        return ast.BoolOp(op=ast.And(), values=tests)
    if word in (*_FAMILIES, *_OWN_FAMILIES):
        return is_one_of(FAMILY, [word])
    is_known = platform in (*_PLATFORMS, *_OWN_FAMILIES, "debian", "suse")
    return is_one_of(DISTRIBUTION, [platform]) if is_known else None


def value_for(called: str, pairs: Sequence[tuple[Any, ast.expr]]) -> ast.expr:
    """Return the expression of `value_for_platform` and `value_for_platform_family`."""
    fact = FAMILY if called.endswith("family") else DISTRIBUTION
    table: dict[str, ast.expr] = {}
    other = next((value for keys, value in pairs if keys == "default"), literal(None))
    for keys, given in pairs:
        value = given
        if called == "value_for_platform" and isinstance(value, ast.Dict):
            value = _by_version(value, other)
        for key in keys if isinstance(keys, list) else [keys]:
            if key != "default":
                table[renamed(fact, str(key))] = value
    if fact == FAMILY:
        _refuse_own(table)
    return method(literal(table), "get", name(fact), other)


def _refuse_own(table: Mapping[str, ast.expr]) -> None:
    """Raise Untranslatable for a family that is `rhel` here, and has another value."""
    for word in _OWN_FAMILIES:
        if word in table and ast.dump(table[word]) != ast.dump(table.get("rhel", literal(None))):
            raise Untranslatable(f"a value for {word}, which is of the family rhel here")


MAJOR = 'int(node.facts.version.partition(".")[0] or 0)'
"""The first number of the version, 0 without one; Ruby's `to_i` reads no more of it."""

_BOUND = re.compile(r"(>=|<) *([0-9]+)(?:\.0)*")
"""A bound on the major version: of minor ones os-release(5) says less than Ohai."""


def _by_version(table: ast.Dict, other: ast.expr) -> ast.expr:
    """Return the value of a table by versions; `other` is for versions that it does not have."""
    keys = [str(constant(key)) for key in table.keys if key is not None]
    found = dict(zip(keys, table.values, strict=True))
    made = found.pop("default", other)
    for key, value in reversed(found.items()):
        bound = _BOUND.fullmatch(key)
        if bound is None:
            raise Untranslatable("a value for single versions of a platform")
        sign = ast.GtE() if bound[1] == ">=" else ast.Lt()
        test = compare(name(MAJOR), sign, literal(int(bound[2])))
        made = ast.IfExp(test=test, body=value, orelse=made)
    return made
