"""The page: one file that loads nothing and allows no script or style but its own."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from wattbench.report import formats, prose
from wattbench.report.content import Content
from wattbench.report.packing import PAGE_LIMIT_BYTES, Chunk, Holding, pack

TEMPLATES = Path(__file__).parent / "templates"


ANSWERS_HERE = "<!-- answers -->"
"""Where the packed answers go. No text of a model, question or name can hold it: `<` is escaped."""


def page(content: Content, limit_bytes: int = PAGE_LIMIT_BYTES) -> str:
    """The whole page as HTML, at most `limit_bytes` of UTF-8 where its tables leave room for that.

    Its policy names the script and the style by their sha256, so that nothing a model, question
    or name smuggled in could run even if it got past the escaping.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_cleaned,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals["measured_word"] = formats.NOT_MEASURED
    style = _static("page.css") + _colours(content)
    script = _static("page.js")
    rendered = environment.get_template("page.html.j2").render(
        content=content,
        data=content.data,
        style=Markup(style),  # noqa: S704 - our own file, and colours that the study has validated
        script=Markup(script),  # noqa: S704 - our own file
        policy=(
            f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
            "img-src data:; base-uri 'none'; form-action 'none'"
        ),
        analysis=None if content.data.analysis is None else prose.rendered(content.data.analysis),
        bar_x=lambda share: f"{2 + share * 116:.1f}",
        answers_here=Markup(ANSWERS_HERE),  # noqa: S704
        holdings_here={c.group.slug: Markup(_holding_here(c.group.slug)) for c in content.groups},  # noqa: S704
    )
    holdings = pack(
        [c.group for c in content.groups],
        limit_bytes - len(rendered.encode()) - RESERVE_BYTES * len(content.groups),
    )
    for holding in holdings:
        said = Markup.escape(holding.sentence())
        rendered = _put(rendered, _holding_here(holding.group.slug), str(said))
    return _put(rendered, ANSWERS_HERE, "\n".join(_elements(holdings)))


def _cleaned(value: object) -> object:
    """What a template prints: names and texts cleaned, our own markup and numbers as they are."""
    return formats.clean(value) if type(value) is str else value


RESERVE_BYTES = 1_000
"""For the sentence on what the page holds."""


def _holding_here(slug: str) -> str:
    return f"<!-- holding of {slug} -->"


def _put(html: str, place: str, what: str) -> str:
    before, after = html.split(place)
    return f"{before}{what}{after}"


def _elements(holdings: list[Holding]) -> Iterator[str]:
    """The packed answers as script elements that no browser runs; base64 cannot end one."""
    for holding in holdings:
        parts: list[tuple[str, list[Chunk]]] = [
            ("core", [holding.core]), ("short", holding.shorts), ("detail", holding.details),
        ]  # fmt: skip
        for part, chunks in parts:
            for chunk in chunks:
                yield (
                    f'<script type="text/plain" class="{part}-of-{holding.group.slug}" '
                    f'data-count="{len(chunk.places)}">{chunk.packed}</script>'
                )


def _static(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _colours(content: Content) -> str:
    """A rule for each run's colour; `--c` is its colour on the ground it stands on."""
    runs = {run.css: run for part in content.groups for run in part.group.runs}
    light = "".join(f".{css}{{--c:{run.colour}}}" for css, run in sorted(runs.items()))
    dark = "".join(f".{css}{{--c:{run.dark_colour}}}" for css, run in sorted(runs.items()))
    themed = "".join(
        f':root[data-theme="dark"] .{css}{{--c:{run.dark_colour}}}'
        for css, run in sorted(runs.items())
    )
    forced = "".join(
        f':root[data-theme="light"] .{css}{{--c:{run.colour}}}' for css, run in sorted(runs.items())
    )
    return (
        f"{light}\n@media screen and (prefers-color-scheme: dark){{{dark}}}\n"
        f"@media screen{{{themed}{forced}}}\n"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
