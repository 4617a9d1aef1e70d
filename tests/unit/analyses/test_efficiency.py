"""What energy buys, and the two definitions of intelligence per watt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.unit.made_results import prediction, segment

from wattbench.analyses.efficiency import efficiency
from wattbench.analyses.unpacked import Answers, answers_of
from wattbench.tables.answers import PREDICTIONS
from wattbench.tables.files import to_arrow

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def answers(*spans: tuple[float, float], **more: Any) -> Answers:
    """Questions in flight from and to these seconds."""
    rows = to_arrow(
        PREDICTIONS,
        [
            prediction("run", f"q{n}", n, "1", **more)
            | {"answered_at": START + timedelta(seconds=end), "total_s": end - start}
            for n, (start, end) in enumerate(spans)
        ],
    )
    return answers_of([rows], ())[0]


def run(energy: float | None = 800.0, **more: Any) -> dict[str, Any]:
    return {
        "energy_answer_j": energy, "energy_method": "counter", "energy_scope": "device",
        "prompt_tokens": 400, "completion_tokens": 40, "answered": 4, "correct": 2,
        "question_count": 4, "value_accuracy": 0.5, "flags": [],
    } | more  # fmt: skip


def lived(wall_s: float, idle_w: float | None = 10.0) -> list[dict[str, Any]]:
    row = segment("run")
    answer = row["phases"][1]
    answer["wall_s"] = wall_s
    answer["devices"][0]["idle_w"] = idle_w
    return [row]


BACK_TO_BACK = ((0.0, 2.0), (2.0, 4.0), (4.0, 6.0), (6.0, 8.0))


def test_one_at_a_time_without_pauses_both_definitions_agree() -> None:
    found, reasons = efficiency(run(), answers(*BACK_TO_BACK), lived(8.0))
    assert reasons == {}
    assert found["intelligence_per_joule"] == pytest.approx(0.5 / 200)
    assert found["intelligence_per_joule_reference"] == pytest.approx(0.5 / 200)
    assert found["intelligence_per_watt"] == pytest.approx(0.5 / 100)
    assert found["intelligence_per_watt_reference"] == pytest.approx(0.5 / 100)
    assert found["power_answer_w"] == 100
    assert (found["tokens_per_j"], found["correct_per_j"]) == (440 / 800, 2 / 800)


def test_idling_between_questions_is_charged_by_the_reference_alone() -> None:
    paused = ((0.0, 1.0), (2.0, 3.0), (4.0, 5.0), (6.0, 7.0))
    found, _ = efficiency(run(430.0), answers(*paused), lived(7.0))
    assert found["intelligence_per_joule_reference"] == pytest.approx(0.5 / (430 / 4))
    assert found["intelligence_per_joule"] == pytest.approx(0.5 / (400 / 4))
    assert found["intelligence_per_watt"] == pytest.approx(0.5 / 100)
    assert found["intelligence_per_watt_reference"] < 0.5 / 100
    found, reasons = efficiency(run(430.0), answers(*paused), lived(7.0, None))
    assert found["intelligence_per_joule"] is None
    assert "no idle baseline" in reasons["intelligence_per_joule"]


def test_under_concurrency_the_references_watts_are_no_power() -> None:
    together = ((0.0, 2.0), (0.0, 4.0), (0.0, 6.0), (0.0, 8.0))
    found, _ = efficiency(run(), answers(*together), lived(8.0))
    assert found["intelligence_per_watt"] == pytest.approx(0.5 / 100)
    assert found["intelligence_per_watt_reference"] > 1.5 * 0.5 / 100


def test_prefill_and_decode_are_told_apart_by_their_seconds() -> None:
    table = answers(*BACK_TO_BACK, prefill_s=0.5, decode_s=1.5, cached_tokens=50)
    found, _ = efficiency(run(), table, lived(8.0))
    assert (found["energy_prefill_j"], found["energy_decode_j"]) == (200, 600)
    assert found["energy_per_prompt_token_j"] == pytest.approx(200 / (4 * 50))
    assert found["energy_per_output_token_j"] == pytest.approx(600 / 40)
    silent, reasons = efficiency(run(), answers(*BACK_TO_BACK, prefill_s=None), lived(8.0))
    assert silent["energy_prefill_j"] is None
    assert "does not say" in reasons["energy_per_prompt_token_j"]


def test_unknown_energy_leaves_all_of_it_unknown_with_its_reason() -> None:
    flags = [{"column": "energy_answer_j", "kind": "unknown", "detail": "a MIG slice"}]
    found, reasons = efficiency(run(None, flags=flags), answers(*BACK_TO_BACK), lived(8.0))
    assert set(found.values()) == {None}
    assert set(reasons.values()) == {"a MIG slice"}
