"""What ssh(1) of 9.2 says where it makes no connection, and which error we make of it."""

from __future__ import annotations

import os
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from cookbook.errors import (
    AuthenticationFailed,
    ChangedKey,
    RevokedKey,
    UnknownKey,
    Unreachable,
    UntrustedHost,
)
from cookbook.secrets.secret import Secret
from cookbook.transport.contract import LoginPasswordRefused
from cookbook.transport.openssh.askpass import one_answer
from cookbook.transport.openssh.control_master import Master
from cookbook.transport.openssh.refusals import not_led_on, refusal, was_dropped
from cookbook.transport.target import Target

WEB = Target("192.0.2.1", 2222, user="deploy")
DOOR = Target("192.0.2.9", user="me")

STRICT = "Host key verification failed."
CHANGED = f"""\
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
Someone could be eavesdropping on you right now (man-in-the-middle attack)!
It is also possible that a host key has just been changed.
The fingerprint for the ED25519 key sent by the remote host is
SHA256:u3.
Please contact your system administrator.
Add correct host key in /k to get rid of this message.
Offending ED25519 key in /k:3
  remove with:
  ssh-keygen -f "/k" -R "192.0.2.1"
Host key for 192.0.2.1 has changed and you have requested strict checking.
{STRICT}"""
UNKNOWN = "No ED25519 host key is known for 192.0.2.1 and you have requested strict checking."

SAID: dict[str, tuple[type[Unreachable], str]] = {
    f"{UNKNOWN}\n{STRICT}": (
        UnknownKey,
        "the key of [192.0.2.1]:2222 is not known: it shows ED25519",
    ),
    f"Certificate invalid: expired\n{UNKNOWN}\n{STRICT}": (
        UnknownKey,
        "the key of [192.0.2.1]:2222 is not known: its certificate is not valid: expired",
    ),
    CHANGED: (
        ChangedKey,
        "the key of [192.0.2.1]:2222 has CHANGED: it shows ED25519 SHA256:u3, but /k:3 has another",
    ),
    f"@       WARNING: REVOKED HOST KEY DETECTED!               @\n{STRICT}": (
        RevokedKey,
        "the key of [192.0.2.1]:2222 is revoked",
    ),
    f"something new\n{STRICT}": (UntrustedHost, "[192.0.2.1]:2222: something new"),
    "deploy@192.0.2.1: Permission denied (publickey).": (
        AuthenticationFailed,
        "deploy@192.0.2.1:2222: deploy@192.0.2.1: Permission denied (publickey).",
    ),
    "Connection timed out during banner exchange\nConnection to 192.0.2.1 port 2222 timed out": (
        Unreachable,
        "192.0.2.1:2222 takes connections, but sends no greeting within 10 s",
    ),
    "ssh: Could not resolve hostname w: Temporary failure in name resolution": (
        Unreachable,
        "192.0.2.1: no name server answers",
    ),
    "ssh: connect to host 192.0.2.1 port 2222: Connection timed out": (
        Unreachable,
        "192.0.2.1:2222 does not answer within 10 s",
    ),
    "": (Unreachable, "deploy@192.0.2.1:2222: ssh said nothing"),
}


@pytest.mark.parametrize("said", SAID)
def test_it_is_the_error_that_fits(said: str) -> None:
    kind, message = SAID[said]
    error = refusal(WEB, said)
    assert (type(error), str(error)) == (kind, message)
    assert not was_dropped(said)


@pytest.mark.parametrize(
    "said",
    [
        "kex_exchange_identification: Connection closed by remote host",
        "kex_exchange_identification: read: Connection reset by peer",
        "Exceeded MaxStartups\nkex_exchange_identification: Connection closed by remote host",
    ],
)
def test_a_server_that_has_not_greeted_may_be_come_back_to(said: str) -> None:
    assert was_dropped(said)
    led = f"Stdio forwarding request failed: Session open refused by peer\n{said}"
    assert not was_dropped(led)


def test_a_password_that_was_asked_for_was_wrong_and_else_it_is_said_what_is_taken() -> None:
    mine, said = replace(WEB, password=Secret("x")), "Permission denied (publickey,gssapi)."
    wrong, other = refusal(mine, said, password_given=True), refusal(mine, said)
    assert type(wrong) is type(other) is LoginPasswordRefused
    assert "tried once" in str(wrong.hint)
    assert "takes publickey, gssapi" in str(other.hint)


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ("administratively prohibited: open failed", "opens no channel to 192.0.2.1:2222"),
        ("connect failed: No route to host", "does not reach 192.0.2.1:2222: connect failed: No"),
    ],
)
def test_a_bastion_is_named_with_its_reason(why: str, said: str) -> None:
    behind = replace(WEB, via=DOOR)
    told = [f"channel 3: open failed: {why}"]
    error = not_led_on(behind, "Stdio forwarding request failed: refused", told)
    assert said in str(error)
    assert "the bastion me@192.0.2.9:22" in str(error)
    several = not_led_on(behind, "stdio forwarding failed", [*told, "channel 4: open failed: x"])
    assert "it does not say why" in str(several)
    assert not_led_on(behind, "Connection refused", told) is None


class TestAskpass:
    """The program that ssh(1) asks, as it would."""

    def ask(self, environment: dict[str, str], prompt: str, **more: str) -> tuple[int, str]:
        parent = ["sh", "-c", '"$SSH_ASKPASS" "$1"; echo "status $?"', "sh", prompt]
        done = subprocess.run(
            parent, env=environment | more, capture_output=True, text=True, check=False, timeout=60
        )
        return done.returncode, done.stdout

    def test_it_is_told_once_and_who_asks_again_is_ended(self, tmp_path: Path) -> None:
        odd = r"a\n '%s\" $b"
        with one_answer(Secret(odd), tmp_path / "1.pass") as answer:
            assert stat.S_IMODE((tmp_path / "1.pass").stat().st_mode) == 0o600
            told = answer.environment
            assert told.keys() - os.environ.keys() <= {
                "SSH_ASKPASS",
                "SSH_ASKPASS_REQUIRE",
                "COOK_ASKPASS",
            }
            assert not answer.given
            first = self.ask(told, "deploy@192.0.2.1's password: ")
            assert first == (0, f"{odd}\nstatus 0\n")
            assert answer.given
            assert self.ask(told, "(deploy@192.0.2.1) Code: ") == (-9, "")
        assert list(tmp_path.iterdir()) == [tmp_path / "askpass"]

    @pytest.mark.parametrize(
        ("prompt", "more"),
        [
            ("Enter passphrase for key '/x/id': ", {}),
            ("Enter PIN for ECDSA-SK key /x/id: ", {}),
            ("deploy@192.0.2.1's old password: ", {}),
            ("(deploy@192.0.2.1) Password: ", {"SSH_ASKPASS_PROMPT": "confirm"}),
        ],
    )
    def test_to_nothing_else(self, tmp_path: Path, prompt: str, more: dict[str, str]) -> None:
        with one_answer(Secret("sesame"), tmp_path / "1.pass") as answer:
            assert self.ask(answer.environment, prompt, **more) == (0, "status 1\n")
            assert not answer.given

    @pytest.mark.parametrize("odd", ["two\nlines", "x" * 5000])
    def test_what_is_no_line_is_refused(self, tmp_path: Path, odd: str) -> None:
        refused = pytest.raises(Unreachable, match="no line of text")
        with refused, one_answer(Secret(odd), tmp_path / "1.pass"):
            pass

    def test_none_needs_none(self, tmp_path: Path) -> None:
        with one_answer(None, tmp_path / "1.pass") as answer:
            assert answer.environment == dict(os.environ)
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("timeout", "own", "told"),
    [
        (10.0, None, "timeout:2 attempts:2"),
        (0.5, None, "timeout:1 attempts:2"),
        (90.0, None, "timeout:5 attempts:2"),
        (10.0, "timeout:9", "timeout:9"),
    ],
)
def test_a_question_to_a_name_server_has_a_limit(
    timeout: float, own: str | None, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ConnectTimeout of ssh(1) does not hold while it looks up a name."""
    program = tmp_path / "ssh"
    program.write_text(f'#!/bin/sh\necho "$RES_OPTIONS" >{tmp_path}/told; exit 255\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("RES_OPTIONS", raising=False)
    if own is not None:
        monkeypatch.setenv("RES_OPTIONS", own)
    with pytest.raises(Unreachable):
        Master(replace(WEB, connect_timeout=timeout))
    assert (tmp_path / "told").read_text() == f"{told}\n"
