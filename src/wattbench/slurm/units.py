"""Sizes, durations and counts as Slurm's tools write them: the one place that reads them."""

from __future__ import annotations

import math
import re

from wattbench.errors import ParseError

PREFIXES = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}
SIZE = re.compile(r"^([0-9]+(?:\.[0-9]+)?)\s*([KMGTPE]?)(?:i?B)?([nc]?)$", re.IGNORECASE)
DURATION = re.compile(r"^(?:([0-9]+)-)?(?:([0-9]+):)?([0-9]+):([0-9]+)(?:\.([0-9]+))?$")
DAYS_HOURS = re.compile(r"^([0-9]+)-([0-9]+)$")
COUNT = re.compile(r"^[0-9]+$")
PARTS = re.compile(r"[0-9]+|[^0-9]+")
LARGEST_BYTES = 2**64 - 2
"""No machine has as much: Slurm's NO_VAL of 64 bits is printed as a size of this kind."""

LONGEST = 20
"""Digits beyond which a number is no figure of a machine."""

UNLIMITED = frozenset(
    {"", "invalid", "unlimited", "infinite", "partition_limit", "unknown", "n/a", "none", "(null)"}
)
"""What stands, in any case, where no duration is said."""


def job_order(job_id: str) -> list[tuple[int, str]]:
    """Sorting key of job ids: '9' before '10', '13_9' before '13_10', any text beside numbers."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in PARTS.findall(job_id)]


def parse_duration(text: str) -> float | None:
    """Seconds of '[days-][hours:]minutes:seconds[.fraction]'; None where nothing is said.

    Args:
        text: The text; 'UNLIMITED', 'Partition_Limit', 'Unknown' and the like say nothing.

    Raises:
        ParseError: The text is no duration.
    """
    plain = text.strip()
    if plain.lower() in UNLIMITED:
        return None
    if short := DAYS_HOURS.match(plain):
        return _whole(short[1], text) * 86400.0 + _whole(short[2], text) * 3600.0
    found = DURATION.match(plain)
    if found is None:
        raise ParseError(f"'{text[:60]}' is no duration.")
    days, hours, minutes, seconds = (_whole(part or "0", text) for part in found.groups()[:4])
    fraction = float(f"0.{found[5]}") if found[5] else 0.0
    return days * 86400 + hours * 3600 + minutes * 60 + seconds + fraction


def parse_size(text: str, *, cpus: int | None = None, nodes: int | None = None) -> int | None:
    """Bytes of '10764K', '1.5T', '6.30 GB' or the older '4Gn' and '100Mc'; None for no text.

    K, M, G, ... are powers of 1024, as all of Slurm's tools mean them.

    Args:
        text: The text; '?' and '16?' stand where Slurm does not know.
        cpus: CPUs given, for sizes per CPU ('c').
        nodes: Nodes given, for sizes per node ('n').

    Raises:
        ParseError: The text is no size.
    """
    plain = text.strip()
    if not plain or plain.endswith("?") or plain.startswith("?") or plain.lower() in UNLIMITED:
        return None
    found = SIZE.match(plain)
    if found is None or len(found[1]) > 3 * LONGEST:
        raise ParseError(f"'{text[:60]}' is no size.")
    size = float(found[1]) * 1024 ** PREFIXES[found[2].upper()]
    if found[3]:
        per = cpus if found[3].lower() == "c" else nodes
        if not per:
            return None
        size *= per
    if size >= LARGEST_BYTES:
        return None
    # Less than a byte is a rounding to nothing of something, not nothing.
    return None if 0 < size < 1 else round(size)


def parse_count(text: str) -> int | None:
    """A whole number; None for '', 'Unknown', 'N/A', '(null)' and Slurm's NO_VAL.

    Raises:
        ParseError: The text is no count.
    """
    plain = text.strip()
    if plain.lower() in UNLIMITED:
        return None
    if not COUNT.match(plain) or len(plain) > LONGEST:
        raise ParseError(f"'{text[:60]}' is no count.")
    value = int(plain)
    return None if value in NO_VALUES else value


NO_VALUES = frozenset({4294967294, 4294967295, 18446744073709551614, 18446744073709551615})
"""Slurm's NO_VAL and INFINITE of 32 and 64 bits, which some versions print as numbers."""


def parse_percent(text: str) -> float:
    """The number of '56.67%'.

    Raises:
        ParseError: The text is no percentage.
    """
    plain = text.strip()
    try:
        value = float(plain.removesuffix("%"))
    except ValueError as error:
        raise ParseError(f"'{text[:60]}' is no percentage.") from error
    if not plain.endswith("%") or not math.isfinite(value) or value < 0:
        raise ParseError(f"'{text[:60]}' is no percentage.")
    return value


def rounded(value: float, digits: int) -> float:
    """A number rounded to decimals, but never to a 0 that it is not.

    Args:
        value: The number.
        digits: Decimals; a smaller number keeps its first figure.
    """
    short = round(value, digits)
    return short if short or value == 0 else float(f"{value:.1g}")


def _whole(digits: str, text: str) -> int:
    if len(digits) > LONGEST:
        raise ParseError(f"'{text[:60]}' is no duration.")
    return int(digits)
