"""Questions whose prompts begin alike are asked together, and no asker is idle meanwhile."""

from __future__ import annotations

import random
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_llamacpp import setup_for, weights

from wattbench.inference.backends.base import Capabilities, Message, Reply, Request
from wattbench.inference.backends.llamacpp import LlamaCpp
from wattbench.inference.engine import Engine, Task, in_flight
from wattbench.inference.ordering import Lanes, prefix_groups
from wattbench.inference.replies import parse_reply
from wattbench.inference.stopping import Stop
from wattbench.study.inference import Generation, Requests

RULES = "Answer from the context. " * 4
DOCUMENTS = [f"{letter}: " + f"what {letter} says, at length. " * 8 for letter in "abc"]


def prompt(document: int, question: str) -> str:
    return f"{RULES}{DOCUMENTS[document]}{question}"


def test_groups_are_those_that_share_a_document_the_largest_first() -> None:
    prompts = [prompt(2, "x?"), prompt(0, "y?"), prompt(2, "w?"), prompt(1, "v?"), prompt(0, "z?")]
    assert prefix_groups(prompts) == [[2, 0], [1, 4], [3]]
    assert prefix_groups([*prompts, prompt(0, "u?")]) == [[5, 1, 4], [2, 0], [3]]


def test_what_all_share_makes_no_group_and_changes_no_order() -> None:
    prompts = [f"{RULES}{number} is the question" for number in (3, 1, 2)]
    assert prefix_groups(prompts) == [[0], [1], [2]]
    assert prefix_groups([]) == []
    assert prefix_groups(["same"] * 3) == [[0], [1], [2]]


def test_a_worker_stays_in_its_group_and_helps_where_most_is_left() -> None:
    lanes = Lanes([["a1", "a2", "a3", "a4"], ["b1", "b2"], ["c1"]])
    assert [lanes.take(1), lanes.take(2), lanes.take(1), lanes.take(2)] == ["a1", "b1", "a2", "b2"]
    assert lanes.take(2) == "c1"
    assert lanes.take(2) == "a3"
    assert lanes.take(1) == "a4"
    assert (lanes.take(1), lanes.take(2), lanes.take(3)) == (None, None, None)


def test_where_slots_keep_their_own_prefixes_only_much_work_is_shared() -> None:
    lanes = Lanes([["a1", "a2", "a3", "a4", "a5"], ["b1"]], helped_from=3)
    assert [lanes.take(1), lanes.take(2), lanes.take(2)] == ["a1", "b1", "a2"]
    assert lanes.take(3) == "a3"
    assert lanes.take(4) is None
    assert [lanes.take(1), lanes.take(2), lanes.take(1)] == ["a4", "a5", None]


class Noting:
    """A backend that notes who asked what, and waits until all it can answer at once are there."""

    name = "noting"
    capabilities = Capabilities(max_concurrency=None)

    def __init__(self, together: int) -> None:
        self.asked: dict[int, list[str]] = {}
        self._full = threading.Barrier(together, timeout=20)

    def answer(self, asked: Request, stop: threading.Event) -> Reply:
        self.asked.setdefault(threading.get_ident(), []).append(asked.question)
        self._full.wait()
        return Reply('{"answer_value": 1, "refs": [1], "explanation": "so"}')


@pytest.mark.parametrize("concurrency", [1, 3])
def test_the_engine_keeps_all_askers_busy_each_in_one_document(concurrency: int) -> None:
    """The barrier opens only when as many questions are in flight as may be: none may idle."""
    questions = [(document, n) for document in range(3) for n in range(4)]
    random.Random(0).shuffle(questions)
    tasks = [
        Task(f"{d}{n}", f"{d}{n}", f"{d}{n}", (Message("user", prompt(d, f"question {n}")),), None)
        for d, n in questions
    ]
    backend = Noting(concurrency)
    records: list[dict[str, object]] = []
    engine = Engine(
        backend,  # type: ignore[arg-type]
        generation=Generation(),
        requests=Requests(concurrency=concurrency),
        parse=parse_reply,
        record=records.append,
        settled=lambda: None,
    )
    assert engine.ask(tasks, Stop(), lambda: None)
    assert sorted(str(record["key"]) for record in records) == sorted(task.key for task in tasks)
    for asked in backend.asked.values():
        documents = [question[0] for question in asked]
        assert len(set(documents)) == 3 // concurrency
        assert documents == sorted(documents, key=documents.index)


@pytest.mark.parametrize(
    ("limit", "concurrency", "expected"), [(None, 1, 1), (None, 8, 8), (1, 8, 1), (4, 2, 2)]
)
def test_the_study_and_the_backend_both_bound_what_is_in_flight(
    limit: int | None, concurrency: int, expected: int
) -> None:
    capabilities = Capabilities(max_concurrency=limit)
    assert in_flight(capabilities, Requests(concurrency=concurrency)) == expected


@pytest.mark.parametrize(
    ("concurrency", "cache_prompt", "repeats"),
    [(1, False, True), (2, False, False), (1, True, False)],
)
def test_the_embedded_backend_promises_repeats_only_where_it_keeps_them(
    tmp_path: Path, concurrency: int, cache_prompt: bool, repeats: bool
) -> None:
    setup = replace(
        setup_for(tmp_path / "m.gguf", tmp_path),
        concurrency=concurrency,
        generation=Generation(cache_prompt=cache_prompt),
    )
    assert LlamaCpp(setup).capabilities.deterministic is repeats
    assert LlamaCpp.capabilities.deterministic


@pytest.mark.slow
def test_in_a_batch_a_shared_text_is_read_once_and_each_keeps_to_its_context(
    tmp_path: Path,
) -> None:
    setup = setup_for(weights(), tmp_path)
    generation = setup.generation.model_copy(update={"cache_prompt": True, "max_new_tokens": 8})
    backend = LlamaCpp(replace(setup, concurrency=2, generation=generation))
    backend.load()
    said = [f"{name} has {n} legs. " * 20 for n, name in enumerate(("Ada", "Bob"))]
    tasks = [
        Task(f"{d}{n}", f"{d}{n}", "", (Message("user", f"{said[d]}How {n}?"),), None)
        for n in range(3)
        for d in range(2)
    ]
    tasks.append(Task("long", "long", "", (Message("user", "word " * 600),), None))
    records: dict[str, dict[str, Any]] = {}
    engine = Engine(
        backend,
        generation=generation,
        requests=Requests(concurrency=2, retries=0),
        parse=str,
        record=lambda record: records.update({record["key"]: record}),
        settled=lambda: None,
    )
    assert engine.ask(tasks, Stop(), lambda: None)
    backend.close()
    # 600 words are more than one question may have, though less than both may have together.
    assert records.pop("long")["error"] == "context_overflow"
    read = {key: r["prompt_tokens"] - r["cached_tokens"] for key, r in records.items()}
    assert len(read) == 6
    for document in "01":
        first, *later = sorted((read[f"{document}{n}"] for n in range(3)), reverse=True)
        assert first > 100
        assert max(later) < 20
