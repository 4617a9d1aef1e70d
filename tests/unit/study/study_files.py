"""A small sound study on disk."""

from __future__ import annotations

from pathlib import Path

QUESTIONS = "id,question,answer_value,answer_unit,ref_id\nq1,How much?,5,MWh,a\n"
STUDY = """\
study:
  name: small
  results: {root}/results
corpora:
  papers:
    documents: {root}/documents
questions:
  mine:
    file: {root}/questions.csv
models:
  one:
    backend: recorded
    weights: {root}/one.jsonl
  two:
    backend: recorded
    weights: {root}/two.jsonl
indexes:
  words:
    embedder: {{kind: openai, model: m, base_url: "http://localhost:1"}}
ensembles:
  both:
    members: [one, two]
"""


def make_study(root: Path) -> Path:
    """Documents, questions, two recordings and a study that uses them."""
    (root / "documents").mkdir()
    (root / "documents" / "a.md").write_text("# A\n\nIt took 5 MWh.\n")
    (root / "questions.csv").write_text(QUESTIONS)
    for name in ("one", "two"):
        (root / f"{name}.jsonl").write_text('{"question_id": "q1", "reply": "{}"}\n')
    path = root / "study.yaml"
    path.write_text(STUDY.format(root=root))
    return path
