"""Whatever stands in a tool's output: the typed error alone, and no 0 that the text does not say.

The recorded outputs are cut, spliced and garbled a byte or a line at a time; WATTBENCH_CASES says
how many times in all.
"""

from __future__ import annotations

import base64
import gzip
import json
import math
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import asdict, is_dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wattbench.errors import ParseError
from wattbench.slurm import jobstats
from wattbench.slurm.accounting import attempts
from wattbench.slurm.efficiency import seff_figures
from wattbench.slurm.sacct import (
    FIELDS,
    expand_nodes,
    parse,
    parse_sacct_time_limit,
    parse_with_header,
)
from wattbench.slurm.scontrol import parse_show_job
from wattbench.slurm.seff import parse_seff_output
from wattbench.slurm.sstat import parse_sstat
from wattbench.slurm.units import parse_count, parse_duration, parse_percent, parse_size
from wattbench.telemetry.smi_csv import parse_smi_csv, summary

FIXTURES = Path(__file__).parents[1] / "fixtures" / "slurm"
CASES = int(os.environ.get("WATTBENCH_CASES", "5000"))
COUNTS = frozenset({"sample_count", "line"})
"""Figures about the text itself: a file without rows has 0 of them."""

Parser = Callable[[str], Any]


def accounted(text: str) -> Any:
    records = parse(text)
    tries = attempts(records)
    return records, tries, [seff_figures(one) for found in tries.values() for one in found]


def jobstats_json(text: str) -> Any:
    return jobstats.parse_jobstats_json(jobstats.read_json_text(text))


def jobstats_packed(text: str) -> Any:
    packed = "JS1:" + base64.b64encode(gzip.compress(text.encode(), 1)).decode()
    found = jobstats.read_admin_comment(f"kept by another; {packed} and more")
    assert found is not None
    return jobstats.parse_jobstats_json(found)


def admin_comments(text: str) -> Any:
    for record in parse_with_header(text):
        found = jobstats.read_admin_comment(record.admin_comment)
        if found is not None:
            jobstats.parse_jobstats_json(found)
    # The packed JSON has digits of its own, which the text does not show.
    return None


def nvidia_smi(text: str) -> Any:
    return summary(parse_smi_csv(text))


def fixtures() -> Iterator[tuple[str, str, Parser]]:
    """(name, text, parser) of every recorded output."""
    for path in sorted(FIXTURES.glob("*.psv")):
        text = path.read_text()
        yield path.name, text, accounted
        yield f"{path.name} with head", f"{'|'.join(FIELDS)}\n{text}", parse_with_header
    for folder, ending, parser in (
        ("seff", "txt", parse_seff_output),
        ("scontrol", "txt", parse_show_job),
        ("smi", "csv", nvidia_smi),
        ("jobstats", "json", jobstats_json),
        ("jobstats", "json", jobstats_packed),
        ("jobstats", "txt", jobstats.extract_jobstats_notes),
        ("jobstats", "psv", admin_comments),
    ):
        for path in sorted((FIXTURES / folder).glob(f"*.{ending}")):
            yield f"{folder}/{path.name}, {parser.__name__}", path.read_text(), parser
    for path in sorted((FIXTURES / "scontrol").glob("*.txt")):
        one_line = " ".join(line.strip() for line in path.read_text().splitlines())
        yield f"{path.name} -o", one_line, parse_show_job
    for path in sorted((FIXTURES / "recorded").glob("*/*")):
        parser = {
            "sacct": parse_with_header, "seff": parse_seff_output, "scontrol": parse_show_job,
            "sstat": parse_sstat,
        }[path.stem.partition("-")[0]]  # fmt: skip
        yield f"{path.parent.name}/{path.name}", path.read_text(), parser
    yield "sstat.txt", (FIXTURES / "sstat.txt").read_text(), parse_sstat


RECORDED = list(fixtures())
JUNK = (
    "", " ", "|", "||", ",", ";", ", ", "\t", "=", ":", "-", "+", "_", ".", "%", "[", "]", "(",
    ")", "{", "}", '"', "'", "\\", "\n", "\r\n", "\x00", "\x1b[1m", "\ufeff", "\u00a0", "\u0663",
    "\u00b2", "é", "\U0001f50b", "N/A", "[N/A]", "[Unknown Error]", "(null)", "Unknown", "None",
    "UNLIMITED", "nan", "inf", "-1", "1e9", "1e999", "9" * 40, "1-1", "JobId=", "JobID", "G", "n",
    "K", "?", "true", "null", "JS1:", "[1-99999999]",
)  # fmt: skip
"""None of them has the digit 0."""


def mutated(text: str, dice: random.Random) -> str:
    """The text with one to four changes to bytes or lines."""
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        kind = dice.randrange(8)
        place = dice.randrange(len(text) + 1)
        if kind == 0:
            text = text[:place] + dice.choice(JUNK) + text[place:]
        elif kind == 1:
            text = text[:place] + text[place + dice.randrange(1, 9) :]
        elif kind == 2:
            text = (
                text[:place]
                + chr(dice.choice((0, 9, 32, 49, 57, 65, 124, 255)))
                + text[place + 1 :]
            )
        elif kind == 3:
            text = text[:place]
        else:
            text = _lines_changed(text, kind, dice)
    return text


def _lines_changed(text: str, kind: int, dice: random.Random) -> str:
    lines = text.split("\n")
    one, other = dice.randrange(len(lines)), dice.randrange(len(lines))
    if kind == 4:
        del lines[one]
    elif kind == 5:
        lines.insert(one, lines[other])
    elif kind == 6:
        lines[one], lines[other] = lines[other], lines[one]
    else:
        separator = dice.choice(("|", ", ", " ", ":", "="))
        cells = lines[one].split(separator)
        cells[dice.randrange(len(cells))] = dice.choice(JUNK)
        lines[one] = separator.join(cells)
    return "\n".join(lines)


def zeros(value: Any, path: str = "") -> Iterator[str]:
    """Paths of the figures that are 0."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, dict):
        for key, one in value.items():
            if key not in COUNTS:
                yield from zeros(one, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for number, one in enumerate(value):
            yield from zeros(one, f"{path}[{number}]")
    elif not isinstance(value, bool) and isinstance(value, int | float) and value == 0:
        yield path


def check(parser: Parser, text: str) -> bool:
    """Parse; True where it could be. Whatever but a ParseError escapes is a failure."""
    try:
        found = parser(text)
    except ParseError:
        return False
    if "0" not in text:
        assert not list(zeros(found))
    return True


def test_every_recorded_output_can_be_read() -> None:
    broken = {"lowercased"}
    for name, text, parser in RECORDED:
        if parser is admin_comments and any(word in name for word in broken):
            with pytest.raises(ParseError, match="lower-cased"):
                parser(text)
        else:
            assert check(parser, text), name


def test_garbled_outputs_give_the_typed_error_alone() -> None:
    read = 0
    for case in range(CASES):
        dice = random.Random(case)
        name, text, parser = RECORDED[case % len(RECORDED)]
        if case % 2:
            # Without a 0 in the text any figure that is 0 was made up.
            text = text.replace("0", "1") if parser is not admin_comments else text
        changed = mutated(text, dice)
        try:
            read += check(parser, changed)
        except BaseException as error:
            error.add_note(f"case {case} of {name}: {changed!r}")
            raise
    # Both ways out are taken, or nothing was tried.
    assert CASES * 0.2 < read < CASES * 0.95


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    for parser in (
        accounted, parse_with_header, parse_seff_output, parse_show_job, parse_sstat, nvidia_smi,
        jobstats_json, jobstats.read_admin_comment, jobstats.extract_jobstats_notes, expand_nodes,
        parse_duration, parse_size, partial(parse_size, cpus=3, nodes=2), parse_count,
        parse_percent, parse_sacct_time_limit,
    ):  # fmt: skip
        check(parser, text)


NUMBERS = st.one_of(
    st.none(),
    st.integers(1, 10**15),
    st.floats(1e-9, 1e15, allow_nan=False),
    st.sampled_from([-1, math.inf, "many", True, [], {}, 10**30]),
)
GPUS = st.dictionaries(st.sampled_from(["1", "2", "11"]), NUMBERS, max_size=3)
NODES = st.dictionaries(
    st.sampled_from(["a", "b", "c"]),
    st.fixed_dictionaries(
        {},
        optional={
            "cpus": NUMBERS, "total_time": NUMBERS, "used_memory": NUMBERS,
            "total_memory": NUMBERS, "gpu_utilization": GPUS, "gpu_used_memory": GPUS,
            "gpu_total_memory": GPUS,
        },
    ),
    max_size=3,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(NODES, NUMBERS)
def test_jobstats_figures_without_a_zero_sum_to_none(nodes: Any, wall: Any) -> None:
    try:
        found = jobstats.parse_jobstats_json({"nodes": nodes, "total_time": wall})
    except ParseError:
        return
    assert not list(zeros(found))
    nulls = {key for key, value in found.items() if value is None}
    assert nulls == set(found["reasons"])
    json.dumps(found, allow_nan=False)


def written(seconds: int, *, days: bool) -> str:
    count, rest = divmod(seconds, 86400) if days else (0, seconds)
    clock = f"{rest // 3600:02d}:{rest % 3600 // 60:02d}:{rest % 60:02d}"
    return f"{count}-{clock}" if count else clock


@given(st.integers(0, 10**8), st.booleans())
def test_durations_are_read_back(seconds: int, days: bool) -> None:
    text = written(seconds, days=days)
    assert parse_duration(text) == seconds
    row = parse_seff_output(f"Job ID: 1\nJob Wall-clock time: {text}\nJob Time Limit: {text}\n")
    assert (row["wall_time"], row["wall_s"], row["time_limit_s"]) == (text, seconds, seconds)


@given(
    st.floats(0.01, 9999, allow_nan=False).map(lambda size: round(size, 2)),
    st.sampled_from(["B", "KB", "MB", "GB", "TB", "PB"]),
)
def test_sizes_of_every_unit_are_read_back(size: float, unit: str) -> None:
    text = f"Job ID: 1\nMemory Utilized: {size:.2f} {unit}\nMemory Efficiency: 5.00% of 3.00 TB"
    row = parse_seff_output(text)
    exact = size * 1024 ** ["B", "KB", "MB", "GB", "TB", "PB"].index(unit)
    assert row["mem_requested_gb"] == 3072
    if exact >= 1:
        assert row["mem_used_bytes"] == pytest.approx(exact, abs=0.5)


@given(
    st.integers(1, 10**6), st.sampled_from(["", ",", ".", "'", "\u00a0"]), st.booleans(),
    st.integers(1, 99_999),
)  # fmt: skip
def test_numbers_in_every_writing_are_read_back(
    mib: int, mark: str, units: bool, centiwatts: int
) -> None:
    memory = f"{mib:,}".replace(",", mark)
    decimal = "," if mark == "." else "."
    watts = f"{centiwatts / 100:,.2f}".replace(",", "\0").replace(".", decimal).replace("\0", mark)
    head = "power.draw [W], memory.used [MiB], uuid"
    row = f"{watts}{' W' * units}, {memory}{' MiB' * units}, GPU-1"
    (sample,) = parse_smi_csv(f"{head}\n{row}\n").samples
    assert sample.memory_used_bytes == mib * 2**20
    assert sample.power_w == pytest.approx(centiwatts / 100)
