"""One job for all question sets of a model: what runs, what is loaded, what is counted where."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.workflow.conftest import COLUMNS, Workplace
from tests.workflow.test_cluster import on_cluster, plan_of
from wattbench.study.layout import Layout
from wattbench.tables.answers import SEGMENTS
from wattbench.tables.files import read_rows

MORE = [
    "q5,How many tonnes did Beta emit?,25,25,tonnes,['beta'],1,0,0,0,0",
    "q3,How many prompts did Gamma measure?,50,50,is_blank,['gamma'],1,0,0,0,0",
]
APPENDED = "q2,How much electricity did training Beta use?,433,433,MWh,['beta'],1,0,0,0,0"


@pytest.fixture
def grouped(fresh: Workplace) -> Workplace:
    """Two question sets; the model 'poor' works through both in one job."""
    write(fresh, MORE)
    fresh.change("questions", "more", to={"file": "more.csv"})
    fresh.change("models", "poor", "resources", "group_question_sets", to=True)
    return fresh


def write(workplace: Workplace, lines: list[str]) -> None:
    (workplace.folder / "more.csv").write_text("\n".join([COLUMNS, *lines]) + "\n")


def infers(jobs: Counter[str]) -> list[str]:
    return sorted(job for job in jobs if job.startswith("infer"))


def segments(workplace: Workplace, questions: str) -> list[dict[str, Any]]:
    files = Layout(workplace.folder / "results").run("local", questions, "poor")
    return read_rows(files.segments, SEGMENTS)


def test_one_job_writes_the_runs_of_all_sets_and_asks_only_what_is_new(grouped: Workplace) -> None:
    assert infers(grouped.jobs("--", "tables")) == [
        "infer more good",
        "infer set good",
        "infer_grouped poor",
    ]
    (first,), (second,) = segments(grouped, "set"), segments(grouped, "more")
    assert [p["phase"] for p in first["phases"]] == ["idle", "load", "answer"]
    assert [p["phase"] for p in second["phases"]] == ["idle", "answer"]
    assert second["loaded_in"] == first["segment"]
    assert first["question_sets"] == ["set", "more"]
    assert infers(grouped.jobs("--", "tables")) == []
    asked = len(grouped.calls("poor"))
    write(grouped, [*MORE, APPENDED])
    jobs = grouped.jobs("--", "tables")
    assert infers(jobs) == ["infer more good", "infer_grouped poor"]
    assert grouped.calls("poor")[asked:] == ["q2"]
    # What follows from the job's other files is made again: they are outputs of one job.
    assert {"score more poor", "score set poor"} < set(jobs)
    assert "score set good" not in jobs
    (_, again) = segments(grouped, "more")
    assert again["loaded_in"] is None
    assert [p["phase"] for p in again["phases"]] == ["idle", "load", "answer"]


def test_smoke_is_grouped_too(grouped: Workplace) -> None:
    jobs = infers(grouped.jobs("--", "smoke"))
    assert jobs == ["infer more.smoke good", "infer set.smoke good", "infer_grouped_smoke poor"]
    assert grouped.calls("poor") == ["q1", "q5"]


def test_the_plan_and_a_dry_run_agree(grouped: Workplace, tmp_path: Path) -> None:
    on_cluster(grouped)
    grouped.change("models", "poor", "resources", "group_question_sets", to=True)
    document = plan_of(grouped)
    jobs = infers(grouped.jobs("--dry-run"))
    assert document["totals"]["submits"] == len(jobs) == 3
    rows = {(row["run"], row["questions"]): row for row in document["runs"]}
    assert rows["poor", "set"]["in_job_of"] is None
    assert rows["poor", "more"]["in_job_of"] == "set"
    assert rows["poor", "more"]["gpu_hours_at_most"] is None
    hours = [row["gpu_hours_at_most"] for row in document["runs"]]
    assert document["totals"]["gpu_hours_at_most"] == sum(one for one in hours if one is not None)
