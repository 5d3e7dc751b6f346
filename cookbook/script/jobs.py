"""
Jobs: the commands of independent changes, which run at the same time in one part of a program.

A job is the commands of one change, one after the other. A number of lanes take the jobs in order,
each the next one that no other lane has taken; the part ends when all lanes have ended. Nothing is
printed meanwhile: output and state of each job are in a private folder in `$cook_home`, and are
questions afterwards. So the state of a job can also be read over a new connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from cookbook.script.program import Outcome
from cookbook.script.shell import Command, join, sh

MOST_SAID = 256 * 1024
"""The bytes that are read of each output stream of a job: its end."""

NO_FOLDER = 73
"""The exit status if the folder of the jobs cannot be made. EX_CANTCREAT of sysexits.h."""

_NOT_BEGUN = 3
"""The exit status of a report if no lane has taken the job; another one: all reports are gone."""

# The commands of a job see these variables: their names begin with `cook_j_`, as those of no other
# script do. A lane takes a job by making its folder. /proc/uptime is read without a new process.
# Files that a command makes beside others are named by the nonce, so that each job needs one of its
# own, also for the shell of another user.
_BEGIN = """\
cook_j_all=$cook_home/.jobs-{}; rm -rf -- "$cook_home"/.jobs-*
(umask 077; mkdir -p -- "$cook_j_all") || exit {}
cook_j_now() { cook_j_t=0; { read -r cook_j_t cook_j_v </proc/uptime; } 2>/dev/null; }
cook_job() {
! cook_ends && mkdir -- "$cook_j_all/$1" 2>/dev/null || return 0
(cook_j_at=$cook_j_all/$1 cook_j_k=0; cook_j_now; cook_j_since=$cook_j_t
cook_nonce=$cook_nonce-$1 cook_inner=${cook_inner:+$cook_inner-$1}; shift
for cook_j_text do
printf '%s - %s -\\n' $cook_j_k "$cook_j_since" >"$cook_j_at/state"
(cook_run "$cook_j_text") </dev/null >>"$cook_j_at/out" 2>>"$cook_j_at/err"; cook_j_s=$?
cook_j_now; set -- $cook_j_k $cook_j_s "$cook_j_since" "$cook_j_t"
printf '%s %s %s %s\\n' "$@" >"$cook_j_at/state"
[ $cook_j_s = 0 ] || break; cook_j_k=$((cook_j_k + 1)); done); }
cook_j_end() {
cook_j_k=; { read -r cook_j_k cook_j_s cook_j_v <"$cook_j_all/$1/state"; } 2>/dev/null
[ "$cook_j_k $cook_j_s" = "$2 0" ] || { cook_j_bad=1; return 0; }; (cook_run "$3"); }
cook_j_lane() {
"""

_LANES = """\
}
cook_j_n=0 cook_j_bad=
while [ $cook_j_n -lt {} ]; do cook_j_lane & cook_j_n=$((cook_j_n + 1)); done; wait
"""

_END = '[ ! "$cook_j_bad" ]'

_REPORT = """\
j=$cook_home/.jobs-{}; [ -d "$j" ] || exit 1; j=$j/{}; [ -d "$j" ] || exit {}
s=; { read -r s <"$j/state"; } 2>/dev/null; printf '%s\\n' "$s"
[ ! -e "$j/out" ] || tail -c {} -- "$j/out"; [ ! -e "$j/err" ] || tail -c {} -- "$j/err" >&2; :"""


@dataclass(frozen=True)
class Job:
    """The commands of one change, and the one that notes in the manifest that it was made."""

    commands: Sequence[Command]
    note: Command | None = None


@dataclass(frozen=True)
class JobReport:
    """The state of one job, by the host's answer to `report`."""

    begun: bool = False
    command: int = 0
    """The number of the last command that has begun, from 0."""

    status: int | None = None
    """The exit status of that command; None if it did not end."""

    seconds: float = 0.0
    outcome: Outcome = field(default_factory=lambda: Outcome(None))
    """The output of the job, and the same status."""

    def is_done(self, commands: int) -> bool:
        """Return whether all of so many commands have succeeded."""
        return self.begun and self.status == 0 and self.command == commands - 1


def running(token: str, jobs: Sequence[Job], at_once: int) -> Command:
    """
    Return the command that runs all jobs, at most `at_once` at a time; it fails if one job fails.

    `token` names the folder of their output. A job that has failed does not stop the others. If the
    batch is to stop, jobs that no lane has taken do not begin.
    """
    lines = [
        sh("cook_job {} {}\n", str(i), join([_word(one) for one in job.commands], " "))
        for i, job in enumerate(jobs)
    ]
    notes = [
        sh(
            "cook_j_end {} {} {}\n",
            str(i),
            str(len(job.commands) - 1),
            _word(job.note or sh("")),
        )
        for i, job in enumerate(jobs)
    ]
    lanes = str(min(at_once, len(jobs)))
    begin = sh(_BEGIN, token, str(NO_FOLDER))
    whole = join([begin, *lines, sh(_LANES, lanes), *notes, sh(_END)], "")
    return replace(whole, called=" & ".join(one.brief for job in jobs for one in job.commands))


def _word(command: Command) -> Command:
    """Return the text of a command as one word."""
    text, shown = sh("{}", command.text).text, sh("{}", command.shown).text
    return Command(text, shown, command.contents)


def report(token: str, job: int) -> Command:
    """Return the question for the state and the output of a job."""
    said = str(MOST_SAID)
    return sh(_REPORT, token, str(job), str(_NOT_BEGUN), said, said)


def clean(token: str) -> Command:
    """
    Return the command that removes the output of all jobs.

    It is kept if the batch was stopped, because a lost link is one of the reasons: the reports are
    asked for again then.
    """
    return sh('[ -e "$cook_home/.halt-$cook_nonce" ] || rm -rf -- "$cook_home"/.jobs-{}', token)


CLEAN_ALL = sh('rm -rf -- "$cook_home"/.jobs-*')
"""The command that removes the output of all jobs, whichever batch had them."""


def read_report(outcome: Outcome) -> JobReport | None:
    """Return what the answer to `report` says; None if the host does not know the jobs any more."""
    if outcome.status == _NOT_BEGUN:
        return JobReport()
    if outcome.status != 0:
        return None
    line, _, said = outcome.stdout.partition(b"\n")
    words = line.decode("ascii", "replace").split(" ")
    if len(words) != len(("command", "status", "since", "until")) or not words[0].isdecimal():
        return JobReport(True, outcome=Outcome(None, said, outcome.stderr))
    status = int(words[1]) if words[1].isdecimal() else None
    seconds = _seconds(words[3]) - _seconds(words[2]) if status is not None else 0.0
    told = Outcome(status, said, outcome.stderr, max(seconds, 0.0), outcome.cut)
    return JobReport(True, int(words[0]), status, told.seconds, told)


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
