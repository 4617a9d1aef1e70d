"""The subcommands `list ...`: what a study can choose from."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Mapping
from typing import Any, get_args

import typer

from wattbench.cli.common import JsonOption, print_json, print_rows, stage

Row = dict[str, Any]

EMBEDDERS: Mapping[str, tuple[str, str | None, str | None]] = {
    "minilm": ("all-MiniLM-L6-v2, int8 ONNX, on the processor; built in", None, None),
    "sentence-transformers": (
        "any sentence-transformers model, by its id",
        "sentence_transformers",
        "sentence-transformers",
    ),
    "openai": ("any OpenAI-compatible embeddings endpoint", None, None),
}
"""Per embedder: what it is, the module it needs and the extra that brings it."""

RULES: Mapping[str, str] = {
    "strict": "what a careful reader would call the same answer; for new studies",
    "wattbot-v1": "the WattBot benchmark guide's score as documented, to the letter",
    "wattbot-v2": "its successor, which first normalises the predicted value",
    "exact": "the gold text, but for case and spare spaces",
    "contains": "an answer in which the gold text stands, as whole words and numbers",
    "numeric": "the one number in the answer, prose around it or not; numbers only",
}
STRATEGIES: Mapping[str, str] = {
    "majority": "the answer with the most votes; ties go to the member named first",
    "first_non_blank": "the first answer that is no abstention",
    "answer_priority": "majority; an abstention counts only where nobody answers",
    "confidence": "votes weighted by the answers' confidence, or by the members' accuracy on a set",
}


def register(app: typer.Typer) -> None:
    """Add the subcommands."""
    group = typer.Typer(no_args_is_help=True, help="What a study can choose from.")

    @group.command(epilog="Example: wattbench list weights --json")
    def weights(as_json: JsonOption = False) -> None:
        """Pinned weight files, and which of them this machine has."""
        with stage():
            rows = weight_rows()
            if as_json:
                print_json(rows)
            else:
                weights_table(rows)

    @group.command(epilog="Example: wattbench list backends")
    def backends(as_json: JsonOption = False) -> None:
        """Backends that answer questions, and which of them can run here."""
        with stage():
            print_rows(backend_rows(), as_json=as_json)

    @group.command(epilog="Example: wattbench list embedders")
    def embedders(as_json: JsonOption = False) -> None:
        """Embedders of an index, and which of them can run here."""
        with stage():
            print_rows(embedder_rows(), as_json=as_json)

    @group.command(epilog="Example: wattbench list prompts --json")
    def prompts(as_json: JsonOption = False) -> None:
        """Prompts, with the keys that each asks for; --json has their words."""
        with stage():
            rows = prompt_rows()
            if not as_json:
                rows = [{k: row[k] for k in ("name", "asks_for", "digest")} for row in rows]
            print_rows(rows, as_json=as_json)

    @group.command(epilog="Example: wattbench list rules")
    def rules(as_json: JsonOption = False) -> None:
        """Scoring rules."""
        with stage():
            from wattbench.study.judgement import RULES as NAMES

            print_rows(_described(NAMES, RULES), as_json=as_json)

    @group.command(epilog="Example: wattbench list strategies")
    def strategies(as_json: JsonOption = False) -> None:
        """Voting strategies of ensembles."""
        with stage():
            from wattbench.study.inference import Ensemble

            names = get_args(Ensemble.model_fields["strategy"].annotation)
            print_rows(_described(names, STRATEGIES), as_json=as_json)

    app.add_typer(group, name="list")


def weight_rows() -> list[Row]:
    """The catalogue with what lies in the cache; nothing is hashed."""
    from wattbench.weights.catalogue import CATALOGUE
    from wattbench.weights.store import presence

    rows: list[Row] = []
    for pinned in CATALOGUE.values():
        found = presence(pinned)
        rows.append(
            {
                "name": pinned.name,
                "title": pinned.title,
                "kind": pinned.kind,
                "bytes": pinned.bytes,
                "sha256": pinned.sha256,
                "licence": pinned.licence,
                "hub": None
                if pinned.hub is None
                else f"{pinned.hub.repository}/{pinned.hub.file}@{pinned.hub.revision}",
                "wheels": [f"{wheel.project}=={wheel.version}" for wheel in pinned.wheels],
                "state": found.state,
                "path": str(found.path),
            }
        )
    return rows


def weights_table(rows: list[Row]) -> None:
    """Print the catalogue for people."""
    short = [
        {
            "name": row["name"],
            "kind": row["kind"],
            "size": f"{row['bytes'] / 1e6:.1f} MB",
            "licence": row["licence"],
            "here": row["state"],
        }
        for row in rows
    ]
    print_rows(short)


def backend_rows() -> list[Row]:
    """Every backend, whether it can run here, and what it can do."""
    from wattbench.inference.backends import availability, backend_class, known_backends

    rows: list[Row] = []
    for name in known_backends():
        usable, reason, extra = availability(name)
        abilities = backend_class(name).capabilities
        rows.append(
            {
                "name": name,
                "usable": usable,
                "reason": reason if extra is None else f"pip install 'wattbench[{extra}]'",
                "weights": "file"
                if abilities.local_weights
                else "model id or folder"
                if abilities.hub
                else "model id",
                "max_concurrency": abilities.max_concurrency,
                "deterministic": abilities.deterministic,
            }
        )
    return rows


def embedder_rows() -> list[Row]:
    """Every embedder and whether it can run here."""
    from wattbench.study.retrieval import Embedder

    rows: list[Row] = []
    for name in get_args(Embedder.model_fields["kind"].annotation):
        description, module, extra = EMBEDDERS[name]
        missing = module is not None and importlib.util.find_spec(module) is None
        rows.append(
            {
                "name": name,
                "usable": not missing,
                "reason": f"pip install wattbench[{extra}]" if missing else None,
                "description": description,
            }
        )
    return rows


def prompt_rows() -> list[Row]:
    """Every prompt with its words."""
    from wattbench.inference.prompts import PROMPTS

    return [
        {
            "name": prompt.name,
            "asks_for": list(prompt.fields),
            "digest": prompt.digest[:16],
            "system": prompt.system,
            "user": prompt.user,
        }
        for prompt in PROMPTS.values()
    ]


def _described(names: Iterable[str], descriptions: Mapping[str, str]) -> list[Row]:
    return [{"name": name, "description": descriptions[name]} for name in names]
