"""The functions that recipes call: resources, notices, secrets, sources beside the recipe."""

from __future__ import annotations

import contextlib
import functools
import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, ParamSpec, Self, TypeVar, cast

from cookbook.errors import RecipeError
from cookbook.language.collection import (
    Collection,
    Node,
    _current,
    caller,
    caller_place,
    current,
    declared_beside,
    declaring,
    display_path,
    suggestion,
)
from cookbook.language.lazy import Lazies, Lazy, lazies_in, unresolved
from cookbook.language.resource import Notice, Resource
from cookbook.language.sections import PARTS, Attempt, AttemptPart, ParallelBlock, Section
from cookbook.secrets.reference import SecretSource
from cookbook.secrets.secret import Secret

P = ParamSpec("P")


R = TypeVar("R", bound=Resource)


class _CurrentNode:
    """A proxy for the node of the recipe that is being compiled."""

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
    """Return a notice that is carried out at the end of the run, once for all that send it."""
    return Notice(action, str(other), "delayed")


def final(action: str, other: Resource | str) -> Notice:
    """
    Return a notice that is carried out after all delayed ones, also those of earlier runs.

    It is for what judges the whole: a health check.
    """
    return Notice(action, str(other), "final")


def immediate(action: str, other: Resource | str) -> Notice:
    """Return a notice that is carried out directly after the change."""
    return Notice(action, str(other), "immediate")


def before(action: str, other: Resource | str) -> Notice:
    """
    Return a notice that is carried out directly before the change, and only if there is one.

    It is for what must not run meanwhile: a service that is stopped while its files are replaced.
    """
    return Notice(action, str(other), "before")


class AttemptBlock:
    """The context managers of the parts of one attempt."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._open.enter_context(self._part("body"))
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def rescue(self) -> contextlib.AbstractContextManager[None]:
        """Declare in this context what is done if a resource of the attempt has failed."""
        return self._part("rescue")

    def always(self) -> contextlib.AbstractContextManager[None]:
        """Declare in this context what is done after attempt and rescue, whatever has failed."""
        return self._part("always")

    @contextlib.contextmanager
    def _part(self, part: AttemptPart) -> Iterator[None]:
        """Raise RecipeError unless the parts are in order, each once, and none inside another."""
        collection, attempt = current(), self._attempt
        if collection.parallel is not None:
            raise RecipeError(
                f"{caller()}: the attempt {attempt.name!r} is inside a parallel block",
                hint="put the parallel block into the attempt: a failure in it fails the attempt",
            )
        outer = collection.sections
        inside = any(section.attempt is attempt for section in outer)
        if inside or attempt.parts.intersection(PARTS[PARTS.index(part) :]):
            raise RecipeError(
                f"{caller()}: `{part}` of the attempt {attempt.name!r} is not in its place",
                hint="first the block of the attempt, then rescue(), then always(), each once",
            )
        attempt.parts.add(part)
        collection.sections = (*outer, Section(attempt, part))
        try:
            yield
        finally:
            collection.sections = outer


def attempt(name: str) -> AttemptBlock:
    """
    Return the context manager of resources whose failure is handled in the recipe.

        with attempt("deploy") as deploy:
            execute("migrate", command="/srv/app/migrate")
        with deploy.rescue():
            execute("restore", command="/srv/app/restore")
        with deploy.always():
            service("app", action="start")

    If a resource of the attempt fails, the rest of the attempt is left out, and the rescue is done:
    the failure counts as ignored. Without a failure the rescue is skipped. `always` is done in any
    case, also if the rescue has failed. Immediate notifications count as a part of the attempt,
    delayed ones come when it is over. A saved plan contains no rescue: its application stops at a
    failure.
    """
    return AttemptBlock(Attempt(name, caller()))


@contextlib.contextmanager
def final_stage() -> Iterator[None]:
    """
    Declare resources of this context for the end of the run, after all delayed notifications.

    It is for checks that judge the whole: `http_check`, `wait_for`.
    """
    collection = current()
    outer = collection.is_final
    collection.is_final = True
    try:
        yield
    finally:
        collection.is_final = outer


@contextlib.contextmanager
def parallel(*, at_once: int = 4) -> Iterator[None]:
    """
    Declare resources of this context as independent of one another.

        with parallel():
            remote_file("/srv/model", source="https://example.com/model", checksum="...")
            execute("index", command="/opt/index/build", creates="/srv/index")

    Their changes run at the same time on the host, at most `at_once` of them, if nothing that has
    to be done alone is between them. Each has a result of its own: if one fails, the others
    are completed, and then the run stops. What a command of the block does is not taken to
    influence the others.

    Changes of most types are made one after the other here, too: packages, services, accounts.
    `execute`, files, downloads, archives, working copies, keys and checks can run beside others,
    unless they have `retries` or `until`, touch what login needs, or name a path that another one
    of them changes.
    """
    collection = current()
    if collection.parallel is not None:
        raise RecipeError(
            f"{caller()}: a parallel block is inside another one",
            hint="declare all their resources in one block",
        )
    if type(at_once) is not int or at_once < 1:
        raise RecipeError(f"{caller()}: parallel: at_once must be a number from 1, not {at_once!r}")
    collection.parallel_blocks += 1
    collection.parallel = ParallelBlock(collection.parallel_blocks, at_once)
    try:
        yield
    finally:
        collection.parallel = None


def lazy(command: str, parse: Callable[[str], Any] = str, *, sensitive: bool = False) -> Any:
    """
    Return the output of a command as the value of a property.

        file("/etc/app/id", content=lazy("cat /etc/machine-id"), mode="0644")

    The command is asked on the host when the turn of the resource comes, by the user that the
    resource is changed by; it must not change anything. In a plan the resource is unknown if a
    change before it may influence the command. `parse` makes the value of the output, which has no
    newline at its end; a sensitive one is a Secret. Properties that all types have, and what names
    the thing on the host, cannot be lazy. All lazy values of a host cost one exchange.
    """
    current().has_lazies = True
    return Lazy(command, parse, sensitive)


@contextlib.contextmanager
def tagged(*tags: str) -> Iterator[None]:
    """Add tags to all resources that are declared in this context."""
    collection = current()
    before = collection.tags
    collection.tags = (*before, *tags)
    try:
        yield
    finally:
        collection.tags = before


def secret(name: str) -> Secret:
    """
    Return a secret by its name, from the stores of docs/secrets.md.

    Raises RecipeError, with the line of the call, if no store has it.
    """
    return _from_stores(lambda source: source.secret(name, current().folder))


def derived(
    name: str, *, length: int = 32, alphabet: str | None = None, host: str | None = None
) -> Secret:
    """
    Return a password derived from the secret `master`: constant, but different on each host.

    With `host=""` all hosts share one password. `length` counts characters.
    `cook secret rotate --derived NAME` renews it.

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
        raise RecipeError(f"{caller()}: there is no source of secrets here")
    return ask(source)


def recipe_function(kind: Callable[P, R]) -> Callable[P, R]:
    """
    Return the resource function of a type: calling it in a recipe declares a resource.

    The function raises RecipeError, with the line of the call, for an unknown property
    and for a value that the property does not allow.
    """

    @functools.wraps(kind, updated=())
    def declare(*args: P.args, **kwargs: P.kwargs) -> R:
        file, line = caller_place()
        where = f"{display_path(file)}:{line}"
        package = kwargs.get("cookbook")
        with declared_beside(
            _folder_of(package, where) if isinstance(package, str) else _folder_with(file)
        ):
            resource = _construct(kind, where, args, kwargs)
        current().declare(resource, where)
        return resource

    return declare


@functools.cache
def _folder_with(file: str) -> Path:
    return Path(file).parent


def _construct(
    kind: Callable[..., R], where: str, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> R:
    properties = getattr(kind, "__dataclass_fields__", {})
    label = f"{cast('type[Resource]', kind).kind()}({', '.join(map(repr, args))})"
    for name in kwargs:
        if name not in properties:
            from cookbook.language.recipe_hints import property_hint  # after a mistake only

            actions = cast("type[Resource]", kind).actions()
            hint = property_hint(name, kwargs[name], actions, properties["action"].default)
            near = suggestion(name, properties) if hint is None else ""
            raise RecipeError(f"{where}: {label}: there is no property {name!r}{near}", hint=hint)
    collection = _current.get(None)
    tags = collection.tags if collection is not None else ()
    if tags and not isinstance(kwargs.get("tags", ()), str):
        kwargs = {**kwargs, "tags": tuple(dict.fromkeys([*tags, *kwargs.get("tags", ())]))}
    if args and isinstance(args[0], list | tuple):
        raise RecipeError(
            f"{where}: {label}: the name must be text, not a list", hint=_many(properties)
        )
    try:
        if collection is not None and collection.has_lazies:
            given = {**dict(zip(["name"], args, strict=False)), **kwargs}
            if lazies := lazies_in(given):
                construct = functools.partial(_later, kind, collection.only_folders())
                return unresolved(kind, given, Lazies(lazies, construct))
        return kind(*args, **kwargs)
    except TypeError as error:
        raise RecipeError(f"{where}: {label}: {_plain(error)}") from None
    except RecipeError as error:
        raise RecipeError(f"{where}: {error}", hint=error.hint) from None


def _later(kind: Callable[..., R], collection: Collection, properties: Mapping[str, Any]) -> R:
    """Construct a resource whose lazy values are known, beside the module that declares it."""
    with declaring(collection):
        return kind(**properties)


def _folder_of(package: str, where: str) -> Path:
    """Return the folder of a Python package, whose `files/` and `templates/` have the sources."""
    import importlib.util

    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        spec = None
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    if not folders and spec is not None and spec.origin:
        folders = [str(Path(spec.origin).parent)]
    if not folders:
        raise RecipeError(
            f"{where}: there is no Python package {package!r}",
            hint="`cookbook` names a package as `import` does: the source is in its folder",
        )
    return Path(folders[0])


def _many(properties: Mapping[str, Any]) -> str:
    """Return the hint for several things in one declaration."""
    if "package_name" in properties:
        return 'give it a name, and the list as package_name=["a", "b"]: one transaction'
    return "declare each by itself, in a loop"


def _plain(error: TypeError) -> str:
    """Return the text after `__init__() `: "missing 1 required keyword-only argument: 'x'"."""
    return str(error).rpartition("__init__() ")[2]


def find(name: str, kind: Literal["files", "templates"]) -> Path:
    """
    Return a source in `files/` or `templates/`, beside the module that declares or the recipe.

    Raises RecipeError if there is none.
    """
    folders = [folder / kind for folder in current().folders]
    for folder in folders:
        if (path := folder / name).is_file():
            current().sources.add(path)
            return path
    there = [str(p.relative_to(f)) for f in folders for p in f.rglob("*") if p.is_file()]
    shown = " or ".join(dict.fromkeys(display_path(str(folder)) for folder in folders))
    raise RecipeError(f"there is no {name!r} in {shown}{suggestion(name, there)}")
