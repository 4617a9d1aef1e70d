"""wattbench: which model answers my questions well enough for the fewest joules."""

from importlib.metadata import version

__version__ = version("wattbench")
