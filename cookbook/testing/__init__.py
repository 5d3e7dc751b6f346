"""
Tests of recipes without a host, and tests of resource types as data, for their authors.

`compiled` returns what a recipe declares, see `cookbook/testing/plans.py`; pytest has it as the
fixture `cook_plan`.

`check_case` checks one case of a `cases` file, see `cookbook/testing/cases.py` for the format.
`check_lives` takes the `life` files of any number of resource types through all that can happen
to them on one host, see `cookbook/testing/life.py`.
"""

from cookbook.testing.cases import DEBIAN, answer, check_case, check_laws, declare, found
from cookbook.testing.host_state import LifeHost, difference, manifest, state
from cookbook.testing.life import Life, load_life, load_lives
from cookbook.testing.life_run import check_lives
from cookbook.testing.plans import DEBIAN_11, DEBIAN_12, DEBIAN_13, Plan, compiled
from cookbook.testing.released_facts import released_facts

__all__ = [
    "DEBIAN",
    "DEBIAN_11",
    "DEBIAN_12",
    "DEBIAN_13",
    "Life",
    "LifeHost",
    "Plan",
    "answer",
    "check_case",
    "check_laws",
    "check_lives",
    "compiled",
    "declare",
    "difference",
    "found",
    "load_life",
    "load_lives",
    "manifest",
    "released_facts",
    "state",
]
