"""`cook features`: which hosts have which feature, and why."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cookbook.cli import main
from tests.texts import check

HOSTS = """\
defaults: {transport: local}
hosts:
  web[1:3]: {vars: {shop: a}}
  db1: {}
groups:
  web: {hosts: ["web[1:3]"]}
"""
FEATURES = """\
new_tls: {share: 50%, groups: web, note: TLS 1.3 only}
by_shop: {share: 60%, by: shop}
old: {killed: "ann: it crashes"}
later: {from: 2099-12-24, always: web1, never: db1}
modern: {when: "facts.init != 'x'", groups: web}
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("hosts.yml").write_text(HOSTS)
    Path("features.yml").write_text(FEATURES)


def test_the_text(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["features", "--hosts", "hosts.yml"]) == 0
    check("features", capsys.readouterr().out, {str(tmp_path): "/tmp/d"})


def test_another_time_and_facts_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["features", "--hosts", "hosts.yml", "later", "modern", "--at", "2099-12-24T00:00Z"]
    assert main([*words, "--limit", "web2", "--output", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["at"] == "2099-12-24T00:00:00+00:00"
    assert told["features"]["later"]["hosts"]["web2"] == {
        "on": True,
        "why": "since 2099-12-24 00:00 UTC",
        "detail": "",
        "conditions": [
            {"rule": "from", "holds": True, "text": "since 2099-12-24 00:00 UTC", "detail": ""}
        ],
    }
    assert told["features"]["modern"]["hosts"]["web2"]["on"] is None

    assert main([*words, "--limit", "web2", "--output", "json", "--facts"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["features"]["modern"]["hosts"]["web2"]["on"] is True


def test_a_variable_of_the_command_line_counts(capsys: pytest.CaptureFixture[str]) -> None:
    Path("features.yml").write_text("a: {when: vars.wave == 2}")
    assert main(["features", "--hosts", "hosts.yml"]) == 1
    assert "no host has the variable 'wave'" in capsys.readouterr().err

    assert main(["features", "--hosts", "hosts.yml", "--set", "wave=2"]) == 0
    assert "a: on for 4 of 4 hosts" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["lather"], "there is no feature 'lather' in features.yml"),
        (["--at", "18:00"], "'18:00': a date (2026-12-24) or a time"),
        (["--features", "no.yml"], "no.yml: cannot be read: no such file"),
    ],
)
def test_wrong_words(words: list[str], error: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        status = main(["features", "--hosts", "hosts.yml", *words])
    except SystemExit as ended:
        status = int(str(ended.code))

    assert status == 1
    assert error in capsys.readouterr().err


def test_without_a_file_there_are_none(capsys: pytest.CaptureFixture[str]) -> None:
    Path("features.yml").unlink()

    assert main(["features", "--hosts", "hosts.yml"]) == 1
    assert "there is no features.yml" in capsys.readouterr().err


def test_a_run_reads_the_file_beside_the_inventory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("r.py").write_text(
        "from cookbook.recipe import node\nfrom cookbook.resources import file\n"
        f"file(f'{tmp_path}/x', content='on' if node.feature('later') else 'off', mode='0644')\n"
    )
    words = ["--hosts", "hosts.yml", "--limit", "web1", "--output", "json"]
    assert main(["converge", "r.py", *words]) == 0
    told = json.loads(capsys.readouterr().out)

    assert (tmp_path / "x").read_text() == "on"
    assert set(told["sources"]) == {"features.yml", "hosts.yml", "r.py"}


def test_an_environment_counts(capsys: pytest.CaptureFixture[str]) -> None:
    Path("hosts.yml").write_text(
        "environments: {staging: {}, production: {}}\n"
        "hosts: {web1: {environment: staging}, web2: {environment: production}}\n"
    )
    Path("features.yml").write_text("a: {when: environment == 'staging'}")

    assert main(["features", "--hosts", "hosts.yml"]) == 0
    assert "on   web1" in (said := capsys.readouterr().out)
    assert "off  web2" in said
    assert main(["features", "--hosts", "hosts.yml", "--environment", "staging"]) == 0
    assert "a: on for 2 of 2 hosts" in capsys.readouterr().out


def test_a_wrong_file_reaches_no_host(capsys: pytest.CaptureFixture[str]) -> None:
    Path("r.py").write_text("from cookbook.recipe import node\nnode.facts.kernel\n")
    Path("features.yml").write_text("a: {shar: 1%}")

    assert main(["plan", "r.py", "--hosts", "hosts.yml"]) == 1
    check("wrong-features", capsys.readouterr().err, {})


def test_this_machine_alone_has_an_inventory() -> None:
    """In a process of its own: the transports are registered by what a command imports."""
    words = [sys.executable, "-P", "-m", "cookbook.cli", "inventory", "--local"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
