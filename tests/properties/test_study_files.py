"""Whatever a study file holds, reading it gives a study or one paragraph."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wattbench.errors import InputError
from wattbench.study.load import load_study, study_from_mapping
from wattbench.study.models import Study
from wattbench.weights.gguf import least_bytes

ROOT = Path(__file__).parents[2]
DEMO = (ROOT / "config" / "demo" / "study.yaml").read_text()
SNIPPETS = st.sampled_from(
    ["\t", "\n", ":", " ", "- ", "*a", "&a ", "<<: ", "{", "}", "[", "]", "'", '"', "!!int ",
     "!!set ", "null", "yes", "1e3", ".inf", "~", "?", "|", ">", "%", "@", "`", "\\u0000",
     "\ufeff", "\u2028", "2024-01-01", "0x", "0o7", "1_0", "---\n", "...\n", "\r", "../", "=" ]
)  # fmt: skip
EDITS = st.lists(
    st.tuples(st.integers(0, len(DEMO)), st.integers(0, 40), SNIPPETS | st.text(max_size=5)),
    min_size=1,
    max_size=4,
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


def refusal(read: Callable[[], object]) -> str | None:
    """The paragraph of the InputError that reading ends in, or None; nothing else may come."""
    try:
        found = read()
    except InputError as error:
        paragraph = error.paragraph()
    else:
        assert isinstance(found, Study | int)
        return None
    assert "\n\n" not in paragraph
    return paragraph


def read(text: bytes, suffix: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"study{suffix}"
        path.write_bytes(text)
        paragraph = refusal(lambda: load_study(path))
        assert paragraph is None or str(path) in paragraph


@given(EDITS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_mutated_study_is_read_or_refused(edits: list[tuple[int, int, str]]) -> None:
    text = DEMO
    for at, cut, put in edits:
        text = text[:at] + put + text[at + cut :]
    read(text.encode("utf-8", "surrogatepass"), ".yaml")


@given(st.binary(max_size=200), st.sampled_from([".yaml", ".json"]))
@settings(max_examples=60, deadline=None)
def test_any_bytes_are_read_or_refused(data: bytes, suffix: str) -> None:
    read(data, suffix)


@given(st.lists(st.sampled_from(["study", "models", "smollm2-135m", "generation", "scoring",
                                 "ensembles", "all-majority", "members", "corpora", "new"]),
                min_size=1, max_size=3), VALUES)  # fmt: skip
@settings(max_examples=80, deadline=None)
def test_any_value_anywhere_is_taken_or_refused(keys: list[str], value: Any) -> None:
    study = yaml.safe_load(DEMO)
    at = study
    for key in keys[:-1]:
        if not isinstance(at.get(key), dict):
            at[key] = {}
        at = at[key]
    at[keys[-1]] = value
    paragraph = refusal(lambda: study_from_mapping(study))
    assert paragraph is None or "the configuration" in paragraph


@given(st.binary(max_size=120))
@settings(max_examples=80, deadline=None)
def test_any_gguf_header_is_measured_or_refused(data: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"GGUF\x03\0\0\0" + data)
        file.flush()
        paragraph = refusal(lambda: least_bytes(Path(file.name)))
        assert paragraph is None or "header" in paragraph
