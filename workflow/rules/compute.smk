# What the scheduler knows of every run's jobs, asked once for a whole question set, and again
# where accounting was away or late: then the number of the asking goes up.

from wattbench.slurm.pending import asking


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
        asking=lambda wildcards: asking(
            plan.run(wildcards.questions, run) for run in study.models
        ),
        code=plan.code("collect_compute"),
    shell:
        "wattbench collect-compute"
        " --study {params.study:q}"
        " --questions {wildcards.questions:q}"
        " --asking {params.asking}"
        " --job-logs .snakemake/slurm_logs"
        " --log {log:q}"
