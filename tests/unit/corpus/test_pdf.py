from __future__ import annotations

import re
import subprocess
import sys
import time
from collections import Counter
from io import BytesIO
from pathlib import Path

import PIL.Image
import pypdf
import pytest
from pypdf.generic import DictionaryObject, NameObject
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from wattbench.corpus import pdf
from wattbench.corpus.columns import Box, reading_order
from wattbench.corpus.pdf import read_pdf
from wattbench.corpus.tree import Parsed, UnreadableError

DEMO = Path(__file__).resolve().parents[3] / "config" / "demo" / "documents"

LEFT = """The left column tells about training and its energy con-
sumption in great detail, as the first half of a page does.

It goes on with a second paragraph of enough words to be a
column and ends in the middle of a sentence that"""
RIGHT = """continues here, at the top of the right column, and is done.

The right column has a last paragraph about the energy-
efficient use of models, with enough words to be a column."""


class Sheets:
    """A PDF being written; y grows downwards, as on paper."""

    def __init__(self, width: float = 600, height: float = 800) -> None:
        self.file = BytesIO()
        self.height = height
        self.canvas = Canvas(self.file, pagesize=(width, height), invariant=1)

    def put(self, at: tuple[float, float], text: str, size: float = 9) -> Sheets:
        """Write blocks of lines below each other, a blank line between blocks."""
        x, y = at
        self.canvas.setFont("Helvetica", size)
        for block in text.split("\n\n"):
            for line in block.split("\n"):
                self.canvas.drawString(x, self.height - y, line)
                y += size * 1.2
            y += size * 2
        return self

    def table(self, at: tuple[float, float], cells: list[list[str]]) -> Sheets:
        self.canvas.setFont("Helvetica", 9)
        for i, row in enumerate(cells):
            for j, cell in enumerate(row):
                x, y = at[0] + j * 100, at[1] + i * 20
                self.canvas.rect(x, self.height - y - 20, 100, 20)
                self.canvas.drawString(x + 4, self.height - y - 13, cell)
        return self

    def image(self, pixels: tuple[int, int], mode: str = "RGB") -> Sheets:
        picture = ImageReader(PIL.Image.new(mode, pixels, 200 if mode == "L" else (200, 9, 9)))
        self.canvas.drawImage(picture, 50, 50, 40, 30)
        return self

    def next(self) -> Sheets:
        self.canvas.showPage()
        return self

    def bytes(self) -> bytes:
        self.canvas.save()
        return self.file.getvalue()


def texts(parsed: Parsed) -> list[str]:
    return [p.text for s in parsed.sections for p in s.paragraphs]


def test_two_columns_are_read_one_after_the_other() -> None:
    sheets = Sheets(height=400)
    # Right before left in the file, so that the order cannot come from there.
    sheets.put((310, 100), RIGHT).put((30, 100), LEFT)
    sheets.put((30, 40), "A heading over both columns of the page", size=16)
    sheets.put((30, 350), "The energy-efficient footer runs over both columns, wide as it is." * 2)
    heading, second, last, footer = texts(read_pdf(sheets.bytes()))
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


def test_columns_that_the_file_holds_line_by_line() -> None:
    sheets = Sheets()
    left = ["The left column tells about training", "and its energy in great detail."]
    right = ["The right column has a paragraph of", "its own about models and their use."]
    for i, (one, other) in enumerate(zip(left, right, strict=True)):
        sheets.put((30, 100 + 11 * i), one).put((310, 100 + 11 * i), other)
    assert texts(read_pdf(sheets.bytes())) == [" ".join(left), " ".join(right)]


def test_a_ruled_table_keeps_its_numbers() -> None:
    sheets = Sheets().put((50, 40), "The table lists models and their energy.")
    sheets.table((50, 60), [["Model", "GPU hours", "Energy (MWh)"], ["LLaMA 7B", "82,432", "36"]])
    sheets.put((50, 130), "After the table.")
    assert texts(read_pdf(sheets.bytes())) == [
        "The table lists models and their energy.",
        "Model: LLaMA 7B; GPU hours: 82,432; Energy (MWh): 36.",
        "After the table.",
    ]


def test_rows_without_rules_keep_their_numbers_together() -> None:
    sheets = Sheets()
    for i, row in enumerate([["Model", "GPU hours"], ["LLaMA 7B", "82,432"], ["BLOOM", "1,082"]]):
        for j, cell in enumerate(row):
            sheets.put((50 + 150 * j, 50 + 11 * i), cell)
    assert texts(read_pdf(sheets.bytes())) == ["Model GPU hours LLaMA 7B 82,432 BLOOM 1,082"]


def test_words_placed_apart_subscripts_and_turned_text() -> None:
    sheets = Sheets()
    sheets.put((50, 50), "Training").put((87, 50), "emitted").put((122, 50), "36 t of CO")
    foot = 122 + sheets.canvas.stringWidth("36 t of CO")
    sheets.put((foot, 52), "2", size=6).put((foot + 6, 50), "in all.")
    sheets.canvas.rotate(90)
    sheets.canvas.drawString(100, -400, "A remark that runs up the page.")
    assert sorted(texts(read_pdf(sheets.bytes()))) == [
        "A remark that runs up the page.",
        "Training emitted 36 t of CO2 in all.",
    ]


def test_text_drawn_twice_to_look_bold_is_read_once() -> None:
    sheets = Sheets().put((50, 50), "Parallel wall").put((50.3, 50), "Parallel wall")
    assert texts(read_pdf(sheets.bytes())) == ["Parallel wall"]


def test_images_pages_and_pages_without_text() -> None:
    sheets = Sheets().put((50, 50), "Some text here.").image((4, 3)).image((4, 3))
    parsed = read_pdf(sheets.next().image((5, 2)).bytes())
    assert [(s.title, s.page) for s in parsed.sections] == [("Page 1", 1), ("Page 2", 2)]
    # The same image drawn twice is one.
    _, picture = parsed.sections[0].paragraphs
    assert picture.kind == "attachment"
    assert picture.text.startswith("[Image page=1 idx=1 name=")
    assert "] Size: 4x3, Data: " in picture.text
    assert [(n.kind, n.detail) for n in parsed.notes] == [("scanned", "no text on page 2")]


def test_the_bytes_of_an_image_are_those_of_the_file() -> None:
    data = Sheets().put((50, 50), "Some text here.").image((4, 3)).bytes()
    (entry,) = (part for part in data.split(b"endobj") if b"/Subtype /Image" in part)
    stored = int(re.search(rb"/Length (\d+)", entry).group(1))  # type: ignore[union-attr]
    assert stored > 0
    (section,) = read_pdf(data).sections
    assert section.paragraphs[1].text.endswith(f"] Size: 4x3, Data: {stored} bytes")


def test_a_scan_and_an_encrypted_file_are_left_out() -> None:
    with pytest.raises(UnreadableError) as caught:
        read_pdf(Sheets().image((8, 8), "L").bytes())
    assert caught.value.note.kind == "scanned"
    with pytest.raises(UnreadableError) as caught:
        read_pdf(Sheets().next().bytes())
    assert caught.value.note.kind == "empty"
    writer = pypdf.PdfWriter(BytesIO(Sheets().put((50, 150), "Secret.").bytes()))
    for algorithm in ("RC4-128", "AES-256"):
        locked = BytesIO()
        writer.encrypt("x", "y", algorithm=algorithm)
        writer.write(locked)
        with pytest.raises(UnreadableError) as caught:
            read_pdf(locked.getvalue())
        note = caught.value.note
        assert (note.kind, note.detail) == ("broken", "encrypted")
        assert note.mend == "Save a copy without the password."


def test_a_file_that_only_its_owner_may_change_is_read() -> None:
    writer = pypdf.PdfWriter(BytesIO(Sheets().put((50, 150), "No secret.").bytes()))
    writer.encrypt("", "y", algorithm="AES-256")
    opened = BytesIO()
    writer.write(opened)
    assert texts(read_pdf(opened.getvalue())) == ["No secret."]


def test_a_truncated_pdf_never_stops_anything(capfd: pytest.CaptureFixture[str]) -> None:
    whole = Sheets().put((50, 50), "Some text here, enough of it.").bytes()
    outcomes: Counter[str] = Counter()
    for cut in range(0, len(whole) + 1, 37):
        try:
            outcomes["read"] += bool(texts(read_pdf(whole[:cut])))
        except UnreadableError as error:
            outcomes[error.note.kind] += 1
    assert outcomes["broken"] > 0
    assert outcomes["read"] > 0
    assert set(outcomes) <= {"read", "broken", "empty", "scanned"}
    assert capfd.readouterr() == ("", "")


def test_a_broken_page_is_named_and_the_others_read() -> None:
    sheets = Sheets().put((50, 50), "The first page.").next().put((50, 50), "The second page.")
    writer = pypdf.PdfWriter(BytesIO(sheets.bytes()))
    font = DictionaryObject({NameObject("/Subtype"): NameObject("/Type0")})
    fonts = DictionaryObject({NameObject("/F1"): font})
    writer.pages[0][NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    out = BytesIO()
    writer.write(out)
    parsed = read_pdf(out.getvalue())
    assert texts(parsed) == ["The second page."]
    (note,) = parsed.notes
    assert note.kind == "broken"
    assert note.detail.startswith("page 1: ")


# An alarm that rings inside a callback of the garbage collector is swallowed and rings again.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_page_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "PAGE_SECONDS", 0.2)
    sheets = Sheets()
    for i in range(3000):
        sheets.put((50, i / 10), "Some text that is drawn over and over again.")
    data = sheets.bytes()
    with pytest.raises(UnreadableError) as caught:
        read_pdf(data)
    assert caught.value.note.kind == "broken"
    assert "of the processor" in caught.value.note.detail


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_alarm_that_a_finaliser_swallows_rings_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def spin(seconds: float) -> None:
        end = time.process_time() + seconds
        while time.process_time() < end:
            pass

    class Slow:
        def __del__(self) -> None:
            spin(0.3)

    def blocks(_page: object) -> list[object]:
        Slow()
        spin(5.0)
        return []

    monkeypatch.setattr(pdf, "PAGE_SECONDS", 0.1)
    monkeypatch.setattr(pdf, "blocks_of_page", blocks)
    with pytest.raises(UnreadableError) as caught:
        read_pdf(Sheets().put((50, 30), "A page.").bytes())
    assert "of the processor" in caught.value.note.detail


def test_a_page_of_many_strokes_is_searched_for_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "PAGE_SECONDS", 10.0)
    sheets = Sheets().put((50, 30), "A plot.").next().put((50, 30), "A squared sheet.")
    for i in range(180):
        sheets.canvas.line(i * 3.2, 0, i * 3.2, 800)
        sheets.canvas.line(0, i * 3.2, 600, i * 3.2)
    sheets.next().put((50, 30), "A plot.")
    for i in range(6000):
        sheets.canvas.line(i % 60 * 10, i // 60 * 8, i % 60 * 10 + 10, i // 60 * 8)
    parsed = read_pdf(sheets.bytes())
    assert texts(parsed) == ["A plot.", "A squared sheet.", "A plot."]
    assert parsed.notes == ()


def test_the_demo_is_read_the_same_each_time() -> None:
    for path in sorted(DEMO.glob("*.pdf")):
        data = path.read_bytes()
        assert read_pdf(data) == read_pdf(data)


def test_a_corpus_without_pdfs_does_not_load_their_library() -> None:
    script = (
        "import sys\n"
        "from wattbench.corpus import stage\n"
        "from wattbench.corpus.readers import read_document\n"
        "read_document(b'Some text.', '.txt', 'title')\n"
        "print(sorted(m for m in sys.modules if m in {'pdfplumber', 'pdfminer', 'PIL'}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_labels_beside_values_are_read_row_by_row() -> None:
    boxes = [Box(10, y, 60, y + 8, 2) for y in (0, 20)] + [
        Box(200, y, 260, y + 8, 2) for y in (0, 20)
    ]
    assert reading_order(boxes) == [0, 2, 1, 3]


def test_three_columns() -> None:
    boxes = [Box(x, y, x + 80, y + 30, 20) for x in (0, 100, 200) for y in (0, 40)]
    assert reading_order(boxes[::-1]) == [5, 4, 3, 2, 1, 0]
