"""Question files as people write them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wattbench.errors import InputError
from wattbench.study.questions import (
    asked_digest,
    gold_digest,
    parse_refs,
    read_questions,
)
from wattbench.text_files import decode

HEADER = "id,question,answer_value,answer_unit,ref_id,is_NA\n"


def write(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "questions.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_question_is_read_as_written(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER + "q1,\"How much, in MWh?\",1287,MWh,\"['a','b']\",0\n")
    (question,) = read_questions(path)
    assert question.text == "How much, in MWh?"
    assert question.refs == ("a", "b")
    assert (question.value, question.unit, question.answerable) == ("1287", "MWh", True)


def test_a_bom_and_windows_1252_are_read_without_loss(tmp_path: Path) -> None:
    row = "q1,How many \u201ctokens\u201d \u2013 caf\xe9?,1,is_blank,a,0\n"
    for data in (
        b"\xef\xbb\xbf" + (HEADER + row).encode(),
        (HEADER + row).encode("cp1252"),
        (HEADER + row).encode("utf-16"),
    ):
        (question,) = read_questions(write(tmp_path, data))
        assert question.text == "How many \u201ctokens\u201d \u2013 caf\xe9?"
        assert question.unit is None


def test_mixed_encodings_in_one_file() -> None:
    text, encoding = decode("caf\xe9 ".encode() + "\u201cx\u201d".encode("cp1252"))
    assert text == "caf\xe9 \u201cx\u201d"
    assert "mixed" in encoding


@given(st.binary(max_size=300))
def test_any_bytes_decode(data: bytes) -> None:
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return
    text, _ = decode(data)
    assert isinstance(text, str)


@given(st.text(max_size=200))
def test_utf8_comes_back(text: str) -> None:
    assert decode(text.encode())[0] == text.removeprefix("\ufeff")


def test_missing_columns_are_all_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"questions\.csv.*answer_value, answer_unit, ref_id"):
        read_questions(write(tmp_path, "id,question\nq1,x\n"))


def test_repeated_and_empty_ids_are_named_with_their_lines(tmp_path: Path) -> None:
    text = HEADER + 'q1,"two\nlines",1,,a,0\nq1,x,1,,a,0\n,y,1,,a,0\nq2,,1,,a,0\n'
    with pytest.raises(InputError) as caught:
        read_questions(write(tmp_path, text))
    said = caught.value.paragraph()
    assert "line 4: id 'q1' stands on line 2 too" in said
    assert "line 5: empty id" in said
    assert "line 6: empty question" in said


def test_an_empty_file_and_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="lacks the column"):
        read_questions(write(tmp_path, ""))
    with pytest.raises(InputError, match="holds no question"):
        read_questions(write(tmp_path, HEADER))
    with pytest.raises(InputError, match=r"nowhere\.csv"):
        read_questions(tmp_path / "nowhere.csv")


def test_a_quote_that_nothing_closes_swallows_no_question(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER + 'q1,"5"" disk",1,MW,a,0\nq2,"x,1,MW,a,0\nq3,y,1,MW,a,0\n')
    with pytest.raises(InputError, match=r"line 3.* opens a quote that nothing closes"):
        read_questions(path)
    assert (
        len(read_questions(write(tmp_path, HEADER + 'q1,5" disk,1,MW,a,0\nq2,x,1,MW,a,0\n'))) == 2
    )


@pytest.mark.parametrize(
    ("cell", "refs"),
    [
        ("['a','b']", ("a", "b")),
        ('["a"]', ("a",)),
        ("a", ("a",)),
        ("[a, b]", ("a", "b")),
        ("is_blank", ()),
        ("", ()),
        ("[]", ()),
    ],
)
def test_references(cell: str, refs: tuple[str, ...]) -> None:
    assert parse_refs(cell) == refs


def test_gold_and_what_is_asked_have_digests_of_their_own(tmp_path: Path) -> None:
    one = read_questions(write(tmp_path, HEADER + "q1,x,1,MW,a,0\n"))
    other_gold = read_questions(write(tmp_path, HEADER + "q1,x,2,MW,a,0\n"))
    other_unit = read_questions(write(tmp_path, HEADER + "q1,x,1,kW,a,0\n"))
    assert asked_digest(one) == asked_digest(other_gold) != asked_digest(other_unit)
    assert gold_digest(one) != gold_digest(other_gold)
