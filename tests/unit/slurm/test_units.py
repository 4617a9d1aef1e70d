"""Sizes, durations and counts as Slurm's tools write them."""

from __future__ import annotations

import pytest

from wattbench.errors import ParseError
from wattbench.slurm.units import (
    job_order,
    parse_count,
    parse_duration,
    parse_percent,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("00:00.334", 0.334),
        ("01:02", 62.0),
        ("01:02:03", 3723.0),
        ("2-01:02:03", 176523.0),
        ("1-00:00:00.5", 86400.5),
        ("", None),
        ("2-03", 183600.0),
        ("UNLIMITED", None),
        ("Partition_Limit", None),
    ],
)
def test_durations(text: str, seconds: float | None) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["abc", "5", "1:2:3:4", "-1:00"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ParseError, match="no duration"):
        parse_duration(text)


def test_sizes() -> None:
    assert parse_size("10764K") == 10764 * 1024
    assert parse_size("1.5T") == 1.5 * 2**40
    assert parse_size("0") == 0
    assert parse_size("6.30 GB") == round(6.3 * 2**30)
    assert parse_size("1.25 TB") == 1.25 * 2**40
    assert parse_size("512 B") == 512
    assert parse_size("16?") is None
    assert parse_size("4Gn") is None
    # NO_VAL of 64 bits in megabytes.
    assert parse_size("18889465931478580854784.00K") is None
    # What rounds to no byte at all was something.
    assert parse_size("0.0001 B") is None
    assert parse_size("") is None
    assert parse_size("4Gn", nodes=2) == 8 * 2**30
    assert parse_size("100Mc", cpus=3) == 300 * 2**20
    with pytest.raises(ParseError, match="no size"):
        parse_size("many")


def test_counts_and_shares() -> None:
    assert parse_count("12") == 12
    assert parse_count("Unknown") is None
    # NO_VAL, which some versions print.
    assert parse_count("4294967294") is None
    assert parse_percent("56.67%") == 56.67
    for text in ("-1", "1.5", "\u0663", "9" * 30):
        with pytest.raises(ParseError, match="no count"):
            parse_count(text)
    for text in ("5", "nan%", "-3%", "%"):
        with pytest.raises(ParseError, match="no percentage"):
            parse_percent(text)


def test_jobs_come_in_the_order_of_their_numbers() -> None:
    ordered = ["", "local-host-1", "local-host-10-a", "9", "10", "13", "13+1", "13_9", "13_10"]
    assert sorted(set(ordered), key=job_order) == ordered
