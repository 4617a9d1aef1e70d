"""Checks of the demo study: documents, metadata, questions and gold answers."""

from __future__ import annotations

import ast
import csv
import html
import json
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pypdf
import pytest

DEMO = Path(__file__).resolve().parents[3] / "config" / "demo"
DOCUMENTS = DEMO / "documents"
BLANK = "is_blank"
FLAGS = ("Quote", "Table", "Figure", "Math", "is_NA")
COLUMNS = [
    "id",
    "question",
    "answer",
    "answer_value",
    "answer_unit",
    "ref_id",
    "ref_url",
    "supporting_materials",
    "explanation",
    *FLAGS,
]
MAX_BYTES = 60_000

Row = dict[str, str]


def read_rows(path: Path) -> list[Row]:
    """All rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def squeeze(text: str) -> str:
    """The text with every run of white space made one blank."""
    return " ".join(text.split())


def strip_tags(markup: str) -> str:
    """The text of an HTML page."""
    return html.unescape(re.sub(r"<[^>]+>", " ", markup))


def json_text(content: dict[str, object]) -> str:
    """The paragraphs of a JSON document, read from its sections."""
    sections = content["sections"]
    assert isinstance(sections, list)
    return " ".join(
        paragraph["text"] for section in sections for paragraph in section["paragraphs"]
    )


def pdf_pages(path: Path) -> list[str]:
    """The text of each page, by another reader than the one of the workflow."""
    return [page.extract_text() for page in pypdf.PdfReader(path).pages]


@cache
def document_paths() -> dict[str, Path]:
    """The document files by document id."""
    return {path.stem: path for path in sorted(DOCUMENTS.iterdir())}


@cache
def document_text(document_id: str) -> str:
    """The text of a document with white space normalised."""
    path = document_paths()[document_id]
    if path.suffix == ".pdf":
        return squeeze(" ".join(pdf_pages(path)))
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".html":
        text = strip_tags(text)
    elif path.suffix == ".json":
        text = json_text(json.loads(text))
    return squeeze(text)


@cache
def metadata() -> dict[str, Row]:
    """The rows of the metadata table by document id."""
    return {row["id"]: row for row in read_rows(DEMO / "metadata.csv")}


def question_set(name: str) -> list[Row]:
    """The rows of one question set."""
    return read_rows(DEMO / "questions" / f"{name}.csv")


def parse_list(text: str) -> list[str]:
    """The items of a list such as ``['a','b']`` or ``[0.4,0.6]``."""
    value = ast.literal_eval(text)
    assert isinstance(value, list)
    return [str(item) for item in value]


def references(row: Row) -> list[str]:
    """The ids of the documents a question refers to."""
    return [] if row["ref_id"] == BLANK else parse_list(row["ref_id"])


def materials(row: Row) -> list[str]:
    """The supporting sentences and table rows of a question."""
    text = row["supporting_materials"]
    return [] if text == BLANK else text.split(" | ")


def is_true_or_false(row: Row) -> bool:
    """Whether a question has to be answered by true or false."""
    return row["question"].startswith("True or false:")


def is_unanswerable(row: Row) -> bool:
    """Whether the documents hold no answer to a question."""
    return row["is_NA"] == "1"


def to_number(text: str) -> float | None:
    """The number in a text, or None if the text is not a number."""
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return None


def numbers_in(text: str) -> set[float]:
    """All numbers of a text, without thousands separators and percent signs."""
    found = re.findall(r"\d[\d,]*(?:\.\d+)?", text)
    return {float(item.replace(",", "")) for item in found}


def expected_numbers(row: Row) -> list[float]:
    """The numbers of an answer value: one, the ends of a range, or none."""
    value = row["answer_value"]
    items = parse_list(value) if value.startswith("[") else [value]
    numbers = [to_number(item) for item in items]
    return [number for number in numbers if number is not None]


def calculation(row: Row) -> tuple[str, str] | None:
    """The expression and the result stated at the end of an explanation."""
    match = re.search(r"Calculation: ([\d+\-*/(). ]+) = (\S+)$", row["explanation"].strip())
    return None if match is None else (match.group(1), match.group(2))


def evaluate(expression: str) -> float:
    """The value of an expression with numbers, + - * / and parentheses."""

    def value_of(node: ast.expr) -> float:
        match node:
            case ast.Constant(value=int() | float() as number):
                return float(number)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -value_of(operand)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return value_of(left) + value_of(right)
            case ast.BinOp(left=left, op=ast.Sub(), right=right):
                return value_of(left) - value_of(right)
            case ast.BinOp(left=left, op=ast.Mult(), right=right):
                return value_of(left) * value_of(right)
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return value_of(left) / value_of(right)
            case _:
                raise ValueError(f"not plain arithmetic: {expression}")

    return value_of(ast.parse(expression, mode="eval").body)


def occurs(material: str, text: str, *, table: bool) -> bool:
    """Whether a sentence, or the cells of a table row in order, occur in a text."""
    if squeeze(material) in text:
        return True
    return table and squeeze(material.replace(";", " ")) in text


FULL = question_set("full")
SMALL = question_set("demo")
ANSWERABLE = [row for row in FULL if not is_unanswerable(row)]
CALCULATED = [row for row in FULL if row["Math"] == "1"]


def by_id(row: Row) -> str:
    """The name of a test case."""
    return row["id"]


# documents


def test_enough_documents_of_every_format() -> None:
    formats = Counter(path.suffix for path in document_paths().values())
    assert sum(formats.values()) >= 24
    assert formats[".md"] >= 10
    assert formats[".html"] >= 5
    assert formats[".txt"] >= 5
    assert formats[".json"] >= 3
    assert formats[".pdf"] >= 3
    assert set(formats) == {".md", ".html", ".txt", ".json", ".pdf"}


def test_document_ids_are_unique() -> None:
    assert len(document_paths()) == len(list(DOCUMENTS.iterdir()))


def test_documents_are_small() -> None:
    sizes = {path.name: path.stat().st_size for path in DOCUMENTS.iterdir()}
    assert {name for name, size in sizes.items() if size >= MAX_BYTES} == set()


def test_pdfs_have_several_pages() -> None:
    pdfs = [path for path in DOCUMENTS.iterdir() if path.suffix == ".pdf"]
    assert all(len(pdf_pages(path)) >= 2 for path in pdfs)


def test_html_documents_with_tables() -> None:
    pages = [path.read_text(encoding="utf-8") for path in DOCUMENTS.glob("*.html")]
    assert sum("<table>" in page for page in pages) >= 2


@pytest.mark.parametrize("path", sorted(DOCUMENTS.glob("*.json")), ids=lambda p: p.stem)
def test_json_documents_are_consistent(path: Path) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    assert list(content) == ["document_id", "title", "text", "metadata", "sections"]
    assert content["document_id"] == path.stem
    assert content["metadata"]["url"] == metadata()[path.stem]["url"]
    assert squeeze(content["text"]) == squeeze(json_text(content))
    for section in content["sections"]:
        for paragraph in section["paragraphs"]:
            sentences = [sentence["text"] for sentence in paragraph["sentences"]]
            assert " ".join(sentences) == paragraph["text"]


def test_every_document_has_one_metadata_row() -> None:
    rows = read_rows(DEMO / "metadata.csv")
    assert [row["id"] for row in rows] == sorted(document_paths())
    assert list(rows[0]) == ["id", "type", "title", "year", "citation", "url"]
    assert all(all(row.values()) for row in rows)
    assert all(row["url"].startswith("https://") for row in rows)


# question sets


@pytest.mark.parametrize("path", [*sorted(DEMO.glob("questions/*.csv")), DEMO / "metadata.csv"])
def test_tables_are_plain_utf8(path: Path) -> None:
    content = path.read_bytes()
    assert not content.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in content
    content.decode("utf-8")


def test_columns() -> None:
    assert list(FULL[0]) == COLUMNS
    assert list(SMALL[0]) == COLUMNS


def test_demo_is_the_beginning_of_full() -> None:
    assert len(SMALL) == 24
    assert len(FULL) >= 100
    assert FULL[: len(SMALL)] == SMALL


def test_ids_and_questions_are_unique() -> None:
    assert [row["id"] for row in FULL] == [f"q{number:03d}" for number in range(1, len(FULL) + 1)]
    assert len({row["question"] for row in FULL}) == len(FULL)


def test_share_of_unanswerable_questions() -> None:
    assert sum(map(is_unanswerable, SMALL)) * 8 >= len(SMALL)
    assert sum(map(is_unanswerable, FULL)) * 7 >= len(FULL)


def test_kinds_of_questions() -> None:
    for rows, least in ((SMALL, 1), (FULL, 5)):
        ranges = [r for r in rows if re.match(r"\[[\d.]+,[\d.]+\]$", r["answer_value"])]
        lists = [r for r in rows if r["answer_value"].startswith("['")]
        assert len(ranges) >= least
        assert len(lists) >= min(least, 4)
        assert sum(map(is_true_or_false, rows)) >= least
        assert sum(row["Math"] == "1" for row in rows) >= least
        assert sum(row["Table"] == "1" for row in rows) >= least
    assert any(len(references(row)) == 2 for row in CALCULATED)
    assert sum(row["Figure"] == "1" for row in FULL) >= 3


@pytest.mark.parametrize("row", FULL, ids=by_id)
def test_cells_are_filled(row: Row) -> None:
    assert all(value and value == value.strip() for value in row.values())
    assert all(row[flag] in {"0", "1"} for flag in FLAGS)
    assert any(row[flag] == "1" for flag in FLAGS)


@pytest.mark.parametrize("row", FULL, ids=by_id)
def test_unanswerable_questions_are_blank(row: Row) -> None:
    blanks = {
        row[column] == BLANK
        for column in ("answer_value", "ref_id", "ref_url", "supporting_materials")
    }
    assert blanks == {is_unanswerable(row)}


@pytest.mark.parametrize("row", ANSWERABLE, ids=by_id)
def test_references_exist(row: Row) -> None:
    ids = references(row)
    assert ids
    assert all(item in document_paths() for item in ids)
    assert parse_list(row["ref_url"]) == [metadata()[item]["url"] for item in ids]


# gold answers


@pytest.mark.parametrize("row", ANSWERABLE, ids=by_id)
def test_supporting_materials_are_verbatim(row: Row) -> None:
    texts = {item: document_text(item) for item in references(row)}
    table = row["Table"] == "1"
    supporting: set[str] = set()
    for material in materials(row):
        found = {item for item, text in texts.items() if occurs(material, text, table=table)}
        assert found, material
        supporting |= found
    assert supporting == set(texts)


@pytest.mark.parametrize("row", ANSWERABLE, ids=by_id)
def test_values_are_supported(row: Row) -> None:
    support = " ".join(materials(row))
    if is_true_or_false(row):
        assert row["answer_value"] in {"0", "1"}
        expected = "True" if row["answer_value"] == "1" else "False"
        assert row["answer"].startswith(expected)
        return
    if row["Math"] == "1":
        return
    numbers = expected_numbers(row)
    if numbers:
        assert set(numbers) <= numbers_in(support)
        assert set(numbers) <= numbers_in(row["answer"])
        return
    value = row["answer_value"]
    names = parse_list(value) if value.startswith("[") else [value]
    assert all(name in support for name in names)
    assert all(name in row["answer"] for name in names)


@pytest.mark.parametrize("row", CALCULATED, ids=by_id)
def test_calculations(row: Row) -> None:
    stated = calculation(row)
    assert stated is not None
    expression, result = stated
    assert result == row["answer_value"]
    assert evaluate(expression) == pytest.approx(float(result), rel=1e-3)
    assert numbers_in(expression) <= numbers_in(" ".join(materials(row)))
    assert float(result) in numbers_in(row["answer"])


@pytest.mark.parametrize("row", FULL, ids=by_id)
def test_only_calculated_answers_state_a_calculation(row: Row) -> None:
    assert ("Calculation:" in row["explanation"]) == (row["Math"] == "1")
