"""How numbers and text are written for people."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

from wattbench.tables.contract import Table

JOULES_PER_WH = 3600.0
GIB = 2**30

NOT_MEASURED = "not measured"

_BEFORE_UNIT = re.compile(r"(?<=\d) (?=(?:%|[kMG]?J|[kM]?Wh?|s)(?!\w))")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """Text without control characters, which no page, plot or cell can show.

    Among them are those that set the direction of what follows (Unicode Annex 9, 2.1 to 2.5): a
    name with one of them would turn round the figures behind it, so that 0.59 reads 95.0.
    """
    if text.isprintable():
        return text
    return _CONTROL.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def cut(text: str, length: int) -> str:
    """At most `length` characters, the cut marked."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def figures(value: float, digits: int = 3) -> str:
    """A number with `digits` significant figures; exponents only below 1e-4 and from 1e9 on."""
    if value == 0:
        return "0"
    size = math.floor(math.log10(abs(value)))
    if not -4 <= size < 9:
        return f"{value:.{digits - 1}e}"
    rounded = round(value, digits - 1 - size)
    size = math.floor(math.log10(abs(rounded)))
    return f"{rounded:,.{max(digits - 1 - size, 0)}f}"


def share(value: float) -> str:
    """A share from 0 to 1 with three decimals."""
    return f"{value:.3f}"


def interval(low: float | None, high: float | None, write: str = "share") -> str:
    """An interval as 'low to high'; an end that does not exist is said to be open."""
    put = share if write == "share" else figures
    left = "no lower end" if low is None else put(low)
    right = "no upper end" if high is None else put(high)
    return f"{left}\u2013{right}" if low is not None and high is not None else f"{left} to {right}"


def seconds(value: float) -> str:
    """A duration: '0.42 s', '12.3 s', '4 min 05 s', '2 h 03 min'."""
    if value < 99.95:
        return f"{figures(value)} s"
    whole = round(value)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(value / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def gib(count: float) -> str:
    """Bytes as GiB (2^30 bytes)."""
    return f"{figures(count / GIB)} GiB"


def percent(value: float) -> str:
    """Percent without decimals from 10 on."""
    return f"{figures(value, 2) if abs(value) < 10 else round(value)} %"


def probability(value: float) -> str:
    """A probability in percent; what draws cannot tell from 0 or 1 is bounded instead."""
    if value < 0.001:
        return "< 0.1 %"
    return "> 99.9 %" if value > 0.999 else percent(100 * value)


def moment(value: datetime) -> str:
    """A point in time, UTC, to the second."""
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def energy_prefix(method: str | None) -> str:
    """'~' before an estimate, nothing before a measurement."""
    return "~" if method in {"estimated", "mixed"} else ""


def contract_reason(table: Table, column: str) -> str:
    """What the contract says of a null in a column."""
    return next((c.null for c in table.columns if c.name == column), "") or "not given"


def clock(value: float, step: float) -> str:
    """A point on a time axis whose ticks are `step` seconds apart: '40 s', '2 min', '1.5 h'."""
    if step < 60:
        return f"{value:g} s"
    if step < 3600:
        return f"{value / 60:g} min"
    return f"{value / 3600:g} h"


def signed(value: float) -> str:
    """A difference of shares with its sign."""
    return f"{value:+.3f}".replace("-", "\u2212")


def squeeze(text: str, length: int) -> str:
    """At most `length` characters, cut in the middle: names often differ at their ends."""
    if len(text) <= length:
        return text
    tail = (length - 1) // 2
    return f"{text[: length - 1 - tail].rstrip()}\u2026{text[-tail:].lstrip()}"


def unbroken(text: str) -> str:
    """Text whose intervals, and whose numbers and units, do not break over two lines."""
    joined = _BEFORE_UNIT.sub("\u00a0", clean(text))
    return joined.replace("\u2013", "\u2060\u2013\u2060")
