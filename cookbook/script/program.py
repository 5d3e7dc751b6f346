"""
Many questions and changes in, one script out; one reply in, many outcomes out.

Every command runs in a subshell of its own, with an empty standard input (the
script itself arrives on it) and `eval`, so that not even a syntax error
reaches its neighbours. A nonce closes each command's frame on both streams, so
that no output can be mistaken for a frame. A first frame opens each reply: the output of a
noisy login script or of an earlier daemon comes before it, and its status is the number of the
shell's process.

A program is a list of these kinds of parts:

* Ask    run a question, tell its outcome
* Guard  run questions; go on only if their answers have this digest
* Do     run a command, unless something before it failed or was surprised
* Lock   take the lock of the host, which the shell itself holds
* Ready, Receive   the last two parts: raw bytes follow the script once the shell is ready for them
"""

from __future__ import annotations

import hashlib
import re
import secrets
import shlex
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from cookbook.errors import LinkLost
from cookbook.script import beside, lock, run_as, stash, trace
from cookbook.script.shell import ENCODING, Command, define_contents

ANSWER_TIMEOUT = 60.0
"""Seconds that a question may take: the longest silence of a host."""

MOST_HEARD = 16 * 1024**3
"""The maximum size of a reply in bytes, kept or not; a longer one ends the exchange."""

MOST_ANSWER = 16 * 1024**2
"""The maximum size of an answer in bytes; a longer one is cut, and not used."""

MOST_KEPT = 64 * 1024**2
"""Kept bytes of a reply after which only `_LITTLE` is kept of the output of each part."""

_HEAD, _TAIL = 64 * 1024, 192 * 1024
"""Kept bytes of the output of a change: of its beginning and of its end."""

_LITTLE = 8 * 1024
_GAP = b"\n[...]\n"
"""The text in place of output that was not kept."""

_STATUS = re.compile(rb"[0-9]{1,3}|-")
_LONGEST_STATUS = 64
"""Bytes after a mark within which the line of the status must end."""

_OPENING = 200
"""Kept bytes of the frame that opens a reply: more than its mark and a number."""

_SHORT = 2000
"""The maximum size in bytes of an answer that the shell compares without sha256sum(1)."""

_LAST_LINES, _LONGEST_LINE, _LAST_BYTES = 15, 500, 64 * 1024
"""The limits of the output that a message shows: lines, characters of a line, bytes."""

SURPRISED = 100
"""The exit status of a precondition that does not hold."""

# The variables that tell how root has come in. A user keeps what its own session has set. They are
# named, because it takes a process to list them, and a host may have room for none.
_FORGET = """\
unset MAIL TERM DOAS_USER DBUS_SESSION_BUS_ADDRESS SSH_CLIENT SSH_CONNECTION SSH_TTY SSH_AUTH_SOCK \
SSH_ORIGINAL_COMMAND SUDO_COMMAND SUDO_USER SUDO_UID SUDO_GID SUDO_HOME XDG_RUNTIME_DIR \
XDG_SESSION_ID XDG_SESSION_TYPE XDG_SESSION_CLASS XDG_SEAT XDG_VTNR XDG_CURRENT_DESKTOP \
XDG_CACHE_HOME XDG_CONFIG_HOME XDG_CONFIG_DIRS XDG_DATA_HOME XDG_DATA_DIRS XDG_STATE_HOME
"""

_PRELUDE = """\
LC_ALL=C; LANGUAGE=; export LC_ALL LANGUAGE PATH
for cook_v in {path}; do
case :$PATH: in *:$cook_v:*) ;; *) PATH=$PATH:$cook_v ;; esac; done
umask 022; cd /
{home}if [ -O / ]; then
{forget}export USER=root LOGNAME=root; fi
cook_nonce={nonce}; cook_stop=; cook_halted={halted}; cook_guards=; cook_lane=
cook_stage={stage}
cook_end() {{ printf '\\n%s %s\\n' $cook_nonce "$1"; printf '\\n%s\\n' $cook_nonce >&2; }}
cook_run() {{ cook_text=$1; set --; eval "$cook_text"; }}
cook_ask() {{
(cook_nonce=$cook_nonce$cook_lane cook_inner=${{cook_inner:+$cook_inner$cook_lane}}; cook_run "$1"
) </dev/null 8>&-; cook_end $?; }}
cook_do() {{
if [ "$cook_stop" ]; then cook_end -; return; fi
(cook_run "$1") </dev/null 8>&-; set -- $?; [ $1 = 0 ] || cook_stop=1; cook_end $1; }}
cook_ends() {{
[ ! "$cook_halted" ] && [ ! -e "$cook_home/.halt-$cook_nonce" ] || cook_stop=1
[ "$cook_stop" ]; }}
cook_guard() {{
if cook_ends; then cook_end -; return; fi
set -- "$1" "$( (cook_run "$2") </dev/null 2>/dev/null 8>&- | sha256sum)"
if [ "$1" = "${{2%% *}}" ]; then cook_end 0; else cook_stop=1; cook_end {surprised}; fi; }}
cook_same() {{
if cook_ends; then cook_end -; return; fi
set -- "$1" "$(exec 8>&-; case $1 in *append-only*) ;; *) cook_guards=1 ;; esac
cook_run "$2" </dev/null 2>/dev/null)"
if [ "$1" = "$2" ]; then cook_end 0; else cook_stop=1; cook_end {surprised}; fi; }}
cook_receive() {{
if [ "$cook_stop" ] || ! head -c 1 </dev/null >/dev/null 2>&1
then cook_end -; cook_end -; return; fi
cook_end 0
{{ head -c "$2" || kill -s KILL $$; }} 8>&- |
(umask 077; cat >"$1" || {{ cat >/dev/null; exit 1; }}) 8>&-
set -- $?; [ $1 = 0 ] || cook_stop=1; cook_end $1; }}
[ "$cook_stage" ] && trap 'rm -rf "$cook_stage"*' EXIT && trap 'exit 143' HUP INT TERM PIPE
{stash}cook_end $$
"""


@dataclass(frozen=True, slots=True)
class Ask:
    """A question, which must not change anything; it is asked even after a failure."""

    command: Command
    timeout: float = ANSWER_TIMEOUT
    lane: int | None = None
    """The lane that asks it while others ask: see cookbook.script.beside. Adjacent questions with a
    lane are asked side by side, and are in the order of their lanes. None: it is asked alone."""


@dataclass(frozen=True, slots=True)
class Precondition:
    """A precondition: the program continues only if the answers have this digest."""

    questions: tuple[Command, ...]
    digest: str
    answer: bytes | None = None
    """The answer with this digest, if it is known; the shell compares a short one itself, which
    saves two processes."""

    timeout: float = ANSWER_TIMEOUT


@dataclass(frozen=True, slots=True)
class Do:
    """A command of a change."""

    command: Command
    timeout: float
    keeps: bool = False
    """True if it puts something into the stash."""

    user: str | None = None
    """The user that runs it; None for the user of the run. See cookbook.script.run_as."""

    traced: bool = False
    """True if the host records its begin and its exit status; see cookbook.script.trace."""


@dataclass(frozen=True, slots=True)
class Lock:
    """The part that takes the lock of the host, which is held until the shell ends."""

    holder: str
    """The text in the lock file: the run that holds the lock."""

    timeout: float = ANSWER_TIMEOUT


@dataclass(frozen=True, slots=True)
class Ready:
    """
    The shell is about to receive: it has read all of the script, and no more.

    A shell may read its input in blocks, so bytes that came earlier could be taken for script.
    Not run where the host's head(1) has no option -c.
    """

    timeout: float = ANSWER_TIMEOUT


@dataclass(frozen=True, slots=True)
class Receive:
    """Write the bytes that follow the script to a file on the host; `Ready` is just before it."""

    path: str
    size: int
    timeout: float


Part = Ask | Precondition | Do | Lock | Ready | Receive


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one part of a program."""

    status: int | None
    """The exit status; None if it was not run because an earlier part stopped the batch."""

    stdout: bytes = b""
    stderr: bytes = b""
    seconds: float = 0.0
    cut: bool = False
    """True if not all of its output was kept."""

    @property
    def text(self) -> str:
        """The standard output; bytes that are not UTF-8 are kept as surrogates."""
        return self.stdout.decode(ENCODING, "surrogateescape")

    @property
    def complaint(self) -> str:
        """The text of the error stream, for messages."""
        return self.stderr.decode(ENCODING, "replace").strip()

    @property
    def last_words(self) -> str:
        """The last lines of both streams, for messages; the error stream comes last."""
        return last_lines(self.stdout, self.stderr)


@dataclass(frozen=True, slots=True)
class Program:
    """A script, and the reader of the reply to it."""

    parts: tuple[Part, ...]
    contents: Mapping[str, bytes] = field(default_factory=dict)
    stage: str = ""
    """A folder on the host with contents that were sent before, each named by its digest."""

    payload: Sequence[bytes | memoryview] = ()
    """The bytes that follow the script once the shell is ready; for `Receive`."""

    nonce: str = field(default_factory=lambda: secrets.token_hex(12))

    halted: bool = False
    """True if a stop was requested before it is sent: nothing after a precondition is done."""

    @property
    def script(self) -> bytes:
        """The text that a POSIX shell reads on its standard input."""
        keeps = any(isinstance(part, Do) and part.keeps for part in self.parts)
        locks = any(isinstance(part, Lock) for part in self.parts)
        traces = any(isinstance(part, Do) and part.traced for part in self.parts)
        text = [
            _PRELUDE.format(
                nonce=self.nonce,
                halted="1" if self.halted else "",
                stage=self.stage,
                surprised=SURPRISED,
                home=stash.HOME,
                path=run_as.PATH.replace(":", " "),
                forget=_FORGET,
                stash=(stash.FUNCTIONS if keeps else "")
                + (lock.FUNCTIONS if locks else "")
                + (trace.FUNCTIONS if traces else ""),
            )
        ]
        lines = [f"{self._line(part)}\n" for part in self.parts]
        text += [run_as.functions(self.nonce)] if any(map(run_as.acts, lines)) else []
        text += (
            self._in_lanes(lines) if any(_lane(part) is not None for part in self.parts) else lines
        )
        return "".join(text).encode(ENCODING, "surrogateescape")

    def _line(self, part: Part) -> str:
        match part:
            case Ask():
                return f"cook_ask {shlex.quote(part.command.text)}"
            case Do():
                # Defined anew for each command: no shell has to hold, or to search, them all.
                carried = {
                    d: self.contents[d] for d in part.command.contents & self.contents.keys()
                }
                define = define_contents(carried) if part.command.contents else ""
                do = "cook_work" if part.traced else "cook_do"
                if part.user is None:
                    return f"{define}{do} {shlex.quote(part.command.text)}"
                whole = define + (stash.FUNCTIONS if part.keeps else "") + part.command.text
                run = f'cook_as {part.user} "$cook_whole"'
                return f"cook_whole={shlex.quote(whole)}\n{do} {shlex.quote(run)}"
            case Precondition():
                return _guard_line(part)
            case Lock():
                return f"cook_lock {shlex.quote(part.holder)}"
            case Ready():
                return ""
            case Receive():
                return f"cook_receive {shlex.quote(part.path)} {part.size}"

    def _in_lanes(self, lines: Sequence[str]) -> Iterator[str]:
        """Yield the lines; those of adjacent questions with lanes side by side."""
        yield beside.FUNCTIONS
        pairs = zip(self.parts, lines, strict=True)
        for has_lanes, some in groupby(pairs, lambda pair: _lane(pair[0]) is not None):
            if has_lanes:
                lanes = groupby(some, lambda pair: _lane(pair[0]))
                yield beside.lines([[line for _, line in lane] for _, lane in lanes])
            else:
                yield from (line for _, line in some)

    def outcomes(self, stdout: bytes, stderr: bytes, pace: Pace | None = None) -> list[Outcome]:
        """
        Return the outcome of each part, in order.

        Raises LinkLost if the reply is not complete.
        """
        found = list(self.partial(stdout, stderr, pace))
        if len(found) < len(self.parts):
            raise LinkLost(f"the reply ends after {len(found)} of {len(self.parts)} answers")
        return found

    def partial(self, stdout: bytes, stderr: bytes, pace: Pace | None = None) -> Iterable[Outcome]:
        """Yield the outcomes in a reply, complete or not, up to the first malformed frame."""
        mark = f"\n{self.nonce} ".encode()
        said = stderr.split(f"\n{self.nonce}\n".encode())
        frames = [piece.partition(b"\n") for piece in stdout.split(mark)[1:]]
        for i, (status, _, _) in enumerate(frames[1 : len(self.parts) + 1]):
            if not _STATUS.fullmatch(status):
                return
            yield Outcome(
                None if status == b"-" else int(status),
                frames[i][2],
                said[i + 1] if i + 1 < len(said) else b"",
                pace.seconds(i) if pace else 0.0,
                pace.cut(i) if pace else False,
            )


class Pace:
    """
    The reader of a growing reply: it finds out when the reply is complete or too slow.

    It keeps a limited part of the reply, so that no host can fill the memory. The deadline is
    set again at each frame, so that a long batch may take as long as all its parts together,
    and a part that hangs is still found and named.
    """

    def __init__(
        self,
        program: Program,
        begun: Callable[[int], None] = lambda _: None,
        end: float | None = None,
    ) -> None:
        """
        Create a reader; `begun` is called with the number of each part when it begins.

        `end` is the deadline of the whole host, in seconds of time.monotonic(); None without.
        """
        self._program = program
        self._begun = begun
        self._end = end
        self._opening = b""
        self.shell = 0
        """The id of the process that reads the program; 0 before it has reported it."""

        self.ready = False
        """True if the shell waits for the payload."""

        self._marks = (f"\n{program.nonce} ".encode(), f"\n{program.nonce}\n".encode())
        self._closed = [0, 0]
        self._heard = 0
        self.kept = (bytearray(), bytearray())
        """The kept part of the reply: stdout and stderr."""
        self._starts = [0, 0]
        """The offsets in `kept` at which the output of the running part begins."""
        self._looked = [0, 0]
        """The number of bytes of each stream that were searched for marks."""
        self._cut: set[int] = set()
        self._times = [time.monotonic()]
        self.shell_due = 0.0
        """When a shell that has not begun is late, in seconds of time.monotonic(); 0: as a part."""

    def hear(self, data: bytes, *, stream: int = 0) -> None:
        """Add bytes that arrived on stdout (0) or stderr (1)."""
        self._heard += len(data)
        if stream == 0 and not self.shell:
            self._hear_opening(data)
        if self._closed[stream] > len(self._program.parts):
            return  # later output is no part of the program
        self.kept[stream].extend(data)
        closed = self._close(stream)
        if stream == 0 and closed:
            self._times += [time.monotonic()] * closed
            if (part := self._closed[0] - 1) < len(self._program.parts):
                self._begun(part)
        if len(self.kept[stream]) - self._starts[stream] > _LITTLE:
            self._shorten(stream)

    def _close(self, stream: int) -> int:
        """Close the frames whose marks have arrived; return their number."""
        text, mark, closed = self.kept[stream], self._marks[stream], 0
        while (at := text.find(mark, self._looked[stream])) >= 0:
            start = at + len(mark)
            if stream == 0 and not self._status_is_there(start):
                self._looked[stream] = at
                return closed
            self._looked[stream] = self._starts[stream] = start
            if stream == 0 and isinstance(self._part(self._closed[0] - 1), Ready):
                self.ready = text[start : start + 2] == b"0\n"
            self._closed[stream] += 1
            closed += 1
            if self._closed[stream] > len(self._program.parts):
                break
        self._looked[stream] = max(self._looked[stream], len(text) - len(mark) + 1)
        return closed

    def _part(self, index: int) -> Part | None:
        return self._program.parts[index] if 0 <= index < len(self._program.parts) else None

    def _status_is_there(self, start: int) -> bool:
        text = self.kept[0]
        return text.find(b"\n", start) >= 0 or len(text) - start > _LONGEST_STATUS

    def _shorten(self, stream: int) -> None:
        """Drop the middle of the output of a part if it is longer than its limit."""
        text, start = self.kept[stream], self._starts[stream]
        part = self._closed[stream] - 1
        head, tail = self._worth(part)
        if len(text) - start <= head + 2 * tail:
            return  # not each time a little: what is kept of the end has to be moved
        unseen = len(text) - self._looked[stream]
        text[start + head : len(text) - tail] = _GAP
        self._looked[stream] = len(text) - unseen
        if stream == 0:
            self._cut.add(part)

    def _worth(self, part: int) -> tuple[int, int]:
        """Return the bytes to keep of a part's output: of its beginning, and of its end."""
        if sum(map(len, self.kept)) > MOST_KEPT:
            return _LITTLE // 2, _LITTLE // 2
        parts = self._program.parts
        if 0 <= part < len(parts) and isinstance(parts[part], Ask):
            return MOST_ANSWER, _LITTLE
        return _HEAD, _TAIL

    @property
    def rest(self) -> tuple[bytes, bytes]:
        """The output of the running part so far, on both streams."""
        out, err = (
            bytes(text[start:]) for text, start in zip(self.kept, self._starts, strict=True)
        )
        return (out.partition(b"\n")[2] if self.started else out), err

    def cut(self, part: int) -> bool:
        """Return whether a part of the output of this part was dropped."""
        return part in self._cut

    def _hear_opening(self, data: bytes) -> None:
        mark = self._marks[0]
        before, found, said = (self._opening + data).partition(mark)
        number, newline, _ = said.partition(b"\n")
        self._opening = (found + said)[:_OPENING] if found else before[-len(mark) :]
        if newline and number.isdigit() and len(number) < _LONGEST_STATUS:
            self.shell = int(number)

    @property
    def too_much(self) -> bool:
        """True if the reply is longer than MOST_HEARD."""
        return self._heard > MOST_HEARD

    @property
    def complete(self) -> bool:
        """True if all frames are closed on both streams."""
        return min(self._closed) > len(self._program.parts)

    @property
    def started(self) -> bool:
        """True if a shell has begun to read the program."""
        return self._closed[0] > 0

    @property
    def waiting_for(self) -> Part:
        """The running part."""
        return self._program.parts[min(max(self._closed[0] - 1, 0), len(self._program.parts) - 1)]

    @property
    def deadline(self) -> float:
        """The deadline of the running part, in seconds of time.monotonic()."""
        part = self._times[-1] + self.waiting_for.timeout
        if self.shell_due and not self.started:
            part = self.shell_due
        return part if self._end is None else min(part, self._end)

    @property
    def over(self) -> bool:
        """True if the deadline of the whole host has passed, not only that of a part."""
        return self._end is not None and time.monotonic() >= self._end

    def seconds(self, part: int) -> float:
        """Return the duration of a part by the arrival of its frame; 0.0 if incomplete."""
        times = self._times[part + 1 : part + 3]
        return times[1] - times[0] if len(times) > 1 else 0.0


def last_lines(*streams: bytes) -> str:
    """Return the last lines of these streams; long lines are cut."""
    said = [
        line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}..."
        for stream in streams
        for line in stream[-_LAST_BYTES:].decode(ENCODING, "replace").strip().splitlines()
    ]
    return "\n".join(said[-_LAST_LINES:]).strip()


def answer_of(outputs: Iterable[tuple[bytes, int]]) -> bytes:
    """Return the answer that a precondition compares: each output, followed by its status."""
    return b"".join(b"%s%d\n" % pair for pair in outputs)


def precondition_of(
    questions: tuple[Command, ...], outputs: Iterable[tuple[bytes, int]]
) -> Precondition:
    """Return a precondition that expects these outputs and statuses."""
    answer = answer_of(outputs)
    return Precondition(questions, hashlib.sha256(answer).hexdigest(), answer)


def _lane(part: Part) -> int | None:
    return part.lane if isinstance(part, Ask) else None


def _guard_line(part: Precondition) -> str:
    asked = "".join(f"(eval {shlex.quote(q.text)}); echo $?\n" for q in part.questions)
    answer = part.answer
    if answer is None or len(answer) > _SHORT or b"\0" in answer:
        return f"cook_guard {part.digest} {shlex.quote(asked)}"
    # The shell's $() takes the final newline away; there is always one, after the last status.
    expected = answer.decode(ENCODING, "surrogateescape").removesuffix("\n")
    return f"cook_same {shlex.quote(expected)} {shlex.quote(asked)}"


def wanted_contents(parts: Iterable[Part]) -> set[tuple[str, str | None]]:
    """Return the contents that the commands of these parts read: pairs (digest, user)."""
    return {(d, part.user) for part in parts if isinstance(part, Do) for d in part.command.contents}
