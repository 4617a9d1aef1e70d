# Contexts -> answers: one job a run. Its journal is no output, for Snakemake deletes the
# outputs of a job that fails or runs again, and answers are paid for once.


rule infer:
    input:
        manifest=lambda wildcards: plan.contexts_of(
            wildcards.questions, wildcards.run
        )[1],
        contexts=lambda wildcards: ancient(
            plan.contexts_of(wildcards.questions, wildcards.run)[0]
        ),
    output:
        predictions=plan.run("{questions}", "{run}").predictions,
        segments=plan.run("{questions}", "{run}").segments,
        samples=plan.run("{questions}", "{run}").samples,
        job=plan.run("{questions}", "{run}").job,
    log:
        layout.log("infer", "{questions}", "{run}"),
    benchmark:
        layout.benchmark("infer", "{questions}", "{run}")
    conda:
        "../../envs/inference-gpu.yaml"
    threads: lambda wildcards: plan.asks(wildcards.questions, wildcards.run).cpus
    # Two runs on one machine would disturb each other's measurement: of measurements the local
    # profile has one. What the study decides of sbatch is named; the profile says the rest.
    resources:
        **{
            name: lambda wildcards, name=name: plan.sbatch_of(
                wildcards.questions, wildcards.run
            )[name]
            for name in plan.sbatch
        },
        mem_mb=lambda wildcards, attempt: plan.asks(
            wildcards.questions, wildcards.run
        ).memory_mib(attempt),
        runtime=lambda wildcards, attempt: plan.asks(
            wildcards.questions, wildcards.run
        ).walltime(attempt),
        gpu=lambda wildcards: plan.gpus(wildcards.questions, wildcards.run),
        measurements=1,
        attempt=lambda wildcards, attempt: attempt,
    params:
        study=str(layout.study),
        identity=lambda wildcards: plan.run_identity(wildcards.run),
        code=plan.code("infer"),
    shell:
        "exec wattbench infer"
        " --study {params.study:q}"
        " --questions {wildcards.questions:q}"
        " --run {wildcards.run:q}"
        " --identity {params.identity:q}"
        " --attempt {resources.attempt}"
        " --log {log:q}"
