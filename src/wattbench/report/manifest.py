"""The report's manifest: what was made, from what, with what, and what was left out and why."""

from __future__ import annotations

import hashlib
from typing import Any

import yaml

from wattbench.report.content import Content
from wattbench.report.views.registry import VIEWS


def manifest(content: Content, outputs: dict[str, bytes], figures_failed: dict[str, str]) -> str:
    """The manifest as YAML.

    Args:
        content: What was shown.
        outputs: Bytes of every file written, by path relative to the report folder.
        figures_failed: Reason by name of a figure that could not be written.
    """
    data = content.data
    skipped = [
        {
            "view": name,
            "questions": part.group.questions,
            "environment": part.group.environment,
            "why": drawn.reason,
        }
        for part in content.groups
        for name, drawn in part.views.items()
        if drawn.reason is not None
    ]
    chosen = {name for part in content.groups for name in part.views}
    skipped += [
        {"view": name, "why": "the report's `which_figures` does not name it"}
        for name in VIEWS
        if name not in chosen
    ]
    skipped += [{"figure": name, "why": why} for name, why in sorted(figures_failed.items())]
    skipped += [{"table": name, "why": why} for name, why in sorted(data.absent.items())]
    value: dict[str, Any] = {
        "study": data.study.study.name,
        "report": data.name,
        "title": data.title,
        "question_sets": [
            {
                "questions": p.group.questions,
                "environment": p.group.environment,
                "question_count": len(p.group.question_rows),
                "runs": [r.name for r in p.group.runs],
                "headline": p.headline.sentence,
            }
            for p in content.groups
        ],
        "filters": data.filters,
        "definition": data.definition.model_dump(mode="json", exclude_defaults=True),
        "figures": [
            {
                "view": name,
                "questions": part.group.questions,
                "environment": part.group.environment,
                "runs_not_shown": [{"run": run, "why": why} for run, why in drawn.left_out],
            }
            for part in content.groups
            for name, drawn in part.views.items()
            if drawn.figure is not None
        ],
        "versions": content.made_with,
        "command": content.command,
        "inputs": {path: {"sha256": digest} for path, digest in sorted(data.inputs.items())},
        "outputs": {
            path: {"sha256": hashlib.sha256(written).hexdigest(), "bytes": len(written)}
            for path, written in sorted(outputs.items())
        },
        "skipped": skipped,
    }  # fmt: skip
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)
