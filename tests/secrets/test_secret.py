"""What is made of a secret is secret, and no text that leaves the process tells one."""

from __future__ import annotations

import base64
import copy
import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookbook.language.resource import Resource
from cookbook.script.shell import sh
from cookbook.secrets.secret import Secret, SecretBytes, found_secret, holds_secret, tainted
from cookbook.text.redaction import REGISTRY, protect, protected

VALUE = "c4n4ry's t0k3n/ä"


@pytest.mark.parametrize(
    "made",
    [
        lambda s: s + "x",
        lambda s: "x" + s,
        lambda s: "x %s" % s,  # noqa: UP031 - the point
        lambda s: s * 2,
        lambda s: s[:9],
        lambda s: s.upper(),
        lambda s: s.replace("a", "b"),
        lambda s: s.join(["a", "b"]),
        lambda s: s.split("n")[0],
        lambda s: s.encode(),
        lambda s: s.encode().decode(),
        lambda s: b"x" + s.encode(),
        lambda s: s.encode()[2:],
        lambda s: next(iter(s)),
        copy.deepcopy,
    ],
)
def test_what_is_made_of_a_secret_is_one(made: Callable[[Secret], object]) -> None:
    value = made(Secret(VALUE))

    assert isinstance(value, Secret | SecretBytes)
    assert repr(value) in {"Secret(***)", "SecretBytes(***)"}
    assert "***" in str(sh("echo {}", value))


class Thing(Resource):
    text: str | bytes | None = None
    mapping: dict[str, list[str]] | None = None


@pytest.mark.parametrize(
    "declared",
    [
        lambda s: Thing("x", text=f"password={s}"),
        lambda s: Thing("x", text=f"password={s}".encode()),
        lambda s: Thing("x", mapping={"a": ["b", f"{s}!"]}),
        lambda s: Thing(f"x {s}"),
    ],
)
def test_an_fstring_in_a_property_is_found(declared: Callable[[Secret], Resource]) -> None:
    thing = declared(Secret(VALUE))

    assert thing.confidential
    assert VALUE not in repr(thing)


def test_what_has_nothing_secret_in_it_stays_what_it_is() -> None:
    Secret(VALUE)
    data = {"a": ["b", b"c", 1]}

    assert found_secret(data) is data
    assert protect("nothing to hide") == "nothing to hide"
    assert not Thing("x", text="y").confidential


@pytest.mark.parametrize(
    "form",
    [
        str,
        shlex.quote,
        repr,
        json.dumps,
        lambda s: json.dumps(s, ensure_ascii=False),
        lambda s: quote(s, safe=""),
        lambda s: base64.b64encode(s.encode()).decode(),
        lambda s: base64.b64encode(f"me:{s}".encode()).decode(),
        lambda s: base64.b64encode(f"you:{s}\n".encode()).decode(),
        lambda s: base64.urlsafe_b64encode(f"{s}{s}".encode()).decode(),
    ],
)
def test_no_form_of_it_is_told(form: Callable[[str], str]) -> None:
    Secret(VALUE)
    text = form(VALUE)

    hidden = protect(f"before {text} after")

    assert "***" in hidden
    assert hidden.startswith("before ")
    assert text.strip("'\"=")[4:-4] not in hidden


@given(st.text(min_size=8), st.integers(0, 5))
def test_any_text_is_found_in_base64_wherever_it_stands(text: str, before: int) -> None:
    REGISTRY.forget()
    Secret(text)
    whole = base64.b64encode(b"x" * before + text.encode("utf-8", "surrogatepass")).decode()

    assert protect(whole) != whole


def test_a_key_is_known_line_by_line() -> None:
    Secret("-----BEGIN KEY-----\nAAAABBBBCCCC\nDDDDEEEEFFFF\n-----END KEY-----\n")

    assert protect("+DDDDEEEEFFFF") == "+***"
    assert protect("-----BEGIN KEY-----") == "-----BEGIN KEY-----"


def test_a_tainted_file_is_secret_and_its_lines_are_not_looked_for() -> None:
    text = tainted("server_name example.org\npassword x\n")

    assert holds_secret(text)
    assert protect("server_name example.org") == "server_name example.org"


def test_a_piece_is_looked_for_by_itself_a_word_beside_it_is_not() -> None:
    value = Secret("user-name:pass-word")
    _ = (tainted(f"/srv/website/{value}").split("/"), value.upper(), value.split(":"))

    assert protect("PASS-WORD USER-NAME:PASS-WORD pass-word") == "PASS-WORD *** ***"
    assert protect("/srv/website") == "/srv/website"


def test_pathlib_takes_one() -> None:
    assert str(Path(Secret("/etc/secret-name")) / Secret("below-it")) == "/etc/secret-name/below-it"


def test_a_document_keeps_the_words_that_are_ours() -> None:
    Secret("changed")

    assert protected({"status": "changed", "note": ["is changed"]}) == {
        "status": "changed",
        "note": ["is ***"],
    }


_CRASH = """
import sys, threading
sys.argv = ["cook", "resources"]
from cookbook import cli
from cookbook.provider import Secret
token = Secret("c4n4ry-t0k3n")
def crash(*_): raise ValueError(f"no {token}")
cli._parser = crash
thread = threading.Thread(target=crash)
try:
    cli.main()
finally:
    thread.start()
"""


def test_no_traceback_tells_a_secret() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _CRASH], capture_output=True, text=True, check=False
    )

    assert ended.stderr.count("ValueError: no ***") == 2
    assert "c4n4ry" not in ended.stderr


def test_an_empty_registry_costs_nothing() -> None:
    text = "x"

    assert protect(text) is text
    assert protected(text) is text
