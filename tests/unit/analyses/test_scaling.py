"""Lines over model size, and the guide's comparison."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from tests.unit.made_results import RIGHT, make_study, write_run

import wattbench
from wattbench.analyses.aggregate import aggregate
from wattbench.analyses.scaling import GUIDE, OWN, fit, guide_csv
from wattbench.scoring.stage import score
from wattbench.study.layout import Layout

SIZES = {"=tiny": 0.5, "small": 1.5, "large": 7.0}


def finished(folder: Path) -> Layout:
    models = {
        name.strip("="): {"weights": "m.gguf", "family": "=qwen", "parameters_b": size}
        for name, size in SIZES.items()
    } | {"unsized": {"weights": "u.gguf", "family": "=qwen"}, "alone": {"weights": "a.gguf"}}
    study = make_study(folder, models)
    answers = {"tiny": 1, "small": 2, "large": 4, "unsized": 4, "alone": 4}
    for place, (name, right) in enumerate(answers.items()):
        wrong = dict.fromkeys(list(RIGHT)[right:], "7")
        write_run(study, name, RIGHT | wrong, energy_j=100.0 * 4**place)
        score(study, "set", name)
    aggregate(study)
    return Layout(folder / "results")


def test_a_line_is_scipys() -> None:
    x, y = np.array([0.0, 0.3, 1.0, 1.5]), np.array([0.2, 0.4, 0.5, 0.9])
    line, expected = fit(x, y, 0.95), stats.linregress(x, y)
    assert (line.slope, line.intercept) == pytest.approx((expected.slope, expected.intercept))
    assert line.half == pytest.approx(expected.stderr * stats.t.ppf(0.975, 2))
    assert line.r_squared == pytest.approx(expected.rvalue**2)
    two = fit(x[:2], y[:2], 0.95)
    assert two.slope == pytest.approx(2 / 3)
    assert (two.half, two.residual_sd, two.r_squared) == (None, None, None)


def test_a_family_of_a_study(tmp_path: Path) -> None:
    finished(tmp_path)
    found = wattbench.load(tmp_path / "results").scaling
    rows = {row["measure"]: row for row in found.to_dict("records")}
    energy = rows["energy_per_question_j"]
    assert list(energy["runs"]) == ["tiny", "small", "large"]
    assert list(energy["excluded"]) == ["unsized"]
    assert energy["transform"] == "log10"
    x = np.log10(list(SIZES.values()))
    expected = stats.linregress(x, np.log10([25.0, 100.0, 400.0]))
    assert energy["slope"] == pytest.approx(expected.slope)
    assert energy["slope_sampling_low"] < energy["slope"] < energy["slope_sampling_high"]
    assert rows["value_accuracy"]["slope_low"] < rows["value_accuracy"]["slope"]
    assert rows["score"]["slope"] > 0


def test_the_guides_comparison(tmp_path: Path) -> None:
    layout = finished(tmp_path)
    with layout.scaling_csv.open(newline="") as stream:
        rows = {row["model"]: row for row in csv.DictReader(stream)}
    assert tuple(rows["small"]) == (*OWN, *GUIDE)
    assert set(rows) == {"tiny", "small", "large", "unsized"}
    small = rows["small"]
    assert (small["params_b"], small["value_accuracy"], small["correct"]) == ("1.5", "0.5", "2")
    assert float(small["energy_wh"]) == pytest.approx(500 / 3600, abs=1e-3)
    # What nobody measured is empty, and no cell is a formula.
    assert (small["vram_reserved_gb"], rows["unsized"]["params_b"]) == ("", "")
    assert small["family"] == "'=qwen"
    sizes = json.loads(layout.scaling_json.read_text())["set"]["=qwen"]
    assert sorted(sizes) == ["0.5", "1.5", "7", "unsized"]
    assert sizes["7"]["model"] == "large"
    assert sizes["7"]["vram_reserved_gb"] is None


def test_without_families_there_is_a_head_line() -> None:
    assert guide_csv([]) == ",".join((*OWN, *GUIDE)) + "\n"
