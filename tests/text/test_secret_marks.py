"""What looks like a secret, and what does not."""

from __future__ import annotations

import time

import pytest

from cookbook.text.secret_marks import masked, secret_in, secret_name

SECRET = [
    "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n",
    "-----BEGIN PGP PRIVATE KEY BLOCK-----\n",
    "shop_db_password = hunter2",
    "  password: 'correct horse'",
    '{"password": "hunter2"}',
    "API_TOKEN=0123456789abcdef",
    "export AWS_SECRET_ACCESS_KEY=abcdefgh",
    "requirepass hunter2",
    "define('DB_PASSWORD', 'hunter2');",
    "<password>hunter2</password>",
    "ann:$apr1$abcdefgh$ijklmnop",
    "ann:{SSHA}abcdef",
    "localhost:5432:shop:shop:hunter2",
    "machine example.com login ann password hunter2",
    "url = https://ann:hunter2@example.com/",
    "token = !important-not",
    "DB_PASS=hunter2",
    "dbPass: hunter2",
    "pass=hunter2",
    "  auth_pass hunter2",
    "bindpw hunter2",
    "olcRootPW: {SSHA}abcdef",
    "SECRET_KEY_BASE=0123456789abcdef",
    "APP_KEY=base64:0123456789abcdef",
    "PresharedKey = 0123456789abcdef",
    "$cfg['password'] = 'hunter2';",
    '{"user": "ann", "password": "hunter2"}',
    "connection = Server=db;User=ann;Password=hunter2",
    "password=$PASSWORD token=0123456789",
    'password = "#hunter2"',
    '<property name="password" value="hunter2"/>',
    '<property name="connection.password">hunter2</property>',
    'Environment="PGHOST=db" "PGPASSWORD=hunter2"',
    "ExecStart=/usr/bin/app --user ann --api-token hunter2 --port 80",
    "cache = redis://:hunter2@db1:6379/0",
    "5 4 * * * mysqldump -u root -phunter2 shop",
    "sshpass -p hunter2 ssh db1",
    "curl -fsS -u ann:hunter2 https://example.com",
    "    stats auth ann:hunter2",
    "    user ann insecure-password hunter2",
    'proxy_set_header Authorization "Basic YW5uOmh1bnRlcjI=";',
    "password_pbkdf2 root grub.pbkdf2.sha512.10000.AB.CD",
]
PLAIN = [
    "# password = hunter2",
    "; password = hunter2",
    "password_encryption = scram-sha-256",
    "PasswordAuthentication no",
    "password required pam_unix.so",
    "passwd: files systemd",
    "password = ${DB_PASSWORD}",
    "password = {{ password }}",
    "password_file = /etc/app/password",
    "password=",
    "token = on",
    "bypass = always",
    "BYPASS = always",
    "proxy_pass http://backend;",
    "fastcgi_pass unix:/run/php.sock;",
    "%ops ALL=(root) NOPASSWD: ALL",
    "ann ALL=(root) NOPASSWD:SERVICES",
    "auth sufficient pam_unix.so use_first_pass",
    "PublicKey = 0123456789abcdef",
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABpw= ann@laptop",
    "port = 80 # password = hunter2",
    "mysqldump -P 3306 -p shop",
    'mysqldump -p"$PASSWORD" shop',
    'curl -u "$USER:$PASSWORD" https://example.com',
    "ExecStart=/usr/bin/app --token-file /etc/app/token --password",
    "url = https://example.com:8080/@ann",
    "server_tokens off;",
    "LoadCredential=sysctl.extra",
    "kpasswd\t\t464/tcp",
    "passwd: sss files",
    "host all all 10.0.0.0/8 scram-sha-256",
    "-----BEGIN CERTIFICATE-----",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEYDSmHGlf/NOa4D45whD3Wq1iSGSYeXqL3GJ4ZgJgi7 ann",
]


@pytest.mark.parametrize("text", SECRET)
def test_a_secret_is_seen(text: str) -> None:
    assert secret_in(f"first = 1\n{text}\n") is not None


@pytest.mark.parametrize("text", SECRET)
def test_nothing_of_a_secret_is_left(text: str) -> None:
    hidden = masked(f"first = 1\n{text}\n")
    values = (
        "hunter2",
        "correct horse",
        "abc",
        "0123456789",
        "aDEyMyI",
        "YW5u",
        "AB.CD",
        "-not",
        "ijkl",
    )
    assert hidden.startswith("first = 1\n")
    assert "..." in hidden
    assert [one for one in values if one in hidden] == []


@pytest.mark.parametrize("text", PLAIN)
def test_other_settings_are_none(text: str) -> None:
    assert secret_in(f"first = 1\n{text}\n") is None


def test_the_line_is_told() -> None:
    assert secret_in("# a\n\n; b = 1\nDB_PASS=hunter2\n") == "a secret in line 4"


def test_a_keytab_is_seen() -> None:
    assert (
        secret_in(b"\x05\x02\x00\x00\x00\x3c\x00\xff".decode("utf-8", "replace"))
        == "keys of Kerberos"
    )


def test_a_long_line_is_read_in_time() -> None:
    start = time.monotonic()
    for piece in ("a", "pass", "pw_", "mysql ", "curl -u a", "--token ", "x:", "['", "\n"):
        secret_in(piece * (64 * 1024 // len(piece)))
    assert time.monotonic() - start < 20  # seconds; a quadratic search takes minutes


def test_names_of_secrets() -> None:
    secret = [
        "/etc/ssl/private/a.key",
        "/etc/x/id_ed25519",
        "/etc/mysql/debian.cnf",
        "/etc/.pgpass",
    ]
    secret += ["/etc/app/secrets.yml", "/etc/nginx/htpasswd", "/etc/app/api-token.txt"]
    secret += ["/etc/krb5.keytab", "/etc/keytab", "/etc/luks.keyfile", "/etc/wireguard/privatekey"]
    plain = [
        "/etc/x/id_ed25519.pub",
        "/etc/nginx/nginx.conf",
        "/etc/apt/keyrings/a.asc",
        "/etc/keymap",
    ]
    assert all(map(secret_name, secret))
    assert not any(map(secret_name, plain))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("user: {name: ann, password: geheim, x: 1}", "user: {name: ann, password: ..."),
        ("user: name=ann password=geheim x=1", "user: name=ann password=... x=1"),
        ("password 'x yz'\nmode 1", "password '...'\nmode 1"),
        ("default['a']['password'] = 'xyz'", "default['a']['password'] = '...'"),
        ("api_key: |\n  abc\n  def", "api_key: ..."),
        ("a: {'token': 'xyz', 'b': 1}", "a: {'token': '...', 'b': 1}"),
        ("password: {{ a }}, token: abc", "password: {{ a }}, token: ..."),
        ("root_pass: a,b c", "root_pass: ..."),
        ("a://b:pw1@c", "a...c"),
        ("-----BEGIN RSA PRIVATE KEY-----\nab\n-----END RSA PRIVATE KEY-----\nc", "... ...\nc"),
        ('password=secret("x")', 'password=secret("x")'),
        ("PasswordAuthentication no", "PasswordAuthentication no"),
        ("update_password: no", "update_password: no"),
    ],
)
def test_secrets_are_taken_out_of_a_text(text: str, shown: str) -> None:
    assert masked(text) == shown
