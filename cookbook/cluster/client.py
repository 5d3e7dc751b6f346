"""The client of a cluster: it hands out the shards."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, cast

from cookbook.cluster.results import ShardResult
from cookbook.cluster.shards import Shard
from cookbook.cluster.task import files, on_worker, stop_event
from cookbook.errors import UsageError
from cookbook.run.signals import handled
from cookbook.text.sanitize import one_line

_RETRIES = 2
"""Times that a shard is given to another worker, if its worker is lost."""

_CONNECT = 10


class ClusterRun(NamedTuple):
    """A run that goes to a cluster."""

    id: str
    shards: Sequence[Shard]
    words: Sequence[str]
    """The words of the command that serves shards (cookbook.cluster.server)."""

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
                shard,
                list(run.words),
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
                    future.release()  # neither here nor there it is needed any more
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
