# Every run's files -> the Parquet tables.


rule aggregate:
    input:
        jobs=[run.job for run in plan.runs()],
        compute=[run.compute for run in plan.runs()],
        summaries=[run.summary for run in plan.runs()],
        ensembles=[ensemble.summary for ensemble in plan.ensembles()],
        corpora=[layout.corpus_manifest(corpus) for corpus in study.corpora],
        planning=[layout.queries_job(*planned) for planned in plan.planned()],
        judging=[layout.judge_job(*judged) for judged in plan.judged()],
    output:
        tables=[layout.table(name) for name in layout.TABLES],
        scaling=[layout.scaling_csv, layout.scaling_json],
        manifest=layout.tables_manifest,
    log:
        layout.log("aggregate"),
    benchmark:
        layout.benchmark("aggregate")
    localrule: True
    conda:
        "../../envs/workflow.yaml"
    params:
        study=str(layout.study),
        identity=plan.tables_identity(),
        code=plan.code("aggregate"),
    shell:
        "wattbench aggregate" " --study {params.study:q}" " --log {log:q}"
