"""Lines over model size, and the guide's comparison."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import special, stats
from tests.unit.made_results import RIGHT, make_study, write_run

import wattbench
from wattbench.analyses.aggregate import aggregate
from wattbench.analyses.joint import Metered, joint
from wattbench.analyses.joint_columns import per_correct
from wattbench.analyses.scaling import GUIDE, OWN, fit, guide_csv, scaling
from wattbench.scoring.intervals import Verdicts
from wattbench.scoring.resamples import Clusters
from wattbench.scoring.stage import score
from wattbench.scoring.standing import standing_of
from wattbench.study.judgement import Scoring
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


@pytest.mark.parametrize("score", [0.1 + 0.2, 0.7, 1.0])
def test_what_does_not_vary_has_no_share_to_explain(score: float) -> None:
    x = np.log10([0.5, 1.5, 3.0, 7.0, 14.0, 32.0, 72.0])
    line = fit(x, np.full(7, score), 0.95)
    assert (line.slope, line.half, line.r_squared) == (0.0, 0.0, None)
    assert line.intercept == pytest.approx(score)


def family(value: np.ndarray, clusters: Clusters) -> dict[str, dict[str, Any]]:
    """Rows of `scaling` by measure, of three sizes with these right values."""
    settings = Scoring(bootstrap=2000)
    verdicts = Verdicts(value, value, value, np.ones_like(value), np.zeros(len(value)))
    found = standing_of(settings, "strict", ["a", "b", "c"], verdicts, clusters)
    joules = np.random.default_rng(0).lognormal(0, 0.5, value.shape) * (1, 3, 8)
    meters = [Metered(one.sum(), 0.05, 0.03, "gpu", one / one.sum()) for one in joules.T]
    draws = joint(found, meters, {}, settings)
    each = per_correct(draws, 0.95)
    rows = [
        {
            "run": run, "kind": "model", "family": "f", "parameters_b": size,
            "score": found.whole.score[0, place], "value_accuracy": found.whole.value[0, place],
            "energy_per_question_j": draws.estimate[place] / len(value),
            "energy_per_correct_j": each.estimate[place], "latency_mean_s": 1.0,
        }
        for place, (run, size) in enumerate((("a", 0.5), ("b", 1.5), ("c", 7.0)))
    ]  # fmt: skip
    return {row["measure"]: row | {"draws": draws} for row in scaling(rows, draws, 0.95)}


@pytest.mark.parametrize("cluster", [1, 3])
def test_the_sampling_interval_is_the_bootstraps(cluster: int) -> None:
    generator = np.random.default_rng(1)
    hard = np.repeat(generator.normal(0, 1, 300 // cluster), cluster)[:, None]
    value = (generator.random((300, 3)) < special.expit([0.5, 1.0, 2.0] - hard)).astype(float)
    found = family(value, Clusters(np.arange(300) // cluster, 300 // cluster))
    draws = found["score"]["draws"]
    hits = draws.standing.counts @ value
    drawn = {
        "score": draws.score,
        "value_accuracy": draws.standing.drawn.value,
        "energy_per_question_j": np.log10(draws.energy),
        "energy_per_correct_j": np.log10(draws.energy / hits),
    }
    x = np.log10([0.5, 1.5, 7.0])
    for measure, y in drawn.items():
        slopes = y @ (x - x.mean()) / ((x - x.mean()) ** 2).sum()
        row = found[measure]
        half = (row["slope_sampling_high"] - row["slope_sampling_low"]) / 2
        assert half == pytest.approx(1.97 * slopes.std(), rel=0.08), measure
        assert row["slope"] == pytest.approx(row["slope_sampling_low"] + half)


def test_runs_that_are_all_right_have_no_certain_slope() -> None:
    found = family(np.ones((20, 3)), Clusters(np.arange(20), 20))
    assert found["score"]["slope_sampling_low"] < -0.1
    assert found["score"]["slope_sampling_high"] > 0.1
    whole = Clusters(np.zeros(20, dtype=np.intp), 1)
    assert family(np.ones((20, 3)), whole)["score"]["slope_sampling_low"] is None


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
