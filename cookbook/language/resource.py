"""What a recipe declares: values, nothing else."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import (
    Any,
    ClassVar,
    Literal,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

from cookbook.errors import RecipeError
from cookbook.secrets.secret import found_secret, holds_secret
from cookbook.text.redaction import REGISTRY
from cookbook.text.suggest import did_you_mean
from cookbook.text.type_check import describe, fits

Guard = str | Callable[[Any], bool] | Callable[[], bool]
"""Shell text that is asked on the host, or a callable that is given the node, or nothing."""


_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
"""Names that a shell expands after `~`."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Have a resource act once another one has changed."""

    action: str
    other: str
    """The target in `notifies`, the source in `subscribes`: `service[nginx]`."""

    timing: Literal["immediate", "delayed"] = "delayed"

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
    """Who serves this kind, by `provides` in cookbook.language.provider; latest first."""

    _kind: ClassVar[str] = "resource"

    name: str = field(kw_only=False)
    """What it is called in the recipe; for most words also the thing itself."""

    action: str | Sequence[str] = "nothing"
    """What is to be true, or done, in this order; `nothing` waits to be notified."""

    notifies: Sequence[Notice] = ()
    """Who has to act once this has changed: `delayed(...)` or `immediate(...)`."""

    subscribes: Sequence[Notice] = ()
    """Whose change makes this one act: the same, seen from the other end."""

    only_if: Guard | None = None
    """Leave it alone unless this shell text succeeds, or this callable says so."""

    not_if: Guard | None = None
    """Leave it alone if this shell text succeeds, or this callable says so."""

    retries: int = 0
    """How often to try again after a failure."""

    retry_delay: float = 2.0
    """Seconds between two tries."""

    ignore_failure: bool = False
    """Go on with the next resource when this one has failed."""

    guarded: bool = False
    """Apply it under a timer that takes it back unless we can log in again afterwards; what may
    lock us out (firewall, sshd, sudo, the network, our own account) is guarded anyway."""

    become_user: str | None = None
    """Who asks about it and changes it on the host: who may do no more than that takes. By
    default the one we are there, as hosts.yml says: root, as a rule."""

    sensitive: bool = False
    """Show that it changed, never its content."""

    def __init_subclass__(cls) -> None:
        dataclass(frozen=True, kw_only=True, repr=False)(cls)
        cls.providers = []
        cls._kind = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    def __post_init__(self) -> None:
        for name, (hint, default) in _hints(type(self)).items():
            value = getattr(self, name)
            if value is not default and not fits(value, hint):
                near = did_you_mean(value, _choices(hint)) if isinstance(value, str) else None
                raise RecipeError(
                    f"{self}: {name} must be {describe(hint)}, not {_short(value)}", hint=near
                )
        if REGISTRY:
            self._find_secrets()
        if self.become_user is not None and not _USER.fullmatch(self.become_user):
            raise RecipeError(f"{self}: {self.become_user!r} cannot be the name of a user")
        self.validate()

    def _find_secrets(self) -> None:
        """What an f-string made of a secret is one again."""
        for name, (hint, default) in _hints(type(self)).items():
            if (value := getattr(self, name)) is default or value in _choices(hint):
                continue
            if (known := found_secret(value)) is not value:
                object.__setattr__(self, name, known)

    def validate(self) -> None:
        """Raise RecipeError for what no annotation can say. Called on construction."""

    @classmethod
    def kind(cls) -> str:
        """
        The word for it: `firewall_rule` for FirewallRule.

        >>> class FirewallRule(Resource): ...
        >>> FirewallRule.kind()
        'firewall_rule'
        """
        return cls._kind

    @classmethod
    def actions(cls) -> frozenset[str]:
        """The actions it has: what its annotation of `action` names."""
        return frozenset(_choices(_hints(cls)["action"][0])) | {"nothing"}

    @property
    def identity(self) -> str:
        """What it is about on the host, where the name may be only a title."""
        return self.name

    @functools.cached_property
    def confidential(self) -> bool:
        """Whether it says that it is sensitive, or one of its properties holds a Secret."""
        return self.sensitive or any(holds_secret(getattr(self, f.name)) for f in fields(self))

    @property
    def doing(self) -> tuple[str, ...]:
        """Its actions as a tuple, in order."""
        return (self.action,) if isinstance(self.action, str) else tuple(self.action)

    def __str__(self) -> str:
        return f"{self.kind()}[{self.name}]"

    def __repr__(self) -> str:
        shown = [f"{f.name}={getattr(self, f.name)!r}" for f in _set(self) if f.name != "name"]
        return f"{self.kind()}({', '.join([repr(self.name), *shown])})"


def _set(resource: Resource) -> list[Field[Any]]:
    """The properties that are not at their default."""
    return [
        f
        for f in fields(resource)
        if f.default is MISSING or getattr(resource, f.name) != f.default
    ]


def _choices(hint: Any) -> Iterator[str]:
    """The values that the Literals in a type hint name."""
    for argument in get_args(hint):
        if get_origin(hint) is Literal:
            yield argument
        else:
            yield from _choices(argument)


_known_hints: dict[type[Resource], Mapping[str, tuple[Any, Any]]] = {}


def _hints(kind: type[Resource]) -> Mapping[str, tuple[Any, Any]]:
    """Each property's type and default."""
    if kind not in _known_hints:
        hints = get_type_hints(kind)
        _known_hints[kind] = {f.name: (hints[f.name], f.default) for f in fields(kind)}
    return _known_hints[kind]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
