"""Commands that run by the clock."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.language.resource import not_a_user
from cookbook.provider import SENSITIVE, Resource, recipe_function
from cookbook.resources._arguments import refuse_secrets

Action = Literal["create", "delete", "nothing"]

_MONTHS = {
    name: number
    for number, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
}
_DAYS = dict(zip(["sun", "mon", "tue", "wed", "thu", "fri", "sat"], range(7), strict=True))
_LONG_DAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]
_TIMES = ["reboot", "yearly", "annually", "monthly", "weekly", "daily", "midnight", "hourly"]

_FIELDS: Mapping[str, tuple[int, int, Mapping[str, int]]] = {
    "minute": (0, 59, {}),
    "hour": (0, 23, {}),
    "day": (1, 31, {}),
    "month": (1, 12, _MONTHS),
    "weekday": (0, 7, _DAYS),
}
_PART = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>\d+))?")

_NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


def same_time(one: str, other: str) -> bool:
    """
    Return whether cron(8) starts two entries at the same times, however they are written.

    >>> same_time("05 04 * * 1-5", "5 4 * * mon-fri"), same_time("@hourly", "0 */1 * * *")
    (True, True)
    """
    if one == other:
        return True
    times = _times(one)
    return times is not None and times == _times(other)


def _times(when: str) -> tuple[frozenset[object], ...] | None:
    """Return the minutes, hours, days and months; None for `@reboot` and what cannot be read."""
    texts = _NICKNAMES.get(when, when).lower().split()
    if len(texts) != len(_FIELDS):
        return None
    pairs = zip(texts, _FIELDS.values(), strict=True)
    if not all(_is_part(part, *limits) for text, limits in pairs for part in text.split(",")):
        return None
    minutes, hours, days, months, weekdays = map(_values, texts, _FIELDS.values())
    weekdays = {number % 7 for number in weekdays}
    # crontab(5): where neither of the two begins with `*`, one of them is enough.
    both = texts[2].startswith("*") or texts[4].startswith("*")
    dates = {
        (day, weekday)
        for day in range(1, 32)
        for weekday in range(7)
        if (all if both else any)((day in days, weekday in weekdays))
    }
    return frozenset(minutes), frozenset(hours), frozenset(dates), frozenset(months)


def _values(text: str, limits: tuple[int, int, Mapping[str, int]]) -> set[int]:
    """Return the numbers that a field stands for."""
    low, high, names = limits
    values: set[int] = set()
    for part in text.split(","):
        m = _PART.fullmatch(part)
        assert m is not None  # noqa: S101 - it was checked
        first, last = (low, high) if m["first"] == "*" else (m["first"], m["last"] or m["first"])
        begin, end = (int(names.get(str(value), value)) for value in (first, last))
        values.update(range(begin, end + 1, int(m["step"] or 1)))
    return values


class CronEntry(Resource):
    """A command that cron(8) runs, wherever its entry is."""

    command: str | None = field(default=None, metadata=SENSITIVE)
    """The command, run by sh unless `shell` names another shell."""

    minute: str | int = "*"
    """0-59; here and below also `*`, lists `1,2`, ranges `1-5`, steps `*/5`."""

    hour: str | int = "*"
    """0-23."""

    day: str | int = "*"
    """1-31."""

    month: str | int = "*"
    """1-12, or jan-dec."""

    weekday: str | int = "*"
    """0-7, where 0 and 7 are Sunday, or sun-sat."""

    time: str | None = None
    """Instead of the five: reboot, hourly, daily, midnight, weekly, monthly, yearly."""

    user: str = "root"
    """The user whose crontab has the entry."""

    mailto: str | None = None
    """The recipient of the output; "" for none."""

    path: str | None = None
    """PATH of the command."""

    shell: str | None = None
    """SHELL, which runs the command."""

    home: str | None = None
    """HOME of the command, where it is run."""

    environment: Mapping[str, str] = field(default_factory=dict, metadata=SENSITIVE)
    """Further variables. In a crontab they hold for the lines below, too; so entries with
    variables are put at its end, and entries without at its beginning."""

    comment: str | None = None
    """A line of explanation."""

    def validate(self) -> None:
        """Check what cron(8) would refuse, or ignore silently."""
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", self.user):
            raise not_a_user(self, self.user)
        for what, text in (("name", self.name), ("command", self.command)):
            if text is not None and ("\n" in text or not text.strip() or text != text.strip()):
                raise RecipeError(f"{self}: a {what} is one line, without blanks around it")
        if self.comment is not None and "\n" in self.comment:
            raise RecipeError(f"{self}: a comment is one line")
        if self.command is None and "create" in self.doing:
            raise RecipeError(f"{self}: there is no command")
        refuse_secrets(self, self.command, self.environment)
        _ = self.when, self.variables

    @property
    def when(self) -> str:
        """
        The beginning of the entry: five fields, or `@daily`.

        Raises RecipeError for what cron(8) does not understand.
        """
        fields = [self._field(name, getattr(self, name)) for name in _FIELDS]
        if self.time is None:
            return " ".join(fields)
        if (time := self.time.lstrip(":@")) not in _TIMES:
            raise RecipeError(f"{self}: time is one of {', '.join(_TIMES)}, not {self.time!r}")
        if fields != ["*"] * 5:
            raise RecipeError(f"{self}: time stands instead of minute, hour, day, month, weekday")
        return f"@{time}"

    def _field(self, name: str, value: str | int) -> str:
        text = str(value).lower()
        if name == "weekday" and text in _LONG_DAYS:
            text = text[:3]
        low, high, names = _FIELDS[name]
        if not all(_is_part(part, low, high, names) for part in text.split(",")):
            raise RecipeError(
                f"{self}: {name} {value!r} is nothing that crontab(5) knows",
                hint=f"{low}-{high}, *, lists 1,2, ranges 1-5, steps */5",
            )
        return text

    @property
    def variables(self) -> tuple[str, ...]:
        """
        The lines that set variables, as crontab(5) wants them.

        Raises RecipeError for a value that cannot be said there.
        """
        own = {"MAILTO": self.mailto, "PATH": self.path, "SHELL": self.shell, "HOME": self.home}
        given = {k: v for k, v in own.items() if v is not None}
        if twice := given.keys() & self.environment.keys():
            raise RecipeError(f"{self}: {', '.join(sorted(twice))} is given twice")
        return tuple(self._variable(k, v) for k, v in {**given, **self.environment}.items())

    def _variable(self, name: str, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise RecipeError(f"{self}: {name!r} cannot be the name of a variable")
        if "\n" in value:
            raise RecipeError(f"{self}: {name} is one line")
        if value and value == value.strip() and value[0] not in "\"'":
            return f"{name}={value}"
        for quote in "\"'":
            if quote not in value:
                return f"{name}={quote}{value}{quote}"
        raise RecipeError(f"{self}: a crontab cannot hold this value of {name}")


class Cron(CronEntry):
    """
    An entry of a user's crontab: Chef's `cron`.

    It is known by the comment above it, `# cook: NAME`; an entry that says the
    same without one is adopted. In a command, cron itself makes a newline of
    each `%` that has no backslash before it (crontab(5)); it is left as it is.

    Example::

        cron("backup", hour=3, minute=15, command="/usr/local/bin/backup")
    """

    category: ClassVar[str] = "services"

    action: Action | Sequence[Action] = "create"

    @property
    def topic(self) -> str:
        """The command of a user: two entries with two names may be about one job."""
        return f"the command {self.command!r} of {self.user}"

    def contradicts(self, other: Cron) -> str | None:
        """Compare entries of one command at the same times."""
        if self.command is None or not same_time(self.when, other.when):
            return None
        if set(self.doing) != set(other.doing):
            return "action"
        if self.variables != other.variables:
            return "variables"
        # Each name has an entry of its own: cron(8) would run the job twice.
        return "names" if "create" in self.doing else None


def _is_part(part: str, low: int, high: int, names: Mapping[str, int]) -> bool:
    """One of a list: `*`, a value or a range; steps only where there is something to step in."""
    m = _PART.fullmatch(part)
    if m is None:
        return False
    if m["step"] is not None and (int(m["step"]) < 1 or (m["first"] != "*" and not m["last"])):
        return False
    if m["first"] == "*":
        return m["last"] is None
    values = [
        names.get(v, int(v) if v.isascii() and v.isdigit() else -1)
        for v in (m["first"], m["last"] or m["first"])
    ]
    return low <= values[0] <= values[1] <= high


cron = recipe_function(Cron)
