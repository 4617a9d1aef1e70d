"""How much GPU memory a model takes, estimated from what its entry says.

    weights  = parameters x bits per weight / 8
    KV cache = 48 KiB x sqrt(parameters in billions) x tokens of context x questions in flight
    overhead = 1 GiB on each GPU: CUDA context, workspace, activations

The bits per weight of GGUF files are those that llama.cpp lists for Llama 3 8B (tools/quantize);
4-bit formats of other libraries keep a scale for each block and the embeddings unquantised, about
4.4 bits in all. The KV cache follows 2 x layers x KV heads x head size x 2 bytes per token in the
config.json of Qwen2.5 7B to 72B, Llama 3.1 8B, Mistral 7B and Gemma 2 27B, within a factor of 2.3;
models without grouped-query attention take more. Against the WattBot benchmarking guide's table
(4 bit: 1.5B about 2 GB, 72B about 40 GB) the whole is within a fifth for every model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

GIB = 2**30
KV_BYTES_PER_TOKEN = 48 * 1024
OVERHEAD_GIB = 1.0

BITS: Mapping[str, float] = {
    "iq1_s": 2.01, "iq1_m": 2.15, "iq2_xxs": 2.39, "iq2_xs": 2.59, "iq2_s": 2.75, "iq2_m": 2.93,
    "iq3_xxs": 3.26, "iq3_xs": 3.50, "iq3_s": 3.67, "iq3_m": 3.77, "iq4_xs": 4.46, "iq4_nl": 4.69,
    "q2_k": 3.16, "q2_k_s": 2.97, "q3_k_s": 3.65, "q3_k_m": 4.00, "q3_k_l": 4.30, "q4_k_s": 4.67,
    "q4_k_m": 4.90, "q5_k_s": 5.58, "q5_k_m": 5.71, "q6_k": 6.57, "q4_0": 4.67, "q4_1": 5.13,
    "q5_0": 5.58, "q5_1": 6.05, "q8_0": 8.51,
    "4bit": 4.4, "int4": 4.4, "nf4": 4.4, "fp4": 4.4, "mxfp4": 4.4, "nvfp4": 4.6,
    "awq": 4.4, "gptq": 4.4, "w4a16": 4.4,
    "8bit": 8.2, "int8": 8.2, "fp8": 8.2, "w8a8": 8.2, "w8a16": 8.2,
    "bf16": 16, "fp16": 16, "f16": 16, "bfloat16": 16, "float16": 16, "half": 16,
    "fp32": 32, "f32": 32, "float32": 32,
}  # fmt: skip
"""Bits per weight of every precision that is known, scales and unquantised parts included."""

COMMON = ("q4_k_m", "q8_0", "4bit", "8bit", "bf16", "fp32")


@dataclass(frozen=True)
class Vram:
    """GPU memory of a model, in GiB.

    Args:
        weights_gib: Its weights.
        kv_gib: Its KV cache.
    """

    weights_gib: float
    kv_gib: float

    def total_gib(self, gpus: int = 1) -> float:
        """What it takes on all GPUs together."""
        return self.weights_gib + self.kv_gib + OVERHEAD_GIB * gpus

    def each_gib(self, gpus: int = 1) -> float:
        """What it takes on each of several GPUs that share it evenly."""
        return self.total_gib(gpus) / gpus


@dataclass(frozen=True)
class Unknown:
    """Why a size cannot be estimated."""

    reason: str


def bits_per_weight(precision: str) -> float | None:
    """Bits per weight of a precision, or None where it is not known."""
    name = precision.lower().replace("-", "_").strip()
    return BITS.get(name) or BITS.get(name.replace("_", ""))


def estimate(
    parameters_b: float | None, precision: str | None, *, context: int, concurrency: int = 1
) -> Vram | Unknown:
    """GPU memory of a model by the formula above.

    Args:
        parameters_b: Parameters in billions; all experts of a mixture count.
        precision: Precision of the weights, such as q4_k_m, 4bit or bf16.
        context: Tokens of prompt and answer together.
        concurrency: Questions in flight at once.

    Returns:
        The estimate, or why there is none.
    """
    if parameters_b is None or not parameters_b > 0 or not math.isfinite(parameters_b):
        return Unknown("parameters_b is not given, so its size is unknown")
    if precision is None:
        return Unknown("precision is not given, so its size is unknown")
    bits = bits_per_weight(precision)
    if bits is None:
        return Unknown(
            f"the precision '{precision}' is not known; known are {', '.join(COMMON)} and "
            f"{len(BITS) - len(COMMON)} more"
        )
    kv = KV_BYTES_PER_TOKEN * math.sqrt(parameters_b) * context * concurrency
    return Vram(weights_gib=parameters_b * 1e9 * bits / 8 / GIB, kv_gib=kv / GIB)
