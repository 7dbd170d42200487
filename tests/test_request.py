"""Proofs of HTTP requests: what each part binds, and that none is good twice."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.errors import TokenError
from gate.tokens import jose
from gate.tokens.jwk import SigningKey, TrustAnchors
from gate.tokens.request import REMEMBERED, TYP, Seen, Sent, check, sign
from tests.kit import label

KEY, OTHER = SigningKey(bytes(32)), SigningKey(bytes([1] * 32))
OURS = TrustAnchors.of(KEY.public)
NOW = 1_800_000_000.0
ABOUT: dict[str, Any] = {"audience": "example.com/gate", "method": "POST", "url": "https://gate.example/access/v1/questions", "body": b"{}"}


def proof(key: SigningKey = KEY, **changes: Any) -> str:
    return sign(key, **{"who": "ann", "now": NOW, **ABOUT, **changes})


def checked(token: str, **changes: Any) -> Sent:
    return check(token, changes.pop("anchors", OURS), **{"now": NOW, **ABOUT, **changes})


def test_a_proof_says_who_sends_what() -> None:
    sent = checked(proof())
    assert (sent.who, sent.kid, sent.issued) == ("ann", KEY.kid, int(NOW))
    assert checked(proof(), anchors=KEY.public).who == "ann"
    assert checked(proof(url=ABOUT["url"] + "?wait=5#x")).who == "ann", "the query is not signed (RFC 9449, section 4.2)"


@pytest.mark.parametrize(
    ("name", "value", "because"),
    [
        ("audience", "example.com/other", "another gate"),
        ("method", "GET", "not for 'GET'"),
        ("url", "https://gate.example/access/v1/other", "another address"),
        ("url", "http://gate.example/access/v1/questions", "another address"),
        ("url", "https://evil.example/access/v1/questions", "another address"),
        ("body", b'{"verdict":"approve"}', "another body"),
        ("body", b"", "another body"),
        ("now", NOW + 31, "31 s ago"),
        ("now", NOW - 31, "31 s from now"),
        ("anchors", TrustAnchors.of(OTHER.public), "not by a key that is trusted"),
        ("anchors", TrustAnchors(), "not by a key that is trusted"),
    ],
)
def test_a_proof_is_worth_nothing_for_anything_else(name: str, value: Any, because: str) -> None:
    with pytest.raises(TokenError, match=because):
        checked(proof(), **{name: value})


def claims(**changes: Any) -> dict[str, Any]:
    return {**jose.peek(proof(), TYP).claims, **changes}


@pytest.mark.parametrize(
    "wrong",
    [
        claims(more=1),
        {name: value for name, value in claims().items() if name != "body"},
        claims(iat="1800000000"),
        claims(iat=True),
        claims(iat=1e300),
        claims(jti=""),
        claims(jti="x" * 129),
        claims(jti=["x"]),
        {},
    ],
    ids=label,
)
def test_a_proof_has_exactly_its_claims(wrong: dict[str, Any]) -> None:
    with pytest.raises(TokenError):
        checked(jose.sign(jose.dumps(wrong), KEY, TYP))


def test_an_approval_or_a_capability_is_no_proof() -> None:
    for typ in ("gate-approval+jwt", "aat+jwt", "aat-pop+jwt"):
        with pytest.raises(TokenError, match="typ"):
            checked(jose.sign(jose.dumps(claims()), KEY, typ))


@settings(max_examples=30, deadline=None)
@given(st.text(st.characters(codec="utf-8")), st.binary(max_size=50))
def test_whatever_is_signed_is_what_is_checked(who: str, body: bytes) -> None:
    token = proof(who=who, body=body)
    assert checked(token, body=body).who == who
    with pytest.raises(TokenError):
        checked(token, body=body + b" ")


class TestSeen:
    """That a proof is accepted once."""

    def test_a_replay_is_refused(self) -> None:
        seen, sent = Seen(NOW), checked(proof())
        seen.once(sent, NOW)
        with pytest.raises(TokenError, match="used before"):
            seen.once(sent, NOW)
        seen.once(checked(proof()), NOW)

    def test_two_threads_get_it_through_once(self) -> None:
        seen, sent, told = Seen(NOW), checked(proof()), list[str]()
        together = threading.Barrier(8)

        def one() -> None:
            together.wait(20)
            try:
                seen.once(sent, NOW)
                told.append("through")
            except TokenError:
                told.append("refused")

        threads = [threading.Thread(target=one) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(told) == ["refused"] * 7 + ["through"]

    def test_what_another_process_may_have_accepted_is_refused(self) -> None:
        sent = checked(proof())
        with pytest.raises(TokenError, match="before this server began"):
            Seen(NOW + 5).once(sent, NOW + 5)

    def test_the_same_id_by_another_key_is_another_proof(self) -> None:
        seen, sent = Seen(NOW), checked(proof())
        seen.once(sent, NOW)
        seen.once(sent._replace(kid="another"), NOW)

    def test_it_forgets_what_can_come_no_more_and_refuses_rather_than_forget(self) -> None:
        seen, sent = Seen(NOW), checked(proof())
        for n in range(REMEMBERED):
            seen.once(sent._replace(jti=str(n)), NOW)
        with pytest.raises(TokenError, match="too many"):
            seen.once(sent._replace(jti="one more"), NOW)
        with pytest.raises(TokenError, match="used before"):
            seen.once(sent._replace(jti="0"), NOW)
        seen.once(sent._replace(jti="one more"), NOW + 60)
