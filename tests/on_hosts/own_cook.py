"""Cook on a test host itself, with Debian's Python: for services that run there."""

from __future__ import annotations

import re
import subprocess
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from cookbook.kitchen import KitchenHost

_TO = "/usr/local/lib/python3.11/dist-packages"
_SOURCES = Path(__file__).parents[2] / "cookbook"


def install_cook(host: KitchenHost, *others: str) -> None:
    """Install Debian's Python and these packages of Debian, and our own code and libraries."""
    packages = " ".join(("python3", *others))
    environment = "DEBIAN_FRONTEND=noninteractive"
    do(host, f"apt-get update -qq; {environment} apt-get install -qqy {packages}", seconds=900)
    target = Path(f"/proc/{host.leader}/root{_TO}")
    target.mkdir(parents=True, exist_ok=True)
    for name in _needed("cook-converge", set()):
        if name != "cook-converge":
            _copy(name, target)
    subprocess.run(["cp", "-rL", str(_SOURCES), str(target)], check=True)
    do(
        host,
        "printf '%s\\n' '#!/usr/bin/python3' 'from cookbook.cli import run' 'run()'"
        " >/usr/local/bin/cook; chmod +x /usr/local/bin/cook; cook --version",
    )


def do(host: KitchenHost, command: str, *, seconds: float = 300) -> str:
    """Run a command as root on the host; return its output. It must succeed."""
    done = host.run(f"set -e\n{command}", timeout=seconds)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _needed(name: str, known: set[str]) -> set[str]:
    """Return a distribution and what it needs, without extras."""
    if name in known:
        return known
    known.add(name)
    for one in distribution(name).requires or ():
        if ";" not in one or "extra" not in one:
            needed = re.split(r"[^A-Za-z0-9_.-]", one, maxsplit=1)[0]
            try:
                _needed(needed, known)
            except PackageNotFoundError:  # for other versions of Python
                known.discard(needed)
    return known


def _copy(name: str, target: Path) -> None:
    found = distribution(name)
    files = [file for file in found.files or () if ".." not in file.parts]
    root = found.locate_file("")
    names = "\0".join(str(file) for file in files if Path(str(found.locate_file(file))).is_file())
    pack = ["tar", "-C", str(root), "--null", "-T", "-", "-cf", "-"]
    packed = subprocess.run(pack, check=True, input=names.encode(), stdout=subprocess.PIPE)
    subprocess.run(["tar", "-C", str(target), "-xf", "-"], check=True, input=packed.stdout)
