"""Replies held to a JSON schema with xgrammar, token by token."""

from __future__ import annotations

import importlib
import json
from collections.abc import Collection, Mapping
from typing import Any

THREADS = 2
CACHE_BYTES = 256 * 2**20


class Grammars:
    """Schemas in the form that generation needs.

    Args:
        tokenizer: The model's tokenizer.
        vocabulary: Number of scores that the model gives for each token.
        ends: Tokens that end a reply.

    Raises:
        Exception: xgrammar cannot read this kind of tokenizer.
    """

    def __init__(self, tokenizer: Any, *, vocabulary: int, ends: Collection[int]) -> None:
        self._library = importlib.import_module("xgrammar")
        words = self._library.TokenizerInfo.from_huggingface(
            tokenizer, vocab_size=vocabulary, stop_token_ids=sorted(ends)
        )
        self._vocabulary = vocabulary
        self._compiler = self._library.GrammarCompiler(
            words, max_threads=THREADS, cache_limit_bytes=CACHE_BYTES
        )

    def of(self, schema: Mapping[str, Any]) -> Grammar:
        """What holds one reply to a schema."""
        # Without room for white space a small model cannot fill its reply with it.
        compiled = self._compiler.compile_json_schema(json.dumps(schema), any_whitespace=False)
        matcher = self._library.GrammarMatcher(compiled, terminate_without_stop_token=True)
        return Grammar(self._library, matcher, self._vocabulary)


class Grammar:
    """The state of one reply.

    Args:
        library: xgrammar.
        matcher: Its matcher.
        vocabulary: Number of scores that the model gives for each token.
    """

    def __init__(self, library: Any, matcher: Any, vocabulary: int) -> None:
        self._library = library
        self._matcher = matcher
        self._allowed = library.allocate_token_bitmask(1, vocabulary)

    def begin(self) -> None:
        """Start at the beginning of the reply."""
        self._matcher.reset()

    def mask(self, scores: Any) -> None:
        """Rule out every token that the schema does not allow next.

        Args:
            scores: The model's, changed in place; shape (1, vocabulary).
        """
        if self._matcher.fill_next_token_bitmask(self._allowed):
            self._library.apply_token_bitmask_inplace(scores, self._allowed.to(scores.device))

    def accept(self, token: int) -> bool:
        """Note the token that was taken; whether the reply goes on."""
        return bool(self._matcher.accept_token(token)) and not self._matcher.is_terminated()
