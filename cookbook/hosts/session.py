"""A host at the other end of a transport: asked, and told, in as few exchanges as it takes."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from cookbook.errors import (
    CommandError,
    DeadlineExceeded,
    HostError,
    Locked,
    ProbeError,
    Unreachable,
    during,
)
from cookbook.hosts.probing import Answer, Question, gather, in_lanes
from cookbook.hosts.reconnect import RenewableTransport
from cookbook.language.probe import Probe
from cookbook.retry import Retry, growing, wait
from cookbook.script import control, jobs, trace
from cookbook.script.facts import QUESTION, Facts, parse_facts
from cookbook.script.lock import TAKEN, Holder, halting, holding, holding_shell
from cookbook.script.program import (
    ANSWER_TIMEOUT,
    Ask,
    Do,
    Lock,
    Outcome,
    Pace,
    Part,
    Program,
    Ready,
    Receive,
    wanted_contents,
)
from cookbook.script.run_as import as_user
from cookbook.script.shell import Command, printing, sh
from cookbook.script.trace import Trace, read_trace
from cookbook.text.diagnosis import cause_of
from cookbook.transport.contract import Interrupted, TooSlow, Transport, run

INLINE_CONTENT = 256 * 1024
"""Bytes; longer contents are sent ahead in pieces, so that no shell has to hold them."""

_STAGE_TIMEOUT = 300.0

_PIECE = 1024 * 1024
"""Bytes of a long content that are handed to the transport at once."""

_SLOWEST_LINK = 10_000
"""Bytes in a second; a link that carries less is given up."""

_TAKE_OVER = 300.0
"""Seconds that the shell of a lost connection may take to let go of the lock."""

_SIGNED = 0.05
"""Seconds until the holder of a new lock has written its name into it."""

_LOOK_SOON, _LOOK_AGAIN = 0.1, 1.0
"""Seconds between two looks whether a lock is free: at first, and at most."""

_FRESH = 10.0
"""Seconds in which answers to what was asked ahead are used: other hosts may be waited for."""

_ENDING = 3.0
"""Seconds that a busy host may take to end the shell of a run that is over: it holds the lock."""


class Session:
    """The exchanges with one host, counted."""

    def __init__(
        self,
        transport: Transport,
        another: Callable[[], Transport] | None = None,
        *,
        lasting: bool = False,
    ) -> None:
        """`another` connects once more; `lasting` says that there is no connection to lose."""
        self.connection = RenewableTransport(transport, another, lasting=lasting)
        self._nonce = ""
        self._pace: Pace | None = None
        self._last_shell = 0
        self._halted = False
        self._stop = False
        """True if a stop was requested: no program may change anything any more."""
        self._who: Holder | None = None
        self._stage = ""
        self._takes_raw: bool | None = None
        """True if the host reads long contents as raw bytes; None: not tried yet."""
        self._staged: set[str | None] = set()
        """Users with a folder for contents; None: the login user."""
        self._ahead: dict[Probe, Answer] = {}
        """The answers to what was asked together with the facts, for the next `ask`."""
        self._ahead_until = 0.0
        """When they are too old, in seconds of time.monotonic()."""
        self._cpus = 1
        """The number of processors of the host, once it has told its facts."""
        self._in_lanes = True
        """False once a link was lost: a host that has no room for lanes ends the shell."""
        self.end: float | None = None
        """When there is no more time for this host, in seconds of time.monotonic()."""
        self.whole = False
        """True while a command runs that must not be ended: a package transaction."""
        self.ended = False
        """True if a command was ended before its end."""
        self.exchanges = 0
        """Number of exchanges."""

    def aside(self, command: Command) -> Outcome:
        """
        Return the output of a command, run by a second connection with the same privilege.

        Raises Unreachable and its kin.
        """
        session = Session(self.connection.another())
        try:
            [outcome] = session.run([Do(command, ANSWER_TIMEOUT)])
        finally:
            session.close()
        return outcome

    def renew(self, lost: Interrupted, within: float = 0.0) -> None:
        """
        Continue with a new connection and the same lock, after this one was lost.

        A host that is known to boot is tried for `within` seconds. Raises `lost` where there is no
        other connection, Unreachable and its kin, or Locked if another run was faster.
        """
        self.connection.renew(lost, within)
        self._in_lanes = False
        self._stage = ""
        self._staged.clear()
        retire = control.retiring(self.shell, self._nonce)
        self._last_shell, self._pace = 0, None
        self._take_over(retire)

    def trace_of(self, nonce: str, *, rebooted: bool) -> Trace | None:
        """
        Return the host's record of a program that was cut off; None where it can tell nothing.

        A host that could have written a record and has none did not begin the program; after a
        crash the record itself may be lost.
        """
        [outcome] = self.run([Do(trace.QUESTION, ANSWER_TIMEOUT)])
        if outcome.status != 0:
            return None
        return read_trace(outcome.text, nonce) or (None if rebooted else Trace())

    def _take_over(self, retire: Command) -> None:
        """
        Wait until the shell of the lost connection has finished its work and ends.

        A host that has not noticed the lost connection is told so.
        """
        tries = Retry(growing(_LOOK_AGAIN), within=_TAKE_OVER)
        while True:
            self.run([Do(retire, ANSWER_TIMEOUT)])
            self._halted = True
            try:
                if self._who is not None:
                    self.begin(self._who)
            except Locked as error:
                if self._who is None or error.run != self._who.run:
                    raise
                if tries.again():
                    continue
                raise Unreachable(
                    "the link was lost, and what was sent before is still being done",
                    hint="look at the host; the next run goes on from what is so then",
                ) from None
            return

    @during("facts")
    def facts(self, ahead: Sequence[Question] = ()) -> Facts:
        """
        Return the facts of the host; `ahead` is asked as well, and the next `ask` has the answers.

        Raises ProbeError if it is no POSIX host.
        """
        return self._learn(ahead, self._with_facts([], ahead))

    def _with_facts(self, parts: Sequence[Part], ahead: Sequence[Question]) -> list[Outcome]:
        first = Ask(QUESTION, lane=ahead[0].lane if ahead else None)
        try:
            return self.run([*parts, first, *(question.part for question in ahead)])
        except TooSlow as error:
            if error.failed is not None and error.failed.command != QUESTION.brief:
                error.phase = "probe"
            raise

    def _learn(self, ahead: Sequence[Question], outcomes: Sequence[Outcome]) -> Facts:
        """Return the facts; keep the answers that were asked ahead and need no second question."""
        facts = _facts(outcomes[0])
        self._cpus = facts.cpus
        for question, outcome in zip(ahead, outcomes[1:], strict=True):
            if not question.is_unclear(outcome):
                self._ahead.update(question.read(outcome))
        self._ahead_until = time.monotonic() + _FRESH
        return facts

    @during("facts")
    def begin(self, who: Holder, patience: float = 0.0, ahead: Sequence[Question] = ()) -> Facts:
        """
        Take the lock and find out what the host is, in one exchange; `ahead` is as of `facts`.

        Nothing but the lock is asked on a host that another run or an operator has.

        Raises Locked if another run holds it for longer than `patience` seconds, or the few that
        the host may take to end a run that is over.
        """
        self._who = who
        tries = Retry(
            growing(_LOOK_SOON, 2.0, _LOOK_AGAIN),
            within=max(patience, _ENDING),
            stopping=self._is_over,
        )
        last = ""
        while True:
            locked, *told = self._with_facts([Lock(who.line)], ahead)
            if (halted := halting(locked.text)) is not None:
                raise Locked(
                    f"locked by {halted}", hint="`cook unlock` takes that away; ask them first"
                )
            if locked.status != TAKEN:
                # An operator's lock that has ended was there: then nothing else was asked.
                return self._learn(ahead, told) if told[0].status is not None else self.facts()
            ahead = ()  # not once more each time
            if locked.text != last:  # a new holder may not have written its name yet
                last = locked.text
                wait(_SIGNED)
                continue
            if not tries.again():
                raise Locked(
                    f"another run is at work here: {holding(locked.text)}",
                    hint=_wait_for(holding_shell(locked.text)),
                    run=holding(locked.text).run,
                )

    @during("probe")
    def ask(self, probes: Iterable[Probe]) -> dict[Probe, Answer]:
        """Return the answers to these probes, in one exchange; those asked ahead are there."""
        known, self._ahead = self._ahead if time.monotonic() < self._ahead_until else {}, {}
        answers: dict[Probe, Answer] = {}
        asked: list[Probe] = []
        for probe in probes:
            if (answer := known.get(probe)) is not None:
                answers[probe] = answer
            else:
                asked.append(probe)
        return answers | self._ask(asked)

    def _ask(self, probes: Sequence[Probe]) -> dict[Probe, Answer]:
        questions = self.questions(probes)
        if not questions:
            return {}
        return self.understand(questions, self.run([question.part for question in questions]))

    def questions(self, probes: Iterable[Probe]) -> list[Question]:
        """Return the fewest commands that answer these probes, in lanes if the host has room."""
        return in_lanes(gather(probes), self._cpus)

    def understand(
        self, questions: Sequence[Question], outcomes: Sequence[Outcome]
    ) -> dict[Probe, Answer]:
        """
        Return the answers in these outcomes.

        If a command for many keys failed, each key is asked alone, in one more exchange.
        """
        answers: dict[Probe, Answer] = {}
        again: list[Question] = []
        for question, outcome in zip(questions, outcomes, strict=True):
            if question.is_unclear(outcome):
                again += question.alone
            else:
                answers.update(question.read(outcome))
        for question, outcome in zip(again, self.read([q.command for q in again]), strict=True):
            answers.update(question.read(outcome))
        return answers

    def read(self, commands: Sequence[Command]) -> list[Outcome]:
        """Return the output of these questions, in one exchange."""
        return self.run([Ask(command) for command in commands]) if commands else []

    def run(
        self,
        parts: Sequence[Part],
        contents: Mapping[str, bytes] | None = None,
        begun: Callable[[int], None] = lambda _: None,
    ) -> list[Outcome]:
        """
        Send a program; long contents go before it, in the same exchange. No parts: nothing is sent.

        `begun` hears the number of each part as its turn comes.

        Raises HostError if there is no room for them on the host, DeadlineExceeded if there is
        no more time for it.
        """
        if not parts:
            return []
        if not self._in_lanes:
            parts = [replace(part, lane=None) if isinstance(part, Ask) else part for part in parts]
        if not all(isinstance(part, Ask | Lock) for part in parts):
            self._ahead = {}  # what was asked before a change is not known any more
        if self._is_over():
            raise DeadlineExceeded(
                "the time there was for this host is over",
                hint="give it longer: --host-timeout, or --timeout for the whole run",
            )
        carried = contents or {}
        readers = sorted(wanted_contents(parts), key=str)
        wanted = {d: carried[d] for d, _ in readers if d in carried}
        ahead: list[Part] = []
        for digest in [d for d, data in wanted.items() if len(data) > INLINE_CONTENT]:
            users = [reader for d, reader in readers if d == digest]
            ahead += self._send_long(digest, wanted.pop(digest), users)
        program = Program((*ahead, *parts), wanted, self._stage)
        try:
            outcomes = self._exchange(program, lambda part: begun(part - len(ahead)))
        except Interrupted as error:
            error.outcomes = error.outcomes[len(ahead) :]
            if not all(isinstance(part, Ask | Lock) for part in parts):
                raise
            self.renew(error)  # nothing but questions: they can be asked again
            return self.run(parts, contents, begun)
        _check_sent(outcomes[: len(ahead)])
        return outcomes[len(ahead) :]

    def _exchange(
        self, program: Program, begun: Callable[[int], None] = lambda _: None
    ) -> list[Outcome]:
        """Send a program; what is known of it goes into the `outcomes` of an error."""
        self.exchanges += 1
        self.whole = False
        pace = Pace(program, begun, self.end)
        self._last_shell = self.shell
        self._nonce, self._pace = program.nonce, pace
        if self._stop:
            program = replace(program, halted=True)
        try:
            return run(self.connection.transport, program, pace)
        except (Interrupted, TooSlow) as error:
            error.outcomes = list(program.partial(error.reply.stdout, error.reply.stderr))
            if isinstance(error, TooSlow):
                self._leave(error)
            else:
                error.nonce = program.nonce
            raise

    @property
    def shell(self) -> int:
        """
        Pid of the shell on the host; 0 before it is known.

        One shell reads all programs of a connection. Of the latest it may not have said it yet.
        """
        return (self._pace.shell if self._pace is not None else 0) or self._last_shell

    def _is_over(self) -> bool:
        return self.end is not None and time.monotonic() >= self.end

    def halt(self) -> None:
        """
        Have the host stop before the next change of what it was sent: by a connection aside.

        What is sent from now on changes nothing: it may have been decided before.

        Raises Unreachable and its kin.
        """
        self._stop = True  # before the nonce is read: a program has that one, or is halted itself
        self.aside(control.halting(self._nonce))
        self._halted = True

    def break_off(self, *, for_good: bool = False) -> None:
        """
        Have the host end what it is at, unless that must not be ended in the middle.

        With `for_good` the outcome of the batch is not read any more.

        Raises Unreachable and its kin, CommandError if it cannot be ended.
        """
        if self.whole:
            return
        self.ended = True  # before it is: its end is heard of at once
        try:
            outcome = self.aside(_ending(self.shell) if for_good else control.ending(self.shell))
            if outcome.status != 0:
                raise CommandError(f"what the host was at cannot be ended: {outcome.complaint}")
        except HostError:
            self.ended = False
            raise

    def _leave(self, slow: TooSlow) -> None:
        """
        End what has taken too long; the shell then ends with the connection.

        Where no new login is possible, it is ended by another shell over the same connection,
        which stays open then: the command may have caused that.
        """
        if self.whole:
            slow.hint = "it is not ended in the middle, and goes on there: wait, then run again"
        elif self.connection.has_another:
            try:
                self.break_off(for_good=True)
                slow.ended = True
            except HostError as error:
                slow.hint = f"it may still be at it: {error}"
                if not isinstance(error, CommandError) and self._end_beside():
                    slow.refused, slow.ended = error, True
                    return
                slow.refused = None if isinstance(error, CommandError) else error
        self.connection.transport.close()

    def _end_beside(self) -> bool:
        """End the command by another shell over the same connection; return whether it did."""
        shell = self.shell
        if not self.connection.continue_beside():
            return False
        self._last_shell, self._pace = 0, None
        self._stage = ""
        self._staged.clear()
        self.end = None
        with contextlib.suppress(HostError):
            [outcome] = self.run([Do(_ending(shell), ANSWER_TIMEOUT)])
            return outcome.status == 0
        return False

    def close(self) -> None:
        """Leave nothing behind, and end the session."""
        self.end = None
        try:
            tidy = [Ask(as_user(user, sh('rm -rf "$cook_stage"'))) for user in self._staged]
            if self._halted:
                tidy.append(Ask(sh('rm -f "$cook_home"/.halt-*')))
                tidy.append(Ask(jobs.CLEAN_ALL))
            if tidy:
                self.run(tidy)
        except HostError:
            pass  # the link is gone; the folder is private, and under /var/tmp
        finally:
            self.connection.transport.close()

    def _send_long(self, digest: str, data: bytes, users: Sequence[str | None]) -> Iterator[Part]:
        """Send long contents to their readers; yield the parts that are left to do for that."""
        raw = self._send_raw(digest, data)
        for user in users:
            if not (raw and (user is None or self._hand_over(digest, user))):
                yield from self._send_ahead(digest, data, user)
        if raw and None not in users:
            yield Do(sh("rm -f {}", f"{self._stage}/{digest}"), _STAGE_TIMEOUT)

    def _hand_over(self, digest: str, user: str) -> bool:
        """
        Copy contents on the host into the folder of another user; return whether it was possible.

        Root opens the file, and the user writes the copy: root follows no link of theirs. Where
        sudo(8) changes the user, it would close the file.
        """
        copy = as_user(user, sh("cat <&7 >{}", f"{self._stage}-{user}/{digest}"))
        hand = sh("[ -O / ] && exec 7<{} && {}", f"{self._stage}/{digest}", copy)
        try:
            outcomes = self.run([*self._folder_for(user), Do(hand, _STAGE_TIMEOUT)])
        except (Interrupted, TooSlow) as error:
            error.outcomes = []  # nothing of what was to follow has begun
            raise
        _check_sent(outcomes[:-1])
        return outcomes[-1].status == 0

    def _folder_for(self, user: str | None) -> Iterator[Part]:
        """Yield the part that makes the private folder of a user, unless it was made."""
        if user not in self._staged:
            self._staged.add(user)
            folder = self._stage if user is None else f"{self._stage}-{user}"
            yield Do(sh("mkdir -m 700 {}", folder), _STAGE_TIMEOUT, user=user)

    def _send_raw(self, digest: str, data: bytes) -> bool:
        """
        Put contents into the folder of cook on the host, as raw bytes.

        Returns whether the host can take them so.
        """
        if self._takes_raw is False:
            return False
        self._stage = self._stage or _new_stage()
        make = list(self._folder_for(None))
        timeout = _STAGE_TIMEOUT + len(data) / _SLOWEST_LINK
        receive = Receive(f"{self._stage}/{digest}", len(data), timeout)
        view = memoryview(data)
        pieces = [view[at : at + _PIECE] for at in range(0, len(data), _PIECE)]
        program = Program((*make, Ready(), receive), {}, self._stage, pieces)
        try:
            outcomes = self._exchange(program)
        except (Interrupted, TooSlow) as error:
            error.outcomes = []  # nothing of what was to follow has begun
            raise
        _check_sent(outcomes[: len(make)])
        self._takes_raw = outcomes[len(make)].status == 0
        if self._takes_raw:
            _check_sent(outcomes)
        return self._takes_raw

    def _send_ahead(self, digest: str, data: bytes, user: str | None) -> Iterator[Part]:
        """Put contents into a folder on the host that is private to its reader, piece by piece."""
        self._stage = self._stage or _new_stage()
        folder = self._stage if user is None else f"{self._stage}-{user}"
        yield from self._folder_for(user)
        for start in range(0, len(data), INLINE_CONTENT):
            piece, path = printing(data[start : start + INLINE_CONTENT]), f"{folder}/{digest}"
            write = sh("{} >> {} || { head -c 65536 /dev/zero >> {}; false; }", piece, path, path)
            yield Do(write, _STAGE_TIMEOUT, user=user)


def _ending(shell: int) -> Command:
    """Return the command that ends the children of a shell, and forgets what they printed."""
    return control.ending(shell, jobs.CLEAN_ALL)


def _new_stage() -> str:
    return f"/var/tmp/cook-{secrets.token_hex(8)}"  # noqa: S108 - private: mkdir -m 700


def _check_sent(outcomes: Iterable[Outcome]) -> None:
    """Raise HostError where a file could not be put onto the host."""
    for outcome in outcomes:
        if outcome.status != 0:
            known = cause_of(outcome.complaint)
            kept = "it is kept in /var/tmp until it is in place"
            raise HostError(
                f"a file could not be sent to the host: {outcome.complaint}",
                cause=known.what if known else None,
                hint=f"{kept}; {known.hint}" if known else kept,
            )


def _wait_for(shell: int | None) -> str:
    """Return the hint about a lock. A host may need hours to notice that a link is silent."""
    wait = "wait for it, or let cook wait: --wait 5m"
    if shell is None:
        return wait
    gone = f"end what it is still at (`ps --ppid {shell}` there lists it), then `kill -HUP {shell}`"
    return f"{wait}; if it is gone for good: {gone}"


def _facts(outcome: Outcome) -> Facts:
    """
    Return the facts in an answer.

    Raises ProbeError with the reason if the host gives one.
    """
    try:
        return parse_facts(outcome.text)
    except ProbeError:
        if (cause := cause_of(outcome.complaint, outcome.status)) is None:
            raise
        raise ProbeError(
            f"it does not say what it is: {outcome.complaint}", cause=cause.what, hint=cause.hint
        ) from None
