"""What a report page holds in packed form, read back as a browser reads it."""

from __future__ import annotations

import base64
import gzip
import json
import re
from typing import Any


def chunks(html: str, part: str, slug: str = "demo") -> list[dict[str, Any]]:
    """The packed chunks of one part: core, short or detail."""
    found = re.findall(
        rf'<script type="text/plain" class="{part}-of-{slug}" data-count="\d+">([A-Za-z0-9+/=]*)'
        r"</script>",
        html,
    )
    return [json.loads(gzip.decompress(base64.b64decode(text))) for text in found]


def core(html: str, slug: str = "demo") -> dict[str, Any]:
    """Runs, ids and verdicts."""
    (found,) = chunks(html, "core", slug)
    return found


def shorts(html: str, slug: str = "demo") -> dict[int, dict[str, Any]]:
    """Question, gold and the runs' values by place."""
    return {
        place: {
            **{name: chunk[name][i] for name in ("text", "gold", "unit", "refs")},
            "value": [column[i] for column in chunk["value"]],
        }
        for chunk in chunks(html, "short", slug)
        for i, place in enumerate(chunk["at"])
    }


def details(html: str, slug: str = "demo") -> dict[int, dict[str, Any]]:
    """What stands behind the question at each place."""
    return {
        place: {
            "why": chunk["why"][i],
            "answers": [{k: v[i] for k, v in run.items()} for run in chunk["answers"]],
            "votes": {run: votes[i] for run, votes in chunk["votes"].items()},
            "contexts": {name: found[i] for name, found in chunk["contexts"].items()},
        }
        for chunk in chunks(html, "detail", slug)
        for i, place in enumerate(chunk["at"])
    }
