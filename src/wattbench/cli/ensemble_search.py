"""The subcommand `ensemble search`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from wattbench.cli.common import (
    JsonOption,
    LogOption,
    StudyOption,
    open_study,
    print_json,
    print_rows,
    stage,
)
from wattbench.cli.ensemble_vote import BlankOption, StrategyOption, VotesOption

if TYPE_CHECKING:
    from wattbench.analyses.ensemble_choice import Choice
    from wattbench.analyses.ensemble_search import Tried

Row = dict[str, Any]


def register(group: typer.Typer) -> None:
    """Add the subcommand."""

    @group.command(
        epilog="Examples: wattbench ensemble search --study study.yaml --on demo --report-on full"
        "\n\nwattbench ensemble search --study study.yaml --on demo --cross-fit 5 --at-least 0.7"
    )
    def search(
        study: StudyOption,
        *,
        on: Annotated[str, typer.Option(help="Question set that the choice is made on.")],
        report_on: Annotated[
            str | None,
            typer.Option(help="Another question set, which the chosen subset is reported on."),
        ] = None,
        cross_fit: Annotated[
            int | None,
            typer.Option(
                min=2,
                max=100,
                help="Report on the same set instead, in this many parts, each answered by the "
                "subset that the others choose.",
            ),
        ] = None,
        by: Annotated[
            Literal["score-per-joule", "score"], typer.Option(help="What the best has most of.")
        ] = "score-per-joule",
        at_least: Annotated[
            float, typer.Option(min=0, max=1, help="Score that a subset must reach.")
        ] = 0.0,
        max_members: Annotated[int, typer.Option(min=1, max=62, help="Members at most.")] = 5,
        strategy: StrategyOption = "majority",
        ignore_blank: BlankOption = False,
        votes: VotesOption = "canonical",
        as_json: JsonOption = False,
        log: LogOption = None,
    ) -> None:
        """Find the subset of runs that votes best, judged on questions it was not chosen on."""
        with stage(log):
            from wattbench.analyses.ensemble_choice import choose_ensemble
            from wattbench.analyses.ensemble_field import Rules
            from wattbench.analyses.ensemble_search import Wanted
            from wattbench.progress import Progress

            settings = open_study(study)
            with Progress(f"search on {on}", total=None, unit="subsets") as progress:
                found = choose_ensemble(
                    settings,
                    Rules(strategy, ignore_blank, votes),
                    Wanted(goal=by, at_least=at_least, most=max_members),
                    on=on,
                    report_on=report_on,
                    folds=cross_fit,
                    advance=progress.advance,
                )
            shown = {"on": on, "by": by, **_as_json(found)}
            if as_json:
                print_json(shown)
            else:
                _print(shown)


def _tried(one: Tried) -> Row:
    return {
        "members": list(one.members),
        "score": one.score,
        "joules_per_question": one.joules,
        "score_per_joule": one.per_joule,
    }


def _as_json(choice: Choice) -> Row:
    found, told, why = choice.search, choice.trial, choice.why_unknown
    return {
        "method": found.method,
        "subsets_tried": found.tried,
        "chosen": _tried(found.best),
        "single": _tried(found.single),
        "best_of_each_size": [_tried(one) for one in found.by_size],
        "reported": choice.reported,
        "report": {
            "questions": told.questions,
            "score": told.score,
            "score_interval": told.score_interval,
            "joules_per_question": told.joules,
            "joules_uncertainty": told.uncertainty_j,
            "score_per_joule": told.per_joule,
            "score_per_joule_interval": told.per_joule_interval,
            "gain_over_single": told.gain,
            "gain_interval": told.gain_interval,
            "unknown": {} if why is None else {"joules_per_question": why},
        },
        "folds": choice.folds,
        "left_out": dict(choice.left_out),
    }


def _interval(ends: Sequence[float] | None) -> str:
    return "" if ends is None else f" [{ends[0]:.4g} to {ends[1]:.4g}]"


def _print(shown: Row) -> None:
    rows = [
        {
            "score": f"{one['score']:.3f}",
            "J per question": "not known" if one["joules_per_question"] is None
            else f"{one['joules_per_question']:.4g}",
            "score per J": "not known" if one["score_per_joule"] is None
            else f"{one['score_per_joule']:.4g}",
            "chosen": one["members"] == shown["chosen"]["members"],
            # Where lines are short the longest column is folded: no figure may be.
            "members": ", ".join(one["members"]),
        }
        for one in shown["best_of_each_size"]
    ]  # fmt: skip
    typer.echo(
        f"{shown['subsets_tried']} subsets tried on '{shown['on']}' ({shown['method']}), by "
        f"{shown['by']}. The best of each size, on the questions it was chosen on, which flatter "
        "it:"
    )
    print_rows(rows)
    report = shown["report"]
    typer.echo(f"reported {shown['reported']}:")
    if not shown["folds"]:
        typer.echo(f"  members: [{', '.join(shown['chosen']['members'])}]")
    if report["gain_interval"] is None:
        gain = "that is a single run" if not shown["folds"] else "each fold chose a single run"
    else:
        other = (
            "the best single run" if shown["folds"] else f"{shown['single']['members'][0]} alone"
        )
        gain = f"{report['gain_over_single']:+.3f}{_interval(report['gain_interval'])} over {other}"
    typer.echo(
        f"  score {report['score']:.3f}{_interval(report['score_interval'])} on "
        f"{report['questions']} questions; {gain}"
    )
    if report["joules_per_question"] is None:
        typer.echo(f"  energy not known: {report['unknown']['joules_per_question']}")
    else:
        spread = report["joules_uncertainty"]
        typer.echo(
            f"  {report['joules_per_question']:.4g} J a question"
            + (" (uncertainty not known)" if spread is None else f" +- {spread:.2g}")
            + f"; score per joule {report['score_per_joule']:.4g}"
            + _interval(report["score_per_joule_interval"])
        )
    for number, members in enumerate(shown["folds"], start=1):
        typer.echo(f"  for fold {number}: {', '.join(members)}")
    for name, why in shown["left_out"].items():
        typer.echo(f"  left out: {name}: {why}")
