"""Prices of tokens: exact, and unknown rather than 0."""

from __future__ import annotations

from typing import Any

import pytest

from wattbench.analyses.prices import summed_prices, token_price
from wattbench.study.models import Study

PRICE = {"input_per_million": 2.0, "output_per_million": 8.0, "source": "price list of 2026-11-01"}
TOKENS = {"replies": 3, "unanswered_tries": 0, "prompt": 1_000_000, "cached": 0,
          "completion": 250_000}  # fmt: skip


def study(**prices: Any) -> Study:
    return Study.model_validate(
        {
            "study": {"name": "s"},
            "corpora": {"d": {"documents": "d"}},
            "questions": {"q": {"file": "q.csv"}},
            "models": {"m": {"weights": "vendor/model-1", "backend": "openai"}},
            "prices": prices,
        }
    )


def test_tokens_times_prices() -> None:
    row, flags = token_price(study(**{"vendor/model-1": PRICE}), "m", {"tokens": TOKENS})
    assert row == {"token_price": 4.0, "token_price_currency": "USD"}
    assert flags == []


def test_cached_tokens_have_their_own_price() -> None:
    price = PRICE | {"cached_input_per_million": 0.5, "currency": "EUR"}
    tokens = TOKENS | {"cached": 400_000}
    row, _ = token_price(study(**{"vendor/model-1": price}), "m", {"tokens": tokens})
    assert row["token_price"] == pytest.approx(0.6 * 2 + 0.4 * 0.5 + 0.25 * 8)
    assert row["token_price_currency"] == "EUR"


@pytest.mark.parametrize("near", ["vendor/model", "vendor/model-1.0", "Vendor/model-1", "model-1"])
def test_another_models_price_is_never_taken(near: str) -> None:
    row, flags = token_price(study(**{near: PRICE}), "m", {"tokens": TOKENS})
    assert row["token_price"] is None
    assert "no price of 'vendor/model-1'" in flags[0]["detail"]


@pytest.mark.parametrize(
    ("tokens", "why"),
    [
        (TOKENS | {"prompt": None}, "does not count"),
        (TOKENS | {"completion": None}, "does not count"),
        (TOKENS | {"replies": 0, "prompt": None}, "no reply"),
        (TOKENS | {"cached": 5}, "from the cache"),
        (None, "no reply"),
    ],
)
def test_what_is_not_known_is_null_with_its_reason(tokens: Any, why: str) -> None:
    row, flags = token_price(study(**{"vendor/model-1": PRICE}), "m", {"tokens": tokens})
    assert row["token_price"] is None
    assert {flag["column"] for flag in flags} == set(row)
    assert all(why in flag["detail"] for flag in flags)


def test_a_free_model_costs_nothing_because_the_study_says_so() -> None:
    free = PRICE | {"input_per_million": 0, "output_per_million": 0}
    row, _ = token_price(study(**{"vendor/model-1": free}), "m", {"tokens": TOKENS})
    assert row["token_price"] == 0.0


def test_tries_without_a_reply_and_unsaid_caches_are_warned_of() -> None:
    price = PRICE | {"cached_input_per_million": 0.5}
    tokens = TOKENS | {"cached": None, "unanswered_tries": 2}
    row, flags = token_price(study(**{"vendor/model-1": price}), "m", {"tokens": tokens})
    assert row["token_price"] == 4.0
    assert [flag["kind"] for flag in flags] == ["warning", "warning"]
    assert "2 tries" in flags[1]["detail"]


def member(price: float | None, currency: str = "USD") -> dict[str, Any]:
    flags = [] if price is not None else [
        {"kind": "unknown", "column": "token_price", "detail": "no list"}
    ]  # fmt: skip
    known = currency if price is not None else None
    return {"run": "m", "token_price": price, "token_price_currency": known, "flags": flags}


def test_an_ensemble_costs_what_its_members_cost() -> None:
    assert summed_prices([member(1.0), member(0.5)])[0]["token_price"] == 1.5
    row, flags = summed_prices([member(1.0), member(None)])
    assert row["token_price"] is None
    assert flags[0]["detail"] == "of m: no list"
    assert summed_prices([member(1.0), member(1.0, "EUR")])[0]["token_price"] is None
