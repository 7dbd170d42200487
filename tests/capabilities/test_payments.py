"""payments: one spelling of an amount and of a payee, limits per payment and per payee and period, and what the person sees."""
# ruff: noqa: E501  # lists of values

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capabilities import payments
from capabilities._money.amount import DIGITS
from capabilities._money.constraint import AtMost
from gate import ANY, Gate, Limits, NeedsApproval, Quota
from gate.constraint import AllOf, AnyOf, Constraint, Exact, OneOf, parse
from gate.effect import Risk
from gate.kind import Kind, kind_tool
from gate.testing import ScriptedApprover
from tests.kit import denied, short, write_rules

IBAN, OTHER = "DE89370400440532013000", "GB33BUKB20201555555555"
NOT_ASKED = '[[rule]]\nid = "pay"\nallow = { tool = "payments.pay" }\n'


@pytest.mark.parametrize(
    ("value", "canonical"),
    [
        ("12.50 EUR", "12.50 EUR"),
        ("12.5 EUR", "12.50 EUR"),
        ("EUR 12.50", "12.50 EUR"),
        ("50 EUR", "50.00 EUR"),
        ("0.01 USD", "0.01 USD"),
        ("100 JPY", "100 JPY"),
        ("1.5 KWD", "1.500 KWD"),
        ("999999999999.99 EUR", "999999999999.99 EUR"),
        ({"amount": "12.5", "currency": "EUR"}, "12.50 EUR"),
    ],
    ids=str,
)
def test_one_spelling_of_an_amount(value: object, canonical: str) -> None:
    assert payments.AMOUNT.parse(value) == canonical == payments.AMOUNT.parse(canonical)


@pytest.mark.parametrize(
    "value",
    [
        50, 50.0, True, None, "", "50", "EUR", "50EUR", "EUR50", "50  EUR", " 50 EUR", "50 EUR ", "50\u00a0EUR", "50\tEUR", "50 eur", "50 Eur", "€50",
        "50 €", "50,00 EUR", "1,000 EUR", "1.000,00 EUR", "1_000 EUR", "1 000 EUR", "1e3 EUR", "1E3 EUR", "0x10 EUR", "+50 EUR", "-50 EUR",
        "\u221250 EUR", "0 EUR", "0.00 EUR", "-0 EUR", "00.50 EUR", "050 EUR", ".50 EUR", "50. EUR", "12.505 EUR", "12.500 EUR", "1.5 JPY", "NaN EUR",
        "Infinity EUR", "sNaN EUR", "\uff15\uff10 EUR", "\u0665\u0660 EUR", "50 \uff25UR", "50 \u0395UR", "50 EUR\u200b", "50 XXX", "50 XAU", "50 EURO",
        "50 EUR USD", "50 EUR;60 EUR", "50\0 EUR", "1" * 13 + " EUR", "1" * 5000 + " EUR", ["50 EUR"], {"amount": 50, "currency": "EUR"},
        {"amount": "50"}, {"amount": "50", "currency": "EUR", "cents": 1}, {"amount": "50", "currency": None}, {"amount": "NaN", "currency": "EUR"},
        b"50 EUR", Decimal(50), "\ud800 EUR",
    ],
    ids=lambda value: ascii(value)[:30],
)  # fmt: skip
def test_what_is_no_amount(value: object) -> None:
    with pytest.raises(ValueError, match=".") as caught:
        payments.AMOUNT.parse(value)
    assert 5 < len(str(caught.value)) < 300
    assert not payments.at_most("9999999 EUR").check(value)  # type: ignore[arg-type]  # anything


@pytest.mark.parametrize(
    ("value", "canonical"),
    [
        (IBAN, IBAN),
        ("DE89 3704 0044 0532 0130 00", IBAN),
        ("de89370400440532013000", IBAN),
        ("GB33 BUKB 2020 1555 5555 55", OTHER),
        ("acct_1A2b", "acct_1A2b"),
        ("12345678", "12345678"),
        ("ann@example.com", "ann@example.com"),
    ],
)
def test_one_spelling_of_a_payee(value: str, canonical: str) -> None:
    assert payments.PAYEE.parse(value) == canonical == payments.PAYEE.parse(canonical)


@pytest.mark.parametrize(
    "value",
    [
        None, 5, True, "", "a", "DE88370400440532013000", "DE8937040044053201300", "DE893704004405320130000", "ZZ89370400440532013000", "DE89", "DE00",
        "DE89  370400440532013000", " " + IBAN, IBAN + " ", IBAN + "\n", IBAN + "\u200b", "\uff24E89370400440532013000", "\u0410cct_1", "a b", "a/b",
        "a\0b", "a" * 101, "-x", ".x", "é1", [IBAN], {"iban": IBAN}, b"x1", "\ud800a", "acct_1;acct_2", "acct_1,acct_2",
    ],
    ids=lambda value: ascii(value)[:30],
)  # fmt: skip
def test_what_is_no_payee(value: object) -> None:
    with pytest.raises(ValueError, match=".") as caught:
        payments.PAYEE.parse(value)
    assert 5 < len(str(caught.value)) < 300


@given(st.text(max_size=40) | st.from_regex(r"[A-Z]{3} [0-9.,]{1,8}|[0-9.,]{1,8} [A-Z]{3}", fullmatch=True))
def test_parsing_is_final_and_exact(value: str) -> None:
    for kind in (payments.AMOUNT, payments.PAYEE):
        try:
            once = kind.parse(value)
        except ValueError:
            continue
        assert kind.parse(once) == once


def test_every_changed_digit_of_an_iban_is_noticed() -> None:
    for at in range(2, len(IBAN)):
        for digit in "0123456789":
            if digit != IBAN[at]:
                with pytest.raises(ValueError, match="."):
                    payments.PAYEE.parse(IBAN[:at] + digit + IBAN[at + 1 :])


# ---- the constraint -------------------------------------------------------------------------------------------------------------------

MONEY = st.builds(lambda units, code: f"{units} {code}", st.sampled_from(["1", "2", "5"]), st.sampled_from(["EUR", "USD", "JPY"]))


@st.composite
def constraints(draw: st.DrawFn) -> Constraint:
    one = st.dictionaries(st.sampled_from(["EUR", "USD", "JPY"]), st.sampled_from(["1", "2", "5"]), min_size=1).map(
        lambda most: payments.at_most(*[f"{amount} {code}" for code, amount in most.items()])
    )
    return draw(one | st.builds(lambda a, b: AllOf([a, b]), one, one) | st.builds(lambda a, b: AnyOf([a, b]), one, one) | MONEY.map(
        lambda text: Exact(payments.AMOUNT.parse(text))))  # fmt: skip


@given(constraints(), constraints(), MONEY)
def test_subsumes_is_sound(one: Constraint, other: Constraint, text: str) -> None:
    assert parse(one.to_json()) == one
    value = payments.AMOUNT.parse(text)
    assert not (one.subsumes(other) and other.check(value) and not one.check(value))
    assert one.check(value) or one.explain(value)


def test_currencies_are_never_compared() -> None:
    most = payments.at_most("50 EUR", "60 USD")
    assert most.check("50.00 EUR") and most.check("60.00 USD")
    assert not most.check("50.01 EUR") and not most.check("60.01 USD") and not most.check("1.00 GBP") and not most.check("1 JPY")
    assert not most.check("50 EUR"), "only the one spelling"
    assert "over the maximum 50.00 EUR" in most.explain("50.01 EUR")
    assert not payments.at_most("50 EUR").subsumes(payments.at_most("50 USD"))
    assert payments.at_most("50 EUR", "1 USD").subsumes(payments.at_most("50 EUR"))
    assert payments.payees(IBAN, "acct_1") == OneOf([IBAN, "acct_1"])


@pytest.mark.parametrize(
    "data", [{}, {"max": {}}, {"max": {"EUR": 5}}, {"max": {"EUR": "-1"}}, {"max": {"eur": "1"}}, {"max": {"EUR": "1e3"}}, {"max": ["x"]}], ids=str
)
def test_what_is_no_constraint(data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="."):
        parse({"constraint_type": "money", **data})
    with pytest.raises(ValueError, match="."):
        AtMost.of([])


def test_the_currencies() -> None:
    assert len(DIGITS) > 140 and DIGITS["EUR"] == 2 and DIGITS["JPY"] == 0 and DIGITS["BHD"] == 3
    assert all(len(code) == 3 and code.isalpha() and code.isupper() for code in DIGITS)


# ---- behind a gate --------------------------------------------------------------------------------------------------------------------


def test_limits_per_payment_and_per_payee_and_month(gate: Gate) -> None:
    sent: list[Any] = []
    write_rules(gate, NOT_ASKED)
    pay = gate.wrap(payments.tool(lambda *all_of_it: sent.append(all_of_it)))
    month = Quota.of(unit="EUR", total=200, seconds=2_592_000, by="to")
    tools = {"payments.pay": {"amount": payments.at_most("150 EUR", "1000 USD"), "to": payments.payees(IBAN, OTHER), "reference": ANY}}
    with gate.acting(gate.grant("a", tools=tools, per_tool={"payments.pay": Limits.of(quota=[month])})):
        pay("150 EUR", "de89 3704 0044 0532 0130 00", "invoice 7")
        denied(lambda: pay("150.01 EUR", IBAN), "over the maximum")
        short(lambda: pay({"amount": "50.01", "currency": "EUR"}, IBAN), "/quota/EUR/2592000/to=")
        short(lambda: pay("EUR 50.01", "DE89370400440532013000"), "quota")
        pay("50 EUR", IBAN)
        pay("150 EUR", OTHER)
        denied(lambda: pay("5 USD", IBAN), "limits EUR, and the call costs USD")
        denied(lambda: pay("5 EUR", "acct_1"), "acct_1")
        denied(lambda: pay(5, IBAN), "no amount")
    assert sent == [
        (Decimal("150.00"), "EUR", IBAN, "invoice 7"),
        (Decimal("50.00"), "EUR", IBAN, ""),
        (Decimal("150.00"), "EUR", OTHER, ""),
    ]


def test_a_payment_asks_a_person_who_sees_all_of_it(gate: Gate) -> None:
    pay = gate.wrap(payments.tool(lambda *_: None, left=lambda currency, to: Decimal(80) if currency == "EUR" else None))
    with gate.acting(gate.grant("a", tools={"payments.pay": ANY})):
        with pytest.raises(NeedsApproval) as caught:
            pay("12.5 EUR", IBAN)
        asked = caught.value.question
        assert asked is not None and asked.risk == Risk.HIGH
        assert asked.headline == f"a wants to pay 12.50 EUR to {IBAN}"
        assert asked.preview[0].lines() == [
            "amount: 12.50 EUR", f"to: {IBAN}", "reference: ", "can be undone: no", "left before it: 80 EUR", "left after it: 67.50 EUR",
        ]  # fmt: skip
        gate.approvers = (ScriptedApprover(gate, [True], name="alice"),)
        pay("12.5 EUR", IBAN)


def test_what_a_payment_is_said_to_do() -> None:
    assert all(isinstance(kind, Kind) for kind in payments.TOOLS["payments.pay"].arguments.values())
    assert payments.AMOUNT.assess("1.00 EUR").effects == {"spends", "irreversible"}
    assert payments.AMOUNT.assess(5).risk == Risk.HIGH
    made = kind_tool(payments.tool(print))
    assert made is not None and made.name == "payments.pay"
    for value in (5, "x" * 141, "a\nb", "a\u202eb", None, "\ud800"):
        with pytest.raises(ValueError, match="."):
            payments.REFERENCE.parse(value)
