"""Documents to draw: small ones by hand, one of a whole fleet, and one that means harm."""

from __future__ import annotations

from typing import Any

import pytest

from cookbook.reports.schema import Document, ErrorDocument, HostDocument, ResourceDocument

HOSTILE = (
    "</script><img src=x onerror=alert(1)>]]>![x](http://x.example)|`*_[x](y)&amp;"
    "\x1b[31m\x00\x9b\r\u2028\u202e\u2066\ufeff\ufffe\udcff"
)
"""What a host can say, of those things that somebody would have to obey."""


def error(kind: str, message: str, hint: str | None = None, /, **more: Any) -> ErrorDocument:
    """What went wrong, with nothing known of it that is not said here."""
    document: dict[str, Any] = {
        "kind": kind,
        "code": "error",
        "phase": "",
        "message": message,
        "command": None,
        "status": None,
        "output": "",
        "cause": None,
        "hint": hint,
    }
    return document | more  # type: ignore[return-value]  # complete: see the type


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
    broken = error("ProbeError", "getent: broken", "look at it", code="probe-failed", phase="probe")
    resources = [
        resource("package[nginx]"),
        drifted(cause="drift", changes=texts, diff=diff),
        drifted("file[/etc/hosts]", cause="intent", since="2026-06-01T12:00:00.000Z"),
        drifted("user[www]", cause=None),
        drifted("file[/etc/issue]", excused=excuse),
        resource("service[nginx]", status="unknown", until="package[nginx]"),
        resource("group[adm]", status="failed", error=broken),
        resource("file[/x]", status="skipped"),
        resource("execute[true]", status="changed", kind="act", ran="run"),
    ]
    down = error("Unreachable", "db1: no route to host", code="unreachable", phase="connect")
    hosts = {
        "web1": host(*resources, in_line=44.4, status="failed"),
        "web2": host(resource(), resource("package[nginx]")),
        "db1": host(status="unreachable", error=down, in_line=None, machine_id=""),
    }
    return document(hosts, remarks=["drift-ignore.yml:3: file[/nope] matches nothing"], exit=3)


def hostile() -> Document:
    """Every text of it wants to break out."""
    told = ("kind", "code", "phase", "message", "command", "output", "cause", "hint")
    bad_error = error("", "", **dict.fromkeys(told, HOSTILE))
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
    failed = resource(f"user[{HOSTILE}]", status="failed", error=bad_error)
    hosts = {HOSTILE: host(bad, failed, error=bad_error, status="failed")}
    return document(hosts, by=HOSTILE, recipes=[HOSTILE], command=[HOSTILE], remarks=[HOSTILE])


@pytest.fixture(name="one_of_each")
def _one_of_each() -> Document:
    return one_of_each()


@pytest.fixture(name="hostile")
def _hostile() -> Document:
    return hostile()


def fleet(count: int, each: int) -> Document:
    """A fleet as they are: most is in line, what differs differs in a few ways or in its own."""
    hosts = {f"{_KINDS[i % 5]}{i // 5 + 1:03}.example.net": _member(i, each) for i in range(count)}
    counted = [r for h in hosts.values() for r in h["resources"]]
    share = 100 * sum(r["status"] == "ok" for r in counted) / len(counted)
    remarks = ["drift-ignore.yml:7: file[/etc/issue] expired on 2026-05-31, and counts again"]
    return document(hosts, seconds=41.7, in_line=round(share, 2), remarks=remarks)


_KINDS = ("web", "db", "cache", "queue", "mail")
_WORDS = ("package", "file", "service", "user", "directory", "cron", "link", "group", "template")


def _member(i: int, each: int) -> HostDocument:
    began, seconds = i // 50 * 2.0, 1.2 + i * 7919 % 1000 / 800
    if i % 97 == 13:
        down = error("Unreachable", "no route to host (connect)", "is it up?", code="unreachable")
        return host(status="unreachable", error=down, in_line=None, began=began, seconds=10.0)
    resources = [_part(i, k, began + 0.2) for k in range(each)]
    wrong = sum(r["status"] != "ok" for r in resources)
    status = "failed" if any(r["status"] == "failed" for r in resources) else None
    state = status or ("changed" if wrong else "ok")
    share = round(100 * (each - wrong) / each, 2)
    return host(*resources, began=began, seconds=seconds, status=state, in_line=share)


def _part(i: int, k: int, began: float) -> ResourceDocument:
    """One resource; a tenth of the hosts has a motd of its own, and a few have more."""
    word = _WORDS[k % len(_WORDS)]
    id, where = f"{word}[/srv/app/part-{k:02}]", f"cookbooks/{word}s.py:{10 + k}"
    since = f"2026-05-{1 + i % 28:02}T{k % 24:02}:30:00.000Z"
    times = {"began": began + k * 0.001, "seconds": 0.02 if k % 9 == 0 else 0.0}
    if k == 1 and i % 10 == 3:
        lines = [f" # line {n} of the configuration" for n in range(6)]
        diff = [f"--- {id} (found)", f"+++ {id} (wanted)", "@@ -1,7 +1,7 @@", *lines]
        diff += [f"-listen 10.0.{i // 250}.{i % 250}:8080", f"+listen 10.0.{i // 250}.{i % 250}:80"]
        found = {"content": ["sha256:1", "sha256:2"], "mode": ["0644", "0640"]}
        given: dict[str, Any] = {"changes": found, "diff": "\n".join(diff), "cause": "drift"}
        return drifted(id, where=where, since=since, **given, **times)
    if k == 4 and i % 16 == 5:
        return drifted(id, where=where, since=since, cause="intent", **times)
    if k == 6 and i % 45 == 8:
        excuse = {"pattern": "link[*]", "reason": "moved by hand", "until": "2026-12-31"}
        return drifted(id, where=where, since=since, excused=excuse, **times)
    if k == 7 and i % 60 == 11:
        broken = error("ProbeError", "getent group: status 3", "look at it", code="probe-failed")
        return resource(id, where=where, status="failed", error=broken, since=since, **times)
    return resource(id, where=where, **times)


@pytest.fixture(name="whole_fleet", scope="session")
def _whole_fleet() -> Document:
    return fleet(1000, 50)
