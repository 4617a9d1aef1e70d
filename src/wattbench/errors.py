"""The errors a user can meet: each says what is wrong, where, and how to mend it."""

from __future__ import annotations

EXIT_CANNOT_RUN = 1
EXIT_BAD_INPUT = 2


class WattbenchError(Exception):
    """A failure that the user can act on; the command line prints it without a traceback.

    Args:
        what: What is wrong, one sentence.
        where: The file, line or key concerned.
        mend: What to do about it.
    """

    exit_code = EXIT_CANNOT_RUN

    def __init__(self, what: str, *, where: str | None = None, mend: str | None = None) -> None:
        self.what = what
        self.where = where
        self.mend = mend
        super().__init__(self.paragraph())

    def paragraph(self) -> str:
        """The whole message as one paragraph."""
        place = f"{self.where}: " if self.where else ""
        mend = f" {self.mend}" if self.mend else ""
        return f"{place}{self.what}{mend}"


class InputError(WattbenchError):
    """The study, a document, a question file or an argument cannot be used (exit code 2)."""

    exit_code = EXIT_BAD_INPUT


class ParseError(InputError):
    """A tool's output does not look as that tool's output does; `where` names source and line."""


class FaultError(WattbenchError):
    """The machine failed us: full disk, missing tool, a server that is away (exit code 1)."""
