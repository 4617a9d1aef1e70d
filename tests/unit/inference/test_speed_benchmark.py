"""benchmarks/inference.py runs, and its figures hang together: tiny, with the smallest model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from benchmarks import inference
from test_llamacpp import MODEL, weights


def rows_of(counts: dict[str, int]) -> list[dict[str, object]]:
    return [
        {"position": 10 * n + len(name), "snippets": [{"document_id": name}]}
        for name, count in counts.items()
        for n in range(count)
    ]


def test_a_part_holds_all_questions_of_its_documents_in_the_file_s_order() -> None:
    counts = {"a": 3, "bb": 2, "ccc": 4, "dddd": 1, "eeeee": 2}
    rows = rows_of(counts)
    chosen = inference.part(rows, 8)
    places = [row["position"] for row in chosen]
    assert places == sorted(places)
    for document in {inference.document_of(row) for row in chosen}:
        assert sum(inference.document_of(row) == document for row in chosen) == counts[document]
    assert 0 < len(chosen) <= 8
    assert len(inference.part(rows, 100)) == len(rows)
    assert len(inference.part(rows, 1)) >= 1


@pytest.mark.slow
def test_it_runs_and_reads_less_than_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    weights()
    monkeypatch.chdir(tmp_path)
    options = ["--limit", "3", "--rounds", "1", "--slots", "2", "--max-new-tokens", "8", "--pair"]
    inference.main([*options, "--model", MODEL, "--workload", "documents", "--json"])
    (found,) = json.loads(capsys.readouterr().out)["workloads"]
    assert found["questions"] == 3
    assert found["questions_of_the_set"] == 129
    alone, ours = found["settings"]
    assert (alone["ratio"], alone["same_as_one_at_a_time"]) == (1, 3)
    assert alone["prompt_tokens_read"] == alone["prompt_tokens_asked"]
    assert ours["prompt_tokens_asked"] == alone["prompt_tokens_asked"]
    assert ours["prompt_tokens_read"] < 0.9 * ours["prompt_tokens_asked"]
    assert all(
        one["questions_per_s"] > 0 and one["cpu_s_per_question"] > 0 for one in (alone, ours)
    )
