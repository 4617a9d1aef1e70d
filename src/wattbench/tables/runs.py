"""Tables with one row a run, a job or a finding."""

from __future__ import annotations

from wattbench.tables.contract import (
    COUNT,
    FLAGS_COLUMN,
    REAL,
    TEXT,
    TEXTS,
    TIME,
    TRUTH,
    Column,
    Table,
)

NO_ENERGY = "where no meter covers the run and no estimate is configured (flags say why)"
NOT_SERVED = "where the backend does not say"
NO_PHASES = "for an ensemble, or where the answering energy or the seconds of prefill and decode are unknown"
NO_SPREAD = (
    "where energy_per_question_j is null, or one cluster of questions says nothing of others"
)
NO_BOUGHT = "for an ensemble, or where the answering energy or what it is set against is unknown"
ENSEMBLE = "for an ensemble"
NOT_GIVEN = "where the study gives none"
NO_REPEAT = "where the study declares no repeat"
NOT_PLANNED = "not planned: no model plans the searches of its retrieval"
NOT_JUDGED = "not judged by a model: no rule of the study asks one"
NO_CONFIDENCE = "where no answer has a confidence"
NO_CLASSES = "where fewer than two answers have a confidence, or all of them are right or all wrong"
NO_RISK = "without true-or-false questions whose answer has a confidence"
NO_LABELS = (
    "where fewer than two of these answers have a confidence, or all gold answers are the same"
)


def _beside(stage: str, of: str, paid: str, none: str) -> tuple[Column, ...]:
    """Columns of a stage that is done once for several runs.

    Args:
        stage: What it does, as the columns call it.
        of: Whose work it is.
        paid: Who shares it.
        none: When there is no such stage.
    """
    missing = f"where {none}, or it is unknown (flags say which)"
    energy, price = f"energy_{stage}_j", f"{stage}_price"
    return (
        Column(energy, REAL, f"Gross energy {of}. Not in energy_gross_j: it was {paid}.", "J", missing),
        Column(f"energy_{stage}_uncertainty_j", REAL, "Its standard uncertainty.", "J", f"where {energy} is null"),
        Column(f"energy_{stage}_method", TEXT, "counter, sampled, estimated or mixed.", null=f"where {energy} is null"),
        Column(f"{stage}_s", REAL, f"Wall time {of}.", "s", missing),
        Column(f"{stage}_prompt_tokens", COUNT, f"Prompt tokens {of}, all tries.", "tokens", missing),
        Column(f"{stage}_completion_tokens", COUNT, f"Generated tokens {of}, all tries.", "tokens", missing),
        Column(price, REAL, f"Price of the tokens {of}. Not in token_price.", "currency", missing),
        Column(f"{price}_currency", TEXT, f"Currency of {price}.", null=f"where {price} is null"),
    )  # fmt: skip


RUNS = Table(
    "runs",
    "One row per run or ensemble: how well it answers and what that takes.",
    (
        Column("study", TEXT, "Name of the study."),
        Column("environment", TEXT, "The machine or cluster."),
        Column("questions", TEXT, "Name of the question set."),
        Column("run", TEXT, "Name of the run."),
        Column("label", TEXT, "Name shown to people."),
        Column("kind", TEXT, "model or ensemble."),
        Column("members", TEXTS, "Runs an ensemble votes over; empty for a model."),
        Column("identity", TEXT, "Digest of all that defines the result."),
        Column("weights", TEXT, "Model id or pinned file.", null=ENSEMBLE),
        Column("revision", TEXT, "Revision or sha256 of the weights.", null="where not known"),
        Column("family", TEXT, "Family of the model.", null=NOT_GIVEN),
        Column("parameters_b", REAL, "Parameters.", "billions", NOT_GIVEN),
        Column("precision", TEXT, "Precision of the weights.", null=NOT_GIVEN),
        Column("backend", TEXT, "Backend.", null=ENSEMBLE),
        Column("backend_version", TEXT, "Version of the backend.", null="for an ensemble or unknown"),
        Column("retrieval", TEXT, "Retrieval.", null=ENSEMBLE),
        Column("prompt", TEXT, "Prompt.", null=ENSEMBLE),
        Column("seed", COUNT, "Seed of generation.", null=ENSEMBLE),
        Column("repeat_of", TEXT, "Run that this one repeats.", null=NO_REPEAT),
        Column("question_count", COUNT, "Questions of the set."),
        Column("answered", COUNT, "Questions answered, abstentions included."),
        Column("blank", COUNT, "Abstentions."),
        Column("failed", COUNT, "Questions that failed; they count as wrong."),
        Column("correct", COUNT, "Questions whose value is right."),
        Column("unjudged", COUNT, "Questions that the headline's rule leaves out of the run's means: no verdict of the "
               "judging model, a gold answer that `numeric` cannot judge, under WattBot's rules no answer."),
        Column("unique_wins", COUNT, "Questions whose value only this run has right."),
        Column("refusal_rate", REAL, "Share of the questions left blank."),
        Column("refusal_rate_low", REAL, "Lower end of its Wilson interval."),
        Column("refusal_rate_high", REAL, "Upper end of its Wilson interval."),
        Column("rule", TEXT, "Scoring rule of the headline."),
        Column("score", REAL, "Weighted score, 0 to 1."),
        Column("score_low", REAL, "Lower end of its bootstrap interval."),
        Column("score_high", REAL, "Upper end of its bootstrap interval."),
        Column("value_accuracy", REAL, "Share of right values."),
        Column("value_accuracy_low", REAL, "Lower end of its Wilson interval."),
        Column("value_accuracy_high", REAL, "Upper end of its Wilson interval."),
        Column("ref_overlap", REAL, "Mean Jaccard index of references."),
        Column("ref_overlap_low", REAL, "Lower end of its bootstrap interval."),
        Column("ref_overlap_high", REAL, "Upper end of its bootstrap interval."),
        Column("na_recall", REAL, "Share of unanswerable questions left blank.", null="without such questions"),
        Column("na_recall_low", REAL, "Lower end of its Wilson interval.", null="without such questions"),
        Column("na_recall_high", REAL, "Upper end of its Wilson interval.", null="without such questions"),
        Column("confidence_count", COUNT, "Answers whose confidence is known."),
        Column("confidence_mean", REAL, "Their mean confidence.", null=NO_CONFIDENCE),
        Column("ece", REAL, "Expected calibration error of confidence against right values, ten bins.", null=NO_CONFIDENCE),
        Column("brier", REAL, "Brier score of confidence against right values.", null="where fewer than two answers have a confidence"),
        Column("auc", REAL, "How often a right answer is surer than a wrong one, ties by half.", null=NO_CLASSES),
        Column("risk_count", COUNT, "True-or-false questions whose answer has a confidence."),
        Column("risk_mean", REAL, "Mean probability of 'true' on them.", null=NO_RISK),
        Column("risk_ece", REAL, "Expected calibration error of that probability against the gold answer.", null=NO_RISK),
        Column("risk_brier", REAL, "Brier score of that probability against the gold answer.", null="where fewer than two of these answers have a confidence"),
        Column("risk_auc", REAL, "How often a question whose answer is true has a higher probability of 'true' than one whose answer is false, ties by half.", null=NO_LABELS),
        Column("tie_group", COUNT, "1 for the best run and all that the data cannot tell from it, 2 for the best of the others and theirs, and so on."),
        Column("rank_low", COUNT, "Best rank by score it may have: 1 and the runs that are surely better."),
        Column("rank_high", COUNT, "Worst rank it may have: all runs but those that are surely worse."),
        Column("top_group", TRUTH, "Whether the data cannot tell it from the best run: tie_group is 1."),
        Column("headline", TRUTH, "Whether it is the cheapest of the top group.",),
        Column("energy_method", TEXT, "counter, sampled, estimated or mixed.", null=NO_ENERGY),
        Column("energy_scope", TEXT, "What the meter covers: device, node or process.", null=NO_ENERGY),
        Column("energy_gross_j", REAL, "All segments, all phases.", "J", NO_ENERGY),
        Column("energy_gross_uncertainty_j", REAL, "Its standard uncertainty.", "J", NO_ENERGY),
        Column("energy_net_j", REAL, "Gross less the idle baseline.", "J", "where gross or the baseline is unknown"),
        Column("energy_load_j", REAL, "Load and warm-up.", "J",
               NO_ENERGY + ", or where the job loaded the model for another question set, whose run carries it"),
        Column("energy_answer_j", REAL, "Answering.", "J", NO_ENERGY),
        Column("energy_answer_uncertainty_j", REAL, "Its standard uncertainty.", "J", NO_ENERGY),
        *_beside("planning", "of the model that planned the searches of the run's retrieval",
                 "paid once for all runs on that retrieval", "no model plans"),
        *_beside("judging", "of the model that judged the answers of the question set",
                 "paid once for all runs on it", "no rule asks a judging model"),
        Column("energy_per_question_j", REAL, "Answering energy per question.", "J", "where the energy is unknown or 0"),
        Column("energy_per_question_low_j", REAL, "Lower end of its interval (questions and meter).", "J", NO_SPREAD),
        Column("energy_per_question_high_j", REAL, "Upper end of its interval.", "J", NO_SPREAD),
        Column("energy_per_correct_j", REAL, "Answering energy per right value.", "J",
               "where the energy is unknown or 0, or nothing is right"),
        Column("energy_per_correct_low_j", REAL, "Lower end of its interval (questions and meter).", "J",
               "where energy_per_correct_j is null, or a sample of questions that take no energy is likely"),
        Column("energy_per_correct_high_j", REAL, "Upper end of its interval.", "J",
               "where energy_per_correct_j is null, or a sample without a right value is likely"),
        Column("energy_per_point_wh", REAL, "Answering energy per point of score, of which there are 100.", "Wh",
               "where the energy is unknown or 0, or the score is 0"),
        Column("energy_per_point_low_wh", REAL, "Lower end of its interval (questions and meter).", "Wh",
               "where energy_per_point_wh is null, or a sample of questions that take no energy is likely"),
        Column("energy_per_point_high_wh", REAL, "Upper end of its interval.", "Wh",
               "where energy_per_point_wh is null, or a sample with a score of 0 is likely"),
        Column("frontier", TRUTH, "Whether no run scores at least as high for at most the energy, and better in one of the two.", null=NO_ENERGY),
        Column("frontier_probability", REAL, "Probability that it is on the frontier of the runs whose energy is known (questions and meters).", null=NO_ENERGY),
        Column("cheapest_probability", REAL, "Probability that it takes the least answering energy of those of the top group whose energy is known (questions and meters).",
               null="outside of the top group, and where the energy is unknown"),
        Column("energy_prefill_j", REAL, "Answering energy of reading prompts: shared by seconds of prefill and decode.", "J", NO_PHASES),
        Column("energy_decode_j", REAL, "Answering energy of generating.", "J", NO_PHASES),
        Column("energy_per_prompt_token_j", REAL, "energy_prefill_j over the prompt tokens that were read, without those from a cache.", "J", NO_PHASES),
        Column("energy_per_output_token_j", REAL, "energy_decode_j over the generated tokens.", "J", NO_PHASES),
        Column("tokens_per_j", REAL, "Prompt and generated tokens per joule of answering.", "tokens/J", NO_BOUGHT),
        Column("questions_per_j", REAL, "Answered questions per joule of answering.", "1/J", NO_BOUGHT),
        Column("correct_per_j", REAL, "Right values per joule of answering.", "1/J", NO_BOUGHT),
        Column("power_answer_w", REAL, "Mean power while answering.", "W", NO_BOUGHT),
        Column("intelligence_per_joule", REAL, "value_accuracy over the mean joules a question, without idling between questions.", "1/J", NO_BOUGHT),
        Column("intelligence_per_watt", REAL, "value_accuracy over the mean watts while a question is in flight.", "1/W", NO_BOUGHT),
        Column("intelligence_per_joule_reference", REAL, "value_accuracy over the mean joules from one question's end to the next one's.", "1/J", NO_BOUGHT),
        Column("intelligence_per_watt_reference", REAL, "value_accuracy over the mean of those joules by the question's latency; under concurrency that is no power.", "1/W", NO_BOUGHT),
        Column("site_energy_j", REAL, "Gross x PUE.", "J", "where energy or PUE is unknown"),
        Column("carbon_g", REAL, "Site energy x grid intensity.", "g CO2e", "where energy or a factor is unknown"),
        Column("energy_price", REAL, "Site energy x price, in the study's currency.", "currency",
               "where energy or a factor is unknown"),
        Column("token_price", REAL, "Price of the tokens of all replies, those of tries that failed among them.", "currency",
               "where the study gives no price of the model, or the server does not count tokens"),
        Column("token_price_per_correct", REAL, "token_price per right value.", "currency",
               "where token_price is null or nothing is right"),
        Column("token_price_currency", TEXT, "Currency of token_price.", null="where token_price is null"),
        Column("cpu_s", REAL, "CPU time of all segments.", "s", "where it could not be read"),
        Column("wall_s", REAL, "Wall time of all segments.", "s"),
        Column("load_s", REAL, "Wall time of loading and warm-up.", "s"),
        Column("prompt_tokens", COUNT, "Prompt tokens of all answers.", "tokens", NOT_SERVED),
        Column("completion_tokens", COUNT, "Generated tokens of all answers.", "tokens", NOT_SERVED),
        Column("latency_mean_s", REAL, "Mean seconds a question.", "s", "where no question was asked"),
        Column("latency_p50_s", REAL, "Median seconds a question.", "s", "where no question was asked"),
        Column("latency_p90_s", REAL, "90th percentile.", "s", "where no question was asked"),
        Column("latency_p95_s", REAL, "95th percentile.", "s", "where no question was asked"),
        Column("latency_p99_s", REAL, "99th percentile.", "s", "where no question was asked"),
        Column("first_token_p50_s", REAL, "Median time to first token.", "s", NOT_SERVED),
        Column("prefill_tokens_per_s", REAL, "Prompt tokens per second of prefill.", "tokens/s", NOT_SERVED),
        Column("decode_tokens_per_s", REAL, "Generated tokens per second of decode.", "tokens/s", NOT_SERVED),
        Column("rss_peak_bytes", COUNT, "Peak resident memory.", "bytes", "where it could not be read"),
        Column("vram_peak_bytes", COUNT, "Peak GPU memory.", "bytes", "without a GPU"),
        Column("weights_bytes", COUNT, "Size of the weights on disk.", "bytes", "where not on this disk"),
        Column("gpu_names", TEXTS, "Names of the GPUs of the job, each once."),
        Column("cpu_model", TEXT, "CPU of the node.", null="where it could not be read"),
        Column("hosts", TEXTS, "Nodes that worked for the run."),
        Column("job_ids", TEXTS, "Jobs of all segments."),
        Column("job_state", TEXT, "State of the last job.", null="where no scheduler says"),
        Column("segment_count", COUNT, "Segments of the ledger."),
        Column("lost_s", REAL, "Time after last heartbeats, unmeasured.", "s"),
        Column("versions", TEXT, "Versions of wattbench, Python and libraries, as JSON."),
        FLAGS_COLUMN,
    ),
    key=("environment", "questions", "run"),
)  # fmt: skip

NO_SLURM = "without Slurm, or where its accounting does not say"
NO_JOBSTATS = "where jobstats does not say (not installed, or a job below 30 s)"
NO_SAMPLE = "without a GPU, or where no sample says it"
COMPUTE = Table(
    "compute",
    "One row per job and attempt, the sources side by side.",
    (
        Column("environment", TEXT, "The machine or cluster."),
        Column("questions", TEXT, "Name of the question set."),
        Column("run", TEXT, "Name of the run."),
        Column("job_id", TEXT, "Slurm job id, or the local id."),
        Column("scheduler", TEXT, "slurm or local."),
        Column("attempt", COUNT, "From 1."),
        Column("state", TEXT, "State of the job; OUT_OF_MEMORY also of a kill for memory that Slurm calls FAILED.",
               null="where no scheduler says"),
        Column("state_raw", TEXT, "State in Slurm's own word.", null="where no scheduler says"),
        Column("exit_code", TEXT, "Exit code:signal.", null=NO_SLURM),
        Column("partition", TEXT, "Partition.", null=NO_SLURM),
        Column("account", TEXT, "Account.", null=NO_SLURM),
        Column("nodes", TEXTS, "Nodes."),
        Column("started_at", TIME, "Start.", null=NO_SLURM),
        Column("ended_at", TIME, "End.", null=NO_SLURM),
        Column("wall_s", REAL, "Wall time.", "s", "where neither Slurm nor the ledger says"),
        Column("time_limit_s", REAL, "Time limit.", "s", NO_SLURM),
        Column("cpus", COUNT, "CPUs given.", null="where not known"),
        Column("cpu_s", REAL, "CPU time.", "s", "where neither Slurm nor the ledger says"),
        Column("cpu_efficiency_pct", REAL, "CPU time over CPUs x wall time.", "%", "where a factor is unknown"),
        Column("cpu_efficiency_jobstats_pct", REAL, "The same by jobstats.", "%", NO_JOBSTATS),
        Column("memory_requested_bytes", COUNT, "Memory asked for.", "bytes", NO_SLURM),
        Column("memory_peak_bytes", COUNT, "Peak resident memory of the process tree.", "bytes",
               "where neither Slurm nor the ledger says"),
        Column("memory_peak_jobstats_bytes", COUNT, "Memory used on all nodes, by jobstats.", "bytes", NO_JOBSTATS),
        Column("memory_efficiency_pct", REAL, "Peak over asked.", "%", "where a factor is unknown"),
        Column("gpus", COUNT, "GPUs given.", null="where not known"),
        Column("gpu_utilisation_jobstats_pct", REAL, "Mean utilisation of the GPUs, by jobstats.", "%", NO_JOBSTATS),
        Column("gpu_utilisation_samples_pct", REAL, "Mean utilisation of the GPUs, from the run's samples.", "%", NO_SAMPLE),
        Column("gpu_utilisation_min_pct", REAL, "Least utilisation in a sample of a GPU.", "%", NO_SAMPLE),
        Column("gpu_utilisation_max_pct", REAL, "Largest utilisation in a sample of a GPU.", "%", NO_SAMPLE),
        Column("gpu_memory_mean_bytes", COUNT, "Mean memory in use on a GPU, from the run's samples.", "bytes", NO_SAMPLE),
        Column("gpu_memory_peak_bytes", COUNT, "Largest memory in use on one GPU, from the run's samples.", "bytes", NO_SAMPLE),
        Column("gpu_memory_total_bytes", COUNT, "Memory of one GPU, by jobstats.", "bytes", NO_JOBSTATS),
        Column("gpu_power_mean_w", REAL, "Mean power of one GPU, from the run's samples.", "W", NO_SAMPLE),
        Column("consumed_energy_j", REAL, "Slurm's ConsumedEnergy.", "J",
               "without an energy plugin (its 0 means not measured)"),
        Column("jobstats_notes", TEXTS, "What jobstats advises.", null="where jobstats was not asked for its notes"),
        Column("source", TEXT, "sacct or scontrol, ledger, jobstats: those that the row is from, joined by '+'; log: a job of which nothing is known but that Slurm opened its log."),
        FLAGS_COLUMN,
    ),
    key=("environment", "questions", "run", "job_id", "attempt"),
)  # fmt: skip

ENSEMBLES = Table(
    "ensembles",
    "How each ensemble votes, and what it takes beside its members.",
    (
        Column("environment", TEXT, "The machine or cluster."),
        Column("questions", TEXT, "Name of the question set."),
        Column("run", TEXT, "Name of the ensemble."),
        Column("strategy", TEXT, "Voting strategy."),
        Column("ignore_blank", TRUTH, "Whether abstentions are dropped before the count."),
        Column("votes", TEXT, "What one vote is: canonical (values) or raw (texts)."),
        Column("weighed_by", TEXT, "What made the weights of the votes."),
        Column("members", TEXTS, "Members in the order that decides ties."),
        Column("score", REAL, "Weighted score."),
        Column("best_member", TEXT, "Member with the best score."),
        Column("best_member_score", REAL, "Its score."),
        Column("unanimous", COUNT, "Questions on which all members agree."),
        Column("decided_by_order", COUNT, "Questions decided by the stated order."),
        Column("energy_gross_j", REAL, "Sum over members.", "J", "where a member's energy is unknown"),
        Column("energy_gross_uncertainty_j", REAL, "Its standard uncertainty: the two parts that follow, in quadrature.", "J", "where a member's is unknown"),
        Column("energy_correlated_j", REAL, "Part that members on the same meters have in common: their calibration.", "J", "where a member's uncertainty is unknown"),
        Column("energy_independent_j", REAL, "Part that each member has of its own.", "J", "where a member's uncertainty is unknown"),
        Column("energy_answer_j", REAL, "Sum of the members' answering.", "J", "where a member's is unknown"),
        Column("energy_answer_uncertainty_j", REAL, "Its standard uncertainty, in the same way.", "J", "where a member's is unknown"),
        Column("wall_s", REAL, "Sum of the members' wall time.", "s"),
        Column("prompt_tokens", COUNT, "Sum over members.", "tokens", "where a member's are unknown"),
        Column("completion_tokens", COUNT, "Sum over members.", "tokens", "where a member's are unknown"),
        Column("token_price", REAL, "Sum over members.", "currency", "where a member's is unknown"),
        Column("token_price_currency", TEXT, "Currency of token_price.", null="where token_price is null"),
        Column("latency_sequential_s", REAL, "Mean latency, members one after another.", "s", "where unknown"),
        Column("latency_parallel_s", REAL, "Mean latency, members side by side.", "s", "where unknown"),
        FLAGS_COLUMN,
    ),
    key=("environment", "questions", "run"),
)  # fmt: skip

AUDIT = Table(
    "audit",
    "What looks wrong, and what to do about it.",
    (
        Column("environment", TEXT, "The machine or cluster."),
        Column("questions", TEXT, "Name of the question set."),
        Column("run", TEXT, "Run concerned.", null="where it concerns the study"),
        Column("check", TEXT, "Name of the check."),
        Column("severity", TEXT, "note, warning or error."),
        Column("detail", TEXT, "What was found."),
        Column("mend", TEXT, "What to do.", null="where nothing needs doing"),
    ),
)
