"""The modules `fail` and `assert` as `raise`: when the recipe is compiled, before any change."""

from __future__ import annotations

from cookbook.convert.ansible.jinja import Translator
from cookbook.convert.ansible.params import Params
from cookbook.convert.expressions import Untranslatable, every, negated, text
from cookbook.convert.statements import Compound, Note, PythonLines, Statement

MODULES = frozenset({"fail", "assert"})


def raised(params: Params) -> list[Statement]:
    """
    Return the statements of a task that stops the run, without its condition and loop.

    Raises Untranslatable for parameters without a counterpart.
    """
    task = params.task
    that = params.raw("that")
    said = params.raw("msg", "fail_msg") or task.name
    for needless in ("quiet", "success_msg"):
        params.drop(needless)
    params.finish()
    translator = Translator(params.scope)
    message = translator.value(said if isinstance(said, str) else str(said))
    stop = PythonLines(f"raise ValueError({text(message)})")
    if task.module == "fail":
        return [stop]
    if that is None:
        raise Untranslatable("there is no that")
    held = every([translator.condition(that)])
    if held is None:
        return [Note(f"{task.place}: {task.name}: always so")]
    return [Compound(("if", negated(held)), [stop])]
