"""All rules, by the first digit of their codes."""

from __future__ import annotations

from collections.abc import Mapping

from cookbook.lint.finding import LintRule
from cookbook.lint.rules.commands import RULES as COMMANDS
from cookbook.lint.rules.declarations import RULES as DECLARATIONS
from cookbook.lint.rules.files import RULES as FILES
from cookbook.lint.rules.purity import RULES as PURITY
from cookbook.lint.rules.values import RULES as VALUES

RULES: Mapping[str, LintRule] = {
    rule.code: rule for rule in (*COMMANDS, *VALUES, *DECLARATIONS, *PURITY, *FILES)
}
"""All rules by code; CK001, a file that is no Python, has no check of its own."""
