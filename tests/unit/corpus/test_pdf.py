from __future__ import annotations

from collections import Counter
from typing import Any

import pymupdf
import pytest

from wattbench.corpus.columns import Box, reading_order
from wattbench.corpus.pdf import read_pdf
from wattbench.corpus.tree import UnreadableError

LEFT = """The left column tells about training and its energy con-
sumption in great detail, as the first half of a page does.

It goes on with a second paragraph of enough words to be a
column and ends in the middle of a sentence that"""
RIGHT = """continues here, at the top of the right column, and is done.

The right column has a last paragraph about the energy-
efficient use of models, with enough words to be a column."""


def new() -> Any:
    document: Any = pymupdf.open()
    return document


def put(page: Any, at: tuple[float, float], text: str, size: float = 9) -> None:
    """Write blocks of lines below each other, a blank line between blocks."""
    x, y = at
    for block in text.split("\n\n"):
        for line in block.split("\n"):
            page.insert_text((x, y), line, fontsize=size)
            y += size * 1.2
        y += size * 2


def texts(parsed: Any) -> list[str]:
    return [p.text for s in parsed.sections for p in s.paragraphs]


def test_two_columns_are_read_one_after_the_other() -> None:
    document = new()
    page = document.new_page(width=600, height=400)
    # Right before left in the file, so that the order cannot come from there.
    put(page, (310, 100), RIGHT)
    put(page, (30, 100), LEFT)
    put(page, (30, 40), "A heading over both columns of the page", size=16)
    put(page, (30, 350), "The energy-efficient footer runs over both columns, wide as it is." * 2)
    heading, second, last, footer = texts(read_pdf(document.tobytes()))
    assert heading == (
        "A heading over both columns of the page The left column tells about training and its "
        "energy consumption in great detail, as the first half of a page does."
    )
    assert second == (
        "It goes on with a second paragraph of enough words to be a column and ends in the middle "
        "of a sentence that continues here, at the top of the right column, and is done."
    )
    assert last == (
        "The right column has a last paragraph about the energy-efficient use of models, with "
        "enough words to be a column."
    )
    assert footer.startswith("The energy-efficient footer runs over both columns")


def test_a_ruled_table_keeps_its_numbers() -> None:
    document = new()
    page = document.new_page()
    put(page, (50, 40), "The table lists models and their energy.")
    cells = [["Model", "GPU hours", "Energy (MWh)"], ["LLaMA 7B", "82,432", "36"]]
    for i, row in enumerate(cells):
        for j, cell in enumerate(row):
            x, y = 50 + j * 100, 60 + i * 20
            page.draw_rect((x, y, x + 100, y + 20))
            page.insert_text((x + 4, y + 13), cell, fontsize=9)
    put(page, (50, 130), "After the table.")
    assert texts(read_pdf(document.tobytes())) == [
        "The table lists models and their energy.",
        "Model: LLaMA 7B; GPU hours: 82,432; Energy (MWh): 36.",
        "After the table.",
    ]


def test_images_pages_and_pages_without_text() -> None:
    document = new()
    pixels = pymupdf.Pixmap(pymupdf.csRGB, pymupdf.IRect(0, 0, 4, 3))
    pixels.clear_with(200)
    put(document.new_page(), (50, 50), "Some text here.")
    document.new_page()
    for page in document:
        page.insert_image((50, 100, 90, 130), pixmap=pixels)
    parsed = read_pdf(document.tobytes())
    assert [(s.title, s.page) for s in parsed.sections] == [("Page 1", 1), ("Page 2", 2)]
    picture = parsed.sections[0].paragraphs[1]
    assert picture.kind == "attachment"
    assert picture.text.startswith("[Image page=1 idx=1 name=")
    assert "] Size: 4x3, Data: " in picture.text
    assert [(n.kind, n.detail) for n in parsed.notes] == [("scanned", "no text on page 2")]


def test_a_scan_and_an_encrypted_file_are_left_out() -> None:
    document = new()
    pixels = pymupdf.Pixmap(pymupdf.csGRAY, pymupdf.IRect(0, 0, 8, 8))
    pixels.clear_with(9)
    document.new_page().insert_image((0, 0, 100, 100), pixmap=pixels)
    with pytest.raises(UnreadableError) as caught:
        read_pdf(document.tobytes())
    assert caught.value.note.kind == "scanned"
    put(document[0], (50, 150), "Secret.")
    locked = document.tobytes(encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="x", owner_pw="y")
    with pytest.raises(UnreadableError) as caught:
        read_pdf(locked)
    assert (caught.value.note.kind, caught.value.note.detail) == ("broken", "encrypted")


def test_a_truncated_pdf_never_stops_anything() -> None:
    document = new()
    put(document.new_page(), (50, 50), "Some text here, enough of it.")
    whole = document.tobytes()
    outcomes: Counter[str] = Counter()
    for cut in range(0, len(whole) + 1, 37):
        try:
            outcomes["read"] += bool(texts(read_pdf(whole[:cut])))
        except UnreadableError as error:
            outcomes[error.note.kind] += 1
    assert outcomes["broken"] > 0
    assert set(outcomes) <= {"read", "broken", "empty", "scanned"}


def test_labels_beside_values_are_read_row_by_row() -> None:
    boxes = [Box(10, y, 60, y + 8, 2) for y in (0, 20)] + [
        Box(200, y, 260, y + 8, 2) for y in (0, 20)
    ]
    assert reading_order(boxes) == [0, 2, 1, 3]


def test_three_columns() -> None:
    boxes = [Box(x, y, x + 80, y + 30, 20) for x in (0, 100, 200) for y in (0, 40)]
    assert reading_order(boxes[::-1]) == [5, 4, 3, 2, 1, 0]
