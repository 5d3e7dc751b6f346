"""The plugins of this process: the built-in ones, and what is installed."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pluggy

from cookbook.errors import UsageError
from cookbook.inventory.host_driver import DRIVERS
from cookbook.language.catalog import Catalog
from cookbook.plugins import built_in, hookspecs
from cookbook.reports import FORMATS
from cookbook.secrets.stores.lookup import STORES
from cookbook.transport.registry import SOURCES, TRANSPORTS


@functools.cache
def plugins() -> pluggy.PluginManager:
    """
    Return the manager of all plugins, which are loaded once.

    Raises UsageError if one cannot be loaded: a run without it could have another result.
    """
    manager = pluggy.PluginManager("cookbook")
    manager.add_hookspecs(hookspecs)
    from cookbook import providers

    manager.register(providers, "providers")
    manager.register(built_in, "built in")
    try:
        if _any_installed():
            manager.load_setuptools_entrypoints("cookbook")
        manager.check_pending()  # an unknown hook is a misspelt one
    except Exception as error:
        raise UsageError(f"a plugin cannot be loaded: {type(error).__name__}: {error}") from error
    STORES.ask_plugins = lambda name: manager.hook.cookbook_secret(name=name)
    return manager


@functools.cache
def registrations(hook: str) -> Mapping[str, Any]:
    """
    Return what all plugins register by this hook: name -> value; the built-in ones come first.

    Raises UsageError if two plugins register the same name.
    """
    found: dict[str, tuple[Any, str]] = {}
    calls = sorted(
        getattr(plugins().hook, hook).get_hookimpls(), key=lambda one: one.plugin is not built_in
    )
    for one in calls:
        registers = cast("Callable[[], Mapping[str, Any]]", one.function)
        for name, value in registers().items():
            other, by = found.setdefault(name, (value, one.plugin_name))
            if by != one.plugin_name:
                raise UsageError(
                    f"{hook}: {name!r} is registered twice: {other} ({by}) and {value}"
                    f" ({one.plugin_name})",
                    hint="uninstall one of the two plugins",
                )
    return {name: value for name, (value, _) in found.items()}


SOURCES.registered = lambda: registrations("cookbook_sources")
TRANSPORTS.registered = lambda: registrations("cookbook_transports")
DRIVERS.registered = lambda: registrations("cookbook_kitchen_drivers")
FORMATS.registered = lambda: registrations("cookbook_reports")


def _any_installed() -> bool:
    """
    Return True if a distribution other than cook may name a plugin.

    importlib.metadata parses the metadata of all distributions, which takes 25 ms. This reads
    only their entry_points.txt; a zip archive in sys.path counts as True.
    """
    places = [Path(place) for place in dict.fromkeys(sys.path)]
    files = (file for place in places for file in place.glob("*-info/entry_points.txt"))
    others = (file for file in files if not file.parent.name.startswith("cook_converge"))
    return any(place.is_file() for place in places) or any(
        b"[cookbook]" in file.read_bytes() for file in others
    )


@contextlib.contextmanager
def listening(plugin: object, name: str | None = None) -> Iterator[None]:
    """Register a plugin for the duration of the block; its name is for messages."""
    plugins().register(plugin, name)
    try:
        yield
    finally:
        plugins().unregister(plugin)


class Hooks:
    """The hooks of a run: of all plugins, and of listeners that hear this run alone."""

    def __init__(self, listeners: Sequence[object]) -> None:
        self._own = pluggy.PluginManager("cookbook")
        self._own.add_hookspecs(hookspecs)
        for listener in listeners:
            self._own.register(listener)

    def __getattr__(self, name: str) -> Callable[..., object]:
        def call(**told: object) -> object:
            getattr(self._own.hook, name)(**told)
            return getattr(plugins().hook, name)(**told)

        return call


def has_reviewers() -> bool:
    """Return True if a plugin checks plans."""
    return bool(plugins().hook.cookbook_review.get_hookimpls())


@functools.cache
def catalog() -> Catalog:
    """Return the catalog of the providers that plugins bring."""
    hook = plugins().hook
    return Catalog(lambda kind: hook.cookbook_providers(kind=kind))
