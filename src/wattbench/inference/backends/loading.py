"""Loading a model of the Hugging Face hub, a local folder or a GGUF file with transformers."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wattbench.errors import FaultError, InputError, WattbenchError
from wattbench.inference.backends.base import Setup

DTYPES: Mapping[str, str] = {
    "auto": "auto",
    "bf16": "bfloat16",
    "fp16": "float16",
    "fp32": "float32",
}
QUANTISED = ("4bit", "8bit")
PRECISIONS = (*DTYPES, *QUANTISED)
SPARE = 0.9
"""Share of a GPU's free memory that is given to weights where only some of the GPUs are used."""

REASON_CHARS = 600


@dataclass(frozen=True)
class Loaded:
    """A loaded model.

    Args:
        model: The model, evaluating.
        tokenizer: Its tokenizer.
        ends: Tokens that end a reply.
        context: Tokens of prompt and reply together that the model was made for, or None where
            its configuration does not say.
        label: What answers: name, revision and number format.
    """

    model: Any
    tokenizer: Any
    ends: frozenset[int]
    context: int | None
    label: str


def load(setup: Setup, *, remote_code: bool, attention: str | None) -> Loaded:
    """Load a model and its tokenizer.

    Args:
        setup: The backend's.
        remote_code: Whether the code beside the weights may run.
        attention: Implementation of attention, or None for the library's choice.

    Raises:
        InputError: The model is not to be had, or cannot be loaded this way.
        FaultError: There is no GPU, or no room for the model.
    """
    torch, library = importlib.import_module("torch"), importlib.import_module("transformers")
    library.utils.logging.set_verbosity_error()
    library.utils.logging.disable_progress_bar()
    torch.set_num_threads(setup.cpus)
    source, where = _source(setup)
    common = {**where, "trust_remote_code": remote_code}
    precision = (setup.precision or "auto").lower()
    if "gguf_file" in where and precision in QUANTISED:
        raise InputError(
            f"the weights of a GGUF file cannot be loaded in {precision}.",
            where="models.<name>.precision",
            mend="Leave it out, or give bf16 or fp16; the file's own numbers are unpacked to that.",
        )
    settings = {**common, **_numbers(torch, library, precision), **_devices(torch, setup.gpus)}
    if attention is not None:
        settings["attn_implementation"] = attention
    try:
        tokenizer = library.AutoTokenizer.from_pretrained(source, **common)
        model = library.AutoModelForCausalLM.from_pretrained(source, **settings)
    except WattbenchError:
        raise
    # Each part of the library has errors of its own.
    except Exception as error:
        raise _mistake(torch, setup, error) from error
    refuse_offloading(getattr(model, "hf_device_map", None) or {})
    model.eval()
    ends = _ends(model, tokenizer)
    # What its makers recommend for sampling is set aside: the study says how models generate.
    model.generation_config = library.GenerationConfig()
    return Loaded(
        model=model,
        tokenizer=tokenizer,
        ends=ends,
        context=getattr(model.config.get_text_config(), "max_position_embeddings", None),
        label=_label(setup, model, precision),
    )


def _source(setup: Setup) -> tuple[str, dict[str, Any]]:
    """What transformers calls the model, and further arguments that say which."""
    path = setup.weights
    if path is None:
        # Code beside the weights is of the same revision, and none of another repository's.
        pinned = {"revision": setup.revision, "code_revision": setup.revision}
        return setup.model, pinned if setup.revision else {}
    if path.is_dir():
        return str(path), {}
    return str(path.parent), {"gguf_file": path.name}


def _numbers(torch: Any, library: Any, precision: str) -> dict[str, Any]:
    if precision in DTYPES:
        name = DTYPES[precision]
        return {"dtype": name if name == "auto" else getattr(torch, name)}
    if precision == "8bit":
        return {"quantization_config": library.BitsAndBytesConfig(load_in_8bit=True)}
    # GPUs before Ampere compute bf16 slowly or not at all.
    half = torch.cuda.is_available() and not torch.cuda.is_bf16_supported()
    return {
        "quantization_config": library.BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_compute_dtype=torch.float16 if half else torch.bfloat16,
        )
    }


def _devices(torch: Any, gpus: int) -> dict[str, Any]:
    visible = torch.cuda.device_count() if gpus and torch.cuda.is_available() else 0
    if gpus > visible:
        raise FaultError(
            f"the job was to have {gpus} GPUs, and torch sees {visible}.",
            where="models.<name>.resources.gpus",
            mend="Is torch's build for this GPU, and CUDA_VISIBLE_DEVICES set by the scheduler?",
        )
    free = [torch.cuda.mem_get_info(number)[0] for number in range(visible)]
    return placement(gpus, free)


def placement(gpus: int, free_bytes: list[int]) -> dict[str, Any]:
    """Where the weights go: arguments of `from_pretrained`.

    Args:
        gpus: GPUs of the job.
        free_bytes: Free memory of every GPU that can be seen.
    """
    if gpus == 0:
        return {"device_map": "cpu"}
    if gpus == 1:
        return {"device_map": {"": 0}}
    if len(free_bytes) == gpus:
        return {"device_map": "auto"}
    shares = {number: int(SPARE * free_bytes[number]) for number in range(gpus)}
    return {"device_map": "auto", "max_memory": shares}


def refuse_offloading(layers: Mapping[str, Any]) -> None:
    """Refuse a model of which parts would run where no GPU's meter sees the work.

    Raises:
        FaultError: Some would.
    """
    places = {str(place) for place in layers.values()}
    if len(places) > 1 and places & {"cpu", "disk"}:
        raise FaultError(
            "the GPUs have no room for the model, and parts of it would run on the processor.",
            where="models.<name>.resources.gpus",
            mend="Ask for more GPUs, or give a smaller 'precision'.",
        )


def _ends(model: Any, tokenizer: Any) -> frozenset[int]:
    found: set[int] = set()
    for given in (model.generation_config.eos_token_id, tokenizer.eos_token_id):
        if given is not None:
            found |= {int(one) for one in ([given] if isinstance(given, int) else given)}
    return frozenset(found)


def _label(setup: Setup, model: Any, precision: str) -> str:
    commit = getattr(model.config, "_commit_hash", None) if setup.weights is None else None
    numbers = precision if precision in QUANTISED else str(model.dtype).removeprefix("torch.")
    return f"{setup.model}{f'@{commit}' if commit else ''} in {numbers}"


def _mistake(torch: Any, setup: Setup, error: Exception) -> WattbenchError:
    said = f"{type(error).__name__}: {error}".strip()[:REASON_CHARS]
    what = f"transformers cannot load the model: {said}"
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return FaultError(what, where=setup.model, mend="Ask for more memory or more GPUs.")
    if isinstance(error, (OSError, ValueError, KeyError, ImportError)):
        return InputError(
            what,
            where=setup.model,
            mend="Are 'weights' and 'revision' right? Where compute nodes are offline, run "
            "`hf download` on the login node, with HF_HOME on the shared file system.",
        )
    return FaultError(what, where=setup.model)
