"""Files that a resource type writes just so, and files that are near to that."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cookbook.importing.declaration import Declaration
from cookbook.importing.questions import SeenFile
from cookbook.importing.recipe import ordered
from cookbook.importing.typed import typed, with_keys

SUDO, APT = "/etc/sudoers.d/deploy", "/etc/apt/sources.list.d/shop.sources"
LIST = "/etc/apt/sources.list.d/shop.list"

WRITTEN: list[tuple[str, str, dict[str, Any]]] = [
    (SUDO, "deploy ALL=(ALL) NOPASSWD: ALL\n", {"users": ["deploy"], "nopasswd": True}),
    (
        SUDO,
        (
            "Cmnd_Alias WEB = /bin/a, /bin/b x\n"
            "Defaults:ann,%ops !requiretty\n"
            "ann,%ops ALL=(root) SETENV: WEB, /bin/c\n"
        ),
        {
            "users": ["ann"],
            "groups": ["ops"],
            "runas": "root",
            "setenv": True,
            "commands": ["WEB", "/bin/c"],
            "command_aliases": {"WEB": ["/bin/a", "/bin/b x"]},
            "defaults": ["!requiretty"],
        },
    ),
    (
        APT,
        (
            "Types: deb\nURIs: https://example.com/debian\nSuites: bookworm bookworm-updates\n"
            "Components: main\nSigned-By: /usr/share/keyrings/shop.gpg\n"
        ),
        {
            "uri": "https://example.com/debian",
            "distribution": ["bookworm", "bookworm-updates"],
            "signed_by": "/usr/share/keyrings/shop.gpg",
        },
    ),
    (
        APT,
        (
            "Types: deb deb-src\nURIs: https://example.com/\nSuites: ./\n"
            "Trusted: yes\nCheck-Valid-Until: no\n"
        ),
        {
            "deb_src": True,
            "uri": "https://example.com/",
            "distribution": "./",
            "trusted": True,
            "options": {"Check-Valid-Until": "no"},
        },
    ),
    (
        LIST,
        "deb [arch=amd64 signed-by=/usr/share/keyrings/shop.gpg] https://example.com a b c\n",
        {
            "format": "list",
            "uri": "https://example.com",
            "distribution": "a",
            "components": ["b", "c"],
            "arch": "amd64",
            "signed_by": "/usr/share/keyrings/shop.gpg",
        },
    ),
]

NEAR = [
    (SUDO, "# why\ndeploy ALL=(ALL) NOPASSWD: ALL\n"),
    (SUDO, "deploy ALL=(ALL) NOPASSWD:ALL\n"),
    (SUDO, "deploy ALL=(ALL) ALL"),
    (SUDO, "a ALL=(ALL) ALL\nb ALL=(ALL) ALL\n"),
    (SUDO, "%a,b ALL=(ALL) ALL\n"),
    (SUDO, "Defaults:other !requiretty\ndeploy ALL=(ALL) ALL\n"),
    (SUDO, "deploy ALL=(ALL) apt\n"),
    (SUDO, ""),
    ("/etc/sudoers.d/a.b", "deploy ALL=(ALL) ALL\n"),
    (APT, "Types: deb\nSuites: a\nURIs: https://example.com\nComponents: main\n"),
    (APT, "# why\nTypes: deb\nURIs: https://example.com\nSuites: a\nComponents: main\n"),
    (APT, "Types: deb\nURIs: https://u:p@example.com\nSuites: a\nComponents: main\nX: \n"),
    (LIST, "deb https://example.com a main\ndeb https://example.com b main\n"),
    (LIST, "deb  https://example.com a main\n"),
    (LIST, ""),
]


def made(path: str, text: str, *, owner: str = "root") -> Declaration | None:
    """Return the declaration of a file with this text."""
    plain = Declaration("file", "cookbook_file", path, {"source": path[1:]}, content=text.encode())
    entry = SeenFile("f", "0440", owner, "root", len(text), path, "")
    return typed(entry, text.encode(), plain)


@pytest.mark.parametrize(("path", "text", "properties"), WRITTEN)
def test_a_file_that_a_type_writes(path: str, text: str, properties: dict[str, Any]) -> None:
    found = made(path, text)
    assert found is not None
    assert found.name == path.rpartition("/")[2].partition(".")[0]
    assert found.properties == properties
    assert found.instead is not None
    assert found.instead.kind == "cookbook_file"
    assert made(path, text, owner="ann") is None


@pytest.mark.parametrize(("path", "text"), NEAR)
def test_a_file_that_is_only_near(path: str, text: str) -> None:
    assert made(path, text) is None


def test_the_files_of_keys_come_before_repositories() -> None:
    key = Declaration("apt_repository", "cookbook_file", "/usr/share/keyrings/shop.gpg")
    repository = made(APT, WRITTEN[2][1])
    assert repository is not None
    repository = replace(repository, subject="apt_repository")
    assert [one.kind for one in ordered([repository, key])] == ["cookbook_file", "apt_repository"]
    assert repository.path == APT


KEY = """\
-----BEGIN PGP PUBLIC KEY BLOCK-----

mDMEXgvhABYJKwYBBAHaRw8BAQdAUnYpD0miw8obNFhNZmKAH3T4VSFf8J8573mJ
pY0Suj60HGNvb2sgbGlmZSA8bGlmZUBleGFtcGxlLm9yZz6IkAQTFggAOBYhBMjH
1zWDtfcvIadxf/qbr9dmEmuKBQJeC+EAAhsDBQsJCAcCBhUKCQgLAgQWAgMBAh4B
AheAAAoJEPqbr9dmEmuK/XEA/2iW0bPTfDGvOgmlYPdt26XejeLw5o+miG97Pz96
q6qcAQCsB93PkgzOroooN7LSE41QGi1ZrC73OY9XHgVWrk/WAQ==
=MMt7
-----END PGP PUBLIC KEY BLOCK-----
"""
KEYRING = "/etc/apt/keyrings/shop.asc"
SOURCE = (
    "Types: deb\nURIs: https://example.com/debian\nSuites: a\nComponents: main\n"
    f"Signed-By: {KEYRING}\n"
)


def key(text: str = KEY, mode: str = "0644") -> Declaration:
    owned = {"source": KEYRING[1:], "owner": "root", "group": "root", "mode": mode}
    return Declaration("apt_repository", "cookbook_file", KEYRING, owned, content=text.encode())


def test_a_key_of_one_repository_is_declared_with_it() -> None:
    repository = made(APT, SOURCE)
    assert repository is not None
    [one] = with_keys([key(), repository])
    assert isinstance(one, Declaration)
    assert one.properties == {
        "uri": "https://example.com/debian",
        "distribution": "a",
        "key": "etc/apt/keyrings/shop.asc",
    }
    assert (one.source, one.content) == ("etc/apt/keyrings/shop.asc", KEY.encode())
    assert one.parts == (key(),)
    assert one.instead == repository.instead


@pytest.mark.parametrize(
    "one", [key("no key\n"), key(f"{KEY}\n"), key(mode="0600"), key(KEY.replace("mDME", "mDMF"))]
)
def test_a_key_that_the_type_would_not_write_stays_a_file(one: Declaration) -> None:
    repository = made(APT, SOURCE)
    assert repository is not None
    assert with_keys([one, repository]) == [one, repository]


def test_a_key_of_several_repositories_stays_a_file() -> None:
    found = [key(), made(APT, SOURCE), made(APT.replace("shop", "other"), SOURCE)]
    there = [one for one in found if one is not None]
    assert with_keys(there) == found
