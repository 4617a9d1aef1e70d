from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from wattbench.corpus.columns import Box, reading_order
from wattbench.corpus.readers import SUFFIXES, read_document
from wattbench.corpus.text import one_line, sentences_of
from wattbench.corpus.tree import Parsed, UnreadableError, nodes_of
from wattbench.tables.documents import NODES
from wattbench.tables.files import to_arrow
from wattbench.text_files import decode

MARKUP = st.lists(
    st.sampled_from(
        (Path(__file__).parent / "markup_pieces.txt")
        .read_text(encoding="utf-8")
        .encode()
        .decode("unicode_escape")
        .split("~")
    ),
    max_size=25,
).map("".join)
PDFS = sorted((Path(__file__).resolve().parents[2] / "config/demo/documents").glob("*.pdf"))
DOCUMENTS = st.one_of(
    st.binary(max_size=200), st.text(max_size=200).map(str.encode), MARKUP.map(str.encode)
)


@settings(max_examples=400, deadline=None)
@given(DOCUMENTS, st.sampled_from([*SUFFIXES, ".xyz", ""]))
def test_any_bytes_are_read_or_reported(data: bytes, suffix: str) -> None:
    parsed: Parsed | None
    try:
        parsed = read_document(data, suffix, "title")
    except UnreadableError as error:
        parsed = None
        kind = error.note.kind
    if parsed is None:
        assert kind in {"empty", "broken", "scanned", "unsupported", "encoding"}
        return
    rows = list(nodes_of("doc", "title", parsed.sections))
    assert to_arrow(NODES, rows).num_rows == len(rows)
    seen: set[str] = set()
    sentences: dict[str, list[str]] = {}
    for row in rows:
        assert row["node_id"] not in seen
        assert row["parent_id"] in seen or row["kind"] == "document"
        assert row["node_id"].startswith(row["parent_id"] or "doc")
        seen.add(row["node_id"])
        if row["kind"] == "sentence":
            assert row["text"].strip()
            sentences.setdefault(row["parent_id"], []).append(row["text"])
    paragraphs = {row["node_id"]: row["text"] for row in rows if row["kind"] == "paragraph"}
    assert paragraphs.keys() == sentences.keys()
    for node_id, text in paragraphs.items():
        assert " ".join(sentences[node_id]).split() == text.split()


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(PDFS),
    st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=6)), min_size=1, max_size=6),
)
def test_damaged_pdfs_are_read_or_reported(path: Path, damage: list[tuple[float, bytes]]) -> None:
    data = bytearray(path.read_bytes())
    for place, written in damage:
        at = int(place * len(data))
        data[at : at + len(written)] = written
    try:
        parsed = read_document(bytes(data), ".pdf", "title")
    except UnreadableError as error:
        note = error.note
    else:
        assert any(section.paragraphs for section in parsed.sections)
        return
    assert note.kind in {"empty", "broken", "scanned"}
    assert note.mend


@given(st.text())
def test_sentences_lose_nothing(text: str) -> None:
    assert " ".join(sentences_of(text)) == one_line(text)


@given(st.binary(max_size=300))
def test_any_bytes_are_decoded(data: bytes) -> None:
    text, encoding = decode(data)
    assert encoding
    if encoding == "utf-8":
        assert text.encode() == data.removeprefix(b"\xef\xbb\xbf")


NUMBER = st.floats(0, 600, allow_nan=False)
BOXES = st.lists(
    st.tuples(NUMBER, NUMBER, st.floats(1, 300), st.floats(1, 100), st.integers(0, 60)).map(
        lambda t: Box(t[0], t[1], t[0] + t[2], t[1] + t[3], t[4])
    ),
    max_size=20,
)


@given(BOXES)
def test_reading_order_takes_every_block_once(boxes: list[Box]) -> None:
    assert sorted(reading_order(boxes)) == list(range(len(boxes)))
