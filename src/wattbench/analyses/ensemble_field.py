"""Any subset of a study's runs as an ensemble on one question set: its score and its joules."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wattbench.analyses.costs import measured
from wattbench.analyses.joint import Metered, metered
from wattbench.ensembles.counting import Ballots, ballots_of_values, count_votes
from wattbench.ensembles.weights import by_confidence
from wattbench.errors import InputError
from wattbench.scoring.custom import ValueRule
from wattbench.scoring.intervals import Verdicts
from wattbench.scoring.judge import judgements, own_rules
from wattbench.scoring.rules import Prediction, judge, overall, unanswerable
from wattbench.study.inference import Strategy, Votes
from wattbench.study.judgement import RULES, Scoring
from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.study.questions import Question, study_questions
from wattbench.tables.answers import PREDICTIONS, SEGMENTS
from wattbench.tables.contract import reason_for
from wattbench.tables.files import read_json, read_rows
from wattbench.tables.values import BLANK
from wattbench.telemetry.energy import run_energy

Row = dict[str, Any]
Subset = tuple[int, ...]
"""Places of members among the candidates, ascending: the order that decides ties."""

Grade = tuple[float, float, float, float]
"""Value right, overlap of references, unanswerable left blank, judged at all; 0 where not."""

UNKNOWN = -1

MOST = 62
"""Members at most, whose winners are the bits of a number."""


@dataclass(frozen=True)
class Rules:
    """How the members of every subset vote.

    Args:
        strategy: The strategy; `confidence` weighs by the answers' own confidence.
        ignore_blank: Drop abstentions before the count while any other answer stands.
        votes: What one vote is.
    """

    strategy: Strategy = "majority"
    ignore_blank: bool = False
    votes: Votes = "canonical"


@dataclass(frozen=True)
class Candidate:
    """A run that may be a member.

    Args:
        name: Its name.
        answers: Its rows of `predictions` by question id.
        joules: Answering energy a question; None where unknown.
        why_unknown: Why it is.
        meters: What its meters say of the whole run; None where unknown.
    """

    name: str
    answers: Mapping[str, Row]
    joules: float | None
    why_unknown: str | None
    meters: Metered | None


def candidates(study: Study, questions: str) -> tuple[list[Candidate], dict[str, str]]:
    """Runs of the study on a question set, and why others are none.

    Args:
        study: The study.
        questions: Name of the question set.

    Raises:
        InputError: There is no such question set, or a file cannot be read.
    """
    if questions not in study.questions:
        raise InputError(
            f"the study has no question set '{questions}'; it has: {', '.join(study.questions)}.",
            mend="Check --on and --report-on.",
        )
    layout, asked = Layout(Path(study.study.results)), study_questions(study, questions)
    found: list[Candidate] = []
    left_out: dict[str, str] = {}
    for name in study.models:
        files = layout.run(study.study.environment, questions, name)
        if not files.predictions.exists():
            left_out[name] = f"it has no answers to '{questions}' ({files.predictions})"
            continue
        segments = read_rows(files.segments, SEGMENTS) if files.segments.exists() else []
        job = read_json(files.job) if files.job.exists() else {}
        row, flags = measured(run_energy(segments, study.energy), job)
        energy = row["energy_answer_j"]
        found.append(
            Candidate(
                name=name,
                answers={
                    one["question_id"]: one for one in read_rows(files.predictions, PREDICTIONS)
                },
                joules=None if energy is None else energy / len(asked),
                why_unknown=reason_for({"flags": flags}, "energy_answer_j"),
                meters=metered(row, segments, study.energy, None, name),
            )
        )
    return found, left_out


def own_rule(study: Study, questions: str) -> ValueRule | None:
    """What judges values on a question set, where the headline's rule is not built in.

    A judging model has seen what any subset can say: it is what a member said.

    Args:
        study: The study.
        questions: Name of the question set.

    Raises:
        InputError: The rule cannot be loaded, or the model has not judged the set yet.
    """
    if study.scoring.rule in RULES:
        return None
    return own_rules(study, questions, judgements(study, questions))[study.scoring.rule]


@dataclass
class Field:
    """Candidates on some questions, ready to be put together.

    Args:
        scoring: The study's rule and weights.
        rules: How members vote.
        gold: The questions.
        runs: The candidates.
        own: What judges values under a rule that is not built in; see `own_rule`.
    """

    scoring: Scoring
    rules: Rules
    gold: Sequence[Question]
    runs: Sequence[Candidate]
    own: ValueRule | None = None
    _ballots: Ballots = field(init=False)
    _weights: NDArray[np.float64] = field(init=False)
    _weighing: list[bool] = field(init=False)
    _unanswerable: NDArray[np.bool_] = field(init=False)
    _sets: dict[Subset, int] = field(init=False, default_factory=dict)
    _known: dict[int, int] = field(init=False, default_factory=dict)
    _judged: list[dict[tuple[str | None, frozenset[str]], int]] = field(init=False)
    _grades: dict[Grade, int] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        values = [[self._value(run, question) for run in self.runs] for question in self.gold]
        units = [question.unit for question in self.gold]
        self._ballots = ballots_of_values(values, units, self.rules.votes)
        confidences = [self._confidences(run) for run in self.runs]
        self._weighing = [one is not None for one in confidences]
        self._weights = np.array([one or [1.0] * len(self.gold) for one in confidences]).T
        self._judged = [{} for _ in self.gold]
        self._unanswerable = np.array([unanswerable(self.scoring.rule, q) for q in self.gold])

    def _value(self, run: Candidate, question: Question) -> str | None:
        row = run.answers.get(question.id)
        return None if row is None or row["error"] is not None else row["value"]

    def _confidences(self, run: Candidate) -> list[float] | None:
        found = by_confidence({run.name: run.answers})
        if not found:
            return None
        return [found.get((run.name, question.id), 0.0) for question in self.gold]

    def grades(self, subset: Subset) -> NDArray[np.float64]:
        """Judgement of the subset's answer to every question.

        Args:
            subset: The members, `MOST` at most.

        Returns:
            Of shape (questions, 4): the columns of `Grade`.
        """
        places = list(subset)
        weights = self._weights[:, places]
        if not all(self._weighing[place] for place in subset):
            # Confidence counts for every member or for none, as in an ensemble of the study.
            weights = np.ones(weights.shape)
        rules = self.rules
        count = count_votes(
            self._ballots.of(subset), weights, rules.strategy, ignore_blank=rules.ignore_blank
        )
        # Many subsets have the same winners, whose answer is judged once. Their key is a number,
        # for a lookup a question is what a search of thousands of subsets spends its time on.
        bits = count.won @ (1 << np.arange(len(subset), dtype=np.int64))
        found, which = np.unique(bits, return_inverse=True)
        winners = [tuple(p for n, p in enumerate(subset) if bit >> n & 1) for bit in found.tolist()]
        numbers = np.array([self._sets.setdefault(who, len(self._sets)) for who in winners])
        keys = numbers[which] * len(self.gold) + np.arange(len(self.gold))
        graded = [self._known.get(key, UNKNOWN) for key in keys.tolist()]
        for place, grade in enumerate(graded):
            if grade == UNKNOWN:
                who = winners[which[place]]
                graded[place] = self._judge(place, who, subset)
                if who:
                    # Where nobody won, it depends on who was asked.
                    self._known[int(keys[place])] = graded[place]
        return np.array(list(self._grades))[graded]

    @property
    def all(self) -> Subset:
        """The subset of all candidates."""
        return tuple(range(len(self.runs)))

    def _judge(self, place: int, winners: Subset, subset: Subset) -> int:
        """Number of the grade of an answer that these members gave."""
        question = self.gold[place]
        if not winners:
            return self._grade(question, self._nobodys(question, subset))
        rows = [self.runs[one].answers[question.id] for one in winners]
        said = rows[0]["value"], frozenset(ref for row in rows for ref in row["refs"] or ())
        known = self._judged[place]
        if said not in known:
            known[said] = self._grade(question, Prediction(said[0], tuple(sorted(said[1]))))
        return known[said]

    def _grade(self, question: Question, answer: Prediction | None) -> int:
        found = judge(self.scoring.rule, question, answer, self.own)
        grade = (
            (0.0, 0.0, 0.0, 0.0)
            if found is None
            else (float(found.value_correct), found.ref_overlap, float(found.na_correct), 1.0)
        )
        return self._grades.setdefault(grade, len(self._grades))

    def _nobodys(self, question: Question, subset: Subset) -> Prediction | None:
        """What an ensemble says where nobody's vote counts; None where nobody was asked."""
        runs = [self.runs[one] for one in subset]
        if not any(question.id in run.answers for run in runs):
            return None
        if self.rules.votes == "raw" and any(
            self._value(run, question) is not None for run in runs
        ):
            # The guide's ensembles abstain where every member's answer is empty.
            return Prediction(BLANK)
        return Prediction(None, error="every member failed")

    def verdicts(self, grades: Sequence[NDArray[np.float64]]) -> Verdicts:
        """Grades of several ensembles as arrays of shape (questions, ensembles)."""
        value, ref, na, judged = np.stack(grades, axis=-1).transpose(1, 0, 2)
        return Verdicts(
            value=value, ref=ref, na=na, judged=judged,
            unanswerable=self._unanswerable.astype(np.float64),
        )  # fmt: skip

    def score(self, subset: Subset) -> float:
        """Weighted score of a subset, 0 to 1; 0 where nothing was judged."""
        grades = self.grades(subset)
        value, ref, na, judged = grades.T
        count = int(judged.sum())
        if not count:
            return 0.0
        blank = self._unanswerable & (judged > 0)
        return overall(
            self.scoring.rule,
            self.scoring.weights,
            value=int(value.sum()) / count,
            ref=math.fsum(ref) / count,
            na=int(na[blank].sum()) / int(blank.sum()) if blank.any() else None,
        )

    def joules(self, subset: Subset) -> float | None:
        """Answering energy of a subset a question; None where a member's is unknown."""
        known = [self.runs[member].joules for member in subset]
        return None if None in known else math.fsum(one or 0.0 for one in known)

    def why_unknown(self, subset: Subset) -> str | None:
        """Why the energy of a subset is unknown; None where it is known."""
        for member in subset:
            run = self.runs[member]
            if run.joules is None:
                return f"of {run.name}: {run.why_unknown or 'no reason is recorded'}"
        return None
