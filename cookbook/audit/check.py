"""The check: a command whose exit status or output is judged, and that changes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from cookbook.errors import RecipeError
from cookbook.provider import Change, Command, Probe, Provider, Resource, provides, sh
from cookbook.script.shell import script

_MOST = 20
"""Findings that are kept of one check; of the rest the number is said."""

# The output; another exit status than the right ones is an error.
_OUTPUT_OF = "(eval {}); s=$?; case $s in {}) ;; 0) exit 1 ;; *) exit $s ;; esac"

# The exit status, and the output. From 126 on a shell says that it could not run the command, or
# that it was killed; 127 without a word is the `no` of `command -v`.
_STATUS_OF = r"""
o=$( (eval {}) 2>&1); s=$?
case $s in {}) ;;
*) [ "$s" -lt 126 ] || [ "$s$o" = 127 ] || { printf '%s\n' "$o" >&2; exit $s; } ;;
esac
printf '%s\n%s\n' "$s" "$o"
"""

_OUTPUT = ("value", "allowed", "least", "most", "lacks", "matches", "empty")
_TESTS = ("allowed", "least", "most", "lacks", "matches", "empty")


class AuditCheck(Resource, kind="check"):
    """
    A command whose exit status or output is judged; it must not change anything.

    Without a property that is about the output, the exit status is judged. Otherwise the command
    has to end with `status`; if it does not, the control is an error, because nothing was judged.
    """

    command: str | None = None
    """Shell text; by default the name."""

    status: int | Sequence[int] = 0
    """The exit statuses that are right."""

    value: str | None = None
    """A regular expression with a group: the group is judged, of the first place that matches."""

    split: str = "\n"
    """The separator of the parts that are judged one by one: lines, unless it is given."""

    allowed: Sequence[str] | None = None
    """Each part is one of these."""

    least: float | None = None
    """Each part is a number, and at least this."""

    most: float | None = None
    """Each part is a number, and at most this."""

    lacks: str | None = None
    """A regular expression that no part matches."""

    matches: str | None = None
    """A regular expression that at least one part matches."""

    empty: bool = False
    """There is no part: each is a finding."""

    applies: bool = False
    """True for the condition of a control: if it fails, the control is not applicable."""

    action: Literal["judge", "nothing"] = "judge"

    def validate(self) -> None:
        """Check the regular expressions, and that something is judged."""
        for name in ("value", "lacks", "matches"):
            if (text := getattr(self, name)) is not None:
                self._check_pattern(name, text)
        if self.value is not None and not any(self._given(name) for name in _TESTS):
            raise RecipeError(f"{self}: nothing is said of the value", hint=", ".join(_TESTS))
        if not self.split:
            raise RecipeError(f"{self}: split cannot be empty")

    def _check_pattern(self, name: str, text: str) -> None:
        try:
            groups = re.compile(text).groups
        except re.error as error:
            raise RecipeError(f"{self}: {name}: {error}") from None
        if name == "value" and groups != 1:
            raise RecipeError(f"{self}: value has {groups} groups, and one is needed")

    def _given(self, name: str) -> bool:
        return getattr(self, name) not in (None, False)

    @property
    def judges_output(self) -> bool:
        """True if the output is judged; False if the exit status is."""
        return any(self._given(name) for name in _OUTPUT)

    @property
    def right(self) -> tuple[int, ...]:
        """The exit statuses that are right."""
        return (self.status,) if isinstance(self.status, int) else tuple(self.status)


@dataclass(frozen=True)
class Findings:
    """The reasons why a check fails; none if it passes."""

    findings: tuple[str, ...] = ()


@provides(AuditCheck)
class AuditCheckProvider(Provider[AuditCheck, Findings]):
    """Checks, by sh(1)."""

    owns = False

    def probe(self, check: AuditCheck) -> Probe:
        """Return the command; an exit status that cannot be judged is an error."""
        text = check.command or check.name
        right = script("|".join(map(str, check.right)))
        question = sh(_OUTPUT_OF if check.judges_output else _STATUS_OF, text, right)
        return Probe(replace(question, called=text), apart=True)

    def parse(self, check: AuditCheck, text: str) -> Findings:
        """Return the findings in the answer."""
        found = list(_of_output(check, text) if check.judges_output else _of_status(check, text))
        more = [f"and {len(found) - _MOST} more"] if len(found) > _MOST else []
        return Findings((*found[:_MOST], *more))

    def plan(self, check: AuditCheck, found: Findings | None) -> Change[Findings]:
        """Return the change from the findings to none."""
        return Change(found or Findings(), Findings())

    def commands(self, name: str, change: Change[Findings]) -> Iterable[Command]:
        """Return nothing: a check changes nothing."""
        return ()


def _of_status(check: AuditCheck, text: str) -> Iterator[str]:
    status, _, output = text.partition("\n")
    if int(status) not in check.right:
        said = "; ".join(line.strip() for line in output.splitlines() if line.strip())
        yield f"exit status {status}{': ' if said else ''}{said}"


def _of_output(check: AuditCheck, text: str) -> Iterator[str]:
    if check.value is not None:
        if (found := re.search(check.value, text, re.MULTILINE)) is None:
            yield "it is not set"
            return
        text = found[1] or ""
        if not text.strip() and not check.empty:
            yield "it has no value"
            return
    parts = [part.strip() for part in text.split(check.split) if part.strip()]
    if check.empty:
        yield from parts
    if check.allowed is not None or check.least is not None or check.most is not None:
        yield from _of_values(check, parts)
    if check.lacks is not None:
        yield from (part for part in parts if re.search(check.lacks, part))
    if check.matches is not None and not any(re.search(check.matches, part) for part in parts):
        yield f"nothing matches {check.matches}"


def _of_values(check: AuditCheck, parts: Sequence[str]) -> Iterator[str]:
    if not parts:
        yield "it has no value"
    for part in parts:
        if check.allowed is not None and part not in check.allowed:
            yield f"it is {part}, not {' or '.join(check.allowed)}"
        # A number that is none (NaN) is neither less nor more: it fails both.
        if check.least is not None and not float(part) >= check.least:
            yield f"it is {part}, less than {check.least:g}"
        if check.most is not None and not float(part) <= check.most:
            yield f"it is {part}, more than {check.most:g}"
