"""What each run's job asks of the machine or cluster, and which runs no partition can hold."""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wattbench.errors import InputError
from wattbench.study.cluster import Partition
from wattbench.study.inference import Model
from wattbench.study.models import Study
from wattbench.study.partitions import read_partitions
from wattbench.study.placement import Misfit, Need, Placement, place
from wattbench.study.vram import Unknown, Vram, estimate

BACKENDS = "wattbench.inference.backends"

BASE_MEMORY_GIB = 4.0
LOADING = 1.2
"""Memory of the node that weights take while they load, over their size."""

START_MIN = 10.0
LOAD_GIB_PER_MIN = 6.0
"""A shared file system that many read from gives some 100 MB/s."""

PROMPT_S = 1.0
TOKEN_S = 0.06
"""Seconds a token takes at least; launching kernels costs that much in a plain loop."""

GIB_PER_S = 200.0
"""Weights read per second and GPU while a token is generated; the slowest GPUs in use give 270."""

ROUND_MIN = 15


def needs_of(model: Model, questions: int, *, gpu: bool) -> Need:
    """What a model's job needs.

    Args:
        model: The study's entry.
        questions: Questions it is asked.
        gpu: Whether its backend loads it onto GPUs.
    """
    given = model.resources
    vram = (
        estimate(
            model.parameters_b,
            model.precision,
            context=model.generation.context_length,
            concurrency=model.requests.concurrency,
        )
        if gpu
        else None
    )
    known = vram if isinstance(vram, Vram) else None
    memory = given.memory_gib
    if memory is None:
        memory = BASE_MEMORY_GIB + (math.ceil(LOADING * known.weights_gib) if known else 0)
    return Need(
        gpus=given.gpus,
        vram=vram,
        vram_gib=given.vram_gib,
        cpus=given.cpus,
        memory_gib=memory,
        walltime_min=given.walltime_min or walltime_min(model, known, questions),
        walltime_given=given.walltime_min is not None,
        partition=given.partition,
    )


def walltime_min(model: Model, vram: Vram | None, questions: int) -> int:
    """Walltime that should do, in minutes: start, load, and every question at full length.

    A token takes as long as reading the weights once, and never less than `TOKEN_S`. It is a wish:
    a job that runs out of time goes on in its next attempt, which has more.
    """
    size = vram.weights_gib if vram is not None else 0.0
    token_s = max(TOKEN_S, size / GIB_PER_S)
    each_s = PROMPT_S + model.generation.max_new_tokens * token_s
    minutes = START_MIN + size / LOAD_GIB_PER_MIN + questions * each_s / 60
    return ROUND_MIN * math.ceil(minutes / ROUND_MIN)


@dataclass(frozen=True)
class Demands:
    """What every run asks.

    Args:
        study: The study.
        partitions: Entries of the partition file, or None where there is none.
    """

    study: Study
    partitions: Mapping[str, Partition] | None

    def of(self, run: str, questions: int) -> Placement | Misfit:
        """What a run on so many questions asks, or why it fits nowhere."""
        model = self.study.models[run]
        if self.partitions is not None:
            retrieval = self.study.retrievals[self.study.retrieval_of(run)]
            most = questions * (1 + retrieval.abstention_retries)
            need = needs_of(model, most, gpu=_on_gpus(model))
            return place(need, self.partitions)
        asked = model.resources.asked()
        return Placement(
            partition=self.study.cluster.partition,
            gpu_type=None,
            gpus=asked.gpus,
            vram_gib=self._vram(model, asked.gpus),
            cpus=asked.cpus,
            memory_gib=asked.memory_gib,
            walltime_min=asked.walltime_min,
        )

    def _vram(self, model: Model, gpus: int) -> float | None:
        if not gpus or model.resources.vram_gib is not None:
            return model.resources.vram_gib
        vram = needs_of(model, 1, gpu=_on_gpus(model)).vram
        return vram.total_gib(gpus) if isinstance(vram, Vram) else None

    def vram_reason(self, run: str) -> str | None:
        """Why a run's GPU memory cannot be estimated; None where it can."""
        model = self.study.models[run]
        if not _on_gpus(model):
            return f"the backend '{model.backend}' loads nothing onto a GPU by itself"
        vram = needs_of(model, 1, gpu=True).vram
        return vram.reason if isinstance(vram, Unknown) else None

    def misfits(self) -> dict[str, Misfit]:
        """Every model that no partition can hold, and why; walltime that is derived fits all."""
        found = {name: self.of(name, 1) for name in self.study.models}
        return {name: one for name, one in found.items() if isinstance(one, Misfit)}


def demands_of(study: Study) -> Demands:
    """What the runs of a study ask.

    Raises:
        InputError: The partition file cannot be used.
    """
    path = study.cluster.partitions
    return Demands(study, None if path is None else read_partitions(Path(path)))


def _on_gpus(model: Model) -> bool:
    if model.options.get("server") is not None:
        return True
    # Found by name, as preflight finds it: settings stand below the rooms that they choose from.
    try:
        return bool(importlib.import_module(BACKENDS).backend_class(model.backend).capabilities.gpu)
    except InputError:
        # An unknown backend is preflight's complaint.
        return False


def fitting(study: Study) -> tuple[Study, dict[str, str]]:
    """The study without what no partition can hold, and why each run or ensemble was left out.

    Raises:
        InputError: Something fits nowhere and the study does not allow it to be left out.
    """
    demands = demands_of(study)
    misfits = demands.misfits()
    if not misfits:
        return study, {}
    if study.cluster.on_misfit == "error":
        raise _refusal(study, misfits)
    return _without(study, misfits)


def with_devices(study: Study) -> Study:
    """The study with the GPUs and CPUs that are derived, as stages read it.

    Raises:
        InputError: They must be derived and the partition file cannot be used.
    """
    given = [model.resources for model in study.models.values()]
    if study.cluster.partitions is None or all(
        one.gpus is not None and one.cpus is not None for one in given
    ):
        return study
    demands = demands_of(study)
    models = {}
    for name, model in study.models.items():
        asked = demands.of(name, 1)
        update = {"gpus": asked.gpus, "cpus": asked.cpus} if isinstance(asked, Placement) else {}
        resources = model.resources.model_copy(update=update)
        models[name] = model.model_copy(update={"resources": resources})
    return study.model_copy(update={"models": models})


def _refusal(study: Study, misfits: Mapping[str, Misfit]) -> InputError:
    lines = "\n".join(f"  models.{name}: {misfit.sentence()}" for name, misfit in misfits.items())
    count = "1 model fits" if len(misfits) == 1 else f"{len(misfits)} models fit"
    return InputError(
        f"{count} no partition, and nothing was submitted:\n{lines}\n",
        where=study.cluster.partitions,
        mend="Add a partition, change models.*.resources, or set cluster.on_misfit: skip.",
    )


def _without(study: Study, misfits: Mapping[str, Misfit]) -> tuple[Study, dict[str, str]]:
    skipped = {name: misfit.sentence() for name, misfit in misfits.items()}
    models = {name: model for name, model in study.models.items() if name not in misfits}
    if not models:
        raise _refusal(study, misfits)
    for name, retrieval in study.retrievals.items():
        planner = retrieval.planner.model
        if planner is not None and planner in misfits:
            raise InputError(
                f"the model '{planner}' fits no partition and cannot be left out, for retrieval "
                f"'{name}' plans its searches with it: {misfits[planner].sentence()}.",
                where=study.cluster.partitions,
            )
    judge = study.scoring.judge
    if judge is not None and judge.model in misfits:
        raise InputError(
            f"the model '{judge.model}' fits no partition and cannot be left out, for it judges "
            f"the answers: {misfits[judge.model].sentence()}.",
            where=study.cluster.partitions,
        )
    ensembles = {}
    for name, ensemble in study.ensembles.items():
        out = [member for member in ensemble.members if member in misfits]
        if out:
            skipped[name] = f"its member {', '.join(out)} was skipped"
        else:
            ensembles[name] = ensemble
    return study.model_copy(update={"models": models, "ensembles": ensembles}), skipped
