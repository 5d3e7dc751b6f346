"""The files of repositories: what they have in them, and who may read them."""

from __future__ import annotations

import configparser

from cookbook.provider import Secret
from cookbook.providers.yum_repository import YumRepositoryProvider
from cookbook.resources.yum_repository import YumRepository
from cookbook.resources.zypper_repository import ZypperRepository
from cookbook.secrets.secret import in_the_clear


def _section(text: str) -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    [section] = parser.sections()
    return dict(parser[section])


def test_signatures_are_checked_unless_that_is_switched_off() -> None:
    for kind in (YumRepository, ZypperRepository):
        assert _section(kind("app", baseurl="https://x/y").text)["gpgcheck"] == "1"
        assert _section(kind("app", baseurl="https://x/y", gpgcheck=False).text)["gpgcheck"] == "0"


def test_only_what_is_declared_is_in_the_file() -> None:
    text = YumRepository("app", baseurl="https://x/$basearch").text
    assert text == "[app]\nname=app\nbaseurl=https://x/$basearch\nenabled=1\ngpgcheck=1\n"
    text = ZypperRepository("app", baseurl="https://x/y", description="An app").text
    assert text == (
        "[app]\nname=An app\nenabled=1\nautorefresh=1\nbaseurl=https://x/y\ngpgcheck=1\n"
        "keeppackages=0\n"
    )


def test_lists_are_lines_and_options_come_last() -> None:
    repository = YumRepository(
        "app",
        baseurl=["https://x/y", "https://z"],
        exclude=["a*", "b"],
        max_retries=3,
        sslverify=False,
        options={"ip_resolve": 4, "countme": True},
    )
    section = _section(repository.text)
    assert section["baseurl"].split() == ["https://x/y", "https://z"]
    assert section["exclude"].split() == ["a*", "b"]
    assert (section["retries"], section["sslverify"]) == ("3", "0")
    assert (section["ip_resolve"], section["countme"]) == ("4", "1")


def test_a_password_is_for_root_only_and_shown_nowhere() -> None:
    """Chef writes it into a file that each user can read."""
    for password in (Secret("horse-battery"), "a plain text"):
        repository = YumRepository("app", baseurl="https://x/y", password=password)
        assert repository.sensitive
        file = YumRepositoryProvider().file(repository)
        assert (file.mode, file.sensitive) == ("0600", True)
        content = file.content
        assert isinstance(content, Secret)
        assert _section(in_the_clear(content))["password"] == in_the_clear(Secret(password))
    open_to_all = YumRepositoryProvider().file(YumRepository("app", baseurl="https://x/y"))
    assert open_to_all.mode == "0644"
