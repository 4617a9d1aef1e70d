"""docs/outputs.md: every file of a results folder and every column of every table."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from wattbench.tables.answers import PREDICTIONS, SAMPLES, SEGMENTS
from wattbench.tables.contract import SCHEMA_VERSION, Table
from wattbench.tables.documents import CONTEXTS, NODES, PROBLEMS, QUERIES, QUESTIONS
from wattbench.tables.runs import AUDIT, COMPUTE, ENSEMBLES, RUNS
from wattbench.tables.statistics import QUESTION_TYPES, REPEATS, SCALING
from wattbench.tables.verdicts import (
    CALIBRATION,
    COMPARISONS,
    HISTOGRAMS,
    JUDGEMENTS,
    ROC,
    SCORES,
    VOTES,
)

TABLES: tuple[Table, ...] = (
    RUNS, QUESTIONS, PREDICTIONS, SCORES, COMPARISONS, CALIBRATION, ROC, HISTOGRAMS, QUESTION_TYPES, REPEATS, SCALING, ENSEMBLES, VOTES, SEGMENTS, SAMPLES, COMPUTE,
    AUDIT, NODES, PROBLEMS, QUERIES, CONTEXTS, JUDGEMENTS,
)  # fmt: skip
"""Every table, in the order of the document."""

INTRODUCTION = """\
# Output files

This page is made from the schemas: `wattbench docs outputs --write` writes it,
`wattbench docs outputs --check` fails where it is out of date.

Every file is written whole: under a temporary name in the same folder, flushed, then renamed. A file
that is there is complete. Figures that could not be measured are null with a reason and never 0.
Units stand in the column's name: `_s` seconds, `_j` joules, `_wh` watt-hours, `_w` watts, `_bytes`
bytes, `_pct` percent, `_c` degrees Celsius; 1 GiB is 2^30 bytes and 1 Wh is 3600 J. Times are UTC.
"""

FILES: tuple[tuple[str, str], ...] = (
    ("study.json", "The study as the workflow resolved it; every command reads this."),
    ("skipped.json", "Runs and ensembles that were left out because no partition holds them, each with the reason (`cluster.on_misfit: skip`); there only where some were."),
    ("corpus/<corpus>/nodes.parquet", "Documents as a tree: table `nodes`."),
    ("corpus/<corpus>/problems.parquet", "Documents that could not be read as they are: table `corpus_problems`."),
    ("corpus/<corpus>/manifest.json", "What was parsed: settings, digest and number of nodes, by kind."),
    ("index/<index>/", "nodes.parquet, vectors.npy (sentence vectors) and bm25.parquet over one corpus."),
    ("index/<index>/manifest.json", "Settings, embedder and the sha256 of each file: the one thing later stages depend on."),
    ("contexts/<questions>/<retrieval>.parquet", "What each question is given: table `contexts`."),
    ("contexts/<questions>/<retrieval>.queries.parquet", "What a model planned to search for: table `queries`."),
    ("contexts/<questions>/<retrieval>.queries.segments.parquet", "The planning's segments; its journal is `<retrieval>.queries/`."),
    ("contexts/<questions>/<retrieval>.queries.json", "What planned, where and how: as a run's job.json."),
    ("contexts/<questions>/<retrieval>.manifest.json", "Settings and digests that the contexts were made from."),
    ("runs/<environment>/<questions>/<run>/predictions.parquet", "The run's answers: table `predictions`."),
    ("runs/<environment>/<questions>/<run>/segments.parquet", "The run's ledger: table `segments`."),
    ("runs/<environment>/<questions>/<run>/samples.parquet", "Time series of its meters: table `samples`."),
    ("runs/<environment>/<questions>/<run>/job.json", "What ran, where and how: see below."),
    ("runs/<environment>/<questions>/<run>/compute.json", "What the scheduler says of its jobs; the tools' raw output lies beside it."),
    ("runs/<environment>/<questions>/<run>/scores.parquet", "Its verdicts under every rule: table `scores`."),
    ("runs/<environment>/<questions>/<run>/results.json", "Question by question: the answer, the gold answer and the verdict."),
    ("runs/<environment>/<questions>/<run>/summary.json", "The run's scores with intervals: see below."),
    ("runs/<environment>/<questions>/<run>/submission.csv", "Answers in the benchmark guide's columns."),
    ("runs/<environment>/<questions>/<run>/journal/<identity>/", "Every finished question as it was answered. No declared output: it outlives a failed job, so that nothing is asked twice. `wattbench gc` lists and removes those that no study refers to."),
    ("verdicts/<environment>/<questions>/verdicts.parquet", "What the judging model said of every answer: table `judgements`; there only where a rule asks one."),
    ("verdicts/<environment>/<questions>/segments.parquet, job.json, journal/", "The judge's ledger, what ran, and its journal."),
    ("ensembles/<environment>/<questions>/<name>/", "The same files for an ensemble, as far as they apply."),
    ("ensembles/<environment>/<questions>/<name>/votes.parquet", "How each member voted: table `votes`."),
    ("tables/<table>.parquet", "All runs together: `runs`, `questions`, `predictions`, `scores`, `comparisons`, `question_types`, `repeats`, `scaling`, `calibration`, `roc`, `histograms`, `ensembles`, `votes`, `segments`, `samples`, `compute`, `audit`."),
    ("kept/<environment>/<questions>/", "What aggregation made of each run by itself, so that only changed runs are read again. No output: it can be deleted at any time, and nothing but aggregation reads it."),
    ("tables/scaling.csv, .json", "The models of each family in the columns of the guide's comparison over sizes, question set and family in front; the JSON has them by question set, family and size. Empty or null is unknown: VRAM is the peak of all GPUs together, load times are not split, prices count where they are in USD."),
    ("tables/manifest.json", "Rows and sha256 of each table: see below. Of tables that lack runs it is called `tables/partial.json`."),
    ("report/index.html", "The report as one page that loads nothing and works offline."),
    ("report/report.md", "The report as Markdown."),
    ("report/figures/<view>.png, .svg, .pdf", "The plots, by the names that `report.outputs.which_figures` takes."),
    ("report/tables/<name>.csv", "The figures behind the report: `models`, `question-types`, `comparisons`, `ensembles`, `votes`, `compute`, `answers`, `not-measured`, `audit`. In `models`, `ensembles` and `compute` an unknown figure reads `not measured` and the column `not_measured` says why; elsewhere it is empty. Text that a spreadsheet might take for a formula has an apostrophe in front, also behind semicolons and line ends."),
    ("report/tables/models.json, models.tex, not-measured.tex", "The models as JSON (null, and why under `not_measured`) and as LaTeX that fits the text of an A4 page (`booktabs`, intervals beneath, reasons in notes), and every null as LaTeX (`booktabs` and `longtable`)."),
    ("report/<name>/", "The same files for each of the study's `reports`."),
    ("logs/<stage>/...", "What each stage printed."),
    ("benchmarks/<stage>/...", "What the workflow measured of each job."),
    ("report/manifest.yaml", "What the report was made from and with: see below. Of tables that lack runs it is called `report/partial.yaml`."),
)  # fmt: skip
"""Every file of a results folder, in the order in which the stages write them."""

RECORDS: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = (
    (
        "job.json",
        "What ran: model, settings, machine and jobs of a run.",
        (
            ("schema_version", "Version of this layout."),
            ("environment, questions, run, identity", "Which run, and the digest of all that defines its result."),
            ("weights", "Name, sha256 and bytes of the weights; sha256 and bytes are null where they are no file here."),
            ("revision", "Revision on the hub; null where the study gives none."),
            ("backend", "Name and version of the backend; elsewhere: whether the model runs on another machine, whose energy no meter here measures; served_by: models and builds that servers named in their replies; left_out: parts of the request that a server refused and was not asked for again."),
            ("tokens", "Of all tries of the set's questions: replies, tries without one, and prompt, cached and completion tokens of the replies; null where a reply's are not known."),
            ("tries_beside", "Tries of the run's ledger that are none of the set's any more: of questions that were taken out, or asked with other contexts."),
            ("prompt", "Name of the prompt and digest of its text."),
            ("generation", "Generation settings, as the study has them."),
            ("question_count, answered, failed", "Questions of the set, answered and failed."),
            ("predictions_sha256", "sha256 of predictions.parquet."),
            ("jobs", "One entry a segment: job id, scheduler, cluster, attempt, host, nodes, partition, GPUs and CPUs given."),
            ("cpu_model, host, versions", "The machine, and versions of Python and the libraries."),
        ),
    ),
    (
        "compute.json",
        "What the scheduler says of a run's jobs.",
        (
            ("sacct", "Whether sacct was asked, the reason where it was not, the file with its raw output (`sacct.psv`), and its fields."),
            ("scontrol", "The same of scontrol (`scontrol.txt`)."),
            ("jobstats", "The same of jobstats (`jobstats.json`, `jobstats.txt`); its summaries come from AdminComment where it keeps them there."),
            ("pending", "Which jobs' accounting may still come, why, and until when it is asked again; null where nothing may."),
            ("rows", "Rows of the table `compute`."),
        ),
    ),
    (
        "tables/manifest.json",
        "What the tables hold.",
        (
            ("schema_version, wattbench_version, study, environment", "Of what, and by which version."),
            ("tables", "Rows and sha256 of each table."),
            ("missing", "Runs and ensembles without results, each with its question set and what became of it; empty where all are there."),
        ),
    ),
    (
        "summary.json",
        "A run's or ensemble's scores. The guide's keys come first, under the guide's names.",
        (
            ("name, type", "Name of the run, and model or ensemble."),
            ("model_id, llm_provider, quantization, identity", "Of a model: weights, backend, precision, digest of all that defines the result."),
            ("ensemble_type, strategy, ignore_blank, votes, weigh_by, accuracy_on, models, num_models", "Of an ensemble: how it votes over whom; weigh_by is null unless the strategy is confidence, accuracy_on unless it weighs by accuracy."),
            ("timestamp", "When the last question was answered, UTC; null before any was."),
            ("num_questions", "Questions of the set."),
            ("total_time_seconds", "Sum over the ledger's segments, in s; null for an ensemble."),
            ("avg_latency_seconds, avg_retrieval_seconds, avg_generation_seconds", "Mean seconds a question; null where not known."),
            ("input_tokens, output_tokens", "Tokens of all answers; null where the backend does not say."),
            ("total_retries, questions_retried, avg_retries", "Tries beyond the first."),
            ("value_accuracy, ref_overlap, na_accuracy, overall_score", "Scores under the headline's rule, 0 to 1; na_accuracy is the recall of unanswerable questions."),
            ("questions_correct, questions_wrong, error_count", "Questions with a right and with a wrong value, and those that failed."),
            ("estimated_cost_usd", "Always null: what tokens cost by the study's prices stands in the table runs, as token_price."),
            ("hardware", "Machine of the run; null where no ledger says."),
            ("config_snapshot", "The settings that made the result."),
            ("run_environment, questions_file", "Environment, and name of the question file."),
            ("rule, weights, confidence_level, bootstrap, seed", "How it was scored."),
            ("counts", "Questions answered, blank, failed and right."),
            ("scores", "Every figure with its interval, by scoring rule."),
            ("wattbench_version", "Version that scored it."),
            ("made_by", "Of a model: the parts of job.json that say what made the answers."),
        ),
    ),
    (
        "results.json",
        "A list with one entry a question, in the guide's keys.",
        (
            ("id, question", "The question."),
            ("gt_value, gt_unit, gt_ref", "The gold answer, as written in the question file."),
            ("pred_value, pred_unit, pred_ref, pred_explanation", "The answer; a failure reads is_blank, its explanation says what failed."),
            ("raw_response", "The raw reply; null where there is none."),
            ("value_correct, ref_score, na_correct, weighted_score, why", "The verdict under the headline's rule, and the clause that decided it."),
            ("latency_seconds, retrieval_seconds, generation_seconds", "In s; null where not known."),
            ("error", "Kind of failure; null where it was answered."),
            ("pred_ref_url, pred_supporting_materials", "Addresses of the cited documents, and what the model quotes."),
            ("rendered_prompt, retrieved_snippets, num_snippets, retry_count", "Of a model: what it was sent, and tries beyond the first."),
            ("individual_answers, individual_refs", "Of an ensemble: the members' answers and references."),
        ),
    ),
    (
        "report/manifest.yaml",
        "What a report was made from. The same tables give the same bytes, so it holds no time.",
        (
            ("study, title", "Name of the study and title of the report."),
            ("question_sets", "Question sets shown: environment, runs, number of questions, headline."),
            ("report, definition", "Name of the report (null: the default one), and what its definition sets."),
            ("filters", "What it selects; question sets and runs left out, and selected values that no run has."),
            ("figures", "The plots, each with the runs that it cannot show and why."),
            ("versions", "Versions of what made the report."),
            ("command", "The command that makes it again."),
            ("inputs", "sha256 of every table read, by path in the results folder."),
            ("outputs", "sha256 and bytes of every file written, by path in the report folder."),
            ("skipped", "Views, figures and tables that are left out, with the reason."),
        ),
    ),
)  # fmt: skip
"""Records that are no tables: file, meaning, and (key, meaning) pairs."""


def document() -> str:
    """The whole document."""
    parts = [INTRODUCTION, "## Files of a results folder\n", _rows(("File", "What it holds"), [
        (f"`{path}`", meaning) for path, meaning in FILES
    ])]  # fmt: skip
    for path, meaning, keys in RECORDS:
        parts.append(f"## `{path}`\n\n{meaning}\n")
        parts.append(_rows(("Key", "Meaning"), [(f"`{key}`", said) for key, said in keys]))
    parts.append(
        "## Tables\n\nParquet with zstd compression; of files of at most 1,000 rows only the long texts "
        "are compressed, for they are read many at a time. The file's metadata holds the table's name "
        f"(`wattbench_table`) and the schema version (`wattbench_schema_version`, now {SCHEMA_VERSION}). "
        "The last column says what null means; a column without an entry there is never null.\n"
    )
    parts += [_table(table) for table in TABLES]
    return "\n".join(parts)


def _table(table: Table) -> str:
    key = f" One row per {', '.join(f'`{name}`' for name in table.key)}." if table.key else ""
    columns = [
        (f"`{c.name}`", _type_name(c.type), c.unit, c.meaning, f"null {c.null}" if c.null else "")
        for c in table.columns
    ]
    heads = ("Column", "Type", "Unit", "Meaning", "Null")
    return f"### `{table.name}`\n\n{table.meaning}{key}\n\n{_rows(heads, columns)}"


def _type_name(kind: pa.DataType) -> str:
    """A type as people name it."""
    if pa.types.is_list(kind):
        return f"list of {_type_name(kind.value_type)}"
    if pa.types.is_struct(kind):
        fields = ", ".join(f"{field.name}: {_type_name(field.type)}" for field in kind)
        return f"record ({fields})"
    names = {
        pa.string(): "text",
        pa.float64(): "real",
        pa.int64(): "integer",
        pa.bool_(): "truth value",
    }
    if kind in names:
        return names[kind]
    if pa.types.is_timestamp(kind):
        return f"time ({kind.tz}, {kind.unit})"
    return str(kind)


def _rows(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    lines += ["| " + " | ".join(c.replace("|", "\\|") for c in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"
