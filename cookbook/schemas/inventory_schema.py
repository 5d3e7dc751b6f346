"""The schema of hosts.yml; docs/hosts.md."""

from __future__ import annotations

from cookbook.schemas.pieces import (
    FLAG,
    PORT,
    TEXT,
    JsonSchema,
    described,
    file,
    mapping,
    or_nothing,
    several,
)
from cookbook.schemas.rollout_schema import strategy

_NUMBER: JsonSchema = {"type": "integer", "minimum": 1}
_SECONDS: JsonSchema = {"type": "number", "exclusiveMinimum": 0}

SETTINGS: dict[str, JsonSchema] = {
    "port": described(PORT, "the port of SSH (22)"),
    "user": described(TEXT, "the user to log in as"),
    "become": described({"enum": ["none", "sudo", "su", "doas"]}, "how to become another user"),
    "become_user": described(TEXT, "the user to become (root)"),
    "identity_file": described(several(TEXT), "private keys for the login"),
    "identities_only": described(FLAG, "offer only these keys"),
    "agent": described(FLAG, "keys of ssh-agent may be tried (true)"),
    "known_hosts": described(several(TEXT), "files with the keys of hosts"),
    "jump": described(several(TEXT), "bastions, user@host:port, the nearest first; or none"),
    "per_bastion": described(_NUMBER, "hosts at work at once behind the same bastion"),
    "per_address": described(_NUMBER, "hosts at work at once with the same address"),
    "ssh_config": described(TEXT, "a path, user or none"),
    "connect_timeout": described(_SECONDS, "seconds until the host answers (10)"),
    "login_timeout": described(_SECONDS, "seconds until the login is done (60)"),
    "alive_interval": described(_SECONDS, "seconds of silence before the host is asked (15)"),
    "become_password": described(TEXT, "!secret NAME"),
    "password": described(TEXT, "!secret NAME"),
    "transport": described(TEXT, "ssh, openssh, local, docker, podman, or that of a plugin"),
}
"""The connection settings but `address`, which only a host has."""

_VARS = or_nothing({"type": "object", "description": "variables, as node.vars in recipes"})
_RECIPES = described(several(TEXT), "paths of recipes, from the folder of this file")
_SHARED = {**SETTINGS, "vars": _VARS, "recipes": _RECIPES}
_ENVIRONMENT = {"environment": described(TEXT, "one of `environments`")}

_NAMES: JsonSchema = or_nothing({"type": "array", "items": TEXT})

_HOST = or_nothing(
    mapping(
        {
            "address": described(TEXT, "name or address; the name of the host by default"),
            **_SHARED,
            **_ENVIRONMENT,
        }
    )
)
_GROUP = or_nothing(
    mapping(
        {
            "hosts": described(_NAMES, "names, ranges such as web[1:9]"),
            "groups": described(_NAMES, "groups within this one"),
            "rollout": strategy(),
            **_SHARED,
            **_ENVIRONMENT,
        }
    )
)
_PLACE = or_nothing(
    mapping(
        {
            "groups": or_nothing(
                {"type": "object", "additionalProperties": or_nothing(mapping(_SHARED))}
            ),
            **_SHARED,
        }
    )
)


def inventory_schema() -> JsonSchema:
    """Return the schema of hosts.yml."""
    whole = mapping(
        {
            "defaults": described(or_nothing(mapping({**_SHARED, **_ENVIRONMENT})), "of all hosts"),
            "hosts": {
                "description": "name, or a range such as web[01:20] -> settings",
                "anyOf": [_NAMES, {"type": "object", "additionalProperties": _HOST}],
            },
            "groups": or_nothing({"type": "object", "additionalProperties": _GROUP}),
            "environments": or_nothing({"type": "object", "additionalProperties": _PLACE}),
            "sources": described({}, "hosts from elsewhere: docs/guide/inventory.md"),
            "schema": described({}, "a JSON Schema of the variables, or the path of one"),
        }
    )
    return file("hosts.yml", {"anyOf": [whole, {"type": "array", "items": TEXT}]})
