"""Tables of the corpus and retrieval stages."""

from __future__ import annotations

import pyarrow as pa

from wattbench.tables.contract import COUNT, REAL, TEXT, TEXTS, TRUTH, Column, Table

NODES = Table(
    "nodes",
    "The tree of every document, parents before children, in reading order.",
    (
        Column("node_id", TEXT, "doc, doc:sec{n}, doc:sec{n}:p{m} or doc:sec{n}:p{m}:s{k}."),
        Column("parent_id", TEXT, "The node above.", null="for a document"),
        Column("kind", TEXT, "document, section, paragraph, sentence or attachment."),
        Column("document_id", TEXT, "Id of the document, as in metadata.csv."),
        Column("document_title", TEXT, "Title of the document."),
        Column("title", TEXT, "Title of a document or section.", null="for other kinds"),
        Column("text", TEXT, "The node's own text; a section's is its title."),
        Column("section_index", COUNT, "Number of the section, from 1.", null="for a document"),
        Column(
            "paragraph_index",
            COUNT,
            "Number of the paragraph in the document, from 1.",
            null="for a document or section",
        ),
        Column(
            "sentence_index",
            COUNT,
            "Number of the sentence in the document, from 1.",
            null="for other kinds",
        ),
        Column("page", COUNT, "PDF page, from 1.", null="where the format has no pages"),
        Column("words", COUNT, "Words of the text.", unit="words"),
    ),
    key=("node_id",),
)

PROBLEMS = Table(
    "corpus_problems",
    "Documents that could not be read as they are, and what to do about each.",
    (
        Column("file", TEXT, "Path in the documents folder, or the id where there is no file."),
        Column("document_id", TEXT, "Id of the document."),
        Column(
            "kind",
            TEXT,
            "encoding, empty, scanned, broken, unsupported, missing, not_fetched, "
            "duplicate_id or no_metadata.",
        ),
        Column("dropped", TRUTH, "Whether the document is missing from the corpus."),
        Column("detail", TEXT, "What was found."),
        Column("mend", TEXT, "What the user can do.", null="where nothing needs doing"),
    ),
)

SNIPPET = pa.struct(
    [
        ("rank", COUNT),
        ("node_id", TEXT),
        ("document_id", TEXT),
        ("document_title", TEXT),
        ("kind", TEXT),
        ("text", TEXT),
        ("score", REAL),
        ("frequency", COUNT),
        ("source", TEXT),
    ]
)

QUERIES = Table(
    "queries",
    "What a planning model made of each question, one row a question.",
    (
        Column("question_id", TEXT, "Id of the question."),
        Column("position", COUNT, "Place of the question in its file, from 0."),
        Column("queries", TEXTS, "Queries of the model; none where it failed."),
        Column("reply", TEXT, "The model's last reply.", null="where it gave none"),
        Column("error", TEXT, "Kind of failure of the last try.", null="where it did not fail"),
        Column("tries", COUNT, "Times the model was asked."),
        Column("prompt_tokens", COUNT, "Prompt tokens of all replies.", null="where not told"),
        Column("completion_tokens", COUNT, "Tokens of all replies.", null="where not told"),
        Column("total_s", REAL, "Wall time of all tries.", unit="s"),
    ),
    key=("question_id",),
)

CONTEXTS = Table(
    "contexts",
    "What each question is given, one row a question.",
    (
        Column("question_id", TEXT, "Id of the question."),
        Column("position", COUNT, "Place of the question in its file, from 0."),
        Column("question", TEXT, "Text of the question."),
        Column("answer_unit", TEXT, "Unit the answer is asked in.", null="where none is given"),
        Column("queries", TEXTS, "Search queries the planner made."),
        Column(
            "snippets",
            pa.list_(SNIPPET),
            "Snippets in the order of the prompt: rank from 1, cosine score (null for parents, "
            "children and BM25 hits), number of queries that found it, and source: dense, bm25, "
            "parent or child.",
        ),
        Column("top_score", REAL, "Best cosine similarity.", null="where nothing was found"),
        Column("abstain", TRUTH, "Whether the study lets the run abstain without a call."),
        Column("contexts_digest", TEXT, "sha256 of the snippets' ids and texts, in order."),
        Column(
            "wider",
            pa.list_(pa.struct([("contexts_digest", TEXT), ("snippets", pa.list_(SNIPPET))])),
            "More snippets, for a model that abstains; those that show nothing new are left out.",
            null="where the retrieval asks for none (abstention_retries)",
        ),
        Column("retrieval_s", REAL, "Wall time of planning and search.", unit="s"),
    ),
    key=("question_id",),
)

QUESTIONS = Table(
    "questions",
    "Every question with its gold answer.",
    (
        Column("study", TEXT, "Name of the study."),
        Column("questions", TEXT, "Name of the question set."),
        Column("question_id", TEXT, "Id of the question."),
        Column("position", COUNT, "Place in the file, from 0."),
        Column("question", TEXT, "Text of the question."),
        Column("gold_value", TEXT, "Gold answer as written; is_blank where unanswerable."),
        Column("gold_unit", TEXT, "Unit of the gold answer.", null="where none applies"),
        Column("gold_refs", TEXTS, "Ids of the documents that hold the answer."),
        Column("answerable", TRUTH, "Whether the documents hold the answer."),
        Column("kinds", TEXTS, "Of quote, table, figure, math, na: what the question needs."),
        Column("explanation", TEXT, "Why the gold answer is right.", null="where none is given"),
    ),
    key=("questions", "question_id"),
)
