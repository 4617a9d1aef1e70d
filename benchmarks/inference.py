"""Questions a second with the 0.5B model on two cores: one at a time against batched.

Every setting answers the same questions through the embedded backend, in rounds that take turns, so
that what else the machine does meets all of them; answers are greedy (temperature 0).

    one at a time      in the file's order, every prompt read from its beginning: how a loop over
                       questions works
    shared prefix      one at a time, prompts that begin alike after another, what they share is
                       read once (generation.cache_prompt)
    batch              several in one batch (requests.concurrency), every prompt read as a whole
    batch and prefix   both: each slot of the batch works through prompts that begin alike

Two workloads, on the demo's documents and the questions of its `full` set, of which the demo's own
24 are a part:

    documents   each question is given the whole document that retrieval finds best, as in
                benchmarks that ask several questions of one paper: 129 questions on 43 documents
    snippets    the demo's own retrieval, one or two paragraphs a question: little is shared
                but the instructions

The questions are those of documents drawn at random, all questions of each, in the file's order, so
that a part shares as much as the whole does. Counted are tokens of prompts as asked, those that the
model really read, wall time, processor time of all threads, and how many answers are the same
letter for letter: as in the setting's first round (does it repeat?) and as one at a time.

    python benchmarks/inference.py [--limit 24] [--rounds 2] [--slots 4] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from wattbench.corpus.stage import parse_corpus
from wattbench.inference.backends.base import Request, Setup
from wattbench.inference.backends.llamacpp import LlamaCpp
from wattbench.inference.engine import Engine, Task
from wattbench.inference.journal import ANSWERED
from wattbench.inference.prompts import PROMPTS
from wattbench.inference.replies import Answer, parse_reply
from wattbench.inference.stopping import Stop
from wattbench.retrieval.index_stage import build_index
from wattbench.retrieval.retrieve_stage import retrieve
from wattbench.study.inference import Generation, Requests
from wattbench.study.layout import Layout
from wattbench.study.load import load_study
from wattbench.study.models import Study
from wattbench.tables.documents import CONTEXTS
from wattbench.tables.files import read_rows
from wattbench.weights import locate

ROOT = Path(__file__).resolve().parents[1]
DEMO = Path("config/demo/study.yaml")
MODEL = "qwen2.5-coder-0.5b-instruct-q4_k_m"
CPUS = 2
SEED = 0
WHOLE_DOCUMENT = {"parents": 3, "children": 3, "top_k": 8, "top_k_final": 1}
WORKLOADS = ("documents", "snippets")
WORDS = {"documents": "the best document whole", "snippets": "the demo's one or two paragraphs"}


@dataclass(frozen=True)
class Setting:
    """How questions are sent."""

    name: str
    batched: bool
    cached: bool


SETTINGS = (
    Setting("one at a time", batched=False, cached=False),
    Setting("shared prefix", batched=False, cached=True),
    Setting("batch", batched=True, cached=False),
    Setting("batch and prefix", batched=True, cached=True),
)
BASELINE, OURS = SETTINGS[0], SETTINGS[-1]


def contexts(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Rows of contexts by workload, made by the stages from the demo's documents."""
    demo = load_study(DEMO).model_dump(mode="json")
    demo["study"]["results"] = str(folder)
    demo["questions"] = {"full": {"file": "config/demo/questions/full.csv"}}
    own = demo["retrievals"]["default"]
    planner = {"planner": own["planner"]}
    demo["retrievals"] = {"snippets": own, "documents": {**planner, **WHOLE_DOCUMENT}}
    study = Study.model_validate(demo)
    parse_corpus(study, "energy")
    build_index(study, "minilm")
    found = {}
    for name in WORKLOADS:
        retrieve(study, "full", name)
        rows = read_rows(Layout(folder).contexts("full", name), CONTEXTS)
        found[name] = sorted(rows, key=lambda row: int(row["position"]))
    return found


def document_of(row: dict[str, Any]) -> str:
    """The document that a question's first snippet is of."""
    return str(row["snippets"][0]["document_id"])


def part(rows: Sequence[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    """Some `limit` questions: all those of documents drawn at random, in the file's order."""
    documents = sorted({document_of(row) for row in rows})
    random.Random(SEED).shuffle(documents)
    chosen: list[dict[str, Any]] = []
    for document in documents:
        own = [row for row in rows if document_of(row) == document]
        # Looking on for a document that fits would favour those with few questions.
        if chosen and len(chosen) + len(own) > limit:
            break
        chosen += own
    return sorted(chosen, key=lambda row: int(row["position"]))


@dataclass
class Round:
    """What one round of one setting brought."""

    seconds: float = 0.0
    cpu_s: float = 0.0
    records: dict[str, dict[str, Any]] = field(default_factory=dict)

    def total(self, name: str) -> int:
        return sum(int(record.get(name) or 0) for record in self.records.values())

    def replies(self) -> dict[str, Any]:
        return {key: record.get("reply") for key, record in self.records.items()}

    def values(self) -> dict[str, Any]:
        found = {key: parse_reply(reply or "") for key, reply in self.replies().items()}
        return {key: one.value for key, one in found.items() if isinstance(one, Answer)}


def one_at_a_time(backend: LlamaCpp, tasks: Sequence[Task], generation: Generation) -> Round:
    """A loop over the questions in the file's order."""
    done = Round()
    for task in tasks:
        request = Request(
            task.question_id, task.question, task.messages, task.schema, generation,
            generation.seed, Requests().timeout_s,
        )  # fmt: skip
        reply = backend.answer(request, threading.Event())
        done.records[task.key] = {
            "reply": reply.text, "prompt_tokens": reply.prompt_tokens,
            "cached_tokens": reply.cached_tokens, "completion_tokens": reply.completion_tokens,
        }  # fmt: skip
    return done


def through_the_engine(
    backend: LlamaCpp, tasks: Sequence[Task], generation: Generation, requests: Requests
) -> Round:
    """The engine that runs use."""
    done = Round()
    engine = Engine(
        backend,
        generation=generation,
        requests=requests,
        parse=parse_reply,
        record=lambda record: done.records.update({record["key"]: record}),
        settled=lambda: None,
    )
    engine.ask(tasks, Stop(), lambda: None)
    failed = [r for r in done.records.values() if r["kind"] != ANSWERED]
    if failed:
        print(f"{len(failed)} failed: {failed[0]['detail']}", file=sys.stderr)
    return done


def answer(setting: Setting, tasks: Sequence[Task], options: Any, folder: Path) -> Round:
    """One round; loading the model is not timed."""
    generation = Generation(
        max_new_tokens=options.max_new_tokens, context_length=2048, cache_prompt=setting.cached
    )
    requests = Requests(
        concurrency=options.slots if setting.batched else 1, retries=0, timeout_s=3600
    )
    setup = Setup(
        model=options.model, weights=locate(options.model), revision=None, options={},
        generation=generation, cpus=CPUS, gpus=0, concurrency=requests.concurrency,
        log=folder / "backend.log", requests=requests,
    )  # fmt: skip
    backend = LlamaCpp(setup)
    backend.load()
    started, cpu = time.perf_counter(), time.process_time()
    if setting == BASELINE:
        done = one_at_a_time(backend, tasks, generation)
    else:
        done = through_the_engine(backend, tasks, generation, requests)
    done.seconds, done.cpu_s = time.perf_counter() - started, time.process_time() - cpu
    backend.close()
    return done


def same(one: dict[str, Any], other: dict[str, Any]) -> int:
    """Keys with the same entry in both."""
    return sum(key in one and one[key] == other[key] for key in other)


def measure(
    name: str, rows: Sequence[dict[str, Any]], settings: Sequence[Setting], options: Any,
    folder: Path,
) -> dict[str, Any]:  # fmt: skip
    """All figures of a workload."""
    prompt = PROMPTS[options.prompt]
    chosen = part(rows, options.limit)
    tasks = [
        Task(
            row["question_id"], row["question_id"], row["question"],
            prompt.messages(row["question"], row["answer_unit"], row["snippets"]),
            prompt.schema(row["snippets"]),
        )
        for row in chosen
    ]  # fmt: skip
    rounds: dict[Setting, list[Round]] = {setting: [] for setting in settings}
    for number in range(options.rounds):
        for setting in settings:
            done = answer(setting, tasks, options, folder)
            rounds[setting].append(done)
            print(
                f"{name}, round {number + 1}, {setting.name}: {done.seconds:.1f} s, "
                f"{done.cpu_s:.1f} s of CPU",
                file=sys.stderr,
                flush=True,
            )
    base = rounds[BASELINE]
    found = [figures(setting, rounds[setting], base, len(tasks)) for setting in settings]
    return {
        "workload": name,
        "contexts": WORDS[name],
        "questions": len(tasks),
        "documents": len({document_of(row) for row in chosen}),
        "questions_of_the_set": len(rows),
        "documents_of_the_set": len({document_of(row) for row in rows}),
        "settings": found,
    }


def median(values: Iterable[float]) -> float:
    """The median."""
    return float(np.median(list(values)))


def figures(
    setting: Setting, rounds: Sequence[Round], base: Sequence[Round], count: int
) -> dict[str, Any]:
    """One setting's figures, and those against one at a time."""
    first, plain = rounds[0], base[0]
    asked = first.total("prompt_tokens")
    seconds = median(one.seconds for one in rounds)
    cpu_s = median(one.cpu_s for one in rounds)
    repeats = [same(one.replies(), first.replies()) for one in rounds[1:]]
    return {
        "setting": setting.name,
        "questions_per_s": count / seconds,
        "ratio": median(one.seconds for one in base) / seconds,
        "cpu_s_per_question": cpu_s / count,
        "cpu_ratio": median(one.cpu_s for one in base) / cpu_s,
        "prompt_tokens_asked": asked,
        "prompt_tokens_read": asked - first.total("cached_tokens"),
        "completion_tokens": first.total("completion_tokens"),
        "seconds_of_rounds": [one.seconds for one in rounds],
        "same_in_every_round": min(repeats, default=None),
        "same_as_one_at_a_time": same(first.replies(), plain.replies()),
        "same_value_as_one_at_a_time": same(first.values(), plain.values()),
    }


def show(found: dict[str, Any]) -> None:
    """Print a workload's figures as a table."""
    count = found["questions"]
    print(
        f"\n{found['workload']}: {found['contexts']}; {count} questions on {found['documents']} "
        f"documents (the set has {found['questions_of_the_set']} on "
        f"{found['documents_of_the_set']})"
    )
    print(
        f"{'':18}{'questions/s':>12}{'ratio':>7}{'CPU s each':>12}{'ratio':>7}{'tokens read':>13}"
        f"{'of asked':>10}{'repeats':>9}{'= alone':>9}{'= value':>9}"
    )
    for one in found["settings"]:
        again = one["same_in_every_round"]
        repeats = "-" if again is None else f"{again}/{count}"
        share = one["prompt_tokens_read"] / one["prompt_tokens_asked"]
        print(
            f"{one['setting']:18}{one['questions_per_s']:>12.3f}{one['ratio']:>7.2f}"
            f"{one['cpu_s_per_question']:>12.2f}{one['cpu_ratio']:>7.2f}"
            f"{one['prompt_tokens_read']:>13}{share:>10.1%}{repeats:>9}"
            f"{one['same_as_one_at_a_time']:>6}/{count}"
            f"{one['same_value_as_one_at_a_time']:>6}/{count}"
        )


def arguments_of(given: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--limit", type=int, default=24, help="questions of a workload at most")
    parser.add_argument("--rounds", type=int, default=2, help="times that each setting answers")
    parser.add_argument("--slots", type=int, default=4, help="questions in a batch")
    parser.add_argument("--workload", choices=WORKLOADS, action="append", help="default: both")
    parser.add_argument("--pair", action="store_true", help="the first and the last setting alone")
    parser.add_argument("--model", default=MODEL, help="a pinned file or a path")
    parser.add_argument("--prompt", choices=sorted(PROMPTS), default="compact-v2")
    parser.add_argument("--max-new-tokens", type=int, default=160)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    """Prints the figures; fails where documents are not answered twice as fast as one at a time."""
    options = arguments_of(given)
    os.chdir(ROOT)
    settings = (BASELINE, OURS) if options.pair else SETTINGS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = contexts(folder)
        found = [
            measure(workload, rows[workload], settings, options, folder)
            for workload in options.workload or WORKLOADS
        ]
    if options.json:
        print(json.dumps({"model": options.model, "cpus": CPUS, "slots": options.slots,
                          "prompt": options.prompt, "workloads": found}, indent=2))  # fmt: skip
    else:
        print(f"{options.model}, {options.prompt}, {CPUS} CPUs, {options.slots} slots")
        for workload in found:
            show(workload)
    ours = [w["settings"][-1]["ratio"] for w in found if w["workload"] == "documents"]
    return int(any(ratio < 2 for ratio in ours))


if __name__ == "__main__":
    sys.exit(main())
