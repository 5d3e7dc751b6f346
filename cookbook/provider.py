"""
The imports of a module that adds a resource type.

A resource type is a class (`Resource`) and a function of the recipe language (`recipe_function`); a
provider (`Provider`, `provides`) reads its state from a host and makes its changes.
CONTRIBUTING.md builds one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cookbook.language.file_mode import octal
from cookbook.language.recipe import recipe_function
from cookbook.language.resource import Resource, opposed

if TYPE_CHECKING:
    from cookbook.language.access_path import AccessPath, Risk, file_is_on_it
    from cookbook.language.catalog import provides
    from cookbook.language.change import Change, Texts, hint, never_secret, secret
    from cookbook.language.field_traits import LARGE, SENSITIVE, SENSITIVE_AND_LARGE
    from cookbook.language.probe import Probe, Table, Thing
    from cookbook.language.provider import AnyProvider, Provider
    from cookbook.language.release import Release
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
    "Release",
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
    "never_secret",
    "octal",
    "opposed",
    "options",
    "provides",
    "recipe_function",
    "script",
    "secret",
    "sh",
    "tainted",
    "with_environment",
]

_LATE = {
    "AccessPath": "cookbook.language.access_path",
    "AnyProvider": "cookbook.language.provider",
    "Change": "cookbook.language.change",
    "Command": "cookbook.script.shell",
    "Content": "cookbook.script.shell",
    "ENCODING": "cookbook.script.shell",
    "Facts": "cookbook.script.facts",
    "LARGE": "cookbook.language.field_traits",
    "Probe": "cookbook.language.probe",
    "Provider": "cookbook.language.provider",
    "Release": "cookbook.language.release",
    "Risk": "cookbook.language.access_path",
    "SENSITIVE": "cookbook.language.field_traits",
    "SENSITIVE_AND_LARGE": "cookbook.language.field_traits",
    "Secret": "cookbook.secrets.secret",
    "SecretBytes": "cookbook.secrets.secret",
    "Table": "cookbook.language.probe",
    "Texts": "cookbook.language.change",
    "Thing": "cookbook.language.probe",
    "called": "cookbook.script.run_as",
    "file_is_on_it": "cookbook.language.access_path",
    "found_secret": "cookbook.secrets.secret",
    "hint": "cookbook.language.change",
    "holds_secret": "cookbook.secrets.secret",
    "join": "cookbook.script.shell",
    "keep_file": "cookbook.script.stash",
    "keep_output": "cookbook.script.stash",
    "keep_tree": "cookbook.script.stash",
    "mtime": "cookbook.script.stash",
    "options": "cookbook.script.shell",
    "provides": "cookbook.language.catalog",
    "script": "cookbook.script.shell",
    "never_secret": "cookbook.language.change",
    "secret": "cookbook.language.change",
    "sh": "cookbook.script.shell",
    "tainted": "cookbook.secrets.secret",
    "with_environment": "cookbook.script.run_as",
}
"""Imported when a provider asks for them: a resource type needs only what is imported above."""


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    value = globals()[name] = getattr(importlib.import_module(_LATE[name]), name)
    return value
