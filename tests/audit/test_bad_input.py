"""Wrong profiles, waivers and options: told with file and line, before any host is contacted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.audit.profiles import audit, write_profile
from tests.data import read_yaml

BAD = read_yaml(Path(__file__).with_name("bad_input.yml"))
GOOD = 'with control("a-1", title="A", severity="low"):\n    check("true")\n'


@pytest.mark.parametrize("case", BAD["profiles"], ids=lambda case: case["says"])
def test_a_wrong_profile(unreachable: Path, case: dict[str, str]) -> None:
    said = audit(write_profile(unreachable / "p", case["text"]))
    assert said.status == 1, said
    assert case["says"] in said.err
    assert said.out == ""


@pytest.mark.parametrize("case", BAD["waivers"], ids=lambda case: case["says"])
def test_a_wrong_waiver(unreachable: Path, case: dict[str, str]) -> None:
    Path("w.yml").write_text(case["text"])
    said = audit(write_profile(unreachable / "p", GOOD), "--waivers", "w.yml")
    assert said.status == 1, said
    assert case["says"] in said.err


@pytest.mark.parametrize(
    ("profile", "words", "says"),
    [
        ("baselin", (), "there is no profile baselin\n      next: did you mean 'baseline'?"),
        ("nothing/like/it", (), "name a folder with modules that declare controls, or baseline"),
        ("../profiles", (), "there is no profile ../profiles"),
        ("empty", (), "the profile empty has no control"),
        ("p", ("--control", "a-2"), "did you mean 'a-1'?"),
        ("p", ("--control", "b*"), "--control b*: the profile p has no such control"),
        ("p", ("--severity", "high"), "no control of the profile p is left"),
        ("p", ("--report", "x.doc"), "--report x.doc: what format is that?"),
        ("p", ("--report", "none/x.html"), "there is no folder none"),
        ("p", ("--waivers", "none.yml"), "none.yml: cannot be read"),
    ],
)
def test_wrong_options(unreachable: Path, profile: str, words: tuple[str, ...], says: str) -> None:
    write_profile(unreachable / "p", GOOD)
    (unreachable / "empty").mkdir()
    said = audit(Path(profile), *words)
    assert said.status == 1, said
    assert says in said.err


def test_a_control_in_a_folder_below_is_no_control_of_the_profile(unreachable: Path) -> None:
    profile = write_profile(unreachable / "p", f"import below.more\n{GOOD}")
    (profile / "below").mkdir()
    text = GOOD.replace("a-1", "b-1")
    (profile / "below/more.py").write_text(f"from cookbook.audit import check, control\n{text}")
    said = audit(profile)
    assert (said.status, said.out) == (1, "")
    place = "p/below/more.py:2: the control 'b-1' is not declared in a module of the profile"
    assert place in said.err


@pytest.mark.parametrize("name", ["test_ssh.py", "password_test.py", "conftest.py"])
def test_controls_in_a_file_with_the_name_of_tests_are_not_left_out(
    unreachable: Path, name: str
) -> None:
    """Such files are left out of a profile: a control in one would never be judged."""
    profile = write_profile(unreachable / "p", GOOD)
    text = GOOD.replace("a-1", "b-1")
    (profile / name).write_text(f"from cookbook.audit import check, control\n{text}")
    said = audit(profile)
    assert (said.status, said.out) == (1, "")
    assert f"p/{name}:2: the control 'b-1' is in a file with the name of tests" in said.err


def test_a_profile_that_reads_facts_is_checked_before_hosts_too(unreachable: Path) -> None:
    text = f"node.facts.version\n{GOOD}{GOOD}"
    said = audit(write_profile(unreachable / "p", text))
    assert (said.status, said.out) == (1, "")
    assert "p/checks.py:6: the control 'a-1' is declared twice" in said.err
