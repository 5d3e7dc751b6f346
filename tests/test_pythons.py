"""cook on each Python that this machine has, from a wheel, as somebody begins who is new to it."""

from __future__ import annotations

import configparser
import functools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OLDEST = (3, 11)

_ASK = "import ensurepip, sys, venv; print(*sys.version_info[:2])"


def _candidates() -> Iterator[str]:
    """Yield interpreters that may be there: by name, and those of pyenv, which has shims."""
    yield from (f"python3.{minor}" for minor in range(OLDEST[1], 30))
    yield from ("python3", "/usr/bin/python3")
    for folder in (os.environ.get("PYENV_ROOT", ""), str(Path.home() / ".pyenv")):
        if folder:
            yield from map(str, sorted(Path(folder).glob("versions/3.*/bin/python3"), reverse=True))


@functools.cache
def pythons() -> dict[tuple[int, int], str]:
    """Return the Pythons of this machine that cook is for: this one, and one of each version."""
    found = {sys.version_info[:2]: sys.executable}
    for path in filter(None, map(shutil.which, dict.fromkeys(_candidates()))):
        asked = subprocess.run([path, "-c", _ASK], capture_output=True, text=True, check=False)
        if asked.returncode == 0:  # a shim of pyenv without a version fails
            major, minor = asked.stdout.split()
            found.setdefault((int(major), int(minor)), path)
    return {version: path for version, path in sorted(found.items()) if version >= OLDEST}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Ask the Pythons only if they are tested: some twenty programs, once for each worker."""
    if "version" in metafunc.fixturenames:
        left_out = "not slow" in metafunc.config.option.markexpr
        found = [sys.version_info[:2]] if left_out else list(pythons())
        metafunc.parametrize("version", found, ids=lambda version: ".".join(map(str, version)))


def _classifiers() -> list[tuple[int, int]]:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    assert config["options"]["python_requires"] == f">={OLDEST[0]}.{OLDEST[1]}"
    lines = config["metadata"]["classifiers"].splitlines()
    found = (re.fullmatch(r"Programming Language :: Python :: (\d+)\.(\d+)", one) for one in lines)
    return [(int(one[1]), int(one[2])) for one in found if one]


def test_the_versions_are_the_same_everywhere() -> None:
    """The package, its documentation, setup, and the type checkers, which take the oldest."""
    versions = _classifiers()
    assert versions == [(3, minor) for minor in range(OLDEST[1], versions[-1][1] + 1)]
    told = f"tested with {', '.join(f'3.{minor}' for _, minor in versions[:-1])}"
    told += f" and 3.{versions[-1][1]}"
    for page in ("README.md", "docs/guide/install.md"):
        assert told in " ".join((ROOT / page).read_text().split()), page
    setup = (ROOT / "scripts/setup").read_text()
    assert all(f" python{major}.{minor} " in setup for major, minor in versions)
    assert f"< ({OLDEST[0]}, {OLDEST[1]})" in setup
    for path in ("pyrightconfig.json", "tests/typing/pyrightconfig.json"):
        assert f'"pythonVersion": "{OLDEST[0]}.{OLDEST[1]}"' in (ROOT / path).read_text(), path


def _run(*words: str | Path, folder: Path, status: int = 0) -> str:
    done = subprocess.run(
        [str(word) for word in words],
        cwd=folder,
        env={
            **{k: v for k, v in os.environ.items() if not k.startswith(("COOK", "PYTHON"))},
            "HOME": str(folder),
            "PIP_CACHE_DIR": os.environ.get("PIP_CACHE_DIR") or str(Path.home() / ".cache/pip"),
            "XDG_STATE_HOME": str(folder / "state"),
            "PYTHONWARNINGS": "error:::cookbook",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of what is committed."""
    folder = tmp_path_factory.mktemp("wheel")
    _run("git", "clone", "-q", ROOT, folder / "source", folder=folder)
    words = ("wheel", "-q", "--no-deps", "--disable-pip-version-check", "-w", folder)
    _run(sys.executable, "-m", "pip", *words, folder / "source", folder=folder)
    (built,) = folder.glob("cook_converge-*.whl")
    return built


@pytest.mark.slow
def test_a_beginner_gets_a_recipe_with_tests(
    version: tuple[int, int], wheel: Path, tmp_path: Path
) -> None:
    _run(pythons()[version], "-m", "venv", "--without-pip", tmp_path / "venv", folder=tmp_path)
    python = tmp_path / "venv/bin/python"
    told = _run(python, "-c", "import sys; print(*sys.version_info[:2])", folder=tmp_path)
    assert told.split() == [str(part) for part in version]
    quick = ("-q", "--disable-pip-version-check", "--no-compile")
    into = ("--python", python, "install", *quick, f"{wheel}[test]")
    _run(sys.executable, "-m", "pip", *into, folder=tmp_path)
    cook, shop = tmp_path / "venv/bin/cook", tmp_path / "shop"

    _run(cook, "init", "shop", folder=tmp_path)
    assert _run(cook, "lint", "--hosts", "hosts.yml", folder=shop) == "No findings.\n"
    assert "2 passed" in _run(python, "-m", "pytest", "-q", folder=shop)
    (shop / "r.py").write_text(
        f"from cookbook.resources import file\nfile('{tmp_path}/motd', content='hello\\n')\n"
    )
    planned = _run(cook, "plan", "r.py", "--local", folder=shop, status=2)
    assert f"+ file[{tmp_path}/motd]" in planned
    _run(cook, "converge", "r.py", "--local", folder=shop)
    assert (tmp_path / "motd").read_text() == "hello\n"
    assert "1 ok." in _run(cook, "converge", "r.py", "--local", folder=shop)
    for shell in ("bash", "zsh", "fish"):
        assert "converge" in _run(cook, "completion", shell, folder=shop)
    _run(cook, "man", tmp_path / "man", folder=shop)
    assert (tmp_path / "man/cook-converge.1").exists()
