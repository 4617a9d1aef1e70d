"""How long aggregating 1,000 runs of 300 questions takes, and again after one run changed.

A folder of finished runs is made without any model: answers that are right, wrong or blank as the
run's skill has it, judged by the study's rule, with ledger and job.json. The times stand beside
that of reading the same files plainly, one after another, with nothing made of them.

    python benchmarks/aggregate.py [--runs 1000] [--questions 300] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from wattbench.analyses.aggregate import aggregate
from wattbench.scoring.rules import Prediction, Verdict, judge
from wattbench.study.layout import Layout, RunFiles
from wattbench.study.models import Study
from wattbench.study.questions import Question, study_questions
from wattbench.tables.answers import PREDICTIONS, SEGMENTS
from wattbench.tables.files import read_json, read_rows, write_json, write_rows
from wattbench.tables.runs import AUDIT
from wattbench.tables.verdicts import SCORES

LIMIT_S = 10.0
AGAIN_LIMIT_S = 2.0
CHANGES = 5
RULE = "strict"
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLACE = {"environment": "local", "questions": "set"}
Row = dict[str, Any]


def make_study(folder: Path, runs: int, questions: int) -> Study:
    """The study, its question file and an empty folder of documents."""
    (folder / "documents").mkdir()
    lines = ["id,question,answer_value,answer_unit,ref_id,is_NA"]
    for place in range(questions):
        blank = place % 12 == 0
        value, ref = ("is_blank", "is_blank") if blank else (100 + 7 * place, f"paper{place // 4}")
        lines.append(f"q{place},How much is number {place}?,{value},is_blank,{ref},{blank:d}")
    (folder / "questions.csv").write_text("\n".join(lines) + "\n")
    return Study.model_validate(
        {
            "study": {"name": "many", "results": str(folder / "results")},
            "corpora": {"docs": {"documents": str(folder / "documents")}},
            "questions": {"set": {"file": str(folder / "questions.csv")}},
            "models": {
                f"m{run:04d}": {
                    "weights": f"m{run:04d}.gguf",
                    "family": f"family{run % 10}",
                    "parameters_b": 0.5 * 2.0 ** (run // 10 % 8),
                }
                for run in range(runs)
            },
            "scoring": {"rule": RULE},
        }
    )


class Maker:
    """Writes finished runs.

    Args:
        study: The study.
    """

    def __init__(self, study: Study) -> None:
        self._gold = study_questions(study, "set")
        self._layout = Layout(Path(study.study.results))
        values = [(q.value, f"{place}", "is_blank") for place, q in enumerate(self._gold)]
        self._answers = [
            [Prediction(v, () if v == "is_blank" else q.refs) for v in three]
            for q, three in zip(self._gold, values, strict=True)
        ]
        self._verdicts = [
            [self._judged(q, one) for one in three]
            for q, three in zip(self._gold, self._answers, strict=True)
        ]
        self._weights = study.scoring.weights

    @staticmethod
    def _judged(question: Question, prediction: Prediction) -> Verdict:
        verdict = judge(RULE, question, prediction)
        if verdict is None:
            raise AssertionError("the strict rule judges everything")
        return verdict

    def write(self, name: str, seed: int) -> None:
        """Write one run."""
        rng = np.random.default_rng(seed)
        skill = rng.uniform(0.3, 0.9)
        count = len(self._gold)
        chosen = np.where(rng.random(count) < skill, 0, rng.integers(1, 3, count))
        seconds = rng.lognormal(0.0, 0.4, (count, 2))
        files = self._layout.run("local", "set", name)
        rows = [
            self._prediction(name, place, int(chosen[place]), *seconds[place].tolist())
            for place in range(count)
        ]
        verdicts = [self._verdicts[place][chosen[place]] for place in range(count)]
        write_rows(files.predictions, PREDICTIONS, rows)
        write_rows(files.scores, SCORES, [
            {
                **PLACE, "run": name, "question_id": q.id, "rule": RULE,
                "value_correct": v.value_correct, "ref_overlap": v.ref_overlap,
                "na_correct": v.na_correct, "weighted_score": v.weighted(self._weights),
                "why": v.why, "missing": False,
            }
            for q, v in zip(self._gold, verdicts, strict=True)
        ])  # fmt: skip
        write_rows(files.segments, SEGMENTS, [_segment(name, float(seconds.sum()), rng)])
        write_json(
            files.job, {"run": name, "identity": f"{seed:016x}", "versions": {"python": "3"}}
        )
        write_json(files.compute, {"rows": []})
        blank = np.array([not q.answerable for q in self._gold])
        score = self._weights.value * np.mean([v.value_correct for v in verdicts])
        score += self._weights.ref * np.mean([v.ref_overlap for v in verdicts])
        score += self._weights.na * np.mean([v.na_correct for v in np.array(verdicts)[blank]])
        write_json(files.summary, {"overall_score": float(score)})

    def _prediction(self, run: str, place: int, which: int, prefill: float, decode: float) -> Row:
        question, answer = self._gold[place], self._answers[place][which]
        return {
            **PLACE, "run": run, "question_id": question.id, "position": place,
            "value": answer.value, "refs": list(answer.refs), "blank": which == 2, "asked": True,
            "confidence": min(0.99, prefill / 3), "explanation": f"Document {place // 4} says so.",
            "reply": json.dumps({"answer_value": answer.value, "ref_id": list(answer.refs)}),
            "prompt_tokens": 600 + place, "completion_tokens": 40 + place % 9,
            "retrieval_s": 0.01, "queue_s": 0.0, "prefill_s": prefill, "decode_s": decode,
            "first_token_s": prefill, "total_s": prefill + decode,
            "answered_at": START + timedelta(seconds=3 * place), "segment": f"{run}-1", "tries": 1,
        }  # fmt: skip


def _segment(run: str, seconds: float, rng: np.random.Generator) -> Row:
    joules = seconds * rng.uniform(80, 300)

    def device(energy: float) -> Row:
        return {
            "device": "GPU-1", "kind": "gpu", "scope": "device", "method": "counter",
            "energy_j": energy, "uncertainty_j": 0.05 * energy, "idle_w": 40.0,
        }  # fmt: skip

    return {
        **PLACE, "run": run, "segment": f"{run}-1", "number": 1, "job_id": run,
        "scheduler": "slurm", "attempt": 1, "host": "node1", "process_id": 1,
        "gpu_uuids": ["GPU-1"], "gpu_names": ["NVIDIA A100"], "started_at": START,
        "ended_at": START + timedelta(seconds=seconds + 20), "duration_s": seconds + 20,
        "ended_by": "finished", "lost_s": 0.0, "answered": 1, "cpu_s": seconds,
        "rss_peak_bytes": 2**31, "vram_peak_bytes": 2**34, "flags": [],
        "phases": [
            {"phase": "load", "wall_s": 20.0, "cpu_s": 9.0, "devices": [device(2000.0)]},
            {"phase": "answer", "wall_s": seconds, "cpu_s": seconds, "devices": [device(joules)]},
        ],
    }  # fmt: skip


def plain_read(layout: Layout, runs: Sequence[str]) -> int:
    """Read every file of every run, one after another; the number of rows."""
    rows = 0
    for run in runs:
        files: RunFiles = layout.run("local", "set", run)
        for path in (files.predictions, files.scores, files.segments):
            table: pa.Table = pq.read_table(path, partitioning=None)
            rows += table.num_rows
        for path in (files.job, files.compute, files.summary):
            read_json(path)
    return rows


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds that something takes, and seconds of CPU, which other programs do not lengthen."""
    start, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start, time.process_time() - cpu


def measure(folder: Path, runs: int, questions: int) -> dict[str, Any]:
    """All figures."""
    study = make_study(folder, runs, questions)
    maker = Maker(study)
    for seed, name in enumerate(study.models):
        maker.write(name, seed)
    layout = Layout(Path(study.study.results))
    first = timed(lambda: aggregate(study))
    reading = timed(lambda: plain_read(layout, list(study.models)))
    times = []
    for change in range(CHANGES):
        maker.write("m0000", runs + change)
        # What was written before is not waited for here.
        os.sync()
        times.append(timed(lambda: aggregate(study)))
    again = sorted(times)[CHANGES // 2]
    nothing = timed(lambda: aggregate(study))
    audit = read_rows(layout.table("audit"), AUDIT)
    return {
        "runs": runs,
        "questions": questions,
        "errors": sum(finding["severity"] == "error" for finding in audit),
        "aggregate_s": first[0],
        "aggregate_cpu_s": first[1],
        "again_s": again[0],
        "again_least_s": min(times)[0],
        "again_most_s": max(times)[0],
        "again_cpu_s": again[1],
        "unchanged_s": nothing[0],
        "plain_read_s": reading[0],
        "plain_read_cpu_s": reading[1],
        "aggregate_ratio": first[1] / reading[1],
        "again_ratio": again[1] / reading[1],
        "limit_s": LIMIT_S,
        "again_limit_s": AGAIN_LIMIT_S,
        "good": first[0] <= LIMIT_S and again[0] <= AGAIN_LIMIT_S,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the figures; fails where a limit is passed at full size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), options.runs, options.questions)
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        print(f"{found['runs']} runs of {found['questions']} questions")
        print(f"  {'':31} {'wall':>8} {'CPU':>8}")
        seconds, cpu = found["plain_read_s"], found["plain_read_cpu_s"]
        print(f"  {'reading all files, nothing more':31} {seconds:6.2f} s {cpu:6.2f} s")
        for key, what in (("aggregate", "aggregating"), ("again", "again, one run changed")):
            seconds, cpu, ratio = (found[f"{key}{end}"] for end in ("_s", "_cpu_s", "_ratio"))
            limit = found["limit_s" if key == "aggregate" else "again_limit_s"]
            beside = f"{ratio:.2f} x the CPU of reading; limit {limit:g} s"
            print(f"  {what:31} {seconds:6.2f} s {cpu:6.2f} s  ({beside})")
        least, most = found["again_least_s"], found["again_most_s"]
        print(f"  {f'  median of {CHANGES}; least and most':31} {least:6.2f} s {most:6.2f} s")
        print(f"  {'again, nothing changed':31} {found['unchanged_s']:6.2f} s")
    return 0 if found["good"] else 1


if __name__ == "__main__":
    sys.exit(main())
