"""Secrets in a saved plan: sealed by a key, in their place, and nowhere in the clear."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyrage
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cookbook.approval import planfile
from cookbook.cli import main
from cookbook.errors import PlanError, UsageError
from cookbook.script.shell import Secret
from cookbook.secrets.sealing import _ALPHABET as ALPHABET
from cookbook.secrets.sealing import Key, Sealer, _written

CANARY = "hunter2-the-canary"
HEADING = "from cookbook.resources import *\nfrom cookbook.recipe import *\n"
HASH = f"$6$salt${CANARY}"
RECIPE = f"""
from cookbook.provider import Secret
S = Secret("{CANARY}")
file(f"{{D}}/secret", content=S, mode="0600")
file(f"{{D}}/sensitive", content="{CANARY}", sensitive=True, only_if="true {CANARY}")
file(f"{{D}}/bytes", content=b"{CANARY}\\0", sensitive=True)
template(f"{{D}}/rendered", source="t.j2", variables={{"password": S}}, sensitive=True)
execute("login", command=f'printf %s "$secret" > {{D}}/ran', environment={{"secret": S}})
execute("words", command=["sh", "-c", f"echo {CANARY} > {{D}}/words"], sensitive=True)
file(f"{{D}}/open", content="anybody may see this\\n")
"""
WRITTEN = {
    "secret": CANARY.encode(),
    "sensitive": CANARY.encode(),
    "bytes": f"{CANARY}\0".encode(),
    "rendered": f"password = {CANARY}\n".encode(),
    "ran": CANARY.encode(),
    "words": f"{CANARY}\n".encode(),
    "open": b"anybody may see this\n",
}

Cook = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def one() -> Sealer:
    """A sealer whose key was derived at its real cost."""
    return Sealer.new(Key(b"k" * 32))


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a guess costs is no subject here."""
    monkeypatch.setattr("cookbook.secrets.sealing._COST", 2)


@pytest.fixture
def cook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Cook:
    monkeypatch.chdir(tmp_path)
    Path("d").mkdir()
    Path("templates").mkdir()
    Path("templates/t.j2").write_text("password = {{ password }}\n")
    Path("r.py").write_text(f"{HEADING}D = '{tmp_path}/d'\n{RECIPE}")
    key("plan.key", "0123456789abcdef\n")
    key("other.key", "another key of 32 bytes, or so...")

    def run(*words: str) -> tuple[int, str]:
        status = main(list(words))
        said = capsys.readouterr()
        return status, said.out + said.err

    return run


def key(name: str, text: str, mode: int = 0o600) -> None:
    Path(name).write_text(text)
    Path(name).chmod(mode)


def sealed(cook: Cook) -> None:
    status, said = cook("plan", "r.py", "--local", "-o", "p.cook", "--key", "plan.key")
    assert status == 2, said
    assert CANARY not in said


def test_a_sealed_plan_is_applied_exactly(cook: Cook) -> None:
    sealed(cook)
    Path("r.py").unlink()

    status, said = cook("apply", "p.cook", "--local", "--key", "plan.key")

    assert status == 0, said
    assert {p.name: p.read_bytes() for p in Path("d").iterdir()} == WRITTEN
    assert CANARY not in said


def test_no_secret_is_seen_in_the_file_or_by_who_looks_at_it(cook: Cook) -> None:
    """Nor its digest: that of a short secret is as good as the secret."""
    sealed(cook)

    text = Path("p.cook").read_text()
    assert CANARY not in text
    document = json.loads(text)
    steps = document["hosts"]["localhost"]["steps"]
    assert [step["id"].rpartition("/")[2] for step in steps][:2] == ["secret]", "sensitive]"]
    for step in steps[:-1]:
        assert list(step["change"]) == list(step["digest"]) == ["!sealed"]
        clear = {n for n, v in step["resource"].items() if not isinstance(v, dict)}
        assert clear <= {"resource", "name", "action"}
    assert steps[-1]["resource"]["content"] == "anybody may see this\n"

    status, shown = cook("show", "p.cook", "--key", "plan.key", "-v")
    assert (status, "anybody may see this" in shown, "redacted" in shown) == (0, True, True)
    assert CANARY not in shown
    assert CANARY not in cook("plan", "r.py", "--local", "--output", "json")[1]
    assert CANARY not in cook("apply", "p.cook", "--local", "--key", "plan.key", "--output=json")[1]


def test_secrets_are_secrets_again(cook: Cook) -> None:
    sealed(cook)

    steps = planfile.load(Path("p.cook"), Key.read(Path("plan.key"))).hosts["localhost"].steps

    resources: list[Any] = [step.resource for step in steps]
    assert type(resources[0].content) is Secret
    assert type(resources[4].environment["secret"]) is Secret
    assert [resource.confidential for resource in resources] == [True] * 6 + [False]
    change: Any = steps[4].change
    assert type(dict(change.wanted.environment)["secret"]) is Secret


def test_the_password_of_a_user_is_sealed(cook: Cook) -> None:
    Path("r.py").write_text(f"{HEADING}user('nobody-there', password='{HASH}', shell='/bin/sh')\n")
    sealed(cook)

    assert "$6$" not in Path("p.cook").read_text()
    [step] = planfile.load(Path("p.cook"), Key.read(Path("plan.key"))).hosts["localhost"].steps
    resource: Any = step.resource
    assert (resource.password, type(resource.password)) == (HASH, Secret)
    assert step.provider is not None
    assert HASH.encode() in step.provider.contents(resource).values()


def test_a_key_may_be_named_by_the_environment(cook: Cook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COOK_PLAN_KEY_FILE", "plan.key")

    assert cook("plan", "r.py", "--local", "-o", "p.cook")[0] == 2
    assert cook("show", "p.cook")[0] == 0
    assert cook("apply", "p.cook", "--local")[0] == 0


REFUSED: dict[str, tuple[list[str], str]] = {
    "no key": ([], "p.cook is sealed with a key"),
    "another key": (["--key", "other.key"], "the plan is sealed with another key"),
    "no such file": (["--key", "no.key"], "no.key: No such file"),
}


@pytest.mark.parametrize(("words", "message"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("command", [["apply", "--local"], ["show"]], ids=["apply", "show"])
def test_without_its_key_a_plan_is_of_no_use(
    cook: Cook, command: list[str], words: list[str], message: str
) -> None:
    sealed(cook)

    status, said = cook(*command, "p.cook", *words)

    assert (status, message in said) == (1, True), said
    assert list(Path("d").iterdir()) == []


def _edit(change: Callable[[Any], None]) -> None:
    document = json.loads(Path("p.cook").read_text())
    change(document)
    if not document["key"]:  # whoever has no key can still make a digest
        document.pop("seal")
        document["seal"] = planfile._seal(document, None)
    Path("p.cook").write_text(json.dumps(document))


def _steps(document: Any) -> Any:
    return document["hosts"]["localhost"]["steps"]


EDITS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "a path": (
        lambda d: _steps(d)[-1]["resource"].update(name="/tmp/elsewhere"),
        "p.cook was changed",
    ),
    "a step less": (lambda d: _steps(d).pop(), "p.cook was changed"),
    "another machine": (
        lambda d: d["hosts"]["localhost"].update(machine_id="f"),
        "p.cook was changed",
    ),
    "no key": (lambda d: d.update(key=None), "was made without a key"),
    "another salt": (lambda d: d["key"].update(salt="AAAA"), "sealed with another key"),
    "no salt": (lambda d: d["key"].pop("salt"), "sealed with another key"),
    "a key that is none": (lambda d: d.update(key=[1]), "sealed with another key"),
}


@pytest.mark.parametrize(("edit", "message"), EDITS.values(), ids=EDITS)
def test_an_edit_by_somebody_without_the_key_is_found(
    cook: Cook, edit: Callable[[Any], None], message: str
) -> None:
    sealed(cook)
    _edit(edit)

    status, said = cook("apply", "p.cook", "--local", "--key", "plan.key")

    assert (status, message in said) == (1, True), said
    assert list(Path("d").iterdir()) == []


def test_a_value_opens_only_in_its_place() -> None:
    sealer = Sealer.new(Key(b"k" * 32))
    sealed = sealer.seal("x", ("web1", 0, "file[/a]", "resource.content"))

    assert sealer.open(sealed, ("web1", 0, "file[/a]", "resource.content")) == "x"
    for place in [
        ("web2", 0, "file[/a]", "resource.content"),
        ("web1", 1, "file[/a]", "resource.content"),
        ("web1", 0, "file[/b]", "resource.content"),
        ("web1", 0, "file[/a]", "change"),
    ]:
        with pytest.raises(PlanError, match="not from where it stands"):
            sealer.open(sealed, place)


def test_a_sealed_value_is_a_file_of_age_for_an_identity_of_the_key() -> None:
    sealer = Sealer.new(Key(b"k" * 32))
    data = base64.b64decode(sealer.seal("hunter2", ("web1",))["!sealed"])

    assert data.startswith(b"age-encryption.org/v1\n-> X25519 ")
    assert b"hunter2" not in data
    assert json.loads(pyrage.decrypt(data, [sealer._identity])) == [["web1"], "hunter2"]
    for other in (Sealer.new(Key(b"k" * 32)), Sealer.new(Key(b"j" * 32))):
        with pytest.raises(PlanError, match="not from where it stands"):
            other.open(sealer.seal("hunter2", ("web1",)), ("web1",))


@given(st.binary(min_size=32, max_size=32))
@example(bytes(32))
@example(b"\xff" * 32)
def test_an_identity_is_written_as_age_writes_it(secret: bytes) -> None:
    assert str(pyrage.x25519.Identity.from_str(_written(secret))) == _written(secret)


def test_other_bytes_are_another_identity() -> None:
    """Read back by the alphabet of BIP 173, each identity of age has the bytes it is made of."""
    for _ in range(50):
        text = str(pyrage.x25519.Identity.generate())
        bits = "".join(f"{ALPHABET.index(sign):05b}" for sign in text.lower()[16:-6])
        assert _written(int(bits[:256], 2).to_bytes(32, "big")) == text


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_what_was_damaged_or_made_by_others_is_refused(one: Sealer, data: st.DataObject) -> None:
    """Each bit counts, and whatever stands there, the outcome is an error that says where."""
    sealed = base64.b64decode(one.seal(["x", {"y": 1}], ("web1", 3))["!sealed"])
    at = data.draw(st.integers(0, 1 << 20)) % len(sealed)
    bit = 1 << data.draw(st.integers(0, 7))
    damaged = [
        sealed[:at] + bytes([sealed[at] ^ bit]) + sealed[at + 1 :],
        sealed[:at],
        sealed + b"\0",
        data.draw(st.binary(max_size=300)),
        b"age-encryption.org/v1\n" + data.draw(st.binary(max_size=300)),
        pyrage.encrypt(data.draw(st.binary()), [one._identity.to_public()]),
        pyrage.encrypt(b'[["web1", 3], 1, 2]', [one._identity.to_public()]),
        pyrage.encrypt(b"[" * 100_000, [one._identity.to_public()]),
    ]
    for other in damaged:
        given = {"!sealed": base64.b64encode(other).decode()}
        with pytest.raises(PlanError, match=r"not from where it stands \(web1, 3\)"):
            one.open(given, ("web1", 3))
    odd: Any
    for odd in (None, 1, [], "%%%", "ß"):
        with pytest.raises(PlanError, match="not from where it stands"):
            one.open({"!sealed": odd}, ("web1", 3))


def test_the_same_value_is_never_sealed_the_same_way() -> None:
    sealer = Sealer.new(Key(b"k" * 32))

    assert sealer.seal("x", ()) != sealer.seal("x", ())
    assert Sealer.new(Key(b"k" * 32)).header["salt"] != sealer.header["salt"]


@pytest.mark.parametrize(
    ("text", "mode", "message"),
    [
        ("0123456789abcde\n", 0o600, "at least 16 bytes"),
        ("", 0o600, "at least 16 bytes"),
        ("x" * 70_000, 0o600, "too large"),
        ("0123456789abcdef", 0o640, "others can read or write"),
        ("0123456789abcdef", 0o602, "others can read or write"),
    ],
)
def test_what_is_no_good_key_is_refused(cook: Cook, text: str, mode: int, message: str) -> None:
    key("bad.key", text, mode)
    with pytest.raises(UsageError, match=message):
        Key.read(Path("bad.key"))

    status, said = cook("plan", "r.py", "--local", "-o", "p.cook", "--key", "bad.key")

    assert (status, message in said) == (1, True)
    assert "chmod 600 bad.key" in said or mode == 0o600
    assert not Path("p.cook").exists()


def test_no_key_is_shown() -> None:
    key = Key(b"k" * 32)

    assert "kkk" not in repr(key)
    assert "_key" not in repr(Sealer.new(key))
