# Members' answers -> voted answers, scored as a run is.


rule ensemble:
    input:
        summaries=lambda wildcards: [run.summary for run in plan.members(**wildcards)],
        predictions=lambda wildcards: [
            ancient(run.predictions) for run in plan.members(**wildcards)
        ],
        weighing=lambda wildcards: [
            run.summary for run in plan.weighing(wildcards.ensemble)
        ],
        gold=lambda wildcards: ancient(study.question_file(wildcards.questions)),
    output:
        predictions=plan.ensemble("{questions}", "{ensemble}").predictions,
        votes=plan.ensemble("{questions}", "{ensemble}").votes,
        scores=plan.ensemble("{questions}", "{ensemble}").scores,
        results=plan.ensemble("{questions}", "{ensemble}").results,
        summary=plan.ensemble("{questions}", "{ensemble}").summary,
        submission=plan.ensemble("{questions}", "{ensemble}").submission,
    log:
        layout.log("ensemble", "{questions}", "{ensemble}"),
    benchmark:
        layout.benchmark("ensemble", "{questions}", "{ensemble}")
    localrule: True
    conda:
        "../../envs/workflow.yaml"
    params:
        study=str(layout.study),
        identity=lambda wildcards: plan.ensemble_identity(wildcards.ensemble),
        gold=lambda wildcards: plan.gold(wildcards.questions),
        code=plan.code("ensemble"),
    shell:
        "wattbench ensemble"
        " --study {params.study:q}"
        " --questions {wildcards.questions:q}"
        " --ensemble {wildcards.ensemble:q}"
        " --log {log:q}"
