"""The study's words for a server that a job starts on its own node."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from wattbench.study.section import Section, Text

Kind = Literal["vllm", "llama-server", "xllamacpp", "ollama", "command"]
FILE_READERS = frozenset({"llama-server", "xllamacpp"})


class ServerOptions(Section):
    """A server that the job starts and stops; part of the identity, for it decides the answers."""

    kind: Kind
    args: tuple[Text, ...] = ()
    """Further arguments of its command line."""

    command: tuple[Text, ...] = ()
    """Of the kind `command`: the command line, with {model}, {host} and {port} to fill in."""

    key_variable: str | None = Field(default=None, pattern=r"^[A-Z_][A-Z0-9_]*$")
    """Of the kind `command`: environment variable in which the server expects its key; default:
    it takes none."""

    health: Text = "/v1/models"
    """Of the kind `command`: path that answers with 200 once the server is ready."""

    @model_validator(mode="after")
    def _fits_its_kind(self) -> ServerOptions:
        own = self.kind == "command"
        if own and not any("{port}" in word for word in self.command):
            raise ValueError("the kind 'command' needs a 'command' with {port} in it")
        if not own and (self.command or self.key_variable):
            raise ValueError("'command' and 'key_variable' are for the kind 'command'")
        return self

    @property
    def runs_llamacpp(self) -> bool:
        """Whether it is llama.cpp, which reads a weight file of this machine."""
        return self.kind in FILE_READERS
