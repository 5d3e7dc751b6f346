"""The promises of a rollout, over many random fleets, failures and interruptions."""

from __future__ import annotations

import random
from collections import Counter
from multiprocessing import Pool

import pytest

from cookbook.rollout.events import CommandGiven
from cookbook.rollout.state import AT_WORK
from tests.quick import examples
from tests.rollout.fleet import BEGIN, Play, random_fleet

FLEETS = 10_000
"""All that `make test` plays; `make check` plays a fifth, the first ones."""

PARTS = 4


def _played(part: int, fleets: int) -> tuple[Counter[str], list[str]]:
    """Play a part of the first `fleets` fleets: without interruption, and with several."""
    seen: Counter[str] = Counter()
    wrong: list[str] = []
    for seed in range(part, fleets, PARTS):
        fleet = random_fleet(seed)
        whole = Play(fleet).run()
        number = len(whole.events)
        dice = random.Random(seed)  # noqa: S311 - to be repeated
        cut = Play(fleet, dice.sample(range(1, number + 1), min(3, number))).run()
        status, hosts = whole.result
        found = [*whole.wrong, *cut.wrong]
        if cut.result != whole.result:
            found.append(f"interrupted: {cut.result}, else {whole.result}")
        if AT_WORK & {*hosts.values()}:
            found.append(f"no end: {hosts}")
        wrong += [f"fleet {seed}: {one}" for one in found]
        seen.update([str(status), *hosts.values()])
    return seen, wrong


def test_no_fleet_and_no_interruption_breaks_a_promise() -> None:
    fleets = examples(FLEETS)
    with Pool(2) as pool:
        parts = pool.starmap(_played, [(part, fleets) for part in range(PARTS)])

    seen = sum((part for part, _ in parts), Counter[str]())
    assert [one for _, wrong in parts for one in wrong] == []
    # The fleets are of all kinds: each end of a rollout, and of a host, was met often.
    for end in ("done", "stopped", "aborted", "reverted", "revert-failed", "failed",
                "unreachable", "waiting"):  # fmt: skip
        assert seen[end] > fleets // 100, seen


@pytest.mark.parametrize("command", ["pause", "abort", "revert"])
def test_a_command_at_any_moment_breaks_no_promise(command: str) -> None:
    for seed in range(300):
        fleet = random_fleet(seed)
        number = len(Play(fleet).run().events)
        dice = random.Random(seed)  # noqa: S311 - to be repeated
        after = dice.randint(1, number)
        order = CommandGiven(command, "ann", at=BEGIN)  # type: ignore[arg-type]
        play = Play(fleet, orders={after: order}).run()
        assert play.wrong == []
        status, hosts = play.result
        assert not AT_WORK & {*hosts.values()}
        if command == "revert":
            changed = {h for h, state in play.progress.hosts.items() if state.changed}
            assert all(hosts[h] == "revert-failed" for h in changed)
            assert status in ("reverted", "revert-failed")
