"""Capabilities on the wire: minted, narrowed offline, verified; and that nothing but narrowing is accepted."""

from __future__ import annotations

import doctest
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gate.token
from gate.capability import Budget
from gate.constraint import ANY, OneOf, Range, optional
from gate.errors import TokenError
from gate.frozen import freeze
from gate.keys import KeyRing
from gate.limits import NO_LIMITS, Limits
from gate.token import TYP, attenuate, delegate, format_presentation, grant, inspect, mint, new_jti, parse_presentation, verify
from gate.tokens import jose
from gate.tokens.jwk import Anchor, SigningKey, TrustAnchors
from tests import reference
from tests.strategies import ARGUMENTS, maps, narrower_maps

ISSUER, PLANNER, WORKER, ATTACKER = (SigningKey(bytes([number]) * 32) for number in range(4))
ANCHORS = TrustAnchors.of(ISSUER.public)
NOW = 1_764_000_000.25
AUDIENCE = "https://gate.example"


def root(**changes: Any) -> str:
    """A root token for the planner."""
    made: dict[str, Any] = {
        "agent": "planner",
        "principal": "alice",
        "tools": {"save": {"path": OneOf(["a", "b"]), "text": ANY}, "read": {"path": ANY, "limit": optional(Range(max=100))}},
        "expires": NOW + 900,
        "holder": PLANNER.public,
        "now": NOW,
        **changes,
    }
    return mint(ISSUER, **made)


def child(chain: Any = None, **changes: Any) -> tuple[str, ...]:
    """The chain with a token for the worker."""
    made: dict[str, Any] = {"agent": "worker", "holder": WORKER.public, "now": NOW + 1, **changes}
    return attenuate([root()] if chain is None else chain, PLANNER, **made)


def check(chain: Any, now: float = NOW + 2, **changes: Any) -> Any:
    """The capability of a chain."""
    return verify(chain, ANCHORS, audience=None, now=now, **changes)


def forged(token: str, key: SigningKey, **changes: Any) -> str:
    """The token with other claims (None: without), signed again."""
    claims = jose.peek(token, TYP).claims | changes
    return jose.sign(jose.dumps({name: value for name, value in claims.items() if value is not None}), key, TYP)


def test_the_examples() -> None:
    outcome = doctest.testmod(gate.token)
    assert outcome.attempted
    assert not outcome.failed


# What a capability says


def test_a_root() -> None:
    limits = Limits.of(calls=100, rate=(10, 60), wall=5.5, cost={"usd": "1.50"})
    token = root(limits=limits, tool_limits={"save": Limits(calls=3)}, not_before=NOW + 5, labels={"web", "mail"}, audience=AUDIENCE, max_depth=2)
    capability = verify([token], ANCHORS, audience=AUDIENCE, now=NOW)
    assert (capability.agent, capability.principal, capability.depth, capability.max_depth) == ("planner", "alice", 0, 2)
    assert (capability.issued, capability.expires, capability.not_before) == (1_764_000_000, 1_764_000_901, 1_764_000_006)
    assert capability.labels == {"web", "mail"}
    assert capability.limits == limits
    assert capability.grants["save"].limits == Limits(calls=3)
    assert capability.grants["read"].limits == NO_LIMITS
    assert capability.budgets == (Budget(capability.jti, limits, {"save": Limits(calls=3)}),)
    assert capability.ancestors == (capability.jti,)
    assert capability.kid == ISSUER.kid
    assert capability.issuer == ISSUER.public.uri
    assert capability.holder == PLANNER.public.jwk()
    assert capability.chain == (token,)
    assert verify(capability.presentation, ANCHORS, audience=AUDIENCE, now=NOW).jti == capability.jti
    assert repr(capability) == f"<capability '{capability.jti}' of 'planner': 'read' and 'save'>"


def test_a_derived_capability_inherits_what_it_leaves_out() -> None:
    chain = child(
        [root(limits=Limits(calls=100, wall=9), tool_limits={"save": Limits(calls=5)}, labels={"web"}, not_before=NOW + 5)], limits=Limits(calls=10)
    )
    capability = check(chain)
    parent = check(chain[:1])
    assert (capability.agent, capability.principal) == ("worker", "alice")
    assert capability.limits == Limits(calls=10, wall=9)
    assert capability.grants["save"].limits == Limits(calls=5)
    assert capability.labels == {"web"}
    assert (capability.expires, capability.not_before, capability.max_depth) == (parent.expires, parent.not_before, parent.max_depth)
    assert capability.ancestors == (parent.jti, capability.jti)
    assert [budget.limits for budget in capability.budgets] == [Limits(calls=100, wall=9), Limits(calls=10)]
    assert capability.holder == WORKER.public.jwk()


def test_tools_may_be_kept_by_name() -> None:
    capability = check(child(tools=["read"]))
    assert list(capability.grants) == ["read"]
    assert capability.grants["read"].arguments == check([root()]).grants["read"].arguments
    with pytest.raises(TokenError, match="tool 'delete' is not granted"):
        child(tools=["delete"])


def test_a_capability_without_tools_allows_nothing() -> None:
    assert check([root(tools={})]).grants == {}


def test_identifiers_are_in_the_order_of_time_and_never_the_same() -> None:
    made = [new_jti(moment) for moment in (1.0, 2.0, 3_000_000_000.5)]
    assert sorted(made) == made
    assert len({new_jti(1.0) for _ in range(1000)}) == 1000
    assert all(jti[14] == "7" and jti[19] in "89ab" for jti in made)
    assert made[0][:13] == "00000000-03e8"


# Only narrowing


WIDER: dict[str, tuple[dict[str, Any], str]] = {
    "tool": ({"tools": {"delete": {"path": ANY}}}, "tool 'delete' is not granted"),
    "argument": ({"tools": {"save": {"path": "a", "text": ANY, "mode": ANY}}}, "tool 'save', argument 'mode' is not granted"),
    "value": ({"tools": {"save": {"path": ["a", "c"], "text": ANY}}}, "tool 'save', argument 'path': one_of .* is not within"),
    "optional": ({"tools": {"save": {"path": "a", "text": optional(ANY)}}}, "argument 'text' is required and would be optional"),
    "star": ({"tools": {"save": ANY}}, "arguments that nobody named would be admitted"),
    "calls": ({"limits": Limits(calls=101)}, "calls: 101 is over 100"),
    "rate": ({"limits": Limits(rate=(10, 59))}, "rate: 10 calls per 59 s"),
    "wall": ({"limits": Limits(wall=5.1)}, "wall: 5.1 is over 5"),
    "cost": ({"limits": Limits.of(cost={"usd": "1.01"})}, "cost in 'usd': 1.01 is over 1"),
    "tool calls": ({"tool_limits": {"save": Limits(calls=4)}}, "tool 'save', calls: 4 is over 3"),
    "labels": ({"labels": ["web", "mail"]}, "label 'mail' is not carried"),
    "expiry": ({"expires": NOW + 902}, "it would expire 1 s later|it would expire 2 s later"),
    "depth": ({"max_depth": 4}, "it could be delegated to depth 4, over 3"),
}


@pytest.mark.parametrize("what", WIDER)
def test_attenuate_refuses_to_widen_and_says_what(what: str) -> None:
    changes, message = WIDER[what]
    limits = Limits.of(calls=100, rate=(10, 60), wall=5, cost={"usd": 1})
    parent = [root(limits=limits, tool_limits={"save": Limits(calls=3)}, labels=["web"])]
    child(parent)
    with pytest.raises(TokenError, match=message):
        child(parent, **changes)


def test_all_widenings_are_named_at_once() -> None:
    with pytest.raises(TokenError) as refused:
        child(tools={"delete": ANY, "save": {"path": "c", "text": ANY}}, expires=NOW + 10_000, labels=["x"])
    assert str(refused.value).count(";") == 3


FORGERIES: dict[str, dict[str, Any]] = {
    "principal": {"gate": {"agent": "worker", "principal": "mallory"}},
    "labels": {"gate": {"agent": "worker", "labels": ["mail"]}},
    "limits": {"gate": {"agent": "worker", "limits": {"calls": 101}}},
    "tool limits": {"gate": {"agent": "worker", "tool_limits": {"save": {"calls": 4}}}},
    "limits of a tool it does not grant": {
        "gate": {"agent": "worker", "tool_limits": {"save": {"calls": 4}}},
        "authorization_details": [{"type": "attenuating_agent_token", "tools": {}}],
    },
    "unknown limit": {"gate": {"agent": "worker", "limits": {"approval": False}}},
    "unknown member": {"gate": {"agent": "worker", "admin": True}},
    "no object": {"gate": "worker"},
    "agent no text": {"gate": {"agent": 7}},
    "agent empty": {"gate": {"agent": ""}},
    "labels no array": {"gate": {"labels": "web"}},
    "nbf no number": {"nbf": "now"},
    "nbf a fraction": {"nbf": 1.5},
    "member in the capability entry": {"authorization_details": [{"type": "attenuating_agent_token", "tools": {}, "actions": ["read"]}]},
}


@pytest.mark.parametrize("what", FORGERIES)
def test_a_holder_who_signs_something_wider_by_hand_is_refused(what: str) -> None:
    chain = child([root(limits=Limits(calls=100), tool_limits={"save": Limits(calls=3)}, labels=["web"])])
    check(chain)
    with pytest.raises(TokenError, match="token 2 of 2"):
        check([chain[0], forged(chain[1], PLANNER, **FORGERIES[what])])


@settings(max_examples=60, deadline=None)
@given(st.data(), maps(), st.lists(ARGUMENTS, min_size=1, max_size=6))
def test_whatever_verify_accepts_allows_no_more_than_its_root(data: st.DataObject, parent: dict[str, Any], calls: list[dict[str, Any]]) -> None:
    details = [{"type": "attenuating_agent_token", "tools": {"t": parent}}]
    chain = [forged(root(), ISSUER, authorization_details=details)]
    last, key = parent, PLANNER
    for _ in range(2):
        last = data.draw(narrower_maps(last))
        made = attenuate(chain, key, agent="worker", holder=WORKER.public, now=NOW + 1)
        chain = [*chain, forged(made[-1], key, authorization_details=[{"type": "attenuating_agent_token", "tools": {"t": last}}])]
        key = WORKER
    try:
        capability = check(chain)
    except TokenError:
        return
    for call in calls:
        covered = capability.grants["t"].covers({name: freeze(value) for name, value in call.items()}, frozenset())
        assert covered is reference.covers(last, call)
        assert not covered or reference.covers(parent, call)


def test_a_narrower_principal_does_not_exist() -> None:
    chain = child()
    assert check(chain).principal == "alice"
    same = forged(chain[1], PLANNER, gate={"agent": "worker", "principal": "alice"})
    assert check([chain[0], same]).principal == "alice"


# Who may attenuate, and how far


def test_only_the_holder_attenuates() -> None:
    with pytest.raises(TokenError, match="not the one that holds"):
        attenuate([root()], ATTACKER, agent="worker", holder=ATTACKER.public, now=NOW)


def test_a_terminal_capability_is_not_delegated() -> None:
    with pytest.raises(TokenError, match="may not be delegated further"):
        child([root(max_depth=0)])
    with pytest.raises(TokenError, match="maximum depth"):
        child(max_depth=0)
    assert check(child(max_depth=1)).max_depth == 1


def test_a_chain_as_deep_as_allowed_and_no_deeper() -> None:
    chain: Any = [root(max_depth=8)]
    for _ in range(8):
        chain = attenuate(chain, PLANNER, agent="planner", holder=PLANNER.public, now=NOW)
    assert check(chain).depth == 8
    with pytest.raises(TokenError, match="may not be delegated further"):
        attenuate(chain, PLANNER, agent="planner", holder=PLANNER.public, now=NOW)
    with pytest.raises(TokenError, match="9 are the most"):
        check([*chain, chain[-1]])


def test_an_expired_capability_is_not_delegated() -> None:
    with pytest.raises(TokenError, match="expired"):
        child(now=NOW + 901)


def test_a_holder_whose_clock_lags_still_makes_valid_tokens() -> None:
    chain = child([root(now=NOW, expires=NOW + 900)], now=NOW - 20)
    assert inspect(chain)[1].issued == int(NOW)


# Time


@pytest.mark.parametrize(("now", "message"), [(NOW + 901, "expired"), (NOW + 10**9, "expired"), (NOW - 31, "in the future"), (0, "in the future")])
def test_time(now: float, message: str) -> None:
    with pytest.raises(TokenError, match=message):
        check([root()], now=now)


def test_clocks_may_differ_by_thirty_seconds_and_no_more() -> None:
    assert check([root()], now=int(NOW) - 30)
    with pytest.raises(TokenError, match="30 s of clock difference"):
        check([root()], now=int(NOW) - 30.5)


def test_the_start_is_looked_at_per_call_and_not_here() -> None:
    assert check([root(not_before=NOW + 500)], now=NOW).not_before == 1_764_000_501


# Trust and audience


def test_only_trusted_issuers() -> None:
    with pytest.raises(TokenError, match="root token: the token's signature is not by a key that is trusted"):
        verify([root()], TrustAnchors.of(ATTACKER.public), audience=None, now=NOW)
    partner = Anchor("https://partner.example", ISSUER.public, "partner", ISSUER.kid)
    with pytest.raises(TokenError, match=r"speaks for 'https://partner\.example'"):
        verify([root()], TrustAnchors.of(partner), audience=None, now=NOW)
    token = root(issuer="https://partner.example")
    assert verify([token], TrustAnchors.of(partner), audience=None, now=NOW).issuer == "https://partner.example"


@pytest.mark.parametrize(
    ("audience", "ours", "fits"),
    [
        (AUDIENCE, AUDIENCE, True),
        (AUDIENCE, None, False),
        (AUDIENCE, [], False),
        (AUDIENCE, ["x", AUDIENCE], True),
        (AUDIENCE, AUDIENCE + "/", False),
        (None, None, True),
    ],
)
def test_audience(audience: str | None, ours: Any, fits: bool) -> None:
    token = root(audience=audience)
    if fits:
        assert verify([token], ANCHORS, audience=ours, now=NOW)
    else:
        with pytest.raises(TokenError, match="not for this gate"):
            verify([token], ANCHORS, audience=ours, now=NOW)


# Tokens that were tampered with


@pytest.mark.parametrize(
    "spliced",
    [
        lambda one, other: [one[1]],
        lambda one, other: [one[1], one[0]],
        lambda one, other: [one[0], one[0]],
        lambda one, other: [one[0], one[1], one[1]],
        lambda one, other: [one[0], other[1]],
        lambda one, other: [other[0], one[1]],
        lambda one, other: [],
    ],
)
def test_chains_put_together_differently(spliced: Any) -> None:
    one, other = child(), child([root(tools={"save": ANY, "read": ANY})])
    assert check(one)
    assert check(other)
    with pytest.raises(TokenError):
        check(spliced(one, other))


def test_the_middle_of_a_chain_cannot_be_left_out() -> None:
    two = child(tools=["read"])
    three = attenuate(two, WORKER, agent="helper", holder=ATTACKER.public, now=NOW + 2)
    assert check(three).depth == 2
    with pytest.raises(TokenError):
        check([three[0], three[2]])


def test_an_attacker_who_holds_the_bytes_but_no_key_gains_nothing() -> None:
    chain = child()
    wider = forged(chain[1], ATTACKER, iss=ATTACKER.public.uri, cnf={"jwk": ATTACKER.public.jwk()})
    with pytest.raises(TokenError, match="signature"):
        check([chain[0], wider])
    with pytest.raises(TokenError, match="not the one that holds"):
        attenuate(chain, ATTACKER, agent="x", holder=ATTACKER.public, now=NOW)


# What cannot be minted


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tools": {"save": {}}}, "write ANY if that is meant"),
        ({"tools": {"save": {"path": object()}}}, "tool 'save', argument 'path'"),
        ({"tools": {"save": {"path": 10**400}}}, "tool 'save', argument 'path'"),
        ({"tools": {"save": {"path": float("nan")}}}, "tool 'save', argument 'path'"),
        ({"tool_limits": {"sav": Limits(calls=1)}}, "limits for the tool 'sav'"),
        ({"max_depth": 9}, "0 to 8 times"),
        ({"max_depth": -1}, "0 to 8 times"),
        ({"expires": NOW}, "expires after now"),
        ({"expires": NOW + 91 * 86400}, "within 90 days"),
        ({"expires": float("nan")}, "expires after now"),
        ({"expires": float("inf")}, "expires after now"),
    ],
)
def test_mistakes_are_said(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        root(**changes)


def test_a_capability_too_large_to_be_accepted_is_not_made() -> None:
    with pytest.raises(TokenError, match="65536"):
        root(tools={f"tool{number}": {"path": ["x" * 100]} for number in range(500)})


# As text


def test_presentations() -> None:
    chain = child()
    text = format_presentation(chain, "proof")
    assert json.loads(text) == {"aat_chain": list(chain), "aat_pop": "proof"}
    assert parse_presentation(text) == (chain, "proof")
    assert parse_presentation(f" {format_presentation(chain)}\n") == (chain, None)
    assert parse_presentation(root()).chain  # a single token stands for itself
    assert check(format_presentation(chain)).depth == 1


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"aat_chain":[]}',
        '{"aat_chain":"x"}',
        '{"aat_chain":[1]}',
        '{"aat_chain":["a"],"aat_pop":1}',
        '{"aat_chain":["a"],"aat_chain":["b"]}',
        "{",
        "{" * 9999,
    ],
)
def test_presentations_that_are_refused(text: str) -> None:
    with pytest.raises(TokenError):
        parse_presentation(text)


def test_a_presentation_larger_than_any_chain_is_not_even_parsed() -> None:
    with pytest.raises(TokenError, match="more than any chain"):
        parse_presentation("{" + " " * 10**6)


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "null", "[]", "\0", "e" * 70_000])
def test_text_that_is_no_capability(text: str) -> None:
    with pytest.raises(TokenError):
        check(text)
    with pytest.raises(TokenError):
        inspect(text)


# With a key ring


def test_grant_and_delegate_with_a_ring(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path / "keys")
    text = grant(ring, agent="planner", principal="alice", tools={"read": {"path": ANY}}, expires=NOW + 60, now=NOW, audience=AUDIENCE)
    parent = verify(text, ring.anchors("issuer"), audience=AUDIENCE, now=NOW)
    narrower = delegate(ring, text, agent="worker", tools={"read": {"path": "a"}}, limits=Limits(calls=1, cost={"usd": Decimal(1)}), now=NOW)
    capability = verify(narrower, ring.anchors("issuer"), audience=AUDIENCE, now=NOW)
    assert capability.ancestors == (parent.jti, capability.jti)
    assert capability.holder == ring.holder(capability.jti).public.jwk() != parent.holder
    deeper = delegate(ring, narrower, agent="worker", now=NOW, holder=WORKER.public)
    assert verify(deeper, ring.anchors("issuer"), audience=AUDIENCE, now=NOW).depth == 2
    ring.rotate("issuer")
    assert verify(text, ring.anchors("issuer"), audience=AUDIENCE, now=NOW).jti == parent.jti
    with pytest.raises(TokenError, match="is not in this key ring"):
        delegate(KeyRing(tmp_path / "other"), text, agent="worker", now=NOW)


def test_what_is_inspected_is_not_verified() -> None:
    token = forged(root(), ATTACKER, gate={"agent": "admin"})
    assert inspect([token])[0].agent == "admin"
    with pytest.raises(TokenError):
        check([token])
