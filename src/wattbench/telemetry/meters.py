"""What a meter is: devices it knows, and one reading of each."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Protocol

from wattbench.telemetry.clock import Clock


@dataclass(frozen=True)
class Device:
    """One device that is sampled.

    Args:
        device: GPU UUID, RAPL domain or 'process'.
        kind: 'gpu', 'cpu', 'memory', 'platform' or 'process'.
        scope: What its energy covers: 'device', 'node' or 'process'.
        method: 'counter', 'sampled', or None where its energy cannot be known.
        name: Its name for people, or None.
        period_s: Seconds between two updates of its sensor, or None where it has none.
        window_s: Seconds over which a reading of its power is the mean.
        reason: Why the energy cannot be known, or None.
    """

    device: str
    kind: str
    scope: str
    method: str | None
    name: str | None = None
    period_s: float | None = None
    window_s: float = 0.0
    reason: str | None = None

    def record(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Reading:
    """What one device says at one moment; None where it does not say.

    Args:
        device: The device.
        power_w: Power, watts.
        energy_j: Cumulative energy, joules from any origin.
        utilisation_pct: Utilisation, percent.
        memory_bytes: Memory in use.
        temperature_c: Temperature, degrees Celsius.
        clock_mhz: Clock, MHz.
        throttle: What holds the clock down, or '' where nothing does.
        cpu_s: Cumulative CPU time, for a process.
        reason: Why the device's energy is unusable from now on, or None.
    """

    device: str
    power_w: float | None = None
    energy_j: float | None = None
    utilisation_pct: float | None = None
    memory_bytes: int | None = None
    temperature_c: float | None = None
    clock_mhz: float | None = None
    throttle: str | None = None
    cpu_s: float | None = None
    reason: str | None = None

    def record(self) -> dict[str, Any]:
        """As JSON values, what is None left out; empty where nothing was said."""
        # Not `asdict`: its deep copies would be most of what a sample costs.
        found = {key: value for key, value in vars(self).items() if value is not None}
        return found if len(found) > 1 else {}


class Meter(Protocol):
    """Reads some devices."""

    def devices(self) -> list[Device]:
        """The devices, with what can be known of each."""

    def read(self, *, whole: bool = True) -> list[Reading]:
        """One reading of each device; a device that fails is left out.

        Args:
            whole: Whether to read what changes slowly too, and what takes long.
        """

    def learn(self, clock: Clock) -> None:
        """Find out what takes time to know; `devices` says it from then on.

        Args:
            clock: The clock.
        """
        del clock
