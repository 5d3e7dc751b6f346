"""A mode is octal, or it is refused: 644 without a quote or an 0o has cost people their files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookbook.errors import RecipeError
from cookbook.language.file_mode import mask, octal

MODES = st.integers(0, 0o7777)


@given(MODES)
def test_any_octal_text_is_that_mode(mode: int) -> None:
    for text in (f"{mode:04o}", f"{mode:05o}", f"0o{mode:03o}", f"{mode:03o}"):
        assert octal(text, "file[x]") == f"{mode:04o}"
    assert octal(octal(f"{mode:04o}", "x"), "x") == f"{mode:04o}"


@pytest.mark.parametrize("special", range(8))
@pytest.mark.parametrize(
    "mode", ["400", "440", "444", "500", "550", "555", "600", "640", "644", "660", "664", "666",
             "700", "710", "711", "750", "751", "755", "770", "771", "775", "777"],
)  # fmt: skip
def test_whoever_writes_a_mode_in_decimal_is_told(special: int, mode: str) -> None:
    """And the same mode with 0o in front is always taken."""
    text = f"{special or ''}{mode}"
    assert octal(int(text, 8), "file[x]") == f"{special}{mode}"
    if int(text) in (0o2640, 0o2644):
        return
    with pytest.raises(RecipeError, match="decimal") as caught:
        octal(int(text), "file[x]")
    assert f"mode=0o{text}" in str(caught.value.hint)


@pytest.mark.parametrize("mode", ["", "8", "888", "u+x", "0x1ff", "17777", "o644", "٦٤٤", -1, 4096])
def test_what_is_no_mode_is_refused(mode: str | int) -> None:
    with pytest.raises(RecipeError, match="is no mode"):
        octal(mode, "file[x]")


@pytest.mark.parametrize(
    ("umask", "text"), [("22", "0022"), ("0077", "0077"), (0o27, "0027"), (0, "0000")]
)
def test_masks(umask: str | int, text: str) -> None:
    assert mask(umask, "execute[x]") == text


@pytest.mark.parametrize("umask", [22, 27, 77, "9", "", "1777", -1])
def test_what_is_no_mask_is_refused(umask: str | int) -> None:
    with pytest.raises(RecipeError, match="umask"):
        mask(umask, "execute[x]")
