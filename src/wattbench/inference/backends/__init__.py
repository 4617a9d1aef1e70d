"""The backends, by the name that a study gives.

The modules here load nothing heavy when imported, for a study is checked at every parse of the
workflow; what a backend needs is imported by its `load`.
"""

from __future__ import annotations

import difflib
import importlib.util

from wattbench.errors import InputError
from wattbench.inference.backends import (
    bedrock,
    llamacpp,
    ollama,
    openai,
    recorded,
    transformers,
    vllm,
)
from wattbench.inference.backends.base import REGISTRY, Backend

MODULES = (bedrock, llamacpp, ollama, openai, recorded, transformers, vllm)
"""The modules whose backends are registered."""


def known_backends() -> tuple[str, ...]:
    """Names that a study may use, sorted."""
    return tuple(sorted(REGISTRY))


def backend_class(name: str) -> type[Backend]:
    """The backend of a name.

    Raises:
        InputError: No backend has that name.
    """
    if name not in REGISTRY:
        near = difflib.get_close_matches(name, REGISTRY, n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise InputError(
            f"there is no backend named '{name}'.{hint}",
            mend=f"Known: {', '.join(known_backends())}.",
        )
    return REGISTRY[name]


def availability(name: str) -> tuple[bool, str | None, str | None]:
    """Whether a backend can run here, why not, and which extra to install.

    Returns:
        (True, None, None), or (False, reason, extra); the extra is None where the module
        belongs to every installation.
    """
    cls = backend_class(name)
    missing = [module for module in cls.requires if importlib.util.find_spec(module) is None]
    if not missing:
        return True, None, None
    return False, f"Python module {', '.join(missing)} is not installed", cls.extra
