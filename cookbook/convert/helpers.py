"""Functions that a recipe has if it uses them."""

from __future__ import annotations

from collections.abc import Mapping

HELPERS: Mapping[str, str] = {
    "as_bool": (
        "def as_bool(value: object) -> bool:\n"
        '    """Return a value of hosts.yml or --set as the filter `bool` takes it."""\n'
        '    return str(value).lower() in ("true", "yes", "on", "1", "1.0")\n'
    ),
    "flat": (
        "def flat(values: list) -> list:\n"
        '    """Return the elements of a list, with those of the lists in it."""\n'
        "    lists = [flat(one) if isinstance(one, list) else [one] for one in values]\n"
        "    return [one for part in lists for one in part]\n"
    ),
    "folded": (
        "def folded(value: object) -> object:\n"
        '    """Return a value for an order in which small letters and capitals are equal."""\n'
        "    return value.lower() if isinstance(value, str) else value\n"
    ),
    "numbers": (
        "def numbers(version: object) -> list[int]:\n"
        '    """Return the numbers of a version, for comparisons."""\n'
        r'    return [int(number) for number in re.findall(r"\d+", str(version))]'
        "\n"
    ),
    "as_list": (
        "def as_list(value: object) -> list:\n"
        '    """Return a list as it is, and a text as its parts between commas."""\n'
        '    return value.split(",") if isinstance(value, str) else list(value)\n'
    ),
    "only_set": (
        "def only_set(variables: dict) -> dict:\n"
        '    """Return the variables that are set, for a template that asks which are defined."""\n'
        "    return {name: value for name, value in variables.items() if value is not None}\n"
    ),
}
"""Name -> source."""
