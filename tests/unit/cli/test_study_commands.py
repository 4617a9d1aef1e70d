"""`wattbench study`, `fetch` and `list`: what they print and how they end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest

from wattbench.cli import listing
from wattbench.study.inference import Ensemble
from wattbench.study.judgement import RULES
from wattbench.study.retrieval import Embedder
from wattbench.study.schema import schema_text


def files_below(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


REPEATED = "id,question,answer_value,answer_unit,ref_id\nq,w,1,,a\nq,w,1,,a\n"
BAD_INPUT = {
    "missing question column": ("questions.csv", "id,question,answer_value\nq,w,1\n",
                                "lacks the columns answer_unit, ref_id"),
    "duplicate question ids": ("questions.csv", REPEATED, "line 3: id 'q' stands on line 2 too"),
    "unknown ensemble member": ("study.yaml", ("[one, two]", "[one, tow]"),
                                "there is no model named 'tow' (did you mean 'two'?)"),
    "name with slash": ("study.yaml", ("  one:\n", "  a/one:\n"), "a name becomes a folder"),
    "name with dots": ("study.yaml", ("  one:\n", "  ..:\n"), "a name becomes a folder"),
    "missing documents": ("study.yaml", ("/documents", "/docs"),
                          "the documents folder cannot be read"),
    "tab": ("study.yaml", ("    backend", "\tbackend"), "the line holds a tab"),
    "truncated model": ("one.jsonl", "GGUF\3\0\0\0", "the GGUF file's header is cut"),
    "alias bomb": ("study.yaml", "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{b}: &{b} [{','.join(['*' + a] * 10)}]\n" for a, b in zip("abcdefgh", "bcdefghi",
                                                                    strict=True)),
                   "expands to more than"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_one_paragraph_exit_2_and_nothing_written(
    run, study_file: Path, case: str
) -> None:
    name, change, expected = BAD_INPUT[case]
    file = study_file.parent / name
    text = file.read_text()
    if isinstance(change, tuple):
        assert change[0] in text
        file.write_text(text.replace(*change))
    else:
        file.write_text(change)
    before = files_below(study_file.parent)
    result = run("study", "check", study_file)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("wattbench: ")
    assert expected in result.stderr
    assert "\n\n" not in result.stderr.strip()
    assert "Traceback" not in result.stderr
    assert files_below(study_file.parent) == before


def test_a_sound_study_is_said_to_be_sound(run, study_file: Path) -> None:
    result = run("study", "check", study_file)
    assert result.exit_code == 0
    assert "sound; 1 question set, 2 models, 1 ensemble" in result.stdout


def test_problems_are_listed_for_programs(run, study_file: Path) -> None:
    assert json.loads(run("study", "check", study_file, "--json").stdout) == {
        "sound": True,
        "problems": [],
    }
    text = study_file.read_text()
    study_file.write_text(text.replace("/documents", "/docs").replace("one.jsonl", "gone.jsonl"))
    result = run("study", "check", study_file, "--json")
    assert result.exit_code == 2
    assert len(json.loads(result.stdout)["problems"]) == 2
    study_file.write_text(text + "scorin: {}\nreport: {titel: x}\n")
    found = json.loads(run("study", "check", study_file, "--json").stdout)["problems"]
    assert [problem["key"] for problem in found] == ["scorin", "report.titel"]
    assert all("line" in problem["where"] for problem in found)
    study_file.write_text("a: [")
    (problem,) = json.loads(run("study", "check", study_file, "--json").stdout)["problems"]
    assert "no valid YAML" in problem["what"]


def test_show_fills_in_defaults_and_names_identities(run, study_file: Path) -> None:
    shown = json.loads(run("study", "show", study_file).stdout)
    assert shown["study"]["scoring"]["rule"] == "strict"
    assert set(shown["identities"]["runs"]) == {"one", "two"}
    study_file.write_text(study_file.read_text().replace("  two:\n", "  two:\n    label: T\n", 1))
    assert json.loads(run("study", "show", study_file).stdout)["identities"] == shown["identities"]


def test_the_schema_is_printed_checked_and_written(run, tmp_path: Path) -> None:
    assert run("study", "schema").stdout == schema_text()
    path = tmp_path / "schema.json"
    assert run("study", "schema", "--check", path).exit_code == 2
    assert run("study", "schema", "--write", path).exit_code == 0
    assert run("study", "schema", "--check", path).exit_code == 0


def test_fetch_without_a_name_says_what_there_is(run, empty_cache: Path) -> None:
    result = run("fetch")
    assert result.exit_code == 2
    assert "smollm2-135m-instruct-q4_1" in result.stderr


def test_a_study_of_recordings_needs_no_weights(run, study_file: Path, empty_cache: Path) -> None:
    result = run("fetch", "--study", study_file)
    assert (result.exit_code, result.stdout.strip()) == (
        0,
        "This study needs no pinned weight files.",
    )


def test_fetch_offline_ends_with_code_1_and_a_mend(
    run, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATTBENCH_SOURCES", "hub")
    monkeypatch.setenv("WATTBENCH_HUB", "http://127.0.0.1:9")
    result = run("fetch", "all-minilm-l6-v2-tokenizer")
    assert result.exit_code == 1
    assert "cannot be reached" in result.stderr
    assert "put the file at" in result.stderr


def test_fetch_lists_what_a_study_needs(run, empty_cache: Path) -> None:
    demo = Path(__file__).parents[3] / "config" / "demo" / "study.yaml"
    rows = json.loads(run("fetch", "--list", "--study", demo, "--json").stdout)
    assert len(rows) == 5
    assert {row["state"] for row in rows} == {"missing"}
    assert "smollm2-135m-instruct-q4_1" in run("fetch", "--list").stdout


@pytest.mark.parametrize(
    "what", ["weights", "backends", "embedders", "prompts", "rules", "strategies"]
)
def test_every_list_prints_the_same_names_both_ways(run, what: str) -> None:
    rows = json.loads(run("list", what, "--json").stdout)
    table = run("list", what).stdout
    assert rows
    assert all(row["name"] in table for row in rows)


def test_descriptions_cover_exactly_what_a_study_may_name() -> None:
    assert set(listing.RULES) == set(RULES)
    assert set(listing.STRATEGIES) == set(get_args(Ensemble.model_fields["strategy"].annotation))
    assert set(listing.EMBEDDERS) == set(get_args(Embedder.model_fields["kind"].annotation))
