from __future__ import annotations

import json

import pytest

from wattbench.corpus.html_page import read_html
from wattbench.corpus.json_corpus import read_json_corpus
from wattbench.corpus.markdown import inline, read_markdown
from wattbench.corpus.plain import read_plain
from wattbench.corpus.readers import read_document
from wattbench.corpus.tree import Parsed, UnreadableError


def outline(parsed: Parsed) -> list[tuple[str, list[str]]]:
    return [(s.title, [p.text for p in s.paragraphs]) for s in parsed.sections]


MARKDOWN = """---
title: "Power of GPUs"
---
Before any heading.

# One
Two lines
make one paragraph.

- first item
- second [item](http://x.org/a_(b)) goes
  on
1. numbered

Setext
------

| GPU | Power (W) |
|-----|----------:|
| T4  | 70 |
| A\\|B | **400** |

```python
x = 1

y = "# no heading"
```
<!-- hidden
comment -->
> quoted text
"""


def test_markdown() -> None:
    parsed = read_markdown(MARKDOWN, "file")
    assert parsed.title == "Power of GPUs"
    assert outline(parsed) == [
        ("file", ["Before any heading."]),
        ("One", ["Two lines make one paragraph.", "first item second item goes on numbered"]),
        (
            "Setext",
            [
                "GPU: T4; Power (W): 70.\nGPU: A|B; Power (W): 400.",
                'x = 1\ny = "# no heading"',
                "quoted text",
            ],
        ),
    ]
    assert parsed.sections[1].paragraphs[1].sentences == (
        "first item",
        "second item goes on",
        "numbered",
    )


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("**bold** and *it* and __b__ _i_", "bold and it and b i"),
        ("snake_case_name and 2 * 3 * 4", "snake_case_name and 2 * 3 * 4"),
        ("`a*b*c` \\*kept\\*", "a*b*c *kept*"),
        ("![chart](c.png) <https://x.org> a<br>b &amp; c", "chart https://x.org a b & c"),
        ("[see [1]](x) ~~no~~ [t][ref]", "[see [1]](x) no t"),
        ("p < 0.05 and q > 1", "p < 0.05 and q > 1"),
    ],
)
def test_markdown_markup_goes_and_text_stays(source: str, expected: str) -> None:
    assert inline(source) == expected


HTML = """<!DOCTYPE html><html><head><title>A &amp; B</title><style>p{}</style>
<script>if (a < b) document.write("<p>no</p>")</script></head><body>
<![if !IE]><p>Lead<br>text &euro;5<![endif]>
<h2>Power<p>Unclosed heading and paragraph
<p>Second <b>one</b>.
<ul><li>first<li>second</ul>
<table><caption>Table 1: GPUs</caption>
<thead><tr><th>GPU<th>Power<th>Year</thead>
<tr><td rowspan=2>T4<td>70<td>2018<tr><td>72<td>2023
</table>
<table><tr><th>Host<td>LUMI<tr><th>Country<td>Finland</table>
<pre>a = 1
b = 2</pre>
after <img src=x alt="a chart"></body></html>"""


def test_html() -> None:
    parsed = read_html(HTML, "file")
    assert parsed.title == "A & B"
    assert outline(parsed) == [
        ("file", ["Lead text €5"]),
        (
            "Power",
            [
                "Unclosed heading and paragraph",
                "Second one.",
                "first second",
                "Table 1: GPUs\nGPU: T4; Power: 70; Year: 2018.\nGPU: T4; Power: 72; Year: 2023.",
                "Host: LUMI.\nCountry: Finland.",
                "a = 1\nb = 2",
                "after a chart",
            ],
        ),
    ]


def test_html_in_its_declared_charset() -> None:
    page = '<meta charset="iso-8859-2"><p>Kraków uses żółw energy.'
    parsed = read_document(page.encode("iso-8859-2"), ".html", "t")
    assert outline(parsed) == [("t", ["Kraków uses żółw energy."])]
    assert [note.kind for note in parsed.notes] == ["encoding"]


def test_plain_text_with_blank_lines_and_pages() -> None:
    assert outline(read_plain("One para-\ngraph. Still.\r\n \r\nTwo.", "t")) == [
        ("t", ["One paragraph. Still.", "Two."])
    ]
    paged = read_plain("First.\f\fThird.", "t")
    assert [(s.title, s.page) for s in paged.sections] == [("Page 1", 1), ("Page 3", 3)]


def test_json_corpus() -> None:
    document = {
        "document_id": "d1",
        "title": "T",
        "text": "ignored where sections are",
        "sections": [
            {
                "title": "Page 3",
                "metadata": {"page": 3},
                "paragraphs": [
                    {"text": "A b. C d.", "sentences": [{"text": "A b."}, {"text": "C d."}]},
                    {"text": "All kept. Yes.", "sentences": [{"text": "Half"}]},
                    {"text": "[Image page=3 idx=1 name=x] Size: 1x1, Data: 9 bytes"},
                ],
            }
        ],
    }
    parsed = read_json_corpus(json.dumps(document), "file")
    assert (parsed.document_id, parsed.title) == ("d1", "T")
    [section] = parsed.sections
    assert (section.title, section.page) == ("Page 3", 3)
    assert [p.sentences for p in section.paragraphs] == [
        ("A b.", "C d."),
        ("All kept.", "Yes."),
        (),
    ]
    assert [p.kind for p in section.paragraphs] == ["paragraph", "paragraph", "attachment"]


def test_json_with_text_alone_is_split() -> None:
    parsed = read_json_corpus('{"title": "T", "text": "One.\\n\\nTwo."}', "file")
    assert outline(parsed) == [("T", ["One.", "Two."])]


@pytest.mark.parametrize(
    ("data", "suffix", "kind"),
    [
        (b"", ".md", "empty"),
        (b" \n\t", ".txt", "empty"),
        (b"<script>x</script>", ".html", "empty"),
        (b"{", ".json", "broken"),
        (b"[1]", ".json", "broken"),
        (b"[" * 200_000, ".json", "broken"),
        (b"%PDF-1.4 nothing", ".pdf", "broken"),
        (b"not a pdf at all", ".pdf", "broken"),
        (b"x", ".docx", "unsupported"),
        ("text".encode("utf-16-le"), ".txt", "encoding"),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, suffix: str, kind: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        read_document(data, suffix, "t")
    assert caught.value.note.kind == kind
    assert caught.value.note.mend


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("caf\u00e9 \u2013 5".encode("cp1252"), "caf\u00e9 \u2013 5"),
        ("caf\u00e9 ".encode() + "\u20ac".encode("cp1252"), "caf\u00e9 \u20ac"),
        ("\ufeffwith mark".encode(), "with mark"),
        ("sixteen".encode("utf-16"), "sixteen"),
    ],
)
def test_other_encodings_are_read_without_loss(data: bytes, expected: str) -> None:
    assert outline(read_document(data, ".txt", "t")) == [("t", [expected])]
