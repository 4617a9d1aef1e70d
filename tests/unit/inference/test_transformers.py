"""The backend `transformers` with small models on the processor; a group of its own.

`make test-transformers` installs the extra and runs it; elsewhere it is skipped.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from in_process import AT_ONCE, LONG, SHORT, InProcess, Make, all_at_once, request
from replaying import Bench

from wattbench.errors import InputError
from wattbench.inference.backends import availability, backend_class
from wattbench.inference.backends.base import Abandoned, BackendFailure, Setup
from wattbench.inference.backends.common_params import spin_briefly
from wattbench.inference.backends.desk import Ticket
from wattbench.inference.replies import Answer, parse_reply
from wattbench.inference.stage import infer
from wattbench.study.inference import Generation
from wattbench.weights import locate

SMOL = "smollm2-135m-instruct-q4_1"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
HERE, WHY_NOT, _ = availability("transformers")

pytestmark = [
    pytest.mark.transformers,
    pytest.mark.skipif(not HERE, reason=f"{WHY_NOT}; run `make test-transformers`"),
]


def gguf() -> Path:
    try:
        return locate(SMOL)
    except InputError as error:
        pytest.skip(f"needs the model: {error.what} Run `wattbench fetch {SMOL}`.")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a Llama of two layers that has learned nothing, and SmolLM2's tokenizer."""
    # As the backend does before it imports torch.
    spin_briefly(os.environ)
    torch, library = importlib.import_module("torch"), importlib.import_module("transformers")
    path, folder = gguf(), tmp_path_factory.mktemp("tiny")
    tokenizer = library.AutoTokenizer.from_pretrained(str(path.parent), gguf_file=path.name)
    torch.manual_seed(0)
    model = library.LlamaForCausalLM(
        library.LlamaConfig(
            vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=2,
            num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=8_192,
            bos_token_id=1, eos_token_id=2, pad_token_id=2,
        )
    )  # fmt: skip
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def make(tiny: Path, tmp_path: Path) -> Iterator[Make]:
    made: list[Any] = []

    def build(generation: Generation = SHORT, **changes: Any) -> Any:
        given: dict[str, Any] = {
            "model": "tiny", "weights": tiny, "revision": None, "options": {},
            "generation": generation, "cpus": 2, "gpus": 0, "concurrency": AT_ONCE,
            "log": tmp_path / "backend.log", "precision": "fp32",
        }  # fmt: skip
        backend = backend_class("transformers")(Setup(**{**given, **changes}))
        made.append(backend)
        backend.load()
        return backend

    yield build
    for backend in made:
        backend.close()


def changed(tiny: Path, folder: Path, file: str, update: dict[str, Any]) -> Path:
    """A copy of the model with another setting."""
    shutil.copytree(tiny, folder)
    known = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps(known | update))
    return folder


class TestContract(InProcess):
    """What every backend in this process keeps."""


def test_the_seconds_of_a_batch_are_shared_out_to_its_questions(make: Make) -> None:
    backend = make()
    all_at_once(backend, [request(number) for number in range(AT_ONCE)])
    started = time.monotonic()
    replies = all_at_once(backend, [request(number) for number in range(AT_ONCE)])
    spent = time.monotonic() - started
    worked = sum((reply.prefill_s or 0) + (reply.decode_s or 0) for reply in replies)
    assert 0.3 * spent < worked < spent
    # By tokens: a prompt twice as long has twice the seconds of the same prefill.
    rates = [(reply.prefill_s or 0) / (reply.prompt_tokens or 1) for reply in replies]
    assert max(rates) < 10 * min(rates)


def test_a_reply_is_handed_over_while_the_rest_of_its_batch_goes_on(make: Make) -> None:
    backend, asked = make(LONG), request(generation=LONG, timeout_s=300)
    prompt, stop = backend._lexicon.prompt(asked.messages), threading.Event()
    # Without a schema it never ends.
    short, free = Ticket(asked, prompt, threading.Event()), Ticket(asked, prompt, stop)
    short.grammar = backend._grammar(asked.schema)
    with ThreadPoolExecutor(1) as pool:
        batch = pool.submit(backend._answer, backend._loaded, [short, free])
        assert isinstance(parse_reply(short.wait().text), Answer)
        assert not free.settled.is_set()
        assert not batch.done()
        stop.set()
        batch.result(30)
    with pytest.raises(Abandoned):
        free.wait()


def test_a_model_that_ends_at_once_has_said_nothing(make: Make, tiny: Path, tmp_path: Path) -> None:
    every = list(range(1_000_000))[: len_of(tiny)]
    mute = changed(tiny, tmp_path / "mute", "generation_config.json", {"eos_token_id": every})
    free = SHORT.model_copy(update={"constrain": False})
    with pytest.raises(BackendFailure) as failure:
        make(free, weights=mute).answer(request(generation=free), threading.Event())
    assert failure.value.kind == "empty"


def len_of(folder: Path) -> int:
    return int(json.loads((folder / "config.json").read_text())["vocab_size"])


def test_scores_that_are_no_numbers_are_a_failure_and_no_answer(make: Make) -> None:
    backend = make()
    backend._loaded.model.lm_head.weight.data.fill_(float("nan"))
    with pytest.raises(BackendFailure, match="not numbers") as failure:
        backend.answer(request(), threading.Event())
    assert failure.value.kind == "backend"


def test_what_its_makers_recommend_for_sampling_changes_nothing(
    make: Make, tiny: Path, tmp_path: Path
) -> None:
    advice = {"do_sample": True, "temperature": 1.9, "repetition_penalty": 3.0, "top_k": 3}
    advised = changed(tiny, tmp_path / "advised", "generation_config.json", advice)
    plain = make().answer(request(), threading.Event())
    other = make(weights=advised).answer(request(), threading.Event())
    assert other.text == plain.text


def test_a_batch_that_finds_no_memory_is_made_smaller_and_all_are_answered(
    make: Make, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from wattbench.inference.backends import decoding

    torch = importlib.import_module("torch")
    sizes: list[int] = []
    real = decoding.answer

    def cramped(library: Any, model: Any, tickets: list[Any], **more: Any) -> None:
        sizes.append(len(tickets))
        real(library, model, tickets, **more) if len(tickets) <= 2 else None
        if len(tickets) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")

    backend = make()
    expected = [one.text for one in all_at_once(backend, [request(n) for n in range(AT_ONCE)])]
    monkeypatch.setattr(decoding, "answer", cramped)
    replies = all_at_once(backend, [request(number) for number in range(AT_ONCE)])
    assert [one.text for one in replies] == expected
    assert sizes[0] > 2
    assert sizes[-1] <= 2
    assert "from here on" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("precision", "label"), [("bf16", "bfloat16"), ("8bit", "8bit"), ("4bit", "4bit")]
)
def test_weights_are_loaded_in_the_precision_that_the_study_names(
    make: Make, precision: str, label: str
) -> None:
    backend = make(precision=precision)
    reply = backend.answer(request(), threading.Event())
    assert isinstance(parse_reply(reply.text), Answer)
    assert reply.served_by == f"tiny in {label}"
    layer = backend._loaded.model.model.layers[0].self_attn.q_proj
    known = {"bf16": "Linear", "8bit": "Linear8bitLt", "4bit": "Linear4bit"}
    assert type(layer).__name__ == known[precision]
    if precision == "4bit":
        assert layer.weight.quant_type == "nf4"


def test_a_base_model_is_asked_plainly_and_a_template_is_not_made_up(
    make: Make, tiny: Path, tmp_path: Path
) -> None:
    base = tmp_path / "base"
    shutil.copytree(tiny, base)
    (base / "chat_template.jinja").unlink()
    with pytest.raises(InputError, match="no chat template") as error:
        make(weights=base)
    assert "template: plain" in str(error.value.mend)
    plain = make(weights=base, options={"template": "plain"})
    chat = make()
    asked = request()
    counted = plain.answer(asked, threading.Event()).prompt_tokens
    assert 0 < counted < (chat.answer(asked, threading.Event()).prompt_tokens or 0)


def test_code_beside_the_weights_runs_only_where_the_study_allows_it(
    make: Make, tiny: Path, tmp_path: Path
) -> None:
    mark = tmp_path / "ran"
    own = {"auto_map": {"AutoModelForCausalLM": "own.Own", "AutoConfig": "own.OwnConfig"}}
    folder = changed(tiny, tmp_path / "own", "config.json", {**own, "model_type": "own-llama"})
    (folder / "own.py").write_text(
        "from pathlib import Path\n"
        "from transformers import LlamaConfig, LlamaForCausalLM\n"
        f"Path({str(mark)!r}).touch()\n"
        "class OwnConfig(LlamaConfig):\n    model_type = 'own-llama'\n"
        "class Own(LlamaForCausalLM):\n    config_class = OwnConfig\n"
    )
    with pytest.raises(InputError, match="cannot load the model"):
        make(weights=folder)
    assert not mark.exists()
    allowed = make(weights=folder, options={"trust_remote_code": True}, revision=COMMIT)
    assert mark.exists()
    assert allowed.answer(request(), threading.Event()).text


def test_a_model_that_is_not_there_is_told_without_a_traceback(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = importlib.import_module("huggingface_hub.constants")
    monkeypatch.setattr(hub, "HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match="transformers cannot load the model") as error:
        make(weights=None, model="owner/absent")
    assert "hf download" in str(error.value.mend)


def test_a_gguf_file_is_not_quantised_once_more(make: Make) -> None:
    with pytest.raises(InputError, match="cannot be loaded in 4bit"):
        make(weights=gguf(), precision="4bit")


def test_the_stage_runs_with_it_and_says_what_answered(tiny: Path, tmp_path: Path) -> None:
    entry = {
        "backend": "transformers", "weights": str(tiny), "precision": "fp32", "options": {},
        "requests": {"concurrency": 4, "retries": 0}, "generation": {"max_new_tokens": 160},
    }  # fmt: skip
    bench = Bench(tmp_path / "bench", model=entry)
    infer(bench.study, "asked", "replay")
    rows = bench.predictions()
    assert [row["error"] for row in rows] == [None] * 6
    assert all(row["prefill_s"] > 0 and row["decode_s"] > 0 for row in rows)
    job = bench.job()
    assert len(job["weights"]["sha256"]) == 64
    assert job["weights"]["bytes"] > 1_000_000
    assert job["backend"]["served_by"] == [f"{tiny} in float32"]
    assert job["backend"]["version"].startswith("transformers 5")


@pytest.fixture(scope="module")
def smol(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    log = tmp_path_factory.mktemp("smol") / "backend.log"
    setup = Setup(
        SMOL, gguf(), None, {}, SHORT.model_copy(update={"max_new_tokens": 48}), 2, 0, 4, log
    )
    backend = backend_class("transformers")(setup)
    backend.load()
    yield backend
    backend.close()


@pytest.mark.slow
class TestRealModel:
    """SmolLM2 out of the same file that llama.cpp reads."""

    def test_it_reads_a_prompt_as_llamacpp_does(self, smol: Any, tmp_path: Path) -> None:
        few = SHORT.model_copy(update={"max_new_tokens": 48})
        asked = request(generation=few, text="How many legs have 4 cats?")
        ours = smol.answer(asked, threading.Event())
        other = backend_class("llamacpp")(
            Setup(SMOL, gguf(), None, {}, few, 2, 0, 1, tmp_path / "backend.log")
        )
        other.load()
        theirs = other.answer(asked, threading.Event())
        other.close()
        assert ours.prompt_tokens == theirs.prompt_tokens
        assert ours.text[0] == theirs.text[0] == "{"
        assert ours.served_by == f"{SMOL} in float32"

    def test_in_a_batch_it_answers_as_it_does_alone(self, smol: Any) -> None:
        few = SHORT.model_copy(update={"max_new_tokens": 48})
        asked = [request(number, generation=few) for number in (1, 4, 2, 3)]
        together = all_at_once(smol, asked)
        alone = [smol.answer(one, threading.Event()) for one in asked]
        assert [one.text for one in together] == [one.text for one in alone]
        for one, other in zip(together, alone, strict=True):
            chances = [[chance for _, chance in reply.logprobs or ()] for reply in (one, other)]
            assert chances[0] == pytest.approx(chances[1], abs=1e-3)
