"""NVIDIA GPUs, through NVML: the hardware's energy counter where it has one, else its power."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Sequence
from typing import Any

import psutil

from wattbench.telemetry.meters import Device, Reading

MILLI = 1000.0
UPDATE_S = 0.1
"""Yang et al. 2024 (doi 10.1109/SC41406.2024.00028): power sensors update every 20 to 100 ms."""

MIG = "a MIG slice has no energy meter of its own"
NVML_ERROR = "NVML: {error}"
ALL = "all"


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


class Nvml:
    """The GPUs given to a job.

    A GPU that another process computes on is measured no more from then on: its meter sees both.

    Args:
        nvml: The initialised NVML module.
        given: GPUs as UUIDs or indices; ('all',) for every one there is.
        root: Process id of the measured process.
    """

    def __init__(self, nvml: Any, given: Sequence[str], root: int) -> None:
        self._nvml = nvml
        self._root = root
        self._devices: list[Device] = []
        self._handles: dict[str, Any] = {}
        self._counters: set[str] = set()
        self._shared: dict[str, str] = {}
        for name in self._names(given):
            self._add(name)

    def _names(self, given: Sequence[str]) -> list[str]:
        if tuple(given) != (ALL,):
            return list(given)
        return [str(index) for index in range(self._nvml.nvmlDeviceGetCount())]

    def _add(self, name: str) -> None:
        nvml = self._nvml
        if name.startswith("MIG-"):
            self._devices.append(Device(name, "gpu", "device", None, reason=MIG))
            return
        try:
            handle = (
                nvml.nvmlDeviceGetHandleByIndex(int(name))
                if name.isdigit()
                else nvml.nvmlDeviceGetHandleByUUID(name)
            )
            uuid = _text(nvml.nvmlDeviceGetUUID(handle))
        except nvml.NVMLError as error:
            reason = NVML_ERROR.format(error=error)
            self._devices.append(Device(name, "gpu", "device", None, reason=reason))
            return
        self._handles[uuid] = handle
        method, why = self._method(handle)
        if method == "counter":
            self._counters.add(uuid)
        self._devices.append(
            Device(
                uuid,
                "gpu",
                "device",
                method,
                name=self._try(lambda: _text(nvml.nvmlDeviceGetName(handle))),
                resolution_s=UPDATE_S,
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

    def _try(self, read: Callable[[], Any]) -> Any:
        """What NVML says, or None where it does not support the question."""
        try:
            return read()
        except self._nvml.NVMLError:
            return None

    def devices(self) -> list[Device]:
        """The GPUs."""
        return list(self._devices)

    def read(self) -> list[Reading]:
        """One reading of each GPU that NVML reaches."""
        family = self._family()
        return [self._reading(uuid, handle, family) for uuid, handle in self._handles.items()]

    def _reading(self, uuid: str, handle: Any, family: frozenset[int]) -> Reading:
        nvml = self._nvml
        energy = None
        if uuid in self._counters:
            energy = self._try(lambda: nvml.nvmlDeviceGetTotalEnergyConsumption(handle))
        power = self._try(lambda: nvml.nvmlDeviceGetPowerUsage(handle))
        use = self._try(lambda: nvml.nvmlDeviceGetUtilizationRates(handle))
        memory = self._try(lambda: nvml.nvmlDeviceGetMemoryInfo(handle))
        temperature = self._try(
            lambda: nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)
        )
        clock = self._try(lambda: nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM))
        return Reading(
            uuid,
            power_w=None if power is None else power / MILLI,
            energy_j=None if energy is None else energy / MILLI,
            utilisation_pct=None if use is None else float(use.gpu),
            memory_bytes=None if memory is None else int(memory.used),
            temperature_c=None if temperature is None else float(temperature),
            clock_mhz=None if clock is None else float(clock),
            reason=self._foreign(uuid, handle, family),
        )

    def _family(self) -> frozenset[int]:
        try:
            process = psutil.Process(self._root)
            members = {self._root, *(child.pid for child in process.children(recursive=True))}
        except psutil.Error:
            members = {self._root}
        return frozenset(members | {os.getpid()})

    def _foreign(self, uuid: str, handle: Any, family: frozenset[int]) -> str | None:
        if uuid not in self._shared:
            running = self._try(lambda: self._nvml.nvmlDeviceGetComputeRunningProcesses(handle))
            others = sorted({process.pid for process in running or ()} - family)
            if others:
                pids = ", ".join(map(str, others))
                self._shared[uuid] = f"the GPU is shared: process {pids} computes on it too"
        return self._shared.get(uuid)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
