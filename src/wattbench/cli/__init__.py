"""The command line: `wattbench <stage> ...`."""

from wattbench.cli.app import main

__all__ = ["main"]
