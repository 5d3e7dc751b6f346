"""Suites and releases side by side; a signal ends all, and no host is left by mistake."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cookbook.errors import KitchenError
from cookbook.inventory.host_driver import HostDriver
from cookbook.kitchen.base import RELEASES
from cookbook.kitchen.suites.generated import inventory_hosts
from cookbook.kitchen.suites.instance import SuiteInstance
from cookbook.kitchen.suites.processes import require_testinfra
from cookbook.kitchen.suites.report import SuiteReport
from cookbook.kitchen.suites.stages import Keep, StageResult, walk
from cookbook.kitchen.suites.suite import KitchenSuite
from cookbook.run.signals import handled
from cookbook.text.suggest import did_you_mean

Hear = Callable[[SuiteReport, StageResult], None]
"""Is called after each stage, by one thread at a time."""


def chosen(
    suites: Mapping[str, KitchenSuite], names: Sequence[str], releases: Sequence[str]
) -> list[tuple[KitchenSuite, str]]:
    """
    Return suites and releases in the order of the file; without names, all.

    Raises KitchenError for a suite or a release that does not exist, or if nothing is left.
    """
    _check_known(names, suites, "suite")
    _check_known(releases, RELEASES, "release")
    wanted = [suite for name, suite in suites.items() if not names or name in names]
    pairs = [
        (suite, release)
        for suite in wanted
        for release in suite.releases
        if not releases or release in releases
    ]
    if not pairs:
        there = dict.fromkeys(release for suite in wanted for release in suite.releases)
        raise KitchenError(
            f"no chosen suite is for {', '.join(releases)}",
            hint=f"they are for {', '.join(there)}; `releases:` in kitchen.yml adds one",
        )
    return pairs


def _check_known(names: Iterable[str], known: Iterable[str], what: str) -> None:
    there = list(known)
    for name in names:
        if name not in there:
            near = did_you_mean(name, there)
            raise KitchenError(
                f"there is no {what} {name!r}", hint=near or f"there are {', '.join(there)}"
            )


class SuiteRunner:
    """Runs suites, each on its releases."""

    def __init__(
        self,
        pairs: Sequence[tuple[KitchenSuite, str]],
        driver: Callable[[str], HostDriver],
        file: Path,
        below: Path,
        keep: Keep,
    ) -> None:
        """
        Prepare the suites; nothing is done yet.

        `driver` returns the driver of a name. `file` is kitchen.yml, `below` gets a folder for each
        suite and release. Raises KitchenError for a driver that cannot be loaded.
        """
        self._cancelled = threading.Event()
        self._heard = threading.Lock()
        self._keep: Keep = keep
        made = {name: driver(name) for name in dict.fromkeys(suite.driver for suite, _ in pairs)}
        self.instances = [
            SuiteInstance(
                suite, release, made[suite.driver], file, below, cancelled=self._cancelled
            )
            for suite, release in pairs
        ]

    def check(self) -> None:
        """
        Check all that can be checked before a host is made.

        Raises KitchenError, InventoryError.
        """
        suites = {one.suite.name: one.suite for one in self.instances}.values()
        if any(suite.verify for suite in suites):
            require_testinfra()
        for suite in suites:
            inventory_hosts(suite)
        for instance in self.instances:
            instance.driver.check(instance.order)

    @property
    def interrupted(self) -> bool:
        """True after a signal."""
        return self._cancelled.is_set()

    def run(self, parallel: int, hear: Hear) -> list[SuiteReport]:
        """Run all of them, so many at the same time; return their reports in order."""
        with handled(self._stop), ThreadPoolExecutor(max_workers=parallel) as pool:
            futures = [pool.submit(self._one, instance, hear) for instance in self.instances]
            return [future.result() for future in futures]

    def destroy(self) -> None:
        """Remove the hosts that were kept. Raises KitchenError, after all were tried."""
        errors = []
        for instance in self.instances:
            try:
                instance.destroy()
            except KitchenError as error:
                errors.append(error)
            finally:
                instance.let_go()
        if errors:
            raise errors[0]

    def _one(self, instance: SuiteInstance, hear: Hear) -> SuiteReport:
        report = SuiteReport(instance.suite.name, instance.release)
        try:
            self._walk(instance, report, hear)
        except Exception:  # a defect
            if instance.began and self._keep != "always":
                instance.destroy()
            raise
        finally:
            instance.let_go()
        return report

    def _walk(self, instance: SuiteInstance, report: SuiteReport, hear: Hear) -> None:
        for result in walk(instance.suite, instance.do, self._keep, self._cancelled.is_set):
            report.stages.append(result)
            began = instance.began
            report.kept, report.down = (instance.logins, instance.down) if began else ((), "")
            with self._heard:
                hear(report, result)

    def _stop(self, _number: int, _frame: object) -> None:
        if not self.interrupted:
            self._cancelled.set()
            os.write(2, b"cook: ending the suites; once more leaves at once, and hosts stay\n")
            return
        left = [f"  {one.down}\n" for one in self.instances if one.began]
        os.write(2, "".join(["cook: hosts may be left; to remove them:\n", *left]).encode())
        os._exit(130)
