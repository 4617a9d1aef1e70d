"""The made study grown to twenty models with long and hostile names, for plots and tables."""

from __future__ import annotations

import random
from typing import Any

from tests.unit.report import report_fixture as made

TWINS = {f"model-{i:02d}": 0.3 + 0.034 * i for i in range(17)}
"""Further models with the chance that each is right."""

LONG = (
    "organisation-with-a-long-name/Instruct-Tuned-Mixture-of-Experts-72B-2026-02 (8-bit, vLLM) {}"
)
HARD = (
    "$\\frac{1}{0}$ $x_$",
    "名前の長いモデル・指示調整済み・七十億",
    "<script>alert(1)</script>",
    '=HYPERLINK("https://attacker.example","x")',
    "\u202eleft to right\u202c",
    "a\nb\tc\x00d",
    "new-test-v2_fixed jinav4",
    "نموذج لغوي كبير",
    "100 % & more #1 {x} ~ ^ \\\\",
    "🧪🧪🧪",
)


def labels() -> dict[str, str]:
    """Label of each further model."""
    return {name: HARD[i] if i < len(HARD) else LONG.format(i) for i, name in enumerate(TWINS)}


def models() -> dict[str, Any]:
    """The study's section `models`."""
    known = {
        name: {"weights": name, "label": made.LABELS[name], "family": "qwen"}
        for name in made.MODELS
    }
    return known | {
        name: {"weights": name, "label": label, "family": "vendor"}
        for name, label in labels().items()
    }


def grown(table: str, rows: list[made.Row]) -> list[made.Row]:
    """Rows of the made study with those of the further models."""
    draw = random.Random(f"{table}")
    if table == "comparisons":
        return rows + [_pair(rows[0], name, draw) for name in TWINS]
    if not rows or "run" not in rows[0] or table in {"votes", "ensembles", "audit"}:
        return rows
    pattern = [r for r in rows if r["run"] == "qwen-0.5b"]
    return rows + [
        _twin(table, row, name, skill, place)
        for place, (name, skill) in enumerate(TWINS.items())
        for row in pattern
    ]


def _pair(pattern: made.Row, name: str, draw: random.Random) -> made.Row:
    middle = draw.uniform(-0.4, 0.4)
    return {
        **pattern, "first": "qwen-1.5b", "second": name, "difference": middle,
        "difference_low": middle - 0.2, "difference_high": middle + 0.2,
    }  # fmt: skip


def _twin(table: str, row: made.Row, name: str, skill: float, place: int) -> made.Row:
    new = {**row, "run": name}
    draw = random.Random(f"{name}{row.get('question_id', '')}")
    if table == "scores":
        right = draw.random() < skill
        new |= {"value_correct": right, "weighted_score": 0.75 * right + 0.2}
    if table == "runs":
        size = 0.2 * 1.42**place
        factor = size**0.8 * draw.uniform(0.7, 1.4)
        new["frontier_probability"] = draw.uniform(0, 1)
        new |= {
            "label": name, "headline": False, "top_group": skill > 0.7, "parameters_b": size,
            "score": skill, "score_low": skill - 0.12, "score_high": min(skill + 0.1, 1.0),
            "value_accuracy": skill, "value_accuracy_low": skill - 0.15,
            "value_accuracy_high": min(skill + 0.13, 1.0), "family": "vendor",
            "latency_mean_s": 0.4 * size, "latency_p50_s": 0.3 * size, "latency_p95_s": 0.9 * size,
        }  # fmt: skip
        for column, value in row.items():
            if "energy" in column and isinstance(value, float):
                new[column] = value * factor
        if place % 4 == 1:
            new |= {"token_price": 0.02 * size, "token_price_currency": "USD"}
        if place % 6 == 5:
            new |= {c: None for c, v in row.items() if c.startswith("energy_") and v is not None}
            new["frontier_probability"] = None
            new["flags"] = [
                {"column": c, "kind": "unknown", "detail": "a MIG slice shares its meter"}
                for c in ("energy_gross_j", "energy_answer_j", "energy_per_correct_j")
            ]
    return new
