"""One dialect of patterns, which matches what its page says and takes no time."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cookbook.text.glob import Glob, is_glob


@pytest.mark.parametrize(
    ("glob", "text", "fits"),
    [
        ("a[*]", "a[b/c]", True),
        ("a[*]", "ab", False),
        ("*", "a\nb", True),
        ("*", "", True),
        ("a.c", "abc", False),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("[ab]", "a", False),
        ("[!a]*", "[!a]x", True),
        ("A*", "ab", False),
        ("ab", "abc", False),
    ],
)
def test_brackets_mean_themselves(glob: str, text: str, *, fits: bool) -> None:
    assert Glob(glob).fits(text) == fits


@pytest.mark.parametrize(
    ("glob", "text", "fits"),
    [
        ("/etc/*", "/etc/x", True),
        ("/etc/*", "/etc/x/y", False),
        ("/etc/**", "/etc/x/y", True),
        ("/etc/?", "/etc//", False),
        ("/**a*c", "/a/ac", True),
    ],
)
def test_in_a_path_one_star_stays_in_its_folder(glob: str, text: str, *, fits: bool) -> None:
    assert Glob(glob, crosses=False).fits(text) == fits


def by_the_page(glob: str, text: str, *, crosses: bool) -> bool:
    """What docs/patterns.md says, one sign after the other."""
    if not glob:
        return not text
    if glob[0] == "*":
        wide = crosses or glob.startswith("**")
        if by_the_page(glob.lstrip("*"), text, crosses=crosses):
            return True
        more = bool(text) and (wide or text[0] != "/")
        return more and by_the_page(glob, text[1:], crosses=crosses)
    if not text or (glob[0] != text[0] and (glob[0] != "?" or (text[0] == "/" and not crosses))):
        return False
    return by_the_page(glob[1:], text[1:], crosses=crosses)


@given(st.text("ab/*?[", max_size=8), st.text("ab/[", max_size=8), st.booleans())
@example("**a*b", "a/ab", False)
@example("*a*b", "aab", True)
def test_it_matches_what_its_page_says(glob: str, text: str, crosses: bool) -> None:  # noqa: FBT001
    assert Glob(glob, crosses).fits(text) == by_the_page(glob, text, crosses=crosses)


@pytest.mark.parametrize("crosses", [True, False])
def test_many_stars_take_no_time(*, crosses: bool) -> None:
    begun = time.monotonic()
    assert not Glob("*a" * 400 + "b", crosses).fits("a" * 5000)
    assert time.monotonic() - begun < 20  # seconds; one that goes back takes years


def test_a_plain_name_is_no_glob() -> None:
    assert [name for name in ("web", "web*", "w?b", "w[1]") if is_glob(name)] == ["web*", "w?b"]
