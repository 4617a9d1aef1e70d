"""The estimate of GPU memory against the benchmarking guide's table and measured peaks."""

from __future__ import annotations

import pytest

from wattbench.study.vram import BITS, GIB, Unknown, Vram, bits_per_weight, estimate

GB = 1e9
GUIDE_4BIT = {
    1.5: 2, 3: 3, 7: 6, 14: 10, 32: 20, 72: 40, 8: 6, 9: 7, 27: 17, 46.7: 26, 3.8: 3,
}  # fmt: skip
"""WattBot benchmarking guide, section 2: billions of parameters -> GB of VRAM at 4 bit."""


def gb(parameters: float, precision: str, context: int = 4096) -> float:
    found = estimate(parameters, precision, context=context)
    assert isinstance(found, Vram)
    return found.total_gib() * GIB / GB


@pytest.mark.parametrize(("parameters", "said"), GUIDE_4BIT.items())
def test_four_bit_is_within_a_fifth_of_the_guide(parameters: float, said: float) -> None:
    assert gb(parameters, "4bit") == pytest.approx(said, rel=0.2)


@pytest.mark.parametrize("parameters", [7, 14, 32, 72])
def test_bf16_is_about_four_times_four_bit(parameters: float) -> None:
    four, full = (estimate(parameters, p, context=4096) for p in ("4bit", "bf16"))
    assert isinstance(four, Vram)
    assert isinstance(full, Vram)
    assert 3.5 <= full.weights_gib / four.weights_gib <= 4
    assert 2.5 <= full.total_gib() / four.total_gib() <= 4


def test_measured_peaks_of_llama_31_8b() -> None:
    # transformers with bitsandbytes and in bf16, peak process memory: 6.44 and 16.77 GB.
    assert gb(8.03, "nf4", 2048) == pytest.approx(6.44, rel=0.15)
    assert gb(8.03, "bf16", 2048) == pytest.approx(16.77, rel=0.1)


@pytest.mark.parametrize(
    ("precision", "gib"),
    [("Q4_K_M", 4.58), ("q8_0", 7.95), ("Q6_K", 6.14), ("q4_0", 4.34), ("q4_1", 4.78)],
)
def test_gguf_files_of_llama_3_8b_have_the_size_that_is_estimated(
    precision: str, gib: float
) -> None:
    found = estimate(8.03, precision, context=1)
    assert isinstance(found, Vram)
    assert found.weights_gib == pytest.approx(gib, rel=0.01)


@pytest.mark.parametrize(
    ("one", "other"),
    [("4-bit", "4bit"), ("BF16", "bf16"), ("Q4_K_M", "q4_k_m"), ("NF4", "4bit"), ("fp-8", "fp8")],
)
def test_spellings_of_one_precision(one: str, other: str) -> None:
    assert bits_per_weight(one) == bits_per_weight(other)


@pytest.mark.parametrize(
    ("parameters", "precision", "said"),
    [
        (None, "bf16", "parameters_b"),
        (0, "bf16", "parameters_b"),
        (7, None, "precision"),
        (7, "q9_z", "'q9_z' is not known"),
        (7, "", "is not known"),
    ],
)
def test_what_is_unknown_is_a_reason_and_no_number(
    parameters: float | None, precision: str | None, said: str
) -> None:
    found = estimate(parameters, precision, context=4096)
    assert isinstance(found, Unknown)
    assert said in found.reason


def test_context_and_questions_in_flight_take_memory() -> None:
    small = estimate(7, "4bit", context=1024)
    large = estimate(7, "4bit", context=4096, concurrency=8)
    assert isinstance(small, Vram)
    assert isinstance(large, Vram)
    assert large.kv_gib == pytest.approx(32 * small.kv_gib)


def test_sharing_costs_an_overhead_on_each_gpu() -> None:
    found = estimate(72, "bf16", context=4096)
    assert isinstance(found, Vram)
    assert found.total_gib(4) == pytest.approx(found.total_gib(1) + 3)
    assert found.each_gib(4) == pytest.approx(found.total_gib(4) / 4)


def test_every_precision_takes_between_one_and_32_bits() -> None:
    assert all(1 < bits <= 32 for bits in BITS.values())
