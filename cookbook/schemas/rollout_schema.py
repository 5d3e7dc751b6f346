"""The schema of rollout.yml, and of `rollout:` of a group in hosts.yml; docs/guide/rollouts.md."""

from __future__ import annotations

from cookbook.schemas.pieces import (
    AMOUNT,
    COUNT,
    FLAG,
    HOURS,
    PORT,
    SPAN,
    TEXT,
    JsonSchema,
    described,
    file,
    mapping,
    or_nothing,
    several,
)

_PROGRAM = described(several(TEXT), "a program and its arguments")

_TCP = mapping({"port": PORT, "timeout": SPAN}, "port")

_CHECK: JsonSchema = {
    "anyOf": [
        mapping(
            {
                "http": {
                    "anyOf": [
                        TEXT,
                        mapping(
                            {"url": TEXT, "status": COUNT, "body": TEXT, "timeout": SPAN}, "url"
                        ),
                    ]
                }
            },
            "http",
        ),
        mapping(
            {"tcp": {"anyOf": [PORT, mapping({"port": PORT, "timeout": SPAN}, "port")]}}, "tcp"
        ),
        mapping(
            {"command": {"anyOf": [TEXT, mapping({"run": TEXT, "timeout": SPAN}, "run")]}},
            "command",
        ),
        mapping({"recipe": TEXT}, "recipe"),
    ]
}

_ACT: JsonSchema = {
    "anyOf": [
        mapping(
            {
                "haproxy": mapping(
                    {"server": TEXT, "hosts": TEXT, "socket": TEXT, "timeout": SPAN},
                    "server",
                    "hosts",
                )
            },
            "haproxy",
        ),
        mapping(
            {
                "nginx": mapping(
                    {"file": TEXT, "server": TEXT, "hosts": TEXT, "timeout": SPAN},
                    "file",
                    "server",
                    "hosts",
                )
            },
            "nginx",
        ),
        mapping(
            {
                "command": {
                    "anyOf": [TEXT, mapping({"run": TEXT, "hosts": TEXT, "timeout": SPAN}, "run")]
                }
            },
            "command",
        ),
        mapping(
            {"hook": {"anyOf": [_PROGRAM, mapping({"run": _PROGRAM, "timeout": SPAN}, "run")]}},
            "hook",
        ),
    ]
}

_GATE: JsonSchema = {
    "anyOf": [
        {"const": "manual"},
        mapping(
            {
                "manual": {},
                "script": _PROGRAM,
                "metric": mapping(
                    {"url": TEXT, "max": {"type": "number"}, "min": {"type": "number"}}, "url"
                ),
                "each": FLAG,
                "timeout": SPAN,
            }
        ),
    ]
}


def strategy() -> JsonSchema:
    """Return the schema of the strategy of a group."""
    return or_nothing(
        mapping(
            {
                "after": described(several(TEXT), "groups that are done before"),
                "canary": described(AMOUNT, "hosts that come first"),
                "batches": described(several(AMOUNT), "sizes, the last one repeats: [1, 10%, 50%]"),
                "max_parallel": described(AMOUNT, "hosts at work at once"),
                "min_healthy": described(AMOUNT, "hosts that stay healthy at all times"),
                "max_failures": described(AMOUNT, "failed hosts that a batch may have"),
                "stagger": described(SPAN, "time between two hosts"),
                "min_healthy_time": described(SPAN, "how long a host has to stay healthy"),
                "healthy_deadline": described(SPAN, "when a host has to be healthy"),
                "progress_deadline": described(SPAN, "the longest time without progress"),
                "check_interval": described(SPAN, "time between two checks"),
                "health_check": several(_CHECK),
                "drain": described(several(_ACT), "takes a host out of service"),
                "enable": described(several(_ACT), "puts it back"),
                "gate": described(_GATE, "who lets the rollout go on"),
                "auto_revert": described(
                    {"enum": [False, "none", "batch", "all"]}, "what is led back after a failure"
                ),
                "change_window": described(several(HOURS), "times at which hosts may be begun"),
                "spread": {
                    "description": "not more hosts at once with one value of this variable",
                    "anyOf": [TEXT, mapping({"by": TEXT, "max": COUNT}, "by")],
                },
            }
        )
    )


def rollout_schema() -> JsonSchema:
    """Return the schema of rollout.yml."""
    return file(
        "rollout.yml",
        mapping(
            {
                "defaults": described(strategy(), "of all groups"),
                "groups": {"type": "object", "additionalProperties": strategy()},
                "max_failures": described(AMOUNT, "failed hosts that the rollout may have"),
            },
            "groups",
        ),
    )
