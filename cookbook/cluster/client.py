"""The client of a cluster: it hands out the shards, and joins what comes back."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

from cookbook.cluster.shards import Shard
from cookbook.cluster.task import ShardResult, files, on_worker, stop_event
from cookbook.errors import HostError, UsageError
from cookbook.planning.status import LOOKING
from cookbook.reports.report import HostReport, documents_share, host_json, percent
from cookbook.reports.schema import Document, HostDocument
from cookbook.run.signals import handled
from cookbook.text.bounded_io import parsed_json
from cookbook.text.sanitize import one_line
from cookbook.text.user_dirs import private_folder

_RETRIES = 2
"""Times that a shard is given to another worker, if its worker is lost."""

_WORST = (130, 3, 1, 4, 2, 0)
_CONNECT = 10


class ClusterRun(NamedTuple):
    """A run that goes to a cluster."""

    id: str
    shards: Sequence[Shard]
    words: Callable[[Shard], Sequence[str]]
    """Returns the words of the command for a shard."""

    archive: bytes
    """The files of the run; see `cookbook.cluster.bundle`."""


def run_shards(url: str, run: ClusterRun) -> Iterator[tuple[Shard, ShardResult]]:
    """
    Have the workers of a scheduler do the shards; yield the results as they come.

    A shard with a place needs a worker with that resource (`dask worker --resources "fra=1"`). The
    first Ctrl-C stops all workers after what they are at. Raises UsageError if there is no cluster,
    or no worker for a place.
    """
    dask = _dask()
    try:
        client = dask.Client(url, timeout=_CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"--cluster {url}: no scheduler answers: {one_line(str(error))[:200]}",
            hint="dask scheduler; dask worker tcp://HOST:8786",
        ) from None
    with client, client.as_current():
        _check(client, url, run.shards)
        event = dask.Event(stop_event(run.id), client=client)
        event.clear()
        # A result can be computed again if its worker is lost; what is scattered cannot.
        data = client.submit(files, run.archive, pure=False, key=f"cook-{run.id}-files")
        shards = {f"cook-{run.id}-{shard.number}": shard for shard in run.shards}
        futures = [
            client.submit(
                on_worker,
                shard.number,
                list(run.words(shard)),
                data,
                run.id,
                pure=False,
                retries=_RETRIES,
                key=key,
                resources={shard.place: 1} if shard.place else None,
            )
            for key, shard in shards.items()
        ]
        try:
            with _interrupts(event):
                for future in dask.as_completed(futures):
                    shard = shards[future.key]
                    yield shard, _result(shard, future)
        finally:
            client.cancel(futures)  # those that have not begun


def _dask() -> Any:
    try:
        import distributed
    except ImportError:
        raise UsageError(
            "--cluster needs the library distributed", hint="pip install 'cook-converge[cluster]'"
        ) from None
    return distributed


def _check(client: Any, url: str, shards: Sequence[Shard]) -> None:
    """Raise UsageError if no worker can take one of the shards."""
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    if not workers:
        raise UsageError(f"--cluster {url}: it has no worker", hint=f"dask worker {url}")
    offered = {name for worker in workers for name in worker["resources"]}
    for place in dict.fromkeys(shard.place for shard in shards if shard.place):
        if place not in offered:
            raise UsageError(
                f"--cluster {url}: no worker is in the place {place}",
                hint=f'dask worker {url} --resources "{place}=1"',
            )


def _result(shard: Shard, future: Any) -> ShardResult:
    try:
        return cast("ShardResult", future.result())
    except Exception as error:  # noqa: BLE001 - whatever a worker raised; its hosts have failed
        return ShardResult(shard.number, "", f"{type(error).__name__}: {error}")


@contextlib.contextmanager
def _interrupts(event: Any) -> Iterator[None]:
    """Tell the workers to stop at a first signal; a second one ends this process."""
    told: list[int] = []

    def stop(number: int, _frame: object) -> None:
        if told:
            os._exit(130)
        told.append(number)
        threading.Thread(target=event.set, daemon=True).start()

    with handled(stop):
        yield


def joined(hosts: Sequence[str], results: Sequence[tuple[Shard, ShardResult]]) -> Document:
    """
    Return the reports of all shards as one, hosts in this order.

    Hosts of a shard without a report have failed, with what its worker said. Raises UsageError if
    no shard has made a report, with what the first one said: a recipe is wrong, for example.
    """
    documents: list[dict[str, Any]] = []
    found: dict[str, HostDocument] = {}
    for shard, result in sorted(results, key=lambda pair: pair[0].number):
        document = _document(result)
        if document is not None:
            documents.append(document)
            found |= document["hosts"]
        else:
            found |= dict.fromkeys(shard.hosts, _failed(result))
    if not documents:
        said = results[0][1].errors if results else ""
        raise UsageError(f"no worker has made a report: {said.strip()[-2000:]}")
    whole = dict(documents[0])
    whole["hosts"] = {name: found[name] for name in hosts if name in found}
    totals: Counter[str] = Counter()
    for document in documents:
        totals.update(document["totals"])
    whole["totals"] = {key: totals[key] for key in documents[0]["totals"]}
    whole["seconds"] = max(document["seconds"] for document in documents)
    exits = {document["exit"] for document in documents}
    exits |= {3} if len(documents) < len(results) else set()
    whole["exit"] = next(status for status in _WORST if status in exits)
    looks = whole["mode"] in LOOKING
    whole["in_line"] = percent(documents_share(whole["hosts"].values(), looks=looks))
    remarks = [one for document in documents for one in document.get("remarks", [])]
    if remarks:
        whole["remarks"] = list(dict.fromkeys(remarks))
    return cast("Document", whole)


def _document(result: ShardResult) -> dict[str, Any] | None:
    try:
        document = parsed_json(result.document)
    except ValueError:
        return None
    return document if isinstance(document, dict) and "hosts" in document else None


def _failed(result: ShardResult) -> HostDocument:
    said = result.errors.strip()[-2000:] or "its worker has made no report"
    error = HostError(one_line(f"the worker {result.worker or 'of its shard'}: {said}"))
    return host_json(HostReport("", "failed", error=error))


def keep_journals(folder: Path, results: Sequence[ShardResult]) -> None:
    """Put the journals of the shards where those of this machine's runs wait for the history."""
    private_folder(folder)
    for result in results:
        for name, data in result.journals.items():
            if "/" not in name and not name.startswith("."):
                partial = folder / f"{name}.part"
                partial.touch(mode=0o600)
                partial.write_bytes(data)
                partial.replace(folder / name)


def told(result: ShardResult) -> str:
    """Return how a shard ended, in a few words."""
    document = _document(result)
    if document is None:
        return "no report"
    states = Counter(host["status"] for host in document["hosts"].values())
    return ", ".join(f"{count} {state}" for state, count in states.items())
