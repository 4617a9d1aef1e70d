"""The subcommands `aggregate` and `headline`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from wattbench.cli.common import (
    IdentityOption,
    JsonOption,
    LogOption,
    StudyOption,
    check_identity,
    open_study,
    print_json,
    stage,
)


def register(app: typer.Typer) -> None:
    """Add the subcommands."""

    @app.command(epilog="Example: wattbench aggregate --study study.yaml")
    def aggregate(
        study: StudyOption, identity: IdentityOption = None, log: LogOption = None
    ) -> None:
        """Write the tables of all runs and ensembles."""
        with stage(log):
            from wattbench.analyses.aggregate import aggregate as run_stage
            from wattbench.study.identity import digest_of, tables_slice

            settings = open_study(study)
            check_identity(identity, digest_of(tables_slice(settings)), "the tables")
            run_stage(settings)

    @app.command(
        epilog="Example: wattbench headline --study study.yaml\n\n"
        "In the table, a star marks the headline's run, '=' the runs that the data cannot tell "
        "from the best, and '~' an estimate."
    )
    def headline(
        study: StudyOption,
        questions: Annotated[
            str | None, typer.Option(help="One question set; default: all of them.")
        ] = None,
        as_json: JsonOption = False,
        log: LogOption = None,
    ) -> None:
        """Print which run answers best for the fewest joules, and a table of all runs."""
        with stage(log):
            from wattbench.cli.model_table import show
            from wattbench.errors import InputError

            settings = open_study(study)
            groups = _groups(settings.study.results)
            if questions is not None:
                groups = {key: rows for key, rows in groups.items() if key[1] == questions}
                if not groups:
                    raise InputError(
                        f"the tables hold no question set '{questions}'.", mend="Check --questions."
                    )
            if as_json:
                print_json([_as_json(key, rows) for key, rows in groups.items()])
            else:
                show(groups)


def _groups(results: str) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Rows of the table `runs` by environment and question set, best score first."""
    from pathlib import Path

    from wattbench.errors import InputError
    from wattbench.study.layout import Layout
    from wattbench.tables.files import read_rows
    from wattbench.tables.runs import RUNS

    path = Layout(Path(results)).table("runs")
    if not path.exists():
        raise InputError(
            "there are no tables yet.",
            where=str(path),
            mend="Run the workflow, or `wattbench aggregate --study FILE`.",
        )
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in sorted(read_rows(path, RUNS), key=lambda row: -row["score"]):
        groups.setdefault((row["environment"], row["questions"]), []).append(row)
    return dict(sorted(groups.items()))


def _as_json(key: tuple[str, str], rows: list[dict[str, Any]]) -> dict[str, Any]:
    from wattbench.analyses.headline import headline as sentence_of

    found = sentence_of(rows)
    shown = (
        "run", "label", "kind", "score", "score_low", "score_high", "value_accuracy",
        "value_accuracy_low", "value_accuracy_high", "energy_method", "energy_answer_j",
        "energy_gross_j", "energy_per_correct_j", "energy_per_correct_low_j",
        "energy_per_correct_high_j", "latency_mean_s", "rss_peak_bytes", "vram_peak_bytes",
        "top_group", "headline",
    )  # fmt: skip
    return {
        "environment": key[0],
        "questions": key[1],
        "run": found.run,
        "sentence": found.sentence,
        "energy_known": found.energy_known,
        "estimated": found.estimated,
        "runs": [
            {name: row[name] for name in shown}
            | {"unknown": {f["column"]: f["detail"] for f in _unknown(row) if f["column"] in shown}}
            for row in rows
        ],
    }


def _unknown(row: dict[str, Any]) -> list[dict[str, str]]:
    return [entry for entry in row["flags"] if entry["kind"] == "unknown"]
