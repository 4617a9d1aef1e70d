"""A server that misbehaves in 300 ways: each is a failure of its kind, and never an abstention."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from misbehaviour import CASES, STORMS, Case
from replaying import Bench
from scripted_server import ScriptedServer, error, good

from wattbench.inference.journal import ABSTAINED, ANSWERED, FAILED
from wattbench.inference.stage import infer
from wattbench.records import read

RETRIES = 1
REQUESTS = {"timeout_s": 2.5, "retries": RETRIES, "concurrency": 24}
STORM = {**REQUESTS, "concurrency": 25, "budget_s": 1.0}


@dataclass(frozen=True)
class Result:
    """What a run over some cases left: a prediction and the journal's records of each."""

    predictions: list[dict[str, Any]]
    records: dict[str, list[dict[str, Any]]]
    job: dict[str, Any]


def run(folder: Path, cases: tuple[Case, ...], requests: dict[str, Any]) -> Result:
    script = {number: [case.behaviour] for number, case in enumerate(cases)}
    with ScriptedServer(script=script) as server:
        model = {
            "backend": "openai", "weights": "scripted", "options": {"base_url": server.url},
            "requests": requests,
        }  # fmt: skip
        bench = Bench(folder, count=len(cases), model=model)
        infer(bench.study, "asked", "replay")
    records: dict[str, list[dict[str, Any]]] = {}
    for record in read(bench.answers).records:
        records.setdefault(record["question_id"], []).append(record)
    return Result(bench.predictions(), records, bench.job())


@pytest.fixture(scope="module")
def misbehaved(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return run(tmp_path_factory.mktemp("cases"), CASES, REQUESTS)


@pytest.fixture(scope="module")
def stormed(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return run(tmp_path_factory.mktemp("storms"), STORMS, STORM)


def test_there_are_300_cases() -> None:
    assert len(CASES) + len(STORMS) >= 300


def check(result: Result, number: int, case: Case) -> list[dict[str, Any]]:
    row = result.predictions[number]
    records = result.records[f"q{number}"]
    assert {record["kind"] for record in records} == {FAILED}
    assert {record["error"] for record in records} == {case.kind}, [r["detail"] for r in records]
    assert (row["error"], row["value"], row["blank"]) == (case.kind, None, None)
    assert row["error_detail"]
    assert row["tries"] == len(records)
    return records


@pytest.mark.parametrize(
    ("number", "case"), list(enumerate(CASES)), ids=[f"{c.kind}-{c.name[:24]!a}" for c in CASES]
)
def test_each_is_an_error_of_its_kind(misbehaved: Result, number: int, case: Case) -> None:
    records = check(misbehaved, number, case)
    # A prompt that is too long is so at every try.
    assert len(records) == (1 if case.kind == "context_overflow" else 1 + RETRIES)
    assert sum(len(json.dumps(record)) for record in records) < 600_000


@pytest.mark.parametrize(("number", "case"), list(enumerate(STORMS)), ids=[c.name for c in STORMS])
def test_a_storm_is_waited_out_within_the_budget(stormed: Result, number: int, case: Case) -> None:
    records = check(stormed, number, case)
    if "86400" in case.name:
        assert len(records) == 1
    else:
        # 0.25, 0.5 and no more within a second.
        assert 2 <= len(records) <= 4
    assert records[-1]["at"] - records[0]["at"] < 1.5


def test_all_are_counted_as_failed(misbehaved: Result, stormed: Result) -> None:
    for result, cases in ((misbehaved, CASES), (stormed, STORMS)):
        assert (result.job["answered"], result.job["failed"]) == (0, len(cases))


@pytest.fixture(scope="module")
def mended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Result]:
    """Each kind of failure once, then a sound reply."""
    one = {case.kind: case for case in (*CASES, *STORMS) if case.kind != "context_overflow"}
    script = {n: [case.behaviour, good()] for n, case in enumerate(one.values())}
    script[len(script)] = [error(429, "later", Retry_After="0.1")] * 3 + [good()]
    with ScriptedServer(script=script) as server:
        model = {
            "backend": "openai", "weights": "scripted", "options": {"base_url": server.url},
            "requests": REQUESTS | {"budget_s": 20},
        }  # fmt: skip
        bench = Bench(tmp_path_factory.mktemp("mended"), count=len(script), model=model)
        infer(bench.study, "asked", "replay")
    records: dict[str, list[dict[str, Any]]] = {}
    for record in read(bench.answers).records:
        records.setdefault(record["question_id"], []).append(record)
    return Result(bench.predictions(), records, bench.job())


def test_a_failure_that_passes_is_answered_by_the_next_try(mended: Result) -> None:
    for number, row in enumerate(mended.predictions):
        assert (row["value"], row["error"], row["blank"]) == (str(number * 10), None, False)
        kinds = [record["kind"] for record in mended.records[f"q{number}"]]
        assert kinds == [FAILED] * (len(kinds) - 1) + [ANSWERED]
        assert ABSTAINED not in kinds
    # A busy server costs no retry: three refusals, though the study grants one retry.
    assert mended.predictions[-1]["tries"] == 4
