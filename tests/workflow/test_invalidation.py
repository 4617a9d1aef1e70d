"""Changing X re-runs exactly Y: every row of the invalidation contract, by the real workflow."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from tests.workflow.conftest import REPOSITORY, Workplace, recording

EVERYTHING = {
    "parse_corpus docs",
    "build_index minilm",
    "retrieve set default",
    "infer set good",
    "infer set poor",
    "collect_compute set",
    "score set good",
    "score set poor",
    "ensemble set both",
    "aggregate",
    "report",
}
SHOWN = {"aggregate", "report"}
JUDGED = {"score set good", "score set poor", "ensemble set both", *SHOWN}
POOR_AGAIN = {
    "infer set poor",
    "collect_compute set",
    "score set poor",
    "ensemble set both",
    *SHOWN,
}
ASKED_AGAIN = {"infer set good", "infer set poor", "collect_compute set", *JUDGED}


def test_the_first_run_runs_everything_once(fresh: Workplace) -> None:
    jobs = fresh.jobs()
    assert set(jobs) == EVERYTHING
    assert set(jobs.values()) == {1}
    assert (fresh.folder / "results/report/index.html").stat().st_size > 10_000


def test_nothing_changed(finished: Workplace) -> None:
    assert set(finished.jobs()) == set()
    assert "Nothing to be done" in finished.output


def test_touching_every_input_and_result(finished: Workplace) -> None:
    later = time.time() + 5
    for path in finished.folder.rglob("*"):
        inside = path.relative_to(finished.folder).parts[0]
        if path.is_file() and inside in {
            "documents",
            "metadata.csv",
            "questions.csv",
            "study.yaml",
        }:
            os.utime(path, (later, later))
    assert set(finished.jobs()) == set()


def test_touching_a_large_intermediate_file(finished: Workplace) -> None:
    later = time.time() + 5
    for name in ("corpus/docs/nodes.parquet", "contexts/set/default.parquet"):
        os.utime(finished.folder / "results" / name, (later, later))
    assert set(finished.jobs()) == set()


def test_a_label_renders_the_report_alone(finished: Workplace) -> None:
    finished.change("models", "good", "label", to="The good one")
    assert set(finished.jobs()) == {"report"}
    assert "The good one" in (finished.folder / "results/report/index.html").read_text()


def test_a_colour_and_the_title_render_the_report_alone(finished: Workplace) -> None:
    finished.change("models", "poor", "colour", to="#123456")
    finished.change("report", "title", to="Another title")
    assert set(finished.jobs()) == {"report"}


def test_resources_and_retries_run_nothing(finished: Workplace) -> None:
    finished.change(
        "models", "good", "resources", to={"cpus": 2, "memory_gib": 3, "walltime_min": 5}
    )
    finished.change("models", "good", "requests", to={"retries": 5, "timeout_s": 10})
    assert (
        set(finished.jobs("--retries", "3", "--default-resources", "slurm_account=other")) == set()
    )


def test_scoring_weights(finished: Workplace) -> None:
    finished.change("scoring", "weights", to={"value": 0.5, "ref": 0.3, "na": 0.2})
    assert set(finished.jobs()) == JUDGED


def test_scoring_rule(finished: Workplace) -> None:
    finished.change("scoring", "rule", to="wattbot-v1")
    assert set(finished.jobs()) == JUDGED


def test_a_gold_answer_is_judged_again_but_not_asked_again(finished: Workplace) -> None:
    questions = finished.folder / "questions.csv"
    questions.write_text(questions.read_text().replace(",433,MWh", ",434,MWh"))
    assert set(finished.jobs()) == JUDGED


def test_ensemble_strategy(finished: Workplace) -> None:
    finished.change("ensembles", "both", "strategy", to="confidence")
    assert set(finished.jobs()) == {"ensemble set both", *SHOWN}


def test_a_new_ensemble_leaves_the_others(finished: Workplace) -> None:
    finished.change("ensembles", "other", to={"members": ["poor", "good"]})
    assert set(finished.jobs()) == {"ensemble set other", *SHOWN}


def test_generation_settings_of_one_model(finished: Workplace) -> None:
    before = len(finished.calls("good"))
    finished.change("models", "poor", "generation", to={"max_new_tokens": 99})
    assert set(finished.jobs()) == POOR_AGAIN
    assert len(finished.calls("good")) == before
    assert finished.calls("poor") == ["q1", "q2", "q3", "q4"] * 2


def test_precision_and_revision_of_one_model(finished: Workplace) -> None:
    finished.change("models", "poor", "precision", to="int8")
    finished.change("models", "poor", "revision", to="abc")
    assert set(finished.jobs()) == POOR_AGAIN


def test_a_new_model_costs_its_own_jobs(finished: Workplace) -> None:
    study = finished.study()
    (finished.folder / "third.jsonl").write_text(recording({"q2"}))
    third = {
        **study["models"]["good"],
        "weights": "third.jsonl",
        "options": {"call_log": "calls-third.log"},
    }
    finished.change("models", "third", to=third)
    assert set(finished.jobs()) == {
        "infer set third",
        "collect_compute set",
        "score set third",
        *SHOWN,
    }
    assert finished.calls("good") == ["q1", "q2", "q3", "q4"]


def test_a_new_question_is_the_only_one_asked(finished: Workplace) -> None:
    with (finished.folder / "questions.csv").open("a") as stream:
        stream.write("q5,How many tonnes of CO2e did Beta emit?,25,25,tonnes,['beta'],1,0,0,0,0\n")
    assert set(finished.jobs()) == {"retrieve set default", *ASKED_AGAIN}
    assert finished.calls("good") == ["q1", "q2", "q3", "q4", "q5"]
    assert finished.calls("poor") == ["q1", "q2", "q3", "q4", "q5"]


def test_retrieval_settings(finished: Workplace) -> None:
    finished.change("retrievals", "default", "top_k_final", to=3)
    assert set(finished.jobs()) == {"retrieve set default", *ASKED_AGAIN}


def test_further_tries_ask_only_what_abstained(fresh: Workplace) -> None:
    few = {"top_k": 1, "top_k_final": 1, "parents": 0}
    fresh.change("retrievals", "default", to=few)
    fresh.jobs("--", "scores")
    fresh.change("retrievals", "default", to={**few, "abstention_retries": 3})
    jobs = set(fresh.jobs("--", "scores"))
    assert {"retrieve set default", "infer set good", "infer set poor"} < jobs
    assert "build_index minilm" not in jobs
    # The good model abstains on q4, the poor one on none.
    assert set(fresh.calls("good")[4:]) == {"q4"}
    assert len(fresh.calls("poor")) == 4


def test_the_index_settings(finished: Workplace) -> None:
    finished.change("indexes", to={"minilm": {"bm25": False}})
    assert set(finished.jobs()) == {"build_index minilm", "retrieve set default", *ASKED_AGAIN}


def test_a_changed_document(finished: Workplace) -> None:
    with (finished.folder / "documents/beta.txt").open("a") as stream:
        stream.write("\nThe Beta model has 176 billion parameters.\n")
    assert set(finished.jobs()) == EVERYTHING


def own_source(workplace: Workplace) -> Path:
    """Let the workplace run a copy of the package that the test may edit."""
    source = workplace.folder.parent / "source"
    shutil.copytree(REPOSITORY / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
    workplace.environment["PYTHONPATH"] = str(source)
    return source / "wattbench"


def test_comments_and_docstrings_of_a_stage_run_nothing(finished: Workplace) -> None:
    package = own_source(finished)
    for stage in ("corpus/stage.py", "inference/stage.py", "scoring/stage.py", "report/stage.py"):
        module = package / stage
        text = module.read_text()
        doc = text.index('"""') + 3
        module.write_text(text[:doc] + "Said otherwise. " + text[doc:] + "\n\n# A comment.\n")
    assert set(finished.jobs()) == set()


def edit(module: Path) -> None:
    module.write_text(module.read_text() + "\n\nADDED_BY_A_TEST = 1\n")


def test_code_of_scoring(finished: Workplace) -> None:
    edit(own_source(finished) / "scoring/stage.py")
    assert set(finished.jobs()) == JUDGED


def test_code_of_inference_refolds_without_asking(finished: Workplace) -> None:
    edit(own_source(finished) / "inference/stage.py")
    assert set(finished.jobs()) == ASKED_AGAIN
    assert finished.calls("good") == ["q1", "q2", "q3", "q4"]


def test_code_of_the_report(finished: Workplace) -> None:
    edit(own_source(finished) / "report/stage.py")
    assert set(finished.jobs()) == {"report"}


def test_code_of_the_corpus(finished: Workplace) -> None:
    edit(own_source(finished) / "corpus/stage.py")
    assert set(finished.jobs()) == EVERYTHING


def test_smoke_lies_in_a_folder_of_its_own(finished: Workplace) -> None:
    jobs = finished.jobs("--", "smoke")
    assert {job for job in jobs if job.startswith("infer")} == {
        "infer set.smoke good",
        "infer set.smoke poor",
    }
    assert finished.calls("good") == ["q1", "q2", "q3", "q4", "q1"]
    assert set(finished.jobs()) == set()
