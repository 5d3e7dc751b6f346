"""--limit, and the ranges it shares with hosts.yml."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookbook.errors import UsageError
from cookbook.inventory import Inventory, from_data
from cookbook.inventory.ranges import expand

INVENTORY = from_data(
    {
        "hosts": ["web[1:12]", "db1", "db2", "lab"],
        "groups": {
            "web": {"hosts": ["web[1:12]"]},
            "db": {"hosts": ["db2", "db1"]},
            "site": {"groups": ["db"], "hosts": ["web1"]},
            "none": {},
        },
    }
)


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        (["web3"], "web3"),
        (["db"], "db1 db2"),
        (["site"], "web1 db1 db2"),
        (["db2,db1"], "db1 db2"),
        (["db2", "lab"], "db2 lab"),
        (["lab, db,"], "db1 db2 lab"),
        (["web?"], "web1 web2 web3 web4 web5 web6 web7 web8 web9"),
        (["web[1:2]"], "web1 web2"),
        (["w?b[1:2]"], "web1 web2"),
        (["web[10:12]"], "web10 web11 web12"),
        (["web[11:19]"], "web11 web12"),
        (["web[1:9:4]"], "web1 web5 web9"),
        (["db*,!db1"], "db2"),
        (["!db1,db*"], "db2"),
        (["!web,!lab"], "db1 db2"),
        (["!web*", "!db"], "lab"),
        (["*,!web[1:12]"], "db1 db2 lab"),
    ],
)
def test_a_limit_leaves_these_hosts_in_the_inventorys_order(
    patterns: list[str], names: str
) -> None:
    assert [host.name for host in INVENTORY.select(patterns)] == names.split()


def test_no_limit_leaves_every_host() -> None:
    assert INVENTORY.select() == list(INVENTORY.hosts.values())


@pytest.mark.parametrize(
    ("pattern", "message", "hint"),
    [
        ("wbe3", "the limit 'wbe3' matches no host and no group", "did you mean 'web3'?"),
        ("db,stie", "the limit 'stie' matches no host and no group", "did you mean 'site'?"),
        ("!qqq", "the limit 'qqq' matches no host and no group", None),
        (
            "sit*",
            "the limit 'sit*' matches no host and no group",
            "a glob is for hosts; name the groups: site",
        ),
        (
            "db:!db1",
            "the limit 'db:!db1' matches no host and no group",
            "the separator is a comma: --limit 'db,!db1'",
        ),
        (
            "web[1:3]:lab",
            "the limit 'web[1:3]:lab' matches no host and no group",
            "the separator is a comma: --limit 'web[1:3],lab'",
        ),
        (
            "web*:!web1",
            "the limit 'web*:!web1' matches no host and no group",
            "the separator is a comma: --limit 'web*,!web1'",
        ),
        (
            "web:&site",
            "the limit 'web:&site' matches no host and no group",
            "there is no `:&`; a group in hosts.yml can name the hosts that are in both",
        ),
        (
            "all",
            "the limit 'all' matches no host and no group",
            "'*' means every host; so does no --limit",
        ),
        (
            "~web.*",
            "the limit '~web.*' matches no host and no group",
            "regular expressions are not known; a glob is: 'web*'",
        ),
        (
            "@failed",
            "the limit '@failed' matches no host and no group",
            'files are not read; have the shell do it: --limit "$(paste -sd, failed)"',
        ),
        ("web[20:30]", "the limit 'web[20:30]' matches no host and no group", None),
        (
            "web[12]",
            "limit 'web[12]': [12] is not a range like [1:9], [01:20], [1:9:2] or [a:d]",
            None,
        ),
        ("web[3:1]", "limit 'web[3:1]': [3:1] runs backwards", None),
        ("none", "the limit 'none' is a group without hosts", None),
        ("db,!db*", "the limit 'db,!db*' leaves no host", None),
        ("", "the limit is empty", "leave it out to mean every host"),
        (" , ", "the limit is empty", "leave it out to mean every host"),
        ("!", "the limit '' matches no host and no group", None),
    ],
)
def test_a_limit_that_matches_nothing_is_a_usage_error(
    pattern: str, message: str, hint: str | None
) -> None:
    with pytest.raises(UsageError) as caught:
        INVENTORY.select([pattern])
    assert (str(caught.value), caught.value.hint) == (message, hint)


terms = st.sampled_from([*INVENTORY.hosts, "web", "db", "site"])


@given(st.lists(terms, min_size=1), st.lists(terms), st.randoms())
def test_a_limit_is_the_union_of_its_terms_without_its_exclusions(
    wanted: list[str], unwanted: list[str], random: object
) -> None:
    """In whatever order they stand, in one pattern or in many."""

    def members(term: str) -> set[str]:
        group = INVENTORY.groups.get(term)
        return {term} if group is None else set(group.hosts)

    expected = set().union(*map(members, wanted)).difference(*map(members, unwanted))
    patterns = [*wanted, *(f"!{term}" for term in unwanted)]
    random.shuffle(patterns)  # type: ignore[attr-defined]
    assert _names(INVENTORY, patterns) == _names(INVENTORY, [",".join(patterns)])
    assert _names(INVENTORY, patterns) == [name for name in INVENTORY.hosts if name in expected]


def _names(inventory: Inventory, patterns: list[str]) -> list[str]:
    try:
        return [host.name for host in inventory.select(patterns)]
    except UsageError:
        return []


# --- ranges

numbers = st.integers(0, 300)


@given(numbers, numbers, st.integers(1, 50), st.integers(0, 5))
def test_a_range_counts_from_its_first_end_to_its_last_both_included(
    first: int, more: int, step: int, width: int
) -> None:
    """With a leading zero, every number has the width of the ends."""
    last = first + more
    width = max(width, len(str(last))) if width else 0
    pattern = f"web[{first:0{width}}:{last:0{width}}:{step}].example.org"
    expected = [f"web{number:0{width}}.example.org" for number in range(first, last + 1, step)]
    assert expand(pattern) == expected


@given(st.lists(st.sampled_from(["[1:3]", "[a:c]", "-x-", "[08:10]", "[A:C:2]"]), max_size=4))
def test_several_ranges_give_every_combination_the_leftmost_turning_slowest(
    parts: list[str],
) -> None:
    assert expand("".join(parts)) == ["".join(choice) for choice in product(*map(expand, parts))]


@given(st.text())
def test_any_text_expands_to_names_or_is_a_value_error(text: str) -> None:
    try:
        names = expand(text)
    except ValueError:
        return
    assert names


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("w[01:5]", "[01:5] has a leading zero, so both ends need the same width"),
        ("w[5:1]", "[5:1] runs backwards"),
        ("w[1:5:0]", "[1:5:0] has a step of 0"),
        ("w[1:b]", "[1:b] goes from one kind of character to another"),
        ("w[a:D]", "[a:D] goes from one kind of character to another"),
        ("w[1", "'w[1' has a bracket without its partner"),
        ("w[xyz]", "[xyz] is not a range like [1:9], [01:20], [1:9:2] or [a:d]"),
        (
            "w[0:9999][0:99]",
            "'w[0:9999][0:99]' stands for 1,000,000 names; at most 100,000 are allowed",
        ),
    ],
)
def test_what_is_no_range_says_why(pattern: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        expand(pattern)
    assert str(caught.value) == message
