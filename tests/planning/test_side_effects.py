"""What apt-get(8) would do besides, as a plan says it."""

from __future__ import annotations

from cookbook.language.change import Change
from cookbook.providers.apt import AptProvider
from cookbook.providers.apt_get import State

INSTALL = """\
The following NEW packages will be installed:
   nginx (1.22.1-9)
   nginx-common (1.22.1-9)
The following packages will be upgraded:
   libc6:amd64 (2.36-9 => 2.36-10)
Need to get 661 kB/2,345 kB of archives.
After this operation, 1,770 kB of additional disk space will be used.
"""


def told(said: str, *changes: tuple[str, Change[State]]) -> str | None:
    return AptProvider().side_effects(changes, said)


NGINX = ("nginx", Change(None, State("1.22.1-9")))


def test_what_comes_with_a_package_and_the_bytes_are_said() -> None:
    assert told(INSTALL, NGINX) == (
        "apt also installs nginx-common 1.22.1-9 and upgrades libc6:amd64 2.36-9 -> 2.36-10;"
        " 661 kB to download; 1,770 kB more on the disk"
    )


def test_it_is_said_once_of_packages_that_go_together() -> None:
    two = (NGINX, ("nginx-common", Change(None, State("1.22.1-9"))))
    said = told(INSTALL, *two)
    assert said is not None
    assert said.startswith("with nginx, nginx-common together: apt also upgrades libc6:amd64 2.36")


def test_packages_that_apt_has_configured_on_the_way_are_named() -> None:
    """Not those of the transaction itself, which are configured because they are named."""
    said = f"{INSTALL}Conf nginx-common\nConf libc6\nConf mariadb-server\nConf cups\nConf nginx\n"
    assert str(told(said, NGINX)).startswith(
        "apt also installs nginx-common 1.22.1-9 and upgrades libc6:amd64 2.36-9 -> 2.36-10"
        " and configures cups, mariadb-server, which are not configured yet; 661 kB"
    )


def test_a_removal_that_takes_others_names_them() -> None:
    said = """\
The following packages will be REMOVED:
   git* (1:2.39)
   gitk* (1:2.39)
After this operation, 46.0 MB disk space will be freed.
"""
    change = Change[State](State("1:2.39"), None, "purge")
    assert told(said, ("git", change)) == "apt also removes gitk 1:2.39; 46.0 MB less on the disk"


def test_a_transaction_that_apt_refuses_is_known_in_the_plan() -> None:
    said = "E: Unable to correct problems, you have held broken packages.\n"
    assert told(said, NGINX) == (
        "apt says that this fails: Unable to correct problems, you have held broken packages."
    )


def test_nothing_is_asked_where_apt_does_nothing() -> None:
    held = Change(State("1.0", held=()), State("1.0", held=("nginx",)))
    assert AptProvider().rehearsal([("nginx", held)]) is None
