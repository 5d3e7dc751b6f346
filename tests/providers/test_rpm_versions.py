"""Versions are compared as rpm(8) compares them, whose own test has these pairs."""

from __future__ import annotations

import pytest

from cookbook.providers.rpm import compare

_EQUAL = """
1.0 1.0 | 2.0.1a 2.0.1a | xyz.4 xyz.4 | 10.0001 10.1 | 2.0 2_0 | a+ a_ | +a _a | + _
1.0~rc1~git123 1.0~rc1~git123 | 1.0^git1 1.0^git1 | 1.0~rc1^git1 1.0~rc1^git1
"""

_RISING = """
1.0 2.0 | 2.0 2.0.1 | 2.0.1 2.0.1a | 5.5p1 5.5p2 | 5.5p1 5.5p10 | 10xyz 10.1xyz | xyz10 xyz10.1
xyz.4 8 | xyz.4 2 | 5.5p2 5.6p1 | 5.6p1 6.5p1 | 6.0 6.0.rc1 | 10a2 10b2 | 1.0a 1.0aa
10.0001 10.0039 | 4.999.9 5.0 | 20101121 20101122 | 1b.fc17 1.fc17 | 1.fc17 1g.fc17
1.0~rc1 1.0 | 1.0~rc1 1.0~rc2 | 1.0~rc1~git123 1.0~rc1 | 1.0 1.0^ | 1.0 1.0^git1
1.0^git1 1.0^git2 | 1.0^git1 1.01 | 1.0^20160101 1.0.1 | 1.0^20160101^git1 1.0.1
1.0^20160101 1.0^20160102 | 1.0^20160101 1.0^20160101^git1 | 1.0~rc1 1.0~rc1^git1
1.0^git1~pre 1.0^git1 | 1.0~rc1^git1 1.0
"""


def _pairs(text: str) -> list[tuple[str, str]]:
    pairs = [pair.split() for line in text.strip().splitlines() for pair in line.split("|")]
    return [(one, other) for one, other in pairs]


@pytest.mark.parametrize(("one", "other"), _pairs(_EQUAL))
def test_equal(one: str, other: str) -> None:
    assert compare(one, other) == compare(other, one) == 0


@pytest.mark.parametrize(("one", "other"), _pairs(_RISING))
def test_rising(one: str, other: str) -> None:
    assert (compare(one, other), compare(other, one)) == (-1, 1)


def test_the_epoch_counts_first_and_the_release_last() -> None:
    assert compare("1:1.0-1", "2.0-1") == 1
    assert compare("0:1.0-1", "1.0-1") == 0
    assert compare("1.0-2", "1.0-10") == -1
    assert compare("1.0-9", "1.1-1") == -1
