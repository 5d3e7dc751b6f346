"""The trial of a recipe: a plan on the host it comes from, which must find nothing to do."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cookbook.errors import Defect, RecipeError
from cookbook.importing.declaration import Declaration, LeftOut
from cookbook.importing.recipe import helpers, ordered, recipe_text, targets, without_dead_notices
from cookbook.language.resource import Resource

if TYPE_CHECKING:
    from cookbook.inventory import Host
    from cookbook.planning.step import Step
    from cookbook.secrets.secret import Secret

_ROUNDS = 4
"""Plans that can bring another way to declare what is not in line; after them it is left out."""


@dataclass
class Trial:
    """Plans of declarations on a host, until nothing is to be changed."""

    host: Host
    become_password: Secret | None
    folder: Path
    """A folder for the recipe and its files while they are tried."""

    left_out: list[LeftOut]
    _plans: int = 0
    _no_help: set[str] = field(default_factory=set)
    """Identities of what is not in line, and was only there for others."""

    def settled(self, declarations: Sequence[Declaration]) -> list[Declaration]:
        """
        Return the declarations that are in line on the host: the last plan of them was empty.

        The others are added to `left_out`, with the reason. Raises HostError if the host cannot
        be asked.
        """
        kept = complete(self._checked(declarations))
        while problems := self._problems(kept):
            if not problems.keys() & {one.identity for one in kept}:
                raise Defect(f"what is not in line is not declared: {', '.join(problems)}")
            replaced = self._replaced(kept, problems, last=self._plans > _ROUNDS)
            kept = complete(replaced, self._no_help)
        return kept

    def _checked(self, declarations: Sequence[Declaration]) -> list[Declaration]:
        """Return what a recipe can declare, leaving out what a resource type refuses."""
        found = []
        for one in declarations:
            current: Declaration | None = one
            while current is not None and (refusal := refused(current)):
                if current.instead is None:
                    self._leave(current, refusal)
                current = current.instead
            if current is not None:
                found.append(current)
        return found

    def _replaced(
        self, kept: Sequence[Declaration], problems: Mapping[str, str], *, last: bool = False
    ) -> list[Declaration]:
        found = []
        for one in kept:
            reason = problems.get(one.identity)
            if reason is None:
                found.append(one)
            elif one.instead is not None and not last and not refused(one.instead):
                found += [*one.parts, one.instead]
            elif one.helps:
                self._no_help.add(one.identity)
            else:
                found += one.parts
                self._leave(one, reason)
        return found

    def _leave(self, one: Declaration, reason: str) -> None:
        self.left_out.append(LeftOut(one.subject, one.name, reason))

    def _problems(self, declarations: Sequence[Declaration]) -> dict[str, str]:
        """Plan on the host; return what is not in line: identity -> reason."""
        from cookbook.run.options import Run
        from cookbook.run.runner import Runner, new_id

        if not declarations:
            return {}
        self._plans += 1
        recipe = self.folder / f"imported{self._plans}.py"  # code is kept by path
        recipe.write_text(recipe_text(self.host.name, "", declarations, ()), "utf-8")
        write_contents(self.folder, declarations)
        run = Run(
            "plan",
            [recipe],
            [self.host],
            {},
            1,
            self.become_password,
            set=f"import-{new_id()}",
        )
        report = Runner(run).execute().hosts[self.host.name]
        if report.error is not None:
            raise report.error
        found = ((str(step.resource), _problem(step)) for step in report.steps)
        return {name: reason for name, reason in found if reason}


def complete(
    declarations: Sequence[Declaration], no_help: Collection[str] = ()
) -> list[Declaration]:
    """
    Return the declarations in order, with what they notify, and without notices to nothing.

    `no_help` are identities that are not to be notified.
    """
    wanted = targets(declarations) - {*no_help}
    rest = [one for one in declarations if not one.helps or one.identity in wanted]
    return without_dead_notices(ordered([*helpers(wanted), *rest]))


def write_contents(folder: Path, declarations: Sequence[Declaration]) -> None:
    """Write the contents of files below `files/` of a folder that only its owner can read."""
    for one in declarations:
        if one.content is not None:
            path = folder / "files" / one.source
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(one.content)


def refused(one: Declaration) -> str | None:
    """Return why a resource type refuses a declaration; None if it takes it."""
    from cookbook.plugins.registry import resource_type

    kind: type[Resource] | None = resource_type(one.kind)
    if kind is None:
        return f"there is no resource type {one.kind}"
    if one.content is not None:
        return None  # its source is read when the recipe is compiled
    given = {key: value for key, value in one.properties.items() if key != "notifies"}
    try:
        kind(name=one.name, **given)
    except (RecipeError, TypeError) as error:
        return str(error)
    return None


def _problem(step: Step) -> str | None:
    """Return why a step is not in line; None if it is."""
    if step.status in ("ok", "skipped"):
        return None
    if step.error is not None:
        return str(step.error)
    if step.status == "unknown":
        return f"it is not known before {step.until} is done"
    names = ", ".join(step.change.fields) if step.change is not None else ""
    return f"what the host has cannot be declared exactly: {names or step.status}"


def with_parts(declarations: Sequence[Declaration]) -> list[LeftOut]:
    """Return the properties that are left out of things that are declared."""
    return [
        LeftOut(
            one.subject, f"{one.name}: {line.partition('=')[0]}", line.partition(": ")[2], part=True
        )
        for one in declarations
        for line in one.todo
    ]
