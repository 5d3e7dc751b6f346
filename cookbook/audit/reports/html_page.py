"""The page of an audit: one file, no script, nothing that is fetched."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from cookbook.audit.document import STATUSES, AuditDocument, ControlDocument, alike, waived, worst
from cookbook.reports.html_page import asset, digest
from cookbook.reports.phrases import error_sentence, minute
from cookbook.text.sanitize import clean, one_line


def render(document: AuditDocument) -> str:
    """Return the page."""
    from jinja2 import Environment, StrictUndefined  # takes 60 ms

    pages = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    style = asset("status.css") + _asset("audit.css")
    policy = f"default-src 'none'; style-src '{digest(style)}'; img-src data:; base-uri 'none'"
    controls = sorted(document["controls"], key=lambda one: STATUSES.index(worst(one)))
    return pages.from_string(_asset("audit.html.j2")).render(
        title=one_line(f"Audit: {document['profile']}"),
        at=minute(document["started"]),
        by=one_line(document["by"]),
        totals=document["totals"],
        remarks=[one_line(remark) for remark in document["remarks"]],
        errors=[
            one_line(f"{name}: {error_sentence(host['error'])}")
            for name, host in document["hosts"].items()
            if host["error"] is not None
        ],
        controls=[_control(one) for one in controls],
        policy=policy,
        style=style,
    )


def _control(control: ControlDocument) -> dict[str, object]:
    return {
        **{name: one_line(control[name]) for name in ("id", "title", "severity", "where")},
        "rationale": clean(control["rationale"]),
        "remedy": clean(control["remedy"]),
        "references": [one_line(one) for one in control["references"]],
        "groups": [
            {
                "hosts": [one_line(host) for host in group.hosts],
                "status": group.judgement["status"],
                "kind": group.judgement["status"].replace(" ", "-"),
                "reasons": [one_line(reason) for reason in group.judgement["reasons"]],
                "waiver": one_line(waived(waiver))
                if (waiver := group.judgement["waiver"]) is not None
                else None,
            }
            for group in alike(control)
        ],
    }


@cache
def _asset(name: str) -> str:
    return files("cookbook.audit").joinpath("assets", name).read_text("utf-8")
