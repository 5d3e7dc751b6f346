"""Which questions to ask so that every probe is answered, each asked only once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cookbook.errors import Failed, ProbeError, TooMuchOutput
from cookbook.language.probe import Probe, Table
from cookbook.script import beside, program
from cookbook.script.program import MOST_ANSWER, Ask, Outcome, Precondition, last_lines
from cookbook.script.run_as import as_user
from cookbook.script.shell import ENCODING, Command
from cookbook.text.diagnosis import why

_MOST_KEYS = 500
_MOST_TEXT = 60_000
"""Characters of keys in one command: far below what execve(2) takes."""

_FACTS = 3
"""The number of questions that take as long as that for the facts, which is in the first lane."""

_WAITING = 20
"""The number of questions that take as long as one that waits for an answer from elsewhere."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a host to one probe."""

    status: int
    stdout: bytes
    complaint: str = ""
    there: bool = True
    """False for a key that its table did not name."""

    cut: bool = False
    """True if the answer was larger than the limit."""

    nonsense: bool = False
    """True if the table could not read it."""

    @property
    def text(self) -> str:
        """Standard output; bytes that are not UTF-8 become surrogates."""
        return self.stdout.decode(ENCODING, "surrogateescape")


Answers = Mapping[Probe, Answer]


def state_text(probe: Probe, answer: Answer) -> str | None:
    """
    Return the text of the state in the answer; None for absent.

    Raises ProbeError for a status without a meaning, TooMuchOutput for an answer
    that has no end.
    """
    if answer.cut:
        raise TooMuchOutput(
            f"the answer to `{probe.question.brief}` is longer than {MOST_ANSWER // 1024**2} MiB",
            hint="is that what it should be? The rest was not kept, and nothing was decided by it",
            failed=Failed(probe.question.brief),
        )
    if answer.nonsense:
        failed = Failed(probe.question.brief, answer.status, last_lines(answer.stdout))
        raise ProbeError(f"the answer to `{failed.command}` makes no sense", failed=failed)
    if not answer.there or (probe.absent is not None and answer.status == probe.absent):
        return None
    if answer.status != 0:
        said = last_lines(answer.complaint.encode() or answer.stdout)
        failed = Failed(probe.question.brief, answer.status, said)
        raise ProbeError(
            f"{failed}{'' if said else ', and said nothing'}",
            failed=failed,
            **why(said, answer.status),
        )
    return answer.text


@dataclass(frozen=True, slots=True)
class Question:
    """One command, and the probes that it answers."""

    command: Command
    probes: Sequence[Probe]
    table: Table | None = None
    lane: int | None = None
    """The lane that asks it at the same time as others; see cookbook.script.beside."""

    @property
    def part(self) -> Ask:
        """As a part of a program."""
        return Ask(self.command, lane=self.lane)

    @property
    def apart(self) -> bool:
        """True if one of its probes must not be asked at the same time as others that are apart."""
        return any(probe.apart for probe in self.probes)

    @property
    def waits(self) -> bool:
        """True if the answer comes from elsewhere than the host."""
        return any(probe.waits for probe in self.probes)

    @property
    def alone(self) -> Sequence[Question]:
        """The same, key by key: one key that cannot be looked at must not hide the others."""
        return [Question(probe.question, [probe], self.table) for probe in self.probes]

    def is_unclear(self, outcome: Outcome) -> bool:
        """Return whether each key has to be asked alone, because the command for all has failed."""
        failed = outcome.status != 0 or outcome.cut
        return failed and len(self.probes) > 1 and self.table is not None

    def read(self, outcome: Outcome) -> Iterator[tuple[Probe, Answer]]:
        """Each probe's answer in the outcome."""
        status = outcome.status if outcome.status is not None else -1
        if self.table is None or status != 0 or outcome.cut:
            for probe in self.probes:
                yield probe, Answer(status, outcome.stdout, outcome.complaint, cut=outcome.cut)
            return
        keys = list(dict.fromkeys(probe.key for probe in self.probes))
        try:
            found = dict(self.table.split(outcome.text, keys))
        except (ValueError, LookupError, TypeError):
            for probe in self.probes:
                yield probe, Answer(0, outcome.stdout, outcome.complaint, nonsense=True)
            return
        for probe in self.probes:
            part = found.get(probe.key)
            text = (part or "").encode(ENCODING, "surrogateescape")
            yield probe, Answer(0, text, there=part is not None)


def gather(probes: Iterable[Probe]) -> list[Question]:
    """Return the fewest commands that answer these probes."""
    narrow: dict[Command, list[Probe]] = {}
    tables: dict[tuple[Table, str | None], dict[str, list[Probe]]] = {}
    for probe in dict.fromkeys(probes):
        if probe.table is None:
            narrow.setdefault(probe.question, []).append(probe)
        else:
            tables.setdefault((probe.table, probe.user), {}).setdefault(probe.key, []).append(probe)
    questions = [Question(command, asked) for command, asked in narrow.items()]
    for (table, user), keys in tables.items():
        for some in _portions(sorted(keys)):
            asked = [probe for key in some for probe in keys[key]]
            questions.append(Question(as_user(user, table.ask(some)), asked, table))
    return questions


def in_lanes(questions: Sequence[Question], cpus: int) -> list[Question]:
    """Return the questions in the order of their lanes; as they are if one lane is enough."""
    apart = [question for question in questions if question.apart]
    waiting = [question for question in questions if question.waits and not question.apart]
    rest = [question for question in questions if not (question.apart or question.waits)]
    number = beside.number_of_lanes(len(questions), cpus, apart=len(apart), waiting=len(waiting))
    if number == 1:
        return list(questions)
    lanes = [apart, *([] for _ in range(1, number))]
    sizes = [len(apart) + _FACTS, *([0] * (number - 1))]
    # What a lane says has to wait for the lanes before it: those that wait come last.
    for some, size, order in ((waiting, _WAITING, reversed), (rest, 1, iter)):
        for question in some:
            smallest = min(order(range(number)), key=sizes.__getitem__)
            lanes[smallest].append(question)
            sizes[smallest] += size
    return [replace(question, lane=i) for i, lane in enumerate(lanes) for question in lane]


def precondition(probes: Iterable[Probe], answers: Answers) -> Precondition:
    """Ask again, and go on only if the host says what it said before."""
    questions = gather(probe for probe in probes if not probe.loose)
    return program.precondition_of(
        tuple(question.command for question in questions),
        (_expected(question, answers) for question in questions),
    )


def _expected(question: Question, answers: Answers) -> tuple[bytes, int]:
    given = [answers[probe] for probe in question.probes]
    if question.table is None:
        return given[0].stdout, given[0].status
    by_key = {p.key: a.stdout for p, a in zip(question.probes, given, strict=True) if a.there}
    return question.table.between.encode().join(by_key.values()), 0


def _portions(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    """Keys by the command; a command line has an end."""
    portion: list[str] = []
    size = 0
    for key in keys:
        if portion and (len(portion) == _MOST_KEYS or size + len(key) > _MOST_TEXT):
            yield portion
            portion, size = [], 0
        portion.append(key)
        size += len(key)
    if portion:
        yield portion
