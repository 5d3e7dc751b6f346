"""
Metrics for Prometheus: in a file for the textfile collector of node_exporter, or by HTTP.

prometheus_client writes and parses the format; it is in the extra `cook-converge[metrics]`, and is
imported late. A file that is there is read first, so counters go on from run to run.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

from cookbook.errors import Locked, ReportError, UsageError
from cookbook.reports.phrases import host_state, outcomes
from cookbook.watch.log import turn_state
from cookbook.watch.loop import WatchListener
from cookbook.watch.settings import WatchGroup, WatchMode, WatchSettings
from cookbook.watch.turn import TurnResult

if TYPE_CHECKING:
    from cookbook.reports.schema import Document, HostDocument

_MOST_HOSTS = 10_000
"""Hosts with values of their own; of a larger fleet the groups are told only."""

_FORGOTTEN = 30 * 86_400
"""Seconds after its last run when a host leaves the file."""

_MOST_BYTES = 64 * 1024**2

BUCKETS = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
"""Upper limits of the durations of runs, in seconds."""

_RESULTS = {
    0: "ok",
    1: "wrong-input",
    2: "drift",
    3: "failed",
    4: "unreachable",
    130: "interrupted",
}

_AVERTED = {"locked-out": "taken-back", "would-lock-out": "refused"}
"""Code of an error -> how the lock-out was averted."""


class _Family(NamedTuple):
    kind: Literal["counter", "gauge"]
    labels: tuple[str, ...]
    help: str


_FAMILIES: dict[str, _Family] = {
    "cook_runs": _Family("counter", ("group", "mode", "result"), "Runs by their result."),
    "cook_host_failures": _Family(
        "counter", ("group", "code"), "Hosts that failed, by the code of the error."
    ),
    "cook_lockouts_averted": _Family(
        "counter",
        ("group", "how"),
        "Changes that would have locked out the operator: taken back by the host, or refused.",
    ),
    "cook_turns_skipped": _Family(
        "counter", ("group",), "Turns that were skipped because the one before was at work."
    ),
    "cook_last_run_timestamp_seconds": _Family(
        "gauge", ("group", "mode"), "When the last run ended."
    ),
    "cook_hosts": _Family("gauge", ("group", "state"), "Hosts by their state in the last run."),
    "cook_resources": _Family(
        "gauge", ("group", "outcome"), "Resources by their outcome in the last run."
    ),
    "cook_in_line_percent": _Family("gauge", ("group",), "Resources in line in the last run."),
    "cook_host_last_run_timestamp_seconds": _Family(
        "gauge", ("group", "host"), "When the last run of the host ended."
    ),
    "cook_host_last_success_timestamp_seconds": _Family(
        "gauge", ("group", "host"), "When the host was last converged, or found in line."
    ),
    "cook_host_in_line_percent": _Family(
        "gauge", ("group", "host"), "Resources of the host in line in its last run."
    ),
    "cook_host_drifted_resources": _Family(
        "gauge", ("group", "host"), "Resources of the host not in line after its last run."
    ),
}

_DURATION = "cook_run_duration_seconds"
_DURATION_LABELS = ("group", "mode")

Labels = tuple[str, ...]


def check_library() -> None:
    """Raise UsageError if prometheus_client is not installed."""
    try:
        import prometheus_client  # noqa: F401 - only whether it is there
    except ImportError:
        raise UsageError(
            "metrics need the library prometheus_client",
            hint="pip install 'cook-converge[metrics]'",
        ) from None


class RunMetrics:
    """The values of all metrics; threads may read them while a run is counted."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[str, dict[Labels, float]] = defaultdict(dict)
        self._durations: dict[Labels, list[float]] = {}
        """Number of runs up to each limit, then of all, then the sum of seconds."""

    def count(self, result: TurnResult) -> None:
        """Count a run."""
        group = result.group
        name = _RESULTS.get(result.exit, "failed")
        ended = result.began + result.seconds
        with self._lock:
            self._add("cook_runs", (group, result.mode, name))
            self._put("cook_last_run_timestamp_seconds", (group, result.mode), ended)
            self._last(group, result.mode, result.seconds)
            if result.document is not None:
                self._count_document(group, result.document, ended)

    def skipped(self, group: str, count: int) -> None:
        """Count skipped turns."""
        with self._lock:
            self._add("cook_turns_skipped", (group,), count)

    def keep_groups(self, groups: Iterable[str]) -> None:
        """Forget all groups but these."""
        kept = {*groups}
        with self._lock:
            for values in self._values.values():
                for labels in [labels for labels in values if labels[0] not in kept]:
                    del values[labels]
            for labels in [labels for labels in self._durations if labels[0] not in kept]:
                del self._durations[labels]

    def keep_hosts(self, group: str, hosts: Iterable[str]) -> None:
        """Forget the hosts of a group that are not among these."""
        kept = {*hosts}
        with self._lock:
            self._forget_hosts(lambda labels: labels[0] == group and labels[1] not in kept)

    def _forget_hosts(self, is_gone: Callable[[Labels], bool]) -> None:
        for name, values in self._values.items():
            if "host" in _FAMILIES[name].labels:
                for labels in [labels for labels in values if is_gone(labels)]:
                    del values[labels]

    def _count_document(self, group: str, document: Document, ended: float) -> None:
        mode = document["mode"]
        hosts = document["hosts"]
        states = Counter(turn_state(host, mode) for host in hosts.values())
        every = sum((outcomes(host, mode) for host in hosts.values()), Counter[Any]())
        self._replace("cook_hosts", group, states)
        self._replace("cook_resources", group, every)
        if document["in_line"] is not None:
            self._put("cook_in_line_percent", (group,), document["in_line"])
        for name, host in hosts.items():
            for code in _codes(host):
                self._add("cook_host_failures", (group, code))
                if code in _AVERTED:
                    self._add("cook_lockouts_averted", (group, _AVERTED[code]))
            self._count_host(group, name, host, document, ended)

    def _count_host(
        self, group: str, name: str, host: HostDocument, document: Document, ended: float
    ) -> None:
        labels = (group, name)
        known = self._values["cook_host_last_run_timestamp_seconds"]
        if labels not in known and len(known) >= _MOST_HOSTS:
            return
        self._put("cook_host_last_run_timestamp_seconds", labels, ended)
        state = host_state(host, document["mode"])
        if state in ("ok", "changed"):
            self._put("cook_host_last_success_timestamp_seconds", labels, ended)
        if host["in_line"] is not None:
            self._put("cook_host_in_line_percent", labels, host["in_line"])
            counted = outcomes(host, document["mode"])
            drifted = sum(counted[one] for one in ("drift", "intent", "differs", "failed"))
            self._put("cook_host_drifted_resources", labels, drifted)

    def _add(self, name: str, labels: Labels, count: float = 1) -> None:
        values = self._values[name]
        values[labels] = values.get(labels, 0) + count

    def _put(self, name: str, labels: Labels, value: float) -> None:
        self._values[name][labels] = value

    def _replace(self, name: str, group: str, counts: Counter[Any]) -> None:
        """Set the gauges of a group; what is not counted any more is zero, not missing."""
        values = self._values[name]
        for labels in values:
            if labels[0] == group:
                values[labels] = 0
        for key, count in counts.items():
            values[group, str(key)] = count

    def _last(self, group: str, mode: str, seconds: float) -> None:
        row = self._durations.setdefault((group, mode), [0.0] * (len(BUCKETS) + 2))
        for place, limit in enumerate((*BUCKETS, float("inf"))):
            row[place] += seconds <= limit
        row[-1] += seconds

    def collect(self) -> Iterator[Any]:
        """Yield the families as prometheus_client has them: this is a collector of its registry."""
        from prometheus_client import core

        with self._lock:
            values = {name: dict(rows) for name, rows in self._values.items()}
            durations = {labels: list(row) for labels, row in self._durations.items()}
        for name, (kind, labels, text) in _FAMILIES.items():
            make = core.CounterMetricFamily if kind == "counter" else core.GaugeMetricFamily
            family = make(name, text, labels=labels)
            for row, value in sorted(values.get(name, {}).items()):
                family.add_metric(row, value)
            yield family
        histogram = core.HistogramMetricFamily(
            _DURATION, "How long runs took.", labels=_DURATION_LABELS
        )
        for row, counts in sorted(durations.items()):
            limits = [*map(str, BUCKETS), "+Inf"]
            histogram.add_metric(row, list(zip(limits, counts, strict=False)), counts[-1])
        yield histogram

    def text(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        from prometheus_client import CollectorRegistry, generate_latest

        registry = CollectorRegistry()
        registry.register(self)
        return generate_latest(registry)

    def write(self, path: Path) -> None:
        """Write them into a file that other users may read, at once. Raises ReportError."""
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            try:
                temporary.write_bytes(self.text())
                temporary.chmod(0o644)
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            raise ReportError(f"the metrics cannot be written: {path}: {error.strerror}") from None

    def read(self, path: Path, now: float, say: Callable[[str], object]) -> None:
        """
        Take the values of a file, if there is one; hosts without a run for 30 days are left out.

        What is no text of metrics is said, and not taken. Raises ReportError for a file that cannot
        be read: to write it anew would lose its counters.
        """
        from prometheus_client.parser import text_string_to_metric_families

        from cookbook.text.bounded_io import content_of

        try:
            families = list(text_string_to_metric_families(content_of(path, _MOST_BYTES).decode()))
        except FileNotFoundError:
            return
        except OSError as error:
            raise ReportError(f"the metrics cannot be read: {path}: {error.strerror}") from None
        except ValueError as error:
            say(f"{path} is no file of metrics ({error}); it begins anew")
            return
        with self._lock:
            for sample in (sample for family in families for sample in family.samples):
                self._take(sample.name, dict(sample.labels), float(sample.value))
            last = self._values["cook_host_last_run_timestamp_seconds"]
            old = {labels for labels, time_of in last.items() if time_of < now - _FORGOTTEN}
            self._forget_hosts(lambda labels: labels in old)

    def _take(self, sample: str, labels: dict[str, str], value: float) -> None:
        name = sample.removesuffix("_total")
        if (family := _FAMILIES.get(name)) is not None and {*labels} == {*family.labels}:
            self._values[name][tuple(labels[one] for one in family.labels)] = value
        elif sample.startswith(_DURATION) and {*_DURATION_LABELS} <= {*labels}:
            key = tuple(labels[one] for one in _DURATION_LABELS)
            row = self._durations.setdefault(key, [0.0] * (len(BUCKETS) + 2))
            limits = [*map(str, BUCKETS), "+Inf"]
            if sample == f"{_DURATION}_sum":
                row[-1] = value
            elif labels.get("le") in limits:
                row[limits.index(labels["le"])] = value


def _codes(host: HostDocument) -> set[str]:
    errors = [host["error"], *(resource["error"] for resource in host["resources"])]
    codes = {error["code"] for error in errors if error is not None}
    return codes - {Locked.code}  # counted as a state, because the host has not failed


def add_run(path: Path, document: Document, began: float, say: Callable[[str], object]) -> None:
    """
    Add one run to the metrics in a file; its group is the name of its set of recipes.

    Raises ReportError if the file cannot be read or written.
    """
    metrics = RunMetrics()
    group, mode = document["set"], cast("WatchMode", document["mode"])
    try:
        with path.with_name(f".{path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # runs from cron may end at the same time
            metrics.read(path, time.time(), say)
            seconds, status = document["seconds"], document["exit"]
            metrics.count(TurnResult(group, mode, began, seconds, status, document))
            metrics.write(path)
    except OSError as error:
        raise ReportError(f"the metrics cannot be written: {path}: {error.strerror}") from None


class MetricsListener(WatchListener):
    """Counts turns; serves the metrics, and writes them into a file after each turn."""

    def __init__(
        self, path: Path | None, say: Callable[[str], object], groups: Sequence[WatchGroup]
    ) -> None:
        """
        Read the file, if there is one, so that counters go on.

        Raises UsageError without the library, and ReportError for a file that cannot be read.
        """
        check_library()
        self.metrics = RunMetrics()
        self._path, self._say = path, say
        if path is not None:
            self.metrics.read(path, time.time(), say)
        self.metrics.keep_groups(group.name for group in groups)

    def skipped(self, group: WatchGroup, count: int) -> None:
        """Count skipped turns."""
        self.metrics.skipped(group.name, count)

    def ended(self, result: TurnResult) -> None:
        """Count a turn, and write the file."""
        self.metrics.count(result)
        if result.document is not None:
            self.metrics.keep_hosts(result.group, result.document["hosts"])
        if self._path is not None:
            try:
                self.metrics.write(self._path)
            except ReportError as error:
                self._say(str(error))

    def reloaded(self, settings: WatchSettings) -> None:
        """Forget groups that watch.yml does not have any more."""
        self.metrics.keep_groups(group.name for group in settings.groups)

    @contextlib.contextmanager
    def serving(self, address: str | None) -> Iterator[int | None]:
        """
        Serve the metrics at ADDRESS:PORT of the loopback meanwhile; yield the port.

        Raises UsageError if that is no such address, or is in use.
        """
        if address is None:
            yield None
            return
        from prometheus_client import CollectorRegistry, start_http_server

        host, port = loopback(address)
        registry = CollectorRegistry()
        registry.register(self.metrics)
        try:
            server, thread = start_http_server(port, host, registry)
        except OSError as error:
            raise UsageError(f"--metrics-listen {address}: {error.strerror}") from None
        try:
            yield server.server_port
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def loopback(address: str) -> tuple[str, int]:
    """Return the parts of `127.0.0.1:9780`. Raises UsageError for all but the loopback."""
    import ipaddress

    host, _, port = address.rpartition(":")
    try:
        number = int(port)
        found = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
        if found.is_loopback and 0 <= number < 65536:
            return str(found), number
    except ValueError:
        pass
    raise UsageError(
        f"--metrics-listen {address}: it must be an address of the loopback, and a port",
        hint="127.0.0.1:9780; the metrics name all hosts: have a proxy with TLS before it",
    )
