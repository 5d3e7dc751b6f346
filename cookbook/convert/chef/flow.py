"""Statements of Ruby in recipes and attributes as statements of Python."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

from cookbook.convert import passwords
from cookbook.convert.chef import notices, resources
from cookbook.convert.chef.blocks import BookSources, ResourceBlock, draft_of
from cookbook.convert.chef.expressions import Expressions
from cookbook.convert.chef.ruby import Tree, named, walk
from cookbook.convert.chef.words import NIL, Path
from cookbook.convert.conditions import Conditions
from cookbook.convert.expressions import (
    Untranslatable,
    call,
    compare,
    constant,
    every,
    is_constant,
    literal,
    method,
    name,
    negated,
    text,
)
from cookbook.convert.scope import NameScope, identifier
from cookbook.convert.statements import (
    Assignment,
    Code,
    Compound,
    Note,
    PythonLines,
    SourcePlace,
    Statement,
)
from cookbook.convert.work import RecipeWork
from cookbook.plugins.registry import registered

_SETS = frozenset({"default", "override", "force_default", "force_override", "set", "normal"})
_UNLESS = re.compile(r"^(node\.)?\w+_unless\b")
_NOTHING = frozenset({"cookbook_path", "frozen_string_literal", "require", "require_relative"})


class RubyFlow:
    """Translates the statements of one file."""

    def __init__(
        self,
        tree: Tree,
        work: RecipeWork,
        sources: BookSources,
        known: dict[Path, Any],
        recipes: Mapping[str, str],
    ) -> None:
        self.tree = tree
        self.work = work
        self.sources = sources
        self.known = known
        self.recipes = recipes
        """Name of a recipe, as include_recipe gives it -> module."""

        self.scope: NameScope = work.scope
        self.targets: frozenset[str] | None = None
        """The resources that notices can be for; None: all."""

        self.always = True
        self.conditions: Conditions = ()
        """The conditions around the statement that is translated."""

        self.prefixes: dict[str, Path] = {}
        """Variables that stand for a part of the attributes, by `tap`."""

        self.levels: dict[Path, int] = {}
        """Attribute -> the precedence at which it was set; a lower one changes nothing then."""

        self.slashed: set[Path] = set()
        """Attributes that have a slash at their end, on one platform at least."""

        self.cyclic: frozenset[str] = frozenset()
        """Modules that import this one, so that it cannot import them."""

        self.is_attributes = tree.file.startswith("attributes/")

    def by(self) -> Expressions:
        """Return the translator of expressions, with the names that are known now."""
        return Expressions(self.tree, self.scope, self.known, slashed=self.slashed)

    def place(self, node: Any) -> SourcePlace:
        """Return the place of a node."""
        return SourcePlace(self.tree.file, node.start_point[0] + 1)

    def statements(self, node: Any) -> list[Statement]:
        """Return the statements of a node with several of them."""
        made: list[Statement] = []
        left = [
            child
            for child in node.named_children
            if child.type not in ("comment", "heredoc_body", "empty_statement")
        ]
        if node.type == "program" and not self.is_attributes:
            return self._until_return(left)
        for child in left:
            made += self.statement(child)
        return made

    def _until_return(self, nodes: list[Any]) -> list[Statement]:
        """Return the statements of a recipe; below `return if ...` under the opposite condition."""
        made: list[Statement] = []
        for number, node in enumerate(nodes):
            left = self._stays(node) if _returns(node) else None
            if left is None:
                made += self.statement(node)
                continue
            for one in named(node.child_by_field_name("consequence"))[:-1]:
                made += self.statement(one)
            kept = self.always, self.conditions
            self.always, self.conditions = False, (*self.conditions, left)
            body = self._until_return(nodes[number + 1 :])
            self.always, self.conditions = kept
            is_code = any(one.is_code() for one in body)
            return [*made, Compound(("if", left), body)] if is_code else [*made, *body]
        return made

    def _stays(self, node: Any) -> ast.expr | None:
        """Return the condition under which a recipe does not return; None if it is not known."""
        try:
            test = self.by().condition(node.child_by_field_name("condition"))
        except Untranslatable:
            return None
        return test if node.type in ("unless", "unless_modifier") else negated(test)

    def statement(self, node: Any) -> list[Statement]:
        """Return the statements of one; a comment for what has no counterpart."""
        kept = self.always, self.scope
        try:
            return self._statement(node)
        except Untranslatable as why:
            self._lose(node)
            for _ in range(self._count(node)):
                self.work.report.count(self.place(node), 1)
            return [self.work.todo(self.place(node), self.tree.text(node), str(why))]
        finally:
            self.always, self.scope = kept[0], self.scope if self.scope is kept[1] else kept[1]

    def _lose(self, node: Any) -> None:
        """Note the attributes that an untranslated part sets."""
        for one in walk(node):
            if one.type == "assignment":
                try:
                    path = self._attribute_set(one.child_by_field_name("left"))
                except Untranslatable:
                    continue
                if path is not None and path not in self.known:
                    self.scope.lost.add(path)

    def _count(self, node: Any) -> int:
        """Return the number of declarations in a node that is not translated."""
        found = 0
        for one in walk(node):
            if one.type == "call" and one.child_by_field_name("receiver") is None:
                word = self.tree.text(one.child_by_field_name("method"))
                has_block = one.child_by_field_name("block") is not None
                known = word in registered() or word in resources.TYPES or word in resources.WHY
                found += 1 if has_block and (known or one is node) else 0
            elif one.type == "assignment" and one is node:
                found += 1
        return max(found, 1)

    def _statement(self, node: Any) -> list[Statement]:
        match node.type:
            case "call":
                return self._call(node)
            case "assignment":
                return self._assignment(node)
            case "if" | "unless":
                return [*self._if(node)]
            case "if_modifier" | "unless_modifier":
                return self._modifier(node)
            case "case":
                return self._case(node)
            case "body_statement" | "begin" | "block_body" | "then" | "parenthesized_statements":
                if node.type == "begin" and any(
                    c.type in ("rescue", "ensure") for c in node.children
                ):
                    raise Untranslatable("rescue is for failures of Ruby: attempt(...)")
                return self.statements(node)
        raise Untranslatable(f"{node.type.replace('_', ' ')} of Ruby")

    # --- conditions ---------------------------------------------------------------------------

    def _inner(self, node: Any, *conditions: ast.expr) -> list[Statement]:
        kept = self.always, self.conditions
        self.always, self.conditions = False, (*self.conditions, *conditions)
        try:
            return self.statements(node) if node is not None else []
        finally:
            self.always, self.conditions = kept

    def _if(self, node: Any, before: Conditions = ()) -> Iterator[Statement]:
        """Yield the branches; `before` are the opposites of the conditions above."""
        test = self.by().condition(node.child_by_field_name("condition"))
        if node.type == "unless":
            test = negated(test)
        word = "elif" if node.type == "elsif" else "if"
        body = self._inner(node.child_by_field_name("consequence"), *before, test)
        yield Compound((word, test), body)
        other = node.child_by_field_name("alternative")
        before = (*before, negated(test))
        if other is not None and other.type == "elsif":
            yield from self._if(other, before)
        elif other is not None:
            yield Compound("else", self._inner(other, *before))

    def _modifier(self, node: Any) -> list[Statement]:
        test = self.by().condition(node.child_by_field_name("condition"))
        if node.type == "unless_modifier":
            test = negated(test)
        kept = self.always, self.conditions
        self.always, self.conditions = False, (*self.conditions, test)
        body = self.statement(node.child_by_field_name("body"))
        self.always, self.conditions = kept
        return [Compound(("if", test), body)]

    def _case(self, node: Any) -> list[Statement]:
        value = node.child_by_field_name("value")
        if value is None:
            raise Untranslatable("case without a value")
        of = self.by().value(value)
        made: list[Statement] = []
        tests = [self.by().when(one, of) for one in named(node) if one.type == "when"]
        before: list[ast.expr] = []
        for one in named(node):
            if one.type == "when":
                word, test = "elif" if made else "if", tests[len(made)]
                body = self._inner(one.child_by_field_name("body"), *before, test)
                made.append(Compound((word, test), body))
                before.append(negated(test))
            elif one.type == "else":
                made.append(Compound("else", self._inner(one, *before)))
        return made

    # --- assignments --------------------------------------------------------------------------

    def _assignment(self, node: Any) -> list[Statement]:
        left, right = (node.child_by_field_name(one) for one in ("left", "right"))
        if left.type == "identifier":
            value = passwords.refuse(self.tree.text(left), self.by().value(right))
            target = self.scope.add(self.tree.text(left))
            return [Assignment(target, value)]
        path = self._attribute_set(left)
        if path is None:
            raise Untranslatable("an assignment to something else than a variable or an attribute")
        try:
            value = self.by().value(right)
        except Untranslatable:
            if path not in self.known:
                self.scope.lost.add(path)
            raise
        self._outrank(path, self.tree.text(left))
        if re.search(r"/['\"]$", text(value)):
            self.slashed.add(path)
        self.scope.lost.discard(path)
        only_unset = _UNLESS.search(self.tree.text(left)) is not None
        is_known = is_constant(value) and not (only_unset and path in self.known)
        found = constant(value) if is_known else None
        self.known[path] = NIL if is_known and found is None else found
        names: list[str] = []
        value = passwords.hidden("_".join(path), value, names, path[-1])
        if self.is_attributes:
            self.work.report.count(self.place(node), 0)
        place = self.place(node)
        made: list[Statement] = [
            self.work.todo(place, f"`cook secret set {one}`", passwords.IN_CLEAR) for one in names
        ]
        set_it = Code(call("default", *map(literal, path), value=value))
        if only_unset:
            found = call("attribute", *map(literal, path))
            return [*made, Compound(("if", compare(found, ast.Is(), literal(None))), [set_it])]
        return [*made, set_it]

    def _outrank(self, path: Path, shown: str) -> None:
        """Note the precedence of an assignment; raise Untranslatable if it changes nothing."""
        found = re.match(r"(?:node\.)?(force_default|normal|set)\b", shown.replace("_unless", ""))
        level = {"force_default": 1, "normal": 2, "set": 2}[found[1]] if found else 0
        if level < self.levels.get(path, 0):
            raise Untranslatable("it has a value of a higher precedence: this changes nothing")
        self.levels[path] = level

    def _attribute_set(self, node: Any) -> Path | None:
        """Return the path in `default['a']['b'] = ...` and `node.default['a'] = ...`."""
        keys: list[str] = []
        while node.type == "element_reference":
            inner = named(node)
            if len(inner) != 2:
                return None
            keys.append(str(constant(self.by().value(inner[1]))))
            node = inner[0]
        if self.tree.text(node) in self.prefixes and keys:
            return (*self.prefixes[self.tree.text(node)], *reversed(keys))
        shown = self.tree.text(node).removeprefix("node.").rstrip("!").removesuffix("_unless")
        if shown not in _SETS or not keys:
            return None
        if shown in ("override", "force_override"):
            raise Untranslatable("override: hosts.yml has priority over what a recipe sets")
        return tuple(reversed(keys))

    # --- calls --------------------------------------------------------------------------------

    def _call(self, node: Any) -> list[Statement]:
        called = self.tree.text(node.child_by_field_name("method"))
        receiver = node.child_by_field_name("receiver")
        if receiver is not None:
            return self._called_of(node, called, self.tree.text(receiver))
        if called == "include_recipe":
            return self._include(node)
        if called == "raise":
            arguments = named(node.child_by_field_name("arguments"))
            if not arguments:
                raise Untranslatable("raise without a text")
            return [PythonLines(f"raise ValueError({text(self.by().value(arguments[-1]))})")]
        if called in ("include_attribute", "extend", "return", "unified_mode"):
            raise Untranslatable(f"{called} of Ruby")
        if called in _NOTHING:
            return [Note(f"{self.place(node)}: {self.tree.text(node)}, which declares nothing")]
        return self._resource(node, called)

    def _called_of(self, node: Any, called: str, receiver: str) -> list[Statement]:
        if called in ("each", "each_pair") and node.child_by_field_name("block") is not None:
            return self._each(node)
        if called == "tap" and node.child_by_field_name("block") is not None:
            return self._tap(node)
        if receiver.endswith(("Chef::Log", "Log")):
            return [Note(f"{self.place(node)}: {self.tree.text(node)}, which declares nothing")]
        raise Untranslatable(f"{receiver[:40]}.{called} of Ruby")

    def _tap(self, node: Any) -> list[Statement]:
        """Return the statements of `default['a'].tap do |a| a['b'] = 1 end`."""
        path = self._attribute_set(node.child_by_field_name("receiver"))
        block = node.child_by_field_name("block")
        words = [self.tree.text(one) for one in named(block.child_by_field_name("parameters"))]
        if path is None or len(words) != 1:
            raise Untranslatable("tap of something else than an attribute")
        kept = dict(self.prefixes)
        self.prefixes[words[0]] = path
        try:
            return self.statements(block.child_by_field_name("body"))
        finally:
            self.prefixes = kept

    def _each(self, node: Any) -> list[Statement]:
        block = node.child_by_field_name("block")
        found = block.child_by_field_name("parameters")
        words = [self.tree.text(one) for one in named(found)] if found is not None else []
        receiver = node.child_by_field_name("receiver")
        over = self.by().value(receiver)
        if len(words) not in (1, 2):
            raise Untranslatable("a loop over more than a list or a hash")
        if self._is_hash(receiver, over, of_pairs=len(words) == 2):
            over = method(over, "items")
        kept = self.scope
        self.scope = kept.inner(**{word: name(identifier(word)) for word in words})
        try:
            body = self._inner(block.child_by_field_name("body"))
        finally:
            self.scope = kept
        head = f"for {', '.join(map(identifier, words))} in"
        return [Compound((head, over), body)]

    def _is_hash(self, receiver: Any, over: ast.expr, *, of_pairs: bool) -> bool:
        """Return whether a loop goes over the pairs of a hash; `of_pairs` where it is not known."""
        if isinstance(over, ast.Dict):
            return True
        if isinstance(over, ast.List | ast.ListComp):
            return False
        path = self.by().path(receiver)
        if path is None:
            return of_pairs
        given = self.known.get(path)
        if given is not None and given is not NIL:
            return isinstance(given, dict)
        return of_pairs or any(one[: len(path)] == path for one in self.known if one != path)

    def _include(self, node: Any) -> list[Statement]:
        arguments = named(node.child_by_field_name("arguments"))
        if not arguments:
            raise Untranslatable("include_recipe without a name")
        named_by = self.by().value(arguments[0])
        if isinstance(named_by, ast.JoinedStr):
            return self._include_one_of(named_by)
        word = str(constant(named_by))
        if word in self.recipes and self.recipes[word] in self.cyclic:
            return [Note(f"{self.place(node)}: {word} imports this recipe itself")]
        if word in self.recipes:
            return [
                PythonLines(
                    f"import {self.recipes[word]}  # noqa: E402, F401 - it declares by itself"
                )
            ]
        raise Untranslatable("a recipe of another cookbook; convert that as well, and import it")

    def _include_one_of(self, named_by: ast.JoinedStr) -> list[Statement]:
        """Return the imports for a recipe whose name has one attribute in it."""
        dynamic = [one.value for one in named_by.values if isinstance(one, ast.FormattedValue)]
        if len(dynamic) != 1:
            raise Untranslatable("a recipe whose name is put together")
        shown = [one.value if isinstance(one, ast.Constant) else "\0" for one in named_by.values]
        before, _, after = "".join(map(str, shown)).partition("\0")
        made: list[Statement] = []
        for word, module in self.recipes.items():
            if module in self.cyclic:
                continue
            if "::" in word and word.startswith(before) and word.endswith(after):
                part = word[len(before) : len(word) - len(after) or None]
                test = compare(dynamic[0], ast.Eq(), literal(part))
                line = PythonLines(f"import {module}  # noqa: F401 - it declares by itself")
                made.append(Compound(("elif" if made else "if", test), [line]))
        if not made:
            raise Untranslatable(
                "a recipe of another cookbook; convert that as well, and import it"
            )
        return made

    def _resource(self, node: Any, called: str) -> list[Statement]:
        kind = resources.TYPES.get(called, called)
        if kind not in registered() or called in resources.WHY:
            why = resources.WHY.get(called) or f"there is no resource type {called} here"
            raise Untranslatable(why)
        arguments = node.child_by_field_name("arguments")
        names = named(arguments) if arguments is not None else []
        if len(names) != 1:
            raise Untranslatable(f"{called} without a name, or with several")
        block = ResourceBlock(self.tree, node, self.by(), called, kind)
        draft, conditions = draft_of(block, names[0], self.sources)
        place = self.place(node)
        lost = notices.without_targets(draft, self.targets)
        made: list[Statement] = [self.work.todo(place, what, why) for what, why in lost.items()]
        title = str(constant(draft.name)) if is_constant(draft.name) else f"{kind} {called}"
        condition = every(conditions)
        made.append(
            self.work.declare(
                draft,
                title,
                always=self.always and condition is None,
                conditions=(*self.conditions, *conditions),
            )
        )
        self.work.report.count(place, len(lost))
        return [Compound(("if", condition), made)] if condition is not None else made


def _returns(node: Any) -> bool:
    """Return whether a statement ends the recipe under a condition, and at most logs before."""
    if node.type in ("if_modifier", "unless_modifier"):
        return _is_return(node.child_by_field_name("body"))
    if node.type not in ("if", "unless") or node.child_by_field_name("alternative") is not None:
        return False
    steps = named(node.child_by_field_name("consequence"))
    logs = all(one.type == "call" and one.text.startswith(b"Chef::Log.") for one in steps[:-1])
    return bool(steps) and logs and _is_return(steps[-1])


def _is_return(node: Any) -> bool:
    return node is not None and node.type == "return" and not named(node)
