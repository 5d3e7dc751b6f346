"""Templates: Jinja2, strict, with errors that name the template's file and line."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cookbook.errors import RecipeError
from cookbook.recipe import current, display_path, find
from cookbook.shell import Secret

if TYPE_CHECKING:
    import jinja2


def render(source: str, variables: Mapping[str, Any]) -> str:
    """
    Fill a template that stands in `templates/` beside the recipe.

    It sees its variables and `node`. A variable that nobody set is an error, the
    trailing newline is kept, and nothing is escaped (it is no HTML). A template
    that was given a Secret becomes one.

    Raises RecipeError with file and line of the template.
    """
    import jinja2  # takes 50 ms; many recipes have no template

    path = find(source, "templates")
    try:
        template = _environment(current().folder / "templates").get_template(source)
        text = template.render({"node": current().node, **variables})
    except jinja2.TemplateSyntaxError as error:
        name = display_path(error.filename or str(path))
        raise RecipeError(f"{name}:{error.lineno}: {error.message}") from None
    except jinja2.TemplateNotFound as error:
        raise RecipeError(f"{display_path(str(path))}: no template {error.name!r}") from None
    except Exception as error:
        raise RecipeError(f"{_where(error, path)}: {type(error).__name__}: {error}") from error
    return Secret(text) if any(isinstance(v, Secret) for v in variables.values()) else text


@functools.cache
def _environment(folder: Path) -> jinja2.Environment:
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - configuration files, not HTML
    )


def _where(error: Exception, path: Path) -> str:
    """The innermost line that belongs to a template: Jinja2 rewrites its tracebacks."""
    folder = str(current().folder / "templates")
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename.startswith(folder):
            return f"{display_path(frame.filename)}:{frame.lineno}"
    return display_path(str(path))
