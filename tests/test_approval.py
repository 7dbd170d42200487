"""The approval token: signed, for one binding, short-lived, exactly these claims and no other form."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from gate.approval import SKEW, TYP, Approval, check, sign
from gate.ask import Question, question
from gate.call import Acting, Call
from gate.decide import Ask
from gate.effect import UNDECLARED, Risk
from gate.errors import TokenError
from gate.tokens import jose
from gate.tokens.jwk import Anchor, SigningKey, TrustAnchors

KEY, OTHER = SigningKey(bytes(range(32))), SigningKey(bytes(range(1, 33)))
ANCHORS = TrustAnchors.of(Anchor.of(KEY.public, "approver-alice"))
NOW = 1_800_000_000.5
GATE = "example.com/gate"


def asked(**changes: Any) -> Question:
    call = Call("pay", MappingProxyType({"eur": 5}), frozenset(), Acting("agent-7", "s1"), UNDECLARED, "c1")
    decision = Ask((), (), (), Risk.MEDIUM, "durable", (), 1, 600.0)
    return replace(question(call, decision, rules_version="v1", now=NOW), **changes)


QUESTION = asked()


def checked(token: str, *, binding: str = QUESTION.binding_hash, audience: str = GATE, now: float = NOW, anchors: TrustAnchors = ANCHORS) -> Approval:
    return check(token, binding_hash=binding, anchors=anchors, audience=audience, now=now)


def signed(**changes: Any) -> str:
    said: dict[str, Any] = {"approver": "alice", "audience": GATE, "now": NOW, **changes}
    return sign(QUESTION, said.pop("key", KEY), **said)


def claims(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    return dict(json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4))))


def forged(raw: bytes | None = None, *, typ: str = TYP, key: SigningKey = KEY, **changes: Any) -> str:
    """A token with a good signature over other claims."""
    body = {name: value for name, value in {**claims(signed()), **changes}.items() if value is not ...}
    return jose.sign(raw if raw is not None else json.dumps(body).encode(), key, typ)


def refused(token: str, because: str, **how: Any) -> None:
    with pytest.raises(TokenError, match=because):
        checked(token, **how)


def test_what_was_signed_is_what_is_checked() -> None:
    approval = checked(signed())
    assert (approval.approver, approval.kid, approval.binding_hash, approval.question) == ("alice", KEY.kid, QUESTION.binding_hash, "c1")
    assert (approval.issued, approval.expires) == (int(NOW), int(NOW + 300))
    assert set(claims(signed())) == {"iss", "aud", "jti", "iat", "exp", "binding_hash", "question"}


def test_each_has_an_id_of_its_own() -> None:
    assert len({checked(signed()).jti for _ in range(50)}) == 50


def test_it_lasts_no_longer_than_its_question() -> None:
    short = asked(expires=NOW + 10)
    assert checked(sign(short, KEY, approver="alice", audience=GATE, now=NOW), binding=short.binding_hash).expires == int(NOW + 10)


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({"binding_hash": "x"}, "for another call"),
        ({"binding_hash": QUESTION.binding_hash[:-1]}, "for another call"),
        ({"binding_hash": "ä"}, "for another call"),
        ({"aud": "example.com/other"}, "for another gate"),
        ({"aud": [GATE]}, "exactly the claims"),
        ({"iss": "bob"}, "says it is by 'bob'"),
        ({"iss": "approver-alice"}, "says it is by"),
        ({"iss": ""}, "says it is by"),
        ({"jti": ""}, "no id"),
        ({"jti": 5}, "exactly the claims"),
        ({"exp": int(NOW) + 301}, "more than 300 s"),
        ({"exp": float(NOW + 10)}, "exactly the claims"),
        ({"exp": str(int(NOW) + 10)}, "exactly the claims"),
        ({"exp": True}, "exactly the claims"),
        ({"exp": int(NOW)}, "has expired"),
        ({"exp": int(NOW) - 1}, "has expired"),
        ({"iat": int(NOW) + SKEW + 1, "exp": int(NOW) + SKEW + 60}, "in the future"),
        ({"iat": 0}, "more than 300 s"),
        ({"nbf": 0}, "exactly the claims"),
        ({"scope": "*"}, "exactly the claims"),
        ({"question": ...}, "exactly the claims"),
        ({"jti": ...}, "exactly the claims"),
        ({"exp": ...}, "exactly the claims"),
    ],
    ids=str,
)
def test_other_claims_are_refused_though_well_signed(changes: dict[str, Any], because: str) -> None:
    refused(forged(**changes), because)


@pytest.mark.parametrize(
    ("raw", "because"),
    [
        (b"[]", "no JSON object"),
        (b"", "no compact JWS"),
        (b"nonsense", "no strict JSON"),
        (b'{"exp":NaN}', "no strict JSON"),
        (b'{"iss":"alice","iss":"alice"}', "appears twice"),
        (b"{}", "exactly the claims"),
    ],
    ids=str,
)
def test_other_bodies_are_refused_though_well_signed(raw: bytes, because: str) -> None:
    refused(forged(raw), because)


def test_a_doubled_member_cannot_choose_between_two_calls() -> None:
    body = json.dumps(claims(signed()))
    refused(forged(f'{body[:-1]},"binding_hash":"x"}}'.encode()), "appears twice")


@pytest.mark.parametrize("typ", ["aat+jwt", "JWT", "", "gate-approval", "Gate-Approval+JWT"])
def test_a_token_of_another_type_is_no_approval(typ: str) -> None:
    refused(forged(typ=typ), "typ")


@pytest.mark.parametrize("alg", ["none", "HS256", "EdDSA", "ES256", "", None])
def test_another_algorithm_is_refused(alg: str | None) -> None:
    _, body, signature = signed().split(".")
    head = urlsafe_b64encode(json.dumps({"alg": alg, "typ": TYP, "kid": KEY.kid}).encode()).rstrip(b"=").decode()
    refused(f"{head}.{body}.{signature}", "alg")
    refused(f"{head}.{body}.", "compact JWS")


def test_a_key_that_is_not_trusted_signs_nothing() -> None:
    refused(signed(key=OTHER), "not by a key that is trusted")
    refused(signed(), "not by a key that is trusted", anchors=TrustAnchors())


@pytest.mark.parametrize("place", [10, 200, -5])
def test_a_changed_character_is_noticed(place: int) -> None:
    token = signed()
    changed = "A" if token[place] != "A" else "B"
    with pytest.raises(TokenError):
        checked(token[:place] + changed + token[place:][1:])


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", signed() + "=", signed() + "\n", " " + signed(), signed() * 200], ids=lambda t: t[:8])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(TokenError):
        checked(token)


def test_the_name_belongs_to_the_key_also_for_people_elsewhere() -> None:
    """Someone else's key is trusted under the name its file has, whatever it claims."""
    anchors = TrustAnchors.of(Anchor.of(KEY.public, "bob"))
    assert checked(signed(approver="bob"), anchors=anchors).approver == "bob"
    refused(signed(approver="alice"), "its key belongs to 'bob'", anchors=anchors)


def test_time_moves_within_its_bounds() -> None:
    token = signed()
    assert checked(token, now=NOW + 299)
    refused(token, "expired", now=NOW + 300)
    assert checked(token, now=NOW - SKEW)
    refused(token, "future", now=NOW - SKEW - 2)
