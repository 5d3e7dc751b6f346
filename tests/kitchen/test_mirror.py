"""The hosts get their packages from where the controller gets its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from cookbook.kitchen.mirror import Source, read_sources, sources_for

DEB822 = """\
Types: deb deb-src
# a snapshot
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
 contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
"""
ONE_LINE = """\
# deb http://gone.example/debian bookworm main
deb [arch=amd64 signed-by=/k.gpg] http://tools.example/linux/debian bookworm stable
deb-src http://mirror.example/debian bookworm main
deb http://old.example/debian bookworm main contrib # ours
"""


@pytest.fixture
def apt(tmp_path: Path) -> Path:
    """An /etc/apt with sources in both formats."""
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d/debian.sources").write_text(DEB822)
    (tmp_path / "sources.list.d/tools.list").write_text(ONE_LINE)
    (tmp_path / "sources.list.d/README").write_text("deb not a source\n")
    return tmp_path


def os_release(apt: Path, text: str) -> Path:
    path = apt / "os-release"
    path.write_text(text)
    return path


def test_both_formats_are_read(apt: Path) -> None:
    assert list(read_sources(apt)) == [
        Source(
            "http://mirror.example/debian", ("bookworm", "bookworm-updates"), ("main", "contrib")
        ),
        Source("http://mirror.example/debian-security", ("bookworm-security",), ("main",)),
        Source("http://tools.example/linux/debian", ("bookworm",), ("stable",)),
        Source("http://old.example/debian", ("bookworm",), ("main", "contrib")),
    ]


def test_third_parties_are_left_out(apt: Path) -> None:
    lines = sources_for("bookworm", apt, os_release(apt, "ID=debian\nVERSION_CODENAME=bookworm\n"))
    assert [line.split()[-3:-1] for line in lines] == [
        ["http://mirror.example/debian", "bookworm"],
        ["http://mirror.example/debian", "bookworm-updates"],
        ["http://mirror.example/debian-security", "bookworm-security"],
        ["http://old.example/debian", "bookworm"],
    ]


def test_a_newer_controller_has_the_older_release_on_its_mirror(apt: Path) -> None:
    text = DEB822.replace("bookworm", "trixie")
    (apt / "sources.list.d/debian.sources").write_text(text)
    lines = sources_for("bookworm", apt, os_release(apt, "ID=debian\nVERSION_CODENAME=trixie\n"))
    assert lines[0].endswith("http://mirror.example/debian bookworm main")


@pytest.mark.parametrize(
    "text", ["ID=ubuntu\nVERSION_CODENAME=noble\n", "", "ID=debian\nVERSION_CODENAME=sid\n"]
)
def test_where_the_release_is_not_to_be_had_mmdebstrap_has_its_own_default(
    apt: Path, text: str
) -> None:
    assert sources_for("bookworm", apt, os_release(apt, text)) == ()
