"""What runs ask, from a study and a partition file; what fits nowhere is refused or left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from wattbench.errors import InputError
from wattbench.study.demands import demands_of, fitting, needs_of, with_devices
from wattbench.study.identity import run_identity, tables_slice
from wattbench.study.load import load_studies
from wattbench.study.models import Study
from wattbench.study.partitions import read_partitions
from wattbench.study.placement import Misfit, Placement

SITE = {
    "cpu": {"memory_gib": 100, "cpus": 16, "max_walltime_min": 600},
    "gpu": {
        "gpu_type": "a100", "gpus_per_node": 2, "gpu_memory_gib": 40, "memory_gib": 200,
        "cpus": 64, "max_walltime_min": 120,
    },
}  # fmt: skip


def model(**fields: Any) -> dict[str, Any]:
    return {"weights": "any", "parameters_b": 7.0, "precision": "4bit", **fields}


def study_of(models: dict[str, Any], **sections: Any) -> Study:
    return Study.model_validate(
        {
            "study": {"name": "s"},
            "corpora": {"c": {"documents": "d"}},
            "questions": {"q": {"file": "q.csv"}},
            "models": models,
            **sections,
        }
    )


@pytest.fixture
def site(tmp_path: Path) -> str:
    file = tmp_path / "partitions.yaml"
    file.write_text(yaml.safe_dump({"partitions": SITE}, sort_keys=False))
    return str(file)


def asked(study: Study, run: str, questions: int = 100) -> Placement:
    found = demands_of(study).of(run, questions)
    assert isinstance(found, Placement), found
    return found


def test_without_a_partition_file_the_defaults_are_those_of_a_local_run() -> None:
    study = study_of({"a": model(), "b": model(resources={"gpus": 2, "walltime_min": 7})})
    found = asked(study, "a")
    assert (found.gpus, found.cpus, found.memory_mib(), found.walltime()) == (0, 2, 4096, 60)
    assert (found.memory_mib(3), found.walltime(3)) == (12288, 180)
    assert found.partition is None
    assert (asked(study, "b").gpus, asked(study, "b").walltime(2)) == (2, 14)
    assert with_devices(study) is study


def test_with_one_a_models_job_is_derived(site: str) -> None:
    study = study_of({"a": model(), "b": model(parameters_b=72.0)}, cluster={"partitions": site})
    small, large = asked(study, "a"), asked(study, "b")
    assert (small.partition, small.gpus, small.cpus, small.memory_gib) == ("gpu", 1, 4, 9)
    assert (large.partition, large.gpus, large.cpus, large.memory_gib) == ("gpu", 2, 8, 49)


def test_more_questions_and_larger_models_take_longer_up_to_the_partitions_limit(site: str) -> None:
    study = study_of({"a": model(), "b": model(parameters_b=72.0)}, cluster={"partitions": site})
    times = [asked(study, run, n).walltime() for run, n in (("a", 1), ("a", 100), ("b", 100))]
    assert times == sorted(times)
    assert times[0] == 15
    assert asked(study, "b", 10**6).walltime() == 120


def test_explicit_resources_win(site: str) -> None:
    given = {"gpus": 2, "cpus": 3, "memory_gib": 5.5, "walltime_min": 33}
    study = study_of({"a": model(resources=given)}, cluster={"partitions": site})
    found = asked(study, "a")
    assert (found.gpus, found.cpus, found.memory_gib, found.walltime()) == (2, 3, 5.5, 33)


def test_a_backend_that_loads_nothing_asks_for_no_gpu(site: str) -> None:
    study = study_of({"a": model(backend="recorded")}, cluster={"partitions": site})
    found = asked(study, "a")
    assert (found.partition, found.gpus, found.memory_gib) == ("cpu", 0, 4)


def test_stages_read_the_derived_devices_from_the_resolved_study(site: str) -> None:
    study = study_of({"a": model(parameters_b=72.0)}, cluster={"partitions": site})
    resolved = with_devices(study)
    assert resolved.models["a"].resources.asked().gpus == 2
    assert run_identity(resolved, "a") == run_identity(study, "a")
    # A node that cannot see the partition file can read what was resolved.
    Path(site).unlink()
    assert with_devices(resolved) is resolved


def misfit_study(site: str, **cluster: Any) -> Study:
    return study_of(
        {"a": model(), "huge": model(parameters_b=405.0, precision="bf16"),
         "odd": model(precision="q17")},
        ensembles={"both": {"members": ["a", "huge"]}},
        cluster={"partitions": site, **cluster},
    )  # fmt: skip


def test_misfits_are_refused_all_at_once_by_name(site: str) -> None:
    with pytest.raises(InputError) as caught:
        fitting(misfit_study(site))
    said = caught.value.paragraph()
    assert "2 models fit no partition, and nothing was submitted" in said
    assert "models.huge: needs about 759.1 GiB of GPU memory" in said
    assert "models.odd" in said
    assert "'q17' is not known" in said
    assert "on_misfit: skip" in said


def test_misfits_are_left_out_and_so_are_their_ensembles(site: str) -> None:
    whole = misfit_study(site, on_misfit="skip")
    study, skipped = fitting(whole)
    assert list(study.models) == ["a"]
    assert not study.ensembles
    assert set(skipped) == {"huge", "odd", "both"}
    assert skipped["both"] == "its member huge was skipped"
    assert "gpu: 2 x 40 GiB of GPU memory hold 73.6 GiB" in skipped["huge"]
    # What is left is a study of its own, as the stages read it.
    assert Study.model_validate_json(study.model_dump_json()) == study


def test_nothing_is_left_out_where_everything_would_be(site: str) -> None:
    study = study_of({"odd": model(precision="q17")},
                     cluster={"partitions": site, "on_misfit": "skip"})  # fmt: skip
    with pytest.raises(InputError, match="1 model fits no partition"):
        fitting(study)


def test_a_planner_cannot_be_left_out(site: str) -> None:
    study = study_of(
        {"a": model(), "odd": model(precision="q17")},
        retrievals={"r": {"planner": {"kind": "model", "model": "odd"}}},
        cluster={"partitions": site, "on_misfit": "skip"},
    )
    with pytest.raises(InputError, match="retrieval 'r' plans its searches with it"):
        fitting(study)


def test_the_cluster_is_no_part_of_any_identity(site: str) -> None:
    plain = study_of({"a": model()})
    other = study_of({"a": model(resources={"partition": "gpu", "vram_gib": 3})},
                     cluster={"partitions": site, "gpu_syntax": "gres"})  # fmt: skip
    assert run_identity(plain, "a") == run_identity(other, "a")
    assert tables_slice(plain) == tables_slice(other)


@pytest.mark.parametrize(
    ("text", "where", "said"),
    [
        ("partitions:\n  gpu:\n    memory_gib: 1\n    cpus: 1\n    max_walltime: 5\n",
         "line 5", "no such key (did you mean 'max_walltime_min'?)"),
        ("partitions:\n  gpu: {memory_gib: lots, cpus: 1, max_walltime_min: 5}\n",
         ", line 2", "'lots' is not a number"),
        ("partitions:\n  gpu: {memory_gib: 1, cpus: 0, max_walltime_min: 5}\n",
         ", line 2", "at least 1"),
        ("partitions:\n  gpu/2: {memory_gib: 1, cpus: 1, max_walltime_min: 5}\n",
         ", line 2", "no usable name"),
        ("partitions: {}\n", "", "partitions"),
        ("nodes: {}\n", "", "known here: partitions"),
        ("", "", "the file is empty"),
        ("- a\n", ", line 1", "mapping"),
    ],
)  # fmt: skip
def test_mistakes_in_a_partition_file(tmp_path: Path, text: str, where: str, said: str) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        read_partitions(file)
    assert said in caught.value.paragraph()
    assert str(file) in caught.value.paragraph()
    assert where in caught.value.paragraph()
    assert "study schema" not in caught.value.paragraph()


def test_a_partition_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cluster\.partitions"):
        read_partitions(tmp_path / "nothing.yaml")


def test_unknown_resources_of_a_partition_key_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="gpu_syntax"):
        study_of({"a": model()}, cluster={"gpu_syntax": "gpus"})


def test_walltime_counts_every_token_at_full_length() -> None:
    study = study_of({"a": model(generation={"max_new_tokens": 100}),
                      "b": model(generation={"max_new_tokens": 1000})})  # fmt: skip
    short, long = (needs_of(study.models[name], 200, gpu=True).walltime_min for name in ("a", "b"))
    assert short == 45
    assert long == 225


def test_several_study_files_are_merged_as_snakemake_merges_them(tmp_path: Path) -> None:
    study = study_of({"a": model()})
    first, second = tmp_path / "study.yaml", tmp_path / "site.yaml"
    first.write_text(yaml.safe_dump(study.model_dump(mode="json", exclude_defaults=True)))
    second.write_text("cluster: {account: mine, gpu_syntax: gres}\nstudy: {environment: there}\n")
    merged = load_studies([first, second])
    assert merged.cluster.account == "mine"
    assert (merged.study.name, merged.study.environment) == ("s", "there")
    second.write_text("cluster: {acount: mine}\n")
    with pytest.raises(InputError, match="line 1") as caught:
        load_studies([first, second])
    assert "did you mean 'account'" in caught.value.paragraph()
    assert str(second) in caught.value.paragraph()


def test_misfit_of_a_named_partition(site: str) -> None:
    study = study_of({"a": model(resources={"partition": "gpuu"})}, cluster={"partitions": site})
    found = demands_of(study).of("a", 1)
    assert isinstance(found, Misfit)
    assert "the partition file has only: cpu, gpu" in found.sentence()


def test_a_server_of_the_jobs_own_needs_gpus_and_one_that_runs_already_does_not() -> None:
    from wattbench.study.demands import _on_gpus
    from wattbench.study.inference import Model

    own = {"server": {"kind": "vllm"}}
    assert _on_gpus(Model(weights="m", backend="openai", options=own))
    away = {"base_url": "http://localhost:1/v1"}
    assert not _on_gpus(Model(weights="m", backend="openai", options=away))
