# Names of log and benchmark files: one folder a rule, one file a job.


def log_of(rule, *wildcards):
    return str(layout.results / "logs" / rule / "/".join(wildcards or ["log"])) + ".log"


def benchmark_of(rule, *wildcards):
    name = "/".join(wildcards or ["benchmark"])
    return str(layout.results / "benchmarks" / rule / name) + ".jsonl"


# Each stage reads the resolved study. Its path is no parameter: a stage re-runs when its own
# slice of the study changes, and that is what its parameters hold.
STUDY = str(layout.study)
