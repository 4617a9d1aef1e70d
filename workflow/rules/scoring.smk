# Answers and gold -> scores with intervals.


rule score:
    input:
        job=plan.run("{questions}", "{run}").job,
        predictions=ancient(plan.run("{questions}", "{run}").predictions),
        gold=lambda wildcards: ancient(study.question_file(wildcards.questions)),
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
