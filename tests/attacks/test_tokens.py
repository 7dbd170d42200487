"""Attacks by whoever holds a capability and its key, and derives others from it offline."""

from __future__ import annotations

import pytest

from gate import ANY, Exhausted, Gate
from gate.token import attenuate, format_presentation
from gate.tokens.jwk import SigningKey


def test_a_capability_that_takes_the_id_of_another_spends_its_own_budgets(gate: Gate) -> None:
    """Who derives a capability chooses its id, so an id tells nobody which budgets are meant."""
    ran: list[int] = []

    @gate.tool(effects="reads")
    def pay(euros: int) -> None:
        ran.append(euros)

    other = gate.grant("other", tools={"pay": ANY})
    small = gate.grant("small", tools={"pay": ANY}, calls=1)
    with gate.acting(other):
        pay(1)
    holder, now = gate.home.keys.holder(small.jti), gate.home.now()
    posing = attenuate(small.chain, holder, agent="small", holder=SigningKey.generate().public, now=now, jti=other.jti)
    with gate.acting(format_presentation(posing)):
        pay(2)
        with pytest.raises(Exhausted):
            pay(3)
    assert ran == [1, 2]
