"""The checks of one run: facts in, findings out."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from wattbench.analyses.audit.facts import Facts, Row, finding, some

HIGH_LATENCY_S = 60.0
HIGH_ERROR_SHARE = 0.1
BROKEN_SCORE = 0.2
LOW_SCORE = 0.4
SCORE_TOLERANCE = 1e-9
TIME_TOLERANCE = 0.02
"""Share by which sums of times may exceed what holds them: clocks are read one after the other."""

POWER_TOLERANCE = 0.25
"""Share by which energy over mean power may miss the wall time: powers are sampled."""

BAD_STATES = frozenset(
    {"OUT_OF_MEMORY", "TIMEOUT", "NODE_FAIL", "PREEMPTED", "CANCELLED", "FAILED", "BOOT_FAIL"}
)
Check = Callable[[Facts], Iterator[Row]]


def files(run: Facts) -> Iterator[Row]:
    """What the files hold that could not be used: broken, missing or contradictory ones."""
    for trouble in run.troubles:
        yield finding(
            trouble.kind,
            "error" if trouble.lost else "note",
            f"{trouble.detail}.",
            "Write the file anew." if trouble.lost else None,
            run.run,
        )


def no_model(run: Facts) -> Iterator[Row]:
    """A run that does not say which model it is of."""
    if not run.ensemble and not run.model:
        yield finding(
            "no_model", "warning", "nothing says which model it is of.",
            "Add model_id to its summary.json.", run.run,
        )  # fmt: skip


def missing_answers(run: Facts) -> Iterator[Row]:
    """Questions of the set without an answer."""
    if missing := sorted(set(run.asked) - set(run.answers)):
        yield finding(
            "missing_answers",
            "error",
            f"{len(missing)} of {run.count} questions have no answer: {some(missing)}.",
            "Run the workflow again; only these are asked.",
            run.run,
        )


def surplus_answers(run: Facts) -> Iterator[Row]:
    """Answers to questions that the set does not have."""
    surplus = sorted(set(run.answers) - set(run.asked)) if run.asked else []
    if surplus:
        yield finding(
            "surplus_answers",
            "note",
            f"{len(surplus)} answers are to questions the set does not have: {some(surplus)}.",
            run=run.run,
        )


def repeated_answers(run: Facts) -> Iterator[Row]:
    """Questions that were answered more than once."""
    twice = sorted(identifier for identifier, n in Counter(run.answers).items() if n > 1)
    if twice:
        yield finding(
            "duplicates",
            "error",
            f"{len(twice)} questions are answered more than once: {some(twice)}.",
            "Delete the file of answers and run the workflow again.",
            run.run,
        )


def errors(run: Facts) -> Iterator[Row]:
    """Questions that failed."""
    if run.failed:
        kinds = f" ({', '.join(run.kinds_of_failure)})" if run.kinds_of_failure else ""
        yield finding(
            "errors",
            "warning" if run.failed / max(run.count, 1) > HIGH_ERROR_SHARE else "note",
            f"{run.failed} of {run.count} questions failed{kinds}.",
            "Read the failures in their own words; more time, retries or context may help.",
            run.run,
        )


def all_blank(run: Facts) -> Iterator[Row]:
    """A run that abstained throughout."""
    if run.answered and run.blank == run.answered:
        yield finding(
            "all_blank",
            "warning",
            "every answer is an abstention.",
            "Look at a raw reply, and at the contexts that it was given.",
            run.run,
        )


def low_score(run: Facts) -> Iterator[Row]:
    """A score so low that something is broken as a rule."""
    if run.score is None:
        return
    if run.score < BROKEN_SCORE:
        yield finding(
            "broken_run",
            "error",
            f"the score is {run.score:.2f}; below {BROKEN_SCORE} something is broken as a rule.",
            "Look at the raw replies in the table predictions.",
            run.run,
        )
    elif run.score < LOW_SCORE:
        yield finding(
            "low_score",
            "warning",
            f"the score is {run.score:.2f}.",
            "Look at raw replies: a small model may score so, a broken prompt does.",
            run.run,
        )


def score_mismatch(run: Facts) -> Iterator[Row]:
    """Answers judged anew that come out otherwise than the files say."""
    said = run.said_score
    differs = run.score is not None and (
        said is None or not math.isclose(said, run.score, abs_tol=SCORE_TOLERANCE)
    )
    if run.changed or differs:
        told = "no score" if said is None else f"{said:.6g}"
        what = (
            f"{len(run.changed)} answers are judged otherwise now: {some(list(run.changed))}"
            if run.changed
            else f"summary.json says {told}, the judgements give {run.score:.6g}"
        )
        yield finding(
            "score_mismatch",
            "error",
            f"{what}.",
            "Score it again: gold answers, cells or scoring changed after the run was scored.",
            run.run,
        )


def no_tokens(run: Facts) -> Iterator[Row]:
    """A run whose tokens nobody counted."""
    if not run.tokens.prompt:
        why = run.tokens.reason or "counted as 0"
        yield finding("no_tokens", "note", f"no prompt tokens are known: {why}.", run=run.run)


def tokens_without_price(run: Facts) -> Iterator[Row]:
    """Tokens that somebody charges for, and no price."""
    tokens = run.tokens
    if not tokens.charged or tokens.price:
        return
    why = tokens.price_reason or "no price is recorded"
    if tokens.prompt:
        yield finding(
            "tokens_without_price",
            "warning",
            f"{tokens.prompt} prompt tokens were charged for, but their price is unknown: {why}.",
            "Give the model's price, by its id to the letter.",
            run.run,
        )
    else:
        yield finding("no_cost_data", "note", f"neither tokens nor price are known: {why}.",
                      run=run.run)  # fmt: skip


def latency(run: Facts) -> Iterator[Row]:
    """Questions that take very long, or no time at all."""
    mean = run.times.latency_mean_s
    if mean is not None and mean > HIGH_LATENCY_S:
        yield finding(
            "high_latency",
            "warning",
            f"a question takes {mean:.0f} s on average.",
            "See that the model runs on the device it was meant to.",
            run.run,
        )
    if mean == 0:
        yield finding(
            "zero_latency",
            "warning",
            "questions take 0 s: nothing was run.",
            "Run it again, and use none of its times.",
            run.run,
        )


def impossible_times(run: Facts) -> Iterator[Row]:
    """Sums of times that cannot be."""
    times = run.times
    found = [f"{name} is below 0" for name in times.negative]
    found += [f"the phases of segment {one} take longer than it" for one in times.overfull]
    slack = 1 + TIME_TOLERANCE
    mean, parts = times.latency_mean_s, times.parts_mean_s
    if mean is not None and parts is not None and parts > mean * slack:
        found.append(f"a question takes {mean:.3g} s on average, but its parts {parts:.3g} s")
    if times.wall_s is not None:
        if times.latency_max_s is not None and times.latency_max_s > times.wall_s * slack:
            found.append(
                f"one question takes {times.latency_max_s:.3g} s, the run {times.wall_s:.3g} s"
            )
        if times.latency_sum_s is not None and times.concurrency is not None:
            room = times.wall_s * times.concurrency
            if times.latency_sum_s > room * slack:
                found.append(
                    f"the questions take {times.latency_sum_s:.3g} s together, but "
                    f"{times.wall_s:.3g} s with {times.concurrency} at a time hold {room:.3g} s"
                )
        found += _by_power(run)
    for what in found:
        yield finding(
            "impossible_times", "error", f"{what}.",
            "Do not use its times; see which clock or sum is wrong.", run.run,
        )  # fmt: skip


def _by_power(run: Facts) -> list[str]:
    energy, mean, wall = run.power.energy_j, run.power.mean_w, run.times.wall_s
    if not energy or not mean or wall is None:
        return []
    seconds = energy / mean
    if seconds <= (wall + (run.times.load_s or 0.0)) * (1 + POWER_TOLERANCE):
        return []
    return [
        f"{energy:.3g} J at {mean:.3g} W on average are {seconds:.3g} s, the run took {wall:.3g} s"
    ]


def missing_energy(run: Facts) -> Iterator[Row]:
    """A run whose energy is unknown, or an estimate."""
    if run.power.energy_j is None:
        yield finding(
            "missing_energy",
            # What an ensemble lacks, its members lack, and are told of.
            "note" if run.ensemble else "warning",
            f"the energy is unknown: {run.power.reason or 'no reason is recorded'}.",
            "Run where a meter can be read, or give energy.estimate.",
            run.run,
        )
    elif run.power.method in {"estimated", "mixed"}:
        yield finding("estimated_energy", "note", "the energy is, in part, an estimate.",
                      run=run.run)  # fmt: skip


def some_gpus_measured(run: Facts) -> Iterator[Row]:
    """Energy of fewer GPUs than the job had: a part of the energy, taken for the whole."""
    power = run.power
    if not power.measured_gpus or power.gpus is None or power.measured_gpus >= power.gpus:
        return
    yield finding(
        "some_gpus_measured",
        "error",
        f"the job had {power.gpus} GPUs, the energy is of {power.measured_gpus}.",
        "Do not compare its joules: the others' are not in it.",
        run.run,
    )


def gaps(run: Facts) -> Iterator[Row]:
    """Seconds that no meter saw."""
    if run.power.lost_s > 0:
        yield finding(
            "gaps",
            "warning",
            f"up to {run.power.lost_s:.3g} s of work went unmeasured when processes were killed; "
            "the energy is too low by what they took.",
            "Give the job more wall time or memory; its uncertainty counts these seconds.",
            run.run,
        )
    if run.power.gap_s > 0:
        yield finding(
            "gaps",
            "warning",
            f"meters gave no sample for {run.power.gap_s:.3g} s; what they took is estimated.",
            "Leave the sampler a share of a CPU; its uncertainty counts these seconds.",
            run.run,
        )


def job_states(run: Facts) -> Iterator[Row]:
    """Jobs that did not end well."""
    for job in run.jobs:
        if job.state in BAD_STATES:
            yield finding(
                "job_state",
                "note",
                f"job {job.job}, attempt {job.attempt}, ended as {job.state}.",
                run=run.run,
            )


RUN_CHECKS: tuple[Check, ...] = (
    files, no_model, missing_answers, surplus_answers, repeated_answers, errors, all_blank,
    no_tokens, tokens_without_price, latency, impossible_times, missing_energy,
    some_gpus_measured, gaps, job_states, low_score, score_mismatch,
)  # fmt: skip


def clean(runs: Sequence[Facts]) -> list[Facts]:
    """Runs to build on, best score first, each model once (its best run).

    Clean is: it has a model, one answer to every question of the set (where nothing says what was
    asked, to every question that any run answered), a score of at least `BROKEN_SCORE`, less than
    `HIGH_ERROR_SHARE` of its questions failed, and a question takes more than 0 and less than
    `HIGH_LATENCY_S` seconds.

    Args:
        runs: The runs on one question set.
    """
    every = {identifier for run in runs for identifier in run.answers}

    def passes(run: Facts) -> bool:
        seconds = run.times.latency_mean_s
        return (
            bool(run.model)
            and set(run.asked or every) <= set(run.answers)
            and len(set(run.answers)) == len(run.answers)
            and run.score is not None
            and run.score >= BROKEN_SCORE
            and seconds is not None
            and 0 < seconds < HIGH_LATENCY_S
            and run.failed / max(run.count, 1) < HIGH_ERROR_SHARE
        )

    found: dict[str, Facts] = {}
    for run in sorted(filter(passes, runs), key=lambda run: -(run.score or 0.0)):
        found.setdefault(run.identity or run.run, run)
    return list(found.values())
