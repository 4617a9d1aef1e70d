"""The size that a GGUF file must have, from its own header.

Layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. A download that was cut leaves
a header that promises more bytes than there are; llama.cpp would find out only when it reads
past the end.
"""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import IO

from wattbench.errors import InputError

MAGIC = b"GGUF"
DEFAULT_ALIGNMENT = 32
MAX_COUNT = 10_000_000
"""Entries of a header at most; more means that it is no header."""

STRING = 8
ARRAY = 9
SCALARS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Bytes of each metadata value type."""

BLOCKS = {
    0: (1, 4),
    1: (1, 2),
    2: (32, 18),
    3: (32, 20),
    6: (32, 22),
    7: (32, 24),
    8: (32, 34),
    10: (256, 84),
    11: (256, 110),
    12: (256, 144),
    13: (256, 176),
    14: (256, 210),
    30: (1, 2),
}
"""Elements and bytes of a block: F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K to Q6_K, BF16."""


def is_gguf(path: Path) -> bool:
    """Whether a file begins as a GGUF file does."""
    with path.open("rb") as stream:
        return stream.read(len(MAGIC)) == MAGIC


def least_bytes(path: Path) -> int:
    """Bytes that a GGUF file has at least, by its header.

    Exact up to padding for tensor types in `BLOCKS`; of other types only the start is counted.

    Raises:
        InputError: The header itself is cut or is none.
    """
    try:
        with path.open("rb") as stream:
            return _Header(stream).least_bytes()
    except (struct.error, UnicodeDecodeError, OverflowError) as error:
        raise InputError(
            "the GGUF file's header is cut or damaged.",
            where=str(path),
            mend="Fetch or convert the file again.",
        ) from error


class _Header:
    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def least_bytes(self) -> int:
        magic = self._take(len(MAGIC))
        (version,) = self._read("<I")
        if magic != MAGIC or version not in {2, 3}:
            raise struct.error("no GGUF of version 2 or 3")
        tensors, entries = self._count(), self._count()
        alignment = DEFAULT_ALIGNMENT
        for _ in range(entries):
            key = self._string()
            (kind,) = self._read("<I")
            if key == b"general.alignment" and kind == 4:
                (alignment,) = self._read("<I")
            else:
                self._skip(kind)
        ends = [self._tensor_end() for _ in range(tensors)]
        start = self._stream.tell()
        start += -start % max(alignment, 1)
        return start + max(ends, default=0)

    def _read(self, layout: str) -> tuple[int, ...]:
        return struct.unpack(layout, self._take(struct.calcsize(layout)))

    def _take(self, size: int) -> bytes:
        data = self._stream.read(size)
        if len(data) != size:
            raise struct.error("cut")
        return data

    def _count(self) -> int:
        (count,) = self._read("<Q")
        if count > MAX_COUNT:
            raise struct.error("no count")
        return count

    def _string(self) -> bytes:
        return self._take(self._count())

    def _skip(self, kind: int) -> None:
        if kind == STRING:
            self._string()
        elif kind == ARRAY:
            (inner,) = self._read("<I")
            count = self._count()
            if inner in SCALARS:
                self._take(SCALARS[inner] * count)
            else:
                for _ in range(count):
                    self._skip(inner)
        elif kind in SCALARS:
            self._take(SCALARS[kind])
        else:
            raise struct.error("no value type")

    def _tensor_end(self) -> int:
        self._string()
        (rank,) = self._read("<I")
        if rank > 8:
            raise struct.error("no tensor")
        dimensions = self._read(f"<{rank}Q")
        kind, offset = self._read("<IQ")
        elements, size = BLOCKS.get(kind, (1, 0))
        return offset + math.prod(dimensions) // elements * size
