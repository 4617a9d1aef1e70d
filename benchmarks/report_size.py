"""Size of the report page and seconds to build it, against the limits.

Makes the tables of a study of 20 models and two ensembles on 10,000 questions, with replies,
contexts and a power trace as long as real ones, then builds `index.html` from them. Prints the
page's bytes against 5 MB, the seconds against 20 s, and how much text the page holds.

    python benchmarks/report_size.py [--models 20] [--questions 10000] [--keep FOLDER] [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from wattbench.report.content import content
from wattbench.report.data import read_report_data
from wattbench.report.packing import PAGE_LIMIT_BYTES
from wattbench.report.page import page
from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.tables.answers import PREDICTIONS, SAMPLES, SEGMENTS
from wattbench.tables.contract import COUNT, REAL, TEXT, TIME, TRUTH, Table
from wattbench.tables.documents import CONTEXTS, QUESTIONS
from wattbench.tables.files import write_arrow, write_rows
from wattbench.tables.runs import AUDIT, COMPUTE, ENSEMBLES, RUNS
from wattbench.tables.verdicts import COMPARISONS, SCORES, VOTES

LIMIT_S = 20.0
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLACE = {"environment": "cluster", "questions": "made"}
REPLY_WORDS, SNIPPET_WORDS, SNIPPETS = 70, 80, 8
SAMPLES_OF_A_RUN = 18_000
"""Half an hour at 10 Hz."""


class Words:
    """Text whose letters and words are about as likely as in English, so that it packs alike."""

    def __init__(self, random: np.random.Generator, count: int = 4_000) -> None:
        letters = np.array(list("etaoinshrdlucmfwygpbvk"))
        chance = np.arange(len(letters), 0, -1) ** 1.5
        lengths = random.integers(2, 11, count)
        self.random = random
        self.known = np.array(
            ["".join(random.choice(letters, n, p=chance / chance.sum())) for n in lengths]
        )
        self.chance = 1 / np.arange(3, count + 3)
        self.chance /= self.chance.sum()

    def texts(self, count: int, words: int) -> list[str]:
        drawn = self.random.choice(self.known, (count, words), p=self.chance)
        return [" ".join(row) for row in drawn.tolist()]


def make_study(folder: Path, models: int) -> Study:
    names = [f"model-{i:02d}" for i in range(models)]
    return Study.model_validate(
        {
            "study": {"name": "made", "results": str(folder), "environment": "cluster"},
            "corpora": {"papers": {"documents": "documents"}},
            "questions": {"made": {"file": "questions.csv"}},
            "models": {n: {"weights": n, "label": f"Made {n} instruct"} for n in names},
            "ensembles": {
                f"vote-{size}": {"members": names[:size]} for size in ensemble_sizes(models)
            },
        }
    )


def ensemble_sizes(models: int) -> tuple[int, ...]:
    return tuple(size for size in (3, 5) if size <= models)


def filled(table: Table, rows: int, **known: Any) -> pa.Table:
    """A table whose other columns are null where the contract lets them, else empty or zero."""
    empty: dict[pa.DataType, Any] = {
        TEXT: "", REAL: 0.0, COUNT: 0, TRUTH: False, TIME: START,
    }  # fmt: skip
    columns = []
    for column in table.columns:
        value = known.get(column.name)
        if isinstance(value, list | np.ndarray | pa.Array):
            columns.append(pa.array(value, column.type))
        elif value is not None:
            columns.append(pa.array([value] * rows, column.type))
        else:
            nothing = None if column.null else empty.get(column.type, [])
            columns.append(pa.array([nothing] * rows, column.type))
    return pa.Table.from_arrays(columns, schema=table.schema)


def make_result(folder: Path, models: int, questions: int, seed: int = 1) -> Study:
    """Write every table of a made study into `folder`."""
    random = np.random.default_rng(seed)
    words = Words(random)
    study = make_study(folder, models)
    layout = Layout(folder)
    ids = [f"q{i:05d}" for i in range(questions)]
    hard = random.random(questions)
    gold = [f"{v:.4g}" for v in random.lognormal(3, 2, questions)]
    write_arrow(
        layout.table("questions"),
        filled(
            QUESTIONS, questions, study="made", questions="made", question_id=ids,
            position=list(range(questions)),
            question=[f"{t.capitalize()}?" for t in words.texts(questions, 16)],
            gold_value=gold, gold_unit="kWh", gold_refs=[["paper-a"]] * questions,
            answerable=True, kinds=[[("table", "quote", "math")[i % 3]] for i in range(questions)],
            explanation=words.texts(questions, 20),
        ),
    )  # fmt: skip
    predictions, scores, runs, samples = [], [], [], []
    values: dict[str, list[str]] = {}
    for place, name in enumerate((*study.models, *study.ensembles)):
        skill = 0.35 + 0.5 * place / (models + 2)
        right = random.random(questions) < np.clip(skill + 0.4 * (0.5 - hard), 0.02, 0.98)
        wrong = [f"{v:.4g}" for v in random.lognormal(3, 2, questions)]
        values[name] = [g if ok else w for g, w, ok in zip(gold, wrong, right, strict=True)]
        explanations = words.texts(questions, 30)
        ensemble = name in study.ensembles
        key = {**PLACE, "run": name, "question_id": ids}
        predictions.append(
            filled(
                PREDICTIONS, questions, **key, position=list(range(questions)),
                value=values[name], refs=[["paper-a"]] * questions, blank=False, asked=True,
                explanation=None if ensemble else explanations,
                reply=None if ensemble else [
                    json.dumps({"explanation": e, "quote": t, "answer_value": v})
                    for e, t, v in zip(
                        explanations, words.texts(questions, REPLY_WORDS), values[name],
                        strict=True,
                    )
                ],
                rendered_prompt=None if ensemble else "the contexts and the question " * 100,
                total_s=random.lognormal(1, 0.5, questions),
                allocated_j=random.lognormal(4, 0.5, questions), tries=1,
            )
        )  # fmt: skip
        scores.append(
            filled(
                SCORES, questions, **key, rule="strict", value_correct=right.tolist(),
                ref_overlap=random.random(questions), na_correct=True,
                weighted_score=right.astype(float),
                why=["numbers agree" if ok else "numbers differ" for ok in right],
            )
        )  # fmt: skip
        score = float(right.mean())
        energy = 3e5 * (1 + place)
        runs.append(
            filled(
                RUNS, 1, study="made", **PLACE, run=name, label=name,
                kind="ensemble" if ensemble else "model",
                members=[list(study.ensembles[name].members) if ensemble else []],
                retrieval=None if ensemble else "default", question_count=questions,
                answered=questions, correct=int(right.sum()), rule="strict", score=score,
                score_low=score - 0.01, score_high=score + 0.01, value_accuracy=score,
                value_accuracy_low=score - 0.01, value_accuracy_high=score + 0.01,
                top_group=place >= models - 2, headline=place == models - 2,
                energy_method="counter", energy_scope="device", energy_gross_j=energy * 1.1,
                energy_gross_uncertainty_j=energy * 0.05, energy_answer_j=energy,
                energy_answer_uncertainty_j=energy * 0.05,
                energy_per_question_j=energy / questions,
                energy_per_question_low_j=energy / questions * 0.9,
                energy_per_question_high_j=energy / questions * 1.1,
                frontier_probability=random.random(),
                energy_per_correct_j=energy / max(right.sum(), 1),
                energy_per_correct_low_j=energy / max(right.sum(), 1) * 0.9,
                energy_per_correct_high_j=energy / max(right.sum(), 1) * 1.1,
                parameters_b=None if ensemble else 0.5 * 1.2**place,
                latency_mean_s=3.0, latency_p50_s=2.7, latency_p95_s=6.0,
                vram_peak_bytes=(place + 2) * 2**30, rss_peak_bytes=2 * 2**30, versions="{}",
            )
        )  # fmt: skip
        if not ensemble:
            samples.append(_samples(name, random))
    write_arrow(layout.table("predictions"), pa.concat_tables(predictions))
    write_arrow(layout.table("scores"), pa.concat_tables(scores))
    write_arrow(layout.table("runs"), pa.concat_tables(runs))
    write_arrow(layout.table("samples"), pa.concat_tables(samples))
    write_arrow(layout.table("votes"), _votes(study, ids, values))
    write_arrow(layout.table("comparisons"), _comparisons(runs))
    _write_small(layout, study)
    write_arrow(layout.contexts("made", "default"), _contexts(ids, words))
    return study


def _samples(name: str, random: np.random.Generator) -> pa.Table:
    elapsed = np.arange(SAMPLES_OF_A_RUN) / 10
    return filled(
        SAMPLES, SAMPLES_OF_A_RUN, **PLACE, run=name, segment=f"{name}-1",
        at=[START + timedelta(seconds=s) for s in elapsed.tolist()], elapsed_s=elapsed,
        phase=["load" if s < 60 else "answer" for s in elapsed], device="GPU-1",
        power_w=250 + 40 * random.standard_normal(SAMPLES_OF_A_RUN),
    )  # fmt: skip


def _votes(study: Study, ids: list[str], values: dict[str, list[str]]) -> pa.Table:
    found = []
    for name, entry in study.ensembles.items():
        for position, member in enumerate(entry.members):
            won = [a == b for a, b in zip(values[member], values[name], strict=True)]
            found.append(
                filled(
                    VOTES, len(ids), **PLACE, run=name, question_id=ids, member=member,
                    position=position, value=values[member], refs=[["paper-a"]] * len(ids),
                    counted=True, weight=1.0, won=won,
                )
            )  # fmt: skip
    return pa.concat_tables(found) if found else VOTES.schema.empty_table()


def _comparisons(runs: list[pa.Table]) -> pa.Table:
    rows = [r.to_pylist()[0] for r in runs]
    found = [
        {
            **PLACE, "rule": "strict", "first": one["run"], "second": other["run"],
            "paired": one["question_count"], "only_first": 100, "only_second": 90,
            "difference": one["score"] - other["score"],
            "difference_low": one["score"] - other["score"] - 0.01,
            "difference_high": one["score"] - other["score"] + 0.01, "p": 0.01,
            "p_adjusted": 0.5, "difference_p": 0.01, "difference_p_adjusted": 0.5,
        }
        for i, one in enumerate(rows) for other in rows[i + 1 :]
    ]  # fmt: skip
    return filled(
        COMPARISONS, len(found), **{n: [r[n] for r in found] for n in found[0]}
    ) if found else COMPARISONS.schema.empty_table()  # fmt: skip


def _write_small(layout: Layout, study: Study) -> None:
    names = list(study.models)
    key = {**PLACE, "run": names}
    jobs = [str(4711 + i) for i in range(len(names))]
    write_arrow(
        layout.table("segments"),
        filled(
            SEGMENTS, len(names), **key, segment=[f"{n}-1" for n in names], number=1,
            job_id=jobs, scheduler="slurm", attempt=1, host="node1", duration_s=1800.0,
            ended_by="finished",
        ),
    )  # fmt: skip
    write_arrow(
        layout.table("compute"),
        filled(
            COMPUTE, len(names), **key, job_id=jobs, scheduler="slurm", attempt=1,
            state="COMPLETED", state_raw="COMPLETED", wall_s=1800.0, gpus=1, source="sacct+ledger",
        ),
    )  # fmt: skip
    ensembles = list(study.ensembles)
    write_arrow(
        layout.table("ensembles"),
        filled(
            ENSEMBLES, len(ensembles), **PLACE, run=ensembles, strategy="majority",
            members=[list(study.ensembles[n].members) for n in ensembles], best_member=names[0],
        ),
    )  # fmt: skip
    write_rows(layout.table("audit"), AUDIT, [])


def _contexts(ids: list[str], words: Words) -> pa.Table:
    texts = iter(words.texts(len(ids) * SNIPPETS, SNIPPET_WORDS))
    snippets = [
        [
            {
                "rank": rank, "node_id": f"paper-{rank}:sec1:p1", "document_id": f"paper-{rank}",
                "document_title": f"Paper {rank}", "kind": "paragraph", "text": next(texts),
                "score": 0.9 - rank / 20, "frequency": 1, "source": "dense",
            }
            for rank in range(1, SNIPPETS + 1)
        ]
        for _ in ids
    ]  # fmt: skip
    return filled(
        CONTEXTS, len(ids), question_id=ids, position=list(range(len(ids))), snippets=snippets
    )


def build(study: Study) -> tuple[str, dict[str, float]]:
    """The page, and the seconds of its parts; `cpu_s` leaves out what other programs took."""
    started, busy = time.perf_counter(), time.process_time()
    data = read_report_data(study)
    read = time.perf_counter()
    shown = content(data)
    drawn = time.perf_counter()
    html = page(shown)
    ended = time.perf_counter()
    return html, {
        "read_s": read - started, "draw_s": drawn - read, "write_s": ended - drawn,
        "total_s": ended - started, "cpu_s": time.process_time() - busy,
    }  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--models", type=int, default=20)
    parser.add_argument("--questions", type=int, default=10_000)
    parser.add_argument("--keep", type=Path, help="Keep the made result and the page here.")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary)
        study = make_result(folder, given.models, given.questions)
        tables = sum(p.stat().st_size for p in folder.rglob("*.parquet"))
        html, seconds = build(study)
        if given.keep:
            (folder / "index.html").write_text(html, encoding="utf-8")
    size = len(html.encode())
    found = {
        "models": given.models,
        "questions": given.questions,
        "tables_bytes": tables,
        "page_bytes": size,
        "page_over_limit": size / PAGE_LIMIT_BYTES,
        **seconds,
        "seconds_over_limit": seconds["total_s"] / LIMIT_S,
    }
    if given.json:
        print(json.dumps(found, indent=2))
    else:
        print(
            f"{given.models} models x {given.questions:,} questions, tables of "
            f"{tables / 1e6:.1f} MB: page {size / 1e6:.2f} MB "
            f"({found['page_over_limit']:.2f} of {PAGE_LIMIT_BYTES / 1e6:g} MB), built in "
            f"{seconds['total_s']:.1f} s ({found['seconds_over_limit']:.2f} of {LIMIT_S:g} s: "
            f"reading {seconds['read_s']:.1f}, drawing {seconds['draw_s']:.1f}, "
            f"writing {seconds['write_s']:.1f}; {seconds['cpu_s']:.1f} s of CPU)"
        )
    return 0 if size <= PAGE_LIMIT_BYTES and seconds["total_s"] <= LIMIT_S else 1


if __name__ == "__main__":
    sys.exit(main())
