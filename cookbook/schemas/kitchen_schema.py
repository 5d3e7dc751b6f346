"""The schema of kitchen.yml; docs/guide/kitchen-suites.md."""

from __future__ import annotations

from cookbook.schemas.pieces import (
    COUNT,
    TEXT,
    JsonSchema,
    described,
    file,
    mapping,
    or_nothing,
    several,
)

_VARS: JsonSchema = {"type": "object", "description": "variables, as node.vars in recipes"}
_HOST = or_nothing(mapping({"vars": _VARS, "recipes": several(TEXT)}))
_TEXTS: JsonSchema = {"type": "object", "additionalProperties": TEXT}

_DRIFT: JsonSchema = {
    "anyOf": [
        TEXT,
        mapping(
            {
                "run": described(TEXT, "a command that changes something by hand"),
                "hosts": described(several(TEXT), "where it runs; all by default"),
                "differs": described(several(TEXT), "the resources that must differ then"),
            },
            "run",
        ),
    ]
}

_SUITE = {
    "recipes": described(several(TEXT), "paths of recipes, for all hosts"),
    "inventory": described(TEXT, "a hosts.yml, whose roles, groups and variables count"),
    "environment": TEXT,
    "hosts": {
        "description": "a number, names, or names with variables and recipes",
        "anyOf": [
            {**COUNT, "minimum": 1, "maximum": 20},
            several(TEXT),
            {"type": "object", "additionalProperties": _HOST},
        ],
    },
    "groups": {"type": "object", "additionalProperties": several(TEXT)},
    "vars": _VARS,
    "features": {
        "anyOf": [TEXT, {"type": "object", "additionalProperties": {"type": "boolean"}}],
        "description": "a features.yml, or the features that are on and off",
    },
    "secrets": described(_TEXTS, "values of secrets in this test"),
    "files": described(_TEXTS, "file or folder here -> absolute path on the hosts"),
    "verify": described(several(TEXT), "tests of testinfra: files or folders"),
    "drift": several(_DRIFT),
    "undo": {"enum": [True, False, "partial"]},
    "releases": described(several(TEXT), "bullseye, bookworm, trixie"),
    "driver": {
        "description": "kitchen, docker, podman, or that of a plugin",
        "anyOf": [TEXT, {"type": "object", "properties": {"name": TEXT}, "required": ["name"]}],
    },
}


def kitchen_schema() -> JsonSchema:
    """Return the schema of kitchen.yml."""
    return file(
        "kitchen.yml",
        mapping(
            {
                "defaults": described(mapping(_SUITE), "of all suites"),
                "suites": {"type": "object", "additionalProperties": mapping(_SUITE)},
            },
            "suites",
        ),
    )
