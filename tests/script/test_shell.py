"""Nothing that a value says can become anything but a value."""

from __future__ import annotations

import doctest
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookbook.language import file_mode, resource
from cookbook.planning import forecast
from cookbook.script import shell
from cookbook.script.shell import Command, Content, Secret, join, options, printing, script, sh
from cookbook.text import type_check

WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
BYTES = st.binary()


@pytest.mark.parametrize("module", [shell, type_check, resource, file_mode, forecast])
def test_the_examples_in_the_documentation_are_true(module: object) -> None:
    failed, tried = doctest.testmod(module)  # type: ignore[arg-type]
    assert tried
    assert not failed


@given(st.lists(WORDS, min_size=1, max_size=5))
def test_a_value_is_one_word_whatever_is_in_it(words: list[str]) -> None:
    command = sh("printf '%s\\0' {}", words)

    printed = subprocess.run(["sh", "-c", command.text], capture_output=True, check=True).stdout

    assert printed.decode().split("\0")[:-1] == words


@given(BYTES)
def test_bytes_are_printed_exactly(data: bytes) -> None:
    command = printing(data).text.encode("utf-8", "surrogateescape")

    printed = subprocess.run(["sh"], input=command, capture_output=True, check=True).stdout

    assert printed == data


@given(WORDS.filter(lambda word: word.strip() and word not in "printf *** | chpasswd"))
def test_a_secret_is_sent_and_never_shown(word: str) -> None:
    command = sh("printf %s {} | chpasswd", Secret(word))

    assert command.text == sh("printf %s {} | chpasswd", word).text
    assert str(command) == "printf %s *** | chpasswd"
    assert repr(Secret(word)) == "Secret(***)"


def test_an_empty_piece_takes_its_space_with_it() -> None:
    assert sh("groupadd {} {}", options(gid=None, system=False), "www").text == "groupadd www"
    assert sh("{} ls", sh("")).text == "ls"
    assert sh("ls {}", options()).text == "ls"


def test_an_empty_value_is_still_a_word() -> None:
    assert sh("usermod --comment {} {}", "", "bob").text == "usermod --comment '' bob"


def test_braces_of_the_shell_are_left_alone() -> None:
    assert sh("{ echo ${x:-{}}; }", "a b").text == "{ echo ${x:-'a b'}; }"


@pytest.mark.parametrize("values", [(), ("a", "b")])
def test_holes_and_values_have_to_match(values: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="1 holes"):
        sh("ls {}", *values)


def test_a_nul_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        sh("ls {}", "a\0b")


def test_a_command_knows_the_contents_it_reads() -> None:
    write = sh("content {} > {}", Content.of(b"x"), "/etc/x")

    assert sh("true && {}", write).contents == {Content.of(b"x")}
    assert join([write, sh("ls")]).contents == {Content.of(b"x")}


def test_secret_text_of_an_author_is_not_shown() -> None:
    assert script(Secret("curl -u me:pw")) == Command("curl -u me:pw", "***")
