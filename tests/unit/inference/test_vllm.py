"""The backend `vllm` against a stand-in of vLLM's interface: everything but the GPU."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from in_process import AT_ONCE, SHORT, InProcess, Make, all_at_once, request

from wattbench.errors import FaultError, InputError
from wattbench.inference.backends import availability, backend_class
from wattbench.inference.backends.base import BackendFailure, Setup
from wattbench.inference.backends.vllm import Vllm
from wattbench.study.inference import Generation

STAND_IN = Path(__file__).parents[2] / "fixtures" / "vllm_stand_in"


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    known, _, _ = availability("vllm")
    if known:
        pytest.skip("the real vLLM is installed; its stand-in would hide it")
    monkeypatch.syspath_prepend(str(STAND_IN))
    importlib.invalidate_caches()
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "vllm"]:
        del sys.modules[name]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[Vllm] = []

    def build(generation: Generation = SHORT, **changes: Any) -> Vllm:
        given: dict[str, Any] = {
            "model": "owner/model", "weights": None, "revision": None, "options": {},
            "generation": generation, "cpus": 2, "gpus": 1, "concurrency": AT_ONCE,
            "log": tmp_path / "backend.log",
        }  # fmt: skip
        backend = backend_class("vllm")(Setup(**{**given, **changes}))
        made.append(backend)
        backend.load()
        return backend

    yield build
    for backend in made:
        backend.close()


class TestContract(InProcess):
    """What every backend in this process keeps."""


def said(backend: Vllm, words: str) -> Any:
    return backend.answer(request(text=words), threading.Event())


def test_it_is_there_once_it_is_installed() -> None:
    assert availability("vllm") == (True, None, None)


def test_questions_run_together_as_many_as_the_study_says(make: Make) -> None:
    backend: Any = make(concurrency=4)
    all_at_once(backend, [request(number) for number in range(32)])
    assert backend._engine.most_at_once == 4
    assert backend._engine.arguments.max_num_seqs == 4


def test_what_the_study_says_reaches_the_engine_by_its_names(make: Make, tmp_path: Path) -> None:
    backend: Any = make(
        SHORT.model_copy(update={"cache_prompt": True, "seed": 7}),
        gpus=4, revision="v1", precision="bf16",
        options={"gpu_memory_utilization": 0.8, "pipeline_parallel_size": 2, "enforce_eager": True},
    )  # fmt: skip
    arguments = backend._engine.arguments
    assert (arguments.model, arguments.revision) == ("owner/model", "v1")
    assert arguments.tokenizer_revision == "v1"
    assert arguments.dtype == "bfloat16"
    assert (arguments.tensor_parallel_size, arguments.pipeline_parallel_size) == (2, 2)
    assert arguments.gpu_memory_utilization == 0.8
    assert arguments.max_model_len == 1_024
    assert arguments.seed == 7
    assert arguments.enable_prefix_caching is True
    assert arguments.enforce_eager is True
    assert arguments.trust_remote_code is False
    assert arguments.disable_log_stats is False


def test_a_prefix_is_read_once_where_the_study_says_so_and_counted(make: Make) -> None:
    plain = make()
    assert plain.answer(request(1), threading.Event()).cached_tokens == 0
    assert plain.answer(request(1), threading.Event()).cached_tokens == 0
    caching = make(SHORT.model_copy(update={"cache_prompt": True}))
    first = caching.answer(request(1), threading.Event())
    second = caching.answer(request(6), threading.Event())
    assert first.cached_tokens == 0
    assert 0 < (second.cached_tokens or 0) < (second.prompt_tokens or 0)


def test_nothing_of_how_a_reply_is_drawn_is_left_to_the_model(make: Make) -> None:
    backend: Any = make(SHORT)
    backend.answer(request(), threading.Event())
    asked = backend._engine.seen[-1]
    assert (asked.temperature, asked.top_p, asked.top_k, asked.min_p) == (0.0, 1.0, 0, 0.0)
    assert asked.repetition_penalty == 1.0
    assert asked.seed is None
    assert asked.output_kind.name == "FINAL_ONLY"
    assert asked.structured_outputs.json["type"] == "object"


@pytest.mark.parametrize(
    ("words", "kind"), [("mute", "empty"), ("refuse", "backend"), ("odd utter x;", "backend")]
)
def test_each_failure_is_of_its_kind_and_the_engine_lives_on(
    make: Make, words: str, kind: str
) -> None:
    backend: Any = make()
    with pytest.raises(BackendFailure) as failure:
        said(backend, words)
    assert failure.value.kind == kind
    assert said(backend, "utter all is well;").text == "all is well"


def test_an_engine_that_dies_ends_the_run_and_not_the_questions_one_by_one(make: Make) -> None:
    backend: Any = make()
    with pytest.raises(FaultError, match="engine died: RuntimeError: EngineCore"):
        said(backend, "die")
    with pytest.raises(FaultError, match="EngineCore"):
        said(backend, "utter nothing more;")


def test_given_up_questions_are_taken_from_the_engine(make: Make) -> None:
    backend: Any = make()
    with pytest.raises(BackendFailure, match="timeout"):
        backend.answer(request(text="forever", timeout_s=0.2), threading.Event())
    said(backend, "utter next;")
    assert backend._engine.aborted == ["q0"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_the_engines_processes_do_not_hear_the_jobs_signals(make: Make, number: int) -> None:
    backend: Any = make()
    process = backend._engine.engine_core.process
    os.kill(process.pid, number)
    assert said(backend, "utter still here;").text == "still here"
    assert process.poll() is None
    backend.close()
    assert process.poll() is not None
    # This thread's own signals are as they were.
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ()) & {number}


def test_a_character_of_several_tokens_is_one_piece(make: Make) -> None:
    reply = said(make(), "utter \u00e4\u6c34\U0001f4a7!;")
    assert reply.text == "\u00e4\u6c34\U0001f4a7!"
    assert "".join(piece for piece, _ in reply.logprobs) == reply.text
    assert len(reply.logprobs) == reply.completion_tokens == 2 + 3 + 4 + 1 + 1


def test_a_template_that_knows_no_system_message_gets_it_with_the_question(make: Make) -> None:
    backend: Any = make(options={"template_arguments": {"no_system": True}})
    assert said(backend, "utter yes;").text == "yes"


def test_a_model_that_is_not_there_is_told_without_a_traceback(make: Make) -> None:
    with pytest.raises(InputError, match="not a valid model identifier") as error:
        make(model="absent/model")
    assert "hf download" in str(error.value.mend)


def test_gpus_that_do_not_make_whole_stages_are_refused(make: Make) -> None:
    with pytest.raises(InputError, match="3 GPUs do not make 2 stages"):
        make(gpus=3, options={"pipeline_parallel_size": 2})


def test_who_answers_is_said_with_revision_and_numbers(make: Make) -> None:
    assert said(make(revision="abc"), "utter x;").served_by == "owner/model@abc in bfloat16"
    packed = make(precision="fp8", options={"quantization": "fp8_per_tensor"})
    assert said(packed, "utter x;").served_by == "owner/model in fp8_per_tensor"


def test_a_precision_that_the_weights_do_not_have_is_refused(make: Make) -> None:
    with pytest.raises(InputError, match="says 'awq', and the weights are not quantised"):
        make(precision="awq")
    with pytest.raises(InputError, match="says 'bf16', and the weights are quantised: fp8"):
        make(precision="bf16", options={"quantization": "fp8_per_tensor"})


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"gpu_memory_utilisation": 0.8}, "gpu_memory_utilisation"),
        ({"gpu_memory_utilization": 1.5}, "gpu_memory_utilization"),
        ({"tensor_parallel_size": 2}, "tensor_parallel_size"),
        ({"model_impl": "magic"}, "model_impl"),
        ({"enforce_eager": "yes"}, "enforce_eager"),
        ({"template": "none"}, "template"),
    ],
)
def test_a_mistaken_option_is_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named):
        backend_class("vllm").check(options)
