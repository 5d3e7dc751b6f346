"""Expressions of Ruby, as recipes of Chef use them, translated to Python."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cookbook.convert.chef import platforms
from cookbook.convert.chef.literals import RubyLiterals, part
from cookbook.convert.chef.ruby import named
from cookbook.convert.chef.words import (
    ARITHMETIC,
    CALLS,
    CALLS_WITH,
    FACTS,
    NIL,
    OHAI,
    OPERATORS,
    WORDS,
    Path,
)
from cookbook.convert.expressions import (
    Untranslatable,
    call,
    compare,
    constant,
    filled,
    is_constant,
    item,
    joined,
    literal,
    method,
    name,
    negated,
)


@dataclass
class Expressions(RubyLiterals):
    """Translates the expressions of one file."""

    known: Mapping[Path, Any] = field(default_factory=dict)
    """The attributes that the cookbook sets -> their values, None where they are not known."""

    reading: Callable[[Path], ast.expr] | None = None
    """The function that makes the expression of an attribute; None: `attribute(...)`."""

    slashed: Collection[Path | None] = frozenset()
    """Attributes that have a slash at their end, on one platform at least."""

    given: Mapping[str, Any] = field(default_factory=dict)
    """The variables of a template, with `@` -> their known values."""

    def shown(self, node: Any) -> ast.expr:
        """
        Return the expression of a node inside of a text.

        Ruby writes `true` where Python writes `True`, and nothing for nil.
        """
        made = self.value(node)
        path = self.path(node)
        known = self.given.get(self.tree.text(node)) if path is None else self.known.get(path)
        if isinstance(known, list | dict):
            raise Untranslatable("a list or a hash as a text")
        return call("as_text", made) if known is NIL or isinstance(known, bool) else made

    def condition(self, node: Any) -> ast.expr:
        """Return the expression of a condition: nil and false are not true, all else is."""
        if node.type == "parenthesized_statements" and len(named(node)) == 1:
            return self.condition(named(node)[0])
        if node.type == "unary" and self.tree.text(node.child_by_field_name("operator")) in (
            "!",
            "not",
        ):
            return negated(self.condition(node.child_by_field_name("operand")))
        if node.type == "binary":
            word = self.tree.text(node.child_by_field_name("operator"))
            if word in ("&&", "and", "||", "or"):
                sides = [self.condition(node.child_by_field_name(one)) for one in ("left", "right")]
                joint = ast.And() if word in ("&&", "and") else ast.Or()
                return ast.BoolOp(op=joint, values=sides)
        made = self.value(node)
        return made if self._is_boolean(made, node) else self._is_set(made)

    def _is_boolean(self, made: ast.expr, node: Any) -> bool:
        if isinstance(made, ast.Compare | ast.UnaryOp) or is_constant(made):
            return True
        if isinstance(made, ast.BoolOp):
            return all(isinstance(one, ast.Compare) for one in made.values)
        if isinstance(made, ast.Call) and isinstance(made.func, ast.Attribute):
            return made.func.attr in ("startswith", "endswith")
        path = self.path(node)
        return path is not None and isinstance(self.known.get(path), bool)

    def _is_set(self, made: ast.expr) -> ast.expr:
        return ast.Call(func=name("is_set"), args=[made], keywords=[])

    # --- variables and attributes -------------------------------------------------------------

    def _identifier(self, node: Any) -> ast.expr:
        word = self.tree.text(node)
        if word in self.scope.names:
            return self.scope.names[word]
        if word == "platform_version":
            return name("node.facts.version")
        if word in ("cookbook_name", "recipe_name"):
            raise Untranslatable(word)
        raise Untranslatable(f"{word}: a variable or a method that is not known here")

    def _instance_variable(self, node: Any) -> ast.expr:
        word = self.tree.text(node)
        if word in self.scope.names:
            return self.scope.names[word]
        raise Untranslatable(word)

    def path(self, node: Any) -> Path | None:
        """Return the path of an attribute of the node; None for everything else."""
        keys: list[str] = []
        while node.type in ("element_reference", "call"):
            if node.type == "call":
                receiver = node.child_by_field_name("receiver")
                word = self.tree.text(node.child_by_field_name("method"))
                if receiver is None or word in CALLS or node.child_by_field_name("arguments"):
                    return None
                if self.tree.text(receiver) != "node":
                    return None
                keys.append(word)
                node = receiver
                continue
            inner = named(node)
            if len(inner) != 2 or inner[1].type not in ("string", "simple_symbol"):
                return None
            key = self.value(inner[1])
            if not is_constant(key):
                return None
            keys.append(str(constant(key)))
            node = inner[0]
        return tuple(reversed(keys)) if self.tree.text(node) == "node" and keys else None

    def _element_reference(self, node: Any) -> ast.expr:
        if re.fullmatch(r"Chef::Config\[[:'\"]file_cache_path['\"]?\]", self.tree.text(node)):
            return literal("/var/cache")
        path = self.path(node)
        if path is None:
            inner = named(node)
            if len(inner) != 2:
                raise Untranslatable("an index with several values")
            if self.tree.text(inner[0]) == "node":
                raise Untranslatable("an attribute whose name is put together")
            of, key = self.value(inner[0]), self.value(inner[1])
            is_text = isinstance(key, ast.Constant) and isinstance(key.value, str)
            # A hash of Ruby has nil for a key that it lacks.
            return method(of, "get", key) if is_text else item(of, key)
        return self._attribute(path)

    def _attribute(self, path: Path) -> ast.expr:
        if path in self.scope.lost:
            raise Untranslatable(f"the attribute {'.'.join(path)} was not translated")
        if path in FACTS and path not in self.known:
            return name(FACTS[path])
        if path[0] in OHAI and not any(known[: len(path)] == path for known in self.known):
            raise Untranslatable(f"node[{']['.join(path)}] of Ohai")
        if self.reading is not None:
            return self.reading(path)
        return call("attribute", *map(literal, path))

    # --- operators ----------------------------------------------------------------------------

    def _parenthesized_statements(self, node: Any) -> ast.expr:
        inner = named(node)
        if len(inner) != 1:
            raise Untranslatable("several expressions in brackets")
        return self.value(inner[0])

    def _unary(self, node: Any) -> ast.expr:
        operator = self.tree.text(node.child_by_field_name("operator"))
        if operator in ("!", "not"):
            return negated(self.condition(node.child_by_field_name("operand")))
        if operator == "-":
            return ast.UnaryOp(
                op=ast.USub(), operand=self.value(node.child_by_field_name("operand"))
            )
        raise Untranslatable(f"the operator {operator}")

    def _binary(self, node: Any) -> ast.expr:
        operator = self.tree.text(node.child_by_field_name("operator"))
        left, right = (node.child_by_field_name(one) for one in ("left", "right"))
        if operator in ("&&", "and"):
            return self.condition(node)
        if operator in ("||", "or"):
            return ast.BoolOp(op=ast.Or(), values=[self.value(left), self.value(right)])
        sides = [self.value(left), self.value(right)]
        if operator in ("==", "!=") and (test := _of_platform(sides)) is not None:
            return test if operator == "==" else negated(test)
        if operator in OPERATORS:
            return compare(sides[0], OPERATORS[operator](), sides[1])
        if operator in ARITHMETIC:
            return ast.BinOp(left=sides[0], op=ARITHMETIC[operator](), right=sides[1])
        if operator == "+":
            if all(isinstance(one, ast.Constant | ast.JoinedStr) for one in sides):
                return joined([part(one) for one in sides])
            return ast.BinOp(left=sides[0], op=ast.Add(), right=sides[1])
        raise Untranslatable(f"the operator {operator}")

    def _scope_resolution(self, node: Any) -> ast.expr:
        raise Untranslatable(f"the constant {self.tree.text(node)} of Ruby")

    _constant = _scope_resolution

    def _only(self, node: Any) -> ast.expr:
        """Return the value of a branch that is one expression."""
        inner = named(node) if node is not None else []
        if len(inner) != 1:
            raise Untranslatable("a value of several steps")
        return self.value(inner[0])

    def _if(self, node: Any) -> ast.expr:
        other = node.child_by_field_name("alternative")
        if other is None:
            last: ast.expr = literal(None)
        else:
            last = self._if(other) if other.type == "elsif" else self._only(other)
        test = self.condition(node.child_by_field_name("condition"))
        body = self._only(node.child_by_field_name("consequence"))
        return ast.IfExp(test=test, body=body, orelse=last)

    def _case(self, node: Any) -> ast.expr:
        value = node.child_by_field_name("value")
        if value is None:
            raise Untranslatable("case without a value")
        of = self.value(value)
        made: ast.expr = literal(None)
        for one in reversed(named(node)):
            if one.type == "else":
                made = self._only(one)
            elif one.type == "when":
                body = self._only(one.child_by_field_name("body"))
                made = ast.IfExp(test=self.when(one, of), body=body, orelse=made)
        return made

    def when(self, node: Any, of: ast.expr) -> ast.expr:
        """Return the condition of one `when`; raises Untranslatable for patterns."""
        words: list[Any] = []
        for pattern in node.children_by_field_name("pattern"):
            inner = named(pattern)[0]
            if inner.type in ("regex", "range", "splat_argument"):
                raise Untranslatable("when with a pattern")
            words.append(constant(self.value(inner)))
        if (fact := ast.unparse(of)) in WORDS:
            return platforms.is_one_of(fact, list(map(str, words)))
        if len(words) == 1:
            return compare(of, ast.Eq(), literal(words[0]))
        return compare(of, ast.In(), literal(words))

    def _conditional(self, node: Any) -> ast.expr:
        parts = [node.child_by_field_name(p) for p in ("condition", "consequence", "alternative")]
        return ast.IfExp(
            test=self.condition(parts[0]), body=self.value(parts[1]), orelse=self.value(parts[2])
        )

    # --- calls --------------------------------------------------------------------------------

    def _call(self, node: Any) -> ast.expr:
        called = self.tree.text(node.child_by_field_name("method"))
        receiver = node.child_by_field_name("receiver")
        arguments = node.child_by_field_name("arguments")
        args = named(arguments) if arguments is not None else []
        if called == "lazy" and receiver is None and node.child_by_field_name("block") is not None:
            return self._only(node.child_by_field_name("block").child_by_field_name("body"))
        if node.child_by_field_name("block") is not None:
            return self._mapped(node, called, receiver)
        if (path := self.path(node)) is not None and called != "name":
            return self._attribute(path)
        if receiver is None:
            return self._function(called, args)
        if called == "to_s" and _is_text(made := self.shown(receiver)):
            return made
        shown = self.tree.text(receiver)
        if shown in ("File", "::File") and called == "join":
            return self._file_join(args)
        if shown in ("File", "::File") and called in ("dirname", "basename") and len(args) == 1:
            part = "str(pathlib.PurePosixPath(A).parent)"
            part = part if called == "dirname" else "pathlib.PurePosixPath(A).name"
            return _filled(part, {"A": self.value(args[0])})
        if shown == "node" and called == "name":
            return name("node.name")
        return self._method(self.value(receiver), called, [self.value(one) for one in args])

    def _method(self, of: ast.expr, called: str, args: list[ast.expr]) -> ast.expr:
        if called == "to_i" and ast.unparse(of) == "node.facts.version":
            return name(platforms.MAJOR)
        if not args and called in CALLS:
            return _filled(CALLS[called], {"A": of})
        if called == "join" and not args:
            return method(literal(""), "join", of)
        if len(args) == 1 and called in CALLS_WITH:
            if called == "include?" and (fact := ast.unparse(args[0])) in WORDS:
                return platforms.is_one_of(fact, list(map(str, constant(of))))
            if called == "split" and is_constant(args[0]) and constant(args[0]) == " ":
                return method(of, "split")
            return _filled(CALLS_WITH[called], {"A": of, "B": args[0]})
        if called in ("gsub", "tr") and len(args) == 2 and all(map(is_constant, args)):
            _refuse_patterns(called, *(str(constant(one)) for one in args))
            return method(of, "replace", *args)
        raise Untranslatable(f"the method {called}")

    def _mapped(self, node: Any, called: str, receiver: Any) -> ast.expr:
        """Return the expression of `x.map { |one| ... }`."""
        if called not in ("map", "collect", "select", "reject") or receiver is None:
            raise Untranslatable(f"{called} with a block")
        block = node.child_by_field_name("block")
        parameters = named(block.child_by_field_name("parameters") or block)
        body = block.child_by_field_name("body")
        if body is None or len(named(body)) != 1 or len(parameters) != 1:
            raise Untranslatable(f"{called} with a block of several steps")
        word = self.tree.text(parameters[0])
        inner = Expressions(
            self.tree, self.scope.inner(**{word: name(word)}), self.known, self.reading
        )
        over = self.value(receiver)
        made = (
            inner.value(named(body)[0])
            if called in ("map", "collect")
            else inner.condition(named(body)[0])
        )
        tests = [made if called == "select" else negated(made)] if called[0] in "sr" else []
        generator = ast.comprehension(
            target=ast.Name(word, ast.Store()), iter=over, ifs=tests, is_async=0
        )
        element = made if called in ("map", "collect") else name(word)
        return ast.ListComp(elt=element, generators=[generator])

    def _function(self, called: str, args: Sequence[Any]) -> ast.expr:
        if called in ("value_for_platform_family", "value_for_platform"):
            return self._by_platform(called, args)
        if called == "systemd?":
            return compare(name("node.facts.init"), ast.Eq(), literal("systemd"))
        words = [str(constant(self.value(one))) for one in args]
        if (test := platforms.asked(called, words)) is not None:
            return test
        raise Untranslatable(f"the function {called}")

    def _by_platform(self, called: str, args: Sequence[Any]) -> ast.expr:
        nodes = named(args[0]) if len(args) == 1 and args[0].type == "hash" else list(args)
        if any(one.type != "pair" for one in nodes):
            raise Untranslatable(called)
        pairs = [
            [self.value(one.child_by_field_name(w)) for w in ("key", "value")] for one in nodes
        ]
        return platforms.value_for(called, [(constant(key), value) for key, value in pairs])

    def _file_join(self, args: Sequence[Any]) -> ast.expr:
        parts: list[str | ast.expr] = []
        for one in args:
            made = part(self.value(one))
            if parts:
                parts.append("/")
            parts.append(made.strip("/") if parts and isinstance(made, str) else made)
        return joined(parts)


def _is_text(made: ast.expr) -> bool:
    return isinstance(made, ast.Call) and ast.unparse(made.func) == "as_text"


def _of_platform(sides: Sequence[ast.expr]) -> ast.expr | None:
    """Return the test of a platform by a name of Chef; None for another comparison."""
    for fact, word in (sides, reversed(sides)):
        if (shown := ast.unparse(fact)) in WORDS and is_constant(word):
            return platforms.is_one_of(shown, [str(constant(word))])
    return None


def _refuse_patterns(called: str, old: str, new: str) -> None:
    """Raise Untranslatable for replacements that Ruby does by signs, or by groups of a pattern."""
    if called == "tr" and (len(old) != 1 or len(new) != 1):
        raise Untranslatable("tr of several signs")
    if "\\" in new:
        raise Untranslatable(f"{called} with groups")


def _filled(source: str, names: Mapping[str, ast.expr]) -> ast.expr:
    return filled(ast.parse(source, mode="eval").body, names)
