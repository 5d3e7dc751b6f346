"""One resource of Chef: its block of properties as a resource of cook."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from cookbook.convert.chef import resources
from cookbook.convert.chef.expressions import Expressions
from cookbook.convert.chef.paths import PATHS, is_path, path_in_notice, without_slash
from cookbook.convert.chef.ruby import Tree, named
from cookbook.convert.declarations import properties
from cookbook.convert.drafts import Draft
from cookbook.convert.expressions import (
    Untranslatable,
    call,
    constant,
    is_constant,
    literal,
    negated,
    text,
)
from cookbook.convert.shell import asked


class BookSources(Protocol):
    """The files and templates of a cookbook."""

    def file(self, source: str) -> str:
        """Return the name of a file below `files/`."""
        ...

    def template(self, source: str, given: Mapping[str, ast.expr]) -> tuple[str, bool]:
        """Return the name of a template, and whether it reads attributes."""
        ...


@dataclass
class ResourceBlock:
    """The block of one resource."""

    tree: Tree
    node: Any
    by: Expressions
    called: str
    kind: str

    def calls(self) -> list[tuple[str, list[Any], Any, ast.expr | None]]:
        """Return name, arguments, block and condition of each property."""
        block = self.node.child_by_field_name("block")
        body = block.child_by_field_name("body") if block is not None else None
        found: list[tuple[str, list[Any], Any, ast.expr | None]] = []
        for one in named(body) if body is not None else []:
            condition: ast.expr | None = None
            if one.type in ("if_modifier", "unless_modifier"):
                condition = self.by.condition(one.child_by_field_name("condition"))
                condition = condition if one.type == "if_modifier" else negated(condition)
                one = one.child_by_field_name("body")  # noqa: PLW2901 - what the modifier is about
            if one.type == "heredoc_body":
                continue
            if one.type != "call" or one.child_by_field_name("receiver") is not None:
                raise Untranslatable(f"inside of it: {self.tree.text(one)[:60]}")
            arguments = one.child_by_field_name("arguments")
            args = named(arguments) if arguments is not None else []
            word = self.tree.text(one.child_by_field_name("method"))
            found.append((word, args, one.child_by_field_name("block"), condition))
        return found


def draft_of(block: ResourceBlock, name: Any, sources: BookSources) -> tuple[Draft, list[ast.expr]]:
    """
    Return the resource of a block, and the conditions around it.

    Raises Untranslatable if a property has no counterpart.
    """
    draft = Draft(block.kind, block.by.value(name))
    if is_path(block.kind):
        draft.name = without_slash(draft.name, name, block.by)
    conditions: list[ast.expr] = []
    for word, args, inner, condition in block.calls():
        if word in ("notifies", "subscribes"):
            _notice(draft, word, args, block, condition)
        elif condition is not None:
            _conditional(draft, word, args, block, condition)
        elif word in ("only_if", "not_if"):
            _guard(draft, (word, args, inner), block, conditions)
        else:
            _property(draft, word, args, inner, block)
    _finish(draft, block, sources)
    return draft, conditions


def _conditional(
    draft: Draft, word: str, args: list[Any], block: ResourceBlock, condition: ast.expr
) -> None:
    """Take a property that is only given under a condition."""
    if word in ("only_if", "not_if") or word in draft.properties:
        raise Untranslatable(f"{word} under a condition")
    _property(draft, word, args, None, block)
    renamed = resources.PROPERTIES.get(draft.kind, {}).get(word, word)
    if renamed not in draft.properties:
        raise Untranslatable(f"{word} under a condition")
    default = properties(draft.kind)[renamed][1]
    if not isinstance(default, str | int | float | bool | None):
        raise Untranslatable(f"{word} under a condition")
    draft.properties[renamed] = ast.IfExp(
        test=condition, body=draft.properties[renamed], orelse=literal(default)
    )


def _property(draft: Draft, word: str, args: list[Any], inner: Any, block: ResourceBlock) -> None:
    if inner is not None or len(args) == 0:
        raise Untranslatable(f"{word} with a block")
    if word in resources.NEEDLESS.get(draft.kind, ()):
        return
    renamed = resources.PROPERTIES.get(draft.kind, {}).get(word, word)
    if args[0].type == "pair":
        value: ast.expr = block.by.pairs(args)
    elif len(args) == 1:
        value = block.by.value(args[0])
    else:
        value = literal([block.by.value(one) for one in args])
    if renamed == "":
        draft.properties[f"_{word}"] = value
        return
    if renamed not in properties(draft.kind):
        raise Untranslatable(f"no counterpart of {word}")
    if renamed in PATHS:
        value = without_slash(value, args[0], block.by)
    draft.properties[renamed] = _mode(value) if word == "mode" else value


def _mode(value: ast.expr) -> ast.expr:
    if not is_constant(value):
        return value
    given = constant(value)
    return literal(f"{given:04o}" if isinstance(given, int) else str(given).zfill(4))


def _notice(
    draft: Draft, word: str, args: list[Any], block: ResourceBlock, condition: ast.expr | None
) -> None:
    values = [block.by.value(one) for one in args]
    if len(values) < 2 or len(values) > 3:
        raise Untranslatable(f"{word} in an old form")
    timings = {
        "delayed": "delayed",
        "immediately": "immediate",
        "immediate": "immediate",
        "before": "before",
    }
    timing = str(constant(values[2])) if len(values) > 2 else "delayed"
    if timing not in timings:
        raise Untranslatable(f"{word} at the time {timing}")
    target = _target(values[1])
    action = constant(values[0])
    made: ast.expr = call(timings[timing], literal(str(action)), target)
    if condition is not None:
        chosen = ast.IfExp(test=condition, body=literal([made]), orelse=literal([]))
        made = ast.Starred(value=chosen, ctx=ast.Load())
    known = draft.properties.get(word)
    elements = list(known.elts) if isinstance(known, ast.List) else []
    draft.properties[word] = literal([*elements, made])


def _target(value: ast.expr) -> ast.expr:
    """Return the target of a notice, with the resource type that it has here."""
    if is_constant(value):
        found = re.fullmatch(r"(\w+)\[(.*)\]", str(constant(value)))
        if found is None:
            raise Untranslatable(f"a notice to {constant(value)}")
        kind = resources.TYPES.get(found[1], found[1])
        return path_in_notice(kind, literal(f"{kind}[{found[2]}]"))
    if isinstance(value, ast.JoinedStr) and isinstance(value.values[0], ast.Constant):
        word, bracket, rest = str(value.values[0].value).partition("[")
        if bracket:
            kind = resources.TYPES.get(word, word)
            parts = [ast.Constant(f"{kind}[{rest}"), *value.values[1:]]
            return path_in_notice(kind, ast.JoinedStr(values=parts))
    raise Untranslatable("a notice to a resource that is not named")


def _guard(
    draft: Draft,
    given: tuple[str, list[Any], Any],
    block: ResourceBlock,
    conditions: list[ast.expr],
) -> None:
    word, args, inner = given
    if inner is None:
        if len(args) != 1 or word in draft.properties:
            raise Untranslatable(f"{word} with options, or twice")
        draft.properties[word] = block.by.value(args[0])
        return
    body = inner.child_by_field_name("body")
    steps = named(body) if body is not None else []
    if len(steps) != 1:
        raise Untranslatable(f"{word} with a block of several steps")
    step, turned = steps[0], False
    if step.type == "unary" and block.tree.text(step.child_by_field_name("operator")) == "!":
        step, turned = step.child_by_field_name("operand"), True
    if (asked := _file_question(step, block)) is not None:
        side = word if not turned else {"only_if": "not_if", "not_if": "only_if"}[word]
        if side in draft.properties:
            raise Untranslatable(f"{word} twice")
        draft.properties[side] = asked
        return
    test = block.by.condition(steps[0])
    conditions.append(test if word == "only_if" else negated(test))


def _file_question(node: Any, block: ResourceBlock) -> ast.expr | None:
    """Return the command of `File.exist?(path)`; None for everything else."""
    if node.type != "call" or (receiver := node.child_by_field_name("receiver")) is None:
        return None
    if block.tree.text(receiver) not in ("File", "::File", "Dir", "::Dir"):
        return None
    called = block.tree.text(node.child_by_field_name("method"))
    flags = {
        "exist?": "-e",
        "exists?": "-e",
        "directory?": "-d",
        "file?": "-f",
        "symlink?": "-L",
        "executable?": "-x",
        "zero?": "! -s",
    }
    arguments = node.child_by_field_name("arguments")
    if called not in flags or not named(arguments):
        raise Untranslatable(f"File.{called}")
    path = block.by.value(named(arguments)[0])
    flag = "-d" if block.tree.text(receiver).endswith("Dir") else flags[called]
    return asked(f"test {flag}", path)


# --- what single types need -------------------------------------------------------------------


def _finish(draft: Draft, block: ResourceBlock, sources: BookSources) -> None:
    """Change what one type says in another way."""
    words = draft.properties
    if draft.kind in ("package", "dnf_package", "zypper_package"):
        _packages(draft)
    elif draft.kind == "execute":
        _command(draft, block)
    elif draft.kind == "user":
        _user(draft)
    elif draft.kind in ("cookbook_file", "remote_directory"):
        _file(draft, sources)
    elif draft.kind == "template":
        _template(draft, sources)
    elif draft.kind == "apt_repository":
        words.pop("_repo_name", None)
    elif draft.kind == "git":
        words.setdefault("revision", literal("HEAD"))
    _action(words)


def _action(words: dict[str, ast.expr]) -> None:
    """Take a list of one action for that action."""
    found = words.get("action")
    if isinstance(found, ast.List) and len(found.elts) == 1:
        words["action"] = found.elts[0]


def _user(draft: Draft) -> None:
    if (supports := draft.properties.pop("_supports", None)) is not None:
        for word, value in constant(supports).items():
            if word != "manage_home":
                raise Untranslatable(f"supports: {word}")
            draft.properties["manage_home"] = literal(value)


def _packages(draft: Draft) -> None:
    if isinstance(draft.name, ast.List):
        draft.properties["package_name"] = draft.name
        shown = [str(constant(one)) for one in draft.name.elts if is_constant(one)]
        draft.name = literal(" ".join(shown) or "packages")
    elif not is_constant(draft.name) and isinstance(
        draft.name, ast.Call | ast.BinOp | ast.ListComp | ast.IfExp
    ):
        draft.properties.setdefault("package_name", draft.name)
        words = re.findall(r"[\"']([^\"']+)[\"']", text(draft.name))
        draft.name = literal(f"packages of {' '.join(words[:4])}".strip())


def _command(draft: Draft, block: ResourceBlock) -> None:
    program = draft.properties.pop("_interpreter", None)
    if draft.properties.pop("_path", None) is not None:
        raise Untranslatable("path of a command")
    if block.called in ("bash", "csh", "ksh") and program is None:
        program = literal(block.called)
    if block.called in ("bash", "csh", "ksh", "script", "sh"):
        command = draft.properties.get("command")
        if command is None:
            raise Untranslatable("there is no code")
        if program is not None:
            draft.properties["command"] = literal([program, literal("-c"), command])
    if "environment" in draft.properties and not isinstance(
        draft.properties["environment"], ast.Dict
    ):
        raise Untranslatable("an environment that is put together")


def _basename(name: ast.expr) -> str:
    if not is_constant(name):
        raise Untranslatable("the name of its source is not known")
    return str(constant(name)).rpartition("/")[2]


def _file(draft: Draft, sources: BookSources) -> None:
    if "cookbook" in draft.properties:
        raise Untranslatable("a source of another cookbook")
    source = draft.properties.get("source")
    if source is None:
        path = draft.properties.get("path", draft.name)
        draft.properties["source"] = literal(sources.file(_basename(path)))
        return
    if not is_constant(source):
        raise Untranslatable("a source whose name is put together")
    draft.properties["source"] = literal(sources.file(str(constant(source))))


def _template(draft: Draft, sources: BookSources) -> None:
    words = draft.properties
    deleting = "action" in words and text(words["action"]) in ('"delete"', '"nothing"')
    if deleting and "source" not in words:
        draft.kind = "file"
        return
    if "cookbook" in words and text(words["cookbook"]) != "cookbook_name":
        raise Untranslatable("a template of another cookbook")
    source = words.get("source")
    shown = (
        str(constant(source))
        if source is not None
        else (f"{_basename(words.get('path', draft.name))}.erb")
    )
    given = words.get("variables")
    if given is not None and not isinstance(given, ast.Dict):
        raise Untranslatable("variables that are put together")
    pairs = zip(given.keys, given.values, strict=True) if given is not None else ()
    variables = {str(constant(key)): value for key, value in pairs if key}
    made, reads = sources.template(shown, variables)
    words["source"] = literal(made)
    if reads:
        own = given if given is not None else ast.Dict(keys=[], values=[])
        words["variables"] = ast.Dict(
            keys=[literal("attributes"), *own.keys],
            values=[ast.Name("attributes", ast.Load()), *own.values],
        )
