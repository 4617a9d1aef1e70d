"""How fast a million predictions are scored on one core, beside a plain loop over them.

Two sets of answers: *distinct*, no two answers to a question alike, and *repeated*, as many models
give the same few answers. Questions and answers are of the kinds of the WattBot benchmark: numbers
with and without units, true or false, ranges, names, lists, unanswerable ones. Ours is the columns
that the stage `score` writes, the gold answers read among it; the peer makes the same table
answer by answer with the same rule, on a sample. Every verdict, overlap, score and reason of the
sample must be the same, to the bit.

A third measure is the command `wattbench score GOLD SUBMISSION`: two files of a million rows, read,
judged and summed up; its peer reads both with `csv.DictReader` and judges row by row.

    python benchmarks/scoring.py [--predictions 1000000] [--rule strict] [--json]
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from wattbench.scoring import wattbot
from wattbench.scoring.gold import Gold
from wattbench.scoring.judging import judge_runs
from wattbench.scoring.rules import WATTBOT, Prediction, judge
from wattbench.scoring.submission import score_files
from wattbench.study.judgement import RULES, RuleName, Scoring
from wattbench.study.questions import BLANK, Question, parse_refs, question_of
from wattbench.tables.files import to_arrow
from wattbench.tables.verdicts import SCORES

QUESTIONS = 10_000
SAMPLE = 50_000
REPEATS = 3
LIMIT_S = 30.0
RATIO = 20.0
PLACE = {"environment": "local", "questions": "set"}
UNITS = ("GB", "MWh", "percent", "days", "liters", "USD", None, None)
NAMES = ("GPT-3", "ML.ENERGY Benchmark", "Water consumption", "Llama 3.1", "the BLOOM model")
KINDS = {"distinct": "distinct answers", "repeated": "repeated answers", "files": "two files"}
SHARES = {"number": 0.5, "truth": 0.2, "name": 0.13, "range": 0.05, "na": 0.1, "list": 0.02}
"""Of the questions; WattBot's own have no list in 41."""


def question(place: int, kind: str, rng: random.Random) -> Question:
    value, unit = {
        "number": (f"{rng.uniform(0.1, 9000):.4g}", rng.choice(UNITS)),
        "truth": (rng.choice("01"), None),
        "name": (f"{rng.choice(NAMES)} {rng.randrange(100)}", None),
        "range": ("[{},{}]".format(*sorted(rng.sample(range(1000), 2))), rng.choice(UNITS)),
        "na": ("is_blank", None),
        "list": (f"[{', '.join(rng.sample(NAMES, 2))}]", None),
    }[kind]
    return Question(
        id=f"q{place:05d}", position=place, line=place + 2, text="?", unit=unit, value=value,
        refs=() if kind == "na" else (f"doc{place % 300}",),
        raw_refs="is_blank" if kind == "na" else f"['doc{place % 300}']",
        kinds=("na",) if kind == "na" else (), explanation=None,
    )  # fmt: skip


def answer(asked: Question, kind: str, rng: random.Random, mark: int | None) -> str:  # noqa: PLR0911
    """An answer in one of the ways that models write; `mark` sets it apart from all others."""
    if rng.random() < 0.1 and mark is None:
        return "is_blank"
    tail = "" if mark is None else f"{mark:07d}"
    if kind == "number":
        near = float(asked.value) * rng.choice((1, 1, 1.0005, 1.2))
        digits = f"{near:.4g}" if mark is None else f"{near:.3f}{tail}"
        unit = asked.unit or ""
        ways = ("{0}", "{0}", "{0} {1}", "{0} {1}", "~{0}", "about {0} {1}", "{0} {1}.")
        return rng.choice(ways).format(digits if "e" not in digits else f"{near:.0f}", unit).strip()
    if kind == "truth":
        if mark is None:
            return rng.choice(("True", "False", "1", "0", "yes"))
        return f"{rng.choice('01')}.{'0' * rng.randrange(1, 8)}{tail}"
    if kind == "range":
        low, high = json.loads(asked.value)
        ways = ("{0}-{1}", "{0} to {1}", "from {0} to {1}", "{0}")
        return rng.choice(ways).format(f"{low}.{tail or '0'}", f"{high}.0{tail}")
    if kind == "na":
        return (
            f"{rng.randrange(100)}{tail and '.' + tail}"
            if rng.random() < 0.5
            else ("is_blank" if mark is None else f"Unable to answer {tail}")
        )
    if kind == "list":
        return f"[{', '.join(rng.sample(NAMES, 2))}{tail and ', ' + tail}]"
    name = rng.choice((asked.value, asked.value.lower(), f"the {rng.choice(NAMES)}"))
    return f"{name}{tail and ' ' + tail}"


def made(
    count: int, *, distinct: bool, seed: int = 0, questions: int = QUESTIONS
) -> tuple[list[Question], list[pa.Table]]:
    """Questions, and one table of predictions a run."""
    rng = random.Random(seed)
    kinds = rng.choices(list(SHARES), list(SHARES.values()), k=min(questions, count))
    gold = [question(place, kind, rng) for place, kind in enumerate(kinds)]
    runs = []
    for run in range(-(-count // len(gold))):
        rows = min(len(gold), count - run * len(gold))
        values = [
            answer(one, kind, rng, run * len(gold) + place if distinct else None)
            for place, (one, kind) in enumerate(zip(gold[:rows], kinds[:rows], strict=True))
        ]
        refs = [
            [f"doc{rng.choice((place, place + 1)) % 300}"] + ["Doc7"] * (rng.random() < 0.3)
            for place in range(rows)
        ]
        runs.append(
            pa.table(
                {
                    "question_id": pa.array([one.id for one in gold[:rows]], pa.string()),
                    "value": pa.array(values, pa.string()),
                    "refs": pa.array(refs, pa.list_(pa.string())),
                    "error": pa.nulls(rows, pa.string()),
                }
            )
        )
    return gold, runs


def row_by_row(scoring: Scoring, gold: list[Question], run: pa.Table, name: str) -> pa.Table:
    """The same table by judging one answer after the other."""
    by_id = {row["question_id"]: row for row in run.to_pylist()}
    rows = []
    for one in gold:
        row = by_id.get(one.id)
        given = None
        if row is not None:
            given = Prediction(row["value"], tuple(row["refs"] or ()), row["error"])
        verdict = judge(scoring.rule, one, given)
        if verdict is not None:
            rows.append(
                {
                    **PLACE,
                    "run": name,
                    "question_id": one.id,
                    "rule": scoring.rule,
                    "value_correct": verdict.value_correct,
                    "ref_overlap": verdict.ref_overlap,
                    "na_correct": verdict.na_correct,
                    "weighted_score": verdict.weighted(scoring.weights),
                    "why": verdict.why,
                    "missing": row is None or row["error"] is not None,
                }
            )
    return to_arrow(SCORES, rows)


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """The least of some times: memory that a process first touches is slow, and not the work's."""
    times = []
    for _ in range(REPEATS):
        started = time.process_time()
        found = work()
        times.append(time.process_time() - started)
    return min(times), found


def measure(count: int, rule: str, *, distinct: bool) -> dict[str, Any]:
    """Both ways over one set of answers; the peer over a sample of the runs."""
    gold, runs = made(count, distinct=distinct)
    scoring = Scoring(rule=rule)
    # Both have their patterns compiled before the clock starts, on other answers.
    few, other = made(2000, distinct=distinct, seed=1)
    judge_runs(scoring, Gold(few), {"warm": other[0]}, PLACE, {})
    row_by_row(scoring, few, other[0], "warm")

    names = [f"run{number:03d}" for number in range(len(runs))]

    def ours() -> pa.Table:
        return judge_runs(scoring, Gold(gold), dict(zip(names, runs, strict=True)), PLACE, {})

    taken_s, table = seconds(ours)
    compared = max(1, min(len(runs), SAMPLE // len(gold)))
    peer_s, peers = seconds(
        lambda: [
            row_by_row(scoring, gold, run, name)
            for name, run in zip(names[:compared], runs, strict=False)
        ]
    )
    judged = len(gold) * len(runs)
    start = 0
    for peer in peers:
        part = table.slice(start, len(peer))
        start += len(part)
        for column in SCORES.names():
            one, other = (whole[column].combine_chunks() for whole in (part, peer))
            if pa.types.is_floating(one.type):
                one, other = (pa.array(cells.to_numpy().view(np.int64)) for cells in (one, other))
            if not one.equals(other):
                raise SystemExit(f"{rule}: the column {column} differs")
    return figures(
        "distinct" if distinct else "repeated",
        rule,
        (judged, taken_s),
        (len(gold) * compared, peer_s),
    )


def written(place: Path, gold: list[Question], run: pa.Table) -> tuple[Path, Path]:
    """The questions and a run's answers as files in the guide's columns."""
    files = place / f"gold-{len(gold)}.csv", place / f"submission-{len(gold)}.csv"
    with files[0].open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream)
        rows.writerow(["id", "question", "answer_value", "answer_unit", "ref_id"])
        rows.writerows(
            [one.id, "What is it?", one.value, one.unit or BLANK, one.raw_refs] for one in gold
        )
    with files[1].open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream, quoting=csv.QUOTE_ALL)
        rows.writerow(["id", "question", "answer", "answer_value", "ref_id", "explanation"])
        rows.writerows(
            [
                row["question_id"],
                "What is it?",
                'It "is".',
                row["value"],
                json.dumps(row["refs"]),
                "so",
            ]
            for row in run.to_pylist()
        )
    return files


def rows_of(gold: Path, submission: Path, rule: RuleName) -> tuple[float, float]:
    """Value accuracy and overlap of references of two files, row by row."""
    with gold.open(newline="", encoding="utf-8") as stream:
        asked = {
            row["id"]: question_of(row, position=place, line=place + 2)
            for place, row in enumerate(csv.DictReader(stream))
        }
    right, overlap, judged = 0, 0.0, 0
    with submission.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            one = asked[row["id"]]
            given = Prediction(row["answer_value"].strip(), parse_refs(row["ref_id"]))
            verdict = judge(rule, one, given)
            if verdict is not None:
                judged += 1
                right += verdict.value_correct
                overlap += (
                    wattbot.ref_overlap(one.raw_refs, row["ref_id"])
                    if rule in WATTBOT
                    else verdict.ref_overlap
                )
    return right / judged, overlap / judged


def measure_files(count: int, rule: RuleName) -> dict[str, Any]:
    """The whole command over two files; the peer over files of a sample's size."""
    # Few files get a bootstrap interval, and those of a million rows do not.
    scoring = Scoring(rule=rule, bootstrap=100)
    with tempfile.TemporaryDirectory() as folder:
        gold, runs = made(count, distinct=True, questions=count)
        size = min(SAMPLE, count)
        files = written(Path(folder), gold, runs[0])
        few = files if size == count else written(Path(folder), gold[:size], runs[0].slice(0, size))
        del gold, runs
        small = score_files(*few, scoring)
        taken_s, _ = seconds(lambda: score_files(*files, scoring))
        peer_s, peer = seconds(lambda: rows_of(*few, rule))
    if peer != (small["value_accuracy"], small["ref_overlap"]):
        raise SystemExit(f"{rule}: the files' score differs")
    return figures("files", rule, (count, taken_s), (size, peer_s))


def figures(
    answers: str, rule: str, ours: tuple[int, float], peer: tuple[int, float]
) -> dict[str, Any]:
    """A row of what is printed, from predictions and seconds of both ways."""
    judged, taken_s = ours
    compared, peer_s = peer
    ours_per_s, peer_per_s = judged / taken_s, compared / peer_s
    return {
        "answers": answers,
        "rule": rule,
        "predictions": judged,
        "seconds": round(taken_s, 3),
        "seconds_per_million": round(1e6 / ours_per_s, 3),
        "rows_per_s": round(ours_per_s),
        "row_by_row_per_s": round(peer_per_s),
        "compared": compared,
        "ratio": round(ours_per_s / peer_per_s, 1),
        "within_limits": 1e6 / ours_per_s <= LIMIT_S
        and (answers == "files" or ours_per_s / peer_per_s >= RATIO),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--predictions", type=int, default=1_000_000)
    parser.add_argument("--rule", choices=RULES, action="append")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    pa.set_cpu_count(1)
    rows = []
    for rule in options.rule or ["strict"]:
        rows += [
            measure(options.predictions, rule, distinct=distinct) for distinct in (True, False)
        ]
        rows.append(measure_files(options.predictions, rule))
    if options.json:
        json.dump(rows, sys.stdout, indent=2)
        print()
        return
    for row in rows:
        print(
            f"{row['rule']}, {KINDS[row['answers']]}: {row['predictions']:,} predictions in "
            f"{row['seconds']:.1f} s of one core, {row['rows_per_s']:,} a second; one by one "
            f"{row['row_by_row_per_s']:,} a second: {row['ratio']:.1f} times as fast, "
            f"{row['compared']:,} compared, equal to the bit"
        )


if __name__ == "__main__":
    main()
