"""Redaction: what the log says of an argument's value.

A value is in the log in clear only where somebody allowed it, by tool and argument name.  Everywhere else stands

    hmac-sha256:<base64url, no padding, of HMAC-SHA256(key, JCS(value))>

which tells nobody what the value was, but lets whoever has the key ask whether a value they know appears (`commitment`).  JCS is RFC 8785, so
the same value gives the same commitment in every tool and under every name.  The key never leaves the gate's key folder.

The digest of a call is a plain hash over its arguments, and a short secret could be found from it by trying; so when any argument of a
call is redacted, the digest in its record is replaced by a commitment to the digest.  Reasons quote values; in the log they are concealed.

>>> redactor = Redactor(b"k" * 32, clear={"mail.send": ["subject"]})
>>> redactor.arguments("mail.send", {"subject": "hello", "to": "ann@example.com"})[0]
'{"subject":"hello","to":"hmac-sha256:XWvcmk5ItFAEt9trE1Sok3aNLvEUc4iFgSqw9uNgLNA"}'
>>> redactor.conceal(["argument 'to': 'ann@example.com' is not 'bob'"], "mail.send", {"to": "ann@example.com"})
("argument 'to': '<hidden>' is not 'bob'",)
>>> redactor.commitment("ann@example.com")
'hmac-sha256:XWvcmk5ItFAEt9trE1Sok3aNLvEUc4iFgSqw9uNgLNA'
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from json import JSONEncoder
from json.encoder import encode_basestring
from typing import Final

from gate.call import b64url, canonical
from gate.frozen import Frozen, thaw

PREFIX: Final = "hmac-sha256:"
BLOCK: Final = 64
_INNER: Final = bytes([byte ^ 0x36 for byte in range(256)])  # RFC 2104 section 2
_OUTER: Final = bytes([byte ^ 0x5C for byte in range(256)])
EVERY: Final = "*"
HIDDEN: Final = "<hidden>"
WORD: Final = 4
START: Final = 12
MOST_NUMBERS: Final = 4096
_ENCODE: Final = JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


class Redactor:
    """Decides what of a call's arguments the log shows.

    secret: at least 16 random bytes.  clear: tool -> argument names in clear; "*" as a tool means every tool, as a name every argument.
    """

    def __init__(self, secret: bytes, clear: Mapping[str, Iterable[str]] | None = None) -> None:
        if len(secret) < 16:
            raise ValueError("the key of the log's redaction needs at least 16 bytes")
        key = (secret if len(secret) <= BLOCK else sha256(secret).digest()).ljust(BLOCK, b"\0")
        self._inner = sha256(key.translate(_INNER))  # copied for each value: half the cost of the module `hmac`
        self._outer = sha256(key.translate(_OUTER))
        self._clear = {tool: frozenset(names) for tool, names in (clear or {}).items()}
        self._by_tool: dict[str, frozenset[str]] = {}
        self._numbers: dict[int, str] = {}  # no text: a secret should not stay in memory for this
        self._words: dict[bool | None, str] = {word: f'"{self.commitment(word)}"' for word in (None, True, False)}

    @classmethod
    def off(cls) -> Redactor:
        """Shows everything."""
        return cls(bytes(16), clear={EVERY: [EVERY]})

    def clear(self, tool: str) -> frozenset[str]:
        """The argument names of the tool that are shown; holds "*" when all are."""
        names = self._by_tool.get(tool)
        if names is None:
            names = self._clear.get(tool, frozenset()) | self._clear.get(EVERY, frozenset())
            if len(self._by_tool) < 10_000:
                self._by_tool[tool] = names
        return names

    def arguments(self, tool: str, arguments: Mapping[str, Frozen]) -> tuple[str, bool]:
        """The JSON object for the log, and whether anything in it is redacted."""
        names = self.clear(tool)
        if EVERY in names:
            return "{" + ",".join([f"{encode_basestring(name)}:{_plain(value)}" for name, value in arguments.items()]) + "}", False
        hidden = False
        parts: list[str] = []
        for name, value in arguments.items():
            if name in names:
                text = _plain(value)
            else:
                hidden = True
                text = (self._numbers.get(value) if type(value) is int else None) or self._quoted(value)
            parts.append(f"{encode_basestring(name)}:{text}")
        return f"{{{','.join(parts)}}}", hidden

    def conceal(self, texts: Iterable[str], tool: str, arguments: Mapping[str, Frozen]) -> tuple[str, ...]:
        """Texts about a call (reasons, a remedy) without the values of its redacted arguments, which stand as <hidden>.

        A value is found as it is, as a reason quotes it, or by how it begins where the reason cut it. A text that tells it in other words
        is not found: a kind should not put into words what its argument is.
        """
        names = self.clear(tool)
        hidden = () if EVERY in names else tuple([leaf for name, value in arguments.items() if name not in names for leaf in _leaves(value)])
        return tuple([_concealed(text, hidden) for text in texts]) if hidden else tuple(texts)

    def commitment(self, value: object) -> str:
        """What stands in the log for `value` (plain data) where it is redacted. ValueError for what is no JSON data."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(canonical(value))
        outer.update(inner.digest())
        return PREFIX + b64url(outer.digest())

    def _quoted(self, value: Frozen) -> str:
        if value is None or value is True or value is False:
            return self._words[value]
        if type(value) is not int:
            return f'"{self.commitment(value if type(value) is str else thaw(value))}"'
        text = f'"{self.commitment(value)}"'
        if len(self._numbers) < MOST_NUMBERS:
            self._numbers[value] = text
        return text


def _plain(value: Frozen) -> str:
    return encode_basestring(value) if type(value) is str else _ENCODE(thaw(value))


def _leaves(value: Frozen) -> Iterator[str]:
    """The texts and numbers in a value, longest way to write them first."""
    if isinstance(value, tuple):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield name
            yield from _leaves(item)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def _concealed(text: str, hidden: Iterable[str]) -> str:
    forms = {form for leaf in hidden for form in (leaf, repr(leaf)[1:-1], ascii(leaf)[1:-1]) if form}
    for form in sorted(forms, key=len, reverse=True):
        if len(form) >= WORD:
            text = text.replace(form, HIDDEN)
        else:  # a short one would be found inside words
            text = re.sub(rf"(?<![\w.-]){re.escape(form)}(?![\w-])", HIDDEN, text)
        if len(form) >= START and (start := text.find(form[:START])) >= 0:
            text = f"{text[:start]}{HIDDEN}"
    return text
