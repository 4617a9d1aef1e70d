"""Report definitions: read, refused with hints, applied."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
import yaml
from tests.unit.report import report_fixture as made

from wattbench.errors import InputError
from wattbench.report.data import ReportData, read_report_data
from wattbench.report.metrics import METRICS, Value
from wattbench.report.selection import NOT_AMONG_SELECTED, shown_by
from wattbench.report.stage import render, render_one
from wattbench.report.thresholds import METRIC_OF, verdict, verdicts
from wattbench.report.views.registry import VIEWS, chosen
from wattbench.study import identity
from wattbench.study.layout import Layout
from wattbench.study.report_files import read_definition
from wattbench.study.reporting import FigureName, Report, Select, Thresholds
from wattbench.tables.contract import reason_for
from wattbench.tables.runs import RUNS


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ReportData:
    folder = tmp_path_factory.mktemp("tables")
    made.write_tables(folder)
    return read_report_data(made.study(folder))


def test_names_in_the_study_are_those_of_the_code() -> None:
    assert set(get_args(FigureName)) == set(VIEWS)
    assert set(Select.model_fields) <= set(RUNS.names())
    assert {METRIC_OF.get(n, n) for n in Thresholds.model_fields} <= set(METRICS)


def test_a_definition_of_its_own_file(tmp_path: Path) -> None:
    file = tmp_path / "small.yaml"
    file.write_text(
        "title: Small ones\ninputs:\n  select: {family: [qwen], seed: [0]}\n"
        "outputs:\n  which_figures: [overall_scores, scores_by_task]\n"
        "  figures:\n    scores_by_task: {score_value: value_accuracy, ci: 0.9}\n"
        "thresholds: {score: 0.7, latency_p50_s: 5}\n"
    )
    found = read_definition(file)
    assert found.inputs.select.seed == (0,)
    assert [v.name for v in chosen(found)] == ["overall_scores", "scores_by_task"]
    assert found.outputs.figures.scores_by_task.ci == 0.9


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("inputs: {select: {familly: [qwen]}}", "did you mean 'family'"),
        ("outputs: {which_figures: [overal_scores]}", "did you mean 'overall_scores'"),
        ("thresholds: {scores: 1}", "did you mean 'score'"),
        ("outputs: {figures: {scores_radar_by_task: {normalization: minmax}}}", "'min_max'"),
        ("outputs: {figures: {scores_radar_by_task: {domain: [1, 0]}}}", "domain"),
        ("outputs: {dpi: many}", "not a whole number"),
        ("which_figures: [frontier]", "did you mean 'outputs.which_figures'"),
    ],
)
def test_mistakes_are_refused_with_a_hint(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "report.yaml"
    file.write_text(text)
    with pytest.raises(InputError) as refused:
        read_definition(file)
    assert said in str(refused.value)
    assert str(file) in str(refused.value)


def test_a_report_of_some_runs_holds_nothing_of_the_others(data: ReportData) -> None:
    wanted = Report.model_validate({"inputs": {"select": {"run": ["qwen-1.5b", "smollm2-135m"]}}})
    (group,) = shown_by(data, wanted, "two").groups
    names = {"qwen-1.5b", "smollm2-135m"}
    assert {r.name for r in group.runs} == names
    assert set(group.answers) == names
    assert {r["run"] for r in group.segments} == names
    assert {(r["first"], r["second"]) for r in group.comparisons} == {
        (r["first"], r["second"])
        for r in data.groups[0].comparisons
        if {r["first"], r["second"]} == names
    }
    assert not group.ensembles
    assert sum(bool(r.row["headline"]) for r in group.runs) == 1
    by_name = {r.name: r for r in group.runs}
    apart = any(r["distinct"] for r in group.comparisons)
    assert by_name["qwen-1.5b"].row["tie_group"] == 1
    assert by_name["smollm2-135m"].row["tie_group"] == (2 if apart else 1)
    assert by_name["smollm2-135m"].row["rank_high"] == 2
    assert by_name["qwen-1.5b"].row["rank_low"] == 1
    for run in group.runs:
        assert run.row["cheapest_probability"] is None, "it is among all runs of the set"
        assert reason_for(run.row, "cheapest_probability") == NOT_AMONG_SELECTED
    whole = {r.name: r for r in data.groups[0].runs}
    assert all(by_name[n].colour == whole[n].colour for n in names), "colours stay"


def test_an_empty_selection_is_everything(data: ReportData) -> None:
    assert shown_by(data, Report(), None).groups == data.groups


def test_values_without_a_run_are_told(data: ReportData) -> None:
    wanted = Report.model_validate({"inputs": {"select": {"family": ["qwen", "qven"]}}})
    found = shown_by(data, wanted, "typo")
    assert found.filters["values_without_a_run"] == {"family": ["qven"]}
    with pytest.raises(InputError, match=r"family in \[qven\]") as refused:
        shown_by(data, Report.model_validate({"inputs": {"select": {"family": ["qven"]}}}), "typo")
    assert "reports.typo.inputs.select" in str(refused.value)


@pytest.mark.parametrize(
    ("value", "limit", "more", "said"),
    [
        (Value(0.8, 0.72, 0.9), 0.7, True, "met"),
        (Value(0.8, 0.6, 0.9), 0.7, True, "cannot tell"),
        (Value(0.5, 0.4, 0.6), 0.7, True, "missed"),
        (Value(10, 8, 12), 13, False, "met"),
        (Value(10, 8, 12), 11, False, "cannot tell"),
        (Value(10, 8, None), 11, False, "cannot tell"),
        (Value(10, 8, None), 7, False, "missed"),
        (Value(10), 10, False, "met"),
        (Value(10.1), 10, False, "missed"),
    ],
)
def test_thresholds_mind_the_interval(value: Value, limit: float, more: bool, said: str) -> None:
    assert verdict(value, limit, more_is_better=more) == said


def test_thresholds_of_unknown_figures_stay_unknown(data: ReportData) -> None:
    wanted = Report.model_validate({"thresholds": {"energy_per_correct_j": 60}})
    shown = shown_by(data, wanted, None)
    grid = verdicts(shown, shown.groups[0])
    assert grid is not None
    cells = {row[0].text: row[1] for row in grid.rows}
    assert cells["Qwen2.5 Coder 1.5B"].missing == made.NO_METER
    badge = cells["SmolLM2 135M"].badge
    assert badge is not None
    assert badge.text == "met"
    assert verdicts(data, data.groups[0]) is None


def test_named_reports_lie_in_folders_of_their_own(tmp_path: Path) -> None:
    made.write_tables(tmp_path)
    quick = {"which_figures": ["overall_scores"], "fig_format": ["svg"]}
    reports = {
        "models": {"outputs": quick, "inputs": {"select": {"kind": ["model"]}}, "title": "M"},
        "all": {"outputs": quick},
    }
    study = made.study(tmp_path, reports=reports, report={"outputs": quick})
    render(study)
    folder = Layout(tmp_path).report
    assert {p.name for p in folder.iterdir()} >= {"models", "all", "figures", "index.html"}
    assert [p.name for p in (folder / "models/figures").iterdir()] == ["overall_scores.svg"]
    manifest = yaml.safe_load((folder / "models/manifest.yaml").read_text())
    assert manifest["report"] == "models"
    assert manifest["title"] == "M"
    assert {r["run"] for r in manifest["filters"]["runs_left_out"]} == set(made.ENSEMBLES_OF)
    assert "vote-all" not in (folder / "models/tables/models.csv").read_text()
    same = (folder / "figures/overall_scores.svg").read_bytes()
    assert (folder / "all/figures/overall_scores.svg").read_bytes() == same
    assert (folder / "models/figures/overall_scores.svg").read_bytes() != same

    (folder / "models/notes.txt").write_text("mine")
    render(made.study(tmp_path, report={"outputs": quick}))
    assert [p.name for p in (folder / "models").rglob("*")] == ["notes.txt"]
    assert not (folder / "all").exists()


def test_one_report_of_a_file(tmp_path: Path) -> None:
    made.write_tables(tmp_path / "results")
    definition = Report.model_validate(
        {"outputs": {"which_figures": ["unique_wins"], "fig_format": ["svg"]}}
    )
    study, source, own = made.study(tmp_path / "results"), Path("mine.yaml"), tmp_path / "mine"
    theirs = own / "figures" / "photo.png"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"a picture of somebody else")
    render_one(study, definition, source, own)
    assert (own / "figures/unique_wins.svg").is_file()
    assert not (tmp_path / "results/report").exists()
    other = Report.model_validate(
        {"outputs": {"which_figures": ["refusal_rates"], "fig_format": ["svg"]}}
    )
    render_one(study, other, source, own)
    assert {p.name for p in theirs.parent.iterdir()} == {"photo.png", "refusal_rates.svg"}
    nothing = Report.model_validate({"inputs": {"select": {"run": ["qven"]}}})
    with pytest.raises(InputError, match=r"mine\.yaml, inputs\.select: no run is left"):
        render_one(study, nothing, source, own)


def test_a_name_of_the_default_reports_files_is_refused(tmp_path: Path) -> None:
    for name in ("tables", "Tables", "partial.yaml"):
        with pytest.raises(ValueError, match=rf"reports\.{name}: the default report has"):
            made.study(tmp_path, reports={name: {}})
    with pytest.raises(ValueError, match=r"reports\.Small: differs from 'small' in .* case alone"):
        made.study(tmp_path, reports={"small": {}, "Small": {}})


@pytest.mark.parametrize(
    ("key", "slip", "meant"),
    [
        ("run", "qwen-1.5", "qwen-1.5b"),
        ("run", "vote-al", "vote-all"),
        ("questions", "dmo", "demo"),
    ],
)
def test_a_slip_in_a_selection_is_found_before_the_first_job(
    tmp_path: Path, key: str, slip: str, meant: str
) -> None:
    chosen = {"inputs": {"select": {key: [meant, slip]}}}
    with pytest.raises(ValueError, match=rf"a\.inputs\.select\.{key}\.1: .*mean '{meant}'"):
        made.study(tmp_path, reports={"a": chosen})
    made.study(tmp_path, report={"inputs": {"select": {key: [meant]}}})


def test_definitions_are_part_of_what_the_report_depends_on(tmp_path: Path) -> None:
    one = identity.report_slice(made.study(tmp_path))
    two = identity.report_slice(made.study(tmp_path, reports={"a": {"thresholds": {"score": 1}}}))
    assert one != two
    assert identity.tables_slice(made.study(tmp_path)) == identity.tables_slice(
        made.study(tmp_path, reports={"a": {}})
    )
