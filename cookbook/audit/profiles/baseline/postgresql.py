"""The database server PostgreSQL: all clusters, each asked by psql(1) as its own superuser."""

from cookbook.audit import check, control

INSTALLED = "command -v psql && getent passwd postgres && ls -d /etc/postgresql/*/*"


def ask(query: str, then: str = "printf '%s\\n' \"$r\"") -> str:
    """Return the command of a query to each cluster; if one does not answer, it fails."""
    return (
        'cd / && l=$(pg_lsclusters -h) && [ -n "$l" ] && printf \'%s\\n\' "$l"'
        " | while read -r version name port state owner rest; do"
        ' r=$(runuser -u "$owner" -- psql --cluster "$version/$name" -d postgres -XAtq'
        f' -c "{query}" </dev/null) || exit; if [ -n "$r" ]; then {then}; fi; done'
    )


def find(query: str) -> str:
    """Return the command of a query for findings: each line begins with its cluster."""
    return ask(query, 'printf \'%s\\n\' "$r" | sed "s|^|$version/$name: |"')


with control(
    "postgresql-01",
    title="The server listens on chosen addresses only",
    severity="medium",
    rationale="With * all networks of the host can try to log in.",
    remedy="listen_addresses = 'localhost', or the addresses of the network that needs it",
    references=["https://www.postgresql.org/docs/current/runtime-config-connection.html"],
    only_if=INSTALLED,
):
    check(
        "listen_addresses",
        command=ask("select regexp_split_to_table(current_setting('listen_addresses'), ' *, *')"),
        lacks=r"^(\*|0\.0\.0\.0|::)$",
    )

with control(
    "postgresql-02",
    title="No connection is trusted without a password or a certificate",
    severity="high",
    rationale="`trust` lets in each client as each role.",
    remedy="Replace trust by peer, scram-sha-256 or cert in pg_hba.conf.",
    references=["https://www.postgresql.org/docs/current/auth-trust.html"],
    only_if=INSTALLED,
):
    check(
        "pg_hba.conf",
        command=find(
            "select 'line ' || line_number || ': ' || type || ' ' || auth_method"
            " from pg_hba_file_rules where auth_method = 'trust'"
        ),
        empty=True,
    )

with control(
    "postgresql-03",
    title="No password is sent in the clear, or as MD5",
    severity="high",
    rationale="A digest by MD5 that is stolen is as good as the password.",
    remedy="Replace password and md5 by scram-sha-256 in pg_hba.conf.",
    references=["https://www.postgresql.org/docs/current/auth-password.html", "RFC 7677"],
    only_if=INSTALLED,
):
    check(
        "pg_hba.conf",
        command=find(
            "select 'line ' || line_number || ': ' || type || ' ' || auth_method"
            " from pg_hba_file_rules where auth_method in ('password', 'md5')"
        ),
        empty=True,
    )

with control(
    "postgresql-04",
    title="Passwords are kept as SCRAM-SHA-256",
    severity="high",
    rationale="Digests by MD5 are guessed quickly.",
    remedy="password_encryption = 'scram-sha-256', and set the passwords anew",
    references=["https://www.postgresql.org/docs/current/runtime-config-connection.html"],
    only_if=INSTALLED,
):
    check("password_encryption", command=ask("show password_encryption"), allowed=["scram-sha-256"])
    check(
        "roles",
        command=find("select rolname from pg_authid where rolpassword like 'md5%'"),
        empty=True,
    )

with control(
    "postgresql-05",
    title="Connections over the network can be encrypted",
    severity="medium",
    rationale="Queries and results are readable on the way otherwise.",
    remedy="ssl = on, with ssl_cert_file and ssl_key_file",
    references=["https://www.postgresql.org/docs/current/ssl-tcp.html"],
    only_if=INSTALLED,
):
    check("ssl", command=ask("show ssl"), allowed=["on"])

with control(
    "postgresql-06",
    title="Connections are logged",
    severity="low",
    rationale="The log tells afterwards who was there.",
    remedy="log_connections = on, log_disconnections = on",
    references=["https://www.postgresql.org/docs/current/runtime-config-logging.html"],
    only_if=INSTALLED,
):
    check("log_connections", command=ask("show log_connections"), lacks="^off$", matches=".")
    check("log_disconnections", command=ask("show log_disconnections"), allowed=["on"])

with control(
    "postgresql-07",
    title="Each line of the log says when, which role and which database",
    severity="low",
    rationale="Without them a line cannot be traced to a client.",
    remedy="log_line_prefix = '%m [%p] %q%u@%d '",
    references=["https://www.postgresql.org/docs/current/runtime-config-logging.html"],
    only_if=INSTALLED,
):
    for what, mark in (("time", "%[mtn]"), ("role", "%u"), ("database", "%d")):
        lacking = f"select 'no {what}' where current_setting('log_line_prefix') !~ '{mark}'"
        check(what, command=find(lacking), empty=True)

with control(
    "postgresql-08",
    title="Only postgres is a superuser",
    severity="medium",
    rationale="A superuser reads and writes files of the host.",
    remedy="alter role NAME nosuperuser",
    references=["https://www.postgresql.org/docs/current/role-attributes.html"],
    only_if=INSTALLED,
):
    check(
        "roles",
        command=find("select rolname from pg_roles where rolsuper and rolname != 'postgres'"),
        empty=True,
    )

with control(
    "postgresql-09",
    title="Data and configuration are closed to others",
    severity="high",
    rationale="They have all data, and the digests of passwords.",
    remedy="chmod 0700 the data folder; chmod 0640 pg_hba.conf",
    references=["https://www.postgresql.org/docs/current/creating-cluster.html"],
    only_if=INSTALLED,
):
    check(
        "data",
        command=f"d=$({ask('show data_directory')}) || exit; printf '%s\\n' \"$d\""
        ' | while read -r p; do stat -c %a "$p" || exit; done',
        allowed=["700", "750"],
    )
    check("pg_hba.conf", command="find /etc/postgresql -name pg_hba.conf -perm /027", empty=True)

with control(
    "postgresql-10",
    title="All lines of pg_hba.conf can be read by the server",
    severity="medium",
    rationale="A wrong line keeps the server from starting, or the rules from being renewed.",
    remedy="select * from pg_hba_file_rules where error is not null",
    references=["https://www.postgresql.org/docs/current/view-pg-hba-file-rules.html"],
    only_if=INSTALLED,
):
    check(
        "pg_hba.conf",
        command=find(
            "select 'line ' || line_number || ': ' || error"
            " from pg_hba_file_rules where error is not null"
        ),
        empty=True,
    )
