"""Effects, risk tiers, and how parts of a call add up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.effect import EFFECTS, Assessment, Risk, declared, join, parse_risk

PARTS = st.lists(
    st.builds(
        Assessment,
        st.frozensets(st.sampled_from(sorted(EFFECTS))),
        st.sampled_from(list(Risk)),
        st.lists(st.text(max_size=3), max_size=2).map(tuple),
        st.frozensets(st.sampled_from(["T1572", "T1496"])),
    ),
    max_size=4,
)


@given(PARTS)
def test_the_whole_is_as_bad_as_its_worst_part(parts: list[Assessment]) -> None:
    whole = join(parts)
    assert all(part.risk <= whole.risk and part.effects <= whole.effects and part.techniques <= whole.techniques for part in parts)
    assert {reason for part in parts for reason in part.reasons} == set(whole.reasons)


@given(PARTS, st.randoms())
def test_order_does_not_matter(parts: list[Assessment], random: object) -> None:
    shuffled = list(parts)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # a random.Random
    one, other = join(parts), join(shuffled)
    assert (one.effects, one.risk, one.techniques) == (other.effects, other.risk, other.techniques)


def test_only_reading_is_a_pure_read() -> None:
    assert declared("reads").pure_read
    assert not declared(["reads", "writes"]).pure_read
    assert not declared(()).pure_read


def test_what_cannot_be_undone_is_high_unless_said_otherwise() -> None:
    assert declared(["writes", "irreversible"]).risk is Risk.HIGH
    assert declared(["writes", "irreversible"], "low").risk is Risk.LOW
    assert declared("reads").risk is Risk.LOW
    assert declared("writes").risk is Risk.MEDIUM


@pytest.mark.parametrize("words", ["teleports", ["reads", "Writes"], ["reads "]])
def test_an_unknown_effect_is_named(words: str | list[str]) -> None:
    with pytest.raises(ValueError, match="unknown effect"):
        declared(words)


def test_risk_words() -> None:
    assert [parse_risk(word) for word in ("low", "medium", "high", "critical")] == list(Risk)
    with pytest.raises(ValueError, match="unknown risk"):
        parse_risk("extreme")
