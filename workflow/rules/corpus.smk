# Documents -> one tree of nodes. The documents are no timestamped inputs: their digest is a
# parameter, so that touching or copying them re-runs nothing.


rule parse_corpus:
    output:
        nodes=layout.nodes("{corpus}"),
        problems=layout.corpus_problems("{corpus}"),
        manifest=layout.corpus_manifest("{corpus}"),
    log:
        log_of("parse_corpus", "{corpus}"),
    benchmark:
        benchmark_of("parse_corpus", "{corpus}")
    conda:
        "../../envs/workflow.yaml"
    params:
        identity=lambda wildcards: plan.corpus_identity(wildcards.corpus),
        documents=lambda wildcards: plan.documents_digest(wildcards.corpus),
        code=plan.code("parse_corpus"),
    shell:
        "wattbench parse-corpus"
        " --study {STUDY:q}"
        " --corpus {wildcards.corpus:q}"
        " --log {log:q}"
