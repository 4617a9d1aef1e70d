"""What the audit looks at: the facts of one run, whichever files they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]
SHOWN = 10
"""Items named in a finding before the rest is counted."""


@dataclass(frozen=True)
class Trouble:
    """Something that a reader of files could not use as it is."""

    kind: str
    detail: str
    lost: bool


@dataclass(frozen=True)
class JobEnd:
    """How one job ended.

    Args:
        job: Id of the job.
        attempt: From 1.
        state: State in Slurm's words, or None where nothing says.
        gpus: GPUs that it was given, or None where nothing says.
    """

    job: str
    attempt: int
    state: str | None
    gpus: int | None


@dataclass(frozen=True)
class Times:
    """Seconds of a run; None where not known.

    Args:
        latency_mean_s: Mean seconds of a question.
        latency_sum_s: Sum over the questions, without what they waited to be sent.
        latency_max_s: Longest question.
        parts_mean_s: Mean seconds of what a question is made of (retrieval and generation of the
            guide's runs, prefill and decode of ours).
        wall_s: Wall time that the questions were answered in.
        load_s: Wall time of loading.
        concurrency: Questions in flight at once, at most.
        overfull: Segments whose phases take longer than themselves.
        negative: Names of times below 0.
    """

    latency_mean_s: float | None = None
    latency_sum_s: float | None = None
    latency_max_s: float | None = None
    parts_mean_s: float | None = None
    wall_s: float | None = None
    load_s: float | None = None
    concurrency: int | None = None
    overfull: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()


@dataclass(frozen=True)
class Power:
    """Energy of a run; None where not known.

    Args:
        energy_j: Energy as its source says it.
        uncertainty_j: Its standard uncertainty.
        reason: Why it is not known.
        method: How it was measured.
        mean_w: Mean power that was recorded beside it.
        gpus: GPUs that the job was given.
        measured_gpus: GPUs whose energy is in it.
        lost_s: Seconds that ran on unmeasured after kills.
        gap_s: Seconds without a sample.
    """

    energy_j: float | None = None
    uncertainty_j: float | None = None
    reason: str | None = None
    method: str | None = None
    mean_w: float | None = None
    gpus: int | None = None
    measured_gpus: int | None = None
    lost_s: float = 0.0
    gap_s: float = 0.0


@dataclass(frozen=True)
class Tokens:
    """Tokens and what they cost; None where not known.

    Args:
        prompt: Prompt tokens; 0 is what a source writes that does not count.
        completion: Generated tokens.
        reason: Why they are not known.
        price: What they cost.
        price_reason: Why that is not known.
        charged: Whether somebody charges for them: the model runs on another's server.
    """

    prompt: int | None = None
    completion: int | None = None
    reason: str | None = None
    price: float | None = None
    price_reason: str | None = None
    charged: bool = False


@dataclass(frozen=True)
class Facts:
    """What is known of one run or ensemble.

    Args:
        run: Its name.
        ensemble: Whether several models voted.
        model: Id of its model, or None where nothing says.
        identity: What makes two runs one result, or None where that is not known.
        asked: Question ids of the set; empty where the set is not known.
        answers: Question ids that were answered, repeated ones too.
        answered: Questions answered.
        blank: Abstentions among them.
        failed: Questions that failed.
        kinds_of_failure: Their kinds.
        score: Score by the judgements, 0 to 1, or None.
        said_score: Score that the summary says.
        changed: Questions that are judged otherwise now than in the files.
        times: Its seconds.
        power: Its energy.
        tokens: Its tokens.
        versions: Versions of what made it, by name.
        jobs: How its jobs ended.
        content: Digest of all answers with their seconds: equal ones are one result.
        troubles: What its files hold that could not be used.
    """

    run: str
    ensemble: bool = False
    model: str | None = None
    identity: str | None = None
    asked: Sequence[str] = ()
    answers: Sequence[str] = ()
    answered: int = 0
    blank: int = 0
    failed: int = 0
    kinds_of_failure: tuple[str, ...] = ()
    score: float | None = None
    said_score: float | None = None
    changed: Sequence[str] = ()
    times: Times = Times()
    power: Power = Power()
    tokens: Tokens = Tokens()
    versions: Mapping[str, str] = field(default_factory=dict)
    jobs: tuple[JobEnd, ...] = ()
    content: str | None = None
    troubles: tuple[Trouble, ...] = ()

    @property
    def count(self) -> int:
        """Questions of the set, or those that were answered where the set is not known."""
        return len(self.asked) or len(set(self.answers))


def finding(
    check: str, severity: str, detail: str, mend: str | None = None, run: str | None = None
) -> Row:
    """One finding; severity is note, warning or error."""
    return {"run": run, "check": check, "severity": severity, "detail": detail, "mend": mend}


def some(items: Sequence[str], between: str = ", ") -> str:
    """The first items, and how many more there are."""
    more = f"{between}and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
    return between.join(items[:SHOWN]) + more
