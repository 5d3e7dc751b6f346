"""A secret that would be an argument of a command, for all users to see, is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from cookbook.cli import main

DECLARED = [
    'cron("a", command=f"curl -u ann:{S} http://x/")',
    'http_check("http://x/", headers={"Authorization": f"Bearer {S}"})',
    'http_check(f"http://ann:{S}@x/")',
    'wait_for("a", path="/etc/x", text=S)',
    'mount("/mnt", device="//x/y", fstype="cifs", options=["username=ann", f"password={S}"])',
    'apt_repository("a", uri=f"https://ann:{S}@example.org/debian", components="main")',
]


@pytest.mark.parametrize("declared", DECLARED)
def test_it_is_refused_when_compiled(
    declared: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r.py").write_text(
        "from cookbook.recipe import secret\nfrom cookbook.resources import *\n"
        f"S = secret('db/password')\n{declared}\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COOK_SECRET_DB_PASSWORD", "correct-horse-battery")
        assert main(["plan", str(tmp_path / "r.py"), "--local"]) == 1

    said = capsys.readouterr().err
    assert "r.py:4" in said
    assert "every user can see the arguments of a running command" in said
    assert "correct-horse-battery" not in said
