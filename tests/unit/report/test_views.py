"""Every view: drawn, honest about what it leaves out, and unmoved by names."""

from __future__ import annotations

import hashlib
import io
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from tests.unit.report import many
from tests.unit.report import report_fixture as made

from wattbench.report import palette
from wattbench.report.data import ReportData, read_report_data
from wattbench.report.figures import figure_bytes
from wattbench.report.metrics import METRICS, Value
from wattbench.report.selection import shown_by
from wattbench.report.views import VIEWS, CannotDraw, evaluations, pareto, plotting, rows, tasks
from wattbench.report.views.registry import Drawn, draw
from wattbench.study.reporting import Report

GUIDE = (
    "scores_by_task", "scores_heatmap", "scores_radar_by_task", "scores_by_model",
    "scores_by_factor", "overall_scores", "accuracy_by_type", "agreement_heatmap", "unique_wins",
    "refusal_rates", "cost_vs_score", "size_vs_scores", "size_vs_latency", "size_vs_cost",
    "size_score_cost_bubble", "overall_ranking", "cost_vs_performance", "score_breakdown",
    "energy_per_experiment", "score_breakdown_top10", "energy_quality_pareto",
)  # fmt: skip


def many_runs(folder: Path, change: made.Change = lambda _, found: found) -> ReportData:
    made.write_tables(folder, change=lambda t, found: change(t, many.grown(t, found)))
    return read_report_data(made.study(folder, models=many.models()))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ReportData:
    return many_runs(tmp_path_factory.mktemp("many"))


@pytest.fixture(scope="module")
def drawn(data: ReportData) -> dict[str, Drawn]:
    return {name: draw(view, data, data.groups[0]) for name, view in VIEWS.items()}


def texts(figure: Figure) -> list[str]:
    """Every text of a figure, ticks and titles included."""
    found = [t.get_text() for t in figure.findobj(lambda o: hasattr(o, "get_text"))]
    return [t.replace("\u200e", "") for t in found if t]


def test_the_guides_views_are_there() -> None:
    assert set(GUIDE) <= set(VIEWS)


@pytest.mark.parametrize("name", list(VIEWS))
def test_every_view_is_drawn_of_hostile_names(name: str, drawn: dict[str, Drawn]) -> None:
    found = drawn[name]
    assert found.figure is not None, found.reason
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        saved = figure_bytes(found.figure, ("png",), 40)["png"]
    assert saved.startswith(b"\x89PNG")


@pytest.mark.parametrize("name", sorted(set(VIEWS) - {"comparisons", "score_breakdown_top10"}))
def test_every_run_is_drawn_or_named_with_a_reason(
    name: str, drawn: dict[str, Drawn], data: ReportData
) -> None:
    found = drawn[name]
    assert found.figure is not None
    there = " ".join(texts(found.figure))
    left_out = dict(found.left_out)
    for run in data.groups[0].runs:
        if run.label in left_out:
            assert left_out[run.label]
        elif run.label.isascii() and len(run.label) < 20 and run.label.isprintable():
            assert run.label in there, run.label


def test_names_that_the_guide_dropped_stay(drawn: dict[str, Drawn]) -> None:
    for name in ("overall_scores", "unique_wins", "agreement_heatmap", "size_vs_latency"):
        figure = drawn[name].figure
        assert figure is not None
        assert "new-test-v2_fixed jinav4" in texts(figure)


def test_unknown_energy_is_a_row_with_its_reason(drawn: dict[str, Drawn]) -> None:
    figure = drawn["energy_per_experiment"].figure
    assert figure is not None
    reasons = [t for t in texts(figure) if t.startswith("not measured: ")]
    assert len(reasons) == 4
    assert any("MIG slice" in t for t in reasons)


@pytest.mark.parametrize("name", ["unique_wins", "accuracy_by_type", "refusal_rates"])
def test_the_same_figure_gives_the_same_bytes(name: str, data: ReportData) -> None:
    found = []
    elsewhere = []
    for drawing in range(3):
        figure = draw(VIEWS[name], data, data.groups[0]).figure
        assert figure is not None
        files = figure_bytes(figure)
        found.append({k: hashlib.sha256(files[k]).hexdigest() for k in files})
        # The solver of the layout depends on addresses in memory: the next drawing lies elsewhere.
        elsewhere.append([object() for _ in range(9_973 * (drawing + 1))])
    assert found[0] == found[1] == found[2]


def test_png_is_300_dots_an_inch(drawn: dict[str, Drawn]) -> None:
    from matplotlib.image import imread

    figure = drawn["unique_wins"].figure
    assert figure is not None
    image = imread(io.BytesIO(figure_bytes(figure, ("png",))["png"]))
    assert image.shape[1] == round(7.6 * 300)


def test_a_run_has_one_colour_everywhere(data: ReportData, drawn: dict[str, Drawn]) -> None:
    run = next(r for r in data.groups[0].runs if r.name == "qwen-0.5b")
    for name in (
        "overall_scores",
        "scores_by_model",
        "roc_curves",
        "power",
        "energy_per_experiment",
    ):
        figure = drawn[name].figure
        assert figure is not None
        used = {to_hex(line.get_color()) for ax in figure.axes for line in ax.lines}
        used |= {to_hex(line.get_markeredgecolor()) for ax in figure.axes for line in ax.lines}
        assert run.colour in used, name


BLIND = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
               [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
               [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
               [0.004733, 0.691367, 0.303900]],
    "none": [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
}  # fmt: skip
"""Linear RGB as people see it who lack a cone (Machado, Oliveira and Fernandes 2009)."""

TO_XYZ = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]


def seen(colour: str, eye: str) -> np.ndarray:
    """CIELAB of a colour as an eye sees it."""
    rgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(np.array(BLIND[eye]) @ linear, 0, 1) / [0.9505, 1, 1.089]
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("ground", [palette.LIGHT_GROUND, palette.DARK_GROUND])
@pytest.mark.parametrize("eye", list(BLIND))
def test_colours_are_told_apart_by_every_eye(eye: str, ground: str) -> None:
    shown = [seen(palette.against(c, ground), eye) for c in palette.OKABE_ITO]
    apart = [np.linalg.norm(a - b) for i, a in enumerate(shown) for b in shown[:i]]
    assert min(apart) > 8  # 2.3 is just noticeable side by side


def test_intervals_of_types_are_wilsons(data: ReportData) -> None:
    group = data.groups[0]
    places = tasks.kinds_of(group)["quote"]
    for run in group.runs:
        found = tasks.summed(group, run, places, "value_accuracy", 0.95)
        assert found is not None
        right = int(group.answers[run.name].flag("value_correct")[places].sum())
        assert found[0] == right / len(places)
        assert found[1] == pytest.approx(made.wilson(right, len(places)), abs=1e-6)


def test_intervals_of_means_hold_the_mean_and_are_never_points(data: ReportData) -> None:
    group = data.groups[0]
    for run in group.runs:
        middle, (low, high) = tasks.summed(group, run, [0, 1, 2], "score", 0.95) or (0, (0, 0))
        assert low < middle < high


FRAME = pd.DataFrame(
    {
        "task_name": ["a", "b", "c"] * 3,
        "model_display_name": ["x"] * 3 + ["y"] * 3 + ["z"] * 3,
        "score": [0.2, 0.4, 0.6, 0.8, 0.4, 0.6, 0.5, 0.4, math.nan],
        "se": [0.05] * 9,
        "prompt": [True, False, True] * 3,
    }
)


def test_min_max_and_percentile_and_absolute() -> None:
    def values(**settings: Any) -> list[float]:
        found = evaluations.scores_radar_by_task_df(FRAME, score_value="score", **settings)
        return [round(v, 6) for v in found["value"]]

    nan = pytest.approx(math.nan, nan_ok=True)
    assert values(normalization="min_max") == [0, 0.5, 0.5, 1, 0.5, 0.5, 0.5, 0.5, nan]
    assert values(normalization="percentile") == [0, 0.5, 0.5, 1, 0.5, 0.5, 0.5, 0.5, nan]
    assert values(domain=(0.4, 0.8)) == [0, 0, 0.5, 1, 0, 0.5, 0.25, 0, nan]
    assert values(normalization="min_max", invert=["a"])[:4] == [1, 0.5, 0.5, 0]
    with pytest.raises(CannotDraw, match="no task: d"):
        values(invert=["d"])


def test_the_guides_functions_take_any_frame() -> None:
    figure = evaluations.scores_by_task(FRAME, score_value="score", score_stderr="se", ci=0.9)
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["a", "b", "c"]
    assert any("not measured" in t for t in texts(figure))
    one = FRAME[FRAME["task_name"] == "a"]
    bars = evaluations.scores_by_model(one, score_value="score", score_stderr="se", height=200)
    assert bars.get_size_inches()[1] == pytest.approx(200 / 96)
    whisker = bars.axes[0].collections[0].get_segments()[0]
    assert whisker[:, 0] == pytest.approx([0.8 - 1.96 * 0.05, 0.8 + 1.96 * 0.05], abs=1e-3)
    with pytest.raises(CannotDraw, match="a height of 60 is too little: 3 need 97"):
        evaluations.scores_by_model(one, score_value="score", height=60)
    with pytest.raises(CannotDraw, match="several tasks"):
        evaluations.scores_by_model(FRAME, score_value="score")
    with pytest.raises(CannotDraw, match="lack the columns nothing"):
        evaluations.scores_by_task(FRAME, score_value="nothing")
    sides = evaluations.scores_by_factor(
        FRAME.drop_duplicates(["model_display_name", "prompt"]), factor="prompt",
        factor_labels=("No prompt", "Prompt"), score_value="score",
    )  # fmt: skip
    assert [ax.get_title(loc="left") for ax in sides.axes] == ["No prompt", "Prompt"]
    with pytest.raises(CannotDraw, match="all of it is 'yes'"):
        evaluations.scores_by_factor(
            FRAME[FRAME["prompt"]], factor="prompt", factor_labels=("no", "yes"),
            score_value="score",
        )  # fmt: skip


def test_a_diagonal_heatmap_is_skipped() -> None:
    diagonal = FRAME.iloc[[0, 4, 8]]
    with pytest.raises(CannotDraw, match="diagonal"):
        evaluations.scores_heatmap(diagonal, score_value="score")
    upright = evaluations.scores_heatmap(FRAME, score_value="score")
    lying = evaluations.scores_heatmap(FRAME, score_value="score", orientation="horizontal")
    shape = np.shape(upright.axes[0].collections[0].get_array())
    assert np.shape(lying.axes[0].collections[0].get_array()) == shape[::-1]


def test_every_cell_of_a_heatmap_has_its_interval() -> None:
    figure = evaluations.scores_heatmap(FRAME, score_value="score", score_stderr="se")
    cells = [t.get_text() for t in figure.axes[0].texts]
    assert cells[:2] == ["0.20", "0.10\N{EN DASH}0.30"]
    assert len(cells) == 2 * 8 + 1  # the score that is no number has no interval
    assert figure.axes[1].get_ylabel() == "Score\n95 % interval beneath"


def test_a_heatmap_without_room_says_how_wide_intervals_are(drawn: dict[str, Drawn]) -> None:
    figure = drawn["agreement_heatmap"].figure
    assert figure is not None
    shares = np.asarray(figure.axes[0].collections[0].get_array())
    assert len(figure.axes[0].texts) == shares.size
    apart = shares[~np.eye(len(shares), dtype=bool)]
    ends = [(share, *made.wilson(round(share * 24), 24)) for share in apart]
    widest = max(max(share - low, high - share) for share, low, high in ends)
    assert figure.axes[1].get_ylabel().endswith(f"95 % intervals within \u00b1{widest:.2f}")


def test_radars_draw_intervals_where_the_scale_has_any() -> None:
    frame = FRAME.assign(score_low=FRAME["score"] - 0.1, score_high=FRAME["score"] + 0.1)

    def bars(**settings: Any) -> list[list[float]]:
        found = evaluations.scores_radar_by_task_df(frame, score_value="score", **settings)
        axes = evaluations.scores_radar_by_task(found).axes[0]
        segments = [s for c in axes.collections for s in c.get_segments() if len(s)]
        return [segment[:, 1].round(6).tolist() for segment in segments]

    assert bars() == [[0.1, 0.3], [0.3, 0.5], [0.5, 0.7]]
    assert bars(invert=["a"])[0] == [0.7, 0.9]
    assert bars(normalization="min_max")[0] == [0, pytest.approx(1 / 6, abs=1e-6)]
    assert bars(normalization="percentile") == []


def test_the_frontier_says_how_often_a_run_is_on_it(tmp_path: Path) -> None:
    made.write_tables(tmp_path, questions=12)
    found = read_report_data(made.study(tmp_path))
    plot = draw(VIEWS["frontier"], found, found.groups[0])
    assert plot.figure is not None
    assert plot.wide is not None
    there = texts(plot.figure)
    assert "Qwen2.5 Coder 0.5B\non the frontier in 83 % of resamples" in there
    assert any(t.startswith("Halos and percentages") for t in there)
    assert ">Qwen2.5 Coder 0.5B, 83 %<" in plot.wide
    # Among some of the runs it would be another.
    chosen = Report.model_validate({"inputs": {"select": {"run": ["qwen-0.5b", "vote-small"]}}})
    cut = shown_by(found, chosen, None)
    part = draw(VIEWS["frontier"], cut, cut.groups[0])
    assert part.figure is not None
    assert part.wide is not None
    assert "Qwen2.5 Coder 0.5B" in texts(part.figure)
    assert any("not among those selected" in t for t in texts(part.figure))
    assert "83 %" not in part.wide


@pytest.mark.parametrize("name", sorted(VIEWS))
def test_what_is_left_out_stands_beneath_the_plot(name: str, drawn: dict[str, Drawn]) -> None:
    found = drawn[name]
    assert found.figure is not None
    beneath = " ".join(" ".join(t.get_text() for t in found.figure.texts).split())
    for why in {why for _, why in found.left_out}:
        assert why in beneath


def test_text_is_as_wide_at_any_number_of_dots() -> None:
    figure = plotting.sheet(4, 1)
    canvas: Any = FigureCanvasAgg(figure)
    text = figure.text(0, 0, "Both Qwen, by confidence", fontsize=plotting.SMALL_PT)
    wide = []
    with plotting.style({}):
        for dpi in (72, 100, 130, 300, 1200):
            figure.set_dpi(dpi)
            wide.append(text.get_window_extent(canvas.get_renderer()).width * 72 / dpi)
    assert max(wide) / min(wide) < 1.01


def test_names_of_spokes_are_clear_of_the_radar() -> None:
    frame = FRAME.replace({"task_name": {"b": "Calculation", "c": "Unanswerable"}})
    found = evaluations.scores_radar_by_task_df(frame, score_value="score")
    figure = evaluations.scores_radar_by_task(found)
    plotting.lay_out(figure)
    canvas: Any = FigureCanvasAgg(figure)
    for axes in figure.axes:
        circle = axes.get_window_extent()
        middle, radius = (circle.p0 + circle.p1) / 2, circle.width / 2
        for name in axes.get_xticklabels():
            box = name.get_window_extent(canvas.get_renderer())
            nearest = np.clip(middle, box.p0, box.p1)
            assert np.hypot(*(nearest - middle)) > radius, name.get_text()


def test_a_radar_needs_three_tasks() -> None:
    frame = evaluations.scores_radar_by_task_df(
        FRAME[FRAME["task_name"] != "c"], score_value="score"
    )
    with pytest.raises(CannotDraw, match="three tasks"):
        evaluations.scores_radar_by_task(frame)


def test_thresholds_are_drawn(data: ReportData) -> None:
    wanted = Report.model_validate({"thresholds": {"score": 0.61, "energy_gross_wh": 2.5}})
    shown = shown_by(data, wanted, None)
    for name, at in (("overall_scores", 0.61), ("energy_per_experiment", 2.5)):
        figure = draw(VIEWS[name], shown, shown.groups[0]).figure
        assert figure is not None
        lines = [
            line.get_xdata()[0] for line in figure.axes[0].lines if line.get_linestyle() == ":"
        ]
        assert lines == [at]


def test_prices_in_two_currencies_share_no_axis(tmp_path: Path) -> None:
    def two(table: str, found: list[made.Row]) -> list[made.Row]:
        if table == "runs":
            found[0] |= {"token_price": 1.0, "token_price_currency": "EUR"}
            found[1] |= {"token_price": 1.0, "token_price_currency": "USD"}
        return found

    made.write_tables(tmp_path, change=two)
    found = read_report_data(made.study(tmp_path))
    reason = draw(VIEWS["cost_vs_score"], found, found.groups[0]).reason
    assert reason == "prices are in several currencies: EUR, USD"


def test_the_best_come_first_and_the_unknown_last() -> None:
    entries = [
        rows.Entry("a", "#000000", "nobody knows"),
        rows.Entry("b", "#000000", Value(1)),
        rows.Entry("c", "#000000", Value(2)),
    ]
    assert [e.name for e in rows.best_first(entries, more_is_better=True)] == ["c", "b", "a"]
    assert [e.name for e in rows.best_first(entries, more_is_better=False)] == ["b", "c", "a"]


@pytest.mark.parametrize("name", sorted(METRICS))
def test_a_figure_that_is_null_is_a_reason(name: str, data: ReportData) -> None:
    for run in data.groups[0].runs:
        found = METRICS[name].read(run, 0.95)
        columns = ("token_price", "energy_price") if name == "price" else (name,)
        if all(run.row[c] is None for c in columns):
            assert isinstance(found, str)
            assert len(found) > 3
        else:
            assert isinstance(found, Value)


CELLS = pd.DataFrame(
    {
        "run_id": ["sft_1b", "kd_1b", "kd_1b_again", "kd_7b", "lost", "sft_1b"],
        "total_kwh_all": [0.4, 1.2, 1.2, 9.0, None, 2.0],
        "gsm8k_acc": [0.42, 0.5, 0.5, 0.49, 0.9, 0.3],
    }
)


def test_energy_and_quality_of_any_frame(tmp_path: Path) -> None:
    marked = pareto.mark_pareto_frontier(CELLS, "total_kwh_all", "gsm8k_acc")
    assert marked["is_pareto"].tolist() == [True, True, True, False, False, False]
    out = tmp_path / "figures" / "pareto.pdf"
    figure = pareto.plot_energy_quality_pareto(
        CELLS, energy_col="total_kwh_all", quality_col="gsm8k_acc", outpath=out
    )
    assert out.read_bytes().startswith(b"%PDF")
    assert {"kd_1b", "kd_1b_again", "sft_1b", "sft_1b #2"} <= set(texts(figure))
    assert any("lost: total_kwh_all is not known" in t for t in texts(figure))
    with pytest.raises(CannotDraw, match="lack the columns mmlu"):
        pareto.plot_energy_quality_pareto(CELLS, energy_col="total_kwh_all", quality_col="mmlu")
    with pytest.raises(CannotDraw, match="none of: png, svg, pdf"):
        pareto.plot_energy_quality_pareto(
            CELLS, energy_col="total_kwh_all", quality_col="gsm8k_acc", outpath=tmp_path / "a.eps"
        )


def test_the_fit_of_a_family_is_drawn(data: ReportData) -> None:
    rows_of_scaling = [r for r in data.groups[0].scaling if r["slope_low"] is not None]
    figure = draw(VIEWS["size_vs_scores"], data, data.groups[0]).figure
    assert figure is not None
    lines = [line for ax in figure.axes for line in ax.lines if line.get_linestyle() == "-."]
    measures = {"score", "value_accuracy", "ref_overlap", "na_recall"}
    assert lines
    assert len(lines) == sum(r["measure"] in measures for r in rows_of_scaling)
    for row in rows_of_scaling:
        if row["measure"] == "score":
            start = row["intercept"] + row["slope"] * math.log10(row["parameters_min_b"])
            assert any(line.get_ydata()[0] == pytest.approx(start) for line in lines)


@pytest.mark.parametrize("column", ["score", "score_low", "score_high"])
def test_a_score_that_is_no_number_breaks_no_plot(column: str, tmp_path: Path) -> None:
    def nan(table: str, found: list[made.Row]) -> list[made.Row]:
        if table == "runs":
            found[1][column] = math.nan
        return found

    made.write_tables(tmp_path, change=nan, questions=12)
    found = read_report_data(made.study(tmp_path))
    plot = draw(VIEWS["frontier"], found, found.groups[0])
    assert plot.figure is not None, plot.reason
    assert ("its score is not known" in dict(plot.left_out).values()) is (column == "score")
