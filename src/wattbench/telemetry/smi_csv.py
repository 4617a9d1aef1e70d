"""Reading the CSV that `nvidia-smi --query-gpu=... --format=csv` writes.

Any order of columns, units in heads or cells or nowhere, several GPUs, and numbers in the
writing of the machine's language; what the tool does not know ('[N/A]') stays unknown.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

from wattbench.errors import InputError, ParseError

MIB = 1 << 20
GIB = 1 << 30

GUIDE_COLUMNS = (
    "timestamp",
    "utilization.gpu",
    "utilization.memory",
    "memory.used",
    "memory.total",
    "power.draw",
    "temperature.gpu",
)
"""Columns of a file without a head."""

IDENTITIES = ("uuid", "gpu_uuid", "pci.bus_id", "gpu_bus_id", "index", "serial", "gpu_serial")
"""Columns that tell GPUs apart, best first."""

UNKNOWN = re.compile(
    r"^(?:\[.*\]|n/?a|not supported|unknown error|err!|unknown|none|null|-|)$", re.IGNORECASE
)
CELL = re.compile(
    r"^(?P<sign>-?)(?P<number>[0-9](?:[0-9.,'\u2019\s]*[0-9])?)\s*(?P<unit>[A-Za-z%\u00b0]*)$"
)
GROUPED = re.compile(r"^[0-9]{1,3}(?:[.,'\u2019\s][0-9]{3})+$")
PLAIN = re.compile(r"^[0-9]+(?:\.[0-9]+)?$")
HEAD_UNIT = re.compile(r"\s*\[([^\]]*)\]\s*$")

UNITS: dict[str, dict[str, float]] = {
    # Older versions write MB and mean MiB.
    "bytes": {"": MIB, "b": 1, "kib": 1024, "mib": MIB, "mb": MIB, "gib": GIB, "gb": GIB},
    "pct": {"": 1, "%": 1},
    "w": {"": 1, "w": 1, "mw": 0.001, "kw": 1000},
    "c": {"": 1, "c": 1, "\u00b0c": 1},
    "mhz": {"": 1, "mhz": 1, "ghz": 1000},
}  # fmt: skip
WHOLE = frozenset({"bytes", "pct", "c", "mhz"})
"""Kinds that nvidia-smi writes without decimals, so that a lone separator groups thousands."""

COLUMNS: dict[str, tuple[str, str]] = {
    "utilization.gpu": ("utilisation_pct", "pct"),
    "utilization.memory": ("memory_utilisation_pct", "pct"),
    "memory.used": ("memory_used_bytes", "bytes"),
    "memory.total": ("memory_total_bytes", "bytes"),
    "power.draw": ("power_w", "w"),
    "power.draw.average": ("power_w", "w"),
    "power.draw.instant": ("power_w", "w"),
    "temperature.gpu": ("temperature_c", "c"),
    "clocks.sm": ("clock_mhz", "mhz"),
    "clocks.current.sm": ("clock_mhz", "mhz"),
}


@dataclass(frozen=True)
class Sample:
    """One row of the file: one GPU at one time.

    Args:
        line: Line of the file.
        timestamp: The time as written, or None.
        gpu: What tells the GPU apart: UUID, bus id or index, else its place among rows of one
            time; None where nothing does.
        utilisation_pct: Share of time with a kernel running in %, or None.
        memory_utilisation_pct: Share of time with memory traffic in %, or None.
        memory_used_bytes: Memory in use, or None.
        memory_total_bytes: Memory of the GPU, or None.
        power_w: Power in watts, or None.
        temperature_c: Degrees Celsius, or None.
        clock_mhz: SM clock, or None.
    """

    line: int
    timestamp: str | None
    gpu: str | None
    utilisation_pct: float | None = None
    memory_utilisation_pct: float | None = None
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    power_w: float | None = None
    temperature_c: float | None = None
    clock_mhz: float | None = None


@dataclass(frozen=True)
class SmiFile:
    """What a file holds.

    Args:
        samples: Its rows, in order.
        columns: Names of its columns, without units.
        skipped: Lines that are no row of it, such as one cut off when the tool was killed.
    """

    samples: tuple[Sample, ...]
    columns: tuple[str, ...]
    skipped: tuple[int, ...]


def parse_smi_csv(text: str, *, source: str = "nvidia-smi") -> SmiFile:
    """Rows of nvidia-smi's CSV.

    Args:
        text: The file's text; a head may be repeated, where files were joined.
        source: What is read, for messages.

    Raises:
        ParseError: No column is one that nvidia-smi has, or a cell is neither a number nor one of
            the tool's ways to say that it does not know.
    """
    lines = [
        (number, line.strip("\ufeff\r\n "))
        for number, line in enumerate(text.split("\n"), start=1)
        if line.strip("\ufeff\r\n ")
    ]
    names: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    separator = ","
    rows: list[tuple[int, dict[str, str], dict[str, str]]] = []
    skipped = []
    for number, line in lines:
        head = _head(line)
        if head is not None:
            names, units, separator = head
            continue
        if not names:
            names, units, separator = _without_head(line, f"{source}, line {number}")
        cells = _cells(line, separator, len(names))
        if cells is None:
            skipped.append(number)
            continue
        rows.append(
            (number, dict(zip(names, cells, strict=True)), dict(zip(names, units, strict=True)))
        )
    if lines and rows == [] and not names:
        raise ParseError("no column of nvidia-smi.", where=source)
    samples = [
        _sample(number, cell, unit, f"{source}, line {number}") for number, cell, unit in rows
    ]
    return SmiFile(tuple(_told_apart(samples)), names, tuple(skipped))


def _head(line: str) -> tuple[tuple[str, ...], tuple[str, ...], str] | None:
    for separator in (";", "\t", ", ", ","):
        if separator not in line and separator != ",":
            continue
        cells = _split(line, separator)
        names = tuple(HEAD_UNIT.sub("", cell).strip().lower() for cell in cells)
        known = [name for name in names if name in COLUMNS]
        if known and len(set(names)) == len(names):
            found = (HEAD_UNIT.search(cell) for cell in cells)
            units = tuple(match[1].strip().lower() if match else "" for match in found)
            return names, units, separator
    return None


def _without_head(line: str, where: str) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    for separator in (";", "\t", ", ", ","):
        if len(_split(line, separator)) == len(GUIDE_COLUMNS):
            return GUIDE_COLUMNS, ("",) * len(GUIDE_COLUMNS), separator
    raise ParseError(
        "no head that names columns of nvidia-smi, such as utilization.gpu.",
        where=where,
        mend="Give what nvidia-smi --query-gpu=... --format=csv wrote, with its head.",
    )


def _split(line: str, separator: str) -> list[str]:
    if '"' in line:
        try:
            found = next(
                csv.reader([line], delimiter=separator.strip() or separator, skipinitialspace=True)
            )
        except csv.Error:
            return []
        return [cell.strip() for cell in found]
    return [cell.strip() for cell in line.split(separator)]


def _cells(line: str, separator: str, wanted: int) -> list[str] | None:
    for tried in dict.fromkeys((separator, ", ", ",")):
        cells = _split(line, tried)
        if len(cells) == wanted:
            return cells
    return None


def _sample(line: int, cell: dict[str, str], unit: dict[str, str], where: str) -> Sample:
    values: dict[str, Any] = {}
    for name, (column, kind) in COLUMNS.items():
        if name in cell and values.get(column) is None:
            try:
                value = parse_cell(cell[name], kind, unit[name])
            except ParseError as error:
                raise ParseError(error.what, where=f"{where}, {name}") from error
            whole = kind == "bytes" and value is not None
            values[column] = round(value) if whole and value is not None else value
    gpu = next((cell[name] for name in IDENTITIES if cell.get(name)), None)
    timestamp = cell.get("timestamp")
    return Sample(
        line, timestamp or None, None if gpu is None or UNKNOWN.match(gpu) else gpu, **values
    )


def parse_cell(text: str, kind: str, head_unit: str = "") -> float | None:
    """The number of a cell in the kind's base unit; None where the tool does not know.

    '1.234,5' and '1,234.5' are both 1234.5. A lone separator before three digits groups
    thousands in whole numbers, which nvidia-smi writes of memory, shares, clocks and
    temperatures, and else is a decimal one.

    Args:
        text: The cell, such as '20480 MiB', '250,00 W', '[N/A]'.
        kind: 'bytes', 'pct', 'w', 'c' or 'mhz'.
        head_unit: Unit that the column's head gives, where the cell has none.

    Raises:
        ParseError: The cell is no number with a unit of that kind.
    """
    plain = text.strip()
    if UNKNOWN.match(plain):
        return None
    found = CELL.match(plain)
    factor = UNITS[kind].get((found["unit"] or head_unit).lower()) if found else None
    if found is None or factor is None:
        raise ParseError(f"'{text[:60]}' is no figure of nvidia-smi.")
    digits = _plain_number(found["number"], whole=kind in WHOLE)
    if digits is None or len(digits) > 40:
        raise ParseError(f"'{text[:60]}' is no number.")
    value = float(digits) * factor
    if not math.isfinite(value) or (found["sign"] and (kind != "c") and value):
        raise ParseError(f"'{text[:60]}' is no figure of nvidia-smi.")
    return -value if found["sign"] else value


def _plain_number(number: str, *, whole: bool) -> str | None:
    marks = [mark for mark in number if not mark.isdigit()]
    if not marks:
        return number
    if whole and GROUPED.match(number) and len(set(marks)) == 1:
        return "".join(filter(str.isdigit, number))
    last = marks[-1]
    if last in ".," and marks.count(last) == 1:
        head, _, tail = number.rpartition(last)
        if len(marks) > 1 and not (GROUPED.match(head) and len(set(marks[:-1])) == 1):
            return None
        result = f"{''.join(filter(str.isdigit, head))}.{tail}"
        return result if PLAIN.match(result) else None
    if GROUPED.match(number) and len(set(marks)) == 1:
        return "".join(filter(str.isdigit, number))
    return None


def _told_apart(samples: Sequence[Sample]) -> list[Sample]:
    """Rows without a GPU's name get their place among the rows of one time, where that holds."""
    if not samples or any(sample.gpu is not None for sample in samples):
        return list(samples)
    starts = [
        place
        for place, (before, sample) in enumerate(pairwise([None, *samples]))
        if before is None or sample is None or before.timestamp != sample.timestamp
    ]
    lengths = {end - start for start, end in pairwise([*starts, len(samples)])}
    if lengths == {1} or len(lengths) != 1 or any(s.timestamp is None for s in samples):
        return list(samples)
    (size,) = lengths
    return [_named(sample, f"row {place % size + 1}") for place, sample in enumerate(samples)]


def _named(sample: Sample, gpu: str) -> Sample:
    values = {field.name: getattr(sample, field.name) for field in fields(sample)}
    return Sample(**{**values, "gpu": gpu})


def summarize_gpu_metrics(csv_path: Path) -> dict[str, Any]:
    """Figures of a file over all its GPUs, and of each GPU by itself.

    Args:
        csv_path: The file.

    Returns:
        gpu_util_mean, gpu_util_min, gpu_util_max (%), gpu_mem_used_mean_gb,
        gpu_mem_used_max_gb, gpu_mem_total_gb (GiB a GPU), power_mean_w (W a GPU), sample_count,
        gpu_util_unavailable (memory or power is known, utilisation never: a MIG slice), skipped
        (lines that are no row), gpus: the same of each GPU with its `gpu`. None where the file
        does not say.

    Raises:
        InputError: The file cannot be read.
        ParseError: It is no CSV of nvidia-smi.
    """
    try:
        text = csv_path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}.", where=str(csv_path)) from error
    return summary(parse_smi_csv(text, source=str(csv_path)))


def summary(file: SmiFile) -> dict[str, Any]:
    """What `summarize_gpu_metrics` gives, of a file that was read."""
    names = list(dict.fromkeys(sample.gpu for sample in file.samples))
    return {
        **_figures(file.samples),
        "skipped": list(file.skipped),
        "gpus": [
            {"gpu": name, **_figures([s for s in file.samples if s.gpu == name])} for name in names
        ],
    }


def _figures(samples: Sequence[Sample]) -> dict[str, Any]:
    util = _known(s.utilisation_pct for s in samples)
    used = _known(s.memory_used_bytes for s in samples)
    total = _known(s.memory_total_bytes for s in samples)
    power = _known(s.power_w for s in samples)
    return {
        "gpu_util_mean": _rounded(_mean(util), 1),
        "gpu_util_min": _rounded(min(util, default=None), 1),
        "gpu_util_max": _rounded(max(util, default=None), 1),
        "gpu_mem_used_mean_gb": _rounded(_gib(_mean(used)), 1),
        "gpu_mem_used_max_gb": _rounded(_gib(max(used, default=None)), 1),
        "gpu_mem_total_gb": _rounded(_gib(_mean(total)), 1),
        "power_mean_w": _rounded(_mean(power), 0),
        "sample_count": len(samples),
        "gpu_util_unavailable": not util and bool(used or power),
    }


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _gib(value: float | None) -> float | None:
    return None if value is None else value / GIB


def _rounded(value: float | None, digits: int) -> float | None:
    """Rounded, but never to a 0 that was not said."""
    if value is None:
        return None
    rounded = round(value, digits)
    return rounded if rounded or value == 0 else float(f"{value:.1g}")
