"""NVIDIA GPUs, through NVML: the hardware's energy counter where it has one, else its power."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Collection, Sequence
from typing import Any

from wattbench.telemetry.clock import Clock
from wattbench.telemetry.given import ALL, UNSAID, Visible, named_gpus
from wattbench.telemetry.meters import Device, Meter, Reading
from wattbench.telemetry.probe import update_periods
from wattbench.telemetry.processes import Kin

MILLI = 1000.0
UPDATE_S = 0.1
WINDOW_S = 0.025
"""Yang et al. 2024 (doi 10.1109/SC41406.2024.00028): power sensors update every 20 to 100 ms, and
those of A100 and H100 see 25 of every 100 ms. Used where the period cannot be seen."""

MIG = "a MIG slice has no energy meter of its own"
NVML_ERROR = "NVML: {error}"

THROTTLES = {
    0x4: "software power cap",
    0x8: "hardware slowdown",
    0x10: "sync boost",
    0x20: "software thermal",
    0x40: "hardware thermal",
    0x80: "hardware power brake",
}
"""Bits of nvmlClocksThrottleReasons that hold a busy GPU's clock down."""


def load_nvml() -> tuple[Any, str | None]:
    """The initialised NVML module, or None and why there is none."""
    try:
        nvml = importlib.import_module("pynvml")
    except ImportError:
        return None, "the Python package nvidia-ml-py is not installed"
    try:
        nvml.nvmlInit()
    except AttributeError:
        return None, "another package than nvidia-ml-py provides 'pynvml'"
    except nvml.NVMLError as error:
        return None, NVML_ERROR.format(error=error)
    return nvml, None


class Nvml(Meter):
    """The GPUs given to a job, each once, however it was named.

    A GPU that a process of another job computes on is measured no more from then on: its meter
    sees both.

    Args:
        nvml: The initialised NVML module.
        given: GPUs as UUIDs or indices; ('all',) for every one there is.
        root: Process id of the measured process.
        by_bus: Whether indices are in the order of the bus, as NVML's are.
    """

    def __init__(
        self,
        nvml: Any,
        given: Sequence[str],
        root: int,
        *,
        by_bus: bool | None = None,
    ) -> None:
        self._nvml = nvml
        self._kin = Kin(root)
        self._devices: list[Device] = []
        self._handles: dict[str, Any] = {}
        self._counters: set[str] = set()
        self._shared: dict[str, str] = {}
        if by_bus is None:
            by_bus = os.environ.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID"
        wanted, refused = named_gpus(given, self._visible(given), by_bus=by_bus)
        for uuid in wanted:
            self._add(uuid)
        self._devices += [
            Device(name, "gpu", "device", None, reason=reason) for name, reason in refused.items()
        ]
        known = {device.device for device in self._devices if device.method is not None}
        self._handles = {uuid: h for uuid, h in self._handles.items() if uuid in known}

    def _visible(self, given: Sequence[str]) -> list[Visible]:
        nvml = self._nvml
        if not given or tuple(given) == (UNSAID,):
            return []
        found: list[Visible] = []
        for index in range(self._try(nvml.nvmlDeviceGetCount) or 0):
            try:
                handle = nvml.nvmlDeviceGetHandleByIndex(index)
                uuid = _text(nvml.nvmlDeviceGetUUID(handle))
            except nvml.NVMLError as error:
                found.append(Visible(index, None, None, NVML_ERROR.format(error=error)))
                continue
            self._handles[uuid] = handle
            name = self._try(lambda h=handle: _text(nvml.nvmlDeviceGetName(h)))  # type: ignore[misc]
            found.append(Visible(index, uuid, name))
        return found

    def _add(self, uuid: str) -> None:
        handle = self._handles[uuid]
        method, why = self._method(handle)
        if method == "counter":
            self._counters.add(uuid)
        self._devices.append(
            Device(
                uuid,
                "gpu",
                "device",
                method,
                name=self._try(lambda: _text(self._nvml.nvmlDeviceGetName(handle))),
                period_s=UPDATE_S,
                window_s=0.0 if method == "counter" else WINDOW_S,
                reason=why,
            )
        )

    def _method(self, handle: Any) -> tuple[str | None, str | None]:
        nvml = self._nvml
        if self._mig_mode(handle):
            return None, MIG
        if self._try(lambda: nvml.nvmlDeviceGetTotalEnergyConsumption(handle)) is not None:
            return "counter", None
        if self._try(lambda: nvml.nvmlDeviceGetPowerUsage(handle)) is not None:
            return "sampled", None
        return None, "the GPU reports neither energy nor power"

    def _mig_mode(self, handle: Any) -> bool:
        mode = self._try(lambda: self._nvml.nvmlDeviceGetMigMode(handle))
        return bool(mode and mode[0] == self._nvml.NVML_DEVICE_MIG_ENABLE)

    def learn(self, clock: Clock) -> None:
        """See how often each sensor updates; the usual period stays where that is not seen.

        Args:
            clock: The clock.
        """
        seen = update_periods({uuid: self._sensor(uuid) for uuid in self._handles}, clock)
        self._devices = [
            device
            if seen.get(device.device) is None
            else Device(**{**device.record(), "period_s": seen[device.device]})
            for device in self._devices
        ]

    def _sensor(self, uuid: str) -> Callable[[], Any]:
        nvml, handle = self._nvml, self._handles[uuid]
        ask = (
            nvml.nvmlDeviceGetTotalEnergyConsumption
            if uuid in self._counters
            else nvml.nvmlDeviceGetPowerUsage
        )
        return lambda: self._try(lambda: ask(handle))

    def _try(self, read: Callable[[], Any]) -> Any:
        """What NVML says, or None where it does not support the question."""
        try:
            return read()
        except self._nvml.NVMLError:
            return None

    def devices(self) -> list[Device]:
        """The GPUs."""
        return list(self._devices)

    def read(self, *, whole: bool = True) -> list[Reading]:
        """One reading of each GPU that NVML reaches.

        Args:
            whole: Whether to read more than energy and power.
        """
        kin = self._kin.members() if whole else frozenset()
        return [
            self._whole(uuid, handle, kin) if whole else self._fast(uuid, handle)
            for uuid, handle in self._handles.items()
        ]

    def _fast(self, uuid: str, handle: Any) -> Reading:
        nvml = self._nvml
        energy = None
        if uuid in self._counters:
            energy = self._try(lambda: nvml.nvmlDeviceGetTotalEnergyConsumption(handle))
        power = self._try(lambda: nvml.nvmlDeviceGetPowerUsage(handle))
        return Reading(
            uuid,
            power_w=None if power is None else power / MILLI,
            energy_j=None if energy is None else energy / MILLI,
        )

    def _whole(self, uuid: str, handle: Any, kin: Collection[int]) -> Reading:
        nvml = self._nvml
        fast = self._fast(uuid, handle)
        if fast.power_w is None and fast.energy_j is None:
            self._find_again(uuid)
        use = self._try(lambda: nvml.nvmlDeviceGetUtilizationRates(handle))
        memory = self._try(lambda: nvml.nvmlDeviceGetMemoryInfo(handle))
        temperature = self._try(
            lambda: nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)
        )
        clock = self._try(lambda: nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM))
        held = self._try(lambda: nvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle))
        return Reading(
            uuid,
            power_w=fast.power_w,
            energy_j=fast.energy_j,
            utilisation_pct=None if use is None else float(use.gpu),
            memory_bytes=None if memory is None else int(memory.used),
            temperature_c=None if temperature is None else float(temperature),
            clock_mhz=None if clock is None else float(clock),
            throttle=None if held is None else throttle_names(held),
            reason=self._foreign(uuid, handle, kin),
        )

    def _find_again(self, uuid: str) -> None:
        """A GPU that fell off the bus and came back has a new handle."""
        handle = self._try(lambda: self._nvml.nvmlDeviceGetHandleByUUID(uuid))
        if handle is not None:
            self._handles[uuid] = handle

    def _foreign(self, uuid: str, handle: Any, kin: Collection[int]) -> str | None:
        if uuid not in self._shared:
            running = self._try(lambda: self._nvml.nvmlDeviceGetComputeRunningProcesses(handle))
            others = sorted(
                pid for pid in {process.pid for process in running or ()} if not self._own(pid, kin)
            )
            if others:
                pids = ", ".join(map(str, others))
                self._shared[uuid] = f"the GPU is shared: process {pids} computes on it too"
        return self._shared.get(uuid)

    def _own(self, pid: int, kin: Collection[int]) -> bool:
        return pid in kin or self._kin.same_job(pid)


def throttle_names(bits: int) -> str:
    """What holds the clock down, joined by ', '; '' where nothing does."""
    return ", ".join(name for bit, name in THROTTLES.items() if bits & bit)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


__all__ = ["ALL", "MIG", "UPDATE_S", "Nvml", "load_nvml", "throttle_names"]
