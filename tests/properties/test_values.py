"""Whatever way a value is written, it is read as one value; whatever is written, nothing breaks."""

from __future__ import annotations

import math
import re

from hypothesis import given
from hypothesis import strategies as st

from wattbench.scoring import plain, strict, wattbot
from wattbench.scoring.rules import Prediction, judge
from wattbench.study.questions import Question
from wattbench.tables.values import (
    BLANK,
    DASH,
    canonical_name,
    canonical_refs,
    canonical_value,
    parse_items,
    parse_number,
    parse_range,
)

NUMBERS = st.one_of(
    st.integers(-(10**12), 10**12).map(float),
    st.floats(-1e12, 1e12, allow_nan=False).filter(lambda x: x == 0 or abs(x) > 1e-9),
)
TEXTS = st.one_of(
    st.text(max_size=40),
    st.text("0123456789.,-–eE%$~[]{}\"' kKmMbBx×toand", max_size=25),  # noqa: RUF001
)


def question(value: str, unit: str | None = None) -> Question:
    return Question(
        id="q", position=0, line=2, text="?", unit=unit, value=value, refs=("a",), raw_refs="a",
        kinds=(), explanation=None,
    )  # fmt: skip


@given(NUMBERS)
def test_ways_to_write_a_number_are_one_value(number: float) -> None:
    written = [
        repr(number),
        f"{number:,.12f}",
        f"{number:.15e}",
        f" {number!r} ",
        f"about {number!r}",
        f"{number!r} GB",
    ]
    for text, unit in [*((text, "GB") for text in written), (f"{number!r}%", "percent")]:
        found = parse_number(text, unit)
        assert found is not None, text
        assert math.isclose(found.value, number, rel_tol=1e-9, abs_tol=1e-9), text


@given(st.floats(0.001, 9999, allow_nan=False).map(lambda x: round(x, 3)))
def test_magnitudes(number: float) -> None:
    for suffix, factor in (("K", 1e3), ("M", 1e6), (" million", 1e6), ("b", 1e9), (" T", 1e12)):
        found = parse_number(f"{number}{suffix}")
        assert found is not None
        assert math.isclose(found.value, number * factor, rel_tol=1e-9)


@given(NUMBERS, NUMBERS)
def test_ways_to_write_a_range_are_one_value(first: float, second: float) -> None:
    low, high = sorted((first, second))
    for text in (
        f"[{first!r},{second!r}]",
        f"[{second!r}, {first!r}]",
        f"{first!r} to {second!r}",
        f"from {first!r} to {second!r} W",
        f"between {first!r} and {second!r}",
        f"{first!r} - {second!r}",
    ):
        assert parse_range(text, "W") == (low, high), text
        assert canonical_value(text, "W") == canonical_value(f"[{low!r},{high!r}]"), text


@given(TEXTS)
def test_canonical_is_stable(text: str) -> None:
    once = canonical_value(text)
    assert canonical_value(text) == once
    assert canonical_name(canonical_name(text)) == canonical_name(text)
    # A name keeps no punctuation, and what is left may read as a number ('0:K', '0 k'): it stays
    # the name it is, for only numbers as written are numbers.
    named = once == canonical_name(text)
    assert named or canonical_value(once) == once or parse_items(once) is not None


@given(NUMBERS)
def test_a_canonical_number_is_its_own_canonical_text(number: float) -> None:
    once = canonical_value(repr(number))
    assert canonical_value(once) == once


@given(TEXTS, TEXTS, st.sampled_from([None, "GB", "percent"]))
def test_no_text_breaks_a_rule(gold: str, predicted: str, unit: str | None) -> None:
    parse_number(predicted, unit, any_unit=True)
    for rule in ("strict", "wattbot-v1", "wattbot-v2"):
        verdict = judge(rule, question(gold, unit), Prediction(predicted, (predicted,)))
        assert verdict is not None
        assert 0 <= verdict.ref_overlap <= 1


@given(
    st.text("a4.5-,_ \u2212\u2013x\u00e9", max_size=4),
    st.text("a4.5-,_ \u2212\u2013x\u00e9", max_size=14),
)
def test_what_contains_finds_is_what_its_pattern_would(gold: str, predicted: str) -> None:
    """The clause of docs/scoring.md as one pattern."""
    wanted, answer = plain.squeezed(gold), plain.squeezed(predicted)
    before, behind = r"(?<!\w)", r"(?!\w)"
    if wanted[:1].isdigit():
        before += rf"(?<!\d[.,{DASH}])(?<!\s[-\u2212])(?<!^[-\u2212])"
    if wanted[-1:].isdigit():
        behind += rf"(?![.,{DASH}]\d)"
    expected = re.search(before + re.escape(wanted) + behind, answer) is not None
    assert plain.contains(gold, predicted, None)[0] is expected


@given(TEXTS.filter(str.strip))
def test_the_gold_answer_itself_is_right(gold: str) -> None:
    assert strict.value_correct(gold, gold, None)[0]


@given(NUMBERS, st.floats(-0.01, 0.01))
def test_the_tolerance_is_relative_to_the_gold_number(number: float, off: float) -> None:
    given_value = number * (1 + off)
    right, _ = strict.value_correct(repr(number), repr(given_value), None)
    assert right == (abs(number - given_value) <= 1e-3 * abs(number))


@given(st.lists(st.text(max_size=8), max_size=5), st.lists(st.text(max_size=8), max_size=5))
def test_overlap_of_references_is_symmetric(first: list[str], second: list[str]) -> None:
    one, other = canonical_refs(first), canonical_refs(second)
    assert canonical_refs([f"[ref_id={ref}]" for ref in one]) == one
    cells = [wattbot.ref_overlap(str(a), str(b)) for a, b in ((first, second), (second, first))]
    assert cells[0] == cells[1]
    assert BLANK not in one | other
