"""The explanations of `cook explain`, read from errors.md beside this file."""

from __future__ import annotations

from importlib.resources import files


def explanations() -> dict[str, str]:
    """Return the explanation of each code, in the order of the page."""
    _, *sections = files("cookbook.cli").joinpath("errors.md").read_text("utf-8").split("\n## ")
    pairs = (section.partition("\n") for section in sections)
    return {code: text.strip() for code, _, text in pairs}


def summary(text: str) -> str:
    """Return the first sentence of an explanation."""
    paragraph, _, _ = text.partition("\n\n")
    first, stop, _ = paragraph.replace("\n", " ").partition(". ")
    return first if not stop else f"{first}."
