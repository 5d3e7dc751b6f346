"""From recipe files to the resources they declare, purely."""

from __future__ import annotations

import builtins
import contextlib
import functools
import linecache
import os
import string
import sys
import threading
import traceback
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar, cast

from cookbook.errors import CookError, HostError, RecipeError, SecretError
from cookbook.platform import Facts
from cookbook.reference import SecretSource
from cookbook.resource import Notice, Resource
from cookbook.secret import Secret
from cookbook.spelling import did_you_mean
from cookbook.watchdog import OutOfTime, within

P = ParamSpec("P")
R = TypeVar("R", bound=Resource)

_ENGINE = str(Path(__file__).parent)

_AS_PYTHON = "a recipe is Python, and Python says this of that line: mend it there"

COMPILE_TIMEOUT = 60.0
"""Seconds that a recipe may take to declare what it declares for one host."""


@dataclass(frozen=True)
class Node:
    """The host that a recipe is compiled for, as the recipe sees it."""

    name: str
    """Its name in the inventory."""

    facts: Facts = field(default_factory=Facts)
    """What was found out about it."""

    vars: Mapping[str, Any] = field(default_factory=dict)
    """Its variables: hosts.yml, then `--set`."""

    groups: Sequence[str] = ()
    """The groups it is in, nearest first."""

    secrets: SecretSource | None = field(default=None, repr=False, compare=False)
    """Who is asked by `secret` and `derived`."""


class FactsNeeded(BaseException):
    """A recipe wants to know a fact, and no host was asked yet."""


class _NoFactsYet:
    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and (
            hasattr(Facts, name) or name in Facts.__dataclass_fields__
        ):
            raise FactsNeeded(name)
        raise AttributeError(f"there is no fact {name!r}")


NO_FACTS_YET = cast("Facts", _NoFactsYet())
"""The facts of a host that was not asked yet: reading one raises FactsNeeded."""


@dataclass(frozen=True)
class Declared:
    """A resource, and the line that declares it."""

    resource: Resource
    where: str
    """`webserver.py:12`, as a path from the current directory."""


class Collection:
    """The declared resources, in order, and who notifies whom."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.folder = Path()
        self.sources: set[Path] = set()
        """What was read for it: recipes, what they import, templates, files."""

        self._declared: dict[str, Declared] = {}

    def declare(self, resource: Resource, where: str) -> None:
        """
        Add a resource.

        Raises RecipeError if one of that kind and name is there already.
        """
        if (key := str(resource)) in self._declared:
            raise RecipeError(
                f"{where}: {key} is already declared at {self._declared[key].where}",
                hint="declare it once, with all its properties; a loop needs a name of its own"
                " for each turn",
            )
        self._declared[key] = Declared(resource, where)

    def __iter__(self) -> Iterator[Declared]:
        return iter(self._declared.values())

    def __len__(self) -> int:
        return len(self._declared)

    def __getitem__(self, key: str) -> Declared:
        return self._declared[key]

    def get(self, key: str) -> Declared | None:
        """The resource of that kind and name, if it is declared."""
        return self._declared.get(key)

    def notices(self, source: Resource) -> Iterator[Notice]:
        """Whom a change of this resource notifies: its own notices, then its subscribers'."""
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
        Look for notices to nowhere, and for actions that nobody has.

        Raises RecipeError with the line of the resource that has the notice.
        """
        for declared in self:
            for notice in declared.resource.notifies:
                self._check(declared, notice, notice.other)
            for notice in declared.resource.subscribes:
                self._check(declared, notice, str(declared.resource))
                self._known(declared, notice.other)

    def _check(self, declared: Declared, notice: Notice, target: str) -> None:
        told = self._known(declared, target).resource
        has = type(told).actions()
        if notice.action not in has:
            raise RecipeError(
                f"{declared.where}: {declared.resource}: {target} has no action"
                f" {notice.action!r}{_suggest(notice.action, has)}"
            )
        try:
            replace(told, action=notice.action)
        except RecipeError as error:
            raise RecipeError(f"{declared.where}: {notice}: {error}", hint=error.hint) from None

    def _known(self, declared: Declared, key: str) -> Declared:
        if key not in self._declared:
            raise RecipeError(
                f"{declared.where}: {declared.resource}: there is no"
                f" {key}{_suggest(key, self._declared)}",
                hint="a notice names a declared resource as word[name], e.g. service[nginx]",
            )
        return self._declared[key]


_current: ContextVar[Collection] = ContextVar("the collection being compiled")


class _CurrentNode:
    """Stands for the node of the recipe being compiled."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return getattr(_current.get().node, name)
        except LookupError:
            raise RecipeError(f"node.{name} means something only while a recipe runs") from None


node = cast("Node", _CurrentNode())
"""The host that the recipe is being compiled for."""


def delayed(action: str, other: Resource | str) -> Notice:
    """At the end of the run, once, however many ask for it."""
    return Notice(action, str(other), "delayed")


def immediate(action: str, other: Resource | str) -> Notice:
    """Right after the change."""
    return Notice(action, str(other), "immediate")


def secret(name: str) -> Secret:
    """
    A secret by its name, from the stores of docs/secrets.md.

    Raises RecipeError, with the line of the call, if no store knows it.
    """
    return _from_stores(lambda source: source.secret(name, current().folder))


def derived(
    name: str, *, length: int = 32, alphabet: str | None = None, host: str | None = None
) -> Secret:
    """
    A password that is made from the secret `master`: always the same, on each host another.

    `host=""` makes one that all hosts share. `cook secret rotate --derived NAME` renews it.

    Raises RecipeError, with the line of the call, if there is no master secret.
    """
    collection = current()
    whose = collection.node.name if host is None else host
    letters = alphabet or f"{string.ascii_letters}{string.digits}"
    return _from_stores(
        lambda source: source.derived(
            name, collection.folder, host=whose, length=length, alphabet=letters
        )
    )


def _from_stores(ask: Callable[[SecretSource], Secret]) -> Secret:
    if (source := current().node.secrets) is None:
        raise RecipeError(f"{_caller()}: nobody is here to be asked for secrets")
    return ask(source)


def word(kind: Callable[P, R]) -> Callable[P, R]:
    """
    A word of the recipe language: calling it declares a resource.

    Raises RecipeError, with the line of the call, for a property that there is
    not, or a value that it cannot have.
    """

    @functools.wraps(kind, updated=())
    def declare(*args: P.args, **kwargs: P.kwargs) -> R:
        where = _caller()
        resource = _construct(kind, where, args, kwargs)
        current().declare(resource, where)
        return resource

    return declare


def _construct(
    kind: Callable[..., R], where: str, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> R:
    properties = getattr(kind, "__dataclass_fields__", {})
    label = f"{cast('type[Resource]', kind).kind()}({', '.join(map(repr, args))})"
    for name in kwargs:
        if name not in properties:
            raise RecipeError(
                f"{where}: {label}: there is no property {name!r}{_suggest(name, properties)}"
            )
    try:
        return kind(*args, **kwargs)
    except TypeError as error:
        raise RecipeError(f"{where}: {label}: {_plain(error)}") from None
    except RecipeError as error:
        raise RecipeError(f"{where}: {error}", hint=error.hint) from None


def _plain(error: TypeError) -> str:
    """`__init__() missing 1 required keyword-only argument: 'x'`, for people."""
    return str(error).rpartition("__init__() ")[2]


def current() -> Collection:
    """
    The collection that is being compiled.

    Raises RecipeError outside of a recipe.
    """
    try:
        return _current.get()
    except LookupError:
        raise RecipeError(
            "a word declares something only while a recipe runs",
            hint="construct the class instead (File(...)), or call it from a recipe",
        ) from None


def _caller() -> str:
    """The innermost line that is not the engine's own."""
    frame: types.FrameType | None = sys._getframe(1)  # noqa: SLF001 - what logging does, too
    while frame and frame.f_code.co_filename.startswith(_ENGINE):
        frame = frame.f_back
    return f"{display_path(frame.f_code.co_filename)}:{frame.f_lineno}" if frame else "?"


def display_path(name: str) -> str:
    """A path as people would write it: from the current directory, if it is below."""
    return name.removeprefix(f"{os.getcwd().rstrip('/')}/")


def compile_recipes(paths: Sequence[Path], node: Node) -> Collection:
    """
    Run recipes for a host; return what they declare. No host is touched.

    Raises RecipeError, with file and line, for whatever is wrong with them,
    and FactsNeeded where the node's facts are NO_FACTS_YET and matter.
    """
    collection = Collection(node)
    with _compiling, declaring(collection):
        for path in paths:
            _run(path, collection)
    collection.check()
    return collection


@contextlib.contextmanager
def declaring(collection: Collection) -> Iterator[None]:
    """Let words declare into a collection."""
    token = _current.set(collection)
    try:
        yield
    finally:
        _current.reset(token)


_compiling = threading.RLock()
"""A recipe may import its neighbours, which is a matter of the whole process."""


def _run(path: Path, collection: Collection) -> None:
    code = _code(path, _version(path))
    folder = str(path.parent.resolve())
    before = set(sys.modules)
    collection.folder = Path(folder)
    collection.sources.add(path)
    sys.path.insert(0, folder)
    try:
        with within(COMPILE_TIMEOUT):
            exec(code, {"__name__": path.stem, "__file__": str(path), "__builtins__": builtins})  # noqa: S102
    except RecipeError:
        raise
    except OutOfTime as error:
        late = RecipeError(
            f"the recipe has not come to its end within {COMPILE_TIMEOUT:g} s",
            hint="it only declares; what takes time belongs to the hosts: execute, only_if",
        )
        raise _located(late.with_traceback(error.__traceback__), path) from None
    except (Exception, SystemExit) as error:
        raise _located(error, path) from error
    finally:
        sys.path.remove(folder)
        collection.sources.update(_forget(folder, before))


def _version(path: Path) -> tuple[str, int]:
    try:
        return str(path.resolve()), path.stat().st_mtime_ns
    except OSError as error:
        raise RecipeError(f"{path}: {error.strerror}", hint="is that the recipe's path?") from None


@functools.cache
def _code(path: Path, version: tuple[str, int]) -> types.CodeType:
    """The code of a recipe, once for all hosts."""
    try:
        return compile(path.read_bytes(), version[0], "exec")
    except OSError as error:
        raise RecipeError(f"{path}: {error.strerror}") from None
    except (SyntaxError, ValueError) as error:
        line = f":{error.lineno}" if isinstance(error, SyntaxError) else ""
        message = error.msg if isinstance(error, SyntaxError) else error
        raise RecipeError(f"{path}{line}: {message}") from None


def _forget(folder: str, before: set[str]) -> Iterator[Path]:
    """Neighbours that declare when imported must do so again for the next host."""
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if file.startswith(f"{folder}/"):
            del sys.modules[name]
            yield Path(file)


def _located(error: BaseException, path: Path) -> RecipeError | SecretError:
    """An exception in a recipe, at its own line; our frames say nothing to its author."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(_ENGINE)
    ]
    own = [frame for frame in frames if frame.filename.startswith(str(path.parent.resolve()))]
    where = next(reversed(own or frames), None)
    line = f"{display_path(where.filename)}:{where.lineno}" if where else str(path)
    if isinstance(error, CookError):
        kind = SecretError if isinstance(error, SecretError) else RecipeError
        return kind(f"{line}: {error}", hint=error.hint)
    source = linecache.getline(where.filename, where.lineno or 0).strip() if where else ""
    said = f"{line}: {type(error).__name__}: {error}"
    return RecipeError(f"{said}\n  {source}" if source else said, hint=_AS_PYTHON)


def find(name: str, kind: Literal["files", "templates"]) -> Path:
    """
    A source that stands beside the recipe, in `files/` or `templates/`.

    Raises RecipeError if there is none.
    """
    folder = current().folder / kind
    path = folder / name
    if not path.is_file():
        there = [str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()]
        shown = display_path(str(folder))
        raise RecipeError(f"there is no {name!r} in {shown}{_suggest(name, there)}")
    current().sources.add(path)
    return path


def _suggest(word: str, known: Iterable[str]) -> str:
    near = did_you_mean(word, known)
    return f"; {near}" if near else ""


def guard_says_no(resource: Resource, node: Node) -> bool:
    """
    Whether a guard that is a Python callable leaves the resource alone.

    Raises HostError if the guard itself fails.
    """
    try:
        if callable(resource.only_if) and not resource.only_if(node):
            return True
        return callable(resource.not_if) and resource.not_if(node)
    except Exception as error:
        raise HostError(
            f"the guard of {resource} raised {type(error).__name__}: {error}"
        ) from error
