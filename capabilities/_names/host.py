r"""A host name in its one form, for addresses and remotes: lower case, A-labels, at least two labels.

Refused, because programs or people read them differently: addresses in brackets or as numbers, dots at the end, percent signs, labels of
mixed scripts (`paypal` with one Cyrillic letter; the restriction level "highly restrictive" of UTS 39, section 5.2, by the names that Unicode
gives its letters).  A name of one foreign script is taken, and shown as its A-label.

>>> host("Mail.EXAMPLE.com"), host("bücher.example")
('mail.example.com', 'xn--bcher-kva.example')
>>> host("p\u0430ypal.com")
Traceback (most recent call last):
ValueError: the host 'p\u0430ypal.com' mixes the scripts Cyrillic and Latin
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

LONGEST: Final = 253
_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_EAST: Final = (
    frozenset(["LATIN", "CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"]),
    frozenset(["LATIN", "CJK", "HANGUL"]),
    frozenset(["LATIN", "CJK", "BOPOMOFO"]),
)


def host(text: str) -> str:
    """The name; ValueError says why it is refused."""
    if not text or len(text) > LONGEST:
        raise ValueError("the host is missing" if not text else f"the host is {len(text)} characters long; at most {LONGEST} are taken")
    return _host(text)


@lru_cache(maxsize=4096)
def _host(text: str) -> str:
    name = text.lower() if text.isascii() else _encoded(text)
    labels = name.split(".")
    if len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels) or len(name) > LONGEST:
        raise ValueError(f"the host {ascii(text)[:90]} is no public name such as 'example.com'")
    if _NUMBER.fullmatch(labels[-1]):
        raise ValueError(f"the host {ascii(text)[:90]} is a number, not a name")
    for label in labels:
        if label.startswith("xn--") or label[2:4] == "--":
            _check_scripts(_decoded(label, text), text)
    return name


def _encoded(text: str) -> str:
    """The A-labels of a name; only one that is valid as it stands, without any mapping (IDNA 2008, RFC 5891)."""
    import idna  # comes with httpx; only names that are not plain ASCII need it

    if any(dot in text for dot in "\u3002\uff0e\uff61"):
        raise ValueError(f"the host {ascii(text)[:90]} holds a dot that is none")
    try:
        return idna.encode(text, uts46=False, std3_rules=True, transitional=False).decode()
    except (idna.IDNAError, UnicodeError):
        raise ValueError(f"the host {ascii(text)[:90]} is no valid international name") from None


def _decoded(label: str, text: str) -> str:
    import idna  # as above

    try:
        return idna.decode(label)
    except (idna.IDNAError, UnicodeError):
        raise ValueError(f"the host {ascii(text)[:90]} holds the label '{label}', which is no valid international one") from None


def _check_scripts(label: str, text: str) -> None:
    scripts = frozenset(unicodedata.name(c, "UNKNOWN").split(" ")[0] for c in label if c.isalpha())
    if len(scripts) > 1 and not any(scripts <= together for together in _EAST):
        raise ValueError(f"the host {ascii(text)[:90]} mixes the scripts {' and '.join(sorted(script.title() for script in scripts))}")
