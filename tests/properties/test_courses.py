"""A question that is asked in several steps: where it stands, whatever came of each."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from wattbench.inference.journal import ANSWERED, FAILED, outcomes
from wattbench.inference.steps import Step, course

ANSWERS = {
    "value": {"kind": ANSWERED, "reply": json.dumps({"answer_value": 7})},
    "blank": {"kind": ANSWERED, "reply": json.dumps({"answer_value": "is_blank"})},
    "timeout": {"kind": FAILED, "error": "timeout"},
    "overflow": {"kind": FAILED, "error": "context_overflow"},
}
TRIES = st.lists(st.sampled_from(sorted(ANSWERS)), max_size=3)


@given(st.lists(TRIES, min_size=1, max_size=4))
def test_the_next_step_is_asked_only_where_the_one_before_abstains(came: list[list[str]]) -> None:
    steps = [Step(str(place), place, {}) for place in range(len(came))]
    records: list[dict[str, Any]] = [
        {**ANSWERS[name], "key": step.key, "total_s": 1.0, "prompt_tokens": 10}
        for step, names in zip(steps, came, strict=True)
        for name in names
    ]
    found = course(steps, outcomes(records))
    # What counts by a plain reading of what came: the last good reply of each step.
    good = [next((n for n in reversed(names) if n in {"value", "blank"}), None) for names in came]
    reached = next((p for p, name in enumerate(good) if name != "blank"), len(came))
    if reached == len(came):
        assert (found.left, found.counts) == ((), len(came) - 1)
    elif good[reached] == "value":
        assert (found.left, found.counts) == ((), reached)
    elif reached and came[reached] and came[reached][-1] == "overflow":
        assert (found.left, found.counts) == ((), reached - 1)
    else:
        assert [step.place for step in found.left] == list(range(reached, len(came)))
        assert found.counts == (reached if came[reached] else reached - 1 if reached else None)
    # All that was asked on the way is counted, and nothing that lies behind an open step.
    seen = min(reached + 1, len(came))
    assert len(found.tries) == sum(len(names) for names in came[:seen])
    replies = sum("reply" in record for record in found.tries)
    assert found.sums()["prompt_tokens"] == (10 * replies or None)
