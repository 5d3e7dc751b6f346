"""Resources: the values that a recipe declares."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import (
    Any,
    ClassVar,
    Literal,
    NamedTuple,
    Self,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

from cookbook.errors import RecipeError
from cookbook.secrets.secret import found_secret, holds_secret, is_any_made
from cookbook.text.redaction import REGISTRY
from cookbook.text.suggest import did_you_mean
from cookbook.text.type_check import check_of, describe

Guard = str | Callable[[Any], bool] | Callable[[], bool]
"""Shell text that is asked on the host, or a callable that is given the node, or nothing."""


_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
"""User names that a shell expands after `~`."""

_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

_BY_NAME = {"become_user", "user", "username"}
"""Properties that a user may be given by; what takes a number as well has it in its type."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification: one resource acts because another one has changed."""

    action: str
    other: str
    """The target in `notifies`, the source in `subscribes`: `service[nginx]`."""

    timing: Literal["before", "immediate", "delayed", "final"] = "delayed"

    def __str__(self) -> str:
        return f'{self.timing}("{self.action}", "{self.other}")'


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
@dataclass(frozen=True, kw_only=True)
class Resource:
    """
    The wanted state of one thing on a host.

    A subclass is a frozen dataclass without having to say so. A property that
    is None is left as it is found.
    """

    providers: ClassVar[list[Any]] = []
    """The providers of this type, registered by `provides` of the catalog; latest first."""

    counterparts: ClassVar[Mapping[str, str]] = {}
    """The package tool of a host -> the resource type that does the same there."""

    unique: ClassVar[bool] = False
    """True if `identity` names one thing on the host: resources about it must not differ."""

    namespace: ClassVar[str] = ""
    """The kind of thing that `topic` names, if other types name it as well: `path` for a type whose
    identity is the path of a file, folder or link. By default it is the resource type itself."""

    category: ClassVar[str] = "other"
    """The heading under which `cook resources` lists the type."""

    deprecated: ClassVar[str] = ""
    """The text for a type that will be removed: what to use instead, and since which version."""

    _kind: ClassVar[str] = "resource"

    name: str = field(kw_only=False)
    """Its name in the recipe; for most resource types also the name of the thing on the host."""

    action: str | Sequence[str] = "nothing"
    """The action, or several in this order; with `nothing` it acts only when it is notified."""

    notifies: Sequence[Notice] = ()
    """The resources that act when this one has changed: `delayed(...)`, `immediate(...)`
    or `final(...)`; or directly before it is changed: `before(...)`."""

    subscribes: Sequence[Notice] = ()
    """The resources whose change makes this one act: `notifies`, written at the target."""

    only_if: Guard | None = None
    """Skip the resource unless this shell text succeeds, or this callable returns true."""

    not_if: Guard | None = None
    """Skip the resource if this shell text succeeds, or this callable returns true."""

    retries: int = 0
    """The number of further attempts after a failure; with `until`, of further questions."""

    until: str | None = None
    """Shell text that must succeed after a change: it is asked again every `retry_delay` seconds,
    `retries` times; then the change has failed. The change itself is made once."""

    retry_delay: float = 2.0
    """Seconds between two attempts."""

    ignore_failure: bool = False
    """Continue with the next resource when this one has failed."""

    guarded: bool = False
    """Apply it with auto-rollback: a timer on the host takes the change back unless a new login
    confirms it. A change that may lock out the operator (firewall, sshd, sudo, the network, the
    account of the login) has auto-rollback without this property."""

    become_user: str | None = None
    """The user on the host that probes and changes the resource, with no other rights. By
    default the user that the run acts as, from hosts.yml: usually root."""

    sensitive: bool = False
    """Show that the resource changed, but never its content."""

    tags: Sequence[str] = ()
    """Words by which a run chooses resources (`--tags`, `--skip-tags`). `with tagged("web"):` adds
    some to all resources that are declared in it."""

    def __init_subclass__(cls, kind: str = "") -> None:
        """Make a resource type of the class; `kind` is its name, by default from the class's."""
        dataclass(frozen=True, kw_only=True, repr=False)(cls)
        cls.providers = []
        cls._kind = kind or re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    lazies: ClassVar[Any] = None
    """The lazy values of this resource (`cookbook.language.lazy.Lazies`); None if it has none."""

    def __post_init__(self) -> None:
        self.check_types()
        if REGISTRY:
            self._find_secrets()
        self.validate()

    def check_types(self, skip: Collection[str] = ()) -> None:
        """
        Check the properties by their annotations; those in `skip` are not known yet.

        Raises RecipeError.
        """
        given = vars(self)
        for name, (_, default, is_right) in _properties(type(self)).items():
            value = given[name]
            if value is not default and name not in skip and not is_right(value):
                raise self._is_wrong(name, value)
        if self.become_user is not None and not _USER.fullmatch(self.become_user):
            raise not_a_user(self, self.become_user)
        if isinstance(self.tags, str) or not all(map(_TAG.fullmatch, self.tags)):
            raise RecipeError(
                f"{self}: tags must be a list of words, not {_short(self.tags)}",
                hint='tags=["web", "tls"]: letters, digits, and . _ - in them',
            )
        if self.retries < 0 or self.retry_delay < 0:
            raise RecipeError(f"{self}: retries and retry_delay cannot be negative")

    def _is_wrong(self, name: str, value: object) -> RecipeError:
        """Return the error for a value that a property cannot have."""
        hint, default, _ = _properties(type(self))[name]
        if type(value) is int and name in _BY_NAME:
            return not_a_user(self, value)
        near = did_you_mean(value, _choices(hint)) if isinstance(value, str) else None
        if name == "action":
            from cookbook.language.recipe_hints import action_hint  # after a mistake only

            near = action_hint(value, self.actions(), default)
        return RecipeError(
            f"{self}: {name} must be {describe(hint)}, not {_short(value)}", hint=near
        )

    def _find_secrets(self) -> None:
        """Replace texts that contain a known secret, e.g. from an f-string, by Secrets."""
        for name, (hint, default, _) in _properties(type(self)).items():
            if (value := getattr(self, name)) is default or value in _choices(hint):
                continue
            if (known := found_secret(value)) is not value:
                object.__setattr__(self, name, known)

    @property
    def topic(self) -> str:
        """The thing on the host that other resources of the type must not contradict it about."""
        return self.identity

    @property
    def topics(self) -> Iterable[tuple[str, str]]:
        """The things that other resources must not contradict it about: (namespace, topic)."""
        return [(self.namespace or self.kind(), self.topic)]

    def contradicts(self, other: Self) -> str | None:
        """Return the property by which a resource with the same topic wants another state."""
        return self.differs(other) if self.unique else None

    def clashes(self, other: Resource) -> str | None:
        """Return the same for a resource of another type; None if both can be true."""
        return "type"

    def differs(self, other: Resource) -> str | None:
        """Return the first property to which both give different values; None if there is none."""
        return "action" if opposed(self.doing, other.doing) else _differing(self, other)

    def validate(self) -> None:
        """Raise RecipeError for errors that annotations cannot find. Called on construction."""

    @classmethod
    def kind(cls) -> str:
        """
        Return the name of the resource type: `firewall_rule` for FirewallRule.

        >>> class FirewallRule(Resource): ...
        >>> FirewallRule.kind()
        'firewall_rule'
        """
        return cls._kind

    @classmethod
    def actions(cls) -> frozenset[str]:
        """Return the allowed actions: the literals in the annotation of `action`, and `nothing`."""
        return frozenset(_choices(_properties(cls)["action"].hint)) | {"nothing"}

    @property
    def identity(self) -> str:
        """The name of the thing on the host; it differs from `name` if that is only a title."""
        return self.name

    @functools.cached_property
    def confidential(self) -> bool:
        """True if it is declared sensitive, or if one of its properties holds a Secret."""
        if self.sensitive or not is_any_made():
            return self.sensitive
        return any(holds_secret(getattr(self, f.name)) for f in fields(self))

    @property
    def doing(self) -> tuple[str, ...]:
        """The actions as a tuple, in order."""
        return (self.action,) if isinstance(self.action, str) else tuple(self.action)

    def __str__(self) -> str:
        return f"{self.kind()}[{self.name}]"

    def __repr__(self) -> str:
        shown = [f"{f.name}={getattr(self, f.name)!r}" for f in _set(self) if f.name != "name"]
        return f"{self.kind()}({', '.join([repr(self.name), *shown])})"


def named(kind: type[Resource], name: str) -> Resource:
    """Return a resource of which only the name is known; its other properties are the defaults."""
    resource = object.__new__(kind)
    for f in fields(kind):
        default = None if f.default is MISSING else f.default
        object.__setattr__(resource, f.name, name if f.name == "name" else default)
    return resource


def _set(resource: Resource) -> list[Field[Any]]:
    """Return the properties that differ from their default."""
    return [
        f
        for f in fields(resource)
        if f.default is MISSING or getattr(resource, f.name) != f.default
    ]


def _choices(hint: Any) -> Iterator[str]:
    """Yield the values of the Literals in a type hint."""
    for argument in get_args(hint):
        if get_origin(hint) is Literal:
            yield argument
        else:
            yield from _choices(argument)


class _Property(NamedTuple):
    hint: Any
    default: Any
    is_right: Callable[[object], bool]


_known_properties: dict[type[Resource], Mapping[str, _Property]] = {}


def _properties(kind: type[Resource]) -> Mapping[str, _Property]:
    """Return the properties by name, from a cache."""
    if (known := _known_properties.get(kind)) is None:
        hints = get_type_hints(kind)
        known = _known_properties[kind] = {
            f.name: _Property(hints[f.name], f.default, check_of(hints[f.name]))
            for f in fields(kind)
        }
    return known


def not_a_user(resource: Resource, given: str | int) -> RecipeError:
    """Return the error for what is no name of a user."""
    number = str(given).removeprefix("#")
    hint = f"a name, not a number: `getent passwd {number}` on the host shows it"
    return RecipeError(
        f"{resource}: {given!r} cannot be the name of a user",
        hint=hint if number.isdigit() else None,
    )


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


_OPPOSITES = [
    (
        frozenset({"create", "create_if_missing", "touch", "add", "set"}),
        frozenset({"delete", "remove", "unset"}),
    ),
    (frozenset({"install", "upgrade"}), frozenset({"remove", "purge", "uninstall"})),
    (frozenset({"start", "enable", "unmask"}), frozenset({"mask"})),
    *(
        (frozenset({one}), frozenset({other}))
        for one, other in [("start", "stop"), ("enable", "disable"), ("lock", "unlock")]
    ),
]
"""Actions that take back what the others do; both on each run would never come to an end."""


def opposed(one: Iterable[str], other: Iterable[str]) -> bool:
    """Return whether an action of one resource takes back what one of the other does."""
    return any(
        (not make.isdisjoint(a)) and (not end.isdisjoint(b))
        for make, end in _OPPOSITES
        for a, b in ((one, other), (other, one))
    )


def _differing(one: Resource, other: Resource) -> str | None:
    """Return the property that two resources about one thing set to different values, if any."""
    shared = {f.name for f in fields(Resource)}
    theirs = {f.name for f in fields(other)}
    for f in fields(one):
        if f.name not in theirs:
            continue
        values = {repr(getattr(resource, f.name)) for resource in (one, other)}
        title = f.name.endswith("_name") or f.name in ("path", "target_file")
        if f.name in shared or title or repr(f.default) in values:
            continue
        if len(values) == 2:
            return f.name
    return None
