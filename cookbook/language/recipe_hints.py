"""Hints for common mistakes in recipes: misspelt names, and words of other tools."""

from __future__ import annotations

from collections.abc import Iterator

from cookbook.text.suggest import did_you_mean

_ELSEWHERE = {
    "include_recipe": "import the module, or name several recipes on the command line",
    "import_tasks": "import the module",
    "apt_package": "the resource type is `package`",
    "systemd": "the resource type is `service`",
    "copy": "the resource type is `file`",
    "lineinfile": "the resource type is `file`, with the whole content",
    "cookbook_file": "the resource type is `file`, with `source`",
    "shell": "the resource type is `execute`",
    "command": "the resource type is `execute`",
}
"""Names of Chef and Ansible, and what cook has instead."""

_FACTS = {"os": "distribution", "platform": "distribution", "os_family": "family"}
"""Names of facts in Ohai and Ansible, and of the same in cook."""


def hint_for(error: BaseException) -> str | None:
    """Return a hint that names what was probably meant; None if nothing is near."""
    if isinstance(error, AttributeError) and error.name:
        if (fact := _FACTS.get(error.name)) is not None and hasattr(error.obj, fact):
            return f"did you mean {fact!r}?"
        return did_you_mean(error.name, [name for name in dir(error.obj) if name[0] != "_"])
    if isinstance(error, NameError) and error.name:
        return _ELSEWHERE.get(error.name) or did_you_mean(error.name, _globals(error))
    return None


def _globals(error: BaseException) -> Iterator[str]:
    """Yield the names that the line of the error can use."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is not None:
        yield from (name for name in trace.tb_frame.f_globals if not name.startswith("_"))
