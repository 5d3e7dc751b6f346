"""Hashes of passwords, compared with those of openssl-passwd(1) and crypt(3)."""

from __future__ import annotations

import subprocess

import pytest

from cookbook.providers.password_hashes import fits, new_hash

PASSWORDS = [b"x", b"secret1", "pässword, longer than sixteen".encode(), b"y" * 70]


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize("method", ["-apr1", "-1", "-5", "-6"])
def test_a_hash_of_openssl_fits_its_password_only(password: bytes, method: str) -> None:
    for salt in ("ab", "saltsalt"):
        words = ["openssl", "passwd", method, "-salt", salt, "-stdin"]
        made = subprocess.run(words, input=password, capture_output=True, check=True).stdout
        hashed = made.decode().strip()
        assert fits(password, hashed)
        assert not fits(password + b"z", hashed)
        assert not fits(password, hashed[:-1])


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize("method", ["bcrypt", "sha512"])
def test_crypt_of_the_system_makes_the_same_hash(password: bytes, method: str) -> None:
    hashed = new_hash(method, password, "/etc/x:ann")
    script = "chomp($p = <STDIN>); print crypt($p, $ARGV[0])"
    made = subprocess.run(
        ["perl", "-e", script, hashed], input=password + b"\n", capture_output=True, check=True
    )
    assert made.stdout.decode() == hashed
    assert fits(password, hashed)


@pytest.mark.parametrize("method", ["bcrypt", "sha512", "apr1"])
def test_a_salt_differs_by_place_and_password(method: str) -> None:
    hashes = {new_hash(method, p, a) for p in (b"one", b"two") for a in ("/a:ann", "/a:bob")}
    salts = {hashed[:12] for hashed in hashes}
    assert len(salts) == 4
    assert not fits(b"one", new_hash(method, b"two", "/a:ann"))


@pytest.mark.parametrize(
    "odd", ["", "x", "$", "$2y$", "$2y$99$" + "." * 53, "$6$rounds=9999999$a$b", "$1$", "{SHA}x"]
)
def test_what_is_no_hash_fits_nothing(odd: str) -> None:
    assert not fits(b"x", odd)
