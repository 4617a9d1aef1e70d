"""The headline: which run is the cheapest of those that answer best, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wattbench.tables.contract import reason_for

Row = Mapping[str, Any]
METHODS = {
    "counter": "measured by an energy counter",
    "sampled": "measured by sampling power",
    "estimated": "an estimate from CPU time, no measurement",
    "mixed": "by mixed methods",
}
ALIKE = 9
"""Decimals to which equal scores are equal, for sums may be rounded in another order."""
NAMED = 3
"""Runs named in a sentence before the rest is counted."""
CERTAIN = 0.99
"""A probability above it is not written out: no meter's uncertainty is known that well."""


@dataclass(frozen=True)
class Headline:
    """What a question set's runs say in a paragraph.

    Args:
        run: Name of the run; None where there is none.
        opening: The first sentence: which run, how well, against how many.
        rest: The sentences behind it: what it costs, what it saves, how sure it is that it is the
            cheapest, what to be careful about.
        energy_known: Whether the run's energy is known.
        estimated: Whether its energy is, in whole or in part, an estimate.
    """

    run: str | None
    opening: str
    rest: tuple[str, ...]
    energy_known: bool
    estimated: bool

    @property
    def sentence(self) -> str:
        """The whole paragraph."""
        return " ".join((self.opening, *self.rest))


def choose(rows: Sequence[Row]) -> int | None:
    """Place of the headline's run: the cheapest of the top group.

    A run whose energy is unknown cannot be the cheapest unless no energy in the group is known;
    then it is the one with the highest score. Ties go to the higher score, then to the first. A
    run of which nothing was judged has no score, and is never it.

    Args:
        rows: Rows of the table `runs` of one question set and environment.
    """
    top = [p for p, row in enumerate(rows) if row["top_group"] and not math.isnan(row["score"])]
    if not top:
        return None
    known = [place for place in top if rows[place]["energy_answer_j"] is not None]
    if known:
        return min(known, key=lambda p: (rows[p]["energy_answer_j"], -rows[p]["score"]))
    return max(top, key=lambda place: rows[place]["score"])


def headline(rows: Sequence[Row], labels: Mapping[str, str] | None = None) -> Headline:
    """The headline of one question set in one environment.

    Args:
        rows: Rows of the table `runs`, of models and ensembles.
        labels: Names for people by run; default: the rows' own labels.
    """
    chosen = next((row for row in rows if row["headline"]), None)
    if chosen is None:
        return Headline(
            None, "There is no run to report yet.", (), energy_known=False, estimated=False
        )
    names = {str(row["run"]): str(row["label"]) for row in rows} | dict(labels or {})
    top = [row for row in rows if row["top_group"]]
    scored = [row for row in rows if not math.isnan(row["score"])]
    best = max(scored, key=lambda row: (round(row["score"], ALIKE), row is chosen))
    parts: list[str] = []
    if chosen["energy_answer_j"] is None:
        parts.append(_unknown_energy(chosen, top))
    else:
        parts.append(_cost(chosen))
        parts.append(_saving(chosen, best, top, names))
        parts.append(_sureness(chosen, top))
        parts += _cautions(chosen, top, names)
    return Headline(
        run=str(chosen["run"]),
        opening=_opening(chosen, top, rows, names),
        rest=tuple(filter(None, parts)),
        energy_known=chosen["energy_answer_j"] is not None,
        estimated=chosen["energy_method"] in {"estimated", "mixed"},
    )


def _opening(chosen: Row, top: Sequence[Row], rows: Sequence[Row], names: Mapping[str, str]) -> str:
    name = names[chosen["run"]]
    score = f"{chosen['score']:.2f} [{chosen['score_low']:.2f}–{chosen['score_high']:.2f}]"  # noqa: RUF001
    questions = _count(chosen["question_count"], "question")
    if len(rows) == 1:
        return (
            f"{name} scores {score} on {questions}; it is the only run, "
            "so there is nothing to compare it with."
        )
    if len(top) == 1:
        return (
            f"{name} scores {score} on {questions}, and the data tell it apart from "
            f"every other of the {len(rows)} runs."
        )
    of = f"{'the' if len(top) == len(rows) else f'{len(top)} of'} {len(rows)} runs"
    if chosen["energy_answer_j"] is None:
        return (
            f"{name} scores highest of the runs, {score} on {questions}, "
            f"but the data cannot tell {of} apart."
        )
    known = sum(row["energy_answer_j"] is not None for row in top)
    best = "the cheapest of the best" if known > 1 else "the one run of the best"
    whose = "" if known == len(top) else " whose energy is known"
    return (
        f"{name} is {best}{whose}: it scores {score} on {questions}, "
        f"where the data cannot tell {of} apart."
    )


def _cost(chosen: Row) -> str:
    method = METHODS.get(chosen["energy_method"], chosen["energy_method"])
    scope = {"node": " for the whole node", "process": ""}.get(chosen["energy_scope"] or "", "")
    each = chosen["energy_per_correct_j"]
    if not chosen["energy_answer_j"]:
        return f"Its answering energy came out as 0 J ({method}{scope}), which no answer takes."
    if each is None:
        return (
            f"It took {joules(chosen['energy_answer_j'])} to answer ({method}{scope}) "
            "and got nothing right."
        )
    low, high = chosen["energy_per_correct_low_j"], chosen["energy_per_correct_high_j"]
    if low is None:
        interval = ""
    elif high is None:
        interval = f" [at least {joules(low)}]"
    else:
        interval = f" [{joules(low)}–{joules(high)}]"  # noqa: RUF001
    return f"A correct answer costs {joules(each)}{interval}, {method}{scope}."


def _saving(chosen: Row, best: Row, top: Sequence[Row], names: Mapping[str, str]) -> str:
    own = chosen["energy_answer_j"]
    if not own:
        return ""
    if best is not chosen and best["energy_answer_j"] is not None:
        return (
            f"It answers with {_less(own, best['energy_answer_j'])} energy than "
            f"{names[best['run']]}, which scores highest ({best['score']:.2f})."
        )
    others = [row for row in top if row is not chosen and row["energy_answer_j"] is not None]
    if not others:
        return ""
    dearest = max(others, key=lambda row: row["energy_answer_j"])
    return (
        f"It answers with {_less(own, dearest['energy_answer_j'])} energy than "
        f"{names[dearest['run']]}, the most expensive of them."
    )


def _less(own: float, other: float) -> str:
    if other <= 0 or own >= other:
        return "no less"
    share = 100 * (1 - own / other)
    if share < 99:
        return f"{share:.0f} % less"
    # No answer is free.
    return "over 99.99 % less" if share > 99.99 else f"{share:.2f} % less"


def _cautions(chosen: Row, top: Sequence[Row], names: Mapping[str, str]) -> list[str]:
    cautions = []
    others = [row for row in top if row is not chosen]
    known = [row for row in others if row["energy_answer_j"] is not None]
    unknown = [names[row["run"]] for row in others if row["energy_answer_j"] is None]
    if unknown:
        cautions.append(
            f"Of {_listed(unknown)} the energy is unknown; "
            f"{'it' if len(unknown) == 1 else 'one of them'} may be cheaper."
        )
    kinds = {(row["energy_method"], row["energy_scope"]) for row in (chosen, *known)}
    if len(kinds) > 1:
        cautions.append(
            "The group's energies were not all measured in one way, so compare them with caution."
        )
    return cautions


def _sureness(chosen: Row, top: Sequence[Row]) -> str:
    """How sure it is that the run is the cheapest; nothing where that is no question."""
    known = [row for row in top if row["energy_answer_j"] is not None]
    probability = chosen["cheapest_probability"]
    if len(known) < 2 or probability is None:
        return ""
    among = (
        f"these {len(known)}"
        if len(known) == len(top)
        else f"the {len(known)} whose energy is known"
    )
    return f"The probability that it is the cheapest of {among} is {_probability(probability)}."


def _probability(value: float) -> str:
    if value > CERTAIN:
        return f"above {100 * CERTAIN:.0f} %"
    return f"{100 * value:.0f} %" if value >= 1 - CERTAIN else f"below {100 * (1 - CERTAIN):.0f} %"


def _unknown_energy(chosen: Row, top: Sequence[Row]) -> str:
    reason = reason_for(chosen, "energy_answer_j") or "no reason is recorded"
    what = "No energy is known" if len(top) > 1 else "Its energy is unknown"
    cheapest = ", so the cheapest cannot be named" if len(top) > 1 else ""
    return f"{what} ({reason.rstrip('.')}){cheapest}."


def _listed(names: Sequence[str]) -> str:
    if len(names) > NAMED:
        return f"{', '.join(names[:NAMED])} and {len(names) - NAMED} more"
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def joules(value: float) -> str:
    """Energy with three significant digits and a fitting unit: 0.52 J, 12.3 kJ."""
    for factor, unit in ((1e9, "GJ"), (1e6, "MJ"), (1e3, "kJ")):
        if abs(value) >= factor:
            return f"{_three_digits(value / factor)} {unit}"
    return f"{_three_digits(value)} J"


def _three_digits(value: float) -> str:
    text = f"{value:.3g}"
    return f"{float(text):.0f}" if "e" in text and abs(value) >= 1 else text
