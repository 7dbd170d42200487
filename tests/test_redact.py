"""Redaction: what is hidden stays hidden, the same value gives the same commitment, and only the key's owner can look one up."""

from __future__ import annotations

import doctest
import hmac
import json
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gate.log.redact
from gate import ANY, Denied, Gate, Range
from gate.approvers.callback import Callback
from gate.call import b64url, canonical
from gate.frozen import Frozen, freeze, thaw
from gate.log.redact import PREFIX, Redactor
from gate.shown import shown

SECRET = b"k" * 32
json_data = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), inner, max_size=4),
    max_leaves=8,
)


def test_the_examples() -> None:
    outcome = doctest.testmod(gate.log.redact)
    assert outcome.attempted
    assert not outcome.failed


def test_everything_is_hidden_unless_somebody_allowed_it() -> None:
    arguments: dict[str, Frozen] = {"to": "ann@example.com", "amount": 5, "urgent": True, "note": None, "lines": ("a", "b")}
    text, hidden = Redactor(SECRET).arguments("mail.send", MappingProxyType(arguments))
    assert hidden
    assert list(json.loads(text)) == list(arguments)
    assert all(value.startswith(PREFIX) for value in json.loads(text).values())
    assert "ann" not in text


@pytest.mark.parametrize(
    ("clear", "shown"),
    [
        ({}, []),
        ({"mail.send": ["to"]}, ["to"]),
        ({"mail.send": ["*"]}, ["to", "body"]),
        ({"*": ["body"]}, ["body"]),
        ({"*": ["body"], "mail.send": ["to"]}, ["to", "body"]),
        ({"mail": ["to"], "mail.send.x": ["to"], "MAIL.SEND": ["to"], "mail.send": ["To"]}, []),
    ],
)
def test_who_is_shown(clear: dict[str, list[str]], shown: list[str]) -> None:
    text, hidden = Redactor(SECRET, clear).arguments("mail.send", {"to": "a", "body": "b"})
    assert [name for name, value in json.loads(text).items() if not value.startswith(PREFIX)] == shown
    assert hidden == (len(shown) < 2)


def test_off_shows_everything() -> None:
    assert Redactor.off().arguments("any", {"a": "x", "b": (1, 2.5, None)}) == ('{"a":"x","b":[1,2.5,null]}', False)


@pytest.mark.parametrize("length", [16, 63, 64, 65, 200])
def test_a_commitment_is_the_hmac_for_keys_of_every_length(length: int) -> None:
    secret = bytes(range(length))
    assert Redactor(secret).commitment("x") == PREFIX + b64url(hmac.new(secret, canonical("x"), "sha256").digest())


@given(json_data)
def test_a_commitment_is_the_hmac_of_the_canonical_value(value: object) -> None:
    expected = PREFIX + b64url(hmac.new(SECRET, canonical(value), "sha256").digest())
    assert Redactor(SECRET).commitment(value) == expected
    text, _ = Redactor(SECRET).arguments("t", {"x": freeze(value)})
    assert json.loads(text) == {"x": expected}


@given(json_data)
def test_what_is_shown_is_the_value(value: object) -> None:
    frozen = freeze(value)
    text, _ = Redactor.off().arguments("t", {"x": frozen})
    assert json.loads(text) == {"x": thaw(frozen)}


@given(json_data, json_data)
def test_different_values_and_different_keys_differ(one: object, other: object) -> None:
    redactor = Redactor(SECRET)
    assert (redactor.commitment(one) == redactor.commitment(other)) == (canonical(one) == canonical(other))
    assert redactor.commitment(one) != Redactor(b"j" * 32).commitment(one)


def test_a_value_cannot_pretend_to_be_a_commitment_of_another_name() -> None:
    text, _ = Redactor(SECRET, {"t": ["shown"]}).arguments("t", {"shown": '","hidden":"x', "hidden": "secret"})
    assert list(json.loads(text)) == ["shown", "hidden"]
    assert json.loads(text)["shown"] == '","hidden":"x'


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16 bytes"):
        Redactor(b"short")


def test_reasons_in_the_log_do_not_tell_what_the_arguments_hide(tmp_path: Path) -> None:
    """The hole: arguments stood as commitments, and the reasons beside them quoted the values."""
    secret, card = "sk-live-4242-very-secret-token", 987654321
    (tmp_path / "gate.toml").write_text('[[rule]]\nid = "ask"\nask = { tool = "send" }\n')
    with Gate(tmp_path / ".gate", rules=tmp_path / "gate.toml") as gate:
        gate.approvers = (Callback(gate, lambda _: True),)
        send = gate.wrap(lambda to, note: None, name="send")
        pay = gate.wrap(lambda to, card: None, name="pay")
        grants = {"send": ANY, "pay": {"to": ["bob"], "card": Range(max=10)}}
        with gate.acting(gate.grant("assistant", tools=grants)):
            send(secret, {"inner": [secret]})
            with pytest.raises(Denied, match=secret):  # the agent may read what it sent
                pay(secret, card)
        gate.home.ledger.flush()
        log = b"\n".join(gate.home.ledger.records())
    assert b"refusal" in log
    assert b"<hidden>" in log
    assert secret.encode() not in log
    assert secret[:12].encode() not in log
    assert str(card).encode() not in log


@pytest.mark.parametrize("value", ["a" * 300, "x\n\u202ey/etc/passwd", "5", "Ünïcode-Value", 'it\'s "quoted"'])
def test_a_value_is_concealed_however_a_reason_quotes_it(value: str) -> None:
    redactor = Redactor(b"k" * 32)
    texts = redactor.conceal([f"argument 'x': {shown(value)} is refused", f"over {value} by far"], "t", {"x": value})
    assert all(value not in text and shown(value)[1:40].rstrip("'\"") not in text for text in texts)
    assert all("<hidden>" in text for text in texts)


def test_short_values_are_not_cut_out_of_words() -> None:
    assert Redactor(b"k" * 32).conceal(["a rule of 15 about a"], "t", {"x": "a", "n": 5}) == ("<hidden> rule of 15 about <hidden>",)


def test_a_tool_in_clear_keeps_its_reasons() -> None:
    assert Redactor.off().conceal(["'bob' is refused"], "t", {"x": "bob"}) == ("'bob' is refused",)
