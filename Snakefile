"""Documents, questions and models in; measured, scored and voted answers and a report out."""

import sys

from snakemake.utils import min_version

from wattbench.errors import WattbenchError
from wattbench.study.plan import open_plan

min_version("9.27")


# The study a user edits; one given by --configfile stands alone, without this one's models.
if not workflow.overwrite_configfiles:

    configfile: "config/config.yaml"


try:
    plan = open_plan(config, workflow.configfiles)
except WattbenchError as error:
    print(f"wattbench: {error.paragraph()}", file=sys.stderr)
    sys.exit(error.exit_code)

for lack in plan.lacking:
    print(f"wattbench: {lack.paragraph()}", file=sys.stderr)

study = plan.study
layout = plan.layout


wildcard_constraints:
    corpus="|".join(study.corpora),
    index="|".join(study.indexes),
    retrieval="|".join(study.retrievals),
    environment=plan.environment,
    questions="|".join(plan.questions() + plan.questions(smoke=True)),
    run="|".join(study.models),
    ensemble="|".join(study.ensembles) or "(?!)",


include: "workflow/rules/common.smk"
include: "workflow/rules/corpus.smk"
include: "workflow/rules/retrieval.smk"
include: "workflow/rules/inference.smk"
include: "workflow/rules/compute.smk"
include: "workflow/rules/scoring.smk"
include: "workflow/rules/ensembles.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/report.smk"


# One run that fails for good holds back no report of the others.
onerror:
    shell(
        "wattbench partial --study {layout.study:q} --job-logs .snakemake/slurm_logs"
        " --log {layout.results:q}/logs/partial.log || true"
    )


rule all:
    default_target: True
    input:
        rules.report.output,
    localrule: True


rule smoke:
    """One question per model, in a folder of its own."""
    input:
        [run.summary for run in plan.runs(smoke=True)],
    localrule: True


rule scores:
    input:
        [run.summary for run in plan.runs()],
        [ensemble.summary for ensemble in plan.ensembles()],
    localrule: True


rule tables:
    input:
        rules.aggregate.output,
    localrule: True


rule audit:
    input:
        layout.table("audit"),
        layout.tables_manifest,
    localrule: True
