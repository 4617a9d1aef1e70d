"""A small study's tables, as the aggregate stage writes them, for the tests of the report."""

from __future__ import annotations

import itertools
import json
import math
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from wattbench.study.layout import Layout
from wattbench.study.models import Study
from wattbench.tables.answers import PREDICTIONS, SAMPLES, SEGMENTS
from wattbench.tables.contract import unknown, warning
from wattbench.tables.documents import CONTEXTS, QUESTIONS
from wattbench.tables.files import write_rows
from wattbench.tables.runs import AUDIT, COMPUTE, ENSEMBLES, RUNS
from wattbench.tables.statistics import QUESTION_TYPES, REPEATS, SCALING
from wattbench.tables.verdicts import CALIBRATION, COMPARISONS, HISTOGRAMS, ROC, SCORES, VOTES

Row = dict[str, Any]
Change = Callable[[str, list[Row]], list[Row]]

START = datetime(2025, 3, 14, 9, 0, tzinfo=UTC)
MODELS = {"smollm2-135m": 0.42, "qwen-0.5b": 0.74, "qwen-1.5b": 0.88}
ENSEMBLES_OF = {
    "vote-all": ("smollm2-135m", "qwen-0.5b", "qwen-1.5b"),
    "vote-small": ("qwen-0.5b", "smollm2-135m"),
}
LABELS = {
    "smollm2-135m": "SmolLM2 135M",
    "qwen-0.5b": "Qwen2.5 Coder 0.5B",
    "qwen-1.5b": "Qwen2.5 Coder 1.5B",
    "vote-all": "Majority of three",
    "vote-small": "Small pair",
}
ON_FRONTIER = {"smollm2-135m": 1.0, "qwen-0.5b": 0.83, "vote-small": 0.41}
"""Share of resamples, of the runs with a known energy."""

FIGURES = ("frontier", "accuracy_by_type", "comparisons", "power")
NO_METER = "no energy meter: the node has no RAPL domain that this user may read, and no GPU"
SUBJECTS = (
    ("What was the PUE of Google's fleet in 2023?", "1.10", "ratio", ("googlepue",), ("figure",)),
    ("How long did LLaMA 65B take?", "1022362", "GPU hours", ("touvron2023",), ("table",)),
    ("Did Strubell et al. report emissions for BERT?", "1", None, ("strubell2019",), ("quote",)),
    ("How far does DistilBERT shrink BERT?", "0.4", "share", ("sanh2019",), ("quote", "math")),
    ("What will a data centre on the Moon draw in 2050?", "is_blank", None, (), ("na",)),
    ("What is the board power of an NVIDIA A100 SXM?", "400", "W", ("nvidiagpus",), ("table",)),
)  # fmt: skip


def study(folder: Path, **changes: Any) -> Study:
    """The study that the tables belong to, its results in `folder`."""
    settings: dict[str, Any] = {
        "study": {
            "name": "demo",
            "results": str(folder),
            "description": "Small models on two cores, on the energy of computing.",
        },
        "corpora": {"papers": {"documents": "documents"}},
        "questions": {"demo": {"file": "questions.csv", "label": "Demo questions"}},
        "models": {
            name: {"weights": name, "label": LABELS[name], "family": "qwen"} for name in MODELS
        },
        "ensembles": {
            name: {"members": list(members), "label": LABELS[name]}
            for name, members in ENSEMBLES_OF.items()
        },
        "energy": {
            "estimate": {
                "watts_per_core": 8.5,
                "relative_uncertainty": 0.4,
                "source": "declared by the vendor's data sheet",
            },
            "pue": {"value": 1.2, "source": "the site's annual report"},
            "carbon_g_per_kwh": {"value": 120, "source": "the grid operator, 2024"},
        },
        # Four plots of twenty-seven, and coarse ones: test_views has them all.
        "report": {
            "title": "Small models, small energy",
            "outputs": {"which_figures": list(FIGURES), "dpi": 60},
        },
    }
    for key, value in changes.items():
        settings[key] = {**settings.get(key, {}), **value} if isinstance(value, dict) else value
    return Study.model_validate(settings)


_WRITTEN = (
    "<script>document.documentElement.dataset.pwned=1</script>",
    "</script><script>document.documentElement.dataset.pwned=2</script>",
    "</SCRIPT ><svg onload=document.documentElement.dataset.pwned=3>",
    "<!--<script>document.documentElement.dataset.pwned=4//",
    "--><script>document.documentElement.dataset.pwned=5</script><!--",
    "]]><script>document.documentElement.dataset.pwned=6</script>",
    "<img src=x onerror=document.documentElement.dataset.pwned=7>",
    '"><img src=x onerror=document.documentElement.dataset.pwned=8>',
    "'><img src=x onerror=document.documentElement.dataset.pwned=9>",
    '" onmouseover=document.documentElement.dataset.pwned=10 x="',
    "' onfocus=document.documentElement.dataset.pwned=11 autofocus tabindex=1 '",
    "</style><script>document.documentElement.dataset.pwned=12</script>",
    "</title><script>document.documentElement.dataset.pwned=13</script>",
    "</textarea><script>document.documentElement.dataset.pwned=14</script>",
    "</svg><script>document.documentElement.dataset.pwned=15</script>",
    "<svg><script>document.documentElement.dataset.pwned=16</script></svg>",
    "<math><mi xlink:href=javascript:document.documentElement.dataset.pwned=17>x",
    "<iframe srcdoc='<script>parent.document.documentElement.dataset.pwned=18</script>'>",
    "<a href=javascript:document.documentElement.dataset.pwned=19>x</a>",
    "[x](javascript:document.documentElement.dataset.pwned=20)",
    "![x](https://attacker.example/pixel.png)",
    "<link rel=stylesheet href=https://attacker.example/x.css>",
    "<meta http-equiv=refresh content='0;url=https://attacker.example/'>",
    "<base href=https://attacker.example/>",
    "<form action=https://attacker.example/><input name=x></form>",
    "<object data=https://attacker.example/x></object><embed src=x>",
    "{{ 7 * 7 }}{% raw %}{{ self }}{% endraw %}",
    "${document.documentElement.dataset.pwned=28}",
    "\u2028document.documentElement.dataset.pwned=29\u2029//",
    "\x00\x01\x1b[31mred\x7f\x9b",
    "\u202eright to left\u202c \u2066isolate",
    "$\\frac{1}{0}$ $x_$ \\$5",
    "| a | b |\n|---|---|\n```\n# heading",
    '=HYPERLINK("https://attacker.example","x")',
    "+cmd|' /C calc'!A0",
    "\ud7ff\U0001f9ea\u0301" * 20,
    "x" * 5000,
    "&lt;script&gt;document.documentElement.dataset.pwned=38&lt;/script&gt;",
    "\\u003cscript>document.documentElement.dataset.pwned=39\\u003c/script>",
    "<details open ontoggle=document.documentElement.dataset.pwned=40>",
)

_RUN = "document.documentElement.dataset.pwned={}"
_WRAPPED = (
    "<ScRiPt>{}</sCrIpT>",
    "<script/x>{}</script>",
    "<<script>{}//<</script>",
    "<script\t>{}</script\t>",
    "<script\n>{}</script\n>",
    "<scr\x00ipt>{}</scr\x00ipt>",
    "<svg><script>{}</script>",
    "<svg/onload={}>",
    "<svg><animate onbegin={} attributeName=x dur=1s>",
    "<svg><a xlink:href='javascript:{}'><text x=9 y=9>x</text></a></svg>",
    "<svg><set attributeName=onload to={}>",
    "<img src=x:x onerror={}>",
    "<img/src=x onerror={}//",
    "<img src onerror={} srcset=x>",
    "<image src=x onerror={}>",
    "<body onload={}>",
    "<body onpageshow={}>",
    "<frameset onload={}>",
    "<video><source onerror={}>",
    "<video src=x onerror={}></video>",
    "<audio src=x onerror={}>",
    "<input autofocus onfocus={}>",
    "<select autofocus onfocus={}>",
    "<textarea autofocus onfocus={}>",
    "<keygen autofocus onfocus={}>",
    "<button autofocus onfocus={}>x</button>",
    "<marquee onstart={}>x</marquee>",
    "<div onpointerover={} style=position:fixed;inset:0>x</div>",
    "<div style=animation-name:x onanimationstart={}>",
    "<p contenteditable autofocus onfocus={}>",
    "<iframe src=javascript:parent.{}>",
    "<iframe srcdoc='<img src=x onerror=parent.{}>'>",
    "<object data=javascript:{}>",
    "<embed src=javascript:{}>",
    "<a href='java\tscript:{}'>x</a>",
    "<a href=' javascript:{}'>x</a>",
    "<a href='&#106;avascript:{}'>x</a>",
    "<a href=data:text/html,<script>{}</script>>x</a>",
    "<form action=javascript:{}><button autofocus>x</button></form>",
    "<form><button formaction=javascript:{}>x</button></form>",
    "<math href=javascript:{}>x</math>",
    "<isindex action=javascript:{} type=image>",
    "<table background=javascript:{}>",
    "<link rel=stylesheet href=javascript:{}>",
    "<meta http-equiv=refresh content=0;url=javascript:{}>",
    "<base href=javascript:{}//>",
    "<template><script>{}</script></template>",
    "<noscript><p title='</noscript><script>{}</script>'>",
    "<!--><script>{}</script>-->",
    "<![CDATA[<script>{}</script>]]>",
    "<?xml version='1.0'?><script>{}</script>",
    "<xmp><script>{}</script></xmp>",
    "<style>@import 'javascript:{}';</style>",
    "<style></style><script>{}</script>",
    "`><script>{}</script>",
    "\u201c><script>{}</script>",
    "\uff1cscript\uff1e{}\uff1c/script\uff1e",
    "[x]: javascript:{}\n\n[click][x]",
    "<javascript:{}>",
    "[x](data:text/html;base64,PHNjcmlwdD4={})",
)
"""Where a script, a handler or an address might hide; each is filled with a script."""

PAYLOADS = (
    *_WRITTEN,
    *(wrapped.replace("{}", _RUN.format(41 + i)) for i, wrapped in enumerate(_WRAPPED)),
)
"""What a model, a question or a name might hold; each that runs sets data-pwned on the page."""

KEPT = {
    "environment", "questions", "run", "kind", "member", "members", "first",
    "second",
    "rule", "strategy", "severity", "versions", "energy_method", "energy_scope", "best_member",
    "segment", "device", "scheduler", "phase", "allocated_method", "study", "retrieval",
    "form", "column",
}  # fmt: skip
"""Columns that join tables or hold a word of ours."""


def hostile_names(analysis: Path) -> Row:
    """Sections of a study whose names and own words are payloads; writes the analysis."""
    analysis.write_text("\n\n".join(PAYLOADS[:29]), encoding="utf-8")
    return {
        "report": {"title": PAYLOADS[1], "analysis": str(analysis)},
        "models": {
            name: {"weights": name, "label": " ".join(PAYLOADS[i :: len(MODELS)])}
            for i, name in enumerate(MODELS)
        },
        "questions": {"demo": {"file": "questions.csv", "label": PAYLOADS[8]}},
    }


Fill = Callable[[int, int], str]
"""Makes the text of a place from its turn and the number of texts in its column."""
Put = Callable[[tuple[str, ...], str], str]


def payloads(turn: int, count: int) -> str:
    """Payloads, several in a text where a column has fewer texts than there are payloads."""
    step = min(count, len(PAYLOADS))
    return " ".join(PAYLOADS[turn % step :: step])


def filled(rows: list[Row], fill: Fill) -> list[Row]:
    """The rows with every free text replaced; a question's id is the same text in every table."""
    counts: Counter[tuple[str, ...]] = Counter()
    turns: dict[tuple[str, ...], Iterator[int]] = defaultdict(itertools.count)

    def counting(place: tuple[str, ...], text: str) -> str:
        counts[place] += 1
        return text

    def filling(place: tuple[str, ...], _: str) -> str:
        return fill(next(turns[place]), counts[place])

    def change(place: tuple[str, ...], value: Any, put: Put) -> Any:
        if place[-1:] == ("question_id",):
            return f"{fill(int(value[1:]) - 1, 24)} {value}"
        if KEPT.intersection(place[-1:]):
            return value
        if isinstance(value, str):
            return put(place, value)
        if isinstance(value, list):
            return [change(place, v, put) for v in value]
        if isinstance(value, dict):
            return {k: change((*place, k), v, put) for k, v in value.items()}
        return value

    for row in rows:
        change((), row, counting)
    return [change((), row, filling) for row in rows]


def hostile(_: str, rows: list[Row]) -> list[Row]:
    """The rows with every payload in every column of free text."""
    return filled(rows, payloads)


def write_tables(
    folder: Path, *, change: Change = lambda _, rows: rows, questions: int = 24
) -> None:
    """Write every table; `change` may replace the rows of any of them."""
    layout = Layout(folder)
    asked = _questions(questions)
    predictions, scores, votes = _answers(asked)
    runs = [_run(name, predictions, scores, len(asked)) for name in (*MODELS, *ENSEMBLES_OF)]
    rows = {
        QUESTIONS: asked,
        RUNS: runs,
        PREDICTIONS: predictions,
        SCORES: scores,
        VOTES: votes,
        SEGMENTS: [s for name in MODELS for s in _segments(name)],
        SAMPLES: [s for name in MODELS for s in _samples(name)],
        COMPUTE: [_job(name) for name in MODELS],
        ENSEMBLES: [_ensemble(name, runs) for name in ENSEMBLES_OF],
        COMPARISONS: _comparisons(runs, scores),
        QUESTION_TYPES: _question_types(asked, scores),
        REPEATS: [],
        SCALING: _scaling(),
        CALIBRATION: [r for n in CONFIDENT for r in _calibration(n)],
        ROC: [r for n in CONFIDENT for r in _roc(n)],
        HISTOGRAMS: [r for n in CONFIDENT for r in _histogram(n)],
        AUDIT: _audit(),
    }
    for table, found in rows.items():
        write_rows(layout.table(table.name), table, change(table.name, found))
    contexts = [_contexts(q) for q in asked]
    write_rows(layout.contexts("demo", "default"), CONTEXTS, change("contexts", contexts))


PLACE = {"environment": "local", "questions": "demo"}


def _questions(count: int) -> list[Row]:
    rows = []
    for i in range(count):
        text, value, unit, refs, kinds = SUBJECTS[i % len(SUBJECTS)]
        rows.append(
            {
                "study": "demo",
                "questions": "demo",
                "question_id": f"q{i + 1:03d}",
                "position": i,
                "question": text if i < len(SUBJECTS) else f"{text} (variant {i // len(SUBJECTS)})",
                "gold_value": value,
                "gold_unit": unit,
                "gold_refs": list(refs),
                "answerable": value != "is_blank",
                "kinds": list(kinds),
                "explanation": "It stands in the document's first table." if refs else None,
            }
        )
    return rows


def _contexts(q: Row) -> Row:
    snippets = [
        {
            "rank": rank,
            "node_id": f"{document}:sec1:p{rank}",
            "document_id": document,
            "document_title": document.title(),
            "kind": "paragraph",
            "text": f"Paragraph {rank} of {document} on {q['question']}",
            "score": 0.9 - 0.1 * rank if rank < 3 else None,
            "frequency": 1,
            "source": "dense" if rank < 3 else "parent",
        }
        for rank, document in enumerate((*q["gold_refs"], "patterson2021", "wu2021"), 1)
    ]
    return {
        "question_id": q["question_id"],
        "position": q["position"],
        "question": q["question"],
        "answer_unit": q["gold_unit"],
        "queries": [q["question"]],
        "snippets": snippets,
        "top_score": 0.8,
        "abstain": False,
        "contexts_digest": "0" * 64,
        "wider": [{"contexts_digest": "1" * 64, "snippets": _more(snippets)}],
        "retrieval_s": 0.012,
    }


def _more(snippets: list[Row]) -> list[Row]:
    """What a model that abstains is shown in place of the snippets."""
    further = {
        "rank": len(snippets) + 1, "node_id": "luccioni2022:sec1:p1",
        "document_id": "luccioni2022", "document_title": "Luccioni2022",
        "text": "BLOOM was trained for 118 days.", "score": 0.2, "source": "dense",
    }  # fmt: skip
    return [*snippets, {**snippets[-1], **further}]


def _answers(asked: list[Row]) -> tuple[list[Row], list[Row], list[Row]]:
    draw = random.Random(7)
    predictions: list[Row] = []
    scores: list[Row] = []
    votes: list[Row] = []
    right: dict[tuple[str, str], bool] = {}
    value: dict[tuple[str, str], str | None] = {}
    for name, skill in MODELS.items():
        for q in asked:
            key = (name, q["question_id"])
            fails = name == "smollm2-135m" and q["position"] == 9
            ok = draw.random() < skill and not fails
            wrong = "is_blank" if draw.random() < 0.25 and q["answerable"] else "42"
            right[key] = ok
            value[key] = None if fails else q["gold_value"] if ok else wrong
            predictions.append(_prediction(name, q, value[key], fails=fails, ok=ok, draw=draw))
            scores.append(
                _score(name, q, ok=ok, missing=fails, overlap=draw.choice([0.0, 0.5, 1.0]))
            )
    for name, members in ENSEMBLES_OF.items():
        for q in asked:
            said = [value[m, q["question_id"]] for m in members]
            best = max(said, key=lambda v: (said.count(v), -said.index(v)))
            ok = best == q["gold_value"]
            predictions.append(_prediction(name, q, best, fails=False, ok=ok, draw=draw))
            scores.append(_score(name, q, ok=ok, missing=False, overlap=0.5))
            votes += [
                {
                    **PLACE,
                    "run": name,
                    "question_id": q["question_id"],
                    "member": member,
                    "position": place,
                    "value": said[place],
                    "refs": q["gold_refs"],
                    "counted": said[place] is not None,
                    "weight": 1.0,
                    "won": said[place] == best,
                }
                for place, member in enumerate(members)
            ]
    return predictions, scores, votes


def _prediction(
    name: str, q: Row, value: str | None, *, fails: bool, ok: bool, draw: random.Random
) -> Row:
    ensemble = name in ENSEMBLES_OF
    measured = name in {"smollm2-135m", "qwen-0.5b"}
    total = round(draw.uniform(0.8, 2.4) * (1 + 2 * len(name) / 10), 3)
    return {
        **PLACE,
        "run": name,
        "question_id": q["question_id"],
        "position": q["position"],
        "value": None if fails else value,
        "unit": q["gold_unit"],
        "refs": [] if fails else list(q["gold_refs"]) if ok else ["dao2022"],
        "blank": None if fails else value == "is_blank",
        "asked": True,
        "confidence": None if fails or ensemble or value == "is_blank" else draw.uniform(0.3, 0.99),
        "answer": None,
        "explanation": None if fails else "The context says so in its second paragraph.",
        "supporting_materials": None,
        "reply": None
        if ensemble
        else json.dumps({"answer_value": value, "ref_id": q["gold_refs"]}),
        "rendered_prompt": "Answer from the context only.",
        "prompt_tokens": 612,
        "completion_tokens": 48,
        "cached_tokens": None,
        "retrieval_s": 0.012,
        "queue_s": 0.001,
        "prefill_s": total * 0.6,
        "decode_s": total * 0.4,
        "first_token_s": total * 0.62,
        "total_s": total,
        "answered_at": START + timedelta(seconds=30 + q["position"] * 5),
        "segment": f"{name}-1",
        "tries": 3 if fails else 1,
        "widened": None if ensemble else int(value == "is_blank"),
        "error": "unparsable" if fails else None,
        "error_detail": "the reply is no JSON object: 'Sure! Here is'" if fails else None,
        "allocated_j": draw.uniform(5, 60) if measured else None,
        "allocated_method": ("estimated" if name == "smollm2-135m" else "counter")
        if measured
        else None,
    }


def _score(name: str, q: Row, *, ok: bool, missing: bool, overlap: float) -> Row:
    return {
        **PLACE,
        "run": name,
        "question_id": q["question_id"],
        "rule": "strict",
        "value_correct": ok,
        "ref_overlap": overlap,
        "na_correct": q["answerable"] or ok,
        "weighted_score": 0.75 * ok + 0.15 * overlap + 0.1,
        "why": "numbers agree within 0.1 %"
        if ok
        else "no prediction"
        if missing
        else "values differ",
        "missing": missing,
    }


def wilson(right: int, n: int) -> tuple[float, float]:
    """Wilson's interval at 95 %, written out."""
    z = 1.959964
    p = right / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(middle - half, 0.0), min(middle + half, 1.0)


ENERGY: dict[str, tuple[str | None, str | None, float | None, float]] = {
    "smollm2-135m": ("estimated", "process", 305.0, 0.42),
    "qwen-0.5b": ("counter", "device", 1240.0, 0.05),
    "qwen-1.5b": (None, None, None, 0.0),
    "vote-all": (None, None, None, 0.0),
    "vote-small": ("mixed", "process", 1545.0, 0.1),
}


def _run(name: str, predictions: list[Row], scores: list[Row], n: int) -> Row:
    ensemble = name in ENSEMBLES_OF
    mine = [s for s in scores if s["run"] == name]
    said = [p for p in predictions if p["run"] == name]
    right = sum(s["value_correct"] for s in mine)
    na = [s for s in mine if int(s["question_id"][1:]) % 6 == 5]
    score = sum(s["weighted_score"] for s in mine) / n
    overlap = sum(s["ref_overlap"] for s in mine) / n
    low, high = wilson(right, n)
    na_right = sum(s["na_correct"] for s in na)
    method, scope, energy, relative = ENERGY[name]
    times = sorted(p["total_s"] for p in said)
    flags = []
    if energy is None and not ensemble:
        flags = [
            unknown(c, NO_METER)
            for c in ("energy_gross_j", "energy_answer_j", "energy_per_correct_j")
        ]
    elif energy is None:
        flags = [
            unknown(c, "the energy of member qwen-1.5b is unknown")
            for c in ("energy_gross_j", "energy_per_correct_j")
        ]
    if name == "smollm2-135m":
        flags.append(
            warning(
                "lost_s", "2.0 s after the last heartbeat of a killed segment are not in the energy"
            )
        )

    def of(factor: float) -> float | None:
        return None if energy is None else energy * factor

    return {
        **PLACE,
        "study": "demo",
        "run": name,
        "label": name,
        "kind": "ensemble" if ensemble else "model",
        "members": list(ENSEMBLES_OF.get(name, ())),
        "identity": f"{sum(map(ord, name)):016x}",
        "weights": None if ensemble else name,
        "revision": None if ensemble else f"sha256:{sum(map(ord, name)) * 7919:064x}",
        "family": None if ensemble else "qwen",
        "parameters_b": {"smollm2-135m": 0.135, "qwen-0.5b": 0.5, "qwen-1.5b": 1.5}.get(name),
        "precision": None if ensemble else "q4_k_m",
        "backend": None if ensemble else "llamacpp",
        "backend_version": None if ensemble else "2026.1",
        "retrieval": None if ensemble else "default",
        "prompt": None if ensemble else "guide-v1",
        "seed": None if ensemble else 0,
        "question_count": n,
        "answered": n - sum(p["error"] is not None for p in said),
        "blank": sum(bool(p["blank"]) for p in said),
        "failed": sum(p["error"] is not None for p in said),
        "correct": right,
        "unjudged": 0,
        "cheapest_probability": 0.91 if name == "qwen-0.5b" else None,
        "unique_wins": right % 5,
        "refusal_rate": sum(bool(p["blank"]) for p in said) / n,
        "refusal_rate_low": wilson(sum(bool(p["blank"]) for p in said), n)[0],
        "refusal_rate_high": wilson(sum(bool(p["blank"]) for p in said), n)[1],
        "rule": "strict",
        "score": score,
        "score_low": max(score - 0.14, 0.0),
        "score_high": min(score + 0.12, 1.0),
        "value_accuracy": right / n,
        "value_accuracy_low": low,
        "value_accuracy_high": high,
        "ref_overlap": overlap,
        "ref_overlap_low": max(overlap - 0.1, 0),
        "ref_overlap_high": min(overlap + 0.1, 1),
        "na_recall": na_right / len(na) if na else None,
        "na_recall_low": wilson(na_right, len(na))[0] if na else None,
        "na_recall_high": wilson(na_right, len(na))[1] if na else None,
        "tie_group": 2 if name in {"smollm2-135m", "vote-small"} else 1,
        "rank_low": 4 if name in {"smollm2-135m", "vote-small"} else 1,
        "rank_high": 5 if name in {"smollm2-135m", "vote-small"} else 3,
        "confidence_count": n if name in CONFIDENT else 0,
        "confidence_mean": 0.71 if name in CONFIDENT else None,
        "ece": 0.137 if name in CONFIDENT else None,
        "brier": 0.21 if name in CONFIDENT else None,
        "auc": 0.74 if name in CONFIDENT else None,
        "risk_count": 0,
        "top_group": name not in {"smollm2-135m", "vote-small"},
        "headline": name == "qwen-0.5b",
        "energy_method": method,
        "energy_scope": scope,
        "energy_gross_j": of(1.2),
        "energy_gross_uncertainty_j": of(1.2 * relative),
        "energy_net_j": of(0.9) if method == "counter" else None,
        "energy_load_j": of(0.2),
        "energy_answer_j": energy,
        "energy_answer_uncertainty_j": of(relative),
        "energy_per_question_j": of(1 / n),
        "energy_per_question_low_j": of(0.7 / n),
        "energy_per_question_high_j": of(1.6 / n),
        "energy_per_correct_j": None if energy is None or right == 0 else energy / right,
        "energy_per_correct_low_j": None if energy is None or right == 0 else energy / right * 0.7,
        "energy_per_correct_high_j": None if energy is None or right == 0 else energy / right * 1.6,
        "frontier_probability": ON_FRONTIER.get(name),
        "site_energy_j": of(1.2 * 1.2),
        "carbon_g": of(1.2 * 1.2 / 3.6e6 * 120),
        "energy_price": None,
        "cpu_s": 210.5,
        "wall_s": 131.0,
        "load_s": 4.2,
        "prompt_tokens": 612 * n,
        "completion_tokens": 48 * n,
        "latency_mean_s": sum(times) / n,
        "latency_p50_s": times[n // 2],
        "latency_p90_s": times[int(n * 0.9)],
        "latency_p95_s": times[int(n * 0.95)],
        "latency_p99_s": times[int(n * 0.99)],
        "first_token_p50_s": None if ensemble else times[n // 2] * 0.6,
        "prefill_tokens_per_s": None if ensemble else 412.0,
        "decode_tokens_per_s": None if ensemble else 98.0,
        "rss_peak_bytes": {"smollm2-135m": 397410304, "qwen-0.5b": 805306368}.get(name),
        "vram_peak_bytes": 1610612736 if name == "qwen-0.5b" else None,
        "weights_bytes": None if ensemble else 98_000_000,
        "gpu_names": ["NVIDIA A100-SXM4-40GB"] if name == "qwen-0.5b" else [],
        "cpu_model": None if ensemble else "AMD EPYC 7763",
        "hosts": [] if ensemble else ["node017"],
        "job_ids": [] if ensemble else [f"48151{len(name)}"],
        "job_state": None if ensemble else "COMPLETED",
        "segment_count": 2 if name == "smollm2-135m" else 0 if ensemble else 1,
        "lost_s": 2.0 if name == "smollm2-135m" else 0.0,
        "versions": json.dumps({"python": "3.11.9", "wattbench": "0.1.0", "xllamacpp": "2026.1"}),
        "flags": flags,
    }  # fmt: skip


def _no_gpu(name: str) -> list[dict[str, str]]:
    return [] if name == "qwen-0.5b" else [unknown("vram_peak_bytes", "the job has no GPU")]


def _segments(name: str) -> list[Row]:
    return [
        {
            **PLACE,
            "run": name,
            "segment": f"{name}-{number}",
            "number": number,
            "job_id": f"48151{len(name)}",
            "scheduler": "slurm",
            "attempt": number,
            "host": "node017",
            "process_id": 4711,
            "gpu_uuids": ["GPU-1b2c"] if name == "qwen-0.5b" else [],
            "gpu_names": ["NVIDIA A100"] if name == "qwen-0.5b" else [],
            "started_at": START + timedelta(hours=number),
            "ended_at": START + timedelta(hours=number, seconds=90),
            "duration_s": 90.0,
            "ended_by": "finished" if number == last else "killed",
            "lost_s": 0.0 if number == last else 2.0,
            "answered": 12,
            "cpu_s": 150.0,
            "rss_peak_bytes": 397410304,
            "vram_peak_bytes": None,
            "phases": [{"phase": "answer", "wall_s": 80.0, "cpu_s": 140.0, "devices": []}],
            "flags": _no_gpu(name),
        }
        for last in (2 if name == "smollm2-135m" else 1,)
        for number in range(1, last + 1)
    ]  # fmt: skip


def _samples(name: str) -> list[Row]:
    draw = random.Random(name)
    rows = []
    gpu = name == "qwen-0.5b"
    for number in (1, 2) if name == "smollm2-135m" else (1,):
        for step in range(180):
            elapsed = step * 0.5
            phase = "load" if elapsed < 6 else "warm_up" if elapsed < 10 else "answer"
            busy = phase == "answer"
            base = {
                **PLACE,
                "run": name,
                "segment": f"{name}-{number}",
                "at": START + timedelta(hours=number, seconds=elapsed),
                "elapsed_s": elapsed,
                "phase": phase,
                "energy_j": None,
                "temperature_c": None,
                "clock_mhz": None,
            }
            rows.append(
                {
                    **base,
                    "device": "process",
                    "power_w": None,
                    "utilisation_pct": 190 + draw.uniform(-15, 8) if busy else 95.0,
                    "memory_bytes": 397410304,
                    "cpu_s": elapsed * 1.8,
                }
            )
            if gpu:
                rows.append(
                    {
                        **base,
                        "device": "GPU-1b2c",
                        "power_w": 240 + 60 * math.sin(step / 6) + draw.uniform(-12, 12)
                        if busy
                        else 62.0,
                        "utilisation_pct": 80.0,
                        "memory_bytes": 1610612736,
                        "cpu_s": None,
                    }
                )
    return rows


def _job(name: str) -> Row:
    slurm = name != "qwen-1.5b"
    gpu = name == "qwen-0.5b"
    reasons = [unknown("consumed_energy_j", "the cluster runs no energy plugin")]
    if not slurm:
        reasons += [
            unknown(c, "the run did not go through Slurm")
            for c in ("state", "memory_requested_bytes")
        ]
    return {
        **PLACE,
        "run": name,
        "job_id": f"48151{len(name)}" if slurm else "local-laptop-311-1741942800",
        "scheduler": "slurm" if slurm else "local",
        "attempt": 1,
        "state": "COMPLETED" if slurm else None,
        "state_raw": "COMPLETED" if slurm else None,
        "exit_code": "0:0" if slurm else None,
        "partition": "gpu" if slurm else None,
        "account": "lab" if slurm else None,
        "nodes": ["node017"] if slurm else ["laptop"],
        "started_at": START if slurm else None,
        "ended_at": START + timedelta(seconds=131) if slurm else None,
        "wall_s": 131.0,
        "time_limit_s": 3600.0 if slurm else None,
        "cpus": 2,
        "cpu_s": 210.5,
        "cpu_efficiency_pct": 80.3,
        "memory_requested_bytes": 4 * 2**30 if slurm else None,
        "memory_peak_bytes": 805306368,
        "memory_efficiency_pct": 18.75 if slurm else None,
        "gpus": 1 if gpu else 0,
        "jobstats_notes": ["The overall GPU utilization of this job is only 15%."] if gpu else None,
        "gpu_utilisation_jobstats_pct": 74.0 if gpu else None,
        "gpu_utilisation_samples_pct": 71.4 if gpu else None,
        "gpu_utilisation_min_pct": 12.0 if gpu else None,
        "gpu_utilisation_max_pct": 98.0 if gpu else None,
        "gpu_memory_mean_bytes": 11 * 2**30 if gpu else None,
        "gpu_memory_peak_bytes": 12 * 2**30 if gpu else None,
        "gpu_memory_total_bytes": 80 * 2**30 if gpu else None,
        "gpu_power_mean_w": 184.2 if gpu else None,
        "consumed_energy_j": None,
        "source": "sacct+ledger" if slurm else "ledger",
        "flags": reasons,
    }  # fmt: skip


def _ensemble(name: str, runs: list[Row]) -> Row:
    row = next(r for r in runs if r["run"] == name)
    members = [r for r in runs if r["run"] in ENSEMBLES_OF[name]]
    best = max(members, key=lambda r: r["score"])
    return {
        **PLACE,
        "run": name,
        "strategy": "majority",
        "ignore_blank": name == "vote-small",
        "votes": "canonical",
        "weighed_by": "each vote counts once",
        "members": list(ENSEMBLES_OF[name]),
        "score": row["score"],
        "best_member": best["run"],
        "best_member_score": best["score"],
        "unanimous": 9,
        "decided_by_order": 4,
        **{
            column: row[column]
            for column in (
                "energy_gross_j",
                "energy_gross_uncertainty_j",
                "energy_answer_j",
                "energy_answer_uncertainty_j",
                "wall_s",
                "prompt_tokens",
                "completion_tokens",
            )
        },
        "flags": [
            entry
            for entry in row["flags"]
            if entry["column"] in {"energy_gross_j", "energy_answer_j"}
        ],
        "energy_correlated_j": None if row["energy_gross_j"] is None else 150.0,
        "energy_independent_j": None if row["energy_gross_j"] is None else 110.0,
        "token_price": 0.031 if name == "vote-small" else None,
        "token_price_currency": "EUR" if name == "vote-small" else None,
        "latency_sequential_s": 9.4,
        "latency_parallel_s": None if name == "vote-all" else 5.1,
    }


CONFIDENT = ("qwen-0.5b", "qwen-1.5b")
"""Runs whose answers carry a confidence."""


def _question_types(asked: list[Row], scores: list[Row]) -> list[Row]:
    kinds = {q["question_id"]: q["kinds"] for q in asked}
    rows = []
    for name in (*MODELS, *ENSEMBLES_OF):
        for kind in ("all", "quote", "table", "figure", "math", "na"):
            hits = [
                s["value_correct"]
                for s in scores
                if s["run"] == name and (kind == "all" or kind in kinds[s["question_id"]])
            ]
            low, high = wilson(sum(hits), len(hits))
            rows.append(
                {
                    **PLACE,
                    "rule": "strict",
                    "run": name,
                    "kind": kind,
                    "count": len(hits),
                    "correct": sum(hits),
                    "accuracy": sum(hits) / len(hits),
                    "accuracy_low": low,
                    "accuracy_high": high,
                    "few": len(hits) < 10,
                }
            )
    return rows


def _scaling() -> list[Row]:
    return [
        {
            **PLACE,
            "family": "qwen",
            "measure": measure,
            "transform": transform,
            "runs": list(MODELS) if known else ["smollm2-135m", "qwen-0.5b"],
            "excluded": [] if known else ["qwen-1.5b"],
            "size_count": 3 if known else 2,
            "parameters_min_b": 0.135,
            "parameters_max_b": 1.5 if known else 0.5,
            "intercept": intercept,
            "slope": slope,
            "slope_low": slope - 0.1 if known else None,
            "slope_high": slope + 0.1 if known else None,
            "slope_sampling_low": slope - 0.2 if measure != "latency_mean_s" else None,
            "slope_sampling_high": slope + 0.2 if measure != "latency_mean_s" else None,
            "residual_sd": 0.02 if known else None,
            "r_squared": 0.97 if known else None,
        }
        for measure, transform, intercept, slope, known in (
            ("score", "none", 0.68, 0.19, True),
            ("energy_per_question_j", "log10", 2.1, 1.07, False),
            ("latency_mean_s", "log10", 0.6, -0.08, True),
        )
    ]


def _calibration(name: str) -> list[Row]:
    return [
        {
            **PLACE,
            "run": name,
            "form": "confidence",
            "bin": i,
            "low": i / 10,
            "high": (i + 1) / 10,
            "count": 0 if i < 4 else i - 2,
            "predicted_mean": None if i < 4 else i / 10 + 0.06,
            "observed_share": None if i < 4 else min(1.0, max(0.0, i / 10 - 0.1)),
        }
        for i in range(10)
    ]


def _roc(name: str) -> list[Row]:
    points = ((None, 0.0, 0.0), (0.95, 0.0, 0.4), (0.7, 0.3, 0.8), (0.4, 1.0, 1.0))
    return [
        {
            **PLACE,
            "run": name,
            "form": "confidence",
            "point": i,
            "threshold": threshold,
            "false_positive_rate": false,
            "true_positive_rate": true,
        }
        for i, (threshold, false, true) in enumerate(points)
    ]


def _histogram(name: str) -> list[Row]:
    return [
        {
            **PLACE,
            "run": name,
            "form": "confidence",
            "bin": i,
            "low": i / 30,
            "high": (i + 1) / 30,
            "count": i // 10,
            "positive": i // 15,
        }
        for i in range(30)
    ]


def _comparisons(runs: list[Row], scores: list[Row]) -> list[Row]:
    right = {(s["run"], s["question_id"]): s["value_correct"] for s in scores}
    ids = sorted({s["question_id"] for s in scores})
    rows = []
    for i, one in enumerate(runs):
        for other in runs[i + 1 :]:
            a, b = one["run"], other["run"]
            difference = one["score"] - other["score"]
            rows.append(
                {
                    **PLACE,
                    "rule": "strict",
                    "first": a,
                    "second": b,
                    "paired": len(ids),
                    "only_first": sum(right[a, q] and not right[b, q] for q in ids),
                    "only_second": sum(right[b, q] and not right[a, q] for q in ids),
                    "both_correct": sum(right[a, q] and right[b, q] for q in ids),
                    "agreement": sum(right[a, q] == right[b, q] for q in ids) / len(ids),
                    "difference": difference,
                    "difference_p": min(1.0, math.exp(-abs(difference) * 14)),
                    "difference_p_adjusted": min(1.0, 10 * math.exp(-abs(difference) * 14)),
                    "distinct": 10 * math.exp(-abs(difference) * 14) < 0.05,
                    "difference_low": difference - 0.17,
                    "difference_high": difference + 0.16,
                    "p": min(1.0, math.exp(-abs(difference) * 14)),
                    "p_adjusted": min(1.0, 10 * math.exp(-abs(difference) * 14)),
                    "energy_ratio": None,
                    "energy_ratio_low": None,
                    "energy_ratio_high": None,
                    "first_dominates": 0.1,
                    "second_dominates": None,
                }
            )
    return rows


def _audit() -> list[Row]:
    return [
        {
            **PLACE,
            "run": "smollm2-135m",
            "check": "killed_segment",
            "severity": "warning",
            "detail": "Segment 1 ended without a word; at most 2.0 s ran on unmeasured.",
            "mend": "Give the job more wall time.",
        },
        {
            **PLACE,
            "run": None,
            "check": "few_questions",
            "severity": "note",
            "detail": "24 questions tell apart scores only if they differ by about 0.2.",
            "mend": None,
        },
        {
            **PLACE,
            "run": "qwen-1.5b",
            "check": "no_energy",
            "severity": "error",
            "detail": "The run has no energy at all, so it cannot be the headline.",
            "mend": "Run it on a node with a meter, or configure energy.estimate.",
        },
    ]
