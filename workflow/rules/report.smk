# Tables -> the reports: the default one, and those that the study names.


report: "../report/workflow.rst"


rule report:
    input:
        manifest=layout.tables_manifest,
        tables=[ancient(layout.table(name)) for name in layout.TABLES],
    output:
        page=layout.report / "index.html",
        markdown=layout.report / "report.md",
        manifest=layout.report / "manifest.yaml",
        named=[layout.report / name / "manifest.yaml" for name in study.reports],
        plots=plots_of(None, study.report),
        named_plots=[plots_of(*named) for named in study.reports.items()],
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
