"""Intel and AMD processors' energy counters, through Linux' powercap files."""

from __future__ import annotations

import re
from pathlib import Path

from wattbench.telemetry.meters import Device, Meter, Reading

POWERCAP = Path("/sys/class/powercap")
UPDATE_S = 0.001
"""Khan et al. 2018 (doi 10.1145/3177754): the counters are updated about every millisecond."""

KINDS = {"dram": "memory", "psys": "platform"}
"""Kinds of the domains beside the packages."""

MICROJOULES = 1e6
DOMAIN = re.compile(r"^intel-rapl:\d+(:\d+)?$")


class RaplDomain:
    """One counter that wraps around.

    Args:
        folder: Its folder under powercap.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.name = (folder / "name").read_text().strip()
        self._range = int((folder / "max_energy_range_uj").read_text())
        self._last = self._raw()
        self._sum = 0

    def _raw(self) -> int:
        return int((self._folder / "energy_uj").read_text())

    def joules(self) -> float:
        """Energy since this object was made; one wrap-around between two calls is seen."""
        raw = self._raw()
        step = raw - self._last
        self._sum += step if step >= 0 else step + self._range
        self._last = raw
        return self._sum / MICROJOULES


class Rapl(Meter):
    """Package, memory and platform domains of this node.

    The package holds its cores, so cores and graphics are left out. The platform holds packages
    and memory: it is of a kind of its own, and no sum takes both.

    Args:
        root: The powercap folder.
    """

    def __init__(self, root: Path = POWERCAP) -> None:
        self._domains: dict[str, RaplDomain] = {}
        self._devices: list[Device] = []
        for folder in sorted(root.glob("intel-rapl:*")) if root.is_dir() else ():
            if DOMAIN.match(folder.name):
                self._add(folder)

    def _add(self, folder: Path) -> None:
        try:
            name = (folder / "name").read_text().strip()
        except OSError:
            return
        kind = "cpu" if name.startswith("package") else KINDS.get(name)
        if kind is None:
            return
        reason = None
        try:
            self._domains[folder.name] = RaplDomain(folder)
        except PermissionError:
            reason = f"no permission to read {folder / 'energy_uj'}"
        except (OSError, ValueError) as error:
            reason = f"cannot read {folder / 'energy_uj'}: {error}"
        self._devices.append(
            Device(
                device=folder.name,
                kind=kind,
                scope="node",
                method=None if reason else "counter",
                name=name,
                period_s=UPDATE_S,
                reason=reason,
            )
        )

    def devices(self) -> list[Device]:
        """The domains, those that cannot be read with the reason."""
        return list(self._devices)

    def read(self, *, whole: bool = True) -> list[Reading]:
        """The counters, joules since this object was made.

        Args:
            whole: All is read in any case.
        """
        del whole
        found: list[Reading] = []
        for device, domain in self._domains.items():
            try:
                found.append(Reading(device, energy_j=domain.joules()))
            except (OSError, ValueError) as error:
                found.append(Reading(device, reason=f"the counter stopped answering: {error}"))
        return found
