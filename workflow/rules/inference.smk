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
    threads: cpus_of(lambda wildcards: wildcards.run)
    resources:
        **job_of(lambda wildcards: wildcards.run),
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
