"""`wattbench parse-corpus`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from wattbench.cli.common import LogOption, StudyOption, open_study, stage


def register(app: typer.Typer) -> None:
    """Add the commands of the corpus stage."""

    @app.command("parse-corpus")
    def parse_corpus(
        study: StudyOption,
        corpus: Annotated[str, typer.Option("--corpus", help="Name of the corpus in the study.")],
        log: LogOption = None,
    ) -> None:
        """Read a corpus' documents into one table of nodes.

        Documents that cannot be read are listed in problems.parquet and never stop the rest.

        Example: wattbench parse-corpus --study config/config.yaml --corpus demo
        """
        from wattbench.corpus.stage import parse_corpus as run
        from wattbench.study.layout import Layout
        from wattbench.tables.documents import PROBLEMS
        from wattbench.tables.files import read_json, read_rows

        with stage(log):
            found = open_study(study)
            run(found, corpus)
            layout = Layout(Path(found.study.results))
            kinds = read_json(layout.corpus_manifest(corpus))["kinds"]
            problems = read_rows(layout.corpus_problems(corpus), PROBLEMS)
            for problem in problems:
                lost = "left out" if problem["dropped"] else "read"
                mend = f" {problem['mend']}" if problem["mend"] else ""
                typer.echo(
                    f"{problem['file']} ({lost}): {problem['kind']}: {problem['detail']}.{mend}",
                    err=True,
                )
            counts = Counter(str(problem["kind"]) for problem in problems)
            told = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
            typer.echo(
                f"{kinds['document']} documents, {kinds.get('sentence', 0)} sentences; "
                f"problems: {told or 'none'}",
                err=True,
            )
