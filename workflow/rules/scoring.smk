# Answers and gold -> scores with intervals.


# Only where a rule of the study asks a model which answers are right.
rule judge:
    input:
        jobs=lambda wildcards: [
            plan.run(wildcards.questions, name).job for name in study.models
        ],
        predictions=lambda wildcards: ancient(
            [plan.run(wildcards.questions, name).predictions for name in study.models]
        ),
        gold=lambda wildcards: ancient(study.question_file(wildcards.questions)),
    output:
        verdicts=layout.judge_verdicts(plan.environment, "{questions}"),
        segments=layout.judge_segments(plan.environment, "{questions}"),
        job=layout.judge_job(plan.environment, "{questions}"),
    log:
        layout.log("judge", "{questions}"),
    benchmark:
        layout.benchmark("judge", "{questions}")
    conda:
        "../../envs/inference-gpu.yaml"
    threads: cpus_of(judge_of)
    resources:
        **job_of(judge_of),
    params:
        study=str(layout.study),
        identity=lambda _: plan.judge_identity(),
        gold=lambda wildcards: plan.gold(wildcards.questions),
        code=plan.code("judge"),
    shell:
        "exec wattbench judge"
        " --study {params.study:q}"
        " --questions {wildcards.questions:q}"
        " --identity {params.identity:q}"
        " --attempt {resources.attempt}"
        " --log {log:q}"


rule score:
    input:
        job=plan.run("{questions}", "{run}").job,
        predictions=ancient(plan.run("{questions}", "{run}").predictions),
        gold=lambda wildcards: ancient(study.question_file(wildcards.questions)),
        verdicts=lambda wildcards: (
            [layout.judge_job(plan.environment, wildcards.questions)]
            if plan.judge
            else []
        ),
    output:
        scores=plan.run("{questions}", "{run}").scores,
        results=plan.run("{questions}", "{run}").results,
        summary=plan.run("{questions}", "{run}").summary,
        submission=plan.run("{questions}", "{run}").submission,
    log:
        layout.log("score", "{questions}", "{run}"),
    benchmark:
        layout.benchmark("score", "{questions}", "{run}")
    localrule: True
    conda:
        "../../envs/workflow.yaml"
    params:
        study=str(layout.study),
        identity=plan.scoring_identity(),
        gold=lambda wildcards: plan.gold(wildcards.questions),
        code=plan.code("score"),
    shell:
        "wattbench score"
        " --study {params.study:q}"
        " --questions {wildcards.questions:q}"
        " --run {wildcards.run:q}"
        " --log {log:q}"
