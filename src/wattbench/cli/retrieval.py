"""`wattbench build-index`, `retrieve` and `search`."""

from __future__ import annotations

from typing import Annotated

import typer

from wattbench.cli.common import (
    AttemptOption,
    IdentityOption,
    JsonOption,
    LogOption,
    QuestionsOption,
    RetrievalOption,
    StudyOption,
    check_identity,
    open_study,
    print_json,
    slurm_scheduler,
    stage,
)

IndexOption = Annotated[str, typer.Option("--index", help="Name of the index in the study.")]


def register(app: typer.Typer) -> None:
    """Add the commands of the retrieval stages."""

    @app.command("build-index")
    def build_index(study: StudyOption, index: IndexOption, log: LogOption = None) -> None:
        """Embed a corpus' nodes and write the index.

        Example: wattbench build-index --study config/config.yaml --index minilm
        """
        from wattbench.retrieval.index_stage import build_index as run

        with stage(log):
            run(open_study(study), index)

    @app.command("plan-queries")
    def plan_queries(  # noqa: PLR0917 - typer makes them options
        study: StudyOption,
        questions: QuestionsOption,
        retrieval: RetrievalOption,
        identity: IdentityOption = None,
        attempt: AttemptOption = 1,
        log: LogOption = None,
    ) -> None:
        """Let the retrieval's planning model turn each question into search queries.

        Example: wattbench plan-queries --study my.yaml --questions mine --retrieval planned
        """
        from wattbench.inference.planning import plan_queries as run
        from wattbench.study.demands import with_devices
        from wattbench.study.identity import planner_identity

        with stage(log):
            opened = open_study(study)
            if retrieval in opened.retrievals:
                found = planner_identity(opened, retrieval)
                check_identity(identity, found, f"the planner of '{retrieval}'")
            run(
                with_devices(opened),
                questions,
                retrieval,
                scheduler=slurm_scheduler(),
                retry=attempt > 1,
            )

    @app.command("retrieve")
    def retrieve(
        study: StudyOption,
        questions: QuestionsOption,
        retrieval: RetrievalOption,
        log: LogOption = None,
    ) -> None:
        """Find the snippets that each question is given.

        Example: wattbench retrieve --study config/config.yaml --questions demo --retrieval default
        """
        from wattbench.retrieval.retrieve_stage import retrieve as run

        with stage(log):
            run(open_study(study), questions, retrieval)

    @app.command("search")
    def search(
        study: StudyOption,
        query: Annotated[str, typer.Argument(help="What to look for.")],
        index: IndexOption,
        top_k: Annotated[int, typer.Option("--top-k", min=1, help="Hits to show.")] = 5,
        as_json: JsonOption = False,
    ) -> None:
        """Show what an index finds for a query.

        Example: wattbench search --study config/config.yaml --index minilm "energy of BLOOM"
        """
        from wattbench.retrieval.retrieve_stage import open_searcher

        with stage():
            searcher = open_searcher(open_study(study), index)
            tree = searcher.index.tree
            hits = [
                {
                    "rank": rank,
                    "score": score,
                    "node_id": tree.node_ids[row],
                    "document_id": tree.document_ids[row],
                    "document_title": tree.titles[row],
                    "text": tree.texts[row],
                }
                for rank, (row, score) in enumerate(searcher.nearest(query, top_k), start=1)
            ]
            if as_json:
                print_json(hits)
                return
            for hit in hits:
                typer.echo(f"{hit['rank']:>3}  {hit['score']:.3f}  {hit['node_id']}")
                typer.echo(f"     {hit['document_title']}")
                typer.echo(f"     {hit['text']}\n")
