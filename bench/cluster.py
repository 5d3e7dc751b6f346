"""A cluster on this machine with simulated hosts: what a run of so many takes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bench.clock import BenchError, Call, run
from bench.contenders import cook_command

_ROOT = Path(__file__).parents[1]
_RECIPE = """\
from cookbook.recipe import node
from cookbook.resources import directory, file, link, line

HOME = node.vars["simulation"]["folder"] + "/host"
directory(HOME, mode="0755")
for number in range(21):
    file(f"{HOME}/f{number}", content=f"file {number}\\n" * 20, mode="0644")
for number in range(5):
    link(f"{HOME}/l{number}", to=f"{HOME}/f{number}")
file(f"{HOME}/lines", action="create_if_missing")
for number in range(2):
    line(f"simulated.{number} = on", path=f"{HOME}/lines")
"""
RESOURCES = 30
_POPS = 20
_LOOK = 1.0


@dataclass(frozen=True)
class Fleet:
    """Simulated hosts: their inventory, recipe, and the environment of processes that know them."""

    folder: Path
    hosts: int

    @property
    def environment(self) -> dict[str, str]:
        """For all processes: the plugin, and a state of its own."""
        return {
            "PYTHONPATH": f"{self.folder / 'plugin'}:{_ROOT}",
            "COOK_STATE": str(self.folder / "state"),
        }


class ClusterFigures(NamedTuple):
    """What a run took. Memory in MB, sizes in bytes, times in seconds."""

    hosts: int
    seconds: float
    cpu: float
    """Of the client, the scheduler and all that the workers have started."""

    client_cpu: float
    client: float
    scheduler: float
    workers: float
    """The most that the workers had at once, with the processes of cook."""

    report: int
    journals: int
    history: float
    """Seconds of CPU of the first `cook history` after the run, which reads the journals."""

    database: int
    states: dict[str, int]


def make_fleet(folder: Path, hosts: int, latency: float = 0.02, away: float = 0.01) -> Fleet:
    """Write the inventory, the recipe and the plugin; bring the recorded host into line."""
    answers = folder / "answers"
    answers.mkdir(parents=True)
    info = folder / "plugin" / "cook_bench_simulated.dist-info"
    info.mkdir(parents=True)
    (info / "entry_points.txt").write_text("[cookbook]\nsimulated = bench.simulated\n")
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: cook-bench-simulated\nVersion: 1\n"
    )
    work = folder / "work"
    work.mkdir()
    (work / "simulated.py").write_text(_RECIPE)
    simulation = {"folder": str(answers), "latency": latency, "away": away, "lost": 0.002}
    lines = [f"  h{number:06}: {{vars: {{pop: p{number % _POPS}}}}}\n" for number in range(hosts)]
    head = f"defaults: {{transport: simulated, vars: {{simulation: {json.dumps(simulation)}}}}}\n"
    (work / "hosts.yml").write_text(f"{head}hosts:\n{''.join(lines)}")
    seed = {"transport": "local", "vars": {"simulation": simulation}}
    (folder / "seed.yml").write_text(json.dumps({"hosts": {"seed": seed}}))
    fleet = Fleet(folder, hosts)
    words = [*cook_command(), "converge", str(work / "simulated.py"), "--no-record"]
    words += ["--hosts", str(folder / "seed.yml")]
    home = {"COOK_HOME": str(answers / "home")}
    run(Call("seed", words, environment={**fleet.environment, **home}))
    return fleet


@contextlib.contextmanager
def local_cluster(fleet: Fleet, workers: int = 2) -> Iterator[tuple[str, Sequence[int]]]:
    """Start a scheduler and workers; yield the URL, and their process ids, the scheduler first."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"tcp://127.0.0.1:{port}"
    dask = [str(Path(sys.executable).with_name("dask"))]
    scheduler = [*dask, "scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
    worker = [*dask, "worker", url, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    worker += ["--memory-limit", "0", "--local-directory", str(fleet.folder / "dask")]
    environment = {**os.environ, **fleet.environment}
    started: list[subprocess.Popen[bytes]] = []
    try:
        null = subprocess.DEVNULL
        started.extend(
            subprocess.Popen(words, env=environment, stdin=null, stdout=null, stderr=null)
            for words in (scheduler, *[worker] * workers)
        )
        _wait_for(url, workers)
        yield url, [process.pid for process in started]
    finally:
        for process in reversed(started):
            process.send_signal(signal.SIGTERM)
        for process in started:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            if process.poll() is None:
                process.kill()
                process.wait()


def _wait_for(url: str, workers: int) -> None:
    from distributed import Client

    client = Client(url, timeout=60, set_as_default=False)  # type: ignore[no-untyped-call]  # dask has no types
    with client:
        client.wait_for_workers(workers, timeout=60)


def measure(fleet: Fleet, workers: int = 2) -> ClusterFigures:
    """Run the recipe on all hosts by a cluster. Raises BenchError if the answers are not whole."""
    words = [*cook_command(), "converge", "simulated.py", "--hosts", "hosts.yml"]
    words += ["--output", "json"]
    with local_cluster(fleet, workers) as (url, processes), _watching(processes[1:]) as most:
        before = sum(map(_cpu, _below(processes)))
        script = 'cd "$1" && shift && exec "$@"'
        inside = ["sh", "-c", script, "sh", str(fleet.folder / "work"), *words, "--cluster", url]
        command = Call("cluster", _tolerant(inside), environment=fleet.environment, document=True)
        sample = run(command)
        cpu = sample.cpu + sum(map(_cpu, _below(processes))) - before
        scheduler = _peak(processes[0])
    document = json.loads(sample.output)
    states: dict[str, int] = {}
    for host in document["hosts"].values():
        states[host["status"]] = states.get(host["status"], 0) + 1
    if len(document["hosts"]) != fleet.hosts or set(states) - {"ok", "unreachable"}:
        raise BenchError(f"{len(document['hosts'])} of {fleet.hosts} hosts: {states}")
    state = fleet.folder / "state"
    journals = sum(path.stat().st_size for path in (state / "journal").glob("*.jsonl"))
    history = run(Call("history", [*cook_command(), "history"], environment=fleet.environment))
    return ClusterFigures(
        fleet.hosts, sample.seconds, cpu, sample.cpu, sample.megabytes, scheduler, most[0],
        len(sample.output), journals, history.cpu, (state / "history.db").stat().st_size,
        states,
    )  # fmt: skip


def _tolerant(words: Sequence[str]) -> list[str]:
    """Return a command that also succeeds if some hosts were unreachable: that is the status 4."""
    return ["sh", "-c", '"$@"; s=$?; [ $s = 4 ] || exit $s', "sh", *words]


def _cpu(pid: int) -> float:
    """Return the seconds of processor time of a process and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _peak(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


@contextlib.contextmanager
def _watching(processes: Sequence[int]) -> Iterator[list[float]]:
    """Look again and again how much memory processes have, with all below them; keep the most."""
    most, done = [0.0], threading.Event()

    def look() -> None:
        while not done.wait(_LOOK):
            most[0] = max(most[0], _tree(processes))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield most
    finally:
        done.set()
        thread.join()


def _tree(roots: Sequence[int]) -> float:
    """Return the memory, in MB, of processes and all below them; shared pages are shared out."""
    total = 0
    for pid in _below(roots):
        with contextlib.suppress(OSError):
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(rollup.partition("\nPss:")[2].split()[0])
    return total / 1024


def _below(roots: Sequence[int]) -> set[int]:
    """Return these processes, and all that they have started."""
    parents: dict[int, int] = {}
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            fields = (place / "stat").read_text().rpartition(")")[2].split()
            parents[int(place.name)] = int(fields[1])
    found = set(roots)
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def main() -> int:
    """`python -m bench.cluster 1000 5000`: measure fleets of these sizes, a line for each."""
    import tempfile

    for hosts in map(int, sys.argv[1:]):
        with tempfile.TemporaryDirectory(prefix="cook-cluster-", dir="/var/tmp") as folder:
            start = time.monotonic()
            fleet = make_fleet(Path(folder), hosts)
            load = os.getloadavg()[0]
            print(measure(fleet)._asdict() | {"load before": load}, flush=True)
            print(f"in {time.monotonic() - start:.0f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
