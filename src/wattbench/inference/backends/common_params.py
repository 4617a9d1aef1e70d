"""How llama.cpp is loaded, in this process or behind HTTP: both must answer alike."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SPIN_ROUNDS = "2000"
ALL_LAYERS = -1


@dataclass(frozen=True)
class Loading:
    """How a model is loaded.

    Args:
        model: Path of the GGUF file.
        context_length: Tokens of prompt and answer of one question together.
        slots: Questions answered at once, in one batch.
        cpus: Processor threads.
        gpu_layers: Layers on the GPU; -1 is all.
        batch: Prompt tokens read at once, or None for llama.cpp's own.
        cache_prompt: Whether a slot reuses what its last prompt and the next have in common.
    """

    model: str
    context_length: int
    slots: int
    cpus: int
    gpu_layers: int
    batch: int | None
    cache_prompt: bool


def spin_briefly(environment: dict[str, str] | os._Environ[str]) -> None:
    """Keep OpenMP's threads from starving each other; read when the library is loaded.

    They wait for each other by spinning some 300,000 rounds. On a processor that others use too
    that was five times slower at three times the CPU time than spinning briefly, which costs
    nothing on an idle one.
    """
    if "OMP_WAIT_POLICY" not in environment:
        environment.setdefault("GOMP_SPINCOUNT", SPIN_ROUNDS)


def common_params(xllamacpp: Any, loading: Loading, **more: object) -> Any:
    """The parameters of xllamacpp's server.

    Args:
        xllamacpp: The module.
        loading: How the model is loaded.
        more: Further ones, such as `verbosity` and `port`.
    """
    parameters = xllamacpp.CommonParams()
    parameters.model.path = loading.model
    parameters.cpuparams.n_threads = loading.cpus
    parameters.cpuparams_batch.n_threads = loading.cpus
    values: dict[str, object] = {
        "n_ctx": loading.context_length * loading.slots,
        "n_parallel": loading.slots,
        "n_gpu_layers": loading.gpu_layers,
        "cache_prompt": loading.cache_prompt,
        # Without this the server keeps the states of past prompts and answers from them.
        "cache_ram_mib": 0,
        "ctx_shift": False,
        # Shrinking the context to fit would change what the study asked for in silence.
        "fit_params": False,
        **_slots(loading),
        **_batch(loading),
        **more,
    }
    for name, value in values.items():
        setattr(parameters, name, value)
    return parameters


def _slots(loading: Loading) -> Mapping[str, object]:
    if loading.slots == 1:
        return {}
    # One cache for all slots, so that prompts that are read and answers that are written go
    # through the model in the same batch; each question is held to its own share of it.
    return {"kv_unified": True, "kv_unified_per_slot": loading.context_length}


def _batch(loading: Loading) -> Mapping[str, object]:
    return {} if loading.batch is None else {"n_batch": loading.batch, "n_ubatch": loading.batch}
