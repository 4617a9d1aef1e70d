"""Asking again with more snippets where the model abstains: what is asked, paid for and kept."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any, ClassVar

import pytest
from replaying import Bench

from wattbench.analyses.costs import measured
from wattbench.inference.backends.base import (
    REGISTRY,
    BackendFailure,
    Capabilities,
    Reply,
    Request,
    Setup,
    backend,
)
from wattbench.inference.stage import infer, journal_state
from wattbench.records import read
from wattbench.tables.documents import CONTEXTS
from wattbench.tables.files import digest, write_rows
from wattbench.telemetry.allocation import allocate
from wattbench.telemetry.energy import RunEnergy


class Reader:
    """Answers where its prompt says FACT, abstains elsewhere; reads at most so many snippets."""

    name: ClassVar[str]
    capabilities: ClassVar = Capabilities(max_concurrency=None, growing_weights=True)
    requires: ClassVar[tuple[str, ...]] = ()
    extra: ClassVar[str | None] = None
    calls: ClassVar[list[tuple[str, int]]] = []

    def __init__(self, setup: Setup) -> None:
        self._most = setup.options.get("most", 99)
        self._broken = setup.options.get("broken", 99)

    @classmethod
    def check(cls, options: Any) -> None: ...

    @classmethod
    def elsewhere(cls, options: Any) -> bool:
        return False

    version: ClassVar[str | None] = None

    def load(self) -> None: ...

    def answer(self, request: Request, stop: threading.Event) -> Reply:
        text = request.messages[1].content
        shown = text.count("Snippet ")
        self.calls.append((request.question_id, shown))
        if shown > self._most:
            raise BackendFailure("context_overflow", "too long")
        if shown >= self._broken:
            raise BackendFailure("timeout", "too slow")
        value = 7 if f"FACT of {request.question_id}" in text else "is_blank"
        reply = json.dumps({"explanation": "so", "answer_value": value, "refs": [1]})
        return Reply(reply, prompt_tokens=10 * shown, completion_tokens=5, prefill_s=0.1 * shown,
                     decode_s=0.2)  # fmt: skip

    def close(self) -> None: ...


def shown(question: str, count: int, fact_at: int) -> dict[str, Any]:
    snippets = [
        {
            "rank": n, "node_id": f"d:{n}", "document_id": f"d{n}", "document_title": "D",
            "kind": "paragraph", "score": None, "frequency": 1, "source": "dense",
            "text": f"Snippet {n}" + (f" FACT of {question}" if n == fact_at else ""),
        }
        for n in range(1, count + 1)
    ]  # fmt: skip
    return {"snippets": snippets, "contexts_digest": digest(snippets)}


@pytest.fixture
def bench(tmp_path: Path) -> Any:
    """Question q0 finds its fact in the first 2 snippets, q1 in 4, q2 in none of 6."""
    backend("reader")(Reader)
    Reader.calls.clear()
    bench = Bench(tmp_path, count=3)
    bench.model = {"backend": "reader", "weights": "none", "requests": {"retries": 0}}
    widen(bench, 2)
    bench.options = {}
    yield bench
    del REGISTRY["reader"]


def widen(bench: Bench, retries: int) -> None:
    rows = []
    for number, fact_at in enumerate((1, 3, 99)):
        first, *wider = [shown(f"q{number}", 2 * n, fact_at) for n in range(1, retries + 2)]
        rows.append(bench.context(number) | first | {"wider": wider or None})
    write_rows(bench.layout.contexts("asked", "default"), CONTEXTS, rows)


def configure(bench: Bench, **options: Any) -> None:
    bench.model = {**bench.model, "options": options}


def test_who_abstains_is_shown_more(bench: Bench) -> None:
    configure(bench)
    infer(bench.study, "asked", "replay")
    assert sorted(Reader.calls) == [
        ("q0", 2), ("q1", 2), ("q1", 4), ("q2", 2), ("q2", 4), ("q2", 6),
    ]  # fmt: skip
    first, second, third = bench.predictions()
    assert [row["value"] for row in (first, second, third)] == ["7", "7", "is_blank"]
    assert [row["widened"] for row in (first, second, third)] == [0, 1, 2]
    assert [row["tries"] for row in (first, second, third)] == [1, 2, 3]
    assert second["contexts_digest"] == shown("q1", 4, 3)["contexts_digest"]
    assert "Snippet 4" in second["rendered_prompt"]
    # Every reply was paid for, and is paid for by its question.
    assert (second["prompt_tokens"], second["completion_tokens"]) == (60, 10)
    assert second["prefill_s"] == pytest.approx(0.6)
    shares = allocate([first, second, third], 100.0)
    assert shares[1] / shares[0] == pytest.approx((0.6 + 0.4) / (0.2 + 0.2))
    assert bench.job()["tokens"]["prompt"] == 20 + 60 + 120
    (segment,) = bench.segments()
    assert segment["answered"] == 3
    tries = [r for r in read(bench.answers).records if r["question_id"] == "q2"]
    assert [(r["widened"], r["contexts_digest"]) for r in tries] == [
        (n, shown("q2", 2 * n + 2, 99)["contexts_digest"]) for n in range(3)
    ]


def test_a_changed_number_of_tries_asks_again_only_what_abstains(bench: Bench) -> None:
    configure(bench)
    widen(bench, 0)
    infer(bench.study, "asked", "replay")
    assert sorted(Reader.calls) == [("q0", 2), ("q1", 2), ("q2", 2)]
    Reader.calls.clear()
    widen(bench, 1)
    assert [row["state"] for row in journal_state(bench.study, "asked", "replay")] == [
        "answer", "not asked", "not asked",
    ]  # fmt: skip
    infer(bench.study, "asked", "replay")
    assert sorted(Reader.calls) == [("q1", 4), ("q2", 4)]
    Reader.calls.clear()
    widen(bench, 0)
    infer(bench.study, "asked", "replay")
    assert Reader.calls == []
    assert [row["value"] for row in bench.predictions()] == ["7", "is_blank", "is_blank"]
    # What the two further tries took stays in the ledger, and is said to be there.
    job = bench.job()
    assert (job["tokens"]["replies"], job["tries_beside"]) == (3, 2)
    _, flags = measured(RunEnergy(gross_j=9.0), job)
    assert [flag["detail"][:13] for flag in flags] == ["holds 2 tries"]


def test_more_than_the_model_can_read_leaves_its_abstention(bench: Bench) -> None:
    configure(bench, most=4)
    infer(bench.study, "asked", "replay")
    last = bench.predictions()[2]
    assert (last["value"], last["blank"], last["error"]) == ("is_blank", True, None)
    assert (last["widened"], last["tries"]) == (1, 3)
    infer(bench.study, "asked", "replay")
    assert len(Reader.calls) == 6


def test_a_further_try_that_fails_is_no_abstention(bench: Bench) -> None:
    configure(bench, broken=6)
    infer(bench.study, "asked", "replay")
    last = bench.predictions()[2]
    assert (last["value"], last["blank"], last["error"]) == (None, None, "timeout")
    infer(bench.study, "asked", "replay")
    assert Reader.calls[6:] == [("q2", 6)]
