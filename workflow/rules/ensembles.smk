# Members' answers -> voted answers, scored as a run is.


def members_of(wildcards):
    return [
        plan.run(wildcards.questions, member)
        for member in study.ensembles[wildcards.ensemble].members
    ]


rule ensemble:
    input:
        summaries=lambda wildcards: [run.summary for run in members_of(wildcards)],
        predictions=lambda wildcards: [
            ancient(run.predictions) for run in members_of(wildcards)
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
        log_of("ensemble", "{questions}", "{ensemble}"),
    benchmark:
        benchmark_of("ensemble", "{questions}", "{ensemble}")
    localrule: True
    conda:
        "../../envs/workflow.yaml"
    params:
        identity=lambda wildcards: plan.ensemble_identity(wildcards.ensemble),
        gold=lambda wildcards: plan.gold(wildcards.questions),
        code=plan.code("ensemble"),
    shell:
        "wattbench ensemble"
        " --study {STUDY:q}"
        " --questions {wildcards.questions:q}"
        " --ensemble {wildcards.ensemble:q}"
        " --log {log:q}"
