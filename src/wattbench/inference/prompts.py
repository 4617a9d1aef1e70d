"""The prompts: what a model is told, and the JSON schema that its reply must meet.

A prompt is a name that studies use and never changes what it says: another wording is another
name. Its digest is part of every answer's identity all the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from wattbench.files import digest
from wattbench.inference.backends.base import Message
from wattbench.tables.values import BLANK

SNIPPET_BREAK = "\n---\n"
NO_SNIPPETS = "(no documents were found)"


@dataclass(frozen=True)
class Prompt:
    """One prompt.

    Args:
        name: What a study calls it.
        system: The system message.
        user: The user message, with {context}, {question} and {unit}.
        fields: Keys of the reply and the JSON schema of each, in order; the references' schema is
            completed with what may be cited.
        refs: Key of the references, or None where the reply holds none.
        numbered: Documents are shown and cited by number, which takes fewer tokens than their ids.
    """

    name: str
    system: str
    user: str
    fields: Mapping[str, Mapping[str, Any]]
    refs: str | None = "ref_id"
    numbered: bool = False

    @property
    def digest(self) -> str:
        """sha256 of all that the prompt says and asks for, as 64 hex digits."""
        said = [self.system, self.user, list(self.fields.items())]
        return digest([*said, self.refs, self.numbered])

    def messages(
        self, question: str, unit: str | None, snippets: Sequence[Mapping[str, Any]]
    ) -> tuple[Message, ...]:
        """The chat that asks a question.

        Args:
            question: Its text.
            unit: Unit the answer is asked in, or None.
            snippets: Rows of `contexts.snippets`, in order.
        """
        marks = dict(zip(_documents(snippets), self._marks(snippets), strict=True))
        lines = [f"{self._shown(marks[s['document_id']])} {_one_line(s['text'])}" for s in snippets]
        filled = self.user.format(
            context=SNIPPET_BREAK.join(lines) or NO_SNIPPETS,
            question=_one_line(question),
            unit=unit or BLANK,
        )
        return (Message("system", self.system), Message("user", filled))

    def schema(self, snippets: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """JSON schema of the reply; references are held to the documents of the context."""
        properties = {key: dict(value) for key, value in self.fields.items()}
        if self.refs is not None:
            marks = self._marks(snippets)
            properties[self.refs] = {
                "type": "array",
                "items": {"enum": marks or [BLANK]},
                "maxItems": min(len(marks), MOST_REFS),
            }
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }

    def cited(self, refs: Sequence[str], snippets: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
        """Ids of the documents that a reply cites.

        Args:
            refs: Its references as written; what is no number of a document stays as it is.
            snippets: The snippets it was shown.
        """
        if not self.numbered:
            return tuple(refs)
        known = {str(n): d for n, d in enumerate(_documents(snippets), start=1)}
        return tuple(dict.fromkeys(known.get(ref.strip(), ref) for ref in refs))

    def _marks(self, snippets: Sequence[Mapping[str, Any]]) -> Sequence[int | str]:
        documents = _documents(snippets)
        return list(range(1, len(documents) + 1)) if self.numbered else documents

    def _shown(self, mark: int | str) -> str:
        return f"[{mark}]" if self.numbered else f"[{self.refs}={mark}]"


def _documents(snippets: Sequence[Mapping[str, Any]]) -> list[str]:
    """Ids of the documents, in the order in which they are shown."""
    return list(dict.fromkeys(str(s["document_id"]) for s in snippets))


def _one_line(text: str) -> str:
    return " ".join(text.split())


MOST_REFS = 4


def _value(longest: int) -> dict[str, Any]:
    """Schema of an answer value: a number, a list of numbers or texts, or a text.

    A text alone would force models that begin a number into '.66' and '{66}'.
    """
    text = {"type": "string", "maxLength": longest}
    items = {"anyOf": [{"type": "number"}, text]}
    listed = {"type": "array", "items": items, "minItems": 1, "maxItems": 4}
    return {"anyOf": [{"type": "number"}, listed, text]}


_GUIDE_ROLE = (
    "You answer questions from documents. Use only the context that the user gives you and "
    "nothing else that you know. If the context does not support an answer, write is_blank "
    "as answer_value and as ref_id. For a true-or-false question answer_value is 1 for true "
    "and 0 for false."
)
_GUIDE_RULES = (
    "Rules:\n"
    "- answer_value is a number without unit and without thousands separators, or a name, or "
    "a list [a, b]; a range is written [low, high].\n"
    "- Give the number in the unit named below; is_blank there means that none applies.\n"
    "- ref_id lists the ids of the documents that hold the answer, as they stand in "
    "[ref_id=...].\n"
    "- Where the context lacks the answer, answer_value and ref_id are is_blank.\n\n"
)
_GUIDE_UNIT = 'Additional info (JSON): {{"answer_unit": "{unit}"}}\n\n'
_GUIDE_REPLY = (
    "Reply with one JSON object and nothing else, its keys in this order:\n"
    "explanation: why the context gives this answer, in one to three sentences;\n"
    "answer: the answer as a sentence;\n"
    "answer_value: the bare value, or is_blank;\n"
    "ref_id: list of document ids;\n"
    "ref_url: list of the documents' addresses where the context states them, else empty;\n"
    "supporting_materials: the words, table or figure that the answer rests on."
)

GUIDE_V1 = Prompt(
    name="guide-v1",
    system=_GUIDE_ROLE,
    user=(
        "Read the question and then the context, and answer from the context alone.\n"
        f"{_GUIDE_RULES}{_GUIDE_UNIT}"
        "Question: {question}\n\n"
        "Context:\n{context}\n\n"
        f"{_GUIDE_REPLY}"
    ),
    fields={
        "explanation": {"type": "string", "maxLength": 400},
        "answer": {"type": "string", "maxLength": 200},
        "answer_value": _value(120),
        "ref_id": {},
        "ref_url": {"type": "array", "items": {"type": "string", "maxLength": 200}, "maxItems": 4},
        "supporting_materials": {"type": "string", "maxLength": 300},
    },
)
"""The guide's prompt: six keys, the question before the context."""

GUIDE_V2 = replace(
    GUIDE_V1,
    name="guide-v2",
    system=f"{_GUIDE_ROLE}\n{_GUIDE_RULES}{_GUIDE_REPLY}",
    user=f"Context:\n{{context}}\n\n{_GUIDE_UNIT}Question: {{question}}",
)
"""The same words, what prompts share first: rules, then context, then question."""

_COMPACT_ROLE = "Answer from the context only, as JSON on one line."
_COMPACT_REPLY = (
    "explanation: one sentence: what the context says on exactly this question, or that it "
    "does not say it.\n"
    "answer_value: the number alone, in that unit; [low, high] for a range; a name or a list "
    'of names; 1 or 0 for true or false; "is_blank" if the context does not say it.\n'
    "refs: numbers of the texts that say it."
)

COMPACT_V1 = Prompt(
    name="compact-v1",
    system=_COMPACT_ROLE,
    user=f"{{context}}\n\nQuestion: {{question}}\nUnit: {{unit}}\n{_COMPACT_REPLY}",
    fields={
        "explanation": {"type": "string", "maxLength": 64},
        "answer_value": _value(32),
        "refs": {},
    },
    refs="refs",
    numbered=True,
)
"""For small models on a processor: few words to read and to write."""

COMPACT_V2 = replace(
    COMPACT_V1,
    name="compact-v2",
    system=f"{_COMPACT_ROLE}\n{_COMPACT_REPLY}",
    user="{context}\n\nQuestion: {question}\nUnit: {unit}",
)
"""The same words, what prompts share first: so questions on the same texts read them once."""

PROMPTS: Mapping[str, Prompt] = {
    prompt.name: prompt for prompt in (GUIDE_V1, GUIDE_V2, COMPACT_V1, COMPACT_V2)
}
"""Every prompt by its name; the names are those of `study.inference.PromptName`."""
