"""Study sections of documents, questions, indexes and retrieval."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from wattbench.study.section import Name, Section, Text


class Corpus(Section):
    """A folder of documents."""

    documents: Text
    """Folder with PDF, Markdown, HTML, text and JSON files; read recursively."""

    metadata: Text | None = None
    """CSV with id, type, title, year, citation, url; ids are the files' stems."""

    fetch: bool = False
    """Fetch documents that metadata names by url and the folder lacks."""


class QuestionSet(Section):
    """A file of questions with known answers."""

    file: Text
    """CSV in the benchmark guide's columns."""

    label: str | None = None
    """Shown instead of the set's name."""


class Embedder(Section):
    """What turns a sentence into a vector."""

    kind: Literal["minilm", "sentence-transformers", "openai"] = "minilm"
    """minilm is built in; sentence-transformers and openai need their extra."""

    model: str | None = None
    """Model id of a sentence-transformers or OpenAI-compatible embedder."""

    base_url: str | None = None
    """Address of an OpenAI-compatible embeddings endpoint."""

    api_key_env: str | None = None
    """Environment variable that holds the endpoint's key."""

    batch_size: int = Field(default=32, ge=1, le=4096)
    """Sentences embedded at once; no part of the result's identity."""

    @model_validator(mode="after")
    def _external_embedders_name_their_model(self) -> Embedder:
        if self.kind != "minilm" and not self.model:
            raise ValueError(f"embedder kind '{self.kind}' needs the key 'model'")
        if self.kind == "openai" and not self.base_url:
            raise ValueError("embedder kind 'openai' needs the key 'base_url'")
        return self


class Index(Section):
    """A retrieval index over one corpus."""

    corpus: Name | None = None
    """Name of the corpus; may be left out when the study has only one."""

    embedder: Embedder = Embedder()
    bm25: bool = True
    """Keep a BM25 index beside the vectors."""


class Planner(Section):
    """How a question becomes search queries."""

    kind: Literal["question", "rules", "model"] = "question"
    """question: the question itself; rules: split into parts; model: a language model."""

    model: Name | None = None
    """Name of the model entry that plans (kind: model)."""

    max_queries: int = Field(default=3, ge=1, le=16)
    """At most this many queries a question, the question itself included."""

    @model_validator(mode="after")
    def _a_planning_model_is_named(self) -> Planner:
        if (self.kind == "model") != (self.model is not None):
            raise ValueError("planner kind 'model' and the key 'model' go together")
        return self


class Retrieval(Section):
    """Which snippets of the documents a question is given."""

    index: Name | None = None
    """Name of the index; may be left out when the study has only one."""

    planner: Planner = Planner()
    top_k: int = Field(default=8, ge=1, le=1000)
    """Snippets taken for each query."""

    rerank: Literal["frequency", "score", "combined"] = "combined"
    """How hits of several queries are ordered; done before duplicates are dropped."""

    top_k_final: int = Field(default=10, ge=1, le=1000)
    """Snippets kept after reranking."""

    bm25_top_k: int = Field(default=0, ge=0, le=1000)
    """Further snippets taken from BM25, after those of the dense search."""

    parents: int = Field(default=1, ge=0, le=3)
    """Levels of parents that a hit is expanded with."""

    children: int = Field(default=0, ge=0, le=3)
    """Levels of children that a hit is expanded with."""

    max_context_words: int | None = Field(default=None, ge=1)
    """Cut the context after this many words; whole snippets only."""

    retrieval_threshold: float | None = Field(default=None, ge=-1, le=1)
    """Best similarity below which the documents are taken not to hold the answer."""

    below_threshold: Literal["ask", "abstain"] = "ask"
    """What a run does then: ask the model all the same, or abstain without a call."""

    abstention_retries: int = Field(default=0, ge=0, le=4)
    """How often a question on which the model abstains is asked again: try n + 1 is given n + 1
    times `top_k`, `top_k_final` and `bm25_top_k`, within `max_context_words`."""
