"""Reports by name, and Snakemake's own report, made by the real workflow."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from tests.workflow.conftest import Workplace
from tests.workflow.test_invalidation import own_source

LABEL = "<img src=x onerror=alert(1)>"


def test_named_reports_and_snakemakes_own(finished: Workplace, tmp_path: Path) -> None:
    own_source(finished)
    finished.change("models", "good", "label", to=LABEL)
    finished.change(
        "reports",
        to={
            "good-alone": {
                "inputs": {"select": {"run": ["good"]}},
                "outputs": {"which_figures": ["overall_scores", "unique_wins"], "dpi": 60},
                "thresholds": {"score": 0.5},
            }
        },
    )
    assert "report" in finished.jobs()
    folder = finished.folder / "results/report"
    manifest = yaml.safe_load((folder / "good-alone/manifest.yaml").read_text())
    assert [q["runs"] for q in manifest["question_sets"]] == [["good"]]
    assert {r["run"] for r in manifest["filters"]["runs_left_out"]} == {"poor", "both"}
    assert manifest["definition"]["thresholds"] == {"score": 0.5}
    skipped = {s["view"]: s["why"] for s in manifest["skipped"] if "view" in s}
    assert skipped["unique_wins"] == "there are fewer than two models, so no win is unique"
    assert (folder / "good-alone/figures/overall_scores.png").is_file()
    whole = yaml.safe_load((folder / "manifest.yaml").read_text())
    assert whole["filters"]["runs_left_out"] == []
    assert not finished.jobs(), "nothing is left to do"

    html = tmp_path / "snakemake.html"
    done = finished.snakemake("--report", str(html))
    assert done.returncode == 0, done.stderr
    made = html.read_text(encoding="utf-8")
    assert "overall_scores" in made
    assert "what could not be measured is not drawn as zero" in re.sub(r"\s+", " ", made)
    assert "as the text says" not in made, "a model's words got into Snakemake's report"
    assert LABEL not in made

    finished.change("reports", to={})
    assert "report" in finished.jobs()
    assert not (folder / "good-alone").exists()
    assert (folder / "index.html").is_file()
