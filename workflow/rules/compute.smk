# What the scheduler knows of every run's jobs, asked once for a whole question set.


rule collect_compute:
    input:
        jobs=lambda wildcards: [
            plan.run(wildcards.questions, run).job for run in study.models
        ],
        segments=lambda wildcards: [
            ancient(plan.run(wildcards.questions, run).segments)
            for run in study.models
        ],
    output:
        [plan.run("{questions}", run).compute for run in study.models],
    log:
        layout.log("collect_compute", "{questions}"),
    benchmark:
        layout.benchmark("collect_compute", "{questions}")
    localrule: True
    conda:
        "../../envs/workflow.yaml"
    params:
        study=str(layout.study),
        code=plan.code("collect_compute"),
    shell:
        "wattbench collect-compute"
        " --study {params.study:q}"
        " --questions {wildcards.questions:q}"
        " --log {log:q}"
