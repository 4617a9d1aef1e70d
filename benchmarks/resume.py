"""What starting again costs: a job of 10,000 questions of which 9,999 are answered.

The journal holds real records: replies as a prompt asks for them, with log-probabilities. Beside
the seconds that reading it takes stands the least that reading such a file can take: splitting it
into lines and parsing each as JSON, without checksums and without knowing what is open. A start
then asks the one question that is missing (the model is loaded once), and another finds nothing
missing (no model is loaded); both write the run's files anew. All seconds are of the processor.

    python benchmarks/resume.py [--questions 10000] [--json]
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from wattbench.files import digest
from wattbench.inference.backends.base import Reply
from wattbench.inference.journal import ANSWERED, ANSWERS, open_answers, reply_fields
from wattbench.inference.run import Run
from wattbench.inference.stage import infer
from wattbench.records import Appender
from wattbench.study.models import Study
from wattbench.tables.documents import CONTEXTS
from wattbench.tables.files import write_rows
from wattbench.telemetry.ledger import ledger_records

LIMIT_S = 1.0
SNIPPETS = 8
WORDS = "the power of the cluster was measured at the plug over a day and is given in watts "


def make(folder: Path, questions: int) -> Study:
    """A study whose contexts are there, and whose journal lacks the last answer."""
    rows = [_context(number) for number in range(questions)]
    lines = [json.dumps({"question_id": rows[-1]["question_id"], "reply": _reply(questions).text})]
    (folder / "replies.jsonl").write_text("\n".join(lines) + "\n")
    study = Study.model_validate(
        {
            "study": {"name": "resume", "results": str(folder / "results")},
            "corpora": {"docs": {"documents": str(folder)}},
            "questions": {"many": {"file": str(folder / "many.csv")}},
            "models": {
                "m": {"backend": "recorded", "weights": str(folder / "replies.jsonl"),
                      "prompt": "compact-v1"}
            },
        }
    )  # fmt: skip
    run = Run(study, "many", "m")
    write_rows(run.layout.contexts("many", "default"), CONTEXTS, rows)
    with Appender(run.journal / ANSWERS) as journal:
        for (step,) in run.steps[:-1]:
            record = reply_fields(_reply(step.row["position"])) | {
                "kind": ANSWERED, "key": step.key, "question_id": step.row["question_id"],
                "try": 1, "at": 1.7e9, "queue_s": 0.0, "total_s": 1.7, "widened": 0,
                "contexts_digest": step.row["contexts_digest"], "segment": "local/many/m/0/1",
            }  # fmt: skip
            journal.append(record, sync=False)
    return study


def _reply(number: int) -> Reply:
    text = json.dumps({"explanation": f"{number} {WORDS}", "answer_value": number, "refs": [1, 2]})
    tokens = tuple((text[at : at + 4], -0.1) for at in range(0, len(text), 4))
    return Reply(text, prompt_tokens=900, completion_tokens=len(tokens), cached_tokens=0,
                 prefill_s=0.2, decode_s=1.5, first_token_s=0.2, logprobs=tokens)  # fmt: skip


def _context(number: int) -> dict[str, Any]:
    snippets = [
        {
            "rank": rank, "node_id": f"doc{rank}:sec1:p{number}", "document_id": f"doc{rank}",
            "document_title": "A document", "kind": "paragraph", "text": f"{number} {WORDS * 4}",
            "score": 0.5, "frequency": 1, "source": "dense",
        }
        for rank in range(1, SNIPPETS + 1)
    ]  # fmt: skip
    return {
        "question_id": f"q{number}", "position": number, "question": f"How much is {number}?",
        "answer_unit": "W", "queries": [f"How much is {number}?"], "snippets": snippets,
        "top_score": 0.5, "abstain": False, "contexts_digest": digest([number, snippets[0]]),
        "retrieval_s": 0.01,
    }  # fmt: skip


def measure(folder: Path, questions: int) -> dict[str, Any]:
    """CPU seconds of each part of starting again, and how often a model was loaded."""
    study = make(folder, questions)
    run = Run(study, "many", "m")
    path = run.journal / ANSWERS
    read_s, (records, _) = timed(lambda: open_answers(run.journal))
    plain_s, _ = timed(lambda: [json.loads(line) for line in path.read_bytes().splitlines()])
    contexts_s, _ = timed(lambda: run.contexts)
    keys_s, _ = timed(lambda: run.steps)
    missing_s, missing = timed(lambda: run.missing(records))
    found = {
        "questions": questions,
        "journal_bytes": path.stat().st_size,
        "plain_json_s": plain_s,
        "journal_s": read_s,
        "journal_over_plain_json": read_s / plain_s,
        "contexts_s": contexts_s,
        "keys_s": keys_s,
        "missing_s": missing_s,
        "missing": len(missing),
    }
    for name in ("one_missing", "none_missing"):
        before = loads(study)
        with contextlib.redirect_stderr(io.StringIO()):
            found[f"{name}_start_s"], _ = timed(lambda: infer(study, "many", "m"))
        found[f"{name}_loads"] = loads(study) - before
    return found


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds that some work takes, and what it gives: others on the machine change nothing."""
    gc.collect()
    started = time.process_time()
    value = work()
    return time.process_time() - started, value


def loads(study: Study) -> int:
    """How often a model was loaded for the run."""
    records = ledger_records(Run(study, "many", "m").journal)
    return sum(r["kind"] == "phase" and r["phase"] == "load" for r in records)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the figures; fails where reading takes too long or a model is loaded for nothing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), options.questions)
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        for name, value in found.items():
            print(f"{name:28}{value if not isinstance(value, float) else round(value, 3)}")
    kept = (found["missing"], found["one_missing_loads"], found["none_missing_loads"]) == (1, 1, 0)
    return int(not kept or found["journal_s"] >= LIMIT_S)


if __name__ == "__main__":
    sys.exit(main())
