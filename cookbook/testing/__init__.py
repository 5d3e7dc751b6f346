"""
Tests of resource types as data, for their authors: cases without a host, and lives on one.

`check_case` checks one case of a `cases` file, see `cookbook/testing/cases.py` for the format.
`check_lives` takes the `life` files of any number of resource types through all that can happen
to them on one host, see `cookbook/testing/life.py`.
"""

from cookbook.testing.cases import DEBIAN, answer, check_case, check_laws, declare, found
from cookbook.testing.host_state import LifeHost, difference, manifest, state
from cookbook.testing.life import Life, load_life, load_lives
from cookbook.testing.life_run import check_lives

__all__ = [
    "DEBIAN",
    "Life",
    "LifeHost",
    "answer",
    "check_case",
    "check_laws",
    "check_lives",
    "declare",
    "difference",
    "found",
    "load_life",
    "load_lives",
    "manifest",
    "state",
]
