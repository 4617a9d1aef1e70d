"""wattbench: which model answers my questions well enough for the fewest joules."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wattbench.api import Results, load

__version__ = version("wattbench")
__all__ = ["Results", "__version__", "load"]


def __getattr__(name: str) -> Any:
    # pandas and DuckDB take a second to load, which no subcommand but the reader of tables needs.
    if name in {"Results", "load"}:
        from wattbench import api  # noqa: PLC0415

        return getattr(api, name)
    raise AttributeError(f"module 'wattbench' has no attribute '{name}'")
