"""To log in with a password, by paramiko: it is given once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cookbook.secrets.secret import Secret, in_the_clear
from cookbook.transport.contract import LoginPasswordRefused
from cookbook.transport.target import Target

if TYPE_CHECKING:
    import paramiko


def give_password(connection: paramiko.Transport, target: Target, password: Secret) -> None:
    """One attempt: a wrong password may lock the account."""
    from paramiko import SSHException

    try:
        _answer_once(connection, target.user, password)
    except SSHException as error:
        types = ", ".join(getattr(error, "allowed_types", ()))
        raise LoginPasswordRefused(
            f"{target} does not take the password",
            hint=f"it takes {types}" if types else "the secret that `password` names is tried once",
        ) from None


def _answer_once(connection: paramiko.Transport, user: str, password: Secret) -> None:
    """By keyboard-interactive where that is all there is: to one question, and to no other."""
    from paramiko import BadAuthenticationType, SSHException

    try:
        connection.auth_password(user, in_the_clear(password), fallback=False)
    except BadAuthenticationType as error:
        if "keyboard-interactive" not in error.allowed_types:
            raise
    else:
        return
    answers = [in_the_clear(password)]

    def answer(_title: str, _words: str, questions: list[tuple[str, bool]]) -> list[str]:
        if len(questions) > len(answers):  # paramiko would give it to a second question, too
            raise SSHException("it asks for more than a password")
        return [answers.pop() for _ in questions]

    connection.auth_interactive(user, answer)
