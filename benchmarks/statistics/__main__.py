"""Whether intervals cover, probabilities come true, and equal models are called different.

Benchmarks of known truth are simulated (simulation.py) and judged by the very functions that the
tables are made with. On as many further benchmarks all models are equal: any pair that is told
apart is a false win. Each figure is printed beside its limit; past one, the exit status is 1.

    python benchmarks/statistics [--simulations 1000] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any

# More threads than this would fight over the two processes' cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from simulation import (
    MODELS,
    QUESTIONS,
    REPEAT_SD,
    SENSORS,
    Reals,
    Simulated,
    measured,
    simulate,
)

from wattbench.analyses.comparisons import mcnemar_p
from wattbench.analyses.frontier import frontier
from wattbench.analyses.headline import choose
from wattbench.analyses.joint import Joint, cheapest, joint, on_frontier
from wattbench.analyses.joint_columns import per_correct, per_point, per_question
from wattbench.analyses.joint_pairs import against
from wattbench.analyses.repeats import repeats
from wattbench.analyses.scaling import scaling
from wattbench.analyses.standing import Pairs, pairs_of
from wattbench.scoring.paired import holm
from wattbench.scoring.standing import Standing, standing_of
from wattbench.study.judgement import Scoring

LEVEL = 0.95
COVER = (0.93, 0.97)
FALSE_WINS = 0.05
MISJUDGED = 0.03
"""How far a probability may be from the share in which it comes true, in the mean of its bins."""
BINS = (0.0, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0)
REPEATS = 4
Hits = dict[str, list[bool]]
Claims = dict[str, list[tuple[float, bool]]]


@dataclass
class Judged:
    """What one benchmark shows.

    Args:
        seed: The benchmark's seed.
        hits: Whether each interval holds its truth, by figure.
        claims: Probabilities and whether what they speak of is so, by figure.
        wins: Whether any two of equal models are told apart, by test, or the best of unequal ones
            is left out.
    """

    seed: int
    hits: Hits = field(default_factory=dict)
    claims: Claims = field(default_factory=dict)
    wins: dict[str, bool] = field(default_factory=dict)

    @property
    def questions(self) -> int:
        """Number of questions."""
        return QUESTIONS[self.seed % len(QUESTIONS)]

    @property
    def clustered(self) -> bool:
        """Whether questions share documents."""
        return self.seed % 2 == 1

    @property
    def sensor(self) -> str:
        """How energy is measured; each sensor meets each number of questions and clustering."""
        return list(SENSORS)[self.seed // 6 % len(SENSORS)]

    def settings(self, resamples: int) -> Scoring:
        """The study's."""
        cluster = "document" if self.clustered else "question"
        return Scoring(bootstrap=resamples, seed=self.seed, cluster=cluster)


def covered(low: Any, high: Any, truth: Any) -> list[bool]:
    """Whether each interval holds its truth; one without an upper end does from there on."""
    low, high = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
    return ((low <= truth) & ((truth <= high) | np.isnan(high))).tolist()


def standing(made: Simulated, settings: Scoring) -> Standing:
    """A benchmark as the tables would judge it."""
    names = [f"m{n}" for n in range(made.verdicts.value.shape[1])]
    return standing_of(settings, "strict", names, made.verdicts, made.clusters)


def coverage(found: Judged, resamples: int) -> None:
    """Judge intervals and probabilities on a benchmark of models of any skill."""
    rng = np.random.default_rng([found.seed, 1])
    settings = found.settings(resamples)
    skill = rng.normal(1.2, 1.0, MODELS)
    made = simulate(rng, found.questions, skill, clustered=found.clustered)
    stands, truth = standing(made, settings), made.truth
    pairs = pairs_of(stands, settings)
    first, second = pairs.first, pairs.second
    meters = measured(rng, made, SENSORS[found.sensor])
    draws = joint(stands, meters, {}, settings)
    asked = per_question(draws, LEVEL)
    each, point = per_correct(draws, LEVEL), per_point(draws, LEVEL)
    energy = against(draws, pairs.differences, first, second, LEVEL)
    bought = ~np.isnan(each.estimate)
    right = np.divide(truth.joules, truth.value)
    points = found.questions * truth.joules / truth.score / 360_000
    found.hits |= {
        "score": covered(*np.array(stands.ends).T, truth.score),
        "reference overlap": covered(*np.array(stands.ref_ends, dtype=np.float64).T, truth.ref),
        "proportion": covered(*np.array(stands.shares, dtype=np.float64).T, truth.value),
        "difference of scores": covered(
            pairs.differences.low, pairs.differences.high, truth.score[first] - truth.score[second]
        ),
        "J per question": covered(asked.low, asked.high, truth.joules),
        "J per correct answer": covered(each.low[bought], each.high[bought], right[bought]),
        "Wh per point": covered(point.low, point.high, points),
        "ratio of energies": covered(
            energy.low, energy.high, truth.joules[first] / truth.joules[second]
        ),
    }
    gain = truth.score[first] - truth.score[second]
    saving = truth.joules[second] - truth.joules[first]
    on = frontier(list(zip(truth.score.tolist(), truth.joules.tolist(), strict=True)))
    found.claims |= {
        "dominates": [
            *_claims(energy.first_dominates, (gain > 0) & (saving > 0)),
            *_claims(energy.second_dominates, (gain < 0) & (saving < 0)),
        ],
        "on the frontier": _claims(on_frontier(draws.score, draws.energy).mean(axis=0), on),
        "headline is the cheapest": _headline(stands, pairs, draws, truth.joules),
    }
    _slopes(found, draws, truth.score, made)
    best = pairs.ranks.group[int(np.argmax(truth.score))]
    found.wins["best run outside of the top group"] = bool(best > 1)


def _claims(probabilities: Reals, true: Any) -> list[tuple[float, bool]]:
    return list(zip(probabilities.tolist(), np.asarray(true).tolist(), strict=True))


def _headline(
    stands: Standing, pairs: Pairs, draws: Joint, joules: Reals
) -> list[tuple[float, bool]]:
    """The probability that the headline's run is the cheapest of the top group, and if it is."""
    top = pairs.ranks.group == 1
    rows = [
        {"top_group": group, "energy_answer_j": energy, "score": score}
        for group, energy, score in zip(top, draws.estimate, stands.whole.score[0], strict=True)
    ]
    named = choose(rows)
    if named is None or top.sum() == 1:
        return []
    least = joules[named] == joules[top].min()
    return [(float(cheapest(draws, top)[named]), bool(least))]


def _slopes(found: Judged, draws: Joint, scores: Reals, made: Simulated) -> None:
    """The slope of the score over the models' sizes."""
    sizes = np.array([0.5, 1.5, 3.0, 7.0, 14.0, 32.0])[:MODELS]
    rows = [
        {
            "run": f"m{m}", "kind": "model", "family": "f", "parameters_b": size,
            "score": draws.standing.whole.score[0, m], "value_accuracy": None,
            "energy_per_question_j": draws.estimate[m] / found.questions,
            "energy_per_correct_j": None, "latency_mean_s": None,
        }
        for m, size in enumerate(sizes.tolist())
    ]  # fmt: skip
    truths = {"score": scores, "energy_per_question_j": np.log10(made.truth.joules)}
    names = {"score": "slope of scores", "energy_per_question_j": "slope of energies"}
    x = np.log10(sizes) - np.log10(sizes).mean()
    for row in scaling(rows, draws, LEVEL):
        true = float(x @ truths[row["measure"]] / (x @ x))
        ends = row["slope_sampling_low"], row["slope_sampling_high"]
        found.hits[names[row["measure"]]] = covered([ends[0]], [ends[1]], true)


def weak(found: Judged, resamples: int) -> None:
    """Energy per right value of models that get little right, and then rarely."""
    rng = np.random.default_rng([found.seed, 3])
    settings = found.settings(resamples)
    skill = rng.normal(-2.0, 0.7, MODELS)
    made = simulate(rng, found.questions, skill, clustered=found.clustered)
    draws = joint(
        standing(made, settings), measured(rng, made, SENSORS[found.sensor]), {}, settings
    )
    each = per_correct(draws, LEVEL)
    bought = ~np.isnan(each.estimate)
    truth = made.truth.joules / made.truth.value
    found.hits["J per correct, weak"] = covered(each.low[bought], each.high[bought], truth[bought])


def repeated(found: Judged, resamples: int) -> None:
    """One model run several times, whose skill is another each time."""
    rng = np.random.default_rng([found.seed, 4])
    settings = found.settings(resamples)
    skill = np.full(REPEATS, rng.normal(0.5, 0.7))
    made = simulate(rng, found.questions, skill, clustered=found.clustered, repeat_sd=REPEAT_SD)
    rows = [
        {"run": f"m{n}", "repeat_of": "m0" if n else None, "energy_answer_j": None}
        for n in range(REPEATS)
    ]
    (row,) = repeats(standing(made, settings), rows, settings)
    found.hits["mean of repeats"] = covered(
        [row["score_low"]], [row["score_high"]], made.truth.score[0]
    )


def false_wins(found: Judged, resamples: int) -> None:
    """Whether any two of equal models are told apart, by test."""
    rng = np.random.default_rng([found.seed, 2])
    settings = found.settings(resamples)
    skill = np.full(MODELS, rng.normal(1.0, 0.7))
    made = simulate(rng, found.questions, skill, clustered=found.clustered)
    stands = standing(made, settings)
    pairs = pairs_of(stands, settings)
    p = mcnemar_p(stands, pairs, settings)
    found.wins |= {
        "difference of scores": bool(pairs.apart.any()),
        "McNemar": bool((holm(p) < 1 - LEVEL).any()),
        "outside of the top group": bool((pairs.ranks.group > 1).any()),
        "(without adjusting)": bool((pairs.differences.p < 1 - LEVEL).any()),
    }


def _one(task: tuple[int, int]) -> Judged:
    found = Judged(task[0])
    for judge in (coverage, weak, repeated, false_wins):
        judge(found, task[1])
    return found


GROUPS: dict[str, Callable[[Judged], bool]] = {
    **{f"n={size}": lambda one, size=size: one.questions == size for size in QUESTIONS},
    "single": lambda one: not one.clustered,
    "document": lambda one: one.clustered,
    "doc. n=40": lambda one: one.clustered and one.questions == QUESTIONS[0],
    **{name: lambda one, name=name: one.sensor == name for name in SENSORS},
}


def run(simulations: int, resamples: int, processes: int) -> dict[str, Any]:
    """All figures."""
    tasks = [(seed, resamples) for seed in range(simulations)]
    with ProcessPoolExecutor(processes) as pool:
        results = list(pool.map(_one, tasks, chunksize=max(1, simulations // 50)))
    cover = _shares(results)
    claims = {name: _calibration(results, name) for name in results[0].claims}
    wins = _wins(results)
    good = all(COVER[0] <= share <= COVER[1] for share in cover.values())
    good &= all(one["misjudged"] <= MISJUDGED for one in claims.values())
    good &= all(share <= FALSE_WINS for name, share in wins.items() if "without" not in name)
    return {
        "simulations": simulations,
        "resamples": resamples,
        "models": MODELS,
        "level": LEVEL,
        "limits": {"coverage": COVER, "misjudged": MISJUDGED, "false_wins": FALSE_WINS},
        "coverage": cover,
        "coverage_by_group": {
            group: _shares([one for one in results if chosen(one)])
            for group, chosen in GROUPS.items()
        },
        "calibration": claims,
        "false_wins": wins,
        "false_wins_by_group": {
            group: _wins([one for one in results if chosen(one)])
            for group, chosen in GROUPS.items()
            if group not in SENSORS
        },
        "good": bool(good),
    }


def _shares(results: Sequence[Judged]) -> dict[str, float]:
    return {
        name: float(np.mean([hit for one in results for hit in one.hits[name]]))
        for name in (results[0].hits if results else ())
    }


def _wins(results: Sequence[Judged]) -> dict[str, float]:
    return {name: float(np.mean([one.wins[name] for one in results])) for name in results[0].wins}


def _calibration(results: Sequence[Judged], name: str) -> dict[str, Any]:
    """What was promised and what came true, by bins of what was promised."""
    said = np.array([claim for one in results for claim in one.claims[name]], dtype=np.float64)
    place = np.clip(np.searchsorted(BINS, said[:, 0], side="right") - 1, 0, len(BINS) - 2)
    bins = [
        {
            "from": BINS[at],
            "count": len(own),
            "promised": float(own[:, 0].mean()),
            "true": float(own[:, 1].mean()),
        }
        for at in range(len(BINS) - 1)
        if len(own := said[place == at])
    ]
    gaps = [abs(one["promised"] - one["true"]) * one["count"] for one in bins]
    return {
        "count": len(said),
        "promised": float(said[:, 0].mean()),
        "true": float(said[:, 1].mean()),
        "misjudged": float(np.sum(gaps) / len(said)),
        "bins": bins,
    }


BEYOND = "  BEYOND ITS LIMIT"


def _print(found: dict[str, Any]) -> None:
    groups = found["coverage_by_group"]
    low, high = COVER
    print(f"{found['simulations']} benchmarks of {MODELS} models: share of 95 % intervals that "
          f"hold the truth, in %; limit: {low:.0%} to {high:.0%} in all")  # fmt: skip
    print(f"{'':22}{'all':>6}" + "".join(f"{name[:10]:>11}" for name in groups))
    for name, share in found["coverage"].items():
        cells = "".join(f"{100 * groups[group].get(name, np.nan):11.1f}" for group in groups)
        print(f"{name:22}{100 * share:6.1f}{cells}{'' if low <= share <= high else BEYOND}")
    print(f"\nprobabilities, and how often what they speak of is so, in %; limit: {MISJUDGED:.0%} "
          "apart in the mean over bins")  # fmt: skip
    for name, one in found["calibration"].items():
        cells = "  ".join(f"{100 * b['promised']:.0f}:{100 * b['true']:.0f}" for b in one["bins"])
        print(f"{name:26}promised {100 * one['promised']:5.1f}  true {100 * one['true']:5.1f}  "
              f"apart {100 * one['misjudged']:4.1f}   {cells}"
              f"{'' if one['misjudged'] <= MISJUDGED else BEYOND}")  # fmt: skip
    print("\nfalse wins: benchmarks of equal models in which any two are told apart, and of "
          f"unequal ones whose best is left out, in %; limit: {FALSE_WINS:.0%}")  # fmt: skip
    groups = found["false_wins_by_group"]
    print(f"{'':34}{'all':>6}" + "".join(f"{name[:10]:>11}" for name in groups))
    for name, share in found["false_wins"].items():
        cells = "".join(f"{100 * groups[group][name]:11.1f}" for group in groups)
        print(f"{name:34}{100 * share:6.1f}{cells}"
              f"{'' if 'without' in name or share <= FALSE_WINS else BEYOND}")  # fmt: skip
    print("\nholds" if found["good"] else "\nDOES NOT HOLD")


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the figures; fails where an interval, a probability or a test breaks its word."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--resamples", type=int, default=Scoring().bootstrap)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    least = 2 * len(QUESTIONS) * len(SENSORS)
    if options.simulations < least:
        parser.error(f"--simulations must be at least {least}")
    found = run(options.simulations, options.resamples, options.processes)
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        _print(found)
    return 0 if found["good"] else 1


if __name__ == "__main__":
    sys.exit(main())
