"""The resources that a recipe declares, in order, and the host it is compiled for."""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from cookbook.errors import HostError, RecipeError
from cookbook.language.feature_answer import FeatureAnswer, FeatureSource
from cookbook.language.lazy import with_action
from cookbook.language.resource import Notice, Resource
from cookbook.language.sections import Barrier, ParallelBlock, Scope, Section
from cookbook.script.facts import Facts
from cookbook.secrets.reference import SecretSource
from cookbook.text.suggest import did_you_mean

if TYPE_CHECKING:
    from cookbook.language.other_hosts import OtherHost

ENGINE = f"{Path(__file__).parents[1]}/"

_SHIPPED = f"{ENGINE}audit/profiles/"
"""Recipes that cook brings along; their lines are told as those of other recipes."""


class Fleet(Protocol):
    """The interface to all hosts of the inventory, for recipes."""

    def select(self, group: str | None, patterns: Sequence[str]) -> Sequence[str]:
        """Return the names of these hosts, in order. Raises UsageError for an unknown one."""
        ...

    def takes_part(self, name: str) -> bool:
        """Return whether a host is one of the run."""
        ...

    def host(self, name: str) -> OtherHost:
        """Return a host as recipes see it."""
        ...

    def variables(self, name: str) -> Mapping[str, Any]:
        """Return the variables of a host; a copy for each call."""
        ...

    def facts(self, name: str) -> Facts:
        """Return the facts of a host. Raises Missing; OtherFactsNeeded if it was not asked yet."""
        ...


@dataclass(frozen=True)
class Node:
    """The host that a recipe is compiled for, as the recipe reads it."""

    name: str
    """Its name in the inventory."""

    facts: Facts = field(default_factory=Facts)
    """Its facts: system, distribution, version, architecture ..."""

    vars: Mapping[str, Any] = field(default_factory=dict)
    """Its variables, from hosts.yml; `--set` has priority."""

    groups: Sequence[str] = ()
    """The groups it is in, nearest first."""

    secrets: SecretSource | None = field(default=None, repr=False, compare=False)
    """The source of the secrets that `secret` and `derived` return; None if there is none."""

    environment: str | None = None
    """The environment it is in; None if the inventory names none."""

    features: FeatureSource | None = field(default=None, repr=False, compare=False)
    """The source of what `feature` returns; None without a features.yml."""

    fleet: Fleet | None = field(default=None, repr=False, compare=False)
    """All hosts of the inventory, for `hosts`; None if there is no inventory."""

    def feature(self, name: str) -> bool:
        """
        Return whether this host has a feature of features.yml.

        Raises RecipeError for a feature that is unknown.
        """
        if self.features is None:
            raise RecipeError(
                f"{caller()}: node.feature({name!r}): there is no features.yml",
                hint="it is beside hosts.yml, or named by --features FILE",
            )
        try:
            answer = self.features.ask(name, self)
        except RecipeError as error:
            raise RecipeError(f"{caller()}: {error}", hint=error.hint) from None
        if (collection := _current.get(None)) is not None:
            collection.features[name] = answer
        return answer.is_on


class FactsNeeded(BaseException):
    """The signal that a recipe has read a fact before the host was asked for its facts."""


class _NoFactsYet:
    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and (
            hasattr(Facts, name) or name in Facts.__dataclass_fields__
        ):
            raise FactsNeeded(name)
        raise AttributeError(f"there is no fact {name!r}")


NO_FACTS_YET = cast("Facts", _NoFactsYet())
"""The facts of a host that was not asked for them yet: reading one raises FactsNeeded."""


@dataclass(frozen=True)
class Declared:
    """A resource, and the line of the recipe that declares it."""

    resource: Resource
    where: str
    """`webserver.py:12`, as a path from the current directory."""

    sections: tuple[Section, ...] = ()
    """The parts of attempts in which it is declared, outermost first."""

    is_final: bool = False
    """True if it is done at the end, after all delayed notifications."""

    parallel: ParallelBlock | None = None
    """The parallel block in which it is declared; None outside of one."""

    recipe: Path | None = None
    """The recipe that declares it, or that imports the module which does."""

    once: Barrier | None = None
    """The block that one host does for all, in which it is declared; None outside of one."""

    barrier: Barrier | None = None
    """The barrier that it stands for; None for a resource."""

    scope: Scope | None = None
    """The control in which it is declared; None outside of one."""


class Collection:
    """The declared resources, in order, and the notifications between them."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.folder = Path()
        """The folder of the recipe that runs."""

        self.recipe: Path | None = None
        """The recipe that runs, as it is named for the run."""

        self.beside: Path | None = None
        """The folder of the module that declares right now."""

        self.tags: tuple[str, ...] = ()
        """The tags of all resources that are declared right now."""

        self.sections: tuple[Section, ...] = ()
        """The parts of attempts that are open right now, outermost first."""

        self.has_lazies = False
        """True if the recipe has made a lazy value."""

        self.scope: Scope | None = None
        """The control that is open right now."""

        self.is_final = False
        """True while resources of the final stage are declared."""

        self.parallel: ParallelBlock | None = None
        """The parallel block that is open right now."""

        self.once: Barrier | None = None
        """The block that is open right now, and that one host does for all."""

        self.parallel_blocks = 0
        """The number of parallel blocks so far."""

        self.sources: set[Path] = set()
        """The files that were read for it: recipes, their imports, templates, files."""

        self.features: dict[str, FeatureAnswer] = {}
        """The features that the recipe has asked about, with their answers."""

        self._declared: dict[str, Declared] = {}

    def declare(self, resource: Resource, where: str, barrier: Barrier | None = None) -> None:
        """
        Add a resource that the line `where` declares, or that stands for a barrier.

        Raises RecipeError if a resource of that type and name is already declared in its scope.
        """
        key = str(resource) if self.scope is None else f"{self.scope.id}: {resource}"
        if key in self._declared:
            raise RecipeError(
                f"{where}: {resource} is already declared at {self._declared[key].where}",
                hint="declare it once, with all its properties; a loop needs a name of its own"
                " for each turn",
            )
        self._declared[key] = Declared(
            resource,
            where,
            self.sections,
            self.is_final,
            self.parallel,
            self.recipe,
            once=self.once,
            barrier=barrier,
            scope=self.scope,
        )

    @property
    def folders(self) -> Sequence[Path]:
        """Folders whose `files/` and `templates/` are searched: the module's, the recipe's."""
        return [self.folder] if self.beside is None else [self.beside, self.folder]

    def only_folders(self) -> Collection:
        """Return a collection without resources, whose sources are where they are right now."""
        other = Collection(self.node)
        other.folder, other.beside, other.sources = self.folder, self.beside, self.sources
        return other

    def __iter__(self) -> Iterator[Declared]:
        return iter(self._declared.values())

    def __len__(self) -> int:
        return len(self._declared)

    def __getitem__(self, key: str) -> Declared:
        return self._declared[key]

    def get(self, key: str) -> Declared | None:
        """Return the resource of that type and name; None if it is not declared."""
        return self._declared.get(key)

    def notices(self, source: Resource) -> Iterator[Notice]:
        """Yield the notices that a change of the resource sends: its own, then subscribers'."""
        yield from source.notifies
        yield from self._subscribers.get(str(source), ())

    @functools.cached_property
    def _subscribers(self) -> Mapping[str, Sequence[Notice]]:
        found: dict[str, list[Notice]] = {}
        for resource in (declared.resource for declared in self):
            for notice in resource.subscribes:
                told = Notice(notice.action, str(resource), notice.timing)
                found.setdefault(notice.other, []).append(told)
        return found

    def check(self) -> None:
        """
        Check that the target and the action of each notice exist, outside of its parallel block.

        Raises RecipeError with the line of the resource that has the notice.
        """
        for declared in self:
            for notice in declared.resource.notifies:
                self._check(declared, notice, notice.other)
                self._check_independence(declared, self._known(declared, notice.other))
            for notice in declared.resource.subscribes:
                self._check(declared, notice, str(declared.resource))
                self._check_independence(declared, self._known(declared, notice.other))

    def _check(self, declared: Declared, notice: Notice, target: str) -> None:
        told = self._known(declared, target).resource
        has = type(told).actions()
        if notice.action not in has:
            raise RecipeError(
                f"{declared.where}: {declared.resource}: {target} has no action"
                f" {notice.action!r}{suggestion(notice.action, has)}"
            )
        try:
            with_action(told, notice.action)
        except RecipeError as error:
            raise RecipeError(f"{declared.where}: {notice}: {error}", hint=error.hint) from None

    def _check_independence(self, declared: Declared, other: Declared) -> None:
        if declared.parallel is not None and declared.parallel == other.parallel:
            raise RecipeError(
                f"{declared.where}: {declared.resource} and {other.resource} ({other.where}) are in"
                " one parallel block, and one notifies the other",
                hint="resources of a parallel block are independent; declare one of them outside",
            )

    def check_contradictions(self) -> None:
        """Raise RecipeError if two resources want one thing in two states."""
        about: dict[tuple[Scope | None, tuple[str, str]], list[Declared]] = {}
        for declared in self:
            resource = declared.resource
            conditional = resource.only_if or resource.not_if
            if resource.doing == ("nothing",) or conditional or resource.lazies is not None:
                continue
            for topic in resource.topics:
                others = about.setdefault((declared.scope, topic), [])
                for other in others:
                    if differing := _contradiction(other.resource, resource):
                        raise RecipeError(
                            f"{declared.where}: {resource} and {other.resource} ({other.where}) are"
                            f" both about {topic[1]}, with different {differing}",
                            hint="declare it once; each run would change it twice",
                        )
                others.append(declared)

    def _known(self, declared: Declared, key: str) -> Declared:
        if key not in self._declared:
            raise RecipeError(
                f"{declared.where}: {declared.resource}: there is no"
                f" {key}{suggestion(key, self._declared)}",
                hint="a notice names a declared resource as type[name], e.g. service[nginx]",
            )
        return self._declared[key]


def _contradiction(one: Resource, other: Resource) -> str | None:
    """Return the property by which two resources about one thing contradict each other, or None."""
    if type(one) is type(other):
        return one.contradicts(other)
    return one.clashes(other) and other.clashes(one)


_current: ContextVar[Collection] = ContextVar("the collection being compiled")


def current() -> Collection:
    """
    Return the collection that is being compiled.

    Raises RecipeError outside of a recipe.
    """
    try:
        return _current.get()
    except LookupError:
        raise RecipeError(
            "a resource function declares something only while a recipe runs",
            hint="construct the class instead (File(...)), or call it from a recipe",
        ) from None


def caller_place() -> tuple[str, int]:
    """Return file and line of the innermost frame that is not of the engine."""
    frame: types.FrameType | None = sys._getframe(1)  # noqa: SLF001 - as logging does
    while frame and is_engine(frame.f_code.co_filename):
        frame = frame.f_back
    return (frame.f_code.co_filename, frame.f_lineno) if frame else ("?", 0)


@functools.cache
def is_engine(file: str) -> bool:
    """Return whether a file is a part of cook, and no recipe."""
    return file.startswith((ENGINE, contextlib.__file__)) and not file.startswith(_SHIPPED)


def caller() -> str:
    """Return the place of `caller_place` for messages: `webserver.py:12`."""
    file, line = caller_place()
    return f"{display_path(file)}:{line}"


def display_path(name: str) -> str:
    """Return a path relative to the current directory if it is below that, else unchanged."""
    folder = os.getcwd()
    return name if folder == "/" else name.removeprefix(f"{folder}/")


@contextlib.contextmanager
def declaring(collection: Collection) -> Iterator[None]:
    """Make resource functions declare into this collection while the context is open."""
    token = _current.set(collection)
    try:
        yield
    finally:
        _current.reset(token)


@contextlib.contextmanager
def declared_beside(folder: Path) -> Iterator[None]:
    """Search `files/` and `templates/` in this folder first; no effect outside of a recipe."""
    if (collection := _current.get(None)) is None:
        yield
        return
    collection.beside = folder
    try:
        yield
    finally:
        collection.beside = None


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return the end of a message that names the nearest known word; empty if none is near."""
    near = did_you_mean(word, known)
    return f"; {near}" if near else ""


def guard_says_no(resource: Resource, node: Node) -> bool:
    """
    Return whether a guard that is a Python callable forbids the resource on this node.

    Guards that are shell text are not evaluated here.

    Raises HostError if the guard itself fails.
    """
    try:
        if callable(resource.only_if) and not _call(resource.only_if, node):
            return True
        return callable(resource.not_if) and _call(resource.not_if, node)
    except FactsNeeded as needed:
        raise HostError(
            f"the guard of {resource} reads facts that were not asked for: {needed}",
            hint="read them in the recipe, above the resource; the guard can use that value",
        ) from None
    except Exception as error:
        raise HostError(
            f"the guard of {resource} raised {type(error).__name__}: {error}"
        ) from error


def _call(guard: Callable[..., bool], node: Node) -> bool:
    """Call a guard with the node, or without an argument where it takes none."""
    return guard(node) if inspect.signature(guard).parameters else guard()
