"""Where a study's own scoring rules lie, and what their code is."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path

from wattbench.errors import InputError
from wattbench.files import file_digest


def rule_file(where: str) -> Path:
    """The file of a rule.

    Args:
        where: A Python file, relative to the working directory, or a module's dotted name.

    Raises:
        InputError: There is no such file or module.
    """
    if where.endswith(".py"):
        if Path(where).is_file():
            return Path(where)
        raise InputError(
            "there is no such file.",
            where=where,
            mend="Check scoring.custom; paths are relative to the working directory.",
        )
    try:
        spec = importlib.util.find_spec(where)
    except (ImportError, ValueError):
        spec = None
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        raise InputError(
            f"there is no module '{where}'.",
            where="scoring.custom",
            mend="Name a file that ends in .py, or a module that Python finds.",
        )
    return Path(spec.origin)


def rule_digests(custom: Mapping[str, str]) -> dict[str, list[str]]:
    """Where each rule lies and the sha256 of that file; what it imports is not in it.

    Args:
        custom: Files or modules by the rules' names.

    Raises:
        InputError: There is no such file or module.
    """
    return {name: [where, file_digest(rule_file(where))] for name, where in custom.items()}
