r"""Marked: a text as segments, so that a renderer can show plainly what a reader would not see, or would take for something else.

A segment is plain text, or marked: "unseen" for a character that shows as nothing, steers the screen or changes the order of what is read
(controls, bidirectional and invisible characters, marks stacked on a letter), written as its backslash escape; "blank" for a tab, a carriage
return or a space at the end of a line, also as its escape; "alike" for letters that pass for others.  Whatever is in a text, the text of its
segments is printable and of one line.

>>> marked("evil\u202etxt ")
(Segment(text='evil', mark=''), Segment(text='\\u202e', mark='unseen'), Segment(text='txt', mark=''), Segment(text='\\x20', mark='blank'))
>>> plain(marked("two\nlines"))
'two\\nlines'
>>> notes("see https://p\u0430ypal.com/")
("'p\u0430ypal.com' has letters of several scripts that look alike (CYRILLIC, LATIN)",)
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby, islice
from operator import itemgetter
from typing import Final, Literal, NamedTuple, TypeAlias

from gate.shown import visible

Mark: TypeAlias = Literal["", "unseen", "blank", "alike"]
MOST_NOTES: Final = 5
_WORDS: Final = re.compile(r"(?:(?<=//)|(?<=@))[^\s/:?#@\\]+|[^\W_](?:[\w.@-]*[\w])?")
_LABELS: Final = re.compile(r"[^\W_]+")
_TOGETHER: Final = frozenset({"CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC", "KATAKANA-HIRAGANA", "HALFWIDTH"})
_SIGNS: Final = frozenset({"MICRO", "FEMININE", "MASCULINE", "SUPERSCRIPT", "MODIFIER"})
_LIKE_LATIN: Final = frozenset("авеѕіјкмнорԛгтѵԝхуһӏԁьАВЕЅІЈКМНОРԚСТѴԜХУҺӀԀЬсЗзбαβγεηικνορτυχωϲΑΒΕΖΗΙΚΜΝΟΡΤΥΧօոսցհյքԱՍՕՏաᴀʙᴄᴅᴇɢʜɪᴊᴋʟᴍɴᴏᴘʀᴛᴜᴠᴡʏᴢ")
_OVERLAYS: Final = frozenset(map(chr, (*range(0x334, 0x339), 0x20D2, 0x20D3, 0x20D8, 0x20D9, 0x20DA, *range(0x20DD, 0x20E1), *range(0x20E2, 0x20F0))))


class Segment(NamedTuple):
    """A part of a line: printable text, and why it stands out."""

    text: str
    mark: Mark = ""


Line: TypeAlias = tuple[Segment, ...]


def marked(text: str) -> Line:
    """A text as one line of segments; nothing of it is left out."""
    if text.isascii() and text.isprintable() and not text.endswith(" "):
        return (Segment(text),) if text else ()
    return tuple([Segment("".join([shown for _, shown in group]), mark) for mark, group in groupby(_characters(text), key=itemgetter(0))])


def printable(text: str) -> Line:
    """A text of any size as one line without marks, escaped all the same."""
    return (Segment(visible(text)),)


def plain(line: Line) -> str:
    """What a reader sees of a line."""
    return "".join([segment.text for segment in line])


def notes(text: str) -> tuple[str, ...]:
    """What the engine says about a text: which characters a reader would not see, which words pass for others; at most five of these."""
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable() and "xn--" not in text.casefold():
        return ()
    said = [f"'{_short(word)}' {why}" for word, why in dict.fromkeys(islice(_suspects(text), 200))]
    more = (f"and {len(said) - MOST_NOTES} more words like these",) if len(said) > MOST_NOTES else ()
    return (*_unseen(text), *said[:MOST_NOTES], *more)


def _characters(text: str) -> Iterator[tuple[Mark, str]]:
    """Each character as it is shown, with its mark."""
    end = len(text.rstrip(" \r\t"))
    alike = set[int]() if text.isascii() else {at for start, stop in _spans(text) for at in range(start, stop)}
    stacked = 0
    for at, c in enumerate(text):
        mark, shown, stacks = _alone(c)
        stacked = stacked + 1 if stacks else 0
        if at >= end and c in " \r":
            yield "blank", "\\x20" if c == " " else shown
        elif stacked > 2 or (stacks and at == 0):
            yield "unseen", c.encode("unicode_escape").decode()
        else:
            yield "alike" if not mark and at in alike else mark, shown


@lru_cache(maxsize=65536)
def _alone(c: str) -> tuple[Mark, str, bool]:
    """A character wherever it stands: its mark, how it is shown, whether it is drawn onto the one before it."""
    shown = visible(c) if c not in _OVERLAYS else c.encode("unicode_escape").decode()
    return "" if shown == c else "blank" if c == "\t" else "unseen", shown, unicodedata.category(c) in {"Mn", "Me"}


def _unseen(text: str) -> Iterator[str]:
    """The note about characters that are shown as escapes, and the one about letters that run from right to left."""
    odd = [c for line in text.split("\n") for mark, c in _characters(line) if mark == "unseen"]
    if odd:
        names = [
            f"U+{ord(c):04X} {unicodedata.name(c, '')}".rstrip() for c in (one.encode().decode("unicode_escape") for one in dict.fromkeys(odd[:100]))
        ]
        more = ", …" if len(names) > 3 else ""
        yield f"{len(odd)} character{'' if len(odd) == 1 else 's'} that a reader would not see, written as escapes: {', '.join(names[:3])}{more}"
    if any(unicodedata.bidirectional(c) in {"R", "AL", "AN"} for c in set(text)):
        yield "letters that are read from right to left: their order on the screen may not be their order in the call"


def _suspects(text: str) -> Iterator[tuple[str, str]]:
    for found in _WORDS.finditer(text):
        if why := _alike(found[0], host=text[max(found.start() - 1, 0) : found.start()] in {"/", "@"}):
            yield found[0], why


def _spans(text: str) -> list[tuple[int, int]]:
    """Where the words with letters that pass for others stand."""
    return [found.span() for found in _WORDS.finditer(text) if not found[0].isascii() and _alike(found[0], host=False)]


@lru_cache(maxsize=4096)
def _alike(word: str, *, host: bool) -> str:
    """Why a word may be taken for another one; "" when it may not."""
    if "xn--" in word.casefold():
        return f"is a name in Punycode, '{_short(_decoded(word))}' in letters"
    if word.isascii():
        return ""
    if unicodedata.normalize("NFKC", word).isascii():
        return f"is written in other letters than '{_short(unicodedata.normalize('NFKC', word))}'"
    for label in _LABELS.findall(word):
        if len(scripts := _scripts(label)) > 1 and not scripts - {"LATIN"} <= _TOGETHER:
            return f"has letters of several scripts that look alike ({', '.join(sorted(scripts))})"
    if any(label.isalpha() and not label.isascii() and set(label) <= _LIKE_LATIN for label in _LABELS.findall(word)):
        return "has letters that look like Latin ones and are not"
    return "is a name with letters outside ASCII" if host and _scripts(word) else ""


def _scripts(label: str) -> frozenset[str]:
    """The scripts of the letters of a word, by the first word of the letters' names."""
    return frozenset([script for c in set(label) if c.isalpha() for script in [unicodedata.name(c, "?").split(" ", 1)[0]]]) - _SIGNS


def _decoded(word: str) -> str:
    try:
        return ".".join([part[4:].encode().decode("punycode") if part.casefold().startswith("xn--") else part for part in word.split(".")])
    except (UnicodeError, ValueError):
        return word


def _short(word: str) -> str:
    shown = visible(word[:80])
    return shown if len(word) <= 80 else f"{shown}…"
