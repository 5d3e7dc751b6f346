"""The package of docs/plugins.md, as a wheel beside cook in a new virtual environment."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
FILE = re.compile(r"^`([\w./]+)`[^\n]*:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)

RECIPE = 'from cook_maintenance import maintenance_flag\nmaintenance_flag("{}", message="{}")\n'


def run(*words: str | Path, folder: Path, status: int = 0) -> str:
    """Run a program; return what it prints on either stream."""
    ended = subprocess.run(
        [str(word) for word in words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "XDG_STATE_HOME": str(folder / "state"), "HOME": str(folder)},
    )
    assert ended.returncode == status, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with cook and the plugin, both installed from wheels."""
    folder = tmp_path_factory.mktemp("installed")
    package = folder / "package"
    for name, text in FILE.findall((ROOT / "docs/plugins.md").read_text()):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    (package / "cook_maintenance/py.typed").touch()
    source = folder / "cook"
    run("git", "clone", "-q", ROOT, source, folder=folder)
    wheel = ("wheel", "-q", "--no-deps", "-w", folder / "wheels", "--disable-pip-version-check")
    run(sys.executable, "-m", "pip", *wheel, source, package, folder=folder)
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", folder=folder)
    wheels = sorted((folder / "wheels").glob("*.whl"))
    assert len(wheels) == 2
    into = ("--python", folder / "venv/bin/python", "install", "-q")
    run(sys.executable, "-m", "pip", *into, *wheels, folder=folder)
    return folder / "venv"


@pytest.fixture
def cook(venv: Path) -> Path:
    """The command `cook` of that environment."""
    return venv / "bin/cook"


def test_its_resource_type_is_listed(cook: Path, tmp_path: Path) -> None:
    assert "maintenance_flag" in run(cook, "resources", folder=tmp_path)
    said = run(cook, "resources", "maintenance_flag", "--output", "json", folder=tmp_path)
    shown = json.loads(said)["resources"]["maintenance_flag"]
    assert shown["properties"]["message"]["default"] == "Back soon."
    assert "create" in shown["actions"]


def test_it_is_saved_applied_recorded_undone_and_pruned(cook: Path, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    (tmp_path / "r.py").write_text(RECIPE.format(flag, "one"))

    run(cook, "plan", "r.py", "--local", "-o", "plan.json", folder=tmp_path, status=2)
    assert not flag.exists()
    run(cook, "apply", "plan.json", "--local", folder=tmp_path)
    assert flag.read_text() == "one\n"
    assert "Resources: 1 ok." in run(cook, "converge", "r.py", "--local", folder=tmp_path)
    (tmp_path / "r.py").write_text(RECIPE.format(flag, "two"))
    run(cook, "converge", "r.py", "--local", folder=tmp_path)
    assert flag.read_text() == "two\n"
    assert "message: one -> two" in run(
        cook, "blame", f"maintenance_flag[{flag}]", "--host", "localhost", folder=tmp_path
    )
    run(cook, "undo", "last", "--local", "--yes", folder=tmp_path)
    assert flag.read_text() == "one\n"
    (tmp_path / "r.py").write_text("")
    run(cook, "converge", "r.py", "--local", "--prune", folder=tmp_path)
    assert not flag.exists()


def test_its_cases_are_checked(venv: Path, tmp_path: Path) -> None:
    cases = venv.parent / "package/cases.yml"
    check = (
        "import sys, yaml; from cookbook.testing import check_case\n"
        "cases = yaml.safe_load(open(sys.argv[1]))\n"
        "for case in cases: check_case(case)\n"
        "print(len(cases), 'cases')"
    )
    assert "4 cases" in run(venv / "bin/python", "-c", check, cases, folder=tmp_path)


@pytest.mark.parametrize(
    ("value", "status"), [('"text"', 0), ("5", 1)], ids=["right", "wrong type"]
)
def test_mypy_checks_a_recipe_with_it(venv: Path, tmp_path: Path, value: str, status: int) -> None:
    (tmp_path / "r.py").write_text(
        "from cook_maintenance import maintenance_flag\n"
        "from cookbook.resources import file\n"
        'file("/etc/motd", content="x")\n'
        f'maintenance_flag("/srv/x", message={value})\n'
    )
    python = venv / "bin/python"
    said = run(
        sys.executable, "-m", "mypy", "--strict", "--python-executable", python, "r.py",
        folder=tmp_path, status=status,
    )  # fmt: skip
    assert ("arg-type" in said) == (status == 1)
