"""Jinja2 templates: strict, with errors that name the file and line of the template."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cookbook.errors import RecipeError
from cookbook.language.collection import current, display_path
from cookbook.language.recipe import find
from cookbook.script.shell import ENCODING
from cookbook.secrets.secret import Secret, holds_secret, tainted
from cookbook.text.suggest import did_you_mean

if TYPE_CHECKING:
    import jinja2


def render(source: str, variables: Mapping[str, Any]) -> str:
    """
    Return the text of a template in `templates/` beside the recipe.

    The template can use `variables` and `node`. An undefined variable is an error. Nothing
    is escaped (the text is no HTML), and every byte outside of Jinja2 tags is kept: the last
    newline, CRLF, a byte order mark, bytes that are not UTF-8. If the template reads a
    Secret, the text is a Secret.

    Raises RecipeError with file and line of the template.
    """
    path = find(source, "templates")
    if (plain := _without_tags(path)) is not None:
        return tainted(plain) if holds_secret(plain) else plain
    import jinja2  # takes 50 ms; many recipes have no template

    folder = path.parents[len(Path(source).parts) - 1]
    touched = _touched.set([])
    try:
        template = _environment(folder, _newline(path)).get_template(source)
        text = template.render({"node": current().node, **variables})
        secret = bool(_touched.get()) or holds_secret(variables) or holds_secret(text)
    except jinja2.TemplateSyntaxError as error:
        name = display_path(error.filename or str(path))
        raise RecipeError(f"{name}:{error.lineno}: {error.message}") from None
    except jinja2.TemplateNotFound as error:
        near = did_you_mean(str(error.name), _names(folder))
        at = _where(error, path, folder)
        raise RecipeError(
            f"{at}: there is no template {error.name!r}{near and f'; {near}'}"
        ) from None
    except RecipeError:
        raise
    except Exception as error:
        raise RecipeError(
            f"{_where(error, path, folder)}: {type(error).__name__}: {error}"
        ) from error
    finally:
        _touched.reset(touched)
    return tainted(text) if secret else text


def _without_tags(path: Path) -> str | None:
    """
    Return the text of a template that has no tags; None if it has some.

    Jinja2 makes Python of a template, and takes eight times its size for that.
    """
    _newline(path)
    data = path.read_bytes()
    if any(tag in data for tag in (b"{{", b"{%", b"{#")):
        return None
    current().sources.add(path)
    return data.decode(ENCODING, "surrogateescape")


_touched: ContextVar[list[Secret]] = ContextVar("the secrets that a template has looked at")


def _look(value: Any) -> Any:
    if isinstance(value, Secret):
        _touched.get().append(value)
    return value


def _newline(path: Path) -> Literal["\n", "\r\n"]:
    """Return the line end of a template; Jinja2 writes only one kind, so mixed ones are refused."""
    data = path.read_bytes()
    if not (crlf := data.count(b"\r\n")) and b"\r" not in data:
        return "\n"
    if not crlf == data.count(b"\n") == data.count(b"\r"):
        raise RecipeError(
            f"{display_path(str(path))}: its lines end in different ways",
            hint="end them all in LF, or all in CRLF",
        )
    return "\r\n"


def _names(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]


@functools.cache
def _environment(folder: Path, newline: Literal["\n", "\r\n"]) -> jinja2.Environment:
    import jinja2

    def load(name: str) -> tuple[str, str, Callable[[], bool]] | None:
        path = folder / name
        if not path.is_file():
            return None
        current().sources.add(path)
        data = path.read_bytes()
        text = data.decode(ENCODING, "surrogateescape")
        return text, str(path), lambda: path.is_file() and path.read_bytes() == data

    class Watchful(jinja2.Environment):
        """Notices when a template takes a secret out of something."""

        def getattr(self, obj: Any, attribute: str) -> Any:
            return _look(super().getattr(obj, attribute))

        def getitem(self, obj: Any, argument: Any) -> Any:
            return _look(super().getitem(obj, argument))

    return Watchful(
        loader=jinja2.FunctionLoader(load),
        undefined=jinja2.StrictUndefined,
        finalize=_look,
        newline_sequence=newline,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )


def _where(error: Exception, path: Path, folder: Path) -> str:
    """Return `file:line` of the innermost template line; Jinja2 rewrites tracebacks to have it."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename.startswith(str(folder)):
            return f"{display_path(frame.filename)}:{frame.lineno}"
    return display_path(str(path))
