"""NVIDIA GPUs through the tool nvidia-smi, where NVML cannot be used from Python."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence

from wattbench.errors import ParseError
from wattbench.telemetry.given import ALL, NOT_SAID, UNSAID
from wattbench.telemetry.meters import Device, Meter, Reading
from wattbench.telemetry.nvml import MIG
from wattbench.telemetry.smi_csv import COLUMNS, parse_cell

TOOL = "nvidia-smi"
FIELDS = (
    "uuid",
    "index",
    "name",
    "power.draw",
    "utilization.gpu",
    "memory.used",
    "temperature.gpu",
    "clocks.sm",
    "mig.mode.current",
)
TIMEOUT_S = 5.0
SLOWEST_HZ = 1.0
"""The tool takes a good part of a second itself; more often than this it would be load."""

PERIOD_S = 1.0
"""Its power is the mean of the last second on newer GPUs and of the moment on older ones (NVML,
nvmlDeviceGetPowerUsage); a reading is then between 0 and 1 s old, whichever it is."""

Row = dict[str, str]


def query(tool: str = TOOL) -> tuple[list[Row], str | None]:
    """One row of text a GPU, or none and why.

    Args:
        tool: Name or path of the program.
    """
    command = [tool, f"--query-gpu={','.join(FIELDS)}", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True
        )
    except FileNotFoundError:
        return [], f"{tool} is not installed"
    except (OSError, subprocess.SubprocessError) as error:
        return [], f"{tool} failed: {error}"
    return parse_query(answer.stdout), None


def parse_query(text: str) -> list[Row]:
    """Rows of nvidia-smi's CSV without header; lines of other shapes are left out."""
    rows: list[Row] = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) == len(FIELDS):
            rows.append(dict(zip(FIELDS, cells, strict=True)))
    return rows


def number(row: Row, name: str) -> float | None:
    """A figure in its base unit; None where the tool does not say it."""
    try:
        return parse_cell(row[name], COLUMNS[name][1])
    except ParseError:
        return None


class NvidiaSmi(Meter):
    """The GPUs given to a job, their power polled at most once a second.

    Args:
        given: GPUs as UUIDs or indices; ('all',) for every one there is.
        tool: Name or path of the program.
    """

    def __init__(self, given: Sequence[str], tool: str = TOOL) -> None:
        self._tool = tool
        self._given = tuple(given)
        rows, self._failure = query(tool)
        if self._given == (UNSAID,):
            self._failure = NOT_SAID
        self._rows = {row["uuid"]: row for row in rows if self._is_given(row)}
        self._read_at = time.monotonic()

    def _is_given(self, row: Row) -> bool:
        return self._given == (ALL,) or bool({row["uuid"], row["index"]} & set(self._given))

    def devices(self) -> list[Device]:
        """The GPUs; those given that the tool does not show have that as their reason."""
        found = [
            Device(
                uuid,
                "gpu",
                "device",
                None if self._reason(row) else "sampled",
                name=row["name"],
                period_s=PERIOD_S,
                reason=self._reason(row),
            )
            for uuid, row in self._rows.items()
        ]
        shown = {cell for row in self._rows.values() for cell in (row["uuid"], row["index"])}
        missing = self._failure or f"{self._tool} does not show this GPU"
        found += [
            Device(name, "gpu", "device", None, reason=MIG if name.startswith("MIG-") else missing)
            for name in self._given
            if name not in shown and (name != ALL or not self._rows)
        ]
        return found

    @staticmethod
    def _reason(row: Row) -> str | None:
        if row["mig.mode.current"] == "Enabled":
            return MIG
        if number(row, "power.draw") is None:
            return f"nvidia-smi gives no power: {row['power.draw']}"
        return None

    def read(self, *, whole: bool = True) -> list[Reading]:
        """One reading of each GPU; none where the last is less than a second old.

        Args:
            whole: All is read in any case.
        """
        del whole
        now = time.monotonic()
        if now - self._read_at < 1 / SLOWEST_HZ:
            return []
        self._read_at = now
        rows, _ = query(self._tool)
        return [self._reading(row) for row in rows if row["uuid"] in self._rows]

    @staticmethod
    def _reading(row: Row) -> Reading:
        memory = number(row, "memory.used")
        return Reading(
            row["uuid"],
            power_w=number(row, "power.draw"),
            utilisation_pct=number(row, "utilization.gpu"),
            memory_bytes=None if memory is None else round(memory),
            temperature_c=number(row, "temperature.gpu"),
            clock_mhz=number(row, "clocks.sm"),
        )
