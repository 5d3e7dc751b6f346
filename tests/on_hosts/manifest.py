"""The state of a host, byte for byte, and the errors in a document of a run."""

from __future__ import annotations

from typing import Any

from cookbook.testing import difference, manifest, state

__all__ = ["difference", "failures", "manifest", "state"]


def failures(document: dict[str, Any]) -> Any:
    return [
        (h["error"], [(r["id"], r["error"]) for r in h["resources"] if r["error"]])
        for h in document.get("hosts", {}).values()
    ] or document["stderr"]
