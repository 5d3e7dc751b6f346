"""Settings, in pg_settings and pg_file_settings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from cookbook.errors import HostError
from cookbook.provider import Change, Command, Probe, Thing, hint, provides
from cookbook.providers.databases import Sql, SqlName, listed
from cookbook.providers.postgresql import (
    RELOAD,
    PostgresqlProvider,
    bare_name,
    query,
    row_of,
    sql,
    statements,
)
from cookbook.resources.postgresql_setting import PostgresqlSetting

SETTING = query(
    "setting",
    "SELECT jsonb_build_object('known', s.name IS NOT NULL, 'live', s.setting, 'unit',"
    " coalesce(s.unit, ''), 'type', s.vartype, 'context', s.context, 'source', s.source, 'shown',"
    " current_setting(s.name, true), 'pending', s.pending_restart, 'default',"
    " coalesce(s.boot_val, ''), 'own', (SELECT setting FROM pg_file_settings WHERE"
    " lower(name) = k.a AND sourcefile LIKE '%/postgresql.auto.conf'"
    " ORDER BY seqno DESC LIMIT 1), 'file', (SELECT setting FROM pg_file_settings WHERE"
    " lower(name) = k.a ORDER BY seqno DESC LIMIT 1))::text FROM (SELECT 1) one LEFT JOIN"
    " pg_settings s ON lower(s.name) = k.a",
)

LISTS = {
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
}
"""Settings that are lists of names, each of which is quoted by itself."""

_MEMORY = {unit: 1024.0**i for i, unit in enumerate(("B", "kB", "MB", "GB", "TB"))}
_TIME = "0.001 us, 1 ms, 1000 s, 60000 min, 3600000 h, 86400000 d"
_UNITS = _MEMORY | {unit: float(n) for n, unit in map(str.split, _TIME.split(", "))}
_FOREIGN = ("client", "session", "database", "user", "database user")
_FIXED = ("command line", "environment variable", "override")


@dataclass(frozen=True)
class State:
    """A setting, as it is or will be once the server has read its files and was restarted."""

    value: str | None = None
    loaded: bool | None = None
    """False if the server has yet to read its files."""
    own: bool = hint(default=True)
    """True if postgresql.auto.conf has it."""
    context: str = hint(default="")
    source: str = hint(default="")
    pending: str | None = hint()
    """The value that counts until the server is restarted."""
    port: int | None = hint()


@provides(PostgresqlSetting)
class PostgresqlSettingProvider(PostgresqlProvider[PostgresqlSetting, State]):
    """Compares the value that counts; ALTER SYSTEM, and the server reads its files."""

    kind = "postgresql_setting"

    def probe(self, setting: PostgresqlSetting) -> Probe:
        """Ask for the value, and the files that have it."""
        return SETTING.about(setting.bare.lower(), port=setting.port)

    def parse(self, setting: PostgresqlSetting, text: str) -> State | None:
        """Return the value; as declared if it means the same."""
        row = row_of(text)
        if row is None:
            return None
        if row["known"] is not True and row["own"] is None:
            raise HostError(
                f"PostgreSQL knows no setting {setting.bare}",
                hint="that of a library is known when it is loaded: shared_preload_libraries",
            )
        live, file, own = row["live"], row["file"], row["own"]
        counts = str(file if file is not None else row["default"] if row["pending"] else live)
        shown = counts if file is not None or row["pending"] else str(row["shown"])

        def same(one: object, other: object) -> bool:
            if one is None or other is None:
                return one is other
            kind, unit = str(row["type"]), str(row["unit"])
            return _plain(str(one), kind, unit) == _plain(str(other), kind, unit)

        declared = setting.action == "set" and same(counts, setting.text)
        waits = row["pending"] is True or (
            row["context"] == "postmaster" and not same(live, counts)
        )
        foreign = row["source"] in _FOREIGN or row["known"] is not True
        return State(
            setting.text if declared else shown,
            loaded=waits or foreign or same(live, counts),
            own=own is not None,
            context=str(row["context"]),
            source=str(row["source"]),
            pending=str(row["shown"]) if waits else None,
            port=setting.port,
        )

    def plan(self, setting: PostgresqlSetting, found: State | None) -> Change[State]:
        """Compare the value; a value that is right elsewhere is not set again."""
        now = found if found is not None and found.own else None
        if setting.action == "reset":
            return Change(now, None)
        warning = None
        if found is not None and found.pending is not None:
            warning = f"the server has {found.pending or 'nothing'} until it is restarted"
        if found is not None and found.value == setting.text:
            return Change(found, replace(found, loaded=True), warning=warning)
        if found is not None and found.source in _FIXED:
            raise HostError(
                f"{setting} is set where ALTER SYSTEM does not reach: {found.source}",
                hint="change the options of the service",
            )
        if found is not None and found.context == "internal":
            raise HostError(f"{setting} cannot be changed: it was fixed when the data were made")
        restart = found is not None and found.context == "postmaster"
        notes = [f"it is {found.value or 'empty'} now"] if found is not None and now is None else []
        notes += ["it takes effect at the next restart"] if restart else []
        wanted = State(setting.text, loaded=True, port=setting.port)
        return Change(now, wanted, note="; ".join(notes) or None)

    def there(self, state: State | None) -> bool:
        """Return whether postgresql.auto.conf has it."""
        return state is not None and state.own

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Set or reset it, and have the server read its files."""
        return self.together([(name, change)]) or []

    def together(self, changes: Sequence[tuple[str, Change[State]]]) -> Sequence[Command] | None:
        """Return one command for adjacent settings: the server reads its files once."""
        ports = {(c.wanted or c.found or State()).port for _, c in changes}
        if len(ports) != 1:
            return None
        [port] = ports
        parts = [sql for name, c in changes for sql in _alter(bare_name(name, port), c)]
        return [statements(*parts, RELOAD, port=port, whole=False)]

    def brings(self, name: str, change: Change[State]) -> Iterable[Thing]:
        """Yield nothing: no resource needs a setting."""
        return []

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to the former entry."""
        return super().back(name, change, now if self.there(now) else None)


def _alter(setting: str, change: Change[State]) -> Iterator[Sql]:
    """Yield the statement that sets or resets a setting; none if only the files are to be read."""
    dotted = listed([sql("{}", SqlName(part)) for part in setting.split(".")], ".")
    if change.wanted is None or not change.wanted.own:
        yield sql("ALTER SYSTEM RESET {}", dotted)
    elif "value" in change.fields:
        value = change.wanted.value or ""
        words = (
            [one.strip().strip('"') for one in value.split(",")] if setting in LISTS else [value]
        )
        yield sql("ALTER SYSTEM SET {} = {}", dotted, listed([sql("{}", one) for one in words]))


def _plain(value: str, kind: str, unit: str) -> object:
    """Return what a value means: a number in its base unit, a truth, a list, or the text."""
    text = value.strip()
    if kind == "bool":
        word = text.lower()
        yes = word == "1" or (word and any(one.startswith(word) for one in ("true", "yes", "on")))
        return "on" if yes and word != "o" else "off"
    if kind in ("integer", "real"):
        number = re.fullmatch(r"([-+]?[0-9.]+(?:e[-+]?[0-9]+)?)\s*([A-Za-z]*)", text)
        if number is None:
            return text
        base, own = _unit(unit), _unit(number[2] or unit)
        amount = float(number[1]) * own / base
        return round(amount) if kind == "integer" else amount
    if kind == "enum":
        return text.lower()
    return re.sub(r"\s*,\s*", ",", text.replace('"', ""))


def _unit(unit: str) -> float:
    """Return a unit in bytes or milliseconds; 8kB is one as well."""
    found = re.fullmatch(r"([0-9]{0,3})([A-Za-z]*)", unit)
    if found is None or found[2] not in _UNITS:
        return 1.0
    return int(found[1] or 1) * _UNITS[found[2]]
