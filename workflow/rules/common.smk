# What several rules are made with.

import re


def one_of(names):
    """Constraint of a wildcard: one of these names, and nothing where there are none."""
    return "|".join(map(re.escape, names)) or "(?!)"


def set_of(wildcards):
    """The question set of a job's wildcards."""
    return wildcards.questions


def run_of(wildcards):
    """The model of a run's job."""
    return wildcards.run


def judge_of(_):
    """The model that judges answers."""
    return plan.judge


def every_set(_):
    """The question sets of a job that works through all of them."""
    return plan.questions()


def every_smoke_set(_):
    """The same of their one-question twins."""
    return plan.questions(smoke=True)


def cpus_of(model_of, sets_of=set_of):
    """CPUs of the job of the model and question sets that those name for its wildcards."""
    return lambda wildcards: plan.asks(sets_of(wildcards), model_of(wildcards)).cpus


def job_of(model_of, sets_of=set_of):
    """Resources of the job of the model and question sets that those name for its wildcards.

    Two runs on one machine would disturb each other's measurement: of measurements the local
    profile has one. What the study decides of sbatch is named; the profile says the rest.
    """

    def asks(wildcards):
        return plan.asks(sets_of(wildcards), model_of(wildcards))

    def sbatch(name):
        return lambda wildcards: plan.sbatch_of(
            sets_of(wildcards), model_of(wildcards)
        )[name]

    return {
        **{name: sbatch(name) for name in plan.sbatch},
        "mem_mb": lambda wildcards, attempt: asks(wildcards).memory_mib(attempt),
        "runtime": lambda wildcards, attempt: asks(wildcards).walltime(attempt),
        "gpu": lambda wildcards: plan.gpus(sets_of(wildcards), model_of(wildcards)),
        "measurements": 1,
        "attempt": lambda wildcards, attempt: attempt,
    }


def plots_of(name, definition):
    """The plots of a report, shown by `snakemake --report`: pictures alone, no model's words."""
    folder = layout.report if name is None else layout.report / name
    return report(
        directory(folder / "figures"),
        patterns=["{plot}.%s" % definition.outputs.fig_format[0]],
        caption="../report/plots.rst",
        category="Plots",
        subcategory=name or "all runs",
        labels={"plot": "{plot}"},
    )
