"""The schemas of features.yml, watch.yml and the rules of a review."""

from __future__ import annotations

from cookbook.schemas.pieces import (
    COUNT,
    FLAG,
    HOURS,
    SPAN,
    TEXT,
    JsonSchema,
    described,
    file,
    mapping,
    or_nothing,
    several,
)

_TIME: JsonSchema = {"type": "string", "description": "2030-12-24, or 2030-12-24T08:00Z"}


def features_schema() -> JsonSchema:
    """Return the schema of features.yml; docs/guide/features.md."""
    feature = mapping(
        {
            "note": TEXT,
            "killed": described(TEXT, "the reason; the feature is off everywhere"),
            "never": described(several(TEXT), "hosts that never have it"),
            "always": described(several(TEXT), "hosts that always have it"),
            "groups": described(several(TEXT), "only hosts of these groups"),
            "hosts": described(several(TEXT), "only these hosts"),
            "from": _TIME,
            "until": _TIME,
            "share": {"type": "string", "pattern": r"^[0-9]{1,3}(\.[0-9]{1,2})? ?%$"},
            "by": described(TEXT, "a variable: hosts with the same value decide together"),
            "when": described(TEXT, "an expression of facts and vars"),
        }
    )
    return file("features.yml", or_nothing({"type": "object", "additionalProperties": feature}))


def watch_schema() -> JsonSchema:
    """Return the schema of watch.yml; docs/guide/watch.md."""
    group = {
        "every": described(SPAN, "time from one turn to the next"),
        "splay": described(SPAN, "a part of this time is added, the same one at each turn"),
        "do": {"enum": ["drift", "converge"]},
        "window": described(several(HOURS), "times at which the group may be changed"),
        "recipes": described(several(TEXT), "paths; without any each host has its own"),
        "timeout": described(SPAN, "the longest time of a turn"),
        "prune": FLAG,
        "record": described(FLAG, "drift goes into the history, too"),
    }
    mail = {
        "to": several(TEXT),
        "from": TEXT,
        "smtp": described(TEXT, "server:port"),
        "tls": {"enum": ["none", "starttls", "tls"]},
        "user": TEXT,
        "password": described(TEXT, "!secret NAME"),
    }
    notify = mapping(
        {
            "webhook": described(TEXT, "an address, or !secret NAME"),
            "mail": mapping(mail, "to", "from", "smtp"),
            "command": described(several(TEXT), "a program; it reads JSON"),
            "events": several(TEXT),
            "remind": described(SPAN, "when what goes on is told again"),
        }
    )
    return file(
        "watch.yml",
        mapping(
            {
                "defaults": mapping(group),
                "groups": {"type": "object", "additionalProperties": or_nothing(mapping(group))},
                "at_once": described(COUNT, "groups at work at the same time"),
                "notify": several(notify),
            },
            "groups",
        ),
    )


def policy_schema() -> JsonSchema:
    """Return the schema of the rules for --review; docs/approval.md."""
    ban = mapping(
        {
            "resource": described(several(TEXT), 'e.g. "package[*]"'),
            "action": several(TEXT),
            "hosts": several(TEXT),
            "reason": TEXT,
        }
    )
    return file(
        "rules of a review",
        or_nothing(
            mapping(
                {
                    "forbid": several(ban),
                    "paths": mapping({"deny": several(TEXT), "allow": several(TEXT)}),
                    "most_changes": mapping({"per_host": COUNT, "hosts": COUNT}),
                    "hours": several(HOURS),
                }
            )
        ),
    )
