"""The processes of users: userdel(8) and usermod(8) leave a user alone who has one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import LiteralString

from cookbook.provider import Command, Table, sh

PROCESSES: LiteralString = (
    "find /proc -mindepth 1 -maxdepth 1 -name '[1-9]*' -user {} 2>/dev/null | sed 's,.*/,,;q'"
)
"""Shell that prints the number of a process of a user, if there is one."""

# As usermod(8) looks: by each of the numbers of a process, without those of another root folder
# (containers), and by /etc/passwd, which it changes.
_ASK: LiteralString = r"""
grep -H '^Uid:' /proc/[1-9]*/status 2>/dev/null | names={} awk '
BEGIN {{ n = split(ENVIRON["names"], name, " "); while ((getline line < "/etc/passwd") > 0) {{
split(line, field, ":"); uid[field[1]] = field[3] }} }}
{{ split($1, path, "/"); its = ""; for (i = 2; i <= 4; i++) if (!index(its, " " $i " ")) {{
its = its " " $i " "; of[$i] = of[$i] " " path[3] }} }}
END {{ for (i = 1; i <= n; i++) if (name[i] in uid) print name[i] of[uid[name[i]]] }}' |
while read -r name all; do for p in $all; do
if [ "/proc/$p/root" -ef / ]; then echo "$name $p"; break; fi; done; done
"""


def _ask(names: Sequence[str]) -> Command:
    text = sh(_ASK.strip(), " ".join(names))
    return replace(text, called=f"look for processes of {', '.join(names)}")


def _split(text: str, _names: Sequence[str]) -> Iterator[tuple[str, str]]:
    return ((line.partition(" ")[0], line) for line in text.splitlines(keepends=True))


BUSY = Table(_ask, _split)
"""Users with a process, each as `name number`."""


def process_in(line: str | None) -> str:
    """Return the number of the process in a line of `BUSY`; empty without one."""
    return (line or "").partition(" ")[2].strip()


def in_use(name: str, process: str, refused: str) -> str:
    """Return the sentence about a process of a user, with what is refused because of it."""
    return (
        f"process {process} of {name} runs: {refused}"
        f" (`loginctl terminate-user {name}` ends what a login has started,"
        f" `pkill -KILL -u {name}` all of it)"
    )
