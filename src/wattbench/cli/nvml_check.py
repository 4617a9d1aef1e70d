"""What NVML says of this machine's GPUs; run as a program, for a broken driver may hang.

Prints one JSON object: {"version", "driver", "gpus": [...]} or {"error"}.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any


def ask_nvml() -> dict[str, Any]:
    """Driver version and, per GPU, its name, UUID and what its meter offers."""
    try:
        import pynvml
    except ImportError as error:
        return {"error": f"the Python module pynvml cannot be imported ({error})"}
    if not hasattr(pynvml, "NVMLError"):
        return {"error": f"the module pynvml at {pynvml.__file__} is not NVIDIA's"}
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return {"error": str(error)}

    def offered(call: Callable[..., Any], *gpu: Any) -> Any:
        try:
            return call(*gpu)
        except pynvml.NVMLError as error:
            return f"not offered: {error}"

    try:
        gpus = []
        for index in range(pynvml.nvmlDeviceGetCount()):
            gpu = pynvml.nvmlDeviceGetHandleByIndex(index)
            counter = offered(pynvml.nvmlDeviceGetTotalEnergyConsumption, gpu)
            power = offered(pynvml.nvmlDeviceGetPowerUsage, gpu)
            mode = offered(pynvml.nvmlDeviceGetMigMode, gpu)
            gpus.append(
                {
                    "name": str(offered(pynvml.nvmlDeviceGetName, gpu)),
                    "uuid": str(offered(pynvml.nvmlDeviceGetUUID, gpu)),
                    "energy_counter": isinstance(counter, int),
                    "power": isinstance(power, int),
                    "mig": isinstance(mode, list | tuple) and bool(mode[0]),
                }
            )
        return {"driver": str(offered(pynvml.nvmlSystemGetDriverVersion)), "gpus": gpus}
    except pynvml.NVMLError as error:
        return {"error": str(error)}
    finally:
        pynvml.nvmlShutdown()


if __name__ == "__main__":
    print(json.dumps(ask_nvml()))  # noqa: T201
