"""Where the report's figures come from: versions, weights, factors, settings, digests."""

from __future__ import annotations

import json
import platform
import re
import shlex
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

from wattbench.report import formats, measures
from wattbench.report.data import Group, ReportData
from wattbench.report.grids import Cell, Grid, Head, text, unknown, why_null
from wattbench.report.tables import run_cell
from wattbench.study.judgement import Price
from wattbench.study.layout import Layout
from wattbench.tables.runs import RUNS

REPORT_PACKAGES = ("wattbench", "matplotlib", "Jinja2", "pyarrow", "scipy")

_SECRET = re.compile(
    r"(^|_)(key|token|secret|password|passwd|credential|authorization)s?$", re.IGNORECASE
)
_USERINFO = re.compile(r"(?<=://)[^/@\s]+@")
HIDDEN = "(hidden)"


def versions() -> dict[str, str]:
    """Versions of what made the report."""
    found = {"Python": platform.python_version()}
    for package in REPORT_PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed as a package"
    return found


def settings(data: ReportData) -> str:
    """The study as YAML, without what looks like a secret."""
    shown = _without_secrets(data.study.model_dump(mode="json"))
    return formats.clean(yaml.safe_dump(shown, sort_keys=False, allow_unicode=True))


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            k: HIDDEN if _SECRET.search(str(k)) and v is not None else _without_secrets(v)
            for k, v in value.items()
        }
    if isinstance(value, list):
        return [_without_secrets(v) for v in value]
    return _USERINFO.sub(f"{HIDDEN}@", value) if isinstance(value, str) else value


def command(data: ReportData) -> str:
    """What makes the report again."""
    study = Layout(Path(data.study.study.results)).study
    return f"wattbench report --study {shlex.quote(study.as_posix())}"


def weights(group: Group) -> Grid:
    """Which weights, backend and settings each run used."""
    rows = []
    for run in group.runs:
        row = run.row
        if run.is_ensemble:
            continue
        rows.append(
            (
                run_cell(group, run.name),
                _given(row, "weights"),
                _given(row, "revision"),
                _given(row, "backend", row["backend_version"]),
                _given(row, "prompt"),
                text(row["identity"]),
                _listed(row, "hosts", "not recorded"),
                _given(row, "cpu_model"),
                _listed(row, "gpu_names", "none"),
            )
        )
    return Grid(
        name="weights",
        caption="What ran: weights with their revision or sha256, backend, prompt, the digest of "
        "all that defines the result, and the machine.",
        heads=tuple(
            Head(h)
            for h in (
                "Model", "Weights", "Revision or sha256", "Backend", "Prompt", "Identity", "Hosts",
                "CPU", "GPUs",
            )
        ),
        rows=tuple(rows),
        empty="There is no run of a model.",
    )  # fmt: skip


def _listed(row: dict[str, Any], column: str, none: str) -> Cell:
    values = row[column]
    return (
        unknown(why_null(RUNS, row, column)) if values is None else text(", ".join(values) or none)
    )


def _given(row: dict[str, Any], column: str, detail: str | None = None) -> Cell:
    value = row[column]
    if value is None:
        return unknown(why_null(RUNS, row, column), "not known")
    shown = formats.clean(value)
    return Cell(shown, sort=shown, detail=formats.clean(detail) if detail else None)


def run_versions(data: ReportData) -> Grid:
    """Versions that the runs were made with, side by side only where they differ."""
    found: dict[str, dict[str, list[str]]] = {}
    for group in data.groups:
        for run in group.runs:
            try:
                said = json.loads(run.row["versions"] or "{}")
            except ValueError:
                said = {"versions": run.row["versions"]}
            if not isinstance(said, dict):
                said = {"versions": str(said)}
            for name, value in said.items():
                runs = found.setdefault(str(name), {}).setdefault(str(value), [])
                runs.append(run.label)
    return Grid(
        name="versions",
        caption="Versions that the runs were made with.",
        heads=(Head("Part"), Head("Version"), Head("Runs")),
        rows=tuple(
            (
                text(name),
                text(value),
                text("all" if len(values) == 1 else ", ".join(dict.fromkeys(runs))),
            )
            for name, values in sorted(found.items())
            for value, runs in values.items()
        ),
        empty="No run recorded its versions.",
        sortable=False,
    )


def factors(data: ReportData) -> Grid:
    """Numbers that the study vouches for, with their sources."""
    energy = data.study.energy
    rows = [
        (
            "Calibration uncertainty of meters",
            f"{formats.figures(energy.calibration_relative_uncertainty * 100)} % of the reading",
            energy.calibration_source,
        )
    ]
    if energy.estimate is not None:
        rows.append(
            (
                "Energy estimate",
                (
                    f"~{formats.figures(energy.estimate.watts_per_core)} W per busy core, "
                    f"± {formats.figures(energy.estimate.relative_uncertainty * 100)} %"
                ),
                energy.estimate.source,
            )
        )
    named = (
        ("Power usage effectiveness", energy.pue, ""),
        ("Grid intensity", energy.carbon_g_per_kwh, " g CO2e/kWh"),
        ("Price of energy", energy.price_per_kwh, " per kWh"),
    )
    rows += [
        (name, f"{formats.figures(factor.value, 4)}{unit}", factor.source)
        for name, factor, unit in named
        if factor is not None
    ]
    rows += [
        (f"Tokens of {model}", _prices(price), price.source)
        for model, price in sorted(data.study.prices.items())
    ]
    return Grid(
        name="factors",
        caption="Numbers that the study vouches for, and where they come from.",
        heads=(Head("Factor"), Head("Value"), Head("Source")),
        rows=tuple(tuple(text(c) for c in row) for row in rows),
        sortable=False,
    )


def _prices(price: Price) -> str:
    each = (
        ("input", price.input_per_million),
        ("cached input", price.cached_input_per_million),
        ("output", price.output_per_million),
    )
    parts = [f"{name} {formats.figures(value)}" for name, value in each if value is not None]
    return f"{', '.join(parts)} {price.currency} per million"


def site(data: ReportData, group: Group) -> Grid | None:
    """Site energy, carbon and price, where the study gives a factor."""
    energy = data.study.energy
    if not (energy.pue or energy.carbon_g_per_kwh or energy.price_per_kwh or data.study.prices):
        return None
    shown = [
        (head, column, factor, unit)
        for head, given, column, factor, unit in (
            ("Site energy", energy.pue, "site_energy_j", 1 / formats.JOULES_PER_WH, " Wh"),
            ("Carbon", energy.carbon_g_per_kwh, "carbon_g", 1.0, " g CO2e"),
            ("Price", energy.price_per_kwh, "energy_price", 1.0, ""),
        )
        if given is not None
    ]
    rows = []
    for run in group.runs:
        approximate = formats.energy_prefix(run.row["energy_method"])
        cells = [run_cell(group, run.name)]
        for _, column, factor, unit in shown:
            value = run.row[column]
            cells.append(
                unknown(why_null(RUNS, run.row, column, "energy_gross_j"))
                if value is None
                else Cell(f"{approximate}{formats.figures(value * factor)}{unit}", sort=value)
            )
        if data.study.prices:
            cells.append(_token_price(run.row))
        rows.append(tuple(cells))
    return Grid(
        name="site",
        caption="Device energy times the site's factors, whose sources stand under provenance; "
        "a price is in the study's currency.",
        heads=(
            Head("Model"),
            *(Head(head, numeric=True) for head, *_ in shown),
            *((Head("Price of tokens", numeric=True),) if data.study.prices else ()),
        ),
        rows=tuple(rows),
    )


def _token_price(row: dict[str, Any]) -> Cell:
    value = row["token_price"]
    if value is None:
        return unknown(why_null(RUNS, row, "token_price"))
    return Cell(measures.token_price(row), sort=value)


def inputs(data: ReportData) -> Grid:
    """Digests of the tables that the report was made from."""
    return Grid(
        name="inputs",
        caption="The tables that this report was made from.",
        heads=(Head("Table"), Head("sha256")),
        rows=tuple((text(path), text(digest)) for path, digest in sorted(data.inputs.items())),
        sortable=False,
    )
