"""The page of `cook status`: one file, no script, nothing that is fetched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cookbook.reports.html_page import asset, digest
from cookbook.reports.status import (
    ComparisonDocument,
    StatusDocument,
    alike,
    compared_values,
    left_lines,
    not_in_line,
    revision_text,
)
from cookbook.text.sanitize import one_line

_MOST = 10_000


def render_status(document: StatusDocument) -> str:
    """Return the page of a picture."""
    groups = [
        {
            "name": one_line(name if document["by"] == "group" else f"{document['by']} {name}"),
            "count": len(members),
            "rows": [
                {
                    "hosts": [one_line(host) for host in one.names],
                    "result": one.host["result"],
                    "kind": one.host["result"].replace(" ", "-"),
                    "last": _last(one.host["last"], one.last),
                    "revision": one_line(revision_text(one.host["revision"])),
                    "success": one.success,
                    "out": one_line(not_in_line(one.host, _MOST)),
                }
                for one in alike(document, members)
            ],
        }
        for name, members in document["groups"].items()
    ]
    return _page(
        {
            "title": "Status",
            "at": document["at"],
            "groups": groups,
            "totals": document["totals"],
            "left": [one_line(line) for line in left_lines(document, verbose=True)],
            "rollouts": [one_line(one["told"]) for one in document["rollouts"]],
        }
    )


def render_comparison(document: ComparisonDocument) -> str:
    """Return the page of a comparison."""
    rows = [
        {
            "what": one_line(row["what"]),
            "values": [one_line(text) for text in compared_values(row)],
            "count": row.get("count"),
        }
        for row in document["rows"]
    ]
    sides = [one_line(side) for side in document["sides"]]
    return _page({"title": "Comparison", "sides": sides, "of": document["of"], "rows": rows})


def _last(visit: Mapping[str, Any] | None, age: str) -> str:
    return "-" if visit is None else f"{visit['mode']} {age}"


def _page(values: dict[str, Any]) -> str:
    from jinja2 import Environment, StrictUndefined  # takes 60 ms

    pages = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    style = asset("status.css")
    policy = f"default-src 'none'; style-src '{digest(style)}'; img-src data:; base-uri 'none'"
    page = pages.from_string(asset("status.html.j2"))
    return page.render(**values, policy=policy, style=style)
