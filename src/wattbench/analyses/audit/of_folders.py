"""The audit of result folders, wattbench's or the benchmark guide's."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from wattbench.analyses.artifact_figures import power_of, times_of, tokens_of
from wattbench.analyses.artifact_files import Answer
from wattbench.analyses.artifact_verdicts import (
    GUIDE_RULES,
    Judged,
    Verdicts,
    gold_of_set,
    is_about,
    judged_by,
)
from wattbench.analyses.artifacts import Experiment, labels
from wattbench.analyses.audit.across import audit_facts
from wattbench.analyses.audit.checks import SCORE_TOLERANCE, clean
from wattbench.analyses.audit.facts import Facts, Row, Trouble, finding
from wattbench.analyses.audit.gold import audit_gold
from wattbench.analyses.audit.of_study import placed
from wattbench.files import digest
from wattbench.study.judgement import RULES, RuleName
from wattbench.study.questions import Question
from wattbench.tables.values import is_abstention


@dataclass(frozen=True)
class FolderAudit:
    """What the audit found on one question set in one environment.

    Args:
        environment: The machine or cluster, or empty where nothing says.
        questions: Name of the question set.
        findings: Rows of the table `audit`.
        clean: Runs to build on, best first, each model once.
    """

    environment: str
    questions: str
    findings: tuple[Row, ...]
    clean: tuple[Facts, ...]


def audit_folders(
    experiments: Sequence[Experiment],
    *,
    gold: Sequence[Question] | None = None,
    documents: frozenset[str] | None = None,
    rule: RuleName | None = None,
) -> list[FolderAudit]:
    """Audit of every question set in every environment.

    Args:
        experiments: The experiments.
        gold: Questions of a gold file; None takes what the results quote.
        documents: Canonical ids of the documents, or None where they are not known.
        rule: Rule to judge by; None takes each run's own.
    """
    groups: dict[tuple[str, str], list[Experiment]] = {}
    for one in experiments:
        groups.setdefault((one.environment or "", one.questions), []).append(one)
    found = []
    seen: dict[str, str] = {}
    for (environment, questions), own in sorted(groups.items()):
        about = gold if gold is not None and is_about(gold, own) else None
        known, doubts = gold_of_set(own, gold)
        runs = [
            replace(facts_of(one, known, rule, asked=about), run=name)
            for one, name in zip(own, labels(own), strict=True)
        ]
        rows = [
            *(finding("gold_fault", "warning", f"{one.what}: {one.reason}.") for one in doubts),
            *audit_gold(list(known.values()), documents),
            *audit_facts(runs),
            *_copies(runs, seen),
        ]
        place = {"environment": environment, "questions": questions}
        found.append(
            FolderAudit(environment, questions, tuple(placed(rows, place)), tuple(clean(runs)))
        )
    return found


def _copies(runs: Sequence[Facts], seen: dict[str, str]) -> Iterator[Row]:
    """Runs that lie in another environment or question set too; `seen` is of those before."""
    for run in runs:
        if run.content in seen:
            yield finding(
                "duplicates",
                "error",
                f"its answers and seconds are those of {seen[run.content]}, to the last digit.",
                "Remove the one that lies where it was not run.",
                run.run,
            )
    for run in runs:
        if run.content is not None:
            seen.setdefault(run.content, f"{run.run}, which lies in another folder of results")


def facts_of(
    experiment: Experiment,
    gold: Mapping[str, Question],
    rule: RuleName | None,
    *,
    asked: Sequence[Question] | None,
) -> Facts:
    """What the audit looks at of one experiment.

    Args:
        experiment: The experiment.
        gold: Gold answers by question id.
        rule: Rule to judge by, or None for the run's own.
        asked: Questions of the set, or None where only the answers tell.
    """
    summary, answers = experiment.summary, experiment.answers
    failed = [answer for answer in answers.values() if answer.error is not None]
    judged = _judged(experiment, gold, rule)
    score = judged.score
    said = summary.get("overall_score")
    if score is not None and not summary:
        said = score.score
    versions = _versions(experiment)
    if experiment.ours or rule is None:
        versions["the scoring rule"] = judged.rule
    return Facts(
        run=experiment.name,
        ensemble=experiment.ensemble,
        model=summary.get("model_id"),
        identity=_identity(summary),
        asked=[question.id for question in asked or ()],
        answers=[*answers, *experiment.repeated],
        answered=len(answers) - len(failed),
        blank=sum(
            answer.error is None and is_abstention(answer.written) for answer in answers.values()
        ),
        failed=len(failed),
        score=None if score is None else score.score,
        said_score=said,
        changed=_changed(answers, judged.verdicts),
        times=times_of(experiment),
        power=power_of(experiment),
        tokens=tokens_of(experiment),
        versions=versions,
        content=_content(experiment),
        troubles=tuple(
            Trouble(problem.kind, problem.detail, problem.dropped)
            for problem in experiment.problems
            if problem.kind != "duplicates"
        ),
    )


def _judged(experiment: Experiment, gold: Mapping[str, Question], rule: RuleName | None) -> Judged:
    """A run judged by the rule it was scored by, of the guide's by the one that fits."""
    own: RuleName | None = experiment.summary.get("rule")
    if rule is None and own is not None and own not in RULES:
        # A rule of a study's own may cost something to ask: the run is taken as it was scored.
        return Judged(own, {}, None)
    candidates = (rule,) if rule is not None else (own,) if own is not None else GUIDE_RULES
    found = [judged_by(candidate, experiment, gold) for candidate in candidates]
    return next((one for one in found if one.as_said(experiment)), found[0])


def _changed(answers: Mapping[str, Answer], verdicts: Verdicts) -> list[str]:
    """Answers whose stored judgement is not what the rule says now."""
    found = []
    for identifier, answer in answers.items():
        verdict = verdicts.get(identifier)
        if answer.verdict is None or verdict is None:
            continue
        right, ref, na = answer.verdict
        same = math.isclose(ref, verdict.ref_overlap, abs_tol=SCORE_TOLERANCE)
        if (right, na) != (verdict.value_correct, verdict.na_correct) or not same:
            found.append(identifier)
    return found


def _identity(summary: Mapping[str, Any]) -> str | None:
    if summary.get("identity"):
        return str(summary["identity"])
    model = summary.get("model_id")
    if not model:
        return None
    return f"{summary.get('llm_provider')} {model} {summary.get('quantization')}"


def _versions(experiment: Experiment) -> dict[str, str]:
    made_by = experiment.summary.get("made_by") or {}
    found = {str(k): str(v) for k, v in (made_by.get("versions") or {}).items()}
    backend = made_by.get("backend") or {}
    if backend.get("version"):
        found[f"backend {backend.get('name')}"] = str(backend["version"])
    cuda = (experiment.summary.get("hardware") or {}).get("cuda_version")
    return found | ({"CUDA": str(cuda)} if cuda else {})


def _content(experiment: Experiment) -> str | None:
    """Digest of answers and their seconds; None where no second is known, for text may be equal."""
    answers = experiment.answers
    mean = times_of(experiment).latency_mean_s
    if not answers or not mean:
        return None
    return digest([mean, sorted((i, a.written, a.latency_s) for i, a in answers.items())])
