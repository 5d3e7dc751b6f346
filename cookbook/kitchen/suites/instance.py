"""One suite on one release: the work of its stages."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from cookbook.errors import CookError, KitchenError
from cookbook.inventory.host_driver import HostDriver, HostOrder, MadeHost
from cookbook.kitchen.lock import claim
from cookbook.kitchen.suites.generated import write_copies, write_features, write_inventory
from cookbook.kitchen.suites.processes import (
    SuiteProcesses,
    check_drift,
    check_run,
    check_unchanged,
    lost,
)
from cookbook.kitchen.suites.stages import StageFailed, StageName
from cookbook.kitchen.suites.suite import DriftCheck, KitchenSuite, drift_cycles
from cookbook.reports.schema import Document


class SuiteInstance:
    """A suite on hosts of one release."""

    def __init__(
        self,
        suite: KitchenSuite,
        release: str,
        driver: HostDriver,
        file: Path,
        below: Path,
        *,
        cancelled: threading.Event,
    ) -> None:
        """`file` is kitchen.yml; `below` has a folder for each suite and release."""
        self.suite, self.release, self.driver = suite, release, driver
        self.place = below / f"{suite.name}-{release}"
        self.order = HostOrder(suite.name, release, suite.names, self.place, suite.driver_settings)
        self.hosts: Sequence[MadeHost] = ()
        self.began = False
        """True once hosts may exist."""

        self._file, self._folder = file, (folder := file.parent)
        self._lock = below / f"{self.place.name}.lock"
        self._claim: IO[str] | None = None
        self._state = self.place / "state"
        self._processes = SuiteProcesses(folder, self._state, suite.secrets, cancelled)
        self._work = {
            "create": self._create,
            "converge": self._converge,
            "again": self._again,
            "verify": self._verify,
            "drift": self._drift,
            "undo": self._undo,
            "destroy": self._destroy,
        }
        self._features: Path | None = None
        self._first_run = ""

    @property
    def name(self) -> str:
        """Suite and release, as results name it."""
        return f"{self.suite.name} on {self.release}"

    @property
    def logins(self) -> Sequence[tuple[str, str]]:
        """The hosts, each with the command line that opens a shell on it."""
        return [(host.name, shlex.join(host.login)) for host in self.hosts]

    @property
    def down(self) -> str:
        """The command line that destroys hosts that were kept, from whatever folder it is run."""
        kitchen = str(self.place.parents[1])
        words = ["cook", "kitchen", "--folder", kitchen, "test", "--file", str(self._file)]
        return shlex.join([*words, "--destroy", self.suite.name, "--release", self.release])

    def do(self, stage: StageName) -> None:
        """Do the work of a stage. Raises StageFailed."""
        try:
            self._work[stage]()
        except CookError as error:
            lines = [str(error), *([f"next: {error.hint}"] if error.hint else [])]
            raise StageFailed(lines[0].splitlines()[0], "\n".join(lines)) from None
        except (OSError, subprocess.SubprocessError) as error:  # of a driver, too
            raise StageFailed(str(error)) from None

    @property
    def _inventory(self) -> Path:
        return self.place / "suite.yml"

    def _claimed(self) -> None:
        """
        Make sure that no other process has these hosts, and that they are of this driver.

        Raises KitchenError.
        """
        self._claim = self._claim or claim(self._lock)
        if self._claim is None:
            raise KitchenError(f"another process is at work on {self.name}")
        made_by = self.place / "driver"
        if made_by.is_file() and (former := made_by.read_text()) != self.suite.driver:
            raise KitchenError(
                f"the hosts of {self.name} are still there, made by the driver {former}",
                hint=f"`driver: {former}` in {self.suite.at} once more, then {self.down}",
            )

    def let_go(self) -> None:
        """Let other processes have these hosts again."""
        if self._claim is not None:
            self._claim.close()
            self._claim = None

    def _create(self) -> None:
        self._claimed()
        self.place.mkdir(parents=True, exist_ok=True)
        (self.place / "driver").write_text(self.suite.driver)
        if self._state.exists():
            shutil.rmtree(self._state)  # the history of hosts that are no more
        self.began = True
        self.hosts = self.driver.create(self.order)
        write_inventory(self.suite, self.hosts, self._inventory)
        self._features = write_features(self.suite, self.place / "features.yml")
        if self.suite.files:
            recipe = write_copies(self.suite.files, self.place / "copies")
            words = (str(recipe), "--hosts", str(self._inventory), "--output", "json")
            check_run(self._processes.cook("converge", *words), 0)

    def _converge(self) -> None:
        document = self._run("converge")
        check_run(document, 0)
        self._first_run = document["run"]

    def _again(self) -> None:
        check_unchanged(self._run("converge"))

    def _verify(self) -> None:
        self._processes.verify(self.suite.verify, self.hosts, self.place / "verify.log")

    def _drift(self) -> None:
        for checks in drift_cycles(self.suite.drift):
            for check in checks:
                self._change_by_hand(check)
            differs = [name for check in checks for name in check.differs]
            try:
                check_drift(self._run("plan"), differs)
                check_run(self._run("converge"), 0)
            except StageFailed as failed:
                shown = " and ".join(f"`{check.command}`" for check in checks)
                message = f"{checks[0].at}: after {shown}: {failed.message}"
                raise StageFailed(message, failed.details) from None

    def _change_by_hand(self, check: DriftCheck) -> None:
        shown = f"{check.at}: `{check.command}`"
        pattern = [check.hosts] if check.hosts else []
        words = ("--hosts", str(self._inventory), "--output", "json", "--", check.command)
        for name, host in self._processes.command(*pattern, *words)["hosts"].items():
            if host.get("status") != 0:
                said = host["error"]["message"] if "error" in host else host["stderr"]
                raise StageFailed(f"{shown} failed on {name}", said)

    def _undo(self) -> None:
        partial = ["--partial"] if self.suite.undo == "partial" else []
        words = ("undo", self._first_run, "--hosts", str(self._inventory), "--output", "json")
        try:
            check_run(self._processes.cook(*words, "--yes", *partial), 0)
        except StageFailed as failed:
            left = [] if partial else self._lost(words)
            if not left:
                raise
            raise StageFailed(
                f"the undo would not bring back all: {left[0]}",
                "\n".join([*left, f"next: `undo: partial` in {self.suite.at} accepts that"]),
            ) from failed

    def _lost(self, words: Sequence[str]) -> list[str]:
        """Return what an undo does not bring back; nothing if that cannot be told any more."""
        try:
            return lost(self._processes.cook(*words))
        except StageFailed:
            return []

    def _destroy(self) -> None:
        self.destroy()

    def destroy(self) -> None:
        """
        Remove the hosts, also those of a run before, and the files of this suite.

        Raises KitchenError.
        """
        self._claimed()
        self.driver.destroy(self.order)
        self.hosts, self.began = (), False
        if self.place.exists():
            shutil.rmtree(self.place)
        self._lock.unlink()
        self.let_go()

    def _run(self, mode: str) -> Document:
        """Run the recipes on all hosts of the suite."""
        recipes = [_short(path, self._folder) for path in self.suite.recipes]
        words = [mode, *recipes, "--hosts", str(self._inventory), "--output", "json"]
        if self._features is not None:
            words += ["--features", str(self._features)]
        return self._processes.cook(*words)


def _short(path: Path, folder: Path) -> str:
    """Return a path as the folder's own messages name it."""
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
