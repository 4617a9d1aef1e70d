"""The inference stage with a backend that replays: what is asked, what is kept, what is written."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from replaying import Bench

from wattbench.errors import FaultError, InputError
from wattbench.files import file_digest
from wattbench.inference.stage import infer, journal_state
from wattbench.tables.answers import SAMPLES
from wattbench.tables.files import read_rows
from wattbench.telemetry.job import this_job


def test_a_run_is_answered_and_written(bench: Bench) -> None:
    infer(bench.study, "asked", "replay")
    rows = bench.predictions()
    assert [row["value"] for row in rows] == ["0", "10", "20", "30", "40", "50"]
    assert all(row["refs"] == ["doc"] and not row["blank"] and row["asked"] for row in rows)
    assert all(row["tries"] == 1 and row["error"] is None for row in rows)
    assert "The value is 20." in rows[2]["rendered_prompt"]
    (segment,) = bench.segments()
    assert segment["ended_by"] == "finished"
    assert segment["answered"] == 6
    assert segment["lost_s"] == 0
    assert {phase["phase"] for phase in segment["phases"]} == {"idle", "load", "answer"}
    assert segment["cpu_s"] >= 0
    assert segment["rss_peak_bytes"] > 1_000_000
    samples = read_rows(bench.files.samples, SAMPLES)
    assert {row["segment"] for row in samples} == {segment["segment"]}
    assert any(row["device"] == "process" and row["cpu_s"] > 0 for row in samples)
    job = bench.job()
    assert (job["answered"], job["failed"]) == (6, 0)
    assert job["predictions_sha256"] == file_digest(bench.files.predictions)
    assert job["weights"]["sha256"] == file_digest(bench.recording)
    assert job["jobs"][0]["segment"] == segment["segment"]


def test_what_is_answered_is_never_asked_again(bench: Bench) -> None:
    infer(bench.study, "asked", "replay")
    files = bench.files
    before = {path: path.read_bytes() for path in (files.predictions, files.segments, files.job)}
    for path in before:
        path.unlink()
    infer(bench.study, "asked", "replay")
    assert len(bench.calls()) == 6
    assert {path: path.read_bytes() for path in before} == before


def test_an_appended_question_is_the_only_one_asked(bench: Bench) -> None:
    infer(bench.study, "asked", "replay")
    bench.record_replies(7)
    bench.write_contexts(7)
    infer(bench.study, "asked", "replay")
    assert bench.calls()[6:] == ["q6"]
    assert len(bench.predictions()) == 7
    assert [segment["answered"] for segment in bench.segments()] == [6, 1]


def test_changed_contexts_are_asked_again(bench: Bench) -> None:
    infer(bench.study, "asked", "replay")
    rows = [bench.context(number) for number in range(6)]
    rows[3]["contexts_digest"] = "changed"
    from wattbench.tables.documents import CONTEXTS
    from wattbench.tables.files import write_rows

    write_rows(bench.layout.contexts("asked", "default"), CONTEXTS, rows)
    infer(bench.study, "asked", "replay")
    assert bench.calls()[6:] == ["q3"]


def test_changed_settings_start_a_new_journal(bench: Bench) -> None:
    infer(bench.study, "asked", "replay")
    first = bench.journal
    bench.model = {"generation": {"seed": 1}}
    infer(bench.study, "asked", "replay")
    assert bench.journal != first
    assert len(bench.calls()) == 12
    assert len(bench.segments()) == 1


def test_a_failure_is_retried_counted_and_no_abstention(tmp_path: Path) -> None:
    bench = Bench(
        tmp_path,
        options={"fail_once": {"q1": "http"}, "fail_always": {"q2": "timeout"}},
        model={"requests": {"retries": 1}},
    )
    infer(bench.study, "asked", "replay")
    rows = bench.predictions()
    assert (rows[1]["value"], rows[1]["tries"], rows[1]["error"]) == ("10", 2, None)
    failed = rows[2]
    assert (failed["value"], failed["blank"], failed["error"]) == (None, None, "timeout")
    assert failed["tries"] == 2
    assert "fails" in failed["error_detail"]
    assert bench.job()["failed"] == 1
    assert bench.segments()[0]["answered"] == 5
    assert all(row["queue_s"] is not None for row in rows)
    kinds = [json.loads(line)["record"]["kind"] for line in bench.answers.open()]
    assert kinds.count("failure") == 3
    assert kinds.count("answer") == 5


def test_what_failed_is_asked_again_at_the_next_start(tmp_path: Path) -> None:
    bench = Bench(tmp_path, model={"requests": {"retries": 0}})
    bench.record_replies(5)
    infer(bench.study, "asked", "replay")
    assert bench.predictions()[5]["error"] == "backend"
    bench.record_replies(6)
    infer(bench.study, "asked", "replay")
    assert bench.calls()[6:] == ["q5"]
    assert bench.predictions()[5]["value"] == "50"
    assert bench.predictions()[5]["tries"] == 2


def test_a_reply_that_was_refused_is_read_anew(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A better parser makes an answer of a journalled reply without asking again."""
    from wattbench.inference import run
    from wattbench.inference.replies import Unparsable

    with monkeypatch.context() as patch:
        patch.setattr(run, "parse_reply", lambda _: Unparsable("an older parser"))
        bench.model = {"requests": {"retries": 0}}
        infer(bench.study, "asked", "replay")
    assert {row["value"] for row in bench.predictions()} == {"0", "10", "20", "30", "40", "50"}
    infer(bench.study, "asked", "replay")
    assert len(bench.calls()) == 6


def test_below_the_threshold_the_run_abstains_without_a_call(tmp_path: Path) -> None:
    bench = Bench(tmp_path, abstain=(0, 4))
    infer(bench.study, "asked", "replay")
    rows = bench.predictions()
    assert bench.calls() == ["q1", "q2", "q3", "q5"]
    for number in (0, 4):
        assert rows[number]["value"] == "is_blank"
        assert (rows[number]["blank"], rows[number]["asked"]) == (True, False)
        assert (rows[number]["tries"], rows[number]["total_s"]) == (0, None)


def test_questions_of_one_wording_are_asked_once(bench: Bench) -> None:
    from wattbench.tables.documents import CONTEXTS
    from wattbench.tables.files import write_rows

    twin = {**bench.context(1), "question_id": "twin", "position": 9}
    write_rows(bench.layout.contexts("asked", "default"), CONTEXTS, [bench.context(1), twin])
    infer(bench.study, "asked", "replay")
    assert bench.calls() == ["q1"]
    assert [row["value"] for row in bench.predictions()] == ["10", "10"]


def test_several_questions_are_in_flight_where_the_backend_may(tmp_path: Path) -> None:
    bench = Bench(
        tmp_path,
        count=24,
        options={"sleep_s": 0.2},
        model={"requests": {"concurrency": 12}},
    )
    infer(bench.study, "asked", "replay")
    (segment,) = bench.segments()
    answer = next(p for p in segment["phases"] if p["phase"] == "answer")
    assert answer["wall_s"] < 24 * 0.2 / 2
    assert (segment["in_flight"], segment["repeatable"]) == (12, False)
    assert sorted(bench.calls()) == sorted(f"q{n}" for n in range(24))


def test_a_question_that_takes_too_long_is_a_timeout(tmp_path: Path) -> None:
    bench = Bench(
        tmp_path,
        count=1,
        options={"sleep_s": 5},
        model={"requests": {"timeout_s": 0.1, "retries": 0}},
    )
    infer(bench.study, "asked", "replay")
    (row,) = bench.predictions()
    assert row["error"] == "timeout"
    assert 0.1 <= row["total_s"] < 2


def test_unknown_names_are_told(bench: Bench) -> None:
    with pytest.raises(InputError, match="Known: replay"):
        infer(bench.study, "asked", "nobody")
    with pytest.raises(InputError, match="Known: asked"):
        infer(bench.study, "nothing", "replay")


def test_missing_weights_cost_no_segment(bench: Bench) -> None:
    bench.recording.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        infer(bench.study, "asked", "replay")
    assert not (bench.journal / "ledger.jsonl").exists()


def test_a_recording_that_cannot_be_read_ends_the_segment_as_failed(bench: Bench) -> None:
    whole = bench.recording.read_text()
    bench.recording.write_text("no JSON\n")
    with pytest.raises(InputError, match="line 1"):
        infer(bench.study, "asked", "replay")
    bench.recording.write_text(whole)
    infer(bench.study, "asked", "replay")
    assert [segment["ended_by"] for segment in bench.segments()] == ["failed", "finished"]


def test_a_living_holder_keeps_the_journal(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from wattbench.inference import lease

    defaults = {**lease.Lease.__init__.__kwdefaults__, "wait_s": 0.2}
    monkeypatch.setattr(lease.Lease.__init__, "__kwdefaults__", defaults)
    with (
        lease.Lease(bench.journal, job=replace(this_job(), job_id="77"), wait_s=0.0),
        pytest.raises(FaultError, match=r"job 77"),
    ):
        infer(bench.study, "asked", "replay")
    infer(bench.study, "asked", "replay")
    assert len(bench.calls()) == 6


def test_the_state_of_a_journal_is_shown_without_touching_it(bench: Bench) -> None:
    assert {row["state"] for row in journal_state(bench.study, "asked", "replay")} == {"not asked"}
    bench.abstain = (1,)
    bench.options["fail_always"] = ["q2"]
    bench.write_contexts(6)
    bench.model = {"requests": {"retries": 0}}
    infer(bench.study, "asked", "replay")
    rows = journal_state(bench.study, "asked", "replay")
    assert [row["state"] for row in rows] == [
        "answer", "abstained", "backend", "answer", "answer", "answer"
    ]  # fmt: skip


def test_job_json_counts_the_tokens_of_every_reply_and_the_tries_without_one(
    tmp_path: Path,
) -> None:
    options = {"fail_once": {"q1": "http"}}
    bench = Bench(tmp_path, count=2, options=options, model={"requests": {"retries": 1}})
    infer(bench.study, "asked", "replay")
    tokens = bench.job()["tokens"]
    # The recording says nothing of its cache.
    assert tokens == {
        "replies": 2, "unanswered_tries": 1, "prompt": 100 + 101, "cached": None, "completion": 40,
    }  # fmt: skip
