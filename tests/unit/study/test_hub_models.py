"""What a study may say of models that run in the job's own process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from study_files import make_study

from wattbench.errors import InputError
from wattbench.inference import backends
from wattbench.study.inference import Model
from wattbench.study.load import study_from_mapping
from wattbench.study.preflight import problems_of

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SERVED = {"server": {"kind": "vllm", "args": ["--trust-remote-code"]}, "base_url": None}


def study_of(root: Path, **entry: Any) -> dict[str, Any]:
    make_study(root)
    return {
        "study": {"name": "s", "results": str(root / "results")},
        "corpora": {"papers": {"documents": str(root / "documents")}},
        "questions": {"mine": {"file": str(root / "questions.csv")}},
        "models": {"m": {"backend": "transformers", "weights": "owner/name", **entry}},
        "indexes": {
            "words": {"embedder": {"kind": "openai", "model": "m", "base_url": "http://localhost:1"}}
        },
    }  # fmt: skip


def problems(root: Path, monkeypatch: pytest.MonkeyPatch, **entry: Any) -> dict[str | None, str]:
    monkeypatch.setattr(backends.importlib.util, "find_spec", lambda *_: object())
    study = study_from_mapping(study_of(root, **entry))
    return {problem.where: problem.paragraph() for problem in problems_of(study)}


@pytest.mark.parametrize(
    ("options", "backend"),
    [
        ({"trust_remote_code": True}, "transformers"),
        ({"trust_remote_code": True}, "vllm"),
        ({"trust_remote_code": "yes"}, "vllm"),
        (SERVED, "openai"),
        ({"server": {"kind": "vllm", "args": ["--trust_remote_code=true"]}}, "openai"),
    ],
)
@pytest.mark.parametrize("revision", [None, "main", "v1.0", COMMIT[:-1], COMMIT + "0", "G" * 40])
def test_code_beside_the_weights_needs_its_commit(
    options: dict[str, Any], backend: str, revision: str | None, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="needs 'revision'"):
        study_from_mapping(study_of(tmp_path, backend=backend, options=options, revision=revision))


def test_with_its_commit_it_is_that_entrys_alone() -> None:
    options = {"trust_remote_code": True}
    allowed = Model(backend="vllm", weights="o/m", revision=COMMIT, options=options)
    assert allowed.options["trust_remote_code"] is True
    assert Model(weights="o/m", options={"trust_remote_code": False}).revision is None


@pytest.mark.parametrize("backend", ["transformers", "vllm"])
def test_what_is_not_installed_is_told_with_its_extra(
    backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backends.importlib.util, "find_spec", lambda *_: None)
    study = study_from_mapping(study_of(tmp_path, backend=backend))
    said = {problem.where: problem.paragraph() for problem in problems_of(study)}
    assert f"pip install 'wattbench[{backend}]'" in said["models.m.backend"]


@pytest.mark.parametrize(
    ("entry", "where", "words"),
    [
        ({"precision": "q4_k_m"}, "models.m.precision", "4bit"),
        ({"backend": "vllm", "precision": "q8_0"}, "models.m.precision", "fp8"),
        ({"options": {"attention": "fast"}}, "models.m.options", "attention"),
        ({"options": {"dtype": "bf16"}}, "models.m.options", "dtype"),
        ({"weights": "/absent/model"}, "models.m.weights: /absent/model", "cannot be read"),
        ({"weights": "not a model"}, "models.m.weights: weights", "neither a model id"),
    ],
)
def test_what_cannot_be_used_is_told_before_any_job_starts(
    entry: dict[str, Any], where: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = problems(tmp_path, monkeypatch, **entry)
    assert list(said) == [where]
    assert words in said[where]


@pytest.mark.parametrize("precision", [None, "auto", "4bit", "8bit", "BF16", "fp16"])
def test_what_can_be_used_is_left_in_peace(
    precision: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert problems(tmp_path, monkeypatch, precision=precision) == {}


def test_changed_precision_or_revision_is_another_run(tmp_path: Path) -> None:
    from wattbench.study.identity import run_identity

    entries: list[dict[str, Any]] = [
        {}, {"precision": "4bit"}, {"revision": COMMIT}, {"options": {"template": "plain"}},
    ]  # fmt: skip
    found = set()
    for number, entry in enumerate(entries):
        (tmp_path / str(number)).mkdir()
        study = study_of(tmp_path / str(number), **entry)
        study["study"]["results"] = "results"
        study["corpora"]["papers"]["documents"] = "documents"
        found.add(run_identity(study_from_mapping(study), "m"))
    assert len(found) == len(entries)
