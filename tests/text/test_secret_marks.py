"""What looks like a secret, and what does not."""

from __future__ import annotations

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
    "host all all 10.0.0.0/8 scram-sha-256",
    "-----BEGIN CERTIFICATE-----",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEYDSmHGlf/NOa4D45whD3Wq1iSGSYeXqL3GJ4ZgJgi7 ann",
]


@pytest.mark.parametrize("text", SECRET)
def test_a_secret_is_seen(text: str) -> None:
    assert secret_in(f"first = 1\n{text}\n") is not None


@pytest.mark.parametrize("text", PLAIN)
def test_other_settings_are_none(text: str) -> None:
    assert secret_in(f"first = 1\n{text}\n") is None


def test_names_of_secrets() -> None:
    secret = [
        "/etc/ssl/private/a.key",
        "/etc/x/id_ed25519",
        "/etc/mysql/debian.cnf",
        "/etc/.pgpass",
    ]
    secret += ["/etc/app/secrets.yml", "/etc/nginx/htpasswd", "/etc/app/api-token.txt"]
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
