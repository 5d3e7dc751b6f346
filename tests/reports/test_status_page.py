"""The page of `cook status`, in a real browser."""

from __future__ import annotations

import shutil
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from cookbook.reports.status_page import render_comparison, render_status

if TYPE_CHECKING:
    from cookbook.reports.status import HostStatusDocument, StatusDocument, VisitDocument

pytestmark = pytest.mark.browser

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")


def host(result: str, resource: str = "") -> HostStatusDocument:
    """A host that was visited an hour ago."""
    visit: VisitDocument = {
        "run": "r1",
        "mode": "converge",
        "started": "2026-05-01T12:00:00Z",
        "age": 3600.0,
        "status": "ok",
        "revision": "1" * 40,
        "desired": None,
        "recipes": ["r.py"],
        "set": "r",
        "by": "ann",
    }
    out = [{"resource": resource, "status": "changed", "cause": None, "since": None}]
    return {
        "groups": ["web"],
        "environment": None,
        "features": {},
        "result": result,
        "revision": "1" * 40,
        "last": visit,
        "success": visit,
        "looked": visit,
        "resources": 1,
        "out": out if resource else [],  # type: ignore[typeddict-item]  # one of them
        "pending": [],
        "left": [
            {
                "set": "<s>old</s>",
                "run": "r0",
                "started": "2026-05-01T11:00:00Z",
                "age": 7200.0,
                "resources": ["file[/a]"],
            }
        ],
    }


def document() -> StatusDocument:
    results = ("in line", "out of line", "failed", "never")
    hosts = {f"web{place}": host(result) for place, result in enumerate(results)}
    hosts["odd"] = host("out of line", "file[<img src=x onerror=alert(1)>]")
    return {
        "schema": 1,
        "at": "2026-05-01T13:00:00Z",
        "by": "group",
        "totals": {"in line": 1, "out of line": 2, "failed": 1, "never": 1},
        "groups": {"web": list(hosts), "<b>more</b>": ["odd"]},
        "hosts": hosts,
        "rollouts": [
            {
                "id": "r1",
                "status": "left",
                "by": "ann",
                "started": "2026-05-01T12:00:00Z",
                "gate": None,
                "told": "rollout r1 was interrupted; to go on: cook rollout resume r1",
            }
        ],
    }


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("which", ["status", "comparison", "equal"])
def test_the_page_is_read_by_everybody_and_fetches_nothing(
    which: str, tmp_path: Path, *, dark: bool
) -> None:
    row = {"what": "vars.<i>size</i>", "values": [1, {"a": "</code>"}], "count": 3}
    rows = [row] if which == "comparison" else []
    compared = render_comparison({"schema": 1, "sides": ["a", "b"], "of": 4, "rows": rows})
    path = tmp_path / "page.html"
    path.write_text(render_status(document()) if which == "status" else compared, "utf-8")
    wrong: list[str] = []
    with sync_playwright() as playwright:
        words = {
            "executable_path": shutil.which("chromium"),
            "args": ["--no-sandbox"],
            "timeout": 120_000,
        }
        browser = playwright.chromium.launch(**words)  # type: ignore[arg-type]  # as they are named
        page = browser.new_page(color_scheme="dark" if dark else "light", bypass_csp=True)
        page.set_default_timeout(60_000)
        page.on("console", lambda said: wrong.append(said.text))
        page.on("dialog", lambda dialog: wrong.append(dialog.message))
        page.on(
            "request",
            lambda asked: wrong.append(asked.url) if "page.html" not in asked.url else None,
        )
        page.goto(path.as_uri())
        text = page.inner_text("body")
        page.evaluate(AXE)
        result = page.evaluate("axe.run()")
        browser.close()

    assert [(one["id"], one["nodes"][0]["html"]) for one in result["violations"]] == []
    assert [one for one in wrong if not one.startswith("data:")] == []
    if which == "status":
        assert "file[<img src=x onerror=alert(1)>]" in text
        assert "<b>more</b> (1)" in text
    else:
        assert ("vars.<i>size</i>" in text) == bool(rows)
