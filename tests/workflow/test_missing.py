"""What a model or the documents lack on this machine stops the jobs that need it, and no other."""

from __future__ import annotations

import shutil
from collections import Counter

import pandas as pd
import pytest

from tests.workflow.conftest import Workplace, jobs_of
from wattbench.tables.files import read_json


def test_finished_results_need_neither_weights_nor_documents(finished: Workplace) -> None:
    shutil.rmtree(finished.folder / "documents")
    (finished.folder / "metadata.csv").unlink()
    for name in ("good", "poor"):
        (finished.folder / f"{name}.jsonl").unlink()
    done = finished.snakemake("--dry-run")
    assert done.returncode == 0, done.stderr
    assert "Nothing to be done" in done.stdout + done.stderr
    assert "models.good.weights" in done.stderr
    assert "corpora.docs.documents" in done.stderr

    finished.change("models", "good", "label", to="The good one")
    assert finished.jobs() == Counter({"report": 1})
    # An empty folder is what a file system that is not mounted leaves behind.
    (finished.folder / "documents").mkdir()
    assert finished.jobs() == Counter()


def test_one_model_without_weights_stops_none_of_the_others(fresh: Workplace) -> None:
    weights = fresh.folder / "poor.jsonl"
    weights.unlink()
    planned = fresh.snakemake("--dry-run", "--quiet", "host")
    assert planned.returncode == 0, planned.stderr
    assert jobs_of(planned.stdout + planned.stderr)["infer set poor"] == 1

    done = fresh.snakemake("--retries", "0")
    assert done.returncode != 0
    tables = fresh.folder / "results" / "tables"
    assert pd.read_parquet(tables / "runs.parquet")["run"].tolist() == ["good"]
    missing = {one["run"]: one["reason"] for one in read_json(tables / "partial.json")["missing"]}
    assert "poor.jsonl" in missing["poor"]


@pytest.mark.parametrize("folder", ["documents", "weights"])
def test_where_nothing_can_run_nothing_starts(fresh: Workplace, folder: str) -> None:
    if folder == "documents":
        shutil.rmtree(fresh.folder / "documents")
    else:
        (fresh.folder / "good.jsonl").unlink()
        (fresh.folder / "poor.jsonl").unlink()
    done = fresh.snakemake("--dry-run")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert not (fresh.folder / "results").exists()
