"""What every section of a study has in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
NAME_LENGTH = 80
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN, max_length=NAME_LENGTH)]
"""A name that becomes a folder: letters, digits, '_', '-', '.', no slash, no leading dot."""

Text = Annotated[str, StringConstraints(min_length=1)]


class Section(BaseModel):
    """A frozen part of the study that refuses unknown keys."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        validate_default=True,
        allow_inf_nan=False,
    )


class Factor(Section):
    """A number the user vouches for: its value and where it comes from."""

    value: float
    """The number, in the unit that the key's name gives."""

    source: Text
    """Where the number comes from; shown beside every figure made with it."""
