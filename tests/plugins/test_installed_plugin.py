"""The packages of docs/plugins.md and docs/guide/sharing.md beside cook in a new venv."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
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


def test_the_wheel_has_all_files_of_the_checkout(venv: Path) -> None:
    """`resources` and `providers` are links in `cookbook` to the folders at the top level."""
    listed = run("git", "ls-files", *("cookbook", "resources", "providers"), folder=ROOT).split()
    there = {f"cookbook/{name.removeprefix('cookbook/')}" for name in listed}
    (wheel,) = (venv.parent / "wheels").glob("cook_converge-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("cookbook/")}
    links = {"cookbook/resources", "cookbook/providers"}
    assert packed == there - links


def test_one_file_has_cook_and_its_libraries(venv: Path, tmp_path: Path) -> None:
    """As `make zipapp` builds it, of what is installed already."""
    (packages,) = (venv / "lib").glob("python*/site-packages")
    shiv = ("-m", "shiv", "--site-packages", packages, "-c", "cook")
    run(sys.executable, *shiv, "-o", tmp_path / "cook.pyz", folder=tmp_path)
    (tmp_path / "r.py").write_text(RECIPE.format(tmp_path / "flag", "one"))
    cook = (sys.executable, "-I", tmp_path / "cook.pyz")
    run(*cook, "converge", "r.py", "--local", folder=tmp_path)
    assert (tmp_path / "flag").read_text() == "one\n"


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


def test_a_shared_cookbook_is_built_tested_locked_and_installed(venv: Path, tmp_path: Path) -> None:
    package = tmp_path / "acme-web"
    for name, text in FILE.findall((ROOT / "docs/guide/sharing.md").read_text()):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    (package / "acme_web/py.typed").touch()
    tested = run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", folder=package)
    assert "1 passed" in tested
    build = ("wheel", "-q", "--no-deps", "-w", "wheels", "--disable-pip-version-check", package)
    run(sys.executable, "-m", "pip", *build, folder=tmp_path)
    (wheel,) = (tmp_path / "wheels").glob("acme_web-1.2.0-*.whl")
    into = ("--python", venv / "bin/python", "install", "-q", "--no-index", "--no-deps")
    lock = ("--require-hashes", "--find-links", "wheels", "-r", "requirements.txt")
    for digest, status in (("0" * 64, 1), (hashlib.sha256(wheel.read_bytes()).hexdigest(), 0)):
        locked = f"acme-web==1.2.0 --hash=sha256:{digest}\n"
        (tmp_path / "requirements.txt").write_text(locked)
        run(sys.executable, "-m", "pip", *into, *lock, folder=tmp_path, status=status)
    (tmp_path / "r.py").write_text(
        f"from acme_web import site\nsite('shop', port=8080, folder={str(tmp_path)!r})\n"
    )
    run(venv / "bin/cook", "converge", "r.py", "--local", folder=tmp_path)
    assert "listen 8080;" in (tmp_path / "shop.conf").read_text()


@pytest.fixture
def contained() -> Iterator[int]:
    """A process with namespaces of its own for mounts and the host name; its number."""
    words = ("unshare", "--mount", "--uts", "sleep", "infinity")
    with subprocess.Popen(words) as process:
        try:
            while Path(f"/proc/{process.pid}/comm").read_text() != "sleep\n":
                time.sleep(0.01)
            yield process.pid
        finally:
            process.kill()


def test_its_transport_reaches_a_host(cook: Path, tmp_path: Path, contained: int) -> None:
    (tmp_path / "hosts.yml").write_text(
        f"hosts: {{web: {{transport: namespace, vars: {{pid: {contained}}}}}}}\n"
    )
    (tmp_path / "r.py").write_text(
        "from cookbook.resources import execute\n"
        'execute("rename", command="hostname inside", not_if="[ $(hostname) = inside ]")\n'
    )
    before = os.uname().nodename
    for changed in (1, 0):
        said = run(
            cook, "converge", "r.py", "--hosts", "hosts.yml", "--output", "json", folder=tmp_path
        )
        assert json.loads(said[said.index("{\n") :])["totals"]["changed"] == changed
    name = run("nsenter", "--target", str(contained), "--uts", "hostname", folder=tmp_path)
    assert name == "inside\n"
    assert os.uname().nodename == before


def test_an_unknown_transport_is_named_with_its_line(cook: Path, tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").write_text("hosts:\n  web:\n    transport: namespaces\n")
    (tmp_path / "r.py").write_text("")
    said = run(cook, "converge", "r.py", "--hosts", "hosts.yml", folder=tmp_path, status=1)
    assert "hosts.yml:3" in said
    assert "namespaces" in said


def test_its_report_format_is_written(cook: Path, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    (tmp_path / "r.py").write_text(RECIPE.format(flag, "one"))
    run(cook, "converge", "r.py", "--local", "--report", "out.csv", folder=tmp_path)
    assert (tmp_path / "out.csv").read_text() == (
        f"host,resource,status\nlocalhost,maintenance_flag[{flag}],changed\n"
    )
    said = run(cook, "drift", "r.py", "--local", "--format", "csv", folder=tmp_path)
    assert f"localhost,maintenance_flag[{flag}],ok\n" in said


@pytest.fixture(scope="module")
def editable(venv: Path) -> Path:
    """A virtual environment with an editable install of cook; type checkers need no libraries."""
    folder = venv.parent
    run(sys.executable, "-m", "venv", "--without-pip", folder / "editable", folder=folder)
    into = ("--python", folder / "editable/bin/python", "install", "-q", "--no-deps")
    run(sys.executable, "-m", "pip", *into, "-e", folder / "cook", folder=folder)
    return folder / "editable"


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_an_editable_install_is_typed_outside_the_checkout(
    editable: Path, tmp_path: Path, checker: str
) -> None:
    (tmp_path / "r.py").write_text(
        "from cookbook.resources import file\n"
        "from cookbook.recipe import node\n"
        'file("/etc/motd", content=node.name)\n'
        'file("/etc/motd", content=5)\n'
    )
    python = editable / "bin/python"
    words: tuple[str | Path, ...] = ("mypy", "--strict", "--python-executable", python, "r.py")
    if checker == "pyright":
        words = ("pyright", "--pythonpath", python, "r.py")
    said = run(sys.executable, "-m", *words, folder=tmp_path, status=1)
    assert "r.py:4" in said
    assert "1 error" in said


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
    cache = ("--cache-dir", venv.parent / "mypy")
    words = ("--strict", "--python-executable", python, *cache, "r.py")
    said = run(sys.executable, "-m", "mypy", *words, folder=tmp_path, status=status)
    assert ("arg-type" in said) == (status == 1)
