"""What dnf(8) and zypper(8) say of a trial run, as they printed it on Debian 12, as a remark."""

from __future__ import annotations

from cookbook.provider import Change
from cookbook.providers import dnf, zypper
from cookbook.providers.rpm_state import State

_APP = [("life-app", Change(None, State("1.0-1")))]

_DNF = """\
Installing:
  life-app             noarch         1.0-1              life             6.0 k
Installing dependencies:
 life-library-with-a-very-long-name                       noarch         2.0-1  life  6.0 k
Upgrading:
  life-tool            noarch         2.0-1              life             6.0 k
Total download size: 12 k
Installed size: 12
"""

_ZYPPER = """\
<install-summary download-size="12242" space-usage-diff="8" packages-to-change="2">
<to-install>
<solvable type="package" name="life-app" edition="1.0-1" arch="noarch" summary="a test">
<description>A test.</description></solvable>
<solvable type="package" name="life-library" edition="2.0-1" arch="noarch" summary="a test">
<description>A test.</description></solvable>
</to-install>
<to-upgrade>
<solvable type="package" name="life-tool" edition="2.0-1" arch="noarch" edition-old="1.0-1">
</to-upgrade>
"""


def test_dnf_names_what_the_plan_does_not() -> None:
    assert dnf.side_effects(_APP, _DNF) == (
        "dnf also installs life-library-with-a-very-long-name 2.0-1 and upgrades life-tool 2.0-1;"
        " 12 k to download"
    )
    assert dnf.side_effects(_APP, _DNF.partition("Installing dep")[0]) is None


def test_dnf_says_why_it_would_fail() -> None:
    said = "Error:\n   Problem: conflicting requests\n    - nothing provides x needed by app-1-1\n"
    assert dnf.side_effects(_APP, said) == (
        "dnf says that this fails: Error: - nothing provides x needed by app-1-1"
    )


def test_zypper_names_what_the_plan_does_not() -> None:
    assert zypper.side_effects(_APP, _ZYPPER) == (
        "zypper also installs life-library 2.0-1 and upgrades life-tool 2.0-1"
    )
    assert zypper.side_effects(_APP, "") is None


def test_zypper_says_why_it_would_fail() -> None:
    said = '<message type="error">No provider of &apos;app=9-1&apos; found.</message>\n'
    assert zypper.side_effects(_APP, said) == (
        "zypper says that this fails: No provider of 'app=9-1' found."
    )


def test_nothing_is_rehearsed_where_the_version_is_not_known() -> None:
    for version, metadata in (("any", "old"), ("1.0", "none"), ("newest", "old")):
        change = Change(None, State(version, metadata=metadata))
        assert dnf.rehearse([("app", change)]) is None
        assert zypper.rehearse([("app", change)], downgrade=False) is None
