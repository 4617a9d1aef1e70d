"""Tables as LaTeX: booktabs, everything escaped, unknown figures with numbered reasons."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import groupby

from wattbench.report import formats

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"$\sim$",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\symbol{34}",
    "\u2013": "--",
    "\u2212": "$-$",
    "\u00b1": r"$\pm$",
    "\u2265": r"$\geq$",
    "\u2264": r"$\leq$",
    "\u2060": "",
    "\ufffd": "[U+FFFD]",  # LuaTeX takes it for a broken file.
}
_SPECIAL = re.compile("|".join(map(re.escape, _ESCAPES)))
_OPTIONAL = re.compile(r"^([\[*])")
_LIGATURE = re.compile(r"(?<=-)(?=-)|(?<=')(?=')|(?<=`)(?=`)|(?<=,)(?=,)|(?<=[?!])(?=`)")
"""Between two characters that TeX would set as one, such as '--' as a dash."""
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_SYMBOLS = frozenset(
    "\u00a1\u00a3\u00a7\u00a9\u00ac\u00ae\u00b0\u00b5\u00b6\u00b7\u00bf\u00c6\u00d7\u00d8\u00df\u00e6\u00f7\u00f8"
    "\u0131\u0141\u0142\u0152\u0153\u2014\u2018\u2019\u201c\u201d\u2020\u2021\u2022\u2026"
)
_ACCENTS = frozenset("\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0327")
_ACCENTED_END = "\u0180"
_DEFINITION = r"\providecommand{\othertext}[2]{\ifdefined\Umathchar#1\else#2\fi}"
"""Text that pdfLaTeX cannot set, and what it sets instead; only other engines know Umathchar."""
_INVISIBLE = re.compile("[\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def escaped(text: str) -> str:
    r"""Text that LaTeX sets as it stands, on one line.

    A leading bracket or star is wrapped: after the `\\` of the row before it would be taken for
    that command's argument. What pdfLaTeX cannot set it shows as code points; XeLaTeX and
    LuaLaTeX show the text.
    """
    one_line = " ".join(_INVISIBLE.sub(" ", formats.clean(text)).split())
    shown = "{}".join(
        _SPECIAL.sub(lambda found: _ESCAPES[found[0]], part) for part in _LIGATURE.split(one_line)
    )
    return _OPTIONAL.sub(r"{\1}", _NOT_ASCII.sub(lambda found: _other(found[0]), shown))


def _other(text: str) -> str:
    """Text beyond ASCII, what pdfLaTeX cannot set with its code points beside it."""
    return "".join(
        run if known else rf"\othertext{{{run}}}{{[{' '.join(f'U+{ord(c):04X}' for c in run)}]}}"
        for known, run in ((known, "".join(found)) for known, found in groupby(text, _settable))
    )


def _settable(character: str) -> bool:
    """Whether pdfLaTeX sets it in its usual encoding, OT1."""
    if character in _SYMBOLS:
        return True
    base, *accents = list(unicodedata.normalize("NFD", character))
    return character < _ACCENTED_END and base.isascii() and _ACCENTS.issuperset(accents)


class Notes:
    """Reasons beneath a table, each numbered once."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def mark(self, shown: str, reason: str) -> str:
        """The text with the number of its reason, already LaTeX."""
        number = self._numbers.setdefault(formats.clean(reason), len(self._numbers) + 1)
        return rf"\textit{{{escaped(shown)}}}\textsuperscript{{{number}}}"

    def lines(self, *first: str) -> list[str]:
        """A line a reason, already LaTeX; what follows the table keeps its own size.

        Args:
            first: Lines to set before them, already LaTeX.
        """
        if not self._numbers and not first:
            return []
        return [
            r"\par\nopagebreak\medskip",
            r"{\footnotesize\raggedright",
            *(rf"\noindent {line}\par" for line in first),
            *(
                rf"\noindent\textsuperscript{{{number}}}~{escaped(reason)}\par"
                for reason, number in self._numbers.items()
            ),
            "}",
        ]


def tabular(
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numeric: Sequence[bool],
    notes: Notes | None = None,
) -> str:
    r"""A `tabular` of booktabs (`\usepackage{booktabs}`).

    Args:
        heads: Heads, not yet escaped.
        rows: Cells, already LaTeX (`escaped`).
        numeric: Whether each column is set to the right.
        notes: Reasons to set beneath it.
    """
    columns = "".join("r" if n else "l" for n in numeric)
    lines = ruled(columns, [escaped(head) for head in heads], rows)
    return defined([*lines, *(notes.lines() if notes is not None else [])])


def ruled(columns: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a `tabular`.

    Args:
        columns: How its columns are set, such as 'lrr'.
        heads: Heads, already LaTeX.
        rows: Cells, already LaTeX.
    """
    return [
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        " & ".join(heads) + r" \\",
        r"\midrule",
        *(" & ".join(row) + r" \\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]


def defined(lines: Sequence[str], *macros: str) -> str:
    """The lines behind the definitions that they need."""
    whole = "\n".join(lines) + "\n"
    needed = [*macros, *([_DEFINITION] if r"\othertext{" in whole else [])]
    return "".join(f"{one}%\n" for one in needed) + whole
