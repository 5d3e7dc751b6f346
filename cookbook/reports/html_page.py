"""
The report as one page that needs nothing else: no network, no other file.

All that hosts and recipes say is JSON in a script element that is not run, with `<`
escaped; the page writes it as text only. Its policy lets just this script and this style
run, known by their digests.
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files

from cookbook.reports.packed import packed
from cookbook.reports.phrases import percent
from cookbook.reports.schema import Document
from cookbook.text.sanitize import clean

_SCRIPTS = (
    "elements.js",
    "model.js",
    "diff.js",
    "timeline.js",
    "fleet.js",
    "host.js",
    "keys.js",
    "report.js",
)
"""In the order in which they are read; together they are one script."""

_ESCAPED = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\x7f"}


def render(document: Document) -> str:
    """Return the page."""
    from jinja2 import Environment, StrictUndefined  # takes 60 ms

    pages = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    style = asset("report.css")
    script = '"use strict";\n(() => {\n' + "\n".join(map(asset, _SCRIPTS)) + "\n})();\n"
    return pages.from_string(asset("report.html.j2")).render(
        title=f"{document['mode'].capitalize()} report",
        run=clean(document["run"]),
        share=percent(document["in_line"]),
        hosts=len(document["hosts"]),
        policy=_policy(style, script),
        style=style,
        script=script,
        data=embedded(packed(document)),
    )


def embedded(data: object) -> str:
    """JSON that can stand in a script element: no text of it can end the element."""
    return json.dumps(data, separators=(",", ":")).translate(_ESCAPED)


def _policy(style: str, script: str) -> str:
    """Return the content security policy: nothing is fetched, only the page's own script runs."""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src '{digest(script)}'",
            f"style-src '{digest(style)}'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def digest(text: str) -> str:
    """Return the digest by which a policy names a script or a style."""
    found = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(found).decode()}"


@cache
def asset(name: str) -> str:
    """Return the text of a file that pages are made of."""
    return files("cookbook.reports").joinpath("assets", name).read_text("utf-8")
