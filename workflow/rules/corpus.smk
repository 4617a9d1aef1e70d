# Documents -> one tree of nodes. The documents are no timestamped inputs: their digest is a
# parameter, so that touching or copying them re-runs nothing.


rule parse_corpus:
    output:
        nodes=layout.nodes("{corpus}"),
        problems=layout.corpus_problems("{corpus}"),
        manifest=layout.corpus_manifest("{corpus}"),
    log:
        layout.log("parse_corpus", "{corpus}"),
    benchmark:
        layout.benchmark("parse_corpus", "{corpus}")
    conda:
        "../../envs/workflow.yaml"
    resources:
        **plan.site,
    params:
        study=str(layout.study),
        identity=lambda wildcards: plan.corpus_identity(wildcards.corpus),
        documents=lambda wildcards: plan.documents_digest(wildcards.corpus),
        code=plan.code("parse_corpus"),
    shell:
        "wattbench parse-corpus"
        " --study {params.study:q}"
        " --corpus {wildcards.corpus:q}"
        " --log {log:q}"
