"""An amount of money as text: `12.50 EUR`, with exactly the digits that the currency has (ISO 4217, minor units).

Taken: `12.5 EUR`, `EUR 12.50`, `{"amount": "12.50", "currency": "EUR"}`.  Refused: numbers (12 of what, or cents?), signs, zero, exponents,
separators of thousands, commas, other digits than 0-9, more digits than the currency has, symbols, unknown currencies.

>>> canonical("12.5 EUR"), canonical("EUR 12.50"), canonical({"amount": "100", "currency": "JPY"})
('12.50 EUR', '12.50 EUR', '100 JPY')
>>> canonical("1,000 EUR")
Traceback (most recent call last):
ValueError: '1,000 EUR' is no amount such as '12.50 EUR'
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final, NamedTuple

from gate.constraint import show
from gate.constraints.value import is_object

_FORM: Final = re.compile(r"(0|[1-9][0-9]{0,11})(?:\.([0-9]{1,4}))?", re.ASCII)
_CODE: Final = re.compile(r"[A-Z]{3}", re.ASCII)
_TWO: Final = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN
ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK
MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP
STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR ZMW
"""
DIGITS: Final[dict[str, int]] = (
    dict.fromkeys(list[str](_TWO.split()), 2)
    | dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split(), 0)
    | dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3)
)
"""Digits after the point by currency: ISO 4217, list one, without funds, metals and codes for testing."""


class Money(NamedTuple):
    """An exact amount of one currency."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        """The canonical spelling."""
        return f"{self.amount:.{DIGITS[self.currency]}f} {self.currency}"


def canonical(value: object) -> str:
    """The one spelling of an amount; ValueError says what is refused."""
    return str(money(value))


def money(value: object) -> Money:
    """The amount that a text or an object says; ValueError for anything else."""
    if is_object(value) and set(value) == {"amount", "currency"}:
        number, currency = value["amount"], value["currency"]
    elif isinstance(value, str) and len(value) <= 40 and value.count(" ") == 1:
        first, _, second = str.__str__(value).partition(" ")
        number, currency = (second, first) if _CODE.fullmatch(first) else (first, second)
    else:
        raise ValueError(f"{named(value)} is no amount such as '12.50 EUR'")
    if not isinstance(number, str) or not isinstance(currency, str) or len(number) > 40 or (found := _FORM.fullmatch(number)) is None:
        raise ValueError(f"{named(value)} is no amount such as '12.50 EUR'")
    if currency not in DIGITS:
        raise ValueError(f"{show(currency)} is no currency of ISO 4217 in capital letters")
    if len(found[2] or "") > DIGITS[currency]:
        raise ValueError(f"{show(number)} has more digits after the point than {currency}, which has {DIGITS[currency]}")
    amount = Decimal(number)
    if not amount:
        raise ValueError("an amount of nothing is no payment")
    return Money(amount, currency)


def named(value: object) -> str:
    """A value for a reason: text as it is, anything else by its sort, because it may be deep."""
    return show(value) if isinstance(value, str) else "null" if value is None else f"a {type(value).__name__}"


def spelled(value: object) -> Money | None:
    """The amount of a canonical text, None for any other value."""
    try:
        found = money(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found is not None and str(found) == value else None
