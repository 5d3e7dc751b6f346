"""
Conditions as expressions: `facts.distribution == "debian" and vars.tier == "front"`.

The library simpleeval parses and evaluates them. It is restricted to what takes bounded time:
names, attributes, comparisons, and, or, not, and two functions. There are no methods, no arithmetic
and no loops, so an expression of 500 characters does at most some hundred steps.
"""

from __future__ import annotations

import ast
import operator
import re
import warnings
from collections import UserDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from cookbook.errors import FeatureError
from cookbook.script.facts import Facts
from cookbook.secrets.reference import SecretReference
from cookbook.secrets.secret import Secret
from cookbook.text.glob import Glob
from cookbook.text.suggest import did_you_mean

if TYPE_CHECKING:
    from cookbook.language.feature_answer import FeatureSubject

LONGEST = 500
"""Characters of an expression."""

_NAMES = ("vars", "facts", "groups", "name", "environment")
_OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda item, items: item in items,
    ast.NotIn: lambda item, items: item not in items,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.Not: operator.not_,
}
_STRUCTURE = (ast.Expr, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Compare, ast.Load)
_VALUES = (ast.Constant, ast.Name, ast.Attribute, ast.Call, ast.List, ast.Tuple)
_ALLOWED = (*_STRUCTURE, *_VALUES, *_OPERATORS)


def matches(text: object, pattern: object) -> bool:
    """Return True if a pattern of cook (`web*`) matches the text."""
    return isinstance(text, str) and Glob(str(pattern)).fits(text)


def version(text: object) -> tuple[int, ...]:
    """
    Return the numbers at the beginning of a version, which compare as numbers.

    >>> version("6.1.0-18-amd64") > version("6.1"), version("9") < version("12")
    (False, True)
    """
    found = re.match(r"\d+(?:\.\d+)*", str(text))
    numbers = [int(number) for number in found[0].split(".")] if found else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


_FUNCTIONS: dict[str, Callable[..., Any]] = {"matches": matches, "version": version}


@dataclass(frozen=True)
class Expression:
    """An expression that was checked; `at` is its place in the file."""

    text: str
    at: str
    feature: str
    tree: ast.expr = field(compare=False, repr=False)

    def holds(self, subject: FeatureSubject) -> bool:
        """
        Return whether it is true of a host.

        Raises FeatureError if it does not fit the values of the host, FactsNeeded if it reads facts
        that are not known yet.
        """
        names = {
            "vars": subject.vars,
            "facts": subject.facts,
            "groups": tuple(subject.groups),
            "name": subject.name,
            "environment": subject.environment,
        }
        try:
            return bool(_evaluator(names).eval(self.text, self.tree))
        except Exception as error:  # noqa: BLE001 - the library and the operators raise many
            raise FeatureError(
                f"{self.at}: when of {self.feature} does not fit {subject.name}: {error}",
                hint="a variable that a host does not have is None",
            ) from None


def checked(text: str, at: str, feature: str, variables: Collection[str]) -> Expression:
    """
    Return the expression of a text. `variables` are the names that at least one host has.

    Raises FeatureError for what is no expression, is not allowed, or names what does not exist.
    """

    def wrong(message: str, hint: str | None = None) -> FeatureError:
        return FeatureError(f"{at}: when of {feature}: {message}", hint=hint)

    if len(text) > LONGEST:
        raise wrong(f"longer than {LONGEST} characters", "what is longer belongs into a recipe")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # `1if x` is a warning of Python, and no mistake here
            tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        said = error.msg if isinstance(error, SyntaxError) else str(error)
        raise wrong(f"{text.strip()!r} is no expression: {said}") from None
    for node in ast.walk(tree.body):
        if not isinstance(node, _ALLOWED):
            raise wrong(
                f"{_name_of(node)} is not allowed",
                "names, comparisons, in, and, or, not, matches(text, glob), version(text)",
            )
        if isinstance(node, ast.Call):
            _check_call(node, wrong)
        if isinstance(node, ast.Attribute):
            _check_attribute(node, variables, wrong)
    _check_names(tree, variables, wrong)
    return Expression(text.strip(), at, feature, tree.body)


def _check_names(
    tree: ast.AST, variables: Collection[str], wrong: Callable[..., FeatureError]
) -> None:
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and id(node) not in called and node.id not in _NAMES:
            hint = did_you_mean(node.id, _NAMES) or f"there are: {', '.join(_NAMES)}"
            if node.id in variables:
                hint = f"did you mean 'vars.{node.id}'?"
            raise wrong(f"there is no {node.id!r}", hint)


def _check_call(node: ast.Call, wrong: Callable[..., FeatureError]) -> None:
    name = node.func.id if isinstance(node.func, ast.Name) else None
    if name not in _FUNCTIONS or node.keywords:
        raise wrong(
            f"{ast.unparse(node)[:40]!r} is not allowed",
            "the functions are matches(text, glob) and version(text)",
        )
    if len(node.args) != (2 if name == "matches" else 1):
        raise wrong(f"{name} has {len(node.args)} arguments", "matches(text, glob), version(text)")


def _check_attribute(
    node: ast.Attribute, variables: Collection[str], wrong: Callable[..., FeatureError]
) -> None:
    if not isinstance(node.value, ast.Name):
        return
    known = {"vars": variables, "facts": FACTS}.get(node.value.id)
    if known is None and node.value.id in _NAMES:
        raise wrong(f"{node.value.id} has no parts", f"{node.value.id!r} is text or a list")
    if known is not None and node.attr not in known:
        what = "no host has the variable" if node.value.id == "vars" else "there is no fact"
        raise wrong(f"{what} {node.attr!r}", did_you_mean(node.attr, known))


FACTS = frozenset(
    {one.name for one in fields(Facts)}
    | {name for name, value in vars(Facts).items() if isinstance(value, property)}
)
"""The names of all facts."""


def _name_of(node: ast.AST) -> str:
    try:
        return repr(ast.unparse(node)[:40])
    except (ValueError, AttributeError, RecursionError):
        return type(node).__name__


def _evaluator(names: Mapping[str, Any]) -> Any:
    """Return an evaluator that knows nothing but what is allowed."""
    import simpleeval  # type: ignore[import-untyped]  # here, as only a `when` needs it

    evaluator = simpleeval.SimpleEval(_OPERATORS, _FUNCTIONS, dict(names))

    def attribute(node: ast.Attribute) -> Any:
        return _plain(reached(node))

    def reached(node: ast.Attribute) -> Any:
        """Return a part; what it is a part of may have a secret besides."""
        inner = node.value
        whole = reached(inner) if isinstance(inner, ast.Attribute) else evaluator._eval(inner)  # noqa: SLF001 - how it is extended
        return _part(whole, node.attr)

    def items(node: ast.List | ast.Tuple) -> tuple[Any, ...]:
        return tuple(evaluator._eval(item) for item in node.elts)  # noqa: SLF001 - how it is extended

    known = {**(evaluator.nodes or {}), ast.Attribute: attribute, ast.List: items, ast.Tuple: items}
    evaluator.nodes = {kind: known.get(kind) for kind in (*_STRUCTURE, *_VALUES)}
    return evaluator


def _part(whole: Any, name: str) -> Any:
    """Return a part of a mapping, None if it has none of that name, or a fact."""
    if isinstance(whole, UserDict):  # its own methods would look the secrets up
        whole = whole.data
    if whole is None or (isinstance(whole, Mapping) and name not in whole):
        return None
    if isinstance(whole, Mapping):
        return whole[name]
    if name in FACTS and not isinstance(whole, str | int | float | list | tuple):
        return getattr(whole, name)
    raise ValueError(f"{name!r} is asked of what has no parts")


def _plain(value: Any) -> Any:
    if _has_secret(value):
        raise ValueError("a secret cannot decide about a feature")
    return value


def _has_secret(value: Any) -> bool:
    """Return whether a value is a secret, or has one somewhere inside."""
    match value:
        case Secret() | SecretReference():
            return True
        case UserDict():
            return any(map(_has_secret, value.data.values()))
        case Mapping():
            return any(map(_has_secret, value.values()))
        case list() | tuple():
            return any(map(_has_secret, value))
        case _:
            return False
