"""The reader of rollout.yml, and of `rollout:` of the groups in hosts.yml."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar, cast

from cookbook.errors import UsageError
from cookbook.rollout.strategy import (
    ALL,
    NONE,
    Act,
    Amount,
    Check,
    CommandAct,
    CommandHealth,
    Gate,
    HaproxyAct,
    HookAct,
    HttpHealth,
    NginxAct,
    RecipeHealth,
    Rollouts,
    Strategy,
    TcpHealth,
)
from cookbook.text.hours import read_hours
from cookbook.text.suggest import did_you_mean
from cookbook.text.yaml_fields import flag, keys, seconds_or_number, several, text, texts, whole
from cookbook.text.yaml_reader import YamlReader
from cookbook.text.yaml_value import Value

T = TypeVar("T")

_STRATEGY = tuple(one.name for one in fields(Strategy) if one.name != "spread_max")
_TOP = ("defaults", "groups", "max_failures")
_MOST_SIZES = 10_000
_EXAMPLE = "groups: {web: {batches: [1, 10%, 100%]}}"


def read_rollouts(path: Path) -> Rollouts:
    """
    Return the strategies in a file.

    Raises UsageError with file and line for the first mistake.
    """
    value = YamlReader(UsageError, missing="docs/guide/rollouts.md shows one").read(path)
    if value is None or value.data is None:
        raise UsageError(f"{path}: empty", hint=_EXAMPLE)
    return rollouts(value, path.absolute().parent, str(path))


def rollouts(value: Value, folder: Path, source: str, *, kept: bool = False) -> Rollouts:
    """
    Return the strategies in the content of a file; relative paths start at the folder.

    `kept` is True for what a journal has kept: the files that it names may be gone by now.

    Raises UsageError with file and line for the first mistake.
    """
    said = keys(value, *_TOP)
    if "groups" not in said:
        raise value.error("there are no groups", hint=_EXAMPLE)
    groups = said["groups"]
    if not isinstance(groups.data, dict) or not groups.data:
        raise groups.error(f"groups must be a mapping of groups to strategies, not {groups}")
    defaults, failures = said.get("defaults"), said.get("max_failures")
    reader = _Reader(folder, kept=kept)
    shared = reader.properties(defaults) if defaults is not None else {}
    if defaults is not None and "after" in shared:
        raise defaults.error("`after` belongs to a group: all groups cannot come after one")
    strategies = {}
    for name, inner in groups.data.items():
        strategies[name] = Strategy(**{**shared, **reader.properties(inner)})
        if not kept:
            _check(strategies[name], inner, {**_entries(defaults), **_entries(inner)})
    for name, strategy in strategies.items():
        for other in strategy.after:
            if other not in strategies:
                raise groups.data[name].error(
                    f"group {name}: after {other!r}, which is no group of this rollout",
                    hint=did_you_mean(other, strategies) or f"there are {', '.join(strategies)}",
                )
    at = {name: inner.at for name, inner in groups.data.items()}
    in_all = ALL if failures is None else _amount(failures)
    return Rollouts(strategies, at, in_all, source, cast("Mapping[str, object]", _plain(value)))


def _entries(value: Value | None) -> Mapping[str, Value]:
    """Return the entries of a mapping; none if there is nothing."""
    return value.data if value is not None and isinstance(value.data, dict) else {}


def _check(strategy: Strategy, value: Value, said: Mapping[str, Value]) -> None:
    """Raise the error of a value for settings of a group that contradict each other."""
    if strategy.gate is not None and strategy.batches == (ALL,) and strategy.canary == NONE:
        raise value.error(
            "a gate without a canary and with one batch: it would never be asked",
            hint="canary: 1, or batches: [10%, 100%]",
        )
    waits = {
        ("stagger",): strategy.stagger,
        ("healthy_deadline", "min_healthy_time"): (
            strategy.healthy_deadline + strategy.min_healthy_time
        ),
        ("check_interval",): strategy.check_interval if strategy.min_healthy.number else 0.0,
    }
    for names, seconds in waits.items():
        if seconds >= (most := strategy.progress_deadline):
            at = next((said[name] for name in (*names, "progress_deadline") if name in said), value)
            is_are = "is" if len(names) == 1 else "together are"
            raise at.error(
                f"{' and '.join(names)} ({seconds:g} s) {is_are} not below progress_deadline"
                f" ({most:g} s): the rollout would stop while it waits as ordered",
                hint="a longer progress_deadline, or a shorter wait",
            )


def _plain(value: Value) -> object:
    """Return plain data that is read again in the same way: `17:00` stays a text."""
    match value.data:
        case list():
            return [_plain(item) for item in value.data]
        case dict():
            return {key: _plain(item) for key, item in value.data.items()}
        case int() | float() if not isinstance(value.data, bool) and ":" in value.written:
            return value.written
    return value.data


class _Reader:
    """Reads the strategies of one file."""

    def __init__(self, folder: Path, *, kept: bool) -> None:
        self.folder, self.kept = folder, kept
        self.readers: Mapping[str, Callable[[Value], Any]] = {
            "after": texts,
            "canary": _amount,
            "batches": _batches,
            "max_parallel": _positive,
            "min_healthy": _amount,
            "max_failures": _amount,
            "stagger": seconds_or_number,
            "min_healthy_time": seconds_or_number,
            "healthy_deadline": seconds_or_number,
            "progress_deadline": seconds_or_number,
            "check_interval": _interval,
            "health_check": _several(self.check),
            "drain": _several(self.act),
            "enable": _several(self.act),
            "gate": self.gate,
            "auto_revert": _revert,
            "change_window": _several(read_hours),
        }

    def properties(self, value: Value) -> dict[str, Any]:
        """Return the properties of a Strategy; nothing there means the defaults."""
        if value.data is None:
            return {}
        found: dict[str, Any] = {}
        for key, inner in keys(value, *_STRATEGY).items():
            if key == "spread":
                found["spread"], found["spread_max"] = _spread(inner)
            else:
                found[key] = self.readers[key](inner)
        if ("drain" in found) != ("enable" in found):
            one, other = ("drain", "enable") if "drain" in found else ("enable", "drain")
            inverse = [_inverse(act) for act in found[one]]
            if any(act is None for act in inverse):
                raise value.error(
                    f"{one} without {other}", hint="a command or a hook has no inverse: give both"
                )
            found[other] = tuple(inverse)
        return found

    def check(self, value: Value) -> Check:
        """Return a health check."""
        kind, inner = _one_of(value, "http", "tcp", "command", "recipe")
        if kind == "http":
            said = _or_text(inner, "url", "status", "body", "timeout")
            url = text(said["url"]) if "url" in said else ""
            if not url.startswith(("http://", "https://")):
                raise inner.error("a health check by http needs a URL", hint='"http://{address}/"')
            status = whole(said["status"]) if "status" in said else 200
            body = text(said["body"]) if "body" in said else None
            return HttpHealth(url, status, body, _seconds_of(said, 5.0))
        if kind == "tcp":
            said = inner.data if isinstance(inner.data, dict) else {"port": inner}
            keys(inner, "port", "timeout") if isinstance(inner.data, dict) else None
            if "port" not in said:
                raise inner.error("a health check by tcp needs a port")
            port = whole(said["port"])
            if not 1 <= port <= 65535:
                raise said["port"].error(f"{port} is no port")
            return TcpHealth(port, _seconds_of(said, 5.0))
        if kind == "command":
            said = _or_text(inner, "run", "timeout")
            return CommandHealth(_required(inner, said, "run"), _seconds_of(said, 30.0))
        return RecipeHealth(self.file(inner))

    def act(self, value: Value) -> Act:
        """Return an act that takes a host out of service, or puts it back."""
        kind, inner = _one_of(value, "haproxy", "nginx", "command", "hook")
        if kind == "haproxy":
            said = keys(inner, "server", "hosts", "socket", "timeout")
            server = _required(inner, said, "server")
            if server.count("/") != 1:
                raise said["server"].error(f"{server!r} is no server", hint='e.g. "app/{name}"')
            socket = text(said["socket"]) if "socket" in said else HaproxyAct.socket
            balancers = _required(inner, said, "hosts")
            return HaproxyAct(server, balancers, socket, _seconds_of(said, 30.0))
        if kind == "nginx":
            said = keys(inner, "file", "server", "hosts", "timeout")
            words = (_required(inner, said, key) for key in ("file", "server", "hosts"))
            file, server, balancers = words
            return NginxAct(file, server, balancers, _seconds_of(said, 30.0))
        if kind == "command":
            said = _or_text(inner, "run", "hosts", "timeout")
            others = text(said["hosts"]) if "hosts" in said else ""
            return CommandAct(_required(inner, said, "run"), others, _seconds_of(said, 60.0))
        said = keys(inner, "run", "timeout") if isinstance(inner.data, dict) else {"run": inner}
        if "run" not in said:
            raise inner.error("a hook needs a program: `run:`")
        return HookAct(self.program(said["run"]), _seconds_of(said, 60.0))

    def gate(self, value: Value) -> Gate:
        """Return a gate: `manual`, or a mapping."""
        if value.data == "manual":
            return Gate()
        known = ("manual", "script", "metric", "each", "timeout")
        if not isinstance(value.data, dict):
            raise value.error(f"{value} is no gate", hint="manual, {script: ...}, {metric: ...}")
        said = keys(value, *known)
        each = flag(said["each"]) if "each" in said else False
        kinds = [key for key in ("manual", "script", "metric") if key in said]
        if len(kinds) != 1:
            raise value.error("a gate is one of manual, script, metric")
        timeout = _seconds_of(said, 60.0)
        if kinds == ["manual"]:
            return Gate(each=each)
        if kinds == ["script"]:
            return Gate("script", self.program(said["script"]), each=each, timeout=timeout)
        inner = said["metric"]
        metric = keys(inner, "url", "max", "min")
        url = _required(inner, metric, "url")
        if not url.startswith(("http://", "https://")):
            raise metric["url"].error(f"{url!r} is no URL")
        most = _number(metric["max"]) if "max" in metric else None
        least = _number(metric["min"]) if "min" in metric else None
        if most is None and least is None:
            raise inner.error("a metric needs `max`, `min`, or both")
        return Gate("metric", (), url, most, least, each, timeout)

    def program(self, value: Value) -> tuple[str, ...]:
        """Return the words of a program; its path starts at the folder of the file."""
        words = texts(value)
        if not words:
            raise value.error("a program is wanted here")
        first = words[0]
        return (str(self.folder / first) if "/" in first else first, *words[1:])

    def file(self, value: Value) -> Path:
        """Return the path of a recipe, which must exist now unless it was kept."""
        path = self.folder / text(value)
        if not self.kept and not path.is_file():
            raise value.error(f"there is no recipe {value}")
        return path


def _inverse(act: Act) -> Act | None:
    """Return the act that takes this one back; None if that is not known."""
    return act if isinstance(act, HaproxyAct | NginxAct) else None


def _several(read: Callable[[Value], T]) -> Callable[[Value], tuple[T, ...]]:
    return lambda value: several(value, read)


def _one_of(value: Value, *kinds: str) -> tuple[str, Value]:
    """Return the single entry of a mapping."""
    some = ", ".join(kinds)
    if not isinstance(value.data, dict):
        raise value.error(f"a mapping is expected here, not {value}", hint=f"one of {some}")
    said = keys(value, *kinds)
    if len(said) != 1:
        raise value.error("one kind at a time; a list can have several", hint=f"one of {some}")
    return next(iter(said.items()))


def _or_text(value: Value, *known: str) -> Mapping[str, Value]:
    """Return a mapping; a text alone is its first entry."""
    if isinstance(value.data, dict):
        return keys(value, *known)
    return {known[0]: value}


def _required(whole: Value, said: Mapping[str, Value], key: str) -> str:
    if key not in said:
        raise whole.error(f"`{key}` is missing here")
    return text(said[key])


def _amount(value: Value) -> Amount:
    """Return a number of hosts or a percentage."""
    said = value.data if isinstance(value.data, str) else value.written
    try:
        return Amount.read(said)
    except ValueError:
        raise value.error(
            f"{value} is no number of hosts", hint="a whole number, or a share such as 25%"
        ) from None


def _positive(value: Value) -> Amount:
    amount = _amount(value)
    if amount.number == 0:
        raise value.error("it must be at least one host")
    return amount


def _batches(value: Value) -> tuple[Amount, ...]:
    items = value.data if isinstance(value.data, list) else [value]
    if not items:
        raise value.error("there must be at least one size", hint="batches: [1, 10%, 100%]")
    if len(items) > _MOST_SIZES:
        raise value.error(f"more than {_MOST_SIZES:,} sizes")
    return tuple(map(_positive, items))


def _interval(value: Value) -> float:
    if not (seconds := seconds_or_number(value)):
        raise value.error("the time between two checks cannot be zero")
    return seconds


def _seconds_of(said: Mapping[str, Value], default: float) -> float:
    return seconds_or_number(said["timeout"]) if "timeout" in said else default


def _number(value: Value) -> float:
    if isinstance(value.data, bool) or not isinstance(value.data, int | float):
        raise value.error(f"a number is expected here, not {value}")
    return float(value.data)


def _revert(value: Value) -> str:
    said = "none" if value.data is False else value.data
    if said not in ("none", "batch", "all"):
        raise value.error(f"{value} is no kind of revert", hint="none, batch or all")
    return str(said)


def _spread(value: Value) -> tuple[str, int]:
    """Return the variable and the number: `rack`, or `{by: rack, max: 2}`."""
    if not isinstance(value.data, dict):
        return text(value), 1
    said = keys(value, "by", "max")
    most = whole(said["max"]) if "max" in said else 1
    if most < 1:
        raise value.error("`max` must be at least 1: else no host could be begun")
    return _required(value, said, "by"), most
