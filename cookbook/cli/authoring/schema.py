"""`cook schema NAME`: the JSON Schema of a file, for editors."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from typing import Any

from cookbook.cli.output import reader_may_leave


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare the options."""
    command.epilog = (
        "An editor with the YAML language server reads it by a comment at the top of a file:"
        " # yaml-language-server: $schema=.schemas/hosts.json. The schema knows the shape of a"
        " file; cook itself checks more, and says what to do about it."
    )
    command.add_argument("name", choices=list(schemas()), help="the file")
    command.set_defaults(run=_run)


def schemas() -> Mapping[str, Callable[[], dict[str, Any]]]:
    """Return the functions that make the schemas, by the name of the file."""
    from cookbook.schemas.inventory_schema import inventory_schema
    from cookbook.schemas.kitchen_schema import kitchen_schema
    from cookbook.schemas.other_schemas import features_schema, policy_schema, watch_schema
    from cookbook.schemas.rollout_schema import rollout_schema

    return {
        "hosts": inventory_schema,
        "rollout": rollout_schema,
        "features": features_schema,
        "watch": watch_schema,
        "kitchen": kitchen_schema,
        "policy": policy_schema,
    }


def _run(options: argparse.Namespace) -> int:
    with reader_may_leave():
        print(json.dumps(schemas()[options.name](), indent=2))
    return 0
