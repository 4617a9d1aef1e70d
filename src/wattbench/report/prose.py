"""The study's own words: Markdown to markup, with no HTML of the writer's let through."""

from __future__ import annotations

from markdown_it import MarkdownIt
from markupsafe import Markup

from wattbench.report import formats


def rendered(markdown: str) -> Markup:
    """CommonMark with tables as markup.

    Raw HTML is shown as text, images are left out (the page may fetch nothing), and links other
    than http, https and mailto stay text.
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    parser.validateLink = _is_plain_link  # type: ignore[method-assign]
    return Markup(parser.render(formats.clean(markdown)))  # noqa: S704


def _is_plain_link(url: str) -> bool:
    return url.strip().lower().startswith(("http://", "https://", "mailto:", "#"))
