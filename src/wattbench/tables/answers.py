"""Tables of the inference stage."""

from __future__ import annotations

import pyarrow as pa

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

NOT_SERVED = "where the backend does not say"
FAILED = "where the question failed"
NO_WORK = "where the process did not say"

PREDICTIONS = Table(
    "predictions",
    "One answer per run and question.",
    (
        Column("environment", TEXT, "The machine or cluster."),
        Column("questions", TEXT, "Name of the question set."),
        Column("run", TEXT, "Name of the run (its model entry)."),
        Column("question_id", TEXT, "Id of the question."),
        Column("position", COUNT, "Place in the question file, from 0."),
        Column("value", TEXT, "Answer as the scorer reads it; is_blank is an abstention.", null=FAILED),
        Column("unit", TEXT, "Unit the answer was asked in.", null="where none applies"),
        Column("refs", TEXTS, "Ids of the documents the answer cites."),
        Column("blank", TRUTH, "Whether the run abstained.", null=FAILED),
        Column("asked", TRUTH, "Whether the model was asked; false: abstained below the threshold."),
        Column("confidence", REAL, "exp of the mean log-probability of the answer value's tokens, 0 to 1.",
               null="where the backend gives no log-probabilities, or the answer is blank or failed"),
        Column("answer", TEXT, "The answer as a sentence.", null="where the prompt does not ask for it"),
        Column("explanation", TEXT, "The model's reason.", null="where it gave none"),
        Column("supporting_materials", TEXT, "What the model quotes.", null="where it quotes nothing"),
        Column("reply", TEXT, "The raw reply.", null="where there is none"),
        Column("rendered_prompt", TEXT, "The prompt as sent.", null="where the model was not asked"),
        Column("prompt_tokens", COUNT, "Prompt tokens of all replies to the question, those of tries that failed or "
               "abstained among them: all were paid for.", "tokens", NOT_SERVED),
        Column("completion_tokens", COUNT, "Tokens generated, of all replies.", "tokens", NOT_SERVED),
        Column("cached_tokens", COUNT, "Prompt tokens taken from a cache, of all replies.", "tokens", NOT_SERVED),
        Column("retrieval_s", REAL, "Wall time of retrieval.", "s"),
        Column("queue_s", REAL, "From ready to sent.", "s", "where the model was not asked"),
        Column("prefill_s", REAL, "Reading the prompts of all replies.", "s", NOT_SERVED),
        Column("decode_s", REAL, "Generating all replies.", "s", NOT_SERVED),
        Column("first_token_s", REAL, "Time to first token.", "s", NOT_SERVED),
        Column("total_s", REAL, "From ready to answered, failed tries included.", "s", "where the model was not asked"),
        Column("answered_at", TIME, "When the answer was journalled."),
        Column("segment", TEXT, "Segment of the ledger it was answered in."),
        Column("tries", COUNT, "Times the model was asked."),
        Column("widened", COUNT, "How often the question was asked again with more snippets, for the model abstained: "
               "0 is the first contexts, n the n-th of `contexts.wider`. The answer is the last one's.", null="for an ensemble"),
        Column("contexts_digest", TEXT, "Digest of the snippets that the reply saw, as in `contexts`.",
               null="for an ensemble, or where the model was not asked"),
        Column("error", TEXT, "Kind of failure: timeout, http, backend, unparsable, empty, context_overflow.",
               null="where the question was answered"),
        Column("error_detail", TEXT, "The failure in its own words.", null="where the question was answered"),
        Column("allocated_j", REAL, "The question's share of the run's answering energy: an allocation by "
               "tokens in flight, no measurement.", "J", "where the run's energy is unknown (runs.flags say why)"),
        Column("allocated_method", TEXT, "counter, sampled or estimated.", null="where allocated_j is null"),
    ),
    key=("environment", "questions", "run", "question_id"),
)  # fmt: skip

DEVICE_ENERGY = pa.struct(
    [
        ("device", TEXT),
        ("kind", TEXT),
        ("scope", TEXT),
        ("method", TEXT),
        ("energy_j", REAL),
        ("uncertainty_j", REAL),
        ("sampled_j", REAL),
        ("sampled_uncertainty_j", REAL),
        ("gap_s", REAL),
        ("too_short", TRUTH),
        ("idle_w", REAL),
        ("reason", TEXT),
    ]
)

PHASE = pa.struct(
    [
        ("phase", TEXT),
        ("wall_s", REAL),
        ("cpu_s", REAL),
        ("devices", pa.list_(DEVICE_ENERGY)),
    ]
)

SEGMENTS = Table(
    "segments",
    "Every stretch of time that one process worked for a run: the run's ledger.",
    (
        Column("environment", TEXT, "The machine or cluster."),
        Column("questions", TEXT, "Name of the question set."),
        Column("run", TEXT, "Name of the run."),
        Column("segment", TEXT, "Id of the segment."),
        Column("number", COUNT, "Place in the ledger, from 1."),
        Column("question_sets", TEXTS, "Question sets that its process worked through, with the model loaded once.",
               null="where not kept"),
        Column("loaded_in", TEXT, "Segment of another question set in which its process had loaded the model; load "
               "and warm-up are counted there.", null="where it loaded the model itself, or needed none"),
        Column("in_flight", COUNT, "Questions asked at once, at most.", null=NO_WORK),
        Column("repeatable", TRUTH, "Whether the backend, as it was set, promises that a greedy reply repeats; batches "
               "and reused prefixes change sums, and now and then an answer.", null=NO_WORK),
        Column("job_id", TEXT, "Slurm job id, or local-<host>-<pid>-<start>."),
        Column("scheduler", TEXT, "slurm or local."),
        Column("attempt", COUNT, "Slurm's restart count + 1; 1 elsewhere."),
        Column("host", TEXT, "Node the process ran on."),
        Column("process_id", COUNT, "Process id."),
        Column("gpu_uuids", TEXTS, "GPUs given to the job."),
        Column("gpu_names", TEXTS, "Their names, in the same order."),
        Column("started_at", TIME, "Wall clock at the start."),
        Column("ended_at", TIME, "started_at and duration_s: setting the clock meanwhile does not move it."),
        Column("duration_s", REAL, "By the monotonic clock; of a killed process to its last heartbeat or sample.", "s"),
        Column("ended_by", TEXT, "finished, failed, timeout, preempted, cancelled, signal (other), or killed (no end)."),
        Column("lost_s", REAL, "At most this long it ran on after its last heartbeat or sample, unmeasured.", "s"),
        Column("answered", COUNT, "Questions answered in it."),
        Column("cpu_s", REAL, "CPU time of the whole process tree.", "s", "where it could not be read"),
        Column("rss_peak_bytes", COUNT, "Peak resident memory of the whole process tree.", "bytes",
               "where it could not be read"),
        Column("vram_peak_bytes", COUNT, "Peak GPU memory over the job's GPUs.", "bytes", "without a GPU"),
        Column("phases", pa.list_(PHASE),
               "Per phase (load, warm_up, answer, idle): wall time, CPU time, and energy per meter (device, "
               "kind gpu|cpu|memory|platform, scope device|node, method counter|sampled, gross joules, standard "
               "uncertainty without the meter's calibration, the same by sampled power beside a counter, "
               "seconds without a sample, whether the phase is too short for the sensor and counted in its "
               "neighbour, idle baseline watts, reason where null)."),
        FLAGS_COLUMN,
    ),
    key=("segment",),
)  # fmt: skip

SAMPLES = Table(
    "samples",
    "Time series of every meter; what changes slowly is read once a second.",
    (
        Column("environment", TEXT, "The machine or cluster."),
        Column("questions", TEXT, "Name of the question set."),
        Column("run", TEXT, "Name of the run."),
        Column("segment", TEXT, "Segment of the ledger."),
        Column("at", TIME, "Wall clock."),
        Column("elapsed_s", REAL, "Since the segment's start, by the monotonic clock.", "s"),
        Column("phase", TEXT, "Phase of the segment."),
        Column("device", TEXT, "GPU UUID, RAPL domain, or 'process' for the process tree."),
        Column("power_w", REAL, "Power.", "W", "where the device has no meter"),
        Column("energy_j", REAL, "Cumulative counter, from the segment's start.", "J", "where the device has no counter"),
        Column("utilisation_pct", REAL, "Utilisation; for a process tree 100 is one core.", "%", "where not offered"),
        Column("memory_bytes", COUNT, "Memory in use.", "bytes", "where not offered"),
        Column("temperature_c", REAL, "Temperature.", "degrees Celsius", "where not offered"),
        Column("clock_mhz", REAL, "SM clock.", "MHz", "where not offered"),
        Column("throttle", TEXT, "What holds the clock down; empty where nothing does.", null="where not offered"),
        Column("cpu_s", REAL, "Cumulative CPU time of the process tree.", "s", "for other devices"),
    ),
)  # fmt: skip
