"""What a run's tokens cost by the study's prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wattbench.study.judgement import Price
from wattbench.study.models import Study
from wattbench.tables.contract import reason_for, unknown, warning

Row = dict[str, Any]
COLUMN, CURRENCY = "token_price", "token_price_currency"
MILLION = 1e6


def token_price(study: Study, run: str, job: Mapping[str, Any]) -> tuple[Row, list[dict[str, str]]]:
    """Price of a run's tokens, and the flags of it.

    With the tokens of all replies, those of no use among them, and prices per million,

        price = (prompt - cached) p_input + cached p_cached + completion p_output

    Args:
        study: The study.
        run: Name of the model entry.
        job: Content of the run's job.json.
    """
    model = study.models[run].weights
    price = study.prices.get(model)
    if price is None:
        return _unknown(f"the study gives no price of '{model}'")
    tokens = job.get("tokens") or {}
    if not tokens.get("replies"):
        return _unknown("no reply came")
    prompt, completion = tokens.get("prompt"), tokens.get("completion")
    if prompt is None or completion is None:
        return _unknown("the server does not count the tokens of every reply")
    flags = []
    cached = tokens.get("cached")
    if cached is None and price.cached_input_per_million is not None:
        flags.append(
            warning(COLUMN, "the server does not say what came from its cache: all prompt tokens "
                    "are charged in full")
        )  # fmt: skip
    if cached and price.cached_input_per_million is None:
        return _unknown("the study gives no price of tokens from the cache, and there were some")
    if tokens.get("unanswered_tries"):
        flags.append(
            warning(COLUMN, f"{tokens['unanswered_tries']} tries brought no reply; what they may "
                    "have cost is not in it")
        )  # fmt: skip
    amount = _amount(price, prompt, cached or 0, completion)
    return {COLUMN: amount, CURRENCY: price.currency}, flags


def _amount(price: Price, prompt: int, cached: int, completion: int) -> float:
    read = (prompt - cached) * price.input_per_million
    reread = cached * (price.cached_input_per_million or 0.0)
    return (read + reread + completion * price.output_per_million) / MILLION


def summed_prices(members: Sequence[Mapping[str, Any]]) -> tuple[Row, list[dict[str, str]]]:
    """Price of an ensemble: what all its members cost together; unknown where one's is.

    Args:
        members: The members' rows of the table `runs`.
    """
    for member in members:
        if member[COLUMN] is None:
            reason = reason_for(member, COLUMN) or "no reason recorded"
            return _unknown(f"of {member['run']}: {reason}")
    currencies = {member[CURRENCY] for member in members}
    if len(currencies) > 1:
        return _unknown("the members' prices are in several currencies")
    return {COLUMN: sum(member[COLUMN] for member in members), CURRENCY: currencies.pop()}, []


def per_correct(price: Mapping[str, Any], correct: int) -> Row:
    """Price of a right value; None where the price is unknown or no value is right.

    Args:
        price: The columns of the price.
        correct: Number of right values.
    """
    amount = price[COLUMN]
    return {f"{COLUMN}_per_correct": None if amount is None or not correct else amount / correct}


def _unknown(reason: str) -> tuple[Row, list[dict[str, str]]]:
    row = {COLUMN: None, CURRENCY: None}
    return row, [unknown(name, reason) for name in row]
