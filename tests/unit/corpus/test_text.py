from __future__ import annotations

import pytest

from wattbench.corpus.grids import row_sentences
from wattbench.corpus.text import clean, join_lines, sentences_of, vocabulary_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four; five", ["One.", "Two!", "Three?", "Four;", "five"]),
        ("Pi is 3.14 and 1,287 MWh.", ["Pi is 3.14 and 1,287 MWh."]),
        ("Li et al. (2023) say so.", ["Li et al.", "(2023) say so."]),
        ("  a\n b\t c ", ["a b c"]),
        (" \n ", []),
    ],
)
def test_sentences_end_after_a_stop_with_whitespace(text: str, expected: list[str]) -> None:
    assert sentences_of(text) == expected


@pytest.mark.parametrize(
    ("lines", "elsewhere", "expected"),
    [
        (["the consump-", "tion of"], "", "the consumption of"),
        (["state-of-the-", "art models"], "", "state-of-the-art models"),
        (["energy-", "efficient"], "energy-efficient", "energy-efficient"),
        (["GPT-", "3 uses"], "", "GPT-3 uses"),
        (["the CO-", "related"], "", "the CO-related"),
        (["soft\u00ad", "ware"], "", "software"),
        (["a", "", "b"], "", "a b"),
    ],
)
def test_words_cut_by_a_line_end_are_mended(
    lines: list[str], elsewhere: str, expected: str
) -> None:
    assert join_lines(lines, vocabulary_of(elsewhere)) == expected


def test_clean_drops_what_parquet_or_a_prompt_cannot_hold() -> None:
    assert clean("a\x00b\ud800c\u00add") == "ab\ufffdcd"


def test_a_row_says_what_each_number_is() -> None:
    grid = [["GPU", "Power (W)"], ["T4", "70"], ["H100", "700"], ["", ""]]
    assert row_sentences(grid) == ["GPU: T4; Power (W): 70.", "GPU: H100; Power (W): 700."]


def test_stacked_headers_and_ragged_rows() -> None:
    grid = [["", "Energy", "Energy"], ["Model", "train", "use"], ["T5", "86"]]
    assert row_sentences(grid, header_rows=2) == ["Model: T5; Energy train: 86."]


def test_a_table_without_a_header_row_is_named_by_its_first_column() -> None:
    grid = [["Power", "700 W"], ["Memory", "80 GB"]]
    assert row_sentences(grid, header_rows=0) == ["Power: 700 W.", "Memory: 80 GB."]
