"""`make bench`: cook beside `ssh host true`, pyinfra and Ansible, as a table, JSON and a plot."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.cases import CASES, FULL, QUICK, Effort
from bench.clock import BenchError
from bench.contenders import VENV
from bench.figures import Result, document
from bench.lab import Lab

_HERE = Path(__file__).parent
_INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
_PEERS = ("ansible-core", "pyinfra", "matplotlib")


def main() -> int:
    """Measure, and say what came of it: 0 as long as it could be measured."""
    options = _options()
    if os.geteuid() != 0:
        _say("root is needed: hosts are containers (make bench asks sudo)")
        return 1
    _install_peers()
    start = time.monotonic()
    result = _measure(options.only, QUICK if options.quick else FULL)
    _say(f"measured in {time.monotonic() - start:.0f} s")
    machine = _machine()
    _write(result, machine, options.out)
    from bench.table import show  # rich would count as memory of every process we start

    show(result, machine)
    return 0 if result.figures else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer runs, and no Ansible")
    parser.add_argument(
        "--only",
        type=_cases,
        default=list(CASES),
        metavar="CASE,...",
        help=f"only these: {', '.join(CASES)}",
    )
    parser.add_argument("--out", type=Path, default=_HERE / "out", help="where results go")
    return parser.parse_args()


def _cases(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in CASES]:
        raise argparse.ArgumentTypeError(f"no such case: {', '.join(unknown)}")
    return names


def _install_peers() -> None:
    """Install the peers in a separate venv, once."""
    if (VENV / ".installed").exists():
        return
    _say(f"installing {', '.join(_PEERS)} in {VENV.name}, once")
    subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    pip = [str(VENV / "bin/python"), "-m", "pip", "--disable-pip-version-check", "install"]
    # --compile is pip's own default; a workplace that says otherwise would slow the peers.
    subprocess.run([*pip, "--quiet", "--compile", *_PEERS], check=True)
    (VENV / ".installed").touch()


def _measure(names: Sequence[str], effort: Effort) -> Result:
    """Measure the cases in order; one that fails is void and stops no other."""
    result = Result()
    before = _INOTIFY.read_text()
    _INOTIFY.write_text("1024")  # ten hosts need more than the usual 128
    lab = Lab(Path(".kitchen/bench"))
    try:
        for name in names:
            _say(f"{name}: {CASES[name].__doc__}")
            try:
                result += CASES[name](lab, effort)
            except (BenchError, subprocess.SubprocessError) as error:
                result += Result(void=[f"{name}: {error}"])
                _say(f"{name}: {error}")
    finally:
        lab.close()
        _INOTIFY.write_text(before)
    return result


def _machine() -> dict[str, Any]:
    """Return the machine and the versions that were measured."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
        "kernel": platform.release(),
        "python": platform.python_version(),
        "cook": version("cook-converge"),
        **_peer_versions(),
    }


def _peer_versions() -> dict[str, str]:
    code = "import json, sys; from importlib.metadata import version as v; "
    code += "print(json.dumps({n: v(n) for n in sys.argv[1:]}))"
    command = [str(VENV / "bin/python"), "-c", code, *_PEERS[:2]]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    versions: dict[str, str] = json.loads(answer.stdout)
    return versions


def _write(result: Result, machine: dict[str, Any], folder: Path) -> None:
    """Leave results.json and bench.png."""
    folder.mkdir(parents=True, exist_ok=True)
    results = folder / "results.json"
    results.write_text(json.dumps(document(result, machine), indent=2) + "\n")
    plot = [str(VENV / "bin/python"), str(_HERE / "plot.py"), str(results)]
    subprocess.run([*plot, str(folder / "bench.png")], check=True)
    _say(f"see {results} and {folder / 'bench.png'}")


def _say(line: str) -> None:
    print(f"bench: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
