"""`cook explain`: each error has a code of its own, and a page has something to say of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cookbook.cli import main
from cookbook.cli.error_help import explanations, summary
from cookbook.errors import CookError, during, ended


def tree(kind: type[CookError] = CookError) -> Iterator[type[CookError]]:
    yield kind
    for child in kind.__subclasses__():
        if child.__module__ == "cookbook.errors":
            yield from tree(child)


def test_each_error_has_a_code_and_each_code_is_explained() -> None:
    codes = [kind.__dict__.get("code", f"{kind.__name__} has none") for kind in tree()]

    assert sorted(codes) == sorted(explanations())
    assert len(set(codes)) == len(codes)


def test_an_error_made_elsewhere_has_the_code_of_one_of_the_tree() -> None:
    from cookbook.transport.contract import Interrupted, TooSlow

    assert (Interrupted.code, TooSlow.code) == ("link-lost", "timeout")


def test_explanations_are_short_and_fit_a_terminal() -> None:
    for code, text in explanations().items():
        assert text, code
        assert max(map(len, text.splitlines())) <= 100, code
        assert len(summary(text)) <= 110, code


def test_it_lists_all_and_explains_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in listed] == list(explanations())

    assert main(["explain", "locked"]) == 0
    assert capsys.readouterr().out.startswith("Another run is at work on the host")


def test_a_code_that_is_not_there_is_suggested(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "link-lots"]) == 1
    assert capsys.readouterr().err.splitlines()[:2] == [
        "cook: there is no error 'link-lots'",
        "      next: did you mean 'link-lost'?",
    ]
    assert main(["explain", "\x1b[2J"]) == 1
    assert "\x1b" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (None, "did not end"),
        (1, "ended with status 1"),
        (126, "ended with status 126 (it cannot be executed)"),
        (127, "ended with status 127 (command not found)"),
        (137, "ended with status 137 (killed by SIGKILL)"),
        (255, "ended with status 255"),
    ],
)
def test_how_a_command_has_ended(status: int | None, words: str) -> None:
    assert ended(status) == words


def test_the_innermost_phase_counts() -> None:
    with pytest.raises(CookError) as caught, during("apply"), during("probe"):
        raise CookError("x")

    assert caught.value.phase == "probe"
