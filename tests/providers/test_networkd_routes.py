"""What systemd-networkd does by and by is waited for."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from cookbook.providers.networkd import NetworkdRoutes
from cookbook.providers.routes import State

# It shows the route when it is asked for the third time.
IP = """\
#!/bin/sh
echo "$*" >>"$0.asked"
[ "$(wc -l <"$0.asked")" -lt 3 ] || echo '10.9.0.0/16 via 10.1.0.1 proto static '
"""


def asked(folder: Path, live: str) -> list[str]:
    """Have all files read; return what ip(8) was asked."""
    for name, text in {"ip": IP, "networkctl": "#!/bin/sh\n"}.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    command = NetworkdRoutes().reload(State(live, "", "", "10.9.0.0/16", "lo"))
    path = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(["sh", "-c", command.text], env=path, check=True)
    log = folder / "ip.asked"
    return log.read_text().splitlines() if log.exists() else []


def test_a_route_is_looked_for_until_it_is_there(tmp_path: Path) -> None:
    lines = asked(tmp_path, "via 10.1.0.1 proto static")
    assert lines == ["-o -4 route show exact 10.9.0.0/16 dev lo"] * 3


def test_one_that_goes_is_not(tmp_path: Path) -> None:
    assert asked(tmp_path, "") == []
