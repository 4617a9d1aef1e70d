"""What must be there before anything runs."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from wattbench.errors import InputError
from wattbench.study.load import load_study
from wattbench.study.preflight import preflight, problems_of


def complaint(study_file: Path) -> str:
    study = load_study(study_file)
    with pytest.raises(InputError) as caught:
        preflight(study)
    assert caught.value.exit_code == 2
    assert "\n\n" not in caught.value.paragraph()
    assert not (study_file.parent / "results").exists()
    return caught.value.paragraph()


def edit(study_file: Path, before: str, after: str) -> None:
    text = study_file.read_text()
    assert before in text
    study_file.write_text(text.replace(before, after))


def test_a_study_with_all_it_needs_passes(study_file: Path) -> None:
    preflight(load_study(study_file))


def test_a_missing_documents_folder_is_named(study_file: Path) -> None:
    edit(study_file, "/documents", "/papers")
    text = complaint(study_file)
    assert "papers: the documents folder cannot be read: No such file or directory" in text
    assert "corpora.papers.documents" in text


def test_a_documents_folder_that_is_a_file_or_empty_is_named(study_file: Path) -> None:
    edit(study_file, "/documents", "/questions.csv")
    assert "Not a directory" in complaint(study_file)
    edit(study_file, "documents: " + str(study_file.parent), "documents: /proc/self/net\n#")
    (study_file.parent / "empty").mkdir()
    edit(study_file, "/proc/self/net", str(study_file.parent / "empty"))
    assert "the documents folder is empty" in complaint(study_file)


def test_a_documents_folder_without_permission_is_named(study_file: Path) -> None:
    folder = study_file.parent / "documents"
    folder.chmod(0)
    try:
        if list(folder.iterdir()):
            pytest.skip("this user may read everything")
    except PermissionError:
        pass
    try:
        assert "Permission denied" in complaint(study_file)
    finally:
        folder.chmod(0o755)


def test_a_missing_question_column_is_named(study_file: Path) -> None:
    (study_file.parent / "questions.csv").write_text("id,question,ref_id\nq1,How?,a\n")
    assert "lacks the columns answer_value, answer_unit" in complaint(study_file)


def test_a_repeated_question_id_is_named_with_both_lines(study_file: Path) -> None:
    file = study_file.parent / "questions.csv"
    file.write_text(file.read_text() + "q1,How much now?,6,MWh,a\n")
    assert "line 3: id 'q1' stands on line 2 too" in complaint(study_file)


def test_an_unknown_backend_is_named_with_what_was_meant(study_file: Path) -> None:
    edit(study_file, "backend: recorded", "backend: recorder")
    text = complaint(study_file)
    assert "models.one.backend: there is no backend named 'recorder'" in text
    assert "Did you mean 'recorded'?" in text


def test_a_missing_recording_and_a_truncated_model_are_named(study_file: Path) -> None:
    root = study_file.parent
    (root / "one.jsonl").unlink()
    (root / "two.jsonl").rename(root / "two.gguf")
    (root / "two.gguf").write_bytes(b"GGUF\3\0\0\0")
    edit(study_file, "two.jsonl", "two.gguf")
    text = complaint(study_file)
    assert "2 things stand in the way" in text
    assert "models.one.weights" in text
    assert "the GGUF file's header is cut" in text


def test_weights_not_fetched_and_weights_cut_name_the_command(
    study_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATTBENCH_CACHE", str(tmp_path / "cache"))
    name = "smollm2-135m-instruct-q4_1"
    edit(study_file, "backend: recorded\n    weights: " + str(tmp_path) + "/one.jsonl",
         f"weights: {name}")  # fmt: skip
    assert f"wattbench fetch {name}" in complaint(study_file)
    (tmp_path / "cache" / "weights").mkdir(parents=True)
    (tmp_path / "cache" / "weights" / f"{name}.gguf").write_bytes(b"GGUF")
    assert "truncated" in complaint(study_file)


def test_results_that_cannot_be_written_are_named(study_file: Path) -> None:
    edit(study_file, "/results", "/questions.csv/results")
    assert "results cannot be written there" in complaint(study_file)


def test_it_is_fast_and_loads_nothing_heavy(study_file: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from wattbench.study.load import load_study\n"
        "from wattbench.study.preflight import preflight, problems_of\n"
        f"preflight(load_study(Path({str(study_file)!r})))\n"
        "heavy = {'pyarrow', 'pandas', 'numpy', 'onnxruntime', 'matplotlib', 'duckdb', 'scipy'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"
    study = load_study(study_file)
    preflight(study)
    started = time.perf_counter()
    preflight(study)
    assert time.perf_counter() - started < 0.3


def test_what_a_backend_lacks_is_told_before_any_job_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from wattbench.inference import backends
    from wattbench.study.models import Study

    known = backends.importlib.util.find_spec
    monkeypatch.setattr(
        backends.importlib.util,
        "find_spec",
        lambda name, *more: None if name == "boto3" else known(name, *more),
    )
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    (tmp_path / "docs").mkdir()
    study = Study.model_validate(
        {
            "study": {"name": "s", "results": str(tmp_path)},
            "corpora": {"d": {"documents": str(tmp_path / "docs")}},
            "questions": {"q": {"file": "q.csv"}},
            "models": {
                "cloud": {"weights": "a.b-v1:0", "backend": "bedrock"},
                "api": {
                    "weights": "m",
                    "backend": "openai",
                    "options": {"base_url": "http://localhost:1/v1", "timeout": 3},
                    "requests": {"api_key_env": "NO_SUCH_KEY"},
                },
            },
        }
    )
    said = {problem.where: problem.paragraph() for problem in problems_of(study)}
    assert "pip install 'wattbench[bedrock]'" in said["models.cloud.backend"]
    assert "timeout" in said["models.api.options"]
    assert "export NO_SUCH_KEY=" in said["models.api.requests.api_key_env"]
