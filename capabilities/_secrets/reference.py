"""A reference to a secret, `{secret:NAME}`: what an agent writes where a value is to be put in later, which it never sees.

A name is lower-case words of letters and digits, joined by `-`, `_` or `.`, at most 64 characters.  What looks like a value and not like a name
is refused, and the refusal does not repeat it: it may be the secret itself.

>>> references("Bearer {secret:github-token}")
('github-token',)
>>> name("ghp_16C7e42F292c6912E7710c838347Ae178B4a")
Traceback (most recent call last):
ValueError: this looks like a secret itself (40 characters, not shown); name it, such as 'github-token'
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

LONGEST: Final = 64
HOST: Final = re.compile(r"[a-z0-9.:-]{1,253}", re.ASCII)
TEXT: Final = 100_000  # characters of a text that may hold references
_MOST: Final = 100
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:[-_.][a-z0-9]+)*", re.ASCII)
_REFERENCE: Final = re.compile(r"\{secret:([^{}]{0,200})\}")
_OPENING: Final = re.compile(r"\{\s*secret\s*:", re.IGNORECASE)
_KNOWN: Final = re.compile(
    r"(?:gh[pousr]_|github_pat_|glpat-|sk[-_]|pk_|rk_|xox[abeprs]-|akia|asia|aiza|ya29\.|eyj|npm_|pypi-|hf_|shpat_|dop_v1_|sg\.|whsec_|-----begin)"
    r"[a-z0-9_.+/=-]{12,}|-----begin|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    re.IGNORECASE,
)
_RUN: Final = re.compile(r"[A-Za-z0-9+/=]{20,}")


def name(value: object) -> str:
    """The name; ValueError for anything else, without showing what may be a secret."""
    if not isinstance(value, str):
        raise ValueError(f"the name of a secret is text, not {'null' if value is None else f'a {type(value).__name__}'}")
    if looks_secret(value):
        raise ValueError(f"this looks like a secret itself ({len(value)} characters, not shown); name it, such as 'github-token'")
    if len(value) > LONGEST or not _NAME.fullmatch(value):
        raise ValueError(f"this is no name of a secret ({len(value)} characters, not shown); write lower-case words, such as 'github-token'")
    return str.__str__(value)


def looks_secret(text: str) -> bool:
    """Whether a text is more likely a value than a name: a known beginning, or a long run that mixes letters and digits."""
    if _KNOWN.match(text[:200]):
        return True
    return any(any(c.isdigit() for c in run[0]) and any(c.isalpha() for c in run[0]) for run in _RUN.finditer(text[:2000]))


def references(text: str) -> tuple[str, ...]:
    """The names that a text refers to, in order and each once; ValueError for something that begins like a reference and is none."""
    opened = len(_OPENING.findall(text)) if "{" in text else 0
    if opened > _MOST:
        raise ValueError(f"more than {_MOST} references to secrets")
    written: list[str] = _REFERENCE.findall(text) if opened else []
    found = tuple(dict.fromkeys(name(one) for one in written))
    if opened != len(written):
        raise ValueError("something in it begins like a reference to a secret and is none; write '{secret:NAME}'")
    return found


def filled(text: str, value: Callable[[str], str]) -> str:
    """The text with every reference replaced by what `value` gives for its name; replaced values are not looked at again."""
    references(text)
    return _REFERENCE.sub(lambda found: value(name(found[1])), text)
