"""Servers that a job starts: command lines, readiness, and that none outlives the job."""

from __future__ import annotations

import csv
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from replaying import Bench
from test_llamacpp import request, weights

from wattbench.errors import FaultError, InputError
from wattbench.inference.backends.base import Setup
from wattbench.inference.backends.openai import OpenAi
from wattbench.inference.backends.servers import OwnServer, free_port, plan
from wattbench.inference.stage import infer
from wattbench.records import read
from wattbench.study.inference import Generation, Requests
from wattbench.study.server import ServerOptions
from wattbench.tables.documents import CONTEXTS
from wattbench.tables.files import digest, write_rows

DEMO = Path(__file__).resolve().parents[3] / "config" / "demo"
PROGRAM = Path(__file__).with_name("own_server.py")
SAME = (
    "kind", "reply", "prompt_tokens", "completion_tokens", "cached_tokens", "cut", "logprobs"
)  # fmt: skip
GENERATION = Generation(max_new_tokens=64, context_length=512)


def setup_of(folder: Path, options: dict[str, Any], **more: Any) -> Setup:
    return Setup(
        model=more.pop("model", "own"), weights=more.pop("weights", None), revision=None,
        options=options, generation=GENERATION, cpus=2, gpus=more.pop("gpus", 0),
        concurrency=more.pop("concurrency", 1), log=folder / "backend.log",
        requests=Requests(**more),
    )  # fmt: skip


def own(folder: Path, *more: str) -> dict[str, Any]:
    command = [sys.executable, str(PROGRAM), "--port", "{port}", "--pids", str(folder / "pids")]
    return {"kind": "command", "command": [*command, *more], "key_variable": "OWN_KEY"}


def alive(folder: Path) -> list[int]:
    pids = [int(pid) for pid in (folder / "pids").read_text().split()]
    return [p for p in pids if psutil.pid_exists(p) and psutil.Process(p).status() != "zombie"]


def wait_until(true: Any, seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_server_of_the_job_answers_and_ends_with_all_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATTBENCH_GRACE_S", "1")
    backend = OpenAi(setup_of(tmp_path, {"server": own(tmp_path, "--stubborn")}))
    backend.load()
    reply = backend.answer(request("x"), threading.Event())
    assert json.loads(reply.text)["answer_value"] == 7
    assert (reply.prompt_tokens, reply.first_token_s) == (None, None)
    assert len(alive(tmp_path)) == 2
    backend.close()
    backend.close()
    assert alive(tmp_path) == []


def test_the_log_is_kept_without_the_key(tmp_path: Path) -> None:
    server = OwnServer(ServerOptions.model_validate(own(tmp_path)), setup_of(tmp_path, {}))
    server.start()
    key = server.key
    server.close()
    assert "the key is [api key], the port" in server.log.read_text()
    assert len(key) >= 32
    assert all(key not in path.read_text() for path in tmp_path.iterdir())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_server_ends_with_the_job_that_is_killed(
    tmp_path: Path, number: signal.Signals
) -> None:
    options = {"server": own(tmp_path, "--wait-s", "0")}
    bench = Bench(tmp_path / "bench", model={"backend": "openai", "options": options})
    # The server is up and the questions are being asked when the signal comes.
    process = bench.start()
    wait_until(lambda: (tmp_path / "pids").exists() and bench.answers.exists())
    assert alive(tmp_path)
    process.send_signal(number)
    process.wait(20)
    assert process.stderr is not None
    process.stderr.close()
    wait_until(lambda: alive(tmp_path) == [])


def test_a_server_that_ends_at_once_is_a_fault_with_its_last_words(tmp_path: Path) -> None:
    backend = OpenAi(setup_of(tmp_path, {"server": own(tmp_path, "--fail")}))
    with pytest.raises(FaultError, match="no GPU of that kind") as fault:
        backend.load()
    assert "[api key]" in str(fault.value)


def test_a_server_that_does_not_get_ready_is_ended(tmp_path: Path) -> None:
    options = {"server": own(tmp_path, "--wait-s", "60")}
    backend = OpenAi(setup_of(tmp_path, options, ready_s=1.0))
    with pytest.raises(FaultError, match=r"not ready within 1 s.*ready_s"):
        backend.load()
    assert alive(tmp_path) == []


def test_a_missing_program_is_told_before_anything_starts(tmp_path: Path) -> None:
    options = {"server": {"kind": "command", "command": ["no-such-server", "{port}"]}}
    with pytest.raises(InputError, match="'no-such-server' is not on PATH"):
        OpenAi(setup_of(tmp_path, options)).load()


def test_a_server_that_dies_is_the_reason_of_what_it_did_not_answer(tmp_path: Path) -> None:
    from wattbench.inference.backends.base import BackendFailure

    backend = OpenAi(setup_of(tmp_path, {"server": own(tmp_path)}))
    backend.load()
    os.kill(alive(tmp_path)[0], signal.SIGKILL)
    wait_until(lambda: len(alive(tmp_path)) == 0)
    with pytest.raises(BackendFailure) as failure:
        backend.answer(request("x"), threading.Event())
    assert failure.value.kind in {"backend", "http"}
    backend.close()


@pytest.mark.parametrize(
    ("kind", "holds", "variable"),
    [
        ("vllm", ["vllm", "serve", "m/x", "--host", "127.0.0.1", "--port", "77",
                  "--max-model-len", "512", "--tensor-parallel-size", "2",
                  "--no-enable-prefix-caching", "--max-num-seqs", "4"], "VLLM_API_KEY"),
        ("llama-server", ["llama-server", "--model", "m/x", "--host", "127.0.0.1", "--port", "77",
                          "--ctx-size", "2048", "--parallel", "4"], "LLAMA_API_KEY"),
        ("ollama", ["ollama", "serve"], None),
    ],
)  # fmt: skip
def test_command_lines_bind_the_loopback_and_hold_no_key(
    tmp_path: Path, kind: str, holds: list[str], variable: str | None
) -> None:
    setup = setup_of(tmp_path, {}, model="m/x", gpus=2, concurrency=4)
    made = plan(ServerOptions.model_validate({"kind": kind}), setup, port=77, key="k3y")
    assert set(holds) <= set(made.command)
    assert "k3y" not in " ".join(made.command)
    if variable is None:
        assert made.environment["OLLAMA_HOST"] == "127.0.0.1:77"
    else:
        assert made.environment[variable] == "k3y"


@pytest.mark.parametrize(
    ("server", "said"),
    [
        ({"kind": "command", "command": ["serve"]}, "{port}"),
        ({"kind": "vllm", "command": ["serve", "{port}"]}, "for the kind 'command'"),
        ({"kind": "tgi"}, "not one of"),
        ({}, "missing"),
    ],
)
def test_bad_servers_are_told(server: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match="server") as error:
        OpenAi.check({"server": server})
    assert said in str(error.value)


def test_a_free_port_is_free() -> None:
    assert free_port() != free_port()


def demo_contexts(bench: Bench) -> list[dict[str, Any]]:
    """Every third of the demo's questions, each with the sentence that holds its answer."""
    with (DEMO / "questions" / "demo.csv").open(encoding="utf-8") as stream:
        questions = list(csv.DictReader(stream))[::3]
    rows = []
    for number, asked in enumerate(questions):
        row = bench.context(number)
        text = asked["supporting_materials"]
        row["snippets"][0] |= {"text": text, "document_id": asked["ref_id"].strip("[']")}
        row |= {"question": asked["question"], "answer_unit": asked["answer_unit"]}
        rows.append({**row, "contexts_digest": digest(row["snippets"])})
    return rows


@pytest.mark.slow
def test_over_http_the_answers_are_those_of_the_embedded_backend(tmp_path: Path) -> None:
    """The same weights at temperature 0: in this process, and behind llama.cpp's own server.

    Every third of the demo's 24 questions, each with the sentence that holds its answer; all of
    them agree too, and take three times as long.
    """
    weights()
    model = {
        "weights": "smollm2-135m-instruct-q4_1",
        "generation": {"max_new_tokens": 24, "context_length": 1024},
        "requests": {"retries": 0},
    }
    one = Bench(tmp_path / "one", model={**model, "backend": "llamacpp", "options": {}})
    options = {"server": {"kind": "xllamacpp"}}
    two = Bench(tmp_path / "two", model={**model, "backend": "openai", "options": options})
    replies = []
    for bench in (one, two):
        write_rows(bench.layout.contexts("asked", "default"), CONTEXTS, demo_contexts(bench))
        infer(bench.study, "asked", "replay")
        records = read(bench.answers).records
        replies.append([{name: record[name] for name in SAME} for record in records])
        assert all(record["prefill_s"] > 0 and record["decode_s"] > 0 for record in records)
    assert len(replies[0]) == 8
    assert replies[0] == replies[1]
    assert one.answers_only() == two.answers_only()
    assert two.job()["weights"]["sha256"] == one.job()["weights"]["sha256"]
    assert (two.journal / "server.log").exists()
