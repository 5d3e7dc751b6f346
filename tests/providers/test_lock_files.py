"""What the undo of an installation says of packages."""

from __future__ import annotations

from cookbook.provider import Change
from cookbook.providers.bundle import BundleProvider
from cookbook.providers.lock_files import LockedState


def test_an_undo_names_the_packages_that_go_and_come() -> None:
    """The digest of all packages, which is compared, tells an operator nothing."""
    unmet = ("life/lib 2.0: 1.0", "puma 6.0: missing", "rack 3.0: damaged")
    found = LockedState(unmet=unmet, extra=("rack 2.0",), installed="2 gems (a)")
    done = Change(found, LockedState(unmet=(), extra=(), installed=None, former="0a1"))
    back = BundleProvider().back("/srv/app", done, LockedState(installed="2 gems (b)"))
    assert back.note == "removes puma 6.0; brings back rack 2.0, life/lib 1.0"
