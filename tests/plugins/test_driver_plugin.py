"""The example of docs/plugins.md that adds a driver for kitchen suites, as if it were installed."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from cookbook.cli import main
from cookbook.inventory.host_driver import DRIVERS
from cookbook.plugins.manager import plugins, registrations

PAGE = Path(__file__).parents[2] / "docs/plugins.md"
CONTROL = """\
#!/bin/sh
echo "$*" >>{log}
[ "$1" != create ] || exit 1
"""


@pytest.fixture
def jails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The log of what jail-ctl is called with; it makes no jail."""
    [code] = re.findall(r'```python\n("""The driver .*?)```', PAGE.read_text(), re.DOTALL)
    module = ModuleType("cook_jails.plugin")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(code, "plugin.py", "exec"), module.__dict__)  # noqa: S102 - of our own page
    plugins().register(module)
    registrations.cache_clear()
    control, log = tmp_path / "bin/jail-ctl", tmp_path / "log"
    control.parent.mkdir()
    control.write_text(CONTROL.format(log=log))
    control.chmod(0o755)
    monkeypatch.setenv("PATH", f"{control.parent}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COOK_KITCHEN", str(tmp_path / ".kitchen"))
    Path("web.py").touch()
    yield log
    plugins().unregister(module)
    registrations.cache_clear()


def test_a_driver_of_a_plugin(jails: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "jails" in DRIVERS.places
    Path("kitchen.yml").write_text("suites: {web: {recipes: [web.py], driver: jails}}\n")
    assert main(["kitchen", "test"]) == 1
    assert "the driver `jails` needs a pool" in capsys.readouterr().err
    assert not jails.exists()
    driver = "{name: jails, pool: a}"
    Path("kitchen.yml").write_text(f"suites: {{web: {{recipes: [web.py], driver: {driver}}}}}\n")
    assert main(["kitchen", "test"]) == 3
    assert "create    failed" in capsys.readouterr().out
    assert jails.read_text().splitlines() == [
        "remove --if-exists web-bookworm-h1",
        "create web-bookworm-h1 --release bookworm",
        "remove --if-exists web-bookworm-h1",
    ]
