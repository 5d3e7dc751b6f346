"""Long lines of a diff: what differs is there, what is equal is counted, nothing is lost."""

from __future__ import annotations

import json
import re
import time
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cookbook.reports.text import diff_lines
from cookbook.text.diff import texts_diff
from cookbook.text.long_lines import LONGEST, MOST_NEW, shortened

CUT = re.compile(r"\[\.\.\. [\d,]+ equal characters \.\.\.\]")


def diff(found: str, wanted: str) -> list[str]:
    return list(texts_diff("/x", found.encode(), wanted.encode()).lines)


def minified(**changes: Any) -> str:
    values = {f"key{number}": "value" * 5 for number in range(250)}
    return json.dumps(values | changes, separators=(",", ":")) + "\n"


def test_one_value_of_a_minified_file_is_seen_and_the_rest_is_counted() -> None:
    lines = diff(minified(), minified(key7="other", key200="hostile"))
    shown = shortened(lines, whole=False)
    old, new = shown[3], shown[4]
    assert len(lines[3]) > 9000
    assert max(len(old), len(new)) < 700
    assert (old[0], new[0]) == ("-", "+")
    assert ('"key7":"other"' in new, '"key200":"hostile"' in new) == (True, True)
    assert (f'"key7":"{"value" * 5}"' in old, f'"key200":"{"value" * 5}"' in old) == (True, True)
    cut = [int(count.replace(",", "")) for count in re.findall(r"\[\.\.\. ([\d,]+) equal", new)]
    assert len(re.sub(r"\[\.\.\. [\d,]+ equal characters \.\.\.\]", "", new)) + sum(cut) == len(
        lines[4]
    )


def test_what_differs_is_cut_only_where_it_need_not_be_shown_and_says_so() -> None:
    new = "A" * 500 + "rm -rf /;" + "B" * 8000
    [*_, line] = shortened(diff("", f"{new}\n"), whole=False)
    assert "[... 7,509 characters that differ are not shown; -v shows them ...]" in line
    [*_, line] = shortened(diff("", f"{new}\n"), whole=True)
    assert line == f"+{new}"
    [*_, line] = shortened(diff("", f"{new[:MOST_NEW]}\n"), whole=False)
    assert line == f"+{new[:MOST_NEW]}"
    assert [text for _, text in diff_lines("\n".join(diff("", f"{new}\n")))][-1].endswith(new)


def test_a_line_without_a_like_one_is_not_compared() -> None:
    lines = diff("a" * 1500 + "\n" + "b" * 1500 + "\n", "c" * 1500 + "\n")
    assert shortened(lines, whole=False) == lines


def test_lines_of_a_context_are_cut() -> None:
    lines = diff("x" * 9000 + "\na\n", "x" * 9000 + "\nb\n")
    assert (
        shortened(lines, whole=True)[3] == f" {'x' * 60}[... 8,880 equal characters ...]{'x' * 60}"
    )


def test_lines_that_differ_everywhere_take_no_long_time() -> None:
    found = ",".join(f"{number}" for number in range(20_000))
    wanted = ",".join(f"{number * 7}" for number in range(20_000))
    start = time.process_time()
    shortened(["--- a", "+++ b", "@@", f"-{found}{wanted}", f"+{found};{wanted[1:]}"], whole=False)
    shortened(["--- a", "+++ b", "@@", f"-{found}", f"+{wanted}"], whole=False)
    assert time.process_time() - start < 10


@given(
    st.lists(
        st.sampled_from(["alpha", "beta", " ", "x" * 300, "[... 3 equal", "\u2028"]), max_size=9
    ),
    st.lists(st.sampled_from(["alpha", "gamma", " ", "x" * 300, "y" * 300]), max_size=9),
)
def test_whole_loses_nothing_that_differs(found: list[str], wanted: list[str]) -> None:
    lines = ["--- a", "+++ b", "@@ -1 +1 @@", f"-{''.join(found)}", f"+{''.join(wanted)}"]
    shown = shortened(lines, whole=True)
    assert len(shown) == len(lines)
    for before, after in zip(lines, shown, strict=True):
        if len(before) <= LONGEST and before[0] == "-" and len(lines[4]) <= LONGEST:
            assert before == after
        kept = CUT.split(after)
        at = 0
        for part in kept:  # what is shown stands in the line, in the same order
            at = before.index(part, at) + len(part)
        assert before.startswith(kept[0])
        assert before.endswith(kept[-1])
