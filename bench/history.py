"""
`python -m bench.history`: what the history costs a run, and how fast it answers.

It needs no hosts: the runs are on this machine, and 10,000 of them are written as journals.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.clock import Call, alternate, run, settle
from bench.figures import Bar, Figure
from cookbook.text.user_dirs import journals

_COOK = [sys.executable, "-m", "cookbook.cli"]
_RECIPE = """\
from cookbook.recipe import node
from cookbook.resources import file
for number in range(50):
    file(f"{node.vars['folder']}/{number}", content=f"{number}\\n")
"""
_HOSTS = 100
_RESOURCES = 50
_DAY = 86400
_SECOND_OF_2026 = 1767225600
_NOBODY = 0.37
"""Seconds that W50 takes over SSH with nothing to do, without a history (docs/performance.md)."""


def main() -> int:
    """Measure, and print it."""
    parser = argparse.ArgumentParser(prog="python -m bench.history", description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000, help="runs in the history (10000)")
    parser.add_argument("--only-cost", action="store_true", help="only what it costs a run")
    parser.add_argument("--store", metavar="URL", help="an empty database on a server (SQLite)")
    parser.add_argument("--rounds", type=int, default=20, help="times each is measured (20)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cook-bench-") as scratch:
        folder = Path(scratch)
        _say_bars(_overhead(folder, options.rounds))
        if not options.only_cost:
            _say_bars(_answers(folder, options.runs, options.rounds, options.store))
    return 0


def _overhead(folder: Path, rounds: int) -> list[Bar]:
    """50 files in line on this machine, with and without a record."""
    (folder / "r.py").write_text(_RECIPE)
    (folder / "files").mkdir()
    words = [*_COOK, "converge", str(folder / "r.py"), "--local", "--set", f"folder={folder}/files"]
    state = {"XDG_STATE_HOME": str(folder / "state")}  # found as a user's is
    calls = [
        Call("without", [*words, "--no-record"], environment=state),
        Call("with", words, environment=state),
    ]
    settle(calls)
    samples = alternate(calls, {"with": rounds, "without": rounds})
    cost = _medians("converge", samples)
    return [
        Bar(
            "a record, of a run of 0.37 s", 100 * (cost["with"] - cost["without"]) / _NOBODY, 5, "%"
        )
    ]


def _answers(folder: Path, runs: int, rounds: int, store: str | None) -> list[Bar]:
    """How long whole processes take to ask a history of many runs."""
    state = folder / "many"
    environment = {"COOK_STATE": str(state), "COOK_STORE": store or ""}
    os.environ.update(environment)
    _write_journals(journals(store), runs)
    start = time.perf_counter()
    run(Call("first", [*_COOK, "history"], environment=environment))
    print(f"{runs} journals of {_RESOURCES} resources read in {time.perf_counter() - start:.1f} s")
    if store is None:
        print(f"the database has {(state / 'history.db').stat().st_size / 1e6:.0f} MB")
    asked = {
        "history": ["history"],
        "history --host --changed": ["history", "--host", "web7", "--changed"],
        "history --resource": ["history", "--resource", "file[/srv/7]", "--since", "30d"],
        "show last": ["show", "last"],
        "blame --host": ["blame", "file[/srv/7]", "--host", "web7"],
        "blame": ["blame", "file[/srv/7]"],
        "status": ["status", "--hosts", str(_inventory(folder))],
    }
    calls = [Call(who, [*_COOK, *words], environment=environment) for who, words in asked.items()]
    settle(calls)
    found = _medians("answer", alternate(calls, dict.fromkeys(asked, rounds)))
    return [Bar(f"cook {who}", seconds, 0.5, "s") for who, seconds in found.items()]


def _inventory(folder: Path) -> Path:
    path = folder / "hosts.yml"
    hosts = "".join(f"  web{number}: {{}}\n" for number in range(_HOSTS))
    path.write_text(f"hosts:\n{hosts}")
    return path


def _medians(case: str, samples: Any) -> dict[str, float]:
    figures = [Figure(case, who, [one.seconds for one in runs]) for who, runs in samples.items()]
    for one in figures:
        least, most = min(one.runs), max(one.runs)
        print(f"{case}: {one.who}: median {one.median:.3f} s, {least:.3f} to {most:.3f}")
    return {one.who: one.median for one in figures}


def _say_bars(bars: Sequence[Bar]) -> None:
    for bar in bars:
        said = "met" if bar.met else "MISSED"
        print(f"{bar.text}: {bar.value:.3f} {bar.unit}, at most {bar.limit} {bar.unit}: {said}")


def _write_journals(folder: Path, runs: int) -> None:
    """Write runs of a hundred hosts; each run has another change."""
    folder.mkdir(parents=True)
    for number in range(runs):
        name = time.strftime("%Y%m%dT%H%M%S", time.gmtime(_time_of(number)))
        lines = "".join(
            f"{json.dumps(line)}\n" for line in _journal(number, f"{name}-{number:04x}")
        )
        (folder / f"{name}-{number:04x}.jsonl").write_text(lines)


def _time_of(number: int) -> float:
    return _SECOND_OF_2026 + number * _DAY / 50


def _journal(number: int, name: str) -> Iterator[dict[str, Any]]:
    host, revision = f"web{number % _HOSTS}", f"{number:040x}"
    started = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(_time_of(number)))
    yield {"kind": "run", "format": 1, "version": "0.1.0", "run": name, "mode": "converge"} | {
        "started": started,
        "by": "ann@laptop",
        "origin": "192.0.2.7",
        "command": ["cook", "converge", "r.py", "--hosts", "hosts.yml", "--limit", host],
        "recipes": ["r.py"],
        "hosts": [host],
    }
    changed = number // _HOSTS % _RESOURCES
    told = [_step(one, number if one == changed else None) for one in range(_RESOURCES)]
    yield {"kind": "steps", "host": host, "steps": told}
    yield {"kind": "host", "host": host, "status": "changed", "began": 0.0, "seconds": 0.3} | {
        "exchanges": 3,
        "error": None,
        "machine_id": f"{number % _HOSTS:032x}",
        "in_line": 100.0,
    }
    yield {"kind": "finished", "exit": 0, "seconds": 0.4, "recipes": ["r.py"]} | {
        "sources": {"r.py": revision},
        "revision": revision,
        "in_line": 100.0,
    }


def _step(number: int, changed_by: int | None) -> dict[str, Any]:
    wanted = {"content": f"{changed_by or 0:064x}", "mode": "0644", "owner": "root"}
    document = {
        "id": f"file[/srv/{number}]",
        "where": f"r.py:{number}",
        "status": "ok" if changed_by is None else "changed",
        "kind": "none" if changed_by is None else "update",
        "changes": {} if changed_by is None else {"content": ["0" * 64, wanted["content"]]},
        "diff": None if changed_by is None else f"-old\n+line {changed_by}\n" * 10,
        "began": 0.1,
        "seconds": 0.01,
    }
    resource = {"resource": "file", "name": f"/srv/{number}"}
    sides = {"found": wanted, "wanted": wanted, "left": wanted, "act": None}
    return {"document": document, "state": {"provider": "file", "resource": resource, **sides}}


if __name__ == "__main__":
    os.environ.pop("COOK_STORE", None)
    sys.exit(main())
