"""
A host with PostgreSQL: a role and its database, who may connect, settings, a dump each night.

The password is the secret `database/shop`: `cook secret set database/shop`, or the variable
COOK_SECRET_DATABASE_SHOP. The dumps of a fortnight are in /var/backups/postgresql; one is
restored by `pg_restore --clean --if-exists -d shop FILE`, as the user postgres.
"""

from cookbook.recipe import delayed, node, secret
from cookbook.resources import (
    directory,
    file,
    package,
    pg_hba_entry,
    postgresql_database,
    postgresql_extension,
    postgresql_grant,
    postgresql_role,
    postgresql_setting,
    service,
    systemd_unit,
)

VERSION = node.vars.get("postgresql_version", 15)
CLIENTS = node.vars.get("clients", ["192.0.2.0/24"])
SETTINGS = node.vars.get(
    "postgresql_settings",
    {"shared_buffers": "64MB", "work_mem": "8MB", "log_min_duration_statement": "1s"},
)
DUMP = """\
#!/bin/sh
# A dump of each database, complete or not there; those of two weeks are kept.
set -eu
umask 077
for database in $(psql -XAtqc "SELECT datname FROM pg_database WHERE datname !~ '^template'"); do
    file=/var/backups/postgresql/$database-$(date +%F).dump
    pg_dump -Fc "$database" >"$file.part"
    mv "$file.part" "$file"
done
find /var/backups/postgresql -name '*.dump*' -mtime +14 -delete
"""

package("postgresql")
service("postgresql", action=["enable", "start"])

for name, value in SETTINGS.items():
    restart = [delayed("restart", "service[postgresql]")] if name == "shared_buffers" else []
    postgresql_setting(name, value=value, notifies=restart)
postgresql_setting(
    "listen_addresses", value="*", notifies=[delayed("restart", "service[postgresql]")]
)

postgresql_role("shop", login=True, password=secret("database/shop"), connection_limit=50)
postgresql_role("reports", login=True)
postgresql_database("shop", owner="shop", encoding="UTF8")
postgresql_extension("pg_trgm", database="shop")
postgresql_grant(
    "only those who are named connect",
    role="public",
    database="shop",
    privileges=["CONNECT"],
    action="revoke",
)
postgresql_grant("reports connects", role="reports", database="shop", privileges=["CONNECT"])

for clients in CLIENTS:
    pg_hba_entry(
        f"shop from {clients}",
        path=f"/etc/postgresql/{VERSION}/main/pg_hba.conf",
        database="shop",
        user=["reports", "shop"],
        address=clients,
        method="scram-sha-256",
    )

directory("/var/backups/postgresql", owner="postgres", group="postgres", mode="0700")
file("/usr/local/sbin/dump-databases", content=DUMP, mode="0755")
systemd_unit(
    "dump-databases.service",
    content={
        "Unit": {"Description": "A dump of each database"},
        "Service": {
            "Type": "oneshot",
            "User": "postgres",
            "ExecStart": "/usr/local/sbin/dump-databases",
        },
    },
    action="create",
)
systemd_unit(
    "dump-databases.timer",
    content={
        "Unit": {"Description": "Dumps of databases each night"},
        "Timer": {"OnCalendar": "03:10", "RandomizedDelaySec": "20min", "Persistent": True},
        "Install": {"WantedBy": "timers.target"},
    },
    action=["create", "enable", "start"],
)
