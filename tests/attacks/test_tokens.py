"""Attacks by whoever holds a capability and its key, and derives others from it offline."""

from __future__ import annotations

import pytest

from gate import ANY, Denied, Exhausted, Gate, Limits, TokenError
from gate.token import attenuate, format_presentation, mint
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


@pytest.mark.parametrize("jti", ["{victim}", "{victim}/tool:pay"])
def test_nobody_spends_the_budget_of_somebody_else(gate: Gate, jti: str) -> None:
    """The hole: a capability that was derived under another's id, with a large limit of its own, used up the other's budget."""

    @gate.tool(effects="writes")
    def pay(euros: int) -> None: ...

    victim = gate.grant("victim", tools={"pay": ANY}, calls=2, per_tool={"pay": Limits(calls=2)})
    own = gate.grant("own", tools={"pay": ANY})
    holder, now = gate.home.keys.holder(own.jti), gate.home.now()
    taken = jti.format(victim=victim.jti)
    posing = attenuate(own.chain, holder, agent="own", holder=SigningKey.generate().public, now=now, jti=taken, limits=Limits(calls=100))
    with gate.acting(format_presentation(posing)):
        for euros in range(5):
            pay(euros)
    with gate.acting(victim):
        pay(1)
        pay(2)
        with pytest.raises(Exhausted):
            pay(3)


def test_a_stopped_agent_does_not_go_on_under_another_name(gate: Gate) -> None:
    """Who derives a capability chooses the name of its agent too; what was passed on before the stop ends with it."""
    ran: list[int] = []

    @gate.tool(effects="reads")
    def pay(euros: int) -> None:
        ran.append(euros)

    capability = gate.grant("bot", tools={"pay": ANY})
    renamed = gate.attenuate(gate.attenuate(capability, "helper"), "friend")
    with gate.acting(renamed):
        pay(1)
        gate.stop(agent="bot")
        with pytest.raises(Denied, match="'bot', from whom the capability comes, is stopped"):
            pay(2)
        gate.resume(agent="bot")
        pay(3)
    assert ran == [1, 3]


def test_a_key_that_is_no_longer_trusted_opens_no_scope(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also not with a token that was verified while it was."""
    monkeypatch.setattr("gate.home._ANCHORS_FOR", 0.0)
    partner, now = SigningKey.generate(), gate.home.now()
    gate.home.keys.trust("issuer", "partner", partner.public)
    token = mint(partner, agent="p", tools={"pay": ANY}, expires=now + 900, holder=SigningKey.generate().public, now=now)
    assert gate.verify(token) is gate.verify(token)
    (gate.home.path / "keys" / "trusted" / "issuer" / "partner.jwk").unlink()
    with pytest.raises(TokenError, match="not by a key that is trusted"):
        gate.verify(token)
