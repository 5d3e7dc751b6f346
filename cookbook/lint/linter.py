"""Run the rules over recipes, and mend what can be mended."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from cookbook.errors import UsageError
from cookbook.lint.finding import Edit, Finding
from cookbook.lint.project import SYNTAX, Project
from cookbook.lint.rules import RULES
from cookbook.text.suggest import did_you_mean

_PASSES = 10
"""The most times that findings are mended: what mends one may bring another."""


def chosen(select: Sequence[str], ignore: Sequence[str]) -> frozenset[str]:
    """
    Return the codes of the rules that count; a beginning such as CK1 names all that begin so.

    Raises UsageError for a code that is the beginning of none.
    """
    known = [SYNTAX, *RULES]

    def named(given: Sequence[str]) -> set[str]:
        for one in given:
            if not any(code.startswith(one) for code in known):
                raise UsageError(
                    f"there is no rule {one!r}",
                    hint=did_you_mean(one, known) or "`cook lint --rules` lists them",
                )
        return {code for code in known if code.startswith(tuple(given))}

    return frozenset((named(select) if select else {*known}) - named(ignore))


def lint(project: Project, codes: Collection[str]) -> list[Finding]:
    """Return the findings, in the order of their places; without those that `noqa` silences."""
    checks = dict.fromkeys(rule.check for code, rule in RULES.items() if code in codes)
    found = [finding for check in checks for finding in check(project)]
    silenced = {recipe.path: recipe.silenced for recipe in project.recipes}
    ends = {recipe.path: recipe.ends for recipe in project.recipes}

    def counts(finding: Finding) -> bool:
        if finding.code not in codes:
            return False
        lines = silenced.get(finding.path, {})
        for line in {finding.line, ends.get(finding.path, {}).get(finding.line, finding.line)}:
            if line in lines and ((given := lines[line]) is None or finding.code in given):
                return False
        return True

    unique = {(f.code, f.place, f.message): f for f in [*project.broken, *found] if counts(f)}
    return sorted(unique.values(), key=lambda finding: (finding.place, finding.code))


def fix(
    paths: Sequence[Path], inventory: Path | None, codes: Collection[str]
) -> tuple[list[Finding], int]:
    """Mend what can be mended; return the findings that are left, and how many were mended."""
    mended = 0
    for _ in range(_PASSES):
        findings = lint(Project(paths, inventory), codes)
        able = [finding for finding in findings if finding.fix]
        if not able:
            return findings, mended
        mended += _apply(able)
    return lint(Project(paths, inventory), codes), mended


def _apply(findings: Sequence[Finding]) -> int:
    """
    Write the edits, except those that meet another one; return the number of mended findings.

    A file with several names, such as a link, is written by the first one.
    """
    mended = 0
    files: dict[tuple[int, int], Path] = {}
    for path in dict.fromkeys(finding.path for finding in findings):
        about = path.stat()
        if files.setdefault((about.st_dev, about.st_ino), path) != path:
            continue
        edits: list[Edit] = []
        for finding in (one for one in findings if one.path == path):
            if not any(_meet(one, other) for one in finding.fix for other in edits):
                edits += finding.fix
                mended += 1
        data = path.read_bytes()
        for edit in sorted(edits, reverse=True):
            data = data[: edit.start] + edit.text.encode() + data[edit.end :]
        path.write_bytes(data)
    return mended


def _meet(one: Edit, other: Edit) -> bool:
    return one.start < other.end and other.start < one.end


def rules_page() -> Iterator[str]:
    """Yield the lines of docs/lint.md about each rule."""
    for rule in RULES.values():
        yield from _about(rule.code)
        yield ""


def _about(code: str) -> Iterator[str]:
    rule = RULES[code]
    yield f"## {rule.code}: {rule.name}"
    yield ""
    yield f"{rule.summary}. {rule.why}" + (" `--fix` mends simple ones." if rule.fixes else "")
    if not rule.bad:
        return
    for path, text in rule.files:
        yield from ("", f"With the file `{path}`:", "", "```", text.rstrip("\n"), "```")
    yield from ("", "Not so:", "", "```py", rule.bad.rstrip("\n"), "```")
    yield from ("", "But so:", "", "```py", rule.good.rstrip("\n"), "```")


def explain(code: str) -> str:
    """Return the documentation of a rule, as Markdown. Raises UsageError for an unknown one."""
    if code not in RULES:
        raise UsageError(
            f"there is no rule {code!r}",
            hint=did_you_mean(code, RULES) or "`cook lint --rules` lists them",
        )
    return "\n".join(_about(code))
