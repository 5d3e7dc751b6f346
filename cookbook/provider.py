"""
The imports of a module that adds a resource type.

A resource type is a class (`Resource`) and a function of the recipe language (`recipe_function`); a
provider (`Provider`, `provides`) reads its state from a host and makes its changes.
CONTRIBUTING.md builds one.
"""

from __future__ import annotations

from cookbook.language.access_path import AccessPath, Risk, file_is_on_it
from cookbook.language.catalog import provides
from cookbook.language.change import Change, Texts, hint, secret
from cookbook.language.field_traits import LARGE, SENSITIVE, SENSITIVE_AND_LARGE
from cookbook.language.file_mode import octal
from cookbook.language.probe import Probe, Table, Thing
from cookbook.language.provider import AnyProvider, Provider
from cookbook.language.recipe import recipe_function
from cookbook.language.resource import Resource
from cookbook.script.facts import Facts
from cookbook.script.run_as import called, with_environment
from cookbook.script.shell import ENCODING, Command, Content, join, options, script, sh
from cookbook.script.stash import keep_file, keep_output, keep_tree, mtime
from cookbook.secrets.secret import Secret, SecretBytes, found_secret, holds_secret, tainted

__all__ = [
    "ENCODING",
    "LARGE",
    "SENSITIVE",
    "SENSITIVE_AND_LARGE",
    "AccessPath",
    "AnyProvider",
    "Change",
    "Command",
    "Content",
    "Facts",
    "Probe",
    "Provider",
    "Resource",
    "Risk",
    "Secret",
    "SecretBytes",
    "Table",
    "Texts",
    "Thing",
    "called",
    "file_is_on_it",
    "found_secret",
    "hint",
    "holds_secret",
    "join",
    "keep_file",
    "keep_output",
    "keep_tree",
    "mtime",
    "octal",
    "options",
    "provides",
    "recipe_function",
    "script",
    "secret",
    "sh",
    "tainted",
    "with_environment",
]
