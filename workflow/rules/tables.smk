# Every run's files -> the Parquet tables.


rule aggregate:
    input:
        jobs=[run.job for run in plan.runs()],
        compute=[run.compute for run in plan.runs()],
        summaries=[run.summary for run in plan.runs()],
        ensembles=[ensemble.summary for ensemble in plan.ensembles()],
        corpora=[layout.corpus_manifest(corpus) for corpus in study.corpora],
    output:
        tables=[layout.table(name) for name in layout.TABLES],
        manifest=layout.tables_manifest,
    log:
        log_of("aggregate"),
    benchmark:
        benchmark_of("aggregate")
    localrule: True
    conda:
        "../../envs/workflow.yaml"
    params:
        identity=plan.tables_identity(),
        code=plan.code("aggregate"),
    shell:
        "wattbench aggregate" " --study {STUDY:q}" " --log {log:q}"
