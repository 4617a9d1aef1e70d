"""Every check of the audit finds the fault that is planted for it, and nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.analyses.guide_folders import RIGHT, write_experiment, write_gold
from tests.unit.made_results import make_study, segment, write_run
from typer.testing import CliRunner

from wattbench.analyses.aggregate import aggregate
from wattbench.analyses.artifacts import read_experiments
from wattbench.analyses.audit.across import SET_CHECKS, audit_facts
from wattbench.analyses.audit.checks import RUN_CHECKS, clean
from wattbench.analyses.audit.facts import Facts, JobEnd, Power, Times, Tokens, Trouble
from wattbench.analyses.audit.gold import audit_gold
from wattbench.analyses.audit.of_folders import FolderAudit, audit_folders
from wattbench.analyses.study_audit import audit_study
from wattbench.cli.app import build
from wattbench.errors import InputError
from wattbench.scoring.stage import score
from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.study.questions import question_of, read_questions
from wattbench.tables.answers import SEGMENTS
from wattbench.tables.files import write_json, write_rows

RECORDED = Path(__file__).parents[3] / ".." / "shared" / "reference" / "data" / "wattbot" / "train"

SOUND = Facts(
    run="a",
    model="lab/a",
    identity="1",
    asked=("q1", "q2"),
    answers=("q1", "q2"),
    answered=2,
    score=0.9,
    said_score=0.9,
    times=Times(
        latency_mean_s=2.0, latency_sum_s=4.0, latency_max_s=3.0, parts_mean_s=2.0, wall_s=4.0,
        load_s=1.0, concurrency=1,
    ),
    power=Power(energy_j=400.0, method="counter", mean_w=100.0, gpus=2, measured_gpus=2),
    tokens=Tokens(prompt=100, completion=10, price=0.1, charged=True),
    versions={"python": "3.11"},
    content="x",
)  # fmt: skip


def times(**changed: Any) -> Facts:
    return replace(SOUND, times=replace(SOUND.times, **changed))


def power(**changed: Any) -> Facts:
    return replace(SOUND, power=replace(SOUND.power, **changed))


def tokens(**changed: Any) -> Facts:
    return replace(SOUND, tokens=replace(SOUND.tokens, **changed))


PLANTED: list[tuple[Facts, str, str]] = [
    (replace(SOUND, troubles=(Trouble("bad_results_json", "cut", lost=True),)),
     "bad_results_json", "error"),
    (replace(SOUND, troubles=(Trouble("files_disagree", "two", lost=False),)),
     "files_disagree", "note"),
    (replace(SOUND, model=None), "no_model", "warning"),
    (replace(SOUND, answers=("q1",), answered=1), "missing_answers", "error"),
    (replace(SOUND, answers=("q1", "q2", "q9")), "surplus_answers", "note"),
    (replace(SOUND, answers=("q1", "q2", "q2")), "duplicates", "error"),
    (replace(SOUND, failed=1), "errors", "warning"),
    (replace(SOUND, asked=tuple(map(str, range(20))), answers=tuple(map(str, range(20))), failed=1),
     "errors", "note"),
    (replace(SOUND, blank=2), "all_blank", "warning"),
    (tokens(prompt=None, charged=False), "no_tokens", "note"),
    (tokens(price=None), "tokens_without_price", "warning"),
    (times(latency_mean_s=61.0), "high_latency", "warning"),
    (times(latency_mean_s=0.0, parts_mean_s=None), "zero_latency", "warning"),
    (times(latency_sum_s=5.0), "impossible_times", "error"),
    (times(latency_max_s=5.0), "impossible_times", "error"),
    (times(parts_mean_s=2.5), "impossible_times", "error"),
    (times(negative=("decode_s",)), "impossible_times", "error"),
    (times(overfull=("1",)), "impossible_times", "error"),
    (power(mean_w=10.0), "impossible_times", "error"),
    (power(energy_j=None, reason="no meter"), "missing_energy", "warning"),
    (power(method="estimated"), "estimated_energy", "note"),
    (power(measured_gpus=1), "some_gpus_measured", "error"),
    (power(lost_s=2.0), "gaps", "warning"),
    (power(gap_s=2.0), "gaps", "warning"),
    (replace(SOUND, jobs=(JobEnd("7", 1, "TIMEOUT", 1),)), "job_state", "note"),
    (replace(SOUND, score=0.1, said_score=0.1), "broken_run", "error"),
    (replace(SOUND, score=0.3, said_score=0.3), "low_score", "warning"),
    (replace(SOUND, said_score=0.8), "score_mismatch", "error"),
    (replace(SOUND, changed=("q1",)), "score_mismatch", "error"),
]  # fmt: skip


def test_a_sound_run_has_no_findings() -> None:
    assert list(audit_facts([SOUND])) == []


@pytest.mark.parametrize(("planted", "check", "severity"), PLANTED)
def test_a_planted_fault_is_found_and_nothing_else(
    planted: Facts, check: str, severity: str
) -> None:
    found = [(row["check"], row["severity"], row["run"]) for row in audit_facts([planted])]
    assert found == [(check, severity, "a")]


def test_tokens_and_price_that_nobody_knows() -> None:
    found = {row["check"] for row in audit_facts([tokens(prompt=0, price=None)])}
    assert found == {"no_tokens", "no_cost_data"}


def test_what_is_more_than_a_note_says_what_to_do() -> None:
    for planted, check, severity in PLANTED:
        (found,) = audit_facts([planted])
        assert severity == "note" or found["mend"], check


def test_every_check_has_a_fault() -> None:
    for check in RUN_CHECKS:
        assert any(list(check(planted)) for planted, *_ in PLANTED), check.__name__
    assert len(SET_CHECKS) == 3


@pytest.mark.parametrize(
    ("second", "check", "severity"),
    [
        ({"identity": "1", "content": "y"}, "duplicates", "warning"),
        ({"identity": "2", "content": "x"}, "duplicates", "error"),
        ({"identity": "2", "content": "y", "versions": {"python": "3.12"}}, "mixed_versions",
         "warning"),
    ],
)  # fmt: skip
def test_runs_beside_each_other(second: dict[str, Any], check: str, severity: str) -> None:
    found = list(audit_facts([SOUND, replace(SOUND, run="b", **second)]))
    assert [(row["check"], row["severity"]) for row in found] == [(check, severity)]


def test_runs_on_other_questions_are_not_clean() -> None:
    bare = replace(SOUND, asked=())
    less = replace(bare, run="b", identity="2", content="y", score=1.0, said_score=1.0,
                   answers=("q1",), answered=1)  # fmt: skip
    (found,) = audit_facts([bare, less])
    assert (found["run"], found["check"], found["severity"]) == ("b", "unequal_questions", "error")
    assert found["detail"].startswith("it has no answer to 1 of 2 questions")
    assert [run.run for run in clean([bare, less])] == ["a"]


def test_unknown_is_no_fault() -> None:
    bare = Facts(run="a", model="m", answers=("q1",), answered=1, tokens=Tokens(prompt=1),
                 power=Power(energy_j=1.0))  # fmt: skip
    assert list(audit_facts([bare])) == []


@pytest.mark.parametrize(
    ("value", "refs", "detail"),
    [
        ("[80,abc", "a", "cannot be read"),
        ("[80,9q]", "a", "cannot be read"),
        ("[80 90]", "a", "cannot be read"),
        ("[80..90]", "a", "cannot be read"),
        ("[80-90]", "a", "cannot be read"),
        ("[80,]", "a", "cannot be read"),
        ("80-90]", "a", "cannot be read"),
        ("80 -", "a", "cannot be read"),
        ("from 80 to", "a", "cannot be read"),
        ("between 80 and", "a", "cannot be read"),
        ("(80, 90)", "a", "cannot be read"),
        ("", "a", "no gold value"),
        ("5", "is_blank", "names no document"),
        ("5", "['a', 'nowhere']", "cites nowhere"),
    ],
)
def test_gold_faults(value: str, refs: str, detail: str) -> None:
    cells = {"id": "q1", "question": "?", "answer_value": value, "answer_unit": "", "ref_id": refs}
    (found,) = audit_gold([question_of(cells, position=0, line=2)], frozenset({"a"}))
    assert found["check"] == "gold_fault"
    assert detail in found["detail"]
    good = cells | {"answer_value": "[80,90]", "ref_id": "['A']"}
    assert list(audit_gold([question_of(good, position=0, line=2)], frozenset({"a"}))) == []


@pytest.mark.parametrize(
    "value",
    ["[0.5, .75]", "[-5,5]", "['2019-2020']", "[3D printing]", "[80, 90 W]", "80-90", "['a','b']",
     "[1,000, 2,000]", "more than 5", "{a, b}", "GPT-3", "-5", "[90,80]", "[1,2,3]",
     "between 80 and 90", "Chen (2019)"],
)  # fmt: skip
def test_sound_gold_values(value: str) -> None:
    cells = {"id": "q1", "question": "?", "answer_value": value, "answer_unit": "W", "ref_id": "a"}
    assert list(audit_gold([question_of(cells, position=0, line=2)], frozenset({"a"}))) == []


def test_a_question_that_is_asked_twice() -> None:
    cells = {"id": "q1", "question": "How much?", "answer_value": "5", "answer_unit": "",
             "ref_id": "a"}  # fmt: skip
    first = question_of(cells, position=0, line=2)
    again = cells | {"id": "q2", "question": " how  much?"}
    for value, detail in (("5.0", "it counts twice"), ("6", "whose gold value is '5'")):
        second = question_of(again | {"answer_value": value}, position=1, line=3)
        (found,) = audit_gold([first, second], None)
        assert detail in found["detail"]


def audited(root: Path, **more: Any) -> FolderAudit:
    (found,) = audit_folders(read_experiments([root])[0], **more)
    return found


def checks(found: FolderAudit) -> set[tuple[str | None, str]]:
    return {(row["run"], row["check"]) for row in found.findings}


def test_a_sound_folder_of_the_guide_is_clean(tmp_path: Path) -> None:
    write_experiment(tmp_path / "r" / "one", RIGHT)
    found = audited(tmp_path / "r")
    assert checks(found) == set()
    assert [run.run for run in found.clean] == ["one"]
    assert (found.environment, found.questions) == ("PowerEdge", "train_QA")


def hardware(folder: Path, **changed: Any) -> None:
    path = folder / "summary.json"
    found = json.loads(path.read_text())
    found["hardware"] |= changed
    path.write_text(json.dumps(found))


FOLDER_FAULTS: list[tuple[str, dict[str, Any], Callable[[Path], None] | None]] = [
    ("no_tokens", {"input_tokens": 0, "output_tokens": 0}, None),
    ("no_cost_data", {"llm_provider": "openrouter", "input_tokens": 0, "estimated_cost_usd": 0},
     None),
    ("tokens_without_price", {"llm_provider": "bedrock", "estimated_cost_usd": 0.0}, None),
    ("no_model", {"model_id": None}, None),
    ("score_mismatch", {"overall_score": 0.5}, None),
    ("score_mismatch", {"entries": {"q1": {"value_correct": False}}}, None),
    ("high_latency", {"entries": {q: {"latency_seconds": 70.0} for q in RIGHT}}, None),
    ("zero_latency", {"entries": {q: {"latency_seconds": 0.0} for q in RIGHT}}, None),
    ("errors", {"entries": {"q2": {"error": "CUDA out of memory"}}}, None),
    ("impossible_times", {"total_time_seconds": 4.0}, None),
    ("impossible_times", {"avg_generation_seconds": 2.0}, None),
    ("some_gpus_measured", {}, lambda folder: hardware(folder, gpu_count=2)),
    ("missing_energy", {}, lambda folder: hardware(folder, gpu_energy_wh=0.0)),
    ("missing_energy", {}, lambda folder: hardware(folder, gpu_energy_wh=-3.0)),
    ("impossible_times", {}, lambda folder: hardware(folder, gpu_avg_power_watts=50.0)),
    ("bad_results_json", {}, lambda folder: _cut(folder / "results.json")),
    ("bad_summary_json", {}, lambda folder: _cut(folder / "summary.json")),
    ("missing_file", {}, lambda folder: (folder / "submission.csv").unlink()),
]  # fmt: skip


def _cut(path: Path) -> None:
    path.write_text(path.read_text()[:100])


@pytest.mark.parametrize(("check", "changed", "after"), FOLDER_FAULTS)
def test_faults_of_the_guides_folders(
    tmp_path: Path, check: str, changed: dict[str, Any], after: Callable[[Path], None] | None
) -> None:
    folder = write_experiment(tmp_path / "r" / "one", RIGHT, **changed)
    if after is not None:
        after(folder)
    assert ("one", check) in checks(audited(tmp_path / "r"))


def test_folders_beside_each_other(tmp_path: Path) -> None:
    write_experiment(tmp_path / "r" / "x" / "one", RIGHT)
    write_experiment(tmp_path / "r" / "y" / "one", RIGHT)
    write_experiment(
        tmp_path / "r" / "y" / "other", RIGHT | {"q1": "7"}, model_id="lab/one",
        entries={"q1": {"latency_seconds": 2.5}},
    )  # fmt: skip
    found = audited(tmp_path / "r")
    assert ("y/one", "duplicates") in checks(found)
    severity = {
        row["run"]: row["severity"] for row in found.findings if row["check"] == "duplicates"
    }
    assert severity == {"y/one": "error", "other": "warning"}
    # Each model once, its best run.
    assert [run.run for run in found.clean] == ["x/one"]


def test_a_copy_is_found_by_the_mean_seconds_where_a_folder_has_no_others(tmp_path: Path) -> None:
    for name in ("one", "other"):
        folder = write_experiment(tmp_path / "r" / name, RIGHT, model_id=f"lab/{name}")
        (folder / "results.json").unlink()
    found = audited(tmp_path / "r", gold=read_questions(write_gold(tmp_path)))
    assert checks(found) == {("other", "duplicates")}


def test_a_run_that_was_copied_into_another_runs_folder(tmp_path: Path) -> None:
    study = make_study(tmp_path, ["a", "b"])
    for name in ("a", "b"):
        write_run(study, name, RIGHT)
        score(study, "set", name)
    runs = tmp_path / "results" / "runs" / "local" / "set"
    shutil.copytree(runs / "a", runs / "b", dirs_exist_ok=True)
    with pytest.raises(InputError, match="holds the results of 'a', not of 'b'"):
        audit_study(study, "set")


def test_a_run_that_was_copied_into_another_environment(tmp_path: Path) -> None:
    for environment in ("GB10", "PowerEdge"):
        write_experiment(tmp_path / environment / "one", RIGHT, run_environment=environment)
    first, second = audit_folders(read_experiments([tmp_path])[0])
    assert checks(first) == set()
    assert checks(second) == {("one", "duplicates")}


def test_gold_is_held_against_the_documents(tmp_path: Path) -> None:
    write_experiment(tmp_path / "r" / "one", RIGHT)
    found = audited(tmp_path / "r", documents=frozenset({"a"}))
    assert checks(found) == {(None, "gold_fault")}


def studied(folder: Path, changed: dict[str, Any] | None = None, **more: Any) -> set[Any]:
    study = make_study(folder, ["a"])
    write_run(study, "a", RIGHT, **more)
    files = Layout(folder / "results").run("local", "set", "a")
    if changed is not None:
        write_rows(files.segments, SEGMENTS, [segment("a", **changed)])
    score(study, "set", "a")
    rows, _ = audit_study(study, "set")
    return {(row["check"], row["severity"]) for row in rows if row["severity"] != "note"}


def test_faults_of_a_studys_ledger(tmp_path: Path) -> None:
    folders = iter(tmp_path / str(number) for number in range(9))

    def found(**changed: Any) -> set[Any]:
        folder = next(folders)
        folder.mkdir()
        return studied(folder, changed)

    assert found() == set()
    assert found(gpu_uuids=["GPU-1", "GPU-2"], gpu_names=["A", "A"]) == {
        ("some_gpus_measured", "error")
    }
    assert ("gaps", "warning") in found(lost_s=2.0)
    assert ("impossible_times", "error") in found(duration_s=5.0)


@pytest.mark.parametrize("tables", [True, False])
def test_our_folders_tell_what_the_study_tells(tmp_path: Path, tables: bool) -> None:
    studied(tmp_path, {"gpu_uuids": ["GPU-1", "GPU-2"], "gpu_names": ["A", "A"], "lost_s": 2.0})
    if tables:
        aggregate(make_study(tmp_path, ["a"]))
    found = checks(audited(tmp_path / "results"))
    assert {("a", "some_gpus_measured"), ("a", "gaps")} <= found


def test_a_sound_folder_of_ours_is_clean(tmp_path: Path) -> None:
    assert studied(tmp_path) == set()
    found = audited(tmp_path / "results")
    assert [row for row in found.findings if row["severity"] != "note"] == []
    assert [run.run for run in found.clean] == ["a"]


def test_times_that_a_study_cannot_have(tmp_path: Path) -> None:
    # Four questions of 5 s one at a time in 8 s of answering.
    assert ("impossible_times", "error") in studied(tmp_path, total_s=5.0)


def test_a_gpu_that_slurm_gave_and_nobody_measured(tmp_path: Path) -> None:
    study = make_study(tmp_path, ["a"])
    write_run(study, "a", RIGHT)
    score(study, "set", "a")
    from wattbench.slurm.stage import collect_compute

    collect_compute(study, "set")
    path = Layout(tmp_path / "results").run("local", "set", "a").compute
    rows = json.loads(path.read_text())
    for row in rows["rows"]:
        row["gpus"] = 4
    write_json(path, rows)
    found, _ = audit_study(study, "set")
    told = {row["check"]: row["detail"] for row in found}
    assert told["some_gpus_measured"] == "the job had 4 GPUs, the energy is of 1."


def test_faults_of_a_studys_runs_beside_each_other(tmp_path: Path) -> None:
    settings = make_study(tmp_path, ["a", "b"]).model_dump()
    settings["models"]["b"] = settings["models"]["a"]
    study = Study.model_validate(settings)
    for run, version, elsewhere in (("a", "1.0", True), ("b", "2.0", False)):
        job = {
            "run": run, "versions": {"python": "3.11", "xllamacpp": version},
            "backend": {"name": "openai", "version": None, "elsewhere": elsewhere},
        }  # fmt: skip
        write_run(study, run, RIGHT, job=job)
        score(study, "set", run)
    rows, _ = audit_study(study, "set")
    found = {(row["run"], row["check"]): row for row in rows}
    versions = found[None, "mixed_versions"]["detail"]
    assert versions == "several versions of xllamacpp made the results (1.0: a; 2.0: b)."
    assert found["b", "duplicates"]["detail"].startswith("its model and settings, as far")
    charged = found["a", "tokens_without_price"]["detail"]
    assert "400 prompt tokens" in charged
    assert "the study gives no price of 'a.gguf'" in charged
    # What another machine takes, no meter of the job sees.
    assert "another machine" in found["a", "missing_energy"]["detail"]


def command(*arguments: str) -> Any:
    return CliRunner().invoke(build(), ["audit", *arguments])


def test_exit_codes(tmp_path: Path) -> None:
    sound, broken = tmp_path / "s", tmp_path / "b"
    gold = str(write_gold(tmp_path))
    write_experiment(sound / "one", RIGHT, model_id=None)
    write_experiment(broken / "one", {"q1": "7"})
    result = command(str(sound), "--gold", gold)
    assert result.exit_code == 0, result.output
    assert "found: 0 errors" not in result.stdout
    assert "1 warning" in result.stdout
    assert command(str(sound), "--fail-on", "warning").exit_code == 1
    assert command(str(broken), "--gold", gold).exit_code == 1
    assert command(str(broken), "--gold", gold, "--fail-on", "never").exit_code == 0
    for arguments, message in [
        ((), "give either result folders or --study"),
        ((str(tmp_path / "x"),), "no such folder"),
        ((str(sound), "--documents", str(tmp_path / "x.csv")), "cannot be read"),
        ((str(sound), "--documents", gold.replace(".csv", "x.csv")), "cannot be read"),
    ]:
        result = command(*arguments)
        assert result.exit_code == 2
        assert message in result.stderr


def test_a_log_that_cannot_be_written_is_no_traceback(tmp_path: Path) -> None:
    write_experiment(tmp_path / "one", RIGHT)
    (tmp_path / "file").write_text("")
    result = command(str(tmp_path), "--log", str(tmp_path / "file" / "log"))
    assert (result.exit_code, isinstance(result.exception, SystemExit)) == (1, True)
    assert "cannot write: File exists" in result.stderr


def test_equal_findings_are_told_once(tmp_path: Path) -> None:
    for name, seconds in (("one", 2.0), ("two", 2.5)):
        entries = {"q1": {"latency_seconds": seconds}}
        hardware(write_experiment(tmp_path / name, RIGHT, entries=entries), gpu_count=2)
    shown = command(str(tmp_path)).stdout
    assert shown.count("the job had 2 GPUs") == 1
    assert "    in PowerEdge/train_QA: one, two\n" in shown


def test_json_of_folders_and_of_a_study(tmp_path: Path) -> None:
    study = make_study(tmp_path, ["a", "b"])
    write_run(study, "a", RIGHT)
    write_run(study, "b", RIGHT | {"q1": None, "q2": None})
    for run in "ab":
        score(study, "set", run)
    path = tmp_path / "study.json"
    path.write_text(study.model_dump_json())
    of_study = json.loads(command("--study", str(path), "--json").stdout)
    of_folders = json.loads(command(str(tmp_path / "results" / "runs"), "--json").stdout)
    assert [row["run"] for row in of_study["clean"]] == ["a"]
    # Both tell of the failures; the files alone know of them too.
    for found in (of_study, of_folders):
        assert ("b", "errors") in {(row["run"], row["check"]) for row in found["findings"]}
        assert all(row["questions"] == "set" for row in found["findings"])


@pytest.mark.skipif(not RECORDED.is_dir(), reason=f"no recorded results at {RECORDED}")
def test_recorded_results() -> None:
    found = audited(RECORDED)
    gpus = [row for row in found.findings if row["check"] == "some_gpus_measured"]
    assert len(gpus) == 12
    assert ("qwen3-30b-a3b-bench", "high_latency") in checks(found)
