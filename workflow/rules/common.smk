# What a model's job asks for, whether it answers or plans searches.


def cpus_of(model_of):
    """CPUs of the job of the model that `model_of` names for its wildcards."""
    return lambda wildcards: plan.asks(wildcards.questions, model_of(wildcards)).cpus


def job_of(model_of):
    """Resources of the job of the model that `model_of` names for its wildcards.

    Two runs on one machine would disturb each other's measurement: of measurements the local
    profile has one. What the study decides of sbatch is named; the profile says the rest.
    """

    def asks(wildcards):
        return plan.asks(wildcards.questions, model_of(wildcards))

    def sbatch(name):
        return lambda wildcards: plan.sbatch_of(
            wildcards.questions, model_of(wildcards)
        )[name]

    return {
        **{name: sbatch(name) for name in plan.sbatch},
        "mem_mb": lambda wildcards, attempt: asks(wildcards).memory_mib(attempt),
        "runtime": lambda wildcards, attempt: asks(wildcards).walltime(attempt),
        "gpu": lambda wildcards: plan.gpus(wildcards.questions, model_of(wildcards)),
        "measurements": 1,
        "attempt": lambda wildcards, attempt: attempt,
    }
