"""Tables as LaTeX: booktabs, everything escaped, unknown figures with numbered reasons."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

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
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "\u2013": "--",
    "\u2212": "$-$",
    "\u00b1": r"$\pm$",
    "\u2265": r"$\geq$",
    "\u2264": r"$\leq$",
    "\u2060": "",
}
_SPECIAL = re.compile("|".join(map(re.escape, _ESCAPES)))
_OPTIONAL = re.compile(r"^([\[*])")
_INVISIBLE = re.compile("[\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def escaped(text: str) -> str:
    r"""Text that LaTeX sets as it stands, on one line.

    A leading bracket or star is wrapped: after the `\\` of the row before it would be taken for
    that command's argument.
    """
    one_line = " ".join(_INVISIBLE.sub(" ", formats.clean(text)).split())
    shown = _SPECIAL.sub(lambda found: _ESCAPES[found[0]], one_line)
    return _OPTIONAL.sub(r"{\1}", shown)


class Notes:
    """Reasons beneath a table, each numbered once."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def mark(self, shown: str, reason: str) -> str:
        """The text with the number of its reason, already LaTeX."""
        number = self._numbers.setdefault(formats.clean(reason), len(self._numbers) + 1)
        return rf"\textit{{{escaped(shown)}}}\textsuperscript{{{number}}}"

    def lines(self) -> list[str]:
        """A line a reason, already LaTeX."""
        return [
            rf"\noindent\footnotesize\textsuperscript{{{number}}}~{escaped(reason)}\par"
            for reason, number in self._numbers.items()
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
    lines = [
        rf"\begin{{tabular}}{{{''.join('r' if n else 'l' for n in numeric)}}}",
        r"\toprule",
        " & ".join(map(escaped, heads)) + r" \\",
        r"\midrule",
        *(" & ".join(row) + r" \\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    under = notes.lines() if notes is not None else []
    return "\n".join([*lines, *([r"\par\medskip", *under] if under else [])]) + "\n"
