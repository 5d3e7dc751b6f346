"""Jobs of at(1); the first line of a command is the mark by which a job is known."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString

from cookbook.provider import Change, Command, Probe, Provider, Thing, hint, provides, sh
from cookbook.providers.getent import PASSWD
from cookbook.resources.at import At
from cookbook.script.run_as import as_user


@dataclass(frozen=True)
class State:
    """A job."""

    time: str | None = None
    command: str | None = None
    user: str | None = None
    jobs: tuple[str, ...] = hint(default=())
    """The numbers of the jobs with the mark; none: there is no job."""
    past: bool = hint(default=False)
    """True if the declared time has passed on the host."""
    name: str = hint(default="")


# A line for each job with the mark, `@NUMBER USER TIME`, and the command below it. The time of day
# is not in the answer: it would be another one each time.
_ASK: LiteralString = r"""
PATH=$PATH:/usr/bin; command -v at >/dev/null || exit 4; LC_ALL=C; export LC_ALL
all=$(atq) || exit; printf '%s\n' "$all" | while read -r n w m d t y q u; do
[ "$n" ] || continue; s=$(at -c "$n") || continue
printf '%s\n' "$s" | m={} awk -v h="@$n $u $(date -d "$w $m $d $t $y" '+%Y-%m-%d %H:%M')" '
on { print "|" $0 } $0 == ENVIRON["m"] && !on { print h; on = 1 }'; done
[ "$(date +%Y%m%d%H%M)" -lt {} ] || echo past
"""
_MAKE: LiteralString = (
    "cd / && printf '%s\\n' {} {} |"
    " env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    ' HOME="${HOME:-/}" LOGNAME={} USER={} SHELL=/bin/sh at -t {}'
)


@provides(At)
class AtProvider(Provider[At, State]):
    """A job is never changed: it is removed, and there is a new one."""

    def probe(self, job: At) -> Sequence[Probe]:
        """Ask for the jobs with the mark, whether the time has passed, and for the user."""
        ask = replace(
            sh(_ASK.strip(), _mark(job.name), _digits(job.time)), called="look at the jobs of at"
        )
        return [Probe(ask, absent=4), PASSWD.about(job.user, loose=True)]

    def parse(self, job: At, text: str, _user: str | None) -> State:
        """Return the first job with the mark, and the numbers of all."""
        past = text.split("\n")[-2:] == ["past", ""]
        heads = re.findall(r"(?m)^@(\d+) (\S+) (\d{4}-\d\d-\d\d \d\d:\d\d)$", text)
        if not heads:
            return State(past=past, name=job.name)
        number, user, time = heads[0]
        lines = text.split("\n")
        begin = lines.index(f"@{number} {user} {time}") + 1
        rest = lines[begin:]
        count = next((i for i, line in enumerate(rest) if not line.startswith("|")), len(rest))
        command = "\n".join(line[1:] for line in rest[:count]).rstrip("\n")
        jobs = tuple(head[0] for head in heads)
        return State(time, command, user, jobs, past, job.name)

    def plan(self, job: At, found: State | None) -> Change[State]:
        """Compare time and command; a job whose time has passed has run."""
        now = found if found is not None and found.jobs else None
        if job.action == "delete":
            return Change(now, None)
        if found is not None and found.past:
            return Change(found, found)
        return Change(now, State(job.time, job.script, job.user, ("new",), name=job.name))

    def commands(self, name: str, change: Change[State]) -> Iterator[Command]:
        """Remove the job, and make another one."""
        if change.found is not None:
            yield sh("atrm {}", list(change.found.jobs))
        if (wanted := change.wanted) is not None and wanted.user is not None:
            digits = _digits(wanted.time)
            text = sh(
                _MAKE,
                _mark(name),
                wanted.command or "",
                wanted.user,
                wanted.user,
                digits,
            )
            text = as_user(None if wanted.user == "root" else wanted.user, text)
            yield replace(text, shown=f"at -t {digits} # {name}", called=f"at -t {digits}")

    def missing(self, job: At, text: str | None, user: str | None) -> Iterable[Thing]:
        """Yield at(1) and the user."""
        if job.action == "create" and text is None:
            yield Thing("tool", "at")
        if job.action == "create" and user is None:
            yield Thing("user", job.user)

    def there(self, state: State | None) -> bool:
        """Return whether there is a job."""
        return state is not None and bool(state.jobs)

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to the former job."""
        return Change(now if self.there(now) else None, change.found)

    def unobtainable(self, name: str, change: Change[State], now: State | None) -> str | None:
        """Return the reason: the time of the former job has passed."""
        passed = change.found is not None and now is not None and now.past
        return "its time has passed" if passed and not self.there(now) else None


def _mark(name: str) -> str:
    return f"# cook: {name}"


def _digits(time: str | None) -> str:
    """Return a time as at(1) and date(1) have it: YYYYMMDDhhmm; far in the future without one."""
    return re.sub(r"\D", "", time) if time is not None else "999912312359"
