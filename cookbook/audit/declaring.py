"""The functions that profiles call: `control`, `check`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from cookbook.audit.check import AuditCheck
from cookbook.audit.severity import Severity
from cookbook.errors import RecipeError
from cookbook.language.collection import Collection, caller, current
from cookbook.language.recipe import recipe_function
from cookbook.language.sections import Scope

_declare = recipe_function(AuditCheck)


@contextlib.contextmanager
def control(
    id: str,
    *,
    title: str,
    severity: Severity,
    rationale: str = "",
    remedy: str = "",
    references: Sequence[str] = (),
    only_if: str | None = None,
    tests: str | None = None,
) -> Iterator[None]:
    """
    Declare a control: resources and checks of this context that have to be in line.

        with control("ssh-02", title="Root logs in with a key only", severity="high"):
            check("PermitRootLogin", command="sshd -T", value="^permitrootlogin (.*)$",
                  allowed=["no", "prohibit-password"])

    All arguments but `only_if` are literal, because `cook audit` reads them before any host is
    contacted. `only_if` is shell text; where it fails, the control is not applicable. `tests` is a
    file of pytest beside the profile, with the fixture `host` of testinfra.
    """
    del title, severity, rationale, remedy, references  # read from the text of the profile
    collection, where = current(), caller()
    if collection.scope is not None:
        raise RecipeError(f"{where}: a control is inside the control {collection.scope.id!r}")
    if any(one.scope is not None and one.scope.id == id for one in collection):
        raise RecipeError(f"{where}: the control {id!r} is declared twice", hint="use another id")
    collection.scope = Scope(id, where)
    try:
        if only_if is not None or tests is not None:
            condition = AuditCheck("it is applicable", command=only_if or ":", applies=True)
            collection.declare(condition, where)
        yield
        _check_content(collection, collection.scope, has_tests=tests is not None)
    finally:
        collection.scope = None


def _check_content(collection: Collection, scope: Scope, *, has_tests: bool) -> None:
    """Raise RecipeError unless each resource of a control has a state, and there is one."""
    declared = [one for one in collection if one.scope is scope]
    for one in declared:
        resource = one.resource
        if resource.notifies or resource.subscribes:
            raise RecipeError(
                f"{one.where}: {resource} has notifications, and in a control nothing is changed"
            )
        if "nothing" in resource.doing:
            raise RecipeError(f"{one.where}: {resource} does nothing, so it judges nothing")
        if one.once is not None or one.barrier is not None:
            raise RecipeError(f"{one.where}: a control is judged on each host by itself")
    if not has_tests and not any(not _is_condition(one.resource) for one in declared):
        raise RecipeError(
            f"{scope.where}: the control {scope.id!r} checks nothing",
            hint="declare a resource or a check in its block",
        )


def _is_condition(resource: object) -> bool:
    return isinstance(resource, AuditCheck) and resource.applies


def check(name: str, **properties: Any) -> AuditCheck:
    """
    Declare a check in a control: a command whose exit status or output is judged.

        check("no account without password", command="awk -F: '!$2' /etc/shadow", empty=True)

    The properties are those of `cookbook.audit.check.AuditCheck`. Raises RecipeError outside of a
    control.
    """
    if current().scope is None:
        raise RecipeError(f"{caller()}: check({name!r}) is outside of a control")
    return _declare(name, **properties)
