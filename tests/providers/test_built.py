"""What is compared of a program that is built of sources."""

from __future__ import annotations

from cookbook.resources import GoBuild, Make
from cookbook.secrets.secret import Secret


def test_of_a_secret_variable_only_the_name_counts() -> None:
    """A new password is no new build, and a digest of it would tell it."""
    secret = Secret("hunter2-hunter2")
    built = GoBuild("/srv/x", source="/srv/s", environment={"TOKEN": secret, "A": "b c"})
    assert built.arguments == "'A=b c' TOKEN=... go build ."


def test_a_line_break_in_an_argument_is_one_line() -> None:
    built = Make("/srv/s", variables={"TEXT": "a\nb\\n"})
    assert built.arguments == r"make 'TEXT=a\nb\\n'"
