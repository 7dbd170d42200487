"""Authority: granted by this gate, narrowed offline, verified, ended. What cannot be meant is refused when it is written."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from gate import ANY, Capability, ConfigError, Gate, GateError, Limits, Range, TokenError
from gate.testing import FakeClock
from gate.token import format_presentation
from tests.kit import denied, label, log


@pytest.fixture(autouse=True)
def tool(gate: Gate) -> None:
    gate.wrap(lambda eur: eur, name="pay")


def grants(capability: Capability) -> dict[str, Any]:
    """What may be called, as on the wire."""
    return {tool: grant.to_json() for tool, grant in capability.grants.items()}


def test_a_grant_says_everything(gate: Gate, clock: FakeClock) -> None:
    capability = gate.grant(
        "agent-7",
        principal="ann",
        tools={"pay": {"eur": Range(max=5)}},
        minutes=2.5,
        calls=9,
        rate=(3, 60),
        wall=1.5,
        cost={"usd": 1, "eur": "2.50", "chf": Decimal("3.25"), "credits": 0.1},
        per_tool={"pay": Limits(calls=4)},
        not_before=clock.now() + 10,
        delegations=2,
        labels=["trusted"],
    )
    assert (capability.agent, capability.principal, capability.depth, capability.max_depth) == ("agent-7", "ann", 0, 2)
    assert capability.expires == clock.now() + 150
    assert capability.not_before == clock.now() + 10
    assert capability.limits == Limits(
        9, (3, 60), 1.5, {"usd": Decimal(1), "eur": Decimal("2.50"), "chf": Decimal("3.25"), "credits": Decimal("0.1")}
    )
    assert capability.labels == {"trusted"}
    assert gate.verify(format_presentation(capability.chain)) == capability


@pytest.mark.parametrize(
    "wrong",
    [
        {"tools": {"pay": {}}},
        {"tools": {"pay": 5}},
        {"tools": {"pay": {"eur": object()}}},
        {"calls": -1},
        {"calls": True},
        {"calls": 1.5},
        {"rate": (1, 0)},
        {"rate": (-1, 60)},
        {"wall": -1},
        {"wall": float("nan")},
        {"cost": {"usd": "nan"}},
        {"cost": {"usd": -1}},
        {"cost": {"usd": "lots"}},
        {"cost": {"usd": float("inf")}},
        {"minutes": 0},
        {"minutes": -5},
        {"minutes": float("nan")},
        {"minutes": float("inf")},
        {"minutes": 10**9},
        {"delegations": -1},
        {"delegations": 10**6},
        {"per_tool": {"nothing": Limits(calls=1)}},
    ],
    ids=label,
)
def test_what_cannot_be_meant_is_no_grant(gate: Gate, wrong: dict[str, Any]) -> None:
    with pytest.raises((ValueError, GateError)):
        gate.grant("agent-7", **{"tools": {"pay": ANY}, **wrong})
    assert log(gate, "grant") == []


def test_a_capability_without_tools_allows_nothing(gate: Gate) -> None:
    with gate.acting(gate.grant("agent-7", tools={})):
        denied(lambda: gate.call("pay", {"eur": 5}))


def test_what_is_left_out_is_inherited(gate: Gate) -> None:
    parent = gate.grant("lead", principal="ann", tools={"pay": {"eur": Range(max=5)}}, calls=9, labels=["a", "b"], minutes=5)
    child = gate.attenuate(parent, "sub")
    assert (child.agent, child.principal, child.depth) == ("sub", "ann", 1)
    assert grants(child) == grants(parent)
    assert (child.expires, child.labels) == (parent.expires, parent.labels)
    assert child.limits.calls == 9
    assert child.ancestors == (parent.jti, child.jti)


def test_names_of_tools_keep_them_as_they_are(gate: Gate) -> None:
    parent = gate.grant("lead", tools={"pay": {"eur": Range(max=5)}, "other": ANY})
    child = gate.attenuate(parent, "sub", tools=["pay"])
    assert grants(child) == {"pay": grants(parent)["pay"]}


def test_depth_ends(gate: Gate) -> None:
    capability = gate.grant("a", tools={"pay": ANY}, delegations=2)
    capability = gate.attenuate(capability, "b")
    last = gate.attenuate(capability, "c")
    with pytest.raises(TokenError, match="depth"):
        gate.attenuate(last, "d")
    final = gate.attenuate(capability, "c", delegations=0)
    with pytest.raises(TokenError, match="depth"):
        gate.attenuate(final, "d")


def test_only_whoever_holds_it_can_pass_it_on(gate: Gate, tmp_path: Any, clock: FakeClock) -> None:
    capability = gate.grant("a", tools={"pay": ANY})
    (gate.home.keys.directory / "holders" / f"{capability.jti}.jwk").unlink()
    gate.home.keys._keys.clear()
    with pytest.raises(TokenError, match="not in this key ring"):
        gate.attenuate(capability, "b")


@pytest.mark.parametrize("text", ["", "nonsense", "a.b.c", "{}", '{"aat_chain": []}', '{"aat_chain": [5]}', "null", "[" * 1000], ids=lambda t: t[:20])
def test_what_is_no_capability(gate: Gate, text: str) -> None:
    with pytest.raises(TokenError):
        gate.verify(text)
    with pytest.raises(TokenError), gate.acting(text):
        raise AssertionError


@pytest.mark.parametrize("thing", [None, 5, object(), b"x", ["x"]], ids=label)
def test_what_is_not_even_text(gate: Gate, thing: Any) -> None:
    with pytest.raises(Exception), gate.acting(thing):  # noqa: B017  # any refusal will do, so long as nothing runs inside
        raise AssertionError
    assert gate.current().capability is None


def test_a_chain_cannot_be_cut_joined_or_swapped(gate: Gate) -> None:
    root = gate.grant("lead", tools={"pay": ANY})
    child = gate.attenuate(root, "sub", tools={"pay": {"eur": 1}})
    other = gate.grant("lead", tools={"pay": ANY})
    for chain in (
        (child.chain[1],),
        (other.chain[0], child.chain[1]),
        (*child.chain, other.chain[0]),
        child.chain[::-1],
        (*child.chain, child.chain[1]),
    ):
        with pytest.raises(TokenError):
            gate.verify(format_presentation(chain))
    assert gate.verify(format_presentation(child.chain[:1])) == root, "whoever holds the first token holds the first capability"


def test_the_parent_of_a_capability_is_not_in_the_childs_hands(gate: Gate) -> None:
    """What is presented contains the parent's token, so what it may do must not depend on its being secret: only its holder can use it.

    In one process, presenting is enough (no proof of possession is asked), which the documentation says; the agent's name must still fit.
    """
    root = gate.grant("lead", tools={"pay": ANY})
    child = gate.attenuate(root, "sub", tools={"pay": {"eur": 1}})
    with gate.acting(format_presentation(child.chain[:1]), agent="sub"):
        denied(lambda: gate.call("pay", {"eur": 5}), "sub")


@pytest.mark.parametrize("who", [{}, {"agent": ""}, {"agent": "a", "session": "s"}, {"agent": "a", "everything": True}], ids=label)
def test_a_stop_names_exactly_one(gate: Gate, who: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="exactly one"):
        gate.stop(**who)
    with pytest.raises(ConfigError, match="exactly one"):
        gate.resume(**who)


def test_a_revocation_names_something(gate: Gate) -> None:
    with pytest.raises(ConfigError):
        gate.revoke("")


def test_resuming_takes_back_one_stop_and_no_revocation(gate: Gate) -> None:
    capability = gate.grant("agent-7", tools={"pay": ANY})
    with gate.acting(capability):
        gate.stop(agent="agent-7")
        gate.stop(everything=True)
        gate.resume(everything=True)
        denied(lambda: gate.call("pay", {"eur": 5}), "agent-7")
        gate.resume(agent="agent-7")
        assert gate.call("pay", {"eur": 5}) == 5
        gate.revoke(capability)
        gate.resume(agent="agent-7")
        gate.resume(everything=True)
        denied(lambda: gate.call("pay", {"eur": 5}), "revoked")


def test_a_key_that_was_rotated_still_verifies_and_signs_nothing_new(gate: Gate) -> None:
    old = gate.grant("agent-7", tools={"pay": ANY})
    gate.home.keys.rotate("issuer")
    new = gate.grant("agent-7", tools={"pay": ANY})
    assert old.kid != new.kid
    for capability in (old, new):
        with gate.acting(capability):
            assert gate.call("pay", {"eur": 5}) == 5
