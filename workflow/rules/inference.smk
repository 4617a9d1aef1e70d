# Contexts -> answers: one job a run, or one for all question sets of a model where the study
# says so. A run's journal is no output, for Snakemake deletes the outputs of a job that fails or
# runs again, and answers are paid for once.


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
    wildcard_constraints:
        run=one_of(plan.alone),
    conda:
        "../../envs/inference-gpu.yaml"
    threads: cpus_of(run_of)
    resources:
        **job_of(run_of),
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


rule infer_grouped:
    input:
        manifests=lambda wildcards: [
            plan.contexts_of(name, wildcards.run)[1] for name in plan.questions()
        ],
        contexts=lambda wildcards: [
            ancient(plan.contexts_of(name, wildcards.run)[0])
            for name in plan.questions()
        ],
    output:
        [plan.run(name, "{run}").predictions for name in plan.questions()],
        [plan.run(name, "{run}").segments for name in plan.questions()],
        [plan.run(name, "{run}").samples for name in plan.questions()],
        [plan.run(name, "{run}").job for name in plan.questions()],
    log:
        layout.log("infer_grouped", "{run}"),
    benchmark:
        layout.benchmark("infer_grouped", "{run}")
    wildcard_constraints:
        run=one_of(plan.grouped),
    conda:
        "../../envs/inference-gpu.yaml"
    threads: cpus_of(run_of, every_set)
    resources:
        **job_of(run_of, every_set),
    params:
        study=str(layout.study),
        questions=[f"--questions={name}" for name in plan.questions()],
        identity=lambda wildcards: plan.run_identity(wildcards.run),
        code=plan.code("infer"),
    shell:
        "exec wattbench infer"
        " --study {params.study:q}"
        " {params.questions:q}"
        " --run {wildcards.run:q}"
        " --identity {params.identity:q}"
        " --attempt {resources.attempt}"
        " --log {log:q}"


use rule infer_grouped as infer_grouped_smoke with:
    input:
        manifests=lambda wildcards: [
            plan.contexts_of(name, wildcards.run)[1]
            for name in plan.questions(smoke=True)
        ],
        contexts=lambda wildcards: [
            ancient(plan.contexts_of(name, wildcards.run)[0])
            for name in plan.questions(smoke=True)
        ],
    output:
        [plan.run(name, "{run}").predictions for name in plan.questions(smoke=True)],
        [plan.run(name, "{run}").segments for name in plan.questions(smoke=True)],
        [plan.run(name, "{run}").samples for name in plan.questions(smoke=True)],
        [plan.run(name, "{run}").job for name in plan.questions(smoke=True)],
    log:
        layout.log("infer_grouped_smoke", "{run}"),
    benchmark:
        layout.benchmark("infer_grouped_smoke", "{run}")
    threads: cpus_of(run_of, every_smoke_set)
    resources:
        **job_of(run_of, every_smoke_set),
    params:
        study=str(layout.study),
        questions=[f"--questions={name}" for name in plan.questions(smoke=True)],
        identity=lambda wildcards: plan.run_identity(wildcards.run),
        code=plan.code("infer"),
