"""
Profiles: folders of Python modules that declare controls.

The controls are read from the text of the modules, so that all ids, waivers and selections are
checked before any host is contacted, whatever facts a profile reads.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from cookbook.audit.severity import SEVERITIES, Severity, at_least
from cookbook.errors import RecipeError, UsageError
from cookbook.language.collection import display_path
from cookbook.text.glob import Glob
from cookbook.text.listing import named
from cookbook.text.suggest import did_you_mean

SHIPPED = Path(__file__).with_name("profiles")
"""The folder of the profiles that cook brings along."""

WAIVERS = "waivers.yml"
"""The name of the file of waivers in the folder of a profile."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_TEXTS = ("title", "rationale", "remedy", "tests")
_KNOWN = ("id", "title", "severity", "rationale", "remedy", "references", "only_if", "tests")


@dataclass(frozen=True)
class Control:
    """One control of a profile, as its text declares it."""

    id: str
    title: str
    severity: Severity
    file: Path
    line: int
    rationale: str = ""
    remedy: str = ""
    """The next step if it has failed."""

    references: tuple[str, ...] = ()
    tests: str | None = None
    """The path of a file of pytest, from the folder of the profile; None without one."""

    @property
    def where(self) -> str:
        """The place of its declaration: `profile/ssh.py:12`."""
        return f"{display_path(str(self.file))}:{self.line}"


@dataclass(frozen=True)
class Profile:
    """The controls of a folder, in the order of files and lines."""

    name: str
    folder: Path
    modules: Sequence[Path]
    """The modules that are run for each host, in order."""

    controls: Mapping[str, Control]

    def chosen(self, patterns: Sequence[str], severity: Severity | None) -> dict[str, Control]:
        """
        Return the controls with one of these ids (globs), and at least this severity.

        Raises UsageError for an id that does not exist, and if no control is left.
        """
        for pattern in patterns:
            if not any(Glob(pattern).fits(one) for one in self.controls):
                raise UsageError(
                    f"--control {pattern}: the profile {self.name} has no such control",
                    hint=did_you_mean(pattern, self.controls)
                    or f"it has {named(list(self.controls), 8)}",
                )
        found = {
            id_: control
            for id_, control in self.controls.items()
            if (not patterns or any(Glob(pattern).fits(id_) for pattern in patterns))
            and at_least(control.severity, severity)
        }
        if not found:
            raise UsageError(
                f"no control of the profile {self.name} is left",
                hint="a lower --severity, or other ids for --control",
            )
        return found


def read_profile(name: str) -> Profile:
    """
    Return the profile in a folder, or the shipped one of this name.

    Raises UsageError if there is none, RecipeError with file and line for a wrong control.
    """
    folder = _folder(name)
    every = sorted(folder.glob("*.py"))
    modules = [path for path in every if not _is_test(path.name)]
    _check_tests(path for path in every if _is_test(path.name))
    controls: dict[str, Control] = {}
    for path in modules:
        for control in _controls(path):
            if (other := controls.setdefault(control.id, control)) is not control:
                raise RecipeError(
                    f"{control.where}: the control {control.id!r} is declared twice, first at"
                    f" {other.where}",
                    hint="use another id: waivers and reports name a control by it",
                )
    if not controls:
        raise UsageError(
            f"the profile {name} has no control",
            hint="its modules (*.py) declare them: with control(...)",
        )
    runs = [path for path in modules if not path.name.startswith("_")]
    return Profile(folder.resolve().name, folder, runs, controls)


def _folder(name: str) -> Path:
    if Path(name).is_dir():
        return Path(name)
    if (folder := SHIPPED / name).is_dir() and re.fullmatch(_ID, name):
        return folder
    shipped = sorted(path.name for path in SHIPPED.iterdir() if not path.name.startswith("_"))
    beside = Path(name).parent
    there = [str(path) for path in beside.iterdir() if path.is_dir()] if beside.is_dir() else []
    raise UsageError(
        f"there is no profile {name}",
        hint=did_you_mean(name, [*shipped, *there])
        or f"name a folder with modules that declare controls, or {', '.join(shipped)}",
    )


def _is_test(name: str) -> bool:
    return name.startswith("test_") or name.endswith("_test.py") or name == "conftest.py"


def _check_tests(paths: Iterable[Path]) -> None:
    """Raise RecipeError for a file with the name of tests that declares controls."""
    for path in paths:
        if b"cookbook.audit" in path.read_bytes() and (control := next(_controls(path), None)):
            raise RecipeError(
                f"{control.where}: the control {control.id!r} is in a file with the name of tests,"
                " so it would not be judged",
                hint="rename the file: test_*.py, *_test.py and conftest.py are files of pytest",
            )


def _controls(path: Path) -> Iterator[Control]:
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except OSError as error:
        raise RecipeError(f"{path}: {error.strerror}") from None
    except SyntaxError as error:
        raise RecipeError(f"{display_path(str(path))}:{error.lineno}: {error.msg}") from None
    except ValueError as error:
        raise RecipeError(f"{display_path(str(path))}: {error}") from None
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and _is_control(node))
    for call in sorted(calls, key=lambda node: node.lineno):
        yield _Declaration(path, call).control()


def _is_control(call: ast.Call) -> bool:
    match call.func:
        case ast.Name(id="control") | ast.Attribute(attr="control"):
            return True
    return False


class _Declaration:
    """One call of `control` in the text of a profile."""

    def __init__(self, path: Path, call: ast.Call) -> None:
        self._path, self._call = path, call
        self._where = f"{display_path(str(path))}:{call.lineno}"

    def control(self) -> Control:
        """Return the control. Raises RecipeError."""
        given = self._arguments()
        id_ = given.get("id")
        if not isinstance(id_, str) or not _ID.fullmatch(id_):
            told = "a control without an id" if id_ is None else f"{id_!r} cannot be an id"
            raise self._error(told, 'control("ssh-01", title=...): letters, digits, and . _ -')
        for name in ("title", "severity"):
            if not given.get(name):
                raise self._error(f"the control {id_!r} has no {name}")
        self._check(id_, given)
        return Control(
            id_,
            given["title"],
            cast("Severity", given["severity"]),
            self._path,
            self._call.lineno,
            given.get("rationale", ""),
            given.get("remedy", ""),
            tuple(given.get("references", ())),
            given.get("tests"),
        )

    def _check(self, id_: str, given: Mapping[str, Any]) -> None:
        """Raise RecipeError for a value of a wrong kind, and for a missing file of tests."""
        for name in _TEXTS:
            if not isinstance(given.get(name, ""), str):
                raise self._error(f"the control {id_!r}: {name} must be text")
        if (severity := given["severity"]) not in SEVERITIES:
            raise self._error(
                f"the control {id_!r}: the severity {severity!r} does not exist",
                did_you_mean(str(severity), SEVERITIES) or f"there are {', '.join(SEVERITIES)}",
            )
        references = given.get("references", ())
        if isinstance(references, str) or not all(isinstance(one, str) for one in references):
            raise self._error(f"the control {id_!r}: references must be a list of texts")
        if (tests := given.get("tests")) and not (self._path.parent / tests).is_file():
            raise self._error(f"the control {id_!r}: there is no file {tests!r} beside the profile")

    def _arguments(self) -> dict[str, Any]:
        call, given = self._call, {}
        if len(call.args) > 1:
            raise self._error("a control has one argument without a name: its id")
        pairs = [("id", one) for one in call.args] + [(k.arg, k.value) for k in call.keywords]
        for name, node in pairs:
            if name not in _KNOWN:
                raise self._error(f"a control has no {name!r}", did_you_mean(name or "", _KNOWN))
            if name != "only_if":
                given[name] = self._literal(name, node)
        return given

    def _literal(self, name: str, node: ast.expr) -> Any:
        try:
            return ast.literal_eval(node)
        except ValueError:
            raise self._error(
                f"the {name} of a control must be literal text",
                "it is read before any host is contacted; a loop belongs into the control",
            ) from None

    def _error(self, text: str, hint: str | None = None) -> RecipeError:
        return RecipeError(f"{self._where}: {text}", hint=hint)
