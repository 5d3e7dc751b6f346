"""
For those who write providers and recipes: a host that is played, and cases as data.

A case is one mapping in `tests/cases/THING.yml`:

    - it: creates a group that is missing
      declare: group("www", gid=33)
      facts: {firewall_tool: nftables}      # optional: what the host is
      answer: {status: 2}                   # or `answers:` where there are several questions
      probe: getent group www               # optional: what is asked
      change: create                        # or none, remove, act, or {field: [found, wanted]}
      act: restart                          # optional: what is done besides
      note: removes ...                     # optional: the remark that the plan shows
      warning: ...                          # the remark that is shown even if nothing is to be done
      missing: [user www]                   # optional: what a change would take and is not there
      brings: [group www]                   # optional: what is there afterwards
      entries: [www]                        # optional: what can be removed alone
      commands: [groupadd --gid 33 www]
      after: the whole text                 # optional: the text of the file that is edited
      besides: ["..."]                      # optional: answers to what is asked besides
      warns: the chain ...                  # what these answers are a warning of
      error: ProbeError                     # instead of a change; with `says:`, a part of its text

An answer is the text printed, or {status, stdout, stderr}, or null for what a table did
not name. `check_case` checks a case, and the laws that hold for every provider.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from cookbook.errors import CookError
from cookbook.hosts.probing import Answer, state_text
from cookbook.language.change import Change
from cookbook.language.collection import Collection, Declared, Node, declaring
from cookbook.language.probe import with_name
from cookbook.language.provider import AnyProvider, asked_by, questions
from cookbook.language.resource import Resource
from cookbook.language.serialize import change_from_json, to_json
from cookbook.plugins.manager import catalog
from cookbook.plugins.registry import resource_type
from cookbook.script.facts import Facts

DEBIAN = Facts(
    family="debian",
    distribution="debian",
    version="12",
    codename="bookworm",
    architecture="x86_64",
    init="systemd",
    package_tool="apt",
    firewall_tool="nftables",
    network_tool="networkd",
    hostname="web1",
    fqdn="web1.example.org",
    root=True,
)
"""The host that cases are about, unless they say otherwise."""


def declare(text: str, facts: Facts = DEBIAN, folder: Path | None = None) -> list[Declared]:
    """Return the resources that the text of a recipe declares on a host with these facts."""
    tree = ast.parse(text)
    functions = _functions(tree)
    collection = Collection(Node("web1", facts))
    collection.folder = folder or Path()
    with declaring(collection):
        exec(compile(tree, "<string>", "exec"), functions)  # noqa: S102 - a recipe is code; this is one
    return list(collection)


def _functions(tree: ast.Module) -> dict[str, Any]:
    """Return the functions that a recipe calls, built-in and of plugins, by name."""
    from cookbook.language import recipe

    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    types = {name: resource_type(name) for name in names}
    functions: dict[str, Any] = {
        name: recipe.recipe_function(cast("Callable[..., Resource]", kind))
        for name, kind in types.items()
        if kind is not None
    }
    return {
        **functions,
        "delayed": recipe.delayed,
        "final": recipe.final,
        "immediate": recipe.immediate,
        "node": recipe.node,
    }


def answer(given: object) -> Answer:
    """Return the answer of a host, as a case writes it."""
    match given:
        case None:
            return Answer(0, b"", there=False)
        case str():
            return Answer(0, given.encode("utf-8", "surrogateescape"))
        case {**words}:
            said = str(words.get("stdout", "")).encode("utf-8", "surrogateescape")
            status = words.get("status", 0)
            return Answer(int(str(status)), said, str(words.get("stderr", "")))
        case _:
            raise TypeError(f"an answer is text, a mapping or null, not {given!r}")


def found(provider: AnyProvider, resource: Resource, answers: Sequence[object]) -> Any:
    """Return the state in the answers, as the engine finds it."""
    texts = _texts(provider, resource, answers)
    return None if texts and texts[0] is None else provider.understand(resource, *texts)


def _texts(
    provider: AnyProvider, resource: Resource, answers: Sequence[object]
) -> list[str | None]:
    probes = questions(provider, resource)
    return [state_text(p, answer(a)) for p, a in zip(probes, answers, strict=True)]


def check_case(case: Mapping[str, Any], folder: Path | None = None) -> None:
    """
    Check a case, and the laws.

    Raises AssertionError with what was expected and what came.
    """
    facts = replace(DEBIAN, **case.get("facts", {}))
    if "error" in case:
        _check_error(case, facts, folder)
        return
    [declared, *_] = declare(case["declare"], facts, folder)
    resource = declared.resource
    provider = catalog().choose(resource, facts)
    probes = questions(provider, resource)
    if "probe" in case:
        _same("probe", _listed(case["probe"]), [str(probe.question) for probe in probes])
    state = found(provider, resource, _answers(case))
    change = provider.plan(resource, state)
    _check_change(case, change)
    if "commands" in case or not change.needed:
        sent = provider.commands(resource.identity, change) if change.needed else ()
        _same("commands", case.get("commands", []), [str(command) for command in sent])
    for field, things in (
        ("missing", provider.missing(resource, *_texts(provider, resource, _answers(case)))),
        ("brings", provider.brings(resource.identity, change) if change.needed else ()),
    ):
        if field in case:
            _same(field, case[field], [str(thing) for thing in things])
    if "after" in case:
        _same("after", case["after"], getattr(change.wanted, "text", None))
    if "entries" in case:
        _same("entries", case["entries"], list(provider.entries(resource)))
    if "besides" in case:
        _same("warns", case.get("warns"), _warning(provider, resource, case["besides"]))
    check_laws(provider, resource, state, change)
    _check_names(provider, resource, change)


def _warning(provider: AnyProvider, resource: Resource, answers: Sequence[object]) -> str | None:
    probes = asked_by(resource, provider.besides(resource))
    if not probes:
        return None
    texts = [state_text(p, answer(a)) for p, a in zip(probes, answers, strict=True)]
    return provider.warning(resource, *texts)


def check_laws(
    provider: AnyProvider, resource: Resource, state: object, change: Change[Any]
) -> None:
    """Check the laws that hold for every provider."""
    _same(
        "law 4: plan(resource, wanted) needs nothing but to act",
        True,
        provider.plan(resource, change.wanted).kind in ("none", "act"),
    )
    _same("plan is a function", change, provider.plan(resource, state))
    for identity, one in provider.entries(resource).items():
        _same("an entry of the manifest is one thing", [identity], list(provider.entries(one)))
    if not resource.sensitive:
        again = change_from_json(provider.state, to_json(change))
        _same("a change can be written and read", change, again)


def _check_names(provider: AnyProvider, resource: Resource, change: Change[Any]) -> None:
    """
    Check that an error shows no program.

    A question that is no short line, and a command of several lines, says what it is for (the
    field `called` of `Command`). Lines of the recipe itself are shown as they are.
    """
    probes = [*questions(provider, resource), *asked_by(resource, provider.besides(resource))]
    for question in (probe.question for probe in probes):
        _same("what an error calls a question", with_name(question, "?").brief, question.brief)
    for command in provider.commands(resource.identity, change) if change.needed else ():
        text = command.brief
        for given in vars(resource).values():
            text = text.replace(str(given), "") if given and isinstance(given, str) else text
        _same(f"the lines of what an error calls a command, {text!r}", 1, text.count("\n") + 1)


def _check_error(case: Mapping[str, Any], facts: Facts, folder: Path | None) -> None:
    try:
        [declared, *_] = declare(case["declare"], facts, folder)
        provider = catalog().choose(declared.resource, facts)
        answers = _answers(case)
        provider.plan(declared.resource, found(provider, declared.resource, answers))
        list(provider.missing(declared.resource, *_texts(provider, declared.resource, answers)))
    except CookError as error:
        _same("error", case["error"], type(error).__name__)
        text = f"{error} {error.hint or ''}"
        assert str(case.get("says", "")) in text, f"{case['says']!r} is not in {text!r}"  # noqa: S101
    else:
        raise AssertionError(f"there is no {case['error']}")


def _check_change(case: Mapping[str, Any], change: Change[Any]) -> None:
    expected = case["change"]
    if isinstance(expected, str):
        _same("change", expected, change.kind)
    else:
        plain = {name: [to_json(side) for side in pair] for name, pair in change.fields.items()}
        _same("change", expected, plain)
    _same("act", case.get("act"), change.act)
    _same("warning", case.get("warning"), change.warning)
    if "note" in case:
        _same("note", case["note"], change.note)


def _answers(case: Mapping[str, Any]) -> Sequence[object]:
    return case["answers"] if "answers" in case else [case.get("answer", "")]


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _same(what: str, expected: object, came: object) -> None:
    if expected != came:
        raise AssertionError(f"{what}: expected {expected!r}, came {came!r}")
