r"""Shown: a value as a reason shows it, so that it cannot forge, hide or reorder what a person reads.

>>> shown("evil\u202etxt\n")
"'evil\\u202etxt\\n'"
>>> len(shown("x" * 1000))
219
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from gate.frozen import Frozen, thaw
from gate.regex import regex

LONGEST: Final = 200
MOST: Final = 20
_BLANK: Final = regex("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]").match
"""Letters and marks that count as printable and show as nothing: Default_Ignorable_Code_Point of Unicode, and the empty Braille pattern."""


def shown(value: Frozen) -> str:
    """A value in quotes as Python writes it, everything unprintable escaped (controls, bidirectional and invisible characters), cut at 200."""
    text = repr(value[: LONGEST + 1]) if isinstance(value, str) else repr(thaw(value))
    length = len(value) if isinstance(value, str) else len(text)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({length} characters)"


def plain(text: str) -> str:
    """A text without quotes, everything unprintable escaped, cut at 200."""
    visible = "".join([c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[: LONGEST + 1]])
    return visible if len(text) <= LONGEST else f"{visible[:LONGEST]}… ({len(text)} characters)"


def limited(*groups: Iterable[str]) -> tuple[str, ...]:
    """The reasons of all groups in order, at most 20 and then a count; a long group leaves room for those that come after it."""
    lists = [list(group) for group in groups]
    total = sum(map(len, lists))
    if total <= MOST:
        return tuple([reason for reasons in lists for reason in reasons])
    kept = list[str]()
    for index, reasons in enumerate(lists):
        later = sum(min(len(other), MOST // len(lists)) for other in lists[index + 1 :])
        kept += reasons[: max(MOST - len(kept) - later, 0)]
    return (*kept, f"and {total - len(kept)} more reasons")


class _Escapes(dict[int, str]):
    """For `str.translate`: how each character is shown, found once."""

    def __missing__(self, code: int) -> str:
        c = chr(code)
        self[code] = found = c if c.isprintable() and not _BLANK(c) else c.encode("unicode_escape").decode()
        return found


_ESCAPES: Final = _Escapes()


def visible(text: str) -> str:
    """The text with everything a reader cannot see, or that reorders what they see, written as backslash escapes."""
    return text if text.isascii() and text.isprintable() else text.translate(_ESCAPES)


def utc(seconds: float) -> str:
    """A time as people read it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def lasting(seconds: float) -> str:
    """A span of time in its two largest units, "14 min 59 s"."""
    left = max(round(seconds), 0)
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])
