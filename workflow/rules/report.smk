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
        layout.log("report"),
    benchmark:
        layout.benchmark("report")
    localrule: True
    conda:
        "../../envs/workflow.yaml"
    params:
        study=str(layout.study),
        identity=plan.report_identity(),
        code=plan.code("report"),
    shell:
        "wattbench report" " --study {params.study:q}" " --log {log:q}"
