# Tables -> the report.


rule report:
    input:
        manifest=layout.tables_manifest,
        tables=[ancient(layout.table(name)) for name in layout.TABLES],
    output:
        page=layout.report / "index.html",
        markdown=layout.report / "report.md",
        manifest=layout.report / "manifest.yaml",
    log:
        log_of("report"),
    benchmark:
        benchmark_of("report")
    localrule: True
    conda:
        "../../envs/workflow.yaml"
    params:
        identity=plan.report_identity(),
        code=plan.code("report"),
    shell:
        "wattbench report" " --study {STUDY:q}" " --log {log:q}"
