"""Energy of a run from its segments, and its allocation."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wattbench.study.judgement import Energy, Estimate
from wattbench.tables.contract import reason_for
from wattbench.telemetry.allocation import allocate
from wattbench.telemetry.energy import run_energy

PLAIN = Energy()
ESTIMATED = Energy(
    estimate=Estimate(watts_per_core=10, relative_uncertainty=0.5, source="a declared figure")
)


def device(energy_j: float | None, kind: str = "gpu", **more: Any) -> dict[str, Any]:
    return {
        "device": f"{kind}-0", "kind": kind, "scope": "device" if kind == "gpu" else "node",
        "method": None if energy_j is None else "counter", "energy_j": energy_j,
        "uncertainty_j": 1.0, "idle_w": 2.0, "reason": "no" if energy_j is None else None, **more,
    }  # fmt: skip


def segment(*phases: tuple[str, float, list[dict[str, Any]]], **more: Any) -> dict[str, Any]:
    return {
        "number": 1, "gpu_uuids": [], "duration_s": sum(p[1] for p in phases), "lost_s": 0.0,
        "cpu_s": 4.0 * len(phases), "flags": [],
        "phases": [
            {"phase": name, "wall_s": wall, "cpu_s": 4.0, "devices": devices}
            for name, wall, devices in phases
        ],
        **more,
    }  # fmt: skip


def test_all_segments_and_phases_count() -> None:
    first = segment(("load", 5.0, [device(50.0)]), ("answer", 10.0, [device(200.0)]))
    second = segment(("load", 5.0, [device(60.0)]), ("answer", 20.0, [device(400.0)]), number=2)
    energy = run_energy([first, second], PLAIN)
    assert (energy.method, energy.scope) == ("counter", "device")
    assert energy.gross_j == pytest.approx(710)
    assert energy.load_j == pytest.approx(110)
    assert energy.answer_j == pytest.approx(600)
    assert energy.net_j == pytest.approx(710 - 2 * 40)
    assert energy.gross_uncertainty_j == pytest.approx(math.hypot(2.0, 0.05 * 710))
    assert energy.answer_uncertainty_j == pytest.approx(math.hypot(math.sqrt(2), 0.05 * 600))


def test_a_meter_that_stands_still_measures_nothing() -> None:
    still = segment(("load", 5.0, [device(0.0)]), ("answer", 10.0, [device(0.0)]))
    energy = run_energy([still], PLAIN)
    assert (energy.gross_j, energy.answer_j, energy.method) == (None, None, None)
    later = segment(("load", 5.0, [device(50.0)]), ("answer", 10.0, [device(0.0)]))
    energy = run_energy([later], PLAIN)
    assert energy.gross_j == 50
    assert (energy.answer_j, energy.answer_uncertainty_j) == (None, None)
    row = {"flags": energy.flags}
    assert "stood still" in (reason_for(row, "energy_answer_j") or "")
    assert reason_for(row, "energy_answer_uncertainty_j")


def test_no_cpu_time_is_no_estimate() -> None:
    idle = segment(("answer", 10.0, []))
    idle["phases"][0]["cpu_s"] = 0.0
    energy = run_energy([idle], ESTIMATED)
    assert energy.answer_j is None
    assert "too short" in (reason_for({"flags": energy.flags}, "energy_answer_j") or "")


def test_gpus_alone_count_where_the_job_has_any() -> None:
    row = segment(("answer", 10.0, [device(200.0), device(900.0, "cpu")]))
    energy = run_energy([row], PLAIN)
    assert (energy.gross_j, energy.scope) == (200.0, "device")
    assert any("not in it" in flag["detail"] for flag in energy.flags)


def test_the_node_counts_where_there_is_no_gpu() -> None:
    row = segment(("answer", 10.0, [device(100.0, "cpu"), device(30.0, "memory")]))
    energy = run_energy([row], ESTIMATED)
    assert (energy.gross_j, energy.scope, energy.method) == (130.0, "node", "counter")


def test_one_unmeasured_device_makes_the_sum_unknown() -> None:
    row = segment(("answer", 10.0, [device(200.0), device(None, reason="a MIG slice")]))
    energy = run_energy([row], ESTIMATED)
    assert energy.gross_j is None
    assert "MIG" in str(reason_for({"flags": energy.flags}, "energy_gross_j"))
    assert "MIG" in str(reason_for({"flags": energy.flags}, "energy_method"))


def test_one_unmeasured_segment_makes_the_sum_unknown() -> None:
    rows = [segment(("answer", 1.0, [device(2.0)])), segment(("answer", 1.0, []), number=2)]
    energy = run_energy(rows, ESTIMATED)
    assert energy.gross_j is None
    assert reason_for({"flags": energy.flags}, "energy_answer_j") == "segment 2: no meter was read"


def test_a_segment_killed_before_its_first_sample_is_bounded_by_the_others() -> None:
    exact = Energy(calibration_relative_uncertainty=0)
    seen = segment(("answer", 10.0, [device(100.0)]))
    rows = [segment(("idle", 0.5, []), number=2, lost_s=1.0), seen]
    energy = run_energy(rows, exact)
    assert energy.gross_j == 100
    assert energy.gross_uncertainty_j == pytest.approx(math.hypot(1.0, 15 / math.sqrt(3)))
    assert any("its up to 1.5 s are not in the sum" in flag["detail"] for flag in energy.flags)
    long = segment(("answer", 60.0, []), number=2, lost_s=1.0)
    assert run_energy([seen, long], exact).gross_j is None


def test_a_phase_too_short_to_resolve_leaves_the_sum_and_its_own_figure_unknown() -> None:
    exact = Energy(calibration_relative_uncertainty=0)
    brief = device(None, reason="shorter than the sensor can resolve", too_short=True)
    rows = [segment(("load", 0.1, [brief]), ("answer", 10.0, [device(100.0)]))]
    energy = run_energy(rows, exact)
    assert (energy.gross_j, energy.answer_j, energy.load_j) == (100, 100, None)
    assert "shorter than" in str(reason_for({"flags": energy.flags}, "energy_load_j"))
    rows.append(segment(("load", 5.0, [device(50.0)]), ("answer", 0.1, [brief]), number=2))
    energy = run_energy(rows, exact)
    assert (energy.gross_j, energy.answer_j, energy.load_j) == (150, 100, 50)
    assert energy.answer_uncertainty_j == pytest.approx(math.hypot(1.0, 1 / math.sqrt(3)))


def test_gaps_and_sources_that_disagree_are_flagged() -> None:
    steady = device(100.0, gap_s=0.0, sampled_j=104.0, sampled_uncertainty_j=1.0)
    assert len(run_energy([segment(("answer", 10.0, [steady]))], PLAIN).flags) == 1
    off = device(100.0, gap_s=2.5, sampled_j=150.0, sampled_uncertainty_j=1.0)
    details = [f["detail"] for f in run_energy([segment(("answer", 10.0, [off]))], PLAIN).flags]
    assert any("for 2.5 s of answer gpu-0 gave no sample" in detail for detail in details)
    assert any("says 100 J, its sampled power 150 J" in detail for detail in details)


def test_a_platform_counter_counts_only_without_processors() -> None:
    both = [device(100.0, "cpu"), device(180.0, "platform")]
    assert run_energy([segment(("answer", 1.0, both))], PLAIN).gross_j == 100
    energy = run_energy([segment(("answer", 1.0, both[1:]))], PLAIN)
    assert (energy.gross_j, energy.scope) == (180.0, "node")


def test_gpus_without_a_meter_are_not_estimated_from_cpu_time() -> None:
    row = segment(("answer", 1.0, [device(None, reason="shared")]), gpu_uuids=["GPU-1"])
    energy = run_energy([row], ESTIMATED)
    assert (energy.method, energy.gross_j) == (None, None)


def test_without_a_meter_only_a_configured_estimate_speaks() -> None:
    row = segment(("idle", 1.0, []), ("load", 1.0, []), ("answer", 2.0, []))
    assert run_energy([row], PLAIN).gross_j is None
    energy = run_energy([row], ESTIMATED)
    assert (energy.method, energy.scope) == ("estimated", "process")
    assert (energy.gross_j, energy.load_j, energy.answer_j) == (120.0, 40.0, 40.0)
    assert energy.gross_uncertainty_j == pytest.approx(60)
    assert energy.net_j is None
    assert reason_for({"flags": energy.flags}, "energy_net_j")


def test_an_unreadable_cpu_time_leaves_the_estimate_unknown() -> None:
    row = segment(("answer", 2.0, []), cpu_s=None)
    assert run_energy([row], ESTIMATED).gross_j is None


def test_what_a_kill_lost_is_uncertainty_and_flagged() -> None:
    row = segment(("answer", 10.0, [device(100.0)]), lost_s=3.0)
    exact = Energy(calibration_relative_uncertainty=0)
    energy = run_energy([row], exact)
    assert energy.gross_j == 100
    assert energy.gross_uncertainty_j == pytest.approx(math.hypot(1.0, 30 / math.sqrt(3)))
    assert any("killed" in flag["detail"] for flag in energy.flags)


def test_two_methods_are_mixed_and_a_missing_baseline_leaves_net_unknown() -> None:
    rows = [
        segment(("answer", 1.0, [device(2.0)])),
        segment(("answer", 1.0, [device(2.0, method="sampled", idle_w=None)]), number=2),
    ]
    energy = run_energy(rows, PLAIN)
    assert (energy.method, energy.gross_j, energy.net_j) == ("mixed", 4.0, None)


def test_no_segment_is_unknown() -> None:
    assert run_energy([], ESTIMATED).gross_j is None


def asked(**fields: Any) -> dict[str, Any]:
    return {"asked": True, **fields}


def test_seconds_decide_where_they_are_known() -> None:
    rows = [
        asked(prefill_s=1.0, decode_s=2.0, prompt_tokens=10, completion_tokens=10),
        asked(prefill_s=1.0, decode_s=0.0, prompt_tokens=10, completion_tokens=10),
        {"asked": False},
    ]
    assert allocate(rows, 80.0) == pytest.approx([60, 20, 0])


def test_tokens_take_the_others_seconds_per_token() -> None:
    rows = [
        asked(prefill_s=1.0, decode_s=3.0, prompt_tokens=100, completion_tokens=30),
        asked(prompt_tokens=100, completion_tokens=10),
        asked(),
    ]
    assert allocate(rows, 90.0) == pytest.approx([90 * 4 / 9, 90 * 2 / 9, 90 * 3 / 9])


def test_tokens_out_of_a_cache_take_no_energy() -> None:
    rows = [
        asked(prompt_tokens=100, cached_tokens=0, completion_tokens=10),
        asked(prompt_tokens=100, cached_tokens=90, completion_tokens=10),
    ]
    assert allocate(rows, 130.0) == pytest.approx([110, 20])
    timed = [
        asked(prompt_tokens=100, cached_tokens=90, completion_tokens=5, prefill_s=1, decode_s=1),
        asked(prompt_tokens=20, cached_tokens=None, completion_tokens=5),
    ]
    assert allocate(timed, 50.0) == pytest.approx([20, 30])


def test_tokens_alone_count_alike() -> None:
    rows = [asked(prompt_tokens=30, completion_tokens=10), asked(prompt_tokens=10)]
    assert allocate(rows, 10.0) == pytest.approx([8, 2])


def test_nothing_known_is_shared_evenly_and_nobody_gets_nothing() -> None:
    assert allocate([asked(), asked()], 3.0) == pytest.approx([1.5, 1.5])
    assert allocate([{"asked": False}], 3.0) == pytest.approx([3.0])
    assert allocate([], 3.0) == []


amount = st.one_of(st.none(), st.floats(0, 1e6))
count = st.one_of(st.none(), st.integers(0, 10**6))


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "asked": st.booleans(), "prefill_s": amount, "decode_s": amount,
                "prompt_tokens": count, "completion_tokens": count,
            }
        ),
        min_size=1,
        max_size=40,
    ),
    st.floats(1e-6, 1e12),
)  # fmt: skip
def test_the_shares_sum_to_the_whole(rows: list[dict[str, Any]], joules: float) -> None:
    shares = allocate(rows, joules)
    assert abs(math.fsum(shares) - joules) <= 1e-9 * joules
    assert all(share >= -1e-9 * joules for share in shares)


@pytest.mark.parametrize("concurrency", [1, 4, 64])
@given(st.data())
def test_the_shares_sum_to_the_answering_energy_at_any_concurrency(
    concurrency: int, data: st.DataObject
) -> None:
    """Questions that wait for each other: the seconds of all of them exceed the run's."""
    count = data.draw(st.integers(1, 200))
    lengths = data.draw(
        st.lists(
            st.tuples(st.integers(1, 4000), st.integers(0, 2000)), min_size=count, max_size=count
        )
    )
    silent = data.draw(st.sampled_from(["none", "some", "all"]))
    rows = [
        asked(
            prompt_tokens=prompt,
            completion_tokens=output,
            prefill_s=None
            if silent == "all" or (silent == "some" and place % 3 == 0)
            else 1e-4 * prompt * min(concurrency, count),
            decode_s=None if silent == "all" else 2e-2 * output * min(concurrency, count),
        )
        for place, (prompt, output) in enumerate(lengths)
    ]
    joules = data.draw(st.floats(1e-3, 1e9))
    shares = allocate(rows, joules)
    assert abs(math.fsum(shares) - joules) <= 1e-9 * joules
    assert abs(sum(shares) - joules) <= 1e-9 * joules
    assert min(shares) >= 0
