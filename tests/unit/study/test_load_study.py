"""Studies as people write them, right and wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from wattbench.errors import InputError
from wattbench.study.load import load_study, study_from_mapping
from wattbench.study.resolve import write_resolved
from wattbench.study.yaml_reader import MAX_BYTES

MINIMAL = """\
study: {name: s}
corpora: {c: {documents: d}}
questions: {q: {file: q.csv}}
models:
  small:
    weights: w
"""


def complaint(path: Path, text: str | bytes) -> str:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as caught:
        load_study(path)
    paragraph = caught.value.paragraph()
    assert caught.value.exit_code == 2
    assert "\n\n" not in paragraph
    assert "Traceback" not in paragraph
    return paragraph


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "study.yaml"


def test_the_shipped_studies_are_sound() -> None:
    root = Path(__file__).parents[3]
    assert load_study(root / "config/config.yaml").models
    assert load_study(root / "config/demo/study.yaml").ensembles


def test_a_resolved_study_reads_as_itself_and_is_written_once(path: Path, tmp_path: Path) -> None:
    path.write_text(MINIMAL)
    study = load_study(path)
    resolved = tmp_path / "results" / "study.json"
    write_resolved(study, resolved)
    before = resolved.stat()
    write_resolved(load_study(resolved), resolved)
    assert load_study(resolved) == study
    assert resolved.stat().st_mtime_ns == before.st_mtime_ns
    assert resolved.stat().st_ino == before.st_ino
    path.write_text(MINIMAL.replace("weights: w", "weights: other"))
    write_resolved(load_study(path), resolved)
    assert json.loads(resolved.read_text())["models"]["small"]["weights"] == "other"


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("    temprature: 1\n", "line 7: models.small.temprature: there is no such key (did you"),
        ("    temprature: 1\n", "did you mean 'generation.temperature'?"),
        ("    labl: x\n", "did you mean 'label'?"),
        ("    label: no\n", 'YAML reads no as false; write it in quotes: "no"'),
        ("    precision: 4\n", "models.small.precision: `4` is not text. Write it in quotes."),
        ("    generation: {temperature: 1e3}\n", "YAML takes it for text; write 1000.0."),
        ("    generation: {seed: yes}\n", "`yes` is not a whole number"),
        ("    generation: {seed: 1.5}\n", "`1.5` is not a whole number"),
        ("    generation: {seed: '5'}\n", "Write the number without quotes: 5."),
        ("    generation: {temperature: .nan}\n", "nan is no usable number"),
        ("    generation: {seed: 99999999999999999999}\n", "the number is too large"),
        ("    generation: {constrain: 'yes'}\n", "Write true or false, without quotes."),
        ("    generation:\n", "is empty; give a mapping of keys to values, or remove the key"),
        ("    prompt: guide-v9\n", "compact-v1, compact-v2 (did you mean 'guide-v"),
        ("    generation: {top_p: 2}\n", "2 is out of range; it must be at most 1"),
        ("    colour: red\n", "found 'red'"),
        ("    options: {when: !!binary aGk=}\n", "the tag"),
        ("    options: !!python/object:os.system {}\n", "the tag"),
        ("    retrieval: defualt\n", "named 'defualt' (did you mean 'default'?); known: default"),
        ("ensembles:\n  e: {members: [small, smal]}\n", "'smal' (did you mean 'small'?)"),
        ("ensembles:\n  e: {members: [small]}\n", "ensembles.e.members"),
        ("ensembles:\n  e: {members: [small, small]}\n", "named more than once"),
        ("scoring: {weights: {value: 1, ref: 1, na: 0}}\n", "must be 1, not 2"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_mend(path: Path, extra: str, expected: str) -> None:
    paragraph = complaint(path, MINIMAL + extra)
    assert expected in paragraph
    assert f"{path}, line " in paragraph


@pytest.mark.parametrize("name", ["a/b", "../up", "..", ".hidden", "/abs", "a b", "x" * 81, ""])
def test_a_name_that_is_no_folder_is_refused(path: Path, name: str) -> None:
    paragraph = complaint(path, MINIMAL.replace("small:", f"{json.dumps(name)}:"))
    assert "line 5" in paragraph
    assert "is no usable name; a name becomes a folder" in paragraph


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (MINIMAL.replace("  small", "\tsmall"), "line 5: the line holds a tab"),
        (MINIMAL + "models: {}\n", "line 7: the key 'models' stands on line 4 too"),
        (MINIMAL + "    weights: v\n", "line 7: the key 'models.small.weights' stands on line 6"),
        ("- a\n- b\n", "must be a mapping of keys to values"),
        ("just words", "must be a mapping of keys to values"),
        ("", "the file is empty"),
        ("# nothing\n", "the file is empty"),
        (MINIMAL + "---\n" + MINIMAL, "another document"),
        (MINIMAL + "report: {title: 'open\n", "is no valid YAML"),
        (MINIMAL + "report: *nothing\n", "undefined alias"),
        (MINIMAL + "7: x\n", "line 7: the key `7` is no text"),
        (MINIMAL + "on: x\n", "the key `on` is no text"),
        (MINIMAL + "? [a, b]\n: x\n", "is no text"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "is no text file"),
        (MINIMAL.encode() + b"report: {title: \xff}\n", "line 7: the file is not UTF-8"),
        (MINIMAL + "report: {title: a\x07b}\n", "line 7: the file holds a control character"),
        (MINIMAL + 'report: {title: "\\ud800"}\n', "half a character"),
        (MINIMAL + "report: &r {title: *r}\n", "alias of something it is part of"),
        ("[" * 5000, "nests deeper"),
        ("#" * (MAX_BYTES + 1), "a study has at most"),
    ],
)
def test_a_file_that_is_no_plain_yaml_is_refused(
    path: Path, text: str | bytes, expected: str
) -> None:
    assert expected in complaint(path, text)


def test_an_alias_bomb_is_refused_at_once(path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)]
    assert "expands to more than" in complaint(path, "\n".join(lines))


def test_merge_keys_work_and_what_stands_beside_them_wins(path: Path) -> None:
    path.write_text(
        MINIMAL.replace("  small:", "  small: &base")
        + "    label: base\n  other:\n    <<: *base\n    weights: v\n"
    )
    other = load_study(path).models["other"]
    assert (other.weights, other.label) == ("v", "base")


def test_all_mistakes_come_at_once_with_their_lines(path: Path) -> None:
    paragraph = complaint(
        path,
        MINIMAL
        + "    temprature: 3\n"
        + "  bad/name: {weights: w}\n"
        + "  lacking: {label: x}\n"
        + "  third: {weights: w, retrieval: nowhere}\n"
        + "ensembles:\n  e: {members: [small, lacking, gone]}\n"
        + "scoring: {rule: stict}\n",
    )
    assert "has 6 mistakes" in paragraph
    for line, text in (
        (7, "there is no such key"),
        (8, "is no usable name"),
        (9, "the key is missing"),
        (10, "there is no retrieval named 'nowhere'"),
        (12, "there is no model named 'gone'"),
        (13, "did you mean 'strict'?"),
    ):
        assert any(f"(line {line})" in row and text in row for row in paragraph.splitlines())
    assert "named 'lacking'" not in paragraph


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            load_study(path)


def test_json_is_read_and_a_repeated_key_in_it_refused(tmp_path: Path) -> None:
    path = tmp_path / "study.json"
    assert "stands twice" in complaint(path, '{"study": {"name": "a", "name": "b"}}')
    assert "no valid JSON" in complaint(path, '{"study": ')
    assert "no usable number" in complaint(path, '{"study": {"name": NaN}}')
    assert "nests deeper" in complaint(path, "[" * 100_000)


def merged(**changes: Any) -> dict[str, Any]:
    return {
        "study": {"name": "s"},
        "corpora": {"c": {"documents": "d"}},
        "questions": {"q": {"file": "q.csv"}},
        "models": {"small": {"weights": "w"}},
        **changes,
    }


def test_a_merged_configuration_finds_the_lines_of_its_files(tmp_path: Path) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text(MINIMAL)
    second.write_text("scoring:\n  rule: stict\n")
    with pytest.raises(InputError) as caught:
        study_from_mapping(merged(scoring={"rule": "stict"}), [first, second])
    assert caught.value.where == f"{second}, line 2"


def test_a_merged_configuration_may_come_from_options_alone() -> None:
    assert study_from_mapping(merged()).models["small"].weights == "w"
    with pytest.raises(InputError, match=r"the configuration: scorin: there is no such key"):
        study_from_mapping(merged(scorin={}))
    with pytest.raises(InputError, match="is no text"):
        study_from_mapping(merged(models={7: {"weights": "w"}}))


def test_a_merged_configuration_that_shares_itself_is_refused() -> None:
    bomb: Any = ["x"] * 9
    for _ in range(30):
        bomb = [bomb] * 9
    with pytest.raises(InputError, match="expands to more than"):
        study_from_mapping(merged(report=bomb))
