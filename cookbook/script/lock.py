"""
The locks of a host: one of the kernel for the running run, and one that an operator sets.

The first is flock(2) on a file that the persistent shell keeps open: it ends with the session
in every case, and no command inherits it. Its holder is written into the file. The second is
a file that an operator creates ("maintenance until tomorrow"), with an end; a converge
respects both, a dry run needs neither.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from cookbook.script import rollback_cleanup
from cookbook.script.shell import Command, sh
from cookbook.text.bounded_io import parsed_json
from cookbook.text.provenance import stamp

TAKEN = 75
"""The exit status if another run holds the lock. EX_TEMPFAIL of sysexits.h."""

# `8` is the descriptor that holds it. Where there is no flock(1), there is no such lock. Where
# no file can be made or written (no room, read-only), the root folder itself is what is locked.
# If another run, or an operator, has the host, no question of the program is asked.
FUNCTIONS = f"""\
{rollback_cleanup.FUNCTIONS}cook_lock() {{
if [ "$COOK_HOME" ]; then cook_locks=$COOK_HOME; elif [ -O / ]; then cook_locks=/run/cook
else cook_locks=$cook_home; fi
[ ! -e "$cook_home/halt" ] || {{ printf 'halt '; head -c 4000 -- "$cook_home/halt"; echo
cook_ask() {{ cook_end -; }}; }}
command -v flock >/dev/null || {{ cook_end 0; return; }}
l=$cook_locks/lock
if (umask 077; [ -d "$cook_locks" ] || mkdir -p -- "$cook_locks"; : >>"$l") 2>/dev/null
then exec 8>>"$l"; elif [ -r "$l" ]; then exec 8<"$l"; else exec 8</; fi
if flock -n 8; then (printf '%s\n' "$1" "$$" >"$l") 2>/dev/null
[ ! -d "$cook_home/rescue" ] || (cook_settle) </dev/null >/dev/null 2>&1 8>&-; cook_end 0
else exec 8>&-; printf 'held '; head -c 4000 -- "$l" 2>/dev/null; cook_end {TAKEN}
cook_ask() {{ cook_end -; }}; fi; }}
"""


@dataclass(frozen=True)
class Holder:
    """The holder of a lock."""

    by: str
    """`ann@laptop`."""

    since: str
    run: str = ""
    reason: str = ""
    until: str | None = None

    @property
    def line(self) -> str:
        """As it is written."""
        return json.dumps({name: value for name, value in asdict(self).items() if value})

    @property
    def expired(self) -> bool:
        """True if the end of the lock has passed."""
        return self.until is not None and self.until <= stamp(time.time())

    def __str__(self) -> str:
        run = f", run {self.run}" if self.run else ""
        reason = f": {self.reason}" if self.reason else ""
        until = f" until {self.until}" if self.until else ""
        return f"{self.by} since {self.since}{run}{until}{reason}"


def holder(text: str) -> Holder:
    """Return the holder in the content of a lock file; unknown values if it cannot be parsed."""
    try:
        data: Mapping[str, Any] = parsed_json(text)
        known = {n: str(data[n]) for n in ("by", "since", "run", "reason", "until") if n in data}
        return Holder(**{"by": "unknown", "since": "an unknown time", **known})
    except (ValueError, TypeError):
        return Holder("unknown", "an unknown time")


def halting(text: str) -> Holder | None:
    """Return the holder of an operator's lock that has not ended, in the output of `cook_lock`."""
    for line in text.splitlines():
        if line.startswith("halt ") and not (who := holder(line[5:])).expired:
            return who
    return None


def holding(text: str) -> Holder:
    """Return the holder of the kernel's lock, in the output of `cook_lock`."""
    held = [line[5:] for line in text.splitlines() if line.startswith("held ")]
    return holder(held[0] if held else "")


def holding_shell(text: str) -> int | None:
    """Return the id of the process that holds the kernel's lock; None if it is not recorded."""
    found = re.search(r"^held .*\n(\d{1,10})$", text, re.MULTILINE)
    return int(found[1]) if found else None


def halt(who: Holder) -> Command:
    """Return the command that sets the operator's lock."""
    return sh(
        'umask 077; mkdir -p -- "$cook_home" && printf "%s\n" {} >"$cook_home/halt"', who.line
    )


RESUME = sh('rm -f -- "$cook_home/halt"')
"""The command that removes the operator's lock."""

HALTED = sh('[ ! -e "$cook_home/halt" ] || head -c 4000 -- "$cook_home/halt"')
"""The command that prints the operator's lock; nothing if there is none."""
