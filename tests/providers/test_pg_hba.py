"""Where an entry of pg_hba.conf is put, and what stays of the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cookbook.providers.pg_hba_entry import PgHbaEntryProvider
from cookbook.resources.pg_hba_entry import PgHbaEntry

APP = PgHbaEntry("x", path="/p", database="shop", user="app", address="10.1.0.0/16", method="md5")
LINE = "host    shop            app             10.1.0.0/16             md5\n"

TEXTS = [
    ("", LINE),
    ("local all all peer\n", f"local all all peer\n{LINE}"),
    ("host all all 10.0.0.0/8 reject\n", f"{LINE}host all all 10.0.0.0/8 reject\n"),
    (
        "# x\nhost all all 10.0.0.0 255.0.0.0 reject\nhost shop app 10.1.0.0/16 md5\n# y\n",
        f"# x\n{LINE}host all all 10.0.0.0 255.0.0.0 reject\n# y\n",
    ),
    ("host all all 10.1.2.0/24 reject\n", f"host all all 10.1.2.0/24 reject\n{LINE}"),
    ("hostssl all all all reject\n", f"hostssl all all all reject\n{LINE}"),
    ("host shop bob 10.0.0.0/8 md5\n", f"host shop bob 10.0.0.0/8 md5\n{LINE}"),
    ("host a,shop app,b all trust", f"{LINE}host a,shop app,b all trust"),
    (
        'host "shop" "app" 10.1.0.0/16 md5 # as it is\n',
        'host "shop" "app" 10.1.0.0/16 md5 # as it is\n',
    ),
    ("host shop app 10.1.0.0/16 trust # gone\n# y\n", f"{LINE}# y\n"),
]


@pytest.mark.parametrize(("before", "after"), TEXTS)
def test_an_entry_is_before_the_line_that_covers_it(before: str, after: str) -> None:
    provider = PgHbaEntryProvider()
    assert provider.edit(APP, before) == after
    assert provider.edit(APP, after) == after
    found = provider.read(APP, after)
    assert found is not None
    assert (found.method, found.reached) == ("md5", True)


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        (
            {"database": ["b c", "all"]},
            'host    all,"b c"       app             10.1.0.0/16             md5\n',
        ),
        ({"options": {"map": "a b", "x": 1}}, LINE.replace("md5", 'md5 map="a b" x=1')),
        (
            {"type": "local", "address": None},
            "local   shop            app                                     md5\n",
        ),
    ],
)
def test_a_line_is_read_as_it_was_written(fields: dict[str, Any], line: str) -> None:
    provider, entry = PgHbaEntryProvider(), replace(APP, **fields)
    assert provider.edit(entry, "") == line
    assert provider.edit(entry, line) == line
    assert provider.without(entry, f"# x\n{line}# y\n") == "# x\n# y\n"
