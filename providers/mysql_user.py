"""Accounts, in mysql.global_priv."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from cookbook.errors import HostError
from cookbook.provider import (
    Change,
    Command,
    Content,
    Probe,
    Secret,
    hint,
    join,
    keep_output,
    provides,
    secret,
    sh,
)
from cookbook.providers.databases import Sql, listed
from cookbook.providers.mariadb import (
    MariadbProvider,
    account,
    printed,
    query,
    row_of,
    sql,
    statements,
)
from cookbook.resources.mysql_user import MysqlUser

NATIVE = "mysql_native_password"
NO_PASSWORD = Content.of(b"")

USER = query(
    "user", "SELECT JSON_COMPACT(priv) FROM mysql.global_priv WHERE user = {} AND host = {}"
)


@dataclass(frozen=True)
class State:
    """An account; `contents` and the stash have the hash of its password."""

    plugin: str | None = None
    """The plugins by which it logs in, with `or` between."""
    password: Content | None = secret()
    """The digest of the hash."""
    locked: bool | None = None
    max_connections: int | None = None
    grants: Content | None = hint()
    """The digest of its grants, which are dropped with it and come back with it."""
    user: str = hint(default="")
    host: str = hint(default="")


@provides(MysqlUser)
class MysqlUserProvider(MariadbProvider[MysqlUser, State]):
    """Compares with the catalogue, changes by CREATE USER and ALTER USER."""

    kind = "mysql_user"

    def probe(self, user: MysqlUser) -> Probe:
        """Ask for the account."""
        return USER.about(user.user_name, user.host)

    def parse(self, user: MysqlUser, text: str) -> State | None:
        """Return the state, with a digest in place of the hash."""
        row = row_of(text)
        if row is None:
            return None
        others = [str(one.get("plugin") or row["plugin"]) for one in row.get("auth_or") or []]
        stored = str(row.get("authentication_string") or "")
        return State(
            " or ".join(others) or str(row.get("plugin") or NATIVE),
            Content.of(stored.encode("utf-8", "surrogateescape")),
            row.get("account_locked") is True,
            int(row.get("max_user_connections") or 0),
            user=user.user_name,
            host=user.host,
        )

    def plan(self, user: MysqlUser, found: State | None) -> Change[State]:
        """Compare what is declared."""
        if user.action == "drop":
            return Change(found, None)
        plugin = user.plugin or (NATIVE if user.password is not None else None)
        password = Content.of(_stored(user)) if user.password is not None else None
        if plugin == "unix_socket":
            password = NO_PASSWORD
        if found is None and password is None:
            raise HostError(
                f"{user} would be open to all: it has neither password nor plugin",
                hint="declare a password, or plugin='unix_socket'",
            )
        wanted = State(
            plugin,
            password,
            user.locked,
            user.max_connections,
            user=user.user_name,
            host=user.host,
        )
        return Change(found, wanted)

    def contents(self, user: MysqlUser) -> Mapping[str, bytes]:
        """Return the hash of the password."""
        if user.password is None:
            return {}
        data = _stored(user)
        return {Content.of(data): data}

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Create, alter or drop it."""
        side = change.wanted or change.found or State()
        who = account(side.user, side.host)
        if change.wanted is None:
            yield statements(sql("DROP USER {}", who))
            return
        todo = {field: pair[1] for field, pair in change.fields.items()}
        parts: list[Sql | Command] = []
        if {"plugin", "password"} & todo.keys() or change.found is None:
            now = change.found or State()
            plugin = change.wanted.plugin or now.plugin or NATIVE
            password = change.wanted.password or now.password
            verb = sql("CREATE") if change.found is None else sql("ALTER")
            parts += _identified(sql("{} USER {}", verb, who), plugin, password)
        options = []
        if todo.get("max_connections") or ("max_connections" in todo and change.found is not None):
            options.append(sql("WITH MAX_USER_CONNECTIONS {}", todo["max_connections"]))
        if todo.get("locked") or ("locked" in todo and change.found is not None):
            options.append(sql("ACCOUNT LOCK") if todo["locked"] else sql("ACCOUNT UNLOCK"))
        if options:
            parts.append(sql("ALTER USER {} {}", who, listed(options, " ")))
        if change.found is None and side.grants is not None:
            parts.append(replace(sh("content {}", side.grants), called="its grants"))
        yield statements(*parts)

    def keeps(self, name: str, change: Change[State]) -> Command | None:
        """Keep the hash; of an account that is dropped, also its grants."""
        found = change.found
        if found is None:
            return None
        select = sql(
            "SELECT JSON_VALUE(priv, '$.authentication_string') FROM mysql.global_priv"
            " WHERE user = {} AND host = {}",
            found.user,
            found.host,
        )
        stored = keep_output(sh('v=$({}) && printf %s "$v"', printed(select)))
        if change.wanted is not None:
            return stored if {"plugin", "password"} & change.fields.keys() else None
        grants = printed(sql("SHOW GRANTS FOR {}", account(found.user, found.host)))
        return sh(
            "{}; {}",
            stored,
            keep_output(sh("g=$({}) && printf '%s\\n' \"$g\" | sed 's/$/;/'", grants)),
        )

    def learned(self, change: Change[State], kept: str, _said: str) -> Change[State]:
        """Add the digests."""
        found, [stored, grants] = change.found, [*kept.split(), "", ""][:2]
        if found is None or not stored:
            return change
        if found.password is None:  # a plan without a key does not contain it
            found = replace(found, password=Content(stored))
        if re.fullmatch("[0-9a-f]{64}", grants):
            found = replace(found, grants=Content(grants))
        return replace(change, found=found)


def _identified(verb: Sql, plugin: str, password: str | None) -> list[Sql | Command]:
    """Return the statements that set the way it logs in; no log has the hash."""
    ways = [Sql(one) for one in plugin.split(" or ") if re.fullmatch(r"\w+", one)]
    shown = sql("{} IDENTIFIED VIA {}", verb, listed(ways, " OR "))
    pieces = [sh("printf %s {}", sql("{} IDENTIFIED VIA", verb))]
    for i, way in enumerate(ways):
        pieces.append(sh("printf %s {}", sql(" OR {}", way) if i else sql(" {}", way)))
        if way != "unix_socket" and password not in (None, NO_PASSWORD):
            quoted = sh("content {} | sed {}", password, r"s/[\\']/&&/g")
            pieces.append(sh('printf " USING \'"; {}; printf "\'"', quoted))
    whole = sh("{ {}; printf ';\\n'; }", join(pieces, "; "))
    return [sql("SET SESSION sql_log_off = 1"), replace(whole, called=shown)]


def _stored(user: MysqlUser) -> bytes:
    """Return what is to be stored of a password; its text becomes known as secret."""
    password = str(user.password)
    if user.plugin == "ed25519" or re.fullmatch(r"\*[0-9A-F]{40}", password):
        return password.encode()
    once = hashlib.sha1(password.encode(), usedforsecurity=False).digest()
    twice = hashlib.sha1(once, usedforsecurity=False).hexdigest().upper()
    return str(Secret(f"*{twice}")).encode()
