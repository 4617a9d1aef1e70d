"""Which fields define a result, and which do not."""

from __future__ import annotations

from typing import Any

import pytest

from wattbench.study import identity
from wattbench.study.models import Study


def study(**changes: Any) -> Study:
    settings: dict[str, Any] = {
        "study": {"name": "s"},
        "corpora": {"c": {"documents": "d"}},
        "questions": {"q": {"file": "q.csv"}},
        "models": {
            "a": {"weights": "w", "label": "A", "resources": {"cpus": 2}},
            "b": {"weights": "w2"},
        },
        "ensembles": {"e": {"members": ["a", "b"]}},
    }
    for path, value in changes.items():
        at = settings
        *above, last = path.split("__")
        for key in above:
            at = at.setdefault(key, {})
        at[last] = value
    return Study.model_validate(settings)


SHOWN_OR_RESOURCES = [
    ("models__a__label", "other"),
    ("models__a__colour", "#112233"),
    ("models__a__family", "f"),
    ("models__a__parameters_b", 3.0),
    ("models__a__requests", {"retries": 9, "concurrency": 4, "timeout_s": 1}),
    ("models__a__resources", {"gpus": 4, "cpus": 8, "memory_gib": 64, "walltime_min": 9}),
    ("indexes", {"minilm": {"embedder": {"batch_size": 7}}}),
    ("energy__pue", {"value": 1.2, "source": "site"}),
    ("report__title", "T"),
    ("study__description", "D"),
    ("scoring__rule", "wattbot-v1"),
]
DEFINING = [
    ("models__a__weights", "other"),
    ("models__a__backend", "recorded"),
    ("models__a__revision", "abc"),
    ("models__a__precision", "int8"),
    ("models__a__prompt", "compact-v1"),
    ("models__a__generation", {"seed": 1}),
    ("models__a__options", {"x": 1}),
    ("retrievals", {"default": {"top_k": 9}}),
    ("retrievals", {"default": {"planner": {"kind": "rules"}}}),
    ("indexes", {"minilm": {"bm25": False}}),
]


@pytest.mark.parametrize(("path", "value"), SHOWN_OR_RESOURCES)
def test_display_and_resources_define_no_run(path: str, value: Any) -> None:
    assert identity.run_identity(study(**{path: value}), "a") == identity.run_identity(study(), "a")


@pytest.mark.parametrize(("path", "value"), DEFINING)
def test_settings_define_the_run(path: str, value: Any) -> None:
    assert identity.run_identity(study(**{path: value}), "a") != identity.run_identity(study(), "a")


def test_one_model_does_not_define_another() -> None:
    changed = study(models__b__generation={"seed": 5})
    assert identity.run_identity(changed, "a") == identity.run_identity(study(), "a")


def test_a_label_defines_the_report_alone() -> None:
    changed = study(models__a__label="new")
    assert identity.report_slice(changed) != identity.report_slice(study())
    assert identity.tables_slice(changed) == identity.tables_slice(study())


def test_energy_factors_define_the_tables_alone() -> None:
    changed = study(energy__pue={"value": 1.2, "source": "site"})
    assert identity.tables_slice(changed) != identity.tables_slice(study())
    assert identity.scoring_slice(changed) == identity.scoring_slice(study())


def test_every_field_of_a_model_is_placed() -> None:
    """A new field must be put on one side or the other."""
    defining = set(identity.run_slice(study(), "a")) - {"retrieval"}
    shown = {"label", "colour", "family", "parameters_b", "repeat_of"}
    resources = {"requests", "resources"}
    named = {"retrieval"}
    fields = set(type(study().models["a"]).model_fields)
    assert defining | shown | resources | named == fields
