"""Signatures of messages: whose they are, of when, and of exactly which bytes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.approvers import slacksign
from gate.approvers.webhooksign import Forged, check, parse_secrets, secrets, sign
from gate.errors import ConfigError
from gate.people import Kept
from tests.approvers.receivers import KEYS, SECRET

NOW = 1614265330
OTHER = parse_secrets(b"whsec_" + b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldY")


def good(name: str = "m", timestamp: str = str(NOW), body: bytes = b"{}", signature: str = "", now: float = NOW) -> bool:
    try:
        check(KEYS, name, timestamp, signature or sign(KEYS, "m", NOW, b"{}"), body, now=now)
    except Forged:
        return False
    return True


def test_what_counts_and_what_does_not() -> None:
    right = sign(KEYS, "m", NOW, b"{}")
    assert good() and good(now=NOW + 300) and good(now=NOW - 300)
    assert good(signature=f"v1,AAAA {right}") and good(signature=f"v2,x {right}") and good(signature=sign((*OTHER, *KEYS), "m", NOW, b"{}"))
    assert not good(now=NOW + 301) and not good(now=NOW - 301) and not good(now=float("nan"))
    assert not good(name="m2") and not good(name="") and not good(body=b"{ }")
    assert (
        not good(timestamp=str(NOW + 1)) and not good(timestamp=f"0{NOW}") and not good(timestamp=f"+{NOW}") and not good(timestamp="1_614_265_330")
    )
    assert not good(timestamp="\u0661614265330") and not good(timestamp="")
    assert not good(signature=sign(OTHER, "m", NOW, b"{}")) and not good(signature=right.replace("v1,", "v1a,")) and not good(signature="v1,")
    assert not good(signature=right.removeprefix("v1,")) and not good(signature=right[:-2]) and not good(signature="v1," * 10_000)


def test_the_parts_cannot_be_moved() -> None:
    for name, timestamp, body in (("m.1", 2, b"{}"), ("m", 1, b"2.{}")):
        signature = sign(KEYS, name, timestamp, body)
        assert signature == sign(KEYS, "m", 1, b"2.{}")
    with pytest.raises(Forged):
        check(KEYS, "m.1", "2", signature, b"{}", now=1)


@settings(deadline=None)
@given(st.binary(max_size=50), st.text(max_size=20), st.text(max_size=20), st.text(max_size=60))
def test_nothing_made_up_counts(body: bytes, name: str, timestamp: str, signature: str) -> None:
    with pytest.raises(Forged):
        check(KEYS, name, timestamp, signature, body, now=NOW)
    with pytest.raises(Forged):
        slacksign.check(b"s", timestamp, signature, body, now=NOW)


@pytest.mark.parametrize("text", [b"", b"secret", b"whsec_", b"whsec_c2hvcnQ=", b"whsec_%%%", SECRET + b" plain", b"whsec_" + b"A" * 96])
def test_what_is_no_secret_is_refused_without_being_shown(text: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATE_HOOK", text.decode())
    with pytest.raises(ConfigError) as caught:
        secrets(Kept("env", "GATE_HOOK"))
    assert "plain" not in str(caught.value) and "c2hv" not in str(caught.value)


def test_two_secrets_while_one_is_replaced() -> None:
    both = parse_secrets(SECRET + b"\nwhsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldY\n")
    assert both == (*KEYS, *OTHER)
    check(both, "m", str(NOW), sign(OTHER, "m", NOW, b""), b"", now=NOW)


def test_slack() -> None:
    right = slacksign.sign(b"s", str(NOW), b"payload=x")

    def good(signature: str = right, timestamp: str = str(NOW), body: bytes = b"payload=x", now: float = NOW) -> bool:
        try:
            slacksign.check(b"s", timestamp, signature, body, now=now)
        except Forged:
            return False
        return True

    assert good() and good(now=NOW + 300)
    assert not good(now=NOW + 301) and not good(now=NOW - 301) and not good(timestamp=f"0{NOW}") and not good(timestamp=str(NOW + 1))
    assert not good(signature=right.upper()) and not good(signature=right[3:]) and not good(body=b"payload=x&payload=y")
    assert not good(signature=right + " ") and not good(signature="v0=" + "0" * 64) and not good(signature="")
