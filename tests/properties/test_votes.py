"""What voting promises whatever the members say."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from wattbench.ensembles.counting import ballots_of_values, count_votes
from wattbench.ensembles.strategies import Ballot, decide
from wattbench.ensembles.weights import by_accuracy, by_confidence, fold_of, text_key
from wattbench.study.inference import Strategy, Votes
from wattbench.study.questions import Question
from wattbench.tables.values import canonical_value

VALUES = st.sampled_from(
    ["is_blank", "NA", "", "4", "4.0", "0.5", ".50", "80-90", "[90,80]", "a", "The A", "5 kW", None]
)
STRATEGIES = st.sampled_from(get_args(Strategy))
VOTES = st.sampled_from(get_args(Votes))
BALLOTS = st.lists(
    st.builds(
        Ballot,
        member=st.just("m"),
        value=VALUES,
        refs=st.lists(st.sampled_from("xyz"), max_size=2).map(tuple),
        weight=st.sampled_from([0.0, 0.125, 0.25, 0.5, 1.0]),
    ),
    min_size=1,
    max_size=6,
)


WEIGHTS = (1.0, 0.5, 0.25)


def same(one: str | None, other: str | None, votes: Votes) -> bool:
    return one == other if votes == "raw" else canonical_value(one) == canonical_value(other)


@given(BALLOTS, STRATEGIES, st.booleans(), VOTES, st.randoms(use_true_random=False))
def test_order_matters_only_where_it_decides(cast, strategy, ignore, votes, random) -> None:
    first = decide(cast, strategy, ignore_blank=ignore, votes=votes)
    shuffled = list(cast)
    random.shuffle(shuffled)
    second = decide(shuffled, strategy, ignore_blank=ignore, votes=votes)
    if strategy == "first_non_blank":
        spoken = [b.value for b in shuffled if b.value is not None and b.value.strip()]
        assert second.value is None or second.value in {*spoken, "", "is_blank"}
        return
    assert first.by_order == second.by_order
    if not first.by_order:
        assert same(first.value, second.value, votes)
        assert first.refs == second.refs


@given(BALLOTS, st.booleans(), VOTES, st.integers(-20, 20))
def test_weights_have_no_scale(cast, ignore, votes, power) -> None:
    scaled = [Ballot(b.member, b.value, b.refs, b.weight * 2.0**power) for b in cast]
    assert decide(cast, "confidence", ignore_blank=ignore, votes=votes) == decide(
        scaled, "confidence", ignore_blank=ignore, votes=votes
    )


ABSTENTIONS = st.sampled_from(["is_blank", "NA", "n/a", ""])


@given(BALLOTS, STRATEGIES, VOTES, ABSTENTIONS, st.integers(0, 6))
def test_one_who_abstains_changes_nothing_where_abstentions_are_ignored(
    cast, strategy, votes, value, place
) -> None:
    first = decide(cast, strategy, ignore_blank=True, votes=votes)
    one_more = [*cast[:place], Ballot("new", value, (), 0.25), *cast[place:]]
    second = decide(one_more, strategy, ignore_blank=True, votes=votes)
    if first.value is not None and canonical_value(first.value) != "is_blank":
        assert (second.value, second.refs, second.by_order) == (
            first.value, first.refs, first.by_order,
        )  # fmt: skip
    else:
        assert canonical_value(second.value) in {"is_blank", ""}


@given(BALLOTS, STRATEGIES, st.booleans(), VOTES)
def test_every_member_twice_changes_nothing(cast, strategy, ignore, votes) -> None:
    first = decide(cast, strategy, ignore_blank=ignore, votes=votes)
    for twice in ([*cast, *cast], [ballot for ballot in cast for _ in range(2)]):
        second = decide(twice, strategy, ignore_blank=ignore, votes=votes)
        assert (second.value, second.refs) == (first.value, first.refs)
        assert (second.by_order, second.unanimous) == (first.by_order, first.unanimous)


@given(BALLOTS, STRATEGIES, st.booleans(), VOTES, st.lists(st.text(), min_size=6, max_size=6))
def test_names_do_not_vote(cast, strategy, ignore, votes, names) -> None:
    renamed = [replace(b, member=name) for b, name in zip(cast, names, strict=False)]
    assert decide(renamed, strategy, ignore_blank=ignore, votes=votes) == decide(
        cast, strategy, ignore_blank=ignore, votes=votes
    )


NUMBERS = st.integers(-(10**6), 10**6)


@given(NUMBERS, st.integers(0, 3))
def test_ways_of_writing_a_number_are_one_vote(number, digits) -> None:
    value = number / 10**digits
    plain = f"{value:.{digits}f}"
    ways = [
        plain, f" {plain} ", f"{value:.12e}", f"{value:,.{digits}f}", f"{plain} kg", f"~{plain}",
        f"about {plain}", f"{value * 1000:.6f} g", f"{value / 1e6:.12f} million",
    ]  # fmt: skip
    assert {canonical_value(way, "kg") for way in ways} == {canonical_value(plain, "kg")}
    assert len({canonical_value(way) for way in (plain, f"{plain}%", f"{plain} percent")}) == 1
    other = canonical_value(f"{value + 10.0**-digits:.{digits}f}", "kg")
    assert other != canonical_value(plain, "kg")


@given(st.tuples(NUMBERS, NUMBERS).map(sorted))
def test_ways_of_writing_a_range_are_one_vote(ends) -> None:
    low, high = ends
    ways = [f"[{low},{high}]", f"[{high}, {low}]", f"{low} to {high}", f"from {low} to {high} W"]
    if low >= 0:
        ways += [f"{low}-{high}", f"{low} – {high}", f"{low:,} to {high:,}"]  # noqa: RUF001
    assert len({canonical_value(way, "W") for way in ways}) == 1


@given(st.lists(st.sampled_from(["ash", "oak", "elm", "5", "0.5"]), min_size=3, unique=True))
def test_ways_of_writing_a_list_are_one_vote(items) -> None:
    ways = [f"[{', '.join(items)}]", f"{{{','.join(reversed(items))}}}", repr(items)]
    assert len({canonical_value(way) for way in ways}) == 1


@given(VALUES, st.integers(1, 5), STRATEGIES, st.booleans(), VOTES)
def test_a_unanimous_vote_is_returned(value, members, strategy, ignore, votes) -> None:
    cast = [Ballot(f"m{n}", value) for n in range(members)]
    outcome = decide(cast, strategy, ignore_blank=ignore, votes=votes)
    assert same(outcome.value, value, votes) or (votes == "raw" and not (value or "").strip())
    assert not outcome.by_order


@given(BALLOTS, STRATEGIES, st.booleans(), VOTES)
def test_what_won_was_counted_and_only_its_references_are_kept(
    cast, strategy, ignore, votes
) -> None:
    outcome = decide(cast, strategy, ignore_blank=ignore, votes=votes)
    won = [ballot for ballot, has_won in zip(cast, outcome.won, strict=True) if has_won]
    assert all(counted for counted, has in zip(outcome.counted, outcome.won, strict=True) if has)
    assert set(outcome.refs) == {ref for ballot in won for ref in ballot.refs}
    assert all(same(ballot.value, outcome.value, votes) for ballot in won)
    blank = {"is_blank", ""}
    if ignore and any(canonical_value(b.value) not in blank for b in cast if b.value is not None):
        assert canonical_value(outcome.value) != "is_blank"


def question(number: int) -> Question:
    return Question(
        id=f"q{number}", position=number, line=number + 2, text=f"What is {number}?", unit=None,
        value="1", refs=(), raw_refs="is_blank", kinds=(), explanation=None,
    )  # fmt: skip


@settings(max_examples=50)
@given(st.lists(st.booleans(), min_size=2, max_size=20), st.randoms(use_true_random=False))
def test_a_gold_answer_never_weighs_votes_on_its_own_question(right, random) -> None:
    asked = [question(number) for number in range(len(right))]
    verdicts = {q.id: value for q, value in zip(asked, right, strict=True)}
    weights = by_accuracy({"a": verdicts, "b": verdicts}, asked, asked)
    for q in asked:
        turned = verdicts | {q.id: not verdicts[q.id]}
        again = by_accuracy({"a": turned, "b": turned}, asked, asked)
        assert again["a", q.id] == weights["a", q.id]
    # Nor does the order of the questions, or what their ids are.
    shuffled = list(asked)
    random.shuffle(shuffled)
    assert by_accuracy({"a": verdicts, "b": verdicts}, shuffled, shuffled) == weights


@given(st.text(max_size=30))
def test_a_question_is_its_words(text) -> None:
    assert fold_of(text) == fold_of(f"  {text}\n")
    assert text_key(text) == text_key(text.replace(" ", "  "))


@given(
    st.dictionaries(
        st.sampled_from("abc"),
        st.dictionaries(
            st.sampled_from("qrs"),
            st.tuples(st.none() | st.floats(0.01, 1.0), st.booleans()),
            min_size=1,
            max_size=3,
        ),
        min_size=2,
    )
)
def test_confidences_weigh_all_or_nobody(confidences) -> None:
    answers = {
        m: {q: {"confidence": c, "blank": blank} for q, (c, blank) in rows.items()}
        for m, rows in confidences.items()
    }
    weights = by_confidence(answers)
    given_by_all = all(
        any(c is not None for c, _ in rows.values()) or all(blank for _, blank in rows.values())
        for rows in confidences.values()
    )
    assert bool(weights) == given_by_all
    assert all(0 <= weight <= 1 for weight in weights.values())
    # One who only abstains changes nobody's weight.
    abstaining = {q: {"confidence": None, "blank": True} for q in "qrs"}
    more = by_confidence(answers | {"d": abstaining})
    assert {key: weight for key, weight in more.items() if key[0] != "d"} == weights


@given(
    st.lists(st.lists(VALUES, min_size=3, max_size=3), min_size=1, max_size=6),
    STRATEGIES,
    st.booleans(),
    VOTES,
    st.randoms(use_true_random=False),
)
def test_questions_are_counted_apart(rows, strategy, ignore, votes, random) -> None:
    order = list(range(len(rows)))
    random.shuffle(order)

    def count(asked):
        weights = np.array([WEIGHTS] * len(asked))
        ballots = ballots_of_values(asked, [None] * len(asked), votes)
        return count_votes(ballots, weights, strategy, ignore_blank=ignore)

    whole, shuffled = count(rows), count([rows[place] for place in order])
    for name in ("counted", "won", "by_order"):
        assert (getattr(whole, name)[order] == getattr(shuffled, name)).all()
    for place, row in enumerate(rows):
        cast = [
            Ballot(f"m{n}", v, (), w) for n, (v, w) in enumerate(zip(row, WEIGHTS, strict=True))
        ]
        alone = decide(cast, strategy, ignore_blank=ignore, votes=votes)
        assert alone.won == tuple(whole.won[place].tolist())
        assert alone.by_order == whole.by_order[place]


@given(BALLOTS, STRATEGIES, st.booleans(), VOTES)
def test_an_ensemble_says_what_a_member_said_to_the_letter(cast, strategy, ignore, votes) -> None:
    # So whoever judged the members' answers has judged the ensemble's.
    found = decide(cast, strategy, ignore_blank=ignore, votes=votes).value
    assert found in {*(ballot.value for ballot in cast), "is_blank", None}
