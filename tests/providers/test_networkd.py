"""What systemd-networkd does by and by is waited for."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from cookbook.provider import Command
from cookbook.providers.interfaces import State as InterfaceState
from cookbook.providers.networkd import NetworkdRoutes, settle
from cookbook.providers.routes import State

# It shows the route when it is asked for the third time.
IP = """\
#!/bin/sh
echo "$*" >>"$0.asked"
[ "$(wc -l <"$0.asked")" -lt 3 ] || echo '10.9.0.0/16 via 10.1.0.1 proto static '
"""


# It answers with the next of its lines each time, and goes on with the last one.
NEXT = """\
#!/bin/sh
echo "$*" >>"$0.asked"; n=$(wc -l <"$0.asked"); m=$(wc -l <"$0.lines")
sed -n "$((n < m ? n : m))p" "$0.lines"
"""


def ran(folder: Path, command: Command, programs: Mapping[str, str]) -> list[str]:
    """Run a command with other programs; return what ip(8) was asked."""
    for name, text in programs.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    path = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(["sh", "-c", command.text], env=path, check=True)
    log = folder / "ip.asked"
    return log.read_text().splitlines() if log.exists() else []


def asked(folder: Path, live: str) -> list[str]:
    """Have all files read; return what ip(8) was asked."""
    command = NetworkdRoutes().reload(State(live, "", "", "10.9.0.0/16", "lo"))
    return ran(folder, command, {"ip": IP, "networkctl": "#!/bin/sh\n"})


def test_a_route_is_looked_for_until_it_is_there(tmp_path: Path) -> None:
    lines = asked(tmp_path, "via 10.1.0.1 proto static")
    assert lines == ["-o -4 route show exact 10.9.0.0/16 dev lo"] * 3


def test_one_that_goes_is_not(tmp_path: Path) -> None:
    assert asked(tmp_path, "") == []


NEW, NONE = "2: lo inet 10.9.0.2/25 scope global", ""
FORMER = "2: lo inet 10.9.0.1/24 scope global"
BUSY, DONE = "2 lo ether routable configuring", "2 lo ether routable configured"


@pytest.mark.parametrize(
    ("states", "shown", "looks"),
    [
        ([BUSY, BUSY, BUSY, DONE], [NEW, NONE, NEW, NEW], 4),  # the address goes once more
        ([DONE, BUSY, DONE], [FORMER, NONE, NEW], 3),
        ([BUSY], [NEW], 5),  # it waits for a carrier, or for DHCP
        ([BUSY] * 6 + [DONE], [NEW, NONE, NEW], 7),
        ([""], [NEW], 1),
        (["2 lo ether off unmanaged"], [NEW], 1),
        (["2 lo ether off unmanaged"], [NONE], 20),
    ],
)
def test_an_interface_is_waited_for_until_it_stays_as_wanted(
    tmp_path: Path, states: list[str], shown: list[str], looks: int
) -> None:
    for name, lines in {"ip": shown, "networkctl": states}.items():
        (tmp_path / f"{name}.lines").write_text("".join(f"{line}\n" for line in lines))
    wanted = InterfaceState(addresses=("10.9.0.2/25",), up=True)

    asked = ran(tmp_path, settle("lo", ["10.9.0.1/24"], wanted), {"ip": NEXT, "networkctl": NEXT})

    assert asked == ["-o addr show dev lo"] * looks
