"""Prompts as token ids, and token ids as text: what engines in this process share."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field, JsonValue

from wattbench.errors import InputError
from wattbench.inference.backends.base import BackendFailure, Message
from wattbench.study.section import Section

HALF = "\N{REPLACEMENT CHARACTER}"
"""What a decoder writes for a character of which some bytes are still to come."""


class Rendering(Section):
    """How messages become a prompt."""

    template: Literal["chat", "plain"] = "chat"
    """By the tokenizer's chat template, or the messages one below the other, for base models."""

    template_arguments: dict[str, JsonValue] = Field(default_factory=dict)
    """Given to the chat template, such as {enable_thinking: false}."""

    trust_remote_code: bool = False
    """Run the code that lies beside the weights; only with a pinned revision."""


class Lexicon:
    """A tokenizer that many threads may use: those of Hugging Face allow one at a time.

    Args:
        tokenizer: The tokenizer.
        rendering: How messages become a prompt.
        model: Name of the model, for messages.

    Raises:
        InputError: The study wants a chat template and the model has none.
    """

    def __init__(self, tokenizer: Any, rendering: Rendering, model: str) -> None:
        self._tokenizer = tokenizer
        self._rendering = rendering
        self._lock = threading.Lock()
        if rendering.template == "chat" and not getattr(tokenizer, "chat_template", True):
            raise InputError(
                f"the tokenizer of '{model}' has no chat template.",
                where="models.<name>.options.template",
                mend="Give 'template: plain' where it is a base model.",
            )

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """Token ids of a rendered prompt.

        Raises:
            BackendFailure: The template refuses the messages.
        """
        with self._lock:
            if self._rendering.template == "plain":
                return self._ids("\n\n".join(m.content for m in messages) + "\n\n", special=True)
            return self._ids(self._chat(messages), special=False)

    def _ids(self, text: str, *, special: bool) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=special)["input_ids"])

    def _chat(self, messages: Sequence[Message]) -> str:
        try:
            return self._apply(messages)
        # Templates raise what their authors and jinja choose.
        except Exception as error:
            if messages[0].role != "system" or len(messages) < 2:
                raise BackendFailure("backend", f"the chat template fails: {error}") from error
            # Some models, Gemma 2 among them, know no system message.
            first = Message("user", f"{messages[0].content}\n\n{messages[1].content}")
            return self._chat([first, *messages[2:]])

    def _apply(self, messages: Sequence[Message]) -> str:
        arguments: Mapping[str, Any] = self._rendering.template_arguments
        text: str = self._tokenizer.apply_chat_template(
            [{"role": message.role, "content": message.content} for message in messages],
            tokenize=False,
            add_generation_prompt=True,
            **arguments,
        )
        return text

    def text(self, ids: Sequence[int]) -> str:
        """The text of generated tokens, without those that only mark its end."""
        with self._lock:
            return self._decode(ids)

    def _decode(self, ids: Sequence[int]) -> str:
        text: str = self._tokenizer.decode(
            list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """What each token adds to the text; together they are the text.

        A token that ends within a character adds nothing, and the next one the whole of it. Each
        piece is told from its neighbours, for a token alone may be read with another space before
        it, and reading the whole reply for each token would take long.
        """
        found: list[str] = []
        start = read = 0
        with self._lock:
            for end in range(1, len(ids) + 1):
                before, now = self._decode(ids[start:read]), self._decode(ids[start:end])
                if len(now) > len(before) and not now.endswith(HALF):
                    found.append(now[len(before) :])
                    start, read = read, end
                else:
                    found.append("")
        return found
