"""The page: one file that loads nothing and allows no script or style but its own."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from wattbench.report import formats, prose
from wattbench.report.browser import browser_data, safe_json
from wattbench.report.content import Content

TEMPLATES = Path(__file__).parent / "templates"


def page(content: Content) -> str:
    """The whole page as HTML.

    Its policy names the script and the style by their sha256, so that nothing a model, question
    or name smuggled in could run even if it got past the escaping.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals["measured_word"] = formats.NOT_MEASURED
    style = _static("page.css") + _colours(content)
    script = _static("page.js")
    return environment.get_template("page.html.j2").render(
        content=content,
        data=content.data,
        style=Markup(style),  # noqa: S704 - our own file, and colours that the study has validated
        script=Markup(script),  # noqa: S704 - our own file
        policy=(
            f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
            "img-src data:; base-uri 'none'; form-action 'none'"
        ),
        browsers={c.group.slug: safe_json(browser_data(c.group)) for c in content.groups},
        analysis=None if content.data.analysis is None else prose.rendered(content.data.analysis),
        bar_x=lambda share: f"{2 + share * 116:.1f}",
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
