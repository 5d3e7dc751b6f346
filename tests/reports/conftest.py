"""Documents to draw: small ones by hand, one of a whole fleet, and one that means harm."""

from __future__ import annotations

from typing import Any

import pytest

from cookbook.document import Document, HostDocument, ResourceDocument

HOSTILE = "</script><img src=x onerror=alert(1)>|`*_[x](y)&amp;\x1b[31m\x00\x9b\u2028\ufffe\udcff"
"""What a host can say, of those things that somebody would have to obey."""


def resource(id: str = "file[/etc/motd]", **changed: Any) -> ResourceDocument:
    """A resource that is in line, unless something else is said."""
    document: dict[str, Any] = {
        "id": id,
        "where": "web.py:12",
        "status": "ok",
        "kind": "none",
        "changes": {},
        "ignored": False,
        "began": 0.1,
        "seconds": 0.0,
    }
    nothing = ("ran", "note", "because", "until", "diff", "error", "lost", "orphan")
    document |= dict.fromkeys((*nothing, "cause", "since", "excused"))
    return document | changed  # type: ignore[return-value]  # complete: see the type


def drifted(id: str = "file[/etc/motd]", **changed: Any) -> ResourceDocument:
    """One that is not in line."""
    given = {
        "status": "changed",
        "kind": "update",
        "changes": {"mode": ["0644", "0600"]},
        "since": "2026-05-01T12:00:00.000Z",
    }
    return resource(id, **(given | changed))


def host(*resources: ResourceDocument, **changed: Any) -> HostDocument:
    """A host that was asked."""
    document = {
        "status": "changed" if any(r["status"] != "ok" for r in resources) else "ok",
        "began": 0.0,
        "seconds": 1.5,
        "exchanges": 2,
        "error": None,
        "machine_id": "0" * 32,
        "in_line": 100.0,
        "resources": list(resources),
    }
    return document | changed  # type: ignore[return-value]  # complete: see the type


def document(hosts: dict[str, HostDocument], **changed: Any) -> Document:
    """A drift report."""
    given = {
        "schema": 1,
        "run": "20260601T120000-3f9a",
        "mode": "drift",
        "exit": 2,
        "started": "2026-06-01T12:00:00.000Z",
        "seconds": 2.25,
        "version": "0.1.0",
        "by": "ann@laptop",
        "origin": None,
        "command": ["cook", "drift", "web.py"],
        "recipes": ["web.py"],
        "sources": {"web.py": "0" * 64},
        "revision": "abc123-dirty",
        "hosts": hosts,
        "totals": {},
        "in_line": 92.0,
        "remarks": [],
    }
    return given | changed  # type: ignore[return-value]  # complete: see the type


def one_of_each() -> Document:
    """Every outcome that a drift report can have."""
    diff = "--- /etc/motd (found)\n+++ /etc/motd (wanted)\n@@ -1,3 +1,3 @@\n same\n-old\n+new\n end"
    texts = {"content": ["sha256:1", "sha256:2"]}
    excuse = {"pattern": "file[/etc/issue]", "reason": "the vendor's", "until": "2026-12-31"}
    error = {"kind": "ProbeError", "message": "getent: broken", "hint": "look at it"}
    resources = [
        resource("package[nginx]"),
        drifted(cause="drift", changes=texts, diff=diff),
        drifted("file[/etc/hosts]", cause="intent", since="2026-06-01T12:00:00.000Z"),
        drifted("user[www]", cause=None),
        drifted("file[/etc/issue]", excused=excuse),
        resource("service[nginx]", status="unknown", until="package[nginx]"),
        resource("group[adm]", status="failed", error=error),
        resource("file[/x]", status="skipped"),
        resource("execute[true]", status="changed", kind="act", ran="run"),
    ]
    down = {"kind": "Unreachable", "message": "db1: no route to host", "hint": None}
    hosts = {
        "web1": host(*resources, in_line=44.4, status="failed"),
        "web2": host(resource(), resource("package[nginx]")),
        "db1": host(status="unreachable", error=down, in_line=None, machine_id=""),
    }
    return document(hosts, remarks=["drift-ignore.yml:3: file[/nope] matches nothing"], exit=3)


def hostile() -> Document:
    """Every text of it wants to break out."""
    error = {"kind": "ProbeError", "message": HOSTILE, "hint": HOSTILE}
    bad = drifted(
        f"file[{HOSTILE}]",
        where=f"{HOSTILE}.py:3",
        changes={"content": ["a", "b"], f"p{HOSTILE}": [HOSTILE, [HOSTILE]]},
        diff=f"--- a\n+++ b\n@@ -1 +1 @@\n-{HOSTILE}\n+```{HOSTILE}",
        note=HOSTILE,
        because=HOSTILE,
        cause="drift",
        excused={"pattern": "*", "reason": HOSTILE, "until": None},
    )
    failed = resource(f"user[{HOSTILE}]", status="failed", error=error)
    hosts = {HOSTILE: host(bad, failed, error=error, status="failed")}
    return document(hosts, by=HOSTILE, recipes=[HOSTILE], command=[HOSTILE], remarks=[HOSTILE])


@pytest.fixture(name="one_of_each")
def _one_of_each() -> Document:
    return one_of_each()


@pytest.fixture(name="hostile")
def _hostile() -> Document:
    return hostile()
