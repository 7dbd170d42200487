"""Names: which texts are tool names, and which two a person would take for one.

Names are compared as they are, so they are kept to printable ASCII: nothing needs folding and nothing invisible can hide in one.  What is
left that a reader mixes up is small: case, the marks between words, `0` and `O`, `1`, `l` and `I`, `rn` and `m`, `vv` and `w`.  `skeleton`
gives two such names one form (the idea of UTS 39, section 4); a gate has no two tools of one skeleton.

>>> skeleton("files.read") == skeleton("Files_Read"), skeleton("pay_l") == skeleton("pay-1"), skeleton("pay") == skeleton("play")
(True, True, False)
>>> odd_characters("p\u0430y\u200b")
'U+0430 CYRILLIC SMALL LETTER A, U+200B ZERO WIDTH SPACE'
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from gate.errors import ConfigError
from gate.regex import regex

NAME: Final = regex(r"[A-Za-z_][A-Za-z0-9_.:/-]{0,127}", re.ASCII)
_SHOWN: Final = 120
_MARKS: Final = regex(r"[_.:/-]+")
_ALIKE: Final = str.maketrans("01i", "oll")


def check_name(name: str) -> str:
    """The name, if it is one that cannot be mistaken for another; ConfigError names what is wrong with it."""
    if not isinstance(name, str) or not NAME.fullmatch(name):  # pyright: ignore[reportUnnecessaryIsInstance]  # anybody may pass anything
        raise ConfigError(f"{_shown(name)} is no tool name{_odd(name)}; use ASCII letters, digits and _ . : / -, at most 128")
    return name


def unknown_name(name: object, known: Iterable[str]) -> str:
    """Why `name` is refused, naming look-alike and invisible characters, so that a person sees what a machine compared."""
    odd = _odd(name)
    if not odd and isinstance(name, str) and (near := looks_like(name, known)):
        odd = f" ('{near}' is another name)"
    return f"there is no tool {_shown(name)}{odd}"


@lru_cache(maxsize=4096)
def skeleton(name: str) -> str:
    """The form that all names have in common which a reader may take for this one."""
    folded = _MARKS.sub("_", name.casefold()).translate(_ALIKE)
    return folded.replace("rn", "m").replace("vv", "w")


def looks_like(name: str, known: Iterable[str]) -> str:
    """The first of the known names, other than this very one, that a reader may take for it; "" when there is none."""
    form = skeleton(name.strip()) if len(name) <= 256 else ""
    return next((other for other in known if other != name and skeleton(other) == form), "")


def odd_characters(text: str) -> str:
    """Those characters of a text that are not printable ASCII, the first three of them, by code point and name."""
    odd = dict.fromkeys(c for c in text[:1024] if not " " <= c <= "~")
    return ", ".join([f"U+{ord(c):04X} {unicodedata.name(c, '')}".rstrip() for c in list(odd)[:3]])


def check_written(name: str) -> str:
    """A tool's name or pattern as a rule or a grant names it; ValueError for what a reader cannot see, or would take for another letter."""
    if odd := odd_characters(name):
        raise ValueError(f"{_shown(name)} names no tool: it holds {odd}")
    return name


def _odd(name: object) -> str:
    odd = odd_characters(name) if isinstance(name, str) else ""
    return f" (it holds {odd})" if odd else ""


def _shown(name: object) -> str:
    text = ascii(name[: _SHOWN + 1] if isinstance(name, str) else name)
    length = len(name) + 2 if isinstance(name, str) else len(text)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({length} characters)"
