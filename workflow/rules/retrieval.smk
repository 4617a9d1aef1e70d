# Nodes -> index -> contexts. Later rules depend on the small manifests, which hold the
# content's digest; the heavy files beside them are ancient().


rule build_index:
    input:
        manifest=lambda wildcards: layout.corpus_manifest(
            study.corpus_of(wildcards.index)
        ),
        nodes=lambda wildcards: ancient(layout.nodes(study.corpus_of(wildcards.index))),
    output:
        manifest=layout.index_manifest("{index}"),
    log:
        layout.log("build_index", "{index}"),
    benchmark:
        layout.benchmark("build_index", "{index}")
    conda:
        "../../envs/workflow.yaml"
    threads: 2
    resources:
        **plan.site,
    params:
        study=str(layout.study),
        identity=lambda wildcards: plan.index_identity(wildcards.index),
        code=plan.code("build_index"),
    shell:
        "wattbench build-index"
        " --study {params.study:q}"
        " --index {wildcards.index:q}"
        " --log {log:q}"


# Only where a model plans the searches of a retrieval.
rule plan_queries:
    input:
        questions=lambda wildcards: ancient(study.question_file(wildcards.questions)),
    output:
        queries=layout.queries("{questions}", "{retrieval}"),
        segments=layout.queries_segments("{questions}", "{retrieval}"),
        job=layout.queries_job("{questions}", "{retrieval}"),
    log:
        layout.log("plan_queries", "{questions}", "{retrieval}"),
    benchmark:
        layout.benchmark("plan_queries", "{questions}", "{retrieval}")
    conda:
        "../../envs/inference-gpu.yaml"
    threads: cpus_of(lambda wildcards: plan.planner_of(wildcards.retrieval))
    resources:
        **job_of(lambda wildcards: plan.planner_of(wildcards.retrieval)),
    params:
        study=str(layout.study),
        identity=lambda wildcards: plan.planner_identity(wildcards.retrieval),
        asked=lambda wildcards: plan.asked(wildcards.questions),
        code=plan.code("plan_queries"),
    shell:
        "exec wattbench plan-queries"
        " --study {params.study:q}"
        " --questions {wildcards.questions:q}"
        " --retrieval {wildcards.retrieval:q}"
        " --identity {params.identity:q}"
        " --attempt {resources.attempt}"
        " --log {log:q}"


rule retrieve:
    input:
        queries=lambda wildcards: (
            [layout.queries(wildcards.questions, wildcards.retrieval)]
            if plan.planner_of(wildcards.retrieval)
            else []
        ),
        index=lambda wildcards: layout.index_manifest(
            study.index_of(wildcards.retrieval)
        ),
        questions=lambda wildcards: ancient(study.question_file(wildcards.questions)),
    output:
        contexts=layout.contexts("{questions}", "{retrieval}"),
        manifest=layout.contexts_manifest("{questions}", "{retrieval}"),
    log:
        layout.log("retrieve", "{questions}", "{retrieval}"),
    benchmark:
        layout.benchmark("retrieve", "{questions}", "{retrieval}")
    conda:
        "../../envs/workflow.yaml"
    threads: 2
    resources:
        **plan.site,
    params:
        study=str(layout.study),
        identity=lambda wildcards: plan.retrieval_identity(wildcards.retrieval),
        asked=lambda wildcards: plan.asked(wildcards.questions),
        code=plan.code("retrieve"),
    shell:
        "wattbench retrieve"
        " --study {params.study:q}"
        " --questions {wildcards.questions:q}"
        " --retrieval {wildcards.retrieval:q}"
        " --log {log:q}"
