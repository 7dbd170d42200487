"""Who is paid: an IBAN (ISO 13616) in capital letters without blanks, or the id that a payment service gave an account, exactly.

>>> canonical("de89 3704 0044 0532 0130 00"), canonical("acct_1A2b3C")
('DE89370400440532013000', 'acct_1A2b3C')
>>> canonical("DE88370400440532013000")
Traceback (most recent call last):
ValueError: 'DE88370400440532013000' looks like an IBAN, and its check digits are wrong
"""

from __future__ import annotations

import re
from typing import Final

from gate.constraint import show

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@+-]{1,99}", re.ASCII)
_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", re.ASCII)
_LIKE_IBAN: Final = re.compile(r"[A-Za-z]{2}[0-9]{2}[A-Za-z0-9 ]*", re.ASCII)
LENGTHS: Final = {
    entry[:2]: int(entry[2:])
    for entry in """
AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22
GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31
MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24
XK20 YE30
""".split()
}
"""Characters of an IBAN by country: the registry of ISO 13616."""


def canonical(value: object) -> str:
    """The one spelling of a payee; ValueError says what is refused."""
    if not isinstance(value, str) or not 2 <= len(value) <= 100 or not value.isascii():
        raise ValueError(f"{show(value) if isinstance(value, str) else 'this'} is no IBAN and no account of plain letters and digits")
    text = str.__str__(value)
    if _LIKE_IBAN.fullmatch(text):
        return _iban(text)
    if not _ID.fullmatch(text):
        raise ValueError(f"{show(text)} is no IBAN and no account of plain letters and digits")
    return text


def _iban(text: str) -> str:
    plain = text.upper().replace(" ", "")
    if text != text.strip() or "  " in text or not _IBAN.fullmatch(plain) or LENGTHS.get(plain[:2]) != len(plain):
        raise ValueError(f"{show(text)} looks like an IBAN, and is none of its country's length")
    if int("".join([str(int(char, 36)) for char in plain[4:] + plain[:4]])) % 97 != 1:
        raise ValueError(f"{show(text)} looks like an IBAN, and its check digits are wrong")
    return plain
