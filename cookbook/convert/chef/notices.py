"""Notices of Chef to resources that the cookbook does not declare."""

from __future__ import annotations

import ast
from collections.abc import Collection
from typing import Any

from cookbook.convert.drafts import Draft
from cookbook.convert.expressions import literal, text


def without_targets(draft: Draft, targets: Collection[str] | None) -> dict[str, str]:
    """
    Take the notices out of a resource whose target is not among these; None: all are known.

    Return them, each with the reason.
    """
    lost: dict[str, str] = {}
    for word in ("notifies", "subscribes"):
        found = draft.properties.get(word)
        if targets is None or not isinstance(found, ast.List):
            continue
        kept = [one for one in found.elts if _target(one) in targets]
        lost |= {
            f"{word}: {text(one)}": f"{_target(one)} is not declared here"
            for one in found.elts
            if one not in kept
        }
        if kept:
            draft.properties[word] = literal(kept)
        else:
            del draft.properties[word]
    return lost


def _target(notice: Any) -> str:
    """Return the target of a notice, that may be under a condition."""
    call: Any = notice
    if isinstance(notice, ast.Starred):
        chosen: Any = notice.value
        call = chosen.body.elts[0]
    return text(call.args[1])
