"""Searching a study's runs for an ensemble, and judging the choice where it was not made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from wattbench.analyses.ensemble_field import Field, Rules, candidates, own_rule
from wattbench.analyses.ensemble_search import Search, Wanted, ordered, search, usable
from wattbench.analyses.ensemble_trial import Trial, cross_fit, trial, unseen
from wattbench.errors import InputError
from wattbench.study.models import Study
from wattbench.study.questions import study_questions


@dataclass(frozen=True)
class Choice:
    """An ensemble that was chosen, and how it does elsewhere.

    Args:
        search: How it was chosen.
        trial: How it does, or with folds how the choosing does, on questions it was not made on.
        reported: On which questions that is, in words.
        folds: Members that were chosen for each fold; empty with a set to report on.
        why_unknown: Why the energy of the trial is unknown; None where it is known.
        left_out: Why runs were not chosen from, by name.
    """

    search: Search
    trial: Trial
    reported: str
    folds: tuple[tuple[str, ...], ...]
    why_unknown: str | None
    left_out: Mapping[str, str]


def choose_ensemble(
    study: Study,
    rules: Rules,
    wanted: Wanted,
    *,
    on: str,
    report_on: str | None,
    folds: int | None,
    advance: Callable[[int], None] = lambda _: None,
) -> Choice:
    """The best subset on one question set, judged on another, or by cross-fitting.

    Args:
        study: The study.
        rules: How members vote.
        wanted: What is searched for.
        on: Question set that the choice is made on.
        report_on: Another set to judge it on; or None.
        folds: Folds of `on` to judge it by instead; or None.
        advance: Called with the number of subsets tried since.

    Raises:
        InputError: Neither or both of `report_on` and `folds` are given, the sets are one, no
            run can be chosen from, or no subset scores enough.
    """
    if (report_on is None) == (folds is None):
        raise InputError(
            "give either --report-on, another question set, or --cross-fit.",
            mend="A choice is not judged on the questions it was made on.",
        )
    if report_on == on:
        raise InputError(
            f"the choice is made on '{on}', so '{on}' cannot judge it.",
            mend="Report on another set, or give --cross-fit 5 instead of --report-on.",
        )
    there, left_out = candidates(study, on)
    runs, without = usable(there, wanted.goal)
    left_out |= without
    gold = study_questions(study, on)
    chosen_on = Field(study.scoring, rules, gold, runs, own_rule(study, on))
    if report_on is None:
        field = ordered(chosen_on)
        found = search(field, wanted, advance)
        across = cross_fit(field, wanted, folds or 2, advance)
        return Choice(
            search=found,
            trial=across.trial,
            reported=f"on '{on}' by cross-fitting in {len(across.folds)} folds: what is judged is "
            "the choosing, for each fold is answered by the subset that the others chose",
            folds=tuple(one.best.members for one in across.folds),
            why_unknown=next(
                (why for one in across.folds if (why := _why(field, one.best.members))), None
            ),
            left_out=left_out,
        )
    others, absent = candidates(study, report_on)
    left_out |= {name: why for name, why in absent.items() if name not in left_out}
    runs, _ = usable([run for run in runs if run.name not in absent], wanted.goal)
    whole = study_questions(study, report_on)
    own = own_rule(study, report_on)
    judge = Field(study.scoring, rules, unseen(whole, gold), others, own)
    found = search(ordered(replace(chosen_on, runs=runs)), wanted, advance)
    shared = len(whole) - len(judge.gold)
    less = f", without the {shared} of its questions that are in '{on}' too" if shared else ""
    return Choice(
        search=found,
        trial=trial(judge, found.best.members, found.single.members),
        reported=f"on '{report_on}'{less}",
        folds=(),
        why_unknown=_why(judge, found.best.members),
        left_out=left_out,
    )


def _why(field: Field, members: tuple[str, ...]) -> str | None:
    places = {run.name: place for place, run in enumerate(field.runs)}
    return field.why_unknown(tuple(places[name] for name in members))
