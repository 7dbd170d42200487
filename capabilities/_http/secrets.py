r"""Secrets by reference: their values are put in after a call was decided, for the hosts they are bound to, and taken out of the answer.

The agent, the question, the log and the result hold `{secret:github}`.  A value that a server sends back is replaced by its reference, as
it is and in the spellings that servers use: each letter as such or escaped for a URL, JSON or HTML, all of it in base64, hexadecimal or
UTF-16, and for a value that is base64 itself, what it says.  A server that is told a secret can spell it in a way that nobody knows: bind
secrets to hosts that you trust with them.

>>> scrub = Scrubber({"github": "ghp_0123456789"})
>>> scrub.feed(b"you sent ghp_01234") + scrub.feed(b"56789, thanks") + scrub.end()
b'you sent {secret:github}, thanks'
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from capabilities._http.constraint import UrlConstraint
from capabilities._http.headers import REFERENCE, references
from capabilities._http.url import Url
from gate.regex import regex

SHORTEST: Final = 8
_LONGEST: Final = 4096
_LETTER: Final = 8  # the longest spelling of one
_ENTITIES: Final = {'"': ("quot",), "&": ("amp",), "'": ("apos",), "<": ("lt",), ">": ("gt",), "/": ("sol",), "+": ("plus",), "=": ("equals",)}
_VALUE: Final = regex(r"[!-~]([!-~ ]*[!-~])?")


class Secret(NamedTuple):
    """A value, or a function that gives it when it is needed, and the requests that it is for."""

    value: str | Callable[[], str]
    hosts: UrlConstraint


class Vault:
    """The secrets that a tool may put in: name → secret."""

    def __init__(self, secrets: Mapping[str, Secret]) -> None:
        if odd := [name for name in secrets if not REFERENCE.fullmatch(f"{{secret:{name}}}")]:
            raise ValueError(f"{ascii(odd[0])[:80]} is no name of a secret; use lower-case letters, digits, '.', '_' and '-'")
        self._secrets = dict(secrets)

    def refused(self, name: str, method: str, url: Url) -> str:
        """Why a secret may not go with a request, "" when it may."""
        secret = self._secrets.get(name)
        if secret is None:
            return f"there is no secret '{name}' here"
        if not secret.hosts.check({"method": method, "url": str(url)}):
            return f"the secret '{name}' is not for {method} {url.scheme}://{url.host}"
        return ""

    def put_in(self, headers: Mapping[str, str], method: str, url: Url) -> tuple[dict[str, str], Scrubber]:
        """The headers as they are sent, and what takes the values out of the answer; ValueError for a secret that is not for this request."""
        values: dict[str, str] = {}
        for name in dict.fromkeys(name for value in headers.values() for name in references(value)):
            if why := self.refused(name, method, url):
                raise ValueError(why)
            values[name] = self._value(name)
        sent = {header: REFERENCE.sub(lambda found: values[found[1]], value) for header, value in headers.items()}
        return sent, Scrubber(values)

    def _value(self, name: str) -> str:
        given = self._secrets[name].value
        try:
            value = given() if callable(given) else given
        except Exception as error:  # its text might say what must not be said
            raise ValueError(f"the secret '{name}' could not be had: {type(error).__name__}") from None
        if type(value) is not str or not SHORTEST <= len(value) <= _LONGEST or not _VALUE.fullmatch(value):
            raise ValueError(f"the secret '{name}' is no printable text of {SHORTEST} to {_LONGEST} characters")
        return value


class Scrubber:
    """Replaces values by their references in a stream of bytes, also where a value is cut in two by chunks."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._spelled = [(name, [_letter(letter) for letter in text]) for name, value in values.items() for text in (value, *_said(value))]
        self._fixed = {form.lower(): name for name, value in values.items() for text in (value, *_said(value)) for form in _forms(text)}
        spelled = [b"".join(b"(?:%s)" % b"|".join(map(re.escape, letter)) for letter in letters) for _, letters in self._spelled]
        fixed = sorted(map(re.escape, self._fixed), key=len, reverse=True)
        self._names = [name for name, _ in self._spelled] + [""] * len(fixed)
        self._pattern = re.compile(b"|".join(b"(%s)" % one for one in (*spelled, *fixed)), re.IGNORECASE) if values else None
        self._kept = b""

    def feed(self, data: bytes) -> bytes:
        """What of the stream so far may be passed on; the beginning of what may become a value is kept back."""
        if self._pattern is None:
            return data
        clean = self._replaced(self._kept + data)
        held = self._held(clean.lower())
        self._kept = clean[len(clean) - held :]
        return clean[: len(clean) - held]

    def end(self) -> bytes:
        """What was kept back."""
        kept, self._kept = self._kept, b""
        return kept

    def text(self, value: str) -> str:
        """A whole text without the values."""
        return value if self._pattern is None else self._replaced(value.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")

    def _replaced(self, data: bytes) -> bytes:
        if self._pattern is None:
            return data
        return self._pattern.sub(lambda found: b"{secret:%s}" % self._name(found).encode(), data)

    def _name(self, found: re.Match[bytes]) -> str:
        return self._names[(found.lastindex or 1) - 1] or self._fixed[found[0].lower()]

    def _held(self, lower: bytes) -> int:
        """How many bytes at the end could be the beginning of a value."""
        longest = 0
        for form in self._fixed:
            for size in range(min(len(form) - 1, len(lower)), longest, -1):
                if lower.endswith(form[:size]):
                    longest = size
                    break
        for _, letters in self._spelled:
            most = sum(max(map(len, letter)) for letter in letters)
            firsts = {spelling[0] for spelling in letters[0]}
            for start in range(max(0, len(lower) - most), len(lower) - longest):
                if lower[start] in firsts and _begins(lower, start, letters):
                    longest = len(lower) - start
                    break
        return longest


def _begins(data: bytes, start: int, letters: list[list[bytes]]) -> bool:
    """Whether everything from `start` on is the beginning of a value in some spelling of its letters."""
    places = {start}  # several, as a backslash may be one letter or the half of one
    for letter in letters:
        reached = set[int]()
        for place in places:
            rest = data[place : place + _LETTER]
            if any(spelling.startswith(rest) for spelling in letter if len(spelling) > len(rest)):
                return True
            reached.update(place + len(spelling) for spelling in letter if rest.startswith(spelling))
        if len(data) in reached:
            return True
        places = reached
        if not places:
            return False
    return False


def _letter(letter: str) -> list[bytes]:
    """A printable ASCII character as URLs, JSON, HTML and programs write it, the longest first; in lower case."""
    code = ord(letter)
    made = {letter, f"%{code:02x}", f"%25{code:02x}", f"\\u{code:04x}", f"\\x{code:02x}", f"&#{code};", f"&#{code:03};", f"&#x{code:x};"}
    if not letter.isalnum():
        made |= {f"\\{letter}", f"\\\\{letter}", "+" if letter == " " else letter, *(f"&{name};" for name in _ENTITIES.get(letter, ()))}
    return sorted((spelling.lower().encode() for spelling in made), key=len, reverse=True)


def _forms(text: str) -> Iterator[bytes]:
    """A text in the spellings that have no letters of their own."""
    data = text.encode()
    yield from (text.encode("utf-16-le"), text.encode("utf-16-be"), data.hex().encode())
    for shift in range(3):
        # what is the same however the text lies in the three bytes of a group
        encoded = base64.b64encode(b"\0" * shift + data)[(0, 2, 3)[shift] : (-4 if (shift + len(data)) % 3 else None)]
        if len(encoded) >= SHORTEST:
            yield from (encoded, encoded.replace(b"+", b"-").replace(b"/", b"_"))


def _said(value: str) -> list[str]:
    """What a value in base64 says, and its part after a colon: user and password of RFC 7617."""
    try:
        text = base64.b64decode(value, validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return []
    parts = [text, text.partition(":")[2]] if text.isprintable() else []
    return [part for part in parts if len(part) >= SHORTEST]
