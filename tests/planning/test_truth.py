"""The plan tells the truth: what it marks ok or change is what the run then does."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cookbook import resources
from cookbook.applying.converge import Convergence
from cookbook.applying.options import ConvergenceOptions
from cookbook.hosts.session import Session
from cookbook.language import recipe as language
from cookbook.language.collection import Collection, Node, declaring
from cookbook.planning.step import Step
from cookbook.plugins.manager import catalog
from cookbook.recipe import delayed, immediate
from cookbook.resources import directory, execute, file, link
from cookbook.script.facts import Facts
from cookbook.transport.local import LocalTransport
from tests.providers.test_files_local import manifest
from tests.quick import examples

PATHS = ("a", "b", "d", "d/a", "d/e", "d/e/a", "f/g")
"""Below the scratch root: some are in one another, so that changes meet."""

ELSEWHERE = "elsewhere"
"""Where symbolic links lead to: a plan does not see when two paths are one."""


@dataclass(frozen=True)
class Spec:
    """One resource of a generated recipe; paths and other resources by their number."""

    word: str
    path: int
    delete: bool = False
    flag: bool = False
    """recursive, another content, hard, creates."""
    target: int = 0
    guard: tuple[str, int] | None = None
    """only_if or not_if there is something at a path."""
    notifies: tuple[str, int] | None = None
    """When, and which of the recipe's resources."""
    waits: bool = False
    """It does nothing until it is notified."""


def specs() -> st.SearchStrategy[Spec]:
    paths = st.integers(0, len(PATHS) - 1)
    return st.builds(
        Spec,
        st.sampled_from(["file", "file", "directory", "directory", "link", "execute"]),
        paths,
        st.sampled_from([False, False, True]),
        st.booleans(),
        paths,
        st.none() | st.tuples(st.sampled_from(["only_if", "not_if"]), paths),
        st.none() | st.tuples(st.sampled_from(["delayed", "immediate"]), st.integers(0, 7)),
        st.sampled_from([False, False, False, True]),
    )


def declare(root: Path, recipe: Sequence[Spec]) -> None:
    """Declare what the specs say, each under a name of its own: two may have the same path."""
    for number, spec in enumerate(recipe):
        _declare(root, recipe, number, spec)


def _declare(root: Path, recipe: Sequence[Spec], number: int, spec: Spec) -> None:
    path, target = (str(root / PATHS[n]) for n in (spec.path, spec.target))
    more: dict[str, Any] = {}
    if spec.guard is not None:
        more[spec.guard[0]] = f"test -e {root / PATHS[spec.guard[1]]}"
    if spec.notifies is not None and (told := spec.notifies[1]) < len(recipe):
        when = immediate if spec.notifies[0] == "immediate" else delayed
        action = "run" if recipe[told].word == "execute" else "create"
        more["notifies"] = [when(action, f"{recipe[told].word}[r{told}]")]
    if spec.waits or (spec.delete and spec.word != "execute"):
        more["action"] = "nothing" if spec.waits else "delete"
    match spec.word:
        case "file":
            file(f"r{number}", path=path, content="x" if spec.flag else "y", backup=False, **more)
        case "directory":
            directory(f"r{number}", path=path, recursive=spec.flag, **more)
        case "link":
            kind: Any = "hard" if spec.flag else "symbolic"
            target = target if spec.flag else str(root / f"{ELSEWHERE}{spec.path}")
            link(f"r{number}", target_file=path, to=target, link_type=kind, **more)
        case _:
            command = f"touch {path}" if spec.flag else "true"
            execute(f"r{number}", command=command, creates=path if spec.flag else None, **more)


def collect(root: Path, recipe: Sequence[Spec]) -> Collection:
    collection = Collection(Node("here"))
    with declaring(collection):
        declare(root, recipe)
    collection.check()
    return collection


@contextlib.contextmanager
def scratch(there: Sequence[tuple[int, str]]) -> Iterator[Path]:
    """A folder with some things in it already."""
    root = Path(tempfile.mkdtemp(prefix="truth-"))
    try:
        for number, kind in there:
            path = root / PATHS[number]
            if not path.parent.is_dir() or path.exists() or path.is_symlink():
                continue
            if kind == "directory":
                path.mkdir()
            elif kind == "link":
                path.symlink_to(root / f"{ELSEWHERE}{number}")
            else:
                path.write_text(kind)
        yield root
    finally:
        shutil.rmtree(root)


def run(collection: Collection, session: Session, *, apply: bool) -> list[Step]:
    return list(
        Convergence(
            collection, session, Facts(), catalog(), ConvergenceOptions(apply=apply)
        ).steps()
    )


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    session = Session(LocalTransport())
    yield session
    session.close()


Key = tuple[str, tuple[str, ...], bool]


def key(step: Step) -> Key:
    return str(step.resource), step.target.doing, step.because is None


def looks(step: Step) -> tuple[object, ...]:
    """What is promised of a step."""
    change = step.change
    if step.status != "changed" or change is None:
        return (step.status,)
    return step.status, change.kind, change.fields, change.act


def is_what(step: Step, planned: Step) -> bool:
    """Of what it makes itself before it is removed, a plan says only what it knows."""
    did, said = step.change, planned.change
    if did is not None and said is not None and (did.kind, said.kind) == ("remove", "remove"):
        return step.status == planned.status and said.fields.items() <= did.fields.items()
    return looks(step) == looks(planned)


def keeps_its_word(planned: Sequence[Step], done: Sequence[Step]) -> None:
    """Each step of the run is one of those planned, or was unknown; up to the first failure."""
    promised: dict[Key, list[Step]] = defaultdict(list)
    for step in planned:
        promised[key(step)].append(step)
    for step in done:
        if step.status == "not-run":
            continue
        if step.status == "failed" and step.resource.kind() == "execute":
            return  # whether a command fails is nobody's to promise
        expected = promised[key(step)]
        if any(one.status == "unknown" for one in expected):
            if step.status == "failed":
                return
            continue
        assert any(is_what(step, one) for one in expected), (step, step.error, expected)
        if step.status == "failed":
            return
    did = set(map(key, done))
    for step in planned:
        assert step.status == "unknown" or key(step) in did, f"promised, and not done: {step}"


RECIPES = st.lists(specs(), min_size=1, max_size=7)
THERE = st.lists(
    st.tuples(
        st.integers(0, len(PATHS) - 1),
        st.sampled_from(["directory", "directory", "x", "y", "link"]),
    ),
    max_size=7,
)


@given(RECIPES, THERE)
@example(  # perhaps told to be made, then made in its turn
    recipe=[
        Spec("file", 1, flag=True),
        Spec("file", 1, notifies=("immediate", 2)),
        Spec("file", 0),
    ],
    there=[],
)
@example(  # what a command creates may be no folder
    recipe=[Spec("execute", 2, flag=True), Spec("file", 3, delete=True)], there=[]
)
@example(  # told to be made when that may not be needed any more, then removed in its turn
    recipe=[
        Spec("directory", 2, notifies=("immediate", 1)),
        Spec("directory", 2, delete=True),
    ],
    there=[],
)
@example(  # made because it is told to, then removed in its turn
    recipe=[Spec("file", 1, notifies=("immediate", 1)), Spec("file", 3, delete=True)],
    there=[(2, "directory")],
)
@settings(
    max_examples=examples(300),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_the_run_does_what_the_plan_says(
    session: Session, recipe: list[Spec], there: list[tuple[int, str]]
) -> None:
    with scratch(there) as root:
        collection = collect(root, recipe)
        before = manifest(root)
        planned = run(collection, session, apply=False)
        assert manifest(root) == before, "a look touches nothing"

        done = run(collection, session, apply=True)

        keeps_its_word(planned, done)
        if calm(recipe) and not any(step.status == "failed" for step in done):
            again = run(collection, session, apply=False)
            assert {s.status for s in again if s.change is None or s.change.kind != "act"} <= {
                "ok",
                "skipped",
            }, again


@given(RECIPES, THERE)
@settings(
    max_examples=examples(150),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_parallel_block_does_what_its_order_does(
    session: Session, recipe: list[Spec], there: list[tuple[int, str]]
) -> None:
    alone = [replace(spec, notifies=None, waits=False) for spec in recipe]
    with scratch(there) as root:
        in_order = run(collect(root, alone), session, apply=True)
        wanted = tree(root)
    if any(step.status == "failed" for step in in_order):
        return  # in a block the others are done, too
    with scratch(there) as root:
        collection = Collection(Node("here"))
        with declaring(collection), language.parallel():
            declare(root, alone)
        planned = run(collection, session, apply=False)
        done = run(collection, session, apply=True)

        keeps_its_word(planned, done)
        assert tree(root) == wanted
        assert {str(s.resource): s.status for s in done} == {
            str(s.resource): s.status for s in in_order
        }


def tree(root: Path) -> dict[str, tuple[object, ...]]:
    """What is below a scratch root, wherever that is: paths, modes, contents, links."""
    return {
        str(path.relative_to(root)): (
            path.lstat().st_mode,
            path.lstat().st_nlink,
            path.read_bytes() if path.is_file() else None,
            path.readlink().name if path.is_symlink() else None,
        )
        for path in root.rglob("*")
    }


def calm(recipe: Sequence[Spec]) -> bool:
    """Whether no resource undoes what another one wants, so that a second run has nothing to do."""
    paths = [spec.path for spec in recipe if spec.word != "execute"]
    return len(paths) == len(set(paths)) and not any(
        spec.delete or spec.guard or spec.word == "link" or spec.notifies for spec in recipe
    )


GAPS: dict[str, tuple[list[tuple[int, str]], str, list[str]]] = {
    "a file in a folder that goes": (
        [(2, "directory"), (3, "y")],
        "directory(f'{D}/d', action='delete', recursive=True)\nfile(f'{D}/d/a', content='y')",
        ["changed", "unknown"],
    ),
    "a file in a folder that goes and comes": (
        [(2, "directory")],
        (
            "directory('old', path=f'{D}/d', action='delete')\n"
            "directory(f'{D}/d')\nfile(f'{D}/d/a', content='y')"
        ),
        ["changed", "unknown", "unknown"],
    ),
    "a guard about a file that will be there": (
        [],
        "file(f'{D}/a')\nfile(f'{D}/b', only_if=f'test -e {D}/a')",
        ["changed", "unknown"],
    ),
    "a guard about what is in a folder that goes": (
        [(2, "directory"), (3, "y")],
        (
            "directory(f'{D}/d', action='delete', recursive=True)\n"
            "file(f'{D}/b', only_if=f'test -e {D}/d/a')"
        ),
        ["changed", "unknown"],
    ),
    "a guard about a folder that comes along": (
        [],
        "directory(f'{D}/f/g', recursive=True)\nfile(f'{D}/b', only_if=f'test -d {D}/f')",
        ["changed", "unknown"],
    ),
    "a file in a folder that comes along": (
        [],
        "directory(f'{D}/f/g', recursive=True)\nfile(f'{D}/f/x')\nfile(f'{D}/f/g/x')",
        ["changed", "changed", "changed"],
    ),
    "a folder that comes along with another one": (
        [],
        "directory(f'{D}/f/g', recursive=True)\ndirectory(f'{D}/f', mode='0700')",
        ["changed", "unknown"],
    ),
    "a file seen through a link that is made": (
        [(2, "directory")],
        "link(f'{D}/l', to=f'{D}/d')\nfile(f'{D}/l/a')",
        ["changed", "unknown"],
    ),
    "a file seen through a link that is turned": (
        [(0, "link")],
        "link(f'{D}/a', to=f'{D}/b')\nfile(f'{D}/a')",
        ["changed", "unknown"],
    ),
    "two for one path": (
        [],
        "file('one', path=f'{D}/a', content='1')\nfile('two', path=f'{D}/a', content='2')",
        ["changed", "unknown"],
    ),
    "a folder that may come": (
        [],
        "file(f'{D}/a')\ndirectory(f'{D}/d', only_if=f'test -e {D}/a')\nfile(f'{D}/d/a')",
        ["changed", "unknown", "unknown"],
    ),
    "a folder that is not empty": (
        [(2, "directory"), (3, "y")],
        "directory(f'{D}/d', action='delete')",
        ["failed"],
    ),
    "a folder that will be empty": (
        [(2, "directory"), (3, "y")],
        "file(f'{D}/d/a', action='delete')\ndirectory(f'{D}/d', action='delete')",
        ["changed", "unknown"],
    ),
    "a hard link to a folder": (
        [(2, "directory")],
        "link(f'{D}/l', to=f'{D}/d', link_type='hard')",
        ["failed"],
    ),
    "a folder that is no link to itself": (
        [(2, "directory")],
        "link(f'{D}/d', to=f'{D}/d', link_type='hard', action='delete')",
        ["failed"],
    ),
    "a command that creates what comes along": (
        [],
        "directory(f'{D}/f/g', recursive=True)\nexecute('true', creates=f'{D}/f')",
        ["changed", "unknown"],
    ),
    "what is removed from what a command creates": (
        [],
        (
            "execute(f'touch {D}/d', creates=f'{D}/d')\nfile(f'{D}/d/a', action='delete')\n"
            "directory(f'{D}/d/e', action='delete', recursive=True)\n"
            "link(f'{D}/d/l', action='delete')\ndirectory(f'{D}/d/f/g', recursive=True)"
        ),
        ["changed", "unknown", "unknown", "unknown", "unknown"],
    ),
    "what is beside what a command creates": (
        [(0, "x")],
        "execute(f'touch {D}/d', creates=f'{D}/d')\nfile(f'{D}/a', action='delete')",
        ["changed", "changed"],
    ),
    "what may come along with a folder": (
        [],
        (
            "file(f'{D}/a')\ndirectory(f'{D}/d/e', recursive=True, only_if=f'test ! -e {D}/a')\n"
            "file(f'{D}/d')"
        ),
        ["changed", "unknown", "unknown"],
    ),
    "a link in what is no folder": ([(0, "x")], "link(f'{D}/a/l', to='/')", ["failed"]),
    "a folder below a file": ([(0, "x")], "directory(f'{D}/a/b/c', recursive=True)", ["failed"]),
    "who is notified by one that is unknown": (
        [],
        (
            "file(f'{D}/a')\n"
            "file(f'{D}/b', only_if=f'test -e {D}/a', notifies=[delayed('run', 'execute[one]')])\n"
            "execute('one', command='true', action='nothing',"
            " notifies=[immediate('run', 'execute[two]')])\n"
            "execute('two', command='true', action='nothing')\n"
        ),
        ["changed", "unknown", "ok", "ok", "unknown", "unknown"],
    ),
    "one that is touched after it was made": (
        [],
        "file(f'{D}/a', notifies=[delayed('touch', f'file[{D}/a]')])",
        ["changed", "changed"],
    ),
}


WORDS = {name: getattr(resources, name) for name in resources.__all__} | vars(language)


@pytest.mark.parametrize(("there", "text", "statuses"), GAPS.values(), ids=GAPS)
def test_what_changes_before_make_of_it(
    session: Session, there: list[tuple[int, str]], text: str, statuses: list[str]
) -> None:
    with scratch(there) as root:
        collection = Collection(Node("here"))
        with declaring(collection):
            exec(text, WORDS | {"D": str(root)})  # noqa: S102 - ours
        collection.check()

        planned = run(collection, session, apply=False)

        assert [step.status for step in planned] == statuses
        keeps_its_word(planned, run(collection, session, apply=True))
